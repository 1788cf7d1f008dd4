package main

import (
	"context"
	"errors"
	"math"

	"crawl/frontier"
	"crawl/internal/weburl"
)

// How a queue is filled.
const (
	fillMemory = 256 << 20 // of the frontier meanwhile
	lastMemory = 36 << 20  // at the end, as it has in 512 MiB: what is recent is held in memory
	fillHosts  = 100       // whose pages are done together
	fillRow    = 50        // pages of a host that are queued on end, as a crawl finds them
	fillAtOnce = 10_000
	fillDepth  = 1 // clicks: no later link is a shorter way
	fillRank   = 3 // of a page of this depth, with --order bfs
)

// unhurried makes no host wait and asks for no robots.txt.
func unhurried(string) frontier.Manners {
	return frontier.Manners{Rate: math.Inf(1), PerHost: 64, NoRobots: true}
}

// queue is a run's, filled by what a crawl does to it: links added, leases
// done.
type queue struct {
	front *frontier.Bolt
	run   string
	url   func(host, n int) string
	hosts int
}

// fillQueue makes the pages from..to-1 of each host known to the queue of a run
// below folder, and has half of them done. Meanwhile nothing is synced; it is when
// this returns.
func fillQueue(ctx context.Context, folder, run string, hosts int, url func(host, n int) string, from, to int) (*queue, error) {
	q := &queue{run: run, url: url, hosts: hosts}
	last := max(from, to-fillRow)
	done := min(from+(to-from)/2, last)
	for _, step := range []struct {
		memory int
		do     func() error
	}{
		{fillMemory, func() error { return errors.Join(q.finished(ctx, from, done), q.queued(ctx, done, last)) }},
		{lastMemory, func() error { return q.queued(ctx, last, to) }},
	} {
		q.front = frontier.NewBolt(folder)
		if err := q.front.Open(ctx, run, frontier.Config{Manners: unhurried, CacheBytes: step.memory, NoSync: true}); err != nil {
			return nil, err
		}
		if err := errors.Join(step.do(), q.front.Close()); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// finished makes pages of each host known and done, some hosts at a time.
func (q *queue) finished(ctx context.Context, from, to int) error {
	for first := 0; first < q.hosts; first += fillHosts {
		group := min(fillHosts, q.hosts-first)
		err := q.add(ctx, group*(to-from), func(i int) (host, n int) { return first + i%group, from + i/group })
		if err == nil {
			err = q.finish(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// queued queues pages of each host, some of a host on end, then of the next.
func (q *queue) queued(ctx context.Context, from, to int) error {
	for ; from < to; from += fillRow {
		row := min(fillRow, to-from)
		if err := q.add(ctx, q.hosts*row, func(i int) (host, n int) { return i / row, from + i%row }); err != nil {
			return err
		}
	}
	return nil
}

// add adds so many pages.
func (q *queue) add(ctx context.Context, many int, page func(i int) (host, n int)) error {
	links := make([]frontier.Link, 0, fillAtOnce)
	for i := range many {
		l, err := q.link(page(i))
		if err != nil {
			return err
		}
		if links = append(links, l); len(links) < fillAtOnce && i < many-1 {
			continue
		}
		if _, err := q.front.Add(ctx, q.run, links...); err != nil {
			return err
		}
		links = links[:0]
	}
	return nil
}

func (q *queue) link(host, n int) (l frontier.Link, err error) {
	l = frontier.Link{Depth: fillDepth, Rank: fillRank}
	if l.URL, err = weburl.Parse(q.url(host, n)); err == nil {
		l.From, err = weburl.Parse(q.url(host, 0))
	}
	return l, err
}

// finish leases all that is queued and says that it was fetched.
func (q *queue) finish(ctx context.Context) error {
	for {
		l, err := q.front.Next(ctx, q.run)
		if errors.Is(err, frontier.ErrDrained) {
			return nil
		}
		if err == nil {
			err = q.front.Done(ctx, l, frontier.Outcome{End: frontier.Fetched})
		}
		if err != nil {
			return err
		}
	}
}
