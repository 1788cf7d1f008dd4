package frontier

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// change is one caller's part of a transaction.
type change struct {
	open    bool // the run was opened
	links   []found
	lease   *lease // with outcome: the end of a lease
	outcome Outcome
	coming  []*host // whose links are among links, see host.expect; once for each
	refuse  *refusal
	added   int  // result: URLs newly queued
	gaveUp  bool // result: a host was given up
}

// found is a link with the digest of its URL.
type found struct {
	Link
	digest digest
}

// candidate is a link on its way into the seen-set.
type candidate struct {
	key  seenKey
	host *host
	link Link
	seq  uint64 // its number in order of arrival
	op   *change
}

// batch is one transaction: the disk is changed at once, memory (effects) when
// the transaction is durable.
type batch struct {
	run     *run
	now     time.Time
	seen    *seenView
	queue   *bolt.Bucket
	skipped *bolt.Bucket
	shapes  *bolt.Bucket
	counts  countsRecord
	origins map[string]*host      // those met, new ones included
	last    *host                 // the one met last: links to one host come together
	hosts   map[*host]*hostRecord // those changed, as they will be
	made    []*host
	foreign int                   // of those made
	marks   map[seenKey]seenValue // the seen-set as it will be
	settled func()                // brings the seen-set in memory in step
	alike   map[seenKey]uint64    // counts of shapes that changed
	puts    []queued
	met     []met // for the cache
	effects []func(now time.Time)
}

// queued is an entry of the queue that is to be written.
type queued struct {
	key   []byte
	value []byte
}

// apply turns changes into writes; it runs in the committer.
func (r *run) apply(tx *bolt.Tx, ops []*change) error {
	b, err := r.begin(tx)
	if err != nil {
		return err
	}
	for _, op := range ops {
		if op.open {
			b.counts.Opens++
			if err := r.seen.adopt(tx); err != nil {
				return err
			}
		}
		if op.lease != nil {
			if err := b.finish(op); err != nil {
				return err
			}
		}
	}
	for _, c := range b.candidates(ops) {
		if err := b.decide(c); err != nil {
			return err
		}
	}
	if err := b.write(); err != nil { // what follows reads the queue
		return err
	}
	for _, op := range ops {
		if op.refuse != nil {
			if err := b.refuse(op); err != nil {
				return err
			}
		}
	}
	r.batch = b
	return b.writeRecords(tx)
}

func (r *run) begin(tx *bolt.Tx) (*batch, error) {
	b := &batch{
		run: r, now: time.Now(), origins: map[string]*host{}, hosts: map[*host]*hostRecord{}, alike: map[seenKey]uint64{},
		marks: map[seenKey]seenValue{}, seen: newSeenView(tx, r.seen.layers),
	}
	for _, name := range buckets {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return nil, err
		}
	}
	b.queue, b.skipped = tx.Bucket(bucketQueue), tx.Bucket(bucketSkipped)
	b.shapes = tx.Bucket(bucketShapes)
	b.queue.FillPercent, b.skipped.FillPercent = 0.9, 1 // what is put comes last of its host, and last of all
	b.counts = r.counts
	b.counts.Skipped = maps.Clone(r.counts.Skipped)
	return b, nil
}

// candidates are the links of all changes in the order of their keys, numbered
// in the order they came in.
func (b *batch) candidates(ops []*change) []*candidate {
	n := 0
	for _, op := range ops {
		n += len(op.links)
	}
	store, sorted := make([]candidate, 0, n), make([]*candidate, 0, n)
	for _, op := range ops {
		for _, l := range op.links {
			h, id := b.known(l.URL.Origin()), strangers
			if h == nil && l.Refused == "" && !l.Stored {
				h = b.newHost(&l.Link)
			}
			if h != nil {
				id = h.rec.ID
			}
			b.counts.Seq++
			l.Depth = min(max(l.Depth, 0), NoDepth)
			if whole := l.Changed.Truncate(time.Second); whole.Before(l.Changed) {
				l.Changed = whole.Add(time.Second)
			}
			store = append(store, candidate{makeKey(id, l.digest), h, l.Link, b.counts.Seq, op})
			sorted = append(sorted, &store[len(store)-1])
		}
	}
	slices.SortFunc(sorted, compareCandidates)
	return sorted
}

// compareCandidates sorts by key; of one URL the way that counts comes first.
func compareCandidates(a, b *candidate) int {
	if c := bytes.Compare(a.key[:], b.key[:]); c != 0 {
		return c
	}
	if wanted := a.link.Refused == ""; wanted != (b.link.Refused == "") {
		if wanted {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.link.Depth, b.link.Depth), cmp.Compare(a.seq, b.seq))
}

// applied brings memory in step; it runs in the committer when the batch is durable.
func (r *run) applied(ops []*change) {
	r.frontier.mu.Lock()
	defer r.frontier.mu.Unlock()
	b, now := r.batch, time.Now()
	r.batch = nil
	r.counts = b.counts
	r.foreign += b.foreign
	b.settled()
	for _, h := range b.made {
		r.hosts[h.rec.Origin] = h
	}
	for h, rec := range b.hosts {
		h.rec.Pages, h.rec.Done, h.rec.GivenUp = rec.Pages, rec.Done, rec.GivenUp
	}
	if r.gone { // the next batch builds on all above, and nobody asks for the rest
		return
	}
	for _, h := range b.made {
		r.join(h)
	}
	r.remember(b.met)
	for _, effect := range b.effects {
		effect(now)
	}
	for _, op := range ops {
		r.arrived(op, now)
	}
	for h := range b.hosts {
		r.update(h, now)
	}
	r.checkFull(now)
	r.kick()
}

