package kv

import (
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
)

// How long what was read of a file stays mapped, at least. The system maps what
// is around each page that is read, sixteen together: without an end to it all of
// the file is mapped soon, wherever what is read lies.
const (
	lookedAt = 100 * time.Millisecond // by View
	swept    = 10 * time.Millisecond  // by Sweep
)

// manyWrites is how many changes come before what View read is given back: a
// slow crawl reads little in a tenth of a second. A small file is mapped
// again by some hundred reads, to each of which that costs more than the reading.
func manyWrites(size int64) int64 {
	if size <= smallFile {
		return 4096
	}
	return 256
}

const smallFile = 64 << 20

// still is how long behind its last batch a file counts as being written.
const still = 10 * time.Second

// mapped gives back the memory that a file takes in this process while that makes
// it grow. Else it stays: whoever only asks may read it again. Times are
// nanoseconds since 1970.
type mapped struct {
	began atomic.Int64 // bytes of the file at the first batch; 0: there was none
	grown atomic.Int64 // when the last batch began of a file that has grown
	last  atomic.Int64 // when memory was given back
	since atomic.Int64 // changes since then
}

// has hears how large the file is when a batch of so many changes begins.
func (m *mapped) has(size int64, changes int) {
	m.since.Add(int64(changes))
	if !m.began.CompareAndSwap(0, size) && size > m.began.Load() {
		m.grown.Store(time.Now().UnixNano())
	}
}

// letGo gives back what is mapped, unless that was done within a time.
func (m *mapped) letGo(tx *bolt.Tx, within time.Duration) {
	grown := m.grown.Load()
	if grown == 0 {
		return
	}
	last, now := m.last.Load(), time.Now().UnixNano()
	if now-grown < int64(still) && now-last >= int64(within) && m.last.CompareAndSwap(last, now) {
		m.since.Store(0)
		unmap(tx)
	}
}

// looked is letGo after a View.
func (m *mapped) looked(tx *bolt.Tx) {
	if m.since.Load() >= manyWrites(tx.Size()) {
		m.letGo(tx, lookedAt)
	}
}

// Scan is View for whoever reads the whole file, and is the only one who reads: from
// a disk that comes several times as fast.
func (d *DB[T]) Scan(fn func(*bolt.Tx) error) error {
	return d.View(func(tx *bolt.Tx) error {
		defer readAhead(tx)()
		return fn(tx)
	})
}

// Sweep is View for whoever goes through much of the file, each time a little
// further: of what it reads next to nothing is read again soon. Where this process
// made the file grow, the memory that the file takes is given back behind it.
func (d *DB[T]) Sweep(fn func(*bolt.Tx) error) error {
	return d.View(func(tx *bolt.Tx) error {
		defer d.mapped.letGo(tx, swept)
		return fn(tx)
	})
}
