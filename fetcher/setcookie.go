package fetcher

import (
	"strings"
	"time"
)

// Limits of one cookie (RFC 6265bis, 5.6).
const (
	maxCookieSize = 4096 // bytes of name and value
	maxCookieAttr = 1024 // bytes of an attribute's value
	maxCookieAge  = 400 * 24 * time.Hour
)

// setCookie is one Set-Cookie header as the user agent algorithm of RFC 6265,
// 5.2, reads it.
type setCookie struct {
	name, value  string
	domain, path string // as given; "" = not given
	secure       bool
	expires      time.Time // zero = with the run
}

// parseSetCookie is false for what is no cookie. Neither quotes nor characters
// outside of tokens are taken amiss: browsers do not.
func parseSetCookie(line string, now time.Time) (setCookie, bool) {
	pair, rest, _ := strings.Cut(line, ";")
	name, value, ok := strings.Cut(pair, "=")
	c := setCookie{name: trim(name), value: trim(value)}
	if !ok || c.name == "" || len(c.name)+len(c.value) > maxCookieSize || !printable(c.name+c.value) {
		return setCookie{}, false
	}
	maxAge := false
	for rest != "" {
		var attr string
		attr, rest, _ = strings.Cut(rest, ";")
		key, val, _ := strings.Cut(attr, "=")
		if val = trim(val); len(val) > maxCookieAttr {
			continue
		}
		switch strings.ToLower(trim(key)) {
		case "expires":
			if t, ok := ParseDate(val); ok && !maxAge {
				c.expires = early(t, now)
			}
		case "max-age":
			if d, ok := parseMaxAge(val); ok {
				c.expires, maxAge = early(now.Add(d), now), true
			}
		case "domain":
			c.domain = strings.ToLower(strings.TrimPrefix(val, "."))
		case "path":
			c.path = val
		case "secure":
			c.secure = true
		}
	}
	return c, true
}

// early caps an expiry time.
func early(t, now time.Time) time.Time {
	if last := now.Add(maxCookieAge); t.After(last) {
		return last
	}
	return t
}

// parseMaxAge reads RFC 6265, 5.2.2; nothing above the cap matters.
func parseMaxAge(s string) (time.Duration, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	if digits != s {
		return 0, true
	}
	seconds := 0
	for _, d := range digits {
		if seconds = seconds*10 + int(d-'0'); time.Duration(seconds) > maxCookieAge/time.Second {
			return maxCookieAge, true
		}
	}
	return time.Duration(seconds) * time.Second, true
}

func trim(s string) string { return strings.Trim(s, " \t") }

// printable is false for what could break the Cookie header.
func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f || c == ';' {
			return false
		}
	}
	return true
}

// defaultPath is RFC 6265, 5.1.4.
func defaultPath(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i]
	}
	return "/"
}

// pathMatch is RFC 6265, 5.1.4.
func pathMatch(path, cookie string) bool {
	if !strings.HasPrefix(path, cookie) {
		return false
	}
	return len(path) == len(cookie) || cookie[len(cookie)-1] == '/' || path[len(cookie)] == '/'
}
