package crawler

import (
	"crypto/sha256"
	"log/slog"
	"time"

	"crawl/fetcher"
	"crawl/frontier"
	"crawl/internal/parse"
	"crawl/internal/weburl"
	"crawl/store"
)

// Look makes of the answer to a request for u, or of the fault that prevented
// one, what a run with this spec would, and keeps nothing. The text of a page is
// in the Doc only if it is asked for. A parser that panics leaves the Doc empty;
// log is told of it.
func (s *Spec) Look(log *slog.Logger, u weburl.URL, resp *fetcher.Response, failed error, text bool) (*store.Page, parse.Doc) {
	p := &store.Page{URL: u, Kind: store.KindPage, Try: 1, Fetched: time.Now()}
	if failed != nil {
		setFault(p, failed)
		return p, parse.Doc{}
	}
	setAnswer(p, resp, u)
	p.Hash = sha256.Sum256(resp.Body)
	var doc parse.Doc
	if !Survive(log, "the parser", u, func() { doc = s.parse(p, resp, u, text) }) {
		p.ParseLimit = parserFailed
	}
	p.Links = len(doc.Links)
	p.FirstSeen, p.Changed = p.Fetched, p.Fetched
	return p, doc
}

// Verdict says whether a run with this spec would follow a link to u,
// whatever its depth: the reason against it and the rule, or none. It is not to be
// called while a run with the spec goes on.
func (s *Spec) Verdict(u weburl.URL) (frontier.Reason, string) { return s.VerdictAt(u, 0) }

// VerdictAt is Verdict for a link so many clicks from a seed.
func (s *Spec) VerdictAt(u weburl.URL, depth int) (frontier.Reason, string) {
	if s.scope == nil {
		s.scope = newScope(s.Scope, s.Seeds, nil)
	}
	return s.judge(u, depth)
}
