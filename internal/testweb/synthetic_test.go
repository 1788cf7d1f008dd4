package testweb

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mixed() SyntheticOptions {
	return SyntheticOptions{
		Seed: 7, Hosts: 5, Pages: 600, LinksPerPage: 6, CrossHost: 0.3,
		Redirects: 0.15, Missing: 0.1, Failing: 0.1, FailTimes: 2, Disallowed: 0.1, Slow: 0.05, SlowBy: time.Second,
	}
}

var hrefs = regexp.MustCompile(`href="([^"]*)"`)

// links returns where the links of an HTML text lead, without fragments.
func links(t *testing.T, base, body string) []string {
	t.Helper()
	from, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range hrefs.FindAllStringSubmatch(body, -1) {
		to, err := from.Parse(m[1])
		if err != nil {
			t.Fatal(err)
		}
		to.Fragment = ""
		found = append(found, to.String())
	}
	return found
}

// walkGraph crawls the graph as Reachable says, by real requests, level by level.
func walkGraph(t *testing.T, c *http.Client, seeds ...string) map[string]Truth {
	t.Helper()
	got := map[string]Truth{}
	for depth, level := 0, seeds; len(level) > 0; depth++ {
		var next []string
		for len(level) > 0 {
			u := level[0]
			level = level[1:]
			if _, seen := got[u]; seen {
				continue
			}
			if strings.Contains(u, "/private/") {
				got[u] = Truth{Disallowed: true, Depth: depth}
				continue
			}
			truth := Truth{Depth: depth}
			resp, body := get(t, c, u)
			for ; resp.StatusCode == 500; truth.Fails++ {
				resp, body = get(t, c, u)
			}
			truth.Status = resp.StatusCode
			switch {
			case resp.StatusCode == 200:
				next = append(next, links(t, u, body)...)
			case resp.StatusCode/100 == 3:
				to, err := resp.Location()
				if err != nil {
					t.Fatal(err)
				}
				truth.Location = to.String()
				level = append(level, truth.Location)
			}
			got[u] = truth
		}
		level = next
	}
	return got
}

func TestReachableIsWhatACrawlFinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := Synthetic(mixed())
		w, err := Config{Pipe: true}.Serve(g.Handlers())
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		c := client(t, w)
		defer c.CloseIdleConnections()
		seed := w.URL("h0", "/")
		want := g.Reachable(w.Origin, seed)
		if diff := cmp.Diff(want, walkGraph(t, c, seed)); diff != "" {
			t.Errorf("-Reachable +crawled:\n%s", diff)
		}
		count := map[int]int{}
		for _, truth := range want {
			count[truth.Status]++
			if truth.Fails > 0 {
				count[500]++
			}
		}
		for _, status := range []int{0, 200, 301, 302, 307, 308, 404, 500} {
			if count[status] == 0 {
				t.Errorf("no URL of status %d among %d", status, len(want))
			}
		}
		if len(want) < 450 {
			t.Errorf("only %d of 600 pages are reachable", len(want))
		}
	})
}

func TestReachableSeeds(t *testing.T) {
	g := Synthetic(SyntheticOptions{Hosts: 3, Pages: 30})
	base := func(host string) string { return "http://" + host }
	if n := len(g.Reachable(base, "http://h1/")); n != 10 {
		t.Errorf("one host of three without links across: %d URLs, want 10", n)
	}
	if n := len(g.Reachable(base, "http://h0/", "http://h1/", "http://h2/")); n != 30 {
		t.Errorf("all plain pages: %d URLs, want 30", n)
	}
	if got := g.Reachable(base, "http://h9/", "http://h0/p/1", "http://h0/x", "nonsense"); len(got) != 0 {
		t.Errorf("seeds outside of the graph reached %v", got)
	}
}

func TestRedirectsEnd(t *testing.T) {
	for _, share := range []float64{0.3, 1} {
		g := Synthetic(SyntheticOptions{Seed: 1, Hosts: 2, Pages: 2000, Redirects: share})
		chains := 0
		for n := range 2000 {
			at, hops := n, 0
			for ; g.kind(at) == redirect && hops < 5; hops++ {
				at = g.target(at)
			}
			if hops > 2 {
				t.Fatalf("share %v: page %d redirects %d times or more", share, n, hops)
			}
			if hops == 2 {
				chains++
			}
		}
		if chains == 0 {
			t.Errorf("share %v: no chain of two", share)
		}
	}
}

func TestSyntheticIsAFunctionOfItsSeed(t *testing.T) {
	fetch := func(o SyntheticOptions, n int) []byte {
		g := Synthetic(o)
		rec := httptest.NewRecorder()
		g.Handlers()[g.Host(n)].ServeHTTP(rec, httptest.NewRequest(http.MethodGet, g.Path(n), nil))
		return rec.Body.Bytes()
	}
	o := SyntheticOptions{Seed: 1, Hosts: 100, Pages: 10_000_000, CrossHost: 0.5, BodySize: 26_000}
	other := o
	other.Seed = 2
	for _, n := range []int{0, 99, 100, 9_999_999} {
		a := fetch(o, n)
		if !bytes.Equal(a, fetch(o, n)) {
			t.Errorf("page %d differs from itself", n)
		}
		if bytes.Equal(a, fetch(other, n)) {
			t.Errorf("page %d is the same under another seed", n)
		}
		if len(a) < 25_900 || len(a) > 26_100 {
			t.Errorf("page %d has %d bytes, want about 26,000", n, len(a))
		}
	}
}

func TestSyntheticValidators(t *testing.T) {
	g := Synthetic(SyntheticOptions{Pages: 10})
	w := serve(t, Config{}, g.Handlers())
	c := client(t, w)
	u := w.URL("h0", g.Path(3))
	resp, _ := get(t, c, u)
	for _, header := range [][]string{
		{"If-None-Match", resp.Header.Get("ETag")},
		{"If-Modified-Since", resp.Header.Get("Last-Modified")},
	} {
		if header[1] == "" {
			t.Errorf("no validator for %s", header[0])
		}
		if resp, body := get(t, c, u, header...); resp.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s: %d with %d bytes, want 304 with none", header, resp.StatusCode, len(body))
		}
	}
	for _, uri := range []string{"/p/10", "/p/-1", "/p/x", "/private/3", "/p/03", "/p/3?q"} {
		if resp, _ := get(t, c, w.URL("h0", uri)); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", uri, resp.StatusCode)
		}
	}
	if _, body := get(t, c, w.URL("h0", "/robots.txt")); body != g.Robots("h0") {
		t.Errorf("robots.txt is %q", body)
	}
}

func BenchmarkTruths(b *testing.B) {
	g := Synthetic(SyntheticOptions{Seed: 1, Hosts: 1000, Pages: 1_000_000, CrossHost: 0.2})
	for b.Loop() {
		n := 0
		for range g.Truths(hostName0, "http://h0/") {
			n++
		}
		b.ReportMetric(float64(n), "URLs")
	}
}

func hostName0(host string) string { return "http://" + host }

func BenchmarkPage(b *testing.B) {
	g := Synthetic(SyntheticOptions{Seed: 1, Hosts: 100, Pages: 1_000_000, CrossHost: 0.2, BodySize: 26_000})
	h := g.Handlers()["h0"]
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
