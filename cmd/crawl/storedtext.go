package main

import (
	"context"
	"log/slog"

	"crawl/crawler"
	"crawl/internal/robots"
	"crawl/store"
)

// storedText reads the main text of a page again from the body that is kept, a
// line a block. It returns store.ErrNotFound if none was kept.
func storedText(ctx context.Context, st store.Store, run *store.Run, p *store.Page, log *slog.Logger) (string, error) {
	spec, err := readingOf(run)
	if err != nil {
		return "", err
	}
	doc, err := spec.Reread(ctx, log, st, p)
	return doc.Text, err
}

// readingOf is how a run reads pages, so that stored ones are read again as they
// were, see crawler.Spec.Reread. It has what reading takes and nothing else.
func readingOf(run *store.Run) (*crawler.Spec, error) {
	s, _, err := storedSettings(run)
	if err != nil {
		return nil, err
	}
	return &crawler.Spec{
		Agent: robots.Product(s.agent()), MaxLinks: s.MaxLinks, MaxNesting: s.MaxNesting, MaxParse: s.MaxParseTime.Std(),
		MaxBody: int64(s.MaxBody), MaxRatio: s.MaxRatio,
	}, nil
}
