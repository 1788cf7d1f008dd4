package frontier

import (
	"bytes"
	"container/heap"
	"slices"
	"sort"
	"time"
)

// robotsState is what a run knows of an origin's robots.txt.
type robotsState uint8

const (
	robotsWanted  robotsState = iota // to be asked for before anything else
	robotsAsked                      // a lease on it is out (in memory only)
	robotsPending                    // it redirected; the next hop is queued, maybe at another host
	robotsKnown                      // the rules hold until robotsUntil
)

// entry is a queued URL in memory.
type entry struct {
	place place
	key   seenKey
	link  Link
	try   int  // times it was asked for
	held  bool // its lease lapsed: it was asked for and keeps its share of the page limits
	paid  bool // its share of the page limits is counted, see Link.Stored
}

// windowSize is how many URLs of one host are held in memory when few hosts are known.
const windowSize = 256

// host is one origin of one run. It is guarded by Bolt.mu.
//
// Of its queue only a window is in memory: the first ready URLs in order.
// Delayed URLs are on disk until they are due.
type host struct {
	run     *run
	rec     hostRecord // ID, Origin, Pages, Done, Fails, GivenUp, PushBacks are kept here
	clock   *clock
	manners Manners
	robots  robotsState
	until   time.Time // robotsKnown: the rules hold until then; robotsWanted: do not ask before

	due         []entry // taken first: their time has come
	window      []entry // sorted by place; the first of those on disk, without a gap
	ready       int     // URLs on disk that wait for no time and are not leased, those of the window included
	first       int     // those of them that no rules bind
	later       int     // delayed URLs on disk that are neither leased nor in due
	laterAt     time.Time
	asking      int       // leases out on pages not asked for before
	leased      int       // queued URLs that are out
	coming      int       // links to it that Done was told of and that are not durable
	soonest     uint32    // the least rank of those
	comingSince time.Time // there have been some
	live        bool      // counted in run.live

	filling bool           // a read of the window from disk is under way
	moved   map[place]bool // while filling: places that were emptied meanwhile

	at    time.Time // position in the heap
	index int       // in the heap; -1 when not in it
}

func (h *host) pending() int { return h.ready + len(h.due) + h.later }

// insert takes a URL that is durable in the queue into account.
func (h *host) insert(e entry, now time.Time) {
	if e.place.later() {
		h.delay(e.place, now)
		return
	}
	whole := len(h.window) == h.ready
	h.count(e.place, 1)
	i := h.find(e.place)
	if !whole && !h.filling && i == len(h.window) {
		return // behind what is in memory
	}
	h.window = slices.Insert(h.window, i, e)
	if n := h.run.windowSize(); len(h.window) > n+max(1, n/2) && !h.filling {
		h.window = slices.Clip(slices.Clone(h.window[:n]))
	}
}

// delay counts a URL that waits for its time.
func (h *host) delay(p place, now time.Time) {
	h.later++
	if at := dueAt(p.nanos(), now); h.laterAt.IsZero() || at.Before(h.laterAt) {
		h.laterAt = at
	}
}

// count counts a URL that waits for no time.
func (h *host) count(p place, n int) {
	h.ready += n
	if p.first() {
		h.first += n
	}
}

func (h *host) find(p place) int {
	return sort.Search(len(h.window), func(i int) bool { return bytes.Compare(h.window[i].place[:], p[:]) >= 0 })
}

// remove takes a URL that left its place, but was not leased, out of account.
func (h *host) remove(p place, key seenKey) (e entry) {
	if i := slices.IndexFunc(h.due, func(e entry) bool { return e.key == key }); i >= 0 {
		e = h.due[i]
		h.due = slices.Delete(h.due, i, i+1)
		return e
	}
	if h.filling {
		h.moved[p] = true
	}
	if p.later() {
		h.later--
		return e
	}
	h.count(p, -1)
	if i := h.find(p); i < len(h.window) && h.window[i].place == p {
		h.window = slices.Delete(h.window, i, i+1)
	}
	return e
}

// take removes the URL that choice means for a lease.
func (h *host) take(c choice) (e entry) {
	if c == takeDue {
		e, h.due[0], h.due = h.due[0], entry{}, h.due[1:]
		return e
	}
	e, h.window[0], h.window = h.window[0], entry{}, h.window[1:]
	h.count(e.place, -1)
	return e
}

// giveBack takes back a URL whose lease lapsed.
func (h *host) giveBack(e entry) {
	if e.place.first() {
		h.due = slices.Insert(h.due, 0, e)
		return
	}
	h.due = append(h.due, e)
}

// merge takes in what a read of the disk found: sorted ready URLs, whether
// there are more behind them, and delayed URLs whose time has come.
func (h *host) merge(read []entry, more bool, due []entry, nextLater time.Time) {
	fresh := h.window
	h.window = h.window[:0:0]
	for _, e := range read {
		if !h.moved[e.place] {
			h.window = append(h.window, e)
		}
	}
	for _, e := range fresh {
		if i := h.find(e.place); i == len(h.window) || h.window[i].place != e.place {
			if !more || i < len(h.window) {
				h.window = slices.Insert(h.window, i, e)
			}
		}
	}
	for _, e := range due {
		if !h.moved[e.place] && !slices.ContainsFunc(h.due, func(d entry) bool { return d.key == e.key }) {
			h.due = append(h.due, e)
			h.later--
		}
	}
	if !nextLater.IsZero() && (h.laterAt.IsZero() || nextLater.Before(h.laterAt)) {
		h.laterAt = nextLater
	}
	h.filling, h.moved = false, nil
}

