package parse

import "strings"

// robotsTag obeys one X-Robots-Tag header. A part "agent: directive" makes it
// and the parts after it speak to that agent alone.
func (p *parser) robotsTag(value string) {
	agent := ""
	for part := range strings.SplitSeq(value, ",") {
		if name, rest, ok := strings.Cut(part, ":"); ok {
			if name = lower(trimSpace(name)); isToken(name) && !takesValue(name) {
				agent, part = name, rest
			}
		}
		if p.addressed(agent) {
			p.directive(part)
		}
	}
}

// addressed reports whether directives for agent are for us; "" is everybody.
func (p *parser) addressed(agent string) bool {
	return agent == "" || agent == "robots" || agent == "*" || p.agent != "" && agent == p.agent
}

// directive obeys what one list of a robots directive says. The most
// restrictive wins, so that allowing ones say nothing.
func (p *parser) directive(list string) {
	for _, word := range strings.FieldsFunc(lower(list), func(r rune) bool { return r == ',' || r < 0x80 && isSpace(byte(r)) }) {
		switch word {
		case "none":
			p.doc.NoIndex, p.doc.NoFollow = true, true
		case "noindex":
			p.doc.NoIndex = true
		case "nofollow":
			p.doc.NoFollow = true
		}
	}
}

// takesValue names the directives that a colon may follow.
func takesValue(name string) bool {
	switch name {
	case "unavailable_after", "max-snippet", "max-image-preview", "max-video-preview":
		return true
	}
	return false
}
