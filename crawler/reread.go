package crawler

import (
	"context"
	"log/slog"

	"crawl/fetcher"
	"crawl/internal/parse"
	"crawl/store"
)

// Reread reads the stored body of a page as a run with this spec would, and
// keeps its text. It returns store.ErrNotFound if no body was kept. A parser
// that panics leaves the Doc empty; log is told of it.
func (s *Spec) Reread(ctx context.Context, log *slog.Logger, st store.Store, p *store.Page) (doc parse.Doc, err error) {
	header, raw, err := st.Body(ctx, p)
	if err != nil {
		return doc, err
	}
	body := fetcher.Decode(header, raw, s.MaxBody, s.MaxRatio)
	Survive(log, "the parser", p.URL, func() { doc = parse.Parse(askedFor(p), header, body, s.Reading(true)) })
	return doc, nil
}
