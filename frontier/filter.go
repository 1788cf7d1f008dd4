package frontier

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"
)

// filter tells of most keys that are not in a layer that they are not, so that
// links to new URLs read nothing. It never denies one that is there: what it
// lets through is looked for. It is a Bloom filter of which a key has all its bits
// in one line of the processor's cache (Putze, Sanders, Singler: Cache-, Hash- and
// Space-Efficient Bloom Filters, 2007). All bits of a digest are alike, so none
// are hashed. A key may be added while others ask.
type filter [][8]uint64

const (
	filterBits   = 16 // for each key: one in 1,000 that is not there is let through
	filterProbes = 7  // of nine bits each
)

func newFilter(keys int) filter { return make(filter, keys*filterBits/512+1) }

func (f filter) line(k *seenKey) (line *[8]uint64, probes uint64) {
	i, _ := bits.Mul64(binary.LittleEndian.Uint64(k[4:]), uint64(len(f)))
	return &f[i], binary.LittleEndian.Uint64(k[12:])
}

func (f filter) add(k *seenKey) {
	line, probes := f.line(k)
	for range filterProbes {
		atomic.OrUint64(&line[probes>>6&7], 1<<(probes&63))
		probes >>= 9
	}
}

func (f filter) has(k *seenKey) bool {
	line, probes := f.line(k)
	for range filterProbes {
		if atomic.LoadUint64(&line[probes>>6&7])&(1<<(probes&63)) == 0 {
			return false
		}
		probes >>= 9
	}
	return true
}
