package frontier

import (
	"hash/maphash"
	"math/bits"
)

// seenCache remembers the depth of URLs that were found wanted, so that most
// links, which are known already, never touch the layers of the seen-set: with
// room enough, all of them. It grows with the run up to a bound; what it forgets
// then is asked of them. It is guarded by Bolt.mu.
//
// Each may be in two sets, the one with more room when it came: so almost all slots are
// in use before one gives way (Azar, Broder, Karlin, Upfal: Balanced Allocations, 1994).
//
// A URL is known by 80 bits of hashes of its digest, whose seeds are the process's own: no
// page can foresee what they become. Of ten million URLs one is taken for
// another in one run of ten thousand million. Its host is not looked up.
type seenCache struct {
	seeds [2]maphash.Seed
	parts [cacheParts]cachePart
}

// cachePart is the URLs that eight of the bits lead to. Each grows by itself:
// never is all copied at once.
type cachePart struct {
	sets []cacheSet
	used int // slots
	most int // sets
}

// cacheSet is the URLs that the bits in it lead to, the one met last in front.
type cacheSet struct {
	hashes [setSlots]uint64
	more   [setSlots]uint8
	depths [setSlots]uint8 // one more than the depth; 0 in a slot that is free, and in those behind it
}

const (
	cacheParts = 1 << 8
	setSlots   = 16
	setBytes   = setSlots * (8 + 1 + 1)
	fullSlots  = setSlots * 7 / 8 // of a set, on the whole, when a part grows
	growByPart = 4                // one part in so many
	farDepth   = 1<<8 - 1

	otherFactor = 0x9e3779b97f4a7c15 // odd: of two hashes that differ the products do
)

// newSeenCache takes at most so many bytes of memory.
func newSeenCache(size int) *seenCache {
	c := &seenCache{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	for i := range c.parts {
		c.parts[i] = cachePart{sets: make([]cacheSet, 1), most: max(size/setBytes/cacheParts, 1)}
	}
	return c
}

// cached is what a URL is known by within its part.
type cached struct {
	hash uint64
	more uint8
}

func (c *seenCache) find(d digest) (*cachePart, cached) {
	more := maphash.Bytes(c.seeds[1], d[:])
	return &c.parts[uint8(more>>8)], cached{maphash.Bytes(c.seeds[0], d[:]), uint8(more)}
}

// set is one of the two where a URL may be.
func (p *cachePart) set(hash uint64) *cacheSet {
	i, _ := bits.Mul64(hash, uint64(len(p.sets)))
	return &p.sets[i]
}

// other is what the second set goes by.
func (u cached) other() uint64 { return u.hash*otherFactor + uint64(u.more)<<56 }

// slot is the one that holds a URL; if none does, one that is free, or the last.
func (p *cachePart) slot(u cached) (s *cacheSet, at int, found bool) {
	s = p.set(u.hash)
	if at, found = s.slot(u); found {
		return s, at, true
	}
	second := p.set(u.other())
	i, found := second.slot(u)
	if found || i < at || s.depths[at] != 0 && second.depths[i] == 0 {
		return second, i, found
	}
	return s, at, false
}

// slot is that of one set.
func (s *cacheSet) slot(u cached) (at int, found bool) {
	for at = range s.hashes {
		if s.depths[at] == 0 {
			return at, false
		}
		if s.hashes[at] == u.hash && s.more[at] == u.more {
			return at, true
		}
	}
	return at, false
}

// knows reports whether d was seen, and wanted, at this depth or a smaller one.
func (c *seenCache) knows(d digest, depth int) bool {
	p, u := c.find(d)
	s, at, found := p.slot(u)
	if !found {
		return false
	}
	known := s.depths[at]
	s.front(at, u, known)
	return known <= depthAsked(depth)
}

// depthKept and depthAsked pack a depth into 8 bits. Beyond them, where nothing
// but NoDepth is usual, what is kept is rounded up and what is asked for down:
// the layers are asked once too often, never too seldom.
func depthKept(depth int) uint8 { return uint8(min(max(depth, 0)+1, farDepth)) }

func depthAsked(depth int) uint8 {
	if depth >= NoDepth {
		return farDepth
	}
	return uint8(min(max(depth, 0)+1, farDepth-1))
}

// add remembers d; the one of its set that was met longest ago gives way.
func (c *seenCache) add(d digest, depth int) {
	p, u := c.find(d)
	if p.used >= len(p.sets)*fullSlots && len(p.sets) < p.most {
		p.grow()
	}
	p.add(u, depthKept(depth))
}

func (p *cachePart) add(u cached, depth uint8) {
	s, at, _ := p.slot(u)
	if s.depths[at] == 0 {
		p.used++
	}
	s.front(at, u, depth)
}

// drop forgets d.
func (c *seenCache) drop(d digest) {
	p, u := c.find(d)
	s, at, found := p.slot(u)
	if !found {
		return
	}
	p.used--
	copy(s.hashes[at:], s.hashes[at+1:])
	copy(s.more[at:], s.more[at+1:])
	copy(s.depths[at:], s.depths[at+1:])
	s.depths[setSlots-1] = 0
}

// learn is add of what the seen-set says of a URL, unless that is to be asked whenever
// it is met. Who says what newer parts of the seen-set hold comes last.
func (c *seenCache) learn(k seenKey, v seenValue) {
	switch {
	case k.host() == strangers:
	case v.wanted():
		c.add(k.digest(), int(v.depth))
	default:
		c.drop(k.digest())
	}
}

// front puts a URL in front, and those before slot at one further back.
func (s *cacheSet) front(at int, u cached, depth uint8) {
	if at > 0 {
		copy(s.hashes[1:at+1], s.hashes[:at])
		copy(s.more[1:at+1], s.more[:at])
		copy(s.depths[1:at+1], s.depths[:at])
	}
	s.hashes[0], s.more[0], s.depths[0] = u.hash, u.more, depth
}

func (p *cachePart) grow() {
	old := p.sets
	p.sets, p.used = make([]cacheSet, min(len(old)+len(old)/growByPart+1, p.most)), 0
	for i := range old {
		s := &old[i]
		for j := setSlots - 1; j >= 0; j-- { // the one met last is to be in front again
			if s.depths[j] != 0 {
				p.add(cached{s.hashes[j], s.more[j]}, s.depths[j])
			}
		}
	}
}
