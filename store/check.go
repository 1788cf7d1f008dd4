package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// maxFaults is how many faults a report names.
const maxFaults = 200

// check is one check under way.
type check struct {
	*Bolt
	report Report
	there  *inventory
}

func (c *check) fault(format string, args ...any) {
	if len(c.report.Faults) < maxFaults {
		c.report.Faults = append(c.report.Faults, fmt.Sprintf(format, args...))
	}
}

// damage makes a fault of an error that damage caused, and returns any other.
func (c *check) damage(err error) error {
	if errors.Is(err, ErrDamaged) {
		c.fault("%v", err)
		return nil
	}
	return err
}

// Check implements Store. It reads every page of the index and every record of
// the bodies, checks all digests, follows every pointer and counts again.
func (b *Bolt) Check(ctx context.Context) (_ Report, err error) {
	defer wrap(&err, "check %s", b.dir)
	c := &check{Bolt: b}
	end, _, err := b.committed()
	if err != nil {
		return c.report, c.damage(err)
	}
	broken, err := b.db.Check()
	for _, e := range broken {
		c.fault("%v", e)
	}
	if len(broken) > 0 || err != nil {
		return c.report, c.damage(err) // nothing in it can be trusted
	}
	if c.there, err = c.takeInventory(ctx, end); err != nil {
		return c.report, err
	}
	defer c.there.close()
	for _, part := range []func(context.Context) error{
		c.checkRuns, c.checkSites, c.checkLatest, c.checkHeld, c.checkTemplates, c.checkSchedules, c.checkStrays,
	} {
		if err := c.damage(part(ctx)); err != nil {
			return c.report, err
		}
	}
	return c.report, nil
}

func (c *check) checkRuns(ctx context.Context) error {
	for run, err := range c.Runs(ctx, "") {
		if err != nil {
			return err
		}
		c.report.Runs++
		if err := c.damage(c.checkRun(ctx, run)); err != nil {
			return err
		}
	}
	return nil
}

