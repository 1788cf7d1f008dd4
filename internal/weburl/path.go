package weburl

import "unicode/utf8"

// class says where a byte stands for itself and where it is percent-encoded
// (URL, 1.3: the path percent-encode set and the special-query one).
type class uint8

const (
	inPath  class = 1 << iota // encoded in a path
	inQuery                   // encoded in a query
)

var classes = classTable()

func classTable() (t [256]class) {
	for c := range t {
		if c <= ' ' || c > '~' {
			t[c] = inPath | inQuery
		}
	}
	for _, c := range `"#<>` {
		t[c] |= inPath | inQuery
	}
	for _, c := range "?^`{}" {
		t[c] |= inPath
	}
	t['\''] |= inQuery
	return t
}

// plainInPath has the bytes that stand for themselves in a path wherever they
// are, but for the dots of "." and "..". A colon may end a scheme, and what is
// percent-encoded may be a dot.
var plainInPath = func() (t [256]bool) {
	for c, class := range classes {
		t[c] = class&inPath == 0
	}
	for _, c := range `:\%` {
		t[c] = false
	}
	return t
}()

// appendPath adds a path without its first slash to b, which has a path that
// begins at start and ends with a slash. A backslash is a slash; a segment "."
// or "..", its dots percent-encoded or not, is no part of a canonical path.
func appendPath(b []byte, start int, path string) []byte {
	for {
		end := 0
		for end < len(path) && !isSlash(path[end]) {
			end++
		}
		dots := dotSegment(path[:end])
		switch dots {
		case 0:
			b = appendEncoded(b, path[:end], inPath)
		case 2:
			b = parent(b, start)
		}
		if end == len(path) {
			return b
		}
		if dots == 0 {
			b = append(b, '/')
		}
		path = path[end+1:]
	}
}

// dotSegment returns 1 for ".", 2 for "..", 0 for a name.
func dotSegment(s string) int {
	dots := 0
	for s != "" {
		switch {
		case s[0] == '.':
			s = s[1:]
		case len(s) >= 3 && s[0] == '%' && s[1] == '2' && s[2]|0x20 == 'e':
			s = s[3:]
		default:
			return 0
		}
		if dots++; dots > 2 {
			return 0
		}
	}
	return dots
}

// parent takes the last segment from the path that begins at start and ends
// with a slash; the root is its own parent.
func parent(b []byte, start int) []byte {
	end := len(b) - 1
	for end > start && b[end-1] != '/' {
		end--
	}
	return b[:max(end, start+1)]
}

// appendEncoded adds s to b and percent-encodes the bytes of the class. Bytes
// that are not UTF-8 become U+FFFD, as in a browser that decodes the page. A
// percent sign stays, whatever follows it.
func appendEncoded(b []byte, s string, which class) []byte {
	from := 0
	for i := 0; i < len(s); {
		if classes[s[i]]&which == 0 {
			i++
			continue
		}
		b = append(b, s[from:i]...)
		r, n := utf8.DecodeRuneInString(s[i:])
		b = appendRune(b, r)
		i += n
		from = i
	}
	return append(b, s[from:]...)
}

func appendRune(b []byte, r rune) []byte {
	var utf [utf8.UTFMax]byte
	for _, c := range utf[:utf8.EncodeRune(utf[:], r)] {
		b = appendEscape(b, c)
	}
	return b
}

func appendEscape(b []byte, c byte) []byte {
	const hex = "0123456789ABCDEF"
	return append(b, '%', hex[c>>4], hex[c&15])
}
