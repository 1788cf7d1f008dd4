package kv

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// mappedOf is how many kB of a file are in the memory of this process.
func mappedOf(t *testing.T, path string) (kB int) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ours := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if head, _, _ := strings.Cut(line, " "); !strings.HasSuffix(head, ":") {
			ours = strings.HasSuffix(line, " "+path)
		} else if ours && head == "Rss:" {
			var n int
			if _, err := fmt.Sscanf(line, "Rss: %d", &n); err != nil {
				t.Fatal(err)
			}
			kB += n
		}
	}
	return kB
}

// recordsOf is the bucket of openRecords.
var recordsOf = []byte("b")

// openRecords opens a file to which change n adds so many records of so many bytes,
// whose keys follow those of the change before; each ends with its key.
func openRecords(t *testing.T, path string, each uint64, size int) *DB[int] {
	t.Helper()
	db, err := Open(path, Options{NoSync: true}, func(tx *bolt.Tx, batch []int) error {
		b, err := tx.CreateBucketIfNotExists(recordsOf)
		for _, n := range batch {
			for i := range each {
				key := binary.BigEndian.AppendUint64(nil, uint64(n)*each+i)
				if err == nil {
					err = b.Put(key, append(make([]byte, size-len(key)), key...))
				}
			}
		}
		return err
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// TestSweep reads 16 MB of a file in small steps: they are not in memory at the
// end where the process wrote them, and are where another one did. What is read
// is what was written, whoever else reads meanwhile.
func TestSweep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	const records, size = 4096, 4 << 10
	open := func() *DB[int] { return openRecords(t, path, 256, size) }
	read := func(db *DB[int]) {
		for from := uint64(0); from < records; from += 64 {
			err := db.Sweep(func(tx *bolt.Tx) error {
				for i := from; i < from+64; i++ {
					key := binary.BigEndian.AppendUint64(nil, i)
					if v := tx.Bucket(recordsOf).Get(key); len(v) != size || string(v[size-8:]) != string(key) {
						return fmt.Errorf("record %d is %d bytes long", i, len(v))
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	db := open()
	for n := range records / 256 {
		if err := db.Commit(context.Background(), n); err != nil {
			t.Fatal(err)
		}
	}
	other := make(chan struct{})
	go func() { read(db); close(other) }()
	read(db)
	<-other
	db.mapped.last.Store(0) // long ago
	if err := db.Sweep(func(*bolt.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if kB := mappedOf(t, path); kB > 1<<10 {
		t.Errorf("%d kB of the file are in memory behind a sweep", kB)
	}
	db.mapped.grown.Add(-int64(still))
	read(db)
	if kB := mappedOf(t, path); kB < 8<<10 {
		t.Errorf("%d kB of a file that is written no more are in memory: it gave back what may be read again", kB)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open()
	defer db.Close()
	read(db)
	if kB := mappedOf(t, path); kB < 8<<10 {
		t.Errorf("%d kB of a file that another process wrote are in memory: it gave back what it may read again", kB)
	}
}

// TestScan reads a whole file that it asked the system to read ahead, and then as before.
func TestScan(t *testing.T) {
	db := openRecords(t, filepath.Join(t.TempDir(), "x.db"), 1, 512)
	defer db.Close()
	for n := range 1000 {
		if err := db.Schedule(t.Context(), n, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func(func(*bolt.Tx) error) error{"Scan": db.Scan, "View": db.View, "Sweep": db.Sweep} {
		if err := read(func(tx *bolt.Tx) error {
			if n := tx.Bucket(recordsOf).Stats().KeyN; n != 1000 {
				t.Errorf("%s reads %d records", name, n)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
}

// TestLookedAt reads a file of 16 MB between the changes of a crawl: it is given
// back once there were many of them.
func TestLookedAt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db := openRecords(t, path, 1, 1<<20)
	defer db.Close()
	for n := range 16 {
		if err := db.Commit(context.Background(), n); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		changes int64
		given   bool
	}{{0, false}, {manyWrites(16<<20) - 1, false}, {manyWrites(16 << 20), true}, {manyWrites(1 << 30), false}} {
		db.mapped.last.Store(0) // long ago
		db.mapped.since.Store(test.changes)
		sum := 0
		err := db.View(func(tx *bolt.Tx) error {
			return tx.Bucket(recordsOf).ForEach(func(_, v []byte) error {
				for i := 0; i < len(v); i += 512 {
					sum += int(v[i])
				}
				return nil
			})
		})
		if err != nil || sum != 0 {
			t.Fatal(sum, err)
		}
		if kB := mappedOf(t, path); test.given != (kB < 1<<10) {
			t.Errorf("%d kB of the file are in memory after %d changes", kB, test.changes)
		}
	}
}
