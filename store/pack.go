package store

import (
	"encoding/binary"
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

func appendText[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendWord(b []byte, s string) []byte {
	if n, ok := wordNumbers[s]; ok {
		return binary.AppendUvarint(b, uint64(n+1))
	}
	return appendText(append(b, 0), s)
}
