package main

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"crawl/fetcher"
	"crawl/internal/testweb"
	"crawl/internal/weburl"
)

// TestFetchIsPolite asks three hosts for several pages each, one with a
// crawl-delay and one that pushes back: each is asked one thing at a time, with
// a crawl's pause after each answer.
func TestFetchIsPolite(t *testing.T) {
	const slow = "User-agent: *\nCrawl-delay: 3\nDisallow: /closed\n"
	synctest.Test(t, func(t *testing.T) {
		page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/robots.txt" {
				http.NotFound(w, r)
				return
			}
			time.Sleep(100 * time.Millisecond) // in virtual time
			w.Header().Set("Content-Type", "text/html")
		})
		web, err := testweb.Config{Pipe: true}.Serve(map[string]http.Handler{
			"plain": page,
			"slow": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/robots.txt" {
					_, _ = w.Write([]byte(slow)) // the client is there
					return
				}
				page(w, r)
			}),
			"busy": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/1" {
					w.Header().Set("Retry-After", "30")
					w.WriteHeader(http.StatusTooManyRequests)
					return
				}
				page(w, r)
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer web.Close()
		s := defaultSettings()
		var urls []weburl.URL
		for _, host := range []string{"plain", "slow", "busy"} {
			for _, path := range []string{"/1", "/2", "/3", "/closed"} {
				u, err := weburl.Parse("http://" + host + path)
				if err != nil {
					t.Fatal(err)
				}
				urls = append(urls, u)
			}
		}
		l, err := newLooker(&s, nil, urls, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if l.fetch, err = fetcher.New(fetcher.Config{AllowPrivate: true, MinSpeed: -1, Dial: web.DialContext}, nil); err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		var shown []weburl.URL
		refused := 0
		if err := l.all(t.Context(), func(v *visit) error {
			shown = append(shown, v.asked)
			if v.page.Fault == refusedByRobots {
				refused++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(shown, urls) || refused != 1 {
			t.Errorf("%d refused, shown in this order: %v", refused, shown)
		}
		delays := map[string]time.Duration{"plain": firstPause, "slow": 3 * time.Second, "busy": firstPause}
		audit := testweb.Audit{Agent: "crawl", Tolerance: -1, Delay: func(host string) time.Duration { return delays[host] }}
		for _, breach := range audit.Check(web.Hits(), func(host string) string { return map[string]string{"slow": slow}[host] }) {
			t.Error(breach)
		}
	})
}

// TestFetchEnds sees that visits under way end when nobody wants more.
func TestFetchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		web, err := testweb.Config{Pipe: true}.Serve(map[string]http.Handler{"a": http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/robots.txt" {
				<-r.Context().Done()
			}
		})})
		if err != nil {
			t.Fatal(err)
		}
		defer web.Close()
		u, err := weburl.Parse("http://a/")
		if err != nil {
			t.Fatal(err)
		}
		s := defaultSettings()
		l, err := newLooker(&s, nil, []weburl.URL{u}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if l.fetch, err = fetcher.New(fetcher.Config{AllowPrivate: true, Dial: web.DialContext}, nil); err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		if err := l.all(ctx, func(*visit) error { t.Error("shown"); return nil }); err != context.Canceled {
			t.Error(err)
		}
	})
}

// TestFetchRests sees that a host that pushes back is left alone for a while
// even where nothing may be waited for.
func TestFetchRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		web, err := testweb.Config{Pipe: true}.Serve(map[string]http.Handler{"a": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTooManyRequests)
		})})
		if err != nil {
			t.Fatal(err)
		}
		defer web.Close()
		u, err := weburl.Parse("http://a/")
		if err != nil {
			t.Fatal(err)
		}
		s := defaultSettings()
		s.MaxRetryAfter = 0
		l, err := newLooker(&s, nil, []weburl.URL{u}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if l.fetch, err = fetcher.New(fetcher.Config{AllowPrivate: true, Dial: web.DialContext}, nil); err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		begun := time.Now()
		for range 2 {
			if _, err := l.get(t.Context(), fetcher.Request{URL: u}); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(begun); waited < time.Second {
			t.Errorf("asked again after %v", waited)
		}
	})
}
