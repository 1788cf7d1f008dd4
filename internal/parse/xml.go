package parse

import (
	"bytes"
	"encoding/xml"
	"io"
	"maps"
	"strings"
)

// unexpanded stands for an entity that a document declares itself. Those are
// not expanded, neither from inside nor from outside the document: an address
// with one in it is dropped. It is a noncharacter, which no text may hold.
const unexpanded = "\uFDD0"

const (
	maxEntities = 1000     // entity declarations looked at
	maxField    = 64 << 10 // bytes of an XML field before it is cleaned
)

// xmlReader reads the tokens of an XML document leniently: as far as it goes.
type xmlReader struct {
	d       *xml.Decoder
	clock   *clock
	depth   int
	limit   int
	own     int    // entities that the document declares itself
	cut     string // "time" or "depth"
	problem string // the fault that ended reading
}

// newXMLReader reads a document in UTF-8.
func newXMLReader(doc []byte, limit int, c *clock) *xmlReader {
	d := xml.NewDecoder(bytes.NewReader(xmlText(doc)))
	d.Strict = false
	d.Entity = xml.HTMLEntity
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	return &xmlReader{d: d, clock: c, limit: limit}
}

// next returns the next token, nil at the end, wherever that is. The token is
// good until the next call.
func (x *xmlReader) next() xml.Token {
	if x.clock.late() {
		x.cut = "time"
		return nil
	}
	t, err := x.d.Token()
	if err != nil {
		if err != io.EOF {
			x.problem = strings.ToValidUTF8(cut(err.Error(), maxProblem), "\uFFFD")
		}
		return nil
	}
	switch t := t.(type) {
	case xml.StartElement:
		if x.depth++; x.depth > x.limit {
			x.cut = "depth"
			return nil
		}
	case xml.EndElement:
		x.depth--
	case xml.Directive:
		x.declare(t)
	}
	return t
}

// declare makes the entities that a DOCTYPE declares unexpanded. Those past
// the limit stay as they are written, which expands them no more.
func (x *xmlReader) declare(d xml.Directive) {
	for x.own < maxEntities {
		_, rest, found := bytes.Cut(d, []byte("<!ENTITY"))
		if !found {
			return
		}
		d = rest
		if x.own++; x.own == 1 {
			x.d.Entity = maps.Clone(x.d.Entity) // the known ones are shared
		}
		if f := bytes.Fields(d[:min(len(d), 256)]); len(f) > 0 {
			x.d.Entity[string(f[0])] = unexpanded
		}
	}
}

// xmlText makes doc readable for encoding/xml: without the XML declaration,
// whose encoding is dealt with already and whose version must not matter, and
// with blanks for characters that XML forbids.
func xmlText(doc []byte) []byte {
	doc = bytes.TrimLeft(doc, space+"\uFEFF")
	if bytes.HasPrefix(doc, []byte("<?xml")) {
		if _, rest, ok := bytes.Cut(doc, []byte("?>")); ok {
			doc = rest
		}
	}
	if bytes.IndexFunc(doc, forbidden) < 0 {
		return doc
	}
	return bytes.Map(func(r rune) rune {
		if forbidden(r) {
			return ' '
		}
		return r
	}, doc)
}

func forbidden(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

// xmlAttr returns the attribute of that name without a namespace.
func xmlAttr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Space == "" && strings.EqualFold(a.Name.Local, name) {
			return a.Value
		}
	}
	return ""
}
