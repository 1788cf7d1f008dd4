package frontiertest

import (
	"context"
	"math"
	"net/netip"
	"testing"
	"time"

	"crawl/frontier"
)

var paceTests = []test{
	{"the delay counts from the release", func(t *testing.T, q *queue) {
		q.start(paced(1))
		q.add(4, ranked(4, nil)...)
		l := q.after(0, "http://a.test/000")
		q.waits(10 * time.Second) // one request at a time
		q.f.Release(l, good)
		next := q.after(time.Second, "http://a.test/001")
		q.end(l, frontier.Outcome{}) // moves no clock
		q.f.Release(next, good)
		q.f.Release(next, good) // counts once
		time.Sleep(400 * time.Millisecond)
		q.end(next, frontier.Outcome{})
		last := q.after(600*time.Millisecond, "http://a.test/002")
		q.f.Release(last, frontier.Answer{Conduct: frontier.Blameless})
		q.end(last, frontier.Outcome{})
		q.done(q.after(time.Second, "http://a.test/003"), frontier.Outcome{})
		q.drained()
	}},
	{"no request, no clock", func(t *testing.T, q *queue) {
		q.start(paced(1))
		q.add(4, ranked(4, nil)...)
		q.end(q.after(0, "http://a.test/000"), frontier.Outcome{End: frontier.Skipped, Reason: "rule"})
		l := q.after(0, "http://a.test/001")
		q.f.Release(l, frontier.Answer{Conduct: frontier.Unasked, Rest: time.Hour})
		q.end(l, frontier.Outcome{End: frontier.Skipped, Reason: "rule"})
		q.done(q.after(0, "http://a.test/002"), frontier.Outcome{})
		time.Sleep(400 * time.Millisecond)
		q.end(q.after(600*time.Millisecond, "http://a.test/003"), frontier.Outcome{End: frontier.Skipped, Reason: "rule"})
		if h := q.host("http://a.test"); time.Since(h.Asked) != time.Second {
			t.Fatalf("asked %v ago", time.Since(h.Asked))
		}
	}},
	{"many at a time count from start to start", func(t *testing.T, q *queue) {
		c := paced(1)
		c.Manners = always(frontier.Manners{Rate: 1, PerHost: 3, NoRobots: true})
		q.start(c)
		q.add(6, ranked(6, nil)...)
		first := q.after(0, "http://a.test/000")
		q.after(time.Second, "http://a.test/001")
		q.after(time.Second, "http://a.test/002")
		if h := q.host("http://a.test"); h.InFlight != 3 {
			t.Fatalf("%d requests are out", h.InFlight)
		}
		q.waits(time.Minute)
		q.f.Release(first, good)
		second := q.after(0, "http://a.test/003")
		time.Sleep(900 * time.Millisecond)
		q.f.Release(second, good)
		q.after(100*time.Millisecond, "http://a.test/004")
	}},
	{"an infinite rate waits never", func(t *testing.T, q *queue) {
		q.start(paced(math.Inf(1)))
		q.add(100, ranked(100, nil)...)
		began := time.Now()
		for range 100 {
			l := q.any()
			q.f.Release(l, frontier.Answer{Conduct: frontier.Failing})
			q.end(l, frontier.Outcome{})
		}
		if d := time.Since(began); d != 0 {
			t.Fatalf("it took %v", d)
		}
		q.drained()
	}},
	{"hosts wait, callers do not", func(t *testing.T, q *queue) {
		q.start(paced(1))
		q.add(6, pages("http://a.test/1", "http://a.test/2", "http://b.test/1", "http://b.test/2", "https://a.test/", "http://a.test:81/")...)
		began, seen := time.Now(), map[string]bool{}
		for range 4 {
			l := q.any()
			if seen[l.URL.Origin()] {
				t.Fatalf("%s was asked twice at once", l.URL.Origin())
			}
			seen[l.URL.Origin()] = true
			q.done(l, frontier.Outcome{})
		}
		if time.Since(began) != 0 {
			t.Fatalf("four origins took %v", time.Since(began))
		}
		q.waits(time.Second - 1)
	}},
	{"rest", func(t *testing.T, q *queue) {
		q.start(paced(1))
		q.add(3, ranked(3, nil)...)
		l := q.any()
		q.f.Release(l, frontier.Answer{Conduct: frontier.PushBack, Rest: time.Hour})
		q.end(l, frontier.Outcome{})
		if h := q.host("http://a.test"); time.Until(h.RestUntil) != time.Hour || h.PushBacks != 1 || h.Fails != 1 {
			t.Fatalf("%+v", h)
		}
		time.Sleep(30 * time.Minute)
		q.reopen()
		l = q.after(30*time.Minute, "http://a.test/001")
		if l.Fails != 1 {
			t.Fatalf("the lease tells of %d failures", l.Fails)
		}
		q.f.Release(l, frontier.Answer{Conduct: frontier.Good, Rest: 1000 * 24 * time.Hour})
		q.end(l, frontier.Outcome{})
		if h := q.host("http://a.test"); time.Until(h.RestUntil) > frontier.MaxRest || h.Fails != 0 {
			t.Fatalf("%+v", h)
		}
	}},
	{"not before", func(t *testing.T, q *queue) {
		c := paced(1)
		c.Manners = always(frontier.Manners{Rate: 1, NoRobots: true, NotBefore: time.Now().Add(time.Minute)})
		q.start(c)
		q.add(1, page("http://a.test/", 0))
		q.done(q.after(time.Minute, "http://a.test/"), frontier.Outcome{})
	}},
	{"hosts at one address", func(t *testing.T, q *queue) {
		q.start(paced(1))
		addr := netip.MustParseAddr("192.0.2.1")
		names := []string{"http://a.test/", "http://b.test/", "http://c.test/", "http://d.test/", "http://e.test/", "http://f.test/"}
		for _, n := range names {
			q.add(2, pages(n+"1", n+"2")...)
			l := q.lease(n + "1")
			q.f.Release(l, frontier.Answer{Conduct: frontier.Good, Addr: addr})
			q.end(l, frontier.Outcome{})
		}
		time.Sleep(time.Hour)
		last := time.Now()
		for i := range names {
			l := q.any()
			if d := time.Since(last); i > 0 && d < 250*time.Millisecond {
				t.Fatalf("%s was asked %v after another host at its address", l.URL, d)
			}
			last = time.Now()
			q.f.Release(l, frontier.Answer{Conduct: frontier.Good, Addr: addr})
			q.end(l, frontier.Outcome{})
		}
		q.drained()
	}},
	{"two runs share one clock", func(t *testing.T, q *queue) {
		q.start(paced(1))
		other := q.second(paced(10))
		q.add(2, ranked(2, nil)...)
		other.add(2, ranked(2, nil)...)
		l := q.after(0, "http://a.test/000")
		other.waits(time.Minute)
		q.done(l, frontier.Outcome{})
		l = other.after(time.Second, "http://a.test/000") // at the stricter rate
		q.waits(time.Minute)
		q.must(q.f.Leave(other.name)) // with a lease out
		q.done(q.after(time.Second, "http://a.test/001"), frontier.Outcome{})
		q.drained()
		q.f.Release(l, good)
	}},
	{"manners that have changed hold when they are asked for again", func(t *testing.T, q *queue) {
		c := paced(1)
		now := frontier.Manners{Rate: 1, NoRobots: true}
		c.Manners = func(string) frontier.Manners { return now }
		q.start(c)
		q.add(5, ranked(5, nil)...)
		q.done(q.after(0, "http://a.test/000"), frontier.Outcome{})
		now.Rate = 10
		q.done(q.after(time.Second, "http://a.test/001"), frontier.Outcome{}) // nobody has asked
		q.must(q.f.Reconsider(t.Context(), q.name))
		q.done(q.after(100*time.Millisecond, "http://a.test/002"), frontier.Outcome{})
		now.Rate = 0.1
		q.must(q.f.Reconsider(t.Context(), q.name))
		q.waits(9 * time.Second)
		now.Rate = math.Inf(1) // also for who waits already
		time.AfterFunc(500*time.Millisecond, func() { q.must(q.f.Reconsider(context.Background(), q.name)) })
		q.done(q.after(500*time.Millisecond, "http://a.test/003"), frontier.Outcome{})
		q.done(q.after(0, "http://a.test/004"), frontier.Outcome{})
		q.drained()
	}},
	{"manners end with their run", func(t *testing.T, q *queue) {
		q.start(paced(0.1))
		q.add(1, ranked(1, nil)...)
		q.done(q.lease("http://a.test/000"), frontier.Outcome{})
		other := q.second(paced(1))
		q.must(q.f.Leave(q.name))
		other.add(2, ranked(2, nil)...)
		other.done(other.after(time.Second, "http://a.test/000"), frontier.Outcome{})
		other.done(other.after(time.Second, "http://a.test/001"), frontier.Outcome{})
		other.check()
	}},
}

