package store

import (
	"context"

	bolt "go.etcd.io/bbolt"
)

// Compact writes the index anew in full pages, so that it takes no more room
// than it must. Writes wait meanwhile. A crash leaves the old file or the new
// one.
func (b *Bolt) Compact(ctx context.Context) (err error) {
	defer wrap(&err, "compact %s", b.dir)
	b.keeping.Lock()
	defer b.keeping.Unlock()
	if err := b.db.Compact(ctx, packed); err != nil {
		return err
	}
	return b.measure()
}

// measure notes how large the index is now.
func (b *Bolt) measure() error {
	size, err := b.indexSize()
	if err == nil {
		b.began.Store(size)
	}
	return err
}

// indexSize is how large the index is, in bytes.
func (b *Bolt) indexSize() (size int64, err error) {
	err = b.db.View(func(tx *bolt.Tx) error { size = tx.Size(); return nil })
	return size, err
}

// When an index is worth the work. A run of a first crawl fills pages to two
// thirds, as whatever is written in no order does, and makes nearly all of the
// file; where it is one of many runs, what it left free the next one uses.
const (
	leastGain  = 1.0 / 6 // of the file
	leastIndex = 4 << 20 // bytes of the file
	leastShare = 1.0 / 4 // of the file that came since it was opened or compacted
)

// Tidy compacts the index if that is worth its price: a second of processor time
// for each 80 MB or so. It tells whether it did.
func (b *Bolt) Tidy(ctx context.Context) (done bool, err error) {
	defer wrap(&err, "compact %s", b.dir)
	if grown, err := b.grown(); !grown || err != nil {
		return false, err
	}
	used, size, err := b.db.Fill()
	if gain := size - used*roomFor/100; err != nil || float64(gain) < leastGain*float64(size) {
		return false, err
	}
	if err := b.Compact(ctx); err != nil {
		return false, err
	}
	return true, nil
}

// grown tells whether so much of the index is new that it is worth to look how full
// its pages are: all of them have to be read for that.
func (b *Bolt) grown() (bool, error) {
	size, err := b.indexSize()
	return err == nil && size >= leastIndex && float64(size-b.began.Load()) >= leastShare*float64(size), err
}

// roomFor is how much room 100 bytes take in full pages: records differ in
// length.
const roomFor = 107

// packed fills pages whole: runs that have ended are written no more, and what
// later ones put between the URLs and bodies of others is little.
func packed([]byte) float64 { return 1 }
