package parse

import "strings"

// role says what an attribute holds.
type role int

const (
	page role = iota + 1
	asset
	images // a srcset
)

// holders are the attributes that hold addresses, by element. a, link, meta,
// input and form have rules of their own. data-src and data-srcset are not
// standard; scripts that load pictures late read them.
var holders = map[string][]struct {
	attr string
	role role
}{
	"applet":  {{"code", asset}, {"archive", asset}, {"src", asset}},
	"area":    {{"href", page}},
	"audio":   {{"src", asset}},
	"bgsound": {{"src", asset}},
	"body":    {{"background", asset}},
	"embed":   {{"src", asset}},
	"feimage": {{"href", asset}, {"xlink:href", asset}},
	"frame":   {{"src", page}},
	"iframe":  {{"src", page}, {"data-src", page}},
	"image":   {{"src", asset}, {"href", asset}, {"xlink:href", asset}},
	"img":     {{"src", asset}, {"srcset", images}, {"lowsrc", asset}, {"data-src", images}, {"data-srcset", images}},
	"object":  {{"data", asset}},
	"script":  {{"src", asset}, {"href", asset}, {"xlink:href", asset}},
	"source":  {{"src", asset}, {"srcset", images}, {"data-src", images}, {"data-srcset", images}},
	"table":   {{"background", asset}},
	"tbody":   {{"background", asset}},
	"td":      {{"background", asset}},
	"tfoot":   {{"background", asset}},
	"th":      {{"background", asset}},
	"thead":   {{"background", asset}},
	"tr":      {{"background", asset}},
	"track":   {{"src", asset}},
	"use":     {{"href", asset}, {"xlink:href", asset}},
	"video":   {{"src", asset}, {"poster", asset}},
}

// wanted are the attributes read at all.
var wanted = nameSet("action", "alt", "archive", "as", "background", "code", "content", "data", "data-src", "data-srcset", "href",
	"http-equiv", "imagesrcset", "lang", "lowsrc", "method", "name", "poster", "property", "rel", "shadowrootmode", "src", "srcdoc",
	"srcset", "style", "title", "type", "xlink:href")

// pictures are the meta properties whose content is the address of a file.
var pictures = nameSet("og:image", "og:image:url", "og:image:secure_url", "og:video", "og:video:url", "og:video:secure_url",
	"og:audio", "og:audio:url", "og:audio:secure_url", "twitter:image", "twitter:image:src", "msapplication-tileimage",
	"msapplication-config", "thumbnail")

// links adds the addresses in the tag at hand.
func (w *walker) links() {
	switch w.name {
	case "a":
		w.a()
	case "link":
		w.linkElement()
	case "meta":
		w.meta()
	case "input":
		if strings.EqualFold(w.value("type"), "image") {
			w.asset(w.value("src"), "input", "src", w.value("alt"))
		}
	case "form":
		if _, ok := w.attr("action"); ok {
			w.refuse("form")
		}
	case "iframe":
		w.nested(w.value("srcdoc"))
	}
	for _, h := range holders[w.name] {
		if v, ok := w.attr(h.attr); ok {
			w.held(v, h.attr, h.role)
		}
	}
	if style := w.value("style"); style != "" {
		w.styleAttr(style, w.name)
	}
}

// held adds what an attribute of the table holds.
func (w *walker) held(v, attr string, r role) {
	switch r {
	case page:
		if w.name != "area" && trimSpace(v) == "" {
			return // a frame without an address stays empty
		}
		w.follow(v, attr, w.value("alt"))
	case asset:
		w.asset(v, w.name, attr, w.value("alt"))
	case images:
		srcset(v, func(url string) { w.asset(url, w.name, attr, w.value("alt")) })
	}
}

// follow adds a page.
func (w *walker) follow(ref, attr, text string) int {
	rel := lower(collapse(w.value("rel")))
	return w.link(ref, Link{Element: w.name, Attr: attr, Text: text, Rel: rel, NoFollow: hasWord(rel, "nofollow")})
}

// a adds a hyperlink and leaves it open for its text.
func (w *walker) a() {
	for _, name := range [...]string{"href", "xlink:href"} {
		if href, ok := w.attr(name); ok {
			w.anchor = w.follow(href, name, "")
			w.anchorText = &snippet{limit: maxAnchorText}
			return
		}
	}
}

func (w *walker) linkElement() {
	rel := w.value("rel")
	if href := trimSpace(w.value("href")); href != "" {
		w.relation(href, rel, w.value("as"), false, Link{Element: "link", Attr: "href", Text: w.value("title")})
	}
	srcset(w.value("imagesrcset"), func(url string) { w.asset(url, "link", "imagesrcset", "") })
}

// relation adds a link by its relation to the page: that of a link element or
// of a Link header. elsewhere says that it is one of another page's.
func (p *parser) relation(ref, rel, as string, elsewhere bool, l Link) {
	l.Rel = lower(collapse(rel))
	l.NoFollow = hasWord(l.Rel, "nofollow")
	if hasWord(l.Rel, "canonical") && !elsewhere {
		p.doc.Canonicals++
		if u, reason := p.resolve(ref); reason == "" && p.doc.Canonical.IsZero() {
			p.doc.Canonical = u
		}
	}
	switch relRole(l.Rel, as) {
	case asset:
		l.Asset = true
		p.link(ref, l)
	case page:
		p.link(ref, l)
	default:
		p.refuse("rel")
	}
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
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}

func (w *walker) meta() {
	content, ok := w.attr("content")
	if !ok {
		return
	}
	switch lower(trimSpace(w.value("http-equiv"))) {
	case "refresh":
		w.refresh(content, "meta", "refresh")
	case "content-language":
		if !w.langSet && trimSpace(content) != "" {
			w.doc.Lang = w.clean(content)
		}
	}
	name := lower(trimSpace(w.value("name")))
	if name == "" {
		name = lower(trimSpace(w.value("property")))
	}
	switch {
	case name == "":
	case name == "description" && w.srcdoc == 0:
		w.setText(&w.doc.Description, content)
	case w.addressed(name) && w.srcdoc == 0:
		w.directive(content)
	case pictures[name]:
		w.asset(content, "meta", name, "")
	}
}

// nested reads the document of a srcdoc attribute, whose base is the page's.
func (w *walker) nested(doc string) {
	if doc == "" || w.srcdoc >= maxSrcdoc {
		return
	}
	inner := &walker{parser: w.parser, anchor: -1, srcdoc: w.srcdoc + 1}
	inner.read([]byte(doc))
}
