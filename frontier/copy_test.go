package frontier_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"crawl/frontier"
	"crawl/internal/weburl"
)

// TestCopy copies a queue that is open and one that is not; both are whole.
func TestCopy(t *testing.T) {
	dir := t.TempDir()
	f := frontier.NewBolt(filepath.Join(dir, "runs"))
	defer f.Close()
	if err := f.Copy(t.Context(), "x", filepath.Join(dir, "none.db")); !errors.Is(err, frontier.ErrNoRun) {
		t.Errorf("of no run: %v", err)
	}
	if err := f.Open(t.Context(), "x", frontier.Config{}); err != nil {
		t.Fatal(err)
	}
	u, err := weburl.Parse("https://a.example/")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Add(t.Context(), "x", frontier.Link{URL: u}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"open", "closed"} {
		if name == "closed" {
			if err := f.Leave("x"); err != nil {
				t.Fatal(err)
			}
		}
		to := filepath.Join(dir, name, "y")
		if err := os.MkdirAll(to, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := f.Copy(t.Context(), "x", filepath.Join(to, "frontier.db")); err != nil {
			t.Fatal(err)
		}
		g := frontier.NewBolt(filepath.Join(dir, name))
		if err := g.Open(t.Context(), "y", frontier.Config{}); err != nil {
			t.Fatal(err)
		}
		if faults, err := g.Check(t.Context(), "y"); err != nil || len(faults) > 0 {
			t.Errorf("%s: %v %v", name, faults, err)
		}
		if s, err := g.Stats("y"); err != nil || s.Found != 1 || s.Queued != 1 {
			t.Errorf("%s: %+v %v", name, s, err)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCopyGoesOn: what a run does that goes on in a copy is newer than what it did
// before, although transactions are counted anew there.
func TestCopyGoesOn(t *testing.T) {
	dir := t.TempDir()
	f := frontier.NewBolt(filepath.Join(dir, "runs"))
	defer f.Close()
	c := frontier.Config{Manners: func(string) frontier.Manners { return frontier.Manners{Rate: 1e9, PerHost: 9, NoRobots: true} }}
	if err := f.Open(t.Context(), "x", c); err != nil {
		t.Fatal(err)
	}
	const n = 20 // each of which is a transaction
	for i := range n {
		u, err := weburl.Parse(fmt.Sprintf("https://a.example/%d", i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Add(t.Context(), "x", frontier.Link{URL: u}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "copies", "y"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.Copy(t.Context(), "x", filepath.Join(dir, "copies", "y", "frontier.db")); err != nil {
		t.Fatal(err)
	}
	for done := range n {
		g := frontier.NewBolt(filepath.Join(dir, "copies"))
		if err := g.Open(t.Context(), "y", c); err != nil {
			t.Fatal(err)
		}
		if faults, err := g.Check(t.Context(), "y"); err != nil || len(faults) > 0 {
			t.Fatalf("when %d are done: %v %v", done, faults, err)
		}
		l, err := g.Next(t.Context(), "y")
		if err == nil {
			err = g.Done(t.Context(), l, frontier.Outcome{})
		}
		if err = errors.Join(err, g.Close()); err != nil {
			t.Fatalf("when %d are done: %v", done, err)
		}
	}
}

// TestCopyWhileOthersOpen: a copy is made of a run that is opened and left again
// all the time, and whoever opens it only waits.
func TestCopyWhileOthersOpen(t *testing.T) {
	dir := t.TempDir()
	f := frontier.NewBolt(filepath.Join(dir, "runs"))
	defer f.Close()
	var opening sync.WaitGroup
	stop := make(chan struct{})
	first := make(chan struct{})
	opening.Go(func() {
		for n := 0; ; n++ {
			if err := f.Open(t.Context(), "x", frontier.Config{}); err != nil {
				t.Error(err)
			}
			if n == 0 {
				close(first)
			}
			if err := f.Leave("x"); err != nil {
				t.Error(err)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	<-first
	for n := range 100 {
		if err := f.Copy(t.Context(), "x", filepath.Join(dir, fmt.Sprintf("%d.db", n))); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	opening.Wait()
	if err := f.Drop("x"); err != nil {
		t.Error(err)
	}
	if err := f.Copy(t.Context(), "x", filepath.Join(dir, "gone.db")); !errors.Is(err, frontier.ErrNoRun) {
		t.Errorf("of one that was dropped: %v", err)
	}
}
