package crawler

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crawl/frontier"
	"crawl/store"

	"github.com/google/go-cmp/cmp"
)

// TestForeignHostsHoldNothingUp: of a host that hangs, that pushes back, that wants
// a rest or that is slow little is asked; every other one is checked all the same.
func TestForeignHostsHoldNothingUp(t *testing.T) {
	for _, tt := range []struct {
		name  string
		host  paths
		every http.HandlerFunc // of the links
		most  int              // requests for them
		took  time.Duration
		want  map[string]int // how many end so
	}{
		{"robots.txt hangs", paths{"/robots.txt": hangs}, html(), 0, 2 * time.Minute, map[string]int{"timeout": 50}},
		{"robots.txt wants a rest", paths{"/robots.txt": status(429, "Retry-After", "7200")}, html(), 0, time.Minute, map[string]int{"pushed-back": 50}},
		{"it hangs", paths{}, hangs, 3, 4 * time.Minute, map[string]int{"timeout": 2, "unreachable": 48}},
		{"it wants a rest", paths{}, status(429, "Retry-After", "7200"), 1, time.Minute, map[string]int{"429": 1, "pushed-back": 49}},
		{"it pushes back", paths{}, status(503), 3, 2 * time.Minute, map[string]int{"503": 1, "pushed-back": 49}},
		{"it hangs at HEAD", paths{}, byMethod(hangs, html()), 47, 12 * time.Minute, map[string]int{"200": 23, "timeout": 1, "unverified": 26}},
		{"it asks for less at HEAD", paths{}, byMethod(status(429, "Retry-After", "50"), html()), 45, 12 * time.Minute, map[string]int{"200": 11, "429": 1, "unverified": 38}},
		{"its server fails", paths{}, status(500), 150, 12 * time.Minute, map[string]int{"500": 15, "unverified": 35}},
		{"it asks for a pause of an hour", paths{"/robots.txt": plain("User-agent: *\nCrawl-delay: 3600\n")}, html(), 0, 2 * time.Minute, map[string]int{"pushed-back": 50}},
		{"it asks for long pauses", paths{"/robots.txt": plain("User-agent: *\nCrawl-delay: 60\n")}, html(), 10, 12 * time.Minute, map[string]int{"200": 10, "unverified": 40}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hrefs := []string{"http://c/"}
				for i := range 50 {
					hrefs = append(hrefs, fmt.Sprintf("http://b/%d", i))
					tt.host[fmt.Sprintf("/%d", i)] = tt.every
				}
				w := newWorld(t, map[string]http.Handler{"a": paths{"/": html(hrefs...)}, "b": tt.host, "c": paths{"/": html()}})
				w.audit.Delay = nil
				began := time.Now()
				r := w.crawl(checking(t, "http://a/"))
				w.ended(r, store.Complete, "")
				if took := time.Since(began); took > tt.took {
					t.Errorf("it took %v", took)
				}
				got := map[string]int{}
				for u, p := range w.pages(r) {
					if strings.HasPrefix(u, "http://b/") && p.Fault != "" {
						got[p.Fault]++
					} else if strings.HasPrefix(u, "http://b/") {
						got[fmt.Sprint(p.Status)]++
					}
				}
				for _, why := range w.skips(r) {
					got[why]++
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("- wanted, + got:\n%s", diff)
				}
				if n := len(w.asked("b")); n > tt.most {
					t.Errorf("%d requests", n)
				}
				if p := w.page(r, "http://c/"); p.Status != 200 {
					t.Errorf("%+v", p)
				}
				seen := len(w.methods("b"))
				w.audit.MayRepeat = again
				began = time.Now()
				w.crawl(checking(t, "http://a/")) // a rest holds for the next run, too
				if strings.Contains(tt.name, "rest") && len(w.methods("b")) > seen || time.Since(began) > tt.took {
					t.Errorf("the next run took %v: %q", time.Since(began), w.methods("b")[seen:])
				}
			})
		})
	}
}

