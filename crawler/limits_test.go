package crawler

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crawl/frontier"
	"crawl/internal/testweb"
	"crawl/store"
)

// tree is a host whose page /n links to /2n+1 and /2n+2, without end.
func tree() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(w, r)
			return
		}
		n := 0
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &n)
		html(fmt.Sprintf("/%d", 2*n+1), fmt.Sprintf("/%d", 2*n+2))(w, r)
	})
}

func TestMaxPagesIsExact(t *testing.T) {
	for _, workers := range []int{1, 8, 64} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, map[string]http.Handler{"a": tree(), "b": tree(), "c": tree()})
			s := spec(t, "http://a/0", "http://b/0", "http://c/0")
			s.MaxPages, s.Workers, s.Manners = 50, workers, hurried
			r := w.crawl(s)
			w.ended(r, store.Partial, string(ReasonMaxPages))
			n := len(w.asked("a")) + len(w.asked("b")) + len(w.asked("c"))
			if c := r.Counts; n != 50 || c.Done != 50 || c.Skipped[string(ReasonMaxPages)] != c.Found-50 || c.Queued != 0 {
				t.Errorf("%d workers: %d requests, %+v", workers, n, c)
			}
		})
	}
}

func TestMaxPagesPerHostIsExact(t *testing.T) {
	for _, workers := range []int{1, 64} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, map[string]http.Handler{"a": tree(), "b": html("/")})
			s := spec(t, "http://a/0", "http://b/")
			s.MaxPagesHost, s.Workers = 20, workers
			s.Manners = func(string) frontier.Manners { m := hurried(""); m.PerHost = 16; return m }
			w.audit.PerHost = 16
			r := w.crawl(s)
			w.ended(r, store.Partial, string(frontier.ReasonPagesPerHost))
			if n := len(w.asked("a")); n != 20 || len(w.asked("b")) != 1 {
				t.Errorf("%d requests to a, %d to b", n, len(w.asked("b")))
			}
		})
	}
}

// A limit that is reached with the last page limits nothing.
func TestMaxPagesJustEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": html("/x"), "/x": html("/")}})
		s := spec(t, "http://a/")
		s.MaxPages, s.MaxBytes = 2, 1
		w.ended(w.crawl(s), store.Partial, string(ReasonMaxBytes))
		s = spec(t, "http://a/x")
		s.Exclude, s.MaxBytes = patterns(t, "/"), 1
		w.audit.MayRepeat = func(testweb.Hit) bool { return true }
		w.ended(w.crawl(s), store.Complete, "")
	})
}

func TestMaxTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": tree()})
		s := spec(t, "http://a/0")
		s.MaxTime = time.Minute
		s.Manners = func(string) frontier.Manners { return frontier.Manners{Rate: 1} }
		began := time.Now()
		r := w.crawl(s)
		w.ended(r, store.Partial, string(ReasonMaxTime))
		if took := time.Since(began); took < time.Minute || took > time.Minute+time.Second {
			t.Errorf("the run took %v", took)
		}
		if c := r.Counts; c.Done < 55 || c.Done > 61 || c.Skipped[string(ReasonMaxTime)] == 0 {
			t.Errorf("counts %+v", c)
		}
	})
}

// A fetch under way when the time is over has the grace to end, and no more.
func TestMaxTimeCutsWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": html("/hangs"), "/hangs": testweb.Silence().ServeHTTP}})
		s := spec(t, "http://a/")
		s.MaxTime = 5 * time.Second
		began := time.Now()
		r := w.crawl(s)
		w.ended(r, store.Partial, string(ReasonMaxTime))
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("the run took %v, want 5 s and a grace of 5 s", took)
		}
		if got := w.skips(r)["http://a/hangs"]; got != string(ReasonMaxTime) {
			t.Errorf("what hung was skipped for %q", got)
		}
	})
}

func TestMaxBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := strings.Repeat("x", 1000)
		w := newWorld(t, map[string]http.Handler{"a": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n := 0
			_, _ = fmt.Sscanf(r.URL.Path, "/%d", &n)
			plainHTML(w, fmt.Sprintf("<a href=/%03d>%s</a>", n+1, body))
		})})
		s := spec(t, "http://a/000")
		s.MaxBytes, s.Robots = 10000, "ignore"
		w.excused = append(w.excused, "before robots.txt was answered")
		r := w.crawl(s)
		w.ended(r, store.Partial, string(ReasonMaxBytes))
		if c := r.Counts; c.Done != 10 || c.Received < 10000 || c.Received > 11000 {
			t.Errorf("counts %+v", c)
		}
	})
}

func plainHTML(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = w.Write([]byte(body))
}

// The bytes of earlier sessions count.
func TestMaxBytesOverSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": tree()})
		s := spec(t, "http://a/0")
		s.MaxBytes = 1000
		r := w.newRun(s)
		r.Counts.Received = 990
		if err := w.begin(r, s).Crawl(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		w.ended(r, store.Partial, string(ReasonMaxBytes))
		if r.Counts.Done != 1 {
			t.Errorf("%d pages, want 1", r.Counts.Done)
		}
	})
}

// The bytes of a session that was killed count, too: it wrote no counts.
func TestMaxBytesAfterAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": tree()})
		s := spec(t, "http://a/0")
		s.Manners = func(string) frontier.Manners { return frontier.Manners{Rate: 1} }
		r := w.newRun(s)
		ctx, cut := context.WithTimeout(context.Background(), 30*time.Second+time.Millisecond) // between two requests
		defer cut()
		if err := w.begin(r, s).Crawl(ctx, nil); err != nil {
			t.Fatal(err)
		}
		w.ended(r, store.Interrupted, "")
		s = spec(t, "http://a/0")
		s.MaxBytes, r.Counts = int64(r.Counts.Received)+1, store.Counts{}
		before := len(w.pages(r))
		if err := w.begin(r, s).Crawl(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		w.ended(r, store.Partial, string(ReasonMaxBytes))
		if n := len(w.pages(r)); before < 20 || n != before+1 {
			t.Errorf("%d pages, %d after the resume, want one more", before, n)
		}
	})
}

// The time of a session that was killed counts, to within a tick: whatever it
// would have written at its end, it wrote nothing then.
func TestMaxTimeAfterAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": tree()})
		newSpec := func() *Spec {
			s := spec(t, "http://a/0")
			s.MaxTime = 100 * time.Second
			s.Manners = func(string) frontier.Manners { return frontier.Manners{Rate: 1} }
			return s
		}
		s := newSpec()
		r := w.newRun(s)
		c := w.crawler()
		c.Frontier = &breaking{Frontier: w.front, at: 70} // about a second each
		job, err := c.Begin(context.Background(), r, s)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := job.Crawl(context.Background(), nil); !errors.Is(err, errBroken) {
			t.Fatalf("the run ended with %v", err)
		}
		first := time.Since(began)
		w.restart()
		if r, err = w.store.Run(context.Background(), r.ID); err != nil {
			t.Fatal(err)
		}
		if lost := first - time.Duration(r.Active); first < time.Minute || lost < 0 || lost > recordEvery || r.Counts.Requests < 40 {
			t.Errorf("of %v the store knows %v, and %d requests", first, time.Duration(r.Active), r.Counts.Requests)
		}
		left := 100*time.Second - time.Duration(r.Active)
		began = time.Now()
		if err := w.begin(r, newSpec()).Crawl(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		w.ended(r, store.Partial, string(ReasonMaxTime))
		if took := time.Since(began); took < left || took > left+time.Second {
			t.Errorf("the second session took %v, want %v", took, left)
		}
	})
}

