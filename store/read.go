package store

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"net/http"
	"sync"

	"crawl/internal/warc"
	"crawl/internal/weburl"

	"github.com/tinylib/msgp/msgp"
	bolt "go.etcd.io/bbolt"
)

// get reads one record; ErrNotFound if there is none.
func (b *Bolt) get(bucket, key []byte, v msgp.Unmarshaler) error {
	return b.db.View(func(tx *bolt.Tx) error { return b.getIn(tx, bucket, key, v) })
}

func (b *Bolt) getIn(tx *bolt.Tx, bucket, key []byte, v msgp.Unmarshaler) error {
	raw := rawIn(tx, bucket, key)
	if raw == nil {
		return ErrNotFound
	}
	return b.named(decode(raw, v))
}

// rawIn returns nil for a record that is not there. It holds as long as tx.
func rawIn(tx *bolt.Tx, bucket, key []byte) []byte {
	if bk := tx.Bucket(bucket); bk != nil {
		return bk.Get(key)
	}
	return nil
}

// has tells whether a record is there.
func (b *Bolt) has(bucket, key []byte) (there bool, err error) {
	err = b.db.View(func(tx *bolt.Tx) error {
		there = rawIn(tx, bucket, key) != nil
		return nil
	})
	return there, err
}

// holds tells whether a record has this value.
func (b *Bolt) holds(bucket, key, value []byte) (same bool, err error) {
	err = b.db.View(func(tx *bolt.Tx) error {
		same = bytes.Equal(rawIn(tx, bucket, key), value)
		return nil
	})
	return same, err
}

// named adds the file to what is wrong with a record.
func (b *Bolt) named(err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", b.db.Path(), err)
	}
	return nil
}

// A long snapshot would keep the file from using its free pages again: one
// reads this many records, or stops once it has this many bytes.
const (
	recordsAtOnce = 256
	bytesAtOnce   = 1 << 20
)

// record is a copy of a key and its value.
type record struct{ key, value []byte }

// scan calls fn for each record whose key begins with prefix, in order, until
// it returns false. fn may be slow, and write. What is written meanwhile may
// be met or not.
func (b *Bolt) scan(ctx context.Context, bucket, prefix []byte, fn func(key, value []byte) bool) error {
	from := prefix
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		some, more, err := b.some(bucket, prefix, from)
		if err != nil {
			return err
		}
		for _, r := range some {
			if err := ctx.Err(); err != nil {
				return err
			}
			if !fn(r.key, r.value) {
				return nil
			}
		}
		if !more {
			return nil
		}
		from = append(some[len(some)-1].key, 0)
	}
}

// some copies records of one snapshot, from a key on.
func (b *Bolt) some(bucket, prefix, from []byte) (some []record, more bool, err error) {
	err = b.db.Sweep(func(tx *bolt.Tx) error {
		bk := tx.Bucket(bucket)
		if bk == nil {
			return nil
		}
		size := 0
		c := bk.Cursor()
		for k, v := c.Seek(from); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
			if more = len(some) == recordsAtOnce || size >= bytesAtOnce; more {
				return nil
			}
			some = append(some, record{bytes.Clone(k), bytes.Clone(v)})
			size += len(k) + len(v)
		}
		return nil
	})
	return some, more, err
}

// rows yields the records of one run, decoded by read, and ends with the first
// error.
func rows[T any](ctx context.Context, b *Bolt, bucket []byte, run RunID, read func(key, raw []byte) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		var bad error
		err := b.scan(ctx, bucket, run.key(), func(k, raw []byte) bool {
			v, err := read(k[runSize:], raw)
			if err != nil {
				bad = b.named(err)
				return false
			}
			return yield(v, nil)
		})
		if bad != nil {
			err = bad
		}
		if err != nil {
			wrap(&err, "read %s of run %d", bucket, run)
			yield(none, err)
		}
	}
}

