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
		if isCheck(p) {
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

// TestForeignHostsHoldNothingUp: of a host that hangs, that pushes back, that wants
// a rest or that is slow little is asked; every other one is checked all the same.
func TestForeignHostsHoldNothingUp(t *testing.T) {
	for _, tt := range []struct {
		name  string
		host  paths
		every http.HandlerFunc // of the links
		most  int              // requests for them
		took  time.Duration
		want  map[string]int // how many end so
	}{
		{"robots.txt hangs", paths{"/robots.txt": hangs}, html(), 0, 2 * time.Minute, map[string]int{"timeout": 50}},
		{"robots.txt wants a rest", paths{"/robots.txt": status(429, "Retry-After", "7200")}, html(), 0, time.Minute, map[string]int{"pushed-back": 50}},
		{"it hangs", paths{}, hangs, 3, 4 * time.Minute, map[string]int{"timeout": 2, "unreachable": 48}},
		{"it wants a rest", paths{}, status(429, "Retry-After", "7200"), 1, time.Minute, map[string]int{"429": 1, "pushed-back": 49}},
		{"it pushes back", paths{}, status(503), 3, 2 * time.Minute, map[string]int{"503": 1, "pushed-back": 49}},
		{"it hangs at HEAD", paths{}, byMethod(hangs, html()), 47, 12 * time.Minute, map[string]int{"200": 23, "timeout": 1, "unverified": 26}},
		{"it asks for less at HEAD", paths{}, byMethod(status(429, "Retry-After", "50"), html()), 45, 12 * time.Minute, map[string]int{"200": 11, "429": 1, "unverified": 38}},
		{"its server fails", paths{}, status(500), 150, 12 * time.Minute, map[string]int{"500": 15, "unverified": 35}},
		{"it asks for a pause of an hour", paths{"/robots.txt": plain("User-agent: *\nCrawl-delay: 3600\n")}, html(), 0, 2 * time.Minute, map[string]int{"pushed-back": 50}},
		{"it asks for long pauses", paths{"/robots.txt": plain("User-agent: *\nCrawl-delay: 60\n")}, html(), 10, 12 * time.Minute, map[string]int{"200": 10, "unverified": 40}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hrefs := []string{"http://c/"}
				for i := range 50 {
					hrefs = append(hrefs, fmt.Sprintf("http://b/%d", i))
					tt.host[fmt.Sprintf("/%d", i)] = tt.every
				}
				w := newWorld(t, map[string]http.Handler{"a": paths{"/": html(hrefs...)}, "b": tt.host, "c": paths{"/": html()}})
				w.audit.Delay = nil
				began := time.Now()
				r := w.crawl(checking(t, "http://a/"))
				w.ended(r, store.Complete, "")
				if took := time.Since(began); took > tt.took {
					t.Errorf("it took %v", took)
				}
				got := map[string]int{}
				for u, p := range w.pages(r) {
					if strings.HasPrefix(u, "http://b/") && p.Fault != "" {
						got[p.Fault]++
					} else if strings.HasPrefix(u, "http://b/") {
						got[fmt.Sprint(p.Status)]++
					}
				}
				for _, why := range w.skips(r) {
					got[why]++
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("- wanted, + got:\n%s", diff)
				}
				if n := len(w.asked("b")); n > tt.most {
					t.Errorf("%d requests", n)
				}
				if p := w.page(r, "http://c/"); p.Status != 200 {
					t.Errorf("%+v", p)
				}
				seen := len(w.methods("b"))
				w.audit.MayRepeat = again
				began = time.Now()
				w.crawl(checking(t, "http://a/")) // a rest holds for the next run, too
				if strings.Contains(tt.name, "rest") && len(w.methods("b")) > seen || time.Since(began) > tt.took {
					t.Errorf("the next run took %v: %q", time.Since(began), w.methods("b")[seen:])
				}
			})
		})
	}
}

// TestForeignHostsAreLimited: so many are asked, and the hosts of the run have a
// limit of their own.
func TestForeignHostsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := map[string]http.Handler{"a": paths{"/": html("http://b0/", "http://b1/", "http://b2/", "http://b3/", "/x"), "/x": html()}}
		for i := range 4 {
			hosts[fmt.Sprintf("b%d", i)] = paths{"/": html()}
		}
		w := newWorld(t, hosts)
		s := checking(t, "http://a/")
		s.MaxHosts, s.MaxForeign, s.MaxPages = 1, 3, 2
		r := w.crawl(s)
		w.ended(r, store.Complete, "")
		if r.Counts.External != 3 || r.Counts.Skipped["max-hosts"] != 1 || r.Counts.Status[2] != 2 {
			t.Errorf("%+v", r.Counts)
		}
	})
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

// TestForeignHostThatTheScopeIsWidenedTo: it was asked about links alone, and is a
// host of the run from then on.
func TestForeignHostThatTheScopeIsWidenedTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{
			"a": paths{"/": html("http://b/x", "http://c/x")},
			"b": paths{"/x": html(), "/": html("http://b/x", "http://b/y"), "/y": html()}, "c": paths{"/x": html()},
			"d": paths{"/": func(rw http.ResponseWriter, r *http.Request) {
				time.Sleep(10 * time.Second)
				http.Redirect(rw, r, "http://b/", http.StatusFound)
			}},
		})
		w.audit.MayRepeat = again // a check, and then a page
		r := w.crawl(checking(t, "http://a/", "http://d/"))
		w.ended(r, store.Complete, "")
		if p := w.page(r, "http://b/x"); p.Kind != store.KindPage || p.Depth != 1 {
			t.Errorf("%+v", p)
		}
		same(t, "external", keys(w.results(r)), "http://c/x")
		for _, h := range w.hosts(r) {
			if h.External != (h.Origin == "http://c") {
				t.Errorf("%+v", h)
			}
		}
	})
}

// TestForeignAddressesThatArePrivate: nobody's link leads into this network.
func TestForeignAddressesThatArePrivate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{
			"a": paths{"/": html("http://127.0.0.1/x", "http://b/moved", "http://[fd00::1]/x")},
			"b": paths{"/moved": status(301, "Location", "http://10.0.0.1/secret")},
		})
		w.config.AllowPrivate, w.config.Trusted = false, []string{"http://a", "http://b"}
		w.restart()
		r := w.crawl(checking(t, "http://a/"))
		w.ended(r, store.Complete, "")
		same(t, "checked", keys(w.results(r)), "http://b/moved")
		want := map[string]string{"http://127.0.0.1/x": "private", "http://10.0.0.1/secret": "private", "http://[fd00::1]/x": "private"}
		if diff := cmp.Diff(want, w.skips(r)); diff != "" {
			t.Errorf("skipped, - wanted, + got:\n%s", diff)
		}
	})
}
