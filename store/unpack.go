package store

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
)

// reader reads what may be damaged. Its methods return zero values once bad is
// set.
type reader struct {
	raw  []byte
	text string // the same as raw
	at   int
	bad  bool
}

func newReader(raw []byte) *reader { return &reader{raw: raw, text: string(raw)} }

func (r *reader) left() int { return len(r.raw) - r.at }

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.raw[r.at:])
	if n <= 0 {
		r.fail()
		return 0
	}
	r.at += n
	return v
}

// count reads a number of things that take at least size bytes each.
func (r *reader) count(size int) int {
	n := r.number()
	if n > uint64(r.left()/size) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) fail() { r.at, r.bad = len(r.raw), true }

// bytes returns the next n bytes; they are part of what is read.
func (r *reader) bytes(n int) string {
	if n > r.left() {
		r.fail()
		return ""
	}
	r.at += n
	return r.text[r.at-n : r.at]
}

func (r *reader) byte() byte {
	if s := r.bytes(1); s != "" {
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

// unpacker gathers links. Their targets come into being in done, all at once.
type unpacker struct {
	origin string // of the page
	links  []Link
	room
}

// room is memory for one unpacker after the other.
type room struct {
	arena          []byte // targets
	ends           []int  // of each target in arena
	page, template []byte // records that are read
}

var rooms = sync.Pool{New: func() any { return new(room) }}

// take gives u room that was used before, until free.
func (u *unpacker) take() *room {
	r := rooms.Get().(*room)
	u.room = room{r.arena[:0], r.ends[:0], r.page, r.template}
	return r
}

// free gives back what take returned, if it did not grow too large to be kept.
func (u *unpacker) free(r *room) {
	if cap(u.arena)+8*cap(u.ends)+cap(u.page)+cap(u.template) > maxScratch {
		return
	}
	*r = u.room
	rooms.Put(r)
}

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
		rest := r.string()
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
			Text: r.string(), Element: s.element, Attr: s.attr, Place: s.place, Rel: s.rel,
			Asset: s.flags&flagAsset != 0, NoFollow: s.flags&flagNoFollow != 0,
		})
	}
	if r.bad {
		return fmt.Errorf("%w: a link is cut off", ErrDamaged)
	}
	return nil
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
