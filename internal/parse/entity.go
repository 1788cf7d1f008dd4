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
		b, s = append(b, s[:i]...), s[i:]
		if c, length := markupSign(s); length > 0 {
			b, s = append(b, c), s[length:]
			continue
		}
		n := 1 + referenceLen(s[1:])
		if ref := s[:n]; n > 2 && ref[1] == '#' {
			b = appendNumeric(b, ref)
		} else {
			b = append(b, reference(ref, inValue, strings.HasPrefix(s[n:], "="))...)
		}
		s = s[n:]
	}
}

// markupSign reads the references that pages about code are full of.
func markupSign(s string) (c byte, length int) {
	switch {
	case strings.HasPrefix(s, "&lt;"):
		return '<', len("&lt;")
	case strings.HasPrefix(s, "&gt;"):
		return '>', len("&gt;")
	case strings.HasPrefix(s, "&amp;"):
		return '&', len("&amp;")
	}
	return 0, 0
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
	"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "\"", "&apos;": "'",
	"&nbsp;": "\u00A0", "&copy;": "\u00A9", "&para;": "\u00B6", "&laquo;": "\u00AB", "&raquo;": "\u00BB", "&middot;": "\u00B7",
	"&ndash;": "\u2013", "&mdash;": "\u2014", "&lsquo;": "\u2018", "&rsquo;": "\u2019",
	"&ldquo;": "\u201C", "&rdquo;": "\u201D", "&hellip;": "\u2026", "&bull;": "\u2022",
	"&rarr;": "\u2192", "&larr;": "\u2190", "&times;": "\u00D7", "&trade;": "\u2122", "&reg;": "\u00AE",
}

// reference returns what ref, by name, stands for; ref itself if it is no
// reference.
func reference(ref string, inValue, assigned bool) string {
	if len(ref) < 3 {
		return ref
	}
	if read, ok := common[ref]; ok {
		return read
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

// appendNumeric appends what a reference by number stands for, and the letters
// that may follow it.
func appendNumeric(b []byte, ref string) []byte {
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
		return append(b, ref...)
	case 0x80 <= n && n < 0xA0: // as Windows has it
		b = append(b, html.UnescapeString("&#"+strconv.Itoa(int(n))+";")...)
	case n == 0 || n > utf8.MaxRune:
		b = append(b, "\uFFFD"...)
	default:
		b = utf8.AppendRune(b, n) // U+FFFD for a surrogate
	}
	return append(b, rest...)
}
