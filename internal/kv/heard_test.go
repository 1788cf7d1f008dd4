package kv

import (
	"path/filepath"
	"runtime"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// TestAReaderWaitsForNoLaterBatch stops a reader between its snapshot and the
// look whether committed has heard of it, until the next batch waits for that
// snapshot: neither may wait for the other for ever.
func TestAReaderWaitsForNoLaterBatch(t *testing.T) {
	write := func(tx *bolt.Tx, sizes []int) error {
		b, err := tx.CreateBucketIfNotExists([]byte("b"))
		if err != nil {
			return err
		}
		return b.Put([]byte("k"), make([]byte, sizes[0]))
	}
	d, err := Open(filepath.Join(t.TempDir(), "x.db"), Options{}, write, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	tx, err := d.bolt.Load().Begin(false)
	if err != nil {
		t.Fatal(err)
	}
	id, grown := tx.ID(), make(chan error)
	go func() { grown <- d.Commit(t.Context(), 1<<20) }() // more than is mapped
	for !d.under(id + 1) {
		runtime.Gosched()
	}
	d.untilHeard(id)
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-grown; err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// under tells whether a transaction becomes durable.
func (d *DB[T]) under(id int) bool {
	d.step.Lock()
	defer d.step.Unlock()
	return d.making && d.makes == id
}
