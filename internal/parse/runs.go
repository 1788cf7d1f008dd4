package parse

import (
	"encoding/binary"
	"math/bits"
	"unicode"
	"unicode/utf8"
)

const (
	chunkSize    = 64            // bytes that a runReader looks at
	chunksAtOnce = 16            // of which the marks are read
	textSpare    = 2 * chunkSize // bytes behind a text that are looked at with it
)

// runReader finds the runs without white space in a text, and counts those that
// are words.
type runReader struct {
	text  []byte
	words int

	open   uint64 // 1: the chunk before ends in a run
	worded uint64 // 1: and that holds a letter or a digit
}

// marks say of a chunk, a bit for each byte, what it is by itself.
type marks struct {
	blank  uint64 // a blank or a control
	letter uint64 // an ASCII letter or digit, or no ASCII
	high   uint64 // no ASCII
}

// chunk says of a chunk, a bit for each byte, what the characters are that they
// belong to.
type chunk struct {
	solid  uint64 // neither white space nor what parts words like it
	letter uint64 // makes the run it stands in a word
	alone  uint64 // the first byte of a character that is a word
}

// next looks at the chunk at and returns a bit for each byte where a run begins;
// what lies behind end is blank.
func (r *runReader) next(m *marks, at, end int) (starts uint64) {
	c := chunk{^m.blank, m.letter, 0}
	if m.high != 0 {
		c = r.readRunes(c, m.high, at)
	}
	if left := end - at; left < chunkSize {
		inside := uint64(1)<<left - 1
		c = chunk{c.solid & inside, c.letter & inside, c.alone & inside}
	}
	// To add the letters to the runs sets the bit behind each that has one.
	ends, over := bits.Add64(c.solid, c.letter, r.worded)
	r.words += bits.OnesCount64(ends&^c.solid) + bits.OnesCount64(c.alone)
	starts = c.solid&^(c.solid<<1|r.open) | c.alone
	r.worded, r.open = over, c.solid>>63
	return starts
}

// readMarks reads the marks of as many chunks from the beginning of text on.
func readMarks(all []marks, text []byte) {
	for n := range all {
		blank, letter, high, b := uint64(0), uint64(0), uint64(0), (*[chunkSize]byte)(text[n*chunkSize:])
		for i := 0; i < chunkSize; i += 8 {
			v := binary.LittleEndian.Uint64(b[i:])
			low := v &^ highBits
			lower := low | lowCase
			letters := (lower + (0x80-'a')*eachByte) ^ (lower + (0x7F-'z')*eachByte)
			digits := (low + (0x80-'0')*eachByte) ^ (low + (0x7F-'9')*eachByte)
			letter = letter>>8 | topBits(letters|digits|v)
			blank = blank>>8 | topBits(^(low + (0x7F-' ')*eachByte | v))
			high |= v & highBits
		}
		if high != 0 {
			high = 0
			for i := 0; i < chunkSize; i += 8 {
				high = high>>8 | topBits(binary.LittleEndian.Uint64(b[i:]))
			}
		}
		all[n] = marks{blank, letter, high}
	}
}

// topBits gathers the highest bits of the eight bytes of v in the highest byte.
func topBits(v uint64) uint64 { return v & highBits * 0x0002040810204081 & (0xFF << 56) }

// readRunes looks at what is not ASCII in a chunk, the bytes in high. So far all
// of it counts as letters, which is right below U+0800 but for Latin signs.
func (r *runReader) readRunes(c chunk, high uint64, at int) chunk {
	i := at + bits.TrailingZeros64(high)
	for high&1 != 0 && i > 0 && i > at-utf8.UTFMax && !utf8.RuneStart(r.text[i]) { // the last one of the chunk before
		i--
	}
	for {
		size := 1
		if lead := r.text[i]; lead >= 0xE0 || lead == 0xC2 {
			var char rune
			char, size = utf8.DecodeRune(r.text[i:])
			bytes := uint64(1)<<size - 1
			if i < at {
				bytes >>= at - i
			} else {
				bytes <<= i - at
			}
			c = c.with(kindOfRune(char), bytes, i >= at)
		}
		if i += size; i >= at+chunkSize {
			return c
		}
		if high &= ^uint64(0) << max(i-at, 0); high == 0 {
			return c
		}
		i = at + bits.TrailingZeros64(high)
	}
}

// with says what a character is, of which these are the bytes in the chunk, and
// whether it begins there.
func (c chunk) with(kind runeKind, bytes uint64, begins bool) chunk {
	if kind == runeLetter {
		return c
	}
	c.letter &^= bytes
	if kind == runeOther {
		return c
	}
	c.solid &^= bytes
	if kind == runeIdeograph && begins {
		c.alone |= bytes & -bytes
	}
	return c
}

type runeKind uint8

const (
	runeOther     runeKind = iota // goes with the word it stands in
	runeLetter                    // makes a word
	runeIdeograph                 // is one
	runeBreak                     // ends one
)

// kindOfRune sorts what is not ASCII.
func kindOfRune(r rune) runeKind {
	switch {
	case r == 0xA0 || r == 0x85:
		return runeBreak
	case r < 0xC0:
		if r == 0xAA || r == 0xB5 || r == 0xBA {
			return runeLetter
		}
		return runeOther
	case r < 0x0800:
		return runeLetter
	case 0x2010 <= r && r < 0x2028: // quotes and dashes
		if r == 0x2014 || r == 0x2026 {
			return runeBreak
		}
		return runeOther
	case r >= 0x2E80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
		return runeIdeograph
	case unicode.In(r, unicode.L, unicode.N):
		return runeLetter
	case unicode.IsSpace(r), r >= 0x3000 && unicode.IsPunct(r):
		return runeBreak
	}
	return runeOther
}
