package crawler

import (
	"context"
	"crypto/sha256"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"crawl/fetcher"
	"crawl/frontier"
	"crawl/internal/parse"
	"crawl/internal/weburl"
	"crawl/store"
)

// request asks for a URL; conditionally if an earlier run has its content.
func request(l *frontier.Lease, known *store.Page, s *Spec) fetcher.Request {
	r := fetcher.Request{URL: l.Address()}
	if l.Kind == frontier.Sitemap {
		r.MaxBody = s.MaxSitemap
	}
	if known != nil {
		r.ETag, r.LastModified = known.ETag, known.Modified
	}
	return r
}

// known is what an earlier run has for the URL of a lease, if a 304 may stand
// for it: asked for as it is asked for now, read as what it is read as now, and
// not after a 304 of this run that was of no use.
func (w *Job) known(l *frontier.Lease, last, good *store.Page) *store.Page {
	switch {
	case w.spec.Cache == CacheOff, good == nil || good.Run == w.store.ID || good.Kind != kindOf(l) || good.Address() != l.Address().String() || !w.spec.wholly(good) || !w.spec.readable(good):
		return nil
	case last.Run == w.store.ID && last.Status == http.StatusNotModified:
		return nil
	}
	return good
}

// wholly tells whether what an earlier run took from a page is what this run
// would: its limits may have been others.
func (s *Spec) wholly(p *store.Page) bool {
	most := s.MaxLinks
	if p.Kind == store.KindSitemap {
		most = s.MaxSitemapURLs
	}
	switch p.ParseLimit {
	case "", "text", "headings", "alternates", "json-ld", "microdata": // the same for every run
	default:
		return false
	}
	return p.Truncated == "" && (most <= 0 || p.Links <= most)
}

func kindOf(l *frontier.Lease) uint8 {
	switch {
	case l.Kind == frontier.Sitemap:
		return store.KindSitemap
	case l.Kind == frontier.Check && l.For == forExternal:
		return store.KindExternal
	case l.Kind == frontier.Check:
		return store.KindChecked
	}
	return store.KindPage
}

// newPage makes a page of what a fetch brought but for what is in it: of the
// head of a response, or of the fault that prevented one.
func (w *Job) newPage(l *frontier.Lease, resp *fetcher.Response, failed error) *store.Page {
	p := &store.Page{
		URL: l.URL, Run: w.store.ID, Asked: l.Ask.String(), Kind: kindOf(l), Try: uint16(l.Try), Fetched: time.Now(),
		Depth: l.Depth, Hops: l.Hops, From: l.From.String(),
	}
	if failed != nil {
		setFault(p, failed)
		return p
	}
	setAnswer(p, resp, l.Address())
	w.spec.loops(l, p)
	return p
}

// take reads what is in a response, if there was one, into its page. For an
// unchanged page it is what was known before.
func (w *Job) take(ctx context.Context, l *frontier.Lease, p *store.Page, resp *fetcher.Response, known *store.Page) (linked, *store.Exchange) {
	switch {
	case resp == nil:
		return linked{}, nil
	case resp.Status == http.StatusNotModified && known != nil:
		renew(p, known, resp.Header)
		return w.unchanged(ctx, l, p, known), w.exchange(resp)
	}
	p.Hash = sha256.Sum256(resp.Body)
	read := w.read
	if w.spec.isSitemap(l, resp) {
		p.Kind = store.KindSitemap
		read = w.readSitemap
	}
	return linked{all: w.survive(p, func() []store.Link { return read(p, resp, l.Address()) })}, w.exchange(resp)
}

// survive reads what came. A parser that panics, which none should, costs one
// page its links and not the run, which would meet the page again at each resume.
func (w *Job) survive(p *store.Page, read func() []store.Link) (links []store.Link) {
	if !Survive(w.Log, "the parser", p.URL, func() { links = read() }) {
		p.ParseLimit = parserFailed
	}
	return links
}

// parserFailed is the ParseLimit of a page on which the parser panicked.
const parserFailed = "parser failed"

// Survive lets what, such as "the parser", look at the page found at u. If it
// panics, which it should not, Survive tells log and returns false.
func Survive(log *slog.Logger, what string, u weburl.URL, look func()) (ok bool) {
	defer func() {
		if cause := recover(); cause != nil {
			log.Error(what+" failed on this page: please report it", "url", u.String(), "cause", cause, "stack", string(debug.Stack()))
		}
	}()
	look()
	return true
}

func setFault(p *store.Page, failed error) {
	var f *fetcher.Fault
	if !errors.As(failed, &f) {
		f = &fetcher.Fault{Kind: fetcher.Protocol, Sentence: failed.Error()}
	}
	p.Fault, p.FaultText, p.Passing = string(f.Kind), f.Sentence, f.Temporary
}

// setAnswer says of a page what came when u was asked for.
func setAnswer(p *store.Page, r *fetcher.Response, u weburl.URL) {
	p.Fetched, p.TTFB, p.Took = r.Start, r.TTFB, r.Took
	p.Status, p.Proto, p.TLS = r.Status, r.Proto, r.TLSProblem
	if r.Addr.IsValid() {
		p.Addr = r.Addr.String()
	}
	p.Encoding, p.Truncated, p.Damaged = r.Encoding, r.Truncated, r.Damaged
	p.Size, p.Wire = int64(len(r.Body)), int64(len(r.Raw))
	p.ETag, p.Modified = r.Header.Get("ETag"), r.Header.Get("Last-Modified")
	p.HasAfter, p.After = r.HasRetryAfter, r.RetryAfter
	setFreshness(p, fetcher.FreshnessOf(r.Header, r.Start))
	if to, err := r.Location(u); r.Redirect != "" && err == nil {
		p.Redirect = to.String()
	}
	if incomplete(r) {
		p.Fault, p.Passing = FaultIncomplete, true
		p.FaultText = "the body was cut off: " + r.Truncated
	}
}

