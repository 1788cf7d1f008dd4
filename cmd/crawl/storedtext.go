package main

import (
	"context"
	"errors"
	"log/slog"

	"crawl/crawler"
	"crawl/fetcher"
	"crawl/internal/parse"
	"crawl/internal/weburl"
	"crawl/store"
)

// storedText reads the main text of a page again from the body that is kept, a
// line a block. It returns store.ErrNotFound if none was kept.
func storedText(ctx context.Context, st store.Store, run *store.Run, p *store.Page, log *slog.Logger) (string, error) {
	spec, s, err := specOf(run)
	if err != nil {
		return "", err
	}
	header, raw, err := st.Body(ctx, p)
	if err != nil {
		return "", err
	}
	base := p.URL
	if u, err := weburl.Parse(p.Asked); err == nil {
		base = u
	}
	body := fetcher.Decode(header, raw, int64(s.MaxBody), s.MaxRatio)
	var doc parse.Doc
	if !crawler.Survive(log, "the parser", p.URL, func() { doc = parse.Parse(base, header, body, spec.Reading(true)) }) {
		return "", errors.New("the parser failed on " + p.URL.String())
	}
	return doc.Text, nil
}
