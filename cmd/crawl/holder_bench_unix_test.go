//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"runtime"
	"syscall"
	"testing"
	"time"

	"crawl/internal/web"
	"crawl/internal/weburl"
	"crawl/store"
)

var answerPages = flag.Int("answer.pages", 10_000, "pages of the run that BenchmarkAnswer asks about")

// BenchmarkAnswer asks about a run as another terminal does. It tells what an
// answer takes of the processors, with what the one who asks takes in it, and
// what part of a crawl at full speed that is if it is asked once a second.
func BenchmarkAnswer(b *testing.B) {
	dir := b.TempDir()
	st, err := store.Open(dir, store.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	settings, err := json.Marshal(runSettings{Settings: defaultSettings(), Drop: weburl.DropVersion})
	if err != nil {
		b.Fatal(err)
	}
	run := &store.Run{Site: "acme", State: store.Complete, Settings: settings}
	if err := st.Begin(b.Context(), run); err != nil {
		b.Fatal(err)
	}
	for n := range *answerPages {
		u, err := weburl.Parse(fmt.Sprintf("https://acme.example/section-%d/page-%d", n%20, n))
		if err == nil {
			err = st.Put(b.Context(), &store.Page{URL: u, Run: run.ID, Try: 1, Status: 200 + n%3*100, Title: fmt.Sprint("Page ", n), Fetched: time.Now()}, nil, nil)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	h := newHolder(st, dir, slog.New(slog.DiscardHandler))
	h.listen()
	defer h.close()
	for name, args := range map[string][]string{
		"one":   {"query", "--", "SELECT status FROM pages WHERE url = 'https://acme.example/section-7/page-7'"},
		"group": {"query", "--", "SELECT status, count(*) FROM pages GROUP BY status"},
		"rows":  {"query", "--limit=1000", "--", "pages"},
	} {
		b.Run(name, func(b *testing.B) {
			before := used(b)
			for b.Loop() {
				var out bytes.Buffer
				code, err := web.NewClient(dir).Do(b.Context(), &web.Command{Args: args, Settings: []byte("{}")}, func(f *web.Frame) error {
					_, err := out.Write(f.Data)
					return err
				})
				if code != 0 || err != nil || out.Len() == 0 {
					b.Fatalf("%d, %v, %q", code, err, out.String())
				}
			}
			each := (used(b) - before) / time.Duration(b.N)
			b.ReportMetric(each.Seconds()*1000, "cpu-ms")
			b.ReportMetric(100*each.Seconds()/float64(runtime.GOMAXPROCS(0)), "%-of-a-crawl")
		})
	}
}

func used(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
