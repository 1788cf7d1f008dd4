package frontier

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"crawl/internal/kv"
	"crawl/internal/weburl"

	bolt "go.etcd.io/bbolt"
)

// The file of a run holds five buckets, and one for each layer of the seen-set:
//
//	meta     "version" -> one byte; "counts" -> countsRecord; "layers" -> the parts of the seen-set, see layer
//	recent   the part of the seen-set that is in no layer yet, see seenSet
//	queue    host number, 4 bytes -> hostRecord; host number, place (17 bytes) -> linkRecord, leased URLs included
//	skipped  number of the reason, 8 bytes -> skipRecord
//	shapes   host number, 16 bytes of SHA-256 of a Link.Shape -> how many were queued, as uvarint
//
// What a batch writes lies together: the records of a host, and what comes last.
// Records are MessagePack tuples. The version changes with any of these.
const layoutVersion = 4

// treeVersion had the seen-set in one bucket, under its keys; see seenSet.adopt.
const treeVersion = 3

var (
	bucketMeta    = []byte("meta")
	bucketTree    = []byte("seen") // of treeVersion alone
	bucketRecent  = []byte("recent")
	bucketQueue   = []byte("queue")
	bucketSkipped = []byte("skipped")
	bucketShapes  = []byte("shapes")
	keyVersion    = []byte("version")
	keyCounts     = []byte("counts")
	keyLayers     = []byte("layers")
)

var buckets = [][]byte{bucketMeta, bucketRecent, bucketQueue, bucketSkipped, bucketShapes}

// digest is 128 bits of SHA-256 over a URL. A hop towards an origin's
// robots.txt has one of its own: the same URL may be queued as a page, and for
// another origin.
type digest [16]byte

func (l *Link) digest() digest {
	text := l.URL.String()
	if l.Kind == Robots {
		text = "robots for " + l.For + ": " + text
	}
	return digestOf(text)
}

func digestOf(text string) digest {
	var room [256]byte // most texts fit: they cost no memory
	sum := sha256.Sum256(append(room[:0], text...))
	return digest(sum[:16])
}

// strangers is the number under which URLs are kept that were refused while
// nothing of their host was wanted: whoever links to a million foreign hosts
// costs disk, and of memory the few bytes of any known URL.
const strangers uint32 = 0

func (k seenKey) digest() digest { return digest(k[4:]) }

func makeKey(host uint32, d digest) (k seenKey) {
	binary.BigEndian.PutUint32(k[:], host)
	copy(k[4:], d[:])
	return k
}

func robotsLink(origin string) (Link, error) {
	u, err := weburl.Parse(origin + "/robots.txt")
	if err != nil {
		return Link{}, fmt.Errorf("frontier: %q is no origin: %w", origin, err)
	}
	return Link{URL: u, Kind: Robots, For: origin, Depth: NoDepth}, nil
}

func openRun(ctx context.Context, f *Bolt, name string, c Config) (*run, error) {
	if c.LeaseTime <= 0 {
		c.LeaseTime = defaultLease
	}
	if c.CacheBytes <= 0 {
		c.CacheBytes = defaultMemory
	}
	if c.KnownBytes <= 0 {
		c.KnownBytes = defaultMemory
	}
	if c.Manners == nil {
		c.Manners = func(string) Manners { return Manners{} }
	}
	r := &run{
		frontier: f, name: name, config: c, hosts: map[string]*host{}, cache: newSeenCache(c.KnownBytes), seen: newSeenSet(c.CacheBytes * recentParts / memoryParts),
		leases: map[uint64]*lease{}, leased: map[seenKey]*lease{},
	}
	r.counts.Skipped = map[string]uint64{}
	db, err := kv.Open(f.path(name), kv.Options{NoSync: c.NoSync, Failed: r.fail}, r.apply, r.applied)
	if err != nil {
		return nil, fmt.Errorf("frontier: %w", err)
	}
	r.db = db
	known, err := r.load()
	if err == nil {
		r.revive(known)
		err = r.commit(ctx, &change{open: true})
	}
	if err == nil {
		err = r.refuseGivenUp(ctx)
	}
	if err != nil {
		f.mu.Lock()
		f.forget(r)
		f.mu.Unlock()
		return nil, errors.Join(err, db.Close())
	}
	return r, nil
}

