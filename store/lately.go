package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"crawl/internal/weburl"

	bolt "go.etcd.io/bbolt"
)

// latelyKept is how many of a run's last visits are told at least: more than a
// crawl has put that its queue has not heard of.
const latelyKept = 1 << 14

// Lately is what a run that goes on after a crash wants to know of its visits.
type Lately struct {
	Received int64        // bytes of all bodies, as sent, those of tries that others replaced too
	URLs     []weburl.URL // the last ones put, in order, without what was checked alone
}

// Each transaction that puts visits of a run adds a record to bucketLately: the
// bytes received by the run so far, the visits put so far, and the keys of its
// own, each behind its length; sealed. Old ones go, and all when the run ends.
type putLately struct {
	received, visits uint64
	keys             []byte
}

func (l *putLately) add(p *Page) {
	l.received += uint64(max(p.Wire, 0))
	l.visits++
	if p.IsCheck() {
		return // it may wait to be read, and is no page yet
	}
	key := p.URL.Key()
	l.keys = append(binary.AppendUvarint(l.keys, uint64(len(key))), key...)
}

// read takes the totals of a record and returns the rest of it.
func (l *putLately) read(raw []byte) (*reader, error) {
	plain, err := unseal(raw)
	if err != nil {
		return nil, err
	}
	r := newReader(plain)
	l.received, l.visits = r.number(), r.number()
	if r.bad {
		return nil, fmt.Errorf("record of the last visits is %w: it is cut off", ErrDamaged)
	}
	return r, nil
}

// noteLately adds the visits of a batch. It runs in the committer.
func (b *Bolt) noteLately(tx *bolt.Tx, batch []*write) error {
	runs := map[RunID]*putLately{}
	for _, w := range batch {
		if w.visit == nil {
			continue
		}
		l := runs[w.visit.Run]
		if l == nil {
			l = &putLately{}
			runs[w.visit.Run] = l
		}
		l.add(w.visit)
	}
	for run, l := range runs {
		bk, err := tx.CreateBucketIfNotExists(bucketLately)
		if err == nil {
			err = b.named(l.put(bk, run))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// put adds a record behind the last one of the run, and takes away the first
// ones if there are enough without them.
func (l *putLately) put(bk *bolt.Bucket, run RunID) error {
	c, number := bk.Cursor(), uint64(1)
	if k, v := before(bk, (run + 1).key()); bytes.HasPrefix(k, run.key()) && len(k) == runSize+8 {
		var last putLately
		if _, err := last.read(v); err != nil {
			return err
		}
		l.received, l.visits = l.received+last.received, l.visits+last.visits
		number = binary.BigEndian.Uint64(k[runSize:]) + 1
	}
	var old [][]byte
	for k, v := c.Seek(run.key()); bytes.HasPrefix(k, run.key()); k, v = c.Next() {
		var first putLately
		if _, err := first.read(v); err != nil {
			return err
		}
		if l.visits-first.visits < latelyKept {
			break
		}
		old = append(old, bytes.Clone(k))
	}
	for _, k := range old {
		if err := bk.Delete(k); err != nil {
			return err
		}
	}
	raw := binary.AppendUvarint(binary.AppendUvarint(nil, l.received), l.visits)
	return bk.Put(binary.BigEndian.AppendUint64(run.key(), number), seal(append(raw, l.keys...)))
}

// dropLately forgets the last visits of a run.
func dropLately(tx *bolt.Tx, run RunID) error {
	bk := tx.Bucket(bucketLately)
	if bk == nil {
		return nil
	}
	for {
		k, _ := bk.Cursor().Seek(run.key())
		if !bytes.HasPrefix(k, run.key()) {
			return nil
		}
		if err := bk.Delete(bytes.Clone(k)); err != nil {
			return err
		}
	}
}

// Lately implements Store.
func (b *Bolt) Lately(ctx context.Context, run RunID) (l Lately, err error) {
	defer wrap(&err, "last visits of run %d", run)
	var bad error
	err = b.scan(ctx, bucketLately, run.key(), func(_, raw []byte) bool {
		bad = l.read(raw)
		return bad == nil
	})
	if bad != nil {
		return Lately{}, b.named(bad)
	}
	return l, err
}

func (l *Lately) read(raw []byte) error {
	var totals putLately
	r, err := totals.read(raw)
	if err != nil {
		return err
	}
	l.Received = int64(totals.received)
	for r.left() > 0 {
		u, err := urlOf([]byte(r.string()))
		if err != nil {
			return err
		}
		l.URLs = append(l.URLs, u)
	}
	return nil
}

// checkLately sees that the visits put last are there.
func (c *check) checkLately(ctx context.Context, name string, run RunID) error {
	l, err := c.Lately(ctx, run)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, u := range l.URLs {
		if there, err := c.has(bucketPages, run.with(u.Key())); err != nil {
			return err
		} else if !there {
			c.fault("%s: %s was put lately and is not there", name, u)
		}
	}
	return nil
}
