package parse

import (
	"errors"
	"hash/maphash"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/text/encoding"

	"crawl/internal/weburl"
)

// parser is one document being read. Its buffers are used again for the next,
// so nothing that points into them leaves with a Doc.
type parser struct {
	visible
	page     weburl.URL        // address of the document
	base     weburl.URL        // what references in it are relative to
	based    bool              // a base element made it so
	legacy   encoding.Encoding // of its queries; nil for UTF-8
	agent    string
	limits   Limits
	wantText bool
	clock    clock
	now      time.Time
	declared mediaType
	doc      Doc

	list     []Link      // found so far, their texts in texts
	texts    []textPlace // one a link
	words    []byte      // texts of links and headings on end
	decoded  []byte      // values of attributes as they are read
	regions  regions
	urls     weburl.Room // of the addresses of this page, and of those of others
	headings []keptHeading
	refs     []writtenLink
	byRef    linkTable // of refs: an address that a page repeats is resolved once
	byURL    linkTable // of list
}

// keptHeading is a heading with its text in parser.words.
type keptHeading struct {
	level int
	text  textPlace
}

// writtenLink is a link by how its address is written.
type writtenLink struct {
	ref  string
	link int // its index in the list
}

// textPlace says where the text of a link lies in parser.words.
type textPlace struct{ start, length int }

// maxPooled is the most memory that is kept for the next document.
const maxPooled = 4 << 20

var parsers = sync.Pool{New: func() any { return emptyParser() }}

func emptyParser() *parser {
	p := new(parser)
	p.forget()
	return p
}

// newParser returns one for a document; whoever is done with it calls finish or
// release.
func newParser(base weburl.URL, header http.Header, o Options) *parser {
	p := parsers.Get().(*parser)
	p.begin(base, header, o)
	return p
}

func (p *parser) begin(base weburl.URL, header http.Header, o Options) {
	o.Limits = o.withDefaults()
	mime := declared(header)
	p.page, p.base, p.based, p.legacy = base, base, false, nil
	p.agent, p.limits, p.wantText = strings.ToLower(o.Agent), o.Limits, o.Text
	p.now, p.declared, p.doc = time.Now(), mime, Doc{MIME: mime.essence}
	p.clock = clock{end: p.now.Add(o.Time)}
}

// forget empties what is gathered while a document is read.
func (p *parser) forget() {
	clear(p.alts)
	p.visible = visible{shown: p.shown[:0], blocks: p.blocks[:0], alts: p.alts[:0], anchor: -1}
	p.texts, p.words = p.texts[:len(p.list)], p.words[:p.wordsEnd()]
	clear(p.refs)
	p.refs, p.headings, p.decoded = p.refs[:0], p.headings[:0], p.decoded[:0]
	clear(p.regions.open[:cap(p.regions.open)])
	p.regions = regions{open: p.regions.open[:0]}
	p.byRef.forget()
	p.byURL.forget()
}

// undo goes back to where doc and the first n links were all that was known.
func (p *parser) undo(doc Doc, n int) {
	clear(p.list[n:])
	p.doc, p.list = doc, p.list[:n]
	p.forget()
	for i, l := range p.list {
		p.byURL.add(hashOf(l.URL.String(), &l), i)
	}
}

// wordsEnd is where the texts of the links in the list end.
func (p *parser) wordsEnd() (end int) {
	for i := range p.list {
		end = max(end, p.texts[i].start+p.texts[i].length)
	}
	return end
}

// finish returns the document once everything has been read. The parser may
// not be used after it.
func (p *parser) finish() Doc {
	doc := p.doc
	words := string(p.words)
	for _, h := range p.headings {
		text := words[h.text.start : h.text.start+h.text.length]
		if doc.Headings == nil {
			doc.Headings = make([]Heading, 0, len(p.headings))
		}
		if doc.Headings = append(doc.Headings, Heading{h.level, text}); h.level == 1 && doc.H1 == "" {
			doc.H1 = text
		}
	}
	if len(p.list) > 0 {
		doc.Links = slices.Clone(p.list)
		for i := range doc.Links {
			l, t := &doc.Links[i], p.texts[i]
			l.Text = words[t.start : t.start+t.length]
			l.NoFollow = l.NoFollow || doc.NoFollow
		}
	}
	p.release()
	return doc
}

// release gives the parser back. It may not be used after that.
func (p *parser) release() {
	if p.memory() > maxPooled {
		return
	}
	clear(p.list)
	p.list = p.list[:0]
	p.forget()
	p.doc, p.page, p.base = Doc{}, weburl.URL{}, weburl.URL{}
	parsers.Put(p)
}

