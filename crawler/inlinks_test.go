package crawler

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"crawl/internal/weburl"
	"crawl/store"
)

// indexed tells whether the store can say who links to whom in a run.
func (w *world) indexed(r *store.Run) bool {
	w.t.Helper()
	there, err := w.store.Indexed(context.Background(), r.ID)
	if err != nil {
		w.t.Error(err)
	}
	return there
}

// When a run has ended, the store says who links to a page, under whichever
// address that the run takes for the same.
func TestWhoLinksHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := text(t, `
-- a/ --
<a href=/x?sid=1>first</a><a href=/y>y</a>
-- a/y --
<a href=/x>second</a><img src=/x alt=third>
`)
		s := spec(t, "http://a/")
		var err error
		if s.DropParams, err = weburl.NewParamSet([]string{"sid"}); err != nil {
			t.Fatal(err)
		}
		r := w.crawl(s)
		if !w.indexed(r) {
			t.Fatal("the run has ended and is not indexed")
		}
		var got []string
		for in, err := range w.store.Inlinks(context.Background(), r.ID, s.identity(s.Seeds[0])) {
			t.Errorf("nobody links to the seed: %v, %v", in, err)
		}
		x, err := weburl.Parse("http://a/x")
		if err != nil {
			t.Fatal(err)
		}
		for in, err := range w.store.Inlinks(context.Background(), r.ID, x) {
			if err != nil {
				t.Fatal(err)
			}
			for p, err := range in.Sources {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprintf("%s %s %s", p.URL.Path(), in.Link.Element, in.Link.Text))
			}
		}
		same(t, "links", got, "/ a first", "/y a second", "/y img third")
	})
}

// damagedLinks is a store in which links cannot be read.
type damagedLinks struct{ store.Store }

func (s damagedLinks) IndexLinks(context.Context, store.RunID, store.Identity) error {
	return fmt.Errorf("links: %w", store.ErrDamaged)
}

// Links that are damaged keep no run from ending: it would never end.
func TestDamagedLinksEndTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := text(t, "-- a/ --\n<a href=/>me</a>\n")
		whole := w.store
		w.store = damagedLinks{whole}
		r := w.crawl(spec(t, "http://a/"))
		w.store = whole
		w.ended(r, store.Complete, "")
		if w.indexed(r) {
			t.Error("what could not be indexed is said to be")
		}
	})
}