// Latest implements Store.
func (b *Bolt) Latest(ctx context.Context, u weburl.URL) (last, good *Page, err error) {
	defer wrap(&err, "last visits of %s", u)
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	asked := b.recall.ask(u)
	if last, good, err = b.visits(u, 0, AllFields); err == nil {
		b.recall.answered(asked, last, good)
	}
	return last, good, err
}

// visits returns the wanted fields of the last visit of u, and of the last one
// that brought content and is not of a run; either is nil if there is none.
func (b *Bolt) visits(u weburl.URL, but RunID, wanted PageFields) (last, good *Page, err error) {
	key := u.Key()
	wanted = wanted.With(contentFields)
	err = b.db.View(func(tx *bolt.Tx) error {
		raw := rawIn(tx, bucketLatest, key)
		if raw == nil {
			return nil
		}
		h, err := parseHistory(raw)
		if err != nil {
			return b.named(err)
		}
		if last, err = b.visitIn(tx, h.last, u, key, wanted); err != nil {
			return err
		}
		if last != nil && h.last != but && last.hasContent() {
			good = last
			return nil
		}
		if h.before == but { // two runs take turns
			return nil
		}
		if good, err = b.visitIn(tx, h.before, u, key, wanted); good != nil && !good.hasContent() {
			good = nil // its run was resumed and replaced it
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return last, good, nil
}

// visitIn returns nil for run 0, which stands for none.
func (b *Bolt) visitIn(tx *bolt.Tx, run RunID, u weburl.URL, key []byte, wanted PageFields) (*Page, error) {
	if run == 0 {
		return nil, nil
	}
	raw := rawIn(tx, bucketPages, run.with(key))
	if raw == nil {
		return nil, b.named(fmt.Errorf("the visit of run %d is missing: index is %w", run, ErrDamaged))
	}
	p := &Page{URL: u, Run: run}
	if wanted == AllFields {
		return p, b.named(decodePage(raw, p))
	}
	r := pageReaders.Get().(*PageReader)
	defer pageReaders.Put(r)
	return p, b.named(r.Read(&PageRecord{Run: run, key: key, value: raw}, p, wanted))
}

var pageReaders = sync.Pool{New: func() any { return new(PageReader) }}

// Page implements Store.
func (b *Bolt) Page(ctx context.Context, run RunID, u weburl.URL) (_ *Page, err error) {
	defer wrap(&err, "page %s of run %d", u, run)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := &Page{URL: u, Run: run}
	key := u.Key()
	err = b.db.View(func(tx *bolt.Tx) error {
		raw := rawIn(tx, bucketPages, run.with(key))
		if raw == nil {
			return ErrNotFound
		}
		return b.named(decodePage(raw, p))
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Pages implements Store.
func (b *Bolt) Pages(ctx context.Context, run RunID) iter.Seq2[*Page, error] {
	return rows(ctx, b, bucketPages, run, func(key, raw []byte) (*Page, error) { return readPage(run, key, raw) })
}

func readPage(run RunID, key, raw []byte) (*Page, error) {
	u, err := urlOf(key)
	if err != nil {
		return nil, err
	}
	p := &Page{URL: u, Run: run}
	return p, decodePage(raw, p)
}

func urlOf(key []byte) (weburl.URL, error) {
	u, err := weburl.FromKey(key)
	if err != nil {
		return u, fmt.Errorf("key is %w: %w", ErrDamaged, err)
	}
	return u, nil
}

// Body implements Store.
func (b *Bolt) Body(ctx context.Context, p *Page) (_ http.Header, _ []byte, err error) {
	defer wrap(&err, "body of %s", p.URL)
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if p.Payload.Segment == 0 {
		return nil, nil, ErrNotFound
	}
	held, err := b.bodies.read(p.Payload)
	if err != nil {
		return nil, nil, err
	}
	head := held.Head
	if p.Record != p.Payload && p.Record.Segment != 0 && !p.NotModified {
		own, err := b.bodies.read(p.Record)
		if err != nil {
			return nil, nil, err
		}
		head = own.Head
	}
	_, header, _ := warc.ParseHTTP(head)
	return header, held.Body, nil
}
