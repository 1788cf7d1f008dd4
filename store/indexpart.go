package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"slices"
	"strings"

	"crawl/internal/weburl"
)

// What things in a part cost beside their bytes.
const (
	costTarget  = 120
	costVariant = 80
	costPosting = 8
)

// indexPart is the part of an index that pages one after the other make up, while
// it is built.
//
// Links that differ in nothing but the page they are on are one variant. Pages
// that share a template are one holder: what the template links to has the
// holder among its sources, instead of every page.
type indexPart struct {
	size     int    // estimate, in bytes
	links    uint64 // in all entries; known when they were made
	targets  map[string]uint32
	keys     []string            // of targets
	spelt    map[string]spelling // targets as links name them: most are named again and again
	variants []variant
	contents []byte
	known    map[variantKey]uint32
	postings []uint64 // variant, page
	holders  map[holder]uint32
	held     []uint64 // holder, page
	holding  []uint64 // variant, holder
	scratch  []byte
}

// spelling is what a link's target stands for.
type spelling struct {
	target uint32
	here   bool // it is the target, letter for letter
	none   bool // it is no web address
}

// variant is part of contents.
type variant struct{ target, from, to uint32 }

type variantKey struct {
	target uint32
	hash   uint64
}

// holder is a template as pages of one origin have it.
type holder struct {
	template templateKey
	origin   string
	sitemap  bool
}

func newPart() *indexPart {
	return &indexPart{targets: map[string]uint32{}, spelt: map[string]spelling{}, known: map[variantKey]uint32{}, holders: map[holder]uint32{}}
}

// Flags of a variant, beside flagAsset and flagNoFollow. flagHere: the target
// is the one that it is filed under, letter for letter.
const flagSitemap = flagHere << 1

// variant returns the number of what a link says. A link whose target is no
// web address has none.
func (c *indexPart) variant(l Link, sitemap bool, identity func(weburl.URL) weburl.URL) (number uint32, ok bool) {
	s := c.spelling(l.Target, identity)
	if s.none {
		return 0, false
	}
	c.scratch = appendVariant(c.scratch[:0], &l, s.here, sitemap)
	k := variantKey{s.target, maphash.Bytes(seed, c.scratch)}
	for ; ; k.hash++ {
		number, ok := c.known[k]
		if !ok {
			break
		}
		if v := c.variants[number]; bytes.Equal(c.contents[v.from:v.to], c.scratch) {
			return number, true
		}
	}
	number = uint32(len(c.variants))
	c.known[k] = number
	from := uint32(len(c.contents))
	c.contents = append(c.contents, c.scratch...)
	c.variants = append(c.variants, variant{s.target, from, uint32(len(c.contents))})
	c.size += len(c.scratch) + costVariant
	return number, true
}

// spelling looks a link's target up.
func (c *indexPart) spelling(text string, identity func(weburl.URL) weburl.URL) spelling {
	s, ok := c.spelt[text]
	if ok {
		return s
	}
	text = strings.Clone(text) // a part of all that its page links to
	if u, err := weburl.Parse(text); err != nil {
		s.none = true
	} else {
		u = identity(u)
		s.target, s.here = c.target(u), text == u.String()
	}
	c.spelt[text] = s
	c.size += len(text) + costTarget
	return s
}

func appendVariant(b []byte, l *Link, here, sitemap bool) []byte {
	var flags byte
	for _, f := range []struct {
		flag byte
		on   bool
	}{{flagAsset, l.Asset}, {flagNoFollow, l.NoFollow}, {flagHere, here}, {flagSitemap, sitemap}} {
		if f.on {
			flags |= f.flag
		}
	}
	b = append(b, flags)
	for _, w := range [...]string{l.Element, l.Attr, l.Place, l.Rel} {
		b = appendWord(b, w)
	}
	b = appendText(b, l.Text)
	if flags&flagHere == 0 {
		b = appendText(b, l.Target)
	}
	return b
}

func (c *indexPart) target(u weburl.URL) uint32 {
	key := u.Key()
	if n, ok := c.targets[string(key)]; ok {
		return n
	}
	n := uint32(len(c.keys))
	c.keys = append(c.keys, string(key))
	c.targets[c.keys[n]] = n
	c.size += len(key) + costTarget
	return n
}

// post notes that a page has a link.
func (c *indexPart) post(v, page uint32) {
	c.postings = append(c.postings, pair(v, page))
	c.size += costPosting
}

// hold notes that a page has a template, and tells whether another had it.
func (c *indexPart) hold(h holder, page uint32) (known bool) {
	n, known := c.holders[h]
	if !known {
		n = uint32(len(c.holders))
		c.holders[h] = n
		c.size += costTarget
	}
	c.held = append(c.held, pair(n, page))
	c.size += costPosting
	return known
}

