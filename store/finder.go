package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// sources yields the records of the pages that have a link.
func (b *Bolt) sources(ctx context.Context, run RunID, w *whereabouts, yield func(*PageRecord, error) bool) error {
	f := finder{Bolt: b, run: run, build: w.build}
	for _, s := range w.spots {
		r := newReader(s.own)
		if more, err := f.set(ctx, r, w.pages, yield); !more || err != nil {
			return err
		}
		for _, h := range s.holders {
			r, _, err := f.holder(s.part, h)
			if err != nil {
				return err
			}
			if more, err := f.set(ctx, r, w.pages, yield); !more || err != nil {
				return err
			}
		}
	}
	return nil
}

// finder finds pages by their numbers.
type finder struct {
	*Bolt
	run   RunID
	build uint64 // of the index
}

// view is a View as long as the index is the one that was.
func (f *finder) view(fn func(*bolt.Tx) error) error {
	return f.db.Sweep(func(tx *bolt.Tx) error {
		if x, err := f.indexIn(tx, f.run); err != nil || x.Build != f.build {
			return cmp.Or(err, ErrNotIndexed)
		}
		return f.named(fn(tx))
	})
}

// holder returns the set of a holder, and how many pages are in it.
func (f *finder) holder(part, number uint32) (r *reader, n int, err error) {
	err = f.view(func(tx *bolt.Tx) error {
		raw := rawIn(tx, bucketHolders, numberKey(f.run, part, number))
		if raw == nil {
			return fmt.Errorf("index of links is %w: holder %d of part %d is missing", ErrDamaged, number, part)
		}
		plain, err := unseal(raw)
		if err != nil {
			return err
		}
		r = newReader(plain)
		n = int(r.number())
		return nil
	})
	return r, n, err
}

// set yields the records of the pages of a set, read some at a time.
func (f *finder) set(ctx context.Context, r *reader, limit uint32, yield func(*PageRecord, error) bool) (more bool, err error) {
	numbers := make([]uint32, 0, min(recordsAtOnce, 1+r.left()))
	flush := func() (bool, error) {
		records, err := f.records(numbers)
		numbers = numbers[:0]
		for i := range records {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			if !yield(&records[i], nil) {
				return false, nil
			}
		}
		return err == nil, err
	}
	for n := range r.set(limit) {
		if numbers = append(numbers, n); len(numbers) < recordsAtOnce {
			continue
		}
		if more, err := flush(); !more {
			return false, err
		}
	}
	if more, err := flush(); !more {
		return false, err
	}
	if r.bad {
		return false, f.named(errEntry)
	}
	return true, nil
}

// records reads the records of pages that have these numbers.
func (f *finder) records(numbers []uint32) (records []PageRecord, err error) {
	if len(numbers) == 0 {
		return nil, nil
	}
	err = f.view(func(tx *bolt.Tx) error {
		bk := tx.Bucket(bucketPages)
		if bk == nil {
			return errEntry
		}
		w := walker{c: bk.Cursor(), f: f, tx: tx}
		for _, n := range numbers {
			if err := w.walk(n); err != nil {
				return err
			}
			records = append(records, PageRecord{f.run, bytes.Clone(w.key[runSize:]), bytes.Clone(w.value)})
		}
		return nil
	})
	return records, err
}

// walker goes from page to page.
type walker struct {
	c          *bolt.Cursor
	f          *finder
	tx         *bolt.Tx
	at         uint32 // number of the page at key
	key, value []byte
}

// walk goes to the record of a page.
func (w *walker) walk(n uint32) error {
	if w.key == nil || n < w.at || n-w.at >= pageStep {
		start := rawIn(w.tx, bucketNumbers, numberKey(w.f.run, n/pageStep))
		if start == nil {
			return fmt.Errorf("index of links is %w: there is no page %d", ErrDamaged, n)
		}
		w.at = n - n%pageStep
		w.key, w.value = w.c.Seek(w.f.run.with(start))
	}
	for ; w.at < n; w.at++ {
		w.key, w.value = w.c.Next()
	}
	if !bytes.HasPrefix(w.key, w.f.run.key()) {
		return fmt.Errorf("index of links is %w: there is no page %d", ErrDamaged, n)
	}
	return nil
}
