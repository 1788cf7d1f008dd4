//go:build unix

package frontier_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"crawl/frontier"
	"crawl/internal/weburl"
)

// A benchmark begins with a file in which so many URLs are known, half of them
// queued. It is made once a process, or once for all in the folder
// FRONTIER_BENCH_DIR. FRONTIER_BENCH_KNOWN is how many URLs the largest one
// knows: 1,000,000 unless it says 10000000.
type size struct{ known, hosts int }

func (s size) String() string { return fmt.Sprintf("%dknown/%dhosts", s.known, s.hosts) }

func largest(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("FRONTIER_BENCH_KNOWN"))
	if err != nil {
		return 1_000_000
	}
	return n
}

// benchDir is where the files of this process lie.
var benchDir = sync.OnceValue(func() string {
	if dir := os.Getenv("FRONTIER_BENCH_DIR"); dir != "" {
		return dir
	}
	dir, err := os.MkdirTemp("", "frontier-bench")
	if err != nil {
		panic(err)
	}
	atEnd = func() { os.RemoveAll(dir) }
	return dir
})

// spread is n of the URLs of a size, from the first on: of some hosts fifty
// each, then of the next ones, as a crawl finds them.
func spread(s size, first, n int) []frontier.Link {
	const row = 50
	links := make([]frontier.Link, n)
	for j := range links {
		i := first + j
		host := i / row % s.hosts
		links[j] = siteLink(host, i/(row*s.hosts)*row+i%row)
	}
	return links
}

func siteLink(host, page int) frontier.Link {
	return frontier.Link{URL: siteURL(host, page), From: siteURL(host, 0), Depth: 3, Rank: uint32(3 << 8)}
}

func siteURL(host, page int) weburl.URL {
	u, err := weburl.Parse(fmt.Sprintf("https://www.host-%d.test/section/%d/article-%d.html", host, page%97, page))
	if err != nil {
		panic(err)
	}
	return u
}

