package crawler

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crawl/frontier"
	"crawl/store"
)

// What is known without its parameters is asked for as it is spelt.
func TestNamed(t *testing.T) {
	s := ready(t, func(s *Spec) { s.DropParams = params(t, "utm_*", "jsessionid") }, "http://a.test/")
	for raw, want := range map[string]frontier.Link{
		"http://a.test/x?a=1":             {URL: at(t, "http://a.test/x?a=1")},
		"http://a.test/x?utm_source=y":    {URL: at(t, "http://a.test/x"), Ask: at(t, "http://a.test/x?utm_source=y")},
		"http://a.test/x;jsessionid=1?b":  {URL: at(t, "http://a.test/x?b"), Ask: at(t, "http://a.test/x;jsessionid=1?b")},
		"http://a.test/x?UTM_Source=y&&a": {URL: at(t, "http://a.test/x?a"), Ask: at(t, "http://a.test/x?UTM_Source=y&&a")},
	} {
		if got := s.named(at(t, raw)); got != want {
			t.Errorf("%s: %+v, want %+v", raw, got, want)
		}
	}
}

// A spelling beyond the limit is not asked for: the plain address has the page.
func TestSpellingThatIsTooLong(t *testing.T) {
	s := ready(t, func(s *Spec) { s.DropParams, s.MaxURL = params(t, "utm_*"), 64 }, "http://a.test/")
	from, plain := at(t, "http://a.test/"), at(t, "http://a.test/x")
	fits := at(t, "http://a.test/x?utm_source="+strings.Repeat("y", 64-len("http://a.test/x?utm_source=")))
	long := at(t, fits.String()+"y")
	if l := s.link(fits, from, 1); l.URL != plain || l.Ask != fits || l.Refused != "" {
		t.Errorf("%+v", l)
	}
	if l := s.link(long, from, 1); l.URL != plain || !l.Ask.IsZero() || l.Refused != "" {
		t.Errorf("%+v", l)
	}
	if l := s.link(at(t, "http://a.test/"+strings.Repeat("x", 64)), from, 1); l.Refused != ReasonTooLong {
		t.Errorf("%+v", l)
	}
	lease := frontier.Lease{Link: frontier.Link{URL: plain}, Try: 1}
	for to, want := range map[string]bool{fits.String(): true, long.String(): false} {
		if _, ok := s.respelt(&lease, &store.Page{URL: plain, Status: 302, Redirect: to}); ok != want {
			t.Errorf("a redirect to %s is followed: %v", to, ok)
		}
	}
}

// A redirect to another spelling of what was asked for is another try of it.
func TestRespelt(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	clean, utm, sid := at(t, "http://a.test/p"), at(t, "http://a.test/p?utm_source=x"), at(t, "http://a.test/p;jsessionid=1")
	of := func(ask string, hops int, kind frontier.Kind) frontier.Lease {
		l := frontier.Lease{Link: frontier.Link{URL: clean, Hops: hops, Kind: kind, For: "http://a.test"}, Try: 1}
		if ask != "" {
			l.Ask = at(t, ask)
		}
		return l
	}
	for _, test := range []struct {
		name  string
		lease frontier.Lease
		to    string
		ask   string // "": it is a link as others are
		fault bool
	}{
		{"to the plain one", of(utm.String(), 0, frontier.Page), clean.String(), clean.String(), false},
		{"from the plain one", of("", 0, frontier.Page), sid.String(), sid.String(), false},
		{"between two others", of(utm.String(), 3, frontier.Page), sid.String(), sid.String(), false},
		{"to itself", of("", 0, frontier.Page), clean.String(), "", false},
		{"to itself, spelt otherwise", of(utm.String(), 0, frontier.Page), utm.String(), "", false},
		{"elsewhere", of(utm.String(), 0, frontier.Page), "http://a.test/q?utm_source=x", "", false},
		{"the last hop", of("", 9, frontier.Page), sid.String(), sid.String(), false},
		{"one too many", of("", 10, frontier.Page), sid.String(), "", true},
		{"sitemap", of("", 0, frontier.Sitemap), sid.String(), "", false}, // known as it is spelt
		{"read again", of("", 0, frontier.Reread), sid.String(), "", false},
	} {
		s := ready(t, func(s *Spec) { s.DropParams = params(t, "utm_*", "jsessionid") }, clean.String())
		p := &store.Page{URL: clean, Status: 302, Redirect: test.to, Asked: test.lease.Ask.String(), Kind: kindOf(&test.lease)}
		s.loops(&test.lease, p)
		o := s.outcome(&test.lease, p, nil, now)
		if o.Ask.String() != test.ask || o.Again.IsZero() != (test.ask == "") || (p.Fault != "") != test.fault || (o.End == frontier.Failed) != test.fault {
			t.Errorf("%s: fault %q, %+v", test.name, p.Fault, o)
		}
		if want := test.ask == "" && !test.fault; (len(o.Links) == 1) != want {
			t.Errorf("%s: links %+v", test.name, o.Links)
		}
	}
}

