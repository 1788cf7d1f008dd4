package frontiertest

import (
	"testing"
	"time"

	"crawl/frontier"
)

// deep is a link that the caller refuses for its depth.
func deep(raw string, depth int) frontier.Link {
	return frontier.Link{URL: at(raw), Depth: depth, Refused: "depth", Rule: "max-depth"}
}

var depthTests = []test{
	{"refused for depth, met again nearer", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(0, deep("http://a.test/x", 4))
		q.add(0, deep("http://a.test/x", 5))
		q.drained()
		q.counts(frontier.Stats{Found: 1, Skipped: skipped("depth", 1)})
		q.reopen()
		q.add(1, page("http://a.test/x", 3))
		q.counts(frontier.Stats{Found: 1, Queued: 1, Hosts: 1})
		q.add(0, deep("http://a.test/x", 4)) // wanted stays wanted
		l := q.lease("http://a.test/x")
		if l.Depth != 3 || l.Refused != "" {
			t.Fatalf("leased %+v", l)
		}
		q.done(l, frontier.Outcome{})
		if s := q.skips(); len(s) != 0 {
			t.Fatalf("still skipped: %+v", s)
		}
		q.drained()
	}},
	{"refused and wanted at once", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, deep("http://a.test/x", 1), page("http://a.test/x", 3), page("http://a.test/x", 2), deep("http://a.test/x", 9))
		if l := q.any(); l.Depth != 2 {
			t.Fatalf("leased at depth %d", l.Depth)
		}
		q.counts(frontier.Stats{Found: 1, InFlight: 1, Hosts: 1})
	}},
	{"queued, met nearer", func(t *testing.T, q *queue) {
		for _, reopen := range []bool{false, true} {
			q.name = "run"
			if reopen {
				q.name = "other"
			}
			q.start(free)
			far, near := page("http://a.test/x", 5), page("http://a.test/x", 2)
			far.Rank, near.Rank, near.From = 5, 2, at("http://b.test/")
			between := page("http://a.test/y", 3)
			between.Rank = 3
			q.add(2, far, between)
			q.add(0, near)
			q.add(0, far)
			if reopen {
				q.reopen()
			}
			if l := q.lease("http://a.test/x"); l.Link != near {
				t.Fatalf("leased %+v", l)
			}
			q.lease("http://a.test/y")
		}
	}},
	{"waiting for a retry, met nearer", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/x", 5))
		q.done(q.any(), frontier.Outcome{Again: time.Now().Add(time.Hour)})
		q.add(0, page("http://a.test/x", 2))
		if l := q.after(time.Hour, "http://a.test/x"); l.Depth != 2 || l.Try != 2 {
			t.Fatalf("leased %+v", l)
		} else {
			q.done(l, frontier.Outcome{})
		}
		q.drained()
	}},
	{"a list names it, then a page", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/x", frontier.NoDepth))
		q.add(0, page("http://a.test/x", 7))
		if l := q.any(); l.Depth != 7 {
			t.Fatalf("leased at depth %d", l.Depth)
		}
	}},
	{"done, met nearer", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/x", 5))
		q.done(q.any(), frontier.Outcome{})
		q.add(0, page("http://a.test/x", 5))
		q.drained()
		q.add(0, page("http://a.test/x", 3))
		q.counts(frontier.Stats{Found: 1, Queued: 1, Pages: 1, Hosts: 1})
		q.add(0, page("http://a.test/x", 2)) // before it is read again
		q.reopen()
		l := q.lease("http://a.test/x")
		if l.Kind != frontier.Reread || l.Depth != 2 {
			t.Fatalf("leased %+v", l)
		}
		q.end(l, frontier.Outcome{Links: []frontier.Link{page("http://a.test/y", 3)}})
		q.counts(frontier.Stats{Found: 2, Queued: 1, Done: 1, Pages: 1, Hosts: 1})
		q.add(0, page("http://a.test/x", 2))
		q.done(q.lease("http://a.test/y"), frontier.Outcome{})
		q.drained()
		if h := q.host("http://a.test"); h.Done != 2 {
			t.Fatalf("%d pages are done", h.Done)
		}
	}},
	{"rereading moves no clock and needs no rules", func(t *testing.T, q *queue) {
		q.start(frontier.Config{Manners: always(frontier.Manners{Rate: 1})})
		q.add(3, page("http://a.test/x", 5), page("http://a.test/y", 5), page("http://a.test/z", 5))
		q.done(q.lease("http://a.test/robots.txt"), known(frontier.Rules{Until: time.Now().Add(time.Hour)}))
		q.done(q.lease("http://a.test/x"), frontier.Outcome{})
		q.add(0, page("http://a.test/x", 1))
		l := q.after(time.Second, "http://a.test/x")
		q.f.Release(l, frontier.Answer{})
		q.end(l, frontier.Outcome{})
		q.done(q.after(0, "http://a.test/y"), frontier.Outcome{})
		time.Sleep(2 * time.Hour)
		q.add(0, page("http://a.test/y", 1))
		q.end(q.lease("http://a.test/y"), frontier.Outcome{})
		q.done(q.lease("http://a.test/robots.txt"), known(frontier.Rules{}))
		q.done(q.lease("http://a.test/z"), frontier.Outcome{})
		q.drained()
	}},
	{"in flight, met nearer", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/x", 5))
		l := q.any()
		q.add(0, page("http://a.test/x", 2))
		q.add(0, page("http://a.test/x", 3))
		q.counts(frontier.Stats{Found: 1, InFlight: 1, Hosts: 1})
		q.done(l, frontier.Outcome{})
		again := q.lease("http://a.test/x")
		if again.Kind != frontier.Reread || again.Depth != 2 {
			t.Fatalf("leased %+v", again)
		}
		q.end(again, frontier.Outcome{})
		q.drained()
		q.counts(frontier.Stats{Found: 1, Done: 1, Pages: 1, Hosts: 1})
	}},
	{"in flight, met nearer, tried again", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/x", 5))
		l := q.any()
		q.add(0, page("http://a.test/x", 2))
		q.done(l, frontier.Outcome{Again: time.Now().Add(time.Minute)})
		if l = q.lease("http://a.test/x"); l.Kind != frontier.Page || l.Depth != 2 || l.Try != 2 {
			t.Fatalf("leased %+v", l)
		}
		q.done(l, frontier.Outcome{})
		q.drained()
	}},
	{"in flight, met nearer by itself", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/x", 5))
		q.done(q.any(), frontier.Outcome{Links: []frontier.Link{page("http://a.test/x", 6), page("http://a.test/x", 1)}})
		if l := q.any(); l.Kind != frontier.Reread || l.Depth != 1 {
			t.Fatalf("leased %+v", l)
		} else {
			q.end(l, frontier.Outcome{})
		}
		q.drained()
	}},
	{"in flight, met nearer, lapsed", func(t *testing.T, q *queue) {
		c := free
		c.LeaseTime = time.Minute
		q.start(c)
		q.add(1, page("http://a.test/x", 5))
		q.any()
		q.add(0, page("http://a.test/x", 2))
		l := q.after(time.Minute, "http://a.test/x")
		if l.Kind != frontier.Page || l.Depth != 2 || l.Try != 2 {
			t.Fatalf("leased %+v", l)
		}
		q.done(l, frontier.Outcome{})
		q.drained()
	}},
	{"lapsed, met nearer", func(t *testing.T, q *queue) {
		c := free
		c.LeaseTime = time.Minute
		q.start(c)
		q.add(2, page("http://a.test/x", 5), page("http://a.test/y", 5))
		q.lease("http://a.test/x")
		time.Sleep(time.Minute)
		q.done(q.lease("http://a.test/x"), frontier.Outcome{Again: time.Now().Add(time.Hour)})
		q.lease("http://a.test/y")
		time.Sleep(2 * time.Minute)
		q.waits(0)
		near := page("http://a.test/y", 2)
		near.Rank = 1
		q.add(0, near, page("http://a.test/x", 1))
		for range 2 {
			l := q.any()
			if l.Depth > 2 || l.Try < 2 {
				t.Fatalf("leased %+v", l)
			}
			q.done(l, frontier.Outcome{})
		}
		q.drained()
	}},
	{"failed, met nearer", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(2, page("http://a.test/x", 5), page("http://a.test/y", 5))
		q.done(q.any(), frontier.Outcome{End: frontier.Failed})
		l := q.lease("http://a.test/y")
		q.add(0, page("http://a.test/x", 1), page("http://a.test/y", 1))
		q.done(l, frontier.Outcome{End: frontier.Failed})
		q.drained() // it has no links that could come nearer
		q.counts(frontier.Stats{Found: 2, Failed: 2, Pages: 2, Hosts: 1})
	}},
}

func skipped(why frontier.Reason, n uint64) map[frontier.Reason]uint64 {
	return map[frontier.Reason]uint64{why: n}
}
