package parse

import (
	"net/http"
	"strings"

	"golang.org/x/net/html/charset"
)

// mediaType is a MIME type as the MIME Sniffing standard parses it; the zero
// value is none.
type mediaType struct {
	essence string // type/subtype, lower case
	params  []param
}

type param struct{ name, value string }

func (m mediaType) param(name string) (string, bool) {
	for _, p := range m.params {
		if p.name == name {
			return p.value, true
		}
	}
	return "", false
}

// label returns the canonical name of the encoding that the type declares.
func (m mediaType) label() string {
	v, _ := m.param("charset")
	_, name := charset.Lookup(v)
	return name
}

// MediaType is the media type that an answer declares, type/subtype in lower
// case; "" if there is none.
func MediaType(h http.Header) string { return declared(h).essence }

// declared extracts the media type of an answer (Fetch standard, "extract a
// MIME type"): the last valid one counts, and takes over the charset of the
// one before if that is of the same type.
func declared(h http.Header) mediaType {
	var last mediaType
	var carried string
	for _, v := range splitList(strings.Join(h.Values("Content-Type"), ",")) {
		m, ok := parseMIME(v)
		if !ok || m.essence == "*/*" {
			continue
		}
		cs, has := m.param("charset")
		switch {
		case m.essence != last.essence:
			carried = cs
		case has:
			carried = cs
		case carried != "":
			m.params = append(m.params, param{"charset", carried})
		}
		last = m
	}
	return last
}

// splitList splits a header at its commas, those in quotes left alone.
func splitList(s string) []string {
	var out []string
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ',' && !quoted:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

const (
	httpSpace = " \t\n\r"
	maxParams = 32 // parameters read of a media type or a Link header
)

// parseMIME follows "parse a MIME type" of the MIME Sniffing standard.
func parseMIME(s string) (m mediaType, ok bool) {
	s = strings.Trim(s, httpSpace)
	kind, rest, found := strings.Cut(s, "/")
	if !found {
		return m, false
	}
	sub, rest, _ := strings.Cut(rest, ";")
	sub = strings.TrimRight(sub, httpSpace)
	if !isToken(kind) || !isToken(sub) {
		return m, false
	}
	m.essence = lower(kind + "/" + sub)
	for rest != "" && len(m.params) < maxParams {
		var name, value string
		var good bool
		name, value, good, rest = mimeParam(rest)
		if _, dup := m.param(name); good && !dup {
			m.params = append(m.params, param{name, value})
		}
	}
	return m, true
}

// mimeParam reads one parameter from the beginning of s.
func mimeParam(s string) (name, value string, ok bool, rest string) {
	s = strings.TrimLeft(s, httpSpace)
	i := strings.IndexAny(s, ";=")
	if i < 0 {
		return "", "", false, ""
	}
	name = lower(s[:i])
	if s[i] == ';' {
		return name, "", false, s[i+1:]
	}
	s = s[i+1:]
	if strings.HasPrefix(s, `"`) {
		value, s = quotedString(s[1:])
		_, rest, _ = strings.Cut(s, ";")
		return name, value, isToken(name) && isQuotable(value), rest
	}
	value, rest, _ = strings.Cut(s, ";")
	value = strings.TrimRight(value, httpSpace)
	return name, value, isToken(name) && value != "" && isQuotable(value), rest
}

// quotedString reads to the closing quote, which may be missing.
func quotedString(s string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:]
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !isAlnum(c) && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// isQuotable reports whether s holds only code points that an HTTP quoted
// string may: tab, U+0020 to U+007E, U+0080 to U+00FF.
func isQuotable(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '\t' && (c < ' ' || c == 0x7F) {
			return false
		}
	}
	return true
}
