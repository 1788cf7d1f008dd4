package crawler

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"crawl/fetcher"
	"crawl/frontier"
	"crawl/internal/weburl"
	"crawl/store"

	"github.com/google/go-cmp/cmp"
)

// ready is a spec whose scope is set, as Begin does.
func ready(t *testing.T, change func(*Spec), seeds ...string) *Spec {
	t.Helper()
	s := spec(t, seeds...)
	if change != nil {
		change(s)
	}
	s.scope = newScope(s.Scope, s.Seeds, nil)
	return s
}

func patterns(t *testing.T, texts ...string) (all []Pattern) {
	t.Helper()
	for _, text := range texts {
		p, err := NewPattern(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func TestJudge(t *testing.T) {
	limited := func(s *Spec) { s.Depth = 2 }
	in := func(scope string) func(*Spec) { return func(s *Spec) { s.Scope = scope } }
	for _, test := range []struct {
		name, url string
		depth     int
		change    func(*Spec)
		why       frontier.Reason
		rule      string
	}{
		{"in scope", "http://a.test/x", 7, nil, "", ""},
		{"https of the same host", "https://a.test/x", 1, nil, "", ""},
		{"another port", "http://a.test:8080/", 1, nil, ReasonScope, "host"},
		{"sub-domain", "http://www.a.test/", 1, nil, ReasonScope, "host"},
		{"name that ends alike", "http://nota.test/", 1, nil, ReasonScope, "host"},
		{"name that begins alike", "http://a.test.evil.example/", 1, nil, ReasonScope, "host"},
		{"seed in the query", "http://evil.example/?u=http://a.test/", 1, nil, ReasonScope, "host"},
		{"at the limit", "http://a.test/x", 2, limited, "", ""},
		{"over the limit", "http://a.test/x", 3, limited, ReasonDepth, ""},
		{"named by a sitemap alone", "http://a.test/x", frontier.NoDepth, limited, ReasonDepth, ""},
		{"seed alone", "http://a.test/x", 1, func(s *Spec) { s.Depth = 0 }, ReasonDepth, ""},
		{"robots.txt", "http://a.test/robots.txt", 1, nil, ReasonRobotsFile, ""},
		{"robots.txt with a query", "http://a.test/robots.txt?x", 1, nil, "", ""},
		{"another robots.txt", "http://a.test/x/robots.txt", 1, nil, "", ""},
		{"too long", "http://a.test/" + strings.Repeat("x", 30), 1, func(s *Spec) { s.MaxURL = 40 }, ReasonTooLong, ""},
		{"just not too long", "http://a.test/" + strings.Repeat("x", 26), 1, func(s *Spec) { s.MaxURL = 40 }, "", ""},
		{"excluded", "http://a.test/cart?x", 1, func(s *Spec) { s.Exclude = patterns(t, "/x", "/cart*") }, ReasonExcluded, "/cart*"},
		{"not included", "http://a.test/x", 1, func(s *Spec) { s.Include = patterns(t, "/docs/*") }, ReasonExcluded, "no include pattern matches"},
		{"included and excluded", "http://a.test/docs/x", 1, func(s *Spec) {
			s.Include, s.Exclude = patterns(t, "/docs/*"), patterns(t, "*x")
		}, ReasonExcluded, "*x"},
		{"included", "http://a.test/docs/x", 1, func(s *Spec) { s.Include = patterns(t, "/docs/*") }, "", ""},
		{"circle", "http://a.test/a/b/a/b/a/b/a/b/a/b/", 1, nil, ReasonTrap, "repeating path"},
		{"link of a list", "http://a.test/x", 1, in(ScopeList), ReasonScope, "list"},
		{"redirect of a list", "http://a.test/x", 0, in(ScopeList), "", ""},
		{"link of a page", "http://a.test/x", 1, in(ScopePage), ReasonScope, "page"},
		{"scope goes first", "http://b.test/robots.txt", 9, limited, ReasonScope, "host"},
		{"depth goes last", "http://a.test/cart", 9, func(s *Spec) { s.Depth, s.Exclude = 1, patterns(t, "/cart") }, ReasonExcluded, "/cart"},
	} {
		s := ready(t, test.change, "http://a.test/")
		if why, rule := s.judge(at(t, test.url), test.depth); why != test.why || rule != test.rule {
			t.Errorf("%s: %s is refused for %q, %q; want %q, %q", test.name, test.url, why, rule, test.why, test.rule)
		}
	}
	s := ready(t, nil, "http://a.test:25/")
	if why, rule := s.judge(at(t, "http://a.test:25/x"), 1); why != ReasonPort || rule != "25" {
		t.Errorf("port 25 is refused for %q, %q", why, rule)
	}
}

func TestRank(t *testing.T) {
	type urls struct {
		depth    int
		priority float64
	}
	for _, test := range []struct {
		order         string
		sooner, later urls
	}{
		{"bfs", urls{0, .5}, urls{1, .5}},
		{"bfs", urls{9, .1}, urls{frontier.NoDepth, 1}},
		{"dfs", urls{1, .5}, urls{0, .5}},
		{"dfs", urls{0, .5}, urls{frontier.NoDepth, 1}},
		{"priority", urls{9, .9}, urls{0, .8}},
		{"priority", urls{0, .5}, urls{1, .5}},
		{"priority", urls{frontier.NoDepth, .6}, urls{0, .5}},
		{"priority", urls{1, 7}, urls{2, 1}},
		{"priority", urls{1, 0}, urls{2, -1}},
	} {
		s := &Spec{Order: test.order}
		a, b := s.rank(test.sooner.depth, test.sooner.priority), s.rank(test.later.depth, test.later.priority)
		if a >= b {
			t.Errorf("%s: rank of %v is %d, of %v %d; want the first to be smaller", test.order, test.sooner, a, test.later, b)
		}
		if a < 2 {
			t.Errorf("%s: rank of %v is %d: robots.txt and sitemaps go first", test.order, test.sooner, a)
		}
	}
}

func TestBackoff(t *testing.T) {
	for n, want := range map[int]time.Duration{
		-1: time.Second, 0: time.Second, 1: time.Second, 2: 4 * time.Second, 3: 16 * time.Second, 4: 64 * time.Second,
		5: 256 * time.Second, 6: 5 * time.Minute, 11: 5 * time.Minute, 1 << 40: 5 * time.Minute,
	} {
		if got := backoff(n); got != want {
			t.Errorf("backoff(%d) = %v, want %v", n, got, want)
		}
	}
}

// Whatever failed together is not tried together again, and whoever restarts
// waits as long.
func TestSpread(t *testing.T) {
	waits := map[time.Duration]bool{}
	for i := range 100 {
		u := at(t, fmt.Sprintf("http://h%d.test/", i))
		for try := 1; try <= 3; try++ {
			got := spread(time.Minute, u, try)
			if got < time.Minute || got > 75*time.Second || got != spread(time.Minute, u, try) {
				t.Errorf("%s, try %d: %v", u, try, got)
			}
			waits[got.Round(time.Second)] = true
		}
	}
	if len(waits) < 14 {
		t.Errorf("300 waits fall on %d seconds of 15", len(waits))
	}
}

func TestRest(t *testing.T) {
	asks := func(after time.Duration) *store.Page { return &store.Page{HasAfter: true, After: after} }
	for _, test := range []struct {
		name  string
		fails int
		page  *store.Page
		most  time.Duration
		want  time.Duration
	}{
		{"seconds", 5, asks(2 * time.Minute), time.Hour, 2 * time.Minute},
		{"over the cap", 0, asks(10 * 365 * 24 * time.Hour), time.Hour, time.Hour},
		{"in the past", 0, asks(0), time.Hour, time.Second},
		{"nothing is waited for", 0, asks(time.Minute), 0, time.Second},
		{"not said, first time", 0, &store.Page{}, time.Hour, spread(2*time.Second, weburl.URL{}, 0)},
		{"not said, again", 3, &store.Page{}, time.Hour, spread(16*time.Second, weburl.URL{}, 3)},
		{"not said, for ever", 1 << 40, &store.Page{}, time.Hour, spread(5*time.Minute, weburl.URL{}, 1<<40)},
	} {
		s := &Spec{MaxRetryAfter: test.most}
		if got := s.rest(&frontier.Lease{Fails: test.fails}, test.page); got != test.want {
			t.Errorf("%s: rest is %v, want %v", test.name, got, test.want)
		}
	}
}

func TestAgain(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	fault := func(kind fetcher.Kind, passing bool) *store.Page {
		return &store.Page{Fault: string(kind), Passing: passing}
	}
	for _, test := range []struct {
		name  string
		retry int
		lease frontier.Lease
		page  *store.Page
		wait  time.Duration // 0: never
	}{
		{"500", 2, frontier.Lease{Try: 1}, &store.Page{Status: 500}, time.Second},
		{"500 again", 2, frontier.Lease{Try: 2}, &store.Page{Status: 500}, 4 * time.Second},
		{"500 too often", 2, frontier.Lease{Try: 3}, &store.Page{Status: 500}, 0},
		{"500 without tries", 0, frontier.Lease{Try: 1}, &store.Page{Status: 500}, 0},
		{"429", 2, frontier.Lease{Try: 5, Fails: 2}, &store.Page{Status: 429}, 8 * time.Second},
		{"429 too often", 2, frontier.Lease{Try: 6}, &store.Page{Status: 429}, 0},
		{"429 without tries", 0, frontier.Lease{Try: 1}, &store.Page{Status: 429}, 0},
		{"503 that says when", 2, frontier.Lease{Try: 1}, &store.Page{Status: 503, HasAfter: true, After: time.Minute}, time.Minute},
		{"refused connection", 2, frontier.Lease{Try: 1}, fault(fetcher.Connect, true), time.Second},
		{"no such name", 2, frontier.Lease{Try: 1}, fault(fetcher.DNS, false), 0},
		{"name server down", 2, frontier.Lease{Try: 1}, fault(fetcher.DNS, true), time.Second},
		{"bad certificate", 2, frontier.Lease{Try: 1}, fault(fetcher.TLS, false), 0},
		{"private address", 2, frontier.Lease{Try: 1}, fault(fetcher.RefusedAddress, false), 0},
		{"head too large", 2, frontier.Lease{Try: 1}, fault(fetcher.TooLarge, false), 0},
		{"no files left", 2, frontier.Lease{Try: 5}, fault(fetcher.Local, true), 256 * time.Second},
		{"500 behind other spellings", 2, frontier.Lease{Try: 3, Link: frontier.Link{Respelled: 2}}, &store.Page{Status: 500}, time.Second},
		{"500 too often behind another", 2, frontier.Lease{Try: 4, Link: frontier.Link{Respelled: 1}}, &store.Page{Status: 500}, 0},
		{"spellings without end", 2, frontier.Lease{Try: 1}, &store.Page{Status: 302, Fault: FaultRedirects}, 0},
		{"cut off", 2, frontier.Lease{Try: 1}, &store.Page{Status: 200, Fault: FaultIncomplete, Passing: true}, time.Second},
	} {
		s := &Spec{Retry: test.retry, MaxRetryAfter: time.Hour}
		got, ok := s.again(&test.lease, test.page, now)
		most := test.wait * 5 / 4
		if test.page.HasAfter {
			most = test.wait
		}
		if wait := got.Sub(now); ok != (test.wait > 0) || ok && (wait < test.wait || wait > most) {
			t.Errorf("%s: again %v in %v, want %v to %v", test.name, ok, wait, test.wait, most)
		}
	}
}

func TestAnswer(t *testing.T) {
	for _, test := range []struct {
		name  string
		fails int
		page  store.Page
		want  frontier.Answer
	}{
		{"good", 0, store.Page{Status: 200, TTFB: time.Second}, frontier.Answer{Conduct: frontier.Good, Took: time.Second}},
		{"not there", 0, store.Page{Status: 404}, frontier.Answer{Conduct: frontier.Good}},
		{"500", 4, store.Page{Status: 500}, frontier.Answer{Conduct: frontier.Slow}},
		{"429", 1, store.Page{Status: 429}, frontier.Answer{Conduct: frontier.PushBack, Rest: spread(4*time.Second, weburl.URL{}, 1)}},
		{"503 cut off", 0, store.Page{Status: 503, Fault: FaultIncomplete}, frontier.Answer{Conduct: frontier.PushBack, Rest: spread(2*time.Second, weburl.URL{}, 0)}},
		{"spellings without end", 5, store.Page{Status: 302, Fault: FaultRedirects}, frontier.Answer{Conduct: frontier.Good}},
		{"cut off", 0, store.Page{Status: 200, Fault: FaultIncomplete}, frontier.Answer{Conduct: frontier.Good}},
		{"timeout", 0, store.Page{Fault: string(fetcher.Timeout)}, frontier.Answer{Conduct: frontier.Failing}},
		{"timeout again", 2, store.Page{Fault: string(fetcher.Timeout)}, frontier.Answer{Conduct: frontier.Failing, Rest: spread(time.Second, weburl.URL{}, 2)}},
		{"ours", 9, store.Page{Fault: string(fetcher.Local)}, frontier.Answer{Conduct: frontier.Blameless}},
		{"the proxy's", 9, store.Page{Fault: string(fetcher.Proxy)}, frontier.Answer{Conduct: frontier.Blameless}},
		{"never asked", 9, store.Page{Fault: string(fetcher.RefusedAddress)}, frontier.Answer{Conduct: frontier.Blameless}},
	} {
		s := &Spec{MaxRetryAfter: time.Hour}
		got := s.answer(&frontier.Lease{Fails: test.fails}, &test.page, nil)
		if got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestGiveUp(t *testing.T) {
	for _, test := range []struct {
		name  string
		fails int
		page  store.Page
		want  frontier.Reason
	}{
		{"eighth 429", 7, store.Page{Status: 429}, ReasonPushedBack},
		{"seventh 503", 6, store.Page{Status: 503}, ""},
		{"tenth timeout", 9, store.Page{Fault: string(fetcher.Timeout)}, ReasonUnreachable},
		{"ninth timeout", 8, store.Page{Fault: string(fetcher.Timeout)}, ""},
		{"tenth 500", 9, store.Page{Status: 500}, ""},
		{"tenth of ours", 9, store.Page{Fault: string(fetcher.Local)}, ""},
		{"tenth of the proxy", 9, store.Page{Fault: string(fetcher.Proxy)}, ""},
		{"tenth refused address", 9, store.Page{Fault: string(fetcher.RefusedAddress)}, ""},
		{"tenth without an end", 9, store.Page{Status: 302, Fault: FaultRedirects}, ""},
		{"tenth cut off", 9, store.Page{Status: 200, Fault: FaultIncomplete}, ""},
	} {
		if got := (&Spec{}).giveUp(&frontier.Lease{Fails: test.fails}, &test.page); got != test.want {
			t.Errorf("%s: given up for %q, want %q", test.name, got, test.want)
		}
	}
}

// lease is a lease on a page of the tests.
func lease(t *testing.T, raw string, depth int) frontier.Lease {
	return frontier.Lease{Link: frontier.Link{URL: at(t, raw), Depth: depth}, Try: 1}
}

func TestHop(t *testing.T) {
	robot := at(t, "http://a.test/robots.txt")
	sitemap := frontier.Lease{Link: frontier.Link{
		URL: at(t, "http://a.test/sitemap.xml"), From: robot, Kind: frontier.Sitemap, For: "http://a.test", Depth: frontier.NoDepth, Hops: 1,
	}}
	reread := lease(t, "http://a.test/", 1)
	reread.Kind = frontier.Reread
	far := lease(t, "http://a.test/", 1)
	far.Hops = 10
	limit := func(n int) func(*Spec) { return func(s *Spec) { s.Depth = n } }
	for _, test := range []struct {
		name   string
		change func(*Spec)
		lease  frontier.Lease
		to     string
		want   frontier.Link // From and Rank apart
	}{
		{"costs no click", limit(1), lease(t, "http://a.test/", 1), "http://a.test/x", frontier.Link{Depth: 1, Hops: 1}},
		{"out of scope", nil, lease(t, "http://a.test/", 1), "http://b.test/", frontier.Link{Depth: 1, Hops: 1, Refused: ReasonScope, Rule: "host"}},
		{"too many", nil, far, "http://a.test/x", frontier.Link{Depth: 1, Hops: 11, Refused: ReasonRedirects}},
		{"of a page read again", nil, reread, "http://a.test/x", frontier.Link{Depth: 1, Hops: 1}},
		{"of a page that only a sitemap names", limit(1), lease(t, "http://a.test/", frontier.NoDepth), "http://a.test/x", frontier.Link{Depth: frontier.NoDepth, Hops: 1}},
		{"of an asset further than pages", limit(1), lease(t, "http://a.test/s.css", 2), "http://a.test/t.css", frontier.Link{Depth: 2, Hops: 1}},
		{"of a sitemap", limit(0), sitemap, "http://cdn.test/sitemap.xml", frontier.Link{Depth: frontier.NoDepth, Hops: 2, Kind: frontier.Sitemap, For: "http://a.test"}},
		{"within a list", func(s *Spec) { s.Scope = ScopeList }, lease(t, "http://a.test/", 0), "http://a.test/x", frontier.Link{Hops: 1}},
		{"drops parameters", func(s *Spec) { s.DropParams = params(t, "sid") }, lease(t, "http://a.test/", 0), "http://a.test/x?sid=1&a=2", frontier.Link{URL: at(t, "http://a.test/x?a=2"), Ask: at(t, "http://a.test/x?sid=1&a=2"), Shape: "/x?a=*", Hops: 1}},
	} {
		s := ready(t, test.change, "http://a.test/")
		got := s.hop(&test.lease, &store.Page{Redirect: test.to, Kind: kindOf(&test.lease)})
		if test.want.From = test.lease.URL; test.want.URL.IsZero() {
			test.want.URL = at(t, test.to)
		}
		if len(got) == 1 {
			got[0].Rank = 0
		}
		if diff := cmp.Diff([]frontier.Link{test.want}, got, cmp.AllowUnexported(weburl.URL{})); diff != "" {
			t.Errorf("%s (- wanted, + got):\n%s", test.name, diff)
		}
	}
	if got := ready(t, nil).hop(&sitemap, &store.Page{Redirect: "nowhere"}); got != nil {
		t.Errorf("a redirect to nowhere gave %+v", got)
	}
}

func params(t *testing.T, names ...string) weburl.ParamSet {
	t.Helper()
	set, err := weburl.NewParamSet(names)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// found is what a test wants to know of a link.
type found struct {
	URL   string
	Depth int
	Why   frontier.Reason
}

func short(links []frontier.Link) (out []found) {
	for _, l := range links {
		out = append(out, found{l.URL.String(), l.Depth, l.Refused})
	}
	return out
}

func TestFollow(t *testing.T) {
	with := func(depth int, assets bool) func(*Spec) {
		return func(s *Spec) { s.Depth, s.Assets = depth, assets }
	}
	page := func(scope string) func(*Spec) {
		return func(s *Spec) { s.Scope, s.Assets, s.Exclude = scope, true, patterns(t, "*.ico") }
	}
	link := func(target string) store.Link { return store.Link{Target: target, Element: "a", Attr: "href"} }
	asset := func(target string) store.Link {
		return store.Link{Target: target, Element: "img", Attr: "src", Asset: true}
	}
	sid := func(s *Spec) { s.DropParams = params(t, "sid") }
	for _, test := range []struct {
		name   string
		change func(*Spec)
		lease  frontier.Lease
		links  []store.Link
		want   []found
	}{
		{"click", nil, lease(t, "http://a.test/", 3), []store.Link{link("http://a.test/x")}, []found{{"http://a.test/x", 4, ""}}},
		{"itself", sid, lease(t, "http://a.test/", 0), []store.Link{link("http://a.test/"), link("http://a.test/?sid=1")}, nil},
		{"no address", nil, lease(t, "http://a.test/", 0), []store.Link{link("mailto:x")}, nil},
		{"orphan's", nil, lease(t, "http://a.test/", frontier.NoDepth), []store.Link{link("http://a.test/x")}, []found{{"http://a.test/x", frontier.NoDepth, ""}}},
		{"orphan's, limited", with(3, false), lease(t, "http://a.test/", frontier.NoDepth), []store.Link{link("http://a.test/x")}, []found{{"http://a.test/x", frontier.NoDepth, ReasonDepth}}},
		{"sitemaps only", func(s *Spec) { s.Sitemap = "only" }, lease(t, "http://a.test/", 0), []store.Link{link("http://a.test/x")}, nil},
		{"nofollow", nil, lease(t, "http://a.test/", 0), []store.Link{{Target: "http://a.test/x", NoFollow: true}}, []found{{"http://a.test/x", 1, ReasonNoFollow}}},
		{"nofollow ignored", func(s *Spec) { s.Robots = "ignore" }, lease(t, "http://a.test/", 0), []store.Link{{Target: "http://a.test/x", NoFollow: true}}, []found{{"http://a.test/x", 1, ""}}},
		{"nofollow out of scope", nil, lease(t, "http://a.test/", 0), []store.Link{{Target: "http://b.test/x", NoFollow: true}}, []found{{"http://b.test/x", 1, ReasonScope}}},
		{"form", nil, lease(t, "http://a.test/", 0), []store.Link{{Target: "http://a.test/find", Element: "form", Attr: "action"}}, []found{{"http://a.test/find", 1, ReasonForm}}},
		{"asset unwanted", nil, lease(t, "http://a.test/", 0), []store.Link{asset("http://a.test/i.png")}, []found{{"http://a.test/i.png", 1, ReasonAsset}}},
		{"asset out of scope", with(-1, true), lease(t, "http://a.test/", 0), []store.Link{asset("http://cdn.test/i.png")}, []found{{"http://cdn.test/i.png", 1, ReasonScope}}},
		{"asset at the limit", with(2, true), lease(t, "http://a.test/", 2), []store.Link{asset("http://a.test/i.png"), link("http://a.test/x")}, []found{{"http://a.test/i.png", 3, ""}, {"http://a.test/x", 3, ReasonDepth}}},
		{"asset of an asset", with(0, true), lease(t, "http://a.test/s.css", 4), []store.Link{asset("http://a.test/5.css")}, []found{{"http://a.test/5.css", 5, ""}}},
		{"endless assets", with(0, true), lease(t, "http://a.test/s.css", 5), []store.Link{asset("http://a.test/6.css")}, []found{{"http://a.test/6.css", 6, ReasonDepth}}},
		{"orphan's asset", with(2, true), lease(t, "http://a.test/", frontier.NoDepth), []store.Link{asset("http://a.test/i.png")}, []found{{"http://a.test/i.png", 3, ""}}},
		{"asset of one page", page(ScopePage), lease(t, "http://a.test/", 0), []store.Link{asset("http://a.test/i.png"), link("http://a.test/x"), asset("http://b.test/i.png"), asset("http://a.test/x.ico")}, []found{
			{"http://a.test/i.png", 1, ""}, {"http://a.test/x", 1, ReasonScope}, {"http://b.test/i.png", 1, ReasonScope}, {"http://a.test/x.ico", 1, ReasonExcluded},
		}},
		{"asset of a list", page(ScopeList), lease(t, "http://a.test/", 0), []store.Link{asset("http://a.test/i.png")}, []found{{"http://a.test/i.png", 1, ReasonScope}}},
	} {
		s := ready(t, test.change, "http://a.test/")
		if diff := cmp.Diff(test.want, short(s.follow(&test.lease, &store.Page{}, test.links))); diff != "" {
			t.Errorf("%s (- wanted, + got):\n%s", test.name, diff)
		}
	}
}

// Redirects that a page asks for itself count among the others.
func TestRefreshCountsAsRedirect(t *testing.T) {
	s := ready(t, nil, "http://a.test/")
	for _, attr := range []string{"refresh", "Refresh"} {
		l := lease(t, "http://a.test/", 2)
		for hops, want := range map[int]frontier.Reason{0: "", 9: "", 10: ReasonRedirects} {
			l.Hops = hops
			got := s.follow(&l, &store.Page{}, []store.Link{{Target: "http://a.test/x", Attr: attr}})
			if len(got) != 1 || got[0].Hops != hops+1 || got[0].Refused != want || got[0].Depth != 3 {
				t.Errorf("%s after %d hops: %+v, want refused %q", attr, hops, got, want)
			}
		}
		l.Hops = 10
		if got := s.follow(&l, &store.Page{}, []store.Link{{Target: "http://a.test/x", Attr: "href"}}); got[0].Hops != 0 || got[0].Refused != "" {
			t.Errorf("a click after 10 hops: %+v", got)
		}
	}
}

func TestEntries(t *testing.T) {
	named := func(target string) store.Link { return store.Link{Target: target, Element: elementEntry, Rel: "0.5"} }
	index := func(target string) store.Link { return store.Link{Target: target, Element: elementIndex} }
	sitemap := func(raw string, hops int) frontier.Lease {
		return frontier.Lease{Link: frontier.Link{URL: at(t, raw), Kind: frontier.Sitemap, For: "http://a.test", Depth: frontier.NoDepth, Hops: hops}}
	}
	const none = frontier.NoDepth
	auto := func(depth int) func(*Spec) { return func(s *Spec) { s.Sitemap, s.Depth = "auto", depth } }
	for _, test := range []struct {
		name   string
		change func(*Spec)
		lease  frontier.Lease
		link   store.Link
		want   found
	}{
		{"page", auto(-1), sitemap("http://a.test/s.xml", 0), named("http://a.test/x"), found{"http://a.test/x", none, ""}},
		{"page, limited", auto(1), sitemap("http://a.test/s.xml", 0), named("http://a.test/x"), found{"http://a.test/x", none, ""}},
		{"page, seeds alone", auto(0), sitemap("http://a.test/s.xml", 0), named("http://a.test/x"), found{"http://a.test/x", none, ReasonDepth}},
		{"page of another host", auto(-1), sitemap("http://a.test/s.xml", 0), named("http://b.test/x"), found{"http://b.test/x", none, ReasonScope}},
		{"sitemaps only", func(s *Spec) { s.Sitemap = "only" }, sitemap("http://a.test/s.xml", 0), named("http://a.test/x"), found{"http://a.test/x", 1, ""}},
		{"sitemap elsewhere that robots.txt names", auto(-1), sitemap("http://cdn.test/s.xml", 0), named("http://a.test/x"), found{"http://a.test/x", none, ""}},
		{"sitemap of one host names another's", func(s *Spec) { s.Sitemap, s.Scope = "auto", ScopeDomain }, sitemap("http://a.test/s.xml", 0), named("http://sub.a.test/x"), found{"http://sub.a.test/x", none, ReasonScope}},
		{"the user's sitemap names another's", func(s *Spec) { s.Sitemap, s.Scope = "http://a.test/s.xml", ScopeDomain }, sitemap("http://a.test/s.xml", 0), named("http://sub.a.test/x"), found{"http://sub.a.test/x", none, ""}},
		{"index", auto(0), sitemap("http://a.test/s.xml", 0), index("http://a.test/t.xml"), found{"http://a.test/t.xml", none, ""}},
		{"index within the scope", func(s *Spec) { s.Sitemap, s.Scope = "auto", ScopeDomain }, sitemap("http://a.test/s.xml", 0), index("http://sub.a.test/t.xml"), found{"http://sub.a.test/t.xml", none, ""}},
		{"index of strangers", auto(-1), sitemap("http://a.test/s.xml", 0), index("http://b.test/t.xml"), found{"http://b.test/t.xml", none, ReasonScope}},
		{"deep index", auto(-1), sitemap("http://a.test/s.xml", maxSitemapDeep), index("http://a.test/t.xml"), found{"http://a.test/t.xml", none, ReasonSitemaps}},
	} {
		s := ready(t, test.change, "http://a.test/")
		if diff := cmp.Diff([]found{test.want}, short(s.entries(&test.lease, []store.Link{test.link}))); diff != "" {
			t.Errorf("%s (- wanted, + got):\n%s", test.name, diff)
		}
	}
	s := ready(t, func(s *Spec) { s.Sitemap, s.Order = "auto", "priority" }, "http://a.test/")
	lease := sitemap("http://a.test/s.xml", 0)
	got := s.entries(&lease, []store.Link{
		{Target: "http://a.test/low", Rel: "0.1"}, {Target: "http://a.test/high", Rel: "0.9"}, {Target: "no address"}, {Target: "http://a.test/none", Rel: "x"},
	})
	if len(got) != 3 || got[0].Rank <= got[2].Rank || got[2].Rank <= got[1].Rank {
		t.Errorf("ranks by priority: %+v", got)
	}
}

func TestOutcome(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	links := []store.Link{{Target: "http://a.test/x", Element: "a"}}
	sitemap := frontier.Lease{Link: frontier.Link{URL: at(t, "http://a.test/s.xml"), Kind: frontier.Sitemap, For: "http://a.test", Depth: frontier.NoDepth}, Try: 1}
	tired := lease(t, "http://a.test/", 0)
	tired.Try, tired.Fails = 3, 9
	reread := lease(t, "http://a.test/s.xml", 1)
	reread.Kind = frontier.Reread
	for _, test := range []struct {
		name  string
		lease frontier.Lease
		page  store.Page
		end   frontier.End
		again bool
		why   frontier.Reason
		links []found
	}{
		{"page", lease(t, "http://a.test/", 0), store.Page{Status: 200}, frontier.Fetched, false, "", []found{{"http://a.test/x", 1, ""}}},
		{"missing page", lease(t, "http://a.test/", 0), store.Page{Status: 404}, frontier.Fetched, false, "", []found{{"http://a.test/x", 1, ""}}},
		{"redirect", lease(t, "http://a.test/", 0), store.Page{Status: 301, Redirect: "http://a.test/y"}, frontier.Fetched, false, "", []found{{"http://a.test/y", 0, ""}}},
		{"redirect without an address", lease(t, "http://a.test/", 0), store.Page{Status: 302}, frontier.Fetched, false, "", []found{{"http://a.test/x", 1, ""}}},
		{"server error", lease(t, "http://a.test/", 0), store.Page{Status: 500}, frontier.Failed, true, "", nil},
		{"odd status", lease(t, "http://a.test/", 0), store.Page{Status: 999}, frontier.Failed, true, "", nil},
		{"push-back", lease(t, "http://a.test/", 0), store.Page{Status: 429}, frontier.Failed, true, "", nil},
		{"last try of a dead host", tired, store.Page{Fault: string(fetcher.Connect), Passing: true}, frontier.Failed, false, ReasonUnreachable, nil},
		{"cut off", lease(t, "http://a.test/", 0), store.Page{Status: 200, Fault: FaultIncomplete, Passing: true}, frontier.Failed, true, "", nil},
		{"sitemap", sitemap, store.Page{Status: 200}, frontier.Fetched, false, "", []found{{"http://a.test/x", frontier.NoDepth, ""}}},
		{"sitemap that a page links to", reread, store.Page{Kind: store.KindSitemap, Status: 200}, frontier.Fetched, false, "", []found{{"http://a.test/x", frontier.NoDepth, ""}}},
		{"sitemap that fails", sitemap, store.Page{Status: 502}, frontier.Failed, true, "", nil},
	} {
		s := ready(t, nil, "http://a.test/")
		test.page.Kind = max(test.page.Kind, kindOf(&test.lease))
		o := s.outcome(&test.lease, &test.page, links, now)
		if o.End != test.end || o.Again.IsZero() == test.again || o.GiveUp != test.why {
			t.Errorf("%s: end %d, again %v, given up for %q; want %d, %v, %q", test.name, o.End, o.Again, o.GiveUp, test.end, test.again, test.why)
		}
		if diff := cmp.Diff(test.links, short(o.Links)); diff != "" {
			t.Errorf("%s: links (- wanted, + got):\n%s", test.name, diff)
		}
	}
}
