package main

import (
	"context"
	"sync"
	"time"

	"crawl/crawler"
	"crawl/internal/query"
	"crawl/store"
)

// progressEvery is how often events tell how far a run is.
const progressEvery = time.Second

// stint is one run of the daemon, from the moment it is taken to its end.
type stint struct {
	*task
	daemon *daemon
	name   string
	stop   chan struct{} // closed when it is to stop
	once   sync.Once
	ended  chan struct{} // closed at its end

	user  bool  // a user stopped it: no daemon goes on with it by itself; guarded by daemon.mu
	fault error // of ours, that cut it short; to be read when it has ended
}

// note is what events tell of a stint.
func (s *stint) note() any {
	return struct {
		Run   string   `json:"run"`
		Site  string   `json:"site"`
		Seeds []string `json:"seeds"`
	}{s.name, s.run.Site, s.run.Seeds}
}

// halt stops the stint, in order that it can go on later.
func (s *stint) halt(user bool) {
	s.daemon.mu.Lock()
	s.user = s.user || user
	s.daemon.mu.Unlock()
	s.once.Do(func() { close(s.stop) })
}

// see sees the stint through.
func (s *stint) see() {
	d := s.daemon
	defer close(s.ended)
	defer s.close()
	stopping := make(chan struct{})
	defer close(stopping)
	waiting, leave := context.WithCancel(d.ctx)
	defer leave()
	d.all.Go(func() { // either stop ends it
		select {
		case <-d.stop:
			s.halt(false)
		case <-s.stop:
		case <-stopping:
		}
		leave()
	})
	if d.places.Acquire(waiting, 1) != nil { // it has not begun: the next session is its first
		s.run.State = store.Interrupted
		s.conclude(nil, d.store.Update(context.Background(), s.run))
		return
	}
	defer d.places.Release(1)
	s.conclude(s.work())
}

// work crawls when there is a place, and looks at what came of it.
func (s *stint) work() (base *store.Run, err error) {
	d, log := s.daemon, s.daemon.log.With("run", s.name)
	d.holder.settled()
	engine := &crawler.Crawler{Frontier: d.front, Store: d.store, Log: log, Watch: s.watch}
	if err := s.crawl(d.ctx, engine, d.store, s.stop, s.begun); err != nil {
		return nil, err
	}
	if base, err = s.judge(d.ctx, d.holder, log); d.ctx.Err() != nil {
		return base, nil // it was cut off, and can be asked at any time
	}
	d.holder.indexText(d.ctx, s.task)
	return base, err
}

// begun is called when the run is under way; what it returns, when it no longer
// is.
func (s *stint) begun(job *crawler.Job) (ended func()) {
	d := s.daemon
	d.leaves(s)
	d.log.Info("a run begins", "run", s.name, "session", s.run.Sessions)
	d.hub.Publish("run.started", s.name, s.note())
	going := newLiveRun(job, s.task, func() { s.halt(true) })
	over := d.holder.begin(going)
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		s.tell(going, done)
	}()
	return func() {
		over()
		close(done)
		<-gone
	}
}

// tell publishes how far the run is, until done is closed.
func (s *stint) tell(going *liveRun, done <-chan struct{}) {
	every := time.NewTicker(progressEvery)
	defer every.Stop()
	for {
		select {
		case <-done:
			return
		case <-every.C:
		}
		going.progress() // rates are told from it
		s.daemon.hub.Publish("run.progress", s.name, going.status())
	}
}

// watch is told what happens in the run.
func (s *stint) watch(e crawler.Event) {
	switch {
	case e.Page != nil:
		s.daemon.stats.Visited(e.Page.Status, e.Page.Wire, time.Duration(e.Page.Took))
	case e.Notice != "":
		s.daemon.hub.Publish("notice", s.name, noteLine{"note", s.name, e.Notice})
	}
}

// conclude tells how the stint ended, and which run its was held against. A run that a fault of ours ended can be
// resumed, and is at the daemon's next start.
func (s *stint) conclude(base *store.Run, err error) {
	d := s.daemon
	d.mu.Lock()
	user := s.user
	d.mu.Unlock()
	if err == nil && user && s.run.State == store.Interrupted {
		s.run.Daemon = false
		err = d.store.Update(context.Background(), s.run)
	}
	d.ended(s)
	if s.fault = err; err != nil {
		d.stats.Ended("failed")
		d.log.Error("a run was cut short by a fault", "run", s.name, "error", err, "next", nextStep(err))
		d.hub.Publish("run.failed", s.name, failure(err))
		return
	}
	if query.Finished(s.run) {
		d.tidy(s.run.Site)
	}
	d.stats.Ended(s.run.State)
	d.log.Info("a run ended", "run", s.name, "state", s.run.State, "why", s.run.Why)
	d.hub.Publish("run.ended", s.name, newSummary(s.run, base, exitOf(s.run, nil)))
}
