package crawler

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"crawl/fetcher"
	"crawl/frontier"
	"crawl/internal/testweb"
	"crawl/store"

	"github.com/google/go-cmp/cmp"
)

// lazy is the tree whose pages take a second.
func lazy() http.Handler {
	inner := tree()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second) // virtual
		inner.ServeHTTP(w, r)
	})
}

// The first signal drains: fetches under way end and are kept. The run goes on
// later and asks for nothing twice.
func TestStopAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": lazy(), "b": lazy()})
		newSpec := func() *Spec {
			s := spec(t, "http://a/0", "http://b/0")
			s.MaxPages, s.Manners = 60, hurried
			return s
		}
		s := newSpec()
		r := w.newRun(s)
		for session := 1; r.State != store.Partial && session < 20; session++ {
			stop := make(chan struct{})
			job := w.begin(r, newSpec())
			time.AfterFunc(5500*time.Millisecond, func() { close(stop) })
			began := time.Now()
			if err := job.Crawl(context.Background(), stop); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 6500*time.Millisecond {
				t.Errorf("session %d drained for %v", session, took-5500*time.Millisecond)
			}
			if got := len(w.pages(r)); uint64(got) != r.Counts.Done || r.Sessions != session {
				t.Errorf("session %d: %d pages, %+v", session, got, r.Counts)
			}
		}
		w.ended(r, store.Partial, string(ReasonMaxPages))
		if n := len(w.asked("a")) + len(w.asked("b")); n != 60 || r.Counts.Done != 60 || r.Counts.Requests != 62 {
			t.Errorf("%d requests, %+v", n, r.Counts)
		}
	})
}

// What outlasts the grace is cut off, and asked for again by the next session.
func TestGraceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": html("/x", "/y"), "/x": first(1, hang, html()), "/y": html()}})
		s := spec(t, "http://a/")
		r := w.newRun(s)
		stop := make(chan struct{})
		time.AfterFunc(10*time.Second, func() { close(stop) })
		began := time.Now()
		if err := w.begin(r, s).Crawl(context.Background(), stop); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 15*time.Second {
			t.Errorf("the session took %v, want 10 s and a grace of 5 s", took)
		}
		w.ended(r, store.Interrupted, "")
		if r.Counts.Queued != 2 || r.Counts.Done != 1 || w.indexed(r) {
			t.Errorf("counts %+v, indexed %v", r.Counts, w.indexed(r))
		}
		if err := w.begin(r, spec(t, "http://a/")).Crawl(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		w.ended(r, store.Complete, "")
		same(t, "asked for", w.asked("a"), "/", "/x", "/x", "/y")
	})
}

// The end of the context cuts at once.
func TestCancelCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": html("/x"), "/x": testweb.Silence().ServeHTTP}})
		for name, end := range map[string]func() (context.Context, context.CancelFunc){
			"cancelled": func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(context.Background())
				time.AfterFunc(10*time.Second, cancel)
				return ctx, cancel
			},
			"deadline": func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(context.Background(), 10*time.Second)
			},
		} {
			w.audit.MayRepeat = again
			s := spec(t, "http://a/")
			r := w.newRun(s)
			job := w.begin(r, s)
			ctx, cancel := end()
			began := time.Now()
			if err := job.Crawl(ctx, nil); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			cancel()
			if took := time.Since(began); took != 10*time.Second || r.State != store.Interrupted {
				t.Errorf("%s: %v, %s", name, took, r.State)
			}
		}
	})
}

// A stop that comes when nothing is left interrupts nothing.
func TestStopAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": html()}})
		s := spec(t, "http://a/")
		r := w.newRun(s)
		stop := make(chan struct{})
		c := w.crawler()
		c.Watch = func(e Event) {
			if e.Page != nil {
				close(stop)
			}
		}
		job, err := c.Begin(context.Background(), r, s)
		if err != nil {
			t.Fatal(err)
		}
		if err := job.Crawl(context.Background(), stop); err != nil {
			t.Fatal(err)
		}
		w.ended(r, store.Complete, "")
	})
}

