package parse

import (
	"encoding/binary"
	"math/bits"
)

// textReader counts words and makes the hashes of the main text. A word is a
// run without white space that holds a letter or a digit; scripts written
// without blanks count each ideograph and each kana.
//
// It looks at 64 bytes at once, a bit for each, and reads a word in one go
// whether it is long or short: no processor foresees where words end, and to be
// wrong about it costs as much as to read two.
//
// Hash and simhash are stored and compared across versions of the program: a
// change to what goes into them is a change of the stored format.
type textReader struct {
	words  int
	inMain int    // words in the main text
	lo, hi uint64 // of the runs so far
	sim    simhash

	h     [256]uint64 // of the two runs before, and of those that wait to be joined to them, case aside
	runs  int         // how many wait
	marks [chunksAtOnce + 1]marks
}

// runsAtOnce is how many runs are joined at once.
const runsAtOnce = 64

// Odd numbers without a pattern: the fractions of the golden ratio, of the
// square roots of 2 and 3.
const (
	mixA = 0x9E3779B97F4A7C15
	mixB = 0x6A09E667F3BCC909
	mixC = 0xBB67AE8584CAA73B
)

const (
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
	lowCase  = 0x2020202020202020
)

// take takes in text[start:end], whole blocks; there is textSpare more of text.
func (t *textReader) take(text []byte, start, end int, isMain bool) {
	r, ahead := runReader{text: text}, 0
	if isMain {
		ahead = 1 // how long a run is may be seen in the next chunk only
	}
	for at := start; at < end; at += chunksAtOnce * chunkSize {
		n := min((end-at+chunkSize-1)/chunkSize, chunksAtOnce)
		readMarks(t.marks[:n+ahead], text[at:])
		for i := range n {
			from := at + i*chunkSize
			starts := r.next(&t.marks[i], from, end)
			if isMain {
				t.hashRuns(text, from, starts, t.marks[i].blank, t.marks[i+1].blank)
			}
		}
	}
	t.words += r.words
	if isMain {
		t.inMain += r.words
	}
}

// hashRuns hashes the runs that begin in the chunk at, which has these blanks,
// and the next one those.
func (t *textReader) hashRuns(text []byte, at int, starts, blank, those uint64) {
	lo, hi, n := t.lo, t.hi, t.runs
	for b := (*[chunkSize + 16]byte)(text[at:]); starts != 0; starts &= starts - 1 {
		i := bits.TrailingZeros64(starts) % chunkSize
		length := bits.TrailingZeros64(blank>>i | those<<1<<((chunkSize-1-i)%chunkSize) | 1<<16)
		mask := &firstBytes[length%maskBytes]
		first := binary.LittleEndian.Uint64(b[i:]) & mask[0]
		second := binary.LittleEndian.Uint64(b[i+8:]) & mask[1]
		h, v := mix(first|lowCase^mixA, second|lowCase^mixB), first^bits.RotateLeft64(second, 27)
		if length == 16 {
			h, v = longRun(text, at+i, h, v)
		}
		lo, hi = (lo^h)*mixA, bits.RotateLeft64(hi, 29)*mixC+v
		t.h[uint8(2+n)] = h
		n++
	}
	t.lo, t.hi, t.runs = lo, hi, n
	if n >= runsAtOnce {
		t.join(runsAtOnce)
	}
}

// join takes n of the hashed runs into the simhash: each three on end are a
// feature.
func (t *textReader) join(n int) {
	var features [runsAtOnce]uint64
	for i := range n {
		features[i] = t.h[i] ^ bits.RotateLeft64(t.h[i+1], 21) ^ bits.RotateLeft64(t.h[i+2], 42)
	}
	t.sim.add(features[:n])
	t.runs -= n
	copy(t.h[:], t.h[n:n+2+t.runs])
}

// longRun reads on from the 17th byte of the run that begins at i, if that is
// the beginning of a run and not a character in it that is a word.
func longRun(text []byte, i int, h, v uint64) (uint64, uint64) {
	if i > 0 && text[i-1] > ' ' {
		return h, v
	}
	for text = text[i+16:]; ; text = text[8:] {
		next := binary.LittleEndian.Uint64(text)
		blank := blanks(next)
		next &= upTo(blank)
		h, v = mix(next|lowCase^mixA, h), bits.RotateLeft64(v, 29)*mixB+next
		if blank != 0 {
			return h, v
		}
	}
}

// blanks marks the bytes of v that are controls or blanks; those behind the
// first one may be marked wrongly.
func blanks(v uint64) uint64 { return (v - 0x21*eachByte) & ^v & highBits }

// upTo returns the bits of the bytes before the first that is marked.
func upTo(marks uint64) uint64 { return marks&-marks>>7 - 1 }

// maskBytes is how many bytes a mask of firstBytes covers.
const maskBytes = 32

// firstBytes has masks for the first bytes of a text, by how many.
var firstBytes = func() (t [maskBytes + 1][maskBytes / 8]uint64) {
	for length := range t {
		for n := range length {
			t[length][n/8] |= 0xFF << (n % 8 * 8)
		}
	}
	return t
}()

// mix mixes two numbers: the halves of their product, one over the other.
func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// hash returns the hash of the main text as the runs that make it, whatever
// white space parts them: 128 bits, and no cryptographic ones.
func (t *textReader) hash() (h [16]byte) {
	t.join(t.runs)
	if t.lo|t.hi != 0 {
		binary.BigEndian.PutUint64(h[:8], mix(t.lo^mixA, t.hi^mixB))
		binary.BigEndian.PutUint64(h[8:], mix(t.hi^mixC, bits.RotateLeft64(t.lo, 32)^mixA))
	}
	return h
}

// simhash returns that of each three runs on end, 0 for fewer than three words.
func (t *textReader) simhash() uint64 {
	if t.inMain < 3 {
		return 0
	}
	return t.sim.sum()
}
