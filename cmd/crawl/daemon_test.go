package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"crawl/internal/schedule"
	"crawl/internal/testweb"
	"crawl/internal/web"
	"crawl/store"
)

// daemonOn opens a daemon on a folder, with a configuration.
func daemonOn(t *testing.T, dir, yaml string) *daemon {
	t.Helper()
	settingsWorld(t)
	conf := configOf(t, yaml)
	st, err := store.Open(dir, storeOptions(&conf.base.Settings))
	if err != nil {
		t.Fatal(err)
	}
	d := newDaemon(st, dir, conf, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := errors.Join(d.close(), d.holder.close(), st.Close()); err != nil {
			t.Error(err)
		}
	})
	return d
}

// over waits until a run has ended, and returns it as it was left.
func (d *daemon) over(t *testing.T, id store.RunID) *store.Run {
	t.Helper()
	d.mu.Lock()
	s := d.live[id]
	d.mu.Unlock()
	if s != nil {
		select {
		case <-s.ended:
		case <-time.After(2 * patience):
			t.Fatalf("run %s does not end", s.name)
		}
	}
	run, err := d.store.Run(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// TestDaemonOneHost has ten schedules crawl ten sites of one host at once, and a
// client one host more that shares its address in nothing: the host is asked as if
// by one run.
func TestDaemonOneHost(t *testing.T) {
	const sites, pages = 10, 6
	const delay = 15 * time.Millisecond
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" || r.URL.Path == "/sitemap.xml" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		for n := range pages {
			fmt.Fprintf(w, "<a href=%d>%d</a>", n, n)
		}
	})
	served, err := testweb.Serve(map[string]http.Handler{"one": page, "two": page})
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close()
	var yaml strings.Builder
	fmt.Fprintf(&yaml, "defaults: {rate: %s, runs: %d, scope: prefix}\nsites:\n", rateOf(delay), sites+1)
	for n := range sites {
		fmt.Fprintf(&yaml, "  s%d: {seeds: [\"%s\"], schedules: [{name: n%d, every: 1h}]}\n", n, served.URL("one", fmt.Sprintf("/%d/", n)), n)
	}
	fmt.Fprintf(&yaml, "  two: {seeds: [\"%s\"]}\n", served.URL("two", "/0/"))
	d := daemonOn(t, t.TempDir(), yaml.String())
	due := time.Now().Truncate(time.Second)
	var scheduled sync.WaitGroup
	for _, b := range d.config().schedules {
		row := schedule.Row{Name: b.Job.Name, Site: b.Job.Site, Due: due}
		scheduled.Go(func() {
			if got := d.do(t.Context(), b.Job, row, false); got.Failed || got.Unfinished {
				t.Errorf("schedule %s: %+v", row.Name, got)
			}
		})
	}
	two, err := d.Start(t.Context(), web.Wish{Site: "two"})
	if err != nil {
		t.Fatal(err)
	}
	scheduled.Wait()
	d.over(t, two.ID)
	runs := 0
	for run, err := range d.store.Runs(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if runs++; run.State != store.Complete || run.Counts.Status[2] != pages+1 || run.Daemon {
			t.Errorf("run %s is %s, %+v", runName(run), run.State, run.Counts)
		}
	}
	if runs != sites+1 {
		t.Errorf("%d runs", runs)
	}
	audit := testweb.Audit{
		Delay: func(string) time.Duration { return delay }, Tolerance: delay / 2, Agent: "crawl",
		MayRepeat: func(h testweb.Hit) bool { return h.URI == "/robots.txt" || h.URI == "/sitemap.xml" }, // each run asks for it
	}
	for _, breach := range audit.Check(served.Hits(), nil) {
		t.Error(breach)
	}
}

