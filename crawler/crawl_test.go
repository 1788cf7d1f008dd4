package crawler

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crawl/frontier"
	"crawl/internal/testweb"
	"crawl/store"
)

// A seed that takes long to answer is followed all the same.
func TestSlowSeedIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/": func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(19 * time.Second) // virtual; the limit is 20 s
				html("/x")(w, r)
			}, "/x": html(),
		}})
		r := w.crawl(spec(t, "http://a/"))
		if r.Counts.Done != 2 {
			t.Errorf("counts %+v", r.Counts)
		}
	})
}

// Many pages name the same URL at once, and it is fetched once.
func TestURLFoundByManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := map[string]http.Handler{"target": paths{"/": html(), "/x": html()}}
		seeds := []string{"http://target/"}
		for i := range 30 {
			name := fmt.Sprintf("h%d", i)
			hosts[name] = html("http://target/x", "http://target/x#a", "http://TARGET:80/x")
			seeds = append(seeds, "http://"+name+"/")
		}
		w := newWorld(t, hosts)
		s := spec(t, seeds...)
		s.Robots = "ignore"
		w.excused = append(w.excused, "before robots.txt was answered")
		w.crawl(s)
		if n := w.times("target", "/x"); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

// Many links to a host that nobody knew yet: one clock for all of them.
func TestHostFoundByManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts, target := map[string]http.Handler{}, paths{"/": html()}
		var seeds []string
		for i := range 20 {
			name, path := fmt.Sprintf("h%d.acme.test", i), fmt.Sprintf("/%d", i)
			hosts[name] = paths{"/": html("http://new.acme.test" + path)}
			target[path] = html()
			seeds = append(seeds, "http://"+name+"/")
		}
		hosts["new.acme.test"] = target
		w := newWorld(t, hosts)
		w.audit.Delay = func(string) time.Duration { return time.Second / 2 }
		s := spec(t, seeds...)
		s.Scope = ScopeDomain
		s.Manners = func(string) frontier.Manners { return frontier.Manners{Rate: 2} }
		r := w.crawl(s)
		if r.Counts.Done != 40 || w.times("new.acme.test", "/robots.txt") != 1 {
			t.Errorf("counts %+v", r.Counts)
		}
	})
}

func TestOutOfScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"example.com": paths{
			"/": html("http://notexample.com/", "http://example.com.evil.test/", "http://evil.test/?u=http://example.com", "//evil.test/example.com", "http://example.com@evil.test/"),
		}})
		r := w.crawl(spec(t, "http://example.com/"))
		w.ended(r, store.Complete, "")
		if n := r.Counts.Skipped[string(ReasonScope)]; n != 5 || r.Counts.Found != 6 {
			t.Errorf("counts %+v", r.Counts)
		}
	})
}

