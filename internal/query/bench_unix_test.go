//go:build unix

package query

import (
	"context"
	"crypto/sha256"
	"database/sql/driver"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"crawl/internal/weburl"
	"crawl/store"

	"golang.org/x/sync/errgroup"
	"modernc.org/sqlite"
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

// questions are asked of a run, those that need nothing but columnsOfCopy of a
// copy too.
var questions = []struct{ name, statement string }{
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
	{"title-is", "SELECT url FROM pages WHERE title = 'Item 77 of the shop: a title of usual length'"},
	{"text-hash", "SELECT url FROM pages WHERE text_hash = (SELECT text_hash FROM pages WHERE url = '" + syntheticURL(77) + "')"},
	{"section", "SELECT count(*) FROM pages WHERE section = '/section-7' AND status = 404"},
	{"depth", "SELECT url FROM pages WHERE depth = 7 LIMIT 100"},
	{"orphans", "SELECT count(*) FROM pages WHERE inlinks = 0"},
	{"most-linked", "SELECT url FROM pages ORDER BY inlinks DESC LIMIT 10"},
	{"duplicates", "SELECT title, count(*) AS n FROM pages GROUP BY title HAVING n > 2"},
	{"first", "SELECT * FROM pages LIMIT 1"},
	{"all", "SELECT * FROM pages"},
}

// columnsOfCopy are those of pages that a copy has.
const columnsOfCopy = "run, url, host, path, section, kind, depth, status, class, type, title, h1, description, canonical, indexable, why_not, words, size, text_hash, inlinks, outlinks, in_sitemap"

func benchDB(b *testing.B) *DB {
	st, run := synthetic(b, *benchPages)
	before, began := cpuTime(), time.Now()
	if err := st.IndexLinks(b.Context(), run.ID, store.Identity{Of: func(u weburl.URL) weburl.URL { return u }}); err != nil {
		b.Fatal(err)
	}
	b.Logf("the index of links and pages took %.1f s of CPU, %.1f s", (cpuTime() - before).Seconds(), time.Since(began).Seconds())
	return database(b, st, Options{Run: run})
}

// measure reports the CPU time that do takes, and the most memory that the
// process had of its own, mapped files left out, as far as looking now and then
// tells.
func measure(b *testing.B, do func() (rows int)) {
	end, most := make(chan struct{}), make(chan int)
	go func() {
		top := 0
		for {
			top = max(top, ownMemory())
			select {
			case <-end:
				most <- top
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	before, rows := cpuTime(), 0
	for b.Loop() {
		rows = do()
	}
	used := (cpuTime() - before) / time.Duration(b.N)
	close(end)
	b.ReportMetric(used.Seconds()*1000, "cpu-ms")
	b.ReportMetric(float64(used.Nanoseconds())/float64(*benchPages), "cpu-ns/page")
	b.ReportMetric(float64(<-most)/1e6, "MB")
	b.ReportMetric(float64(rows), "rows")
}

// ownMemory is what the process has, without mapped files; 0 where that is not
// told.
func ownMemory() (bytes int) {
	raw, _ := os.ReadFile("/proc/self/status") // there is none elsewhere
	if _, rest, ok := strings.Cut(string(raw), "RssAnon:"); ok {
		_, _ = fmt.Sscan(rest, &bytes)
	}
	return bytes << 10
}

// count reads an answer and forgets it.
func count(b *testing.B, db *DB, statement string) (n int) {
	rows, err := db.Query(context.Background(), statement)
	if err != nil {
		b.Fatal(err)
	}
	for _, err := range rows.All() {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	return n
}

// BenchmarkQuery asks a run, all its reports, and SQLite on a copy of its pages
// without an index: go test -bench . -benchtime 1x -query.pages 1000000
func BenchmarkQuery(b *testing.B) {
	db := benchDB(b)
	for _, q := range questions {
		b.Run(q.name, func(b *testing.B) { measure(b, func() int { return count(b, db, q.statement) }) })
	}
	for _, r := range Reports(FieldNames(db.o.Run)) {
		b.Run("report/"+r.Name, func(b *testing.B) {
			measure(b, func() int { return count(b, db, r.Statement(RunName(db.o.Run), "", false)) })
		})
	}
	copied := copyOf(b, db)
	for _, q := range questions {
		if strings.Contains(q.statement, "FROM links") || strings.HasPrefix(q.statement, "SELECT *") {
			continue
		}
		b.Run("copy/"+q.name, func(b *testing.B) { measure(b, func() int { return countCopy(b, copied, q.statement) }) })
	}
}

// copyOf makes a database of SQLite's own with the pages of a run.
func copyOf(b *testing.B, db *DB) driver.Conn {
	b.Helper()
	c, err := (&sqlite.Driver{}).Open(filepath.Join(b.TempDir(), "copy.sqlite"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	exec := func(statement string, args ...driver.NamedValue) {
		if _, err := c.(driver.ExecerContext).ExecContext(context.Background(), statement, args); err != nil {
			b.Fatal(err)
		}
	}
	names := strings.Split(columnsOfCopy, ", ")
	exec("CREATE TABLE pages (" + columnsOfCopy + ")")
	exec("BEGIN")
	insert, err := c.Prepare("INSERT INTO pages VALUES (?" + strings.Repeat(", ?", len(names)-1) + ")")
	if err != nil {
		b.Fatal(err)
	}
	rows, err := db.Query(b.Context(), "SELECT "+columnsOfCopy+" FROM pages")
	if err != nil {
		b.Fatal(err)
	}
	args := make([]driver.NamedValue, len(names))
	for row, err := range rows.All() {
		if err != nil {
			b.Fatal(err)
		}
		for i, v := range row {
			args[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
		}
		if _, err := insert.(driver.StmtExecContext).ExecContext(b.Context(), args); err != nil {
			b.Fatal(err)
		}
	}
	if err := insert.Close(); err != nil {
		b.Fatal(err)
	}
	exec("COMMIT")
	return c
}

func countCopy(b *testing.B, c driver.Conn, statement string) (n int) {
	rows, err := c.(driver.QueryerContext).QueryContext(context.Background(), statement, nil)
	if err != nil {
		b.Fatal(err)
	}
	values := make([]driver.Value, len(rows.Columns()))
	for rows.Next(values) == nil {
		n++
	}
	if err := rows.Close(); err != nil {
		b.Fatal(err)
	}
	return n
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
