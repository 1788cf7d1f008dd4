package parse

import "strings"

// refresh adds the target of a declarative refresh, of a meta element or a
// Refresh header. A page that reloads itself names no other.
func (p *parser) refresh(content, element, attr string) {
	ref, ok := refreshTarget(content)
	if !ok || ref == "" {
		return
	}
	if u, reason := p.resolve(ref); reason == "" && u == p.page {
		return
	}
	p.link(ref, Link{Element: element, Attr: attr})
}

// refreshTarget follows the "shared declarative refresh steps" of the HTML
// standard. ok is false if s asks for no refresh; url is "" for the page
// itself.
func refreshTarget(s string) (url string, ok bool) {
	s = strings.TrimLeft(s, space)
	digits := strings.TrimLeft(s, "0123456789")
	if len(digits) == len(s) && !strings.HasPrefix(s, ".") {
		return "", false
	}
	s = strings.TrimLeft(digits, "0123456789.")
	if s == "" {
		return "", true
	}
	if !isSpace(s[0]) && s[0] != ';' && s[0] != ',' {
		return "", false
	}
	s = strings.TrimLeft(s, space)
	if s != "" && (s[0] == ';' || s[0] == ',') {
		s = s[1:]
	}
	return unquoted(afterURL(strings.TrimLeft(s, space))), true
}

// afterURL drops a leading "url=". Where only a part of that is there, all of
// it belongs to the address.
func afterURL(s string) string {
	if len(s) < 3 || !strings.EqualFold(s[:3], "url") {
		return s
	}
	rest, ok := strings.CutPrefix(strings.TrimLeft(s[3:], space), "=")
	if !ok {
		return s
	}
	return strings.TrimLeft(rest, space)
}

func unquoted(s string) string {
	if s == "" || s[0] != '"' && s[0] != '\'' {
		return s
	}
	inside, _, _ := strings.Cut(s[1:], s[:1])
	return inside
}
