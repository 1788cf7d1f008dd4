package frontier_test

import (
	"errors"
	"math"
	"sync"
	"testing"

	"crawl/frontier"
)

// TestFirstReadUnderFire: after a reopen the first caller reads the disk while
// others ask for work, URLs move, and all that is queued is refused. Nobody may
// hear that the run is drained too early, and memory may not lose count.
func TestFirstReadUnderFire(t *testing.T) {
	const callers, urls = 4, 12
	f := frontier.NewBolt(t.TempDir())
	config := frontier.Config{Manners: func(string) frontier.Manners {
		return frontier.Manners{Rate: math.Inf(1), PerHost: callers, NoRobots: true}
	}}
	open := func() {
		if err := f.Open(t.Context(), "run", config); err != nil {
			t.Fatal(err)
		}
	}
	far, near := manyLinks(0, urls, 1), manyLinks(0, urls, 1)
	for i := range near {
		near[i].Depth, near[i].Rank = 1, uint32(i%2)
	}
	for round := range 60 {
		open()
		if n, err := f.Add(t.Context(), "run", far...); n != urls || err != nil {
			t.Fatal(n, err)
		}
		if err := f.Leave("run"); err != nil {
			t.Fatal(err)
		}
		open()
		refuse := round%3 == 0
		var all sync.WaitGroup
		for range callers {
			all.Go(func() { oneTurn(t, f, refuse) })
		}
		all.Go(func() {
			if _, err := f.Add(t.Context(), "run", near...); err != nil {
				t.Error(err)
			}
		})
		if refuse {
			all.Go(func() {
				if _, err := f.Refuse(t.Context(), "run", "stopped"); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		finish(t, f, urls)
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func oneTurn(t *testing.T, f frontier.Frontier, mayDrain bool) {
	l, err := f.Next(t.Context(), "run")
	if err == nil {
		err = f.Done(t.Context(), l, frontier.Outcome{})
	}
	if err != nil && !(mayDrain && errors.Is(err, frontier.ErrDrained)) {
		t.Error(err)
	}
}

// finish ends what is left, and the run.
func finish(t *testing.T, f frontier.Frontier, urls int) {
	t.Helper()
	for {
		l, err := f.Next(t.Context(), "run")
		if errors.Is(err, frontier.ErrDrained) {
			break
		}
		if err == nil {
			err = f.Done(t.Context(), l, frontier.Outcome{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := f.Stats("run")
	if err != nil || s.Queued != 0 || s.Found != uint64(urls) || s.Done+s.Skipped["stopped"] != uint64(urls) {
		t.Errorf("%+v %v", s, err)
	}
	if faults, err := f.Check(t.Context(), "run"); err != nil || len(faults) > 0 {
		t.Errorf("Check: %v %q", err, faults)
	}
	if err := f.Drop("run"); err != nil {
		t.Fatal(err)
	}
}
