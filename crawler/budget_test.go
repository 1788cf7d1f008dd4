package crawler

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"

	"crawl/frontier"
)

// opened notes how a queue was opened.
type opened struct {
	frontier.Frontier
	config frontier.Config
}

func (f *opened) Open(ctx context.Context, run string, c frontier.Config) error {
	f.config = c
	return f.Frontier.Open(ctx, run, c)
}

// TestSpecReachesCaches sees that a run's shares of memory, and its durability,
// reach the queue and the cache of rules.
func TestSpecReachesCaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": html()}})
		s := spec(t, "http://a/")
		s.CacheBytes, s.KnownBytes, s.RulesBytes, s.NoSync = 1<<20, 3<<20, 2<<20, true
		c, queue := w.crawler(), &opened{Frontier: w.front}
		c.Frontier = queue
		job, err := c.Begin(t.Context(), w.newRun(s), s)
		if err != nil {
			t.Fatal(err)
		}
		if queue.config.CacheBytes != 1<<20 || queue.config.KnownBytes != 3<<20 || !queue.config.NoSync || job.rules.most != 2<<20 {
			t.Errorf("the queue has %d bytes and %d, unsynced %t; rules have %d", queue.config.CacheBytes, queue.config.KnownBytes, queue.config.NoSync, job.rules.most)
		}
		if err := job.Crawl(t.Context(), nil); err != nil {
			t.Error(err)
		}
	})
}
