// Package weburl gives each web address one spelling.
//
// A URL is parsed and resolved by the WHATWG URL standard, as browsers do it;
// its fragment and its userinfo are dropped, and only http and https are web
// addresses. A URL is canonical by construction: Parse, Resolve, FromKey and
// DropParams are the only ways to get one, so two URLs are the same address
// exactly if they are ==. Every URL is printable ASCII without blanks.
//
// The package never touches the network, decides nothing about scope, and
// merges nothing that the standard keeps apart: not %7E and ~, not a name with
// and without its trailing dot, not "/a" and "/a?".
package weburl

import (
	"errors"
	"fmt"
	"strings"
)

// MaxLength is the longest address accepted, in bytes of its canonical form.
// A caller with a smaller limit of its own compares Len.
const MaxLength = 8192

// Reasons for which an address is refused; test with errors.Is.
var (
	ErrInvalid = errors.New("not a URL")
	ErrScheme  = errors.New("not http or https")
	ErrTooLong = errors.New("longer than the limit")
	ErrKey     = errors.New("not the key of a URL")
)

// Bounds on what an Error keeps and shows of a text that may be hostile.
const (
	maxRaw    = 256
	maxShown  = 96
	maxScheme = 32
)

// Error tells which text was refused and why. Its Reason is one of the Err
// values above.
type Error struct {
	Raw    string // as given, cut to 256 bytes
	Scheme string // in lower case, cut to 32 bytes, set for ErrScheme
	Reason error
}

// Error is printable ASCII and shorter than 600 bytes whatever Raw holds.
func (e *Error) Error() string {
	shown, more := e.Raw, ""
	if len(shown) > maxShown {
		shown, more = shown[:maxShown], "..."
	}
	if e.Reason == ErrScheme {
		return fmt.Sprintf("%+q%s: scheme %+q is %v", shown, more, e.Scheme, e.Reason)
	}
	return fmt.Sprintf("%+q%s: %v", shown, more, e.Reason)
}

func (e *Error) Unwrap() error { return e.Reason }

// fail copies what it keeps: raw may be a piece of a large page.
func fail(raw string, reason error) *Error {
	return &Error{Raw: strings.Clone(raw[:min(len(raw), maxRaw)]), Reason: reason}
}

// URL is one canonical http or https address. It is comparable and may be a
// map key; the zero value is no URL.
type URL struct {
	href string // scheme://host[:port]/path[?query]
	path int    // index in href of the path's slash
}

// IsZero reports whether u is no URL.
func (u URL) IsZero() bool { return u.href == "" }

// Len returns the length of the canonical address in bytes.
func (u URL) Len() int { return len(u.href) }

// String returns the canonical address. It holds printable ASCII only, no
// blank and no control, and so is safe for a terminal, a header and a log.
func (u URL) String() string { return u.href }

// Clone returns u in memory of its own: it keeps nothing of the text that it was
// a part of, see Restore.
func (u URL) Clone() URL { return URL{href: strings.Clone(u.href), path: u.path} }

// Origin returns scheme://host[:port] without a default port: the unit of
// politeness, of robots.txt (RFC 9309, 2.3) and of credentials.
func (u URL) Origin() string { return u.href[:u.path] }

// Scheme returns "http" or "https".
func (u URL) Scheme() string {
	s, _, _ := strings.Cut(u.href, ":")
	return s
}

// Host returns host[:port] without a default port.
func (u URL) Host() string {
	_, h, _ := strings.Cut(u.href[:u.path], "//")
	return h
}

// Hostname returns the host without its port, IPv6 addresses without brackets.
// A trailing dot is part of the name, as in the standard.
func (u URL) Hostname() string {
	h := u.Host()
	if strings.HasPrefix(h, "[") {
		h, _, _ = strings.Cut(h[1:], "]")
		return h
	}
	h, _, _ = strings.Cut(h, ":")
	return h
}

// Port returns the port, the scheme's default where none is written.
func (u URL) Port() string {
	h := u.Host()
	if i := strings.LastIndexByte(h, ':'); i >= 0 && !strings.HasSuffix(h, "]") {
		return h[i+1:]
	}
	return defaultPort(u.Scheme())
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// RequestURI returns path and query, as sent in a request line.
func (u URL) RequestURI() string { return u.href[u.path:] }

// Path returns the path, beginning with a slash.
func (u URL) Path() string {
	p, _, _ := strings.Cut(u.href[u.path:], "?")
	return p
}

// Query returns the query without its question mark.
func (u URL) Query() string {
	_, q, _ := strings.Cut(u.href[u.path:], "?")
	return q
}
