package frontier

import (
	"bytes"
	"context"
	"fmt"
	"maps"

	"crawl/internal/weburl"

	bolt "go.etcd.io/bbolt"
)

// skipsAtOnce is how many skipped URLs one snapshot reads: a long snapshot
// would keep the file from using its free pages again.
const skipsAtOnce = 1000

func (r *run) skips(ctx context.Context, yield func(Skip, error) bool) {
	var from []byte
	for ctx.Err() == nil {
		var chunk []Skip
		err := r.db.View(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucketSkipped)
			if b == nil {
				return nil
			}
			c := b.Cursor()
			k, v := c.Seek(from)
			for ; k != nil && len(chunk) < skipsAtOnce; k, v = c.Next() {
				s, err := readSkip(v)
				if err != nil {
					return err
				}
				chunk = append(chunk, s)
			}
			from = bytes.Clone(k)
			return nil
		})
		if err != nil {
			yield(Skip{}, err)
			return
		}
		for _, s := range chunk {
			if !yield(s, nil) {
				return
			}
		}
		if from == nil {
			return
		}
	}
	yield(Skip{}, ctx.Err())
}

func readSkip(v []byte) (Skip, error) {
	var rec skipRecord
	if _, err := rec.UnmarshalMsg(v); err != nil {
		return Skip{}, fmt.Errorf("damaged record of a skipped URL: %w", err)
	}
	s := Skip{Reason: Reason(rec.Reason), Rule: rec.Rule, Depth: int(rec.Depth)}
	var err error
	if s.URL, err = weburl.Parse(rec.URL); err == nil && rec.From != "" {
		s.From, err = weburl.Parse(rec.From)
	}
	if err != nil {
		return Skip{}, fmt.Errorf("damaged record of a skipped URL: %w", err)
	}
	return s, nil
}

// check recounts the file in one snapshot.
func (r *run) check(ctx context.Context) (faults []string, err error) {
	broken, err := r.db.Check()
	for _, e := range broken {
		faults = append(faults, e.Error())
	}
	if err != nil {
		return faults, err
	}
	report := func(format string, args ...any) {
		if len(faults) < 100 {
			faults = append(faults, fmt.Sprintf("%s: ", r.db.Path())+fmt.Sprintf(format, args...))
		}
	}
	err = r.db.View(func(tx *bolt.Tx) error {
		if tx.Bucket(bucketMeta) == nil {
			return nil
		}
		var kept countsRecord
		if _, err := kept.UnmarshalMsg(tx.Bucket(bucketMeta).Get(keyCounts)); err != nil {
			return err
		}
		real, err := recount(ctx, tx, report)
		if err != nil {
			return err
		}
		compareCounts(kept, real, report)
		return nil
	})
	return faults, err
}

// recount counts the seen-set, the hosts and the queue, and holds them against
// each other.
func recount(ctx context.Context, tx *bolt.Tx, report func(string, ...any)) (countsRecord, error) {
	c := countsRecord{Skipped: map[string]uint64{}}
	err := seenURLs(tx, func(k seenKey, v seenValue) error {
		c.Found++
		recountURL(tx, &c, k, v, report)
		return ctx.Err()
	})
	if err != nil {
		return c, err
	}
	refused := uint64(0)
	for _, n := range c.Skipped {
		refused += n
	}
	if n := uint64(tx.Bucket(bucketSkipped).Stats().KeyN); n != refused {
		report("%d reasons are kept for %d skipped URLs", n, refused)
	}
	return c, recountQueue(tx, &c, report)
}

// seenURLs goes through the whole seen-set.
func seenURLs(tx *bolt.Tx, fn func(k seenKey, v seenValue) error) error {
	layers, err := loadLayers(tx, unheard)
	if err != nil {
		return err
	}
	recent, err := readBlocks(tx.Bucket(bucketRecent))
	if err != nil {
		return err
	}
	sources := []source{newSorted(recent)}
	for _, l := range layers {
		r, err := readLayer(tx, l, l.from)
		if err != nil {
			return err
		}
		sources = append(sources, r)
	}
	all, err := newMerger(sources)
	for err == nil {
		e, ok, fault := all.next()
		if fault != nil || !ok {
			return fault
		}
		if len(e.value) > 0 {
			var v seenValue
			if v, err = readSeen(e.value); err == nil {
				err = fn(e.key, v)
			}
		}
	}
	return err
}

// recountURL counts one URL of the seen-set.
func recountURL(tx *bolt.Tx, c *countsRecord, k seenKey, v seenValue, report func(string, ...any)) {
	switch v.state {
	case stateQueued, stateChecking:
		c.Queued++
		if tx.Bucket(bucketQueue).Get(queueKey(k.host(), v.place)) == nil {
			report("a URL is marked queued and is not in the queue (%x)", k)
		}
	case stateDone, stateKept, stateChecked:
		c.Done++
	case stateFailed:
		c.Failed++
	case stateSkipped, stateBarred:
		s, err := readSkip(tx.Bucket(bucketSkipped).Get(skipKey(v.place)))
		if err != nil {
			report("a skipped URL has no reason (%x): %v", k, err)
		}
		c.Skipped[string(s.Reason)]++
	default:
		report("a URL has the unknown state %d (%x)", v.state, k)
	}
}

// recountQueue counts the pages of the hosts, and the queue, in which marked
// URLs should be.
func recountQueue(tx *bolt.Tx, c *countsRecord, report func(string, ...any)) error {
	waiting := uint64(0)
	var host hostRecord
	err := tx.Bucket(bucketQueue).ForEach(func(k, v []byte) error {
		if len(k) == len(hostKey(0)) {
			_, err := host.UnmarshalMsg(v)
			c.Pages += host.Pages
			return err
		}
		e, err := readEntry(host.Origin, k, v)
		if err == nil && e.link.Kind != Robots {
			waiting++
		}
		return err
	})
	if err == nil && waiting != c.Queued {
		report("%d URLs are in the queue, %d are marked queued", waiting, c.Queued)
	}
	return err
}

func compareCounts(kept, real countsRecord, report func(string, ...any)) {
	for _, n := range []struct {
		name       string
		kept, real uint64
	}{
		{"found", kept.Found, real.Found},
		{"queued", kept.Queued, real.Queued},
		{"done", kept.Done, real.Done},
		{"failed", kept.Failed, real.Failed},
		{"pages", kept.Pages, real.Pages},
	} {
		if n.kept != n.real {
			report("%s is kept as %d and is %d", n.name, n.kept, n.real)
		}
	}
	if !maps.Equal(kept.Skipped, real.Skipped) {
		report("skipped is kept as %v and is %v", kept.Skipped, real.Skipped)
	}
	sum := kept.Queued + kept.Done + kept.Failed
	for _, n := range kept.Skipped {
		sum += n
	}
	if kept.Found != sum {
		report("found is %d, the sum of its parts %d", kept.Found, sum)
	}
}
