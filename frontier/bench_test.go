package frontier_test

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"crawl/frontier"
	"crawl/internal/weburl"
)

// manyLinks is n pages on so many hosts, numbered from first.
func manyLinks(first, n, hosts int) []frontier.Link {
	links := make([]frontier.Link, n)
	for j := range links {
		i := first + j
		u, err := weburl.Parse(fmt.Sprintf("https://www.host-%d.test/section/%d/article-%d.html", i%hosts, i%97, i))
		if err != nil {
			panic(err)
		}
		links[j] = frontier.Link{URL: u, From: u, Depth: 3, Rank: uint32(i % 5)}
	}
	return links
}

func openFree(t testing.TB) frontier.Frontier {
	t.Helper()
	f := frontier.NewBolt(t.TempDir())
	manners := func(string) frontier.Manners {
		return frontier.Manners{Rate: math.Inf(1), NoRobots: true}
	}
	if err := f.Open(t.Context(), "run", frontier.Config{Manners: manners}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// memoryBound is what the frontier may hold in memory, however long its queue.
const memoryBound = 150 << 20

// queueMany adds n URLs of 1,000 hosts and measures what memory holds then.
func queueMany(t *testing.T, n int) {
	f := openFree(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for at := 0; at < n; at += 10_000 {
		if added, err := f.Add(t.Context(), "run", manyLinks(at, 10_000, 1000)...); err != nil || added != 10_000 {
			t.Fatalf("Add: %d URLs, %v", added, err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	s, err := f.Stats("run")
	if err != nil || s.Queued != uint64(n) || s.Hosts != 1000 {
		t.Fatalf("%+v %v", s, err)
	}
	held := int64(after.HeapInuse) - int64(before.HeapInuse)
	t.Logf("%d queued URLs: %d MiB in use", n, held>>20)
	if held > memoryBound {
		t.Errorf("%d MiB are in use, the bound is %d", held>>20, memoryBound>>20)
	}
}

func TestMemoryDoesNotGrowWithTheQueue(t *testing.T) { queueMany(t, 100_000) }