// then remembers what memory has to do once the batch is durable.
func (b *batch) then(effect func(now time.Time)) { b.effects = append(b.effects, effect) }

// known finds a host of the run, nil if it is none yet.
func (b *batch) known(origin string) *host {
	if b.last != nil && b.last.rec.Origin == origin {
		return b.last
	}
	if h := b.origins[origin]; h != nil {
		b.last = h
		return h
	}
	f := b.run.frontier
	f.mu.Lock()
	h := b.run.hosts[origin]
	f.mu.Unlock()
	if h != nil {
		b.origins[origin] = h
	}
	return h
}

// newHost makes the host of a wanted link, or refuses the link if there are as
// many hosts as there may be.
func (b *batch) newHost(l *Link) *host {
	c, origin := &b.run.config, l.URL.Origin()
	if c.MaxHosts <= 0 && c.MaxForeign <= 0 {
		return b.hostNamed(origin)
	}
	m := c.Manners(origin)
	foreign := b.foreignHosts()
	most, have := c.MaxHosts, int(b.counts.HostSeq)-foreign
	if m.Foreign {
		most, have = c.MaxForeign, foreign
	}
	if most > 0 && have >= most {
		l.Refused, l.Rule = ReasonHosts, fmt.Sprintf("more than %d", most)
		return nil
	}
	return b.makeHost(origin, m)
}

// foreignHosts counts the foreign hosts, those made in this batch included.
func (b *batch) foreignHosts() int {
	mu := &b.run.frontier.mu
	mu.Lock()
	defer mu.Unlock()
	return b.run.foreign + b.foreign
}

// hostNamed finds a host of the run, or makes it.
func (b *batch) hostNamed(origin string) *host {
	if h := b.known(origin); h != nil {
		return h
	}
	return b.makeHost(origin, b.run.config.Manners(origin))
}

func (b *batch) makeHost(origin string, m Manners) *host {
	origin = strings.Clone(origin) // a part of a URL, which may be one of more
	b.counts.HostSeq++
	h := &host{run: b.run, index: -1, rec: hostRecord{ID: b.counts.HostSeq, Origin: origin, GivenUp: string(m.GivenUp)}, manners: m}
	b.made = append(b.made, h)
	if m.Foreign {
		b.foreign++
	}
	b.touch(h)
	b.origins[origin] = h
	return h
}

// touch returns the host's record as this batch changes it.
func (b *batch) touch(h *host) *hostRecord {
	if rec := b.hosts[h]; rec != nil {
		return rec
	}
	f := b.run.frontier
	f.mu.Lock()
	rec := h.record()
	f.mu.Unlock()
	b.hosts[h] = &rec
	return &rec
}

// givenUp tells why nothing more is asked of h, if that is so.
func (b *batch) givenUp(h *host) Reason {
	if rec := b.hosts[h]; rec != nil {
		return Reason(rec.GivenUp)
	}
	f := b.run.frontier
	f.mu.Lock()
	defer f.mu.Unlock()
	return Reason(h.rec.GivenUp)
}

// giveUp ends all work for a host.
func (b *batch) giveUp(op *change, h *host, why Reason) {
	b.touch(h).GivenUp = string(why)
	op.gaveUp = true
}

// write puts what was queued, in the order of the tree.
func (b *batch) write() error {
	slices.SortFunc(b.puts, func(x, y queued) int { return bytes.Compare(x.key, y.key) })
	for _, q := range b.puts {
		if err := b.queue.Put(q.key, q.value); err != nil {
			return err
		}
	}
	b.puts = nil
	return nil
}

// writeRecords writes counters, hosts and the seen-set.
func (b *batch) writeRecords(tx *bolt.Tx) error {
	meta := tx.Bucket(bucketMeta)
	raw, err := b.counts.MarshalMsg(nil)
	if err != nil {
		return err
	}
	if err := meta.Put(keyVersion, []byte{layoutVersion}); err != nil {
		return err
	}
	if err := meta.Put(keyCounts, raw); err != nil {
		return err
	}
	for k, n := range b.alike {
		if err := b.shapes.Put(k[:], binary.AppendUvarint(nil, n)); err != nil {
			return err
		}
	}
	for h, rec := range b.hosts {
		if raw, err = b.hostRecord(h, rec).MarshalMsg(nil); err != nil {
			return err
		}
		if err := b.queue.Put(hostKey(h.rec.ID), raw); err != nil {
			return err
		}
	}
	b.settled, err = b.run.seen.write(tx, b.marks)
	return err
}

// hostRecord is the host as memory has it now, with what this batch changed.
func (b *batch) hostRecord(h *host, changed *hostRecord) *hostRecord {
	mu := &b.run.frontier.mu
	mu.Lock()
	defer mu.Unlock()
	rec := h.record()
	rec.Pages, rec.Done, rec.GivenUp = changed.Pages, changed.Done, changed.GivenUp
	rec.RobotsState, rec.RobotsUntil, rec.CrawlDelay = changed.RobotsState, changed.RobotsUntil, changed.CrawlDelay
	return &rec
}
