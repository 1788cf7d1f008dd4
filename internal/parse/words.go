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
	words        int
	inMain       int    // words in the main text
	lo, hi       uint64 // of the runs so far
	last, before uint64 // hashes of the two runs before
	sim          simhash

	h, v    [runsAtOnce + chunkSize]uint64 // of runs that wait to be joined; only v tells upper from lower case
	waiting int
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
	r := runReader{text: text}
	if isMain {
		t.read(&r, start, end)
		t.inMain += r.words
	} else {
		for at := start; at < end; at += chunkSize {
			r.next(at, end)
		}
	}
	t.words += r.words
}

// read takes in a part of the main text. The runs are hashed as they come, and
// joined so many at a time.
func (t *textReader) read(r *runReader, start, end int) {
	for at := start; at < end; at += chunkSize {
		t.hashRuns(r.text, at, r.next(at, end))
		if t.waiting >= runsAtOnce {
			t.join(runsAtOnce)
		}
	}
}

// hashRuns hashes the runs that begin in the chunk at.
func (t *textReader) hashRuns(text []byte, at int, starts uint64) {
	n := t.waiting
	for b := (*[chunkSize + 16]byte)(text[at:]); starts != 0; starts &= starts - 1 {
		i := bits.TrailingZeros64(starts) % chunkSize
		first, second := binary.LittleEndian.Uint64(b[i:]), binary.LittleEndian.Uint64(b[i+8:])
		blank, late := blanks(first), blanks(second)
		first &= upTo(blank)
		second &= upTo(late) &^ ifAny(blank)
		h, v := mix(first|lowCase^mixA, second|lowCase^mixB), first^bits.RotateLeft64(second, 27)
		if blank|late == 0 {
			h, v = longRun(text, at+i, h, v)
		}
		t.h[n%len(t.h)], t.v[n%len(t.v)] = h, v
		n++
	}
	t.waiting = n
}

// join takes in the first n of the hashed runs. Each three on end are a feature;
// the turns keep their order.
func (t *textReader) join(n int) {
	lo, hi, last, before := t.lo, t.hi, t.last, t.before
	var features [runsAtOnce]uint64
	for i := range n {
		h := t.h[i]
		lo, hi = (lo^h)*mixA, bits.RotateLeft64(hi, 29)*mixC+t.v[i]
		features[i] = before ^ bits.RotateLeft64(last, 21) ^ bits.RotateLeft64(h, 42)
		before, last = last, h
	}
	t.lo, t.hi, t.last, t.before = lo, hi, last, before
	t.sim.add(features[:n])
	t.waiting = copy(t.h[:], t.h[n:t.waiting])
	copy(t.v[:], t.v[n:][:t.waiting])
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

// ifAny returns all bits if there is a mark, else none.
func ifAny(marks uint64) uint64 { return uint64(int64(marks|-marks) >> 63) }

// mix mixes two numbers: the halves of their product, one over the other.
func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// hash returns the hash of the main text as the runs that make it, whatever
// white space parts them: 128 bits, and no cryptographic ones.
func (t *textReader) hash() (h [16]byte) {
	t.join(t.waiting)
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
