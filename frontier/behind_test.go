package frontier_test

import (
	"sync"
	"testing"

	"crawl/frontier"
)

// TestAddWhileLayersMerge: what was known of the parts of the seen-set is behind the
// file by a batch all the time. Links that were met are no news, and no error.
func TestAddWhileLayersMerge(t *testing.T) {
	f := frontier.NewBolt(t.TempDir())
	defer f.Close()
	if err := f.Open(t.Context(), "run", frontier.Config{CacheBytes: 1, NoSync: true}); err != nil {
		t.Fatal(err)
	}
	const known, fresh, at = 4000, 6000, 20
	old := manyLinks(0, known, 1)
	if n, err := f.Add(t.Context(), "run", old...); n != known || err != nil {
		t.Fatal(n, err)
	}
	done := make(chan bool)
	var all sync.WaitGroup
	all.Go(func() {
		defer close(done)
		for i := known; i < known+fresh; i += at {
			if n, err := f.Add(t.Context(), "run", manyLinks(i, at, 1)...); n != at || err != nil {
				t.Errorf("%d of %d new links, %v", n, at, err)
				return
			}
		}
	})
	all.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if n, err := f.Add(t.Context(), "run", old...); n != 0 || err != nil {
				t.Errorf("%d of the known links, %v", n, err)
				return
			}
		}
	})
	all.Wait()
	if faults, err := f.Check(t.Context(), "run"); err != nil || len(faults) > 0 {
		t.Error(faults, err)
	}
}
