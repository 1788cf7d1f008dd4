package crawler

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"crawl/store"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// with adds header fields to what a handler answers, a 304 included.
func with(h http.HandlerFunc, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		h(w, r)
	}
}

// lasting is a page with an ETag of its own that is fresh for so many seconds.
func lasting(tag string, seconds int, hrefs ...string) http.HandlerFunc {
	return with(tagged(`"`+tag+`"`, html(hrefs...)), "Cache-Control", fmt.Sprintf("max-age=%d", seconds))
}

// after is what the next run of a world is told of the run before.
func after(s *Spec, base *store.Run, cache string) *Spec {
	s.Since, s.Cache, s.Base = base.Started, cache, base.ID
	return s
}

// lately returns what was asked of host a since n requests had been sent.
func (w *world) lately(n int) []string { return w.asked("a")[n:] }

// alike compares two runs but for what a request or its absence shows. Which of the
// pages that link to one was read first may differ.
func (w *world) alike(one, two *store.Run) {
	w.t.Helper()
	skip := cmpopts.IgnoreFields(store.Page{}, "Run", "From", "Fetched", "TTFB", "Took", "Wire", "NotModified", "Cached", "Request", "Record", "FreshFor", "FreshUntil")
	url := cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })
	pages := [2]map[string]store.Page{{}, {}}
	links := [2]map[string][]store.Link{{}, {}}
	inlinks := [2]map[string]uint64{{}, {}}
	for i, r := range []*store.Run{one, two} {
		for raw, p := range w.pages(r) {
			list, err := w.store.Links(w.t.Context(), p)
			if err != nil {
				w.t.Fatal(err)
			}
			links[i][raw] = list
			n, err := w.store.CountInlinks(w.t.Context(), r.ID, p.URL)
			if err != nil {
				w.t.Fatal(err)
			}
			inlinks[i][raw] = uint64(n.Pages)
			q := *p
			q.URL = at(w.t, "http://x/")
			q.Unchanged, q.LinksOf = false, 0 // of the first run nothing is
			if q.Status != 200 {
				q.Changed = time.Time{} // what has no content is never as it was
			}
			pages[i][raw] = q
		}
		for raw, p := range pages[i] {
			leads := func(l store.Link) bool { return l.Target == raw }
			if from := pages[i][p.From]; p.From != "" && (from.Depth != p.Depth-1 || !slices.ContainsFunc(links[i][p.From], leads)) && from.Redirect != raw {
				w.t.Errorf("run %d came to %s from %q", r.ID, raw, p.From)
			}
		}
	}
	for what, d := range map[string]string{
		"pages": cmp.Diff(pages[0], pages[1], skip, url, cmp.AllowUnexported(at(w.t, "http://x/")), cmpopts.EquateEmpty()), "links": cmp.Diff(links[0], links[1]), "in-links": cmp.Diff(inlinks[0], inlinks[1]),
	} {
		if d != "" {
			w.t.Errorf("%s (- run %d, + run %d):\n%s", what, one.ID, two.ID, d)
		}
	}
}

// freshSite has pages that are fresh for a day and such that are not.
func freshSite() paths {
	expires := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Expires", time.Now().Add(24*time.Hour).UTC().Format(http.TimeFormat))
		html("/deep")(w, r)
	}
	return paths{
		"/":        lasting("1", 86400, "/fresh", "/stale", "/silent", "/never", "/expires", "/gone", "/moved", "/named"),
		"/fresh":   lasting("2", 86400, "/below", "/nothing"),
		"/below":   lasting("3", 86400, "/deep"),
		"/deep":    lasting("4", 86400),
		"/stale":   lasting("5", 60, "/below"),
		"/silent":  tagged(`"6"`, html("/deep")),
		"/never":   with(tagged(`"7"`, html()), "Cache-Control", "max-age=86400, no-cache"),
		"/expires": expires,
		"/gone":    status(404, "Cache-Control", "max-age=86400"),
		"/moved":   status(301, "Location", "/fresh", "Cache-Control", "max-age=86400"),
		"/named":   lasting("8", 86400),
		"/nothing": status(500, "Cache-Control", "max-age=86400"),
	}
}

