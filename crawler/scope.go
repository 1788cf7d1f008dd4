package crawler

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"crawl/internal/weburl"
)

// Scopes: how far from the seeds a crawl goes.
const (
	ScopeHost   = "host"   // the seeds' host names, http and https alike
	ScopeDomain = "domain" // their registrable domains, by the public suffix list
	ScopePrefix = "prefix" // their folders
	ScopeList   = "list"   // the seeds alone
	ScopePage   = "page"   // the seeds and what is needed to show them
)

// scope is the set of addresses that a run is about. Seeds that redirect
// elsewhere widen it while the run goes on.
type scope struct {
	kind string

	mu       sync.RWMutex
	hosts    map[string]bool // host names, with port if one is written
	domains  map[string]bool
	prefixes []string
}

func newScope(kind string, seeds []weburl.URL, widened []string) *scope {
	s := &scope{kind: kind, hosts: map[string]bool{}, domains: map[string]bool{}}
	for _, u := range seeds {
		s.add(u)
	}
	for _, raw := range widened {
		if u, err := weburl.Parse(raw); err == nil {
			s.add(u)
		}
	}
	return s
}

// add makes u part of the scope and reports whether it was outside.
func (s *scope) add(u weburl.URL) (widened bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.has(u) {
		return false
	}
	s.hosts[u.Host()] = true
	if d := u.RegistrableDomain(); d != "" {
		s.domains[d] = true
	}
	folder := u.Path()[:strings.LastIndexByte(u.Path(), '/')+1]
	s.prefixes = append(s.prefixes, u.Origin()+folder)
	return true
}

// contains tells whether links to u are followed.
func (s *scope) contains(u weburl.URL) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.has(u)
}

func (s *scope) has(u weburl.URL) bool {
	switch s.kind {
	case ScopeDomain:
		return s.hosts[u.Host()] || s.domains[u.RegistrableDomain()]
	case ScopePrefix:
		for _, p := range s.prefixes {
			if strings.HasPrefix(u.String(), p) {
				return true
			}
		}
		return false
	}
	return s.hosts[u.Host()]
}

// names tells whether the run is about u's host, or a part of it.
func (s *scope) names(u weburl.URL) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.hosts[u.Host()] || s.has(u)
}

// Pattern is one include or exclude rule.
type Pattern struct {
	text  string
	match func(u weburl.URL) bool
}

// Match tells whether an address is one that the pattern means.
func (p Pattern) Match(u weburl.URL) bool { return p.match(u) }

// maxPattern is the longest pattern, in bytes.
const maxPattern = 4 << 10

// NewPattern reads a glob in which * stands for anything, slashes included,
// and every other sign for itself; it is held against path and query, or
// against the whole address if it holds "://". After "re:" a Go regular
// expression follows, which may match anywhere in the address.
func NewPattern(text string) (Pattern, error) {
	if text == "" || len(text) > maxPattern {
		return Pattern{}, fmt.Errorf("crawler: pattern of %d bytes: want 1 to %d", len(text), maxPattern)
	}
	if expr, ok := strings.CutPrefix(text, "re:"); ok {
		re, err := regexp.Compile(expr)
		if err != nil {
			return Pattern{}, fmt.Errorf("crawler: pattern %q: %w", text, err)
		}
		return Pattern{text, func(u weburl.URL) bool { return re.MatchString(u.String()) }}, nil
	}
	parts := strings.Split(escaped(text), "*")
	subject := weburl.URL.RequestURI
	if strings.Contains(text, "://") {
		subject = weburl.URL.String
	}
	return Pattern{text, func(u weburl.URL) bool { return globMatch(parts, subject(u)) }}, nil
}

// escaped writes what no address holds as it is, blanks and letters beyond
// ASCII, the way addresses do.
func escaped(glob string) string {
	var b strings.Builder
	for i := range len(glob) {
		if c := glob[i]; c > ' ' && c < 0x7f {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// globMatch holds s against the parts between the stars. The first star that
// fits is always good enough, so the time is linear.
func globMatch(parts []string, s string) bool {
	if len(parts) == 1 {
		return s == parts[0]
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(s, first) {
		return false
	}
	s = s[len(first):]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return strings.HasSuffix(s, last)
}

// firstMatch returns the text of the first pattern that matches u, or "".
func firstMatch(patterns []Pattern, u weburl.URL) string {
	for _, p := range patterns {
		if p.Match(u) {
			return p.text
		}
	}
	return ""
}
