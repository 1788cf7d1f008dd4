package kv_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"crawl/internal/kv"
)

// TestScheduledChangesWaitForEachOther, a moment at most, and become durable as
// one batch in the order they were handed in.
func TestScheduledChangesWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLog(t, filepath.Join(t.TempDir(), "x.db"), kv.Options{Delay: time.Second})
		schedule := func(n uint64) {
			t.Helper()
			if err := l.Schedule(t.Context(), put{n: n}, 1); err != nil {
				t.Fatal(err)
			}
		}
		expect := func(want int) {
			t.Helper()
			synctest.Wait()
			if n := l.count(t); n != want {
				t.Errorf("%d are durable, want %d", n, want)
			}
		}
		schedule(1)
		time.Sleep(time.Second - time.Nanosecond)
		schedule(2)
		expect(0)
		time.Sleep(time.Nanosecond)
		expect(2)

		schedule(3)
		l.Hurry()
		expect(3)
		l.Hurry() // of nothing

		schedule(4)
		if err := l.Commit(t.Context(), put{n: 5}); err != nil { // whoever waits takes all along
			t.Fatal(err)
		}
		expect(5)
		schedule(6)
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(6)
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		schedule(7)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		var order []uint64
		for _, b := range l.batches {
			for _, op := range b {
				order = append(order, op.n)
			}
		}
		for i, n := range order {
			if n != uint64(i+1) {
				t.Errorf("they became durable as %v", order)
				break
			}
		}
		if len(l.batches) != 5 || len(order) != 7 {
			t.Errorf("%d changes in %d batches", len(order), len(l.batches))
		}
		if err := l.Schedule(t.Context(), put{}, 1); !errors.Is(err, kv.ErrClosed) {
			t.Errorf("Schedule after Close: %v", err)
		}
	})
}

// TestWhoeverSchedulesTooManyWaits until the pile is durable.
func TestWhoeverSchedulesTooManyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLog(t, filepath.Join(t.TempDir(), "x.db"), kv.Options{Delay: time.Hour})
		l.block = make(chan bool)
		var all sync.WaitGroup
		const callers = 2000
		through := make(chan bool, callers)
		for n := range callers {
			all.Go(func() {
				if err := l.Schedule(t.Context(), put{n: uint64(n)}, 8); err != nil {
					t.Error(err)
				}
				through <- true
			})
		}
		synctest.Wait()
		if n := len(through); n < 512 || n > 1200 { // a batch under way, and a pile
			t.Errorf("%d of %d callers are through", n, callers)
		}
		close(l.block)
		all.Wait()
		if err := l.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if n := l.count(t); n != callers {
			t.Errorf("%d keys are there", n)
		}
	})
}

// TestLostChangesAreNotKeptSecret: nobody waited for them, so everybody hears.
func TestLostChangesAreNotKeptSecret(t *testing.T) {
	var heard []error
	l := openLog(t, filepath.Join(t.TempDir(), "x.db"), kv.Options{Failed: func(err error) { heard = append(heard, err) }})
	full := errors.New("the disk is full")
	if err := l.Schedule(t.Context(), put{n: 1, fail: full}, 1); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(t.Context()); !errors.Is(err, full) {
		t.Errorf("Flush: %v", err)
	}
	if err := l.Schedule(t.Context(), put{n: 2}, 1); !errors.Is(err, full) {
		t.Errorf("Schedule: %v", err)
	}
	if err := l.Commit(t.Context(), put{n: 3}); !errors.Is(err, full) {
		t.Errorf("Commit: %v", err)
	}
	if n := l.count(t); n != 0 {
		t.Errorf("%d keys are there", n)
	}
	closed := l.Close()
	if !errors.Is(closed, full) {
		t.Errorf("Close: %v", closed)
	}
	if len(heard) != 1 || !errors.Is(heard[0], full) {
		t.Errorf("Failed heard %v", heard)
	}
	if len(heard) == 1 && !errors.Is(heard[0], closed) { // whoever heard of it need not tell it twice
		t.Errorf("Close says more than Failed heard: %v", closed)
	}
}
