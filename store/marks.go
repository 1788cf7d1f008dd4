package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"strconv"

	bolt "go.etcd.io/bbolt"
)

// Beside the index of links there is one of pages by how they were answered:
//
//	marks  run, "s", status in decimal -> the set of pages
//	       run, "f", fault             -> likewise
//	       run                         -> Build of the index that it is part of
//
// It is made and counts as long as that of links. See linkset.go for sets.
const (
	markStatus = 's'
	markFault  = 'f'
)

// marks are the pages of a run by how they were answered, four bytes each.
type marks map[string][]uint32

func (m marks) page(p *Page, number uint32) {
	status := markKey(markStatus, strconv.Itoa(p.Status))
	m[status] = append(m[status], number)
	if p.Fault != "" {
		fault := markKey(markFault, p.Fault)
		m[fault] = append(m[fault], number)
	}
}

func markKey(kind byte, value string) string { return string(kind) + value }

// endMarks writes the marks.
func (x *indexing) endMarks() error {
	for key, numbers := range x.marks {
		if err := x.put(bucketMarks, x.run.with([]byte(key)), seal(appendSet(nil, numbers))); err != nil {
			return err
		}
	}
	return x.put(bucketMarks, x.run.key(), binary.BigEndian.AppendUint64(nil, x.mark.Build))
}

// checkMarks holds the marks of a run against those that its pages give.
func (x *indexCheck) checkMarks(ctx context.Context) error {
	run := x.find.run.key()
	if ours, err := x.holds(bucketMarks, run, binary.BigEndian.AppendUint64(nil, x.mark.Build)); err != nil || !ours {
		return err // of a program that knew none: they do not count
	}
	found := 0
	err := x.scan(ctx, bucketMarks, run, func(key, value []byte) bool {
		if len(key) == runSize {
			return true
		}
		found++
		plain, err := unseal(value)
		if numbers := x.marks[string(key[runSize:])]; err != nil || !bytes.Equal(plain, appendSet(nil, numbers)) {
			x.fault("%s: the index of pages by status is not what they have: %q", x.name, key[runSize:])
		}
		return true
	})
	if err == nil && found < len(x.marks) {
		x.fault("%s: the index of pages by status has %d entries of %d", x.name, found, len(x.marks))
	}
	return err
}

// Answered yields the visits of a run for whose status, or for whose fault if
// they have one, wanted is true: it is asked for each by itself. Where these are
// most of them it yields all. It ends with ErrNotIndexed if Indexed is false, or the index is of a program that knew no
// such thing.
func (b *Bolt) Answered(ctx context.Context, run RunID, wanted func(status int, fault string) bool) iter.Seq2[*PageRecord, error] {
	return func(yield func(*PageRecord, error) bool) {
		f, numbers, err := b.answered(run, wanted)
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
			wrap(&err, "pages of run %d by status", run)
			yield(nil, err)
		}
	}
}

// answeredFinder finds pages of so many.
type answeredFinder struct {
	finder
	pages int
}

// answered returns the numbers of the pages.
func (b *Bolt) answered(run RunID, wanted func(status int, fault string) bool) (f *answeredFinder, numbers []uint32, err error) {
	err = b.db.View(func(tx *bolt.Tx) error {
		x, err := b.indexIn(tx, run)
		if err != nil {
			return err
		}
		build := rawIn(tx, bucketMarks, run.key())
		if len(build) != 8 || binary.BigEndian.Uint64(build) != x.Build {
			return ErrNotIndexed
		}
		f = &answeredFinder{finder{Bolt: b, run: run, build: x.Build}, int(x.Pages)}
		c := tx.Bucket(bucketMarks).Cursor()
		for k, v := c.Seek(append(run.key(), 0)); bytes.HasPrefix(k, run.key()); k, v = c.Next() {
			if !markWanted(k[runSize:], wanted) {
				continue
			}
			if numbers, err = appendMarked(numbers, v, x.Pages); err != nil {
				return b.named(err)
			}
		}
		return nil
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
