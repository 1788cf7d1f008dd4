package crawler

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crawl/fetcher"
	"crawl/frontier"
	"crawl/internal/robots"
	"crawl/internal/testweb"
	"crawl/store"

	"github.com/google/go-cmp/cmp"
)

// judgeRobots is a Job that only judges.
func judgeRobots(t *testing.T, change func(*Spec)) *Job {
	return &Job{Crawler: &Crawler{Log: slog.New(slog.DiscardHandler)}, spec: ready(t, change, "http://a.test/"), rules: newRuleCache(0)}
}

func TestRobotsOutcome(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	hold := now.Add(robotsHold)
	l := func(fails, hops int) frontier.Lease {
		return frontier.Lease{Fails: fails, Link: frontier.Link{
			URL: at(t, "http://a.test/robots.txt"), Kind: frontier.Robots, For: "http://a.test", Hops: hops, Depth: frontier.NoDepth,
		}}
	}
	again := func(d time.Duration) *frontier.Rules { return &frontier.Rules{Unknown: true, Until: now.Add(d)} }
	later := func(fails int) *frontier.Rules {
		return again(spread(backoff(fails+1), at(t, "http://a.test/robots.txt"), fails))
	}
	once := func(s *Spec) { s.Retry = 0 }
	for _, test := range []struct {
		name   string
		change func(*Spec)
		lease  frontier.Lease
		rec    store.Robots
		rules  *frontier.Rules
		giveUp frontier.Reason
	}{
		{"rules", nil, l(0, 0), store.Robots{Status: 200, Until: hold}, &frontier.Rules{Until: hold}, ""},
		{"delay", nil, l(0, 0), store.Robots{Status: 200, Until: hold, Text: []byte("user-agent: *\ncrawl-delay: 7")}, &frontier.Rules{Until: hold, Delay: 7 * time.Second}, ""},
		{"delay, only reported", func(s *Spec) { s.Robots = "report" }, l(0, 0), store.Robots{Status: 200, Until: hold, Text: []byte("user-agent: *\ncrawl-delay: 7")}, &frontier.Rules{Until: hold}, ""},
		{"delay in a 404", nil, l(0, 0), store.Robots{Status: 404, Until: hold, Text: []byte("user-agent: *\ncrawl-delay: 7")}, &frontier.Rules{Until: hold}, ""},
		{"redirect", nil, l(0, 0), store.Robots{Status: 301, Hop: "http://b.test/robots.txt", Until: hold}, &frontier.Rules{Pending: true}, ""},
		{"redirect to nowhere", nil, l(0, 5), store.Robots{Status: 301, Until: hold}, &frontier.Rules{Until: hold}, ""},
		{"500", nil, l(0, 0), store.Robots{Status: 500}, later(0), ""},
		{"500 again", nil, l(1, 0), store.Robots{Status: 500}, later(1), ""},
		{"500 too often", nil, l(2, 0), store.Robots{Status: 500}, later(2), ReasonRobotsUnreachable},
		{"500 without tries", once, l(0, 0), store.Robots{Status: 500}, later(0), ReasonRobotsUnreachable},
		{"429", nil, l(6, 0), store.Robots{Status: 429, HasAfter: true, After: time.Minute}, again(time.Minute), ""},
		{"503 for ever", nil, l(7, 0), store.Robots{Status: 503}, again(spread(256*time.Second, at(t, "http://a.test/robots.txt"), 7)), ReasonRobotsUnreachable},
		{"refused", nil, l(1, 0), store.Robots{Fault: string(fetcher.Connect), Passing: true}, later(1), ""},
		{"refused too often", nil, l(2, 0), store.Robots{Fault: string(fetcher.Connect), Passing: true}, later(2), ReasonUnreachable},
		{"no such name", nil, l(0, 0), store.Robots{Fault: string(fetcher.DNS)}, later(0), ReasonUnreachable},
		{"no files left", nil, l(2, 0), store.Robots{Fault: string(fetcher.Local), Passing: true}, later(2), ""},
		{"cut off", nil, l(0, 0), store.Robots{Status: 200, Fault: FaultIncomplete, Passing: true, Text: []byte("user-agent: *\n")}, later(0), ""},
	} {
		test.rec.Origin = "http://a.test"
		o := judgeRobots(t, test.change).robotsOutcome(&test.lease, &test.rec, now)
		if diff := cmp.Diff(test.rules, o.Rules); diff != "" || o.GiveUp != test.giveUp {
			t.Errorf("%s: given up for %q, want %q; rules (- wanted, + got):\n%s", test.name, o.GiveUp, test.giveUp, diff)
		}
	}
}

