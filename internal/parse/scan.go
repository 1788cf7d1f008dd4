package parse

import (
	"math/bits"
	"strings"
)

// token is what scanner.next met.
type token uint8

const (
	endToken   token = iota // of the document
	textToken               // text as written, see scanner.text
	startToken              // a start tag
	closeToken              // an end tag
)

// scanner splits a document into tags and text, as the tokenizer of the HTML
// standard does (13.2.5), and passes over comments, declarations and what is
// no tag. It copies nothing: what it returns are parts of the document as they
// are written there; decodeText and decodeValue read them.
//
// What comes after a start tag is markup unless whoever reads the tag sets raw:
// which elements hold raw text depends on where they stand.
type scanner struct {
	src   string
	room  *[]byte // where values are decoded, which last as long as it is only appended to; nil: each on its own
	odd   bool    // src holds a CR or a NUL
	pos   int
	raw   rawKind // how to read on
	cdata bool    // <![CDATA[ is such a section: in SVG and MathML

	// The token at hand.
	text   span
	plain  bool // text holds no character references
	amp    int  // the next "&", unless text is behind it
	nameAt span // of a tag
	elem   elem
	closed bool            // the tag ends in "/>"
	has    uint64          // which attributes of attrNames a start tag has
	values [attrCount]span // their values, valid where has says so
}

// span is a part of the document.
type span struct{ start, end int }

func (s *scanner) at(p span) string { return s.src[p.start:p.end] }

// name returns the name of the tag at hand as it is written.
func (s *scanner) name() string { return s.at(s.nameAt) }

func newScanner(src string) scanner {
	return scanner{src: src, amp: -1, odd: strings.IndexByte(src, '\r') >= 0 || strings.IndexByte(src, 0) >= 0}
}

// next moves to the next token. Text may come in several pieces on end.
func (s *scanner) next() token {
	if s.raw != rawNone {
		if s.readRaw(); s.text.end > s.text.start {
			return textToken
		}
	}
	s.plain = false
	src, start := s.src, s.pos
	for i := start; ; {
		if i >= len(src) || src[i] != '<' {
			i = indexFrom(src, '<', i)
		}
		if i+1 >= len(src) {
			return s.rest(start)
		}
		kind, name := startToken, i+1
		if src[name] == '/' {
			if kind, name = closeToken, i+2; name == len(src) {
				return s.rest(start)
			}
		}
		switch c := src[name]; {
		case isLetter(c):
			if i > start {
				return s.piece(start, i)
			}
			return s.tag(name, kind)
		case kind == closeToken || c == '!' || c == '?':
			if i > start {
				return s.piece(start, i)
			}
			if s.markup(i) {
				return textToken
			}
			start, i = s.pos, s.pos
		default:
			i++
		}
	}
}

// piece returns the text from start up to end, where something else begins.
func (s *scanner) piece(start, end int) token {
	s.text, s.pos = span{start, end}, end
	return textToken
}

// rest returns what is left as text.
func (s *scanner) rest(start int) token {
	s.text, s.pos = span{start, len(s.src)}, len(s.src)
	if start == len(s.src) {
		return endToken
	}
	return textToken
}

// written returns the text at hand as it is written, and whether there are
// character references to be read in it.
func (s *scanner) written() (text string, coded bool) {
	if s.plain {
		return s.at(s.text), false
	}
	if s.amp < s.text.start {
		s.amp = indexFrom(s.src, '&', s.text.start)
	}
	return s.at(s.text), s.amp < s.text.end
}

// readable returns the text at hand with its character references read.
func (s *scanner) readable() string {
	text, coded := s.written()
	if s.odd {
		text = strings.ReplaceAll(text, "\x00", "\uFFFD")
	}
	if coded {
		return decodeText(text)
	}
	return text
}

// indexFrom returns the index of the next c from i on, the length of s for none.
func indexFrom(s string, c byte, i int) int {
	if i+8 <= len(s) {
		v := load(s, i) ^ uint64(c)*eachByte
		if m := (v - eachByte) &^ v & highBits; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
		i += 8
	}
	if n := strings.IndexByte(s[i:], c); n >= 0 {
		return i + n
	}
	return len(s)
}

// markup reads what begins at i with "</", "<!" or "<?" and is no tag, and
// reports whether it was text; else pos is behind it.
func (s *scanner) markup(i int) (isText bool) {
	rest := s.src[i+2:]
	switch {
	case s.src[i+1] == '!' && strings.HasPrefix(rest, "--"):
		s.pos = i + 4 + commentEnd(rest[2:])
	case s.src[i+1] == '!' && s.cdata && strings.HasPrefix(rest, "[CDATA["):
		text, _, _ := strings.Cut(rest[7:], "]]>")
		s.text, s.plain = span{i + 9, i + 9 + len(text)}, true
		s.pos = min(i+9+len(text)+3, len(s.src))
		return text != ""
	default: // a declaration, or a comment that is none
		end := strings.IndexByte(rest, '>')
		if end < 0 {
			end = len(rest) - 1
		}
		s.pos = i + 2 + end + 1
	}
	return false
}

