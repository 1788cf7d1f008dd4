package store

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// coding is how values of one type are written in the head of a page's record.
type coding[T any] struct {
	put  func(b []byte, v T) (_ []byte, done bool) // done is false for what it cannot say
	get  func(c *cursor) T
	skip func(c *cursor)
}

// field is the field of Page with a name, which at returns.
func field[T comparable](name string, how coding[T], at func(*Page) *T) headField {
	return headField{
		set: FieldsOf(name),
		put: func(b []byte, p *Page) (_ []byte, done bool) {
			var zero T
			v := at(p)
			if *v == zero {
				return b, false
			}
			if b, done = how.put(b, *v); done {
				*v = zero
			}
			return b, done
		},
		get:  func(c *cursor, p *Page) { *at(p) = how.get(c) },
		skip: how.skip,
	}
}

type integer interface {
	~int | ~int64 | ~uint8 | ~uint16 | ~uint32
}

// numbers are unsigned varints.
func numbers[T integer]() coding[T] {
	return coding[T]{
		put: func(b []byte, v T) ([]byte, bool) {
			if v < 0 {
				return b, false
			}
			return binary.AppendUvarint(b, uint64(v)), true
		},
		get:  number[T],
		skip: func(c *cursor) { c.number() },
	}
}

func number[T integer](c *cursor) T {
	n := c.number()
	if v := T(n); v >= 0 && uint64(v) == n {
		return v
	}
	c.fail()
	return 0
}

// flags are there or not.
var flags = coding[bool]{
	put:  func(b []byte, _ bool) ([]byte, bool) { return b, true },
	get:  func(*cursor) bool { return true },
	skip: func(*cursor) {},
}

// texts are their length and bytes.
var texts = coding[string]{
	put:  func(b []byte, v string) ([]byte, bool) { return appendText(b, v), true },
	get:  func(c *cursor) string { return string(c.slice(c.count(1))) },
	skip: skipText,
}

func skipText(c *cursor) { c.slice(c.count(1)) }

// terms are 1 + their number in pageTerms, or 0 and a text.
var terms = coding[string]{
	put: func(b []byte, v string) ([]byte, bool) {
		if n, ok := pageTermNumbers[v]; ok {
			return binary.AppendUvarint(b, uint64(n+1)), true
		}
		return appendText(append(b, 0), v), true
	},
	get: func(c *cursor) string {
		switch n := c.number(); {
		case n == 0:
			return texts.get(c)
		case n <= uint64(len(pageTerms)):
			return pageTerms[n-1]
		}
		c.fail()
		return ""
	},
	skip: func(c *cursor) {
		if c.number() == 0 {
			skipText(c)
		}
	},
}

// pageTerms are frequent values. The list may only grow.
var pageTerms = [...]string{
	"HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/3.0",
	"html", "xml", "sitemap", "feed", "css", "text", "binary", "pdf",
	"text/html", "application/xhtml+xml", "text/plain", "text/css", "text/xml", "application/xml", "application/rss+xml", "application/atom+xml",
	"application/json", "application/pdf", "text/javascript", "application/javascript", "application/octet-stream",
	"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml", "image/avif", "image/x-icon", "image/vnd.microsoft.icon",
	"font/woff", "font/woff2", "video/mp4", "application/zip", "application/manifest+json",
	"utf-8", "windows-1252", "iso-8859-2", "windows-1250", "windows-1251", "koi8-r", "shift_jis", "euc-jp", "euc-kr", "gbk", "gb18030", "big5", "utf-16le",
	"bom", "header", "meta", "detected", "default",
	"gzip", "br", "zstd", "deflate",
	"en", "en-US", "en-us", "en-GB", "de", "de-DE", "fr", "fr-FR", "es", "es-ES", "it", "it-IT", "nl", "pl", "pt", "pt-BR", "ru", "ru-RU", "ja", "ko", "zh", "zh-CN", "sv", "cs", "tr",
}

var pageTermNumbers = func() map[string]int {
	numbers := make(map[string]int, len(pageTerms))
	for i, t := range pageTerms {
		numbers[t] = i
	}
	return numbers
}()

// moments are nanoseconds since 1970, eight bytes, from 1678 to 2262.
var moments = coding[time.Time]{
	put: func(b []byte, v time.Time) ([]byte, bool) {
		ns := v.UnixNano()
		if !time.Unix(0, ns).Equal(v) {
			return b, false
		}
		return binary.BigEndian.AppendUint64(b, uint64(ns)), true
	},
	get: func(c *cursor) time.Time {
		if raw := c.slice(8); raw != nil {
			return time.Unix(0, int64(binary.BigEndian.Uint64(raw)))
		}
		return time.Time{}
	},
	skip: skipBytes(8),
}

// dates are times as HTTP writes them: seconds since 1970, four bytes.
var dates = coding[string]{
	put: func(b []byte, v string) ([]byte, bool) {
		t, ok := readDate(v)
		if !ok || t.Unix() != int64(uint32(t.Unix())) {
			return b, false
		}
		return binary.BigEndian.AppendUint32(b, uint32(t.Unix())), true
	},
	get: func(c *cursor) string {
		if raw := c.slice(4); raw != nil {
			return string(appendDate(nil, time.Unix(int64(binary.BigEndian.Uint32(raw)), 0).UTC()))
		}
		return ""
	},
	skip: skipBytes(4),
}

