package store

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"

	bolt "go.etcd.io/bbolt"
)

const (
	// pageStep: the key of every 64th page of a run is kept beside the index,
	// so that a page is found by its number.
	pageStep = 64
	// indexAtOnce is how many bytes of an index go into one transaction.
	indexAtOnce = 4 << 20
)

var errChanged = errors.New("pages were put into the run meanwhile")

// indexing is one index being built.
type indexing struct {
	*Bolt
	run   RunID
	id    Identity
	mark  linkIndex
	part  *indexPart
	marks *marks
	puts  []put
	size  int // of puts

	changed bool // since begin: what was put into the run, or what is copied
}

// IndexLinks implements Store.
func (b *Bolt) IndexLinks(ctx context.Context, run RunID, id Identity) (err error) {
	defer wrap(&err, "index the links of run %d", run)
	b.indexing.Lock()
	defer b.indexing.Unlock()
	if there, err := b.has(bucketRuns, run.key()); err != nil {
		return err
	} else if !there {
		return ErrNotFound
	}
	x := &indexing{Bolt: b, run: run, id: id}
	if copied, err := x.copyEarlier(ctx); copied || err != nil && !errors.Is(err, errChanged) {
		return err
	}
	return x.read(ctx)
}

// read makes the index of what the pages have.
func (x *indexing) read(ctx context.Context) error {
	if err := x.begin(ctx); err != nil {
		return err
	}
	x.part, x.marks = newPart(), newMarks()
	var reader PageReader
	for rec, err := range x.PageRecords(ctx, x.run, nil) {
		p := Page{Run: x.run}
		if err == nil {
			p.URL, err = rec.URL()
		}
		if err == nil {
			err = x.named(reader.Read(rec, &p, indexedFields))
		}
		if err == nil {
			err = x.page(&p)
		}
		if err != nil {
			return err
		}
	}
	if err := cmp.Or(ctx.Err(), x.endPart(), x.endMarks()); err != nil {
		return err
	}
	if err := x.endCounts(ctx); err != nil {
		return err
	}
	return x.end()
}

// indexBuckets hold an index, under keys that begin with its run.
var indexBuckets = [][]byte{bucketInlinks, bucketHolders, bucketNumbers, bucketMarks, bucketCounts}

// begin takes away what is there of an index, which counts no more from the
// first transaction on.
func (x *indexing) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	x.mark, x.changed = linkIndex{Build: rand.Uint64(), By: x.id.Name}, false
	raw, err := encode(&x.mark)
	if err != nil {
		return err
	}
	if err := x.commit(put{bucketIndexed, x.run.key(), raw}); err != nil {
		return err
	}
	for _, bucket := range indexBuckets {
		var failed error
		err := x.scan(ctx, bucket, x.run.key(), func(key, _ []byte) bool {
			failed = x.put(bucket, key, nil)
			return failed == nil
		})
		if err := errors.Join(err, failed, x.flush()); err != nil {
			return err
		}
	}
	return nil
}

// page adds the links of the next page.
func (x *indexing) page(p *Page) error {
	number := x.mark.Pages
	if number%pageStep == 0 {
		if err := x.put(bucketNumbers, numberKey(x.run, number/pageStep), p.URL.Key()); err != nil {
			return err
		}
	}
	x.marks.page(p, number)
	x.mark.Pages++
	if p.Links == 0 {
		return nil
	}
	err := x.links(p, number)
	if err == nil && x.part.size > x.maxPart {
		err = x.endPart()
	}
	return err
}

// links adds those of a page. No transaction is open while identity is asked:
// it may be slow, and write.
func (x *indexing) links(p *Page, number uint32) error {
	u, sitemap := unpacker{origin: p.URL.Origin()}, p.Kind == KindSitemap
	defer u.giveBack(u.borrow())
	err := x.db.Sweep(func(tx *bolt.Tx) (err error) {
		u.page, err = linksRecord(tx, p, u.page)
		return x.named(err)
	})
	if err != nil {
		return err
	}
	err = u.record(u.page, func(key templateKey, n int) error {
		h := holder{key, u.origin, sitemap}
		if x.part.hold(h, number) {
			return nil
		}
		return x.template(h, n)
	})
	if err != nil {
		return x.named(err)
	}
	x.variants(&u, sitemap, func(v uint32) { x.part.post(v, number) })
	return nil
}

// template adds the n links of a template, once in a part.
func (x *indexing) template(h holder, n int) error {
	u := unpacker{origin: h.origin}
	defer u.giveBack(u.borrow())
	err := x.db.Sweep(func(tx *bolt.Tx) error { return u.templateIn(tx.Bucket(bucketTemplates), h.template, n) })
	if err != nil {
		return err
	}
	x.variants(&u, h.sitemap, func(v uint32) { x.part.holds(h, v) })
	return nil
}

// variants tells of the variants of links that were unpacked.
func (x *indexing) variants(u *unpacker, sitemap bool, tell func(v uint32)) {
	for target, l := range u.all() {
		if v, ok := x.part.variant(target, l, sitemap, x.id.Of); ok {
			tell(v)
		}
	}
}

// endPart writes what was gathered.
func (x *indexing) endPart() error {
	c := x.part
	if len(c.variants) == 0 {
		return nil
	}
	x.part = newPart()
	number := x.mark.Parts
	x.mark.Parts++
	for n, set := range c.sets() {
		if err := x.put(bucketHolders, numberKey(x.run, number, n), seal(set)); err != nil {
			return err
		}
	}
	for target, entry := range c.entries() {
		if err := x.put(bucketInlinks, append(numberKey(x.run, number), target...), seal(entry)); err != nil {
			return err
		}
	}
	x.mark.Links += c.links
	return nil
}

func (x *indexing) put(bucket, key, value []byte) error {
	x.puts = append(x.puts, put{bucket, key, value})
	if x.size += len(key) + len(value); x.size < indexAtOnce {
		return nil
	}
	return x.flush()
}

func (x *indexing) flush() error {
	puts := x.puts
	x.puts, x.size = nil, 0
	if len(puts) == 0 {
		return nil
	}
	return x.commit(puts...)
}

// end makes the index count, unless something was put into the run since begin.
func (x *indexing) end() error {
	err := x.db.Commit(context.Background(), &write{puts: x.puts, after: x.whole})
	if err == nil && x.changed {
		err = errChanged
	}
	return err
}

// whole does that within a transaction. If it cannot, it leaves the transaction to
// others, and tells by changed.
func (x *indexing) whole(tx *bolt.Tx) error {
	var now linkIndex
	if decode(rawIn(tx, bucketIndexed, x.run.key()), &now) != nil || now.Build != x.mark.Build {
		x.changed = true
		return nil
	}
	x.mark.Whole = true
	raw, err := encode(&x.mark)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketIndexed).Put(x.run.key(), raw)
}
