package frontiertest

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"crawl/frontier"
)

var crowdTests = []test{
	{"a slow host delays nobody", func(t *testing.T, q *queue) {
		q.start(paced(0.01))
		links := make([]frontier.Link, 100_000)
		for i := range links {
			links[i] = page(fmt.Sprintf("http://slow.test/%d", i), 0)
		}
		q.add(len(links), links...)
		q.done(q.any(), frontier.Outcome{})
		time.Sleep(time.Second)
		q.add(1, page("http://fast.test/", 0))
		q.done(q.after(0, "http://fast.test/"), frontier.Outcome{})
		q.waits(time.Minute)
	}},
	{"many callers each get their own work", func(t *testing.T, q *queue) {
		before := runtime.NumGoroutine()
		q.start(free)
		const hosts, perHost, callers = 20, 50, 64
		for h := range hosts {
			q.add(1, page(fmt.Sprintf("http://h%d.test/0", h), 0))
		}
		var mu sync.Mutex
		seen := map[string]int{}
		var crowd sync.WaitGroup
		for range callers {
			crowd.Go(func() {
				for {
					l, err := q.f.Next(q.ctx, q.name)
					if err != nil {
						if !errors.Is(err, frontier.ErrDrained) {
							t.Errorf("Next: %v", err)
						}
						return
					}
					mu.Lock()
					seen[l.URL.String()]++
					mu.Unlock()
					var i int
					fmt.Sscanf(l.URL.Path(), "/%d", &i)
					o := frontier.Outcome{}
					if i+1 < perHost {
						o.Links = pages(fmt.Sprintf("%s/%d", l.URL.Origin(), i+1), fmt.Sprintf("http://h%d.test/%d", i%hosts, i+1))
					}
					if l.Try == 1 && i%7 == 0 {
						o.Again = time.Now().Add(time.Minute)
					}
					time.Sleep(time.Millisecond)
					q.f.Release(l, good)
					if err := q.f.Done(q.ctx, l, o); err != nil {
						t.Errorf("Done: %v", err)
					}
				}
			})
		}
		crowd.Wait()
		for u, n := range seen {
			if n > 2 {
				t.Errorf("%s was leased %d times", u, n)
			}
		}
		q.counts(frontier.Stats{Found: hosts * perHost, Done: hosts * perHost, Pages: hosts * perHost, Hosts: hosts})
		synctest.Wait()
		if n := runtime.NumGoroutine(); n > before+2 {
			t.Errorf("%d goroutines, %d before", n, before)
		}
	}},
	{"a caller that leaves passes its turn on", func(t *testing.T, q *queue) {
		q.start(paced(1))
		q.add(120, ranked(120, nil)...)
		q.done(q.any(), frontier.Outcome{})
		for i := range 50 {
			left := make(chan frontier.Lease)
			go func() { // gives up in the instant in which the host is free
				l, _ := q.next(time.Second + time.Duration(i%3))
				left <- l
			}()
			synctest.Wait()
			began := time.Now()
			mine := make(chan frontier.Lease)
			go func() {
				l, _ := q.next(time.Minute)
				mine <- l
			}()
			l := <-left
			if l.ID != 0 {
				q.done(l, frontier.Outcome{})
			}
			l = <-mine
			if d := time.Since(began); l.ID == 0 || d > 2*time.Second+time.Microsecond {
				t.Fatalf("after %v the other caller has %+v", d, l)
			}
			q.done(l, frontier.Outcome{})
		}
	}},
	{"callers, refusals and other calls at once", func(t *testing.T, q *queue) {
		c := frontier.Config{LeaseTime: time.Minute, MaxPages: 600, MaxPagesPerHost: 100}
		c.Manners = always(frontier.Manners{Rate: math.Inf(1), PerHost: 4})
		q.start(c)
		q.add(10, crowdLinks(rand.New(rand.NewPCG(1, 2)), 10)...)
		var crowd sync.WaitGroup
		for i := range 16 {
			random := rand.New(rand.NewPCG(7, uint64(i)))
			crowd.Go(func() { q.wander(random) })
		}
		crowd.Go(func() {
			for range 20 {
				time.Sleep(50 * time.Millisecond)
				_, err := q.f.Refuse(q.ctx, q.name, "stopped")
				_, herr := q.f.Hosts(q.name)
				faults, cerr := q.f.Check(q.ctx, q.name)
				if err := errors.Join(err, herr, cerr); err != nil || len(faults) > 0 {
					t.Errorf("%v %q", err, faults)
				}
				for _, err := range q.f.Skips(q.ctx, q.name) {
					if err != nil {
						t.Errorf("Skips: %v", err)
					}
				}
			}
		})
		crowd.Wait()
		q.drained()
		if s := q.stats(); s.Pages > 600 || s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
	}},
}

// crowdLinks is n different pages on a few hosts.
func crowdLinks(random *rand.Rand, n int) (links []frontier.Link) {
	for _, i := range random.Perm(400)[:n] {
		links = append(links, page(fmt.Sprintf("http://h%d.test/%d", i%8, i), random.IntN(5)))
	}
	return links
}

// wander is a caller that ends its leases in every way there is.
func (q *queue) wander(random *rand.Rand) {
	for {
		l, err := q.f.Next(q.ctx, q.name)
		if err != nil {
			if !errors.Is(err, frontier.ErrDrained) {
				q.t.Errorf("Next: %v", err)
			}
			return
		}
		time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
		o := frontier.Outcome{Links: crowdLinks(random, 5), End: frontier.End(random.IntN(3)), Reason: "x"}
		switch n := random.IntN(40); {
		case l.Kind == frontier.Robots && n < 30:
			o.Rules = &frontier.Rules{Until: time.Now().Add(time.Hour)}
		case n == 0:
			o.GiveUp = "dead"
		case n < 6:
			o.Again = time.Now().Add(time.Duration(random.IntN(100)) * time.Second)
		case n == 7:
			time.Sleep(2 * time.Minute) // it lapses
		}
		q.f.Release(l, frontier.Answer{Conduct: frontier.Conduct(random.IntN(6))})
		if err := q.f.Done(q.ctx, l, o); err != nil && !errors.Is(err, frontier.ErrStale) {
			q.t.Errorf("Done: %v", err)
		}
	}
}
