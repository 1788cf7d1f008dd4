package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"iter"

	bolt "go.etcd.io/bbolt"
)

// indexedFields are all that an index is made of, beside the keys of pages.
var indexedFields = FieldsOf("Kind", "Status", "Fault", "Links", "LinksOf", "Title", "TextHash", "Depth")

// copyEarlier makes the index of that of the run's baseline, where a recrawl
// found all as it was, and tells whether it did.
func (x *indexing) copyEarlier(ctx context.Context) (copied bool, err error) {
	var r Run
	var was linkIndex
	err = x.db.View(func(tx *bolt.Tx) error {
		if err := x.getIn(tx, bucketRuns, x.run.key(), &r); err != nil {
			return err
		}
		if was = wholeIn(tx, r.Baseline); !countedIn(tx, r.Baseline, &was) {
			was = linkIndex{} // of an earlier program: it lacks something
		}
		return nil
	})
	if err != nil || !was.Whole || was.By == "" || was.By != x.id.Name {
		return false, err
	}
	if err := x.begin(ctx); err != nil {
		return false, err
	}
	if same, err := x.sameAs(ctx, r.Baseline); err != nil || !same {
		return false, err
	}
	x.mark.Parts, x.mark.Pages, x.mark.Links = was.Parts, was.Pages, was.Links
	c := indexCopy{indexing: x, earlier: r.Baseline, was: was, from: r.Baseline.key()}
	err = c.all(ctx)
	return err == nil, err
}

// wholeIn returns the index of a run, nothing if it is not whole.
func wholeIn(tx *bolt.Tx, run RunID) (x linkIndex) {
	if decode(rawIn(tx, bucketIndexed, run.key()), &x) != nil || !x.Whole {
		return linkIndex{}
	}
	return x
}

// sameAs tells whether the run has the same pages as an earlier one, and these
// what an index is made of.
func (x *indexing) sameAs(ctx context.Context, earlier RunID) (bool, error) {
	next, stop := iter.Pull2(x.PageRecords(ctx, earlier, nil))
	defer stop()
	var reader PageReader
	for rec, err := range x.PageRecords(ctx, x.run, nil) {
		if err != nil {
			return false, err
		}
		was, err, ok := next()
		if err != nil || !ok || !bytes.Equal(was.key, rec.key) {
			return false, err
		}
		if !reader.Same(rec, was, indexedFields) {
			return false, nil // where one cannot be read, for read to complain of
		}
	}
	_, err, more := next()
	return err == nil && !more, err
}

// indexCopy makes an index of that of an earlier run, some of it a transaction.
// What is copied is read in that transaction.
type indexCopy struct {
	*indexing
	earlier RunID
	was     linkIndex // that index

	done    int    // of indexBuckets
	from    []byte // key in the next one
	records []record
	arena   []byte // what the transaction puts: bbolt keeps no copy of it
	key     []byte
}

func (c *indexCopy) left() bool { return c.done < len(indexBuckets) }

func (c *indexCopy) all(ctx context.Context) error {
	for c.left() && !c.changed {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.db.Commit(context.Background(), &write{after: c.some}); err != nil {
			return err
		}
	}
	if c.changed {
		return errChanged
	}
	return nil
}

// some copies what goes into one transaction. With the last of it the index
// counts.
func (c *indexCopy) some(tx *bolt.Tx) error {
	if c.changed = wholeIn(tx, c.earlier) != c.was; c.changed {
		return nil
	}
	c.arena = c.arena[:0]
	for size := 0; c.left(); {
		if size >= indexAtOnce {
			return nil
		}
		n, err := c.few(tx)
		if err != nil || c.changed {
			return err
		}
		size += n
	}
	return c.whole(tx)
}

// few copies some records of a bucket; no cursor is used where something was put.
// Under the run alone is the index that they are part of.
func (c *indexCopy) few(tx *bolt.Tx) (size int, err error) {
	name := indexBuckets[c.done]
	bk, prefix := tx.Bucket(name), c.earlier.key()
	if bk == nil {
		c.done++
		return 0, nil
	}
	if c.changed = !c.gather(bk.Cursor(), prefix); c.changed {
		return 0, nil
	}
	bk.FillPercent = fill(name)
	for _, r := range c.records {
		size += len(r.key) + len(r.value)
		c.key = append(append(c.key[:0], c.run.key()...), r.key[runSize:]...)
		if len(r.key) == runSize {
			r.value = append(binary.BigEndian.AppendUint64(nil, c.mark.Build), r.value[min(8, len(r.value)):]...)
		}
		if err := bk.Put(c.key, r.value); err != nil {
			return size, err
		}
	}
	return size, nil
}

// gather reads the records that are to be copied next, and tells whether it could: an
// earlier index that is damaged must not stop what is written. The index is made of the
// pages then.
func (c *indexCopy) gather(from *bolt.Cursor, prefix []byte) (whole bool) {
	defer func() { whole = recover() == nil }() // so bbolt, and a disk that does not answer, tell
	c.records = c.records[:0]
	begin := len(c.arena)
	k, v := from.Seek(c.from)
	for ; bytes.HasPrefix(k, prefix) && len(c.records) < recordsAtOnce && len(c.arena) < begin+bytesAtOnce; k, v = from.Next() {
		at := len(c.arena)
		c.arena = append(append(c.arena, k...), v...)
		own := c.arena[at:]
		c.records = append(c.records, record{own[:len(k):len(k)], own[len(k):len(own):len(own)]})
	}
	if c.from = bytes.Clone(k); !bytes.HasPrefix(k, prefix) {
		c.done, c.from = c.done+1, prefix
	}
	return true
}
