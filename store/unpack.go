package store

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"sync"
)

// cursor reads what may be damaged. Its methods return zero values once bad is
// set.
type cursor struct {
	raw []byte
	at  int
	bad bool
}

func (c *cursor) left() int { return len(c.raw) - c.at }

func (c *cursor) number() uint64 {
	v, n := binary.Uvarint(c.raw[c.at:])
	if n <= 0 {
		c.fail()
		return 0
	}
	c.at += n
	return v
}

// count reads a number of things that take at least size bytes each.
func (c *cursor) count(size int) int {
	n := c.number()
	if n > uint64(c.left()/size) {
		c.fail()
		return 0
	}
	return int(n)
}

// slice returns the next n bytes; they are part of what is read.
func (c *cursor) slice(n int) []byte {
	if n > c.left() {
		c.fail()
		return nil
	}
	c.at += n
	return c.raw[c.at-n : c.at]
}

func (c *cursor) fail() { c.at, c.bad = len(c.raw), true }

// reader is a cursor whose texts are part of one.
type reader struct {
	cursor
	text string // the same as raw, once bytes was called
}

func newReader(raw []byte) *reader { return &reader{cursor: cursor{raw: raw}} }

// bytes returns the next n bytes.
func (r *reader) bytes(n int) string {
	if n > r.left() {
		r.fail()
		return ""
	}
	if r.text == "" {
		r.text = string(r.raw)
	}
	r.at += n
	return r.text[r.at-n : r.at]
}

func (r *reader) byte() byte {
	if s := r.slice(1); s != nil {
		return s[0]
	}
	return 0
}

func (r *reader) string() string { return r.bytes(r.count(1)) }

func (r *reader) word() string {
	switch n := r.number(); {
	case n == 0:
		return r.string()
	case n <= uint64(len(words)):
		return words[n-1]
	}
	r.fail()
	return ""
}

func (r *reader) shape() shape {
	return shape{flags: r.byte(), element: r.word(), attr: r.word(), place: r.word(), rel: r.word()}
}

// unpacker gathers links. Their targets come into being in done, all at once, or
// are never made, see all.
type unpacker struct {
	origin   string // of the page
	links    []Link
	textless bool // no text is made of what links say
	room
}

// room is memory for one unpacker after the other.
type room struct {
	arena          []byte // targets
	ends           []int  // of each target in arena
	page, template []byte // records that are read
	seen           []Link // that nobody keeps
	packings       [2]packing
}

var rooms = sync.Pool{New: func() any { return new(room) }}

// take gives u room that was used before, until free.
func (u *unpacker) take() *room {
	r := rooms.Get().(*room)
	u.room = room{r.arena[:0], r.ends[:0], r.page, r.template, r.seen[:0], r.packings}
	return r
}

// borrow is take for links that nobody keeps: their room is used again, too, once
// giveBack has what it returned.
func (u *unpacker) borrow() *room {
	r := u.take()
	u.links = u.seen
	return r
}

func (u *unpacker) giveBack(r *room) {
	clear(u.links) // of their texts
	u.seen = u.links
	u.free(r)
}

// packed returns what a packed sequence of a page (0) or a template (1) refers
// back to when it begins.
func (u *unpacker) packed(n int) *packing {
	p := &u.packings[n]
	p.shapes, p.last = p.shapes[:0], nil
	return p
}

// free gives back what take returned, if it did not grow too large to be kept.
func (u *unpacker) free(r *room) {
	if cap(u.arena)+8*cap(u.ends)+cap(u.page)+cap(u.template)+linkBytes*cap(u.seen) > maxScratch {
		return
	}
	*r = u.room
	rooms.Put(r)
}

// linkBytes is what a Link takes beside its texts, roughly.
const linkBytes = 104

// packing is what one packed sequence refers back to.
type packing struct {
	shapes []shape
	last   []byte // target
}

// add reads n links.
func (u *unpacker) add(r *reader, p *packing, n int) error {
	if n > r.left()/minPacked {
		return fmt.Errorf("%w: %d links in %d bytes", ErrDamaged, n, r.left())
	}
	u.links, u.ends = slices.Grow(u.links, n), slices.Grow(u.ends, n)
	for range n {
		s := p.shape(r)
		same := int(r.byte())
		rest := r.slice(r.count(1))
		if r.bad || same > len(p.last) {
			return fmt.Errorf("%w: a link cannot be read", ErrDamaged)
		}
		if s.flags&flagHere != 0 {
			u.arena = append(u.arena, u.origin...)
		}
		from := len(u.arena)
		u.arena = append(append(u.arena, p.last[:same]...), rest...)
		p.last = u.arena[from:]
		u.ends = append(u.ends, len(u.arena))
		u.links = append(u.links, Link{
			Text: u.text(r), Element: s.element, Attr: s.attr, Place: s.place, Rel: s.rel,
			Asset: s.flags&flagAsset != 0, NoFollow: s.flags&flagNoFollow != 0,
		})
	}
	if r.bad {
		return fmt.Errorf("%w: a link is cut off", ErrDamaged)
	}
	return nil
}

func (u *unpacker) text(r *reader) string {
	if u.textless {
		r.slice(r.count(1))
		return ""
	}
	return r.string()
}

func (p *packing) shape(r *reader) shape {
	n := r.number()
	if n > 0 {
		if n > uint64(len(p.shapes)) {
			r.fail()
			return shape{}
		}
		return p.shapes[n-1]
	}
	s := r.shape()
	if len(p.shapes) < maxShapes {
		p.shapes = append(p.shapes, s)
	}
	return s
}

// done returns the links.
func (u *unpacker) done() []Link {
	targets, from := string(u.arena), 0
	for i, end := range u.ends {
		u.links[i].Target = targets[from:end]
		from = end
	}
	return u.links
}

// all yields the links with their targets, which are good until u is used again.
func (u *unpacker) all() iter.Seq2[[]byte, *Link] {
	return func(yield func([]byte, *Link) bool) {
		from := 0
		for i, end := range u.ends {
			if !yield(u.arena[from:end:end], &u.links[i]) {
				return
			}
			from = end
		}
	}
}
