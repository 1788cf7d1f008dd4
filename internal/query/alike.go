package query

import (
	"encoding/binary"
	"hash/maphash"
	"iter"
	"math/bits"

	"crawl/internal/weburl"
)

// Pages are alike if their texts are long enough to tell, and the simhashes of
// these differ in few bits: maxDistance of 64, so that of nearBands parts one is
// the same.
const (
	maxDistance  = 3
	nearBands    = maxDistance + 1
	bandBits     = 64 / nearBands
	minNearWords = 50
)

// What bounds the memory and the time that it takes to find them: 30 bytes and,
// at the worst, some tens of microseconds a page. What is above is not compared.
const (
	maxNearTexts  = 4_000_000
	maxNearGroups = 100_000
	maxCandidates = 1_000 // texts with the same part that one is held against, the last ones
)

// nearTexts are texts that are not alike, found by their simhashes.
type nearTexts struct {
	hashes []uint64
	heads  [nearBands][]uint32 // by part of a hash: 1 + which has it, the last one
	before [nearBands][]uint32 // by number: 1 + which had the same part before it
}

func newNearTexts() *nearTexts {
	x := &nearTexts{}
	for band := range x.heads {
		x.heads[band] = make([]uint32, 1<<bandBits)
	}
	return x
}

func bandOf(hash uint64, band int) uint16 { return uint16(hash >> (band * bandBits)) }

// find returns the number of one that a text is like, or -1.
func (x *nearTexts) find(hash uint64) int {
	for band := range nearBands {
		at := x.heads[band][bandOf(hash, band)]
		for n := 0; at != 0 && n < maxCandidates; n++ {
			if distance(x.hashes[at-1], hash) <= maxDistance {
				return int(at - 1)
			}
			at = x.before[band][at-1]
		}
	}
	return -1
}

func (x *nearTexts) add(hash uint64) {
	x.hashes = append(x.hashes, hash)
	for band := range nearBands {
		head := &x.heads[band][bandOf(hash, band)]
		x.before[band] = append(x.before[band], *head)
		*head = uint32(len(x.hashes))
	}
}

func distance(a, b uint64) int { return bits.OnesCount64(a ^ b) }

// alikeRow is a page whose text is nearly that of another.
type alikeRow struct {
	run      *runView
	url      weburl.URL
	to       weburl.URL
	distance int
}

func (r *alikeRow) identify(h *maphash.Hash) { writeAll(h, r.run.name, r.url.String()) }

func alikeTable() *Table {
	return &Table{
		Name: "alike", Meaning: "pages that may be listed whose text is nearly that of an earlier one", perRun: true, rows: 1e6,
		Columns: []Column{
			column("run", Text, "the run, as acme@43", func(r *alikeRow) any { return r.run.name }).indexed(Equal),
			column("url", Text, "the address", func(r *alikeRow) any { return r.url.String() }),
			column("alike_to", Text, "the page that it is like: the same for all that are", func(r *alikeRow) any { return r.to.String() }),
			column("distance", Int, "in how many bits, of 64, their near_hash differs: at most 3", func(r *alikeRow) any { return int64(r.distance) }),
		},
		scan: scanAlike,
	}
}

var nearFields = needs("Words Simhash TextHash").With(listableFields)

// longTexts yields the pages of a run that are compared. A row is good until the
// next one.
func (v *runView) longTexts() iter.Seq2[*pageRow, error] {
	return func(yield func(*pageRow, error) bool) {
		row := v.newRow()
		for rec, err := range v.q.db.store.PageRecords(v.q.ctx, v.run.ID, nil) {
			if err != nil {
				yield(nil, err)
				return
			}
			row.reset(rec)
			p := row.get(nearFields)
			if p.Words >= minNearWords && p.Simhash != 0 && row.whyNot(p) == "" && !yield(row, nil) {
				return
			}
		}
	}
}

// nearGroups returns the texts that others are like but not the same. It keeps
// no page of which there is no like, so that many can be compared.
func (v *runView) nearGroups() (*nearTexts, error) {
	all, groups := newNearTexts(), newNearTexts()
	var texts []uint32 // by number: the beginning of their hash
	var found []bool
	for row, err := range v.longTexts() {
		if err != nil {
			return nil, err
		}
		text := binary.BigEndian.Uint32(row.page.TextHash[:])
		switch at := all.find(row.page.Simhash); {
		case at < 0 && len(texts) < maxNearTexts:
			all.add(row.page.Simhash)
			texts, found = append(texts, text), append(found, false)
		case at >= 0 && !found[at] && texts[at] != text && len(groups.hashes) < maxNearGroups:
			found[at] = true
			groups.add(all.hashes[at])
		}
	}
	return groups, nil
}

// nearFirst is the first page of a group.
type nearFirst struct {
	url  weburl.URL
	text [16]byte
}

// scanAlike reads the pages twice: to find out which texts others are like, and
// to say which are.
func scanAlike(s *scan) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		groups, err := s.run.nearGroups()
		if err != nil {
			yield(nil, err)
			return
		}
		first := map[int]*nearFirst{}
		for row, err := range s.run.longTexts() {
			if err != nil {
				yield(nil, err)
				return
			}
			at := groups.find(row.page.Simhash)
			if at < 0 {
				continue
			}
			like := first[at]
			if like == nil {
				first[at] = &nearFirst{row.url(), row.page.TextHash}
				continue
			}
			if like.text != row.page.TextHash && !yield(&alikeRow{s.run, row.url(), like.url, distance(groups.hashes[at], row.page.Simhash)}, nil) {
				return
			}
		}
	}
}
