package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// Beside the index of links there is one of pages by how they were answered,
// and by some of what they have:
//
//	marks  run, "s", status in decimal -> the set of pages
//	       run, "f", fault             -> likewise
//	       run, "k", "external"        -> likewise: those that are KindExternal
//	       run, Mark, bucket           -> likewise: pages whose value falls into it
//	       run                         -> Build of the index that it is part of; how
//	                                      many bits of a value's hash tell its bucket
//
// A bucket is two bytes: the first bits of a hash of the value, see bucketHash. There are so many
// that one has some sixteen pages, if their values differ; who looks there
// compares the values. The index is made and counts as long as that of links. See
// linkset.go for sets.
const (
	markStatus = 's'
	markFault  = 'f'
	markKind   = 'k'
)

// external is the value of the mark of what is out of the scope.
const external = "external"

// Mark is a value of pages that they are found by.
type Mark byte

// Marks.
const (
	MarkTitle   Mark = 't'
	MarkText    Mark = 'x' // TextHash, as bytes
	MarkSection Mark = 'c' // see Section
	MarkDepth   Mark = 'd' // in decimal
)

var allMarks = [...]Mark{MarkTitle, MarkText, MarkSection, MarkDepth}

// of is a page's value.
func (m Mark) of(p *Page) string {
	switch m {
	case MarkTitle:
		return p.Title
	case MarkText:
		return string(p.TextHash[:])
	case MarkSection:
		return Section(p.URL.Path())
	}
	return strconv.Itoa(p.Depth)
}

// Section is the first folder of a path.
func Section(path string) string {
	first, _, more := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !more {
		return "/"
	}
	return "/" + first
}

// maxBucketBits: more than 65,536 buckets there are not.
const maxBucketBits = 16

// bucketHash is what the bucket of a value begins with.
func bucketHash(value string) uint16 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, value) // it never fails
	sum := h.Sum64()                // of short values its first bits say little: they are mixed
	return uint16((sum ^ sum>>32) * 0x9e3779b97f4a7c15 >> 48)
}

// bucketBits is how many buckets so many pages have.
func bucketBits(pages int) int { return min(maxBucketBits, max(0, bits.Len(uint(pages/16)))) }

func bucketKey(m Mark, hash uint16, n int) string {
	return string(binary.BigEndian.AppendUint16([]byte{byte(m)}, hash>>(maxBucketBits-n)<<(maxBucketBits-n)))
}

// marks are the pages of a run by how they were answered, four bytes each, and
// what tells their buckets, two bytes each.
type marks struct {
	answers map[string][]uint32
	hashes  [len(allMarks)][]uint16
}

func newMarks() *marks { return &marks{answers: map[string][]uint32{}} }

// page adds the next page.
func (m *marks) page(p *Page, number uint32) {
	status := markKey(markStatus, strconv.Itoa(p.Status))
	m.answers[status] = append(m.answers[status], number)
	if p.Fault != "" {
		fault := markKey(markFault, p.Fault)
		m.answers[fault] = append(m.answers[fault], number)
	}
	if p.Kind == KindExternal {
		kind := markKey(markKind, external)
		m.answers[kind] = append(m.answers[kind], number)
	}
	for i, mark := range allMarks {
		m.hashes[i] = append(m.hashes[i], bucketHash(mark.of(p)))
	}
}

// head is what makes the marks count.
func (m *marks) head(build uint64) []byte {
	return append(binary.BigEndian.AppendUint64(nil, build), byte(bucketBits(len(m.hashes[0]))))
}

// sets yields all marks by their keys, those of one kind at a time.
func (m *marks) sets() iter.Seq2[string, []uint32] {
	return func(yield func(string, []uint32) bool) {
		kinds := []func() map[string][]uint32{func() map[string][]uint32 { return m.answers }}
		for i := range allMarks {
			kinds = append(kinds, func() map[string][]uint32 { return m.buckets(i) })
		}
		for _, kind := range kinds {
			of := kind()
			for _, key := range slices.Sorted(maps.Keys(of)) {
				if !yield(key, of[key]) {
					return
				}
			}
		}
	}
}

func (m *marks) buckets(i int) map[string][]uint32 {
	n := bucketBits(len(m.hashes[i]))
	of := map[string][]uint32{}
	for number, hash := range m.hashes[i] {
		key := bucketKey(allMarks[i], hash, n)
		of[key] = append(of[key], uint32(number))
	}
	return of
}

func markKey(kind byte, value string) string { return string(kind) + value }

// endMarks writes the marks.
func (x *indexing) endMarks() error {
	for key, numbers := range x.marks.sets() {
		if err := x.put(bucketMarks, x.run.with([]byte(key)), seal(appendSet(nil, numbers))); err != nil {
			return err
		}
	}
	return x.put(bucketMarks, x.run.key(), x.marks.head(x.mark.Build))
}

// checkMarks holds the marks of a run against those that its pages give.
func (x *indexCheck) checkMarks(ctx context.Context) error {
	run := x.find.run.key()
	if ours, err := x.holds(bucketMarks, run, x.marks.head(x.mark.Build)); err != nil || !ours {
		return err // of a program that knew none, or others: they do not count
	}
	want := map[string][]byte{}
	for key, numbers := range x.marks.sets() {
		want[key] = appendSet(nil, numbers)
	}
	found := 0
	err := x.scan(ctx, bucketMarks, run, func(key, value []byte) bool {
		if len(key) == runSize {
			return true
		}
		found++
		plain, err := unseal(value)
		if set, ok := want[string(key[runSize:])]; err != nil || !ok || !bytes.Equal(plain, set) {
			x.fault("%s: the index of pages by status is not what they have: %q", x.name, key[runSize:])
		}
		return true
	})
	if err == nil && found < len(want) {
		x.fault("%s: the index of pages by status has %d entries of %d", x.name, found, len(want))
	}
	return err
}

