package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

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
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	st, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	o, err := orderFor(configOf(t, ""), web.Wish{URLs: []string{served.URL("a", "/")}})
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
	defer task.close()
	front := frontier.NewBolt(filepath.Join(dir, "runs"))
	defer front.Close()
	holder := newHolder(st, dir, log)
	defer holder.close()
	asked := &slowStart{Store: st, ask: func() {
		run, err := holder.named(t.Context(), runName(o.run))
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
	if err := drive(c, task, &crawler.Crawler{Frontier: front, Store: asked, Log: log}, holder); err != nil {
		t.Fatal(err)
	}
	if o.run.State != store.Complete {
		t.Errorf("the run is %s", o.run.State)
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