// memory is what the parser's buffers take.
func (p *parser) memory() int {
	return bytesOf(p.shown) + bytesOf(p.blocks) + bytesOf(p.alts) + bytesOf(p.list) + bytesOf(p.texts) + bytesOf(p.words) +
		bytesOf(p.decoded) + bytesOf(p.headings) + bytesOf(p.refs) + bytesOf(p.byRef.slots) + bytesOf(p.byURL.slots) + bytesOf(p.regions.open)
}

func bytesOf[T any](s []T) int {
	var one T
	return cap(s) * int(unsafe.Sizeof(one))
}

// headers reads what the header says of the document as a whole.
func (p *parser) headers(h http.Header) {
	for _, v := range h.Values("X-Robots-Tag") {
		p.robotsTag(v)
	}
	for _, l := range linkHeaders(h.Values("Link")) {
		p.relation(relation{
			ref: l.target, rel: l.params["rel"], as: l.params["as"], hreflang: l.params["hreflang"], mime: l.params["type"],
			elsewhere: l.params["anchor"] != "",
		}, Link{Element: "header", Attr: "Link", Text: l.params["title"]})
	}
	for _, v := range h.Values("Refresh") {
		p.refresh(v, "header", "Refresh")
	}
	p.doc.Lang = p.clean(h.Get("Content-Language"))
}

// link adds the address ref to the links, or counts why not. It returns the
// index of the link, -1 if there is none.
func (p *parser) link(ref string, l Link) int {
	if i := strings.IndexByte(ref, '#'); i == 0 || i > 0 && ref[i-1] > ' ' { // a blank before it is a part of the address
		ref = ref[:i]
	}
	l.Place = placeNames[p.place]
	hash := hashOf(ref, &l)
	if i := p.byRef.find(hash, func(i int) bool { return p.refs[i].ref == ref && p.alike(p.refs[i].link, &l) }); i >= 0 {
		return p.merge(p.refs[i].link, &l)
	}
	u, reason := p.resolve(ref)
	i := p.linkTo(u, reason, &l)
	if i >= 0 {
		p.byRef.add(hash, len(p.refs))
		p.refs = append(p.refs, writtenLink{ref, i})
	}
	return i
}

// linkTo is link for what resolve returned.
func (p *parser) linkTo(u weburl.URL, reason string, l *Link) int {
	if reason != "" {
		p.refuse(reason)
		return -1
	}
	l.URL, l.Place = u, placeNames[p.place]
	return p.add(l)
}

// hashOf is the hash of what alike and an address tell apart.
func hashOf(address string, l *Link) uint64 {
	return maphash.String(tableSeed, address) + mixA*(maphash.String(tableSeed, l.Element)^uint64(len(l.Place)))
}

// alike tells whether l, if it had the same address, would be link i once more.
func (p *parser) alike(i int, l *Link) bool {
	have := &p.list[i]
	return have.Element == l.Element && have.Place == l.Place
}

// add puts l into the list unless its URL is there for the same element and
// place.
func (p *parser) add(l *Link) int {
	hash := hashOf(l.URL.String(), l)
	if i := p.byURL.find(hash, func(i int) bool { return p.list[i].URL == l.URL && p.alike(i, l) }); i >= 0 {
		return p.merge(i, l)
	}
	if len(p.list) >= p.limits.Links {
		p.refuse("too many")
		p.cut("links")
		return -1
	}
	n := len(p.list)
	p.byURL.add(hash, n)
	p.list, p.texts = append(p.list, *l), append(p.texts, textPlace{})
	p.list[n].Text = ""
	p.setLinkText(n, l.Text)
	return n
}

// merge adds to link i what another of its kind says. Of the two the friendlier
// reading stays: a page rather than an asset, followed rather than nofollow, the
// first text that is not empty.
func (p *parser) merge(i int, l *Link) int {
	have := &p.list[i]
	have.Asset = have.Asset && l.Asset
	have.NoFollow = have.NoFollow && l.NoFollow
	p.setLinkText(i, l.Text)
	return i
}

// setLinkText gives link i its text unless it has one.
func (p *parser) setLinkText(i int, text string) {
	if text == "" || p.texts[i].length > 0 {
		return
	}
	start := len(p.words)
	p.words = appendCollapsed(p.words, start, text, maxAnchorText)
	p.texts[i] = p.endText(start)
}

// textSince gives link i what was seen since m as its text unless it has one.
func (p *parser) textSince(i int, m mark) {
	if p.texts[i].length > 0 {
		return
	}
	p.texts[i] = p.keep(m, maxAnchorText)
}

// keep keeps what was seen since m.
func (p *parser) keep(m mark, limit int) textPlace {
	start := len(p.words)
	p.words = p.appendSince(p.words, m, limit)
	return p.endText(start)
}

