package parse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"crawl/internal/weburl"
)

// ErrNoSitemap is in every error of ParseSitemap; test with errors.Is.
var ErrNoSitemap = errors.New("parse: not a sitemap")

// SitemapLimits bounds what one sitemap may cost. Zero is the default of a
// field. The first two are those of the sitemaps.org protocol.
type SitemapLimits struct {
	Entries int           // entries kept; default 50,000
	Bytes   int64         // bytes after decompression; default 50 MiB
	Depth   int           // open elements; default 512
	Time    time.Duration // looked at between tokens; default 10 s
}

const (
	defaultEntries      = 50_000
	defaultSitemapBytes = 50 << 20
	defaultSitemapTime  = 10 * time.Second

	maxAlternates = 1000 // xhtml:link alternates kept of one entry
	maxLastMod    = 64   // bytes of SitemapEntry.LastModText
	maxProblem    = 256  // bytes of Sitemap.Problem
)

func (l SitemapLimits) withDefaults() SitemapLimits {
	if l.Entries <= 0 {
		l.Entries = defaultEntries
	}
	if l.Bytes <= 0 {
		l.Bytes = defaultSitemapBytes
	}
	if l.Depth <= 0 {
		l.Depth = defaultDepth
	}
	if l.Time <= 0 {
		l.Time = defaultSitemapTime
	}
	return l
}

// SitemapEntry is one page, or one sitemap of an index.
type SitemapEntry struct {
	URL         weburl.URL
	LastMod     time.Time // in UTC; zero if there is none that can be read
	LastModText string    // as written, at most 64 bytes; never to be trusted for a schedule
	Priority    float64   // 0 to 1; 0.5 if there is none that can be read
	ChangeFreq  string    // "always" to "never", lower case; "" if it is none of the seven
	Alternates  []weburl.URL
}

// Sitemap is a list of pages, or of further sitemaps.
type Sitemap struct {
	Index   bool   // the entries are sitemaps
	Kind    string // "urlset", "index", "text", "rss", "atom"
	Entries []SitemapEntry
	Dropped int    // entries without a usable address
	Cut     string // limit that ended reading early: "bytes", "entries", "depth", "time"; else ""
	Problem string // what was wrong with the file; the entries before it are kept
}

// ParseSitemap reads body, found at base, as a sitemap: XML (urlset or index),
// text with an address a line, RSS or Atom, each perhaps in one layer of gzip.
// Which one it is, the body tells. Whole entries before a fault or a limit are
// kept. The error says what a body is that is no sitemap at all; it wraps
// ErrNoSitemap. Which addresses a sitemap may name, SitemapMayName tells.
func ParseSitemap(base weburl.URL, body []byte, o SitemapLimits) (Sitemap, error) {
	o = o.withDefaults()
	body, cut, err := gunzip(body, o.Bytes)
	if err != nil {
		return Sitemap{}, err
	}
	r := &sitemapReader{base: base, limits: o, clock: newClock(o.Time), Sitemap: Sitemap{Cut: cut}, entry: SitemapEntry{Priority: 0.5}}
	kind := rootKind(rootElement(trimHead(body)))
	switch {
	case kind == "sitemap" || kind == "feed":
		r.read(decodeXML(base, body))
		if r.Kind == "" && r.Problem == "" && r.Cut == "" { // what looked like its root was a part of what comes before
			err = notSitemap("it has no root element")
		}
	case kind == "html" || looksHTML(trimHead(body)):
		err = notSitemap("it is an HTML page")
	case len(bytes.TrimSpace(body)) == 0:
		err = notSitemap("it is empty")
	case isBinary(body):
		err = notSitemap("it is binary")
	case bytes.HasPrefix(trimHead(body), []byte("<")):
		err = notSitemap("its root element is <" + rootElement(trimHead(body)) + ">")
	default:
		err = r.text(decodeXML(base, body))
	}
	return r.Sitemap, err
}

func decodeXML(base weburl.URL, body []byte) []byte {
	p := newParser(base, nil, Options{})
	defer p.release()
	return p.decode(body, true)
}

func notSitemap(why string) error {
	return fmt.Errorf("%w: %s", ErrNoSitemap, strings.ToValidUTF8(why, "\uFFFD"))
}

// gunzip takes off one layer of gzip, known by its magic number. A damaged
// file gives what could be read.
func gunzip(body []byte, limit int64) (plain []byte, cut string, err error) {
	if bytes.HasPrefix(body, []byte("\x1F\x8B")) {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, "", notSitemap("it is damaged gzip")
		}
		var b bytes.Buffer
		if _, err = io.Copy(&b, io.LimitReader(z, limit+1)); err != nil && b.Len() == 0 {
			return nil, "", notSitemap("it is damaged gzip")
		}
		body = b.Bytes()
	}
	if int64(len(body)) > limit {
		return body[:limit], "bytes", nil
	}
	return body, "", nil
}

// sitemapReader gathers the entries of one sitemap.
type sitemapReader struct {
	Sitemap
	base    weburl.URL
	limits  SitemapLimits
	clock   clock
	entry   SitemapEntry
	loc     string // of the entry, as written
	space   string // XML namespace of the root
	foreign int    // open elements of a foreign subtree
	field   string // element whose text is being read
	inner   int    // elements open in it
	value   strings.Builder
}

// text reads a list of addresses, one a line.
func (r *sitemapReader) text(body []byte) error {
	r.Kind = "text"
	for line := range bytes.Lines(body) {
		if r.clock.late() {
			r.Cut = "time"
		}
		if r.done() {
			break
		}
		s := string(bytes.TrimSpace(line))
		if s == "" {
			continue
		}
		if u, ok := r.resolve(s); ok && isAddress(s) {
			r.keep(SitemapEntry{URL: u, Priority: 0.5})
		} else {
			r.Dropped++
		}
	}
	if len(r.Entries) == 0 {
		return notSitemap("it is text without an address")
	}
	return nil
}

// isAddress reports whether a line of text is meant as one.
func isAddress(s string) bool {
	low := lower(s[:min(len(s), 8)])
	return !strings.ContainsAny(s, " \t") &&
		(strings.HasPrefix(low, "http://") || strings.HasPrefix(low, "https://") || strings.HasPrefix(low, "www."))
}

// keep adds an entry unless there are too many.
func (r *sitemapReader) keep(e SitemapEntry) {
	if len(r.Entries) >= r.limits.Entries {
		r.Cut = "entries"
		return
	}
	r.Entries = append(r.Entries, e)
}

// done reports whether no further entry is to be read.
func (r *sitemapReader) done() bool { return r.Cut == "entries" || r.Cut == "time" }

// resolve returns the address of an entry. It should be absolute; a missing
// scheme is made up for, and references are resolved.
func (r *sitemapReader) resolve(loc string) (weburl.URL, bool) {
	loc = trimSpace(loc)
	if loc == "" || len(loc) > maxReference || strings.Contains(loc, unexpanded) {
		return weburl.URL{}, false
	}
	host := loc[:strings.IndexAny(loc+"/", "/?#")]
	if len(host) > 4 && strings.EqualFold(host[:4], "www.") || !r.base.IsZero() && strings.EqualFold(host, r.base.Host()) {
		scheme := "http"
		if !r.base.IsZero() {
			scheme = r.base.Scheme()
		}
		loc = scheme + "://" + loc
	}
	u, err := weburl.Parse(loc)
	if err != nil && !r.base.IsZero() && !strings.ContainsAny(loc, space) {
		u, err = r.base.Resolve(loc)
	}
	return u, err == nil
}
