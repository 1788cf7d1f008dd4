package robots

import "strings"

// requestPath returns the path and query of uri. What starts with a slash is a
// path, even with two: it stood in a request line.
func requestPath(uri string) string {
	uri, _, _ = strings.Cut(uri, "#")
	if strings.HasPrefix(uri, "/") {
		return uri
	}
	const starts = "/?;"
	early := strings.IndexAny(uri, starts)
	if i := strings.Index(uri, "://"); i >= 0 && i < early {
		uri = uri[i+len("://"):]
		early = strings.IndexAny(uri, starts)
	}
	switch {
	case early < 0:
		return "/"
	case uri[early] != '/':
		return "/" + uri[early:]
	}
	return uri[early:]
}

const (
	alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	marks        = "-._~" // with alphanumeric, RFC 3986's unreserved characters
	upperHex     = "0123456789ABCDEF"
)

// plain are the bytes that stand for themselves in a normal path: all that RFC
// 3986 allows in one but "%", and "*" and "$", which mean more in a pattern; and
// those two that it does not allow but browsers send as they are.
var plain = func() (set [256]bool) {
	for _, c := range []byte(alphanumeric + marks + ":/?[]@!&'()+,;=" + `|\`) {
		set[c] = true
	}
	return set
}()

// normal spells a path or pattern the one way in which they are compared
// (RFC 9309, section 2.2.2): bytes that have no place in a URI are escaped, as
// are "$" and, unless stars are wildcards, "*", so that the pattern /%2A matches
// the path /* (section 2.2.3); the digits of escapes are in upper case. Escapes of
// "-", ".", "_" and "~" are decoded, those of letters and digits if decode is set,
// others never: %2F is no slash.
func normal(s string, stars, decode bool) string {
	i := 0
	for i < len(s) && (plain[s[i]] || stars && s[i] == '*') {
		i++
	}
	if i == len(s) {
		return s
	}
	b := append(make([]byte, 0, len(s)+16), s[:i]...)
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case plain[c], stars && c == '*':
			b = append(b, c)
		case c != '%':
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		case i+2 < len(s) && hex(s[i+1]) >= 0 && hex(s[i+2]) >= 0:
			b = appendEscape(b, hex(s[i+1])<<4|hex(s[i+2]), decode)
			i += 2
		default:
			b = append(b, '%')
		}
	}
	return string(b)
}

func appendEscape(b []byte, v int, decode bool) []byte {
	if strings.IndexByte(marks, byte(v)) >= 0 || decode && strings.IndexByte(alphanumeric, byte(v)) >= 0 {
		return append(b, byte(v))
	}
	return append(b, '%', upperHex[v>>4], upperHex[v&15])
}

// hex returns the value of a hexadecimal digit, -1 for any other byte.
func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
