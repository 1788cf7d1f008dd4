// Package frontiertest is the contract of frontier.Frontier as tests. Every
// implementation passes it unchanged. It uses nothing but the interface, runs
// in virtual time, and after each test asks the frontier to check itself.
package frontiertest

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"crawl/frontier"
	"crawl/internal/weburl"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Opener returns a frontier whose runs are kept in dir. The suite closes it,
// and opens dir again to see what was kept.
type Opener func(t *testing.T, dir string) frontier.Frontier

// test is one statement of the contract.
type test struct {
	name string
	body func(t *testing.T, q *queue)
}

// Run holds the frontier that open returns to the contract.
func Run(t *testing.T, open func(t *testing.T, dir string) frontier.Frontier) {
	for _, group := range [][]test{
		queueTests, leaseTests, paceTests, waitTests, learnTests, reopenTests, robotsTests, depthTests, refusalTests, limitTests, crowdTests, spellingTests, keptTests, checkTests,
	} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					q := &queue{t: t, ctx: t.Context(), open: open, dir: t.TempDir(), name: "run", config: free}
					q.f = open(t, q.dir)
					defer func() {
						if err := q.f.Close(); err != nil {
							t.Errorf("Close: %v", err)
						}
					}()
					c.body(t, q)
					q.check()
				})
			})
		}
	}
}

// free is a run that waits for nothing and asks for no robots.txt.
var free = frontier.Config{Manners: always(frontier.Manners{Rate: math.Inf(1), PerHost: 100, NoRobots: true})}

func always(m frontier.Manners) func(string) frontier.Manners {
	return func(string) frontier.Manners { return m }
}

// paced is a run with one rate for every host, without robots.txt.
func paced(rate float64) frontier.Config {
	return frontier.Config{Manners: always(frontier.Manners{Rate: rate, NoRobots: true})}
}

// queue is one run under test.
type queue struct {
	t      *testing.T
	ctx    context.Context
	open   Opener
	dir    string
	name   string
	config frontier.Config
	f      frontier.Frontier
}

// start opens the run with c.
func (q *queue) start(c frontier.Config) {
	q.t.Helper()
	q.config = c
	if err := q.f.Open(q.ctx, q.name, c); err != nil {
		q.t.Fatalf("Open: %v", err)
	}
}

// second is another run of the same frontier.
func (q *queue) second(c frontier.Config) *queue {
	q.t.Helper()
	other := *q
	other.name = "second"
	other.start(c)
	return &other
}

// reopen closes the frontier, leases and all, and opens it anew.
func (q *queue) reopen() {
	q.t.Helper()
	if err := q.f.Close(); err != nil {
		q.t.Fatalf("Close: %v", err)
	}
	q.f = q.open(q.t, q.dir)
	q.start(q.config)
}

func at(raw string) weburl.URL {
	u, err := weburl.Parse(raw)
	if err != nil {
		panic(err) // the tests' own addresses
	}
	return u
}

// page is a link to a page met depth clicks from a seed.
func page(raw string, depth int) frontier.Link { return frontier.Link{URL: at(raw), Depth: depth} }

func pages(raw ...string) (links []frontier.Link) {
	for _, r := range raw {
		links = append(links, page(r, 0))
	}
	return links
}

// add hands in links and expects so many of them to be queued.
func (q *queue) add(want int, links ...frontier.Link) {
	q.t.Helper()
	got, err := q.f.Add(q.ctx, q.name, links...)
	if err != nil {
		q.t.Fatalf("Add: %v", err)
	}
	if got != want {
		q.t.Fatalf("Add queued %d URLs, want %d", got, want)
	}
	q.stats()
}

// patience is how long, in virtual time, a lease is waited for.
const patience = 72 * time.Hour

func (q *queue) next(within time.Duration) (frontier.Lease, error) {
	ctx, cancel := context.WithTimeout(q.ctx, within)
	defer cancel()
	return q.f.Next(ctx, q.name)
}

