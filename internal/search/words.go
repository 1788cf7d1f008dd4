package search

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// word is a word of a text. Where a script parts words by blanks it is that: a
// stretch of letters, numbers and their marks. In the other scripts, which are
// called dense here, each character makes a word of itself and the one behind
// it, if that is dense too: the words of 東京都 are 東京, 京都 and 都. So each text
// is found by each part of it, and a character stands at the beginning of just
// one word.
//
// SQLite is given words and nothing else, so that the index, a scan and the
// excerpts go by one definition of a word.
type word struct {
	from, to   int32 // in words.folded: as it is compared
	start, end int32 // in the text
	mid        int32 // in the text: where its first character ends, if it is dense
	dense      bool
}

// words is a text cut into words.
type words struct {
	folded []byte
	list   []word
}

// maxWord is how many bytes of a word count, as it is compared.
const maxWord = 100

// cut makes w the words of a text.
func (w *words) cut(text string) {
	w.folded, w.list = w.folded[:0], w.list[:0]
	for at := 0; at < len(text); {
		if c := text[at]; c < utf8.RuneSelf && !isAlnum(c) { // most of what parts words
			at++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[at:])
		switch {
		case !inWord(r):
			at += size
		case isDense(r):
			at = w.dense(text, at)
		default:
			at = w.plain(text, at)
		}
	}
}

// get returns word i as it is compared. It may not be changed.
func (w *words) get(i int) []byte { return w.folded[w.list[i].from:w.list[i].to] }

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func inWord(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.M) }

// isIgnored tells what may stand in a word and is none of it: soft hyphens,
// joiners, a break that shows as nothing.
func isIgnored(r rune) bool { return r >= 0xAD && unicode.Is(unicode.Cf, r) }

// plain takes in the word that begins at a place, and returns where it ends.
func (w *words) plain(text string, start int) int {
	from, at := len(w.folded), start
	for ; at < len(text) && isAlnum(text[at]); at++ {
		c := text[at]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		w.folded = append(w.folded, c)
	}
	if at < len(text) && text[at] >= utf8.RuneSelf {
		if end := at + plainLength(text[at:]); end > at {
			w.folded = appendFolded(w.folded[:from], text[start:end])
			at = end
		}
	}
	w.folded = cutAt(w.folded, from+maxWord)
	if to := len(w.folded); to > from {
		w.list = append(w.list, word{from: int32(from), to: int32(to), start: int32(start), end: int32(at), mid: int32(at)})
	}
	return at
}

// plainLength is how much of a text belongs to the word at hand.
func plainLength(text string) (end int) {
	for at, r := range text {
		switch {
		case inWord(r) && !isDense(r):
			end = at + utf8.RuneLen(r)
		case !isIgnored(r):
			return end
		}
	}
	return end
}

// cutAt shortens b to whole characters.
func cutAt(b []byte, limit int) []byte {
	if len(b) <= limit {
		return b
	}
	for limit > 0 && !utf8.RuneStart(b[limit]) {
		limit--
	}
	return b[:limit]
}

// dense takes in a stretch of a dense script, and returns where it ends.
func (w *words) dense(text string, at int) int {
	first := len(w.list)
	for at < len(text) {
		r, size := utf8.DecodeRuneInString(text[at:])
		if isIgnored(r) {
			at += size
			continue
		}
		if !inWord(r) || !isDense(r) {
			break
		}
		end := at + characterLength(text[at:], r, size)
		from := len(w.folded)
		w.folded = cutAt(appendLetters(w.folded, norm.NFKC.String(text[at:end])), from+maxWord/2)
		if to := len(w.folded); to > from {
			w.list = append(w.list, word{from: int32(from), to: int32(to), start: int32(at), end: int32(end), mid: int32(end), dense: true})
		}
		at = end
	}
	// What is compared of a word is the characters of two, which lie side by side.
	for i := first; i+1 < len(w.list); i++ {
		w.list[i].to, w.list[i].end = w.list[i+1].to, w.list[i+1].end
	}
	return at
}

// characterLength is how long the character is that begins with r, with the
// marks that belong to it.
func characterLength(text string, r rune, size int) int {
	if next, _ := utf8.DecodeRuneInString(text[size:]); isWhole(r) && (isWhole(next) || next < 0x300 || len(text) == size) {
		return size
	}
	return max(size, norm.NFKC.NextBoundaryInString(text, true))
}

// isWhole tells a character of the usual blocks, which is its own normal form
// and no mark.
func isWhole(r rune) bool {
	return 0x4E00 <= r && r <= 0x9FFF || 0x3000 < r && r <= 0x3096 || 0x30A0 <= r && r <= 0x30FE || 0xAC00 <= r && r <= 0xD7A3
}

// isDense tells whether a character is of a script that parts no words, or, as
// Korean, adds to them without a blank.
func isDense(r rune) bool {
	return r >= 0x0E00 && (isWhole(r) || unicode.In(r, denseScripts...) || r == 0xFF70 || r == 0xFF9E || r == 0xFF9F)
}

var denseScripts = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo, unicode.Yi,
	unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}