// counted tells whether memory and what merge took in, with more behind it or
// not, agree.
func (h *host) counted(more bool) bool {
	return (more || h.ready == len(h.window)) && (h.later == 0 || !h.laterAt.IsZero())
}

// wants tells which URL the host could lease now, apart from its clock: none,
// its robots.txt, or an entry. fill asks for a read of the disk first.
type choice uint8

const (
	nothing choice = iota
	askRobots
	takeDue
	takeWindow
	fill
)

func (h *host) wants(now time.Time) choice {
	if h.filling || h.rec.GivenUp != "" || h.pending() == 0 {
		return nothing
	}
	if c := h.unbound(); c != nothing {
		return c
	}
	c := h.bound(now)
	if c == nothing || c == fill || h.mayAsk(now) {
		return c
	}
	if h.robots == robotsWanted {
		return askRobots
	}
	return nothing
}

// unbound chooses among what no rules of this origin bind: a hop towards
// another origin's robots.txt, and a page that is stored already.
func (h *host) unbound() choice {
	switch {
	case len(h.due) > 0 && h.due[0].place.first():
		return takeDue
	case h.first == 0:
		return nothing
	case len(h.window) == 0:
		return fill
	}
	return takeWindow
}

// bound chooses among the rest.
func (h *host) bound(now time.Time) choice {
	switch {
	case len(h.due) > 0:
		return takeDue
	case h.later > 0 && !h.laterAt.After(now):
		return fill
	case h.ready > 0 && len(h.window) == 0:
		return fill
	case h.ready > 0 && h.affords(h.window[0]) && !h.awaits(h.window[0], now):
		return takeWindow
	}
	return nothing
}

// mayAsk tells whether the origin's robots.txt is known and still holds.
func (h *host) mayAsk(now time.Time) bool {
	if h.manners.NoRobots {
		return true
	}
	if h.robots == robotsKnown && !h.until.After(now) {
		h.robots, h.until = robotsWanted, time.Time{}
	}
	return h.robots == robotsKnown
}

// affords tells whether the page limits leave room for e.
func (h *host) affords(e entry) bool {
	if e.link.Kind != Page || e.try > 0 || e.held || e.paid {
		return true
	}
	c := h.run.config
	return (c.MaxPages <= 0 || h.run.pagesTaken() < c.MaxPages) &&
		(c.MaxPagesPerHost <= 0 || int(h.rec.Pages)+h.asking < c.MaxPagesPerHost)
}

// mostAwaited is how long links that are about to be queued may hold up a host:
// they may be known or refused, and where many lead to it they never end.
const mostAwaited = time.Second

// awaits tells whether a link that is sooner than e is about to be queued.
func (h *host) awaits(e entry, now time.Time) bool {
	return h.coming > 0 && e.place.rank() > h.soonest && now.Sub(h.comingSince) < mostAwaited
}

// expect counts a link that is about to be queued, and tells whether it is sooner
// than those counted before.
func (h *host) expect(rank uint32, now time.Time) (sooner bool) {
	if h.coming == 0 {
		h.comingSince = now
	}
	if sooner = h.coming == 0 || rank < h.soonest; sooner {
		h.soonest = rank
	}
	h.coming++
	return sooner
}

// alive tells whether the host has, or waits for, something to lease.
func (h *host) alive(now time.Time) bool {
	return h.wants(now) != nothing || h.later > 0 && h.rec.GivenUp == ""
}

// freeAt is the earliest time at which the host could be asked; ok is false if
// only an event can make it so.
func (h *host) freeAt(now time.Time) (at time.Time, ok bool) {
	w := h.wants(now)
	switch {
	case w == fill:
		return now, true
	case h.clock.inFlight >= h.clock.perHost:
		return at, false
	case w == askRobots:
		at = h.until
	case w == nothing:
		if h.later == 0 || h.filling || h.rec.GivenUp != "" || !h.laterAt.After(now) {
			return at, false
		}
		at = h.laterAt
	}
	return latest(at, h.clock.next(now), h.run.frontier.addressNext(h.clock)), true
}

func latest(t time.Time, more ...time.Time) time.Time {
	for _, m := range more {
		if m.After(t) {
			t = m
		}
	}
	return t
}

func earliest(t, u time.Time) time.Time {
	if u.Before(t) {
		return u
	}
	return t
}

// hostHeap orders hosts by the time they may next be asked, then by number.
type hostHeap []*host

func (q hostHeap) Len() int { return len(q) }
func (q hostHeap) Less(i, j int) bool {
	if c := q[i].at.Compare(q[j].at); c != 0 {
		return c < 0
	}
	return q[i].rec.ID < q[j].rec.ID
}

func (q hostHeap) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *hostHeap) Push(x any) {
	h := x.(*host)
	h.index = len(*q)
	*q = append(*q, h)
}

func (q *hostHeap) Pop() any {
	old := *q
	h := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	h.index = -1
	return h
}

// place puts h where its time says, or takes it out.
func (q *hostHeap) place(h *host, at time.Time, in bool) {
	switch {
	case !in && h.index >= 0:
		heap.Remove(q, h.index)
	case in && h.index >= 0:
		h.at = at
		heap.Fix(q, h.index)
	case in:
		h.at = at
		heap.Push(q, h)
	}
}
