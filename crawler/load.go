package crawler

import (
	"runtime"
	"sync"
	"time"

	"crawl/store"
)

// gauge adds up for how long how many were at something.
type gauge struct {
	mu  sync.Mutex // guards what follows
	n   int
	at  time.Time // sum is of then
	sum time.Duration
}

// add counts n more and returns the sum until now.
func (g *gauge) add(n int) time.Duration {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sum += time.Duration(g.n) * now.Sub(g.at)
	g.n += n
	g.at = now
	return g.sum
}

func (g *gauge) total() int64 { return int64(g.add(0)) }

// meter measures where the time of a session goes.
type meter struct {
	cpu                         time.Duration // of the process when the session began
	visits, network, disk, full gauge
	space                       gauge // paused for want of room
}

// load tells where the time of the session has gone so far; nil if its queue is
// closed.
func (w *Job) load() *store.Load {
	waits, err := w.Frontier.Waits(w.name)
	if err != nil { // the run has ended
		return nil
	}
	m := &w.meter
	return &store.Load{
		Elapsed: int64(time.Since(w.began)), CPU: int64(cpuTime() - m.cpu), Processors: runtime.GOMAXPROCS(0), Places: max(w.spec.Workers, 1),
		Visits: m.visits.total(), Network: m.network.total(), Disk: m.disk.total(), Full: m.full.total(),
		Pace: int64(waits.Pace), Rest: int64(waits.Rest), PerHost: int64(waits.PerHost), Empty: int64(waits.Empty), Space: m.space.total(),
		Hosts: waits.Hosts, Resting: waits.Resting, Delay: int64(waits.Delay), CrawlDelay: int64(waits.CrawlDelay),
	}
}

// LoadSince is what of a load came after an earlier one of the same session.
func LoadSince(now, earlier store.Load) store.Load {
	l := now
	l.Elapsed -= earlier.Elapsed
	l.CPU -= earlier.CPU
	l.Visits -= earlier.Visits
	l.Network -= earlier.Network
	l.Disk -= earlier.Disk
	l.Full -= earlier.Full
	l.Pace -= earlier.Pace
	l.Rest -= earlier.Rest
	l.PerHost -= earlier.PerHost
	l.Empty -= earlier.Empty
	l.Space -= earlier.Space
	return l
}
