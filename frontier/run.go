package frontier

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"time"

	"crawl/internal/kv"

	bolt "go.etcd.io/bbolt"
)

const (
	defaultLease  = 15 * time.Minute
	defaultMemory = 64 << 20
)

// How Config.CacheBytes is divided.
const (
	memoryParts = 8
	recentParts = 3
	windowParts = 5
	entryBytes  = 400 // what a queued URL takes, roughly
)

// run is one open run. All but db, name and config is guarded by Bolt.mu.
type run struct {
	frontier *Bolt
	name     string
	config   Config
	db       *kv.DB[*change]
	batch    *batch // of the transaction under way; the committer's own

	counts  countsRecord // durable
	hosts   map[string]*host
	foreign int // of them
	cache   *seenCache
	seen    *seenSet // this and the heads of the queues share Config.CacheBytes
	ready   hostHeap
	live    int // hosts that have, or will have, something to lease
	leases  map[uint64]*lease
	leased  map[seenKey]*lease
	oldest  list.List // of *lease, in the order of Until
	issued  uint32    // leases given since the run was opened
	asking  int       // pages out that were never asked for before
	full    bool      // the page limit holds new pages back
	busy    int       // Add, Done, Refuse and reads of the disk under way
	held    int       // no lease is given while Refuse is at work
	sweep   bool      // a lapsed lease left a URL of a host that was given up
	paused  bool
	failed  error // what Done promised is lost
	gone    bool  // left or closed
	waiters []chan struct{}
	timer   *time.Timer

	waits      Waits
	waitsFor   *time.Duration // one of waits, while a caller waits; nil for none
	waitsSince time.Time
}

// next leases a URL if some host is free now. Neither a lease nor an error
// means wait.
func (r *run) next(now time.Time) (*lease, error) {
	for !r.paused && r.held == 0 && len(r.ready) > 0 && !r.ready[0].at.After(now) {
		h := r.ready[0]
		if at, ok := h.freeAt(now); !ok || at.After(now) {
			r.update(h, now)
			continue
		}
		choice := h.wants(now)
		if choice != fill {
			return r.lease(h, choice, now)
		}
		if err := r.fill(h, now); err != nil || r.gone {
			return nil, err
		}
	}
	if r.drained() {
		return nil, ErrDrained
	}
	return nil, nil
}

// drained is exact: no lease is out, no change is under way and no host has,
// or waits for, anything that may be leased.
func (r *run) drained() bool { return r.live == 0 && len(r.leases) == 0 && r.busy == 0 }

// refresh brings the hosts that share a clock, of whatever run, up to date.
func (r *run) refresh(c *clock, now time.Time) {
	for _, h := range c.users {
		h.run.update(h, now)
		if h.run != r {
			h.run.kick()
		}
	}
	r.kick()
}

// update puts h where it belongs in the heap and in the count of live hosts.
func (r *run) update(h *host, now time.Time) {
	at, ok := h.freeAt(now)
	r.ready.place(h, at, ok)
	live := ok || h.alive(now)
	if live != h.live {
		h.live = live
		if live {
			r.live++
		} else {
			r.live--
		}
	}
}

func (r *run) pagesTaken() int { return int(r.counts.Pages) + r.asking }

// checkFull looks at all hosts anew when the page limit is reached or no
// longer is.
func (r *run) checkFull(now time.Time) {
	full := r.config.MaxPages > 0 && r.pagesTaken() >= r.config.MaxPages
	if full == r.full {
		return
	}
	r.full = full
	for _, h := range r.hosts {
		r.update(h, now)
	}
}

// windowSize is how many URLs of a host to hold in memory: fewer where there
// are many hosts.
func (r *run) windowSize() int {
	total := r.config.CacheBytes * windowParts / memoryParts / entryBytes
	return max(1, min(windowSize, total/max(1, len(r.hosts))))
}

func (r *run) stats() Stats {
	s := Stats{
		Found: r.counts.Found, Done: r.counts.Done, Failed: r.counts.Failed, Pages: r.counts.Pages, Hosts: len(r.hosts),
		Skipped: make(map[Reason]uint64, len(r.counts.Skipped)),
	}
	for _, st := range r.leases {
		if st.Kind != Robots {
			s.InFlight++
		}
	}
	s.Queued = r.counts.Queued - s.InFlight
	for reason, n := range r.counts.Skipped {
		s.Skipped[Reason(reason)] = n
	}
	return s
}

// digests reads the links before any lock is taken.
func digests(links []Link) []digest {
	all := make([]digest, len(links))
	for i := range links {
		all[i] = links[i].digest()
	}
	return all
}

// unknown are the links not known to be queued or done at no greater depth, nor
// refused ones that are known at all. These go to the layers of the seen-set.
func (r *run) unknown(links []Link, digests []digest) (left []found) {
	for i := range links {
		if l := &links[i]; l.Kind == Robots || l.Stored || !l.Changed.IsZero() || !r.cache.knows(digests[i], l.leastDepth()) {
			left = append(left, found{*l, digests[i]})
		}
	}
	return left
}

// leastDepth is the depth from which on a known URL may be news.
func (l *Link) leastDepth() int {
	if l.Refused != "" {
		return NoDepth
	}
	return l.Depth
}

