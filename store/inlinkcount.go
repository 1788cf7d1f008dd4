package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

	"crawl/internal/weburl"

	bolt "go.etcd.io/bbolt"
)

// InlinkCounter is CountInlinks for whoever asks of many pages, best in the order
// of their keys: it reads what is kept of pageStep pages at a time, see
// pagecounts.go. Of what is no page it asks the index. It is for one goroutine.
type InlinkCounter struct {
	store *Bolt
	run   RunID

	block  uint32   // which pages were read last
	keys   [][]byte // theirs; none: nothing was read
	counts []InlinkCount
	next   []byte // the key of the page behind them; nil: there is none
	room   []byte // that keys are parts of
	plain  []byte
	bare   bool // nothing is kept of pages
}

// InlinkCounter returns a counter for a run.
func (b *Bolt) InlinkCounter(run RunID) *InlinkCounter { return &InlinkCounter{store: b, run: run} }

// Count counts the links to target, which identity returned; see CountInlinks.
func (c *InlinkCounter) Count(ctx context.Context, target weburl.URL) (n InlinkCount, err error) {
	if key := target.Key(); !c.bare {
		if !c.within(key) {
			if err = ctx.Err(); err == nil {
				err = c.store.db.View(func(tx *bolt.Tx) error { return c.store.named(c.read(tx, key)) })
			}
			if err != nil {
				wrap(&err, "links to %s in run %d", target, c.run)
				return n, err
			}
		}
		if i, ok := slices.BinarySearchFunc(c.keys, key, bytes.Compare); ok {
			return c.counts[i], nil
		}
	}
	return c.store.CountInlinks(ctx, c.run, target)
}

// within tells whether the page with a key is among those read last, if it is
// one.
func (c *InlinkCounter) within(key []byte) bool {
	return len(c.keys) > 0 && bytes.Compare(key, c.keys[0]) >= 0 && (c.next == nil || bytes.Compare(key, c.next) < 0)
}

// read reads the pages among which the one with a key would be.
func (c *InlinkCounter) read(tx *bolt.Tx, key []byte) error {
	after := c.block + 1
	if len(c.keys) == 0 {
		after = 0
	}
	c.keys, c.counts, c.room = c.keys[:0], c.counts[:0], c.room[:0]
	x, err := c.store.indexIn(tx, c.run)
	if err != nil {
		return err
	}
	if c.bare = x.Pages == 0 || !countedIn(tx, c.run, &x); c.bare {
		return nil
	}
	if c.block, err = c.find(tx, key, after, (x.Pages+pageStep-1)/pageStep); err != nil {
		return err
	}
	return c.readBlock(tx)
}

// find finds the block of the page with a key, best if it is the one of which
// that is guessed.
func (c *InlinkCounter) find(tx *bolt.Tx, key []byte, guess, blocks uint32) (uint32, error) {
	behind := func(n uint32) bool {
		return n >= blocks || bytes.Compare(rawIn(tx, bucketNumbers, numberKey(c.run, n)), key) > 0
	}
	if !behind(guess) && behind(guess+1) {
		return guess, nil
	}
	n := sort.Search(int(blocks), func(n int) bool { return behind(uint32(n)) })
	return uint32(max(n, 1) - 1), nil
}

// readBlock reads the keys of the pages of the block, and what is kept of them.
func (c *InlinkCounter) readBlock(tx *bolt.Tx) error {
	bk := tx.Bucket(bucketPages)
	if bk == nil {
		return errEntry
	}
	pages := bk.Cursor()
	k, _ := pages.Seek(c.run.with(rawIn(tx, bucketNumbers, numberKey(c.run, c.block))))
	for ; len(c.keys) < pageStep && bytes.HasPrefix(k, c.run.key()); k, _ = pages.Next() {
		from := len(c.room)
		c.room = append(c.room, k[runSize:]...)
		c.keys = append(c.keys, c.room[from:len(c.room):len(c.room)])
	}
	c.next = nil
	if bytes.HasPrefix(k, c.run.key()) {
		c.next = bytes.Clone(k[runSize:])
	}
	var err error
	if c.counts, c.plain, err = readCounts(c.counts, c.plain, rawIn(tx, bucketCounts, numberKey(c.run, c.block))); err != nil {
		return err
	}
	if len(c.counts) != len(c.keys) {
		return fmt.Errorf("index of links is %w: it counts those to %d pages of %d", ErrDamaged, len(c.counts), len(c.keys))
	}
	return nil
}

// countedIn tells whether the links to the pages of an index are counted.
func countedIn(tx *bolt.Tx, run RunID, x *linkIndex) bool {
	head := rawIn(tx, bucketCounts, run.key())
	return len(head) == 8 && binary.BigEndian.Uint64(head) == x.Build
}
