package parse

import (
	"encoding/xml"
	"strconv"
	"strings"
)

// read reads an XML sitemap or a feed in UTF-8.
func (r *sitemapReader) read(body []byte) {
	x := newXMLReader(body, r.limits.Depth, &r.clock)
	for t := x.next(); t != nil && !r.done(); t = x.next() {
		switch t := t.(type) {
		case xml.StartElement:
			r.start(t)
		case xml.CharData:
			if r.field != "" && r.foreign == 0 && r.value.Len() < maxField {
				r.value.Write(t)
			}
		case xml.EndElement:
			r.end(lower(t.Name.Local))
		}
	}
	if r.Problem = x.problem; r.Problem == "" && x.cut == "" {
		r.flush() // the file is whole, so is an entry that nothing closed
	}
	if r.Cut == "" {
		r.Cut = x.cut
	}
}

func (r *sitemapReader) start(e xml.StartElement) {
	name := lower(e.Name.Local)
	switch {
	case r.Kind == "":
		r.root(name, e.Name.Space)
	case r.foreign > 0:
		r.foreign++
	case name == "link" && r.Kind != "rss" && xmlAttr(e, "href") != "":
		r.link(e)
		r.foreign = 1
	case !r.ours(e.Name.Space):
		r.foreign = 1
	case r.field != "":
		r.inner++
	default:
		r.open(name, e)
	}
}

// root takes the kind of the file from its first element.
func (r *sitemapReader) root(name, space string) {
	r.space = space
	switch name {
	case "sitemapindex":
		r.Kind, r.Index = "index", true
	case "feed":
		r.Kind = "atom"
	case "rss", "rdf":
		r.Kind = "rss"
	default:
		r.Kind = "urlset"
	}
}

// ours reports whether elements of a namespace belong to the sitemap itself
// rather than to an extension. The root's own does, even if it is not the
// right one; RDF has its items in another.
func (r *sitemapReader) ours(space string) bool {
	return space == r.space || space == "" || strings.HasPrefix(space, "http://purl.org/rss/") ||
		strings.Contains(space, "sitemaps.org/schemas/sitemap/") || strings.Contains(space, "google.com/schemas/sitemap/0.")
}

// open begins an entry or one of its fields.
func (r *sitemapReader) open(name string, e xml.StartElement) {
	switch name {
	case "url", "sitemap", "item", "entry":
		r.flush()
	case "loc":
		if r.loc != "" {
			r.flush()
		}
		r.begin(name)
	case "link":
		if r.Kind == "rss" && r.loc == "" {
			r.begin("loc")
		}
	case "lastmod", "pubdate", "updated", "modified":
		r.begin("lastmod")
	case "changefreq", "priority":
		r.begin(name)
	case "image":
		r.foreign = 1 // of an RSS channel: its link is the channel's own
	}
}

func (r *sitemapReader) begin(field string) {
	r.field, r.inner = field, 0
	r.value.Reset()
}

// link takes an alternate of a sitemap (xhtml:link), or the address of an
// Atom entry.
func (r *sitemapReader) link(e xml.StartElement) {
	rel, href := lower(trimSpace(xmlAttr(e, "rel"))), xmlAttr(e, "href")
	if r.Kind == "atom" {
		if (rel == "" || rel == "alternate") && r.loc == "" {
			r.loc = href
		}
		return
	}
	if rel != "alternate" || len(r.entry.Alternates) >= maxAlternates {
		return
	}
	if u, ok := r.resolve(href); ok {
		r.entry.Alternates = append(r.entry.Alternates, u)
	}
}

func (r *sitemapReader) end(name string) {
	switch {
	case r.foreign > 0:
		r.foreign--
	case r.field != "" && r.inner > 0:
		r.inner--
	case r.field != "":
		r.set(r.field, trimSpace(r.value.String()))
		r.field = ""
	case name == "url", name == "sitemap", name == "item", name == "entry":
		r.flush()
	}
}

// set takes the value of a field.
func (r *sitemapReader) set(field, v string) {
	switch field {
	case "loc":
		r.loc = v
	case "lastmod":
		r.entry.LastModText = strings.Clone(cut(v, maxLastMod))
		r.entry.LastMod = Date(v)
	case "changefreq":
		switch v = lower(v); v {
		case "always", "hourly", "daily", "weekly", "monthly", "yearly", "never":
			r.entry.ChangeFreq = v
		}
	case "priority":
		if f, err := strconv.ParseFloat(v, 64); err == nil && f >= 0 && f <= 1 {
			r.entry.Priority = f
		} else {
			r.entry.Priority = 0.5
		}
	}
}

// flush ends the entry at hand. In a feed, what came before the first item is
// about the feed and comes first as an entry of its own.
func (r *sitemapReader) flush() {
	if r.loc != "" {
		if u, ok := r.resolve(r.loc); ok {
			r.entry.URL = u
			r.keep(r.entry)
		} else {
			r.Dropped++
		}
	}
	r.loc, r.field = "", ""
	r.entry = SitemapEntry{Priority: 0.5}
}
