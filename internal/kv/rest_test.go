package kv

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestRest: behind a batch that many waited for the committer rests as long as
// more come, until enough have, and no longer than that pays.
func TestRest(t *testing.T) {
	const took = 5 * time.Millisecond
	for _, c := range []struct {
		name     string
		waited   int // for the batch before
		come     int // afterwards,
		every    time.Duration
		from, to time.Duration // how long it rests
	}{
		{"few waited", manyAtOnce - 1, 0, 0, 0, 0},
		{"nobody comes", 10, 0, 0, lull, 2 * lull},
		{"all that there are come", 10, 10, lull / 2, 5 * lull, 8 * lull},
		{"enough come", 10, enough, lull / 64, lull, 3 * lull},
		{"they come slowly", 10, 100, lull / 2, restFactor * took, restFactor * took},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &DB[int]{wake: make(chan struct{}, 1), rested: make(chan struct{}, 1), delay: time.Hour}
			go func() {
				for range c.come {
					time.Sleep(c.every)
					if _, err := d.handIn(change[int]{answer: make(chan error, 1)}); err != nil {
						t.Error(err)
					}
				}
			}()
			began := time.Now()
			d.rest(make([]change[int], 0, c.waited), took)
			if n := time.Since(began); n != 0 {
				t.Errorf("%s: %v behind a batch for which nobody waited", c.name, n)
			}
			var batch []change[int]
			for range c.waited {
				batch = append(batch, change[int]{answer: make(chan error, 1)})
			}
			d.rest(batch, took)
			if n := time.Since(began); n < c.from || n > c.to {
				t.Errorf("%s: it rests for %v, want %v to %v", c.name, n, c.from, c.to)
			}
			<-time.After(time.Second)
		})
	}
}
