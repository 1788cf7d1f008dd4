package frontier

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"sync"
	"time"

	"crawl/internal/kv"
)

// Bolt is a Frontier in files of one folder: DIR/RUN/frontier.db holds the
// queue and the seen-set of one run.
//
// It is a state machine under one mutex, which is never held across a disk
// write: a heap of hosts by the time they are free, a list of waiting callers
// and one timer for the top of the heap. It starts no goroutine of its own but
// each file's committer.
type Bolt struct {
	dir string

	mu        sync.Mutex // guards all below, and every run, host and clock
	runs      map[string]*run
	clocks    map[string]*clock // by origin, for all runs
	addresses map[netip.Addr]time.Time
	files     map[string]chan struct{} // of runs whose file is opened, copied, left or deleted just now; closed then
	closed    bool
}

var _ Frontier = (*Bolt)(nil)

// NewBolt returns a frontier whose runs live in folders below dir.
func NewBolt(dir string) *Bolt {
	return &Bolt{
		dir: dir, runs: map[string]*run{}, clocks: map[string]*clock{}, addresses: map[netip.Addr]time.Time{},
		files: map[string]chan struct{}{},
	}
}

// find returns an open run; f.mu is held.
func (f *Bolt) find(name string) (*run, error) {
	if f.closed {
		return nil, ErrClosed
	}
	if r := f.runs[name]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("frontier: run %s: %w", name, ErrNoRun)
}

func (f *Bolt) lookup(name string) (*run, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.find(name)
}

// settled finds a run when all that Done was told of it is durable.
func (f *Bolt) settled(ctx context.Context, name string) (*run, error) {
	r, err := f.lookup(name)
	if err != nil {
		return nil, err
	}
	return r, r.flush(ctx)
}

// addAtOnce is how many links of one Add become durable together.
const addAtOnce = 4000

// Add implements Frontier.
func (f *Bolt) Add(ctx context.Context, name string, links ...Link) (int, error) {
	r, err := f.begin(name)
	if err != nil {
		return 0, err
	}
	defer r.idle()
	added := 0
	for some := range slices.Chunk(links, addAtOnce) {
		n, err := r.add(ctx, some)
		if added += n; err != nil {
			return added, err
		}
	}
	return added, nil
}

func (r *run) add(ctx context.Context, links []Link) (added int, err error) {
	op, sums := &change{}, digests(links)
	r.frontier.mu.Lock()
	op.links = r.unknown(links, sums)
	r.frontier.mu.Unlock()
	if len(op.links) > 0 {
		op.links, err = r.unseen(op.links)
	}
	if len(op.links) == 0 || err != nil {
		return 0, r.explain(err)
	}
	if err := r.commit(ctx, op); err != nil {
		return 0, err
	}
	return op.added, nil
}

// begin finds a run and counts it busy until idle.
func (f *Bolt) begin(name string) (*run, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.find(name)
	if err != nil {
		return nil, err
	}
	r.busy++
	return r, nil
}

// idle ends what begin counted.
func (r *run) idle() {
	r.frontier.mu.Lock()
	defer r.frontier.mu.Unlock()
	r.busy--
	r.kick()
}

// Next implements Frontier.
func (f *Bolt) Next(ctx context.Context, name string) (Lease, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		r, err := f.find(name)
		if err != nil {
			return Lease{}, err
		}
		if err := ctx.Err(); err != nil {
			r.kick() // it may have been woken: pass it on
			return Lease{}, err
		}
		if r.failed != nil {
			return Lease{}, r.failed
		}
		now := time.Now()
		r.lapse(now)
		if r.sweep {
			if err := f.sweep(ctx, r); err != nil {
				return Lease{}, err
			}
			continue
		}
		st, err := r.next(now)
		if r.gone {
			continue
		}
		if err != nil {
			r.kick() // another caller comes to the same end
			return Lease{}, err
		}
		if st != nil {
			r.kick() // another caller may find more
			return st.Lease, nil
		}
		r.wait(ctx, now)
	}
}

// sweep refuses what lapsed leases left at hosts that were given up. f.mu is
// held on entry and on return, and not meanwhile.
func (f *Bolt) sweep(ctx context.Context, r *run) error {
	r.sweep = false
	r.busy++
	f.mu.Unlock()
	err := r.refuseGivenUp(ctx)
	f.mu.Lock()
	r.busy--
	r.sweep = r.sweep || err != nil
	return err
}

// Release implements Frontier.
func (f *Bolt) Release(l Lease, a Answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.runs[l.Run]
	if r == nil {
		return
	}
	if st := r.leases[l.ID]; st != nil {
		r.release(st, a, time.Now())
	}
}

