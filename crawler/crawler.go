// Package crawler runs one crawl: it takes URLs from the frontier, fetches and
// parses them, puts them into the store and hands their links back.
//
// It decides whether a URL is wanted and what an answer means; when a URL is
// asked for is the frontier's decision, how is the fetcher's. It never sleeps,
// never retries by itself and keeps no queue of its own.
package crawler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"crawl/fetcher"
	"crawl/frontier"
	"crawl/internal/robots"
	"crawl/internal/weburl"
	"crawl/store"

	"golang.org/x/sync/semaphore"
)

// Fetcher makes one exchange; see fetcher.Fetcher.
type Fetcher interface {
	Fetch(context.Context, fetcher.Request) (*fetcher.Response, error)
}

// Crawler runs crawls. Its fields are set before the first Begin.
type Crawler struct {
	Frontier frontier.Frontier
	Store    store.Store
	Fetcher  Fetcher
	Log      *slog.Logger
	Grace    time.Duration // how long a stopped run lets fetches finish; 0 means 5 s
	Watch    func(Event)   // told what happens, by several goroutines at once; may be nil
}

// Event is one thing that happened in a run.
type Event struct {
	Run    *store.Run
	Page   *store.Page // a visit was stored
	Skip   *store.Skip // a URL was refused
	Notice string      // something to tell the user
}

// Progress is how far a run got.
type Progress struct {
	frontier.Stats
	Status   [6]uint64 // answers to pages of this session by class; 0: none
	Received int64     // bytes of bodies as sent, this session
	Load     store.Load
}

// Job is one run being crawled.
type Job struct {
	*Crawler
	store *store.Run
	name  string // of the run in the frontier
	spec  *Spec
	rules *ruleCache
	began time.Time

	start    store.Run // as the session found it
	tuned    atomic.Pointer[Tuning]
	before   int64 // bytes received in earlier sessions
	meter    meter
	requests atomic.Uint64 // of this session, as the next two
	received atomic.Int64
	status   [6]atomic.Uint64
	external atomic.Uint64
	told     told
	reading  chan struct{}                   // holds one for each page that was read and has no room yet
	room     *semaphore.Weighted             // for what waits for the disk, in bytes
	limit    atomic.Pointer[frontier.Reason] // which limit stopped the run
	halt     context.CancelFunc              // stops leasing
	plain    sync.Map                        // origins asked in HTTP/1.1 only; read without a lock
	plains   atomic.Int64                    // how many

	pausing sync.Mutex // guards starved, and the order in which pauses are passed on
	starved bool       // no URL is leased for want of room on the disk

	saving   sync.Mutex               // orders the writes of the run while it goes on, and guards over
	over     bool                     // it ends: what is changed now comes too late
	mu       sync.Mutex               // guards what follows, and Widened and Settings of store
	sitemaps map[string]int           // read in this session, by the origin that announced them
	spent    map[string]time.Duration // in this session, on origins that the run is not about
}

// workTime is how long a URL may stay leased beside its exchange: to be parsed
// and stored on a machine that is very busy.
const workTime = 10 * time.Minute

// Name is what a run is called in the frontier: its number in the store.
func Name(id store.RunID) string { return fmt.Sprintf("%06d", id) }