// endText ends the text in words that begins at start.
func (p *parser) endText(start int) textPlace {
	if n := len(p.words); n > start && p.words[n-1] == ' ' {
		p.words = p.words[:n-1]
	}
	return textPlace{start, len(p.words) - start}
}

// textOf returns a text that was kept.
func (p *parser) textOf(t textPlace) string { return string(p.words[t.start : t.start+t.length]) }

// rels are common values of rel, kept once.
var rels = nameSet("nofollow", "noopener", "noreferrer", "noopener noreferrer", "nofollow noopener", "nofollow noopener noreferrer", "external",
	"stylesheet", "canonical", "alternate", "next", "prev", "index", "search", "icon", "shortcut icon", "bookmark", "author", "copyright",
	"license", "preload", "home", "up", "tag", "ugc", "sponsored")

// relOf returns the value of a rel attribute in lower case, its words parted by
// single blanks.
func relOf(rel string) string {
	if known := rels[rel]; known != "" {
		return known
	}
	return strings.Clone(cut(lower(collapse(rel)), maxRel))
}

// asset adds an address that the page needs to be shown. A reference to a part
// of the page itself needs nothing.
func (p *parser) asset(ref, element, attr, text string) {
	ref = trimSpace(ref)
	if ref == "" || ref[0] == '#' {
		return
	}
	p.link(ref, Link{Element: element, Attr: attr, Text: text, Asset: true})
}

// resolve returns the address that ref stands for, or why it is none: its
// scheme, "invalid" or "too long".
func (p *parser) resolve(ref string) (u weburl.URL, reason string) {
	if s := opaqueScheme(ref); s != "" {
		return u, s
	}
	if len(ref) > maxReference {
		return u, "too long"
	}
	ref = queryIn(p.legacy, ref)
	var err error
	if p.base.IsZero() {
		u, err = weburl.Parse(ref)
	} else {
		u, err = p.base.ResolveTo(&p.urls, ref)
	}
	if err == nil {
		return u, ""
	}
	return u, whyNot(err)
}

func whyNot(err error) string {
	var e *weburl.Error
	switch {
	case errors.Is(err, weburl.ErrTooLong):
		return "too long"
	case errors.As(err, &e) && e.Scheme != "":
		return cut(strings.ToValidUTF8(e.Scheme, "\uFFFD"), maxScheme)
	}
	return "invalid"
}

// opaqueScheme returns the scheme of addresses that are common, may be very
// long and are never fetched, so that they are not parsed at all.
func opaqueScheme(ref string) string {
	ref = trimLeft(ref)
	end := strings.IndexByte(ref[:min(len(ref), len("javascript:"))], ':')
	if end < 0 {
		return ""
	}
	for _, s := range [...]string{"data", "javascript", "mailto", "tel", "blob", "about"} {
		if strings.EqualFold(ref[:end], s) {
			return s
		}
	}
	return ""
}

// refuse counts an address that is no link. Reasons beyond the limit, which
// only schemes of the site's own invention can reach, are counted together.
func (p *parser) refuse(reason string) {
	if p.doc.Refused == nil {
		p.doc.Refused = make(map[string]int)
	}
	if _, ok := p.doc.Refused[reason]; !ok {
		if reason = strings.Clone(reason); len(p.doc.Refused) >= maxReasons {
			reason = "other"
		}
	}
	p.doc.Refused[reason]++
}

// cut notes the limit that was reached; the first one stays.
func (p *parser) cut(limit string) {
	if p.doc.Cut == "" {
		p.doc.Cut = limit
	}
}

// late reports whether the time is over, and notes it.
func (p *parser) late() bool {
	if !p.clock.late() {
		return false
	}
	p.cut("time")
	return true
}

// clean makes s a text field, which is no part of the document. What of s could
// not be kept is not looked at, unless it is blank for long.
func (p *parser) clean(s string) string {
	return strings.Clone(cut(collapse(cut(s, 4*p.limits.Text)), p.limits.Text))
}

// setText sets a text field unless it is set already.
func (p *parser) setText(field *string, s string) {
	if *field == "" {
		*field = p.clean(s)
	}
}

// clock tells when the time for a document is over. Reading the time costs
// more than a token does, so it is read at every 64th call.
type clock struct {
	end   time.Time
	calls int
	over  bool
}

func newClock(d time.Duration) clock { return clock{end: time.Now().Add(d)} }

func (c *clock) late() bool {
	if c.calls%64 == 0 && !c.over {
		c.over = time.Now().After(c.end)
	}
	c.calls++
	return c.over
}
