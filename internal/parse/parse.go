// Package parse turns the bytes of an answer into a title, links and
// directives; it reads HTML, CSS, feeds and sitemaps.
//
// It never fails: whatever was found before a limit or a fault is the answer.
// Time is linear in the length of the body, and everything that a page may
// repeat has a limit in Limits. It never touches the network, expands no
// entity, runs no script, keeps no reference to the body and has no opinion on
// which links to follow: it says what a link is for, and the crawler decides.
// It builds a tree of elements only where a run asks for fields by CSS
// selectors, see Fields.
package parse

import (
	"net/http"
	"time"
	"unsafe"

	"crawl/internal/weburl"
)

// Limits bounds what one document may cost. Zero is the default of a field.
type Limits struct {
	Links int           // links kept; default 10,000
	Text  int           // bytes of a text field such as the title; default 4 KiB
	Depth int           // open elements of an XML document, levels of JSON-LD, places and items of a page; default 512
	Time  time.Duration // for one document, looked at between tokens; default 2 s
}

// Options tells Parse who reads and how much.
type Options struct {
	Agent string // product token of the crawler, for directives addressed to it
	Text  bool   // fill in Doc.Text, which is thrown away otherwise
	Limits
}

// The defaults of Limits, and limits that are the same for everybody.
const (
	defaultLinks = 10_000
	defaultText  = 4 << 10
	defaultDepth = 512
	defaultTime  = 2 * time.Second

	maxAnchorText = 256      // bytes of Link.Text
	maxRel        = 256      // bytes of Link.Rel
	maxReference  = 64 << 10 // bytes of an address before it is resolved
	maxReasons    = 32       // different keys in Doc.Refused
	maxScheme     = 32       // bytes of a scheme in Doc.Refused
	maxHeadings   = 100
	maxRelated    = 500 // of Doc.Hreflang and of Doc.Feeds
	maxProperties = 100 // of Doc.Meta
	maxItems      = 500 // of Doc.Microdata
	maxAlts       = 10_000
	maxText       = 1 << 20 // bytes of Doc.Text

	maxJSONLD      = 20
	maxJSONLDBytes = 256 << 10 // of one
)

func (l Limits) withDefaults() Limits {
	if l.Links <= 0 {
		l.Links = defaultLinks
	}
	if l.Text <= 0 {
		l.Text = defaultText
	}
	if l.Depth <= 0 {
		l.Depth = defaultDepth
	}
	if l.Time <= 0 {
		l.Time = defaultTime
	}
	return l
}

// Link is one address that a document names.
type Link struct {
	URL      weburl.URL
	Text     string // anchor text or alt; white space collapsed, at most 256 bytes
	Rel      string // value of rel, lower case
	Element  string // "a", "img", "meta", …; "header" for HTTP headers, "css" for style sheets
	Attr     string // "href", "srcset", "refresh", …
	Place    string // where on the page: "header", "nav", "main", "aside", "footer", "" elsewhere
	Asset    bool   // needed to show the page; false: a page to visit
	NoFollow bool   // every link to URL from this element, or the whole page, says nofollow
}

// Heading is one of h1 to h6.
type Heading struct {
	Level int
	Text  string
}

// Alternate is the page in another language.
type Alternate struct {
	Lang string // as written: a language tag or "x-default"
	URL  weburl.URL
}

// Property is a named value.
type Property struct{ Name, Value string }

// Item is one property of microdata.
type Item struct {
	Type  string // itemtype of the innermost item
	Prop  string // itemprop
	Value string // as the HTML standard takes it from the element
}

// Doc is what was found in one document. All text is valid UTF-8.
type Doc struct {
	Type        string // kind of body, see Sniff; for "binary" also "pdf", "image" and "office"
	MIME        string // declared media type, lower case, without parameters
	Charset     string // canonical name by the Encoding standard, "" for binary bodies
	CharsetFrom string // what decided: "bom", "header", "meta" (or XML declaration), "detected", "default"

	Title       string // white space collapsed, as are all four
	Description string
	H1          string
	Lang        string // as written: html lang, else Content-Language

	Canonical  weburl.URL // the first usable one
	Canonicals int        // how many were given
	NoIndex    bool       // by meta robots or X-Robots-Tag, addressed to all or to Options.Agent
	NoFollow   bool       // likewise; also set in every Link
	Restricted []string   // likewise: noarchive, nosnippet, noimageindex, noodp, notranslate

	Headings []Heading    // in document order, the first 100
	Hreflang []Alternate  // the page in other languages, by link element or header
	Next     weburl.URL   // rel=next
	Prev     weburl.URL   // rel=prev
	Feeds    []weburl.URL // rel=alternate of a feed type
	Meta     []Property   // Open Graph, Twitter and article properties, as written
	JSONLD   []string     // scripts of type application/ld+json, as written
	// JSONLDFault is the first fault of a script among JSONLD: no JSON, no @context,
	// no @type; "" if they have none, as far as they were read.
	JSONLDFault string
	Microdata   []Item

	Text     string   // main text without boilerplate, a line a block; only with Options.Text
	TextHash [16]byte // of the main text, whatever its white space; zero if there is none
	Simhash  uint64   // of the main text, over each three runs without white space; 0 if it has fewer than three words

	Links   []Link         // each URL once for an element and place, in document order
	Refused map[string]int // addresses that are no link: by scheme, or "invalid", "too long", "too many", "form", "rel"
	Words   int            // words of visible text
	Cut     string         // limit that was reached first: "time", "links", "depth" of Limits; "text", "headings", "alternates", "json-ld", "microdata"; else ""
}

// Parse reads the answer with the given header and decoded body, found at
// base. It may be called by many goroutines at once.
func Parse(base weburl.URL, header http.Header, body []byte, o Options) Doc {
	p := newParser(base, header, o)
	p.doc.Type = sniff(p.declared.essence, header, body)
	p.headers(header)
	switch p.doc.Type {
	case "html":
		p.html(readOnly(p.decode(body, false)))
	case "css":
		p.css(readOnly(p.decode(body, false)), "css")
	case "feed":
		p.feed(p.decode(body, true))
	case "sitemap":
		p.sitemap(p.decode(body, true))
	case "xml":
		p.decode(body, true)
	case "binary":
		if p.doc.Type = opaqueKind(p.doc.MIME, body); p.doc.Type == "pdf" {
			p.pdf(body)
		}
	case "text":
		p.see(readOnly(p.decode(body, false)), false)
		p.readText()
	}
	return p.finish()
}

// readOnly returns b as a string without a copy: nobody writes into a body while
// it is parsed, and no Doc points into it.
func readOnly(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
