package robots

import "strings"

// Product returns the product token of a User-Agent string, by which a
// robots.txt names the agent: "acme-bot" for "acme-bot/1.0 (+https://acme.example)".
// In the browser-like form "Mozilla/5.0 (compatible; acme-bot/1.0)" it is the name
// after "compatible;". It is "" if the string starts with no name.
func Product(userAgent string) string {
	s := strings.TrimLeft(userAgent, blanks)
	if name := token(s); name != "Mozilla" {
		return name
	}
	if _, after, ok := strings.Cut(s, "compatible;"); ok {
		if name := token(strings.TrimLeft(after, blanks)); name != "" {
			return name
		}
	}
	return "Mozilla"
}

// token returns the name that s starts with. It may hold more than the letters,
// "-" and "_" of RFC 9309, section 2.2.1: names with digits, dots and letters
// beyond ASCII are in use ("MJ12bot", "archive.org_bot").
func token(s string) string {
	for i := range len(s) {
		c := s[i]
		if !letter(c) && (c < '0' || c > '9') && c != '.' && c < 0x80 {
			return s[:i]
		}
	}
	return s
}

// identifier returns what section 2.2.1 allows of the start of a name.
func identifier(name string) string {
	for i := range len(name) {
		if !letter(name[i]) {
			return name[:i]
		}
	}
	return name
}

func letter(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '-' || c == '_'
}

// everyone tells whether the value of a User-agent line is "*", alone or before
// a blank and anything.
func everyone(value string) bool {
	return value != "" && value[0] == '*' && (len(value) == 1 || strings.IndexByte(blanks, value[1]) >= 0)
}