// checkRun follows the pointers of one run and counts its rows.
func (c *check) checkRun(ctx context.Context, run *Run) error {
	name := fmt.Sprintf("run %s@%d", run.Site, run.Number)
	index, err := c.newIndexCheck(name, run.ID)
	if err != nil {
		return err
	}
	var visited, both uint64
	for p, err := range c.Pages(ctx, run.ID) {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		c.report.Pages++
		visited++
		skipped, err := c.has(bucketSkipped, run.ID.with(p.URL.Key()))
		if err != nil {
			return err
		}
		if skipped {
			both++
		}
		if err := c.checkPage(ctx, name, p, index); err != nil {
			return err
		}
	}
	if err := index.end(ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := c.checkLately(ctx, name, run.ID); err != nil {
		return err
	}
	for r, err := range c.RobotsFiles(ctx, run.ID) {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		at := fmt.Sprintf("%s: robots.txt of %s", name, r.Origin)
		if err := errors.Join(c.follow(at, r.Request, kindRequest, r.URL), c.follow(at, r.Record, kindAnswer, r.URL)); err != nil {
			return err
		}
	}
	skipped := map[string]uint64{}
	for s, err := range c.Skips(ctx, run.ID) {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		skipped[s.Reason]++
	}
	c.checkCounts(name, run, visited-both, skipped)
	return nil
}

func (c *check) checkPage(ctx context.Context, name string, p *Page, index *indexCheck) error {
	links, err := c.Links(ctx, p)
	switch {
	case errors.Is(err, ErrDamaged):
		c.fault("%s: %v", name, err)
	case err != nil:
		return err
	case len(links) != p.Links:
		c.fault("%s: %s has %d links of %d", name, p.URL, len(links), p.Links)
	}
	at := fmt.Sprintf("%s: %s", name, p.URL)
	return errors.Join(
		index.page(p, links),
		c.follow(at, p.Request, kindRequest, p.Address()),
		c.follow(at, p.Record, kindAnswer, p.Address()),
		c.follow(at, p.Payload, kindResponse, p.PayloadURL))
}

// follow sees that a record of this kind and URL is where a pointer says.
func (c *check) follow(who string, at Place, kind uint8, url string) error {
	if at.Segment == 0 {
		return nil
	}
	found, err := c.there.find(at)
	if err != nil {
		return err
	}
	place := fmt.Sprintf("file %d, byte %d", at.Segment, at.Offset)
	switch {
	case found == nil && c.lost(at):
	case found == nil:
		c.fault("%s points at a record that is not there: %s", who, place)
	case found.kind&kind == 0 || found.url != hashURL(url):
		c.fault("%s points at a record of something else: %s", who, place)
	}
	return nil
}

// checkCounts holds a run's totals against its rows. visited counts the URLs
// that are not also skipped: one that failed may be refused before it is tried
// again.
func (c *check) checkCounts(name string, run *Run, visited uint64, skipped map[string]uint64) {
	switch run.State {
	case Running: // nothing was counted yet
		return
	case Interrupted: // visits may be stored that the queue does not know of
		if done := run.Counts.Done + run.Counts.Failed; visited < done {
			c.fault("%s: %d URLs were visited, %d pages are kept", name, done, visited)
		}
	default:
		c.checkExact(name, run.Counts, visited, skipped)
	}
	sum := run.Counts.Queued + run.Counts.Done + run.Counts.Failed
	for _, n := range run.Counts.Skipped {
		sum += n
	}
	if run.Counts.Found != sum {
		c.fault("%s: found %d, the sum of its parts is %d", name, run.Counts.Found, sum)
	}
}

func (c *check) checkExact(name string, n Counts, visited uint64, skipped map[string]uint64) {
	if done := n.Done + n.Failed; visited != done {
		c.fault("%s: %d URLs were visited, %d pages are kept", name, done, visited)
	}
	if n.Queued > 0 {
		c.fault("%s: it has ended, and %d URLs are queued", name, n.Queued)
	}
	for reason, counted := range n.Skipped {
		if skipped[reason] != counted {
			c.fault("%s: %d URLs skipped for %s, %d are kept", name, counted, reason, skipped[reason])
		}
	}
	for reason, kept := range skipped {
		if n.Skipped[reason] == 0 {
			c.fault("%s: %d URLs are kept as skipped for %s, none was counted", name, kept, reason)
		}
	}
}

// checkSites sees that each run is listed under its site and number, and that
// nothing else is; and that nobody asked an origin whose run is not there.
func (c *check) checkSites(ctx context.Context) error {
	listed := 0
	err := c.scan(ctx, bucketSites, nil, func(key, value []byte) bool {
		listed++
		site, number, ok := bytes.Cut(key, []byte{0})
		var r Run
		if !ok || len(number) != runSize || len(value) != runSize || c.get(bucketRuns, value, &r) != nil ||
			r.Site != string(site) || uint32(r.Number) != binary.BigEndian.Uint32(number) {
			c.fault("%s: run %x is listed as %q", c.db.Path(), value, key)
		}
		return true
	})
	if err == nil && listed != c.report.Runs {
		c.fault("%s: %d runs are kept, %d are listed under their sites", c.db.Path(), c.report.Runs, listed)
	}
	if err != nil {
		return err
	}
	return c.scan(ctx, bucketAskers, nil, func(key, value []byte) bool {
		if there, err := c.has(bucketHosts, append(value, key...)); err == nil && !there {
			c.fault("%s: what run %x knew of %q is missing", c.db.Path(), value, key)
		}
		return true
	})
}

// checkStrays sees that all rows are of runs that are there, or are being
// removed. Links stay where a later run refers to them.
func (c *check) checkStrays(ctx context.Context) error {
	return c.db.View(func(tx *bolt.Tx) error {
		removing := runsOf(tx, bucketRemoving)
		c.report.Removing = len(removing)
		known := append(runsOf(tx, bucketRuns), removing...)
		for _, bucket := range [][]byte{bucketPages, bucketSkipped, bucketRobots, bucketHosts, bucketIndexed, bucketInlinks, bucketHolders, bucketNumbers, bucketMarks, bucketCounts, bucketLately} {
			for _, id := range prefixes(tx, bucket) {
				if !slices.Contains(known, id) {
					c.fault("%s: it has %s of run %d, which is not there", c.db.Path(), bucket, id)
				}
			}
		}
		return ctx.Err()
	})
}

// checkLatest sees that the last visits are there.
func (c *check) checkLatest(ctx context.Context) error {
	return c.scan(ctx, bucketLatest, nil, func(key, value []byte) bool {
		u, err := urlOf(key)
		var h history
		if err == nil {
			h, err = parseHistory(value)
		}
		for _, run := range []RunID{h.last, h.before} {
			if err != nil {
				break
			}
			err = c.db.View(func(tx *bolt.Tx) error {
				_, err := c.visitIn(tx, run, u, key, AllFields)
				return err
			})
		}
		if err != nil {
			c.fault("last visits of %q: %v", key, err)
		}
		return true
	})
}

// checkHeld sees that each body is where the index says.
func (c *check) checkHeld(ctx context.Context) error {
	var bad error
	err := c.scan(ctx, bucketBodies, nil, func(key, value []byte) bool {
		var at Place
		if at, bad = parseBody(value); bad == nil {
			bad = c.checkBody(key, at)
		} else {
			bad = c.named(bad)
		}
		return bad == nil
	})
	return errors.Join(err, bad)
}

func (c *check) checkBody(digest []byte, at Place) error {
	found, err := c.there.find(at)
	if err != nil {
		return err
	}
	place := fmt.Sprintf("file %d, byte %d", at.Segment, at.Offset)
	switch {
	case found == nil && c.lost(at):
	case found == nil:
		c.fault("body %x is not there: %s", digest, place)
	case found.kind != kindResponse || !bytes.HasPrefix(digest, found.digest[:]):
		c.fault("body %x: another one is there: %s", digest, place)
	}
	return nil
}
