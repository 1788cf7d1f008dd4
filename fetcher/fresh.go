package fetcher

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxFresh is how long an answer is taken for fresh at most, whatever it says.
const MaxFresh = 30 * 24 * time.Hour

// Freshness is how long an answer says that it may be used without asking again
// (RFC 9111, 4.2), in a cache of one user: s-maxage is not for it. The zero value
// is not fresh: what an answer does not say is not guessed.
type Freshness struct {
	For   time.Duration // by max-age, from when it was asked for; its age then is taken off
	Until time.Time     // by Expires, on our clock; zero where max-age says it
}

// FreshnessOf reads the head of an answer that was asked for then. What must not
// be stored or used unasked is never fresh, nor what depends on cookies, which
// no later run sends, or on anything (Vary: *).
func FreshnessOf(h http.Header, asked time.Time) Freshness {
	c := readCacheControl(h)
	if c.barred || varies(h) {
		return Freshness{}
	}
	age := ageOf(h, asked)
	if c.hasMaxAge {
		return Freshness{For: min(max(c.maxAge-age, 0), MaxFresh)}
	}
	expires, ok := ParseDate(h.Get("Expires"))
	if !ok { // 0, most often: it has expired
		return Freshness{}
	}
	sent, ok := ParseDate(h.Get("Date"))
	if !ok {
		sent = asked
	}
	left := min(max(expires.Sub(sent), 0)-age, MaxFresh) // what expired in 1601 is no negative time, which age would take over the edge
	if left <= 0 {
		return Freshness{}
	}
	return Freshness{Until: asked.Add(left)}
}

// Renewed is f after an answer 304, asked for then, that has the head h: what that
// says replaces what was said before, and where it says nothing, that holds anew
// (RFC 9111, 4.3.4).
func (f Freshness) Renewed(h http.Header, asked time.Time) Freshness {
	if said(h) {
		return FreshnessOf(h, asked)
	}
	if varies(h) {
		return Freshness{}
	}
	return f
}

// At tells whether an answer that was asked for then is fresh now. One that comes
// from the future is not: somebody set the clock.
func (f Freshness) At(asked, now time.Time) bool {
	age := now.Sub(asked)
	return age >= 0 && age < MaxFresh && (age < f.For || now.Before(f.Until))
}

// said tells whether a head has a say in how long an answer is fresh.
func said(h http.Header) bool {
	return len(h.Values("Cache-Control"))+len(h.Values("Expires"))+len(h.Values("Pragma")) > 0
}

// cacheControl is what matters here of the field of that name.
type cacheControl struct {
	barred    bool // no-store, no-cache, or a max-age that cannot be read
	hasMaxAge bool
	maxAge    time.Duration
}

func readCacheControl(h http.Header) (c cacheControl) {
	lines := h.Values("Cache-Control")
	if len(lines) == 0 { // RFC 9111, 5.4
		c.barred = strings.Contains(strings.ToLower(h.Get("Pragma")), "no-cache")
	}
	for _, line := range lines {
		for line != "" {
			var name, value string
			name, value, line = directive(line)
			c.take(name, value)
		}
	}
	return c
}

// take takes in a directive; of several max-age the least counts.
func (c *cacheControl) take(name, value string) {
	switch strings.ToLower(name) {
	case "no-store", "no-cache": // also for some fields alone: which ones is nothing to us
		c.barred = true
	case "max-age":
		age, ok := seconds(value)
		if !ok {
			c.barred = true
		} else if !c.hasMaxAge || age < c.maxAge {
			c.maxAge = age
		}
		c.hasMaxAge = true
	}
}

// directive cuts the first directive from a line; a comma within quotes is its own.
func directive(line string) (name, value, rest string) {
	quoted, end := false, 0
	for ; end < len(line) && (quoted || line[end] != ','); end++ {
		switch {
		case line[end] == '"':
			quoted = !quoted
		case quoted && line[end] == '\\':
			end++
		}
	}
	end = min(end, len(line))
	name, value, _ = strings.Cut(line[:end], "=")
	return strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"`), strings.TrimPrefix(line[end:], ",")
}

// seconds reads a count of seconds, however large (RFC 9111, 1.2.2).
func seconds(s string) (time.Duration, bool) {
	const most = 1 << 31
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		n = most
	}
	return time.Duration(min(n, most)) * time.Second, true
}

// ageOf is how old an answer was when it was asked for, by the caches it came
// through or by its date, whichever is more (RFC 9111, 4.2.3).
func ageOf(h http.Header, asked time.Time) time.Duration {
	age, _ := seconds(strings.TrimSpace(h.Get("Age")))
	if sent, ok := ParseDate(h.Get("Date")); ok {
		age = max(age, asked.Sub(sent))
	}
	return age
}

// varies tells what a request of a later run cannot be known to match.
func varies(h http.Header) bool {
	for _, line := range h.Values("Vary") {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name == "*" || strings.EqualFold(name, "Cookie") {
				return true
			}
		}
	}
	return false
}
