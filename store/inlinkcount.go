package store

import (
	"bytes"
	"context"
	"encoding/binary"

	"crawl/internal/weburl"

	bolt "go.etcd.io/bbolt"
)

// InlinkCounter is CountInlinks for whoever asks of many URLs in the order of
// their keys: it reads ahead, as far as that was of use the last time. It is for
// one goroutine.
type InlinkCounter struct {
	store *Bolt
	run   RunID

	counts   map[string]InlinkCount // of all targets whose key is within
	from, to []byte                 // these, both included
	open     bool                   // there is nothing behind from, so to does not count
	ahead    int                    // entries of a part to read at once
	plain    []byte                 // the entry that was read last
	used     int                    // answers from counts
}

// maxAhead is how far an InlinkCounter reads ahead.
const maxAhead = 512

// InlinkCounter returns a counter for a run.
func (b *Bolt) InlinkCounter(run RunID) *InlinkCounter { return &InlinkCounter{store: b, run: run} }

// Count counts the links to target, which identity returned; see CountInlinks.
func (c *InlinkCounter) Count(ctx context.Context, target weburl.URL) (n InlinkCount, err error) {
	key := target.Key()
	if c.counts == nil || bytes.Compare(key, c.from) < 0 || !c.open && bytes.Compare(key, c.to) > 0 {
		if err = ctx.Err(); err == nil {
			err = c.read(key)
		}
		if err != nil {
			wrap(&err, "links to %s in run %d", target, c.run)
			return n, err
		}
	}
	c.used++
	return c.counts[string(key)], nil
}

// read counts the links to the targets from key on.
func (c *InlinkCounter) read(key []byte) error {
	if 2*c.used >= c.ahead {
		c.ahead = min(max(1, 2*c.ahead), maxAhead)
	} else {
		c.ahead = max(1, c.ahead/4)
	}
	counts := make(map[string]InlinkCount, c.ahead)
	c.counts, c.from, c.open, c.used = nil, key, true, 0
	err := c.store.db.View(func(tx *bolt.Tx) error {
		x, err := c.store.indexIn(tx, c.run)
		if err != nil || x.Parts == 0 {
			return err
		}
		cursor := tx.Bucket(bucketInlinks).Cursor()
		for part := range x.Parts {
			if err := c.part(cursor, numberKey(c.run, part), counts); err != nil {
				return c.store.named(err)
			}
		}
		return nil
	})
	if err == nil {
		c.counts = counts
	}
	return err
}

// part adds up what a part says.
func (c *InlinkCounter) part(cursor *bolt.Cursor, part []byte, counts map[string]InlinkCount) error {
	var last []byte
	read := 0
	for k, v := cursor.Seek(append(bytes.Clone(part), c.from...)); bytes.HasPrefix(k, part); k, v = cursor.Next() {
		if read == c.ahead {
			if c.open || bytes.Compare(last, c.to) < 0 {
				c.open, c.to = false, bytes.Clone(last)
			}
			return nil
		}
		n, err := c.entry(v)
		if err != nil {
			return err
		}
		read, last = read+1, k[len(part):]
		sum := counts[string(last)]
		counts[string(last)] = InlinkCount{sum.Pages + n.Pages, sum.Sitemaps + n.Sitemaps}
	}
	return nil
}

// entry reads both totals of an entry, as readEntry does, and nothing else.
func (c *InlinkCounter) entry(raw []byte) (n InlinkCount, err error) {
	if c.plain, err = unsealInto(c.plain, raw); err != nil {
		return n, err
	}
	pages, i := binary.Uvarint(c.plain)
	sitemaps, j := binary.Uvarint(c.plain[max(i, 0):])
	if i <= 0 || j <= 0 {
		return n, errEntry
	}
	return InlinkCount{int(pages), int(sitemaps)}, nil
}
