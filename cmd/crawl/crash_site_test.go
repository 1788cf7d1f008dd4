//go:build unix

package main

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crawl/internal/testweb"
)

// crashSite is a seeded web served by the test, for crawlers that are killed.
// The log of its requests outlives them.
type crashSite struct {
	graph    *testweb.Graph
	web      *testweb.Web
	handlers atomic.Pointer[map[string]http.Handler] // of the present crawl: pages that fail at first begin anew
	arrived  atomic.Int64                            // requests so far
	bell     atomic.Int64                            // ring when so many have arrived; 0: never
	rung     chan struct{}
	stall    atomic.Pointer[stall] // what requests wait for; nil: nothing
}

// stall holds requests back until it is lifted or their client goes.
type stall struct {
	from   int64 // the requests after this one
	lifted chan struct{}
	waits  chan struct{} // closed when the first one waits
	once   sync.Once
}

func serveCrashSite(t *testing.T, o testweb.SyntheticOptions) *crashSite {
	t.Helper()
	s := &crashSite{graph: testweb.Synthetic(o), rung: make(chan struct{}, 1)}
	s.afresh()
	hosts := map[string]http.Handler{}
	for name := range *s.handlers.Load() {
		hosts[name] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(name, w, r) })
	}
	var err error
	if s.web, err = testweb.Serve(hosts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.web.Close)
	return s
}

// afresh makes the pages that fail at first fail again.
func (s *crashSite) afresh() {
	h := s.graph.Handlers()
	s.handlers.Store(&h)
}

func (s *crashSite) serve(host string, w http.ResponseWriter, r *http.Request) {
	n := s.arrived.Add(1)
	if at := s.bell.Load(); at > 0 && n >= at && s.bell.CompareAndSwap(at, 0) { // more may have come while it was set
		select {
		case s.rung <- struct{}{}:
		default:
		}
	}
	if held := s.stall.Load(); held != nil && n > held.from {
		held.once.Do(func() { close(held.waits) })
		select {
		case <-held.lifted:
		case <-r.Context().Done():
			return
		}
	}
	(*s.handlers.Load())[host].ServeHTTP(w, r)
}

// after returns a channel that receives once n more requests have arrived.
func (s *crashSite) after(n int) <-chan struct{} {
	s.bell.Store(0)
	select {
	case <-s.rung:
	default:
	}
	s.bell.Store(s.arrived.Load() + int64(n))
	return s.rung
}

// hold makes all requests but the next n wait for the function returned.
func (s *crashSite) hold(n int) (held *stall, lift func()) {
	held = &stall{from: s.arrived.Load() + int64(n), lifted: make(chan struct{}), waits: make(chan struct{})}
	s.stall.Store(held)
	return held, func() {
		s.stall.Store(nil)
		close(held.lifted)
	}
}

// seeds are the front pages of all hosts.
func (s *crashSite) seeds() []string {
	var urls []string
	for _, h := range s.web.Hosts() {
		urls = append(urls, s.web.URL(h, "/"))
	}
	return urls
}

// truth is what an unlimited crawl from all front pages must bring.
func (s *crashSite) truth() map[string]testweb.Truth {
	return s.graph.Reachable(s.web.Origin, s.seeds()...)
}

func (s *crashSite) url(h testweb.Hit) string { return s.web.URL(h.Host, h.URI) }

// hits is the log since a moment.
func (s *crashSite) hits(since time.Time) []testweb.Hit {
	return slices.DeleteFunc(s.web.Hits(), func(h testweb.Hit) bool { return h.Start.Before(since) })
}

func isRobotsHit(h testweb.Hit) bool { return h.URI == "/robots.txt" }

// whole tells an answer after which a client that keeps what it gets has no
// cause to ask again: all but a failure that passes.
func whole(h testweb.Hit) bool {
	return !h.Broken && !h.End.IsZero() && h.Status != 0 && h.Status < 500
}

// manners holds the log against the promises: the delay to the microsecond, no
// two requests to a host at once, nothing that robots.txt forbids, nothing
// asked again but what again excuses.
func (s *crashSite) manners(t *testing.T, log []testweb.Hit, delay time.Duration, again func(testweb.Hit) bool) {
	t.Helper()
	audit := testweb.Audit{
		Delay: func(string) time.Duration { return delay }, Tolerance: -1, Agent: "crawl", MayRepeat: again,
	}
	for _, breach := range audit.Check(log, s.graph.Robots) {
		t.Errorf("manners: %s", breach)
	}
	if lost := s.web.Lost(); lost > 0 {
		t.Errorf("the log lost %d requests: nothing is proved", lost)
	}
}
