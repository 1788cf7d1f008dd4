package crawler

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crawl/frontier"
	"crawl/store"

	"github.com/google/go-cmp/cmp"
)

// byMethod answers HEAD by one and GET by the other.
func byMethod(head, get http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			head(w, r)
			return
		}
		get(w, r)
	}
}

// endless sends bytes until nobody wants more.
func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Length", "4000000000")
	block := make([]byte, 32<<10)
	for r.Context().Err() == nil {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// hangs answers nothing.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// checking is a spec that checks what is out of scope.
func checking(t *testing.T, seeds ...string) *Spec {
	s := spec(t, seeds...)
	s.External = true
	return s
}

// results shows checks as kind, status or fault, and number of the try.
func (w *world) results(r *store.Run) map[string]string {
	all := map[string]string{}
	for u, p := range w.pages(r) {
		if p.IsCheck() {
			kind := map[uint8]string{store.KindChecked: "checked", store.KindExternal: "external"}[p.Kind]
			if all[u] = fmt.Sprintf("%s %d%s try %d", kind, p.Status, p.Fault, p.Try); p.Head {
				all[u] += " by HEAD"
			}
		}
	}
	return all
}

// methods lists the requests to a host, with their methods.
func (w *world) methods(host string) (all []string) {
	for _, h := range w.web.Hits() {
		if h.Host == host {
			all = append(all, h.Method+" "+h.URI)
		}
	}
	return all
}

func TestExternalLinksAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{
			"a": paths{"/": func(rw http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(rw, `<html><a href="http://b/ok">x</a><a rel=nofollow href="http://b/gone">x</a><a href="http://b/nohead">x</a>
<a href="http://b/liar">x</a><a href="http://b/big">x</a><a href="http://b/moved">x</a><a href="http://b/secret">x</a><a href="http://b/broken">x</a>
<a href="http://nowhere/1">x</a><a href="http://nowhere/2">x</a><a href="http://c/1">x</a><a href="http://d/1">x</a><a href="http://b/back">x</a><a href="http://b/left">x</a>
<form action="http://b/form"></form><img src="http://b/logo.png"><link rel=preconnect href="http://b/"><a href="/out">x</a><a href="http://b/walled">x</a></html>`)
			}, "/out": status(302, "Location", "http://b/out"), "/landing": html("http://b/never")},
			"b": paths{
				"/robots.txt": plain("User-agent: *\nDisallow: /secret\n"), "/ok": html("http://b/never"), "/gone": status(410),
				"/nohead": byMethod(status(405), html()), "/liar": byMethod(status(404), html()), "/big": byMethod(status(403), endless),
				"/moved": status(301, "Location", "/moved2"), "/broken": byMethod(status(500), status(500)), "/back": status(301, "Location", "http://a/landing"),
				"/logo.png": status(200, "Content-Type", "image/png", "Content-Length", "700000"), "/out": html(), "/walled": status(999),
			},
			"c": paths{"/robots.txt": status(503)},
			"d": paths{"/robots.txt": status(500)},
		})
		w.robots["b"] = "User-agent: *\nDisallow: /secret\n"
		s := checking(t, "http://a/")
		s.Exclude = patterns(t, "http://b/left*")
		r := w.crawl(s)
		w.ended(r, store.Complete, "")
		want := map[string]string{
			"http://b/ok": "external 200 try 1 by HEAD", "http://b/gone": "external 410 try 2", "http://b/nohead": "external 200 try 2",
			"http://b/liar": "external 200 try 2", "http://b/big": "external 200 try 2", "http://b/moved": "external 301 try 1 by HEAD",
			"http://b/moved2": "external 404 try 2", "http://b/broken": "external 500 try 3", "http://b/back": "external 301 try 1 by HEAD",
			"http://a/landing": "checked 200 try 1 by HEAD", "http://b/logo.png": "external 200 try 1 by HEAD", "http://b/out": "external 200 try 1 by HEAD",
			"http://nowhere/1": "external 0dns try 1", "http://nowhere/2": "external 0dns try 1", "http://b/walled": "external 999 try 2",
		}
		if diff := cmp.Diff(want, w.results(r)); diff != "" {
			t.Errorf("- wanted, + got:\n%s", diff)
		}
		skips := map[string]string{"http://b/secret": "unverified", "http://c/1": "pushed-back", "http://d/1": "unverified", "http://b/left": "excluded", "http://b/form": "scope"}
		if diff := cmp.Diff(skips, w.skips(r)); diff != "" {
			t.Errorf("skipped, - wanted, + got:\n%s", diff)
		}
		if p := w.page(r, "http://b/logo.png"); p.MIME != "image/png" || p.Size != 700_000 || p.Wire != 0 {
			t.Errorf("%+v", p)
		}
		if p := w.page(r, "http://b/big"); p.Size != 4_000_000_000 || p.Wire > checkBody || p.Truncated != "" {
			t.Errorf("%+v", p)
		}
		for _, h := range w.web.Hits() {
			if h.URI == "/big" && h.Bytes > 1<<20 {
				t.Errorf("%d bytes of /big were sent", h.Bytes)
			}
		}
		if c := r.Counts; c.External != 14 || c.Status[2] != 2 || c.Status[3] != 1 || c.Found != c.Done+5 {
			t.Errorf("%+v", c)
		}
		for _, h := range w.hosts(r) {
			if h.External != (h.Origin != "http://a") {
				t.Errorf("%+v", h)
			}
		}
	})
}