// cleaning is a spec that drops what follows visitors.
func cleaning(t *testing.T, seeds ...string) *Spec {
	s := spec(t, seeds...)
	s.DropParams = params(t, "utm_*", "jsessionid")
	return s
}

// moved redirects to an address.
func moved(to string) http.HandlerFunc { return status(302, "Location", to) }

func TestAskedForAsLinked(t *testing.T) {
	for _, test := range []struct {
		name  string
		site  paths
		seed  string
		asked []string
		page  string // with its last spelling
		want  string
		text  int // links of that page
	}{
		{
			"as linked",
			paths{"/": html("/p?utm_source=x", "/p?utm_source=y", "/p"), "/p?utm_source=x": html("?a=1", "/"), "/p?a=1": html()},
			"http://a/",
			[]string{"/", "/p?utm_source=x", "/p?a=1"},
			"http://a/p", "http://a/p?utm_source=x", 2,
		},
		{"seed", paths{"/?utm_source=x": html()}, "http://a/?utm_source=x", []string{"/?utm_source=x"}, "http://a/", "http://a/?utm_source=x", 0},
		{"plain first", paths{"/": html("/p", "/p?utm_source=x"), "/p": html()}, "http://a/", []string{"/", "/p"}, "http://a/p", "", 0},
		{
			"relative links",
			paths{"/": html("/d;jsessionid=1/p"), "/d;jsessionid=1/p": html("q"), "/d;jsessionid=1/q": html()},
			"http://a/",
			[]string{"/", "/d;jsessionid=1/p", "/d;jsessionid=1/q"},
			"http://a/d/q", "http://a/d;jsessionid=1/q", 0,
		},
		{
			"to the plain one",
			paths{"/": html("/p?utm_source=x"), "/p?utm_source=x": moved("/p"), "/p": html("/")},
			"http://a/",
			[]string{"/", "/p?utm_source=x", "/p"},
			"http://a/p", "", 1,
		},
		{
			"to a session's",
			paths{"/": html("/p"), "/p": moved("/p?jsessionid=1"), "/p?jsessionid=1": html("/")},
			"http://a/",
			[]string{"/", "/p", "/p?jsessionid=1"},
			"http://a/p", "http://a/p?jsessionid=1", 1,
		},
		{"seed to a session's", paths{"/": moved("/;jsessionid=1"), "/;jsessionid=1": html("/")}, "http://a/", []string{"/", "/;jsessionid=1"}, "http://a/", "http://a/;jsessionid=1", 1},
		{
			"fails behind another",
			paths{"/": html("/p"), "/p": moved("/p?jsessionid=1"), "/p?jsessionid=1": first(2, status(500), html("/"))},
			"http://a/",
			[]string{"/", "/p", "/p?jsessionid=1", "/p?jsessionid=1", "/p?jsessionid=1"},
			"http://a/p", "http://a/p?jsessionid=1", 1,
		},
		{
			"disallowed as linked",
			paths{"/robots.txt": plain("user-agent: *\ndisallow: /*utm_"), "/": html("/p?utm_source=x"), "/p": html()},
			"http://a/",
			[]string{"/", "/p"},
			"http://a/p", "", 0,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string]http.Handler{"a": test.site})
				if test.site["/robots.txt"] != nil {
					w.robots["a"] = "user-agent: *\ndisallow: /*utm_"
				}
				s := cleaning(t, test.seed)
				s.MaxPages = len(test.asked) // spellings of one URL are one page
				r := w.crawl(s)
				w.ended(r, store.Complete, "")
				same(t, "asked for", w.asked("a"), test.asked...)
				if p := w.page(r, test.page); p.Asked != test.want || p.Status != 200 || p.Links != test.text {
					t.Errorf("%s was asked for as %q, %d, %d links", p.URL, p.Asked, p.Status, p.Links)
				}
			})
		})
	}
}

