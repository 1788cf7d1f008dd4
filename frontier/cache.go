package frontier

import "encoding/binary"

// seenCache remembers the depth of URLs that were found wanted, so that most
// links, which are known already, never touch the tree. It holds a fixed
// number of 128-bit fingerprints; what it forgets is asked of the tree. It is
// guarded by Bolt.mu.
type seenCache struct {
	slots []seenSlot // two for each bucket
	mask  uint64
}

type seenSlot struct {
	key   seenKey
	depth int32
	used  bool
}

// slotBytes is what a URL takes.
const slotBytes = 28

// newSeenCache takes at most so many bytes, and more than half of them.
func newSeenCache(bytes int) *seenCache {
	size := uint64(2)
	for 2*size <= uint64(bytes)/slotBytes {
		size *= 2
	}
	return &seenCache{slots: make([]seenSlot, size), mask: size/2 - 1}
}

func (c *seenCache) bucket(k seenKey) []seenSlot {
	i := (binary.BigEndian.Uint64(k[4:12]) & c.mask) * 2
	return c.slots[i : i+2]
}

// knows reports whether k was seen, and wanted, at this depth or a smaller one.
func (c *seenCache) knows(k seenKey, depth int) bool {
	for _, s := range c.bucket(k) {
		if s.used && s.key == k {
			return int(s.depth) <= depth
		}
	}
	return false
}

// add remembers k; the older of its bucket gives way.
func (c *seenCache) add(k seenKey, depth int) {
	b := c.bucket(k)
	if b[0].used && b[0].key != k {
		b[1] = b[0]
	}
	b[0] = seenSlot{key: k, depth: int32(min(depth, NoDepth)), used: true}
}
