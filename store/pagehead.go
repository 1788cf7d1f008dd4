package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// The record of a Page does without the names of the fields that most pages have:
//
//	version  pageVersion
//	has      number: the first bit for a rest, then one for each of heads
//	rest     length, MessagePack map: the fields that the head has not
//	head     the fields that has names, in the order of heads
//
// Numbers are unsigned varints; how a field is written is said in pagecoding.go.
// A record of recordVersion, of an earlier program, is such a map alone. What is
// in neither is zero, or what slim.go says.
const pageVersion = 2

// headField is a field that a head may have.
type headField struct {
	set PageFields // the field
	// put appends the value and takes it away from the page. What is zero, and what
	// cannot be said so, it leaves: the latter is for the rest.
	put  func(b []byte, p *Page) (_ []byte, done bool)
	get  func(c *cursor, p *Page)
	skip func(c *cursor)
}

// heads are the fields of a head. The list may only grow.
var heads = [...]headField{
	field("Try", numbers[uint16](), func(p *Page) *uint16 { return &p.Try }),
	field("Fetched", moments, func(p *Page) *time.Time { return &p.Fetched }),
	field("TTFB", numbers[time.Duration](), func(p *Page) *time.Duration { return &p.TTFB }),
	field("Took", numbers[time.Duration](), func(p *Page) *time.Duration { return &p.Took }),
	field("Status", numbers[int](), func(p *Page) *int { return &p.Status }),
	field("Proto", terms, func(p *Page) *string { return &p.Proto }),
	field("Addr", ips, func(p *Page) *string { return &p.Addr }),
	field("Type", terms, func(p *Page) *string { return &p.Type }),
	field("MIME", terms, func(p *Page) *string { return &p.MIME }),
	field("Charset", terms, func(p *Page) *string { return &p.Charset }),
	field("CharsetBy", terms, func(p *Page) *string { return &p.CharsetBy }),
	field("Size", numbers[int64](), func(p *Page) *int64 { return &p.Size }),
	bytesField("Hash", func(p *Page) []byte { return p.Hash[:] }),
	field("Modified", dates, func(p *Page) *string { return &p.Modified }),
	field("Title", texts, func(p *Page) *string { return &p.Title }),
	field("H1", texts, func(p *Page) *string { return &p.H1 }),
	field("Description", texts, func(p *Page) *string { return &p.Description }),
	field("Lang", terms, func(p *Page) *string { return &p.Lang }),
	field("Words", numbers[int](), func(p *Page) *int { return &p.Words }),
	bytesField("TextHash", func(p *Page) []byte { return p.TextHash[:] }),
	field("Simhash", sums, func(p *Page) *uint64 { return &p.Simhash }),
	field("Depth", numbers[int](), func(p *Page) *int { return &p.Depth }),
	pathField("From", func(p *Page) *string { return &p.From }),
	field("Links", numbers[int](), func(p *Page) *int { return &p.Links }),
	field("LinksOf", numbers[RunID](), func(p *Page) *RunID { return &p.LinksOf }),
	field("Request", places, func(p *Page) *Place { return &p.Request }),
	field("Record", places, func(p *Page) *Place { return &p.Record }),

	field("Encoding", terms, func(p *Page) *string { return &p.Encoding }),
	field("Wire", numbers[int64](), func(p *Page) *int64 { return &p.Wire }),
	field("ETag", texts, func(p *Page) *string { return &p.ETag }),
	field("FreshFor", numbers[time.Duration](), func(p *Page) *time.Duration { return &p.FreshFor }),
	pathField("Canonical", func(p *Page) *string { return &p.Canonical }),
	field("Canonicals", numbers[int](), func(p *Page) *int { return &p.Canonicals }),
	field("Kind", numbers[uint8](), func(p *Page) *uint8 { return &p.Kind }),
	field("NoIndex", flags, func(p *Page) *bool { return &p.NoIndex }),
	field("NoFollow", flags, func(p *Page) *bool { return &p.NoFollow }),
	field("Hops", numbers[int](), func(p *Page) *int { return &p.Hops }),
	pathField("Redirect", func(p *Page) *string { return &p.Redirect }),

	field("NotModified", flags, func(p *Page) *bool { return &p.NotModified }),
	field("Unchanged", flags, func(p *Page) *bool { return &p.Unchanged }),
	field("FirstSeen", moments, func(p *Page) *time.Time { return &p.FirstSeen }),
	field("Changed", moments, func(p *Page) *time.Time { return &p.Changed }),
	field("Payload", places, func(p *Page) *Place { return &p.Payload }),
	field("PayloadAt", moments, func(p *Page) *time.Time { return &p.PayloadAt }),

	bodiless,
}

