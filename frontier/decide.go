package frontier

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

func (b *batch) look(k seenKey) (v seenValue, known bool, err error) {
	v, known = b.marks[k]
	if !known {
		v, known = b.run.seen.fresh[k]
	}
	if known {
		return v, v.state != stateGone, nil
	}
	return b.seen.look(&k)
}

func (b *batch) mark(k seenKey, v seenValue) { b.marks[k] = v }

// decide takes one link in: a new URL is queued or refused, a known one may be
// wanted after all, or have become nearer.
func (b *batch) decide(c *candidate) error {
	if c.link.Refused == "" && c.host != nil {
		c.link.Refused = b.givenUp(c.host)
	}
	if c.link.Kind == Robots {
		return b.decideHop(c)
	}
	v, known, err := b.look(c.key)
	if err == nil && !known && c.host != nil {
		v, known, err = b.welcome(c.key)
	}
	if err != nil {
		return err
	}
	if !c.link.Stored && (!known || v.state == stateSkipped || v.checks() && c.link.Kind != Check) {
		b.admit(c)
	}
	wanted := c.link.Refused == ""
	switch {
	case c.link.Stored:
		if known && v.state == stateQueued {
			return b.pay(c, v)
		}
		return nil
	case !known && !wanted:
		return b.refuseNew(c)
	case !known:
		b.counts.Found++
		c.op.added++
		return b.enqueue(c.key, c.host, c.link, 0, c.seq)
	case !wanted:
		return nil
	case v.state == stateSkipped:
		return b.wantAfterAll(c, v)
	case c.link.Kind == Check:
		return nil
	case v.checks():
		return b.promote(c, v)
	case !c.link.Changed.IsZero() && v.state == stateKept:
		return b.askAfterAll(c, v)
	case !c.link.Changed.IsZero() && v.state == stateQueued:
		return b.rerank(c, v)
	case c.link.Depth >= int(v.depth):
		b.met = append(b.met, met{c.key.digest(), int(v.depth)})
		return nil
	case v.state == stateQueued:
		return b.rerank(c, v)
	case v.state == stateDone, v.state == stateKept:
		b.counts.Done--
		return b.reread(c.key, c.host, c.link, c.seq)
	case v.state == stateFailed: // it has no links that would come nearer
		v.depth = int32(c.link.Depth)
		b.mark(c.key, v)
	}
	return nil
}

// admit counts a link that would be queued among those of its shape, or refuses
// it if there are as many as there may be.
func (b *batch) admit(c *candidate) {
	most := b.run.config.MaxAlike
	if c.link.Refused != "" || c.link.Shape == "" || most <= 0 {
		return
	}
	k := makeKey(c.host.rec.ID, digestOf(c.link.Shape))
	n, changed := b.alike[k]
	if !changed {
		n, _ = binary.Uvarint(b.shapes.Get(k[:]))
	}
	if n >= uint64(most) {
		c.link.Refused, c.link.Rule = ReasonTrap, fmt.Sprintf("more than %d of %s", most, c.link.Shape)
		return
	}
	b.alike[k] = n + 1
}

// welcome looks for a URL among those that were refused while no URL of their
// host was wanted, and gives it to its host.
func (b *batch) welcome(k seenKey) (v seenValue, known bool, err error) {
	old := makeKey(strangers, k.digest())
	if v, known, err = b.look(old); !known || err != nil {
		return v, known, err
	}
	b.mark(k, v)
	b.mark(old, seenValue{state: stateGone})
	return v, true, nil
}

func (b *batch) refuseNew(c *candidate) error {
	b.counts.Found++
	b.counts.Skipped[string(c.link.Refused)]++
	return b.keepSkip(stateSkipped, c.key, c.link, c.link.Refused, c.link.Rule)
}

