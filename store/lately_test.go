package store

import (
	"fmt"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// TestLatelyIsBounded puts more visits than are told, of two runs in turn.
func TestLatelyIsBounded(t *testing.T) {
	const batch, batches = 500, 3 * latelyKept / 500
	b := openTest(t, t.TempDir())
	runs := []RunID{beginTest(t, b).ID, beginTest(t, b).ID}
	for n := range batches {
		var writes []*write
		for i := range batch {
			for _, run := range runs {
				u := mustParse(fmt.Sprintf("https://a.example/%d/%d", n, i))
				writes = append(writes, &write{visit: &Page{URL: u, Run: run, Wire: 2}})
			}
		}
		err := b.db.Commit(t.Context(), &write{after: func(tx *bolt.Tx) error { return b.noteLately(tx, writes) }})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, run := range runs {
		l, err := b.Lately(t.Context(), run)
		last := fmt.Sprintf("https://a.example/%d/%d", batches-1, batch-1)
		if n := len(l.URLs); err != nil || n < latelyKept || n > latelyKept+2*batch || l.URLs[n-1].String() != last {
			t.Errorf("%d visits are told: %v", n, err)
		}
		if l.Received != 2*batch*batches {
			t.Errorf("%d bytes were received, want %d", l.Received, 2*batch*batches)
		}
	}
	err := b.db.Commit(t.Context(), &write{after: func(tx *bolt.Tx) error { return dropLately(tx, runs[0]) }})
	if err != nil {
		t.Fatal(err)
	}
	for i, run := range runs {
		if l, err := b.Lately(t.Context(), run); err != nil || len(l.URLs) > 0 != (i > 0) {
			t.Errorf("after the end of the first, run %d: %d visits are told, %v", run, len(l.URLs), err)
		}
	}
}