// unseen drops of links what the seen-set knows as well as unknown would. It only
// reads: links none of which are new cost no transaction.
func (r *run) unseen(links []found) (left []found, err error) {
	keys, values, layers := r.recall(links)
	var known []met
	err = r.db.View(func(tx *bolt.Tx) error {
		seen := newSeenView(tx, layers)
		for i := range links {
			l, v := &links[i], values[i]
			if v.state == stateGone {
				if v, _, err = seen.look(&keys[i]); err != nil && !errors.Is(err, errNoLayer) { // then a transaction looks
					return err
				}
			}
			switch news := !l.Changed.IsZero() || v.state == stateGone || v.state == stateSkipped || v.checks() && l.Kind != Check || l.Depth < int(v.depth); {
			case l.Kind == Robots, l.Stored, v.state == stateGone, news && l.Refused == "":
				left = append(left, *l)
			case !news && v.wanted():
				known = append(known, met{l.digest, int(v.depth)})
			}
		}
		return nil
	})
	r.frontier.mu.Lock()
	defer r.frontier.mu.Unlock()
	r.remember(known)
	return left, err
}

// recall tells under which keys links are kept if they are, what memory knows of
// them, and where else to look.
func (r *run) recall(links []found) ([]seenKey, []seenValue, []*layer) {
	r.frontier.mu.Lock()
	defer r.frontier.mu.Unlock()
	keys, values := make([]seenKey, len(links)), make([]seenValue, len(links))
	for i := range links {
		id := strangers
		if h := r.hosts[links[i].URL.Origin()]; h != nil {
			id = h.rec.ID
		}
		keys[i] = makeKey(id, links[i].digest)
		values[i] = r.seen.fresh[keys[i]]
	}
	return keys, values, r.seen.layers
}

// met is a known URL, for the cache.
type met struct {
	digest digest
	depth  int
}

func (r *run) remember(known []met) {
	for _, m := range known {
		r.cache.add(m.digest, m.depth)
	}
}

// weight is how many writes a change is, roughly: of a page's, some for its end.
func (op *change) weight() int { return 4 + len(op.links) }

// schedule hands in a change that becomes durable soon.
func (r *run) schedule(ctx context.Context, op *change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.explain(r.db.Schedule(context.WithoutCancel(ctx), op, op.weight()))
}

// expect has the hosts that op's links lead to wait for those that are sooner
// than what they could lease now: Next goes by all that Done was told.
func (r *run) expect(op *change, now time.Time) {
	for i := range op.links {
		l := &op.links[i]
		if h := r.hosts[l.URL.Origin()]; h != nil && l.Refused == "" && l.Kind != Check {
			op.coming = append(op.coming, h)
			if h.expect(l.Rank, now) {
				r.update(h, now)
			}
		}
	}
}

// arrived ends what expect began.
func (r *run) arrived(op *change, now time.Time) {
	for _, h := range op.coming {
		if h.coming--; h.coming == 0 || now.Sub(h.comingSince) >= mostAwaited {
			r.update(h, now)
		}
	}
}

// flush waits until what was scheduled is durable.
func (r *run) flush(ctx context.Context) error {
	return r.explain(r.db.Flush(context.WithoutCancel(ctx)))
}

// fail notes that scheduled changes were lost; it runs in the committer.
func (r *run) fail(err error) {
	r.frontier.mu.Lock()
	defer r.frontier.mu.Unlock()
	r.failed = fmt.Errorf("frontier: %s: %w", r.db.Path(), err)
	r.wakeAll()
}

// commit sees a change through. Once handed in it is not given up for a
// context that ends: it takes but one sync, and its caller reads its results.
func (r *run) commit(ctx context.Context, op *change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.db.CommitAll(context.WithoutCancel(ctx), op, op.weight()); err != nil {
		return r.explain(err)
	}
	if op.gaveUp {
		return r.refuseGivenUp(ctx)
	}
	return nil
}

// explain tells an error of the file from the end of the run.
func (r *run) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, kv.ErrClosed):
		return fmt.Errorf("frontier: %s: %w", r.db.Path(), err)
	}
	r.frontier.mu.Lock()
	defer r.frontier.mu.Unlock()
	if r.frontier.closed {
		return ErrClosed
	}
	return fmt.Errorf("frontier: run %s: %w", r.name, ErrNoRun)
}

// refuseGivenUp turns what is queued for hosts that were given up into skipped URLs.
func (r *run) refuseGivenUp(ctx context.Context) error {
	_, err := r.refuseAll(ctx, refusal{givenUp: true})
	return err
}

// refuseAll refuses chunk by chunk and returns how many URLs it skipped.
func (r *run) refuseAll(ctx context.Context, what refusal) (skipped int, err error) {
	for {
		chunk := what
		if err := ctx.Err(); err != nil {
			return skipped, err
		}
		if err := r.db.Commit(context.WithoutCancel(ctx), &change{refuse: &chunk}); err != nil {
			return skipped, r.explain(err)
		}
		skipped += chunk.skipped
		if chunk.moved == 0 {
			return skipped, nil
		}
	}
}