// keepSkip marks a URL refused, and keeps why.
func (b *batch) keepSkip(s state, k seenKey, l Link, why Reason, rule string) error {
	b.counts.Skips++
	v := seenValue{state: s, depth: int32(l.Depth), place: skipPlace(b.counts.Skips)}
	b.mark(k, v)
	rec := skipRecord{URL: l.URL.String(), From: l.From.String(), Reason: string(why), Rule: rule, Depth: uint32(l.Depth)}
	raw, err := rec.MarshalMsg(nil)
	if err != nil {
		return err
	}
	return b.skipped.Put(skipKey(v.place), raw)
}

func (b *batch) wantAfterAll(c *candidate, v seenValue) error {
	var rec skipRecord
	if _, err := rec.UnmarshalMsg(b.skipped.Get(skipKey(v.place))); err != nil {
		return fmt.Errorf("damaged record of a skipped URL: %w", err)
	}
	if err := b.skipped.Delete(skipKey(v.place)); err != nil {
		return err
	}
	if b.counts.Skipped[rec.Reason]--; b.counts.Skipped[rec.Reason] == 0 {
		delete(b.counts.Skipped, rec.Reason)
	}
	c.op.added++
	return b.enqueue(c.key, c.host, c.link, 0, c.seq)
}

// standAlone makes l good to be held: its URLs may be parts of all that a page
// links to.
func (l *Link) standAlone() { l.URL, l.Ask = l.URL.Clone(), l.Ask.Clone() }

// enqueue queues l as a URL that was asked for try times.
func (b *batch) enqueue(k seenKey, h *host, l Link, try int, seq uint64) error {
	b.counts.Queued++
	l.standAlone()
	e := entry{place: readyPlace(l, seq), key: k, link: l, try: try}
	b.then(func(now time.Time) { h.insert(e, now) })
	return b.put(h, e)
}

// put writes a queued URL, and its place into the seen-set. Memory hears of it
// from the caller.
func (b *batch) put(h *host, e entry) error {
	rec := e.link.record(e.try)
	rec.Paid = e.paid
	raw, err := rec.encode()
	if err != nil {
		return err
	}
	b.puts = append(b.puts, queued{queueKey(h.rec.ID, e.place), raw})
	b.touch(h)
	next := seenValue{state: stateQueued, depth: int32(e.link.Depth), place: e.place}
	switch e.link.Kind {
	case Robots:
		return nil
	case Check:
		next.state = stateChecking
	default:
		b.met = append(b.met, met{e.key.digest(), e.link.Depth})
	}
	b.mark(e.key, next)
	return nil
}

// promote queues a URL as what it was met again as, that was to be asked about
// alone. If it is out just now it is queued when its lease ends.
func (b *batch) promote(c *candidate, v seenValue) error {
	c.op.added++
	if v.state == stateChecked {
		b.counts.Done--
		b.touch(c.host).Done--
		return b.enqueue(c.key, c.host, c.link, 0, c.seq)
	}
	if _, err := b.taken(c.host, v.place); err != nil {
		return err
	}
	c.link.standAlone()
	e := entry{place: readyPlace(c.link, c.seq), key: c.key, link: c.link}
	b.then(func(now time.Time) {
		if st := b.run.leased[e.key]; st != nil {
			st.entry = e
			return
		}
		c.host.remove(v.place, e.key)
		c.host.insert(e, now)
	})
	return b.put(c.host, e)
}

// decideHop queues a hop towards an origin's robots.txt. Where the hop is
// refused, whoever waits for these rules waits in vain.
func (b *batch) decideHop(c *candidate) error {
	if c.link.Refused != "" {
		b.giveUp(c.op, b.hostNamed(c.link.For), c.link.Refused)
		return nil
	}
	e := entry{place: readyPlace(c.link, c.seq), key: c.key, link: c.link}
	b.then(func(now time.Time) { c.host.insert(e, now) })
	return b.put(c.host, e)
}

// taken removes a queued URL from its place and returns its record.
func (b *batch) taken(h *host, p place) (rec linkRecord, err error) {
	key := queueKey(h.rec.ID, p)
	raw := b.queue.Get(key)
	if raw == nil { // queued in this very batch
		i := slices.IndexFunc(b.puts, func(q queued) bool { return bytes.Equal(q.key, key) })
		if i < 0 {
			return rec, fmt.Errorf("a URL of %s is not where the seen-set says", h.rec.Origin)
		}
		raw = b.puts[i].value
		b.puts = slices.Delete(b.puts, i, i+1)
	}
	if err = rec.decode(raw); err != nil {
		return rec, err
	}
	return rec, b.queue.Delete(key)
}

