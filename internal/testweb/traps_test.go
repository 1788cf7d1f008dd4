package testweb

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crawl/internal/robots"
)

// TestEndlessSites follows the last link of each trap and holds that it never
// meets a URL again.
func TestEndlessSites(t *testing.T) {
	for name, trap := range map[string]http.Handler{"calendar": Calendar(), "loop": PathLoop(), "sessions": Sessions()} {
		w := serve(t, Config{}, map[string]http.Handler{"a": trap})
		c := client(t, w)
		u := w.URL("a", "/x/")
		seen := map[string]bool{}
		for range 50 {
			if seen[u] {
				t.Fatalf("%s: came back to %s", name, u)
			}
			seen[u] = true
			resp, body := get(t, c, u)
			found := links(t, u, body)
			if resp.StatusCode != 200 || len(found) == 0 {
				t.Fatalf("%s: %s answered %d with %d links", name, u, resp.StatusCode, len(found))
			}
			u = found[len(found)-1]
		}
	}
}

func TestEndlessURLs(t *testing.T) {
	w := serve(t, Config{}, map[string]http.Handler{"cal": Calendar(), "loop": PathLoop()})
	c := client(t, w)
	tests := []struct{ host, uri, link string }{
		{"cal", "/calendar?month=2026-12", "/calendar?month=2027-01"},
		{"cal", "/calendar?month=never", "/calendar?month=2026-02"},
		{"loop", "/a/b/", "/a/b/a/b/"},
	}
	for _, test := range tests {
		u := w.URL(test.host, test.uri)
		_, body := get(t, c, u)
		found := links(t, u, body)
		if got, want := found[len(found)-1], w.URL(test.host, test.link); got != want {
			t.Errorf("%s leads to %s, want %s", u, got, want)
		}
	}
}

func TestRedirectLoop(t *testing.T) {
	w := serve(t, Config{}, map[string]http.Handler{"a": RedirectLoop(3), "self": RedirectLoop(1)})
	c := client(t, w)
	tests := []struct{ host, uri, to string }{
		{"a", "/start", "/0"}, {"a", "/0", "/1"}, {"a", "/1", "/2"}, {"a", "/2", "/0"}, {"a", "/3", "/0"}, {"self", "/0", "/0"},
	}
	for _, test := range tests {
		resp, _ := get(t, c, w.URL(test.host, test.uri))
		if resp.StatusCode != http.StatusFound || resp.Header.Get("Location") != test.to {
			t.Errorf("%s%s: %d to %q, want 302 to %s", test.host, test.uri, resp.StatusCode, resp.Header.Get("Location"), test.to)
		}
	}
}

func TestSlowTraps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := map[string]http.Handler{"drip": Drip(5, time.Second), "endless": Drip(-1, time.Second), "silence": Silence()}
		w, err := Config{Pipe: true}.Serve(hosts)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		c := client(t, w)
		defer c.CloseIdleConnections()
		begin := time.Now()
		_, body := get(t, c, w.URL("drip", "/"))
		if took := time.Since(begin); body != "....." || took != 4*time.Second {
			t.Errorf("drip: %q after %v, want five dots after 4s", body, took)
		}
		for host, want := range map[string]int{"endless": 60, "silence": 0} {
			// Half a second past the last byte, so that the two do not race.
			ctx, cancel := context.WithTimeout(t.Context(), 59*time.Second+time.Second/2)
			got, err := readUntil(ctx, c, w.URL(host, "/"))
			cancel()
			if got != want || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %d bytes and %v, want %d and the deadline", host, got, err, want)
			}
		}
	})
}

// readUntil returns how many bytes url gave before it failed.
func readUntil(ctx context.Context, c *http.Client, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	return int(n), err
}