// TestFreshPagesAreTakenOver: in the mode fresh the second run asks for what is
// stale alone, and has all that a run that revalidates has.
func TestFreshPagesAreTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": freshSite()})
		w.audit.MayRepeat = again
		seeds := func() *Spec { s := spec(t, "http://a/"); s.Retry = 0; return s }
		one := w.crawl(seeds())
		n := len(w.asked("a"))
		time.Sleep(time.Hour)
		two := w.crawl(after(seeds(), one, CacheRevalidate))
		if got := len(w.lately(n)); got != n || two.Counts.Cached != 0 {
			t.Errorf("revalidate: %d requests, %d in the first run; %+v", got, n, two.Counts)
		}
		n = len(w.asked("a"))
		time.Sleep(time.Hour)
		three := w.crawl(after(seeds(), two, CacheFresh))
		w.ended(three, two.State, two.Why)
		same(t, "asked for in the third run", w.lately(n), "/", "/stale", "/silent", "/never", "/gone", "/moved", "/nothing")
		w.alike(one, three)
		w.alike(two, three)
		c := two.Counts
		c.Cached, c.Requests, c.Received, c.Stored = three.Counts.Cached, three.Counts.Requests, three.Counts.Received, three.Counts.Stored
		if d := cmp.Diff(c, three.Counts); d != "" || c.Cached != 5 || c.Requests != 8 {
			t.Errorf("counts (- revalidated, + fresh): %s%+v", d, three.Counts)
		}
		for _, path := range []string{"/fresh", "/below", "/deep", "/expires", "/named"} {
			p, before := w.page(three, "http://a"+path), w.page(two, "http://a"+path)
			if !p.Cached || !p.Unchanged || p.NotModified || p.Wire != 0 || !p.Fetched.Equal(before.Fetched) || p.Payload != before.Payload {
				t.Errorf("%s: %+v", path, p)
			}
			if _, body, err := w.store.Body(t.Context(), p); (path == "/deep" || path == "/named") != errors.Is(err, store.ErrNotFound) || err == nil && len(body) == 0 {
				t.Errorf("%s: body: %v", path, err)
			}
		}
		// What was taken over is as old as the visit that it stands for.
		time.Sleep(22*time.Hour + 30*time.Minute)
		four := w.crawl(after(seeds(), three, CacheFresh))
		if four.Counts.Cached != 5 {
			t.Errorf("half an hour before they are stale: %+v", four.Counts)
		}
		time.Sleep(time.Hour)
		n = len(w.asked("a"))
		five := w.crawl(after(seeds(), four, CacheFresh))
		if len(w.lately(n)) != 12 || five.Counts.Cached != 0 {
			t.Errorf("when they are stale: %d requests, %+v", len(w.lately(n)), five.Counts)
		}
		six := w.crawl(after(seeds(), five, CacheFresh)) // the answers 304 have made them fresh again
		if six.Counts.Cached != 6 {                      // one of them for a minute

			t.Errorf("after they were revalidated: %+v", six.Counts)
		}
	})
}

// TestCacheOff: nothing is asked conditionally.
func TestCacheOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": freshSite()})
		w.audit.MayRepeat = again
		one := w.crawl(spec(t, "http://a/"))
		n := len(w.web.Hits())
		two := w.crawl(after(spec(t, "http://a/"), one, CacheOff))
		for _, h := range w.web.Hits()[n:] {
			if h.Status == http.StatusNotModified {
				t.Errorf("%s was asked conditionally", h.URI)
			}
		}
		if p := w.page(two, "http://a/fresh"); p.Cached || p.NotModified || !p.Unchanged {
			t.Errorf("%+v", p)
		}
		w.alike(one, two)
	})
}

