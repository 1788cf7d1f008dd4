package crawler

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"crawl/frontier"
	"crawl/internal/testweb"
	"crawl/store"
)

// A run waits for the only host it has, and the URL is fetched once later.
func TestRetryAfterOfTheOnlyHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/": first(1, status(429, "Retry-After", "120"), html("/x")), "/x": html(),
		}})
		began := time.Now()
		r := w.crawl(spec(t, "http://a/"))
		w.ended(r, store.Complete, "")
		same(t, "asked for", w.asked("a"), "/", "/", "/x")
		if took := time.Since(began); took < 2*time.Minute || took > 3*time.Minute {
			t.Errorf("the run took %v", took)
		}
		if p := w.page(r, "http://a/"); p.Status != 200 || p.Try != 2 || r.Counts.PushBacks != 1 {
			t.Errorf("status %d at try %d, %d push-backs", p.Status, p.Try, r.Counts.PushBacks)
		}
	})
}

func TestPushBackStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := paths{}
		var hrefs []string
		for i := range 20 {
			hrefs = append(hrefs, fmt.Sprintf("/%d", i))
			site[hrefs[i]] = html()
		}
		site["/"] = html(hrefs...)
		storm := map[string]http.HandlerFunc{}
		for path, page := range site { // every page pushes back twice
			storm[path] = first(2, status(429, "Retry-After", "10"), page)
		}
		w := newWorld(t, map[string]http.Handler{"a": paths(storm), "b": paths{"/": html()}})
		began := time.Now()
		r := w.crawl(spec(t, "http://a/", "http://b/"))
		w.ended(r, store.Complete, "")
		if r.Counts.Status[2] != 22 || r.Counts.PushBacks != 42 {
			t.Errorf("counts %+v", r.Counts)
		}
		for _, h := range w.web.Hits() {
			if late := h.Start.Sub(began); h.Host == "b" && late > time.Second {
				t.Errorf("the storm of a kept b waiting for %v", late)
			}
		}
	})
}

// A host that pushes back for ever is left alone in the end; others go on.
func TestPushedBackForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{
			"a": paths{"/": html("/1", "/2", "/3", "/4"), "/1": status(503), "/2": status(503), "/3": status(429), "/4": status(503)},
			"b": paths{"/": html("/1"), "/1": html()},
		})
		w.audit.MayRepeat = nil
		r := w.crawl(spec(t, "http://a/", "http://b/"))
		w.ended(r, store.Complete, "")
		if got := len(w.asked("a")); got != 1+maxPushBacks {
			t.Errorf("%d requests to a, want %d", got, 1+maxPushBacks)
		}
		same(t, "asked of b", w.asked("b"), "/", "/1")
		if c := r.Counts; c.Failed+c.Skipped[string(ReasonPushedBack)] != 4 {
			t.Errorf("counts %+v", c)
		}
		gaps := w.gaps("a")
		for i := 2; i < len(gaps); i++ { // each rest at least as long as the one before
			if gaps[i] < gaps[i-1] {
				t.Errorf("gaps %v shrink", gaps)
			}
		}
	})
}

// gaps are the times between the starts of the requests to a host.
func (w *world) gaps(host string) (gaps []time.Duration) {
	var before time.Time
	for _, h := range w.web.Hits() {
		if h.Host != host {
			continue
		}
		if !before.IsZero() {
			gaps = append(gaps, h.Start.Sub(before))
		}
		before = h.Start
	}
	return gaps
}

// Ten failures in a row, one way or another, and the host is given up.
func TestTenFailuresGiveAHostUp(t *testing.T) {
	drop := func(rw http.ResponseWriter, _ *http.Request) {
		if c, _, err := http.NewResponseController(rw).Hijack(); err == nil {
			_ = c.Close()
		}
	}
	synctest.Test(t, func(t *testing.T) {
		site := paths{}
		var hrefs []string
		for i := range 30 {
			hrefs = append(hrefs, fmt.Sprintf("/%d", i))
			site[hrefs[i]] = drop
		}
		site["/"] = func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close") // net/http asks anew where a kept one turns out dead
			html(hrefs...)(w, r)
		}
		w := newWorld(t, map[string]http.Handler{"a": site})
		s := spec(t, "http://a/")
		s.Retry = 0
		r := w.crawl(s)
		w.ended(r, store.Complete, "")
		if got := len(w.asked("a")); got != 1+maxHostFails {
			t.Errorf("%d requests, want %d", got, 1+maxHostFails)
		}
		if c := r.Counts; c.Failed != maxHostFails || c.Skipped[string(ReasonUnreachable)] != 20 {
			t.Errorf("counts %+v", c)
		}
	})
}

func TestPacePerHost(t *testing.T) {
	for name, test := range map[string]struct {
		manners frontier.Manners
		delay   time.Duration
		most    time.Duration // for 40 pages
	}{
		"adaptive":          {frontier.Manners{}, time.Second / 8, 12 * time.Second},
		"2/s":               {frontier.Manners{Rate: 2}, time.Second / 2, 42 * time.Second},
		"one in 10 s":       {frontier.Manners{Rate: 0.1}, 10 * time.Second, 700 * time.Second},
		"adaptive, 4 loads": {frontier.Manners{PerHost: 4}, time.Second / 8, 12 * time.Second},
		"hurried, 4 loads":  {frontier.Manners{Rate: hurried("").Rate, PerHost: 4}, 0, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := paths{}
				var hrefs []string
				for i := range 40 {
					hrefs = append(hrefs, fmt.Sprintf("/%d", i))
					site[hrefs[i]] = func(w http.ResponseWriter, r *http.Request) {
						time.Sleep(200 * time.Millisecond) // virtual
						html()(w, r)
					}
				}
				site["/"] = html(hrefs...)
				w := newWorld(t, map[string]http.Handler{"a": site})
				w.audit.PerHost = max(test.manners.PerHost, 1)
				w.audit.Delay = func(string) time.Duration { return test.delay }
				s := spec(t, "http://a/")
				s.Manners = func(string) frontier.Manners { return test.manners }
				began := time.Now()
				r := w.crawl(s)
				if took := time.Since(began); r.Counts.Done != 41 || took > test.most+time.Duration(40)*200*time.Millisecond {
					t.Errorf("%d pages in %v", r.Counts.Done, took)
				}
				if name == "adaptive" {
					gaps := w.gaps("a")
					if gaps[0] < 440*time.Millisecond || gaps[len(gaps)-1] > 350*time.Millisecond {
						t.Errorf("from 2/s to 8/s: gaps %v", gaps)
					}
				}
			})
		})
	}
}

