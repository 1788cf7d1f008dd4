package main

import (
	"context"
)

// tidy looks after the store when a run of a site has ended, in the background: it
// removes old runs of that site by the rule that is configured, and compacts the
// index if nobody waits for it. With "" it goes on with what a crash ended.
func (d *daemon) tidy(site string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return
	}
	d.untidy[site] = true
	if !d.tidying {
		d.tidying = true
		d.all.Go(d.tidyAll)
	}
}

// tidyAll goes through the sites of which runs have ended, until there are none, or
// all runs are to stop.
func (d *daemon) tidyAll() {
	ctx, end := context.WithCancel(d.ctx)
	defer end()
	d.all.Go(func() {
		select {
		case <-d.stop:
			end()
		case <-ctx.Done():
		}
	})
	for site, ok := d.nextUntidy(); ok; site, ok = d.nextUntidy() {
		if err := d.tidySite(ctx, site); err != nil && ctx.Err() == nil {
			d.log.Warn("old runs were not removed, or the index was not compacted", "site", site, "cause", err, "next", nextStep(err))
		}
	}
}

// nextUntidy takes out a site that is to be looked after.
func (d *daemon) nextUntidy() (site string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for site := range d.untidy {
		delete(d.untidy, site)
		return site, true
	}
	d.tidying = false
	return "", false
}

// tidySite is tidy of one site.
func (d *daemon) tidySite(ctx context.Context, site string) error {
	done, err := d.holder.keepAlone(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := d.pruneSite(ctx, site); err != nil {
		return err
	}
	if !d.idle() { // their pages would wait
		return nil
	}
	_, err = d.store.Tidy(ctx)
	return err
}

// pruneSite removes runs of a site that its rule does not keep.
func (d *daemon) pruneSite(ctx context.Context, site string) error {
	rules, err := siteRules(d.config().layers)
	if err != nil {
		return err
	}
	removing, err := d.store.Removing(ctx)
	if err != nil {
		return err
	}
	keep := rules.of(site)
	if removing == 0 && (site == "" || keep.IsZero()) {
		return nil
	}
	p := &prune{st: d.store, dir: d.holder.dir, search: d.holder.search, log: d.log, rules: rules, inWork: d.holder.inWork}
	var verdicts []verdictOn
	if site != "" {
		bySite, err := p.runsBySite(ctx, []string{site})
		if err != nil {
			return err
		}
		verdicts = p.choose(bySite[site], keep)
	}
	sum, err := p.remove(ctx, verdicts)
	if err == nil && sum.Runs > 0 {
		d.log.Info("old runs were removed", "site", site, "keep", keep.String(), "runs", sum.Runs, "rows", sum.Rows, "freed", bytesText(uint64(sum.Bodies)))
	}
	return err
}

// idle tells that no run goes on, or waits.
func (d *daemon) idle() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.live) == 0
}