// Spellings that lead to each other, or to ever new ones, end at the limit of
// redirects, as a failure that says so.
func TestSpellingsWithoutEnd(t *testing.T) {
	for name, site := range map[string]http.HandlerFunc{
		"two": func(w http.ResponseWriter, r *http.Request) {
			to := "/p"
			if r.URL.RawQuery == "" {
				to = "/p?jsessionid=1"
			}
			http.Redirect(w, r, to, http.StatusFound)
		},
		"ever new": func(w http.ResponseWriter, r *http.Request) {
			n := 0
			_, _ = fmt.Sscanf(r.URL.RawQuery, "jsessionid=%d", &n)
			http.Redirect(w, r, fmt.Sprintf("/p?jsessionid=%d", n+1), http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mux := http.NewServeMux()
				mux.Handle("/{$}", html("/p"))
				mux.Handle("/p", site)
				w := newWorld(t, map[string]http.Handler{"a": mux})
				r := w.crawl(cleaning(t, "http://a/"))
				w.ended(r, store.Complete, "")
				p := w.page(r, "http://a/p")
				if n := len(w.asked("a")); n != 12 || p.Fault != FaultRedirects || !strings.Contains(p.FaultText, "more than 10 redirects in a row") {
					t.Errorf("%d requests, %q: %s", n, p.Fault, p.FaultText)
				}
				if c := r.Counts; c.Found != 2 || c.Done != 1 || c.Failed != 1 || c.Status[3] != 1 || c.Status[0] != 0 {
					t.Errorf("%+v", c)
				}
				s := cleaning(t, "http://a/p")
				s.MaxRedirects = 0
				w.audit.MayRepeat = again
				w.ended(w.crawl(s), store.Empty, "http://a/p: more than 0 redirects in a row, the last from one spelling of this address to another: http://a/p?jsessionid=1")
			})
		})
	}
}

// A server that leads to a spelling which robots.txt disallows is not asked
// over and over.
func TestRespeltIsDisallowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/robots.txt": plain("user-agent: *\ndisallow: /*jsessionid"), "/": html("/p"), "/p": moved("/p?jsessionid=1"), "/p?jsessionid=1": html(),
		}})
		w.robots["a"] = "user-agent: *\ndisallow: /*jsessionid"
		r := w.crawl(cleaning(t, "http://a/"))
		w.ended(r, store.Complete, "")
		same(t, "asked for", w.asked("a"), "/", "/p")
		if got := w.skips(r)["http://a/p"]; got != string(ReasonRobots) || r.Counts.Skipped[string(ReasonRobots)] != 1 {
			t.Errorf("skipped for %q, %+v", got, r.Counts)
		}
	})
}

// An earlier run's answer counts for the spelling it was given to.
func TestConditionalInTheSameSpelling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/":               first(2, html("/p?utm_source=x"), html("/p?utm_source=y")),
			"/p?utm_source=x": tagged(`"1"`, html("/x")),
			"/p?utm_source=y": tagged(`"1"`, html("/x")),
			"/x":              html(),
		}})
		w.audit.MayRepeat = again
		for i, want := range []bool{false, true, false} {
			r := w.crawl(cleaning(t, "http://a/"))
			if p := w.page(r, "http://a/p"); p.NotModified != want || p.Status != 200 || p.Unchanged != (i > 0) {
				t.Errorf("run %d: %+v", i+1, p)
			}
		}
	})
}

// A crash at any call of Done, before or after it: no spelling is asked for
// again whose answer is stored.
func TestCrashBetweenSpellings(t *testing.T) {
	for _, after := range []bool{false, true} {
		for call := range int64(6) {
			t.Run(fmt.Sprintf("call %d, after %v", call+1, after), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, map[string]http.Handler{"a": paths{
						"/": html("/p?utm_source=x"), "/p?utm_source=x": moved("/p"), "/p": moved("/p?jsessionid=1"), "/p?jsessionid=1": html("/q"), "/q": html(),
					}})
					r := w.newRun(cleaning(t, "http://a/"))
					c := w.crawler()
					c.Frontier = &breaking{Frontier: w.front, at: call + 1, after: after}
					job, err := c.Begin(context.Background(), r, cleaning(t, "http://a/"))
					if err != nil {
						t.Fatal(err)
					}
					if err := job.Crawl(context.Background(), nil); !errors.Is(err, errBroken) {
						t.Fatalf("the run ended with %v", err)
					}
					w.restart()
					if r, err = w.store.Run(context.Background(), r.ID); err != nil {
						t.Fatal(err)
					}
					w.crawlOn(r, cleaning(t, "http://a/"))
					w.ended(r, store.Complete, "")
					want := []string{"/", "/p?utm_source=x", "/p", "/p?jsessionid=1", "/q"}
					if got := w.asked("a"); !slices.Equal(got, want) {
						t.Errorf("asked for %q, want %q", got, want)
					}
					if p := w.page(r, "http://a/p"); p.Asked != "http://a/p?jsessionid=1" || p.Try != 3 || r.Counts.Found != 3 || r.Counts.Done != 3 {
						t.Errorf("%+v, %+v", p, r.Counts)
					}
				})
			})
		}
	}
}

// crawlOn goes on with a run to its end.
func (w *world) crawlOn(r *store.Run, s *Spec) {
	w.t.Helper()
	if err := w.begin(r, s).Crawl(context.Background(), nil); err != nil {
		w.t.Fatal(err)
	}
}
