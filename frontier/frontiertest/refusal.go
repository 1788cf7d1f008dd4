package frontiertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"crawl/frontier"

	"github.com/google/go-cmp/cmp"
)

var refusalTests = []test{
	{"refused links are counted and kept", func(t *testing.T, q *queue) {
		q.start(free)
		from := at("http://b.test/")
		links := []frontier.Link{
			{URL: at("http://a.test/1"), From: from, Depth: 1, Refused: "scope", Rule: "host"},
			{URL: at("http://a.test/2"), Depth: 2, Refused: "scope"},
			{URL: at("http://c.test/"), From: from, Depth: 3, Refused: "trap", Rule: "calendar"},
		}
		q.add(0, links...)
		q.add(0, links...)
		q.drained()
		q.reopen()
		q.counts(frontier.Stats{Found: 3, Skipped: map[frontier.Reason]uint64{"scope": 2, "trap": 1}})
		var want []frontier.Skip
		for _, l := range links {
			want = append(want, frontier.Skip{URL: l.URL, From: l.From, Reason: l.Refused, Rule: l.Rule, Depth: l.Depth})
		}
		got := q.skips()
		byURL := func(a, b frontier.Skip) int { return strings.Compare(a.URL.String(), b.URL.String()) }
		slices.SortFunc(got, byURL)
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b frontier.Skip) bool { return a == b })); diff != "" {
			t.Errorf("Skips (-want +got):\n%s", diff)
		}
		for range q.f.Skips(q.ctx, q.name) {
			break // leaving early is allowed
		}
	}},
	{"hosts of which nothing is wanted are no hosts", func(t *testing.T, q *queue) {
		q.start(free)
		var links []frontier.Link
		for i := range 2000 {
			links = append(links, frontier.Link{URL: at(fmt.Sprintf("http://h%d.test/", i)), Refused: "scope"})
		}
		q.add(0, links...)
		q.add(0, links...)
		q.counts(frontier.Stats{Found: 2000, Skipped: skipped("scope", 2000)})
		q.add(1, page("http://h7.test/x", 1)) // its front page stays refused
		q.add(0, links[7])
		q.counts(frontier.Stats{Found: 2001, Queued: 1, Skipped: skipped("scope", 2000), Hosts: 1})
		q.add(2, page("http://h7.test/", 1), page("http://h8.test/", 1)) // wanted after all
		q.add(0, links...)
		q.counts(frontier.Stats{Found: 2001, Queued: 3, Skipped: skipped("scope", 1998), Hosts: 2})
		q.reopen()
		q.add(0, frontier.Link{URL: at("http://h9.test/"), Refused: "scope"}, page("http://h8.test/", 0))
		q.counts(frontier.Stats{Found: 2001, Queued: 3, Skipped: skipped("scope", 1998), Hosts: 2})
		if n := len(q.skips()); n != 1998 {
			t.Fatalf("%d skips", n)
		}
	}},
	{"many skips", func(t *testing.T, q *queue) {
		q.start(free)
		links := ranked(3500, nil)
		for i := range links {
			links[i].Refused = "scope"
		}
		q.add(0, links...)
		seen := map[string]bool{}
		for _, s := range q.skips() {
			seen[s.URL.String()] = true
		}
		if len(seen) != 3500 || len(q.skips()) != 3500 {
			t.Fatalf("%d URLs in %d skips", len(seen), len(q.skips()))
		}
	}},
	{"refused when it was leased", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/x", 3))
		q.end(q.any(), frontier.Outcome{End: frontier.Skipped, Reason: "robots", Rule: "/x"})
		q.counts(frontier.Stats{Found: 1, Skipped: skipped("robots", 1), Hosts: 1})
		q.add(0, page("http://a.test/x", 1)) // for good
		q.drained()
		q.reopen()
		q.add(0, page("http://a.test/x", 0))
		q.drained()
		want := frontier.Skip{URL: at("http://a.test/x"), Reason: "robots", Rule: "/x", Depth: 3}
		if got := q.skips(); len(got) != 1 || got[0] != want {
			t.Fatalf("skipped %+v, want %+v", got, want)
		}
	}},
	{"Refuse ends what is queued", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(12000, ranked(12000, nil)...)
		out := q.any()
		q.f.Release(out, good)
		q.done(q.any(), frontier.Outcome{End: frontier.Failed})
		q.done(q.any(), frontier.Outcome{Again: time.Now().Add(time.Hour)})
		q.refuse(11997, "stopped")
		q.counts(frontier.Stats{Found: 12000, InFlight: 1, Failed: 2, Skipped: skipped("stopped", 11997), Pages: 2, Hosts: 1})
		q.end(out, frontier.Outcome{})
		q.drained()
		q.refuse(0, "stopped")
		q.add(1, page("http://a.test/more", 0))
		q.done(q.lease("http://a.test/more"), frontier.Outcome{})
		q.drained()
	}},
	{"Refuse leaves a stored page stored", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/", 5))
		q.done(q.any(), frontier.Outcome{})
		q.add(0, page("http://a.test/", 1))
		q.refuse(0, "stopped")
		q.drained()
		q.counts(frontier.Stats{Found: 1, Done: 1, Pages: 1, Hosts: 1})
	}},
	{"a host is given up", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(3, pages("http://a.test/1", "http://a.test/2", "http://b.test/")...)
		q.add(5997, ranked(5997, nil)...)
		l, l2 := q.lease("http://a.test/1"), q.any()
		for l2.URL.Origin() == "http://b.test" { // the other lease is of the host that is given up
			q.done(l2, frontier.Outcome{})
			l2 = q.any()
		}
		q.done(l, frontier.Outcome{End: frontier.Failed, GiveUp: "dead", Links: pages("http://a.test/new", "http://c.test/")})
		q.add(0, page("http://a.test/newer", 0))
		q.f.Release(l2, good)
		q.end(l2, frontier.Outcome{Again: time.Now().Add(time.Hour), Links: pages("http://a.test/newest")})
		for {
			l, err := q.next(patience)
			if err != nil {
				break
			}
			if l.URL.Origin() == "http://a.test" {
				t.Fatalf("leased %s", l.URL)
			}
			q.done(l, frontier.Outcome{})
		}
		q.drained()
		if s := q.stats(); s.Queued != 0 || s.Failed != 2 || s.Done != 2 || s.Skipped["dead"] != 5997+3 {
			t.Fatalf("%+v", s)
		}
		q.reopen()
		q.add(0, page("http://a.test/after", 0))
		q.drained()
		if h := q.host("http://a.test"); h.GivenUp != "dead" || h.Queued != 0 {
			t.Fatalf("%+v", h)
		}
	}},
	{"given up over its robots.txt", func(t *testing.T, q *queue) {
		q.start(mannered)
		q.add(1, page("http://a.test/", 0))
		q.done(q.any(), hop("http://a.test", "http://b.test/r"))
		q.done(q.lease("http://b.test/r"), frontier.Outcome{GiveUp: "forbidden"})
		q.drained()
		q.counts(frontier.Stats{Found: 1, Skipped: skipped("forbidden", 1), Hosts: 2})
		if h := q.host("http://b.test"); h.GivenUp != "" {
			t.Fatalf("%+v", h)
		}
	}},
	{"given up with hops for others", func(t *testing.T, q *queue) {
		q.start(mannered)
		q.add(3, pages("http://a.test/", "http://b.test/", "http://c.test/")...)
		rules := map[string]frontier.Lease{}
		for range 3 {
			l := q.any()
			rules[l.For] = l
		}
		q.f.Release(rules["http://b.test"], frontier.Answer{Conduct: frontier.Failing, Rest: time.Hour})
		q.done(rules["http://a.test"], hop("http://a.test", "http://b.test/r")) // queued there
		q.end(rules["http://b.test"], frontier.Outcome{GiveUp: "dead"})
		q.done(rules["http://c.test"], hop("http://c.test", "http://b.test/r")) // comes too late
		q.drained()
		q.counts(frontier.Stats{Found: 3, Skipped: skipped("dead", 3), Hosts: 3})
	}},
	{"given up while a lease lapses", func(t *testing.T, q *queue) {
		c := free
		c.LeaseTime = time.Minute
		q.start(c)
		q.add(3, pages("http://a.test/1", "http://a.test/2", "http://a.test/3")...)
		q.lease("http://a.test/1")
		time.Sleep(time.Second)
		q.done(q.lease("http://a.test/2"), frontier.Outcome{GiveUp: "dead"})
		q.waits(time.Second)
		q.waits(time.Second)
		if l, err := q.next(patience); err == nil {
			t.Fatalf("leased %s", l.URL)
		}
		q.counts(frontier.Stats{Found: 3, Done: 1, Skipped: skipped("dead", 2), Pages: 1, Hosts: 1})
	}},
	{"a stored page of a host given up is not read again", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(3, page("http://a.test/1", 5), page("http://a.test/2", 5), page("http://a.test/3", 5))
		q.done(q.lease("http://a.test/1"), frontier.Outcome{})
		l := q.lease("http://a.test/2")
		q.add(0, page("http://a.test/2", 1))
		q.done(q.lease("http://a.test/3"), frontier.Outcome{GiveUp: "dead"})
		q.done(l, frontier.Outcome{})
		q.add(0, page("http://a.test/1", 1))
		q.drained()
		q.counts(frontier.Stats{Found: 3, Done: 3, Pages: 3, Hosts: 1})
	}},
}