// A limit that is reached ends the run for good, stopped or not.
func TestStopAtALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": tree()})
		s := spec(t, "http://a/0")
		s.MaxBytes = 1
		r := w.newRun(s)
		stop := make(chan struct{})
		c := w.crawler()
		c.Watch = func(e Event) {
			if e.Page != nil {
				close(stop)
			}
		}
		job, err := c.Begin(context.Background(), r, s)
		if err != nil {
			t.Fatal(err)
		}
		if err := job.Crawl(context.Background(), stop); err != nil {
			t.Fatal(err)
		}
		w.ended(r, store.Partial, string(ReasonMaxBytes))
		if r.Counts.Queued != 0 || r.Counts.Skipped[string(ReasonMaxBytes)] != 2 {
			t.Errorf("counts %+v", r.Counts)
		}
	})
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": tree()})
		s := spec(t, "http://a/0")
		s.MaxPages = 30
		r := w.newRun(s)
		job := w.begin(r, s)
		time.AfterFunc(3*time.Second, func() { _ = job.Pause(true) })
		time.AfterFunc(time.Hour, func() { _ = job.Pause(false) })
		if err := job.Crawl(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		w.ended(r, store.Partial, string(ReasonMaxPages))
		longest := slices.Max(w.gaps("a"))
		if longest < 59*time.Minute {
			t.Errorf("the longest rest was %v", longest)
		}
	})
}

// TestPausedSession sees that a session is paused as the one before was, and that
// a run that has ended is not.
func TestPausedSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": tree()})
		s := spec(t, "http://a/0")
		s.MaxPages = 10
		r := w.newRun(s)
		job, stop := w.begin(r, s), make(chan struct{})
		time.AfterFunc(2*time.Second, func() { _ = job.Pause(true) })
		time.AfterFunc(3*time.Second, func() { close(stop) })
		if err := job.Crawl(context.Background(), stop); err != nil || r.State != store.Interrupted || !r.Paused {
			t.Fatalf("%v, %s, paused %v", err, r.State, r.Paused)
		}
		if err := job.Pause(false); !errors.Is(err, ErrOver) {
			t.Errorf("unpaused after its end: %v", err)
		}
		job = w.begin(r, s)
		time.AfterFunc(time.Hour, func() { _ = job.Pause(false) })
		if err := job.Crawl(context.Background(), nil); err != nil || r.State != store.Partial || r.Paused {
			t.Fatalf("%v, %s, paused %v", err, r.State, r.Paused)
		}
		if longest := slices.Max(w.gaps("a")); longest < 59*time.Minute {
			t.Errorf("the longest rest was %v", longest)
		}
	})
}

var errBroken = errors.New("broken for the test")

// breaking is a frontier whose Done fails at one call, before or after it did
// its work.
type breaking struct {
	frontier.Frontier
	calls atomic.Int64
	at    int64
	after bool
}

func (f *breaking) Done(ctx context.Context, l frontier.Lease, o frontier.Outcome) error {
	if f.calls.Add(1) != f.at {
		return f.Frontier.Done(ctx, l, o)
	}
	if f.after {
		if err := f.Frontier.Done(ctx, l, o); err != nil {
			return err
		}
	}
	return errBroken
}

// A crash between put and done, or after it, asks for nothing again that was
// stored, whichever lease it meets.
func TestCrashBetweenPutAndDone(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := range int64(9) {
			t.Run(fmt.Sprintf("call %d, after %v", at+1, after), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, map[string]http.Handler{"a": paths{
						"/robots.txt": status(301, "Location", "/r"), "/r": plain("user-agent: *\ndisallow: /no\nsitemap: /s.xml"),
						"/": html("/1", "/no", "/2"), "/1": first(1, status(500), html("/3")), "/2": status(302, "Location", "/3"), "/3": html(), "/s.xml": urlset("http://a/1", "http://a/3"),
					}})
					w.robots["a"] = "user-agent: *\ndisallow: /no"
					w.excused = append(w.excused, "GET /r arrived before")
					newSpec := func() *Spec {
						s := spec(t, "http://a/")
						s.Sitemap = "auto"
						return s
					}
					s := newSpec()
					r := w.newRun(s)
					c := w.crawler()
					c.Frontier = &breaking{Frontier: w.front, at: at + 1, after: after}
					job, err := c.Begin(context.Background(), r, s)
					if err != nil {
						t.Fatal(err)
					}
					if err := job.Crawl(context.Background(), nil); !errors.Is(err, errBroken) {
						t.Fatalf("the run ended with %v", err)
					}
					synctest.Wait() // the server has seen the last request, if one was under way
					again := w.unstored(r, "a", "/", "/1", "/2", "/3", "/s.xml")
					if err := w.begin(r, newSpec()).Crawl(context.Background(), nil); err != nil {
						t.Fatal(err)
					}
					w.ended(r, store.Complete, "")
					same(t, "asked for", w.asked("a"), append(again, "/r", "/", "/1", "/1", "/2", "/3", "/s.xml")...)
					if n := w.times("a", "/robots.txt"); n != 1 {
						t.Errorf("robots.txt was asked for %d times", n)
					}
				})
			})
		}
	}
}