// lease waits for the next lease and expects it to be of this URL.
func (q *queue) lease(want string) frontier.Lease {
	q.t.Helper()
	l := q.any()
	if l.URL != at(want) {
		q.t.Fatalf("Next leased %s, want %s", l.URL, want)
	}
	return l
}

func (q *queue) any() frontier.Lease {
	q.t.Helper()
	l, err := q.next(patience)
	if err != nil {
		q.t.Fatalf("Next: %v; %+v", err, q.stats())
	}
	q.stats()
	return l
}

// after is lease, and expects it to come exactly so much later.
func (q *queue) after(d time.Duration, want string) frontier.Lease {
	q.t.Helper()
	began := time.Now()
	l := q.lease(want)
	if took := time.Since(began); took < d || took > d+time.Microsecond {
		q.t.Fatalf("%s was leased after %v, want %v", want, took, d)
	}
	return l
}

// waits expects Next to hand out nothing for so long, and not to be drained.
func (q *queue) waits(d time.Duration) {
	q.t.Helper()
	if l, err := q.next(d); !errors.Is(err, context.DeadlineExceeded) {
		q.t.Fatalf("Next returned %s and %v, want it to wait", l.URL, err)
	}
}

func (q *queue) drained() {
	q.t.Helper()
	began := time.Now()
	if l, err := q.next(patience); !errors.Is(err, frontier.ErrDrained) {
		q.t.Fatalf("Next returned %s and %v, want drained; %+v", l.URL, err, q.stats())
	}
	if d := time.Since(began); d != 0 {
		q.t.Fatalf("Next took %v to say drained", d)
	}
}

var good = frontier.Answer{Conduct: frontier.Good, Took: 10 * time.Millisecond}

// done ends a lease after a good answer.
func (q *queue) done(l frontier.Lease, o frontier.Outcome) {
	q.t.Helper()
	q.f.Release(l, good)
	q.end(l, o)
}

// end ends a lease and releases nothing before.
func (q *queue) end(l frontier.Lease, o frontier.Outcome) {
	q.t.Helper()
	if err := q.f.Done(q.ctx, l, o); err != nil {
		q.t.Fatalf("Done %s: %v", l.URL, err)
	}
	q.stats()
}

// stats returns the counts and expects them to add up.
func (q *queue) stats() frontier.Stats {
	q.t.Helper()
	s, err := q.f.Stats(q.name)
	if err != nil {
		q.t.Fatalf("Stats: %v", err)
	}
	sum := s.Queued + s.InFlight + s.Done + s.Failed
	for _, n := range s.Skipped {
		sum += n
	}
	if s.Found != sum {
		q.t.Fatalf("found is not the sum of its parts: %+v", s)
	}
	return s
}

// counts expects these counts.
func (q *queue) counts(want frontier.Stats) {
	q.t.Helper()
	if diff := cmp.Diff(want, q.stats(), cmpopts.EquateEmpty()); diff != "" {
		q.t.Fatalf("Stats (-want +got):\n%s", diff)
	}
}

func (q *queue) skips() (all []frontier.Skip) {
	q.t.Helper()
	for s, err := range q.f.Skips(q.ctx, q.name) {
		if err != nil {
			q.t.Fatalf("Skips: %v", err)
		}
		all = append(all, s)
	}
	return all
}

func (q *queue) host(origin string) frontier.Host {
	q.t.Helper()
	hosts, err := q.f.Hosts(q.name)
	if err != nil {
		q.t.Fatalf("Hosts: %v", err)
	}
	for _, h := range hosts {
		if h.Origin == origin {
			return h
		}
	}
	q.t.Fatalf("Hosts does not list %s", origin)
	return frontier.Host{}
}

// check expects the frontier to find nothing wrong with itself, if it is open.
func (q *queue) check() {
	q.t.Helper()
	faults, err := q.f.Check(q.ctx, q.name)
	if errors.Is(err, frontier.ErrClosed) || errors.Is(err, frontier.ErrNoRun) {
		return
	}
	if err != nil || len(faults) > 0 {
		q.t.Errorf("Check: %v %q", err, faults)
	}
}