// bodiless is Wire where that is zero and Size is not, which slim says as -1: so
// is every answer 304. Earlier programs had it in the rest.
var bodiless = headField{
	set: wireField,
	put: func(b []byte, p *Page) ([]byte, bool) {
		is := p.Wire == -1
		if is {
			p.Wire = 0
		}
		return b, is
	},
	get:  func(_ *cursor, p *Page) { p.Wire = -1 },
	skip: func(*cursor) {},
}

// Bits of has.
const restBit = 1

func headBit(i int) uint64 { return restBit << (i + 1) }

// headBits are the bits of those of the fields that a head may have.
func headBits(fields PageFields) (set uint64) {
	for i := range heads {
		if fields.meets(heads[i].set) {
			set |= headBit(i)
		}
	}
	return set
}

// record makes the record of a page that is slim, and leaves of it what is no
// part of the head.
func (p *Page) record() ([]byte, error) {
	buf := scratch.Get().(*[]byte)
	defer scratch.Put(buf)
	b, has := (*buf)[:0], uint64(0)
	for i := range heads {
		var done bool
		if b, done = heads[i].put(b, p); done {
			has |= headBit(i)
		}
	}
	head := len(b)
	b, err := p.MarshalMsg(b)
	if err != nil {
		return nil, err
	}
	if cap(b) <= maxScratch {
		*buf = b
	}
	rest := b[head:]
	if n, _, err := msgp.ReadMapHeaderBytes(rest); n == 0 && err == nil {
		rest = nil
	}
	raw := make([]byte, 0, 1+2*binary.MaxVarintLen64+len(rest)+head)
	if raw = append(raw, pageVersion); len(rest) > 0 {
		raw = binary.AppendUvarint(raw, has|restBit)
		raw = append(binary.AppendUvarint(raw, uint64(len(rest))), rest...)
	} else {
		raw = binary.AppendUvarint(raw, has)
	}
	return append(raw, b[:head]...), nil
}

// openRecord tells what a head has, where it begins, and what the map is beside it.
func openRecord(raw []byte) (has uint64, head cursor, rest []byte, err error) {
	switch {
	case len(raw) > 0 && raw[0] == recordVersion:
		return 0, head, raw[1:], nil
	case len(raw) == 0 || raw[0] != pageVersion:
		return 0, head, nil, fmt.Errorf("record is %w: version %x", ErrDamaged, raw[:min(1, len(raw))])
	}
	head.raw = raw[1:]
	if has = head.number(); has&restBit != 0 {
		rest = head.slice(head.count(1))
	}
	if head.bad || has >= headBit(len(heads)) {
		return 0, head, nil, fmt.Errorf("record is %w: its head cannot be read", ErrDamaged)
	}
	return has &^ restBit, head, rest, nil
}

// head reads those fields of a head that are wanted, by their bits.
func (p *Page) head(c *cursor, has, wanted uint64) error {
	for wanted &= has; wanted != 0; has &= has - 1 {
		bit := has & -has
		field := &heads[bits.TrailingZeros64(bit)-1]
		if wanted&bit == 0 {
			field.skip(c)
			continue
		}
		field.get(c, p)
		wanted &^= bit
	}
	if c.bad {
		return fmt.Errorf("record is %w: its head is cut off", ErrDamaged)
	}
	return nil
}

// sameHeads tells whether two heads have the same of those fields that are wanted.
func sameHeads(x, y *cursor, hasX, hasY, wanted uint64) bool {
	if (hasX^hasY)&wanted != 0 {
		return false
	}
	for wanted &= hasX; wanted != 0; {
		bit := (hasX | hasY) & -(hasX | hasY)
		from, other, skip := x.at, y.at, heads[bits.TrailingZeros64(bit)-1].skip
		if hasX&bit != 0 {
			skip(x)
		}
		if hasY&bit != 0 {
			skip(y)
		}
		if wanted&bit != 0 && !bytes.Equal(x.raw[from:x.at], y.raw[other:y.at]) {
			return false
		}
		hasX, hasY, wanted = hasX&^bit, hasY&^bit, wanted&^bit
	}
	return !x.bad && !y.bad
}