// A host that gets slow is asked less often.
func TestPaceFollowsTheHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := paths{}
		var hrefs []string
		for i := range 60 {
			hrefs = append(hrefs, fmt.Sprintf("/%d", i))
			site[hrefs[i]] = func(w http.ResponseWriter, r *http.Request) {
				took := 50 * time.Millisecond
				if i >= 40 {
					took = 3 * time.Second
				}
				time.Sleep(took) // virtual
				html()(w, r)
			}
		}
		site["/"] = html(hrefs...)
		w := newWorld(t, map[string]http.Handler{"a": site})
		s := spec(t, "http://a/")
		s.Workers = 1
		w.crawl(s)
		gaps := w.gaps("a")
		if fast, slow := gaps[40]-50*time.Millisecond, gaps[50]-3*time.Second; slow < fast*3/2 {
			t.Errorf("rest of %v when fast, of %v when slow", fast, slow)
		}
	})
}

// Two runs of one process that crawl the same host share its clock.
func TestTwoRunsShareTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := paths{"/": html("/1", "/2", "/3", "/4"), "/1": html(), "/2": html(), "/3": html(), "/4": html()}
		w := newWorld(t, map[string]http.Handler{"a": site})
		w.audit.Delay = func(string) time.Duration { return time.Second }
		w.audit.MayRepeat = func(testweb.Hit) bool { return true } // two runs
		var all sync.WaitGroup
		runs := make([]*store.Run, 2)
		for i := range runs {
			s := spec(t, "http://a/")
			s.Manners = func(string) frontier.Manners { return frontier.Manners{Rate: 1} }
			runs[i] = w.newRun(s)
			job := w.begin(runs[i], s)
			all.Go(func() {
				if err := job.Crawl(context.Background(), nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, r := range runs {
			if r.Counts.Done != 5 || r.State != store.Complete {
				t.Errorf("run %d: %s, %+v", r.Number, r.State, r.Counts)
			}
		}
	})
}

// Thousands of URLs of one slow host do not delay a URL of a fast one, and cost no
// goroutines.
func TestSlowHostDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := paths{}
		var hrefs []string
		for i := range 5000 {
			hrefs = append(hrefs, fmt.Sprintf("/%d", i))
		}
		slow["/"] = html(append(hrefs, "http://b/late")...)
		w := newWorld(t, map[string]http.Handler{"a": slow, "b": paths{"/late": html(), "/": html()}})
		s := spec(t, "http://a/", "http://b/")
		s.MaxPages = 40
		before, most := runtime.NumGoroutine(), 0
		r := w.newRun(s)
		c := w.crawler()
		c.Watch = func(Event) { most = max(most, runtime.NumGoroutine()) }
		s.Workers = 8
		s.Manners = func(origin string) frontier.Manners {
			if origin == "http://a" {
				return frontier.Manners{Rate: 0.1}
			}
			return frontier.Manners{}
		}
		job, err := c.Begin(context.Background(), r, s)
		if err != nil {
			t.Fatal(err)
		}
		if err := job.Crawl(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		w.ended(r, store.Partial, string(ReasonMaxPages))
		found := w.page(r, "http://a/").Fetched
		if late := w.page(r, "http://b/late").Fetched.Sub(found); late > time.Second {
			t.Errorf("the fast host waited for %v", late)
		}
		if most > before+8+20 {
			t.Errorf("%d goroutines, %d before the run", most, before)
		}
	})
}

// A crash between put and done of a page that asked for a rest: nothing is asked
// of its host before that is over, for the page says so.
func TestRestOutlivesACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/": html("/1", "/2", "/3"), "/1": first(1, status(429, "Retry-After", "120"), html()), "/2": html(), "/3": html(),
		}})
		s := spec(t, "http://a/")
		r, c := w.newRun(s), w.crawler()
		c.Frontier = &breaking{Frontier: w.front, at: 3} // after robots.txt and the seed
		job, err := c.Begin(t.Context(), r, s)
		if err != nil {
			t.Fatal(err)
		}
		if err := job.Crawl(t.Context(), nil); !errors.Is(err, errBroken) {
			t.Fatalf("the run ended with %v", err)
		}
		time.Sleep(50 * time.Second) // of the rest that is asked for
		w.restart()
		if err := w.begin(r, spec(t, "http://a/")).Crawl(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		w.ended(r, store.Complete, "")
		gaps := w.gaps("a") // of robots.txt, the seed, the page and what followed
		if rest := gaps[2]; rest < 120*time.Second || rest > 130*time.Second {
			t.Errorf("gaps %v, want a rest of two minutes", gaps)
		}
		if p := w.page(r, "http://a/1"); p.Status != 200 || p.Try != 2 {
			t.Errorf("status %d at try %d", p.Status, p.Try)
		}
	})
}
