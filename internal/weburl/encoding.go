package weburl

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
)

// ResolveIn is Resolve for a page that is not in UTF-8: the query of a link is
// sent in the encoding of the page it is on (URL, 4.4, query state); the path
// is UTF-8 everywhere. A nil encoding is UTF-8; for UTF-16 the standard asks
// for UTF-8, and so must the caller. Characters that the encoding lacks go as
// numeric references, "%26%238224%3B", as forms send them.
func (u URL) ResolveIn(ref string, enc encoding.Encoding) (URL, error) {
	before, query, ok := strings.Cut(ref, "?")
	if enc == nil || !ok || isASCII(query) || strings.Contains(before, "#") {
		return u.Resolve(ref)
	}
	query, _, _ = strings.Cut(query, "#")
	b := append(make([]byte, 0, len(ref)), before...)
	return u.Resolve(string(appendQueryIn(append(b, '?'), query, enc)))
}

// appendQueryIn encodes the runs of characters above ASCII, whose bytes may be
// ASCII again, and leaves all others to Resolve.
func appendQueryIn(b []byte, query string, enc encoding.Encoding) []byte {
	for query != "" {
		n := strings.IndexFunc(query, func(r rune) bool { return r >= utf8.RuneSelf })
		if n < 0 {
			return append(b, query...)
		}
		b, query = append(b, query[:n]...), query[n:]
		if n = strings.IndexFunc(query, func(r rune) bool { return r < utf8.RuneSelf }); n < 0 {
			n = len(query)
		}
		b, query = appendRunIn(b, query[:n], enc), query[n:]
	}
	return b
}

func appendRunIn(b []byte, run string, enc encoding.Encoding) []byte {
	run = strings.ToValidUTF8(run, "\ufffd")
	if coded, err := enc.NewEncoder().String(run); err == nil {
		return appendBytes(b, coded)
	}
	for _, r := range run {
		if coded, err := enc.NewEncoder().String(string(r)); err == nil {
			b = appendBytes(b, coded)
		} else {
			b = fmt.Appendf(b, "%%26%%23%d%%3B", r)
		}
	}
	return b
}

// appendBytes percent-encodes the bytes, which are no UTF-8, that a query must
// not hold; the others stand, also those inside a character.
func appendBytes(b []byte, coded string) []byte {
	for i := 0; i < len(coded); i++ {
		if c := coded[i]; classes[c]&inQuery != 0 {
			b = appendEscape(b, c)
		} else {
			b = append(b, c)
		}
	}
	return b
}
