package robots

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// blanks may surround names and values (WS in RFC 9309, section 2.2, and what
// C's isspace adds).
const blanks = " \t\v\f"

// directive is what a line is about.
type directive int

const (
	unknown directive = iota
	userAgent
	allow
	disallow
	sitemap
	crawlDelay
	requestRate
	foreign // defined by someone and of no use here
)

// name is one spelling of a directive.
type name struct {
	name string
	is   directive
	typo bool // wrong, and accepted as the reference parser does
}

var names = []name{
	{"user-agent", userAgent, false},
	{"useragent", userAgent, true},
	{"user agent", userAgent, true},
	{"disallow", disallow, false},
	{"dissallow", disallow, true},
	{"dissalow", disallow, true},
	{"disalow", disallow, true},
	{"diasllow", disallow, true},
	{"disallaw", disallow, true},
	{"allow", allow, false},
	{"sitemap", sitemap, false},
	{"site-map", sitemap, true},
	{"crawl-delay", crawlDelay, false},
	{"crawldelay", crawlDelay, true},
	{"crawl delay", crawlDelay, true},
	{"request-rate", requestRate, false},
	{"request rate", requestRate, true},
	{"clean-param", foreign, false},
	{"host", foreign, false},
	{"noarchive", foreign, false},
	{"noindex", foreign, false},
	{"nofollow", foreign, false},
	{"visit-time", foreign, false},
	{"content-signal", foreign, false},
	{"content-usage", foreign, false},
}

// line is one line of a file, taken apart.
type line struct {
	text  string // without comment and outer blanks
	is    directive
	value string
	odd   string // what was wrong with it and is accepted; "" if nothing was
}

const (
	misspelt = "misspelt name is accepted"
	noColon  = "missing colon is accepted"
	noName   = `missing "Sitemap:" is accepted`
)

// split takes a line apart.
func split(raw string) line {
	if i := strings.IndexAny(raw, "#\x00"); i >= 0 {
		raw = raw[:i]
	}
	l := line{text: strings.Trim(raw, blanks)}
	for _, n := range names {
		if len(l.text) > len(n.name) && strings.EqualFold(l.text[:len(n.name)], n.name) && l.read(n) {
			return l
		}
	}
	if bareSitemap(l.text) {
		l.is, l.value, l.odd = sitemap, l.text, noName
	}
	return l
}

// read takes the line as one that starts with the name n. Like the reference
// parser it lets more letters follow ("Disallowed:") and a blank stand for the
// colon. After a blank a path or URL must be one word, lest prose become rules.
func (l *line) read(n name) bool {
	rest := l.text[len(n.name):]
	end := strings.IndexAny(rest, ":"+blanks)
	if end < 0 || n.is == foreign && end > 0 {
		return false
	}
	value := strings.TrimLeft(rest[end:], blanks)
	if after, ok := strings.CutPrefix(value, ":"); ok {
		l.is, l.value = n.is, strings.TrimLeft(after, blanks)
		if n.typo {
			l.odd = misspelt
		}
		return true
	}
	prose := strings.ContainsAny(value, blanks) && (n.is == allow || n.is == disallow || n.is == sitemap)
	if end > 0 || prose {
		return false
	}
	l.is, l.value, l.odd = n.is, value, noColon
	return true
}

// bareSitemap tells whether a line is the URL of a sitemap whose "Sitemap:" was
// forgotten.
func bareSitemap(s string) bool {
	s = strings.ToLower(s)
	return (strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")) &&
		!strings.ContainsAny(s, blanks) && strings.Contains(s, "sitemap")
}

// nextLine cuts the first line off s. Lines end in CR, LF or both.
func nextLine(s string) (raw, rest string) {
	for i := range len(s) {
		switch s[i] {
		case '\n':
			return s[:i], s[i+1:]
		case '\r':
			return s[:i], strings.TrimPrefix(s[i+1:], "\n")
		}
	}
	return s, ""
}

// decode returns a body as UTF-8 without its byte order mark. A mark of UTF-8
// may be there in part. A mark of UTF-16 is believed; without one a file is
// UTF-8, as section 2.3 demands.
func decode(body []byte) string {
	if len(body) >= 2 {
		switch binary.BigEndian.Uint16(body) {
		case 0xFEFF:
			return decodeUTF16(body[2:], binary.BigEndian)
		case 0xFFFE:
			return decodeUTF16(body[2:], binary.LittleEndian)
		}
	}
	n := 0
	for n < len(body) && n < len(utf8Mark) && body[n] == utf8Mark[n] {
		n++
	}
	return string(body[n:])
}

const utf8Mark = "\xEF\xBB\xBF"

func decodeUTF16(body []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(body)/2)
	for i := range units {
		units[i] = order.Uint16(body[2*i:])
	}
	return string(utf16.Decode(units))
}
