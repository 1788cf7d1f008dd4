package parse

import (
	"slices"
	"strings"
	"time"
)

// robotsTag obeys one X-Robots-Tag header, or the content of a meta element for
// robots. A part "agent: directive" makes it and the parts after it speak to
// that agent alone.
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
	for part := range strings.SplitSeq(lower(list), ",") {
		if name, date, ok := strings.Cut(part, ":"); ok && trimSpace(name) == "unavailable_after" {
			p.doc.NoIndex = p.doc.NoIndex || isPast(trimSpace(date), p.now)
			continue
		}
		for word := range strings.FieldsFuncSeq(part, func(r rune) bool { return r < 0x80 && isSpace(byte(r)) }) {
			p.restrict(word)
		}
	}
}

func (p *parser) restrict(word string) {
	switch word {
	case "none":
		p.doc.NoIndex, p.doc.NoFollow = true, true
	case "noindex":
		p.doc.NoIndex = true
	case "nofollow":
		p.doc.NoFollow = true
	case "nocache":
		word = "noarchive"
		fallthrough
	case "noarchive", "nosnippet", "noimageindex", "noodp", "notranslate":
		if !slices.Contains(p.doc.Restricted, word) {
			p.doc.Restricted = append(p.doc.Restricted, strings.Clone(word))
		}
	}
}

// isPast tells a date of unavailable_after, in one of the forms that search
// engines name, that lies before now.
func isPast(date string, now time.Time) bool {
	for _, layout := range []string{"2-Jan-2006 15:04:05 MST", "2 Jan 2006 15:04:05 MST", "2 Jan 06 15:04:05 MST", "2006-01-02T15:04:05Z07:00", "2006-01-02"} {
		if t, err := time.Parse(layout, strings.ToUpper(date)); err == nil {
			return t.Before(now)
		}
	}
	return false
}

// takesValue names the directives that a colon may follow.
func takesValue(name string) bool {
	switch name {
	case "unavailable_after", "max-snippet", "max-image-preview", "max-video-preview":
		return true
	}
	return false
}