// A page is asked for that a sitemap says changed since it was fetched, whether the
// sitemap is read before the page is come to or after it was taken over.
func TestLastmodOverridesFreshness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := freshSite()
		var lastmod atomic.Pointer[time.Time]
		old := time.Now().AddDate(0, 0, -3)
		lastmod.Store(&old)
		maps := func(w http.ResponseWriter, _ *http.Request) {
			at := lastmod.Load().UTC().Format(time.RFC3339)
			fmt.Fprintf(w, `<urlset><url><loc>http://a/below</loc><lastmod>%s</lastmod></url><url><loc>http://a/deep</loc><lastmod>%s</lastmod></url>`+
				`<url><loc>http://a/fresh</loc><lastmod>%s</lastmod></url></urlset>`, at, at, old.UTC().Format(time.RFC3339))
		}
		site["/sitemap.xml"] = maps
		w := newWorld(t, map[string]http.Handler{"a": site})
		w.audit.MayRepeat = again
		seeds := func() *Spec { s := spec(t, "http://a/"); s.Sitemap, s.Retry = "auto", 0; return s }
		one := w.crawl(seeds())
		asked := func(run *store.Run, path string) bool { return !w.page(run, "http://a"+path).Cached }
		two := w.crawl(after(seeds(), one, CacheFresh))
		if asked(two, "/below") || asked(two, "/deep") || asked(two, "/fresh") {
			t.Error("pages that did not change were asked for")
		}
		time.Sleep(time.Hour)
		now := time.Now()
		lastmod.Store(&now)
		three := w.crawl(after(seeds(), two, CacheFresh))
		if !asked(three, "/below") || !asked(three, "/deep") || asked(three, "/fresh") {
			t.Error("a sitemap that is read first is not heeded")
		}
		time.Sleep(time.Hour)
		four := w.crawl(after(seeds(), three, CacheFresh))
		if asked(four, "/below") || asked(four, "/deep") {
			t.Error("what a sitemap says of the time before the last visit is taken for news")
		}
		time.Sleep(time.Hour)
		now = time.Now()
		lastmod.Store(&now)
		slow := seeds()
		site["/sitemap.xml"] = first(2, status(500), maps) // its third try comes when what is fresh was taken over
		slow.Retry = 2
		n := len(w.asked("a"))
		five := w.crawl(after(slow, four, CacheFresh))
		if !asked(five, "/below") || !asked(five, "/deep") || asked(five, "/fresh") {
			t.Error("a sitemap that is read last is not heeded")
		}
		if late := w.lately(n); slices.Index(late, "/stale") > slices.Index(late, "/below") || five.Counts.Done+five.Counts.Failed != four.Counts.Done+four.Counts.Failed {
			t.Errorf("asked for %q, %+v", late, five.Counts)
		}
	})
}

// TestNotTakenOver: what must be asked for is, though its headers say that it is fresh.
func TestNotTakenOver(t *testing.T) {
	for name, prepare := range map[string]func(w *world, one *store.Run) *Spec{
		"another run saw it since": func(w *world, one *store.Run) *Spec {
			s := spec(w.t, "http://a/fresh")
			s.Depth = 0
			w.crawl(s)
			return after(spec(w.t, "http://a/"), one, CacheFresh)
		},
		"it is a seed": func(w *world, one *store.Run) *Spec {
			return after(spec(w.t, "http://a/", "http://a/fresh"), one, CacheFresh)
		},
		"no run is held against": func(w *world, one *store.Run) *Spec {
			s := after(spec(w.t, "http://a/"), one, CacheFresh)
			s.Base = 0
			return s
		},
		"the clock was set back": func(w *world, one *store.Run) *Spec {
			p := w.page(one, "http://a/fresh")
			p.Fetched = time.Now().Add(2 * time.Hour)
			if err := w.store.Move(w.t.Context(), p); err != nil {
				w.t.Fatal(err)
			}
			return after(spec(w.t, "http://a/"), one, CacheFresh)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string]http.Handler{"a": paths{"/": html("/fresh", "/other"), "/fresh": lasting("1", 86400), "/other": lasting("2", 86400)}})
				w.audit.MayRepeat = again
				one := w.crawl(spec(t, "http://a/"))
				two := w.crawl(prepare(w, one))
				if w.page(two, "http://a/fresh").Cached {
					t.Error("it was taken over")
				}
			})
		})
	}
}

// A run without bodies is followed by one that keeps them.
func TestNotTakenOverWithoutBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": html("/fresh"), "/fresh": lasting("1", 86400, "/")}})
		w.audit.MayRepeat = again
		bare := func() *Spec { s := spec(t, "http://a/"); s.Keep = false; return s }
		one := w.crawl(bare())
		two := w.crawl(after(bare(), one, CacheFresh))
		three := w.crawl(after(spec(t, "http://a/"), two, CacheFresh))
		if !w.page(two, "http://a/fresh").Cached || w.page(three, "http://a/fresh").Cached {
			t.Errorf("taken over: %+v, %+v", two.Counts, three.Counts)
		}
	})
}