func TestRulesForLinks(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*Spec)
		asked   []string
		skipped map[string]frontier.Reason
	}{
		"include": {
			func(s *Spec) { s.Include = patterns(t, "/docs/*") },
			[]string{"/", "/docs/1", "/docs/2?sid=1"},
			map[string]frontier.Reason{"/shop": ReasonExcluded},
		},
		"exclude": {
			func(s *Spec) { s.Exclude = patterns(t, "re:docs/\\d$", "/s*.css") },
			[]string{"/", "/shop", "/docs/2?sid=1"},
			map[string]frontier.Reason{"/docs/1": ReasonExcluded, "/style.css": ReasonExcluded},
		},
		"drop": {
			func(s *Spec) { s.DropParams = params(t, "sid") }, // from what a URL is known by, not from the request
			[]string{"/", "/shop", "/docs/1", "/docs/2?sid=1"},
			nil,
		},
		"assets": {
			func(s *Spec) { s.Assets = true },
			[]string{"/", "/shop", "/docs/1", "/docs/2?sid=1", "/i.png", "/style.css", "/import.css", "/back.png"},
			nil,
		},
		"assets at the limit": {
			func(s *Spec) { s.Assets, s.Depth = true, 0 },
			[]string{"/", "/i.png", "/style.css", "/import.css", "/back.png"},
			map[string]frontier.Reason{"/shop": ReasonDepth},
		},
		"no assets": {
			nil,
			[]string{"/", "/shop", "/docs/1", "/docs/2?sid=1"},
			map[string]frontier.Reason{"/i.png": ReasonAsset, "/style.css": ReasonAsset},
		},
		"one page": {
			func(s *Spec) { s.Scope, s.Assets = ScopePage, true },
			[]string{"/", "/i.png", "/style.css", "/import.css", "/back.png"},
			map[string]frontier.Reason{"/shop": ReasonScope},
		},
		"too long": {
			func(s *Spec) { s.MaxURL = len("http://a/docs/1") },
			[]string{"/", "/shop", "/docs/1"},
			map[string]frontier.Reason{"/docs/2?sid=1": ReasonTooLong},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string]http.Handler{"a": paths{
					"/": func(w http.ResponseWriter, _ *http.Request) {
						plainHTML(w, `<link rel=stylesheet href=/style.css><img src=/i.png><a href=/shop>x</a><a href=/docs/1>x</a><a href="/docs/2?sid=1">x</a>`)
					},
					"/style.css": css(`@import "/import.css";`), "/import.css": css("body { background: url(/back.png) }"),
					"/shop": html(), "/docs/1": html(), "/docs/2?sid=1": html(), "/i.png": status(204), "/back.png": status(204),
				}})
				s := spec(t, "http://a/")
				if test.change != nil {
					test.change(s)
				}
				r := w.crawl(s)
				w.ended(r, store.Complete, "")
				same(t, "asked for", w.asked("a"), test.asked...)
				skips := w.skips(r)
				for path, why := range test.skipped {
					if got := skips["http://a"+path]; got != string(why) {
						t.Errorf("%s was skipped for %q, want %q", path, got, why)
					}
				}
			})
		})
	}
}

func css(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css")
		_, _ = w.Write([]byte(body))
	}
}

// A chain of style sheets that import one another ends.
func TestEndlessImports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mux := http.NewServeMux()
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			n := 0
			_, _ = fmt.Sscanf(r.URL.Path, "/%d", &n)
			css(fmt.Sprintf(`@import "/%d.css"`, n+1))(w, r)
		})
		mux.Handle("/robots.txt", status(404))
		mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { plainHTML(w, `<link rel=stylesheet href=/1.css>`) })
		w := newWorld(t, map[string]http.Handler{"a": mux})
		s := spec(t, "http://a/page")
		s.Assets, s.Depth = true, 0
		r := w.crawl(s)
		w.ended(r, store.Complete, "")
		if n := len(w.asked("a")); n != 1+maxAssetDeep {
			t.Errorf("%d requests, want %d", n, 1+maxAssetDeep)
		}
	})
}

// Bodies that drip, never end or hide their length take bounded time.
func TestSlowBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/": html("/drip", "/silent", "/streamed"), "/drip": testweb.Drip(-1, 5*time.Second).ServeHTTP, "/silent": testweb.Silence().ServeHTTP,
			"/streamed": func(w http.ResponseWriter, _ *http.Request) { // no length: chunked
				for range 3 {
					plainHTML(w, strings.Repeat("<p>x", 10)+"<a href=/end>x</a>")
					_ = http.NewResponseController(w).Flush()
				}
			}, "/end": html(),
		}})
		w.config.MinSpeed = 64
		w.restart()
		s := spec(t, "http://a/")
		s.Retry = 0
		began := time.Now()
		r := w.crawl(s)
		w.ended(r, store.Complete, "")
		if took := time.Since(began); took > time.Minute {
			t.Errorf("the run took %v", took)
		}
		for path, fault := range map[string]string{"/drip": FaultIncomplete, "/silent": "timeout", "/streamed": "", "/end": ""} {
			if p := w.page(r, "http://a"+path); p.Fault != fault {
				t.Errorf("%s: fault %q, want %q", path, p.Fault, fault)
			}
		}
		if r.Counts.Failed != 2 || r.Counts.Done != 3 {
			t.Errorf("counts %+v", r.Counts)
		}
	})
}

