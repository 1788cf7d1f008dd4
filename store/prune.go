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

// Runs are removed in steps, and a crash between any two of them loses nothing
// of the runs that stay:
//
//  1. One transaction takes the runs out of the lists, and notes that they are
//     being removed. From here on there is no way back.
//  2. What they have of each URL goes, some hundred URLs a transaction; the
//     same transaction mends what is known of the last visits, and leaves links
//     that a run that stays refers to.
//  3. Their other rows go, then the notes.
//  4. Templates that no links refer to go, then bodies; see repack.go.
//
// What a crash left to do the next Prune does, whatever runs it is told.

// PruneOptions says how runs are removed.
type PruneOptions struct {
	// DryRun: nothing is changed, and what would be is told.
	DryRun bool
	// Dead is the part of a file of bodies that nobody refers to from which on
	// it is written anew without it. 0 means a half.
	Dead float64
}

// ErrNeeded: a run that is not over is held against one that was to be removed.
var ErrNeeded = errors.New("needed")

// Pruned is what Prune removed.
type Pruned struct {
	Runs  int
	Rows  int64 // of the index
	Index int64 // bytes of them: room for others, until Compact
	// Dead are bytes of bodies that no run refers to any more, and Bodies those
	// of them that go back to the disk: a file that is mostly alive stays.
	Dead, Bodies int64
}

// Prune removes runs, and all that only they have. What other runs refer to
// stays: a page's body and links may have come with an earlier run. Pages may be put
// and read meanwhile, and runs begin. It returns ErrNotFound if there is no such
// run, and ErrNeeded if one that stays and is not over is held against one of them;
// then it has removed nothing.
func (b *Bolt) Prune(ctx context.Context, runs []RunID, o PruneOptions) (_ Pruned, err error) {
	defer wrap(&err, "remove %d runs", len(runs))
	b.keeping.Lock()
	defer b.keeping.Unlock()
	b.indexing.Lock() // an index has rows of its run as well
	defer b.indexing.Unlock()
	b.recall.removing()
	defer b.recall.removing()
	if o.Dead <= 0 {
		o.Dead = deadPart
	}
	p := &pruning{Bolt: b, options: o}
	if err := p.prepare(ctx, runs); err != nil {
		return p.sum, err
	}
	for _, step := range []func(context.Context) error{p.urls, p.rows, p.unmark, p.sweepTemplates, p.repack} {
		if err := step(ctx); err != nil {
			return p.sum, err
		}
	}
	return p.sum, nil
}

// Removing returns how many runs are being removed: a crash ended a Prune.
func (b *Bolt) Removing(ctx context.Context) (n int, err error) {
	defer wrap(&err, "read runs")
	err = b.scan(ctx, bucketRemoving, nil, func(_, _ []byte) bool { n++; return true })
	return n, err
}

// pruning is one Prune under way.
type pruning struct {
	*Bolt
	options PruneOptions
	told    []RunID // in a dry run, those that would be marked
	gone    []RunID // that go
	old     []RunID // runs that are no more, and of which links are kept
	sum     Pruned

	uses map[templateKey]int // of templates, by the links that stay
}

// prepare marks the runs, and finds out which there are.
func (p *pruning) prepare(ctx context.Context, runs []RunID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !p.options.DryRun && len(runs) > 0 {
		if err := p.db.Commit(context.WithoutCancel(ctx), &write{after: func(tx *bolt.Tx) error { return markGone(tx, runs) }}); err != nil {
			return err
		}
		crashAt("marked")
	}
	err := p.db.View(func(tx *bolt.Tx) error {
		p.gone = runsOf(tx, bucketRemoving)
		if p.options.DryRun {
			for _, id := range runs {
				if rawIn(tx, bucketRuns, id.key()) == nil {
					return fmt.Errorf("run %d: %w", id, ErrNotFound)
				}
			}
			p.told, p.gone = runs, append(p.gone, runs...)
		}
		kept := p.kept(tx)
		for _, id := range prefixes(tx, bucketLinks) {
			if !slices.Contains(kept, id) {
				p.old = append(p.old, id)
			}
		}
		return nil
	})
	p.sum.Runs = len(p.gone)
	if err == nil && p.options.DryRun {
		p.uses, err = p.countTemplates(ctx)
	}
	return err
}

