package parse

import (
	"slices"
	"strings"

	"crawl/internal/weburl"
)

// role says what an attribute holds.
type role int

const (
	page role = iota + 1
	asset
	images // a srcset
)

// holder is an attribute that holds an address.
type holder struct {
	attr attrID
	role role
}

// holders are the attributes that hold addresses, by element. a, link, meta,
// input and form have rules of their own. data-src and data-srcset are not
// standard; scripts that load pictures late read them.
var holders = [elemCount][]holder{
	elemApplet:  {{attrCode, asset}, {attrArchive, asset}, {attrSrc, asset}},
	elemArea:    {{attrHref, page}},
	elemAudio:   {{attrSrc, asset}},
	elemBGSound: {{attrSrc, asset}},
	elemBody:    {{attrBackground, asset}},
	elemEmbed:   {{attrSrc, asset}},
	elemFeImage: {{attrHref, asset}, {attrXlinkHref, asset}},
	elemFrame:   {{attrSrc, page}},
	elemIframe:  {{attrSrc, page}, {attrDataSrc, page}},
	elemImage:   {{attrSrc, asset}, {attrHref, asset}, {attrXlinkHref, asset}},
	elemImg:     {{attrSrc, asset}, {attrSrcset, images}, {attrLowsrc, asset}, {attrDataSrc, images}, {attrDataSrcset, images}},
	elemObject:  {{attrData, asset}},
	elemScript:  {{attrSrc, asset}, {attrHref, asset}, {attrXlinkHref, asset}},
	elemSource:  {{attrSrc, asset}, {attrSrcset, images}, {attrDataSrc, images}, {attrDataSrcset, images}},
	elemTable:   {{attrBackground, asset}},
	elemTBody:   {{attrBackground, asset}},
	elemTD:      {{attrBackground, asset}},
	elemTFoot:   {{attrBackground, asset}},
	elemTH:      {{attrBackground, asset}},
	elemTHead:   {{attrBackground, asset}},
	elemTR:      {{attrBackground, asset}},
	elemTrack:   {{attrSrc, asset}},
	elemUse:     {{attrHref, asset}, {attrXlinkHref, asset}},
	elemVideo:   {{attrSrc, asset}, {attrPoster, asset}},
}

// pictures are the meta properties whose content is the address of a file,
// each with its own name.
var pictures = nameSet("og:image", "og:image:url", "og:image:secure_url", "og:video", "og:video:url", "og:video:secure_url",
	"og:audio", "og:audio:url", "og:audio:secure_url", "twitter:image", "twitter:image:src", "msapplication-tileimage",
	"msapplication-config", "thumbnail")

func nameSet(names ...string) map[string]string {
	set := make(map[string]string, len(names))
	for _, n := range names {
		set[n] = n
	}
	return set
}

// links adds the addresses in the tag at hand.
func (w *walker) links() {
	e := w.elem
	if w.has&(1<<attrStyle) != 0 {
		w.styleAttr(w.value(attrStyle), strings.Clone(lower(cut(w.name(), maxScheme))))
	}
	if !is(e, linking|holding) || w.foreign.inside() && !linksInSVG(e) {
		return
	}
	switch e {
	case elemA:
		w.a()
	case elemLink:
		w.linkElement()
	case elemMeta:
		w.meta()
	case elemInput:
		if strings.EqualFold(w.value(attrType), "image") {
			w.asset(w.value(attrSrc), elemNames[e], attrNames[attrSrc], w.alt())
		}
	case elemForm:
		w.form()
	case elemIframe:
		w.nested(w.value(attrSrcdoc))
	case elemScript:
		w.jsonLD = isJSONLD(w.value(attrType))
	}
	for _, h := range holders[e] {
		if w.has&(1<<h.attr) != 0 {
			w.held(w.value(h.attr), h)
		}
	}
}

// linksInSVG names the elements of SVG that hold addresses. What else is called
// as in HTML means nothing there.
func linksInSVG(e elem) bool {
	return e == elemA || e == elemImage || e == elemFeImage || e == elemUse || e == elemScript
}

