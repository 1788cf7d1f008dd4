package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math/bits"
	"reflect"
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
	part   []byte     // the wanted part of the map read last
	other  []byte     // that of another record
	wanted PageFields // last
	bits   uint64     // of those in a head
}

// Read sets the wanted fields of p from a record; those that it has from the
// same record stay.
func (r *PageReader) Read(rec *PageRecord, p *Page, wanted PageFields) error {
	wanted = wanted.whole()
	var err error
	if p.URL.IsZero() && wanted.needURL() {
		p.URL, err = rec.URL()
	}
	if err == nil {
		err = r.read(rec.value, p, wanted)
	}
	if err != nil {
		return fmt.Errorf("store: read a page of run %d: %w", rec.Run, err)
	}
	p.expand(wanted)
	return nil
}

func (r *PageReader) read(raw []byte, p *Page, wanted PageFields) error {
	has, head, rest, err := openRecord(raw)
	if err == nil && len(rest) > 0 {
		if err = r.pick(rest, wanted); err == nil {
			err = decodeMap(r.part, p)
		}
	}
	if err != nil || has == 0 {
		return err
	}
	return p.head(&head, has, r.headBits(wanted))
}

// headBits is headBits, which are as a rule those of the record before.
func (r *PageReader) headBits(wanted PageFields) uint64 {
	if wanted != r.wanted {
		r.wanted, r.bits = wanted, headBits(wanted)
	}
	return r.bits
}

// Same tells whether two records of one URL have the same in some fields, as far
// as they can be read, and were written alike.
func (r *PageReader) Same(x, y *PageRecord, fields PageFields) bool {
	fields = fields.whole()
	has, head, rest, err := openRecord(x.value)
	others, other, another, failed := openRecord(y.value)
	if err != nil || failed != nil {
		return false
	}
	wanted := r.headBits(fields)
	return sameHeads(&head, &other, has, others, wanted) && r.sameRests(rest, another, fields)
}

// sameRests compares what is beside the heads.
func (r *PageReader) sameRests(x, y []byte, wanted PageFields) bool {
	if bytes.Equal(x, y) {
		return true
	}
	if r.pickRest(x, wanted) != nil {
		return false
	}
	r.part, r.other = r.other, r.part
	return r.pickRest(y, wanted) == nil && bytes.Equal(r.part, r.other)
}

// pickRest is pick for a map that may not be there.
func (r *PageReader) pickRest(raw []byte, wanted PageFields) error {
	if len(raw) == 0 {
		raw = []byte{noFields}
	}
	return r.pick(raw, wanted)
}

// pick makes of a map one that has the wanted fields alone. Fields are in the
// order of Page, so that nothing is looked for, and nothing is read behind the
// last one.
func (r *PageReader) pick(raw []byte, wanted PageFields) error {
	n, raw, err := msgp.ReadMapHeaderBytes(raw)
	found, at, last := 0, -1, wanted.last()
	r.part = append(r.part[:0], map16, 0, 0)
	for ; n > 0 && err == nil && at < last; n-- {
		pair := raw
		var key []byte
		if key, raw, err = readKey(raw); err != nil {
			break
		}
		i := keyIndex(key, at+1)
		at = max(at, i)
		if raw, err = skip(raw); err == nil && i >= 0 && wanted.has(i) {
			r.part = append(r.part, pair[:len(pair)-len(raw)]...)
			found++
		}
	}
	if err != nil {
		return fmt.Errorf("record is %w: %w", ErrDamaged, err)
	}
	binary.BigEndian.PutUint16(r.part[1:], uint16(found))
	return nil
}

func (f PageFields) has(i int) bool { return f[i/64]>>(i%64)&1 != 0 }

// last returns the last field, -1 if there is none.
func (f PageFields) last() int {
	for i := len(f) - 1; i >= 0; i-- {
		if f[i] != 0 {
			return i*64 + bits.Len64(f[i]) - 1
		}
	}
	return -1
}

// keyIndex returns which field from one on has a key; -1 if none has, as of a
// field of another program.
func keyIndex(key []byte, from int) int {
	for i := from; i < len(pageKeys); i++ {
		if pageKeys[i] == string(key) {
			return i
		}
	}
	return -1
}

// readKey is msgp.ReadMapKeyZC, quicker for what is usual.
func readKey(raw []byte) (key, rest []byte, err error) {
	if len(raw) > 0 && raw[0]&0xe0 == fixText && len(raw) > int(raw[0]&0x1f) {
		n := 1 + int(raw[0]&0x1f)
		return raw[1:n], raw[n:], nil
	}
	return msgp.ReadMapKeyZC(raw)
}

// skip is msgp.Skip, quicker for what is usual.
func skip(raw []byte) (rest []byte, err error) {
	if len(raw) > 0 {
		switch c := raw[0]; {
		case c < 0x80: // a small number
			return raw[1:], nil
		case c&0xe0 == fixText && len(raw) > int(c&0x1f):
			return raw[1+int(c&0x1f):], nil
		}
	}
	return msgp.Skip(raw)
}

// First bytes of MessagePack: a map whose size is the next two bytes, one that has
// nothing, and a text whose size is the last five bits.
const (
	map16    = 0xde
	noFields = 0x80
	fixText  = 0xa0
)

// PageRecord is a visit as it is stored.
type PageRecord struct {
	Run        RunID
	key, value []byte
}

// URL returns the URL that was visited.
func (r *PageRecord) URL() (weburl.URL, error) { return urlOf(r.key) }

// PageRecords implements Store.
func (b *Bolt) PageRecords(ctx context.Context, run RunID, prefix []byte) iter.Seq2[*PageRecord, error] {
	return func(yield func(*PageRecord, error) bool) {
		batch := pageBatch{run: run, prefix: run.with(prefix)}
		batch.from = batch.prefix
		for more := true; more; {
			err := ctx.Err()
			if err == nil {
				err = b.db.Sweep(batch.fill)
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

// pagesOf reads records whole.
func (b *Bolt) pagesOf(records iter.Seq2[*PageRecord, error]) iter.Seq2[*Page, error] {
	return func(yield func(*Page, error) bool) {
		for rec, err := range records {
			var p *Page
			if err == nil {
				p, err = readPage(rec.Run, rec.key, rec.value)
				err = b.named(err)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}