func (w *world) hosts(r *store.Run) (all []*store.Host) {
	for h, err := range w.store.Hosts(context.Background(), r.ID) {
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, h)
	}
	return all
}

func TestAssetsAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := func(rw http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(rw, `<html><img src="/a.png"><img src="/gone.png"><script src="http://b/x.js"></script><embed src="/page"><a href="/page">x</a><a href="/late">x</a></html>`)
		}
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/": page, "/a.png": status(200, "Content-Type", "image/png", "Content-Length", "512000"),
			"/page": html("/below"), "/below": html(), "/late": func(rw http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(rw, `<html><embed src="/later"><a href="/last">x</a></html>`)
			}, "/later": html("/deep"), "/last": html("/later"), "/deep": html(),
		}})
		w.audit.MayRepeat = again // a check, and then a page
		s := spec(t, "http://a/")
		s.CheckAssets, s.MaxPages = true, 6
		r := w.crawl(s)
		want := map[string]string{"http://a/a.png": "checked 200 try 1 by HEAD", "http://a/gone.png": "checked 404 try 2"}
		if diff := cmp.Diff(want, w.results(r)); diff != "" {
			t.Errorf("- wanted, + got:\n%s", diff)
		}
		same(t, "pages", keys(w.pages(r)), "http://a/", "http://a/a.png", "http://a/gone.png", "http://a/page", "http://a/late", "http://a/below", "http://a/last", "http://a/later")
		if p := w.page(r, "http://a/later"); p.Depth != 3 || p.Kind != store.KindPage || p.Links != 1 {
			t.Errorf("%+v", p)
		}
		w.ended(r, store.Partial, "max-pages")
		if r.Counts.Status[2] != 7 || r.Counts.Status[4] != 1 || r.Counts.Skipped["scope"] != 1 {
			t.Errorf("%+v", r.Counts)
		}
	})
}

// TestChecksInListsAndFolders: what is out of scope may lie at the same host.
func TestChecksInListsAndFolders(t *testing.T) {
	for scope, want := range map[string]map[string]string{
		ScopeList:   {"http://a/b/": "external 200 try 1 by HEAD", "http://a/x": "external 404 try 2"},
		ScopePrefix: {"http://a/x": "external 404 try 2"},
		ScopePage:   {"http://a/b/": "external 200 try 1 by HEAD", "http://a/x": "external 404 try 2"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, map[string]http.Handler{"a": paths{"/b/c": html("/b/", "/x"), "/b/": html()}})
			s := checking(t, "http://a/b/c")
			s.Scope = scope
			r := w.crawl(s)
			if diff := cmp.Diff(want, w.results(r)); diff != "" {
				t.Errorf("%s: - wanted, + got:\n%s", scope, diff)
			}
			for _, h := range w.hosts(r) {
				if h.External {
					t.Errorf("%s: %+v", scope, h)
				}
			}
		})
	}
}

// TestChecksGoOn: a run that is stopped while it checks goes on, and asks for
// nothing twice that was answered.
func TestChecksGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := paths{}
		var hrefs []string
		for i := range 30 {
			hrefs = append(hrefs, fmt.Sprintf("http://b/%d", i))
			b[fmt.Sprintf("/%d", i)] = byMethod(status(405), html())
		}
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": html(hrefs...)}, "b": b})
		s := checking(t, "http://a/")
		s.Manners = func(string) frontier.Manners { return frontier.Manners{Rate: 1} }
		r := w.newRun(s)
		for r.State != store.Complete {
			stop := make(chan struct{})
			time.AfterFunc(20500*time.Millisecond, func() { close(stop) })
			if err := w.begin(r, s).Crawl(context.Background(), stop); err != nil {
				t.Fatal(err)
			}
			w.restart()
		}
		if r.Sessions < 3 || r.Counts.External != 30 || len(w.results(r)) != 30 {
			t.Errorf("%d sessions: %+v", r.Sessions, r.Counts)
		}
		asked := w.methods("b")
		slices.Sort(asked)
		if n := len(slices.Compact(slices.Clone(asked))); n != 61 || len(asked) != n {
			t.Errorf("%d requests, of them %d different", len(asked), n)
		}
	})
}