// kept returns the runs that stay, newest first. One may have begun just now.
func (p *pruning) kept(tx *bolt.Tx) []RunID {
	runs := slices.DeleteFunc(runsOf(tx, bucketRuns), func(id RunID) bool { return slices.Contains(p.told, id) })
	slices.Reverse(runs)
	return runs
}

// runsOf returns the keys of a bucket whose keys are runs.
func runsOf(tx *bolt.Tx, bucket []byte) (runs []RunID) {
	if bk := tx.Bucket(bucket); bk != nil {
		c := bk.Cursor()
		for k, _ := c.First(); len(k) == runSize; k, _ = c.Next() {
			runs = append(runs, runOf(k))
		}
	}
	return runs
}

// prefixes returns the runs that have rows in a bucket.
func prefixes(tx *bolt.Tx, bucket []byte) (runs []RunID) {
	bk := tx.Bucket(bucket)
	if bk == nil {
		return nil
	}
	c := bk.Cursor()
	for k, _ := c.First(); len(k) >= runSize; {
		id := runOf(k)
		runs = append(runs, id)
		if id++; id == 0 {
			break
		}
		k, _ = c.Seek(id.key())
	}
	return runs
}

// markGone takes runs out of the lists. It runs in the committer.
func markGone(tx *bolt.Tx, gone []RunID) error {
	runs, sites := tx.Bucket(bucketRuns), tx.Bucket(bucketSites)
	removing, err := tx.CreateBucketIfNotExists(bucketRemoving)
	if err != nil {
		return err
	}
	baseline := map[RunID]RunID{}
	for _, id := range gone {
		r := Run{ID: id}
		raw := bytes.Clone(rawIn(tx, bucketRuns, id.key()))
		if raw == nil {
			return fmt.Errorf("run %d: %w", id, ErrNotFound)
		}
		if err := decode(raw, &r); err != nil {
			return err
		}
		baseline[id] = r.Baseline
		err := errors.Join(noteGiven(tx, &r), removing.Put(id.key(), raw), runs.Delete(id.key()), sites.Delete(siteKey(r.Site, uint32(r.Number))))
		if err != nil {
			return err
		}
	}
	return mendBaselines(tx, runs, baseline)
}

// noteGiven keeps the numbers of a run from being given again.
func noteGiven(tx *bolt.Tx, r *Run) error {
	given, err := tx.CreateBucketIfNotExists(bucketGiven)
	if err != nil {
		return err
	}
	if err := raise(given, []byte{0}, uint32(r.ID)); err != nil {
		return err
	}
	return raise(given, []byte(r.Site), uint32(r.Number))
}

// raise makes a number at least n.
func raise(bk *bolt.Bucket, key []byte, n uint32) error {
	if had := givenIn(bk, key); had >= n {
		return nil
	}
	return bk.Put(key, binary.BigEndian.AppendUint32(nil, n))
}

// givenIn returns the number under a key, 0 if there is none.
func givenIn(bk *bolt.Bucket, key []byte) uint32 {
	if bk == nil {
		return 0
	}
	if raw := bk.Get(key); len(raw) == runSize {
		return binary.BigEndian.Uint32(raw)
	}
	return 0
}

