package main

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"crawl/crawler"
	"crawl/fetcher"
	"crawl/frontier"
	"crawl/internal/weburl"
	"crawl/store"
)

// The rows of the tables, as exported. JSON keys are the names of the columns,
// and CSV has them in this order.

type pageRow struct {
	Run         string    `json:"run"`
	URL         string    `json:"url"`
	Host        string    `json:"host"`
	Path        string    `json:"path"`
	Section     string    `json:"section"`
	Kind        string    `json:"kind"`
	Depth       *int      `json:"depth"` // null: no chain of links leads there
	Status      int       `json:"status"`
	Class       string    `json:"class"`
	Fault       string    `json:"fault"`
	FaultText   string    `json:"fault_text"`
	Type        string    `json:"type"`
	MIME        string    `json:"mime"`
	Charset     string    `json:"charset"`
	Size        int64     `json:"size"`
	Wire        int64     `json:"wire_bytes"`
	Title       string    `json:"title"`
	H1          string    `json:"h1"`
	Description string    `json:"description"`
	Canonical   string    `json:"canonical"`
	Canonicals  int       `json:"canonicals"`
	Indexable   bool      `json:"indexable"`
	WhyNot      string    `json:"why_not"`
	Lang        string    `json:"lang"`
	Words       int       `json:"words"`
	BodyHash    string    `json:"body_hash"`
	FirstSeen   time.Time `json:"first_seen"`
	LastChanged time.Time `json:"last_changed"`
	Fetched     time.Time `json:"fetched"`
	TTFB        float64   `json:"ttfb_ms"`
	Took        float64   `json:"took_ms"`
	Try         int       `json:"try"`
	Inlinks     *int      `json:"inlinks"` // null while the run goes on
	Outlinks    int       `json:"outlinks"`
	InSitemap   *bool     `json:"in_sitemap"` // likewise
	Unchanged   bool      `json:"unchanged"`
	NotModified bool      `json:"not_modified"` // the server answered 304
	Redirect    string    `json:"redirect"`
	From        string    `json:"from"`
	Asked       string    `json:"asked"`  // how the URL was spelt in the request; "" where as above
	Robots      string    `json:"robots"` // the rule that disallows it, fetched all the same
	ETag        string    `json:"etag"`
	Modified    string    `json:"last_modified"`
	Encoding    string    `json:"content_encoding"`
	Truncated   string    `json:"truncated"`
	Damaged     string    `json:"damaged"`
	Cut         string    `json:"parse_limit"`
	Proto       string    `json:"protocol"`
	Addr        string    `json:"address"`
	TLS         string    `json:"tls_problem"`

	CharsetSource string         `json:"charset_source"` // bom, header, meta, detected, default
	Restricted    string         `json:"restricted"`     // noarchive, nosnippet and such
	TextHash      string         `json:"text_hash"`
	NearHash      string         `json:"near_hash"` // texts that differ in few of its bits are alike
	Next          string         `json:"next"`
	Prev          string         `json:"prev"`
	Hreflang      []alternateRow `json:"hreflang"`
	Meta          []propertyRow  `json:"meta"` // Open Graph and Twitter
	Feeds         []string       `json:"feeds"`

	Fields fieldSet `json:"fields,omitempty"` // the last; CSV: a column each
}

type linkRow struct {
	Run          string `json:"run"`
	Source       string `json:"source"`
	Target       string `json:"target"`
	Anchor       string `json:"anchor"`
	Rel          string `json:"rel"`
	Element      string `json:"element"`
	Attribute    string `json:"attribute"`
	Place        string `json:"place"`
	Asset        bool   `json:"asset"`
	NoFollow     bool   `json:"nofollow"`
	Internal     bool   `json:"internal"`
	SourceStatus int    `json:"source_status"`
	TargetStatus *int   `json:"target_status"` // null: not fetched in this run
	TargetClass  string `json:"target_class"`
	FinalStatus  *int   `json:"target_final_status"` // behind all redirects
}

type redirectRow struct {
	Run         string `json:"run"`
	Source      string `json:"source"`
	Target      string `json:"target"`
	Final       string `json:"final"`
	Hops        int    `json:"hops"`
	Loop        bool   `json:"loop"`
	Kind        int    `json:"kind"` // status of the first answer
	FinalStatus *int   `json:"final_status"`
}

type skipRow struct {
	Run     string `json:"run"`
	URL     string `json:"url"`
	Reason  string `json:"reason"`
	Rule    string `json:"rule"`
	FoundOn string `json:"found_on"`
	Depth   *int   `json:"depth"`
	Count   *int   `json:"count"` // links to it; null in the lines of a run
}

