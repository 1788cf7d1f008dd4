package frontier

import (
	"time"

	"crawl/internal/weburl"
)

// How long an origin's rules hold where the caller says nothing, and how long
// they hold at least: rules that expire before the host may be asked again
// would be asked for without end.
const (
	unknownRules = time.Minute
	leastRules   = time.Minute
)

// finish ends a lease.
func (b *batch) finish(op *change) error {
	st, o := op.lease, op.outcome
	h, r := st.host, b.run
	b.touch(h)
	b.then(func(time.Time) { r.end(st) })
	if o.GiveUp != "" {
		about := h
		if st.Kind == Robots {
			about = b.hostNamed(st.For)
		}
		b.giveUp(op, about, o.GiveUp)
	}
	if st.Kind == Robots {
		return b.finishRobots(st, o.Rules)
	}
	return b.finishURL(st, o)
}

func (b *batch) finishURL(st *lease, o Outcome) error {
	h := st.host
	rec := b.touch(h)
	queued, err := b.taken(h, st.entry.place)
	if err != nil {
		return err
	}
	b.counts.Queued--
	if st.Kind == Check && Kind(queued.Kind) != Check && rec.GivenUp == "" {
		return b.turn(st, queued)
	}
	again := !o.Again.IsZero()
	switch refused := o.End == Skipped && !again; {
	case st.fresh && !refused:
		rec.Pages++
		b.counts.Pages++
	case queued.Paid && refused:
		rec.Pages--
		b.counts.Pages--
	}
	l, err := queued.link(h.rec.Origin)
	if err != nil {
		return err
	}
	if again && rec.GivenUp == "" {
		if !o.Ask.IsZero() {
			l.Ask, l.Hops, l.Respelled = o.Ask, l.Hops+1, l.Respelled+1
		}
		if l.Ask == l.URL {
			l.Ask = weburl.URL{}
		}
		return b.retry(st, l, o.Again)
	}
	return b.settle(st, o, l, rec)
}

// turn queues a URL that was met as something else while it was asked about.
func (b *batch) turn(st *lease, queued linkRecord) error {
	l, err := queued.link(st.host.rec.Origin)
	if err != nil {
		return err
	}
	l.Rank = st.entry.place.rank()
	return b.enqueue(st.entry.key, st.host, l, 0, st.entry.place.seq())
}

// retry queues a URL for another try.
func (b *batch) retry(st *lease, l Link, at time.Time) error {
	if limit := b.now.Add(MaxRest); at.After(limit) {
		at = limit
	}
	b.counts.Queued++
	b.counts.Seq++
	e := entry{place: laterPlace(at, b.counts.Seq), key: st.entry.key, link: l, try: st.Try}
	b.then(func(now time.Time) { st.host.insert(e, now) })
	return b.put(st.host, e)
}

// settle gives a URL its final state.
func (b *batch) settle(st *lease, o Outcome, l Link, rec *hostRecord) error {
	k, next := st.entry.key, seenValue{state: stateDone, depth: int32(l.Depth)}
	switch {
	case st.Kind == Reread: // the page stays stored, however its second reading ends
	case st.Kind == Check && o.End != Skipped:
		next.state = stateChecked
	case !o.Again.IsZero() || o.End == Failed:
		next.state = stateFailed
	case o.End == Skipped:
		next.state = stateBarred
	}
	if o.End == Kept && next.state == stateDone {
		next.state = stateKept
	}
	if st.Kind != Reread && next.state != stateBarred {
		rec.Done++
	}
	switch next.state {
	case stateBarred:
		b.counts.Skipped[string(o.Reason)]++
		return b.keepSkip(stateBarred, k, l, o.Reason, o.Rule)
	case stateFailed:
		b.counts.Failed++
	case stateChecked:
		b.counts.Done++
	case stateDone, stateKept:
		said := l.Changed.After(st.Changed) || st.Kind == Reread && !l.Changed.IsZero() // while it was out, or waited to be reread
		if next.state == stateKept && said && rec.GivenUp == "" {
			b.counts.Seq++
			return b.unkeep(k, st.host, l, b.counts.Seq)
		}
		if l.Depth < st.Depth && rec.GivenUp == "" { // met on a shorter way while it was out
			b.counts.Seq++
			return b.reread(k, st.host, l, b.counts.Seq)
		}
		b.counts.Done++
	}
	b.mark(k, next)
	return nil
}

// finishRobots gives the rules of an origin to its clock.
func (b *batch) finishRobots(st *lease, rules *Rules) error {
	h, r := b.hostNamed(st.For), b.run
	if st.queued {
		if _, err := b.taken(st.host, st.entry.place); err != nil {
			return err
		}
	}
	if rules == nil {
		rules = &Rules{Unknown: true}
	}
	next := robotsKnown
	switch {
	case rules.Unknown:
		next = robotsWanted
	case rules.Pending:
		next = robotsPending
	}
	delay := min(max(rules.Delay, 0), MaxRest)
	until := b.holdUntil(rules, delay)
	rec := b.touch(h)
	rec.RobotsState, rec.RobotsUntil = uint8(next), unixNano(until)
	rec.CrawlDelay = max(rec.CrawlDelay, int64(delay))
	b.then(func(now time.Time) {
		h.robots, h.until = next, until
		if delay > h.clock.crawlWait {
			h.clock.crawlWait = delay
			h.clock.limit()
			r.refresh(h.clock, now)
		}
	})
	return nil
}

// holdUntil is when rules are asked for again.
func (b *batch) holdUntil(rules *Rules, delay time.Duration) time.Time {
	until := rules.Until
	switch {
	case rules.Unknown && until.IsZero():
		return b.now.Add(unknownRules)
	case rules.Unknown:
		return earliest(until, b.now.Add(MaxRest))
	case until.IsZero():
		return b.now.Add(MaxRest)
	}
	return latest(earliest(until, b.now.Add(MaxRest)), b.now.Add(leastRules+2*delay))
}
