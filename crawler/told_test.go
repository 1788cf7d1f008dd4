package crawler

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"crawl/frontier"
	"crawl/store"
)

func TestTold(t *testing.T) {
	menu := []store.Link{{Target: "http://a/1", Element: "a"}, {Target: "http://a/2", Element: "a"}}
	var m told
	count := func(depth int, links ...store.Link) int { return len(m.pick(links, depth).links) }
	if n := count(3, menu...); n != 2 {
		t.Errorf("%d of 2 are news at first", n)
	}
	m.add(m.pick(menu, 3))
	for depth, want := range map[int]int{2: 2, 3: 0, 4: 0} {
		if n := count(depth, menu...); n != want {
			t.Errorf("%d are news at depth %d, want %d", n, depth, want)
		}
	}
	if n := count(3, store.Link{Target: "http://a/1", NoFollow: true}, store.Link{Target: "http://a/1", Element: "form"}, store.Link{Target: "http://a/1", Asset: true}); n != 3 {
		t.Errorf("%d of 3 links of other kinds are news", n)
	}
	refresh := store.Link{Target: "http://a/3", Attr: "Refresh"}
	m.add(m.pick([]store.Link{refresh}, 1))
	if n := count(1, refresh); n != 1 {
		t.Error("a refresh is no news the second time, and may be one hop nearer")
	}
	late := m.pick([]store.Link{{Target: "http://a/4"}}, 1)
	m.forget()
	m.add(late)
	if n := count(4, append(menu, late.links...)...); n != 3 {
		t.Errorf("%d of 3 are news to a wider scope", n)
	}
	m.add(m.pick(menu, 1))
	if n := count(1, menu...); n != 0 {
		t.Errorf("%d of 2 are news that were told after others", n)
	}
	for i := range 6 * toldSets * toldSlots { // 48 others for a set of eight, or a few less
		m.add(m.pick([]store.Link{{Target: fmt.Sprint("http://c/", i)}}, 1))
	}
	if n := count(1, menu...); n != 2 {
		t.Errorf("%d of 2 are news when many others were met", n)
	}
	for i := range 3 * toldSets * toldSlots {
		m.add(m.pick([]store.Link{{Target: fmt.Sprint("http://b/", i)}}, 1))
		if n := count(2, menu...); i > 0 && n > 0 {
			t.Fatal("a menu that is on every page is forgotten")
		}
		m.add(m.pick(menu, 2))
	}
}

// A link that a pattern left out is followed when the pattern is gone and it is met
// again, though it was told.
func TestToldOfOtherPatterns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		menu := html("/1", "/x")
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": menu, "/1": menu, "/x": html()}})
		s := spec(t, "http://a/")
		s.Exclude = patterns(t, "/x")
		s.Manners = func(string) frontier.Manners { return frontier.Manners{Rate: 0.1} }
		r := w.newRun(s)
		job := w.begin(r, s)
		time.AfterFunc(15*time.Second, func() {
			if err := job.Tune(context.Background(), &Tuning{Manners: s.Manners}, nil); err != nil {
				t.Error(err)
			}
		})
		if err := job.Crawl(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		same(t, "asked for", w.asked("a"), "/", "/1", "/x")
	})
}

// A link that was refused while its host was out of scope is followed when a seed
// redirects there meanwhile, though it was told.
func TestToldOfAWiderScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *world
		to := func(path string) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				http.Redirect(rw, r, w.web.URL("b", path), http.StatusFound)
			}
		}
		var menu http.HandlerFunc
		late := func(rw http.ResponseWriter, r *http.Request) { menu(rw, r) } // it needs the web's addresses
		w = newWorld(t, map[string]http.Handler{
			"a": paths{"/": late, "/1": late, "/seed": to("/")},
			"b": paths{"/": html(), "/x": html()},
		})
		menu = html("/1", w.web.URL("b", "/x"))
		s := spec(t, w.web.URL("a", "/"), w.web.URL("a", "/seed"))
		r := w.crawl(s)
		if p := w.pages(r)[w.web.URL("b", "/x")]; p == nil || p.Status != 200 {
			t.Errorf("the page in the wider scope: %+v", p)
		}
	})
}

// late is a store that stores a page only when open is closed, and says before
// that it was handed in.
type late struct {
	store.Store
	path       string
	came, open chan struct{}
}

func (s late) Put(ctx context.Context, p *store.Page, links []store.Link, x *store.Exchange) error {
	if p.URL.Path() == s.path {
		close(s.came)
		<-s.open
	}
	return s.Store.Put(ctx, p, links, x)
}

// The links of an unchanged page, which are read before it is stored, are judged by
// the patterns that hold when it has been.
func TestToldOfOtherPatternsMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		menu := tagged(`"1"`, html("/1", "/x"))
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": menu, "/1": menu, "/x": html()}})
		w.audit.MayRepeat = again
		s := spec(t, "http://a/")
		s.Exclude = patterns(t, "/x")
		w.crawl(s)
		whole := w.store
		slow := late{whole, "/1", make(chan struct{}), make(chan struct{})}
		w.store = slow
		s = spec(t, "http://a/")
		s.Exclude = patterns(t, "/x")
		r := w.newRun(s)
		job := w.begin(r, s)
		go func() {
			<-slow.came
			if err := job.Tune(context.Background(), &Tuning{}, nil); err != nil {
				t.Error(err)
			}
			close(slow.open)
		}()
		if err := job.Crawl(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		w.store = whole
		if p := w.page(r, "http://a/1"); !p.NotModified || p.Links != 2 {
			t.Errorf("%+v", p)
		}
		same(t, "asked for", w.asked("a"), "/", "/1", "/", "/1", "/x")
	})
}
