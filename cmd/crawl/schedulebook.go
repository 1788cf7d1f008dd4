package main

import (
	"context"
	"os/user"
	"time"

	"crawl/internal/schedule"
	"crawl/store"
)

// book keeps a scheduler's decisions in the store.
type book struct{ *store.Bolt }

var _ schedule.Book = book{}

// States implements schedule.Book.
func (b book) States(ctx context.Context) (all []schedule.State, err error) {
	states, err := b.Schedules(ctx)
	for _, s := range states {
		all = append(all, schedule.State(s))
	}
	return all, err
}

// Row implements schedule.Book.
func (b book) Row(ctx context.Context, name string, due time.Time) (schedule.Row, error) {
	r, err := b.ScheduleRow(ctx, name, due)
	return schedule.Row(r), err
}

// Save implements schedule.Book.
func (b book) Save(ctx context.Context, states []schedule.State, rows []schedule.Row) error {
	var s []store.ScheduleState
	for _, state := range states {
		s = append(s, store.ScheduleState(state))
	}
	var r []store.ScheduleRow
	for _, row := range rows {
		r = append(r, store.ScheduleRow(row))
	}
	return b.SaveSchedules(ctx, s, r)
}

// Orders implements schedule.Book.
func (b book) Orders(ctx context.Context) (all []schedule.Order, err error) {
	orders, err := b.ScheduleOrders(ctx)
	for _, o := range orders {
		all = append(all, schedule.Order(o))
	}
	return all, err
}

// Begun is for schedule.Loop: whether the run of a row was begun.
func (b book) Begun(ctx context.Context, row schedule.Row) (bool, error) {
	run, err := runOfRow(ctx, b.Bolt, row)
	return run != nil, err
}

// runOfRow finds the run that was begun for a row of a schedule; nil if none was.
func runOfRow(ctx context.Context, st *store.Bolt, row schedule.Row) (*store.Run, error) {
	for run, err := range st.Runs(ctx, row.Site) {
		if err != nil {
			return nil, err
		}
		if run.Schedule == row.Name && run.Due.Equal(row.Due) {
			return run, nil
		}
		if run.Started.Before(row.Due.Add(-time.Hour)) { // clocks may be set a little
			break
		}
	}
	return nil, nil
}

// scheduledResult tells a scheduler how a run ended.
func scheduledResult(run *store.Run) schedule.Result {
	r := schedule.Result{Run: runName(run), Text: "ok"}
	switch run.State {
	case store.Partial:
		r.Text = "stopped: " + run.Why
	case store.Empty:
		r.Text, r.Failed = "nothing crawled: "+run.Why, true
	case store.Interrupted, store.Running:
		r.Text, r.Unfinished = "interrupted", true
	}
	if run.Gate != nil && run.Gate.Rows > 0 && r.Text == "ok" {
		r.Text = "gate failed"
	}
	if brief := briefChanges(run.Changes); brief != "" && brief != "none" {
		r.Text += ", " + brief
	}
	return r
}

// whoever is the name of the user, for the history.
func whoever() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "somebody"
}
