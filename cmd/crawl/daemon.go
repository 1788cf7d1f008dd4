package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"crawl/crawler"
	"crawl/frontier"
	"crawl/internal/web"
	"crawl/store"

	"golang.org/x/sync/semaphore"
)

// mostWaiting is how many runs may wait for a place.
const mostWaiting = 1000

// daemon crawls many runs in one process. They share the store, one frontier, so
// that a host has one clock whoever asks it, and the machine.
type daemon struct {
	store  *store.Bolt
	front  *frontier.Bolt
	holder *holder
	log    *slog.Logger
	hub    *web.Hub
	stats  *web.Stats
	places *semaphore.Weighted // one for each run at once; who came first is first
	most   int                 // places

	ctx  context.Context    // ends when runs are to be cut off
	cut  context.CancelFunc // ends it
	all  sync.WaitGroup     // stints
	stop chan struct{}      // closed when all runs are to stop
	wake func()             // has the scheduler look at what was ordered

	taking sync.Mutex // held while a run is taken: one of a site at a time

	mu      sync.Mutex // guards what follows
	conf    *config
	live    map[store.RunID]*stint
	line    []*stint        // of live, those that wait for a place, in their order
	untidy  map[string]bool // sites of which runs have ended, see tidy
	tidying bool            // somebody goes through them
	stopped bool
}

// config is what is configured: what runs are made of from now on.
type config struct {
	*layers
	base *Resolved // without a site
}

// newConfig resolves the layers for every site, and refuses what has faults.
func newConfig(l *layers) (*config, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	base, err := l.resolve("")
	return &config{l, base}, err
}

func newDaemon(st *store.Bolt, dir string, conf *config, log *slog.Logger) *daemon {
	most := conf.base.Settings.Runs
	d := &daemon{
		store: st, front: frontier.NewBolt(filepath.Join(dir, "runs")), log: log, hub: web.NewHub(), stats: web.NewStats(),
		places: semaphore.NewWeighted(int64(most)), most: most, stop: make(chan struct{}), conf: conf, live: map[store.RunID]*stint{}, untidy: map[string]bool{},
	}
	d.ctx, d.cut = context.WithCancel(context.Background())
	d.holder = newHolder(st, dir, log)
	d.holder.taken, d.holder.front = d.has, d.front
	d.holder.schedules = func() ([]scheduleBlock, error) { return d.config().schedules, nil }
	d.holder.rules = func() (findingRules, error) { return d.config().findingRules() }
	d.wake = func() {} // until there is one
	d.gauges()
	return d
}

// config is what is configured now.
func (d *daemon) config() *config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conf
}

// reload takes another configuration for runs that begin from now on. How many
// run at once, and what the server listens to, stays until a restart.
func (d *daemon) reload(c *config) {
	d.mu.Lock()
	d.conf = c
	d.mu.Unlock()
	d.hub.Publish("config", "", struct {
		Sites int `json:"sites"`
	}{len(c.sites())})
}

// begin records a new run and lets it be crawled when there is a place.
func (d *daemon) begin(ctx context.Context, o *order) (*store.Run, error) {
	t, err := o.prepare(o.s.room(d.most), d.log)
	if err != nil {
		return nil, refused(400, err)
	}
	err = d.take(t, func(*store.Run) error { return begin(ctx, d.store, o) })
	if err != nil {
		return nil, refused(400, err)
	}
	return d.store.Run(ctx, t.run.ID)
}

// room tells why no further run is taken, of this site or any.
func (d *daemon) room(site string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.stopped:
		return errStopping
	case len(d.line) >= mostWaiting:
		return &web.Error{Status: 503, What: fmt.Sprintf("%d runs are waiting already", len(d.line)), Next: "ask again when some have ended"}
	}
	for _, s := range d.live {
		if s.run.Site == site {
			return &web.Error{Status: 409, What: "run " + s.name + " is not over", Next: "stop it, or wait for its end"}
		}
	}
	return nil
}

