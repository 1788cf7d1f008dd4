package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// Begin implements Store.
func (b *Bolt) Begin(ctx context.Context, r *Run) (err error) {
	defer wrap(&err, "begin a run of %.100q", r.Site)
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.Site == "" || strings.ContainsRune(r.Site, 0) || len(r.Site) > maxSite {
		return fmt.Errorf("that is no name for a site: up to %d bytes, none of them zero", maxSite)
	}
	fresh := *r
	err = b.db.Commit(context.WithoutCancel(ctx), &write{after: func(tx *bolt.Tx) error { return begin(tx, &fresh) }})
	if err == nil {
		r.ID, r.Number, r.Baseline, r.State = fresh.ID, fresh.Number, fresh.Baseline, fresh.State
	}
	return err
}

// begin numbers a run and records it. It runs in the committer.
func begin(tx *bolt.Tx, r *Run) error {
	runs, err := tx.CreateBucketIfNotExists(bucketRuns)
	if err != nil {
		return err
	}
	sites, err := tx.CreateBucketIfNotExists(bucketSites)
	if err != nil {
		return err
	}
	given := tx.Bucket(bucketGiven)
	last, number := RunID(givenIn(given, []byte{0})), givenIn(given, []byte(r.Site))
	if k, _ := runs.Cursor().Last(); k != nil {
		last = max(last, runOf(k))
	}
	r.Baseline = 0
	if k, v := newest(sites, r.Site, math.MaxUint32); k != nil {
		number = max(number, binary.BigEndian.Uint32(k[len(r.Site)+1:]))
		r.Baseline = runOf(v)
	}
	r.ID, r.Number = last+1, int(number)+1
	if r.State == "" {
		r.State = Running // so that it can be resumed from this moment on
	}
	raw, err := encode(r)
	if err != nil {
		return err
	}
	if err := sites.Put(siteKey(r.Site, uint32(r.Number)), r.ID.key()); err != nil {
		return err
	}
	return runs.Put(r.ID.key(), raw)
}

// newest returns the entry of a site with the highest number below the given
// one, or nil.
func newest(sites *bolt.Bucket, site string, below uint32) (k, v []byte) {
	k, v = before(sites, siteKey(site, below))
	if len(k) != len(site)+1+runSize || !bytes.HasPrefix(k, append([]byte(site), 0)) {
		return nil, nil
	}
	return k, v
}

// before returns the last record before key.
func before(bk *bolt.Bucket, key []byte) (k, v []byte) {
	c := bk.Cursor()
	if k, _ := c.Seek(key); k == nil {
		return c.Last()
	}
	return c.Prev()
}

// Update implements Store.
func (b *Bolt) Update(ctx context.Context, r *Run) (err error) {
	defer wrap(&err, "update run %d", r.ID)
	if err := ctx.Err(); err != nil {
		return err
	}
	raw, err := encode(r)
	if err != nil {
		return err
	}
	if there, err := b.has(bucketRuns, r.ID.key()); err != nil {
		return err
	} else if !there {
		return ErrNotFound
	}
	w := &write{puts: []put{{bucketRuns, r.ID.key(), raw}}}
	if r.State != Running && r.State != Interrupted {
		w.after = func(tx *bolt.Tx) error { return dropLately(tx, r.ID) }
	}
	return b.db.Commit(context.Background(), w)
}

// replace writes a record that must be there.
func (b *Bolt) replace(bucket, key, value []byte) error {
	if there, err := b.has(bucket, key); err != nil {
		return err
	} else if !there {
		return ErrNotFound
	}
	return b.commit(put{bucket, key, value})
}

// Run implements Store.
func (b *Bolt) Run(ctx context.Context, id RunID) (_ *Run, err error) {
	defer wrap(&err, "run %d", id)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &Run{ID: id}
	if err := b.get(bucketRuns, id.key(), r); err != nil {
		return nil, err
	}
	return r, nil
}

// Runs implements Store.
func (b *Bolt) Runs(ctx context.Context, site string) iter.Seq2[*Run, error] {
	return func(yield func(*Run, error) bool) {
		for below := uint32(math.MaxUint32); ; {
			r, err := b.newestRun(ctx, site, below)
			if err != nil {
				wrap(&err, "read runs")
				yield(nil, err)
				return
			}
			if r == nil || !yield(r, nil) {
				return
			}
			if below = uint32(r.ID); site != "" {
				below = uint32(r.Number)
			}
		}
	}
}

// newestRun returns the newest run before the one with the given number, which
// counts within the site unless that is "". It returns nil if there is none.
func (b *Bolt) newestRun(ctx context.Context, site string, below uint32) (r *Run, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = b.db.View(func(tx *bolt.Tx) error {
		runs, sites := tx.Bucket(bucketRuns), tx.Bucket(bucketSites)
		if runs == nil || sites == nil {
			return nil
		}
		id, _ := before(runs, RunID(below).key())
		if site != "" {
			_, id = newest(sites, site, below)
		}
		if len(id) != runSize {
			return nil
		}
		r = &Run{ID: runOf(id)}
		return b.getIn(tx, bucketRuns, id, r)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}
