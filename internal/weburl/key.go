package weburl

import (
	"bytes"
	"strings"
)

// The layout of a key, version 1:
//
//	labels of the host, last first, a blank between two
//	a tab
//	the port in decimal, then "h" for http or "s" for https
//	path and query, from the slash on
//
// https://www.example.com/a?b is "com example www\t443s/a?b". An IP address
// is written as it is, and then the port. Neither blank nor tab occurs in a
// host, both sort before all that does: a domain, then its sub-domains, then
// its next neighbour. A letter ends the port, so that no origin's key begins
// another's.
const (
	keyLabel = ' '
	keyHost  = '\t'
)

// Key returns a byte string that sorts a site's addresses together: those of
// one origin are neighbours, and so are a domain and its sub-domains. Two URLs
// have two keys. FromKey is its inverse.
func (u URL) Key() []byte {
	if u.IsZero() {
		return nil
	}
	b := make([]byte, 0, len(u.href)+1)
	return append(u.appendOriginKey(b), u.href[u.path:]...)
}

// OriginKey returns the part of Key that all addresses of u's origin share and
// that no key of another origin begins with.
func (u URL) OriginKey() []byte {
	if u.IsZero() {
		return nil
	}
	return u.appendOriginKey(make([]byte, 0, u.path+1))
}

func (u URL) appendOriginKey(b []byte) []byte {
	if host := u.Host(); host[0] == '[' {
		b = append(b, host[:strings.IndexByte(host, ']')+1]...)
	} else if name := u.Hostname(); endsInNumber(name) {
		b = append(b, name...)
	} else {
		b = appendReversed(b, name, '.', keyLabel)
	}
	scheme := u.Scheme()
	b = append(append(b, keyHost), u.Port()...)
	if scheme == "https" {
		return append(b, 's')
	}
	return append(b, 'h')
}

// appendReversed adds the pieces of s in reverse order.
func appendReversed(b []byte, s string, from, to byte) []byte {
	for {
		i := strings.LastIndexByte(s, from)
		b = append(b, s[i+1:]...)
		if i < 0 {
			return b
		}
		b = append(b, to)
		s = s[:i]
	}
}

// FromKey returns the URL whose Key is key. What Key cannot have written is
// refused with ErrKey, so that a damaged store makes no address of its own.
func FromKey(key []byte) (URL, error) {
	href, ok := keyHref(string(key))
	if !ok {
		return URL{}, fail(string(key), ErrKey)
	}
	u, err := Parse(href)
	if err != nil || u.href != href || !bytes.Equal(u.Key(), key) {
		return URL{}, fail(string(key), ErrKey)
	}
	return u, nil
}

func keyHref(key string) (href string, ok bool) {
	host, rest, ok := strings.Cut(key, string(keyHost))
	end := strings.IndexAny(rest, "hs")
	if !ok || end < 0 {
		return "", false
	}
	scheme, port := "http", rest[:end]
	if rest[end] == 's' {
		scheme = "https"
	}
	b := make([]byte, 0, len(key)+len("https://:"))
	b = append(append(b, scheme...), "://"...)
	b = appendReversed(b, host, keyLabel, '.')
	if port != defaultPort(scheme) {
		b = append(append(b, ':'), port...)
	}
	return string(append(b, rest[end+1:]...)), true
}
