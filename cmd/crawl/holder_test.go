package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"crawl/crawler"
	"crawl/frontier"
	"crawl/internal/testweb"
	"crawl/internal/web"
	"crawl/store"
)

// slowStart asks something while a run is about to go on: its queue is open, and
// nobody else knows of it yet.
type slowStart struct {
	store.Store
	once sync.Once
	ask  func()
}

func (s *slowStart) Update(ctx context.Context, r *store.Run) error {
	s.once.Do(s.ask)
	return s.Store.Update(ctx, r)
}

// TestAskedAtBegin asks about a run that is just beginning: who asks is answered,
// and leaves the queue to the run.
func TestAskedAtBegin(t *testing.T) {
	settingsWorld(t)
	served, err := testweb.Serve(map[string]http.Handler{"a": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "a page") })})
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close()
	holder, task, front := taskOn(t, served.URL("a", "/"))
	asked := &slowStart{Store: holder.store, ask: func() {
		run, err := holder.named(t.Context(), runName(task.run))
		switch {
		case err != nil:
			t.Error(err)
		case run.State != store.Running:
			t.Errorf("the run is %s", run.State)
		}
	}}
	c := newRoot()
	c.SetContext(t.Context())
	c.SetOut(io.Discard)
	c.SetErr(io.Discard)
	if err := drive(c, io.Discard, task, &crawler.Crawler{Frontier: front, Store: asked, Log: holder.log}, holder); err != nil {
		t.Fatal(err)
	}
	if task.run.State != store.Complete {
		t.Errorf("the run is %s", task.run.State)
	}
}

// taskOn makes a run of a URL that is ready to be crawled, with what that takes.
func taskOn(t *testing.T, u string) (*holder, *task, *frontier.Bolt) {
	t.Helper()
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	st, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	holder, front := newHolder(st, dir, log), frontier.NewBolt(filepath.Join(dir, "runs"))
	t.Cleanup(func() {
		if err := errors.Join(front.Close(), holder.close(), st.Close()); err != nil {
			t.Error(err)
		}
	})
	o, err := orderFor(configOf(t, ""), web.Wish{URLs: []string{u}})
	if err != nil {
		t.Fatal(err)
	}
	o.s.Data, o.s.Quiet = dir, true
	if err := begin(t.Context(), st, o); err != nil {
		t.Fatal(err)
	}
	task, err := o.prepare(o.s.room(1), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(task.close)
	return holder, task, front
}

// slowPause is a store on a disk that hangs when a pause is recorded.
type slowPause struct {
	store.Store
	once        sync.Once
	hangs, goOn chan struct{}
}

func (s *slowPause) Update(ctx context.Context, r *store.Run) error {
	if r.Paused {
		s.once.Do(func() { close(s.hangs) })
		<-s.goOn
	}
	return s.Store.Update(ctx, r)
}

// TestStatusWhileDiskHangs asks for the state of a run while a pause waits for the
// disk, and stops the run.
func TestStatusWhileDiskHangs(t *testing.T) {
	settingsWorld(t)
	holder, task, front := taskOn(t, "http://127.0.0.1:1/")
	slow := &slowPause{Store: holder.store, hangs: make(chan struct{}), goOn: make(chan struct{})}
	stop := make(chan struct{})
	engine := &crawler.Crawler{Frontier: front, Store: slow, Log: holder.log}
	err := task.crawl(t.Context(), engine, holder.store, stop, func(job *crawler.Job) (ended func()) {
		live := newLiveRun(job, task, func() { close(stop) })
		over := holder.begin(live)
		paused, told := make(chan error, 1), make(chan string, 1)
		go func() { paused <- live.pause(true) }()
		<-slow.hangs
		go func() {
			before := holder.states()
			told <- fmt.Sprint(before, live.status().State, live.end())
		}()
		select {
		case text := <-told:
			if text != "map[running:1]running<nil>" {
				t.Error(text)
			}
		case <-time.After(patience):
			t.Error("nobody is told how the run is")
		}
		close(slow.goOn)
		if err := <-paused; err != nil {
			t.Error(err)
		}
		if state := live.stateNow(); state != web.StateStopping {
			t.Errorf("a run that was told to stop is %s", state)
		}
		return over
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSettledOnce settles a run from a copy of what it was before somebody else
// settled it and went on.
func TestSettledOnce(t *testing.T) {
	dir := t.TempDir()
	st, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	run := &store.Run{Site: "acme", State: store.Running}
	if err := st.Begin(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	front := frontier.NewBolt(filepath.Join(dir, "runs"))
	if err := front.Open(t.Context(), crawler.Name(run.ID), frontier.Config{}); err != nil {
		t.Fatal(err)
	}
	if err := front.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(queueFile(dir, run)); err != nil {
		t.Fatal(err)
	}
	old := *run
	run.State, run.Daemon, run.Sessions = store.Interrupted, true, 2
	if err := st.Update(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	holder := newHolder(st, dir, slog.New(slog.DiscardHandler))
	defer holder.close()
	now, err := holder.now(t.Context(), &old)
	if err != nil {
		t.Fatal(err)
	}
	if now.State != store.Interrupted {
		t.Errorf("it is %s", now.State)
	}
	kept, err := st.Run(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	if kept.State != store.Interrupted || !kept.Daemon || kept.Sessions != 2 {
		t.Errorf("the store has it %s, session %d", kept.State, kept.Sessions)
	}
}