// incomplete tells a body that broke off; one that is over a limit of ours is
// as complete as it will ever be.
func incomplete(r *fetcher.Response) bool {
	return r.Truncated == "time" || r.Truncated == "disconnect"
}

// linked is what was read of the links of a visit: all of them, or of an unchanged
// page, whose links the store has, those that were news then.
type linked struct {
	all  []store.Link
	news *news
}

// unchanged fills in what a 304 stands for, and returns the links.
func (w *Job) unchanged(ctx context.Context, l *frontier.Lease, p, good *store.Page) linked {
	links, err := w.linksAgain(ctx, l, p, good)
	if err == nil {
		err = w.fieldsAgain(ctx, p, good)
	}
	if err != nil { // the next try asks for it whole, see known
		p.Fault, p.Passing, p.FaultText = string(fetcher.Local), true, err.Error()
		return linked{}
	}
	p.Status, p.NotModified = good.Status, true
	p.Type, p.MIME, p.Charset, p.Size, p.Hash = good.Type, good.MIME, good.Charset, good.Size, good.Hash
	p.Title, p.H1, p.Description, p.Lang, p.Words = good.Title, good.H1, good.Description, good.Lang, good.Words
	p.Canonical, p.Canonicals, p.NoIndex, p.NoFollow = good.Canonical, good.Canonicals, good.NoIndex, good.NoFollow
	p.Restricted = good.Restricted
	p.CharsetBy, p.TextHash, p.Simhash = good.CharsetBy, good.TextHash, good.Simhash
	p.Hreflang, p.Meta, p.Next, p.Prev, p.Feeds = good.Hreflang, good.Meta, good.Next, good.Prev, good.Feeds
	p.JSONLD, p.ParseLimit = good.JSONLD, good.ParseLimit
	if p.ETag == "" {
		p.ETag = good.ETag
	}
	if p.Modified == "" {
		p.Modified = good.Modified
	}
	return links
}

// linksAgain reads the links of a page that is as good was.
func (w *Job) linksAgain(ctx context.Context, l *frontier.Lease, p, good *store.Page) (links linked, err error) {
	if !w.spec.leads(p) || p.Truncated != "" || p.Damaged != "" { // else Put takes them over
		links.all, err = w.Store.Links(ctx, good)
		return links, err
	}
	links.news = &news{}
	err = w.Store.ReadLinks(ctx, good, func(all iter.Seq2[[]byte, *store.Link]) { *links.news = w.told.pickStored(all, below(l)) })
	return links, err
}

// read parses a page, whose relative links count from base.
func (w *Job) read(p *store.Page, r *fetcher.Response, base weburl.URL) []store.Link {
	doc := w.spec.parse(p, r, base, false)
	if HasFields(p) {
		w.fields(p, r.Header, r.Body)
	}
	return storeLinks(&doc)
}

// Reading is how a run parses a page, and keeps its text if that is asked for.
func (s *Spec) Reading(text bool) parse.Options {
	return parse.Options{Agent: s.Agent, Text: text, Limits: parse.Limits{Links: s.MaxLinks, Depth: s.MaxNesting, Time: s.MaxParse}}
}

// parse reads a body as the run does, and notes in p what is kept of it but for
// the links. The text is thrown away unless it is asked for.
func (s *Spec) parse(p *store.Page, r *fetcher.Response, base weburl.URL, text bool) parse.Doc {
	doc := parse.Parse(base, r.Header, r.Body, s.Reading(text))
	p.Type, p.MIME, p.Charset, p.ParseLimit = doc.Type, doc.MIME, doc.Charset, doc.Cut
	p.Title, p.H1, p.Description, p.Lang, p.Words = doc.Title, doc.H1, doc.Description, doc.Lang, doc.Words
	p.Canonical, p.Canonicals = doc.Canonical.String(), doc.Canonicals
	p.NoIndex, p.NoFollow = doc.NoIndex, doc.NoFollow
	p.Restricted = doc.Restricted
	p.CharsetBy, p.TextHash, p.Simhash = doc.CharsetFrom, doc.TextHash, doc.Simhash
	p.Next, p.Prev, p.JSONLD = doc.Next.String(), doc.Prev.String(), doc.JSONLDFault
	for _, a := range doc.Hreflang {
		p.Hreflang = append(p.Hreflang, store.Named{Name: a.Lang, Value: a.URL.String()})
	}
	for _, m := range doc.Meta {
		p.Meta = append(p.Meta, store.Named(m))
	}
	for _, u := range doc.Feeds {
		p.Feeds = append(p.Feeds, u.String())
	}
	return doc
}

func storeLinks(doc *parse.Doc) []store.Link {
	links := make([]store.Link, 0, len(doc.Links))
	for _, l := range doc.Links {
		links = append(links, store.Link{
			Target: l.URL.String(), Text: l.Text, Rel: l.Rel, Element: l.Element, Attr: l.Attr, Place: l.Place, Asset: l.Asset, NoFollow: l.NoFollow,
		})
	}
	return links
}

// exchange is what the archive keeps of a response, if it keeps bodies.
func (w *Job) exchange(r *fetcher.Response) *store.Exchange {
	if !w.spec.Keep {
		return nil
	}
	return &store.Exchange{
		Start: r.Start, Addr: r.Addr, Proto: r.Proto, Sent: r.Sent, Status: r.Status, Reason: r.Reason,
		Header: r.Header, Body: r.Raw, Truncated: r.Truncated, Packed: r.Free,
	}
}
