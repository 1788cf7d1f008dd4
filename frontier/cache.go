package frontier

import (
	"encoding/binary"
	"math/bits"
)

// seenCache remembers the depth of URLs that were found wanted, so that most
// links, which are known already, never touch the layers of the seen-set. It grows with the run
// up to a bound; what it forgets then is asked of them. It is guarded by
// Bolt.mu.
//
// The digest of a URL is its identity, so its host is not looked up. A set of
// eight lies in three lines of the processor's cache, the one met last in front.
type seenCache struct {
	sets []cacheSet
	used int // slots
	most int // sets
}

type cacheSet struct {
	digests [setSlots]digest
	depths  [setSlots]uint16 // one more than the depth; 0 in a slot that is free
}

const (
	setSlots  = 8
	setBytes  = setSlots * (16 + 2)
	leastSets = 1 << 8
	farDepth  = 1<<16 - 1
)

// newSeenCache takes at most so many bytes of memory.
func newSeenCache(size int) *seenCache {
	most := max(size/setBytes, leastSets)
	return &seenCache{sets: make([]cacheSet, leastSets), most: most}
}

// set is where d belongs. All bits of a digest are alike.
func (c *seenCache) set(d digest) *cacheSet {
	i, _ := bits.Mul64(binary.LittleEndian.Uint64(d[:]), uint64(len(c.sets)))
	return &c.sets[i]
}

// knows reports whether d was seen, and wanted, at this depth or a smaller one.
func (c *seenCache) knows(d digest, depth int) bool {
	s := c.set(d)
	for i := range s.digests {
		if s.digests[i] == d && s.depths[i] != 0 {
			known := s.depths[i]
			s.front(i, d, known)
			return known <= depthAsked(depth)
		}
	}
	return false
}

// depthKept and depthAsked pack a depth into 16 bits. Beyond them, where nothing
// but NoDepth is usual, what is kept is rounded up and what is asked for down:
// the layers are asked once too often, never too seldom.
func depthKept(depth int) uint16 { return uint16(min(max(depth, 0)+1, farDepth)) }

func depthAsked(depth int) uint16 {
	if depth >= NoDepth {
		return farDepth
	}
	return uint16(min(max(depth, 0)+1, farDepth-1))
}

// add remembers d; the one of its set that was met longest ago gives way.
func (c *seenCache) add(d digest, depth int) {
	if c.used >= len(c.sets)*setSlots*5/8 && len(c.sets) < c.most {
		c.grow()
	}
	c.used += c.set(d).add(d, depthKept(depth))
}

// add returns how many more slots are in use.
func (s *cacheSet) add(d digest, depth uint16) (more int) {
	at := 0
	for at < setSlots-1 && s.depths[at] != 0 && s.digests[at] != d {
		at++
	}
	if s.depths[at] == 0 {
		more = 1
	}
	s.front(at, d, depth)
	return more
}

// front puts d in front, and those before slot at one further back.
func (s *cacheSet) front(at int, d digest, depth uint16) {
	copy(s.digests[1:at+1], s.digests[:at])
	copy(s.depths[1:at+1], s.depths[:at])
	s.digests[0], s.depths[0] = d, depth
}

func (c *seenCache) grow() {
	old := c.sets
	c.sets, c.used = make([]cacheSet, min(2*len(old), c.most)), 0
	for i := range old {
		for j := setSlots - 1; j >= 0; j-- { // the one met last is to be in front again
			if s := &old[i]; s.depths[j] != 0 {
				c.used += c.set(s.digests[j]).add(s.digests[j], s.depths[j])
			}
		}
	}
}
