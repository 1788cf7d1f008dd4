package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math/bits"
	"reflect"
	"slices"
	"strings"

	"crawl/internal/weburl"

	"github.com/tinylib/msgp/msgp"
	bolt "go.etcd.io/bbolt"
)

// PageFields is a set of fields of Page, so that a record is read no further
// than somebody wants to know.
type PageFields [2]uint64

// pageKeys are the names in a record, in the order of the fields of Page; a
// field that is not in the record has none.
var pageKeys = func() (keys []string) {
	page := reflect.TypeFor[Page]()
	for i := range page.NumField() {
		key, _, _ := strings.Cut(page.Field(i).Tag.Get("msg"), ",")
		if key == "-" {
			key = ""
		}
		keys = append(keys, key)
	}
	if len(keys) > len(PageFields{})*64 {
		panic("store: PageFields is too small")
	}
	return keys
}()

// FieldsOf returns the set of fields with these names of Page. An unknown name
// is a fault of the program.
func FieldsOf(names ...string) (set PageFields) {
	page := reflect.TypeFor[Page]()
	for _, name := range names {
		f, ok := page.FieldByName(name)
		if !ok || pageKeys[f.Index[0]] == "" {
			panic("store: no record has the field " + name)
		}
		set[f.Index[0]/64] |= 1 << (f.Index[0] % 64)
	}
	return set
}

// AllFields is every field of Page.
var AllFields = func() (set PageFields) {
	for i, key := range pageKeys {
		if key != "" {
			set[i/64] |= 1 << (i % 64)
		}
	}
	return set
}()

// With returns the fields of either set.
func (f PageFields) With(g PageFields) PageFields { return PageFields{f[0] | g[0], f[1] | g[1]} }

// Without returns the fields that g lacks.
func (f PageFields) Without(g PageFields) PageFields { return PageFields{f[0] &^ g[0], f[1] &^ g[1]} }

// IsEmpty tells whether there is no field.
func (f PageFields) IsEmpty() bool { return f == PageFields{} }

// PageReader reads fields of records. It is for one goroutine.
type PageReader struct {
	fields PageFields
	keys   []string
	maybe  [256]bool // whether a key with such a mark is among keys
	part   []byte    // the wanted part of the record read last
}

// mark tells most keys apart.
func mark[K string | []byte](key K) byte {
	if len(key) == 0 {
		return 0
	}
	return key[0] ^ key[len(key)-1]<<3 ^ byte(len(key))<<6
}

// want prepares for records of which these fields are wanted.
func (r *PageReader) want(f PageFields) {
	if r.fields == f {
		return
	}
	r.fields, r.keys, r.maybe = f, nil, [256]bool{}
	for i, word := range f {
		for ; word != 0; word &= word - 1 {
			key := pageKeys[i*64+bits.TrailingZeros64(word)]
			r.keys, r.maybe[mark(key)] = append(r.keys, key), true
		}
	}
}

// Read sets the wanted fields of p from a record; those that it has from the
// same record stay.
func (r *PageReader) Read(rec *PageRecord, p *Page, wanted PageFields) error {
	r.want(wanted)
	err := r.pick(rec.value)
	if err == nil {
		err = decode(r.part, p)
	}
	if err != nil {
		return fmt.Errorf("store: read a page of run %d: %w", rec.Run, err)
	}
	return nil
}

// pick makes of a record one that has the wanted fields alone.
func (r *PageReader) pick(raw []byte) error {
	if len(raw) == 0 || raw[0] != recordVersion {
		r.part = raw
		return nil // for decode to refuse
	}
	n, raw, err := msgp.ReadMapHeaderBytes(raw[1:])
	found := 0
	r.part = append(r.part[:0], recordVersion, map16, 0, 0)
	for ; n > 0 && found < len(r.keys) && err == nil; n-- {
		pair := raw
		var key []byte
		if key, raw, err = msgp.ReadMapKeyZC(raw); err != nil {
			break
		}
		wanted := r.maybe[mark(key)] && slices.Contains(r.keys, string(key))
		if raw, err = msgp.Skip(raw); err == nil && wanted {
			r.part = append(r.part, pair[:len(pair)-len(raw)]...)
			found++
		}
	}
	if err != nil {
		return fmt.Errorf("record is %w: %w", ErrDamaged, err)
	}
	binary.BigEndian.PutUint16(r.part[2:], uint16(found))
	return nil
}

// map16 begins a map of MessagePack whose size is the next two bytes.
const map16 = 0xde

// PageRecord is a visit as it is stored.
type PageRecord struct {
	Run        RunID
	key, value []byte
}

// URL returns the URL that was visited.
func (r *PageRecord) URL() (weburl.URL, error) { return urlOf(r.key) }

// PageRecords yields a run's visits of the URLs whose key begins with prefix,
// in the order of keys. A record is good until the next one is asked for.
func (b *Bolt) PageRecords(ctx context.Context, run RunID, prefix []byte) iter.Seq2[*PageRecord, error] {
	return func(yield func(*PageRecord, error) bool) {
		batch := pageBatch{run: run, prefix: run.with(prefix)}
		batch.from = batch.prefix
		for more := true; more; {
			err := ctx.Err()
			if err == nil {
				err = b.db.View(batch.fill)
			}
			if err != nil {
				wrap(&err, "read pages of run %d", run)
				yield(nil, err)
				return
			}
			more = batch.more
			for i := range batch.records {
				if !yield(&batch.records[i], nil) {
					return
				}
			}
		}
	}
}

// pageBatch is the records of one snapshot, copied into one piece of memory.
type pageBatch struct {
	run          RunID
	prefix, from []byte
	arena        []byte
	records      []PageRecord
	more         bool
}

func (p *pageBatch) fill(tx *bolt.Tx) error {
	p.arena, p.records, p.more = p.arena[:0], p.records[:0], false
	bk := tx.Bucket(bucketPages)
	if bk == nil {
		return nil
	}
	var ends []int
	c := bk.Cursor()
	for k, v := c.Seek(p.from); bytes.HasPrefix(k, p.prefix); k, v = c.Next() {
		if p.more = len(ends) == 2*recordsAtOnce || len(p.arena) >= bytesAtOnce; p.more {
			break
		}
		p.arena = append(p.arena, k...)
		ends = append(ends, len(p.arena))
		p.arena = append(p.arena, v...)
		ends = append(ends, len(p.arena))
	}
	at := 0
	for i := 0; i < len(ends); i += 2 {
		key := p.arena[at:ends[i]:ends[i]]
		p.records = append(p.records, PageRecord{p.run, key[runSize:], p.arena[ends[i]:ends[i+1]]})
		at = ends[i+1]
		p.from = key
	}
	p.from = append(bytes.Clone(p.from), 0)
	return nil
}

// PageRecord returns a run's visit of a URL, or ErrNotFound.
func (b *Bolt) PageRecord(ctx context.Context, run RunID, u weburl.URL) (_ *PageRecord, err error) {
	defer wrap(&err, "page %s of run %d", u, run)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &PageRecord{Run: run, key: u.Key()}
	err = b.db.View(func(tx *bolt.Tx) error {
		r.value = bytes.Clone(rawIn(tx, bucketPages, run.with(r.key)))
		return nil
	})
	if err == nil && r.value == nil {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}