// Begin opens the queue of r, which may be a new run or one to go on with, and
// hands in the seeds. Crawl must follow.
func (c *Crawler) Begin(ctx context.Context, r *store.Run, s *Spec) (*Job, error) {
	s.scope = newScope(s.Scope, s.Seeds, r.Widened)
	w := &Job{
		Crawler: c, store: r, name: Name(r.ID), spec: s, rules: newRuleCache(s.RulesBytes),
		sitemaps: map[string]int{}, spent: map[string]time.Duration{}, reading: make(chan struct{}, mostRead), room: semaphore.NewWeighted(roomBytes),
		began: time.Now(), before: int64(r.Counts.Received), meter: meter{cpu: cpuTime()},
	}
	config := frontier.Config{
		MaxPages: s.MaxPages, MaxPagesPerHost: s.MaxPagesHost, MaxHosts: s.MaxHosts, MaxForeign: s.MaxForeign, MaxAlike: s.MaxVariants,
		Manners: w.manners, LeaseTime: max(s.MaxFetch, fetcher.DefaultMaxTime) + workTime,
		CacheBytes: s.CacheBytes, KnownBytes: s.KnownBytes, NoSync: s.NoSync,
	}
	if err := c.sweep(ctx); err != nil {
		return nil, err
	}
	if err := c.Frontier.Open(ctx, w.name, config); err != nil {
		return nil, err
	}
	r.State, r.Why, r.Sessions = store.Running, "", r.Sessions+1
	err := c.Store.Update(ctx, r)
	if err == nil && r.Paused {
		err = c.Frontier.Pause(w.name, true)
	}
	if err == nil {
		err = w.recount(ctx)
	}
	if err == nil {
		err = w.seed(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, c.Frontier.Leave(w.name))
	}
	w.start = *r
	return w, nil
}

// Crawl goes on until nothing is left, a limit is reached, stop is closed or
// ctx ends, and records in the store how the run ended. A closed stop lets the
// fetches under way finish for Grace; the end of ctx cuts them off. Either way
// the run can go on later. The error is ours, never the web's: the run can be
// resumed when its cause is mended.
func (w *Job) Crawl(ctx context.Context, stop <-chan struct{}) error {
	err := w.work(ctx, stop)
	w.tooLate()
	if l := w.load(); l != nil {
		w.store.Load = l
	}
	w.store.Active += int64(time.Since(w.began))
	w.store.Counts.Requests += w.requests.Load()
	if err == nil {
		err = w.finish(context.WithoutCancel(ctx), ctx.Err() != nil || stopped(stop))
	}
	if err == nil {
		return nil
	}
	left := w.Frontier.Leave(w.name)
	if errors.Is(left, frontier.ErrNoRun) || left != nil && errors.Is(err, left) { // finish may have got so far, or Next told
		return err
	}
	return errors.Join(err, left)
}