const (
	days   = "SunMonTueWedThuFriSat"
	months = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

// appendDate is AppendFormat with http.TimeFormat, several times as fast.
func appendDate(b []byte, t time.Time) []byte {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	two := func(n int) { b = append(b, byte('0'+n/10%10), byte('0'+n%10)) }
	b = append(append(b, days[3*t.Weekday():][:3]...), ", "...)
	two(day)
	b = append(append(append(b, ' '), months[3*(month-1):][:3]...), ' ')
	two(year / 100)
	two(year)
	b = append(b, ' ')
	two(hour)
	b = append(b, ':')
	two(minute)
	b = append(b, ':')
	two(second)
	return append(b, " GMT"...)
}

// readDate is the inverse of appendDate; ok is false for what that did not write.
func readDate(v string) (t time.Time, ok bool) {
	if len(v) != len(http.TimeFormat) {
		return t, false
	}
	number := func(from, to int) (n int) {
		for _, c := range []byte(v[from:to]) {
			n = 10*n + int(c-'0')
		}
		return n
	}
	month := time.Month(strings.Index(months, v[8:11])/3 + 1)
	t = time.Date(number(12, 16), month, number(5, 7), number(17, 19), number(20, 22), number(23, 25), 0, time.UTC)
	var room [len(http.TimeFormat)]byte
	return t, string(appendDate(room[:0], t)) == v
}

// ips are addresses: their length and bytes.
var ips = coding[string]{
	put: func(b []byte, v string) ([]byte, bool) {
		ip, err := netip.ParseAddr(v)
		if err != nil || ip.Zone() != "" || ip.String() != v {
			return b, false
		}
		return appendText(b, string(ip.AsSlice())), true
	},
	get: func(c *cursor) string {
		ip, ok := netip.AddrFromSlice(c.slice(c.count(1)))
		if !ok {
			c.fail()
			return ""
		}
		return ip.String()
	},
	skip: skipText,
}

// sums are eight bytes.
var sums = coding[uint64]{
	put: func(b []byte, v uint64) ([]byte, bool) { return binary.BigEndian.AppendUint64(b, v), true },
	get: func(c *cursor) uint64 {
		if raw := c.slice(8); raw != nil {
			return binary.BigEndian.Uint64(raw)
		}
		return 0
	},
	skip: skipBytes(8),
}

// places are the segment, the offset unless that is 0, and the length.
var places = coding[Place]{
	put: func(b []byte, v Place) ([]byte, bool) {
		if v.Offset < 0 || v.Length < 0 || v.Segment == 0 && v.Offset != 0 {
			return b, false
		}
		if b = binary.AppendUvarint(b, uint64(v.Segment)); v.Segment != 0 {
			b = binary.AppendUvarint(b, uint64(v.Offset))
		}
		return binary.AppendUvarint(b, uint64(v.Length)), true
	},
	get: func(c *cursor) (v Place) {
		if v.Segment = number[uint32](c); v.Segment != 0 {
			v.Offset = number[int64](c)
		}
		v.Length = number[int64](c)
		return v
	},
	skip: func(c *cursor) {
		if c.number() != 0 {
			c.number()
		}
		c.number()
	},
}

func skipBytes(n int) func(*cursor) { return func(c *cursor) { c.slice(n) } }

// bytesField is a field that is an array of bytes: they are as they are.
func bytesField(name string, at func(*Page) []byte) headField {
	n := len(at(new(Page)))
	zero := make([]byte, n)
	return headField{
		set: FieldsOf(name),
		put: func(b []byte, p *Page) ([]byte, bool) {
			v := at(p)
			if bytes.Equal(v, zero) {
				return b, false
			}
			b = append(b, v...)
			clear(v)
			return b, true
		},
		get:  func(c *cursor, p *Page) { copy(at(p), c.slice(n)) },
		skip: skipBytes(n),
	}
}

// pathField is a field with an address: how many bytes it has in common with the
// path of the page's URL, in one byte, and the rest, a text.
func pathField(name string, at func(*Page) *string) headField {
	return headField{
		set: FieldsOf(name),
		put: func(b []byte, p *Page) ([]byte, bool) {
			v := at(p)
			if *v == "" {
				return b, false
			}
			n := shared(p.path(), *v)
			b = appendText(append(b, byte(n)), (*v)[n:])
			*v = ""
			return b, true
		},
		get: func(c *cursor, p *Page) {
			own, n := p.path(), 0
			if raw := c.slice(1); raw != nil {
				n = int(raw[0])
			}
			if n > len(own) {
				c.fail()
				return
			}
			*at(p) = own[:n] + string(c.slice(c.count(1)))
		},
		skip: func(c *cursor) {
			c.slice(1)
			skipText(c)
		},
	}
}

// path is what follows the origin of the page's URL.
func (p *Page) path() string { return p.URL.String()[len(p.URL.Origin()):] }