// TestForeignHostsAreLimited: so many are asked, and the hosts of the run have a
// limit of their own.
func TestForeignHostsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := map[string]http.Handler{"a": paths{"/": html("http://b0/", "http://b1/", "http://b2/", "http://b3/", "/x"), "/x": html()}}
		for i := range 4 {
			hosts[fmt.Sprintf("b%d", i)] = paths{"/": html()}
		}
		w := newWorld(t, hosts)
		s := checking(t, "http://a/")
		s.MaxHosts, s.MaxForeign, s.MaxPages = 1, 3, 2
		r := w.crawl(s)
		w.ended(r, store.Complete, "")
		if r.Counts.External != 3 || r.Counts.Skipped["max-hosts"] != 1 || r.Counts.Status[2] != 2 {
			t.Errorf("%+v", r.Counts)
		}
	})
}

// TestForeignHostThatTheScopeIsWidenedTo: it was asked about links alone, and is a
// host of the run from then on.
func TestForeignHostThatTheScopeIsWidenedTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{
			"a": paths{"/": html("http://b/x", "http://c/x")},
			"b": paths{"/x": html(), "/": html("http://b/x", "http://b/y"), "/y": html()}, "c": paths{"/x": html()},
			"d": paths{"/": func(rw http.ResponseWriter, r *http.Request) {
				time.Sleep(10 * time.Second)
				http.Redirect(rw, r, "http://b/", http.StatusFound)
			}},
		})
		w.audit.MayRepeat = again // a check, and then a page
		r := w.crawl(checking(t, "http://a/", "http://d/"))
		w.ended(r, store.Complete, "")
		if p := w.page(r, "http://b/x"); p.Kind != store.KindPage || p.Depth != 1 {
			t.Errorf("%+v", p)
		}
		same(t, "external", keys(w.results(r)), "http://c/x")
		for _, h := range w.hosts(r) {
			if h.External != (h.Origin == "http://c") {
				t.Errorf("%+v", h)
			}
		}
	})
}

// TestForeignAddressesThatArePrivate: nobody's link leads into this network.
func TestForeignAddressesThatArePrivate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{
			"a": paths{"/": html("http://127.0.0.1/x", "http://b/moved", "http://[fd00::1]/x")},
			"b": paths{"/moved": status(301, "Location", "http://10.0.0.1/secret")},
		})
		w.config.AllowPrivate, w.config.Trusted = false, []string{"http://a", "http://b"}
		w.restart()
		r := w.crawl(checking(t, "http://a/"))
		w.ended(r, store.Complete, "")
		same(t, "checked", keys(w.results(r)), "http://b/moved")
		want := map[string]string{"http://127.0.0.1/x": "private", "http://10.0.0.1/secret": "private", "http://[fd00::1]/x": "private"}
		if diff := cmp.Diff(want, w.skips(r)); diff != "" {
			t.Errorf("skipped, - wanted, + got:\n%s", diff)
		}
	})
}

// TestForeignHostsAreNotHurried: how fast the user wants his own site crawled is
// nothing to others.
func TestForeignHostsAreNotHurried(t *testing.T) {
	for _, tt := range []struct {
		wish   frontier.Manners
		paused time.Duration // at least, between two requests of a foreign host
	}{
		{frontier.Manners{Rate: math.Inf(1), PerHost: 16}, 125 * time.Millisecond},
		{frontier.Manners{Rate: 50, PerHost: 2}, 125 * time.Millisecond},
		{frontier.Manners{Rate: 0.5, PerHost: 4}, 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var hrefs []string
			b := paths{}
			for i := range 30 {
				hrefs = append(hrefs, fmt.Sprintf("http://b/%d", i))
				b[fmt.Sprintf("/%d", i)] = html()
			}
			w := newWorld(t, map[string]http.Handler{"a": paths{"/": html(hrefs...)}, "b": b})
			w.audit.Delay = nil
			s := checking(t, "http://a/")
			s.Manners, s.Workers = func(string) frontier.Manners { return tt.wish }, 16
			r := w.crawl(s)
			w.ended(r, store.Complete, "")
			var last time.Time
			for _, h := range w.web.Hits() {
				if h.Host != "b" {
					continue
				}
				if !last.IsZero() && h.Start.Sub(last) < tt.paused {
					t.Errorf("%+v: %v between two requests", tt.wish, h.Start.Sub(last))
				}
				last = h.Start
			}
			if r.Counts.External != 30 {
				t.Errorf("%+v", r.Counts)
			}
		})
	}
}
