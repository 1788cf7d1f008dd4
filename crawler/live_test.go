package crawler

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"crawl/frontier"
	"crawl/store"
)

// tuning is what a test changes of a run.
func tuning(t *testing.T, rate float64, exclude ...string) *Tuning {
	return &Tuning{Exclude: patterns(t, exclude...), Manners: func(string) frontier.Manners { return frontier.Manners{Rate: rate} }}
}

// TestTune changes a run in the middle: from then on it asks as it is told, and
// skips what was queued before with the rule that says so.
func TestTune(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/": html("/1", "/drop/1", "/drop/2", "/2", "/3"), "/1": html("/drop/1", "/drop/3"), "/2": html(), "/3": html("/late"), "/late": html(),
			"/drop/1": html(), "/drop/2": html(), "/drop/3": html(),
		}})
		s := spec(t, "http://a/")
		s.Manners = func(string) frontier.Manners { return frontier.Manners{Rate: 1} }
		r := w.newRun(s)
		job := w.begin(r, s)
		var failed error
		time.AfterFunc(2500*time.Millisecond, func() { // robots.txt, / and /1 were asked for
			failed = job.Tune(context.Background(), tuning(t, 0.1, "/drop/*", "/"), []byte("tuned"))
			_ = job.Now() // not at once with the change of the settings
		})
		began := time.Now()
		if err := errors.Join(job.Crawl(context.Background(), nil), failed); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 32*time.Second {
			t.Errorf("it took %v", took)
		}
		same(t, "asked for", w.asked("a"), "/", "/1", "/2", "/3", "/late")
		for s, err := range w.store.Skips(context.Background(), r.ID) {
			if err != nil || s.Reason != string(ReasonExcluded) || s.Rule != "/drop/*" {
				t.Errorf("%+v, %v", s, err)
			}
		}
		same(t, "skipped", keys(w.skips(r)), "http://a/drop/1", "http://a/drop/2", "http://a/drop/3")
		if c := r.Counts; c.Found != 8 || c.Done != 5 || c.Skipped[string(ReasonExcluded)] != 3 {
			t.Errorf("%+v", c)
		}
		again, err := w.store.Run(context.Background(), r.ID)
		if err != nil || string(again.Settings) != "tuned" {
			t.Errorf("settings %q, %v", again.Settings, err)
		}
		if err := job.Tune(context.Background(), tuning(t, 1), nil); !errors.Is(err, ErrOver) {
			t.Errorf("tuned after its end: %v", err)
		}
	})
}

// TestSeedIsNotLeftOut: who names an address wants it, whatever he says of links.
func TestSeedIsNotLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/1": html(), "/2": html()}})
		s := spec(t, "http://a/1", "http://a/2")
		s.Exclude = patterns(t, "*")
		w.crawl(s)
		same(t, "asked for", w.asked("a"), "/1", "/2")
	})
}

// TestNow looks at a run while it goes on, and when it has just ended.
func TestNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": html("/1", "/2", "http://b/"), "/1": status(404), "/2": html()}})
		s := spec(t, "http://a/")
		s.Manners = func(string) frontier.Manners { return frontier.Manners{Rate: 1} }
		r := w.newRun(s)
		job := w.begin(r, s)
		look := func() (now *store.Run, skips, hosts []string) {
			for s, err := range job.Skips(context.Background()) {
				if err != nil {
					t.Error(err)
				}
				skips = append(skips, s.URL.String()+" "+s.Reason+" "+s.Rule)
			}
			for h, err := range job.Hosts(context.Background()) {
				if err != nil {
					t.Error(err)
				}
				hosts = append(hosts, h.Origin)
			}
			return job.Now(), skips, hosts
		}
		skip, host := []string{"http://b/ scope host"}, []string{"http://a"}
		time.AfterFunc(2500*time.Millisecond, func() {
			now, skips, hosts := look()
			c := now.Counts
			if now.State != store.Running || now.Why != GoesOn || c.Found != 4 || c.Done != 2 || c.Queued != 1 || c.Skipped["scope"] != 1 || c.Status[2] != 1 || c.Status[4] != 1 {
				t.Errorf("in the middle %s %q %+v", now.State, now.Why, c)
			}
			if !slices.Equal(skips, skip) || !slices.Equal(hosts, host) {
				t.Errorf("in the middle %v %v", skips, hosts)
			}
		})
		if err := job.Crawl(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		if _, skips, hosts := look(); !slices.Equal(skips, skip) || !slices.Equal(hosts, host) {
			t.Errorf("at the end %v %v", skips, hosts)
		}
		w.ended(r, store.Complete, "")
	})
}
