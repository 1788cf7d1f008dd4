package crawler

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"crawl/frontier"
	"crawl/internal/testweb"
	"crawl/store"
)

// tagged answers with an ETag, and with 304 to a request that names it.
func tagged(tag string, body http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		body(w, r)
	}
}

func again(testweb.Hit) bool { return true }

func TestSecondRunAsksConditionally(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/":        tagged(`"1"`, html("/same", "/changes", "/untagged")),
			"/same":    tagged(`"2"`, html("/below", "/nofollow")),
			"/below":   tagged(`"3"`, html()),
			"/changes": first(1, tagged(`"4"`, html("/old")), tagged(`"5"`, html("/new"))),
			"/old":     html(), "/new": html(),
			"/untagged":    html("/x"),
			"/x":           html(),
			"/sitemap.xml": tagged(`"6"`, urlset("http://a/named")),
			"/named":       tagged(`"7"`, html()),
			"/nofollow":    html(),
		}})
		w.audit.MayRepeat = again
		s := spec(t, "http://a/")
		s.Sitemap = "auto"
		one := w.crawl(s)
		s = spec(t, "http://a/")
		s.Sitemap = "auto"
		two := w.crawl(s)
		w.ended(two, store.Complete, "")
		same(t, "pages of the second run", keys(w.pages(two)), "http://a/", "http://a/same", "http://a/changes", "http://a/untagged",
			"http://a/below", "http://a/new", "http://a/x", "http://a/sitemap.xml", "http://a/named", "http://a/nofollow")
		for _, path := range []string{"/", "/same", "/below", "/named"} {
			p := w.page(two, "http://a"+path)
			if !p.NotModified || !p.Unchanged || p.Status != 200 || p.Title != w.page(one, "http://a"+path).Title {
				t.Errorf("%s: %+v", path, p)
			}
		}
		if p := w.page(two, "http://a/changes"); p.NotModified || p.Unchanged || !p.Changed.After(p.FirstSeen) {
			t.Errorf("/changes: %+v", p)
		}
		if p := w.page(two, "http://a/untagged"); p.NotModified || !p.Unchanged {
			t.Errorf("/untagged: %+v", p)
		}
		if two.Counts.Unchanged != 8 || two.Counts.Status[2] != 9 {
			t.Errorf("counts %+v", two.Counts)
		}
	})
}

// A run that is removed while another one is told that a page is as it was then
// costs that page another request, and the other run nothing. What a run that
// goes on is held against cannot be removed.
func TestRunRemovedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var remove func()
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/":     tagged(`"1"`, html("/same")),
			"/same": first(1, tagged(`"2"`, html("/x")), func(w http.ResponseWriter, r *http.Request) { remove(); tagged(`"2"`, html("/x"))(w, r) }),
			"/x":    html(),
		}})
		w.audit.MayRepeat = again
		one := w.crawl(spec(t, "http://a/"))
		s := spec(t, "http://a/")
		s.Depth = 0
		two := w.crawl(s)
		remove = sync.OnceFunc(func() {
			st := w.store.(*store.Bolt)
			if _, err := st.Prune(t.Context(), []store.RunID{two.ID}, store.PruneOptions{}); !errors.Is(err, store.ErrNeeded) {
				t.Errorf("the baseline: %v", err)
			}
			if _, err := st.Prune(t.Context(), []store.RunID{one.ID}, store.PruneOptions{}); err != nil {
				t.Error(err)
			}
		})
		three := w.crawl(spec(t, "http://a/"))
		w.ended(three, store.Complete, "")
		same(t, "pages of the third run", keys(w.pages(three)), "http://a/", "http://a/same", "http://a/x")
		if p := w.page(three, "http://a/same"); p.NotModified || p.Status != 200 || p.Links != 1 {
			t.Errorf("/same: %+v", p)
		}
	})
}

// What an earlier run read with tighter limits is asked for whole.
func TestSecondRunWithOtherLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": tagged(`"1"`, html("/1", "/2", "/3")), "/1": html(), "/2": html(), "/3": html()}})
		w.audit.MayRepeat = again
		s := spec(t, "http://a/")
		s.MaxLinks = 1
		if r := w.crawl(s); r.Counts.Done != 2 {
			t.Errorf("the first run: %+v", r.Counts)
		}
		if r := w.crawl(spec(t, "http://a/")); r.Counts.Done != 4 {
			t.Errorf("the second run: %+v", r.Counts)
		}
	})
}

// What an earlier run read as a page is asked for whole to be read as a sitemap.
func TestSecondRunReadsASitemap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/": html("/sitemap.xml"), "/sitemap.xml": tagged(`"1"`, urlset("http://a/orphan")), "/orphan": html(),
		}})
		w.audit.MayRepeat = again
		for _, mode := range []string{"off", "auto"} {
			want := map[string]int{"off": 2, "auto": frontier.NoDepth}[mode]
			s := spec(t, "http://a/")
			s.Sitemap = mode
			if p := w.page(w.crawl(s), "http://a/orphan"); p.Depth != want {
				t.Errorf("sitemaps %s: the orphan has depth %d, want %d", mode, p.Depth, want)
			}
		}
	})
}

// A 304 to a request without a condition is a fault, and no page.
func TestNotModifiedUnasked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": status(304)}})
		r := w.crawl(spec(t, "http://a/"))
		w.ended(r, store.Empty, "http://a/: the server said 304 to a request without a condition")
		if n := len(w.asked("a")); n != 3 {
			t.Errorf("%d requests, want 3", n)
		}
		w.audit.MayRepeat = again
	})
}

// lostLinks is a store that has lost the links of a page.
type lostLinks struct{ store.Store }

func (s lostLinks) Links(ctx context.Context, p *store.Page) ([]store.Link, error) {
	if p.Run == 1 && p.URL.Path() == "/" {
		return nil, store.ErrDamaged
	}
	return s.Store.Links(ctx, p)
}

func (s lostLinks) ReadLinks(ctx context.Context, p *store.Page, read func(iter.Seq2[[]byte, *store.Link])) error {
	if _, err := s.Links(ctx, p); err != nil {
		return err
	}
	return s.Store.ReadLinks(ctx, p, read)
}

// An unchanged page whose links cannot be read is asked for whole.
func TestUnchangedPageWithoutLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": tagged(`"1"`, html("/x")), "/x": html()}})
		w.audit.MayRepeat = again
		w.crawl(spec(t, "http://a/"))
		whole := w.store
		w.store = lostLinks{whole}
		r := w.crawl(spec(t, "http://a/"))
		w.store = whole
		w.ended(r, store.Complete, "")
		same(t, "asked for", w.asked("a"), "/", "/x", "/", "/", "/x")
		if p := w.page(r, "http://a/"); p.NotModified || p.Try != 2 {
			t.Errorf("%+v", p)
		}
	})
}

// A host rests between two runs as it does within one.
func TestRestOutlastsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": first(1, html(), status(429, "Retry-After", "3600")), "/x": html()}})
		w.audit.MayRepeat = again
		w.crawl(spec(t, "http://a/"))
		s := spec(t, "http://a/")
		s.Retry = 0
		w.crawl(s)
		pushed := time.Now()
		w.restart()
		w.crawl(spec(t, "http://a/x"))
		if waited := time.Since(pushed); waited < 59*time.Minute {
			t.Errorf("the third run began after %v", waited)
		}
	})
}
