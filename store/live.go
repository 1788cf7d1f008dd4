package store

import (
	"cmp"
	"context"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// extent is a record within a file of bodies.
type extent struct{ offset, length int64 }

// extents are the records of a file that something refers to, 16 bytes each.
type extents struct {
	list   []extent
	sorted int // so many are in order, and none twice
}

func (e *extents) add(at Place) {
	e.list = append(e.list, extent{at.Offset, at.Length})
	if len(e.list) > 2*e.sorted+1024 { // most are referred to by many visits
		e.settle()
	}
}

func (e *extents) settle() {
	slices.SortFunc(e.list, func(x, y extent) int { return cmp.Compare(x.offset, y.offset) })
	e.list = slices.Compact(e.list)
	e.sorted = len(e.list)
}

func (e *extents) bytes() (sum int64) {
	for _, x := range e.list {
		sum += x.length
	}
	return sum
}

// live is what something refers to, by file.
type live map[uint32]*extents

func (l live) add(at Place) {
	if at.Segment == 0 || at.Length <= 0 {
		return
	}
	e := l[at.Segment]
	if e == nil {
		e = &extents{}
		l[at.Segment] = e
	}
	e.add(at)
}

// placeFields say where the exchange of a visit lies.
var placeFields = FieldsOf("Request", "Record", "Payload")

// liveRecords finds the records that runs which stay refer to. It reads one
// snapshot: whoever puts a visit meanwhile takes its places from one that
// is in it, or writes new records.
func (p *pruning) liveRecords(ctx context.Context) (l live, err error) {
	l = live{}
	err = p.db.View(func(tx *bolt.Tx) error {
		for _, id := range p.kept(tx) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := p.liveOf(tx, id, l); err != nil {
				return p.named(err)
			}
		}
		return nil
	})
	for _, e := range l {
		e.settle()
	}
	return l, err
}

// liveOf adds what one run refers to.
func (p *pruning) liveOf(tx *bolt.Tx, run RunID, l live) error {
	var reader PageReader
	err := eachOf(tx, bucketPages, run, func(key, value []byte) error {
		var page Page
		if err := reader.Read(&PageRecord{run, key[runSize:], value}, &page, placeFields); err != nil {
			return err
		}
		l.add(page.Request)
		l.add(page.Record)
		l.add(page.Payload)
		return nil
	})
	if err != nil {
		return err
	}
	return eachOf(tx, bucketRobots, run, func(_, value []byte) error {
		var r Robots
		if err := decode(value, &r); err != nil {
			return err
		}
		l.add(r.Request)
		l.add(r.Record)
		l.add(r.Payload)
		return nil
	})
}

// eachOf calls fn for the rows of a run.
func eachOf(tx *bolt.Tx, bucket []byte, run RunID, fn func(key, value []byte) error) error {
	bk := tx.Bucket(bucket)
	if bk == nil {
		return nil
	}
	c := bk.Cursor()
	for k, v := c.Seek(run.key()); len(k) >= runSize && runOf(k) == run; k, v = c.Next() {
		if err := fn(k, v); err != nil {
			return err
		}
	}
	return nil
}
