//go:build unix

package store

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// BenchmarkPut puts pages of 26 KB with 60 links from 64 goroutines.
func BenchmarkPut(b *testing.B) {
	s, err := Open(b.TempDir(), Options{Program: "crawl/test"})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	run := &Run{Site: "a"}
	if err := s.Begin(b.Context(), run); err != nil {
		b.Fatal(err)
	}
	var text []byte
	for i := 0; len(text) < 26_000; i++ {
		text = fmt.Appendf(text, "<p class=\"c%d\">The %dth paragraph says %x and links to <a href=\"/page/%d\">it</a>.</p>\n", i%7, i, sha256.Sum256([]byte{byte(i)}), i*i)
	}
	links := make([]Link, 60)
	for i := range links {
		links[i] = Link{Target: fmt.Sprintf("https://a.example/section/page-%d.html", i*i), Text: fmt.Sprintf("page %d of the section", i), Element: "a", Attr: "href"}
	}
	header := http.Header{
		"Content-Type": {"text/html; charset=utf-8"}, "Date": {"Sun, 01 Mar 2026 12:00:00 GMT"}, "Server": {"nginx"},
		"Etag": {`"5e1d-61a2b3c4d5e6f"`}, "Last-Modified": {"Sun, 01 Feb 2026 12:00:00 GMT"}, "Cache-Control": {"max-age=60"},
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	before := cpuTime(b)
	b.ReportAllocs()
	b.ResetTimer()
	for range 64 {
		wait.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(b.N) {
					return
				}
				body := fmt.Appendf(append([]byte(nil), text...), "<!-- %d -->", n)
				p := &Page{
					URL: mustParse(fmt.Sprintf("https://a.example/section/page-%d.html", n*7919%1_000_003)), Run: run.ID, Fetched: time.Now(), Status: 200,
					Hash: sha256.Sum256(body), Size: int64(len(body)), Title: "A page of the section", ETag: header.Get("Etag"), Modified: header.Get("Last-Modified"),
				}
				x := &Exchange{Start: time.Now(), Proto: "HTTP/1.1", Status: 200, Header: header, Body: body, Sent: http.Header{"User-Agent": {"crawl"}}}
				if err := s.Put(b.Context(), p, links, x); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/page")
}

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
