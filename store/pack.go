package store

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Packed links follow each other; numbers are unsigned varints:
//
//	shape   0 and a new one, or 1 + the number of an earlier one
//	target  how many bytes it shares with the target before it (one byte),
//	        length of the rest, the rest
//	text    length, bytes
//
// A shape is its flags, then element, attr, place and rel: each 1 + its number
// in words, or 0, length, bytes. A target with flagHere begins with a slash and
// lacks the origin of the page.
const (
	flagAsset = 1 << iota
	flagNoFollow
	flagHere
)

const (
	minPacked = 4   // bytes that a packed link takes at least
	maxShared = 255 // bytes that a target takes from the one before
	maxShapes = 64  // shapes that are remembered; others are written out
)

// words are frequent strings of links. The list may only grow.
var words = []string{
	"", "a", "href", "link", "img", "src", "srcset", "script", "nav", "main", "header", "footer", "aside", "stylesheet",
	"nofollow", "noopener", "noopener noreferrer", "noreferrer", "icon", "alternate", "canonical", "next", "prev", "form", "action",
	"area", "iframe", "source", "video", "audio", "meta", "content", "style", "use", "base", "sitemap", "sitemapindex", "0.5", "1.0", "0.8", "external", "nofollow noopener",
	"external nofollow", "ugc", "sponsored", "preload", "search", "author", "license", "help", "tag", "category", "bookmark", "shortlink",
}

var wordNumbers = func() map[string]int {
	numbers := make(map[string]int, len(words))
	for i, w := range words {
		numbers[w] = i
	}
	return numbers
}()

// shape is what many links of a page have in common.
type shape struct {
	element, attr, place, rel string
	flags                     byte
}

// packer writes links in their packed form.
type packer struct {
	origin string // of the page, and a slash
	out    []byte
	shapes []shape
	last   string // target
}

func (p *packer) begin() {
	p.out, p.shapes, p.last = p.out[:0], p.shapes[:0], ""
}

func (p *packer) add(l *Link) {
	s, target := shape{element: l.Element, attr: l.Attr, place: l.Place, rel: l.Rel}, l.Target
	if l.Asset {
		s.flags |= flagAsset
	}
	if l.NoFollow {
		s.flags |= flagNoFollow
	}
	if strings.HasPrefix(target, p.origin) {
		s.flags, target = s.flags|flagHere, target[len(p.origin)-1:]
	}
	p.shape(s)
	same := shared(p.last, target)
	p.out = appendText(append(p.out, byte(same)), target[same:])
	p.out = appendText(p.out, l.Text)
	p.last = target
}

func (p *packer) shape(s shape) {
	if i := slices.Index(p.shapes, s); i >= 0 {
		p.out = binary.AppendUvarint(p.out, uint64(i+1))
		return
	}
	p.out = append(p.out, 0, s.flags)
	for _, w := range []string{s.element, s.attr, s.place, s.rel} {
		p.out = appendWord(p.out, w)
	}
	if len(p.shapes) < maxShapes {
		p.shapes = append(p.shapes, s)
	}
}

// shared is how many bytes x and y begin with alike, up to maxShared.
func shared(x, y string) int {
	n := min(len(x), len(y), maxShared)
	for i := range n {
		if x[i] != y[i] {
			return i
		}
	}
	return n
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendWord(b []byte, s string) []byte {
	if n, ok := wordNumbers[s]; ok {
		return binary.AppendUvarint(b, uint64(n+1))
	}
	return appendText(append(b, 0), s)
}

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
	arena  []byte // targets
	ends   []int  // of each target in arena
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
