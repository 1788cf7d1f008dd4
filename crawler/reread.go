package crawler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"crawl/fetcher"
	"crawl/internal/parse"
	"crawl/store"
)

// ErrParser tells that a page could not be read, which is a fault of ours.
var ErrParser = errors.New("the parser failed on this page")

// Reread reads the stored body of a page as a run with this spec would, and
// keeps its text. It returns store.ErrNotFound if no body was kept, and ErrParser
// if the parser panics; log is told of that.
func (s *Spec) Reread(ctx context.Context, log *slog.Logger, st store.Store, p *store.Page) (doc parse.Doc, err error) {
	header, raw, err := st.Body(ctx, p)
	if err != nil {
		return doc, err
	}
	body := fetcher.Decode(header, raw, s.MaxBody, s.MaxRatio)
	if !Survive(log, "the parser", p.URL, func() { doc = parse.Parse(askedFor(p), header, body, s.Reading(true)) }) {
		return doc, fmt.Errorf("%s: %w", p.URL, ErrParser)
	}
	return doc, nil
}
