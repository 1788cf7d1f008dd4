package warc

import (
	"encoding/binary"
	"math/bits"
	"slices"
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
	w := bitWriter{b: slices.Grow(dst, mostBits*len(p)/8+16), at: len(dst)}
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
func alike(x, y []byte) (n int) {
	most := min(len(y), mostMatch)
	for ; n+8 <= most; n += 8 {
		if differ := binary.LittleEndian.Uint64(x[n:]) ^ binary.LittleEndian.Uint64(y[n:]); differ != 0 {
			return n + bits.TrailingZeros64(differ)/8
		}
	}
	for n < most && x[n] == y[n] {
		n++
	}
	return n
}

// bitWriter gathers bits, the lowest first, and writes them behind b[:at], where
// there must be room for them and seven bytes more.
type bitWriter struct {
	b    []byte
	at   int
	held uint64
	n    uint // bits held, 7 at most
}

// write adds the n lowest bits of v, 32 at most.
func (w *bitWriter) write(v uint32, n uint) {
	w.held |= uint64(v) << w.n
	binary.LittleEndian.PutUint64(w.b[w.at:w.at+8:cap(w.b)], w.held)
	n += w.n
	w.at += int(n / 8)
	w.held >>= n &^ 7
	w.n = n & 7
}

// code adds a Huffman code, whose first bit is its highest.
func (w *bitWriter) code(v uint32, n uint) { w.write(bits.Reverse32(v)>>(32-n), n) }

// mostBits is how many bits a byte takes at most.
const mostBits = 9

// literals are the codes of bytes, as write takes them.
var literals = func() (all [256]struct{ code, size uint16 }) {
	for c := range uint32(256) {
		code, size := 0x30+c, 8
		if c >= 144 {
			code, size = 0x190+c-144, mostBits
		}
		all[c].code, all[c].size = uint16(bits.Reverse32(code)>>(32-size)), uint16(size)
	}
	return all
}()

func (w *bitWriter) literal(c byte) { w.write(uint32(literals[c].code), uint(literals[c].size)) }

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
func (w *bitWriter) end() []byte { return w.b[:w.at+int(w.n+7)/8] }
