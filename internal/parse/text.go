package parse

import (
	"strings"
	"unicode/utf8"
)

// space holds the ASCII white space of the HTML standard.
const space = " \t\n\f\r"

func isSpace(c byte) bool { return c <= ' ' && spaces>>c&1 != 0 }

// spaces has a bit for each character of space.
const spaces = uint64(1<<' ' | 1<<'\t' | 1<<'\n' | 1<<'\f' | 1<<'\r')

func trimSpace(s string) string {
	s = trimLeft(s)
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func trimLeft(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}

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
