package parse

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/text/encoding"

	"crawl/internal/weburl"
)

// parser is one document being read.
type parser struct {
	page     weburl.URL        // address of the document
	base     weburl.URL        // what references in it are relative to
	legacy   encoding.Encoding // of its queries; nil for UTF-8
	agent    string
	limits   Limits
	clock    clock
	declared mediaType
	doc      Doc
	seen     map[linkKey]int // index in doc.Links
	inWord   bool            // the words counted end in the middle of one
}

type linkKey struct {
	url     weburl.URL
	element string
}

func newParser(base weburl.URL, header http.Header, o Options) *parser {
	o.Limits = o.withDefaults()
	mime := declared(header)
	return &parser{
		page: base, base: base,
		agent:    strings.ToLower(o.Agent),
		limits:   o.Limits,
		clock:    newClock(o.Time),
		declared: mime,
		doc:      Doc{MIME: mime.essence},
		seen:     make(map[linkKey]int),
	}
}

// finish returns the document once everything has been read.
func (p *parser) finish() Doc {
	if p.doc.NoFollow {
		for i := range p.doc.Links {
			p.doc.Links[i].NoFollow = true
		}
	}
	return p.doc
}

// headers reads what the header says of the document as a whole.
func (p *parser) headers(h http.Header) {
	for _, v := range h.Values("X-Robots-Tag") {
		p.robotsTag(v)
	}
	for _, l := range linkHeaders(h.Values("Link")) {
		p.relation(l.target, l.params["rel"], l.params["as"], l.params["anchor"] != "", Link{Element: "header", Attr: "Link", Text: l.params["title"]})
	}
	for _, v := range h.Values("Refresh") {
		p.refresh(v, "header", "Refresh")
	}
	p.doc.Lang = p.clean(h.Get("Content-Language"))
}

// link adds the address ref to the links, or counts why not. It returns the
// index of the link, -1 if there is none.
func (p *parser) link(ref string, l Link) int {
	u, reason := p.resolve(ref)
	if reason != "" {
		p.refuse(reason)
		return -1
	}
	l.URL = u
	return p.add(l)
}

// add puts l into the list unless its URL is there for the same element. Of
// the two the friendlier reading stays: a page rather than an asset, followed
// rather than nofollow, the first text that is not empty.
func (p *parser) add(l Link) int {
	key := linkKey{l.URL, l.Element}
	if i, ok := p.seen[key]; ok {
		have := &p.doc.Links[i]
		have.Asset = have.Asset && l.Asset
		have.NoFollow = have.NoFollow && l.NoFollow
		if have.Text == "" {
			have.Text = cut(collapse(l.Text), maxAnchorText)
		}
		return i
	}
	if len(p.doc.Links) >= p.limits.Links {
		p.refuse("too many")
		p.cut("links")
		return -1
	}
	l.Text = cut(collapse(l.Text), maxAnchorText)
	l.Rel = cut(l.Rel, maxRel)
	p.seen[key] = len(p.doc.Links)
	p.doc.Links = append(p.doc.Links, l)
	return len(p.doc.Links) - 1
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
		u, err = p.base.Resolve(ref)
	}
	return u, whyNot(err)
}

func whyNot(err error) string {
	var e *weburl.Error
	switch {
	case err == nil:
		return ""
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
	ref = strings.TrimLeft(ref, " \t\r\n\f")
	for _, s := range [...]string{"data", "javascript", "mailto", "tel", "blob", "about"} {
		if len(ref) > len(s) && ref[len(s)] == ':' && strings.EqualFold(ref[:len(s)], s) {
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
	if _, ok := p.doc.Refused[reason]; !ok && len(p.doc.Refused) >= maxReasons {
		reason = "other"
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

// clean makes s a text field.
func (p *parser) clean(s string) string { return cut(collapse(s), p.limits.Text) }

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