// Titles and links are read in the charset of header, meta, or neither.
func TestCharsets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := func(contentType, body string) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", contentType)
				_, _ = w.Write([]byte(body))
			}
		}
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/":       html("/header", "/meta", "/wrong", "/none"),
			"/header": page("text/html; charset=iso-8859-1", "<title>caf\xe9</title>"),
			"/meta":   page("text/html", "<meta charset=shift_jis><title>\x93\xfa\x96\x7b</title>"),
			"/wrong":  page("text/html; charset=no-such-thing", "<meta charset=utf-8><title>café</title>"),
			"/none":   page("text/html", "<title>café</title>"),
		}})
		r := w.crawl(spec(t, "http://a/"))
		for path, title := range map[string]string{"/header": "café", "/meta": "日本", "/wrong": "café", "/none": "café"} {
			if p := w.page(r, "http://a"+path); p.Title != title {
				t.Errorf("%s: title %q (%s), want %q", path, p.Title, p.Charset, title)
			}
		}
	})
}

// The planted faults of the demo are found, over real sockets.
func TestDemo(t *testing.T) {
	w := open(t, testweb.Config{}, testweb.Demo())
	s := spec(t, w.web.URL("shop", "/"), w.web.URL("blog", "/"))
	s.Manners, s.Sitemap, s.Assets, s.Depth = hurried, "auto", true, -1
	s.Exclude = patterns(t, "re:/calendar\\?month=(2026-0[2-9]|2026-1|202[^6]|20[^2])")
	r := w.crawl(s)
	w.ended(r, store.Complete, "")
	pages := w.pages(r)
	for _, u := range testweb.DemoTruth() {
		raw := w.web.URL(u.Host, u.Path)
		if u.Path == "/robots.txt" {
			continue
		}
		p := pages[raw]
		if u.Fault == testweb.FaultDisallowed {
			if p != nil {
				t.Errorf("%s is disallowed and was fetched", u.Path)
			}
			continue
		}
		if p == nil || p.Status != u.Status {
			t.Errorf("%s%s: %+v, want status %d", u.Host, u.Path, p, u.Status)
			continue
		}
		switch u.Fault {
		case testweb.FaultRedirect, testweb.FaultChain, testweb.FaultLoop:
			if p.Redirect != w.web.URL(u.Host, u.To) {
				t.Errorf("%s%s redirects to %s, want %s", u.Host, u.Path, p.Redirect, u.To)
			}
		case testweb.FaultOrphan:
			if p.Depth != frontier.NoDepth {
				t.Errorf("%s%s has depth %d", u.Host, u.Path, p.Depth)
			}
		}
	}
}

// Progress and events tell what the counts do in the end.
func TestProgressAndEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/": html("/x", "/none", "/broken", "http://b/"), "/x": html(), "/broken": status(500), "/sitemap.xml": urlset("http://a/x"),
		}})
		s := spec(t, "http://a/")
		s.Sitemap, s.Retry, s.Keep = "auto", 0, false
		r := w.newRun(s)
		c := w.crawler()
		var pages, skips int
		var job *Job
		var last Progress
		c.Watch = func(e Event) { // one host, one request at a time: one event at a time
			if e.Page != nil {
				pages++
				last = job.Progress()
			}
			if e.Skip != nil {
				skips++
			}
		}
		job, err := c.Begin(t.Context(), r, s)
		if err != nil {
			t.Fatal(err)
		}
		if err := job.Crawl(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if pages != 5 || skips != 1 {
			t.Errorf("told of %d pages and %d skipped URLs, want 5 and 1", pages, skips)
		}
		if last.Status != r.Counts.Status || last.Status != [6]uint64{2: 2, 4: 1, 5: 1} || uint64(last.Received) != r.Counts.Received {
			t.Errorf("progress %+v, counts %+v", last, r.Counts)
		}
		if last.Found != r.Counts.Found || last.InFlight != 1 {
			t.Errorf("progress %+v, counts %+v", last, r.Counts)
		}
		if after := job.Progress(); after.Found != 0 || after.Received != last.Received {
			t.Errorf("after the end: %+v", after)
		}
		if p := w.page(r, "http://a/x"); p.Record.Segment != 0 {
			t.Errorf("a body was kept at %+v", p.Record)
		}
	})
}

// Not even a fetch that takes an hour is taken for lost.
func TestLeaseOutlastsTheFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": testweb.Drip(60, time.Minute).ServeHTTP}})
		w.config.MaxTime = 2 * time.Hour
		w.restart()
		s := spec(t, "http://a/")
		s.MaxFetch = 2 * time.Hour
		r := w.crawl(s)
		w.ended(r, store.Complete, "")
		if n := len(w.asked("a")); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}
