package crawler

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"crawl/fetcher"
	"crawl/store"
)

// liar is a server that promises HTTP/2 and breaks every exchange in it off.
type liar struct {
	inHTTP2, inHTTP1 atomic.Int64
	kind             fetcher.Kind
}

func (f *liar) Fetch(_ context.Context, r fetcher.Request) (*fetcher.Response, error) {
	if !r.HTTP1 {
		f.inHTTP2.Add(1)
		return nil, &fetcher.Fault{Kind: f.kind, Temporary: true, Sentence: "broken off"}
	}
	f.inHTTP1.Add(1)
	body := []byte(`<a href="/x"></a><a href="/y"></a>`)
	if r.URL.RequestURI() == "/robots.txt" {
		body = nil
	}
	return &fetcher.Response{Start: time.Now(), Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: body, Raw: body}, nil
}

func TestBrokenHTTP2(t *testing.T) {
	for _, test := range []struct {
		seed             string
		kind             fetcher.Kind
		state            string
		inHTTP2, inHTTP1 int64
	}{
		{"https://a/", fetcher.Protocol, store.Complete, 1, 4},
		{"https://a/", fetcher.Disconnect, store.Complete, 1, 4},
		{"https://a/", fetcher.Connect, store.Empty, robotsTries, 0},
		{"http://a/", fetcher.Disconnect, store.Empty, robotsTries, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, map[string]http.Handler{"a": html()})
			c, f := w.crawler(), &liar{kind: test.kind}
			c.Fetcher = f
			s := spec(t, test.seed)
			r := w.newRun(s)
			job, err := c.Begin(context.Background(), r, s)
			if err != nil {
				t.Fatal(err)
			}
			if err := job.Crawl(context.Background(), nil); err != nil {
				t.Fatal(err)
			}
			if two, one := f.inHTTP2.Load(), f.inHTTP1.Load(); r.State != test.state || two != test.inHTTP2 || one != test.inHTTP1 {
				t.Errorf("%s, %s: %s, %d requests in HTTP/2, %d in HTTP/1.1", test.seed, test.kind, r.State, two, one)
			}
		})
	}
}

// Where HTTP/1.1 breaks off too, HTTP/2 has its turn again.
func TestPlainTakesTurns(t *testing.T) {
	broken := &fetcher.Fault{Kind: fetcher.Disconnect, Temporary: true}
	f := &turns{err: broken}
	w := &Job{Crawler: &Crawler{Fetcher: f}}
	for range 4 {
		if _, err := w.ask(t.Context(), fetcher.Request{URL: at(t, "https://a/")}); err != broken {
			t.Fatal(err)
		}
	}
	if got := strings.Join(f.asked, ""); got != "2121" {
		t.Errorf("asked in HTTP %s", got)
	}
	for i := range 2 * maxPlain {
		w.setPlain(string(rune(i)), true)
	}
	n := 0
	w.plain.Range(func(any, any) bool { n++; return true })
	if n != maxPlain || w.plains.Load() != maxPlain {
		t.Errorf("%d origins are remembered, %d counted", n, w.plains.Load())
	}
}

type turns struct {
	err   error
	asked []string
}

func (f *turns) Fetch(_ context.Context, r fetcher.Request) (*fetcher.Response, error) {
	f.asked = append(f.asked, map[bool]string{false: "2", true: "1"}[r.HTTP1])
	return nil, f.err
}
