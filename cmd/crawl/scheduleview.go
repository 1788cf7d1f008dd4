package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"crawl/internal/query"
	"crawl/internal/schedule"
	"crawl/store"

	"github.com/spf13/cobra"
)

// schedulesIn returns what reads the schedules that are configured, with what
// the store has of them.
func schedulesIn(c *cobra.Command, st *store.Bolt) func(context.Context) ([]query.Schedule, error) {
	return func(ctx context.Context) ([]query.Schedule, error) {
		blocks, err := schedulesFor(c)
		if err != nil {
			return nil, err
		}
		return viewSchedules(ctx, st, blocks, time.Now())
	}
}

// viewSchedules joins schedules and what the store has of them; st may be nil.
func viewSchedules(ctx context.Context, st *store.Bolt, blocks []scheduleBlock, now time.Time) ([]query.Schedule, error) {
	orders := map[string]store.ScheduleOrder{}
	if st != nil {
		list, err := st.ScheduleOrders(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range list {
			orders[o.Name] = o
		}
	}
	var all []query.Schedule
	for _, b := range blocks {
		v := query.Schedule{Name: b.Name, Site: b.Site, Rule: b.When.String(), Zone: b.When.Zone(), Next: nextRun(b.Job, now)}
		if st != nil {
			if err := viewRows(ctx, st, &v); err != nil {
				return nil, err
			}
		}
		if o := orders[b.Name]; o.IsPaused() {
			v.Next, v.PausedBy = time.Time{}, o.PausedBy
			if v.State == "" {
				v.State = schedule.Paused
			}
		}
		all = append(all, v)
	}
	return all, nil
}

// nextRun is when a job begins next, or the zero time.
func nextRun(j schedule.Job, now time.Time) time.Time {
	due, ok := j.When.Next(now.Add(-j.MaxJitter(now)))
	if ok && !j.Begins(due).After(now) {
		due, ok = j.When.Next(now)
	}
	if !ok {
		return time.Time{}
	}
	return j.Begins(due)
}

// viewRows reads the history of a schedule back to its last run.
func viewRows(ctx context.Context, st *store.Bolt, v *query.Schedule) error {
	var newest *store.ScheduleRow // that did not run
	for row, err := range st.ScheduleRows(ctx, v.Name) {
		if err != nil {
			return err
		}
		switch row.State {
		case schedule.Paused, schedule.Resumed, schedule.Clock:
			continue
		case schedule.Waiting:
			v.State = row.State
			continue
		case schedule.Skipped, schedule.Missed:
			if newest == nil {
				newest = row
			}
			v.NotRun += max(row.Times, 1)
			continue
		case schedule.Running:
			v.State = row.State
		}
		v.Last, v.Ended, v.Result = row.Started, row.Ended, row.Result
		if v.Result == "" {
			v.Result = row.State
		}
		break
	}
	if newest != nil {
		v.Result = newest.State
		if v.NotRun > 1 {
			v.Result += fmt.Sprintf(" ×%d", v.NotRun)
		}
		v.Result += ": " + newest.Why
	}
	return nil
}

// withSchedules hands the configured schedules to do, with the store if there is
// one; st is nil if nothing was crawled yet.
func withSchedules(c *cobra.Command, do func(ctx context.Context, st *store.Bolt, blocks []scheduleBlock, s *Settings) error) error {
	blocks, err := schedulesFor(c)
	if err != nil {
		return err
	}
	err = withStore(c, func(ctx context.Context, st *store.Bolt, _ string, s *Settings) error { return do(ctx, st, blocks, s) })
	var none *noStoreError
	if !errors.As(err, &none) {
		return err
	}
	r, err := loadSettings(c.Flags(), "")
	if err != nil {
		return err
	}
	return do(c.Context(), nil, blocks, &r.Settings)
}

// dayText writes a moment for people, in the zone of this machine.
func dayText(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	day := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }
	switch days := day(t).Sub(day(now)) / (24 * time.Hour); {
	case t.IsZero():
		return ""
	case days == 0:
		return "today " + t.Format("15:04")
	case days == 1:
		return "tomorrow " + t.Format("15:04")
	case days == -1:
		return "yesterday " + t.Format("15:04")
	case t.Year() != now.Year():
		return t.Format("2 Jan 2006 15:04")
	}
	return t.Format("2 Jan 15:04")
}