// mendBaselines makes runs that were held against one that goes be held
// against the one before that.
func mendBaselines(tx *bolt.Tx, runs *bolt.Bucket, baseline map[RunID]RunID) error {
	for _, id := range runsOf(tx, bucketRuns) {
		r := Run{ID: id}
		if err := decode(runs.Get(id.key()), &r); err != nil {
			return err
		}
		base := r.Baseline
		for before, goes := baseline[base]; goes; before, goes = baseline[base] {
			base = before
		}
		if base == r.Baseline {
			continue
		}
		if r.State == Running || r.State == Interrupted {
			return fmt.Errorf("run %d is %w: run %d is held against it", r.Baseline, ErrNeeded, id)
		}
		r.Baseline = base
		raw, err := encode(&r)
		if err != nil {
			return err
		}
		if err := runs.Put(id.key(), raw); err != nil {
			return err
		}
	}
	return nil
}

// change does fn in a transaction, and nobody writes a page meanwhile; in a dry
// run fn only reads.
func (p *pruning) change(ctx context.Context, fn func(tx *bolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.options.DryRun {
		return p.db.View(fn)
	}
	p.visiting.Lock()
	defer p.visiting.Unlock()
	return p.db.Commit(context.WithoutCancel(ctx), &write{after: fn})
}

// drop deletes a row, or would.
func (p *pruning) drop(bk *bolt.Bucket, key, value []byte) error {
	p.sum.Rows++
	p.sum.Index += int64(len(key) + len(value))
	if p.options.DryRun {
		return nil
	}
	return bk.Delete(key)
}

// rowsAtOnce bounds a transaction that removes rows.
const rowsAtOnce = 1000

// rows removes what the runs have beside pages.
func (p *pruning) rows(ctx context.Context) error {
	for _, bucket := range [][]byte{bucketIndexed, bucketMarks, bucketCounts, bucketNumbers, bucketHolders, bucketInlinks, bucketSkipped, bucketRobots, bucketHosts, bucketLately} {
		for _, id := range p.gone {
			for from := id.key(); from != nil; {
				err := p.change(ctx, func(tx *bolt.Tx) (err error) {
					from, err = p.some(tx, bucket, id.key(), from)
					return err
				})
				if err != nil {
					return err
				}
			}
			crashAt("rows")
		}
	}
	return nil
}

// some removes the next rows of a run, and returns where to go on; nil at the
// end.
func (p *pruning) some(tx *bolt.Tx, bucket, prefix, from []byte) (next []byte, err error) {
	bk := tx.Bucket(bucket)
	if bk == nil {
		return nil, nil
	}
	var found []record
	c := bk.Cursor()
	for k, v := c.Seek(from); bytes.HasPrefix(k, prefix); k, v = c.Next() {
		if len(found) == rowsAtOnce {
			next = bytes.Clone(k)
			break
		}
		found = append(found, record{bytes.Clone(k), bytes.Clone(v)})
	}
	for _, r := range found {
		if bytes.Equal(bucket, bucketHosts) {
			if err := p.mendAsker(tx, r.key); err != nil {
				return nil, err
			}
		}
		if err := p.drop(bk, r.key, r.value); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// mendAsker makes an origin that was asked last by a run that goes be asked
// last by one that stays.
func (p *pruning) mendAsker(tx *bolt.Tx, host []byte) error {
	origin := host[runSize:]
	asker := rawIn(tx, bucketAskers, origin)
	if !bytes.Equal(asker, host[:runSize]) {
		return nil
	}
	askers := tx.Bucket(bucketAskers)
	for _, id := range p.kept(tx) {
		if rawIn(tx, bucketHosts, id.with(origin)) == nil {
			continue
		}
		if p.options.DryRun {
			return nil
		}
		return askers.Put(origin, id.key())
	}
	return p.drop(askers, origin, asker)
}

// unmark forgets the runs: nothing of them is left.
func (p *pruning) unmark(ctx context.Context) error {
	if err := ctx.Err(); err != nil || p.options.DryRun || len(p.gone) == 0 {
		return err
	}
	var puts []put
	for _, id := range p.gone {
		puts = append(puts, put{bucketRemoving, id.key(), nil})
	}
	if err := p.commit(puts...); err != nil {
		return err
	}
	crashAt("removed")
	return nil
}
