package weburl

import (
	"math"
	"strconv"
	"strings"
)

// appendAuthority adds the canonical host[:port] of an authority to b. The
// userinfo ends at the last "@" (URL, 4.4, authority state).
func appendAuthority(b []byte, s, scheme string) ([]byte, bool) {
	s = s[strings.LastIndexByte(s, '@')+1:]
	host, port := cutPort(s)
	start := len(b)
	b, plain := appendPlainHost(b, host)
	if !plain {
		canonical, ok := parseHost(host)
		if !ok {
			return b, false
		}
		b = append(b[:start], canonical...)
	}
	return appendPort(b, port, scheme)
}

// cutPort splits at the first colon that is not inside brackets.
func cutPort(s string) (host, port string) {
	inside := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '[':
			inside = true
		case ']':
			inside = false
		case ':':
			if !inside {
				return s[:i], s[i+1:]
			}
		}
	}
	return s, ""
}

func appendPort(b []byte, port, scheme string) ([]byte, bool) {
	n := 0
	for i := 0; i < len(port); i++ {
		if port[i] < '0' || port[i] > '9' {
			return b, false
		}
		if n = n*10 + int(port[i]-'0'); n > math.MaxUint16 {
			return b, false
		}
	}
	if port == "" || n == 80 && scheme == "http" || n == 443 && scheme == "https" {
		return b, true
	}
	return strconv.AppendInt(append(b, ':'), int64(n), 10), true
}

// appendPlainHost adds a host of letters, digits, dots, hyphens and underscores
// in lower case. It says no, having added anything, to all that may be more
// than a plain name: addresses and their look-alikes, labels that begin
// "xn--", other characters.
func appendPlainHost(b []byte, s string) ([]byte, bool) {
	digit, label := false, 0 // the label begins with a digit; where it begins
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z':
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		case '0' <= c && c <= '9':
			digit = digit || i == label
		case c == '-':
			if i == label+3 && strings.EqualFold(s[label:i], "xn-") {
				return b, false
			}
		case c == '.':
			if i+1 < len(s) {
				digit, label = false, i+1
			}
		case c != '_':
			return b, false
		}
		b = append(b, c)
	}
	return b, s != "" && !digit
}

// parseHost reads any host (URL, 3.5) and returns its canonical form.
func parseHost(s string) (string, bool) {
	if strings.HasPrefix(s, "[") {
		return parseIPv6(s)
	}
	name, ok := toASCII(decodePercent(s))
	if !ok || name == "" || strings.ContainsFunc(name, forbiddenInDomain) {
		return "", false
	}
	if endsInNumber(name) {
		return parseIPv4(name)
	}
	return name, true
}

// forbiddenInDomain is the standard's set of forbidden domain code points.
// All characters above ASCII belong to it: a canonical name has none.
func forbiddenInDomain(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`#%/:<>?@[\]^|`, r)
}

// decodePercent replaces each %XX by its byte and leaves other percent signs.
func decodePercent(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(c))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}
