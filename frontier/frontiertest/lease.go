package frontiertest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"crawl/frontier"
)

var leaseTests = []test{
	{"a lease carries the way to the URL", func(t *testing.T, q *queue) {
		q.start(free)
		link := frontier.Link{URL: at("http://a.test/x"), From: at("http://b.test/"), Depth: 3, Hops: 2, Rank: 9, Kind: frontier.Sitemap}
		q.add(1, link)
		for _, reopen := range []bool{false, true} {
			if reopen {
				q.reopen()
			}
			l := q.any()
			if l.Link != link || l.Run != q.name || l.Try != 1 || !l.Until.Equal(time.Now().Add(15*time.Minute)) {
				t.Fatalf("leased %+v", l)
			}
		}
	}},
	{"never handed out twice", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(60, ranked(60, nil)...)
		ids, urls := map[uint64]bool{}, map[string]bool{}
		for range 60 {
			l := q.any()
			if ids[l.ID] || urls[l.URL.String()] {
				t.Fatalf("%s was handed out twice, or its number %d", l.URL, l.ID)
			}
			ids[l.ID], urls[l.URL.String()] = true, true
			q.f.Release(l, good)
		}
		q.waits(time.Minute)
	}},
	{"ended once", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/", 0))
		l := q.lease("http://a.test/")
		q.done(l, frontier.Outcome{})
		q.stale(l)
		q.counts(frontier.Stats{Found: 1, Done: 1, Pages: 1, Hosts: 1})
	}},
	{"again is not before", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(3, pages("http://a.test/1", "http://a.test/2", "http://a.test/3")...)
		now := time.Now()
		q.done(q.lease("http://a.test/1"), frontier.Outcome{Again: now.Add(time.Hour)})
		q.done(q.lease("http://a.test/2"), frontier.Outcome{Again: now.Add(time.Minute)})
		q.done(q.lease("http://a.test/3"), frontier.Outcome{})
		q.done(q.after(time.Minute, "http://a.test/2"), frontier.Outcome{Again: now.Add(3 * time.Minute)})
		l := q.after(2*time.Minute, "http://a.test/2")
		if l.Try != 3 {
			t.Fatalf("the third try is numbered %d", l.Try)
		}
		q.done(l, frontier.Outcome{End: frontier.Failed})
		q.done(q.after(57*time.Minute, "http://a.test/1"), frontier.Outcome{})
		q.drained()
		q.counts(frontier.Stats{Found: 3, Done: 2, Failed: 1, Pages: 3, Hosts: 1})
	}},
	{"again outlives a reopen", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(300, ranked(300, nil)...)
		for i := range 300 {
			q.done(q.any(), frontier.Outcome{Again: time.Now().Add(time.Hour + time.Duration(i)*time.Second)})
		}
		q.waits(30 * time.Minute)
		q.reopen()
		for i := range 300 {
			d := time.Second
			if i == 0 {
				d = 30 * time.Minute
			}
			q.done(q.after(d, fmt.Sprintf("http://a.test/%03d", i)), frontier.Outcome{})
		}
		q.drained()
	}},
	{"a lapsed lease is handed out again", func(t *testing.T, q *queue) {
		c := free
		c.LeaseTime = time.Minute
		q.start(c)
		q.add(2, pages("http://a.test/1", "http://a.test/2")...)
		first := q.lease("http://a.test/1")
		q.done(q.lease("http://a.test/2"), frontier.Outcome{})
		second := q.after(time.Minute, "http://a.test/1")
		if second.Try != 2 || second.ID == first.ID {
			t.Fatalf("leased again as %+v", second)
		}
		q.f.Release(first, good)
		q.stale(first)
		q.done(second, frontier.Outcome{})
		q.drained()
		q.counts(frontier.Stats{Found: 2, Done: 2, Pages: 2, Hosts: 1})
	}},
	{"a lapsed lease is stale though nobody asked", func(t *testing.T, q *queue) {
		c := free
		c.LeaseTime = time.Minute
		q.start(c)
		q.add(1, page("http://a.test/", 0))
		l := q.lease("http://a.test/")
		time.Sleep(time.Minute)
		q.stale(l)
		q.counts(frontier.Stats{Found: 1, Queued: 1, Hosts: 1})
		q.done(q.lease("http://a.test/"), frontier.Outcome{})
	}},
	{"leases lost by Close come back", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(3, pages("http://a.test/1", "http://a.test/2", "http://b.test/")...)
		lost := []frontier.Lease{q.any(), q.any(), q.any()}
		q.reopen()
		q.counts(frontier.Stats{Found: 3, Queued: 3, Hosts: 2})
		for range lost {
			l := q.any()
			for _, old := range lost {
				q.stale(old)
			}
			q.done(l, frontier.Outcome{})
		}
		q.drained()
	}},
	{"left and opened again", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(2, pages("http://a.test/1", "http://a.test/2")...)
		old := q.lease("http://a.test/1")
		q.must(q.f.Leave(q.name))
		if _, err := q.next(time.Hour); !errors.Is(err, frontier.ErrNoRun) {
			t.Fatalf("Next after Leave: %v", err)
		}
		q.start(free)
		q.stale(old)
		q.done(q.lease("http://a.test/1"), frontier.Outcome{})
		q.done(q.lease("http://a.test/2"), frontier.Outcome{})
		q.drained()
	}},
	{"a run is opened once", func(t *testing.T, q *queue) {
		q.start(free)
		if err := q.f.Open(q.ctx, q.name, free); err == nil {
			t.Fatal("a run was opened twice")
		}
		for _, name := range []string{"", ".", "..", "../x", "a/b", "/x"} {
			if err := q.f.Open(q.ctx, name, free); err == nil {
				t.Errorf("Open of run %q succeeded", name)
			}
			if err := q.f.Drop(name); err == nil {
				t.Errorf("Drop of run %q succeeded", name)
			}
		}
	}},
	{"a dropped run is gone", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/", 0))
		other := q.second(free)
		other.add(1, page("http://a.test/", 0))
		q.must(q.f.Drop(q.name))
		if _, err := q.f.Stats(q.name); !errors.Is(err, frontier.ErrNoRun) {
			t.Fatalf("Stats of a dropped run: %v", err)
		}
		q.start(free)
		q.counts(frontier.Stats{})
		q.must(q.f.Leave(q.name))
		q.must(q.f.Drop(q.name))
		q.must(q.f.Drop(q.name))
		q.start(free)
		q.counts(frontier.Stats{})
		other.done(other.lease("http://a.test/"), frontier.Outcome{})
		other.check()
	}},
	{"unknown run", func(t *testing.T, q *queue) {
		_, add := q.f.Add(q.ctx, "none", page("http://a.test/", 0))
		_, next := q.f.Next(q.ctx, "none")
		_, refuse := q.f.Refuse(q.ctx, "none", "x")
		_, hosts := q.f.Hosts("none")
		_, check := q.f.Check(q.ctx, "none")
		done := q.f.Done(q.ctx, frontier.Lease{Run: "none"}, frontier.Outcome{})
		for i, err := range []error{add, next, refuse, hosts, check, done, q.f.Pause("none", true), q.f.Reconsider(t.Context(), "none"), q.f.Leave("none")} {
			if !errors.Is(err, frontier.ErrNoRun) {
				t.Errorf("call %d: %v", i, err)
			}
		}
		for _, err := range q.f.Skips(q.ctx, "none") {
			if !errors.Is(err, frontier.ErrNoRun) {
				t.Errorf("Skips: %v", err)
			}
		}
		q.f.Release(frontier.Lease{Run: "none"}, good)
	}},
	{"Close wakes who waits", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/", 0))
		l := q.lease("http://a.test/")
		got := make(chan error, 3)
		for range 3 {
			go func() {
				_, err := q.f.Next(q.ctx, q.name)
				got <- err
			}()
		}
		time.Sleep(time.Minute)
		q.must(q.f.Close())
		for range 3 {
			if err := <-got; !errors.Is(err, frontier.ErrClosed) {
				t.Errorf("Next: %v", err)
			}
		}
		_, add := q.f.Add(q.ctx, q.name, page("http://a.test/2", 0))
		_, stats := q.f.Stats(q.name)
		for _, err := range []error{add, stats, q.f.Done(q.ctx, l, frontier.Outcome{}), q.f.Open(q.ctx, "x", free)} {
			if !errors.Is(err, frontier.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		}
		q.f.Release(l, good)
		q.must(q.f.Close())
	}},
	{"a cancelled caller leaves at once", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/", 0))
		l := q.lease("http://a.test/")
		ctx, cancel := context.WithCancel(q.ctx)
		got := make(chan error)
		go func() {
			_, err := q.f.Next(ctx, q.name)
			got <- err
		}()
		time.Sleep(time.Minute)
		cancel()
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Fatalf("Next: %v", err)
		}
		if _, err := q.f.Add(ctx, q.name, page("http://a.test/2", 0)); !errors.Is(err, context.Canceled) {
			t.Fatalf("Add: %v", err)
		}
		if err := q.f.Done(ctx, l, frontier.Outcome{}); !errors.Is(err, context.Canceled) {
			t.Fatalf("Done: %v", err)
		}
		q.counts(frontier.Stats{Found: 1, InFlight: 1, Hosts: 1})
		q.done(l, frontier.Outcome{})
		q.drained()
	}},
	{"paused", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(2, pages("http://a.test/1", "http://a.test/2")...)
		l := q.lease("http://a.test/1")
		q.must(q.f.Pause(q.name, true))
		q.waits(time.Minute)
		q.done(l, frontier.Outcome{})
		q.waits(time.Minute)
		go func() {
			time.Sleep(time.Hour)
			if err := q.f.Pause(q.name, false); err != nil {
				t.Errorf("Pause: %v", err)
			}
		}()
		q.done(q.after(time.Hour, "http://a.test/2"), frontier.Outcome{})
		q.drained()
	}},
}

func (q *queue) must(err error) {
	q.t.Helper()
	if err != nil {
		q.t.Fatal(err)
	}
}

// stale expects that l cannot be ended.
func (q *queue) stale(l frontier.Lease) {
	q.t.Helper()
	before := q.stats()
	if err := q.f.Done(q.ctx, l, frontier.Outcome{Links: pages("http://stale.test/")}); !errors.Is(err, frontier.ErrStale) {
		q.t.Fatalf("Done of a lapsed lease on %s: %v", l.URL, err)
	}
	q.counts(before)
}