func TestEndlessBody(t *testing.T) {
	w := serve(t, Config{}, map[string]http.Handler{"a": EndlessBody()})
	resp, err := client(t, w).Get(w.URL("a", "/"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.CopyN(io.Discard, resp.Body, 20<<20)
	if n != 20<<20 || err != nil {
		t.Errorf("ended after %d bytes: %v", n, err)
	}
	_ = resp.Body.Close()
	w.Close()
	if h := w.Hits()[0]; !h.Broken || h.Bytes < 20<<20 {
		t.Errorf("logged as %+v", h)
	}
}

func TestTooMany(t *testing.T) {
	w := serve(t, Config{}, map[string]http.Handler{"a": TooMany(2, 3*time.Second, hello("ok"))})
	c := client(t, w)
	for i, want := range []int{429, 429, 200, 200} {
		resp, _ := get(t, c, w.URL("a", "/"))
		if resp.StatusCode != want {
			t.Errorf("request %d: %d, want %d", i, resp.StatusCode, want)
		}
		if got := resp.Header.Get("Retry-After"); (want == 429) != (got == "3") {
			t.Errorf("request %d: Retry-After %q", i, got)
		}
	}
	if h := w.Hits()[0]; h.RetryAfter != 3*time.Second {
		t.Errorf("logged as %+v", h)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		value string
		want  time.Duration
	}{
		{"120", 2 * time.Minute},
		{"0", 0},
		{"", 0},
		{"-1", 0},
		{"soon", 0},
		{"99999999999", 0},
		{"Thu, 01 Jan 2026 12:01:00 GMT", time.Minute},
		{"Thu, 01 Jan 2026 11:00:00 GMT", 0},
	}
	for _, test := range tests {
		if got := retryAfter(test.value, now); got != test.want {
			t.Errorf("%q: %v, want %v", test.value, got, test.want)
		}
	}
}

func TestGzipBomb(t *testing.T) {
	w := serve(t, Config{}, map[string]http.Handler{"a": GzipBomb(64)})
	resp, body := get(t, client(t, w), w.URL("a", "/"))
	if resp.Header.Get("Content-Encoding") != "gzip" || len(body) > 128<<10 {
		t.Errorf("%s, %d bytes on the wire", resp.Header.Get("Content-Encoding"), len(body))
	}
	z, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, z); n != 64<<20 || err != nil {
		t.Errorf("unpacks to %d bytes, %v; want 64 MiB", n, err)
	}
}

// TestRobotsVariants holds the table against our own reading of robots.txt.
func TestRobotsVariants(t *testing.T) {
	variants := RobotsVariants(hello("page"))
	hosts := map[string]http.Handler{}
	for _, v := range variants {
		hosts[v.Name] = v.Handler
	}
	if len(hosts) != len(variants) {
		t.Fatal("two variants have one name")
	}
	w := serve(t, Config{}, hosts)
	c := client(t, w)
	for _, v := range variants {
		rules := robotsOf(t, c, w.URL(v.Name, "/robots.txt"))
		if got := rules.Test("crawl", "/public").Allowed; got != v.Public {
			t.Errorf("%s: /public allowed: %v, want %v", v.Name, got, v.Public)
		}
		if got := rules.Test("crawl", "/private/x").Allowed; got != v.Private {
			t.Errorf("%s: /private/x allowed: %v, want %v", v.Name, got, v.Private)
		}
		if _, body := get(t, c, w.URL(v.Name, "/public")); body != "page" {
			t.Errorf("%s: /public answered %q", v.Name, body)
		}
	}
}

// robotsOf fetches rules as RFC 9309, 2.3.1 says: over at most five redirects,
// and by the class of the status.
func robotsOf(t *testing.T, c *http.Client, u string) *robots.File {
	t.Helper()
	for range 6 {
		resp, body := get(t, c, u)
		switch {
		case resp.StatusCode/100 == 3:
			to, err := resp.Location()
			if err != nil {
				t.Fatal(err)
			}
			u = to.String()
			continue
		case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
			return robots.DisallowAll()
		case resp.StatusCode >= 400:
			return robots.AllowAll()
		}
		return robots.Parse([]byte(body))
	}
	return robots.AllowAll()
}