func TestParseRobots(t *testing.T) {
	const closed = "user-agent: *\ndisallow: /"
	for _, test := range []struct {
		name    string
		rec     store.Robots
		allowed bool
	}{
		{"rules", store.Robots{Status: 200, Text: []byte(closed)}, false},
		{"none", store.Robots{Status: 200}, true},
		{"not there", store.Robots{Status: 404, Text: []byte(closed)}, true},
		{"forbidden", store.Robots{Status: 403}, true},
		{"too many requests", store.Robots{Status: 429}, false},
		{"broken", store.Robots{Status: 500}, false},
		{"redirected too often", store.Robots{Status: 302}, true},
		{"on the way", store.Robots{Status: 302, Hop: "http://b.test/robots.txt"}, false},
		{"no answer", store.Robots{Fault: string(fetcher.Timeout)}, false},
		{"half", store.Robots{Status: 200, Fault: FaultIncomplete}, false},
	} {
		if got := judgeRobots(t, nil).parseRobots(&test.rec).Test("crawl", "/x").Allowed; got != test.allowed {
			t.Errorf("%s: allowed %v, want %v", test.name, got, test.allowed)
		}
	}
}

func TestRobotsAnswer(t *testing.T) {
	for _, test := range []struct {
		rec  store.Robots
		want frontier.Conduct
	}{
		{store.Robots{Status: 200}, frontier.Good},
		{store.Robots{Status: 404}, frontier.Good},
		{store.Robots{Status: 301}, frontier.Good},
		{store.Robots{Status: 500}, frontier.Failing},
		{store.Robots{Status: 429}, frontier.PushBack},
		{store.Robots{Status: 503}, frontier.PushBack},
		{store.Robots{Status: 200, Fault: FaultIncomplete}, frontier.Failing},
		{store.Robots{Fault: string(fetcher.Timeout)}, frontier.Failing},
		{store.Robots{Fault: string(fetcher.Local)}, frontier.Failing},
	} {
		if got := (&Spec{}).robotsAnswer(&frontier.Lease{}, &test.rec, nil).Conduct; got != test.want {
			t.Errorf("%d %s: conduct %d, want %d", test.rec.Status, test.rec.Fault, got, test.want)
		}
	}
}

// filesIn is how many files a cache holds.
func filesIn(c *ruleCache) (n int) {
	c.files.Range(func(any, any) bool { n++; return true })
	return n
}

func TestRuleCacheIsBounded(t *testing.T) {
	text := []byte(strings.Repeat("allow:/a\n", 10))
	size := sizeOfRules(text)
	c := newRuleCache(10 * size)
	for i := range 15 {
		c.put(fmt.Sprint(i), robots.Parse(text), text)
		c.put(fmt.Sprint(i), robots.Parse(text), text)
	}
	if filesIn(c) != 10 || c.size != 10*size || c.get("14") == nil || c.get("none") != nil {
		t.Errorf("%d files of %d bytes are held, want 10 of %d", filesIn(c), c.size, size)
	}
	c.put("large", robots.AllowAll(), make([]byte, 100*size)) // what is larger than all room still serves
	if filesIn(c) != 1 || c.get("large") == nil {
		t.Errorf("%d files are held beside one that takes all", filesIn(c)-1)
	}
}

