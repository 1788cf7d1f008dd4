package powercut

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

var bucket = []byte("b")

// fill makes a bbolt file on d and commits until the power is cut. It returns
// what the cut left, and how many commits were acknowledged before.
func fill(t *testing.T, d *Disk, rnd *rand.Rand, noSync bool) (left *Image, acked int) {
	t.Helper()
	dir, unmount := mounted(t, d)
	defer unmount()
	b, err := bolt.Open(filepath.Join(dir, "db"), 0o600, &bolt.Options{NoSync: noSync, NoGrowSync: noSync})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	n, safe := 0, 0
	cut := d.CutAt(1+rnd.IntN(300), rnd, func() { safe = n })
	for ; ; n++ {
		select {
		case left := <-cut:
			return left, safe
		default:
		}
		if err := b.Update(func(tx *bolt.Tx) error { return put(tx, n) }); err != nil {
			t.Fatal(err)
		}
		if err := b.View(func(tx *bolt.Tx) error { return has(tx, n+1) }); err != nil { // through the map
			t.Fatal(err)
		}
	}
}

func key(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

func put(tx *bolt.Tx, n int) error {
	b, err := tx.CreateBucketIfNotExists(bucket)
	if err != nil {
		return err
	}
	return b.Put(key(n), make([]byte, 500+n))
}

func has(tx *bolt.Tx, keys int) error {
	if keys == 0 {
		return nil
	}
	b := tx.Bucket(bucket)
	if b == nil {
		return errors.New("nothing is there")
	}
	for n := range keys {
		if v := b.Get(key(n)); len(v) != 500+n {
			return fmt.Errorf("key %d has %d bytes", n, len(v))
		}
	}
	return nil
}

// verdict opens what a cut left and says what is wrong with it.
func verdict(t *testing.T, left *Image, acked int) (err error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "left")
	if err := left.Write(dir); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	b, err := bolt.Open(filepath.Join(dir, "db"), 0o600, nil)
	if err != nil {
		return err
	}
	defer b.Close()
	return b.View(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			return err
		}
		return has(tx, acked)
	})
}

// TestBolt shows that bbolt, map and all, works on the file system, and keeps
// its word over a cut.
func TestBolt(t *testing.T) {
	s := seed(t)
	for i := range 10 {
		left, acked := fill(t, NewDisk(nil, false), dice(s, i), false)
		if err := verdict(t, left, acked); err != nil {
			t.Errorf("cut %d, after %d commits: %v (%+v)", i, acked, err, left.Loss)
		}
	}
}