var errStopping = &web.Error{Status: 503, What: "the daemon is stopping", Next: "ask again when it is back"}

// resume goes on with a run that was interrupted.
func (d *daemon) resume(ctx context.Context, run *store.Run) error {
	if !resumable(run) {
		return &web.Error{Status: 409, What: fmt.Sprintf("run %s is %s: nothing is left of it to do", runName(run), run.State), Next: "begin a new one"}
	}
	o, err := orderOf(run, &d.config().base.Settings)
	if err != nil {
		return err
	}
	t, err := o.prepare(o.s.room(d.most), d.log)
	if err != nil {
		return err
	}
	return d.take(t, func(run *store.Run) error { return d.store.Update(ctx, run) })
}

// take records that a run is the daemon's, which then goes on with it at its next
// start too, and puts it in line.
func (d *daemon) take(t *task, record func(*store.Run) error) error {
	d.taking.Lock()
	defer d.taking.Unlock()
	err := d.room(t.run.Site)
	if err == nil {
		t.run.Daemon = true
		err = record(t.run)
	}
	if err != nil {
		t.close()
		return err
	}
	s := &stint{task: t, daemon: d, name: runName(t.run), stop: make(chan struct{}), ended: make(chan struct{})}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped { // meanwhile: it waits for the next start
		t.close()
		return errStopping
	}
	d.live[t.run.ID] = s
	d.line = append(d.line, s)
	d.hub.Publish("run.waiting", s.name, s.note())
	d.all.Go(s.see)
	return nil
}

// Start implements web.Engine.
func (d *daemon) Start(ctx context.Context, w web.Wish) (*store.Run, error) {
	o, err := orderFor(d.config(), w)
	if err != nil {
		return nil, err
	}
	return d.begin(ctx, o)
}

// Steer implements web.Engine.
func (d *daemon) Steer(ctx context.Context, run *store.Run, verb web.Verb) error {
	d.mu.Lock()
	s := d.live[run.ID]
	d.mu.Unlock()
	switch {
	case s == nil && verb == web.Resume:
		kept, err := d.store.Run(ctx, run.ID) // whatever is shown of it
		if err != nil {
			return err
		}
		kept.Paused = false
		return d.resume(ctx, kept)
	case s == nil:
		return &web.Error{Status: 409, What: "run " + runName(run) + " does not go on", Next: "see GET /v1/status"}
	}
	switch verb {
	case web.Stop:
		if going := d.holder.going(run.ID); going != nil {
			return going.end()
		}
		s.halt(true)
		return nil
	case web.Pause, web.Unpause:
		if going := d.holder.going(run.ID); going != nil {
			return going.pause(verb == web.Pause)
		}
		return &web.Error{Status: 409, What: "run " + s.name + " waits for a place, or has just ended"}
	}
	return &web.Error{Status: 409, What: "run " + s.name + " goes on already"}
}

// Queue implements web.Engine.
func (d *daemon) Queue() web.Queue {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := web.Queue{Waiting: []string{}, Places: d.most}
	for _, s := range d.line {
		q.Waiting = append(q.Waiting, s.name)
	}
	return q
}

// gauges adds what /metrics tells of the daemon.
func (d *daemon) gauges() {
	for _, state := range []string{web.StateRunning, web.StatePaused, web.StateStopping} {
		d.stats.Gauge("crawl_runs", "Runs that go on, by their state.", map[string]string{"state": state}, func() float64 { return float64(d.holder.states()[state]) })
	}
	d.stats.Gauge("crawl_runs_waiting", "Runs that wait for a place.", nil, func() float64 { return float64(len(d.Queue().Waiting)) })
	d.stats.Gauge("crawl_listeners", "Clients that listen to events.", nil, func() float64 { return float64(d.hub.Listening()) })
	d.stats.Gauge("crawl_index_bytes", "Size of crawl.db.", nil, func() float64 {
		file, err := os.Stat(filepath.Join(d.holder.dir, indexFile))
		if err != nil {
			return math.NaN()
		}
		return float64(file.Size())
	})
}

