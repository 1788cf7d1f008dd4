package frontiertest

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"crawl/frontier"
)

// check is a link to be asked about alone.
func check(raw string) frontier.Link {
	return frontier.Link{URL: at(raw), Depth: frontier.NoDepth, Rank: 1, Kind: frontier.Check}
}

// behind is a page that comes after the checks of its host.
func behind(raw string, depth int) frontier.Link {
	l := page(raw, depth)
	l.Rank = 2
	return l
}

var checkTests = []test{
	{"a check is done whatever came of it", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(2, check("http://a.test/1"), check("http://a.test/2"))
		q.add(0, check("http://a.test/1"))
		l := q.lease("http://a.test/1")
		if l.Kind != frontier.Check || l.Try != 1 {
			t.Fatalf("leased %+v", l)
		}
		q.done(l, frontier.Outcome{End: frontier.Failed})
		q.done(q.lease("http://a.test/2"), frontier.Outcome{Again: time.Now().Add(time.Hour)})
		q.add(0, check("http://a.test/1"), check("http://a.test/2"))
		q.reopen()
		if l = q.after(time.Hour, "http://a.test/2"); l.Kind != frontier.Check || l.Try != 2 {
			t.Fatalf("leased %+v", l)
		}
		q.done(l, frontier.Outcome{})
		q.drained()
		q.counts(frontier.Stats{Found: 2, Done: 2, Hosts: 1})
	}},
	{"checks count against no limit on pages", func(t *testing.T, q *queue) {
		c := free
		c.MaxPages, c.MaxPagesPerHost = 1, 1
		q.start(c)
		q.add(2, behind("http://a.test/1", 0), behind("http://a.test/2", 0))
		q.add(1, check("http://a.test/3"))
		q.done(q.lease("http://a.test/3"), frontier.Outcome{})
		q.done(q.lease("http://a.test/1"), frontier.Outcome{Links: []frontier.Link{check("http://a.test/4"), check("http://b.test/")}})
		for range 2 {
			q.done(q.any(), frontier.Outcome{})
		}
		q.drained()
		q.counts(frontier.Stats{Found: 5, Queued: 1, Done: 4, Pages: 1, Hosts: 2})
	}},
	{"a check that waits for another try when all is refused is done", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(2, check("http://a.test/1"), check("http://a.test/2"))
		q.done(q.lease("http://a.test/1"), frontier.Outcome{Again: time.Now().Add(time.Hour)})
		q.refuse(1, "stopped")
		q.drained()
		q.counts(frontier.Stats{Found: 2, Done: 1, Skipped: skipped("stopped", 1), Hosts: 1})
		q.add(1, page("http://a.test/1", 2))
		q.done(q.lease("http://a.test/1"), frontier.Outcome{})
		q.drained()
	}},
	{"what is queued to be checked becomes a page", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(3, check("http://a.test/1"), check("http://a.test/2"), check("http://a.test/3"))
		q.done(q.lease("http://a.test/1"), frontier.Outcome{Again: time.Now().Add(time.Hour)})
		q.add(2, behind("http://a.test/1", 2), behind("http://a.test/2", 2))
		q.add(0, page("http://a.test/1", 3), check("http://a.test/2"))
		q.reopen()
		q.done(q.lease("http://a.test/3"), frontier.Outcome{})
		for _, want := range []string{"http://a.test/1", "http://a.test/2"} {
			l := q.lease(want)
			if l.Kind != frontier.Page || l.Try != 1 || l.Depth != 2 {
				t.Fatalf("leased %+v", l)
			}
			q.done(l, frontier.Outcome{})
		}
		q.drained()
		q.counts(frontier.Stats{Found: 3, Done: 3, Pages: 2, Hosts: 1})
	}},
	{"what was checked becomes a page", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, check("http://a.test/1"))
		q.done(q.any(), frontier.Outcome{})
		q.reopen()
		q.add(1, frontier.Link{URL: at("http://a.test/1"), Depth: frontier.NoDepth}) // a sitemap names it
		q.add(0, check("http://a.test/1"))
		l := q.lease("http://a.test/1")
		if l.Kind != frontier.Page || l.Try != 1 {
			t.Fatalf("leased %+v", l)
		}
		q.done(l, frontier.Outcome{})
		q.add(0, check("http://a.test/1"))
		q.drained()
		q.counts(frontier.Stats{Found: 1, Done: 1, Pages: 1, Hosts: 1})
		if h := q.host("http://a.test"); h.Done != 1 {
			t.Fatalf("%d URLs are done", h.Done)
		}
	}},
	{"what is being checked becomes a page", func(t *testing.T, q *queue) {
		c := free
		c.LeaseTime = time.Minute
		q.start(c)
		q.add(2, check("http://a.test/1"), check("http://a.test/2"))
		one, two := q.lease("http://a.test/1"), q.lease("http://a.test/2")
		q.add(2, page("http://a.test/1", 1), page("http://a.test/2", 1))
		q.done(one, frontier.Outcome{Again: time.Now().Add(time.Hour)})
		if l := q.lease("http://a.test/1"); l.Kind != frontier.Page || l.Try != 1 {
			t.Fatalf("leased %+v", l)
		} else {
			q.done(l, frontier.Outcome{})
		}
		if l := q.after(time.Minute, "http://a.test/2"); l.Kind != frontier.Page || l.Try != 1 || l.ID == two.ID { // the check lapsed
			t.Fatalf("leased %+v", l)
		} else {
			q.done(l, frontier.Outcome{})
		}
		q.drained()
		q.counts(frontier.Stats{Found: 2, Done: 2, Pages: 2, Hosts: 1})
	}},
	{"a check that was refused is wanted after all", func(t *testing.T, q *queue) {
		q.start(free)
		refused := check("http://a.test/1")
		refused.Refused = "scope"
		q.add(0, refused)
		q.add(1, check("http://a.test/1"))
		q.done(q.lease("http://a.test/1"), frontier.Outcome{End: frontier.Skipped, Reason: "robots"})
		q.add(0, check("http://a.test/1"), page("http://a.test/1", 0)) // for good
		q.drained()
	}},
	{"a host may be given up from the beginning", func(t *testing.T, q *queue) {
		q.start(frontier.Config{Manners: always(frontier.Manners{GivenUp: "rest"})})
		q.add(0, check("http://a.test/1"), check("http://a.test/2"))
		q.drained()
		q.reopen()
		q.add(0, check("http://a.test/3"))
		q.drained()
		q.counts(frontier.Stats{Found: 3, Skipped: skipped("rest", 3), Hosts: 1})
	}},
	{"foreign hosts have a limit of their own", func(t *testing.T, q *queue) {
		c := frontier.Config{MaxHosts: 2, MaxForeign: 3, Manners: func(origin string) frontier.Manners {
			return frontier.Manners{Rate: math.Inf(1), PerHost: 100, NoRobots: true, Foreign: strings.HasPrefix(origin, "http://x")}
		}}
		q.start(c)
		var links []frontier.Link
		for i := range 5 {
			links = append(links, check(fmt.Sprintf("http://x%d.test/", i)))
		}
		q.add(3, links...)
		q.reopen()
		q.add(2, pages("http://a.test/", "http://b.test/", "http://c.test/")...)
		q.add(0, check("http://x9.test/"))
		q.add(1, check("http://x0.test/more"))
		q.counts(frontier.Stats{Found: 10, Queued: 6, Skipped: skipped(frontier.ReasonHosts, 4), Hosts: 5})
		if !q.host("http://x0.test").Foreign || q.host("http://a.test").Foreign {
			t.Fatal("the wrong hosts are foreign")
		}
	}},
}
