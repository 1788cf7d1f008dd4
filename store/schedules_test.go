package store

import (
	"errors"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

func openSchedules(t *testing.T, dir string) *Bolt {
	t.Helper()
	b, err := Open(dir, Options{Program: "crawl/test", Command: "go test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() }) // it may be closed already
	return b
}

func TestSchedules(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	b := openSchedules(t, dir)
	at := func(n int) time.Time { return time.Date(2026, 11, 26, 6, 0, 0, n, time.UTC).AddDate(0, 0, n) }
	state := ScheduleState{Name: "a", Rule: "daily 06:00 UTC", Decided: at(2), Open: []time.Time{at(2)}}
	rows := []ScheduleRow{{Name: "a", Site: "s", Due: at(1), State: "skipped", Why: "one is going"}, {Name: "a", Site: "s", Due: at(2), State: "running", Started: at(3)}, {Name: "ab", Due: at(1), State: "done"}}
	if err := b.SaveSchedules(ctx, []ScheduleState{state}, rows); err != nil {
		t.Fatal(err)
	}
	if err := b.OrderSchedule(ctx, "a", func(o *ScheduleOrder) *ScheduleRow {
		o.Paused, o.PausedBy = at(4), "ana"
		return &ScheduleRow{Name: "a", Due: at(4), State: "paused", By: "ana"}
	}); err != nil {
		t.Fatal(err)
	}
	if err := b.OrderSchedule(ctx, "a", func(o *ScheduleOrder) *ScheduleRow {
		o.Ask = at(5)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = openSchedules(t, dir)
	states, err := b.Schedules(ctx)
	if err != nil || len(states) != 1 || states[0].Name != "a" || !states[0].Decided.Equal(at(2)) || !states[0].Open[0].Equal(at(2)) {
		t.Errorf("states %v, %v", states, err)
	}
	orders, err := b.ScheduleOrders(ctx)
	if err != nil || len(orders) != 1 || !orders[0].IsPaused() || orders[0].PausedBy != "ana" || !orders[0].Ask.Equal(at(5)) {
		t.Errorf("orders %v, %v", orders, err)
	}
	var seen []string
	for r, err := range b.ScheduleRows(ctx, "a") {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, r.State)
	}
	if !slices.Equal(seen, []string{"paused", "running", "skipped"}) {
		t.Errorf("rows %v", seen)
	}
	row, err := b.ScheduleRow(ctx, "a", at(1))
	if err != nil || row.Why != "one is going" || !row.Due.Equal(at(1)) {
		t.Errorf("row %v, %v", row, err)
	}
	if _, err := b.ScheduleRow(ctx, "a", at(9)); !errors.Is(err, ErrNotFound) {
		t.Errorf("a row that is not there: %v", err)
	}
	if names, err := b.ScheduledNames(ctx); err != nil || !slices.Equal(names, []string{"a", "ab"}) {
		t.Errorf("names %v, %v", names, err)
	}
	for _, name := range []string{"", "a\x00b"} {
		if err := b.SaveSchedules(ctx, []ScheduleState{{Name: name}}, nil); err == nil {
			t.Errorf("schedule %q is taken", name)
		}
	}
	if report, err := b.Check(ctx); err != nil || len(report.Faults) > 0 {
		t.Errorf("check: %v, %v", report.Faults, err)
	}
}

func TestOldScheduleRowsGo(t *testing.T) {
	ctx := t.Context()
	b := openSchedules(t, t.TempDir())
	begin := time.Date(2026, 11, 26, 6, 0, 0, 0, time.UTC)
	state := ScheduleState{Name: "a", Open: []time.Time{begin}}
	var rows []ScheduleRow
	for i := range maxScheduleRows + 50 {
		rows = append(rows, ScheduleRow{Name: "a", Due: begin.Add(time.Duration(i) * time.Hour), State: "done"})
	}
	if err := b.SaveSchedules(ctx, []ScheduleState{state}, rows); err != nil {
		t.Fatal(err)
	}
	var dues []time.Time
	for r, err := range b.ScheduleRows(ctx, "a") {
		if err != nil {
			t.Fatal(err)
		}
		dues = append(dues, r.Due)
	}
	if len(dues) != maxScheduleRows+1 || !dues[maxScheduleRows].Equal(begin) || !dues[maxScheduleRows-1].Equal(begin.Add(50*time.Hour)) {
		t.Errorf("%d rows are left, the first of %s", len(dues), dues[len(dues)-1])
	}
}

func TestDamagedSchedule(t *testing.T) {
	ctx := t.Context()
	for _, bucket := range [][]byte{bucketSchedules, bucketOrders, bucketPlanned} {
		b := openSchedules(t, t.TempDir())
		key := []byte("a")
		if string(bucket) == string(bucketPlanned) {
			key = rowKey("a", time.Now())
		}
		if err := b.db.Commit(ctx, &write{after: func(tx *bolt.Tx) error {
			bk, err := tx.CreateBucketIfNotExists(bucket)
			if err != nil {
				return err
			}
			return bk.Put(key, []byte{recordVersion, 0xdf, 0xff, 0xff, 0xff, 0xff})
		}}); err != nil {
			t.Fatal(err)
		}
		report, err := b.Check(ctx)
		if err != nil || len(report.Faults) != 1 {
			t.Errorf("%s: check finds %q, %v", bucket, report.Faults, err)
		}
	}
}