// cutting is a store that ends the run whenever it is to store a page.
type cutting struct {
	store.Store
	cut func()
}

func (s cutting) Put(ctx context.Context, p *store.Page, links []store.Link, x *store.Exchange) error {
	s.cut()
	return s.Store.Put(ctx, p, links, x)
}

// What has arrived when the run is cut off is kept.
func TestCutWhileStoring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": html("/x"), "/x": html("/y"), "/y": html()}})
		s := spec(t, "http://a/")
		r := w.newRun(s)
		for session := 1; session <= 3; session++ {
			ctx, cancel := context.WithCancel(context.Background())
			c := w.crawler()
			c.Store = cutting{w.store, cancel}
			job, err := c.Begin(ctx, r, spec(t, "http://a/"))
			if err != nil {
				t.Fatal(err)
			}
			if err := job.Crawl(ctx, nil); err != nil {
				t.Fatal(err)
			}
			cancel()
			if r.Counts.Done != uint64(session) {
				t.Errorf("after session %d: %+v", session, r.Counts)
			}
		}
		w.ended(r, store.Complete, "")
		same(t, "asked for", w.asked("a"), "/", "/x", "/y")
	})
}

// A full disk stops the run, which goes on when there is room again.
func TestStoreFailureStopsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := graph()
		w := newWorld(t, g.Handlers())
		for _, host := range w.web.Hosts() {
			w.robots[host] = g.Robots(host)
		}
		newSpec := func() *Spec {
			s := spec(t, "http://h0/", "http://h1/", "http://h2/", "http://h3/")
			s.Manners, s.Depth = hurried, 4
			return s
		}
		s := newSpec()
		r := w.newRun(s)
		for at := int64(5); at < 60; at += 20 {
			c := w.crawler()
			c.Store = &fullDisk{Store: w.store, at: at}
			job, err := c.Begin(context.Background(), r, newSpec())
			if err != nil {
				t.Fatal(err)
			}
			if err := job.Crawl(context.Background(), nil); !errors.Is(err, errBroken) {
				t.Fatalf("the run ended with %v", err)
			}
			if r.State != store.Running {
				t.Errorf("the run is %s", r.State)
			}
		}
		w.audit.MayRepeat = func(h testweb.Hit) bool { return true } // fetched, and not stored
		if err := w.begin(r, newSpec()).Crawl(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		want := map[string]visit{}
		for u, truth := range g.Reachable(w.web.Origin, "http://h0/", "http://h1/", "http://h2/", "http://h3/") {
			if truth.Depth <= 4 && !truth.Disallowed {
				want[u] = visit{truth.Status, truth.Depth}
			}
		}
		if diff := cmp.Diff(want, visits(w.pages(r))); diff != "" {
			t.Errorf("pages (- wanted, + got):\n%s", diff)
		}
	})
}

// fullDisk is a store in which nothing can be put from one call on.
type fullDisk struct {
	store.Store
	puts atomic.Int64
	at   int64
}

func (s *fullDisk) Put(ctx context.Context, p *store.Page, links []store.Link, x *store.Exchange) error {
	if s.puts.Add(1) >= s.at {
		return errBroken
	}
	return s.Store.Put(ctx, p, links, x)
}

// Where even the end of a run cannot be recorded its queue is kept, and the
// run goes on in the same process.
func TestFailureAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": html("/x"), "/x": html()}})
		s := spec(t, "http://a/")
		r := w.newRun(s)
		c := w.crawler()
		c.Store = noHosts{w.store}
		job, err := c.Begin(context.Background(), r, s)
		if err != nil {
			t.Fatal(err)
		}
		if err := job.Crawl(context.Background(), nil); !errors.Is(err, errBroken) {
			t.Fatalf("the run ended with %v", err)
		}
		if err := w.begin(r, spec(t, "http://a/")).Crawl(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		w.ended(r, store.Complete, "")
		same(t, "asked for", w.asked("a"), "/", "/x")
	})
}

type noHosts struct{ store.Store }

func (noHosts) PutHosts(context.Context, store.RunID, []store.Host) error { return errBroken }

