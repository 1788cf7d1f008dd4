package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"crawl/internal/warc"
)

// maxFaults is how many faults a report names.
const maxFaults = 200

// Check implements Store. It reads every page of the index and every record of
// the bodies, checks all digests, follows every pointer and counts again.
func (b *Bolt) Check(ctx context.Context) (Report, error) {
	var r Report
	broken, err := b.db.Check()
	for _, e := range broken {
		r.fault("%v", e)
	}
	if err != nil {
		r.fault("%v", err)
		return r, nil // nothing in it can be trusted
	}
	there, err := b.checkBodies(ctx, &r)
	if err != nil {
		return r, err
	}
	for run, err := range b.Runs(ctx, "") {
		if err == nil {
			r.Runs++
			err = b.checkRun(ctx, run, there, &r)
		}
		if errors.Is(err, ErrDamaged) {
			r.fault("%v", err)
		} else if err != nil {
			return r, err
		}
	}
	return r, nil
}

func (r *Report) fault(format string, args ...any) {
	if len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
	}
}

// checkBodies reads all segments and returns which record types begin where.
func (b *Bolt) checkBodies(ctx context.Context, r *Report) (map[Place]string, error) {
	b.bodies.mu.Lock()
	end := b.bodies.end
	b.bodies.mu.Unlock()
	there := map[Place]string{}
	for n := uint32(1); n <= end.Segment; n++ {
		if err := b.checkSegment(ctx, n, there, r); err != nil {
			return nil, err
		}
	}
	return there, nil
}

func (b *Bolt) checkSegment(ctx context.Context, n uint32, there map[Place]string, r *Report) error {
	f, err := os.Open(b.bodies.path(n))
	if err != nil {
		r.fault("%v", err)
		return nil
	}
	defer f.Close()
	in := warc.NewReader(f)
	for ctx.Err() == nil {
		e, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			_, err = e.Verify()
		}
		if err != nil {
			r.fault("%s: %v", f.Name(), err)
		}
		if e == nil || err != nil && !errors.Is(err, warc.ErrDigest) {
			return nil // what follows cannot be told apart
		}
		r.Records++
		r.Bytes += e.ContentLength
		there[Place{n, e.Offset, e.Length}] = e.Type
	}
	return ctx.Err()
}

// checkRun follows the pointers of one run and counts its rows.
func (b *Bolt) checkRun(ctx context.Context, run *Run, there map[Place]string, r *Report) error {
	name := fmt.Sprintf("run %s@%d", run.Site, run.Number)
	var done, failed uint64
	for p, err := range b.Pages(ctx, run.ID) {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.Pages++
		if p.Fault != "" {
			failed++
		} else {
			done++
		}
		for _, at := range []Place{p.Record, p.Payload} {
			if _, ok := there[at]; at.Segment != 0 && !ok {
				r.fault("%s: %s points at a record that is not there: file %d, byte %d", name, p.URL, at.Segment, at.Offset)
			}
		}
		if links, err := b.Links(ctx, p); err != nil || len(links) != p.Links {
			r.fault("%s: %s has %d links of %d: %v", name, p.URL, len(links), p.Links, err)
		}
	}
	skipped := map[string]uint64{}
	for s, err := range b.Skips(ctx, run.ID) {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		skipped[s.Reason]++
	}
	if run.State != Running {
		checkCounts(name, run.Counts, done+failed, skipped, r)
	}
	return nil
}

// checkCounts holds a run's totals against its rows.
func checkCounts(name string, c Counts, visited uint64, skipped map[string]uint64, r *Report) {
	sum := c.Queued + c.Done + c.Failed
	for reason, n := range c.Skipped {
		sum += n
		if skipped[reason] != n {
			r.fault("%s: %d URLs skipped for %s, %d are kept", name, n, reason, skipped[reason])
		}
	}
	for reason, n := range skipped {
		if c.Skipped[reason] == 0 {
			r.fault("%s: %d URLs are kept as skipped for %s, none was counted", name, n, reason)
		}
	}
	if c.Found != sum {
		r.fault("%s: found %d, the sum of its parts is %d", name, c.Found, sum)
	}
	if min := c.Done + c.Failed; visited < min {
		r.fault("%s: %d URLs were visited, %d pages are kept", name, min, visited)
	}
}