// Every odd robots.txt is read as RFC 9309 says, from the first request on.
func TestRobotsVariants(t *testing.T) {
	rest := html("/public", "/private/x")
	for _, v := range testweb.RobotsVariants(rest) {
		t.Run(v.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string]http.Handler{"a": v.Handler})
				s := spec(t, "http://a/public/seed")
				s.Manners = hurried
				w.crawl(s)
				for path, allowed := range map[string]bool{"/public/seed": v.Public, "/public": v.Public, "/private/x": v.Public && v.Private} {
					if got := w.times("a", path) > 0; got != allowed {
						t.Errorf("%s was asked for: %v, want %v", path, got, allowed)
					}
				}
			})
		})
	}
}

// robots.txt is asked for again while it cannot be had, and then obeyed.
func TestRobotsBrokenThenThere(t *testing.T) {
	rules := plain("user-agent: *\ndisallow: /private")
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	drip := func(w http.ResponseWriter, r *http.Request) { // stops in the middle
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("user-agent: *\n"))
	}
	for name, broken := range map[string]http.HandlerFunc{
		"500": status(500), "503": status(503), "429": status(429, "Retry-After", "60"), "no answer": hang, "half": drip,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string]http.Handler{"a": paths{
					"/robots.txt": first(2, broken, rules), "/": html("/x", "/private"), "/x": html(),
				}})
				w.robots["a"] = "user-agent: *\ndisallow: /private"
				r := w.crawl(spec(t, "http://a/"))
				w.ended(r, store.Complete, "")
				same(t, "asked for", w.asked("a"), "/", "/x")
				if n := w.times("a", "/robots.txt"); n != 3 {
					t.Errorf("robots.txt was asked for %d times, want 3", n)
				}
			})
		})
	}
}

// A robots.txt that is never there closes its host, and no other.
func TestRobotsUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{
			"a": paths{"/robots.txt": status(500), "/": html()},
			"b": paths{"/": html("/x"), "/x": html()},
		})
		r := w.crawl(spec(t, "http://a/", "http://b/"))
		w.ended(r, store.Complete, "")
		same(t, "asked of a", w.asked("a"))
		same(t, "asked of b", w.asked("b"), "/", "/x")
		if got := w.skips(r)["http://a/"]; got != string(ReasonRobotsUnreachable) {
			t.Errorf("the seed was skipped for %q", got)
		}
		if !w.told("robots.txt answered 500") {
			t.Errorf("nobody was told why: %q", w.notices)
		}
	})
}

// The rules at the end of five redirects hold for the first host. The host
// that holds them has rules of its own.
func TestRobotsRedirectsToAnotherHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{
			"a": paths{
				"/robots.txt": status(301, "Location", "http://b/1"), "/": html("/x", "/private", "http://b/private", "http://b/2"), "/x": html(),
			},
			"b": paths{
				"/robots.txt": plain("user-agent: *\ndisallow: /1\ndisallow: /2"),
				"/1":          status(302, "Location", "/2"), "/2": status(307, "Location", "/3"),
				"/3": status(308, "Location", "/4"), "/4": status(301, "Location", "/5"),
				"/5": plain("user-agent: *\ndisallow: /private"), "/private": html(),
			},
		})
		w.robots["a"] = "user-agent: *\ndisallow: /private"
		s := spec(t, "http://a/", "http://b/private")
		s.Retry = 0
		r := w.crawl(s)
		w.ended(r, store.Complete, "")
		same(t, "asked of a", w.asked("a"), "/", "/x")
		if got := w.skips(r)["http://b/2"]; got != string(ReasonRobots) {
			t.Errorf("b's own rules did not hold: %q", got)
		}
		if w.times("b", "/private") != 1 {
			t.Error("a's rules held at b")
		}
		w.excused = append(w.excused, "b: GET /1 arrived before") // a's robots.txt, not a page of b
	})
}

// 1,000 first URLs of one host, and its robots.txt is asked for once.
func TestOneRobotsRequestForThousandURLs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := paths{"/robots.txt": status(404)}
		var seeds []string
		for i := range 1000 {
			path := fmt.Sprintf("/%d", i)
			site[path] = html()
			seeds = append(seeds, "http://a"+path)
		}
		w := newWorld(t, map[string]http.Handler{"a": site})
		s := spec(t, seeds...)
		s.Manners = func(string) frontier.Manners { m := hurried(""); m.PerHost = 64; return m }
		w.audit.PerHost = 64
		r := w.crawl(s)
		if n := w.times("a", "/robots.txt"); n != 1 || r.Counts.Done != 1000 || r.Counts.Requests != 1001 {
			t.Errorf("%d requests for robots.txt, %d pages, %d requests in all", n, r.Counts.Done, r.Counts.Requests)
		}
	})
}