// holds notes that a template has a link.
func (c *indexPart) holds(h holder, v uint32) {
	c.holding = append(c.holding, pair(v, c.holders[h]))
	c.size += costPosting
}

func pair(high, low uint32) uint64 { return uint64(high)<<32 | uint64(low) }

// lows returns the low halves of pairs, in room if there is some.
func lows(pairs []uint64, room []uint32) []uint32 {
	room = room[:0]
	for _, p := range pairs {
		room = append(room, uint32(p))
	}
	return room
}

// starts tells where, in a sorted list, the pairs of each high half begin; of
// n of them.
func starts(list []uint64, n int) []uint32 {
	from := make([]uint32, n+1)
	at := 0
	for high := range from {
		for at < len(list) && int(list[at]>>32) < high {
			at++
		}
		from[high] = uint32(at)
	}
	return from
}

// sets yields the pages of each holder: their number, the set.
func (c *indexPart) sets() iter.Seq2[uint32, []byte] {
	return func(yield func(uint32, []byte) bool) {
		slices.Sort(c.held)
		from := starts(c.held, len(c.holders))
		var pages []uint32
		for n := range uint32(len(c.holders)) {
			pages = lows(c.held[from[n]:from[n+1]], pages)
			if !yield(n, appendSet(binary.AppendUvarint(nil, uint64(len(pages))), pages)) {
				return
			}
		}
	}
}

// entries yields what is kept of each target, in the order of their keys:
//
//	number of links in pages, in sitemaps
//	for each variant: content; number of holders, each with its number and that
//	of its pages; number of pages beside; the set of these, if any: length, bytes
//
// A variant's content are flags, the words for element, attr, place and rel,
// the text, and without flagHere the target.
func (c *indexPart) entries() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		e := c.order()
		for len(e.order) > 0 {
			key, entry := e.next()
			if !yield(key, entry) {
				return
			}
		}
	}
}

// emitter writes entries.
type emitter struct {
	*indexPart
	order   []uint32 // variants by the key of their target
	from    []uint32 // by variant: where its postings begin
	fromH   []uint32 // and its holders
	heldBy  []uint32 // number of pages, by holder
	numbers []uint32
	body    []byte
}

// order sorts all that the entries are made of.
func (c *indexPart) order() *emitter {
	slices.Sort(c.postings)
	slices.Sort(c.holding)
	e := &emitter{indexPart: c, order: make([]uint32, len(c.variants)), heldBy: make([]uint32, len(c.holders))}
	for i := range e.order {
		e.order[i] = uint32(i)
	}
	slices.SortFunc(e.order, func(x, y uint32) int {
		return cmp.Or(cmp.Compare(c.keys[c.variants[x].target], c.keys[c.variants[y].target]), cmp.Compare(x, y))
	})
	for _, h := range c.held {
		e.heldBy[h>>32]++
	}
	e.from, e.fromH = starts(c.postings, len(c.variants)), starts(c.holding, len(c.variants))
	return e
}

// next writes the entry of the next target.
func (e *emitter) next() (key string, entry []byte) {
	target := e.variants[e.order[0]].target
	var total [2]uint64 // in pages, in sitemaps
	e.body = e.body[:0]
	for len(e.order) > 0 && e.variants[e.order[0]].target == target {
		v := e.order[0]
		e.order = e.order[1:]
		content := e.contents[e.variants[v].from:e.variants[v].to]
		e.body = append(e.body, content...)
		total[content[0]&flagSitemap/flagSitemap] += e.sources(v)
	}
	e.links += total[0] + total[1]
	entry = binary.AppendUvarint(binary.AppendUvarint(nil, total[0]), total[1])
	return e.keys[target], append(entry, e.body...)
}

// sources writes where a variant occurs, and returns how often.
func (e *emitter) sources(v uint32) (links uint64) {
	holders := e.holding[e.fromH[v]:e.fromH[v+1]]
	e.body = binary.AppendUvarint(e.body, uint64(len(holders)))
	for _, p := range holders {
		n := e.heldBy[uint32(p)]
		e.body = binary.AppendUvarint(binary.AppendUvarint(e.body, uint64(uint32(p))), uint64(n))
		links += uint64(n)
	}
	own := e.postings[e.from[v]:e.from[v+1]]
	e.body = binary.AppendUvarint(e.body, uint64(len(own)))
	if len(own) == 0 {
		return links
	}
	e.numbers = lows(own, e.numbers)
	set := appendSet(nil, e.numbers)
	e.body = append(binary.AppendUvarint(e.body, uint64(len(set))), set...)
	return links + uint64(len(own))
}
