package frontiertest

import (
	"testing"
	"time"

	"crawl/frontier"
)

// spelt is a link to a page in a spelling of its own.
func spelt(raw, ask string, depth int) frontier.Link {
	l := page(raw, depth)
	l.Ask = at(ask)
	return l
}

// asks leases the next URL and expects it to be asked for in this spelling.
func (q *queue) asks(want string) frontier.Lease {
	q.t.Helper()
	l := q.any()
	if l.Address() != at(want) {
		q.t.Fatalf("Next leased %s to be asked for as %s, want %s", l.URL, l.Address(), want)
	}
	return l
}

var spellingTests = []test{
	{"a URL is asked for as it was met first", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, spelt("http://a.test/", "http://a.test/?v=1", 5), spelt("http://a.test/", "http://a.test/?v=2", 5))
		q.add(0, page("http://a.test/", 6), spelt("http://a.test/", "http://a.test/?v=3", 2)) // nearer
		q.reopen()
		l := q.asks("http://a.test/?v=1")
		if l.URL != at("http://a.test/") || l.Depth != 2 || l.Respelled != 0 {
			t.Fatalf("leased %+v", l)
		}
		q.add(0, spelt("http://a.test/", "http://a.test/?v=4", 1)) // while it is out
		q.done(l, frontier.Outcome{Again: time.Now().Add(time.Hour)})
		q.done(q.asks("http://a.test/?v=1"), frontier.Outcome{})
		q.drained()
		q.counts(frontier.Stats{Found: 1, Done: 1, Pages: 1, Hosts: 1})
		q.add(1, page("http://a.test/x", 0))
		q.add(0, spelt("http://a.test/x", "http://a.test/x?v=1", 0))
		q.done(q.asks("http://a.test/x"), frontier.Outcome{})
	}},
	{"what was refused is asked for as it was wanted", func(t *testing.T, q *queue) {
		q.start(free)
		refused := spelt("http://a.test/", "http://a.test/?v=1", 1)
		refused.Refused = "depth"
		q.add(0, refused)
		q.add(1, spelt("http://a.test/", "http://a.test/?v=2", 0))
		q.done(q.asks("http://a.test/?v=2"), frontier.Outcome{})
	}},
	{"an answer leads to another spelling", func(t *testing.T, q *queue) {
		c := free
		c.MaxPages = 1
		q.start(c)
		first := spelt("http://a.test/", "http://a.test/?v=1", 3)
		first.Hops = 1
		q.add(1, first)
		q.done(q.asks("http://a.test/?v=1"), frontier.Outcome{Again: time.Now(), Ask: at("http://a.test/?v=2")})
		q.counts(frontier.Stats{Found: 1, Queued: 1, Pages: 1, Hosts: 1})
		q.reopen()
		l := q.asks("http://a.test/?v=2")
		if l.Try != 2 || l.Hops != 2 || l.Respelled != 1 || l.Depth != 3 {
			t.Fatalf("leased %+v", l)
		}
		q.done(l, frontier.Outcome{Again: time.Now(), Ask: at("http://a.test/")})
		q.add(0, page("http://a.test/", 0)) // nearer, without a hop of its own
		l = q.asks("http://a.test/")
		if !l.Ask.IsZero() || l.Try != 3 || l.Hops != 2 || l.Respelled != 2 || l.Depth != 0 {
			t.Fatalf("leased %+v", l)
		}
		q.done(l, frontier.Outcome{})
		q.add(0, spelt("http://a.test/", "http://a.test/?v=1", 0))
		q.drained()
		q.counts(frontier.Stats{Found: 1, Done: 1, Pages: 1, Hosts: 1})
	}},
	{"the end comes between two spellings", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/", 0))
		q.done(q.any(), frontier.Outcome{Again: time.Now(), Ask: at("http://a.test/?v=2")})
		q.refuse(0, "stopped")
		q.drained()
		q.counts(frontier.Stats{Found: 1, Failed: 1, Pages: 1, Hosts: 1})
	}},
}