// open opens a frontier on a file of size s, made if it is not there.
func (s size) open(b *testing.B) frontier.Frontier {
	b.Helper()
	dir := filepath.Join(benchDir(), fmt.Sprintf("%d-%d", s.known, s.hosts))
	f := frontier.NewBolt(dir)
	mark := filepath.Join(dir, "whole")
	if _, err := os.Stat(mark); err != nil {
		s.prepare(b, dir)
		if err := os.WriteFile(mark, nil, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Open(b.Context(), "run", benchConfig); err != nil {
		b.Fatal(err)
	}
	return f
}

var benchConfig = frontier.Config{Manners: func(string) frontier.Manners {
	return frontier.Manners{Rate: math.Inf(1), PerHost: 4, NoRobots: true}
}}

func (s size) prepare(b *testing.B, dir string) {
	b.Helper()
	if err := os.RemoveAll(dir); err != nil {
		b.Fatal(err)
	}
	f := frontier.NewBolt(dir)
	if err := f.Open(b.Context(), "run", benchConfig); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	for at := 0; at < s.known; {
		n := min(10_000, s.known-at)
		if added, err := f.Add(b.Context(), "run", spread(s, at, n)...); err != nil || added != n {
			b.Fatal(added, err)
		}
		at += n
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(dir, "run", "frontier.db")
	if err := frontier.HalfDone(path); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%v: made in %v, %d bytes a URL", s, time.Since(began), int(info.Size())/s.known)
}

// cpu is the user and system time of the process.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// visits is what pages of a size link to: of each host the same menu and some
// other pages of it that are known, and new ones.
type visits struct {
	size
	known [][]weburl.URL // by host
	fresh []frontier.Link
	next  atomic.Int64
	turn  atomic.Int64
}

const (
	menuLinks  = 30
	otherLinks = 15
	freshLinks = 5
	pageLinks  = menuLinks + otherLinks + freshLinks
	otherPool  = 60
)

func newVisits(s size, pages int) *visits {
	v := &visits{size: s, known: make([][]weburl.URL, s.hosts)}
	each := max(s.known/s.hosts, 1)
	for h := range v.known {
		v.known[h] = make([]weburl.URL, menuLinks+otherPool)
		for i := range v.known[h] {
			v.known[h][i] = siteURL(h, i*7919%each)
		}
	}
	base := s.known + int(time.Now().UnixNano()&0xffffff)<<16
	for i := range pages * freshLinks {
		h := i / freshLinks * 7 % s.hosts
		v.fresh = append(v.fresh, siteLink(h, base+i))
	}
	return v
}

// warm has the known links met once: in a run they were when they were queued.
func (v *visits) warm(b *testing.B, f frontier.Frontier) {
	for _, known := range v.known {
		links := make([]frontier.Link, len(known))
		for i, u := range known {
			links[i] = frontier.Link{URL: u, Depth: 4}
		}
		if _, err := f.Add(b.Context(), "run", links...); err != nil {
			b.Fatal(err)
		}
	}
}

// links is what one page of a host holds.
func (v *visits) links(host int) []frontier.Link {
	turn := int(v.turn.Add(1))
	links := make([]frontier.Link, 0, pageLinks)
	for i := range menuLinks {
		links = append(links, frontier.Link{URL: v.known[host][i], Depth: 4, Rank: 4 << 8})
	}
	for i := range otherLinks {
		links = append(links, frontier.Link{URL: v.known[host][menuLinks+(turn*otherLinks+i*11)%otherPool], Depth: 4, Rank: 4 << 8})
	}
	at := int(v.next.Add(freshLinks))
	return append(links, v.fresh[at-freshLinks:at]...)
}

// visitPages is Next and Done with the links of a page, many callers at once.
func visitPages(b *testing.B, f frontier.Frontier, v *visits) {
	v.warm(b, f)
	b.ReportAllocs()
	b.SetParallelism(32)
	runtime.GC()
	b.ResetTimer()
	used := cpu()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l, err := f.Next(b.Context(), "run")
			var host int
			if err == nil {
				_, err = fmt.Sscanf(l.URL.Host(), "www.host-%d.test", &host)
			}
			if err == nil {
				f.Release(l, frontier.Answer{Conduct: frontier.Good, Took: time.Millisecond})
				err = f.Done(b.Context(), l, frontier.Outcome{Links: v.links(host)})
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	if _, err := f.Stats("run"); err != nil {
		b.Error(err)
	}
	used = cpu() - used
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/page")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
	b.ReportMetric(float64(b.N*pageLinks)/b.Elapsed().Seconds(), "links/s")
	b.ReportMetric(float64(heldMiB()), "MiB")
	b.StopTimer()
	if err := f.Close(); err != nil {
		b.Error(err)
	}
}

// heldMiB is the memory of the process that is not a file's.
func heldMiB() int64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0 // no Linux
	}
	for line := range strings.Lines(string(raw)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "RssAnon: %d", &kb); n == 1 {
			return kb >> 10
		}
	}
	return 0
}

// BenchmarkNextDone is what a page costs the frontier: Next and Done with 50
// links, 5 of them new.
func BenchmarkNextDone(b *testing.B) {
	sizes := []size{{10_000, 100}, {10_000, 10_000}, {1_000_000, 100}, {1_000_000, 10_000}}
	if n := largest(b); n > 1_000_000 {
		sizes = append(sizes, size{n, 10_000})
	}
	for _, s := range sizes {
		b.Run(s.String(), func(b *testing.B) { visitPages(b, s.open(b), newVisits(s, b.N)) })
	}
}

// BenchmarkCheck hands in links all of which are known, 50 at once.
func BenchmarkCheck(b *testing.B) {
	for _, s := range []size{{10_000, 10}, {largest(b), 100}, {largest(b), 10_000}} {
		b.Run(s.String(), func(b *testing.B) {
			f := s.open(b)
			v := newVisits(s, 0)
			v.fresh = make([]frontier.Link, freshLinks)
			v.warm(b, f)
			b.ReportAllocs()
			b.ResetTimer()
			used, n := cpu(), 0
			for b.Loop() {
				v.next.Store(0)
				links := v.links(n * 7 % s.hosts)[:menuLinks+otherLinks]
				n++
				if added, err := f.Add(b.Context(), "run", links...); err != nil || added != 0 {
					b.Fatal(added, err)
				}
			}
			used = cpu() - used
			b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/page")
			b.ReportMetric(float64((menuLinks+otherLinks)*b.N)/b.Elapsed().Seconds(), "links/s")
			b.StopTimer()
			if err := f.Close(); err != nil {
				b.Error(err)
			}
		})
	}
}

// BenchmarkOpen is the time from a start to the first lease.
func BenchmarkOpen(b *testing.B) {
	for _, s := range []size{{1_000_000, 100}, {largest(b), 10_000}} {
		b.Run(s.String(), func(b *testing.B) {
			if err := s.open(b).Close(); err != nil { // made, if it was not
				b.Fatal(err)
			}
			for b.Loop() {
				f := s.open(b)
				if _, err := f.Next(b.Context(), "run"); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := f.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

// BenchmarkAdd hands in new links, 100 at once, many callers at once.
func BenchmarkAdd(b *testing.B) {
	for _, s := range []size{{10_000, 100}, {largest(b) / 2, 10_000}} {
		b.Run(s.String(), func(b *testing.B) {
			f := s.open(b)
			const each = 100
			v := newVisits(s, b.N*each/freshLinks)
			var next atomic.Int64
			b.ReportAllocs()
			b.SetParallelism(32)
			b.ResetTimer()
			used := cpu()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					at := int(next.Add(each))
					if n, err := f.Add(b.Context(), "run", v.fresh[at-each:at]...); err != nil || n != each {
						b.Error(n, err)
						return
					}
				}
			})
			used = cpu() - used
			b.ReportMetric(float64(used.Microseconds())/float64(b.N*each), "cpu-µs/link")
			b.ReportMetric(float64(each*b.N)/b.Elapsed().Seconds(), "links/s")
			b.StopTimer()
			if err := f.Close(); err != nil {
				b.Error(err)
			}
		})
	}
}
