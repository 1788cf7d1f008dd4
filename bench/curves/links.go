package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"crawl/bench/internal/table"
	"crawl/frontier"
)

const (
	linkCallers = 32
	linkMemory  = 48 << 20  // of the frontier, as crawl has it by itself, and the next
	linkKnown   = 160 << 20 // for known URLs
	checkAtOnce = 50        // links of a page
	queueAtOnce = 100       // of some pages
	newOnEnd    = 5         // of them to one host
)

// linkKind is links to hand in: link i leads to that page.
type linkKind struct {
	name   string
	known  bool
	atOnce int
	page   func(i int) (host, n int)
}

// links hands known and new links to a queue that knows many URLs, without a
// crawl around it. What is new is durable when its turn ends.
func (l *lab) links() ([]*table.Table, error) {
	known := 1_000_000
	switch {
	case l.quick:
		known = 100_000
	case l.huge:
		known = 5_000_000
	}
	t := &table.Table{
		Title:  fmt.Sprintf("Links handed to a queue that knows %s URLs, half of them queued; %d callers, every write synced", table.Number(float64(known)), linkCallers),
		Header: []string{"what", "hosts", "links", "links/s", "CPU µs/link", "links/s for each processor used", "processors: this", "others", "idle"},
	}
	for _, hosts := range []int{100, 10_000} {
		if err := l.linksOn(hosts, known/hosts, t); err != nil {
			return nil, err
		}
	}
	return []*table.Table{t}, nil
}

func (l *lab) linksOn(hosts, each int, t *table.Table) error {
	folder, err := os.MkdirTemp(l.scratch, "links")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	url := func(host, n int) string {
		return fmt.Sprintf("https://www.host-%d.test/section/%d/article-%d.html", host, n%97, n)
	}
	q, err := fillQueue(l.ctx, folder, "run", hosts, url, 0, each)
	if err != nil {
		return err
	}
	if err := forgotten(folder); err != nil {
		return err
	}
	q.front = frontier.NewBolt(folder)
	if err := q.front.Open(l.ctx, "run", frontier.Config{Manners: unhurried, CacheBytes: linkMemory, KnownBytes: linkKnown}); err != nil {
		return err
	}
	for _, kind := range []linkKind{
		{"known, of its host's menu nine in ten", true, checkAtOnce, func(i int) (host, n int) {
			if host = i / checkAtOnce * 7 % hosts; i%10 > 0 {
				return host, i % checkAtOnce % each
			}
			return host, rand.IntN(each)
		}},
		{"known, any", true, checkAtOnce, func(int) (host, n int) { return rand.IntN(hosts), rand.IntN(each) }},
		{"new, queued durably", false, queueAtOnce, func(i int) (host, n int) {
			return i / newOnEnd * 7 % hosts, each + i/(newOnEnd*hosts)*newOnEnd + i%newOnEnd
		}},
	} {
		if err := q.turn(l, kind, t); err != nil {
			return err
		}
	}
	return q.front.Close()
}

// turn measures how links are taken in that one of the kinds makes.
func (q *queue) turn(l *lab, kind linkKind, t *table.Table) error {
	links, err := make([]frontier.Link, choose(l, 100_000, 1_000_000)), error(nil)
	for i := range links {
		if links[i], err = q.link(kind.page(i)); err != nil {
			return err
		}
	}
	runtime.GC()
	began := time.Now()
	from, err := look()
	if err != nil {
		return err
	}
	added, err := q.handIn(l, links, kind.atOnce)
	if err != nil {
		return err
	}
	to, err := look()
	if err != nil {
		return err
	}
	if want := int64(len(links)); kind.known && added > 0 || !kind.known && added != want {
		return fmt.Errorf("%d of %d links were new: %s", added, want, kind.name)
	}
	took, used := time.Since(began), to.own-from.own
	_, others, idle := to.since(from, 0, took)
	n := float64(len(links))
	t.Add(kind.name, q.hosts, table.Number(n), table.Number(n/took.Seconds()), table.Number(1e6*used.Seconds()/n),
		table.Number(n/used.Seconds()), table.Number(used.Seconds()/took.Seconds()), table.Number(others), table.Number(idle))
	return nil
}

// handIn adds links, some at once, by many callers.
func (q *queue) handIn(l *lab, links []frontier.Link, atOnce int) (added int64, err error) {
	var next, sum atomic.Int64
	var callers sync.WaitGroup
	faults := make([]error, linkCallers)
	for c := range linkCallers {
		callers.Go(func() {
			for faults[c] == nil {
				end := int(next.Add(int64(atOnce)))
				if end > len(links) {
					return
				}
				var n int
				n, faults[c] = q.front.Add(l.ctx, q.run, links[end-atOnce:end]...)
				sum.Add(int64(n))
			}
		})
	}
	callers.Wait()
	return sum.Load(), errors.Join(faults...)
}
