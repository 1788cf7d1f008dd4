package search

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crawl/internal/parse"
	"crawl/internal/weburl"
	"crawl/store"

	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a store and its index.
type world struct {
	testing.TB
	dir      string
	st       *store.Bolt
	index    *Index
	scan     *Index // which never uses the file
	warned   []string
	progress Progress
}

func newWorld(tb testing.TB) *world { return openWorld(tb, tb.TempDir()) }

func openWorld(tb testing.TB, dir string) *world {
	tb.Helper()
	w := &world{TB: tb, dir: dir}
	var err error
	if w.st, err = store.Open(dir, store.Options{Program: "test"}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = w.st.Close() })
	w.open()
	tb.Cleanup(w.close)
	return w
}

func (w *world) file() string { return filepath.Join(w.dir, File) }

func (w *world) open() {
	o := Options{
		Read: w.read, Tell: func(p Progress) { w.progress = p },
		Warn: func(text string, cause error) { w.warned = append(w.warned, fmt.Sprint(text, ": ", cause)) },
	}
	w.index = New(w.file(), w.st, o)
	o.Use = Never
	w.scan = New(w.file(), w.st, o)
}

func (w *world) close() {
	if err := w.index.Close(); err != nil {
		w.Error(err)
	}
}

func (w *world) read(ctx context.Context, _ *store.Run, p *store.Page) (*Text, error) {
	header, raw, err := w.st.Body(ctx, p)
	if err != nil {
		return nil, err
	}
	doc := parse.Parse(p.URL, header, raw, parse.Options{Text: true})
	t := &Text{Title: doc.Title, H1: doc.H1, Description: doc.Description, Body: doc.Text}
	for _, h := range doc.Headings {
		if h.Level > 1 {
			t.Headings += h.Text + "\n"
		}
	}
	return t, nil
}

// run crawls pages, so to speak: each by its path.
func (w *world) run(pages map[string]string) *store.Run {
	w.Helper()
	run := &store.Run{Site: "acme", Settings: []byte("{}"), State: store.Complete, Started: time.Unix(1_760_000_000, 0), Ended: time.Unix(1_760_000_100, 0)}
	if err := w.st.Begin(w.Context(), run); err != nil {
		w.Fatal(err)
	}
	work, ctx := errgroup.WithContext(w.Context())
	work.SetLimit(256)
	for path, html := range pages {
		work.Go(func() error { return w.put(ctx, run, path, html) })
	}
	if err := work.Wait(); err != nil {
		w.Fatal(err)
	}
	return run
}

func (w *world) put(ctx context.Context, run *store.Run, path, html string) error {
	u, err := weburl.Parse("https://acme.example" + path)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	doc := parse.Parse(u, header, []byte(html), parse.Options{})
	p := &store.Page{
		URL: u, Run: run.ID, Try: 1, Fetched: run.Started, Status: http.StatusOK, Type: doc.Type, MIME: doc.MIME, Charset: doc.Charset,
		Title: doc.Title, H1: doc.H1, Description: doc.Description, Hash: sha256.Sum256([]byte(html)), TextHash: doc.TextHash, Size: int64(len(html)),
	}
	return w.st.Put(ctx, p, nil, &store.Exchange{Start: run.Started, Proto: "HTTP/1.1", Status: p.Status, Header: header, Body: []byte(html)})
}

// find returns the paths of what is found, the best first.
func (w *world) find(x *Index, run *store.Run, text string) (paths []string) {
	w.Helper()
	q, err := ParseQuery(text)
	if err != nil {
		w.Fatalf("%s: %v", text, err)
	}
	for hit, err := range x.Find(w.Context(), run, q) {
		if err != nil {
			w.Fatalf("%s: %v", text, err)
		}
		paths = append(paths, strings.TrimPrefix(hit.URL.String(), "https://acme.example"))
	}
	return paths
}
