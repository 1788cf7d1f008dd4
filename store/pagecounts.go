package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	bolt "go.etcd.io/bbolt"
)

// The index of links has an entry for a target in each part that names it. So
// that all pages can be asked for without looking into each part for each of
// them, what the entries of a page come to is kept once more, by its number:
//
//	counts  run, n (4) -> of the pages from number 64 n on, each: number of links to
//	                      it in pages, in sitemaps
//	        run        -> Build of the index that it is part of
//
// That is some two bytes a page. A program that knew nothing of it left none, and
// counts are those of the entries then.

// appendCount adds what is kept of a page.
func appendCount(b []byte, n InlinkCount) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(n.Pages)), uint64(n.Sitemaps))
}

// readCounts reads a record into counts, by way of plain, whose memory is used
// again.
func readCounts(counts []InlinkCount, plain, raw []byte) ([]InlinkCount, []byte, error) {
	plain, err := unsealInto(plain, raw)
	if err != nil {
		return counts, plain, err
	}
	r := newReader(plain)
	for r.left() > 0 {
		counts = append(counts, InlinkCount{int(r.number()), int(r.number())})
	}
	if r.bad {
		return counts, plain, errEntry
	}
	return counts, plain, nil
}

// endCounts writes the counts, of an index whose parts are all written.
func (x *indexing) endCounts(ctx context.Context) error {
	if err := x.flush(); err != nil {
		return err
	}
	err := x.pageCounts(ctx, x.run, x.mark.Parts, func(n uint32, plain []byte) error {
		return x.put(bucketCounts, numberKey(x.run, n), seal(plain))
	})
	if err != nil {
		return err
	}
	return x.put(bucketCounts, x.run.key(), binary.BigEndian.AppendUint64(nil, x.mark.Build))
}

// checkCounts holds the counts of pages against the parts of the index.
func (x *indexCheck) checkCounts(ctx context.Context) error {
	run := x.find.run
	head := binary.BigEndian.AppendUint64(nil, x.mark.Build)
	if ours, err := x.holds(bucketCounts, run.key(), head); err != nil || !ours {
		return err // see checkMarks
	}
	err := x.pageCounts(ctx, run, x.mark.Parts, func(n uint32, want []byte) error {
		return x.db.View(func(tx *bolt.Tx) error {
			if plain, err := unseal(rawIn(tx, bucketCounts, numberKey(run, n))); err != nil || !bytes.Equal(plain, want) {
				x.fault("%s: the links to the pages from number %d on are not counted as the index has them", x.name, n*pageStep)
			}
			return nil
		})
	})
	if errors.Is(err, ErrDamaged) {
		return nil // a fault of the entries, which is told with them
	}
	return err
}

// pageCounts tells of the counts of pageStep pages after the other.
func (b *Bolt) pageCounts(ctx context.Context, run RunID, parts uint32, tell func(n uint32, plain []byte) error) error {
	m := merge{run: run, parts: parts, from: run.key()}
	for n := uint32(0); m.from != nil; {
		if err := ctx.Err(); err != nil {
			return err
		}
		blocks, err := b.countBlocks(&m)
		if err != nil {
			return err
		}
		for _, plain := range blocks {
			if err := tell(n, plain); err != nil {
				return err
			}
			n++
		}
	}
	return nil
}

// countBlocks counts as far as one snapshot is read for.
func (b *Bolt) countBlocks(m *merge) (blocks [][]byte, err error) {
	err = b.db.Sweep(func(tx *bolt.Tx) error {
		m.begin(tx)
		for len(blocks) < blocksAtOnce && m.from != nil {
			plain, err := m.block()
			if err != nil {
				return b.named(err)
			}
			if len(plain) > 0 {
				blocks = append(blocks, plain)
			}
		}
		return nil
	})
	return blocks, err
}

// blocksAtOnce is how many blocks of pages one snapshot is read for.
const blocksAtOnce = 16

// merge goes through the pages of a run and all parts of its index at once, for
// all are in the order of keys.
type merge struct {
	run   RunID
	parts uint32
	from  []byte // the key of the next page; nil: there is none
	pages *bolt.Cursor
	at    []partCursor
	plain []byte
}

// partCursor is at an entry of a part.
type partCursor struct {
	*bolt.Cursor
	part       []byte // what its keys begin with
	key, value []byte // key is nil behind the last
}

// begin begins to read a snapshot where the last one was left.
func (m *merge) begin(tx *bolt.Tx) {
	pages, entries := tx.Bucket(bucketPages), tx.Bucket(bucketInlinks)
	if pages == nil || entries == nil && m.parts > 0 { // no page was ever put, or all is lost
		m.from = nil
		return
	}
	m.pages, m.at = pages.Cursor(), m.at[:0]
	for part := range m.parts {
		p := partCursor{Cursor: entries.Cursor(), part: numberKey(m.run, part)}
		p.seek(m.from[runSize:])
		m.at = append(m.at, p)
	}
}

// block counts the links to the next pageStep pages.
func (m *merge) block() (counts []byte, err error) {
	k, _ := m.pages.Seek(m.from)
	for range pageStep {
		if !bytes.HasPrefix(k, m.run.key()) {
			m.from = nil
			return counts, nil
		}
		n, err := m.count(k[runSize:])
		if err != nil {
			return nil, err
		}
		counts = appendCount(counts, n)
		k, _ = m.pages.Next()
	}
	m.from = nil
	if bytes.HasPrefix(k, m.run.key()) {
		m.from = bytes.Clone(k)
	}
	return counts, nil
}

// count adds up what the parts have of a page.
func (m *merge) count(key []byte) (sum InlinkCount, err error) {
	for i := range m.at {
		p := &m.at[i]
		if !p.reach(key) {
			continue
		}
		var n InlinkCount
		if n, m.plain, err = totals(m.plain, p.value); err != nil {
			return sum, err
		}
		sum.Pages, sum.Sitemaps = sum.Pages+n.Pages, sum.Sitemaps+n.Sitemaps
	}
	return sum, nil
}

// totals reads both totals of an entry, as readEntry does, and nothing else.
func totals(room, raw []byte) (n InlinkCount, plain []byte, err error) {
	if plain, err = unsealInto(room, raw); err != nil {
		return n, plain, err
	}
	pages, i := binary.Uvarint(plain)
	sitemaps, j := binary.Uvarint(plain[max(i, 0):])
	if i <= 0 || j <= 0 {
		return n, plain, errEntry
	}
	return InlinkCount{int(pages), int(sitemaps)}, plain, nil
}

// maxSteps is how many entries a cursor goes by before it looks where to go: links
// may lead to more that is no page than there are pages.
const maxSteps = 8

// reach goes on to the entry of a target, and tells whether there is one.
func (p *partCursor) reach(key []byte) bool {
	for range maxSteps {
		if p.key == nil || bytes.Compare(p.key[len(p.part):], key) >= 0 {
			return p.key != nil && bytes.Equal(p.key[len(p.part):], key)
		}
		p.set(p.Next())
	}
	p.seek(key)
	return p.key != nil && bytes.Equal(p.key[len(p.part):], key)
}

func (p *partCursor) seek(key []byte) { p.set(p.Seek(append(bytes.Clone(p.part), key...))) }

func (p *partCursor) set(key, value []byte) {
	if p.key, p.value = key, value; !bytes.HasPrefix(key, p.part) {
		p.key = nil
	}
}
