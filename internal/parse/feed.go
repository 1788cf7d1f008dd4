package parse

import (
	"encoding/xml"
	"strings"

	"crawl/internal/weburl"
)

// feedReader reads the links of an RSS or Atom document.
type feedReader struct {
	*parser
	open  []feedElement
	value strings.Builder // text of the innermost wanted element
}

// feedElement is one open element.
type feedElement struct {
	name string
	base weburl.URL // what references in it are relative to (XML Base)
	text bool       // its text is wanted
}

// feed reads a feed in UTF-8.
func (p *parser) feed(body []byte) {
	f := &feedReader{parser: p}
	x := newXMLReader(body, p.limits.Depth, &p.clock)
	for t := x.next(); t != nil; t = x.next() {
		switch t := t.(type) {
		case xml.StartElement:
			f.start(t)
		case xml.CharData:
			if n := len(f.open); n > 0 && f.open[n-1].text && f.value.Len() < maxField {
				f.value.Write(t)
			}
		case xml.EndElement:
			f.end()
		}
	}
	if x.cut != "" {
		p.cut(x.cut)
	}
}

func (f *feedReader) start(e xml.StartElement) {
	el := feedElement{name: feedName(e.Name), base: f.base}
	for _, a := range e.Attr {
		if a.Name.Local == "base" && isXML(a.Name.Space) {
			if u, reason := f.resolve(a.Value); reason == "" {
				el.base = u
			}
		}
		if a.Name.Local == "lang" && isXML(a.Name.Space) && len(f.open) == 0 {
			f.doc.Lang = f.clean(a.Value)
		}
	}
	f.base = el.base
	el.text = f.wants(el.name, e)
	if el.text {
		f.value.Reset()
	}
	f.open = append(f.open, el)
	f.attributes(el.name, e)
}

func isXML(space string) bool {
	return space == "xml" || space == "http://www.w3.org/XML/1998/namespace"
}

// feedName returns the name of an element, with a prefix for the extensions
// that hold addresses; other extensions have none that means anything here.
func feedName(n xml.Name) string {
	local := lower(n.Local)
	space := lower(n.Space)
	switch {
	case space == "media" || strings.Contains(space, "search.yahoo.com/mrss"):
		return "media:" + local
	case space == "itunes" || strings.Contains(space, "itunes.com/dtds"):
		return "itunes:" + local
	case space == "" || strings.Contains(space, "purl.org/") && !strings.Contains(space, "/rss/1.0/modules") && !strings.Contains(space, "/dc/"),
		strings.Contains(space, "w3.org/2005/atom"), space == "atom", space == "a10", strings.Contains(space, "rdf-syntax"), space == "rdf",
		strings.Contains(space, "rss"), strings.Contains(space, "my.netscape.com"):
		return local
	}
	return "other:" + local
}

// wants reports whether the text of an element is wanted.
func (f *feedReader) wants(name string, e xml.StartElement) bool {
	switch name {
	case "link", "comments":
		return xmlAttr(e, "href") == ""
	case "guid":
		return !strings.EqualFold(trimSpace(xmlAttr(e, "ispermalink")), "false")
	case "url":
		return f.parent() == "image"
	case "title", "description", "subtitle", "tagline", "language":
		return f.parent() == "channel" || f.parent() == "feed"
	case "logo", "icon":
		return f.parent() == "feed"
	}
	return false
}

func (f *feedReader) parent() string {
	if len(f.open) == 0 {
		return ""
	}
	return f.open[len(f.open)-1].name
}

// attributes takes addresses that stand in attributes.
func (f *feedReader) attributes(name string, e xml.StartElement) {
	switch name {
	case "link":
		if href := xmlAttr(e, "href"); href != "" {
			rel := lower(collapse(xmlAttr(e, "rel")))
			f.link(href, Link{Element: "link", Attr: "href", Rel: rel, Text: xmlAttr(e, "title"), Asset: rel != "" && relRole(rel, "") == asset})
		}
	case "enclosure":
		f.asset(xmlAttr(e, "url"), name, "url", "")
	case "content":
		f.asset(xmlAttr(e, "src"), name, "src", "")
	case "media:content", "media:thumbnail":
		f.asset(xmlAttr(e, "url"), name, "url", "")
	case "itunes:image":
		f.asset(xmlAttr(e, "href"), name, "href", "")
	}
}

func (f *feedReader) end() {
	n := len(f.open) - 1
	if n < 0 {
		return
	}
	el := f.open[n]
	f.open = f.open[:n]
	if el.text {
		f.take(el.name, trimSpace(f.value.String()))
	}
	f.base = f.page
	if n > 0 {
		f.base = f.open[n-1].base
	}
}

// take uses the text of an element, relative to its base.
func (f *feedReader) take(name, v string) {
	if v == "" || strings.Contains(v, unexpanded) {
		return
	}
	switch name {
	case "title":
		f.setText(&f.doc.Title, v)
	case "description", "subtitle", "tagline":
		f.setText(&f.doc.Description, v)
	case "language":
		f.doc.Lang = f.clean(v)
	case "link", "comments":
		f.link(v, Link{Element: name, Attr: "text"})
	case "guid":
		if u, err := weburl.Parse(v); err == nil {
			f.add(&Link{URL: u, Element: name, Attr: "text"})
		}
	case "url", "logo", "icon":
		f.asset(v, name, "text", "")
	}
}

// sitemap takes the entries of a sitemap that was fetched as a page.
func (p *parser) sitemap(body []byte) {
	r := &sitemapReader{base: p.page, clock: p.clock, limits: SitemapLimits{Entries: p.limits.Links, Depth: p.limits.Depth}.withDefaults()}
	r.read(body)
	element := "url"
	if r.Index {
		element = "sitemap"
	}
	for _, e := range r.Entries {
		p.add(&Link{URL: e.URL, Element: element, Attr: "loc"})
		for _, u := range e.Alternates {
			p.add(&Link{URL: u, Element: "xhtml:link", Attr: "href", Rel: "alternate"})
		}
	}
	for range r.Dropped {
		p.refuse("invalid")
	}
	switch r.Cut {
	case "":
	case "entries":
		p.cut("links")
	default:
		p.cut(r.Cut)
	}
}
