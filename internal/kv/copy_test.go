package kv_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"crawl/internal/kv"
)

func full([]byte) float64 { return 1 }

// scattered commits n numbers in an order that leaves pages half full, and
// more so that a copy takes several transactions.
func scattered(t *testing.T, l *log, n uint64) {
	t.Helper()
	for i := range n {
		if err := l.Commit(t.Context(), put{n: i * 7919 % n * 1000, more: 499}); err != nil {
			t.Fatal(err)
		}
	}
}

func wantWhole(t *testing.T, l *log, n int) {
	t.Helper()
	if faults, err := l.Check(); err != nil || len(faults) > 0 {
		t.Errorf("Check: %v %v", faults, err)
	}
	if got := l.count(t); got != n {
		t.Errorf("%d numbers of %d are there", got, n)
	}
}

// TestCompact writes and reads while the file is made anew, and sees that all
// is there afterwards, that the file is smaller and that the next one to open
// it finds that file.
func TestCompact(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	l := openLog(t, path, kv.Options{Ahead: 1 << 30})
	scattered(t, l, 100)
	used, before, err := l.Fill()
	if err != nil || used <= 0 || used > before {
		t.Fatalf("%d bytes of %d are used: %v", used, before, err)
	}
	done := make(chan bool)
	var others sync.WaitGroup
	others.Go(func() {
		for n := uint64(1 << 40); ; n++ {
			select {
			case <-done:
				return
			default:
			}
			if err := l.Commit(t.Context(), put{n: n}); err != nil {
				t.Errorf("Commit: %v", err)
				return
			}
		}
	})
	others.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if l.count(t) < 50_000 {
				t.Error("numbers are missing")
			}
		}
	})
	for range 3 {
		if err := l.Compact(t.Context(), full); err != nil {
			t.Errorf("Compact: %v", err)
		}
	}
	close(done)
	others.Wait()
	n := l.count(t)
	if err := l.Compact(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > before*9/10 {
		t.Errorf("the file has %d bytes, %d before: %v", info.Size(), before, err)
	}
	wantWhole(t, l, n)
	if _, err := kv.Open(path, kv.Options{LockWait: time.Millisecond}, l.apply, nil); !errors.Is(err, kv.ErrLocked) {
		t.Errorf("another one opens it: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, openLog(t, path, kv.Options{}), n)
}

// TestReplaced: whoever waits for a file that is replaced meanwhile gets the
// one in its place.
func TestReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	l := openLog(t, path, kv.Options{})
	scattered(t, l, 3)
	opened := make(chan error)
	go func() {
		var o log
		db, err := kv.Open(path, kv.Options{LockWait: time.Minute}, o.apply, nil)
		if err == nil {
			err = errors.Join(db.Commit(t.Context(), put{n: 1 << 50}), db.Close())
		}
		opened <- err
	}()
	if err := l.Compact(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	wantWhole(t, openLog(t, path, kv.Options{}), 1501)
}

// TestCompactInterrupted leaves the file as it was, and what lies beside it
// of a process that was killed goes.
func TestCompactInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	l := openLog(t, path, kv.Options{})
	scattered(t, l, 100)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Compact(ctx, full); !errors.Is(err, context.Canceled) {
		t.Errorf("Compact: %v", err)
	}
	wantWhole(t, l, 50_000)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".compact", []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, openLog(t, path, kv.Options{}), 50_000)
	if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 1 {
		t.Errorf("beside the file lies something: %v %v", names, err)
	}
}

// TestCopy copies while changes go on: what the copy has is one state, and
// later changes do not wait for it although they make the file larger.
func TestCopy(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, filepath.Join(dir, "x.db"), kv.Options{Ahead: 1 << 30})
	scattered(t, l, 100)
	first := true
	to := filepath.Join(dir, "copy.db")
	err := l.Copy(t.Context(), to, func([]byte) float64 {
		if first { // a snapshot is open
			first = false
			if err := l.Commit(t.Context(), put{n: 1 << 40, more: 100_000}); err != nil {
				t.Errorf("Commit: %v", err)
			}
		}
		return 1
	})
	if err != nil {
		t.Fatal(err)
	}
	wantWhole(t, openLog(t, to, kv.Options{}), 50_000)
	wantWhole(t, l, 150_001)
}
