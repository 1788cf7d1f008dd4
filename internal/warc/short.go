package warc

import (
	"encoding/binary"
	"math/bits"
)

// A record of a kilobyte takes longer to find codes for than to compress, and
// their description takes what they gain. One up to maxShort is therefore written
// in the codes that every inflater knows (RFC 1951, section 3.2.6).
const maxShort = 1 << 10

const (
	leastMatch = 4   // bytes
	mostMatch  = 258 // by RFC 1951
	seenBits   = 9
)

// appendShort adds p, the whole of a record, as the last block of a deflate stream.
func appendShort(dst, p []byte) []byte {
	w := bitWriter{b: dst}
	w.write(0b011, 3)              // the last block, in fixed codes
	var seen [1 << seenBits]uint16 // by hash, 1 + where such bytes began last
	for i := 0; i < len(p); {
		at, n := 0, 0
		if i+leastMatch <= len(p) {
			last := &seen[binary.LittleEndian.Uint32(p[i:])*2654435761>>(32-seenBits)]
			if at = int(*last) - 1; at >= 0 {
				n = alike(p[at:], p[i:])
			}
			*last = uint16(i + 1)
		}
		if n < leastMatch {
			w.literal(p[i])
			i++
			continue
		}
		w.match(n, i-at)
		i += n
	}
	w.write(0, 7) // end of the block
	return w.end()
}

// alike is how many bytes x and y, which is shorter, begin with alike.
func alike(x, y []byte) int {
	n := min(len(y), mostMatch)
	for i := range n {
		if x[i] != y[i] {
			return i
		}
	}
	return n
}

// bitWriter gathers bits, the lowest first.
type bitWriter struct {
	b    []byte
	held uint64
	n    uint // bits held
}

// write adds the n lowest bits of v, 32 at most.
func (w *bitWriter) write(v uint32, n uint) {
	w.held |= uint64(v) << w.n
	if w.n += n; w.n >= 32 {
		w.b = binary.LittleEndian.AppendUint32(w.b, uint32(w.held))
		w.held >>= 32
		w.n -= 32
	}
}

// code adds a Huffman code, whose first bit is its highest.
func (w *bitWriter) code(v uint32, n uint) { w.write(bits.Reverse32(v)>>(32-n), n) }

func (w *bitWriter) literal(c byte) {
	if c < 144 {
		w.code(0x30+uint32(c), 8)
	} else {
		w.code(0x190+uint32(c)-144, 9)
	}
}

// match says that the next n bytes are those of so many bytes before.
func (w *bitWriter) match(n, distance int) {
	if n == mostMatch {
		w.code(0xc0+285-280, 8)
	} else {
		symbol, more, count := class(uint32(n-3), 4)
		if symbol < 23 { // 257 to 279
			w.code(symbol+1, 7)
		} else {
			w.code(0xc0+symbol-23, 8)
		}
		w.write(more, count)
	}
	symbol, more, count := class(uint32(distance-1), 2)
	w.code(symbol, 5)
	w.write(more, count)
}

// class tells which class v is of, and what bits more say where in it: the first
// 2*step classes have one value each, the next step classes two, and so on.
func class(v, step uint32) (class, more uint32, count uint) {
	if v < 2*step {
		return v, 0, 0
	}
	count = uint(bits.Len32(v/step) - 1)
	return step*uint32(count) + v>>count, v & (1<<count - 1), count
}

// end returns what was written, filled up to a whole byte.
func (w *bitWriter) end() []byte {
	for n := 0; n < int(w.n); n += 8 {
		w.b = append(w.b, byte(w.held>>n))
	}
	return w.b
}
