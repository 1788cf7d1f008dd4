package main

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"sync"
	"time"

	"crawl/crawler"
	"crawl/fetcher"
	"crawl/frontier"
	"crawl/internal/robots"
	"crawl/internal/weburl"
)

// asker makes the requests of commands that look at single URLs and keep no
// queue: one at a time to each host, with a crawl's pause after each answer, and
// an origin's robots.txt once. Any number of goroutines may use it.
type asker struct {
	fetch *fetcher.Fetcher
	s     *Settings
	pace  func(origin string) frontier.Manners
	log   *slog.Logger

	mu    sync.Mutex // guards the maps
	hosts map[string]*turn
	rules map[string]*originRules
}

// turn is whose turn it is to ask a host.
type turn struct {
	free chan struct{} // holds a token while nobody asks; its holder owns what follows
	last time.Time     // its last answer ended then; zero if there was none
	rest time.Time     // it asked to be left alone until then
}

// originRules is what an origin says in robots.txt.
type originRules struct {
	free chan struct{} // as in turn
	file *robots.File  // nil until it was asked for
	note string        // what stood in the way of it
}

// Pauses between requests to one host: of a crawl at its start, the least after
// an answer that asks for less, and the longest that nobody is told of.
const (
	firstPause = 500 * time.Millisecond
	pushedRest = 2 * time.Second
	longPause  = 5 * time.Second
)

func newAsker(s *Settings, hosts map[string]HostSettings, urls []weburl.URL, log *slog.Logger) (*asker, error) {
	fetch, err := newFetcher(s, urls, s.room(1), nil, log)
	if err != nil {
		return nil, err
	}
	return &asker{
		fetch: fetch, s: s, pace: manners(s, hosts, urls), log: log,
		hosts: map[string]*turn{}, rules: map[string]*originRules{},
	}, nil
}

// Close ends all connections.
func (a *asker) Close() { a.fetch.Close() }

func token() chan struct{} {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	return c
}

// get makes a request when it is its host's turn.
func (a *asker) get(ctx context.Context, req fetcher.Request) (*fetcher.Response, error) {
	u := req.URL
	a.mu.Lock()
	t := a.hosts[u.Hostname()]
	if t == nil {
		t = &turn{free: token()}
		a.hosts[u.Hostname()] = t
	}
	a.mu.Unlock()
	select {
	case <-t.free:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { t.free <- struct{}{} }()
	next := t.rest
	if at := t.last.Add(a.interval(u)); !t.last.IsZero() && at.After(next) {
		next = at
	}
	if wait := time.Until(next); wait > 0 {
		if wait > longPause {
			a.log.Warn("the host is to be left alone for a while", "host", u.Host(), "for", wait.Round(time.Second))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	resp, err := a.fetch.Fetch(ctx, req)
	t.last = time.Now()
	if resp != nil && (resp.Status == http.StatusTooManyRequests || resp.Status == http.StatusServiceUnavailable) {
		t.rest = t.last.Add(min(max(resp.RetryAfter, pushedRest), max(a.s.MaxRetryAfter.Std(), time.Second)))
	}
	return resp, err
}

// interval is the usual pause between requests to a host.
func (a *asker) interval(u weburl.URL) time.Duration {
	usual := firstPause
	switch rate := a.pace(u.Origin()).Rate; {
	case math.IsInf(rate, 1), rate == 0 && isLoopback(u):
		usual = 0
	case rate > 0:
		usual = time.Duration(float64(time.Second) / rate)
	}
	return max(usual, a.crawlDelay(u))
}

// crawlDelay is what the robots.txt of u's origin asks for, if it was read.
func (a *asker) crawlDelay(u weburl.URL) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.rules[u.Origin()]; r != nil && r.file != nil && a.s.Robots == "obey" {
		if d, ok := r.file.CrawlDelay(robots.Product(a.s.agent())); ok {
			return min(d, frontier.MaxRest)
		}
	}
	return 0
}

// robots returns what the origin of u says in robots.txt. note says what stood
// in the way of it.
func (a *asker) robots(ctx context.Context, u weburl.URL) (f *robots.File, note string, err error) {
	a.mu.Lock()
	r := a.rules[u.Origin()]
	if r == nil {
		r = &originRules{free: token()}
		a.rules[u.Origin()] = r
	}
	a.mu.Unlock()
	select {
	case <-r.free:
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
	defer func() { r.free <- struct{}{} }()
	if r.file != nil {
		return r.file, r.note, nil
	}
	f, note, err = a.fetchRobots(ctx, u)
	a.mu.Lock() // for crawlDelay
	r.file, r.note = f, note
	a.mu.Unlock()
	return f, note, err
}

// fetchRobots asks an origin for its rules.
func (a *asker) fetchRobots(ctx context.Context, u weburl.URL) (*robots.File, string, error) {
	at, err := u.Resolve("/robots.txt")
	if err != nil {
		return nil, "", err
	}
	for hops := 0; ; hops++ {
		resp, failed := a.get(ctx, crawler.RobotsRequest(at, int(a.s.MaxRobots)))
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
		rec := crawler.ReadRobots(at, hops, resp, failed)
		if rec.Hop == "" {
			return crawler.RobotsRules(rec, int(a.s.MaxRobots)), crawler.RobotsNote(rec), nil
		}
		if at, err = weburl.Parse(rec.Hop); err != nil {
			return nil, "", err
		}
	}
}
