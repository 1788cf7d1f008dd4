package frontiertest

import (
	"testing"
	"time"

	"crawl/frontier"
)

// spent holds what the run says of its waits against want.
func (q *queue) spent(want frontier.Waits) {
	q.t.Helper()
	got, err := q.f.Waits(q.name)
	if err != nil {
		q.t.Fatal(err)
	}
	for _, d := range []*time.Duration{&got.Pace, &got.Rest, &got.PerHost, &got.Empty} {
		*d = d.Round(time.Millisecond)
	}
	if got != want {
		q.t.Fatalf("waits %+v, want %+v", got, want)
	}
}

var waitTests = []test{
	{"for the pace of a host", func(t *testing.T, q *queue) {
		q.start(paced(0.5))
		q.add(3, ranked(3, nil)...)
		q.done(q.after(0, "http://a.test/000"), frontier.Outcome{})
		q.done(q.after(2*time.Second, "http://a.test/001"), frontier.Outcome{})
		want := frontier.Waits{Pace: 2 * time.Second, Hosts: 1, Resting: 1, Delay: 2 * time.Second}
		q.spent(want)
		time.Sleep(time.Second) // nobody waits
		q.spent(want)
		q.waits(500 * time.Millisecond)
		want.Pace += 500 * time.Millisecond
		q.spent(want)
	}},
	{"for requests that are out", func(t *testing.T, q *queue) {
		q.start(paced(1))
		q.add(2, ranked(2, nil)...)
		q.after(0, "http://a.test/000")
		q.waits(3 * time.Second)
		q.spent(frontier.Waits{PerHost: 3 * time.Second})
	}},
	{"for what a host asked", func(t *testing.T, q *queue) {
		q.start(paced(1))
		q.add(2, ranked(2, nil)...)
		l := q.after(0, "http://a.test/000")
		q.f.Release(l, frontier.Answer{Conduct: frontier.PushBack, Rest: time.Minute})
		q.end(l, frontier.Outcome{})
		q.after(time.Minute, "http://a.test/001")
		q.spent(frontier.Waits{Rest: time.Minute, Hosts: 1, Resting: 1, Delay: 2 * time.Second})
	}},
	{"for another try", func(t *testing.T, q *queue) {
		q.start(paced(1))
		q.add(1, ranked(1, nil)...)
		q.done(q.after(0, "http://a.test/000"), frontier.Outcome{Again: time.Now().Add(time.Hour)})
		q.waits(time.Minute)
		q.spent(frontier.Waits{Rest: time.Minute, Hosts: 1, Resting: 1, Delay: time.Second})
	}},
	{"for pages that may bring links", func(t *testing.T, q *queue) {
		q.start(paced(1))
		q.add(1, ranked(1, nil)...)
		q.after(0, "http://a.test/000")
		q.waits(5 * time.Second)
		q.spent(frontier.Waits{Empty: 5 * time.Second})
	}},
	{"for nobody while paused", func(t *testing.T, q *queue) {
		q.start(paced(1))
		q.add(1, ranked(1, nil)...)
		if err := q.f.Pause(q.name, true); err != nil {
			t.Fatal(err)
		}
		q.waits(5 * time.Second)
		q.spent(frontier.Waits{})
	}},
}