// rerank moves a queued URL that was met again on a shorter way, or of which it
// is said when it changed.
func (b *batch) rerank(c *candidate, v seenValue) error {
	rec, err := b.taken(c.host, v.place)
	if err != nil {
		return err
	}
	was, err := rec.link(c.host.rec.Origin)
	if err != nil {
		return err
	}
	c.link = c.link.over(was, v.place)
	e := entry{place: v.place, key: c.key, link: c.link, try: int(rec.Try), paid: rec.Paid}
	if !v.place.later() && c.link.Kind == Page && !e.paid {
		e.place = readyPlace(c.link, v.place.seq())
	}
	b.then(func(now time.Time) { c.host.move(v.place, e, now) })
	return b.put(c.host, e)
}

// over is what becomes of a link that is queued at a place as was, and met once more as l.
func (l Link) over(was Link, at place) Link {
	l.standAlone()
	if l.Depth >= was.Depth {
		l.Depth, l.From, l.Hops = was.Depth, was.From, was.Hops
	} else {
		l.Hops += was.Respelled
	}
	l.Kind, l.For, l.Ask, l.Respelled = was.Kind, was.For, was.Ask, was.Respelled
	if l.Changed = latest(l.Changed, was.Changed); !l.Changed.IsZero() && !at.later() {
		l.Rank = min(l.Rank, at.rank())
	}
	return l
}

// askAfterAll queues a page again that ended Kept.
func (b *batch) askAfterAll(c *candidate, v seenValue) error {
	b.counts.Done--
	c.link.Depth = min(c.link.Depth, int(v.depth))
	return b.unkeep(c.key, c.host, c.link, c.seq)
}

// unkeep queues a page that is stored before all others: its share of the page
// limits is counted, and it must not wait behind one for which there is no room.
func (b *batch) unkeep(k seenKey, h *host, l Link, seq uint64) error {
	b.counts.Queued++
	b.touch(h).Done--
	l.Kind = Page
	l.standAlone()
	e := entry{place: paidPlace(seq), key: k, link: l, paid: true}
	b.then(func(now time.Time) { h.insert(e, now) })
	return b.put(h, e)
}

// pay counts a stored page against the page limits and puts it before the others.
func (b *batch) pay(c *candidate, v seenValue) error {
	rec, err := b.taken(c.host, v.place)
	if err != nil {
		return err
	}
	l, err := rec.link(c.host.rec.Origin)
	if err != nil {
		return err
	}
	e := entry{place: v.place, key: c.key, link: l, try: int(rec.Try), paid: rec.Paid}
	if !e.paid && e.try == 0 && l.Kind == Page {
		e.paid, e.place = true, paidPlace(v.place.seq())
		b.touch(c.host).Pages++
		b.counts.Pages++
	}
	b.then(func(now time.Time) { c.host.move(v.place, e, now) })
	return b.put(c.host, e)
}

// move brings memory in step when a queued URL was met on a shorter way. One
// that is out keeps its place among the leases: its lease says where it was met
// before, and Done compares.
func (h *host) move(from place, e entry, now time.Time) {
	if st := h.run.leased[e.key]; st != nil {
		e.try, e.held = st.entry.try, st.entry.held
		st.entry = e
		return
	}
	if old := h.remove(from, e.key); old.key == e.key { // it was due already
		e.try, e.held = old.try, old.held
		h.giveBack(e)
		return
	}
	h.insert(e, now)
}

// reread queues a stored page whose links count anew, some clicks nearer.
func (b *batch) reread(k seenKey, h *host, l Link, seq uint64) error {
	l.Kind, l.Rank = Reread, 0
	return b.enqueue(k, h, l, 1, seq)
}
