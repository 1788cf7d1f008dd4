package frontier

import (
	"container/list"
	"time"
)

// lease is a Lease that is out.
type lease struct {
	Lease
	host     *host
	entry    entry         // zero for a robots.txt that the frontier asks for by itself
	queued   bool          // entry lies in the queue
	fresh    bool          // a page not asked for before
	released bool          // its exchange is over
	ending   bool          // Done is under way
	turn     *list.Element // in run.oldest
	undo     func()        // takes the clocks back: no request was sent
}

// lease gives out what the host wants next.
func (r *run) lease(h *host, c choice, now time.Time) (*lease, error) {
	st := &lease{host: h, Lease: Lease{Run: r.name, Try: 1, Fails: int(h.rec.Fails), Pause: h.clock.delay()}}
	if c == askRobots {
		link, err := robotsLink(h.rec.Origin)
		if err != nil {
			return nil, err
		}
		st.Link, h.robots = link, robotsAsked
	} else {
		st.entry, st.queued = h.take(c), true
		st.Link, st.Try = st.entry.link, st.entry.try+1
		r.leased[st.entry.key] = st
		h.leased++
	}
	r.issued++
	st.ID = uint64(r.counts.Opens)<<32 | uint64(r.issued)
	st.Until = now.Add(r.config.LeaseTime)
	r.leases[st.ID] = st
	st.turn = r.oldest.PushBack(st)
	r.reserve(st)
	st.begin(now)
	r.refresh(h.clock, now)
	r.checkFull(now)
	return st, nil
}

// reserve takes a page's share of the page limits; a lapsed lease kept its own.
func (r *run) reserve(st *lease) {
	st.fresh = st.Kind == Page && (st.entry.try == 0 || st.entry.held) && !st.entry.paid
	if st.fresh && !st.entry.held {
		st.host.asking++
		r.asking++
	}
}

func (st *lease) begin(now time.Time) {
	c := st.host.clock
	clock, address := c.begin(now), st.host.run.frontier.touchAddress(c, now)
	st.undo = func() { clock(); address() }
}

// release ends the exchange of a lease for the clocks; once only.
func (r *run) release(st *lease, a Answer, now time.Time) {
	if st.released {
		return
	}
	st.released = true
	c := st.host.clock
	c.inFlight--
	if a.Conduct == Unasked {
		st.undo()
	} else {
		st.host.conduct(a)
		c.end(a, now)
		r.frontier.touchAddress(c, now)
	}
	r.refresh(c, now)
}

// conduct counts a host's failures in a row.
func (h *host) conduct(a Answer) {
	switch a.Conduct {
	case Good, Slow:
		h.rec.Fails = 0
	case PushBack:
		h.rec.PushBacks++
		h.rec.Fails++
	case Failing:
		h.rec.Fails++
	}
}

// end takes a lease out of the books; its clock was released before.
func (r *run) end(st *lease) {
	r.takeOut(st)
	if st.fresh {
		st.host.asking--
		r.asking--
	}
}

func (r *run) takeOut(st *lease) {
	delete(r.leases, st.ID)
	if st.queued {
		delete(r.leased, st.entry.key)
		st.host.leased--
	}
	r.oldest.Remove(st.turn)
}

// lapse takes back leases whose time is over.
func (r *run) lapse(now time.Time) {
	var next *list.Element
	for e := r.oldest.Front(); e != nil; e = next {
		next = e.Next()
		st := e.Value.(*lease)
		if st.Until.After(now) {
			return
		}
		if !st.ending {
			r.takeBack(st, now)
		}
	}
}

func (r *run) takeBack(st *lease, now time.Time) {
	h := st.host
	r.release(st, Answer{Conduct: Blameless}, now)
	r.takeOut(st)
	if st.queued {
		st.entry.held, st.entry.try = st.fresh, st.Try
		if st.entry.link.Kind != st.Kind { // see promote
			st.entry.try = 0
			h.insert(st.entry, now)
		} else {
			h.giveBack(st.entry)
		}
		r.sweep = r.sweep || h.rec.GivenUp != ""
	} else {
		h.robots = robotsWanted
	}
	r.update(h, now)
}
