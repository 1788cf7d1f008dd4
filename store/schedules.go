package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A damaged count must not become an allocation.
//msgp:limit arrays:65536

// ScheduleState is what the scheduler decided of a schedule so far. The
// scheduler alone writes it.
type ScheduleState struct {
	Name    string      `msg:"-"`
	Rule    string      `msg:"r,omitempty"` // that its times follow from; "": the schedule is gone
	Decided time.Time   `msg:"d,omitempty"` // times up to this one are settled
	Asked   time.Time   `msg:"a,omitempty"` // the last ScheduleOrder.Ask that was heeded
	Open    []time.Time `msg:"o,omitempty"` // ScheduleRow.Due of rows that wait or run
}

// ScheduleOrder is what people asked of a schedule.
type ScheduleOrder struct {
	Name     string    `msg:"-"`
	Paused   time.Time `msg:"p,omitempty"`
	PausedBy string    `msg:"pb,omitempty"`
	Resumed  time.Time `msg:"r,omitempty"` // or added
	Ask      time.Time `msg:"a,omitempty"` // run it once, now
	AskedBy  string    `msg:"ab,omitempty"`
}

// IsPaused tells whether the schedule is.
func (o *ScheduleOrder) IsPaused() bool { return o.Paused.After(o.Resumed) }

// ScheduleRow is one time of a schedule and what became of it. Its name and Due
// are its key.
type ScheduleRow struct {
	Name    string    `msg:"-"`
	Site    string    `msg:"s,omitempty"`
	Due     time.Time `msg:"-"`
	First   time.Time `msg:"f,omitempty"` // where Times is more than 1: the first of them
	Times   int       `msg:"n,omitempty"` // how many times in a row it stands for
	State   string    `msg:"st"`          // waiting, running, done, failed, replaced, skipped, missed, paused, resumed, clock
	Why     string    `msg:"w,omitempty"`
	By      string    `msg:"by,omitempty"` // who asked for it
	Decided time.Time `msg:"at,omitempty"`
	Started time.Time `msg:"b,omitempty"`
	Ended   time.Time `msg:"e,omitempty"`
	Run     string    `msg:"run,omitempty"` // acme@43
	Result  string    `msg:"res,omitempty"`
}

// maxScheduleRows is how many rows are kept of a schedule, besides open ones.
const maxScheduleRows = 1000

// maxScheduleName is the longest name of a schedule, in bytes.
const maxScheduleName = 128

// rowKey orders the rows of a schedule by time.
func rowKey(name string, due time.Time) []byte {
	return binary.BigEndian.AppendUint64(rowPrefix(name), uint64(due.UnixNano()))
}

func rowPrefix(name string) []byte { return append([]byte(name), 0) }

func checkScheduleName(name string) error {
	if name == "" || len(name) > maxScheduleName || strings.ContainsRune(name, 0) {
		return fmt.Errorf("%.100q is no name for a schedule: up to %d bytes, none of them zero", name, maxScheduleName)
	}
	return nil
}

// Schedules returns what the scheduler decided of each schedule, by name.
func (b *Bolt) Schedules(ctx context.Context) (all []ScheduleState, err error) {
	defer wrap(&err, "read schedules")
	err = b.eachIn(ctx, bucketSchedules, func(k, v []byte) error {
		s := ScheduleState{Name: string(k)}
		if err := decode(v, &s); err != nil {
			return fmt.Errorf("schedule %.100q: %w", k, err)
		}
		all = append(all, s)
		return nil
	})
	return all, err
}

// ScheduleOrders returns what people asked of schedules, by name.
func (b *Bolt) ScheduleOrders(ctx context.Context) (all []ScheduleOrder, err error) {
	defer wrap(&err, "read orders of schedules")
	err = b.eachIn(ctx, bucketOrders, func(k, v []byte) error {
		o := ScheduleOrder{Name: string(k)}
		if err := decode(v, &o); err != nil {
			return fmt.Errorf("orders of schedule %.100q: %w", k, err)
		}
		all = append(all, o)
		return nil
	})
	return all, err
}

// eachIn calls do for each record of a bucket, if it is there.
func (b *Bolt) eachIn(ctx context.Context, bucket []byte, do func(k, v []byte) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.db.View(func(tx *bolt.Tx) error {
		bk := tx.Bucket(bucket)
		if bk == nil {
			return nil
		}
		return bk.ForEach(do)
	})
}

// ScheduleRow returns a row, or ErrNotFound.
func (b *Bolt) ScheduleRow(ctx context.Context, name string, due time.Time) (r ScheduleRow, err error) {
	defer wrap(&err, "row of schedule %.100q", name)
	if err := ctx.Err(); err != nil {
		return r, err
	}
	r.Name, r.Due = name, due
	return r, b.get(bucketPlanned, rowKey(name, due), &r)
}

// ScheduleRows yields the rows of a schedule, the latest first.
func (b *Bolt) ScheduleRows(ctx context.Context, name string) iter.Seq2[*ScheduleRow, error] {
	return func(yield func(*ScheduleRow, error) bool) {
		for below := append([]byte(name), 1); ; {
			r, err := b.rowBefore(ctx, name, below)
			if err != nil {
				wrap(&err, "rows of schedule %.100q", name)
				yield(nil, err)
				return
			}
			if r == nil || !yield(r, nil) {
				return
			}
			below = rowKey(name, r.Due)
		}
	}
}

