package crawler

import (
	"context"

	"crawl/store"
)

// sweepRuns is how many of the latest runs are looked at for a queue left
// behind: the first Begin after a crash finds it, so it never lies deeper.
const sweepRuns = 16

// sweep deletes queues of runs that have ended: a process was killed between
// the end of its run and the deletion of its queue.
func (c *Crawler) sweep(ctx context.Context) error {
	seen := 0
	for r, err := range c.Store.Runs(ctx, "") {
		if err != nil || seen == sweepRuns {
			return err
		}
		seen++
		if r.State == store.Running || r.State == store.Interrupted {
			continue
		}
		if _, err := c.Frontier.Stats(Name(r.ID)); err == nil {
			continue // open: its own job is about to
		}
		if err := c.Frontier.Drop(Name(r.ID)); err != nil {
			return err
		}
	}
	return nil
}