// form adds the address of a form that asks for a page. One that sends something
// is no link.
func (w *walker) form() {
	action, ok := w.attr(attrAction)
	if !ok {
		return
	}
	if method := w.value(attrMethod); method != "" && !strings.EqualFold(method, "get") {
		w.refuse("form")
		return
	}
	w.follow(action, attrNames[attrAction], "")
}

// held adds what an attribute of the table holds.
func (w *walker) held(v string, h holder) {
	name, attr := elemNames[w.elem], attrNames[h.attr]
	switch h.role {
	case page:
		if w.elem != elemArea && trimSpace(v) == "" {
			return // a frame without an address stays empty
		}
		w.follow(v, attr, w.alt())
	case asset:
		w.asset(v, name, attr, w.alt())
	case images:
		alt := w.alt()
		srcset(v, func(url string) { w.asset(url, name, attr, alt) })
	}
}

// alt returns the text of the picture at hand, no more of it than may be kept.
func (w *walker) alt() string {
	if w.has&(1<<attrAlt) == 0 {
		return ""
	}
	return decodeValue(cut(w.at(w.values[attrAlt]), 4*maxAnchorText))
}

// follow adds a page.
func (w *walker) follow(ref, attr, text string) int {
	l := Link{Element: elemNames[w.elem], Attr: attr, Text: text}
	if w.has&(1<<attrRel) != 0 {
		l.Rel = relOf(w.value(attrRel))
		l.NoFollow = hasWord(l.Rel, "nofollow")
	}
	return w.link(ref, l)
}

// a adds a hyperlink and leaves it open for its text.
func (w *walker) a() {
	for _, id := range [...]attrID{attrHref, attrXlinkHref} {
		if w.has&(1<<id) != 0 {
			if w.openLink = w.follow(w.value(id), attrNames[id], ""); w.openLink >= 0 {
				w.linkFrom = w.mark()
				w.anchor = w.linkFrom.at
			}
			return
		}
	}
}

func (w *walker) linkElement() {
	if href := trimSpace(w.value(attrHref)); href != "" {
		w.relation(relation{
			ref: href, rel: w.value(attrRel), as: w.value(attrAs), hreflang: w.value(attrHreflang), mime: w.value(attrType),
		}, Link{Element: "link", Attr: "href", Text: w.value(attrTitle)})
	}
	if w.has&(1<<attrImagesrcset) != 0 {
		srcset(w.value(attrImagesrcset), func(url string) { w.asset(url, "link", "imagesrcset", "") })
	}
}

// relation is an address with its relation to the page: that of a link element
// or of a Link header.
type relation struct {
	ref, rel, as, hreflang, mime string
	elsewhere                    bool // it is one of another page's
}

// relation adds a link by its relation to the page.
func (p *parser) relation(r relation, l Link) {
	l.Rel = relOf(r.rel)
	l.NoFollow = hasWord(l.Rel, "nofollow")
	u, reason := p.resolve(r.ref)
	if !r.elsewhere && l.Rel != "" {
		p.related(r, l.Rel, u)
	}
	role := relRole(l.Rel, r.as)
	if role == 0 {
		p.refuse("rel")
		return
	}
	l.Asset = role == asset
	p.linkTo(u, reason, &l)
}

// related notes the relations that say something of the page itself; u is no
// URL if the address is none.
func (p *parser) related(r relation, rel string, u weburl.URL) {
	canonical := hasWord(rel, "canonical")
	if canonical {
		p.doc.Canonicals++
	}
	if u.IsZero() {
		return
	}
	setURL(&p.doc.Canonical, u, canonical)
	setURL(&p.doc.Next, u, hasWord(rel, "next"))
	setURL(&p.doc.Prev, u, hasWord(rel, "prev") || hasWord(rel, "previous"))
	if hasWord(rel, "alternate") {
		p.alternate(r, u)
	}
}

