package parse

import (
	"encoding/binary"
	"math/bits"
	"unicode"
	"unicode/utf8"
)

// textReader counts words and makes the hashes of the main text in one pass. A
// word is a run without white space that holds a letter or a digit; scripts
// written without blanks count each ideograph and each kana.
//
// Hash and simhash are stored and compared across versions of the program: a
// change to what goes into them is a change of the stored format.
type textReader struct {
	words  int
	lo, hi uint64
	some   bool // the main text is not empty
	before [2]uint64
	known  int // words in before
	sim    simhash
}

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

// read takes in a block of the main text, text[start:end], which ends before
// its newline; text goes on for eight bytes behind that.
func (t *textReader) read(text []byte, start, end int) {
	lo, hi := t.lo, t.hi
	for i := start; i < end; {
		v := binary.LittleEndian.Uint64(text[i:])
		blank := blanks(v)
		if blank&0x80 != 0 {
			i++
			continue
		}
		from, high, h := i, uint64(0), uint64(mixB)
		for blank == 0 {
			h = mix(h ^ (v | lowCase))
			lo, hi = (lo^v)*mixA, bits.RotateLeft64(hi+v, 29)*mixC
			high |= v
			i += 8
			v = binary.LittleEndian.Uint64(text[i:])
			blank = blanks(v)
		}
		n := bits.TrailingZeros64(blank) / 8
		v &= 1<<(8*n) - 1
		h = mix(h ^ (v | lowCase))
		lo, hi = (lo^v)*mixA, bits.RotateLeft64(hi+v, 29)*mixC
		i += n + 1
		if (high|v)&highBits != 0 {
			t.notASCII(text[from:i-1], true)
		} else if isWord(text[from : i-1]) {
			t.word(h)
		}
	}
	t.lo, t.hi, t.some = lo, hi, true
}

// count counts the words of a block that is none of the main text.
func (t *textReader) count(text []byte, start, end int) {
	for i := start; i < end; {
		for i < end && text[i] <= ' ' {
			i++
		}
		from, high := i, byte(0)
		for i < end && text[i] > ' ' {
			high |= text[i]
			i++
		}
		if run := text[from:i]; high >= utf8.RuneSelf {
			t.notASCII(run, false)
		} else if isWord(run) {
			t.words++
		}
	}
}

// blanks marks the bytes of v that are controls or blanks; those behind the
// first one may be marked wrongly.
func blanks(v uint64) uint64 { return (v - 0x21*eachByte) & ^v & highBits }

func mix(h uint64) uint64 {
	h *= mixA
	return h ^ h>>32
}

// isWord tells whether a run of ASCII is a word.
func isWord(run []byte) bool {
	for _, c := range run {
		if alnum[c] {
			return true
		}
	}
	return false
}

var alnum = func() (t [256]bool) {
	for c := range t {
		t[c] = isAlnum(byte(c))
	}
	return t
}()

// word takes in one word of the main text by its hash.
func (t *textReader) word(h uint64) {
	t.words++
	if t.known < 2 {
		t.known++
	} else {
		f := (t.before[0] ^ bits.RotateLeft64(t.before[1], 21) ^ bits.RotateLeft64(h, 42)) * mixB
		t.sim.add(f ^ f>>29)
	}
	t.before[0], t.before[1] = t.before[1], h
}

// notASCII takes in a run that is not ASCII, which may hold several words.
func (t *textReader) notASCII(run []byte, isMain bool) {
	h, inWord := uint64(mixB), false
	word := func(h uint64) {
		if isMain {
			t.word(h)
		} else {
			t.words++
		}
	}
	end := func() {
		if inWord {
			word(h)
		}
		h, inWord = mixB, false
	}
	for len(run) > 0 {
		r, n := utf8.DecodeRune(run)
		run = run[n:]
		switch kind := kindOfRune(r); kind {
		case runeIdeograph:
			end()
			word(mix(mixB ^ uint64(r)))
			continue
		case runeBreak:
			end()
			continue
		case runeLetter:
			inWord = true
		}
		h = mix(h ^ uint64(unicode.ToLower(r)))
	}
	end()
}

type runeKind uint8

const (
	runeOther     runeKind = iota // goes with the word it stands in
	runeLetter                    // makes a word
	runeIdeograph                 // is one
	runeBreak                     // ends one
)

func kindOfRune(r rune) runeKind {
	switch {
	case r < utf8.RuneSelf:
		if isAlnum(byte(r)) {
			return runeLetter
		}
		return runeOther
	case r < 0x0250: // Latin
		if r == 0xA0 || r == 0x85 {
			return runeBreak
		}
		if r >= 0xC0 && r != 0xD7 && r != 0xF7 || r == 0xAA || r == 0xB5 || r == 0xBA {
			return runeLetter
		}
		return runeOther
	case 0x0370 <= r && r < 0x0530: // Greek, Cyrillic
		return runeLetter
	case r >= 0x2E80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
		return runeIdeograph
	case unicode.In(r, unicode.L, unicode.N):
		return runeLetter
	case unicode.IsSpace(r), r >= 0x3000 && unicode.IsPunct(r), r == 0x2014, r == 0x2026:
		return runeBreak
	}
	return runeOther
}

// hash returns the hash of the main text as the runs that make it, whatever
// white space parts them: 128 bits, and no cryptographic ones.
func (t *textReader) hash() (h [16]byte) {
	if t.some {
		binary.BigEndian.PutUint64(h[:8], mix(t.lo^t.hi>>31))
		binary.BigEndian.PutUint64(h[8:], mix(t.hi^t.lo>>29))
	}
	return h
}

func (t *textReader) simhash() uint64 { return t.sim.sum() }