// rowBefore returns the last row of a schedule before a key; nil if there is
// none.
func (b *Bolt) rowBefore(ctx context.Context, name string, below []byte) (r *ScheduleRow, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = b.db.View(func(tx *bolt.Tx) error {
		bk := tx.Bucket(bucketPlanned)
		if bk == nil {
			return nil
		}
		k, v := before(bk, below)
		if !isRowOf(k, name) {
			return nil
		}
		r = &ScheduleRow{Name: name, Due: dueOf(k)}
		return decode(v, r)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// isRowOf tells whether a key is that of a row of the schedule.
func isRowOf(key []byte, name string) bool {
	return len(key) == len(name)+1+8 && bytes.HasPrefix(key, rowPrefix(name))
}

func dueOf(key []byte) time.Time {
	return time.Unix(0, int64(binary.BigEndian.Uint64(key[len(key)-8:])))
}

// ScheduledNames returns the names of all schedules that have rows.
func (b *Bolt) ScheduledNames(ctx context.Context) (names []string, err error) {
	defer wrap(&err, "read schedules")
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = b.db.View(func(tx *bolt.Tx) error {
		bk := tx.Bucket(bucketPlanned)
		if bk == nil {
			return nil
		}
		c := bk.Cursor()
		for k, _ := c.First(); k != nil; {
			name, _, _ := bytes.Cut(k, []byte{0})
			names = append(names, string(name))
			k, _ = c.Seek(append(bytes.Clone(name), 1))
		}
		return nil
	})
	return names, err
}

// SaveSchedules records states and rows, each in place of the one before: all or
// none. Of each schedule the latest thousand rows are kept, and those that its
// state calls open.
func (b *Bolt) SaveSchedules(ctx context.Context, states []ScheduleState, rows []ScheduleRow) (err error) {
	defer wrap(&err, "save schedules")
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &write{}
	for i := range states {
		if w.puts, err = appendRecord(w.puts, bucketSchedules, states[i].Name, []byte(states[i].Name), &states[i]); err != nil {
			return err
		}
	}
	for i := range rows {
		if w.puts, err = appendRecord(w.puts, bucketPlanned, rows[i].Name, rowKey(rows[i].Name, rows[i].Due), &rows[i]); err != nil {
			return err
		}
	}
	w.after = func(tx *bolt.Tx) error {
		for _, r := range rows {
			if err := pruneRows(tx, r.Name); err != nil {
				return err
			}
		}
		return nil
	}
	return b.db.Commit(context.WithoutCancel(ctx), w)
}

// OrderSchedule changes what people ask of a schedule, and records the row that
// change returns, if it does.
func (b *Bolt) OrderSchedule(ctx context.Context, name string, change func(*ScheduleOrder) *ScheduleRow) (err error) {
	defer wrap(&err, "order schedule %.100q", name)
	if err := errors.Join(ctx.Err(), checkScheduleName(name)); err != nil {
		return err
	}
	return b.db.Commit(context.WithoutCancel(ctx), &write{after: func(tx *bolt.Tx) error {
		orders, err := tx.CreateBucketIfNotExists(bucketOrders)
		if err != nil {
			return err
		}
		o := ScheduleOrder{}
		if raw := orders.Get([]byte(name)); raw != nil {
			if err := decode(raw, &o); err != nil {
				return err
			}
		}
		o.Name = name
		row := change(&o)
		puts, err := appendRecord(nil, bucketOrders, name, []byte(name), &o)
		if err == nil && row != nil {
			puts, err = appendRecord(puts, bucketPlanned, name, rowKey(name, row.Due), row)
		}
		if err != nil {
			return err
		}
		return errors.Join(writeAll(tx, puts), pruneRows(tx, name))
	}})
}

// appendRecord adds the put of a schedule's record.
func appendRecord(puts []put, bucket []byte, name string, key []byte, v interface{ MarshalMsg([]byte) ([]byte, error) }) ([]put, error) {
	if err := checkScheduleName(name); err != nil {
		return nil, err
	}
	raw, err := encode(v)
	return append(puts, put{bucket, key, raw}), err
}

// pruneRows deletes the oldest rows of a schedule, but for open ones. It runs in
// the committer.
func pruneRows(tx *bolt.Tx, name string) error {
	rows := tx.Bucket(bucketPlanned)
	if rows == nil {
		return nil
	}
	var state ScheduleState
	if states := tx.Bucket(bucketSchedules); states != nil {
		if raw := states.Get([]byte(name)); raw != nil {
			if err := decode(raw, &state); err != nil {
				return err
			}
		}
	}
	open := map[string]bool{}
	for _, due := range state.Open {
		open[string(rowKey(name, due))] = true
	}
	var old [][]byte
	n := 0
	below := append([]byte(name), 1)
	c := rows.Cursor()
	k, _ := c.Seek(below)
	if k == nil {
		k, _ = c.Last()
	} else {
		k, _ = c.Prev()
	}
	for ; isRowOf(k, name); k, _ = c.Prev() {
		if n++; n > maxScheduleRows && !open[string(k)] {
			old = append(old, bytes.Clone(k))
		}
	}
	for _, k := range old {
		if err := rows.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// checkSchedules reads all records of schedules.
func (c *check) checkSchedules(ctx context.Context) error {
	if _, err := c.Schedules(ctx); err != nil {
		return err
	}
	if _, err := c.ScheduleOrders(ctx); err != nil {
		return err
	}
	names, err := c.ScheduledNames(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		for _, err := range c.ScheduleRows(ctx, name) {
			if err := c.damage(err); err != nil {
				return err
			}
		}
	}
	return nil
}
