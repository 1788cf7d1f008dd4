package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"crawl/internal/query"
	"crawl/internal/schedule"
	"crawl/internal/web"
	"crawl/store"
)

// scheduler begins what is scheduled.
func (v *service) scheduler() *schedule.Loop {
	b := book{v.store}
	return &schedule.Loop{
		Book: tellingBook{b, v.hub}, Jobs: v.jobs, Do: v.do, Begun: b.Begun, Stuck: v.stuck, MaxParallel: v.most, Log: v.log,
	}
}

// tellingBook tells of each row that it keeps.
type tellingBook struct {
	book
	hub *web.Hub
}

// Save implements schedule.Book.
func (b tellingBook) Save(ctx context.Context, states []schedule.State, rows []schedule.Row) error {
	err := b.book.Save(ctx, states, rows)
	if err != nil {
		return err
	}
	for _, r := range rows {
		b.hub.Publish("schedule", r.Run, struct {
			Schedule string    `json:"schedule"`
			Site     string    `json:"site"`
			Due      time.Time `json:"due"`
			State    string    `json:"state"`
			Why      string    `json:"why,omitempty"`
			Run      string    `json:"run,omitempty"`
			Result   string    `json:"result,omitempty"`
		}{r.Name, r.Site, r.Due.UTC(), r.State, r.Why, r.Run, r.Result})
	}
	return nil
}

// jobs are the schedules that are configured by now, for the scheduler.
func (v *service) jobs() (all []schedule.Job) {
	v.catchUp()
	for _, b := range v.config().schedules {
		all = append(all, b.Job)
	}
	return all
}

// schedules are those that are configured by now, for whoever asks.
func (v *service) schedules() ([]scheduleBlock, error) {
	v.catchUp()
	return v.config().schedules, nil
}

// Start implements web.Engine, for a site that was added just now, too.
func (v *service) Start(ctx context.Context, w web.Wish) (*store.Run, error) {
	v.catchUp()
	return v.daemon.Start(ctx, w)
}

// Sites implements web.Engine, likewise.
func (v *service) Sites(ctx context.Context) ([]web.Site, error) {
	v.catchUp()
	return v.daemon.Sites(ctx)
}

// Order implements web.Engine, likewise.
func (v *service) Order(ctx context.Context, name string, what web.Order) error {
	v.catchUp()
	return v.daemon.Order(ctx, name, what)
}

// catchUp reads the configuration anew, as on SIGHUP, where a config file has
// changed since it was read.
func (v *service) catchUp() {
	if v.changed() {
		v.refresh()
	}
}

// changed tells whether a config file is not as it was read.
func (v *service) changed() bool {
	v.reading.Lock()
	defer v.reading.Unlock()
	return v.fingerprint() != v.seen
}

// fingerprint changes when a config file does; "" if that cannot be told.
func (v *service) fingerprint() string {
	var b strings.Builder
	for _, p := range v.paths {
		info, err := os.Stat(p.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return ""
		}
		fmt.Fprintln(&b, p.path, info.Size(), info.ModTime().UnixNano())
	}
	return b.String()
}

// Schedules implements web.Engine.
func (d *daemon) Schedules(ctx context.Context) ([]query.Schedule, error) {
	return d.holder.viewSchedules(ctx)
}

// Order implements web.Engine.
func (d *daemon) Order(ctx context.Context, name string, what web.Order) error {
	b, err := findSchedule(d.config().schedules, name)
	if err != nil {
		return refused(404, err)
	}
	change := map[web.Order]scheduleChange{web.OrderPause: pauseSchedule, web.OrderResume: resumeSchedule, web.OrderRun: askSchedule}[what]
	if _, err := orderSchedule(ctx, d.store, &b, change, "a client of the API"); err != nil {
		return err
	}
	d.wake()
	return nil
}

// do sees the run of a row through.
func (d *daemon) do(ctx context.Context, job schedule.Job, row schedule.Row, again bool) schedule.Result {
	if !again {
		if why := d.makeWay(ctx, job); why != "" {
			return schedule.Result{Text: why, Skipped: true}
		}
	}
	run, err := d.scheduled(ctx, job, row, again)
	switch {
	case errors.Is(err, errStopping), ctx.Err() != nil && err != nil:
		return schedule.Result{Text: "interrupted", Unfinished: true}
	case err != nil:
		d.log.Error("a scheduled run was not begun", "schedule", job.Name, "cause", err)
		return schedule.Result{Text: "not begun: " + err.Error(), Failed: true}
	}
	d.mu.Lock()
	s := d.live[run.ID]
	d.mu.Unlock()
	if s != nil {
		select {
		case <-s.ended:
		case <-ctx.Done(): // a later run replaces it, or the scheduler ends: then it goes on later
			s.halt(errors.Is(context.Cause(ctx), schedule.ErrReplaced))
			<-s.ended
		}
		if s.fault != nil {
			return schedule.Result{Run: s.name, Text: "cut short: " + s.fault.Error(), Failed: true}
		}
	}
	if run, err = d.store.Run(context.WithoutCancel(ctx), run.ID); err != nil {
		return schedule.Result{Text: err.Error(), Failed: true}
	}
	return scheduledResult(run)
}

// makeWay does with a run of the site that no schedule began, as a client's, what the
// job says of its own: it waits for it or ends it, or tells why the job is skipped.
func (d *daemon) makeWay(ctx context.Context, job schedule.Job) (skipped string) {
	for s := d.ofSite(job.Site); s != nil && ctx.Err() == nil; s = d.ofSite(job.Site) {
		switch {
		case job.Overlap == schedule.Replace || d.paused(s.run.ID):
			s.halt(true)
		case job.Overlap != schedule.Queue:
			return "run " + s.name + " is still going"
		}
		select {
		case <-s.ended:
		case <-ctx.Done():
		}
	}
	return ""
}

// ofSite is the stint of a site's run, or nil.
func (d *daemon) ofSite(site string) *stint {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.live {
		if s.run.Site == site {
			return s
		}
	}
	return nil
}

// paused tells whether a run goes on and is paused.
func (d *daemon) paused(id store.RunID) bool {
	going := d.holder.going(id)
	return going != nil && going.stateNow() == web.StatePaused
}

// scheduled begins the run of a row, or goes on with it.
func (d *daemon) scheduled(ctx context.Context, job schedule.Job, row schedule.Row, again bool) (*store.Run, error) {
	if again {
		run, err := runOfRow(ctx, d.store, row)
		if err != nil || run == nil {
			return nil, errors.Join(err, store.ErrNotFound)
		}
		return run, nil // recover has gone on with it, unless it had ended, or was stopped by a user
	}
	o, err := orderFor(d.config(), web.Wish{Site: job.Site})
	if err != nil {
		return nil, err
	}
	o.run.Schedule, o.run.Due = row.Name, row.Due
	return d.begin(ctx, o)
}

// stuck tells whether a run makes no progress for it is paused.
func (d *daemon) stuck(row schedule.Row) bool {
	run, err := runOfRow(d.ctx, d.store, row)
	return err == nil && run != nil && d.paused(run.ID)
}
