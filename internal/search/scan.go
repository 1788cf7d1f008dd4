package search

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"crawl/store"
)

// scanned is a page that answers a query.
type scanned struct {
	Hit
	counts []float64
	length int
}

// scan answers a query by reading all pages of a run. It ranks them as the index
// would, which has to wait until all are read.
func (x *Index) scan(ctx context.Context, run *store.Run, q *Query, yield func(Hit, error) bool) {
	var mu sync.Mutex // guards what follows
	var rank ranking
	var found []scanned
	progress := Progress{Run: run, Begun: time.Now(), Scan: true}
	for pages, err := range x.pages(ctx, run) {
		if err == nil {
			all := make([]int, len(pages))
			for i := range all {
				all[i] = i
			}
			err = x.eachText(ctx, run, pages, all, func(n int, r *reading, have kept) {
				counts, length, matches := r.counts(q), r.length(), r.matches(q)
				mu.Lock()
				defer mu.Unlock()
				if have != keptWhole {
					progress.Unread++
				}
				if length > 0 {
					rank.add(counts, length)
				}
				if matches {
					found = append(found, scanned{Hit{URL: pages[n].URL}, counts, length})
				}
			})
		}
		if err != nil {
			yield(Hit{}, err)
			return
		}
		progress.Pages += len(pages)
		progress.Texts = progress.Pages
		x.o.Tell(progress)
	}
	progress.Done = true
	x.o.Tell(progress)
	for i := range found {
		found[i].Score = rank.score(found[i].counts, found[i].length)
	}
	slices.SortFunc(found, func(a, b scanned) int {
		if a.Score != b.Score {
			return cmp.Compare(a.Score, b.Score)
		}
		return slices.Compare(a.URL.Key(), b.URL.Key())
	})
	for i := range found {
		if !yield(found[i].Hit, nil) {
			return
		}
	}
}
