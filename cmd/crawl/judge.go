package main

import (
	"fmt"

	"crawl/crawler"
	"crawl/frontier"
	"crawl/internal/query"
	"crawl/internal/weburl"
	"crawl/store"
)

// specOf makes again the orders by which a run was crawled, as far as links are
// judged by them, of what it keeps of its settings.
func specOf(run *store.Run) (*crawler.Spec, *Settings, error) {
	s, hosts, err := storedSettings(run)
	if err != nil {
		return nil, nil, err
	}
	var seeds []weburl.URL
	for _, text := range append(append([]string(nil), run.Seeds...), run.Widened...) {
		seed, err := weburl.Parse(text)
		if err != nil {
			return nil, nil, fmt.Errorf("seeds of run %s: %w", runName(run), err)
		}
		seeds = append(seeds, seed)
	}
	spec, err := newSpec(&s, hosts, seeds, s.room(1))
	return spec, &s, err
}

// Reasons that no URL is skipped for: it would not be met.
const (
	reasonSeeds   = "seeds"   // it is a seed of another run
	reasonSitemap = "sitemap" // what led there is not read
)

// judgeOf tells what in the settings of a run keeps it from a page that another
// run has.
func judgeOf(run *store.Run) (query.Judge, error) {
	spec, s, err := specOf(run)
	if err != nil {
		return nil, err
	}
	seeds := map[weburl.URL]bool{}
	for _, u := range spec.Seeds {
		seeds[u.DropParams(spec.DropParams)] = true
	}
	return func(p *store.Page) (reason, rule string) {
		named := p.Depth >= frontier.NoDepth // by a sitemap
		switch {
		case seeds[p.URL]:
			return "", ""
		case p.Kind == store.KindSitemap && s.Sitemap == "off":
			return reasonSitemap, s.Sitemap
		case p.Kind == store.KindSitemap: // which neither scope nor patterns bind
			return "", ""
		case p.From == "":
			return reasonSeeds, ""
		case !named && p.Depth > 0 && s.Sitemap == "only":
			return reasonSitemap, s.Sitemap
		}
		depth := p.Depth
		if named { // it counts for no depth but 0
			depth = 1
		}
		why, rule := spec.VerdictAt(p.URL, depth)
		return string(why), rule
	}, nil
}
