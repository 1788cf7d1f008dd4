package frontiertest

import (
	"testing"
	"time"

	"crawl/frontier"
)

// mannered is a run that asks for robots.txt and else waits for nothing much.
var mannered = frontier.Config{Manners: always(frontier.Manners{Rate: 1000})}

// known ends a lease on robots.txt; the rules hold for a day unless r says else.
func known(r frontier.Rules) frontier.Outcome {
	if r.Until.IsZero() {
		r.Until = time.Now().Add(24 * time.Hour)
	}
	return frontier.Outcome{Rules: &r}
}

var robotsTests = []test{
	{"robots.txt first, one at a time", func(t *testing.T, q *queue) {
		q.start(mannered)
		q.add(2, pages("http://a.test/1", "http://a.test/2")...)
		l := q.lease("http://a.test/robots.txt")
		if l.Kind != frontier.Robots || l.For != "http://a.test" || l.Try != 1 {
			t.Fatalf("leased %+v", l)
		}
		q.counts(frontier.Stats{Found: 2, Queued: 2, Hosts: 1}) // it is no URL of the run
		q.waits(time.Minute)
		q.add(1, page("http://a.test/3", 0))
		q.waits(time.Minute)
		q.done(l, known(frontier.Rules{}))
		for _, u := range []string{"http://a.test/1", "http://a.test/2", "http://a.test/3"} {
			q.done(q.lease(u), frontier.Outcome{})
		}
		q.drained()
	}},
	{"each origin has its own", func(t *testing.T, q *queue) {
		q.start(mannered)
		q.add(3, pages("http://a.test/", "https://a.test/", "http://a.test:81/")...)
		asked := map[string]string{}
		for range 6 {
			l, o := q.any(), frontier.Outcome{}
			if l.Kind == frontier.Robots {
				o = known(frontier.Rules{})
			} else if asked[l.URL.Origin()] != "/robots.txt" {
				t.Fatalf("%s was asked for first", l.URL)
			}
			asked[l.URL.Origin()] += l.URL.Path()
			q.done(l, o)
		}
		for _, origin := range []string{"http://a.test", "https://a.test", "http://a.test:81"} {
			if asked[origin] != "/robots.txt/" {
				t.Errorf("of %s was asked for %s", origin, asked[origin])
			}
		}
		q.drained()
	}},
	{"not asked for without need", func(t *testing.T, q *queue) {
		q.start(mannered)
		q.add(0, frontier.Link{URL: at("http://a.test/"), Refused: "scope"})
		q.drained()
	}},
	{"not asked for when no page may be taken", func(t *testing.T, q *queue) {
		c := mannered
		c.MaxPages = 1
		q.start(c)
		q.add(2, pages("http://a.test/", "http://b.test/")...)
		q.done(q.lease("http://a.test/robots.txt"), known(frontier.Rules{}))
		if l := q.any(); l.Kind == frontier.Robots { // nothing is taken yet: b may be asked, too
			q.done(l, known(frontier.Rules{}))
			q.done(q.any(), frontier.Outcome{})
		} else {
			q.done(l, frontier.Outcome{})
		}
		q.drained()
	}},
	{"a page may be named robots.txt", func(t *testing.T, q *queue) {
		q.start(mannered)
		q.add(1, page("http://a.test/robots.txt", 0))
		q.done(q.lease("http://a.test/robots.txt"), known(frontier.Rules{}))
		l := q.lease("http://a.test/robots.txt")
		if l.Kind != frontier.Page {
			t.Fatalf("leased %+v", l)
		}
		q.done(l, frontier.Outcome{})
		q.drained()
	}},
	{"no answer: nothing else is asked", func(t *testing.T, q *queue) {
		q.start(mannered)
		q.add(1, page("http://a.test/", 0))
		for range 2 {
			q.done(q.lease("http://a.test/robots.txt"), known(frontier.Rules{Unknown: true, Until: time.Now().Add(time.Hour)}))
			q.waits(time.Hour - time.Second)
		}
		q.done(q.lease("http://a.test/robots.txt"), known(frontier.Rules{}))
		q.done(q.lease("http://a.test/"), frontier.Outcome{})
		q.drained()
	}},
	{"no answer outlives a reopen", func(t *testing.T, q *queue) {
		q.start(mannered)
		q.add(1, page("http://a.test/", 0))
		q.done(q.lease("http://a.test/robots.txt"), known(frontier.Rules{Unknown: true, Until: time.Now().Add(time.Hour)}))
		q.reopen()
		q.done(q.after(time.Hour, "http://a.test/robots.txt"), frontier.Outcome{}) // says nothing: no answer
		q.lease("http://a.test/robots.txt")
	}},
	{"asked for again when the rules expire", func(t *testing.T, q *queue) {
		q.start(mannered)
		q.add(2, pages("http://a.test/1", "http://a.test/2")...)
		q.done(q.lease("http://a.test/robots.txt"), known(frontier.Rules{Until: time.Now().Add(time.Hour)}))
		q.done(q.lease("http://a.test/1"), frontier.Outcome{})
		time.Sleep(time.Hour)
		q.done(q.lease("http://a.test/robots.txt"), known(frontier.Rules{}))
		q.reopen()
		q.done(q.lease("http://a.test/2"), frontier.Outcome{})
		time.Sleep(48 * time.Hour)
		q.drained() // nothing is left to ask them for
	}},
	{"rules that expire at once do not go round", func(t *testing.T, q *queue) {
		q.start(frontier.Config{Manners: always(frontier.Manners{Rate: 0.01})})
		q.add(1, page("http://a.test/", 0))
		q.done(q.lease("http://a.test/robots.txt"), known(frontier.Rules{Until: time.Now(), Delay: 300 * time.Second}))
		q.done(q.lease("http://a.test/"), frontier.Outcome{})
		q.drained()
	}},
	{"not asked for where manners say so", func(t *testing.T, q *queue) {
		q.start(frontier.Config{Manners: func(origin string) frontier.Manners {
			return frontier.Manners{Rate: 1000, NoRobots: origin == "http://b.test"}
		}})
		q.add(2, pages("http://a.test/", "http://b.test/")...)
		q.done(q.lease("http://a.test/robots.txt"), known(frontier.Rules{}))
		seen := map[string]bool{}
		for range 2 {
			l := q.any()
			seen[l.URL.String()] = true
			q.done(l, frontier.Outcome{})
		}
		if !seen["http://a.test/"] || !seen["http://b.test/"] {
			t.Fatalf("asked for %v", seen)
		}
		q.drained()
	}},
	{"a redirect leads over another host", func(t *testing.T, q *queue) {
		for _, reopen := range []bool{false, true} {
			q.name = "run"
			if reopen {
				q.name = "other"
			}
			q.start(mannered)
			q.add(1, page("http://a.test/", 0))
			q.done(q.lease("http://a.test/robots.txt"), hop("http://a.test", "http://b.test/r"))
			if reopen {
				q.reopen()
			}
			l := q.lease("http://b.test/r") // b's own rules are not asked for
			if l.Kind != frontier.Robots || l.For != "http://a.test" || l.Hops != 1 {
				t.Fatalf("leased %+v", l)
			}
			q.waits(time.Minute)
			q.done(l, known(frontier.Rules{}))
			q.done(q.lease("http://a.test/"), frontier.Outcome{})
			q.drained()
			q.counts(frontier.Stats{Found: 1, Done: 1, Pages: 1, Hosts: 2})
		}
	}},
	{"a redirect on the same host", func(t *testing.T, q *queue) {
		q.start(mannered)
		q.add(1, page("http://a.test/", 0))
		q.done(q.lease("http://a.test/robots.txt"), hop("http://a.test", "http://a.test/r"))
		q.done(q.lease("http://a.test/r"), known(frontier.Rules{}))
		q.done(q.lease("http://a.test/"), frontier.Outcome{})
		q.drained()
	}},
	{"redirects that lead to each other", func(t *testing.T, q *queue) {
		for _, reopen := range []bool{false, true} {
			q.name = "run"
			if reopen {
				q.name = "other"
			}
			q.start(mannered)
			q.add(2, pages("http://a.test/", "http://b.test/")...)
			for _, l := range []frontier.Lease{q.any(), q.any()} { // both origins wait, behind pages that neither can hand out yet
				to := map[string]string{"http://a.test": "http://b.test/r", "http://b.test": "http://a.test/r"}
				q.done(l, hop(l.For, to[l.For]))
			}
			if reopen {
				q.reopen()
			}
			done := map[string]bool{}
			for range 4 {
				l := q.any()
				done[l.URL.String()] = true
				o := frontier.Outcome{}
				if l.Kind == frontier.Robots {
					o = known(frontier.Rules{})
				}
				q.done(l, o)
			}
			if !done["http://a.test/"] || !done["http://b.test/"] {
				t.Fatalf("asked for %v", done)
			}
			q.drained()
			q.must(q.f.Drop(q.name))
		}
	}},
	{"a lapsed lease on robots.txt", func(t *testing.T, q *queue) {
		c := mannered
		c.LeaseTime = time.Minute
		q.start(c)
		q.add(2, pages("http://a.test/", "http://b.test/")...)
		first := q.lease("http://a.test/robots.txt")
		q.done(q.lease("http://b.test/robots.txt"), known(frontier.Rules{}))
		q.done(q.lease("http://b.test/"), frontier.Outcome{})
		second := q.lease("http://a.test/robots.txt")
		q.stale(first)
		q.done(second, hop("http://a.test", "http://b.test/r"))
		q.lease("http://b.test/r")
		time.Sleep(time.Minute)
		if l := q.lease("http://b.test/r"); l.Try != 2 || l.For != "http://a.test" {
			t.Fatalf("leased %+v", l)
		} else {
			q.done(l, known(frontier.Rules{}))
		}
		q.done(q.lease("http://a.test/"), frontier.Outcome{})
		q.drained()
	}},
	{"robots.txt waits like any other request", func(t *testing.T, q *queue) {
		q.start(frontier.Config{Manners: always(frontier.Manners{Rate: 2})})
		q.add(1, page("http://a.test/", 0))
		q.done(q.lease("http://a.test/robots.txt"), known(frontier.Rules{}))
		q.done(q.after(500*time.Millisecond, "http://a.test/"), frontier.Outcome{})
	}},
}

// hop answers for an origin's robots.txt with a redirect.
func hop(origin, to string) frontier.Outcome {
	return frontier.Outcome{
		Rules: &frontier.Rules{Pending: true},
		Links: []frontier.Link{{URL: at(to), Kind: frontier.Robots, For: origin, Hops: 1, Depth: frontier.NoDepth}},
	}
}
