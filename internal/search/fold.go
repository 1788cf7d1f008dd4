package search

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// appendFolded appends a word as it is compared: in small letters, in their
// plain form, without accents.
func appendFolded(b []byte, s string) []byte {
	folded := make([]byte, 0, len(s)+8)
	base := rune(0)
	for _, r := range norm.NFKD.String(s) {
		switch {
		case isAccent(r, base):
			continue
		case !unicode.Is(unicode.M, r):
			base = r
		}
		r = unicode.ToLower(r)
		if plain, ok := plainLetters[r]; ok {
			folded = append(folded, plain...)
		} else {
			folded = utf8.AppendRune(folded, r)
		}
	}
	return appendLetters(b, norm.NFC.String(string(folded)))
}

// appendLetters appends what belongs in a word alone: the plain form of some
// letters is more than letters.
func appendLetters(b []byte, s string) []byte {
	for _, r := range s {
		if inWord(r) {
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// plainLetters are written otherwise where a keyboard lacks them, or at the end
// of a word.
var plainLetters = map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ı': "i", 'ς': "σ"}

// isAccent tells a mark that readers may leave out. The short i of Cyrillic and
// its like are letters of their own, its io is not.
func isAccent(r, base rune) bool {
	switch {
	case 0x0300 <= r && r <= 0x036F:
		return !unicode.Is(unicode.Cyrillic, base) || r == 0x0308 && unicode.ToLower(base) == 'е'
	case 0x0591 <= r && r <= 0x05C7: // points of Hebrew
		return unicode.Is(unicode.Mn, r)
	case 0x064B <= r && r <= 0x065F, r == 0x0670, r == 0x0640: // vowels and the stretch of Arabic
		return true
	}
	return false
}