func (q *queue) refuse(want int, why frontier.Reason) {
	q.t.Helper()
	got, err := q.f.Refuse(q.ctx, q.name, why)
	if err != nil || got != want {
		q.t.Fatalf("Refuse: %d URLs and %v, want %d", got, err, want)
	}
	q.stats()
}

var limitTests = []test{
	{"pages", func(t *testing.T, q *queue) {
		c := free
		c.MaxPages = 5
		q.start(c)
		q.add(20, ranked(20, nil)...)
		if n := q.takeAll(nil); n != 5 {
			t.Fatalf("%d pages were asked for", n)
		}
		q.counts(frontier.Stats{Found: 20, Queued: 15, Done: 5, Pages: 5, Hosts: 1})
		q.reopen()
		q.drained()
		q.refuse(15, "max-pages")
		q.counts(frontier.Stats{Found: 20, Done: 5, Skipped: skipped("max-pages", 15), Pages: 5, Hosts: 1})
	}},
	{"pages of one host", func(t *testing.T, q *queue) {
		c := free
		c.MaxPages, c.MaxPagesPerHost = 7, 3
		q.start(c)
		q.add(10, ranked(10, nil)...)
		q.add(2, pages("http://b.test/1", "http://b.test/2")...)
		if n := q.takeAll(nil); n != 5 {
			t.Fatalf("%d pages were asked for", n)
		}
		q.refuse(7, "other")
		q.counts(frontier.Stats{Found: 12, Done: 5, Skipped: skipped(frontier.ReasonPagesPerHost, 7), Pages: 5, Hosts: 2})
	}},
	{"leases that were skipped count for nothing", func(t *testing.T, q *queue) {
		c := free
		c.MaxPages = 5
		q.start(c)
		q.add(20, ranked(20, nil)...)
		n := q.takeAll(func(i int) frontier.Outcome {
			if i%3 == 0 {
				return frontier.Outcome{End: frontier.Skipped, Reason: "robots"}
			}
			return frontier.Outcome{}
		})
		if s := q.stats(); s.Pages != 5 || s.Done != 5 || int(s.Skipped["robots"]) != n-5 {
			t.Fatalf("%d leases, %+v", n, s)
		}
	}},
	{"leases that are out count", func(t *testing.T, q *queue) {
		c := free
		c.MaxPages, c.MaxPagesPerHost = 3, 2
		q.start(c)
		q.add(4, pages("http://a.test/1", "http://a.test/2", "http://a.test/3", "http://b.test/1")...)
		var out []frontier.Lease
		for range 3 {
			l := q.any()
			q.f.Release(l, good)
			out = append(out, l)
		}
		q.waits(time.Minute)
		for _, l := range out {
			if l.URL == at("http://a.test/2") { // makes room for one more of its host
				q.end(l, frontier.Outcome{End: frontier.Skipped, Reason: "x"})
				q.end(q.lease("http://a.test/3"), frontier.Outcome{})
				continue
			}
			q.end(l, frontier.Outcome{})
		}
		q.drained()
	}},
	{"hosts", func(t *testing.T, q *queue) {
		c := free
		c.MaxHosts = 2
		q.start(c)
		q.add(2, page("http://a.test/", 0), frontier.Link{URL: at("http://z.test/"), Refused: "scope"}, page("http://b.test/", 0), page("http://c.test/", 0))
		q.add(1, page("http://a.test/x", 1), page("https://a.test/", 1), page("http://c.test/x", 1)) // another scheme is another host
		want := frontier.Stats{Found: 7, Queued: 3, Skipped: map[frontier.Reason]uint64{"scope": 1, frontier.ReasonHosts: 3}, Hosts: 2}
		q.counts(want)
		q.add(0, page("http://c.test/", 0), page("http://z.test/", 0)) // known as refused
		q.done(q.any(), frontier.Outcome{Links: pages("http://c.test/", "http://d.test/")})
		q.reopen()
		want.Found, want.Queued, want.Done, want.Pages = 8, 2, 1, 1
		want.Skipped[frontier.ReasonHosts]++
		q.counts(want)
		for _, s := range q.skips() {
			if s.Reason == frontier.ReasonHosts && s.Rule != "more than 2" {
				t.Fatalf("%+v", s)
			}
		}
		q.config.MaxHosts = 3
		q.reopen()
		q.add(1, page("http://c.test/", 0), page("http://d.test/", 0)) // wanted after all
		want.Queued, want.Hosts = 3, 3
		want.Skipped[frontier.ReasonHosts]--
		q.counts(want)
	}},
	{"URLs that are alike", func(t *testing.T, q *queue) {
		c := free
		c.MaxAlike = 2
		q.start(c)
		month := func(raw string) frontier.Link {
			l := page(raw, 1)
			l.Shape = "/?month=*"
			return l
		}
		deep := month("http://a.test/?month=1")
		deep.Refused = "depth" // counts for nothing
		q.add(2, deep, month("http://a.test/?month=2"), page("http://b.test/", 1))
		q.add(0, month("http://a.test/?month=2")) // is known
		q.reopen()
		q.add(1, month("http://a.test/?month=1"))
		q.add(1, month("http://a.test/?month=3"), month("http://b.test/?month=1"))
		want := frontier.Stats{Found: 5, Queued: 4, Skipped: skipped(frontier.ReasonTrap, 1), Hosts: 2}
		q.counts(want)
		if s := q.skips(); len(s) != 1 || s[0].Rule != "more than 2 of /?month=*" {
			t.Fatalf("skipped %+v", s)
		}
		for range 4 {
			q.done(q.any(), frontier.Outcome{Links: []frontier.Link{month("http://a.test/?month=1"), month("http://a.test/?month=3"), month("http://a.test/?month=4")}})
		}
		q.drained()
		q.counts(frontier.Stats{Found: 6, Done: 4, Skipped: skipped(frontier.ReasonTrap, 2), Pages: 4, Hosts: 2})
		q.add(1, page("http://a.test/?month=3", 1)) // wanted whatever its shape
	}},
	{"a robots.txt does not lead to a host too many", func(t *testing.T, q *queue) {
		c := mannered
		c.MaxHosts = 1
		q.start(c)
		q.add(1, page("http://a.test/", 0))
		q.done(q.any(), hop("http://a.test", "http://b.test/r"))
		q.drained()
		q.counts(frontier.Stats{Found: 1, Skipped: skipped(frontier.ReasonHosts, 1), Hosts: 1})
	}},
	{"a retry is the same page", func(t *testing.T, q *queue) {
		c := free
		c.MaxPages = 2
		q.start(c)
		q.add(4, ranked(4, nil)...)
		q.done(q.any(), frontier.Outcome{Again: time.Now().Add(time.Minute)})
		q.done(q.any(), frontier.Outcome{Again: time.Now().Add(time.Minute)})
		q.reopen()
		q.done(q.any(), frontier.Outcome{})
		q.done(q.any(), frontier.Outcome{End: frontier.Skipped, Reason: "late"})
		q.drained()
		q.counts(frontier.Stats{Found: 4, Queued: 2, Done: 1, Skipped: skipped("late", 1), Pages: 2, Hosts: 1})
	}},
	{"a lapsed lease keeps its share", func(t *testing.T, q *queue) {
		c := free
		c.MaxPages, c.LeaseTime = 2, time.Minute
		q.start(c)
		q.add(4, ranked(4, nil)...)
		q.f.Release(q.any(), good)
		q.f.Release(q.any(), good)
		time.Sleep(time.Minute)
		if n := q.takeAll(nil); n != 2 {
			t.Fatalf("%d pages were asked for", n)
		}
		q.counts(frontier.Stats{Found: 4, Queued: 2, Done: 2, Pages: 2, Hosts: 1})
	}},
	{"a page stored before a crash has its share, and comes first", func(t *testing.T, q *queue) {
		c := free
		c.MaxPages = 2
		q.start(c)
		q.add(5, page("http://a.test/1", 1), page("http://a.test/2", 2), page("http://a.test/3", 3), page("http://b.test/1", 1), page("http://c.test/1", 1))
		q.reopen()
		stored := frontier.Link{URL: at("http://a.test/3"), Stored: true}
		q.add(0, stored, stored, frontier.Link{URL: at("http://a.test/unknown"), Stored: true})
		q.counts(frontier.Stats{Found: 5, Queued: 5, Pages: 1, Hosts: 3})
		q.reopen()
		q.add(0, stored)
		q.add(0, page("http://a.test/3", 1)) // met nearer meanwhile
		got := map[string]bool{}
		q.takeAll(func(int) frontier.Outcome { return frontier.Outcome{} })
		q.counts(frontier.Stats{Found: 5, Queued: 3, Done: 2, Pages: 2, Hosts: 3})
		q.refuse(3, "max-pages")
		for _, s := range q.skips() {
			got[s.URL.String()] = true
		}
		if got["http://a.test/3"] {
			t.Fatal("the stored page was refused")
		}
	}},
	{"a page stored before a crash is done if the run ends first", func(t *testing.T, q *queue) {
		q.start(frontier.Config{MaxPages: 1, Manners: free.Manners})
		q.add(2, ranked(2, nil)...)
		q.add(0, frontier.Link{URL: ranked(2, nil)[1].URL, Stored: true})
		q.refuse(1, "max-time")
		q.counts(frontier.Stats{Found: 2, Done: 1, Skipped: skipped("max-time", 1), Pages: 1, Hosts: 1})
	}},
	{"a page stored before a crash and refused after all gives its share back", func(t *testing.T, q *queue) {
		q.start(frontier.Config{MaxPages: 1, Manners: free.Manners})
		q.add(2, ranked(2, nil)...)
		q.add(0, frontier.Link{URL: ranked(2, nil)[0].URL, Stored: true})
		q.done(q.any(), frontier.Outcome{End: frontier.Skipped, Reason: "robots"})
		q.done(q.any(), frontier.Outcome{})
		q.drained()
		q.counts(frontier.Stats{Found: 2, Done: 1, Skipped: skipped("robots", 1), Pages: 1, Hosts: 1})
	}},
	{"sitemaps and rereading count for nothing", func(t *testing.T, q *queue) {
		c := free
		c.MaxPages = 1
		q.start(c)
		q.add(2, page("http://a.test/1", 5), page("http://a.test/2", 5))
		q.add(1, frontier.Link{URL: at("http://b.test/sitemap.xml"), Kind: frontier.Sitemap})
		if n := q.takeAll(nil); n != 2 {
			t.Fatalf("%d URLs were leased", n)
		}
		q.add(0, page("http://a.test/1", 1))
		if l := q.lease("http://a.test/1"); l.Kind != frontier.Reread {
			t.Fatalf("leased %+v", l)
		} else {
			q.end(l, frontier.Outcome{})
		}
		q.drained()
		q.counts(frontier.Stats{Found: 3, Queued: 1, Done: 2, Pages: 1, Hosts: 2})
	}},
}

// takeAll leases and ends until the run is drained, and returns how many.
func (q *queue) takeAll(outcome func(i int) frontier.Outcome) (n int) {
	q.t.Helper()
	for ; ; n++ {
		l, err := q.next(patience)
		if err != nil {
			if err != frontier.ErrDrained {
				q.t.Fatalf("Next: %v; %+v", err, q.stats())
			}
			return n
		}
		o := frontier.Outcome{}
		if outcome != nil {
			o = outcome(n)
		}
		q.done(l, o)
	}
}