// The rules are asked for again after 24 hours, and the queue is held against
// the new ones.
func TestRobotsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := paths{"/robots.txt": first(1, plain("user-agent: *\nallow: /"), plain("user-agent: *\ndisallow: /b"))}
		var hrefs []string
		for i := range 30 {
			hrefs = append(hrefs, fmt.Sprintf("/%c%d", "ab"[i%2], i))
			site[hrefs[i]] = html()
		}
		site["/"] = html(hrefs...)
		w := newWorld(t, map[string]http.Handler{"a": site})
		s := spec(t, "http://a/")
		s.Manners = func(string) frontier.Manners { return frontier.Manners{Rate: 1.0 / 3600 / 2} } // one in two hours
		w.audit.Delay = func(string) time.Duration { return 2 * time.Hour }
		w.audit.MayRepeat = func(h testweb.Hit) bool { return h.URI == "/robots.txt" }
		r := w.crawl(s)
		w.ended(r, store.Complete, "")
		var changed time.Time
		for _, h := range w.web.Hits() {
			if h.URI == "/robots.txt" {
				if gap := h.Start.Sub(changed); !changed.IsZero() && gap < robotsHold {
					t.Errorf("robots.txt was asked for after %v", gap)
				}
				changed = h.Start
			}
			if strings.HasPrefix(h.URI, "/b") && w.web.Hits()[0].Start.Add(robotsHold+2*time.Hour).Before(h.Start) {
				t.Errorf("%s was asked for after the rules had changed", h.URI)
			}
		}
		if r.Counts.Skipped[string(ReasonRobots)] == 0 {
			t.Error("nothing was skipped")
		}
	})
}

func TestCrawlDelayIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/robots.txt": plain("user-agent: *\ncrawl-delay: 7"), "/": html("/1", "/2", "/3"), "/1": html(), "/2": html(), "/3": html(),
		}})
		s := spec(t, "http://a/")
		s.Manners = func(string) frontier.Manners { m := hurried(""); m.PerHost = 8; return m }
		w.audit.Delay = func(string) time.Duration { return 7 * time.Second }
		r := w.crawl(s)
		if r.Counts.Done != 4 {
			t.Errorf("%d pages, want 4", r.Counts.Done)
		}
	})
}

func TestRobotsModes(t *testing.T) {
	for mode, want := range map[string]struct {
		asked  []string
		robots int
		barred string
	}{
		"obey":   {[]string{"/", "/x"}, 1, ""},
		"report": {[]string{"/", "/x", "/private"}, 1, "line 2 disallow: /private"},
		"ignore": {[]string{"/", "/x", "/private", "/nofollow"}, 0, ""},
	} {
		t.Run(mode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := text(t, `
-- a/robots.txt --
user-agent: *
disallow: /private
-- a/ --
<a href=/x>x</a> <a href=/private>x</a> <a href=/nofollow rel=nofollow>x</a>
-- a/x --
-- a/private --
-- a/nofollow --
`)
				s := spec(t, "http://a/")
				s.Robots = mode
				r := w.crawl(s)
				w.ended(r, store.Complete, "")
				same(t, "asked for", w.asked("a"), want.asked...)
				if n := w.times("a", "/robots.txt"); n != want.robots {
					t.Errorf("%d requests for robots.txt, want %d", n, want.robots)
				}
				if mode == "obey" {
					if got := w.skips(r)["http://a/private"]; got != string(ReasonRobots) {
						t.Errorf("/private was skipped for %q", got)
					}
				} else if got := w.page(r, "http://a/private").Barred; got != want.barred {
					t.Errorf("/private is barred by %q, want %q", got, want.barred)
				}
				if mode == "ignore" {
					w.excused = append(w.excused, "before robots.txt was answered")
				}
			})
		})
	}
}
