package crawler

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crawl/frontier"
	"crawl/store"
)

func urlset(locs ...string) http.HandlerFunc {
	return xml("urlset", "url", locs)
}

func index(locs ...string) http.HandlerFunc {
	return xml("sitemapindex", "sitemap", locs)
}

func xml(root, entry string, locs []string) http.HandlerFunc {
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0"?><%s xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">`, root)
	for _, l := range locs {
		fmt.Fprintf(&b, "<%s><loc>%s</loc></%[1]s>", entry, l)
	}
	fmt.Fprintf(&b, "</%s>", root)
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		_, _ = w.Write([]byte(b.String()))
	}
}

func TestSitemapModes(t *testing.T) {
	site := func() map[string]http.Handler {
		return map[string]http.Handler{
			"a": paths{
				"/robots.txt": plain("sitemap: http://a/named.xml\nsitemap: http://cdn/s.xml\n"),
				"/":           html("/linked"), "/linked": html(), "/orphan": html("/below"), "/below": html(), "/far": html(), "/mine": html(),
				"/named.xml": urlset("http://a/orphan", "http://a/linked", "http://b/foreign"), "/sitemap.xml": urlset("http://a/never"), "/other.xml": urlset("http://a/mine"),
			},
			"cdn": paths{"/s.xml": urlset("http://a/far")},
		}
	}
	for _, test := range []struct {
		mode, robots string
		depth        int
		a            []string
	}{
		{"auto", "obey", -1, []string{"/", "/linked", "/named.xml", "/orphan", "/below", "/far"}},
		{"auto", "obey", 1, []string{"/", "/linked", "/named.xml", "/orphan", "/far"}},
		{"auto", "obey", 0, []string{"/", "/named.xml"}},
		{"auto", "ignore", -1, []string{"/", "/linked", "/sitemap.xml", "/never"}},
		{"only", "obey", -1, []string{"/", "/named.xml", "/orphan", "/linked", "/far"}},
		{"off", "obey", -1, []string{"/", "/linked"}},
		{"http://a/other.xml", "obey", -1, []string{"/", "/linked", "/other.xml", "/mine"}},
	} {
		t.Run(fmt.Sprint(test.mode, test.robots, test.depth), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, site())
				s := spec(t, "http://a/")
				s.Sitemap, s.Robots, s.Depth = test.mode, test.robots, test.depth
				if test.robots == "ignore" {
					w.excused = append(w.excused, "before robots.txt was answered")
				}
				r := w.crawl(s)
				w.ended(r, store.Complete, "")
				same(t, "asked of a", w.asked("a"), test.a...)
				if test.mode != "auto" || test.depth != -1 || test.robots != "obey" {
					return
				}
				for path, depth := range map[string]int{"/linked": 1, "/orphan": frontier.NoDepth, "/below": frontier.NoDepth} {
					if p := w.page(r, "http://a"+path); p.Depth != depth {
						t.Errorf("%s has depth %d, want %d", path, p.Depth, depth)
					}
				}
				if got := w.skips(r)["http://b/foreign"]; got != string(ReasonScope) {
					t.Errorf("the foreign page was skipped for %q", got)
				}
			})
		})
	}
}

// Indexes, gzip, redirects and circles.
func TestSitemapIndex(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte("http://a/1\nhttp://a/2\n"))
	_ = z.Close()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/": html(), "/sitemap.xml": index("http://a/sitemap.xml", "http://a/more.xml", "http://a/list.txt.gz", "http://a/moved.xml", "http://a/broken.xml", "http://b/s.xml"),
			"/more.xml":    index("http://a/sitemap.xml", "http://a/more.xml"),
			"/list.txt.gz": plain(packed.String()), "/1": html(), "/2": html(),
			"/moved.xml": status(301, "Location", "http://cdn/there.xml"), "/3": html(),
			"/broken.xml": plain("<html>not here"),
		}, "cdn": paths{"/there.xml": urlset("http://a/3")}, "b": paths{"/s.xml": urlset("http://b/")}})
		s := spec(t, "http://a/")
		s.Sitemap, s.Depth = "auto", 1
		r := w.crawl(s)
		w.ended(r, store.Complete, "")
		same(t, "asked of a", w.asked("a"), "/", "/sitemap.xml", "/more.xml", "/list.txt.gz", "/moved.xml", "/broken.xml", "/1", "/2", "/3")
		same(t, "asked of b", w.asked("b"))
		if n := w.times("b", "/robots.txt"); n != 0 {
			t.Errorf("a stranger's robots.txt was asked for %d times", n)
		}
		if p := w.page(r, "http://a/broken.xml"); p.Kind != store.KindSitemap || !strings.Contains(p.ParseLimit, "HTML") {
			t.Errorf("the broken sitemap: %+v", p)
		}
	})
}

func TestSitemapLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site, robots := paths{"/": html()}, ""
		for i := range 6 {
			name := fmt.Sprintf("/s%d.xml", i)
			robots += "sitemap: " + name + "\n"
			site[name] = urlset()
		}
		site["/s0.xml"] = index("http://a/deep0.xml")
		for i := range 9 {
			site[fmt.Sprintf("/deep%d.xml", i)] = index(fmt.Sprintf("http://a/deep%d.xml", i+1))
		}
		site["/robots.txt"] = plain(robots + "sitemap: http://b/s.xml\n")
		w := newWorld(t, map[string]http.Handler{"a": site, "b": paths{}})
		s := spec(t, "http://a/")
		s.Sitemap, s.MaxSitemaps = "auto", 4
		r := w.crawl(s)
		if n := w.times("b", "/robots.txt"); n != 0 {
			t.Error("a host was asked for its robots.txt on account of a sitemap too many")
		}
		if n := len(w.asked("a")); n != 1+4 || r.Counts.Skipped[string(ReasonSitemaps)] != 4 {
			t.Errorf("%d requests, counts %+v", n, r.Counts)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		site := paths{"/": html(), "/sitemap.xml": index("http://a/deep0.xml")}
		for i := range 9 {
			site[fmt.Sprintf("/deep%d.xml", i)] = index(fmt.Sprintf("http://a/deep%d.xml", i+1))
		}
		w := newWorld(t, map[string]http.Handler{"a": site})
		s := spec(t, "http://a/")
		s.Sitemap, s.MaxSitemaps = "auto", 0 // no limit but that of depth
		r := w.crawl(s)
		if n := len(w.asked("a")); n != 2+maxSitemapDeep || r.Counts.Skipped[string(ReasonSitemaps)] != 1 {
			t.Errorf("%d requests, counts %+v", n, r.Counts)
		}
	})
}

// A sitemap of too many entries gives the first ones and says that it was cut.
func TestSitemapOfManyEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		locs := make([]string, 6000)
		for i := range locs {
			locs[i] = fmt.Sprintf("http://a/p/%d", i)
		}
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": html(), "/sitemap.xml": urlset(locs...)}})
		s := spec(t, "http://a/")
		s.Sitemap, s.MaxSitemapURLs, s.MaxPages = "auto", 5000, 1
		r := w.crawl(s)
		if p := w.page(r, "http://a/sitemap.xml"); p.ParseLimit != "entries" || p.Links != 5000 {
			t.Errorf("cut by %q, %d entries", p.ParseLimit, p.Links)
		}
		if n := r.Counts.Skipped[string(ReasonMaxPages)]; n != 5000 {
			t.Errorf("%d URLs skipped, want 5000", n)
		}
	})
}

// A sitemap that pages link to is a sitemap all the same, whichever is met
// first; what it names is not a click away.
func TestSitemapThatPagesLinkTo(t *testing.T) {
	for _, first := range []string{"the page", "robots.txt"} {
		synctest.Test(t, func(t *testing.T) {
			late := func(this string, then http.HandlerFunc) http.HandlerFunc {
				return func(w http.ResponseWriter, r *http.Request) {
					if this != first {
						time.Sleep(10 * time.Second) // virtual
					}
					then(w, r)
				}
			}
			w := newWorld(t, map[string]http.Handler{
				"a": paths{
					"/robots.txt": late("robots.txt", plain("sitemap: /s.xml")), "/": html(), "/orphan": html(),
					"/s.xml": index("http://a/t.xml"), "/t.xml": urlset("http://a/orphan"),
				},
				"b": paths{"/": late("the page", html("http://a/s.xml"))},
			})
			s := spec(t, "http://a/", "http://b/")
			s.Sitemap = "auto"
			r := w.crawl(s)
			w.ended(r, store.Complete, "")
			for path, depth := range map[string]int{"/s.xml": 1, "/t.xml": frontier.NoDepth, "/orphan": frontier.NoDepth} {
				if p := w.page(r, "http://a"+path); p.Depth != depth || (p.Kind == store.KindSitemap) != strings.HasSuffix(path, "xml") {
					t.Errorf("%s first: %s has depth %d and kind %d", first, path, p.Depth, p.Kind)
				}
			}
		})
	}
}

// An orphan that is linked after all loses the mark, and its links count anew.
func TestOrphanIsFoundByALink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/": html("/1"), "/1": html("/2"), "/2": html("/x"), "/x": html("/y"), "/y": html(), "/sitemap.xml": urlset("http://a/x", "http://a/y"),
		}})
		s := spec(t, "http://a/")
		s.Sitemap, s.Order = "auto", "priority"
		r := w.crawl(s)
		for path, depth := range map[string]int{"/x": 3, "/y": 4} {
			if p := w.page(r, "http://a"+path); p.Depth != depth {
				t.Errorf("%s has depth %d, want %d", path, p.Depth, depth)
			}
		}
		if n := len(w.asked("a")); n != 6 {
			t.Errorf("%d requests, want 6", n)
		}
	})
}

// TestChangedGoesFirst: what a sitemap says changed since the run before is asked
// for before other pages; what it says of all the others changes nothing.
func TestChangedGoesFirst(t *testing.T) {
	s := spec(t, "http://a/")
	s.scope = newScope(s.Scope, s.Seeds, nil)
	s.Since = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	l := frontier.Lease{Link: frontier.Link{URL: s.Seeds[0]}}
	rank := func(lastmod, order string) uint32 {
		s.Order = order
		return s.entry(&l, at(t, "http://a/x"), store.Link{Element: elementEntry, Text: lastmod, Rel: "0.5"}).Rank
	}
	for _, order := range []string{"bfs", "dfs", "priority"} {
		usual := rank("", order)
		for lastmod, first := range map[string]bool{
			"2026-11-20": true, "2026-11-21": true, "2026-11-20T12:00:01Z": true, "2026-11-20T13:00:01+01:00": true, "2027": true,
			"2026-11-19": false, "2026-11-20T12:00:00Z": false, "2026-11-20T12:30:00+01:00": false, "soon": false, "2025": false,
		} {
			if got := rank(lastmod, order); first != (got < usual) || !first && got != usual {
				t.Errorf("%s: changed %s: rank %d, usually %d", order, lastmod, got, usual)
			}
		}
	}
	s.Since = time.Time{}
	if got, usual := rank("2026-11-21", "bfs"), rank("", "bfs"); got != usual {
		t.Errorf("without a run before: rank %d, usually %d", got, usual)
	}
}
