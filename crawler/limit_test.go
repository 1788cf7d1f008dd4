package crawler

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"crawl/frontier"
	"crawl/store"
)

func TestLimitedBy(t *testing.T) {
	for name, test := range map[string]struct {
		load store.Load // of 100 s
		want Limit
	}{
		"nothing":                      {store.Load{}, LimitNone},
		"processors, whatever waits":   {store.Load{CPU: 170, Processors: 2, Full: 100, Visits: 6400, Disk: 6000}, LimitCPU},
		"processors that others use":   {store.Load{CPU: 110, Processors: 2, Full: 10}, LimitCPU},
		"places that no one waits in":  {store.Load{CPU: 120, Processors: 2, Full: 90, Visits: 6400, Disk: 1000, Network: 1000}, LimitCPU},
		"no one thing":                 {store.Load{CPU: 50, Processors: 2, Full: 20, Pace: 20, Empty: 25}, LimitNone},
		"places, of no one thing":      {store.Load{CPU: 50, Processors: 2, Full: 90, Visits: 6400, Disk: 1000, Network: 1000}, LimitNone},
		"pace":                         {store.Load{CPU: 10, Processors: 2, Pace: 80, PerHost: 15, Visits: 15, Network: 15}, LimitRate},
		"rest":                         {store.Load{Processors: 2, Rest: 80, Pace: 15}, LimitRest},
		"few pages":                    {store.Load{Processors: 2, Empty: 60, Pace: 30}, LimitPages},
		"answers, one at a time":       {store.Load{Processors: 2, PerHost: 60, Pace: 30, Visits: 100, Network: 90}, LimitNetwork},
		"answers, all places":          {store.Load{Processors: 2, Full: 95, Visits: 6400, Network: 6000, Disk: 100}, LimitConcurrency},
		"writes":                       {store.Load{Processors: 2, Full: 95, Visits: 6400, Network: 1000, Disk: 5000}, LimitDisk},
		"writes, and answers for more": {store.Load{Processors: 2, Full: 95, Visits: 6400, Network: 3300, Disk: 3100}, LimitConcurrency},
		"no room on the disk":          {store.Load{CPU: 170, Processors: 2, Space: 60, Pace: 30}, LimitSpace},
		"a program of before":          {store.Load{Pace: 90}, LimitRate},
	} {
		l := test.load
		for _, n := range []*int64{&l.CPU, &l.Visits, &l.Network, &l.Disk, &l.Full, &l.Pace, &l.Rest, &l.PerHost, &l.Empty, &l.Space} {
			*n *= int64(time.Second)
		}
		l.Elapsed = int64(100 * time.Second)
		if got := LimitedBy(&l); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		l.Elapsed = int64(leastLoad) - 1
		if got := LimitedBy(&l); got != LimitNone {
			t.Errorf("%s: %q after too short a time", name, got)
		}
	}
	if got := LimitedBy(nil); got != LimitNone {
		t.Errorf("a run without figures: %q", got)
	}
}

func TestLoadSince(t *testing.T) {
	earlier := store.Load{Elapsed: 1, CPU: 2, Processors: 2, Places: 64, Visits: 3, Network: 4, Disk: 5, Full: 6, Pace: 7, Rest: 8, PerHost: 9, Empty: 10, Hosts: 9, Resting: 9, Delay: 9, CrawlDelay: 9}
	now := store.Load{Elapsed: 2, CPU: 4, Processors: 2, Places: 64, Visits: 6, Network: 8, Disk: 10, Full: 12, Pace: 14, Rest: 16, PerHost: 18, Empty: 20, Hosts: 3, Resting: 2, Delay: 5, CrawlDelay: 4}
	want := earlier
	want.Hosts, want.Resting, want.Delay, want.CrawlDelay = 3, 2, 5, 4
	if got := LoadSince(now, earlier); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// many is a site of so many pages, each of which is made by page.
func many(pages int, page func(hrefs ...string) http.HandlerFunc) paths {
	site := paths{}
	var hrefs []string
	for i := range pages {
		hrefs = append(hrefs, fmt.Sprintf("/%d", i))
		site[hrefs[i]] = page()
	}
	site["/"] = page(hrefs...)
	return site
}

// slow answers after a while.
func slow(d time.Duration) func(hrefs ...string) http.HandlerFunc {
	return func(hrefs ...string) http.HandlerFunc {
		page := html(hrefs...)
		return func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(d)
			page(w, r)
		}
	}
}

// TestLimitOfCrawls crawls in virtual time, in which processors and disks take
// none, where it is known what the crawl is limited by.
func TestLimitOfCrawls(t *testing.T) {
	chain := paths{}
	for i := range 10 {
		chain[fmt.Sprintf("/%d", i)] = slow(time.Second)(fmt.Sprintf("/%d", i+1))
	}
	at := func(rate float64, perHost int) func(string) frontier.Manners {
		return func(string) frontier.Manners { return frontier.Manners{Rate: rate, PerHost: perHost, NoRobots: true} }
	}
	for name, test := range map[string]struct {
		site    http.Handler
		seed    string
		manners func(string) frontier.Manners
		places  int
		want    Limit
	}{
		"adaptive":         {many(20, html), "/", nil, 64, LimitRate},
		"slow by choice":   {many(20, html), "/", at(0.5, 1), 64, LimitRate},
		"rate, and slow":   {many(20, slow(time.Second)), "/", at(0.2, 1), 64, LimitRate},
		"slow answers":     {many(20, slow(5*time.Second)), "/", hurried, 64, LimitNetwork},
		"slow at any rate": {many(20, slow(5*time.Second)), "/", at(1, 1), 64, LimitNetwork},
		"two places":       {many(20, slow(5*time.Second)), "/", at(1000, 10), 2, LimitConcurrency},
		"one by one":       {chain, "/0", hurried, 64, LimitPages},
		"asked to wait":    {paths{"/": first(1, status(429, "Retry-After", "120"), html("/x")), "/x": html()}, "/", nil, 64, LimitRest},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string]http.Handler{"a": test.site})
				w.audit.PerHost = 10
				s := spec(t, "http://a"+test.seed)
				s.Manners, s.Workers = test.manners, test.places
				r := w.crawl(s)
				if got := LimitedBy(r.Load); got != test.want {
					t.Errorf("limited by %q, want %q: %+v", got, test.want, r.Load)
				}
				again, err := w.store.Run(t.Context(), r.ID)
				if err != nil || again.Load == nil || *again.Load != *r.Load {
					t.Errorf("the store has %+v, %v", again.Load, err)
				}
			})
		})
	}
}

// TestProgressTellsTheLimit looks at a run while it waits.
func TestProgressTellsTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": many(3, html)})
		s := spec(t, "http://a/")
		s.Manners = func(string) frontier.Manners { return frontier.Manners{Rate: 1.0 / 100} }
		job := w.begin(w.newRun(s), s)
		ended := make(chan error)
		go func() { ended <- job.Crawl(t.Context(), nil) }()
		time.Sleep(110 * time.Second)
		last := job.Progress().Load
		time.Sleep(10 * time.Second)
		l := LoadSince(job.Progress().Load, last)
		if LimitedBy(&l) != LimitRate || time.Duration(l.Elapsed) != 10*time.Second || time.Duration(l.Pace).Round(time.Millisecond) != 10*time.Second || l.Hosts != 1 || l.Resting != 1 {
			t.Errorf("%q: %+v", LimitedBy(&l), l)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkGauge is what it costs to measure one page once more.
func BenchmarkGauge(b *testing.B) {
	var g gauge
	for b.Loop() {
		g.add(1)
		g.add(-1)
	}
}
