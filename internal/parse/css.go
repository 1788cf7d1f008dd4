package parse

import (
	"strings"
	"unicode/utf8"
)

// css adds what a style sheet needs: the addresses in url() and @import. They
// are relative to the sheet; element names where it stands.
func (p *parser) css(sheet, element string) {
	scanCSS(sheet, func(ref string, isImport bool) bool {
		attr := "url"
		if isImport {
			attr = "import"
		}
		p.asset(ref, element, attr, "")
		return !p.late()
	})
}

// styleAttr does the same for the declarations of a style attribute.
func (p *parser) styleAttr(style, element string) {
	if !strings.Contains(style, "(") {
		return
	}
	scanCSS(style, func(ref string, _ bool) bool {
		p.asset(ref, element, "style", "")
		return !p.late()
	})
}

// cssScanner reads the few tokens of CSS that matter for addresses (CSS
// Syntax Level 3, section 4) and passes over the rest.
type cssScanner struct {
	b string
	i int
}

// scanCSS calls add for each address in sheet until it returns false. An
// @import counts only before all other rules; @charset, and @layer without a
// block before the first @import, are no such rules (CSS Cascade 5, 2).
func scanCSS(sheet string, add func(ref string, isImport bool) bool) {
	s := cssScanner{b: sheet}
	importing, state := false, importState{}
	for s.i < len(s.b) {
		ref, found := "", false
		switch c := s.b[s.i]; {
		case c == '/' && s.at(1) == '*':
			s.comment()
		case c == '"' || c == '\'':
			ref, found = s.str()
			found = found && importing
		case c == '@':
			s.i++
			importing = s.atRule(&state)
		case s.nameStart():
			ref, found = s.word()
		case c == '#' || isDigit(c):
			s.i++
			s.name()
		default:
			importing = importing && c != ';' && c != '{'
			state.over = state.over || c == '{'
			s.i++
		}
		if found && !(importing && state.over) && !add(ref, importing) {
			return
		}
		importing = importing && !found
	}
}

// importState tells whether an @import may still come.
type importState struct{ begun, over bool }

// atRule reads the name of an at-rule and reports whether it is an @import.
func (s *cssScanner) atRule(state *importState) bool {
	switch lower(s.name()) {
	case "import":
		state.begun = true
		return true
	case "charset":
	case "layer":
		state.over = state.over || state.begun
	default:
		state.over = true
	}
	return false
}

func (s *cssScanner) at(n int) byte {
	if s.i+n < len(s.b) {
		return s.b[s.i+n]
	}
	return 0
}

func (s *cssScanner) comment() {
	n := strings.Index(s.b[s.i+2:], "*/")
	if n < 0 {
		s.i = len(s.b)
		return
	}
	s.i += n + 4
}

// nameStart reports whether an identifier begins here.
func (s *cssScanner) nameStart() bool {
	c := s.b[s.i]
	return isLetter(c) || c == '_' || c == '-' || c >= utf8.RuneSelf || c == '\\' && s.escape()
}

// escape reports whether the backslash here begins an escape.
func (s *cssScanner) escape() bool {
	c := s.at(1)
	return s.i+1 >= len(s.b) || c != '\n' && c != '\r' && c != '\f'
}

// name reads the code points of a name.
func (s *cssScanner) name() string {
	start := s.i
	for s.i < len(s.b) && isNameByte(s.b[s.i]) {
		s.i++
	}
	if s.i == len(s.b) || s.b[s.i] != '\\' || !s.escape() {
		return s.b[start:s.i]
	}
	var b strings.Builder
	b.WriteString(s.b[start:s.i])
	for s.i < len(s.b) {
		c := s.b[s.i]
		switch {
		case c == '\\' && s.escape():
			s.i++
			b.WriteRune(s.escaped())
		case isNameByte(c):
			b.WriteByte(c)
			s.i++
		default:
			return b.String()
		}
	}
	return b.String()
}

func isNameByte(c byte) bool { return isAlnum(c) || c == '_' || c == '-' || c >= utf8.RuneSelf }

// escaped reads what follows a backslash.
func (s *cssScanner) escaped() rune {
	n, r := 0, rune(0)
	for n < 6 {
		d, ok := hexDigit(s.at(n))
		if !ok {
			break
		}
		r = r<<4 | d
		n++
	}
	if n == 0 {
		r, size := utf8.DecodeRuneInString(s.b[s.i:])
		s.i += size
		return r
	}
	s.i += n
	if s.at(0) == '\r' && s.at(1) == '\n' {
		s.i++
	}
	if isSpace(s.at(0)) {
		s.i++
	}
	if r == 0 || r > utf8.MaxRune || 0xD800 <= r && r < 0xE000 {
		return utf8.RuneError
	}
	return r
}

func hexDigit(c byte) (rune, bool) {
	switch {
	case isDigit(c):
		return rune(c - '0'), true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10, true
	}
	return 0, false
}

// str reads a string; one that a newline breaks is none.
func (s *cssScanner) str() (string, bool) {
	quote := s.b[s.i]
	s.i++
	var b strings.Builder
	for s.i < len(s.b) {
		c := s.b[s.i]
		switch {
		case c == quote:
			s.i++
			return b.String(), true
		case c == '\n' || c == '\r' || c == '\f':
			return "", false
		case c == '\\' && !s.escape():
			s.i += 2
			if c := s.at(-1); c == '\r' && s.at(0) == '\n' {
				s.i++
			}
		case c == '\\' && s.i+1 == len(s.b):
			s.i++
		case c == '\\':
			s.i++
			b.WriteRune(s.escaped())
		default:
			b.WriteByte(c)
			s.i++
		}
	}
	return b.String(), true
}

// word reads an identifier and, if it opens url(), the address in it.
func (s *cssScanner) word() (ref string, found bool) {
	name := s.name()
	if s.at(0) != '(' || !strings.EqualFold(name, "url") {
		return "", false
	}
	s.i++
	s.blanks()
	if c := s.at(0); c == '"' || c == '\'' {
		return s.str()
	}
	return s.bareURL()
}

func (s *cssScanner) blanks() {
	for s.i < len(s.b) && isSpace(s.b[s.i]) {
		s.i++
	}
}

// bareURL reads an address without quotes and its closing parenthesis.
func (s *cssScanner) bareURL() (string, bool) {
	var b strings.Builder
	for s.i < len(s.b) {
		c := s.b[s.i]
		switch {
		case c == ')':
			s.i++
			return b.String(), true
		case isSpace(c):
			if s.blanks(); s.i < len(s.b) && s.b[s.i] != ')' {
				return "", s.badURL()
			}
		case c == '"', c == '\'', c == '(', c < ' ', c == 0x7F, c == '\\' && !s.escape():
			return "", s.badURL()
		case c == '\\':
			s.i++
			b.WriteRune(s.escaped())
		default:
			b.WriteByte(c)
			s.i++
		}
	}
	return b.String(), true
}

// badURL skips the rest of a url() that cannot be read, and returns false.
func (s *cssScanner) badURL() bool {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ')':
			s.i++
			return false
		case '\\':
			s.i++
		}
		s.i++
	}
	return false
}
