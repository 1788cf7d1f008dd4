//go:build unix

package query

import (
	"crypto/sha256"
	"flag"
	"syscall"
	"testing"
	"time"

	"crawl/internal/weburl"
	"crawl/store"

	"golang.org/x/sync/errgroup"
)

var benchPages = flag.Int("query.pages", 100_000, "pages of the run that benchmarks ask")

// cpuTime is what the process has used so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkQuery(b *testing.B) {
	st, run := synthetic(b, *benchPages)
	if err := st.IndexLinks(b.Context(), run.ID, func(u weburl.URL) weburl.URL { return u }); err != nil {
		b.Fatal(err)
	}
	db := database(b, st, Options{Run: run})
	for _, q := range []struct{ name, statement string }{
		{"count", "SELECT count(*) FROM pages"},
		{"group", "SELECT status, count(*) FROM pages GROUP BY status"},
		{"group-class", "SELECT class, count(*) FROM pages GROUP BY class"},
		{"group-section", "SELECT section, count(*) FROM pages GROUP BY section"},
		{"url", "SELECT status FROM pages WHERE url = '" + syntheticURL(77) + "'"},
		{"status", "SELECT url FROM pages WHERE status = 404"},
		{"class-count", "SELECT count(*) FROM pages WHERE class = 'broken'"},
		{"inlinks", "SELECT source, anchor FROM links WHERE target = '" + syntheticURL(1234) + "'"},
		{"inlinks-menu", "SELECT source, anchor FROM links WHERE target = '" + syntheticURL(7) + "' LIMIT 100"},
		{"broken-links", "SELECT count(*) FROM links WHERE target_class = 'broken'"},
		{"title", "SELECT count(*) FROM pages WHERE title LIKE '%item 77 %'"},
		{"orphans", "SELECT count(*) FROM pages WHERE inlinks = 0"},
		{"duplicates", "SELECT title, count(*) AS n FROM pages GROUP BY title HAVING n > 2"},
		{"first", "SELECT * FROM pages LIMIT 1"},
		{"all", "SELECT * FROM pages"},
	} {
		b.Run(q.name, func(b *testing.B) {
			before := cpuTime()
			for b.Loop() {
				ask(b, db, q.statement)
			}
			used := (cpuTime() - before) / time.Duration(b.N)
			b.ReportMetric(used.Seconds()*1000, "cpu-ms")
			b.ReportMetric(float64(used.Nanoseconds())/float64(*benchPages), "cpu-ns/page")
		})
	}
}

// BenchmarkChanges holds a run against one of the same pages, of which one in ten
// has another title.
func BenchmarkChanges(b *testing.B) {
	st, base := synthetic(b, *benchPages)
	run := &store.Run{Site: "acme", Settings: []byte("{}"), Rules: base.Rules, State: store.Complete}
	if err := st.Begin(b.Context(), run); err != nil {
		b.Fatal(err)
	}
	work, ctx := errgroup.WithContext(b.Context())
	work.SetLimit(512)
	for i := range *benchPages {
		work.Go(func() error {
			p, links := syntheticPage(run.ID, i, *benchPages)
			if i%10 == 0 {
				p.Title, p.Hash = "Another title", sha256.Sum256([]byte(p.Title))
			}
			return st.Put(ctx, p, links, nil)
		})
	}
	if err := work.Wait(); err != nil {
		b.Fatal(err)
	}
	db := database(b, st, Options{Run: run})
	before := cpuTime()
	for b.Loop() {
		n, err := db.CountChanges(b.Context(), base)
		if err != nil || n.Changed == 0 {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64((cpuTime()-before).Nanoseconds())/float64(b.N)/float64(*benchPages), "cpu-ns/page")
}
