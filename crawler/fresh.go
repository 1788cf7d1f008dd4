package crawler

import (
	"context"
	"net/http"
	"time"

	"crawl/fetcher"
	"crawl/frontier"
	"crawl/store"
)

// Values of Spec.Cache.
const (
	CacheRevalidate = "revalidate" // every page is asked for, conditionally where an earlier run has it; "" is the same
	CacheFresh      = "fresh"      // what is still fresh by its own headers is taken over from the run before, unasked
	CacheOff        = "off"        // every page is asked for whole
)

// freshness is what the answer of a visit said, or the visit that it stands for.
func freshness(p *store.Page) fetcher.Freshness {
	return fetcher.Freshness{For: p.FreshFor, Until: p.FreshUntil}
}

func setFreshness(p *store.Page, f fetcher.Freshness) { p.FreshFor, p.FreshUntil = f.For, f.Until }

// keeps tells whether known, which a 304 might stand for, stands for itself: it is
// the last that was seen of the URL, by the run before, fresh now, and no sitemap
// says that it changed since. A seed is always asked for, and what failed.
func (w *Job) keeps(l *frontier.Lease, last, known *store.Page) bool {
	s := w.spec
	return s.Cache == CacheFresh && known != nil && known.Run == s.Base && last.Run == s.Base &&
		l.Kind == frontier.Page && l.Depth > 0 && l.Try == 1 &&
		(!s.Keep || known.Payload.Segment != 0 || known.Size == 0) &&
		freshness(known).At(known.Fetched, time.Now()) && !outdated(l, known)
}

// outdated tells whether a sitemap says that a page changed since it was asked for.
func outdated(l *frontier.Lease, p *store.Page) bool { return l.Changed.After(p.Fetched) }

// stand is the page that known, which is kept, makes in this run, and its links; nil
// if they cannot be read: then it is asked for.
func (w *Job) stand(ctx context.Context, l *frontier.Lease, known *store.Page) (*store.Page, []store.Link) {
	page := *known
	page.Run, page.Try, page.Depth, page.Hops, page.From = w.store.ID, uint16(l.Try), l.Depth, l.Hops, l.From.String()
	page.Cached, page.NotModified, page.Wire = true, false, 0
	links, err := w.Store.Links(ctx, known)
	if err == nil {
		err = w.fieldsAgain(ctx, &page, known)
	}
	if err != nil {
		w.Log.Info("what an earlier run has of a page cannot be read: it is asked for", "url", l.URL.String(), "cause", err)
		return nil, nil
	}
	return &page, links
}

// renew gives an unchanged page what the head of the answer 304 says of its freshness.
func renew(p, known *store.Page, h http.Header) {
	setFreshness(p, freshness(known).Renewed(h, p.Fetched))
}
