package parse

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decodeValue reads an attribute's value as it is written: character
// references, newlines, and NULs, which are no characters.
func decodeValue(s string) string {
	if strings.IndexByte(s, '\r') >= 0 {
		s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	}
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	if strings.IndexByte(s, '&') >= 0 {
		s = string(appendDecoded(make([]byte, 0, len(s)), s, true))
	}
	return s
}

// decodeText reads the character references of text.
func decodeText(s string) string { return string(appendDecoded(make([]byte, 0, len(s)), s, false)) }

// appendDecoded appends a value or text to b and reads its character references.
// In a value one without its semicolon is none before a letter, a digit or "=",
// so that "?a=1&copy=2" stays as it is (HTML standard, 13.2.5.73).
func appendDecoded(b []byte, s string, inValue bool) []byte {
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			return append(b, s...)
		}
		b = append(b, s[:i]...)
		n := 1 + referenceLen(s[i+1:])
		b = append(b, reference(s[i:i+n], inValue, strings.HasPrefix(s[i+n:], "="))...)
		s = s[i+n:]
	}
}

// referenceLen returns the length of what may be a reference after its "&".
func referenceLen(s string) int {
	n := 0
	if strings.HasPrefix(s, "#") {
		n++
	}
	for n < len(s) && isAlnum(s[n]) {
		n++
	}
	if n < len(s) && s[n] == ';' {
		n++
	}
	return n
}

func isAlnum(c byte) bool { return isLetter(c) || isDigit(c) }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// common are the references that pages are full of; all others are looked up in
// the table of the standard library.
var common = map[string]string{
	"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "\"", "&apos;": "'", "&#39;": "'", "&#34;": "\"", "&#x27;": "'", "&#x2F;": "/",
	"&nbsp;": "\u00A0", "&#160;": "\u00A0", "&copy;": "\u00A9", "&para;": "\u00B6", "&laquo;": "\u00AB", "&raquo;": "\u00BB", "&middot;": "\u00B7",
	"&ndash;": "\u2013", "&mdash;": "\u2014", "&#8211;": "\u2013", "&#8212;": "\u2014", "&lsquo;": "\u2018", "&rsquo;": "\u2019", "&#8217;": "\u2019",
	"&ldquo;": "\u201C", "&rdquo;": "\u201D", "&#8220;": "\u201C", "&#8221;": "\u201D", "&hellip;": "\u2026", "&#8230;": "\u2026", "&bull;": "\u2022",
	"&rarr;": "\u2192", "&larr;": "\u2190", "&times;": "\u00D7", "&trade;": "\u2122", "&reg;": "\u00AE",
}

// reference returns what ref stands for; ref itself if it is no reference.
func reference(ref string, inValue, assigned bool) string {
	if len(ref) < 3 {
		return ref
	}
	if read, ok := common[ref]; ok {
		return read
	}
	if ref[1] == '#' {
		return numeric(ref)
	}
	read := html.UnescapeString(ref)
	switch {
	case !inValue:
		return read
	case strings.HasSuffix(ref, ";"):
		if strings.HasSuffix(read, ";") && ref != "&semi;" { // only a part of the name is one
			return ref
		}
		return read
	case assigned, utf8.RuneCountInString(read) != 1: // likewise
		return ref
	}
	return read
}

// numeric reads a reference by number, which letters may follow.
func numeric(ref string) string {
	digits, base := ref[2:], rune(10)
	if digits[0]|0x20 == 'x' {
		digits, base = digits[1:], 16
	}
	n, end := rune(0), 0
	for ; end < len(digits); end++ {
		d, ok := hexDigit(digits[end])
		if !ok || d >= base {
			break
		}
		n = min(n*base+d, utf8.MaxRune+1)
	}
	rest := strings.TrimPrefix(digits[end:], ";")
	switch {
	case end == 0:
		return ref
	case 0x80 <= n && n < 0xA0: // as Windows has it
		return html.UnescapeString("&#"+strconv.Itoa(int(n))+";") + rest
	case n == 0 || n > utf8.MaxRune:
		n = utf8.RuneError
	}
	return string(n) + rest // a surrogate becomes U+FFFD
}