// Done implements Frontier. Whoever leases is not made to wait for the disk,
// see kv: thousands of pages a second become durable a few times a second. What
// is rare, and what ends more than the URL, is waited for.
func (f *Bolt) Done(ctx context.Context, l Lease, o Outcome) error {
	sums := digests(o.Links)
	op := &change{outcome: o}
	op.outcome.Links = nil
	r, err := f.ending(l, op, o.Links, sums)
	if err != nil {
		return err
	}
	defer r.idle()
	if op.soon() {
		err = r.schedule(ctx, op)
	} else {
		err = r.commit(ctx, op)
	}
	if err != nil {
		f.mu.Lock()
		op.lease.ending = false // if it failed it may be tried again, or lapse
		r.arrived(op, time.Now())
		f.mu.Unlock()
	}
	return err
}

// soon tells whether a change need not be waited for.
func (op *change) soon() bool { return op.lease.Kind != Robots && op.outcome.GiveUp == "" }

// ending takes the lease that op is to end.
func (f *Bolt) ending(l Lease, op *change, links []Link, sums []digest) (*run, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.find(l.Run)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	r.lapse(now)
	st := r.leases[l.ID]
	if st == nil || st.ending {
		return nil, fmt.Errorf("frontier: %s: %w", l.URL, ErrStale)
	}
	st.ending = true
	r.release(st, Answer{}, now)
	op.lease, op.links = st, r.unknown(links, sums)
	if op.soon() {
		r.expect(op, now)
	}
	r.busy++
	return r, nil
}

// Refuse implements Frontier.
func (f *Bolt) Refuse(ctx context.Context, name string, why Reason) (int, error) {
	r, err := f.begin(name)
	if err != nil {
		return 0, err
	}
	defer r.idle()
	if err := r.flush(ctx); err != nil { // what waits for another try is in the queue then
		return 0, err
	}
	r.hold(1)
	defer r.hold(-1)
	return r.refuseAll(ctx, refusal{reason: why})
}

// hold keeps Next from giving leases while what lies queued is refused.
func (r *run) hold(n int) {
	r.frontier.mu.Lock()
	defer r.frontier.mu.Unlock()
	r.held += n
}

// Reconsider implements Frontier.
func (f *Bolt) Reconsider(ctx context.Context, name string) error {
	r, err := f.settled(ctx, name) // hosts that were met under what held before are known then
	if err != nil {
		return err
	}
	for _, h := range r.knownHosts() {
		m := r.config.Manners(h.origin) // which may read a disk
		f.mu.Lock()
		if r.gone {
			f.mu.Unlock()
			return r.explain(kv.ErrClosed)
		}
		if m.Foreign != h.host.manners.Foreign {
			r.countForeign(m.Foreign)
		}
		h.host.manners = m
		h.host.clock.obey()
		r.refresh(h.host.clock, time.Now())
		f.mu.Unlock()
	}
	return nil
}

// countForeign counts a host that is foreign from now on, or no more.
func (r *run) countForeign(is bool) {
	if is {
		r.foreign++
	} else {
		r.foreign--
	}
}

// known is a host with its origin, to be read under no lock.
type known struct {
	host   *host
	origin string
}

func (r *run) knownHosts() []known {
	r.frontier.mu.Lock()
	defer r.frontier.mu.Unlock()
	all := make([]known, 0, len(r.hosts))
	for origin, h := range r.hosts {
		all = append(all, known{h, origin})
	}
	return all
}

// Pause implements Frontier.
func (f *Bolt) Pause(name string, on bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.find(name)
	if err != nil {
		return err
	}
	r.paused = on
	r.kick()
	return nil
}

// Stats implements Frontier.
func (f *Bolt) Stats(name string) (Stats, error) {
	if _, err := f.settled(context.Background(), name); err != nil {
		return Stats{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.find(name)
	if err != nil {
		return Stats{}, err
	}
	r.lapse(time.Now())
	return r.stats(), nil
}

// Hosts implements Frontier.
func (f *Bolt) Hosts(name string) ([]Host, error) {
	if _, err := f.settled(context.Background(), name); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.find(name)
	if err != nil {
		return nil, err
	}
	all := make([]Host, 0, len(r.hosts))
	for _, h := range r.hosts {
		c := h.clock
		all = append(all, Host{
			Origin: h.rec.Origin, Done: h.rec.Done, Queued: uint64(h.pending()), InFlight: c.inFlight, Delay: c.delay(),
			CrawlDelay: c.crawlWait, Fails: int(h.rec.Fails), Asked: c.asked, RestUntil: c.restUntil,
			GivenUp: Reason(h.rec.GivenUp), Latency: c.latency, PushBacks: int(h.rec.PushBacks), Foreign: h.manners.Foreign,
		})
	}
	return all, nil
}

// Skips implements Frontier.
func (f *Bolt) Skips(ctx context.Context, name string) iter.Seq2[Skip, error] {
	return func(yield func(Skip, error) bool) {
		r, err := f.settled(ctx, name)
		if err != nil {
			yield(Skip{}, err)
			return
		}
		r.skips(ctx, func(s Skip, err error) bool { return yield(s, r.explain(err)) })
	}
}

// Check implements Frontier.
func (f *Bolt) Check(ctx context.Context, name string) ([]string, error) {
	r, err := f.settled(ctx, name)
	if err != nil {
		return nil, err
	}
	faults, err := r.check(ctx)
	return faults, r.explain(err)
}
