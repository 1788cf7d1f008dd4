package kv_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crawl/internal/kv"

	bolt "go.etcd.io/bbolt"
)

func mentions(err error, path string) bool { return err != nil && strings.Contains(err.Error(), path) }

// sample is the bytes of a file with some hundred pages, some of them free.
func sample(t testing.TB) []byte {
	path := filepath.Join(t.TempDir(), "sample.db")
	var l log
	db, err := kv.Open(path, kv.Options{}, l.apply, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 30 {
		if err := db.Commit(t.Context(), put{n: uint64(n*7919) % 31 * 100, more: 100}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		var some []error
		if faults, err := db.Check(); err != nil || len(faults) > 0 {
			t.Fatalf("Check: %v %v", err, append(some, faults...))
		}
		if err := db.Commit(t.Context(), put{n: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// use opens a file, reads and checks all of it, and writes. It returns the
// first error; nothing may panic, and the lock may not stay.
func use(t testing.TB, path string) error {
	var l log
	db, err := kv.Open(path, kv.Options{LockWait: 20 * time.Millisecond, NoSync: true}, l.apply, nil)
	if err != nil {
		return err
	}
	faults, err := db.Check()
	if err == nil && len(faults) > 0 {
		err = faults[0]
	}
	if err == nil {
		err = db.View(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucket)
			if b == nil { // the flip was in its name
				return nil
			}
			return b.ForEach(func(k, v []byte) error {
				for range append(k[:len(k):len(k)], v...) { // read to the last byte
				}
				return nil
			})
		})
	}
	if err == nil {
		err = db.Commit(t.Context(), put{n: 5})
	}
	return errors.Join(err, db.Close())
}

func TestTruncated(t *testing.T) {
	raw := sample(t)
	path := filepath.Join(t.TempDir(), "x.db")
	for _, n := range []int{1, 100, 4096, 8191, 8192, 12288, 100_000, 250_001} {
		if err := os.WriteFile(path, raw[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := use(t, path); !mentions(err, path) || !errors.Is(err, kv.ErrDamaged) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}

// TestEmpty: bbolt makes an empty file a new one, and so a crash that left one
// does no harm.
func TestEmpty(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := openLog(t, path, kv.Options{})
	if err := l.Commit(t.Context(), put{n: 1}); err != nil {
		t.Fatal(err)
	}
}

// TestFlippedBytes: damage anywhere is met with an error that names the file,
// or was in a place that nobody reads. Never with a panic.
func TestFlippedBytes(t *testing.T) {
	raw, dir := sample(t), t.TempDir()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	found := 0
	for i := range 300 {
		path := filepath.Join(dir, "x.db")
		damaged := append([]byte(nil), raw...)
		at := random.IntN(len(raw))
		if i%2 == 0 { // a page's header or the first of its elements
			at = at/4096*4096 + random.IntN(64)
		}
		for n := range 1 + random.IntN(8) {
			if at+n < len(damaged) {
				damaged[at+n] ^= byte(1 + random.IntN(255))
			}
		}
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := use(t, path); err != nil {
			found++
			if !mentions(err, path) || errors.Is(err, kv.ErrLocked) {
				t.Errorf("seed %d: byte %d: %v", seed, at, err)
			}
		}
	}
	if found < 50 {
		t.Errorf("seed %d: only %d of 300 were met", seed, found)
	}
}

func FuzzFile(f *testing.F) {
	raw := sample(f)
	f.Add(uint16(0), uint16(16), []byte{1, 2, 3})
	f.Add(uint16(2), uint16(8), []byte{1, 0, 0xff})
	f.Add(uint16(3), uint16(24), []byte{3, 0, 0, 0})
	path := filepath.Join(f.TempDir(), "x.db")
	f.Fuzz(func(t *testing.T, page, offset uint16, with []byte) {
		damaged := append([]byte(nil), raw...)
		copy(damaged[(int(page)*4096+int(offset)%4096)%len(damaged):], with)
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := use(t, path); err != nil && !mentions(err, path) {
			t.Errorf("%v", err)
		}
	})
}