// A crash of the whole process: frontier and store are opened anew.
func TestResumeInAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": lazy()})
		newSpec := func() *Spec {
			s := spec(t, "http://a/0")
			s.MaxPages = 25
			s.Manners = func(string) frontier.Manners { return frontier.Manners{Rate: 0.5, PerHost: 1} }
			return s
		}
		w.audit.Delay = func(string) time.Duration { return 2 * time.Second }
		s := newSpec()
		r := w.newRun(s)
		for r.State != store.Partial {
			stop := make(chan struct{})
			time.AfterFunc(20*time.Second, func() { close(stop) })
			if err := w.begin(r, newSpec()).Crawl(context.Background(), stop); err != nil {
				t.Fatal(err)
			}
			w.restart()
			var err error
			if r, err = w.store.Run(context.Background(), r.ID); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(w.asked("a")); n != 25 || w.times("a", "/robots.txt") != 1 {
			t.Errorf("%d requests, %d for robots.txt", n, w.times("a", "/robots.txt"))
		}
	})
}

// A run that only waits costs nothing: time stands still but for the timer of
// the frontier.
func TestIdleWorkersDoNotPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": first(1, status(429, "Retry-After", "3600"), html())}})
		c := w.crawler()
		calls := &counting{Frontier: w.front}
		c.Frontier = calls
		s := spec(t, "http://a/")
		r := w.newRun(s)
		job, err := c.Begin(context.Background(), r, s)
		if err != nil {
			t.Fatal(err)
		}
		if err := job.Crawl(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		w.ended(r, store.Complete, "")
		if n := calls.next.Load(); n != 4 { // robots.txt, the page twice, the end
			t.Errorf("Next was called %d times, want 4", n)
		}
	})
}

type counting struct {
	frontier.Frontier
	next atomic.Int64
}

func (f *counting) Next(ctx context.Context, run string) (frontier.Lease, error) {
	f.next.Add(1)
	return f.Frontier.Next(ctx, run)
}

// Two runs of the same pages do not take each other's visits for their own.
func TestRereadBesideAnotherRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := func(d time.Duration, hrefs ...string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(d) // virtual
				html(hrefs...)(w, r)
			}
		}
		// /x is met four clicks from the first seed, and long after in one.
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/": html("/1", "/slow"), "/1": html("/2"), "/2": html("/3"), "/3": html("/x"), "/x": html("/y"), "/y": html(), "/slow": wait(15*time.Second, "/x"),
		}})
		w.audit.MayRepeat, w.audit.PerHost = again, 8
		manners := func(string) frontier.Manners { m := hurried(""); m.PerHost = 8; return m }
		s := spec(t, "http://a/")
		s.Manners = manners
		r := w.newRun(s)
		job := w.begin(r, s)
		var other sync.WaitGroup
		other.Go(func() { // it visits /x and /y after the first run did
			time.Sleep(10 * time.Second) // virtual
			s := spec(t, "http://a/x")
			s.Manners = manners
			w.crawl(s)
		})
		if err := job.Crawl(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		other.Wait()
		for path, depth := range map[string]int{"/x": 2, "/y": 3} {
			if p := w.page(r, "http://a"+path); p.Depth != depth {
				t.Errorf("%s has depth %d, want %d", path, p.Depth, depth)
			}
		}
		if n := w.times("a", "/x"); n != 2 {
			t.Errorf("/x was asked for %d times by two runs", n)
		}
	})
}

// local is a fetcher for which this machine has no files left at first.
type local struct {
	Fetcher
	left atomic.Int64
}

func (f *local) Fetch(ctx context.Context, r fetcher.Request) (*fetcher.Response, error) {
	if f.left.Add(-1) >= 0 {
		return nil, &fetcher.Fault{Kind: fetcher.Local, Temporary: true, Sentence: "this machine has too many files open"}
	}
	return f.Fetcher.Fetch(ctx, r)
}

// What this machine lacks is never counted against a host.
func TestOurOwnFaultsBlameNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": html("/x"), "/x": html()}})
		c := w.crawler()
		f := &local{Fetcher: w.fetcher}
		f.left.Store(5)
		c.Fetcher = f
		s := spec(t, "http://a/")
		r := w.newRun(s)
		job, err := c.Begin(context.Background(), r, s)
		if err != nil {
			t.Fatal(err)
		}
		if err := job.Crawl(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		w.ended(r, store.Complete, "")
		if r.Counts.Done != 2 {
			t.Errorf("counts %+v", r.Counts)
		}
	})
}
