package store

import (
	"fmt"
	"strings"
	"time"
)

// The record of a Page leaves out what the rest of it says, and most of what
// it says of addresses:
//
//	FirstSeen, Changed, PayloadAt  zero: Fetched, PayloadAt in microseconds
//	Wire                           zero: Size; -1: zero
//	Payload                        zero: Record; nowhere: there is none
//	PayloadURL                     "": what was asked for
//	Request                        without a segment: it lies right before Record
//	Redirect, Canonical, Next,     "=": the page's own URL; what begins with a slash is
//	Prev, From, PayloadURL         at the page's origin
//
// Whoever reads a record in parts must read what a field depends on, too: whole
// tells what that is.

// payloadFields and addressFields are left out or shortened together.
var (
	payloadFields = FieldsOf("Payload", "PayloadURL", "PayloadAt")
	wireField     = FieldsOf("Wire")
	addressFields = FieldsOf("Redirect", "Canonical", "Next", "Prev", "From", "PayloadURL")
)

// slimmed are fields that are left out, and what says then what they are.
var slimmed = []struct{ fields, by PageFields }{
	{payloadFields, payloadFields.With(FieldsOf("Record", "Fetched", "Asked"))},
	{FieldsOf("Request"), FieldsOf("Record")},
	{FieldsOf("FirstSeen", "Changed"), FieldsOf("Fetched")},
	{wireField, FieldsOf("Size")},
}

// whole returns the fields of f and those that they depend on.
func (f PageFields) whole() PageFields {
	for _, s := range slimmed {
		if f.meets(s.fields) {
			f = f.With(s.by)
		}
	}
	return f
}

// needURL tells whether one of the fields depends on the page's URL.
func (f PageFields) needURL() bool { return f.meets(addressFields) || f.meets(payloadFields) }

func (f PageFields) meets(g PageFields) bool {
	return !(PageFields{f[0] & g[0], f[1] & g[1]}).IsEmpty()
}

// nowhere is the payload of a visit that has a record and none.
var nowhere = Place{Offset: -1}

// encodePage makes the record of p.
func encodePage(p *Page) ([]byte, error) {
	q := *p
	q.slim()
	return q.record()
}

// decodePage is its inverse; p has URL and Run.
func decodePage(raw []byte, p *Page) error {
	has, head, rest, err := openRecord(raw)
	if err == nil && len(rest) > 0 {
		err = decodeMap(rest, p)
	}
	if err == nil {
		err = p.head(&head, has, has)
	}
	if err == nil && head.left() > 0 {
		err = fmt.Errorf("record is %w: %d bytes are left of it", ErrDamaged, head.left())
	}
	if err == nil {
		p.expand(AllFields)
	}
	return err
}

func (p *Page) slim() {
	if p.Payload.Segment != 0 {
		if p.PayloadURL == p.Address() {
			p.PayloadURL = ""
		}
		p.PayloadAt = unless(p.PayloadAt, warcTime(p.Fetched))
	}
	switch p.Payload {
	case p.Record:
		p.Payload = Place{}
	case Place{}:
		p.Payload = nowhere
	}
	if p.Request.Segment == p.Record.Segment && p.Request.Offset+p.Request.Length == p.Record.Offset {
		p.Request.Segment, p.Request.Offset = 0, 0
	}
	p.FirstSeen, p.Changed = unless(p.FirstSeen, p.Fetched), unless(p.Changed, p.Fetched)
	switch p.Wire {
	case p.Size:
		p.Wire = 0
	case 0:
		p.Wire = -1
	}
	own, origin := p.URL.String(), p.URL.Origin()
	for _, s := range p.addresses() {
		if *s == own {
			*s = "="
		} else if rest, ok := strings.CutPrefix(*s, origin); ok && strings.HasPrefix(rest, "/") {
			*s = rest
		}
	}
}

// expand undoes slim for these fields, which were read just now.
func (p *Page) expand(in PageFields) {
	if in.meets(addressFields) {
		own, origin := p.URL.String(), p.URL.Origin()
		for _, s := range p.addresses() {
			if *s == "=" {
				*s = own
			} else if strings.HasPrefix(*s, "/") {
				*s = origin + *s
			}
		}
	}
	if in.meets(wireField) {
		p.expandWire()
	}
	p.FirstSeen, p.Changed = or(p.FirstSeen, p.Fetched), or(p.Changed, p.Fetched)
	if p.Request.Segment == 0 && p.Request.Length > 0 {
		p.Request.Segment, p.Request.Offset = p.Record.Segment, p.Record.Offset-p.Request.Length
	}
	if in.meets(payloadFields) {
		p.expandPayload()
	}
}

func (p *Page) expandWire() {
	switch p.Wire {
	case 0:
		p.Wire = p.Size
	case -1:
		p.Wire = 0
	}
}

func (p *Page) expandPayload() {
	switch p.Payload {
	case Place{}:
		p.Payload = p.Record
	case nowhere:
		p.Payload = Place{}
	}
	if p.Payload.Segment != 0 {
		if p.PayloadURL == "" {
			p.PayloadURL = p.Address()
		}
		p.PayloadAt = or(p.PayloadAt, warcTime(p.Fetched))
	}
}

// addresses are the fields that hold whole addresses, or nothing.
func (p *Page) addresses() [6]*string {
	return [...]*string{&p.Redirect, &p.Canonical, &p.Next, &p.Prev, &p.From, &p.PayloadURL}
}

// unless is t, or no time if it is the same as another.
func unless(t, other time.Time) time.Time {
	if t.Equal(other) {
		return time.Time{}
	}
	return t
}

func or(t, other time.Time) time.Time {
	if t.IsZero() {
		return other
	}
	return t
}
