package crawler

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"crawl/fetcher"
	"crawl/frontier"
	"crawl/internal/parse"
	"crawl/internal/robots"
	"crawl/internal/weburl"
	"crawl/store"
)

// Elements of links that a sitemap holds; Text is lastmod, Rel the priority.
const (
	elementEntry = "sitemap"
	elementIndex = "sitemapindex"
)

// isSitemap tells an answer to be read as a sitemap: one that was named as
// such, or, so that it matters not who names it first, one that a page links to.
func (s *Spec) isSitemap(l *frontier.Lease, r *fetcher.Response) bool {
	return l.Kind == frontier.Sitemap || s.readsSitemaps() && r.Redirect == "" && parse.Sniff(r.Header, r.Body) == "sitemap"
}

// readSitemap parses a sitemap that lies at base.
func (w *Job) readSitemap(p *store.Page, r *fetcher.Response, base weburl.URL) []store.Link {
	if r.Status != http.StatusOK {
		return nil
	}
	s := w.spec
	p.Type = "sitemap"
	m, err := parse.ParseSitemap(base, r.Body, parse.SitemapLimits{
		Entries: s.MaxSitemapURLs, Bytes: s.MaxSitemap, Depth: s.MaxNesting,
	})
	if err != nil {
		p.Type, p.ParseLimit = "", err.Error()
		return nil
	}
	p.ParseLimit = m.Cut
	if m.Problem != "" {
		w.Log.Info("sitemap is faulty", "url", p.URL.String(), "problem", m.Problem)
	}
	links := make([]store.Link, 0, len(m.Entries))
	for _, e := range m.Entries {
		element := elementEntry
		if m.Index {
			element = elementIndex
		}
		links = append(links, store.Link{
			Target: e.URL.String(), Element: element, Attr: "loc", Text: e.LastModText,
			Rel: strconv.FormatFloat(e.Priority, 'g', -1, 64),
		})
		for _, a := range e.Alternates {
			links = append(links, store.Link{Target: a.String(), Element: elementEntry, Attr: "alternate", Rel: "0.5"})
		}
	}
	return links
}

// sitemapLink makes a link of a sitemap that origin's robots.txt, or the user,
// named. deep counts the indexes and redirects it was found through.
func (s *Spec) sitemapLink(u, from weburl.URL, origin string, deep int) frontier.Link {
	return frontier.Link{URL: u, From: from, Depth: frontier.NoDepth, Hops: deep, Rank: 1, Kind: frontier.Sitemap, For: origin}
}

// entries makes frontier links of a sitemap's entries.
func (s *Spec) entries(l *frontier.Lease, links []store.Link) []frontier.Link {
	if l.For == "" { // a page linked to it
		own := *l
		own.For = l.URL.Origin()
		l = &own
	}
	var out []frontier.Link
	for _, link := range links {
		u, err := weburl.Parse(link.Target)
		if err != nil {
			continue
		}
		f := s.entry(l, u, link)
		if f.Refused == "" && !s.mayName(l, u, f.Kind) {
			f.Refused, f.Rule = ReasonScope, "a sitemap of another host names it"
		}
		out = append(out, f)
	}
	return out
}

func (s *Spec) entry(l *frontier.Lease, u weburl.URL, link store.Link) frontier.Link {
	if link.Element == elementIndex {
		next := s.sitemapLink(u, l.URL, l.For, l.Hops+1)
		if next.Hops > maxSitemapDeep {
			next.Refused, next.Rule = ReasonSitemaps, fmt.Sprintf("more than %d indexes deep", maxSitemapDeep)
		}
		return next
	}
	depth := frontier.NoDepth
	if s.Sitemap == "only" {
		depth = 1 // the way from the seed leads through its sitemap
	}
	f := s.link(u, l.URL, depth)
	f.Shape = "" // sitemaps end
	if priority, err := strconv.ParseFloat(link.Rel, 64); err == nil {
		f.Rank = s.rank(depth, priority)
	}
	if at := lastmod(link.Text); !s.Since.IsZero() && at.After(s.Since.Add(-fetcher.MaxFresh)) { // else it is no news of any page that is fresh
		f.Changed = at
		if at.After(s.Since) {
			f.Rank = min(f.Rank, s.rank(0, 1))
		}
	}
	if f.Refused == ReasonDepth && s.Depth > 0 {
		f.Refused = "" // named, not clicked to; the links on it count as too deep
	}
	return f
}

// lastmod reads when a page changed, as a sitemap writes it; zero if it does not
// say. It is a hint: many sitemaps say that all was changed just now, so nothing is
// left out by it. A day is over at its end.
func lastmod(text string) time.Time {
	at := parse.Date(text)
	if !at.IsZero() && len(text) <= len(time.DateOnly) {
		at = at.AddDate(0, 0, 1)
	}
	return at
}

// mayName tells whether the sitemap of the lease may name u. It may if u lies
// at its own host or at the one whose robots.txt points at it (sitemaps.org,
// cross-submits), or if the user named the sitemap himself. An index may name
// the sitemaps of any host of the scope.
func (s *Spec) mayName(l *frontier.Lease, u weburl.URL, kind frontier.Kind) bool {
	if !s.readsSitemaps() || kind == frontier.Sitemap && s.scope.names(u) {
		return true
	}
	var announced []string
	if home, err := weburl.Parse(l.For); err == nil {
		announced = append(announced, home.Hostname())
	}
	return parse.SitemapMayName(l.URL, announced, u, nil)
}

// readsSitemaps tells whether sitemaps are looked for where hosts have them.
func (s *Spec) readsSitemaps() bool { return s.Sitemap == "auto" || s.Sitemap == "only" }

// sitemapsOf makes links of the sitemaps of an origin that is in scope: those
// its robots.txt, at from, names, else the usual place.
func (s *Spec) sitemapsOf(origin string, from weburl.URL, file *robots.File) []frontier.Link {
	home, err := weburl.Parse(origin + "/")
	wanted := s.readsSitemaps() && s.Scope != ScopeList && s.Scope != ScopePage
	if err != nil || !wanted || !s.scope.names(home) {
		return nil
	}
	var links []frontier.Link
	for _, raw := range file.Sitemaps() {
		u, err := home.Resolve(raw)
		if err != nil {
			continue
		}
		l := s.sitemapLink(u, from, origin, 0)
		if s.MaxSitemaps > 0 && len(links) >= s.MaxSitemaps {
			l.Refused, l.Rule = ReasonSitemaps, s.tooMany(origin)
		}
		links = append(links, l)
	}
	if len(links) > 0 {
		return links
	}
	if u, err := home.Resolve("/sitemap.xml"); err == nil {
		links = append(links, s.sitemapLink(u, from, origin, 0))
	}
	return links
}

func (s *Spec) tooMany(origin string) string {
	return fmt.Sprintf("more than %d of %s", s.MaxSitemaps, origin)
}
