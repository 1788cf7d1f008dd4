package main

import (
	"crawl/crawler"
	"crawl/internal/robots"
	"crawl/store"
)

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
