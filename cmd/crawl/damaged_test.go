package main

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"crawl/crawler"
	"crawl/fetcher"
	"crawl/internal/parse"
	"crawl/internal/weburl"
	"crawl/store"
)

// rulesOf compiles one rule.
func rulesOf(t *testing.T, rule string) *parse.Fields {
	t.Helper()
	f, err := parse.CompileFields([]string{rule})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// panicking are rules whose selector is taken out, for none is known that
// panics.
func panicking(t *testing.T) *parse.Fields {
	f := rulesOf(t, "h=css:h1")
	rules := reflect.ValueOf(f).Elem().FieldByName("rules")
	css := rules.Index(0).Elem().FieldByName("css")
	reflect.NewAt(css.Type(), unsafe.Pointer(css.UnsafeAddr())).Elem().SetZero()
	return f
}

func parsed(t *testing.T, raw string) weburl.URL {
	t.Helper()
	u, err := weburl.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// stored is a store with a run of three pages, /0 to /2.
func stored(t *testing.T) (dir string, st *store.Bolt, run *store.Run) {
	t.Helper()
	dir = t.TempDir()
	st, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	run = &store.Run{Site: "a"}
	if err := st.Begin(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		p := &store.Page{
			URL: parsed(t, fmt.Sprintf("http://a/%d", i)), Run: run.ID, Kind: store.KindPage, Type: "html", Status: 200, Try: 1, Fetched: time.Now(),
		}
		x := &store.Exchange{Start: p.Fetched, Proto: "HTTP/1.1", Status: 200, Reason: "OK", Header: http.Header{}, Body: fmt.Appendf(nil, "<h1>page %d</h1>", i)}
		if err := st.Put(t.Context(), p, nil, x); err != nil {
			t.Fatal(err)
		}
	}
	return dir, st, run
}

// spoil changes a byte of what is stored of a page.
func spoil(t *testing.T, dir string, p *store.Page) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "bodies", "*.warc*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	f, err := os.OpenFile(files[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at, c := p.Record.Offset+p.Record.Length/2, make([]byte, 1)
	if _, err := f.ReadAt(c, at); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{c[0] ^ 0x40}, at); err != nil {
		t.Fatal(err)
	}
}

// A damaged body costs its own page the fields, and no other.
func TestExtractWithADamagedBody(t *testing.T) {
	dir, st, run := stored(t)
	p, err := st.Page(t.Context(), run.ID, parsed(t, "http://a/1"))
	if err != nil {
		t.Fatal(err)
	}
	spoil(t, dir, p)
	var log, out bytes.Buffer
	x := newExtraction(st, &crawler.Spec{Fields: rulesOf(t, "h=css:h1")}, slog.New(slog.NewTextHandler(&log, nil)))
	if err := x.all(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	if x.pages != 3 || x.damaged != 1 || x.missing != 0 || !strings.Contains(log.String(), "http://a/1") {
		t.Errorf("%d pages, %d damaged, %d missing; %s", x.pages, x.damaged, x.missing, &log)
	}
	for i, want := range []string{"page 0", "the stored body is damaged", "page 2"} {
		p, err := st.Page(t.Context(), run.ID, parsed(t, fmt.Sprintf("http://a/%d", i)))
		if err != nil || len(p.Fields) != 1 {
			t.Fatalf("%+v, %v", p, err)
		}
		if got := strings.Join(p.Fields[0].Values, "") + p.Fields[0].Why; got != want {
			t.Errorf("/%d has %q, want %q", i, got, want)
		}
	}
	if err := x.print(&out, run, false); err != nil || !strings.Contains(out.String(), "damaged  1 stored bodies") {
		t.Errorf("%v: %s", err, &out)
	}
}

// busyStore notes how many calls of Body and Move are under way at once.
type busyStore struct {
	store.Store
	mu                     sync.Mutex
	body, move, most, wide int
}

func (s *busyStore) call(n, most *int) {
	s.mu.Lock()
	*n++
	*most = max(*most, *n)
	s.mu.Unlock()
	time.Sleep(time.Second) // in virtual time
	s.mu.Lock()
	*n--
	s.mu.Unlock()
}

func (s *busyStore) Body(context.Context, *store.Page) (http.Header, []byte, error) {
	s.call(&s.body, &s.most)
	return http.Header{}, []byte("<h1>x</h1>"), nil
}

func (s *busyStore) Move(context.Context, *store.Page) error {
	s.call(&s.move, &s.wide)
	return nil
}

func (s *busyStore) Pages(context.Context, store.RunID) iter.Seq2[*store.Page, error] {
	return func(yield func(*store.Page, error) bool) {
		for range 2 * movedAtOnce {
			if !yield(&store.Page{Kind: store.KindPage, Type: "html", Status: 200}, nil) {
				return
			}
		}
	}
}

// No more bodies are in memory than there are processors.
func TestExtractReadsFewBodiesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &busyStore{}
		x := newExtraction(st, &crawler.Spec{Fields: rulesOf(t, "h=meta:x")}, slog.New(slog.DiscardHandler))
		if err := x.all(t.Context(), store.RunID(1)); err != nil || x.pages != 2*movedAtOnce {
			t.Errorf("%d pages, %v", x.pages, err)
		}
		if n := runtime.GOMAXPROCS(0); st.most > n {
			t.Errorf("%d bodies at once, %d processors", st.most, n)
		}
	})
}

// A selector that panics is told of, and costs its page the fields alone.
func TestSelectorThatPanics(t *testing.T) {
	const why = "the selectors failed on this page"
	var log bytes.Buffer
	out := slog.New(slog.NewTextHandler(&log, nil))
	told := func(name string) {
		t.Helper()
		for _, want := range []string{why + ": please report it", "http://a/1", "nil pointer", "fieldscss.go"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%s: the log does not say %q: %s", name, want, &log)
			}
		}
		log.Reset()
	}
	_, st, run := stored(t)
	x := newExtraction(st, &crawler.Spec{Fields: panicking(t)}, out)
	if err := x.all(t.Context(), run.ID); err != nil || x.coverage[0].Failed != 3 || x.coverage[0].Why != why {
		t.Errorf("%+v, %v", x.coverage, err)
	}
	told("extract")

	s := defaultSettings()
	u := parsed(t, "http://a/1")
	l, err := newLooker(&s, nil, []weburl.URL{u}, out)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.spec.Fields = panicking(t)
	v := &visit{asked: u}
	l.see(v, u, &fetcher.Response{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<title>t</title>")}, nil)
	if v.page.Title != "t" || len(v.fields) != 1 || v.fields[0].Why != why {
		t.Errorf("%+v, %+v", v.page, v.fields)
	}
	told("fetch")
}

// Where a directive stands is looked for within the run's limits.
func TestWhenceHasTheLimitsOfTheRun(t *testing.T) {
	s := defaultSettings()
	u := parsed(t, "http://a/1")
	l, err := newLooker(&s, nil, []weburl.URL{u}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.spec.MaxParse = 1 // over before the element is met
	resp := &fetcher.Response{Status: 200, Header: http.Header{"Content-Type": {"text/html"}, "X-Robots-Tag": {"noindex"}}}
	resp.Body = []byte(strings.Repeat("<i>", 100_000) + "<meta name=robots content=noindex>")
	v := &visit{asked: u}
	l.see(v, u, resp, nil)
	if got := strings.Join(v.whence.noindex, ", "); got != "X-Robots-Tag" {
		t.Errorf("noindex by %s", got)
	}
}
