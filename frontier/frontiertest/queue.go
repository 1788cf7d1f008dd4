package frontiertest

import (
	"fmt"
	"testing"
	"time"

	"crawl/frontier"
)

var queueTests = []test{
	{"empty is drained", func(t *testing.T, q *queue) {
		q.start(free)
		q.drained()
		q.counts(frontier.Stats{})
	}},
	{"drained when the last lease ends", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/", 0))
		l := q.lease("http://a.test/")
		q.waits(time.Minute)
		q.counts(frontier.Stats{Found: 1, InFlight: 1, Hosts: 1})
		q.done(l, frontier.Outcome{})
		q.drained()
		q.counts(frontier.Stats{Found: 1, Done: 1, Pages: 1, Hosts: 1})
	}},
	{"not drained while a retry waits", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/", 0))
		q.done(q.lease("http://a.test/"), frontier.Outcome{Again: time.Now().Add(time.Hour)})
		q.counts(frontier.Stats{Found: 1, Queued: 1, Pages: 1, Hosts: 1})
		if l := q.after(time.Hour, "http://a.test/"); l.Try != 2 {
			t.Fatalf("the second try is numbered %d", l.Try)
		}
	}},
	{"the next lease goes by all that Done was told", func(t *testing.T, q *queue) {
		q.start(free)
		far := page("http://a.test/far", 0)
		far.Rank = 9
		q.add(2, page("http://a.test/", 0), far)
		url := "http://a.test/"
		for range 5 { // each leads to one that is sooner than what is queued
			l, err := q.f.Next(q.ctx, q.name)
			if err != nil || l.URL != at(url) {
				t.Fatalf("leased %v, want %s: %v", l.URL, url, err)
			}
			url += "x"
			next := page(url, 0)
			next.Rank = 5
			if err := q.f.Done(q.ctx, l, frontier.Outcome{Links: []frontier.Link{next}}); err != nil {
				t.Fatal(err)
			}
		}
		q.counts(frontier.Stats{Found: 7, Queued: 2, Done: 5, Pages: 5, Hosts: 1})
	}},
	{"a waiting caller gets what is added", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(1, page("http://a.test/", 0))
		l := q.lease("http://a.test/")
		got := make(chan error, 1)
		go func() {
			other, err := q.next(patience)
			if err == nil && other.URL != at("http://b.test/") {
				err = fmt.Errorf("leased %s", other.URL)
			}
			got <- err
		}()
		time.Sleep(time.Minute)
		q.add(1, page("http://b.test/", 0))
		if err := <-got; err != nil {
			t.Fatal(err)
		}
		q.done(l, frontier.Outcome{})
	}},
	{"duplicates", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(2, pages("http://a.test/", "http://a.test/x", "http://a.test/", "http://a.test/x")...)
		q.add(0, pages("http://a.test/x", "http://a.test/")...)
		l := q.lease("http://a.test/")
		q.add(0, page("http://a.test/", 0))
		q.done(l, frontier.Outcome{Links: pages("http://a.test/", "http://a.test/x")})
		q.add(0, page("http://a.test/", 0))
		q.done(q.lease("http://a.test/x"), frontier.Outcome{})
		q.drained()
		q.reopen()
		q.add(0, pages("http://a.test/x", "http://a.test/")...)
		q.drained()
	}},
	{"rank, then first come first served", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(50, ranked(50, func(i int) uint32 { return 7 })...)
		late := page("http://a.test/late", 0)
		late.Rank = 8
		soon := page("http://a.test/soon", 0)
		soon.Rank = 6
		q.add(2, late, soon)
		want := []string{"http://a.test/soon"}
		for _, l := range ranked(50, nil) {
			want = append(want, l.URL.String())
		}
		for _, u := range append(want, "http://a.test/late") {
			q.done(q.lease(u), frontier.Outcome{})
		}
		q.drained()
	}},
	{"order outlives a reopen", func(t *testing.T, q *queue) {
		q.start(free)
		q.add(300, ranked(300, func(i int) uint32 { return uint32(i % 3) })...)
		for i := range 300 {
			if i == 40 {
				q.reopen()
			}
			q.done(q.lease(fmt.Sprintf("http://a.test/%03d", i%100*3+i/100)), frontier.Outcome{})
		}
		q.drained()
	}},
}

// ranked is n pages of one host.
func ranked(n int, rank func(i int) uint32) (links []frontier.Link) {
	for i := range n {
		l := page(fmt.Sprintf("http://a.test/%03d", i), 0)
		if rank != nil {
			l.Rank = rank(i)
		}
		links = append(links, l)
	}
	return links
}