// HasMarks tells whether a run has marks; see Answered and Marked.
func (b *Bolt) HasMarks(ctx context.Context, run RunID) (bool, error) {
	for _, err := range b.marked(ctx, run, func(*bolt.Cursor, int, func([]byte) error) error { return nil }) {
		if errors.Is(err, ErrNotIndexed) {
			err = nil
		}
		return false, err
	}
	return true, nil
}

// Answered yields the visits of a run for whose status, or for whose fault if
// they have one, wanted is true: it is asked for each by itself. Where these are
// most of them it yields all. It ends with ErrNotIndexed if Indexed is false, or
// the index is of a program that knew no such thing.
func (b *Bolt) Answered(ctx context.Context, run RunID, wanted func(status int, fault string) bool) iter.Seq2[*PageRecord, error] {
	return b.marked(ctx, run, func(c *bolt.Cursor, _ int, add func([]byte) error) error {
		for _, kind := range []byte{markStatus, markFault} {
			prefix := run.with([]byte{kind})
			for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
				if !markWanted(k[runSize:], wanted) {
					continue
				}
				if err := add(v); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Marked yields visits of a run among which are all that have a value; whoever
// asks compares them. Where they may be most of the run's it yields all. It ends
// with ErrNotIndexed as Answered does.
func (b *Bolt) Marked(ctx context.Context, run RunID, m Mark, value string) iter.Seq2[*PageRecord, error] {
	return b.marked(ctx, run, func(c *bolt.Cursor, bits int, add func([]byte) error) error {
		key := run.with([]byte(bucketKey(m, bucketHash(value), bits)))
		if k, v := c.Seek(key); bytes.Equal(k, key) {
			return add(v)
		}
		return nil
	})
}

// External yields visits of a run among which are all that are KindExternal. It
// ends with ErrNotIndexed as Answered does.
func (b *Bolt) External(ctx context.Context, run RunID) iter.Seq2[*PageRecord, error] {
	return b.marked(ctx, run, func(c *bolt.Cursor, _ int, add func([]byte) error) error {
		key := run.with([]byte(markKey(markKind, external)))
		if k, v := c.Seek(key); bytes.Equal(k, key) {
			return add(v)
		}
		return nil
	})
}

// marked yields the visits of the sets that pick adds. It is told of how many
// bits the buckets are.
func (b *Bolt) marked(ctx context.Context, run RunID, pick func(c *bolt.Cursor, bits int, add func(raw []byte) error) error) iter.Seq2[*PageRecord, error] {
	return func(yield func(*PageRecord, error) bool) {
		f, numbers, err := b.markedNumbers(run, pick)
		if err == nil && len(numbers) > f.pages/4 { // to read on is quicker than to look up
			b.PageRecords(ctx, run, nil)(yield)
			return
		}
		for len(numbers) > 0 && err == nil {
			if err = ctx.Err(); err != nil {
				break
			}
			var records []PageRecord
			n := min(len(numbers), recordsAtOnce)
			if records, err = f.records(numbers[:n]); err != nil {
				break
			}
			numbers = numbers[n:]
			for i := range records {
				if !yield(&records[i], nil) {
					return
				}
			}
		}
		if err != nil {
			wrap(&err, "pages of run %d by what they have", run)
			yield(nil, err)
		}
	}
}

// markedFinder finds pages of so many.
type markedFinder struct {
	finder
	pages int
}

// markedNumbers returns the numbers of the pages.
func (b *Bolt) markedNumbers(run RunID, pick func(*bolt.Cursor, int, func([]byte) error) error) (f *markedFinder, numbers []uint32, err error) {
	err = b.db.View(func(tx *bolt.Tx) error {
		x, err := b.indexIn(tx, run)
		if err != nil {
			return err
		}
		head := rawIn(tx, bucketMarks, run.key())
		if len(head) != 9 || binary.BigEndian.Uint64(head) != x.Build || head[8] > maxBucketBits {
			return ErrNotIndexed
		}
		f = &markedFinder{finder{Bolt: b, run: run, build: x.Build}, int(x.Pages)}
		return pick(tx.Bucket(bucketMarks).Cursor(), int(head[8]), func(raw []byte) error {
			numbers, err = appendMarked(numbers, raw, x.Pages)
			return b.named(err)
		})
	})
	slices.Sort(numbers)
	return f, slices.Compact(numbers), err
}

func markWanted(key []byte, wanted func(status int, fault string) bool) bool {
	value := string(key[1:])
	if key[0] == markFault {
		return wanted(0, value)
	}
	status, err := strconv.Atoi(value)
	return err == nil && wanted(status, "")
}

func appendMarked(numbers []uint32, raw []byte, pages uint32) ([]uint32, error) {
	plain, err := unseal(raw)
	if err != nil {
		return nil, err
	}
	r := newReader(plain)
	for n := range r.set(pages) {
		numbers = append(numbers, n)
	}
	if r.bad {
		return nil, fmt.Errorf("index of pages is %w: a set cannot be read", ErrDamaged)
	}
	return numbers, nil
}