// newPageRow makes a row; in are the links to the page, nil if nobody counted.
func newPageRow(run *store.Run, p *store.Page, in *store.InlinkCount) *pageRow {
	r := &pageRow{
		Run: runName(run), URL: p.URL.String(), Asked: p.Asked, Host: p.URL.Host(), Path: p.URL.RequestURI(), Section: section(p.URL),
		Kind: "page", Depth: depthOf(p.Depth), Status: p.Status, Class: classOf(p), Fault: p.Fault, FaultText: p.FaultText,
		Type: p.Type, MIME: p.MIME, Charset: p.Charset, Size: p.Size, Wire: p.Wire,
		Title: p.Title, H1: p.H1, Description: p.Description, Canonical: p.Canonical, Canonicals: p.Canonicals, Lang: p.Lang, Words: p.Words,
		FirstSeen: p.FirstSeen.UTC(), LastChanged: p.Changed.UTC(), Fetched: p.Fetched.UTC(),
		TTFB: millis(p.TTFB), Took: millis(p.Took), Try: int(p.Try), Outlinks: p.Links, Unchanged: p.Unchanged, NotModified: p.NotModified,
		Redirect: p.Redirect, From: p.From, Robots: p.Barred, ETag: p.ETag, Modified: p.Modified, Encoding: p.Encoding,
		Truncated: p.Truncated, Damaged: p.Damaged, Cut: p.ParseLimit, Proto: p.Proto, Addr: p.Addr, TLS: p.TLS,
		Fields: p.Fields, CharsetSource: p.CharsetBy, Restricted: strings.Join(p.Restricted, ", "), Next: p.Next, Prev: p.Prev, Feeds: listOf(p.Feeds),
		Hreflang: []alternateRow{}, Meta: []propertyRow{},
	}
	for _, a := range p.Hreflang {
		r.Hreflang = append(r.Hreflang, alternateRow{a.Name, a.Value})
	}
	for _, m := range p.Meta {
		r.Meta = append(r.Meta, propertyRow(m))
	}
	if p.TextHash != [16]byte{} {
		r.TextHash = hex.EncodeToString(p.TextHash[:])
	}
	if p.Simhash != 0 {
		r.NearHash = fmt.Sprintf("%016x", p.Simhash)
	}
	if p.Kind == store.KindSitemap {
		r.Kind = "sitemap"
	}
	if p.Hash != [32]byte{} {
		r.BodyHash = hex.EncodeToString(p.Hash[:])
	}
	r.WhyNot = whyNot(p)
	r.Indexable = r.WhyNot == ""
	if in != nil {
		named := in.Sitemaps > 0
		r.Inlinks, r.InSitemap = &in.Pages, &named
	}
	return r
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func depthOf(d int) *int {
	if d >= frontier.NoDepth {
		return nil
	}
	return &d
}

// section is the first folder of a path.
func section(u weburl.URL) string {
	first, _, more := strings.Cut(u.Path()[1:], "/")
	if !more {
		return "/"
	}
	return "/" + first
}

// classOf sorts answers by what they mean to whoever looks after the site:
// only broken and server are the site's faults.
func classOf(p *store.Page) string {
	switch fetcher.Kind(p.Fault) {
	case "", crawler.FaultRedirects:
	case fetcher.DNS:
		return "broken"
	case fetcher.Timeout, crawler.FaultIncomplete:
		return "timeout"
	default:
		return "unverified"
	}
	switch s := p.Status; {
	case s >= 200 && s < 300, s == 304:
		return "ok"
	case p.Kind == store.KindSitemap && (s == 404 || s == 410) && p.URL.RequestURI() == "/sitemap.xml":
		return "absent" // asked for on the chance that it is there
	case s >= 300 && s < 400:
		return "redirect"
	case s == 404, s == 410:
		return "broken"
	case s == 401, s == 403, s == 429, s == 451, s == 999:
		return "blocked"
	case s >= 400 && s < 500:
		return "client"
	case s >= 500 && s < 600:
		return "server"
	}
	return "unverified"
}

// whyNot says why a search engine would not list the page.
func whyNot(p *store.Page) string {
	switch {
	case p.Fault != "":
		return p.Fault
	case classOf(p) != "ok":
		return fmt.Sprintf("status %d", p.Status)
	case p.NoIndex:
		return "noindex"
	case p.Barred != "":
		return "robots.txt"
	case p.Canonical != "" && p.Canonical != p.URL.String() && p.Canonical != p.Address():
		return "canonical elsewhere"
	case p.Type != "html":
		return "not html"
	}
	return ""
}

func newSkipRow(run *store.Run, s *store.Skip, count *int) skipRow {
	return skipRow{Run: runName(run), URL: s.URL.String(), Reason: s.Reason, Rule: s.Rule, FoundOn: s.From, Depth: depthOf(s.Depth), Count: count}
}
