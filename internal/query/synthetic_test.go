package query

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"crawl/internal/weburl"
	"crawl/store"

	"golang.org/x/sync/errgroup"
)

// synthetic is a store with one run of a site: pages in sections, one in fifty
// of them gone, each with a menu of ten links and ten of its own.
func synthetic(tb testing.TB, pages int) (*store.Bolt, *store.Run) {
	tb.Helper()
	st, run := fill(tb, tb.TempDir(), pages)
	tb.Cleanup(func() { _ = st.Close() })
	return st, run
}

func fill(tb testing.TB, dir string, pages int) (*store.Bolt, *store.Run) {
	tb.Helper()
	st, err := store.Open(dir, store.Options{Program: "test"})
	if err != nil {
		tb.Fatal(err)
	}
	run := &store.Run{Site: "acme", Settings: []byte("{}"), Rules: []string{"price=css:.price|number"}, State: store.Complete}
	if err := st.Begin(tb.Context(), run); err != nil {
		tb.Fatal(err)
	}
	work, ctx := errgroup.WithContext(tb.Context())
	work.SetLimit(512)
	for i := range pages {
		work.Go(func() error {
			p, links := syntheticPage(run.ID, i, pages)
			return st.Put(ctx, p, links, nil)
		})
	}
	if err := work.Wait(); err != nil {
		tb.Fatal(err)
	}
	return st, run
}

// database is a store as a database.
func database(tb testing.TB, st *store.Bolt, o Options) *DB {
	tb.Helper()
	o.Identity = func(*store.Run) (func(weburl.URL) weburl.URL, error) {
		return func(u weburl.URL) weburl.URL { return u }, nil
	}
	db := Open(st, o)
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

func syntheticURL(i int) string {
	return fmt.Sprintf("https://www.example.com/section-%d/item-%d-with-a-name", i%20, i)
}

func syntheticPage(run store.RunID, i, pages int) (*store.Page, []store.Link) {
	u, err := weburl.Parse(syntheticURL(i))
	if err != nil {
		panic(err)
	}
	h := sha256.Sum256(binary.BigEndian.AppendUint32(nil, uint32(i)))
	at := time.Unix(1_760_000_000+int64(i), 0)
	p := &store.Page{
		URL: u, Run: run, Try: 1, Fetched: at, TTFB: time.Duration(h[0]) * time.Millisecond, Took: time.Duration(h[1]) * 2 * time.Millisecond,
		Status: http.StatusOK, Proto: "HTTP/1.1", Addr: "192.0.2.1:443", Type: "html", MIME: "text/html", Charset: "utf-8", CharsetBy: "header",
		Size: int64(h[2]) * 1000, Wire: int64(h[2]) * 300, Hash: h, ETag: fmt.Sprintf("%q", h[:8]), Modified: at.Format(http.TimeFormat),
		Title: fmt.Sprintf("Item %d of the shop: a title of usual length", i/2), H1: fmt.Sprintf("Item %d", i),
		Description: "A description of some length that says what the item is good for and why one should have it at home.",
		Canonical:   u.String(), Canonicals: 1, Lang: "en", Words: int(h[3]) * 10, Depth: 1 + i%7, From: syntheticURL(i / 2), TextHash: [16]byte(h[:16]), Simhash: uint64(i) + 1,
		Fields: []store.Field{{Name: "price", State: store.FieldFilled, Values: []string{fmt.Sprint(i % 1000)}, Number: true}},
	}
	if i%50 == 7 {
		p.Status, p.Title = http.StatusNotFound, ""
	}
	if i%100 == 11 {
		p.Status, p.Redirect = http.StatusMovedPermanently, syntheticURL(i+1)
	}
	var links []store.Link
	for n := range 10 {
		links = append(links, store.Link{Target: syntheticURL(n * 7), Text: fmt.Sprintf("Menu %d", n), Element: "a", Attr: "href", Place: "nav"})
	}
	for n := range 10 {
		links = append(links, store.Link{Target: syntheticURL((i*31 + n*977) % pages), Text: fmt.Sprintf("see %d", n), Element: "a", Attr: "href", Place: "main"})
	}
	return p, links
}

// ask returns an answer as text.
func ask(tb testing.TB, db *DB, statement string) (all []string) {
	tb.Helper()
	rows, err := db.Query(context.Background(), statement)
	if err != nil {
		tb.Fatal(err)
	}
	for row, err := range rows.All() {
		if err != nil {
			tb.Fatal(err)
		}
		var b strings.Builder
		for i, v := range row {
			if i > 0 {
				b.WriteByte(' ')
			}
			fmt.Fprint(&b, v)
		}
		all = append(all, b.String())
	}
	return all
}
