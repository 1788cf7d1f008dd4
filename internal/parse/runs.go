package parse

import (
	"encoding/binary"
	"math/bits"
	"unicode"
	"unicode/utf8"
)

const (
	chunkSize = 64             // bytes that a runReader looks at
	textSpare = chunkSize + 16 // bytes behind a text that are looked at with it
)

// runReader finds the runs without white space in a text, and counts those that
// are words.
type runReader struct {
	text  []byte
	words int

	open   uint64 // 1: the chunk before ends in a run
	worded uint64 // 1: and that holds a letter or a digit
}

// chunk says of 64 bytes of a text, a bit for each, what they are.
type chunk struct {
	solid  uint64 // neither white space nor what parts words like it
	letter uint64 // makes the run it stands in a word
	alone  uint64 // the first byte of a character that is a word
}

// next looks at the chunk at and returns a bit for each byte where a run begins;
// what lies behind end is blank.
func (r *runReader) next(at, end int) (starts uint64) {
	c := r.chunk(at)
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

func (r *runReader) chunk(at int) chunk {
	all, solid, letter, b := uint64(0), uint64(0), uint64(0), (*[chunkSize]byte)(r.text[at:])
	for i := 0; i < chunkSize; i += 8 {
		v := binary.LittleEndian.Uint64(b[i:])
		low := v &^ highBits
		lower := low | lowCase
		letters := (lower + (0x80-'a')*eachByte) ^ (lower + (0x7F-'z')*eachByte)
		digits := (low + (0x80-'0')*eachByte) ^ (low + (0x7F-'9')*eachByte)
		letter = letter>>8 | topBits(letters|digits|v)
		solid = solid>>8 | topBits(low+(0x7F-' ')*eachByte|v)
		all |= v
	}
	c := chunk{solid, letter, 0}
	if all&highBits != 0 {
		c = r.readRunes(c, at)
	}
	return c
}

// topBits gathers the highest bits of the eight bytes of v in the highest byte.
func topBits(v uint64) uint64 { return v & highBits * 0x0002040810204081 & (0xFF << 56) }

// readRunes looks at what is not ASCII in a chunk. So far all of it counts as
// letters, which is right below U+0800 but for Latin signs.
func (r *runReader) readRunes(c chunk, at int) chunk {
	i := at
	for i > 0 && i > at-utf8.UTFMax && !utf8.RuneStart(r.text[i]) { // the last one of the chunk before
		i--
	}
	for i < at+chunkSize {
		switch lead := r.text[i]; {
		case lead < utf8.RuneSelf:
			i += bits.TrailingZeros64(binary.LittleEndian.Uint64(r.text[i:])&highBits) / 8
		case lead < 0xE0 && lead != 0xC2:
			i++
		default:
			char, n := utf8.DecodeRune(r.text[i:])
			bytes := uint64(1)<<n - 1
			if i < at {
				bytes >>= at - i
			} else {
				bytes <<= i - at
			}
			c = c.with(kindOfRune(char), bytes, i >= at)
			i += n
		}
	}
	return c
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
	case r >= 0x2E80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
		return runeIdeograph
	case unicode.In(r, unicode.L, unicode.N):
		return runeLetter
	case unicode.IsSpace(r), r >= 0x3000 && unicode.IsPunct(r), r == 0x2014, r == 0x2026:
		return runeBreak
	}
	return runeOther
}