// stopping tells whether all runs are to stop.
func (d *daemon) stopping() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stopped
}

// Ready implements web.Engine.
func (d *daemon) Ready() error {
	if d.stopping() {
		return errStopping
	}
	for _, err := range d.store.Runs(d.ctx, "") { // the newest alone: it can be read
		if err != nil {
			return err
		}
		break
	}
	return nil
}

// Sites implements web.Engine.
func (d *daemon) Sites(ctx context.Context) ([]web.Site, error) {
	c := d.config()
	var all []web.Site
	at := map[string]int{}
	for _, name := range c.sites() {
		b, _ := findSite(c.files, name)
		at[name] = len(all)
		all = append(all, web.Site{Name: name, Seeds: b.seeds, From: "config"})
	}
	for run, err := range d.store.Runs(ctx, "") {
		if err != nil {
			return nil, err
		}
		i, known := at[run.Site]
		if !known {
			i = len(all)
			at[run.Site] = i
			all = append(all, web.Site{Name: run.Site, Seeds: run.Seeds, From: "runs"})
		}
		if all[i].Last == "" { // newest first
			all[i].Last, all[i].State = runName(run), run.State
		}
	}
	return all, nil
}

// has tells a run that goes on, or waits for a place.
func (d *daemon) has(id store.RunID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.live[id] != nil
}

// recover goes on with the runs that the last daemon left, oldest first. Hosts of
// runs that were killed count as asked just now, before anybody may ask them: the
// last process asked nobody knows when.
func (d *daemon) recover(ctx context.Context) error {
	var left []*store.Run
	for run, err := range d.store.Runs(ctx, "") {
		if err != nil {
			return err
		}
		if resumable(run) {
			left = append(left, run)
		}
	}
	for _, run := range left {
		if run.State != store.Running {
			continue
		}
		if err := d.touch(ctx, run); err != nil {
			d.log.Error("the queue of a run that was killed cannot be read", "run", runName(run), "cause", err)
		}
	}
	for _, run := range slices.Backward(left) {
		if !run.Daemon {
			continue
		}
		if err := d.resume(ctx, run); err != nil {
			d.log.Error("a run is not gone on with", "run", runName(run), "cause", err)
			d.hub.Publish("run.failed", runName(run), failure(err))
		}
	}
	return nil
}

// touch has the clocks of a run's hosts begin anew.
func (d *daemon) touch(ctx context.Context, run *store.Run) error {
	if _, err := os.Stat(queueFile(d.holder.dir, run)); errors.Is(err, os.ErrNotExist) {
		return nil // it was killed before its queue was made
	}
	o, err := orderOf(run, &d.config().base.Settings)
	if err != nil {
		return err
	}
	name := crawler.Name(run.ID)
	if err := d.front.Open(ctx, name, frontier.Config{Manners: manners(&o.s, o.hosts, o.seeds), KnownBytes: forgetful}); err != nil {
		return err
	}
	return d.front.Leave(name)
}

// halt stops all runs: none begins any more, and each can go on later.
func (d *daemon) halt() {
	d.mu.Lock()
	first := !d.stopped
	d.stopped = true
	d.mu.Unlock()
	if first {
		close(d.stop)
	}
}

// close waits until all runs have stopped, and ends the frontier.
func (d *daemon) close() error {
	d.halt()
	d.all.Wait()
	d.cut()
	return d.front.Close()
}

// failure is an error as an event tells it.
func failure(err error) any {
	return struct {
		Error string `json:"error"`
	}{err.Error()}
}

// leaves takes a stint out of the line: it has a place, or no longer wants one.
func (d *daemon) leaves(s *stint) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.line = slices.DeleteFunc(d.line, func(o *stint) bool { return o == s })
}

// ended forgets a stint.
func (d *daemon) ended(s *stint) {
	d.leaves(s)
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.live, s.run.ID)
}