// commentEnd returns the length of a comment without its "<!--": to "-->" or
// "--!>", whose dashes may be those of the beginning, or to the end.
func commentEnd(s string) int {
	switch {
	case strings.HasPrefix(s, ">"):
		return 1
	case strings.HasPrefix(s, "->"):
		return 2
	}
	for i := 0; ; {
		n := strings.IndexByte(s[i:], '>')
		if n < 0 {
			return len(s)
		}
		i += n + 1
		if before := s[:i-1]; strings.HasSuffix(before, "--") || strings.HasSuffix(before, "--!") {
			return i
		}
	}
}

// tag reads a tag of that kind whose name begins at i. A tag that the document
// ends in is none.
func (s *scanner) tag(i int, kind token) token {
	src := s.src
	s.has, s.closed = 0, false
	if key, end := plainName(src, i, '>'); end > 0 { // most tags are no more
		if slot := &elemByName.at[slotOf(key, end-i)]; slot.key == key && int(slot.length) == end-i && !slot.weak {
			s.nameAt, s.elem, s.pos = span{i, end}, elem(slot.number), end+1
			return kind
		}
	}
	key, end := nameFrom(src, i, endsName)
	s.nameAt, s.elem = span{i, end}, elem(elemByName.find(key, src[i:end]))
	if end < len(src) && src[end] == '>' {
		s.pos = end + 1
		return kind
	}
	if s.pos = s.attributes(end); s.pos < 0 {
		s.pos = len(src)
		return endToken
	}
	return kind
}

// Where names end.
const (
	endsName  = 1 << iota // of a tag: white space, "/", ">"
	endsAttr              // of an attribute: also "="
	endsValue             // an unquoted value: white space, ">"
	blank                 // between attributes: white space, "/"
)

var tagBytes = func() (t [256]uint8) {
	for _, c := range []byte(space) {
		t[c] = endsName | endsAttr | endsValue | blank
	}
	t['/'] = endsName | endsAttr | blank
	t['>'] = endsName | endsAttr | endsValue
	t['='] = endsAttr
	return t
}()

// attributes reads from the end of the name on and returns what is behind the
// tag, -1 if the document ends before. Of attributes with one name the first
// counts.
func (s *scanner) attributes(i int) int {
	src, everywhere := s.src, is(s.elem, reading)
	for {
		end := i // of what came before
		for i < len(src) && tagBytes[src[i]]&blank != 0 {
			i++
		}
		if i >= len(src) {
			return -1
		}
		if src[i] == '>' {
			s.closed = i > end && src[i-1] == '/'
			return i + 1
		}
		start := i
		var value span
		key, nameEnd := plainName(src, start, '=')
		if nameEnd > 0 && nameEnd+1 < len(src) && src[nameEnd+1] == '"' { // as most are written
			value = span{nameEnd + 2, indexFrom(src, '"', nameEnd+2)}
			i = value.end + 1
		} else {
			key, nameEnd = nameFrom(src, start, endsAttr)
			value, i = valueAfter(src, nameEnd)
		}
		if i < 0 || i > len(src) {
			return -1
		}
		if !everywhere && !anyTag[src[start]] {
			continue
		}
		id := attrID(attrByName.find(key, src[start:nameEnd]))
		if bit := uint64(1) << id; id != attrOther && s.has&bit == 0 {
			s.has |= bit
			s.values[id] = value
		}
	}
}

// anyTag has the first letters of the attributes that are read of every element:
// style, role and those of microdata. Of elements without the trait reading no
// others are.
var anyTag = [256]bool{'s': true, 'S': true, 'r': true, 'R': true, 'i': true, 'I': true}

// valueAfter reads the value that the name which ends at i may have, and returns
// where that ends, -1 for behind the end of the document.
func valueAfter(src string, i int) (value span, end int) {
	for i < len(src) && isSpace(src[i]) {
		i++
	}
	if i >= len(src) || src[i] != '=' {
		return span{}, i
	}
	i++
	for i < len(src) && isSpace(src[i]) {
		i++
	}
	if i >= len(src) {
		return span{}, -1
	}
	start := i
	if q := src[i]; q == '"' || q == '\'' {
		if end = indexFrom(src, q, i+1); end == len(src) {
			return span{}, -1
		}
		return span{i + 1, end}, end + 1
	}
	for i < len(src) && tagBytes[src[i]]&endsValue == 0 {
		i++
	}
	return span{start, i}, i
}

// attr returns an attribute of the tag at hand, read.
func (s *scanner) attr(id attrID) (string, bool) {
	if s.has&(1<<id) == 0 {
		return "", false
	}
	v := s.at(s.values[id])
	switch {
	case s.odd || s.room == nil:
		return decodeValue(v), true
	case strings.IndexByte(v, '&') < 0:
		return v, true
	}
	start := len(*s.room)
	*s.room = appendDecoded(*s.room, v, true)
	return readOnly((*s.room)[start:]), true
}

// value returns an attribute of the tag at hand, "" if it is not there.
func (s *scanner) value(id attrID) string {
	v, _ := s.attr(id)
	return v
}
