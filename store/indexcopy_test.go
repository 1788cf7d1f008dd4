package store

import (
	"errors"
	"testing"

	"crawl/internal/weburl"
)

// putAgain puts visits of all pages of a run into a new one of the same site, as
// a recrawl does that finds them unchanged; other may change a page, or leave it
// out by making it nil.
func putAgain(t *testing.T, b *Bolt, run RunID, other func(n int, p *Page) *Page) RunID {
	t.Helper()
	next, n := beginTest(t, b).ID, 0
	for p, err := range b.Pages(t.Context(), run) {
		if err != nil {
			t.Fatal(err)
		}
		links, err := b.Links(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		p.Run = next
		if p = other(n, p); p != nil {
			if err := b.Put(t.Context(), p, links, nil); err != nil {
				t.Fatal(err)
			}
		}
		n++
	}
	return next
}

// TestIndexOfAnUnchangedRun sees that the index of a run that found all as it was
// is copied, that any other is made anew, and that both are whole.
func TestIndexOfAnUnchangedRun(t *testing.T) {
	const pages = 200
	asked := 0
	id := func(name string) Identity {
		return Identity{name, func(u weburl.URL) weburl.URL { asked++; return u }}
	}
	for name, test := range map[string]struct {
		other func(n int, p *Page) *Page
		first string // names of the identities
		then  string
		want  bool // it is copied
	}{
		"all as it was":    {func(_ int, p *Page) *Page { return p }, "a", "a", true},
		"another identity": {func(_ int, p *Page) *Page { return p }, "a", "b", false},
		"no name":          {func(_ int, p *Page) *Page { return p }, "", "", false},
		"a page is gone": {func(n int, p *Page) *Page {
			if n == pages-1 {
				return nil
			}
			return p
		}, "a", "a", false},
		"a page is deeper": {func(n int, p *Page) *Page {
			if n == 9 {
				p.Depth++
			}
			return p
		}, "a", "a", false},
		"a page fails": {func(n int, p *Page) *Page {
			if n == 7 {
				p.Status = 500
			}
			return p
		}, "a", "a", false},
	} {
		t.Run(name, func(t *testing.T) {
			b := openTest(t, t.TempDir())
			b.maxPart = 3000
			first := beginTest(t, b).ID
			putMenus(t, b, first, pages)
			if err := b.IndexLinks(t.Context(), first, id(test.first)); err != nil {
				t.Fatal(err)
			}
			second := putAgain(t, b, first, test.other)
			asked = 0
			if err := b.IndexLinks(t.Context(), second, id(test.then)); err != nil {
				t.Fatal(err)
			}
			if copied := asked == 0; copied != test.want {
				t.Errorf("copied: %v", copied)
			}
			if test.want {
				wantMenus(t, b, second, pages)
				c := b.InlinkCounter(second)
				if n, err := c.Count(t.Context(), mustParse("https://m.example/3")); err != nil || c.bare || n.Pages < pages {
					t.Errorf("links are counted: %v, %v, %v", !c.bare, n, err)
				}
			}
			wantSound(t, b)
		})
	}
}

// TestIndexCopiedWhileItChanges puts a page into the run whose index is copied.
func TestIndexCopiedWhileItChanges(t *testing.T) {
	b := openTest(t, t.TempDir())
	first := beginTest(t, b).ID
	putMenus(t, b, first, 10)
	id := Identity{"a", same}
	if err := b.IndexLinks(t.Context(), first, id); err != nil {
		t.Fatal(err)
	}
	second := putAgain(t, b, first, func(_ int, p *Page) *Page { return p })
	var was linkIndex
	if err := b.get(bucketIndexed, first.key(), &was); err != nil {
		t.Fatal(err)
	}
	x := &indexing{Bolt: b, run: second, id: id}
	if err := x.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	putMenus(t, b, first, 11)
	if err := x.end(holdsStill(first, was)); !errors.Is(err, errChanged) {
		t.Errorf("the index ended with %v", err)
	}
	if err := b.IndexLinks(t.Context(), second, id); err != nil {
		t.Fatal(err)
	}
	wantMenus(t, b, second, 10)
	wantSound(t, b)
}
