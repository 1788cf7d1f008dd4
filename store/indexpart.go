package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"slices"

	"crawl/internal/weburl"
)

// What things in a part cost beside their bytes.
const (
	costTarget  = 120
	costVariant = 80
	costPosting = 12 // 4 of them when it is sorted
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
func (c *indexPart) variant(target []byte, l *Link, sitemap bool, identity func(weburl.URL) weburl.URL) (number uint32, ok bool) {
	s := c.spelling(target, identity)
	if s.none {
		return 0, false
	}
	c.scratch = appendVariant(c.scratch[:0], l, s.here, sitemap)
	if !s.here {
		c.scratch = appendText(c.scratch, target)
	}
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
func (c *indexPart) spelling(target []byte, identity func(weburl.URL) weburl.URL) spelling {
	s, ok := c.spelt[string(target)]
	if ok {
		return s
	}
	text := string(target)
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

// appendVariant appends what a link says, but for a target that is not the one that
// it is filed under.
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
	return appendText(b, l.Text)
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

// byHigh returns the low halves of pairs by their high halves, of which there are
// n, and where those of each begin. Those of one stay in the order in which they came.
func byHigh(pairs []uint64, n int) (lows, from []uint32) {
	from = make([]uint32, n+1)
	for _, p := range pairs {
		from[p>>32+1]++
	}
	for i := range n {
		from[i+1] += from[i]
	}
	lows = make([]uint32, len(pairs))
	next := slices.Clone(from)
	for _, p := range pairs {
		lows[next[p>>32]] = uint32(p)
		next[p>>32]++
	}
	return lows, from
}

// sets yields the pages of each holder: their number, the set.
func (c *indexPart) sets() iter.Seq2[uint32, []byte] {
	return func(yield func(uint32, []byte) bool) {
		pages, from := byHigh(c.held, len(c.holders))
		for n := range uint32(len(c.holders)) {
			of := pages[from[n]:from[n+1]]
			if !yield(n, appendSet(binary.AppendUvarint(nil, uint64(len(of))), of)) {
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
		e := c.emitter()
		order := make([]uint32, len(c.keys))
		for i := range order {
			order[i] = uint32(i)
		}
		slices.SortFunc(order, func(x, y uint32) int { return cmp.Compare(c.keys[x], c.keys[y]) })
		for _, target := range order {
			if !yield(c.keys[target], e.entry(target)) {
				return
			}
		}
	}
}

// emitter writes entries.
type emitter struct {
	*indexPart
	of, fromOf       []uint32 // variants by their target
	pages, fromPages []uint32 // pages by variant, beside those of holders
	holds, fromHolds []uint32 // holders by variant
	heldBy           []uint32 // number of pages, by holder
	body, set        []byte
}

// emitter sorts all that the entries are made of.
func (c *indexPart) emitter() *emitter {
	e := &emitter{indexPart: c, heldBy: make([]uint32, len(c.holders))}
	targets := make([]uint64, len(c.variants))
	for v := range targets {
		targets[v] = pair(c.variants[v].target, uint32(v))
	}
	e.of, e.fromOf = byHigh(targets, len(c.keys))
	e.pages, e.fromPages = byHigh(c.postings, len(c.variants))
	e.holds, e.fromHolds = byHigh(c.holding, len(c.variants))
	for _, h := range c.held {
		e.heldBy[h>>32]++
	}
	return e
}

// entry writes the entry of a target.
func (e *emitter) entry(target uint32) []byte {
	var total [2]uint64 // in pages, in sitemaps
	e.body = e.body[:0]
	for _, v := range e.of[e.fromOf[target]:e.fromOf[target+1]] {
		content := e.contents[e.variants[v].from:e.variants[v].to]
		e.body = append(e.body, content...)
		total[content[0]&flagSitemap/flagSitemap] += e.sources(v)
	}
	e.links += total[0] + total[1]
	return append(binary.AppendUvarint(binary.AppendUvarint(nil, total[0]), total[1]), e.body...)
}

// sources writes where a variant occurs, and returns how often.
func (e *emitter) sources(v uint32) (links uint64) {
	holders := e.holds[e.fromHolds[v]:e.fromHolds[v+1]]
	e.body = binary.AppendUvarint(e.body, uint64(len(holders)))
	for _, h := range holders {
		n := e.heldBy[h]
		e.body = binary.AppendUvarint(binary.AppendUvarint(e.body, uint64(h)), uint64(n))
		links += uint64(n)
	}
	own := e.pages[e.fromPages[v]:e.fromPages[v+1]]
	e.body = binary.AppendUvarint(e.body, uint64(len(own)))
	if len(own) == 0 {
		return links
	}
	e.set = appendSet(e.set[:0], own)
	e.body = append(binary.AppendUvarint(e.body, uint64(len(e.set))), e.set...)
	return links + uint64(len(own))
}