// TestDaemonGoesOn stops a daemon amid runs that go on, wait, and were stopped by
// a user, and sees which of them the next one goes on with.
func TestDaemonGoesOn(t *testing.T) {
	asked, held := make(chan string, 10), make(chan struct{})
	site := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/robots.txt", "/sitemap.xml":
			http.NotFound(w, r)
			return
		case "/held":
			asked <- r.Host
			select {
			case <-held:
			case <-r.Context().Done():
			}
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<a href=/held>h</a>")
	})
	served, err := testweb.Serve(map[string]http.Handler{"a": site, "b": site, "c": site})
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close()
	yaml := fmt.Sprintf("defaults: {rate: 100/s, runs: 2}\nsites:\n  a: {seeds: [\"%s\"]}\n  b: {seeds: [\"%s\"]}\n  c: {seeds: [\"%s\"]}\n", served.URL("a", "/"), served.URL("b", "/"), served.URL("c", "/"))
	dir := t.TempDir()
	runs := map[string]*store.Run{}
	t.Run("the first", func(t *testing.T) {
		d := daemonOn(t, dir, yaml)
		for _, name := range []string{"a", "b", "c"} {
			if runs[name], err = d.Start(t.Context(), web.Wish{Site: name}); err != nil {
				t.Fatal(err)
			}
			if name != "c" {
				<-asked
			}
		}
		if q, n := d.Queue(), d.holder.states(); n[web.StateRunning] != 2 || len(q.Waiting) != 1 || q.Waiting[0] != "c@1" {
			t.Fatalf("waiting: %v, states %v", q.Waiting, n)
		}
		if err := d.Steer(t.Context(), runs["b"], web.Pause); err != nil {
			t.Fatal(err)
		}
		if err := d.Steer(t.Context(), runs["b"], web.Stop); err != nil {
			t.Fatal(err)
		}
		if going := d.holder.going(runs["b"].ID); going != nil && going.stateNow() != web.StateStopping {
			t.Errorf("b is %s after a stop", going.stateNow())
		}
		if err := d.Steer(t.Context(), runs["b"], web.Unpause); err == nil {
			t.Error("b goes on after a stop")
		}
		d.cut() // the held ones, as a second signal does
		d.halt()
		for _, verb := range []web.Verb{web.Resume} {
			if err := d.Steer(t.Context(), runs["a"], verb); err == nil {
				t.Error("a daemon that is stopping takes a run")
			}
		}
		if d.Ready() == nil {
			t.Error("a daemon that is stopping says that it is ready")
		}
		for name, goesOn := range map[string]bool{"a": true, "b": false, "c": true} {
			if run := d.over(t, runs[name].ID); run.State != store.Interrupted || run.Daemon != goesOn {
				t.Errorf("%s is %s, and the next daemon goes on with it: %v", name, run.State, run.Daemon)
			}
		}
	})
	close(held)
	t.Run("the next", func(t *testing.T) {
		d := daemonOn(t, dir, yaml)
		if err := d.recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"a": store.Complete, "b": store.Interrupted, "c": store.Complete} {
			if run := d.over(t, runs[name].ID); run.State != want || run.Daemon {
				t.Errorf("%s is %s, %v", name, run.State, run.Daemon)
			}
		}
		if err := d.Steer(t.Context(), runs["b"], web.Resume); err != nil {
			t.Fatal(err)
		}
		if run := d.over(t, runs["b"].ID); run.State != store.Complete {
			t.Errorf("b is %s", run.State)
		}
	})
}

// TestDaemonSchedules sees what becomes of the runs of schedules: one that ends,
// one that a later run replaces, one that goes on with the next daemon, and one
// whose site is crawled already.
func TestDaemonSchedules(t *testing.T) {
	asked, held := make(chan string, 10), make(chan struct{})
	site := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" || r.URL.Path == "/sitemap.xml" {
			http.NotFound(w, r)
			return
		}
		asked <- r.Host
		select {
		case <-held:
		case <-r.Context().Done():
		}
	})
	served, err := testweb.Serve(map[string]http.Handler{"a": site})
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close()
	yaml := fmt.Sprintf("defaults: {rate: 100/s}\nsites:\n  a: {seeds: [\"%s\"], schedules: [{name: often, every: 5s}]}\n", served.URL("a", "/"))
	dir, due := t.TempDir(), time.Now().Truncate(time.Second)
	row := func(n int) schedule.Row {
		return schedule.Row{Name: "often", Site: "a", Due: due.Add(time.Duration(n) * 5 * time.Second)}
	}
	begin := func(d *daemon, n int, again bool) (end context.CancelCauseFunc, result chan schedule.Result) {
		ctx, cancel := context.WithCancelCause(t.Context())
		result = make(chan schedule.Result, 1)
		go func() { result <- d.do(ctx, d.config().schedules[0].Job, row(n), again) }()
		return cancel, result
	}
	wants := func(d *daemon, n int, result chan schedule.Result, unfinished, failed, goesOn bool) {
		t.Helper()
		got := <-result
		run, err := runOfRow(context.Background(), d.store, row(n))
		if err != nil || got.Unfinished != unfinished || got.Failed != failed {
			t.Errorf("the run of row %d: %+v, %v", n, got, err)
		}
		if run != nil && (run.Daemon != goesOn || got.Run != runName(run)) {
			t.Errorf("the run of row %d is %s and goes on with the next daemon: %v; %+v", n, run.State, run.Daemon, got)
		}
	}
	t.Run("the first", func(t *testing.T) {
		d := daemonOn(t, dir, yaml)
		cancel, result := begin(d, 1, false)
		<-asked
		_, refusal := begin(d, 2, false)
		if got := <-refusal; !got.Skipped || got.Text != "run a@1 is still going" {
			t.Errorf("beside another: %+v", got)
		}
		queued := d.config().schedules[0].Job
		queued.Overlap = schedule.Queue
		waits, enough := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if got := d.do(waits, queued, row(2), false); !got.Unfinished {
			t.Errorf("behind another: %+v", got)
		}
		enough()
		cancel(schedule.ErrReplaced) // its request is cut off after its grace
		wants(d, 1, result, true, false, false)
		cancel, result = begin(d, 3, false)
		<-asked
		cancel(nil) // the scheduler ends, by a fault of its own: nobody told the daemon to stop yet
		d.cut()
		wants(d, 3, result, true, false, true)
		d.halt()
		_, refusal = begin(d, 4, false)
		wants(d, 4, refusal, true, false, false) // the next daemon begins it
	})
	close(held)
	t.Run("the next", func(t *testing.T) {
		d := daemonOn(t, dir, yaml)
		if err := d.recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if begun, err := (book{d.store}).Begun(t.Context(), row(4)); begun || err != nil {
			t.Errorf("the last row was begun: %v, %v", begun, err)
		}
		cancel, result := begin(d, 3, true)
		defer cancel(nil)
		wants(d, 3, result, false, false, false)
	})
}