// pace asks for one page after another, answers each with a, and returns the
// last wait between two of them.
func (q *queue) pace(n int, a frontier.Answer) (wait time.Duration) {
	q.t.Helper()
	for range n {
		ended := time.Now()
		l := q.any()
		wait = time.Since(ended)
		q.f.Release(l, a)
		q.end(l, frontier.Outcome{})
	}
	return wait.Round(time.Millisecond)
}

var learnTests = []test{
	{"an adaptive rate climbs from 2 to 8", func(t *testing.T, q *queue) {
		q.start(paced(0))
		q.add(60, ranked(60, nil)...)
		q.pace(1, frontier.Answer{Conduct: frontier.Blameless})
		if d := q.pace(1, good); d != 500*time.Millisecond {
			t.Fatalf("it begins with %v", d)
		}
		if d := q.pace(2, good); d >= 500*time.Millisecond {
			t.Fatalf("it does not climb: %v", d)
		}
		if d := q.pace(40, good); d != 125*time.Millisecond {
			t.Fatalf("it ends with %v", d)
		}
		if d := q.host("http://a.test").Delay; d != 125*time.Millisecond {
			t.Fatalf("Hosts says %v", d)
		}
	}},
	{"a rate halves when the host suffers", func(t *testing.T, q *queue) {
		for i, c := range []frontier.Conduct{frontier.PushBack, frontier.Failing} {
			q.name = []string{"first", "second"}[i]
			q.start(paced(0))
			origin := []string{"http://a.test/", "http://b.test/"}[i]
			for _, p := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"} {
				q.add(1, page(origin+p, 0))
			}
			q.pace(1, frontier.Answer{Conduct: c})
			if d := q.pace(1, frontier.Answer{Conduct: c}); d != time.Second {
				t.Fatalf("after one it waits %v", d)
			}
			if d := q.pace(1, frontier.Answer{Conduct: frontier.Blameless}); d != 2*time.Second {
				t.Fatalf("after two it waits %v", d)
			}
			if h := q.host(origin[:len(origin)-1]); h.Fails != 2 {
				t.Fatalf("%+v", h)
			}
			if d := q.pace(6, frontier.Answer{Conduct: c}); d != 20*time.Second {
				t.Fatalf("after many it waits %v", d)
			}
		}
	}},
	{"a fixed rate recovers and goes no further", func(t *testing.T, q *queue) {
		q.start(paced(1))
		q.add(20, ranked(20, nil)...)
		q.pace(1, frontier.Answer{Conduct: frontier.PushBack})
		if d := q.pace(1, good); d != 2*time.Second {
			t.Fatalf("it waits %v", d)
		}
		if d := q.pace(10, good); d != time.Second {
			t.Fatalf("it recovers to %v", d)
		}
	}},
	{"slow answers slow down", func(t *testing.T, q *queue) {
		q.start(paced(1))
		q.add(20, ranked(20, nil)...)
		steady := frontier.Answer{Conduct: frontier.Good, Took: 600 * time.Millisecond}
		q.pace(5, steady)
		if h := q.host("http://a.test"); h.Latency != steady.Took {
			t.Fatalf("the usual time is %v", h.Latency)
		}
		if d := q.pace(1, frontier.Answer{Conduct: frontier.Good, Took: 5 * time.Second}); d != time.Second {
			t.Fatalf("a steady host waits %v", d)
		}
		if d := q.pace(1, frontier.Answer{Conduct: frontier.Slow}); d != 1250*time.Millisecond {
			t.Fatalf("after a much later answer it waits %v", d)
		}
		if d := q.pace(1, good); d != 1563*time.Millisecond {
			t.Fatalf("after a slow answer it waits %v", d)
		}
	}},
	{"crawl-delay", func(t *testing.T, q *queue) {
		q.start(frontier.Config{Manners: always(frontier.Manners{Rate: 1})})
		q.add(3, ranked(3, nil)...)
		q.done(q.lease("http://a.test/robots.txt"), known(frontier.Rules{Delay: 10 * time.Second}))
		q.done(q.after(10*time.Second, "http://a.test/000"), frontier.Outcome{})
		q.done(q.after(10*time.Second, "http://a.test/001"), frontier.Outcome{})
		if h := q.host("http://a.test"); h.CrawlDelay != 10*time.Second || h.Delay != 10*time.Second {
			t.Fatalf("%+v", h)
		}
		q.reopen()
		q.done(q.after(10*time.Second, "http://a.test/002"), frontier.Outcome{})
	}},
}

var reopenTests = []test{
	{"every known host counts as just asked", func(t *testing.T, q *queue) {
		q.start(paced(0.1))
		q.add(3, pages("http://a.test/1", "http://a.test/2", "http://b.test/")...)
		q.done(q.lease("http://a.test/1"), frontier.Outcome{})
		q.lease("http://b.test/") // asked, and never ended
		time.Sleep(time.Hour)
		q.reopen()
		q.waits(10*time.Second - 1)
		q.any()
		q.any()
	}},
	{"what was learnt of a host is kept", func(t *testing.T, q *queue) {
		q.start(paced(1))
		q.add(5, ranked(5, nil)...)
		q.pace(2, frontier.Answer{Conduct: frontier.PushBack})
		before := q.host("http://a.test")
		q.reopen()
		after := q.host("http://a.test")
		if before.Delay != 4*time.Second || after.Delay != before.Delay || after.Fails != 2 || after.PushBacks != 2 || after.Done != 2 || after.Queued != 3 {
			t.Fatalf("%+v before, %+v after", before, after)
		}
		q.done(q.after(4*time.Second, "http://a.test/002"), frontier.Outcome{})
	}},
}
