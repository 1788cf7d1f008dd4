package parse

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// space holds the ASCII white space of the HTML standard.
const space = " \t\n\f\r"

func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'
}

func trimSpace(s string) string { return strings.Trim(s, space) }

// collapse trims s and turns each run of white space into one blank; bytes
// that are not UTF-8 become U+FFFD.
func collapse(s string) string {
	s = trimSpace(strings.ToValidUTF8(s, "\uFFFD"))
	if !strings.ContainsAny(s, "\t\n\f\r") && !strings.Contains(s, "  ") {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < utf8.RuneSelf && isSpace(byte(r)) }), " ")
}

// cut returns at most limit bytes of s, whole runes only.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return strings.Clone(trimSpace(s[:limit]))
}

// lower lowers ASCII letters, as the HTML standard compares its keywords.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if c := b[i]; 'A' <= c && c <= 'Z' {
					b[i] = c | 0x20
				}
			}
			return string(b)
		}
	}
	return s
}

// words counts the words in s. A word is a run of letters, digits and marks
// with what joins them; scripts written without blanks count each ideograph
// and each kana (the coarse form of UAX #29).
func (p *parser) words(s string) {
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			p.inWord = p.asciiWord(byte(r))
		case ideographic(r):
			p.doc.Words++
			p.inWord = false
		case unicode.In(r, unicode.L, unicode.N):
			if !p.inWord {
				p.doc.Words++
			}
			p.inWord = true
		case unicode.IsSpace(r) || unicode.Is(unicode.P, r) && r != '’':
			p.inWord = false
		}
	}
}

// asciiWord reports whether a word goes on after c, and counts one that begins.
func (p *parser) asciiWord(c byte) bool {
	switch {
	case '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z':
		if !p.inWord {
			p.doc.Words++
		}
		return true
	case c == '\'' || c == '-' || c == '_' || c == '.' || c == ',' || c == '@':
		return p.inWord
	}
	return false
}

func ideographic(r rune) bool {
	return r >= 0x2E80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

// snippet gathers text up to a limit, collapsing white space on the way, so
// that an endless element costs no memory.
type snippet struct {
	b     strings.Builder
	limit int
	blank bool // white space came since the last character
}

func (t *snippet) add(s string) {
	for s != "" && t.b.Len() <= t.limit {
		if isSpace(s[0]) {
			t.blank, s = true, strings.TrimLeft(s, space)
			continue
		}
		n := strings.IndexAny(s, space)
		if n < 0 {
			n = len(s)
		}
		if t.blank && t.b.Len() > 0 {
			t.b.WriteByte(' ')
		}
		t.blank = false
		t.b.WriteString(s[:min(n, t.limit+utf8.UTFMax)])
		s = s[n:]
	}
}

func (t *snippet) String() string {
	return cut(strings.ToValidUTF8(t.b.String(), "\uFFFD"), t.limit)
}
