package frontier

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"time"
)

// refusal turns queued URLs into skipped ones, at most refuseChunk at a time.
type refusal struct {
	reason  Reason
	givenUp bool // only those of hosts that were given up
	moved   int  // result: entries that left the queue
	skipped int  // result: those that became skipped URLs
}

const refuseChunk = 5000

// refuse takes a chunk of queued URLs out of the queue. No lease is given
// meanwhile for the hosts concerned, see run.held and host.wants.
func (b *batch) refuse(op *change) error {
	for _, h := range b.refusable(op.refuse) {
		if op.refuse.moved >= refuseChunk {
			return nil
		}
		if err := b.refuseHost(op, h); err != nil {
			return err
		}
	}
	return nil
}

// refusable are the hosts concerned: of those given up the ones of which
// memory knows that already, and has leased nothing since.
func (b *batch) refusable(f *refusal) (hosts []*host) {
	mu := &b.run.frontier.mu
	mu.Lock()
	defer mu.Unlock()
	for _, h := range b.run.hosts {
		if !f.givenUp || h.rec.GivenUp != "" && h.pending() > 0 { // those that have nothing left may be many
			hosts = append(hosts, h)
		}
	}
	slices.SortFunc(hosts, func(a, b *host) int { return cmp.Compare(a.rec.ID, b.rec.ID) })
	return hosts
}

func (b *batch) refuseHost(op *change, h *host) error {
	f, prefix := op.refuse, binary.BigEndian.AppendUint32(nil, h.rec.ID)
	var chunk []entry
	c := b.queue.Cursor()
	for k, v := c.Seek(queueKey(h.rec.ID, place{})); bytes.HasPrefix(k, prefix) && f.moved+len(chunk) < refuseChunk; k, v = c.Next() {
		e, err := readEntry(h.rec.Origin, k, v)
		if err != nil {
			return err
		}
		if !b.out(e.key) {
			chunk = append(chunk, e)
		}
	}
	for _, e := range chunk {
		if err := b.queue.Delete(queueKey(h.rec.ID, e.place)); err != nil {
			return err
		}
		if err := b.refuseEntry(op, h, e); err != nil {
			return err
		}
		f.moved++
		b.touch(h)
		b.then(func(time.Time) { b.run.unhold(h, h.remove(e.place, e.key)) })
	}
	return nil
}

// unhold gives back the share of the page limits that a lapsed lease held.
func (r *run) unhold(h *host, e entry) {
	if e.held {
		h.asking--
		r.asking--
	}
}

// out tells whether a lease on the URL is out.
func (b *batch) out(k seenKey) bool {
	mu := &b.run.frontier.mu
	mu.Lock()
	defer mu.Unlock()
	return b.run.leased[k] != nil
}

func (b *batch) refuseEntry(op *change, h *host, e entry) error {
	f := op.refuse
	why := cmp.Or(Reason(b.touch(h).GivenUp), f.reason)
	if e.link.Kind == Robots { // whoever waits for these rules waits in vain
		b.giveUp(op, b.hostNamed(e.link.For), why)
		return nil
	}
	b.counts.Queued--
	if e.link.Kind == Reread || e.paid && e.try == 0 { // the page is stored: only its links stay where they were
		b.counts.Done++
		if e.paid {
			b.touch(h).Done++
		}
		b.mark(e.key, seenValue{state: stateDone, depth: int32(e.link.Depth)})
		return nil
	}
	if e.try > 0 && e.link.Kind == Check { // what came of it is stored
		b.counts.Done++
		b.touch(h).Done++
		b.mark(e.key, seenValue{state: stateChecked, depth: int32(e.link.Depth)})
		return nil
	}
	if e.try > 0 { // it was asked for and never answered well
		b.counts.Failed++
		b.touch(h).Done++
		b.mark(e.key, seenValue{state: stateFailed, depth: int32(e.link.Depth)})
		return nil
	}
	limit := b.run.config.MaxPagesPerHost
	if why == f.reason && e.link.Kind == Page && limit > 0 && int(b.touch(h).Pages) >= limit {
		why = ReasonPagesPerHost
	}
	f.skipped++
	b.counts.Skipped[string(why)]++
	return b.keepSkip(stateBarred, e.key, e.link, why, "")
}