// load reads what memory holds of a run from its file.
func (r *run) load() (map[uint32]*host, error) {
	known := map[uint32]*host{}
	err := r.db.Scan(func(tx *bolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta == nil { // a new file
			return nil
		}
		if v := meta.Get(keyVersion); len(v) != 1 || v[0] != layoutVersion && v[0] != treeVersion {
			return fmt.Errorf("it has layout %v, this program reads %d: finish the run with the program that began it", v, layoutVersion)
		}
		for _, name := range buckets {
			if tx.Bucket(name) == nil {
				return fmt.Errorf("damaged: it has no %s", name)
			}
		}
		if _, err := r.counts.UnmarshalMsg(meta.Get(keyCounts)); err != nil {
			return fmt.Errorf("damaged counts: %w", err)
		}
		if err := r.seen.load(tx, r.cache.learn); err != nil {
			return err
		}
		return r.loadQueue(tx, known)
	})
	if err != nil {
		return nil, fmt.Errorf("frontier: %s: %w", r.db.Path(), err)
	}
	return known, nil
}

// loadQueue reads the hosts and counts what is queued for each.
func (r *run) loadQueue(tx *bolt.Tx, known map[uint32]*host) error {
	now := time.Now()
	var h *host // the last one: what is queued for it follows
	return tx.Bucket(bucketQueue).ForEach(func(k, v []byte) (err error) {
		if len(k) == len(hostKey(0)) {
			if h, err = r.loadHost(k, v); err == nil {
				known[h.rec.ID] = h
			}
			return err
		}
		id, p, err := readQueueKey(k)
		if err != nil || h == nil || h.rec.ID != id {
			return fmt.Errorf("damaged key %x in the queue", k)
		}
		if p.later() {
			h.delay(p, now)
		} else {
			h.count(p, 1)
		}
		return nil
	})
}

func (r *run) loadHost(k, v []byte) (*host, error) {
	h := &host{run: r, index: -1}
	if _, err := h.rec.UnmarshalMsg(v); err != nil {
		return nil, fmt.Errorf("damaged host: %w", err)
	}
	if _, err := robotsLink(h.rec.Origin); err != nil || !bytes.Equal(k, hostKey(h.rec.ID)) {
		return nil, fmt.Errorf("damaged host: %q is not number %x", h.rec.Origin, k)
	}
	return h, nil
}

// revive gives hosts read from disk their clocks.
func (r *run) revive(known map[uint32]*host) {
	for _, h := range known {
		h.manners = r.config.Manners(h.rec.Origin) // which may read a disk: before the lock
	}
	r.frontier.mu.Lock()
	defer r.frontier.mu.Unlock()
	now := time.Now()
	for _, h := range known {
		r.reviveHost(h, now)
	}
	r.checkFull(now)
}

// reviveHost: nobody knows when exactly the host was last asked before the
// process ended, so it counts as asked now.
func (r *run) reviveHost(h *host, now time.Time) {
	rec := &h.rec
	h.robots, h.until = robotsState(rec.RobotsState), moment(rec.RobotsUntil, now)
	if h.robots == robotsAsked || h.robots > robotsKnown {
		h.robots = robotsWanted
	}
	r.hosts[rec.Origin] = h
	if h.manners.Foreign {
		r.countForeign(true)
	}
	r.join(h)
	c := h.clock
	if rec.Rate > 0 {
		c.rate = min(c.rate, rec.Rate)
	}
	c.crawlWait = max(c.crawlWait, min(time.Duration(rec.CrawlDelay), MaxRest))
	c.restUntil = latest(c.restUntil, moment(rec.RestUntil, now))
	if a, err := netip.ParseAddr(rec.Addr); err == nil && !c.addr.IsValid() {
		c.addr = a
	}
	c.asked = latest(c.asked, moment(rec.Asked, now))
	c.touch(now)
	r.update(h, now)
}

// join finds a host of the run its clock.
func (r *run) join(h *host) {
	c := r.frontier.clocks[h.rec.Origin]
	if c == nil {
		c = &clock{}
		r.frontier.clocks[h.rec.Origin] = c
	}
	h.clock = c
	c.join(h)
}

// record is the host as it is to be written; Bolt.mu is held.
func (h *host) record() hostRecord {
	rec, c := h.rec, h.clock
	rec.RobotsState, rec.RobotsUntil = uint8(h.robots), unixNano(h.until)
	if c != nil {
		rec.Rate, rec.CrawlDelay = c.rate, int64(c.crawlWait)
		rec.RestUntil, rec.Asked = unixNano(c.restUntil), unixNano(c.asked)
		if c.addr.IsValid() {
			rec.Addr = c.addr.String()
		}
	}
	return rec
}

func unixNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// moment is a time read from disk, told by this process's clock: later jumps of
// the wall clock do not move it. One further off than MaxRest was written
// before the wall clock was set back.
func moment(nanos int64, now time.Time) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return now.Add(min(time.Duration(nanos-now.UnixNano()), MaxRest))
}

// dueAt is when a delayed URL may be tried again.
func dueAt(nanos int64, now time.Time) time.Time {
	if nanos > now.Add(MaxRest).UnixNano() { // see moment
		return now
	}
	return moment(nanos, now)
}