func stopped(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

func (w *Job) seed(ctx context.Context) error {
	links := make([]frontier.Link, 0, len(w.spec.Seeds))
	for _, u := range w.spec.Seeds {
		links = append(links, w.spec.seed(u))
	}
	if u, err := weburl.Parse(w.spec.Sitemap); err == nil { // an address instead of a mode
		links = append(links, w.spec.sitemapLink(u, weburl.URL{}, u.Origin(), 0))
	}
	if !w.spec.obeys() { // no robots.txt will tell of sitemaps
		for _, u := range w.spec.Seeds {
			links = append(links, w.spec.sitemapsOf(u.Origin(), u, robots.AllowAll())...)
		}
	}
	_, err := w.Frontier.Add(ctx, w.name, links...)
	return err
}

// work is the loop: a lease, a place in the pool, a goroutine that carries the
// URL to its end.
func (w *Job) work(ctx context.Context, stop <-chan struct{}) error {
	fetching, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	leasing, halt := context.WithCancel(fetching)
	defer halt()
	w.halt = halt
	release := w.stopOn(stop, halt, cut)
	defer release()

	pool := semaphore.NewWeighted(int64(max(w.spec.Workers, 1)))
	var visits sync.WaitGroup
	next := make(chan *frontier.Lease)
	for {
		if w.acquire(leasing, pool) != nil {
			break
		}
		lease, err := w.Frontier.Next(leasing, w.name)
		if err != nil {
			pool.Release(1)
			if !errors.Is(err, frontier.ErrDrained) && leasing.Err() == nil {
				cut(err)
			}
			break
		}
		l := &lease
		select {
		case next <- l: // for a goroutine that has ended a visit: its stack is large enough
			continue
		default:
		}
		visits.Go(func() {
			for more := true; more; l, more = <-next {
				if err := w.carry(fetching, l, w.takePlace(pool)); err != nil {
					cut(err)
				}
			}
		})
	}
	close(next)
	visits.Wait()
	if err := context.Cause(fetching); err != context.Cause(ctx) && err != errCut {
		return err
	}
	return nil
}

// carry is the whole of a visit, but for a lease whose run has come to its end.
func (w *Job) carry(ctx context.Context, l *frontier.Lease, at *place) error {
	defer at.leave()
	err := w.visit(ctx, l, at)
	if err == nil && ctx.Err() != nil {
		return w.abandon(ctx, l)
	}
	return err
}

// acquire waits for a place in the pool.
func (w *Job) acquire(ctx context.Context, pool *semaphore.Weighted) error {
	if pool.TryAcquire(1) {
		return nil
	}
	w.meter.full.add(1)
	defer w.meter.full.add(-1)
	return pool.Acquire(ctx, 1)
}

// abandon ends a lease that the end of a run cut short, if it did. Where the
// run can go on, it lapses instead and the URL is fetched again.
func (w *Job) abandon(ctx context.Context, l *frontier.Lease) error {
	why := w.limit.Load()
	if why == nil || l.Kind == frontier.Robots {
		return nil
	}
	o := frontier.Outcome{End: frontier.Skipped, Reason: *why}
	if l.Try > 1 { // what came of the try before is stored
		o = frontier.Outcome{End: frontier.Failed}
	}
	w.release(l, frontier.Answer{Conduct: frontier.Blameless})
	if err := w.Frontier.Done(context.WithoutCancel(ctx), *l, o); !errors.Is(err, frontier.ErrStale) {
		return err
	}
	return nil
}

// errCut ends fetches that outlast the grace of a stopped run.
var errCut = errors.New("crawler: stopped")

// stopOn stops leasing when stop is closed or the time of the run is over, and
// cuts off what outlasts the grace. The function returned ends the watch.
func (w *Job) stopOn(stop <-chan struct{}, halt context.CancelFunc, cut context.CancelCauseFunc) (release func()) {
	grace := w.Grace
	if grace <= 0 {
		grace = 5 * time.Second
	}
	var over <-chan time.Time
	if w.spec.MaxTime > 0 {
		over = time.After(w.spec.MaxTime - time.Duration(w.store.Active))
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		if !w.early(stop, over, done) {
			return
		}
		halt()
		select {
		case <-time.After(grace):
			cut(errCut)
		case <-done:
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// A kill makes a session forget this much of its time at most, or one part in
// so many of it if that is more: a run of days writes no more than one of hours.
const (
	recordEvery = 15 * time.Second
	recordPart  = 100
)

// early waits for the end of the session and tells whether something ends it
// before the queue does. It keeps the time that goes by recorded.
func (w *Job) early(stop <-chan struct{}, over <-chan time.Time, done <-chan struct{}) bool {
	for {
		select {
		case <-stop:
			return true
		case <-over:
			w.reach(ReasonMaxTime)
			return true
		case <-done:
			return false
		case <-time.After(max(recordEvery, time.Since(w.began)/recordPart)):
			w.record()
		}
	}
}

// record writes down how far the run has come, for a session that is killed.
// The run itself gets these figures at the session's end: until then others read it.
func (w *Job) record() {
	w.saving.Lock()
	defer w.saving.Unlock()
	if err := w.save(); err != nil { // what ends the run if it lasts
		w.Log.Warn("the state of the run is not recorded yet", "error", err)
	}
}

// save is record with w.saving held.
func (w *Job) save() error {
	w.mu.Lock()
	r := *w.store
	w.mu.Unlock()
	r.Active += int64(time.Since(w.began))
	r.Load = w.load()
	r.Counts.Requests += w.requests.Load()
	return w.Store.Update(context.Background(), &r)
}

// reach notes which limit ends the run, and stops leasing.
func (w *Job) reach(why frontier.Reason) {
	w.limit.CompareAndSwap(nil, &why)
	w.halt()
}

// Progress tells how far the run got. It may be called until Crawl returns.
func (w *Job) Progress() Progress {
	stats, err := w.Frontier.Stats(w.name)
	if err != nil { // it has ended
		stats = frontier.Stats{}
	}
	p := Progress{Stats: stats, Received: w.received.Load()}
	if l := w.load(); l != nil {
		p.Load = *l
	}
	for i := range p.Status {
		p.Status[i] = w.status[i].Load()
	}
	return p
}
