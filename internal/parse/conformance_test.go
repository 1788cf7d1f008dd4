//go:build conformance

package parse

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/publicsuffix"

	"crawl/internal/conformance"
	"crawl/internal/weburl"
)

func address(t *testing.T, s string) weburl.URL {
	t.Helper()
	u, err := weburl.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// skipped logs and counts the cases of a set that are answered differently.
func skipped(t *testing.T, reasons map[string]string, name string) bool {
	t.Helper()
	why, ok := reasons[name]
	if ok {
		t.Logf("left out: %s: %s", name, why)
	}
	return ok
}

type sitemapLoc struct {
	Loc        string
	LastMod    string
	ChangeFreq string
	Priority   *float64
}

type sitemapCase struct {
	Name    string
	URL     string
	Body    string
	BodyB64 string `json:"body_b64"`
	Options struct {
		Strict bool `json:"strict_location"`
	}
	Result   string
	IsIndex  bool `json:"is_index"`
	Type     string
	URLs     []sitemapLoc
	Sitemaps []sitemapLoc
}

func TestConformanceSitemap(t *testing.T) {
	policy := map[string]string{
		"SiteMapParserTest.testSitemapXXE.1": "a file with a DOCTYPE is read, its entities are not expanded, as in testSitemapXXEWithDocTypeAllowed",
	}
	kinds := map[string]string{"XML": "urlset", "INDEX": "index", "TEXT": "text", "RSS": "rss", "ATOM": "atom"}
	for _, c := range conformance.Load[sitemapCase](t, "sitemaps/crawler_commons.json") {
		t.Run(c.Name, func(t *testing.T) {
			if skipped(t, policy, c.Name) {
				return
			}
			base := address(t, c.URL)
			got, err := ParseSitemap(base, conformance.Bytes(t, c.Body, c.BodyB64), SitemapLimits{})
			if (err == nil) != (c.Result == "ok") {
				t.Fatalf("error %v, want %s", err, c.Result)
			}
			if err != nil {
				return
			}
			if got.Index != c.IsIndex || got.Kind != kinds[c.Type] {
				t.Errorf("kind %q, index %v", got.Kind, got.Index)
			}
			want := append(c.URLs, c.Sitemaps...)
			entries := slices.DeleteFunc(got.Entries, func(e SitemapEntry) bool {
				return !c.IsIndex && c.Options.Strict && !below(base, e.URL)
			})
			if len(entries) != len(want) {
				t.Fatalf("%d entries, want %d", len(entries), len(want))
			}
			for i, e := range entries {
				compareEntry(t, e, want[i])
			}
		})
	}
}

// below is the location rule of sitemaps.org, which the set applies.
func below(sitemap, u weburl.URL) bool {
	dir := path.Dir(sitemap.Path())
	return u.Origin() == sitemap.Origin() && strings.HasPrefix(u.Path(), strings.TrimSuffix(dir, "/")+"/")
}

func compareEntry(t *testing.T, e SitemapEntry, want sitemapLoc) {
	t.Helper()
	priority := 0.5
	if want.Priority != nil {
		priority = *want.Priority
	}
	lastMod := ""
	if !e.LastMod.IsZero() {
		lastMod = e.LastMod.Format("2006-01-02T15:04:05Z")
	}
	if e.URL != address(t, want.Loc) || lastMod != want.LastMod || e.ChangeFreq != want.ChangeFreq || e.Priority != priority {
		t.Errorf("got %s %s %q %v, want %+v", e.URL, lastMod, e.ChangeFreq, e.Priority, want)
	}
}

func TestConformanceCrossSubmit(t *testing.T) {
	domain := func(host string) string {
		d, err := publicsuffix.EffectiveTLDPlusOne(host)
		if err != nil {
			return host
		}
		return d
	}
	type testCase struct {
		Name        string
		Sitemap     string   `json:"sitemap_url"`
		RobotsHosts []string `json:"robots_hosts"`
		URLs        []string
		Level       string
		Accepted    int
	}
	for _, c := range conformance.Load[testCase](t, "sitemaps/cross_submit.json") {
		site := domain
		if c.Level == "host" {
			site = nil
		}
		n := 0
		for _, u := range c.URLs {
			if SitemapMayName(address(t, c.Sitemap), c.RobotsHosts, address(t, u), site) {
				n++
			}
		}
		if n != c.Accepted {
			t.Errorf("%s: %d accepted, want %d", c.Name, n, c.Accepted)
		}
	}
}

func TestConformanceFeeds(t *testing.T) {
	type testCase struct {
		Name    string
		Body    string
		BodyB64 string `json:"body_b64"`
		Links   []string
	}
	base := address(t, "http://feeds.example/dir/feed")
	for _, c := range conformance.Load[testCase](t, "feeds/gofeed.json") {
		body := conformance.Bytes(t, c.Body, c.BodyB64)
		if kind := Sniff(http.Header{}, body); kind != "feed" {
			t.Errorf("%s: kind %q", c.Name, kind)
		}
		d := Parse(base, http.Header{}, body, Options{})
		var main []string
		for _, l := range d.Links {
			if l.Element == "link" || l.Element == "enclosure" {
				main = append(main, l.URL.String())
			}
		}
		var want []string
		for _, l := range c.Links {
			want = append(want, resolved(t, base, l))
		}
		slices.Sort(want)
		slices.Sort(main)
		if !slices.Equal(main, want) {
			t.Errorf("%s: got %v, want %v", c.Name, main, want)
		}
	}
}

func resolved(t *testing.T, base weburl.URL, ref string) string {
	t.Helper()
	u, err := base.Resolve(ref)
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}
