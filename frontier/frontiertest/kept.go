package frontiertest

import (
	"testing"
	"time"

	"crawl/frontier"
)

// changed is a page of which is said that it changed so many days after some day.
func changed(raw string, depth int, rank uint32, days int) frontier.Link {
	l := page(raw, depth)
	l.Rank, l.Changed = rank, someDay.AddDate(0, 0, days)
	return l
}

var someDay = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// leaseChanged leases the next URL and sees what is said of it.
func (q *queue) leaseChanged(want string, depth, days int) frontier.Lease {
	q.t.Helper()
	l := q.lease(want)
	said := someDay.AddDate(0, 0, days)
	if days == 0 {
		said = time.Time{}
	}
	if !l.Changed.Equal(said) || l.Depth != depth || l.Kind != frontier.Page {
		q.t.Fatalf("leased %+v, want it at depth %d, changed %v", l, depth, said)
	}
	return l
}

var kept = frontier.Outcome{End: frontier.Kept}

var keptTests = []test{
	{"when a page changed is known wherever it was met first", func(t *testing.T, q *queue) {
		q.start(free)
		linked := page("http://a.test/linked", 3)
		linked.Rank = 5
		q.add(3, linked, changed("http://a.test/named", frontier.NoDepth, 9, 1), page("http://a.test/", 0))
		q.add(0, changed("http://a.test/linked", frontier.NoDepth, 7, 2), changed("http://a.test/linked", frontier.NoDepth, 9, 1))
		nearer := page("http://a.test/named", 1)
		nearer.Rank = 6
		q.add(0, nearer)
		q.reopen()
		q.done(q.leaseChanged("http://a.test/", 0, 0), frontier.Outcome{})
		q.done(q.leaseChanged("http://a.test/linked", 3, 2), frontier.Outcome{})
		q.done(q.leaseChanged("http://a.test/named", 1, 1), frontier.Outcome{})
		q.add(0, changed("http://a.test/named", frontier.NoDepth, 9, 3)) // it was asked for
		q.drained()
	}},
	{"what is said to have changed is sooner, and stays so", func(t *testing.T, q *queue) {
		q.start(free)
		a, b := page("http://a.test/a", 1), page("http://a.test/b", 9)
		a.Rank, b.Rank = 5, 13
		q.add(2, a, b)
		q.add(0, changed("http://a.test/b", frontier.NoDepth, 2, 1))
		nearer := page("http://a.test/b", 4)
		nearer.Rank = 8
		q.add(0, nearer)
		q.done(q.leaseChanged("http://a.test/b", 4, 1), frontier.Outcome{})
		q.done(q.leaseChanged("http://a.test/a", 1, 0), frontier.Outcome{})
		q.drained()
	}},
	{"a kept page that changed is queued again", func(t *testing.T, q *queue) {
		c := free
		c.MaxPages = 2
		q.start(c)
		q.add(3, page("http://a.test/x", 2), page("http://a.test/y", 2), page("http://a.test/z", 2))
		q.done(q.lease("http://a.test/x"), kept)
		q.done(q.lease("http://a.test/y"), frontier.Outcome{})
		q.counts(frontier.Stats{Found: 3, Queued: 1, Done: 2, Pages: 2, Hosts: 1})
		refused := changed("http://a.test/x", frontier.NoDepth, 1, 1)
		refused.Refused = "scope"
		q.add(0, page("http://a.test/x", 2), refused, changed("http://a.test/y", frontier.NoDepth, 1, 1))
		q.counts(frontier.Stats{Found: 3, Queued: 1, Done: 2, Pages: 2, Hosts: 1})
		q.reopen()
		q.add(0, changed("http://a.test/x", frontier.NoDepth, 1, 1))
		q.counts(frontier.Stats{Found: 3, Queued: 2, Done: 1, Pages: 2, Hosts: 1})
		q.reopen()
		l := q.leaseChanged("http://a.test/x", 2, 1)
		if l.Try != 1 {
			t.Fatalf("leased %+v", l)
		}
		q.done(l, frontier.Outcome{})
		q.drained() // the page limit holds back the third
		q.counts(frontier.Stats{Found: 3, Queued: 1, Done: 2, Pages: 2, Hosts: 1})
		if h := q.host("http://a.test"); h.Done != 2 {
			t.Fatalf("%d pages are done", h.Done)
		}
	}},
	{"a kept page is said to have changed while it is out", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/x", 2))
		l := q.leaseChanged("http://a.test/x", 2, 0)
		q.add(0, changed("http://a.test/x", frontier.NoDepth, 1, 2))
		q.done(l, kept)
		l = q.leaseChanged("http://a.test/x", 2, 2)
		q.add(0, changed("http://a.test/x", frontier.NoDepth, 1, 1)) // which is no news
		q.done(l, kept)
		q.drained()
		q.counts(frontier.Stats{Found: 1, Done: 1, Pages: 1, Hosts: 1})
	}},
	{"a kept page is said to have changed while it waits to be reread", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/x", 5))
		q.done(q.lease("http://a.test/x"), kept)
		q.add(0, page("http://a.test/x", 2))
		q.add(0, changed("http://a.test/x", frontier.NoDepth, 1, 1))
		l := q.lease("http://a.test/x")
		if l.Kind != frontier.Reread || l.Depth != 2 {
			t.Fatalf("leased %+v", l)
		}
		q.end(l, kept)
		q.done(q.leaseChanged("http://a.test/x", 2, 1), frontier.Outcome{})
		q.drained()
		q.counts(frontier.Stats{Found: 1, Done: 1, Pages: 1, Hosts: 1})
		if h := q.host("http://a.test"); h.Done != 1 {
			t.Fatalf("%d pages are done", h.Done)
		}
	}},
	{"a kept page that is met nearer stays kept", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/x", 5))
		q.done(q.lease("http://a.test/x"), kept)
		q.add(0, page("http://a.test/x", 2))
		q.end(q.lease("http://a.test/x"), kept)
		q.add(0, changed("http://a.test/x", frontier.NoDepth, 1, 1))
		q.done(q.leaseChanged("http://a.test/x", 2, 1), frontier.Outcome{})
		q.drained()
	}},
	{"a kept page that waits to be asked for is done when the run ends", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/x", 2))
		q.done(q.lease("http://a.test/x"), kept)
		q.add(0, changed("http://a.test/x", frontier.NoDepth, 1, 1))
		if n, err := q.f.Refuse(q.ctx, q.name, "max-time"); n != 0 || err != nil {
			t.Fatalf("refused %d: %v", n, err)
		}
		q.counts(frontier.Stats{Found: 1, Done: 1, Pages: 1, Hosts: 1})
		if h := q.host("http://a.test"); h.Done != 1 {
			t.Fatalf("%d pages are done", h.Done)
		}
	}},
	{"what is kept moves no clock", func(t *testing.T, q *queue) {
		q.start(paced(1))
		q.add(3, page("http://a.test/x", 5), page("http://a.test/y", 5), page("http://a.test/z", 5))
		l := q.lease("http://a.test/x")
		q.f.Release(l, frontier.Answer{})
		q.end(l, kept)
		l = q.after(0, "http://a.test/y")
		q.f.Release(l, frontier.Answer{})
		q.end(l, kept)
		q.done(q.after(0, "http://a.test/z"), frontier.Outcome{})
		q.drained()
	}},
}
