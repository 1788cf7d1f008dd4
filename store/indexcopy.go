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
	for _, bucket := range indexBuckets {
		if err := x.copyRecords(ctx, bucket, r.Baseline); err != nil {
			return false, err
		}
	}
	return true, x.end(holdsStill(r.Baseline, was))
}

// holdsStill tells whether the index of a run is the one it was.
func holdsStill(run RunID, was linkIndex) func(*bolt.Tx) bool {
	return func(tx *bolt.Tx) bool { return wholeIn(tx, run) == was }
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

// copyRecords copies those of an earlier run in one bucket. Under the run
// alone is the index that they are part of.
func (x *indexing) copyRecords(ctx context.Context, bucket []byte, earlier RunID) (failed error) {
	err := x.scan(ctx, bucket, earlier.key(), func(key, value []byte) bool {
		if len(key) == runSize {
			value = append(binary.BigEndian.AppendUint64(nil, x.mark.Build), value[min(8, len(value)):]...)
		}
		failed = x.put(bucket, x.run.with(key[runSize:]), value)
		return failed == nil
	})
	if err != nil {
		return err
	}
	return failed
}