func TestURLFoundTooDeepThenNearer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// /long leads to /deep in three clicks, /slow in one, much later.
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/": html("/1", "/slow"), "/1": html("/2"), "/2": html("/deep"), "/deep": html("/below"), "/below": html("/bottom"), "/bottom": html(),
			"/slow": func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(15 * time.Second) // virtual
				html("/deep")(w, r)
			},
		}})
		s := spec(t, "http://a/")
		s.Depth, s.Workers = 3, 8
		s.Manners = func(string) frontier.Manners { m := hurried(""); m.PerHost = 8; return m }
		w.audit.PerHost = 8
		r := w.crawl(s)
		w.ended(r, store.Complete, "")
		for path, depth := range map[string]int{"/": 0, "/1": 1, "/slow": 1, "/2": 2, "/deep": 2, "/below": 3} {
			if p := w.page(r, "http://a"+path); p.Depth != depth {
				t.Errorf("%s has depth %d, want %d", path, p.Depth, depth)
			}
		}
		if got := w.skips(r)["http://a/bottom"]; got != string(ReasonDepth) {
			t.Errorf("/bottom was skipped for %q", got)
		}
	})
}

// The same with two seeds, and where a page was known under a host's page limit.
func TestURLFoundTooDeepFromAnotherSeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{
			"a": paths{"/": html("/1"), "/1": html("http://b/x")},
			"b": paths{"/": html("/slow"), "/slow": html("/x"), "/x": html("/y"), "/y": html()},
		})
		s := spec(t, "http://a/", "http://b/")
		s.Depth = 2
		s.Manners = func(origin string) frontier.Manners {
			if origin == "http://b" {
				return frontier.Manners{Rate: 0.1}
			}
			return hurried("")
		}
		r := w.crawl(s)
		w.ended(r, store.Complete, "")
		same(t, "asked of b", w.asked("b"), "/", "/slow", "/x")
		if got := w.skips(r)["http://b/y"]; got != string(ReasonDepth) {
			t.Errorf("/y was skipped for %q", got)
		}
	})
}

func TestOrder(t *testing.T) {
	for order, want := range map[string][]string{
		"bfs":      {"/0", "/1", "/2", "/3", "/4", "/5", "/6"},
		"dfs":      {"/0", "/1", "/3", "/7", "/15", "/31", "/63"},
		"priority": {"/0", "/sitemap.xml", "/9", "/19", "/20", "/1", "/2"},
	} {
		synctest.Test(t, func(t *testing.T) {
			site := http.NewServeMux()
			site.Handle("/", tree())
			site.Handle("/sitemap.xml", plain(`<urlset><url><loc>http://a/9</loc><priority>0.9</priority></url></urlset>`))
			w := newWorld(t, map[string]http.Handler{"a": site})
			s := spec(t, "http://a/0")
			s.Order, s.Workers, s.MaxPages = order, 1, 7
			if order == "priority" {
				s.Sitemap = "auto"
			}
			w.crawl(s)
			got := w.asked("a")
			if order == "priority" { // what links below a page of high priority has the usual one
				got = got[:min(len(got), 3)]
				want = []string{"/sitemap.xml", "/0", "/9"}
				slices.Sort(got)
				slices.Sort(want)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: asked for %q, want %q", order, got, want)
			}
		})
	}
}

func TestTrapsEnd(t *testing.T) {
	for name, test := range map[string]struct {
		site http.Handler
		seed string
		most int
		end  string
		why  string
	}{
		"calendar":      {testweb.Calendar(), "http://a/?month=2026-01", 60, store.Partial, string(ReasonMaxPages)},
		"sessions":      {testweb.Sessions(), "http://a/", 60, store.Partial, string(ReasonMaxPages)},
		"path loop":     {testweb.PathLoop(), "http://a/", 10, store.Complete, ""},
		"redirect loop": {testweb.RedirectLoop(5), "http://a/0", 6, store.Empty, "http://a/0 redirects more than 10 times"},
		"to itself":     {testweb.RedirectLoop(1), "http://a/0", 2, store.Empty, "http://a/0 redirects more than 10 times"},
		"endless body":  {testweb.EndlessBody(), "http://a/", 2, store.Complete, ""},
		"gzip bomb":     {testweb.GzipBomb(100), "http://a/", 2, store.Complete, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := http.NewServeMux()
				site.Handle("/", test.site)
				site.Handle("/robots.txt", status(404))
				w := newWorld(t, map[string]http.Handler{"a": site})
				w.config.MaxBody = 1 << 20
				w.restart()
				s := spec(t, test.seed)
				s.MaxPages, s.Manners = 60, hurried
				r := w.crawl(s)
				w.ended(r, test.end, test.why)
				if n := len(w.asked("a")); n > test.most {
					t.Errorf("%d requests, want at most %d", n, test.most)
				}
				if name == "path loop" && r.Counts.Skipped[string(ReasonTrap)] != 1 {
					t.Errorf("the trap is not named: %+v", r.Counts)
				}
			})
		})
	}
}