// TestTakenOverWithinLimits: what is taken over is a page of the run as any other,
// and what robots.txt or a pattern forbids by now is not.
func TestTakenOverWithinLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := paths{"/": html("/1", "/2", "/3", "/no")}
		for i, path := range []string{"/1", "/2", "/3", "/no"} {
			site[path] = lasting(fmt.Sprint(i), 86400)
		}
		w := newWorld(t, map[string]http.Handler{"a": site})
		w.audit.MayRepeat = again
		one := w.crawl(spec(t, "http://a/"))
		s := after(spec(t, "http://a/"), one, CacheFresh)
		s.MaxPages = 3
		two := w.crawl(s)
		w.ended(two, store.Partial, "max-pages")
		if two.Counts.Done != 3 || two.Counts.Cached != 2 {
			t.Errorf("%+v", two.Counts)
		}
		site["/robots.txt"] = plain("User-agent: *\nDisallow: /no\n")
		three := w.crawl(after(spec(t, "http://a/"), one, CacheFresh)) // of which two saw some since
		if w.skips(three)["http://a/no"] != string(ReasonRobots) || three.Counts.Cached != 1 {
			t.Errorf("%+v, %v", three.Counts, w.skips(three))
		}
	})
}

// TestTakenOverAfterStop: a run that is stopped and goes on takes over what is left.
func TestTakenOverAfterStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := paths{}
		hrefs := []string{"/stale"}
		for i := range 30 {
			path := fmt.Sprintf("/%d", i)
			site[path], hrefs = lasting(path[1:], 86400, "/", "/stale"), append(hrefs, path)
		}
		stop := make(chan struct{})
		var asked atomic.Int32
		site["/"] = html(hrefs...)
		site["/stale"] = func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) == 2 { // in the second run
				close(stop)
			}
			html()(w, r)
		}
		w := newWorld(t, map[string]http.Handler{"a": site})
		w.audit.MayRepeat = again
		one := w.crawl(spec(t, "http://a/"))
		n := len(w.asked("a"))
		s := after(spec(t, "http://a/"), one, CacheFresh)
		s.Workers = 1
		two := w.newRun(s)
		if err := w.begin(two, s).Crawl(context.Background(), stop); err != nil {
			t.Fatal(err)
		}
		w.ended(two, store.Interrupted, "")
		w.restart()
		if err := w.begin(two, after(spec(t, "http://a/"), one, CacheFresh)).Crawl(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		w.ended(two, store.Complete, "")
		same(t, "asked for", w.lately(n), "/", "/stale")
		if two.Counts.Cached != 30 {
			t.Errorf("%+v", two.Counts)
		}
		w.alike(one, two)
	})
}

// TestTakenOverAfterCrash: wherever a crash comes, what was taken over is not asked
// for, and the run has all pages, also when they are no longer fresh.
func TestTakenOverAfterCrash(t *testing.T) {
	for _, done := range []bool{false, true} {
		for at := range int64(5) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string]http.Handler{"a": paths{"/": html("/1"), "/1": lasting("1", 3600, "/2"), "/2": lasting("2", 3600, "/3"), "/3": lasting("3", 3600)}})
				w.audit.MayRepeat = again
				one := w.crawl(spec(t, "http://a/"))
				n := len(w.asked("a"))
				s := after(spec(t, "http://a/"), one, CacheFresh)
				two, c := w.newRun(s), w.crawler()
				c.Frontier = &breaking{Frontier: w.front, at: at + 1, after: done}
				job, err := c.Begin(context.Background(), two, s)
				if err != nil {
					t.Fatal(err)
				}
				if err := job.Crawl(context.Background(), nil); !errors.Is(err, errBroken) {
					t.Fatalf("the run ended with %v", err)
				}
				stored := keys(w.pages(two))
				w.restart()
				time.Sleep(2 * time.Hour)
				if err := w.begin(two, after(spec(t, "http://a/"), one, CacheFresh)).Crawl(context.Background(), nil); err != nil {
					t.Fatal(err)
				}
				w.ended(two, store.Complete, "")
				want := []string{"/"}
				for _, path := range []string{"/1", "/2", "/3"} {
					if !slices.Contains(stored, "http://a"+path) {
						want = append(want, path)
					}
				}
				same(t, "asked for", w.lately(n), want...)
				w.alike(one, two)
			})
		}
	}
}
