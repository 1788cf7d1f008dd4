package kv_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"crawl/internal/kv"

	bolt "go.etcd.io/bbolt"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var bucket = []byte("b")

// put is a change that writes a number, and some more behind it, or fails.
type put struct {
	n    uint64
	more uint64
	fail error
}

// log is a file of numbers, with what committed heard.
type log struct {
	*kv.DB[put]
	batches [][]put   // the committer's own until Close
	block   chan bool // when set, apply waits for it
}

func openLog(t *testing.T, path string, o kv.Options) *log {
	t.Helper()
	l := &log{}
	db, err := kv.Open(path, o, l.apply, func(ops []put) { l.batches = append(l.batches, ops) })
	if err != nil {
		t.Fatal(err)
	}
	l.DB = db
	t.Cleanup(func() { l.Close() })
	return l
}

func (l *log) apply(tx *bolt.Tx, ops []put) error {
	if l.block != nil {
		<-l.block
	}
	b, err := tx.CreateBucketIfNotExists(bucket)
	if err != nil {
		return err
	}
	for _, op := range ops {
		for n := op.n; n <= op.n+op.more; n++ {
			if err := b.Put(binary.BigEndian.AppendUint64(nil, n), make([]byte, 100)); err != nil {
				return err
			}
		}
		if op.fail != nil {
			return op.fail
		}
	}
	return nil
}

func (l *log) count(t *testing.T) (n int) {
	t.Helper()
	if err := l.View(func(tx *bolt.Tx) error {
		if b := tx.Bucket(bucket); b != nil {
			n = b.Stats().KeyN
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWhatArrivesDuringACommitIsOneBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLog(t, filepath.Join(t.TempDir(), "x.db"), kv.Options{MaxBatch: 60})
		l.block = make(chan bool)
		var callers sync.WaitGroup
		for n := range 101 {
			callers.Go(func() {
				if err := l.Commit(t.Context(), put{n: uint64(n)}); err != nil {
					t.Error(err)
				}
			})
			if n == 0 {
				synctest.Wait() // the first batch is being applied
			}
		}
		synctest.Wait()
		for range 3 {
			l.block <- true
		}
		callers.Wait()
		if n := l.count(t); n != 101 {
			t.Errorf("%d keys are there", n)
		}
		l.Close()
		if len(l.batches) != 3 || len(l.batches[0]) != 1 || len(l.batches[1]) != 60 || len(l.batches[2]) != 40 {
			t.Errorf("%d batches", len(l.batches))
		}
	})
}

func TestAnErrorUndoesTheBatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	l := openLog(t, path, kv.Options{})
	want := errors.New("no")
	if err := l.Commit(t.Context(), put{n: 1, fail: want}); !errors.Is(err, want) {
		t.Fatalf("Commit: %v", err)
	}
	if n := l.count(t); n != 0 {
		t.Fatalf("%d keys are there", n)
	}
	if err := l.Commit(t.Context(), put{n: 2}); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if len(l.batches) != 1 {
		t.Errorf("committed heard of %d batches", len(l.batches))
	}
	if n := openLog(t, path, kv.Options{}).count(t); n != 1 {
		t.Errorf("%d keys are there after a reopen", n)
	}
}

func TestAContextThatEndsDoesNotUndo(t *testing.T) {
	l := openLog(t, filepath.Join(t.TempDir(), "x.db"), kv.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for n := range 50 { // either way of the select
		if err := l.Commit(ctx, put{n: uint64(n)}); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("Commit: %v", err)
		}
	}
	l.Close()
	total := 0
	for _, b := range l.batches {
		total += len(b)
	}
	if total != 50 {
		t.Errorf("%d changes are durable", total)
	}
}

func TestCloseCommitsWhatWasHandedIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	l := openLog(t, path, kv.Options{})
	var callers sync.WaitGroup
	var mu sync.Mutex
	durable := 0
	for n := range 200 {
		callers.Go(func() {
			err := l.Commit(t.Context(), put{n: uint64(n)})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				durable++
			} else if !errors.Is(err, kv.ErrClosed) {
				t.Error(err)
			}
		})
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	callers.Wait()
	if err := l.Commit(t.Context(), put{}); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Commit after Close: %v", err)
	}
	if err := l.View(func(*bolt.Tx) error { return nil }); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("View after Close: %v", err)
	}
	if _, err := l.Check(); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Check after Close: %v", err)
	}
	if n := openLog(t, path, kv.Options{}).count(t); n != durable {
		t.Errorf("%d keys, %d commits succeeded", n, durable)
	}
}

func TestViewNeverRunsAheadOfCommitted(t *testing.T) {
	var mu sync.Mutex
	heard := 0
	var l log
	db, err := kv.Open(filepath.Join(t.TempDir(), "x.db"), kv.Options{NoSync: true}, l.apply, func(ops []put) {
		for range 20 {
			runtime.Gosched() // so that a reader has time to run ahead
		}
		mu.Lock()
		defer mu.Unlock()
		heard += len(ops)
	})
	if err != nil {
		t.Fatal(err)
	}
	l.DB = db
	defer db.Close()
	var callers sync.WaitGroup
	for i := range 4 {
		callers.Go(func() {
			for n := range 100 {
				if err := db.Commit(t.Context(), put{n: uint64(i*100 + n)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	ended := make(chan bool)
	go func() {
		callers.Wait()
		close(ended)
	}()
	for open := true; open; {
		select {
		case <-ended:
			open = false
		default:
		}
		if err := db.View(func(tx *bolt.Tx) error {
			mu.Lock()
			known := heard
			mu.Unlock()
			if b := tx.Bucket(bucket); b != nil && b.Stats().KeyN > known {
				t.Errorf("a snapshot holds %d keys, committed has heard of %d", b.Stats().KeyN, known)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHeldByAnother measures in virtual time how long Open waits for the lock.
func TestHeldByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.db")
		l := openLog(t, path, kv.Options{})
		began := time.Now()
		_, err := kv.Open(path, kv.Options{}, l.apply, nil)
		if !errors.Is(err, kv.ErrLocked) || !mentions(err, path) {
			t.Errorf("a second Open: %v", err)
		}
		if d := time.Since(began); d > time.Second {
			t.Errorf("it took %v", d)
		}
		l.Close()
		openLog(t, path, kv.Options{})
	})
}

func TestOneOfManyCreates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	var openers sync.WaitGroup
	for range 4 {
		openers.Go(func() {
			var l log
			db, err := kv.Open(path, kv.Options{LockWait: 5 * time.Second}, l.apply, nil)
			if err != nil {
				if !errors.Is(err, kv.ErrLocked) {
					t.Error(err)
				}
				return
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	openers.Wait()
	openLog(t, path, kv.Options{})
}

// TestCreationCutShort: whatever a killed process left of a new file under its
// other name, the next one begins anew, and nothing is left over.
func TestCreationCutShort(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db")
	torn := fmt.Sprintf("%s.new%d", path, os.Getpid())
	if err := os.WriteFile(torn, make([]byte, 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	l := openLog(t, path, kv.Options{})
	if err := l.Commit(t.Context(), put{n: 1}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v %v", entries, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestNoFolder(t *testing.T) {
	var l log
	path := filepath.Join(t.TempDir(), "none", "x.db")
	if _, err := kv.Open(path, kv.Options{}, l.apply, nil); !errors.Is(err, os.ErrNotExist) || !mentions(err, path) {
		t.Errorf("Open: %v", err)
	}
	if err := kv.SyncDir(filepath.Dir(path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("SyncDir: %v", err)
	}
}

// TestNoSync sees that what was not synced is there once Close has returned,
// which may be called twice.
func TestNoSync(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	for n := range 3 {
		l := openLog(t, path, kv.Options{NoSync: true})
		if got := l.count(t); got != n {
			t.Errorf("%d keys are there, want %d", got, n)
		}
		if err := l.Commit(t.Context(), put{n: uint64(n)}); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