// A calendar without end ends at the limit of pages that are alike, over
// sessions too, and what a sitemap names is not bound by it.
func TestVariants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := http.NewServeMux()
		site.Handle("/", testweb.Calendar())
		site.Handle("/sitemap.xml", urlset("http://a/?month=2030-01", "http://a/?month=2031-01"))
		site.Handle("/robots.txt", status(404))
		w := newWorld(t, map[string]http.Handler{"a": site})
		newSpec := func() *Spec {
			s := spec(t, "http://a/?month=2026-01")
			s.MaxVariants, s.Sitemap = 20, "auto"
			return s
		}
		s := newSpec()
		r := w.newRun(s)
		ctx, cut := context.WithTimeout(context.Background(), 4*time.Second+time.Millisecond)
		defer cut()
		if err := w.begin(r, s).Crawl(ctx, nil); err != nil {
			t.Fatal(err)
		}
		w.ended(r, store.Interrupted, "")
		w.restart()
		w.crawlOn(r, newSpec())
		w.ended(r, store.Complete, "")
		if n := len(w.asked("a")); n != 1+2+20+1 { // the seed, two of the sitemap, and it
			t.Errorf("%d requests", n)
		}
		if n := r.Counts.Skipped[string(ReasonTrap)]; n == 0 || r.Counts.Found != r.Counts.Done+n {
			t.Errorf("counts %+v", r.Counts)
		}
		for s, err := range w.store.Skips(context.Background(), r.ID) {
			if err != nil || s.Rule != "more than 20 of /?month=*" {
				t.Errorf("%+v, %v", s, err)
			}
		}
	})
}

// A chain of redirects that changes its address each time, and one in which
// redirects and refreshes take turns, end at the limit.
func TestEndlessRedirects(t *testing.T) {
	next := func(r *http.Request) (n int, to string) {
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &n)
		return n, fmt.Sprintf("/%d", n+1)
	}
	for name, site := range map[string]http.HandlerFunc{
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			_, to := next(r)
			http.Redirect(w, r, to, http.StatusFound)
		},
		"taking turns": func(w http.ResponseWriter, r *http.Request) {
			n, to := next(r)
			switch n % 3 {
			case 0:
				http.Redirect(w, r, to, http.StatusMovedPermanently)
			case 1:
				plainHTML(w, `<meta http-equiv=refresh content="0; url=`+to+`">`)
			default:
				w.Header().Set("Refresh", "0; url="+to)
				plainHTML(w, "")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mux := http.NewServeMux()
				mux.Handle("/", site)
				mux.Handle("/robots.txt", status(404))
				w := newWorld(t, map[string]http.Handler{"a": mux})
				r := w.crawl(spec(t, "http://a/0"))
				if name == "redirects" {
					w.ended(r, store.Empty, "http://a/0 redirects more than 10 times")
				} else {
					w.ended(r, store.Complete, "")
				}
				if n := len(w.asked("a")); n != 11 {
					t.Errorf("%d requests, want 11", n)
				}
				if got := w.skips(r)["http://a/11"]; got != string(ReasonRedirects) {
					t.Errorf("/11 was skipped for %q", got)
				}
			})
		})
	}
}
