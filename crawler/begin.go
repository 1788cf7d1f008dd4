package crawler

import (
	"context"

	"crawl/frontier"
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

// recount makes the limits of a resumed run know what is stored. A session that
// was killed counted no bytes, and a crash between put and done leaves pages
// queued that have been fetched: of these the frontier is told.
func (w *Job) recount(ctx context.Context) error {
	pages := w.spec.MaxPages > 0 || w.spec.MaxPagesHost > 0
	if w.store.Sessions < 2 || !pages && w.spec.MaxBytes <= 0 {
		return nil
	}
	lately, err := w.Store.Lately(ctx, w.store.ID)
	if err != nil {
		return err
	}
	w.before = max(w.before, lately.Received)
	if !pages {
		return nil
	}
	stored := make([]frontier.Link, 0, len(lately.URLs))
	for _, u := range lately.URLs {
		stored = append(stored, frontier.Link{URL: u, Stored: true})
	}
	_, err = w.Frontier.Add(ctx, w.name, stored...)
	return err
}