// alternate notes another form of the page: a language, a feed.
func (p *parser) alternate(r relation, u weburl.URL) {
	lang, feed := p.clean(r.hreflang), isFeedType(r.mime) && !slices.Contains(p.doc.Feeds, u)
	if max(len(p.doc.Hreflang), len(p.doc.Feeds)) >= maxRelated && (lang != "" || feed) {
		p.cut("alternates")
		return
	}
	if lang != "" {
		p.doc.Hreflang = append(p.doc.Hreflang, Alternate{lang, u})
	}
	if feed {
		p.doc.Feeds = append(p.doc.Feeds, u)
	}
}

// setURL sets a field that is not set yet, if it is meant.
func setURL(field *weburl.URL, u weburl.URL, meant bool) {
	if meant && field.IsZero() {
		*field = u
	}
}

func isFeedType(mime string) bool {
	mime, _, _ = strings.Cut(mime, ";")
	switch lower(trimSpace(mime)) {
	case "application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json", "text/rss+xml":
		return true
	}
	return false
}

// relRole says what a link of the relations rel is; 0 is a service or a hint,
// nothing to fetch. An unknown relation is a page.
func relRole(rel, as string) role {
	known := role(-1)
	for word := range strings.FieldsSeq(rel) {
		switch word {
		case "stylesheet", "icon", "apple-touch-icon", "apple-touch-icon-precomposed", "apple-touch-startup-image", "mask-icon",
			"fluid-icon", "manifest", "preload", "modulepreload", "image_src", "subresource", "enclosure":
			return asset
		case "prefetch":
			if as != "" && !strings.EqualFold(as, "document") {
				return asset
			}
			known = page
		case "preconnect", "dns-prefetch", "pingback", "edituri", "wlwmanifest", "webmention", "hub", "https://api.w.org/",
			"openid.server", "openid.delegate", "openid2.provider", "openid2.local_id":
			known = max(known, 0)
		default:
			known = page
		}
	}
	if known < 0 {
		return page
	}
	return known
}

func hasWord(list, word string) bool {
	if !strings.Contains(list, word) {
		return false
	}
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}

func (w *walker) meta() {
	content, ok := w.attr(attrContent)
	if !ok {
		return
	}
	switch lower(trimSpace(w.value(attrHTTPEquiv))) {
	case "refresh":
		w.refresh(content, "meta", "refresh")
	case "content-language":
		if !w.langSet && trimSpace(content) != "" {
			w.doc.Lang = w.clean(content)
		}
	}
	name := lower(trimSpace(w.value(attrName)))
	if name == "" {
		name = lower(trimSpace(w.value(attrProperty)))
	}
	if name == "" {
		return
	}
	if w.srcdoc == 0 {
		w.property(name, content)
	}
	if picture := pictures[name]; picture != "" {
		w.asset(content, "meta", picture, "")
	}
}

// property notes what a meta element says of the page.
func (p *parser) property(name, content string) {
	prefix, _, _ := strings.Cut(name, ":")
	switch {
	case name == "description":
		p.setText(&p.doc.Description, content)
	case p.addressed(name):
		p.robotsTag(content)
	case len(prefix) < len(name) && socialPrefix(prefix) && len(p.doc.Meta) < maxProperties:
		p.doc.Meta = append(p.doc.Meta, Property{strings.Clone(cut(name, maxAnchorText)), p.clean(content)})
	}
}

// socialPrefix tells the vocabularies of Open Graph and Twitter.
func socialPrefix(prefix string) bool {
	switch prefix {
	case "og", "twitter", "article", "book", "profile", "music", "video", "product", "fb":
		return true
	}
	return false
}

// nested reads the document of a srcdoc attribute, whose base is the page's.
func (w *walker) nested(doc string) {
	if doc == "" || w.srcdoc >= maxSrcdoc {
		return
	}
	inner := &walker{parser: w.parser, openLink: -1, srcdoc: w.srcdoc + 1, scanner: newScanner(doc), regions: &regions{outside: w.place}}
	inner.room = w.room
	w.endBlock(false)
	place, anchor := w.place, w.anchor
	inner.read()
	w.endBlock(false)
	w.place, w.anchor = place, anchor
}
