//go:build unix

package store

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A run to ask for links: a shared navigation, and links of each page's own.
const (
	benchPages = 100_000
	benchNav   = 60
	benchOwn   = 30
)

func benchURL(n int) string {
	if n == 0 {
		return "https://a.example/"
	}
	return fmt.Sprintf("https://a.example/section-%d/page-%d.html", n%97, n)
}

func benchLinks(n int) []Link {
	dice := rand.New(rand.NewPCG(1, uint64(n)))
	links := make([]Link, 0, benchNav+benchOwn)
	for i := range benchNav {
		links = append(links, Link{Target: benchURL(i * 97), Text: fmt.Sprintf("Topic %d of the menu", i), Element: "a", Attr: "href", Place: "nav"})
	}
	for range benchOwn {
		to := dice.IntN(benchPages)
		links = append(links, Link{Target: benchURL(to), Text: fmt.Sprintf("what page %d says", to), Element: "a", Attr: "href", Place: "main"})
	}
	return links
}

// benchStore puts the run.
func benchStore(b *testing.B) (*Bolt, *Run) {
	s, err := Open(b.TempDir(), Options{Program: "crawl/test"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	run := &Run{Site: "a"}
	if err := s.Begin(b.Context(), run); err != nil {
		b.Fatal(err)
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	for range 256 {
		wait.Go(func() {
			for n := int(next.Add(1) - 1); n < benchPages; n = int(next.Add(1) - 1) {
				if err := s.Put(b.Context(), &Page{URL: mustParse(benchURL(n)), Run: run.ID, Status: 200, Title: "A page"}, benchLinks(n), nil); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	return s, run
}

// BenchmarkInlinks asks who links to a page of a run of 100,000 with 9 million
// links.
func BenchmarkInlinks(b *testing.B) {
	s, run := benchStore(b)
	const links = benchPages * (benchNav + benchOwn)
	b.Run("IndexLinks", func(b *testing.B) {
		before := cpuTime(b)
		for b.Loop() {
			if err := s.IndexLinks(b.Context(), run.ID, Identity{Of: same}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric((cpuTime(b)-before).Seconds()/float64(b.N), "cpu-s/op")
		b.ReportMetric(float64(peakHeap(b, func() error { return s.IndexLinks(b.Context(), run.ID, Identity{Of: same}) }))/(1<<20), "peak-MB")
		b.ReportMetric(float64(bucketBytes(b, s, bucketLinks, bucketTemplates))/links, "B/link")
		b.ReportMetric(float64(bucketBytes(b, s, bucketInlinks, bucketHolders, bucketNumbers))/links, "index-B/link")
	})
	for _, c := range []struct{ name, target string }{
		{"Home", benchURL(0)}, {"Page", benchURL(54_321)}, {"None", "https://a.example/nobody"},
	} {
		b.Run(c.name, func(b *testing.B) {
			u := mustParse(c.target)
			n := 0
			for b.Loop() {
				n = 0
				for in, err := range s.Inlinks(b.Context(), run.ID, u) {
					if err != nil {
						b.Fatal(err)
					}
					n += in.Links
					for _, err := range in.Sources { // an example
						if err != nil {
							b.Fatal(err)
						}
						break
					}
				}
			}
			b.ReportMetric(float64(n), "links")
		})
	}
	b.Run("Count", func(b *testing.B) {
		u := mustParse(benchURL(0))
		for b.Loop() {
			if _, err := s.CountInlinks(b.Context(), run.ID, u); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// peakHeap is how much the heap grows while fn runs.
func peakHeap(b *testing.B, fn func() error) uint64 {
	b.Helper()
	runtime.GC()
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	before := heap[0].Value.Uint64()
	peak := before
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				metrics.Read(heap)
				peak = max(peak, heap[0].Value.Uint64())
			}
		}
	}()
	err := fn()
	close(stop)
	<-done
	if err != nil {
		b.Fatal(err)
	}
	return peak - before
}

// bucketBytes is what buckets take on disk.
func bucketBytes(b *testing.B, s *Bolt, buckets ...[]byte) (n int) {
	b.Helper()
	err := s.db.View(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			st := tx.Bucket(name).Stats()
			n += st.LeafAlloc + st.BranchAlloc
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return n
}