// TestCheckAfterCrash: the answer to a HEAD that was stored before the end is not
// asked for again, and what is doubtful about it is asked.
func TestCheckAfterCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": html("http://b/x")}, "b": paths{"/x": byMethod(status(404), html())}})
		s := checking(t, "http://a/")
		r := w.newRun(s)
		if err := w.store.Put(context.Background(), &store.Page{
			URL: at(t, "http://b/x"), Run: r.ID, Kind: store.KindExternal, Try: 1, Head: true, Status: 404, Depth: frontier.NoDepth, Fetched: time.Now(),
		}, nil, nil); err != nil {
			t.Fatal(err)
		}
		if err := w.begin(r, s).Crawl(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		same(t, "requests", w.methods("b"), "GET /robots.txt", "GET /x")
		if p := w.page(r, "http://b/x"); p.Status != 200 || p.Try != 2 || p.Head {
			t.Errorf("%+v", p)
		}
	})
}

// TestLinkThatJSONLDNamesFirst: what nobody follows as it is, is no reason to pass
// over the same address where it is a link.
func TestLinkThatJSONLDNamesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{
			"a": paths{"/": func(rw http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(rw, `<html><script type="application/ld+json">{"@context": "https://schema.org", "@type": "Thing", "url": "http://b/x"}</script><a href="/2">x</a></html>`)
			}, "/2": html("http://b/x")},
			"b": paths{"/x": html()},
		})
		r := w.crawl(checking(t, "http://a/"))
		if diff := cmp.Diff(map[string]string{"http://b/x": "external 200 try 1 by HEAD"}, w.results(r)); diff != "" {
			t.Errorf("- wanted, + got:\n%s", diff)
		}
	})
}

// TestSizesOfChecks: what a server says of a size may be nothing that there is; of
// a body that came whole it is known.
func TestSizesOfChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		io.WriteString(z, strings.Repeat("x", 5000))
		z.Close()
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/": html("http://b/absurd", "http://b/packed", "http://b/empty"),
		}, "b": paths{
			"/absurd": status(200, "Content-Length", "9223372036854775807"),
			"/packed": byMethod(status(405), func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Encoding", "gzip")
				rw.Header().Set("Content-Length", strconv.Itoa(packed.Len()))
				rw.Write(packed.Bytes())
			}),
			"/empty": status(200, "Content-Length", "0"),
		}})
		r := w.crawl(checking(t, "http://a/"))
		for path, want := range map[string]int64{"absurd": 0, "packed": 5000, "empty": 0} {
			if p := w.page(r, "http://b/"+path); p.Status != 200 || p.Size != want {
				t.Errorf("%s: %+v", path, p)
			}
		}
	})
}

// TestChecksAreNotStoredPages: after a crash a URL that was checked, and waits to be
// read, is none of the pages that the limit had room for.
func TestChecksAreNotStoredPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/": func(rw http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(rw, `<html><embed src="/x"><a href="/a">x</a><a href="http://b/1">x</a><a href="http://b/2">x</a></html>`)
			}, "/a": html("/x"), "/x": html(),
		}, "b": paths{"/robots.txt": plain("User-agent: *\nCrawl-delay: 50\n"), "/1": html(), "/2": html()}})
		s := checking(t, "http://a/")
		s.CheckAssets, s.MaxPages = true, 2
		r := w.newRun(s)
		stop := make(chan struct{})
		time.AfterFunc(60*time.Second, func() { close(stop) })
		if err := w.begin(r, s).Crawl(context.Background(), stop); err != nil {
			t.Fatal(err)
		}
		w.ended(r, store.Interrupted, "")
		r.Counts = store.Counts{} // as after kill -9
		w.restart()
		w.crawlOn(r, s)
		w.ended(r, store.Partial, "max-pages")
		if p := w.page(r, "http://a/x"); p.Kind != store.KindChecked || r.Counts.Skipped["max-pages"] != 1 || r.Counts.External != 2 {
			t.Errorf("%+v: %+v", p, r.Counts)
		}
	})
}
