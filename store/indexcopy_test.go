package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"crawl/internal/weburl"

	bolt "go.etcd.io/bbolt"
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

// TestIndexCopiedWhileItChanges puts a page into the run whose index is copied,
// before that begins and when some of it is done.
func TestIndexCopiedWhileItChanges(t *testing.T) {
	b := openTest(t, t.TempDir())
	first := beginTest(t, b).ID
	putMenus(t, b, first, 10)
	putLongLinks(t, b, first)
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
	begun := indexCopy{indexing: x, earlier: first, was: was, from: first.key()}
	if err := b.db.Commit(t.Context(), &write{after: begun.some}); err != nil || !begun.left() {
		t.Fatalf("all is copied at once: %v, error %v", !begun.left(), err)
	}
	putMenus(t, b, first, 11)
	for name, c := range map[string]indexCopy{"in the middle": begun, "before": {indexing: x, earlier: first, was: was, from: first.key()}} {
		x.changed = false
		if err := c.all(t.Context()); !errors.Is(err, errChanged) {
			t.Errorf("%s: the index ended with %v", name, err)
		}
	}
	if err := b.IndexLinks(t.Context(), second, id); err != nil {
		t.Fatal(err)
	}
	wantMenus(t, b, second, 10)
	wantSound(t, b)
}

// putLongLinks puts a page whose links are more than go into one transaction.
func putLongLinks(t *testing.T, b *Bolt, run RunID) {
	t.Helper()
	links := make([]Link, 3000)
	for i := range links {
		text := make([]byte, indexAtOnce/2000)
		for at := range text {
			text[at] = byte('!' + rand.IntN(90))
		}
		links[i] = Link{Target: fmt.Sprintf("https://long.example/%d", i), Text: string(text), Element: "a"}
	}
	if err := b.Put(t.Context(), &Page{URL: mustParse("https://long.example/"), Run: run, Try: 1, Status: 200}, links, nil); err != nil {
		t.Fatal(err)
	}
}

// TestLargeIndexCopied copies an index in several transactions, beside those of
// other runs.
func TestLargeIndexCopied(t *testing.T) {
	b := openTest(t, t.TempDir())
	id := Identity{"a", same}
	runs := []RunID{beginTest(t, b).ID}
	putMenus(t, b, runs[0], 300)
	putLongLinks(t, b, runs[0])
	for n := range 3 {
		if n > 0 {
			runs = append(runs, putAgain(t, b, runs[n-1], func(_ int, p *Page) *Page { return p }))
		}
		if err := b.IndexLinks(t.Context(), runs[n], id); err != nil {
			t.Fatal(err)
		}
	}
	var want linkIndex
	for n, run := range runs {
		var got linkIndex
		if err := b.get(bucketIndexed, run.key(), &got); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			want = got
		}
		if want.Build = got.Build; got != want {
			t.Errorf("run %d: %+v, want %+v", run, got, want)
		}
		wantMenus(t, b, run, 300)
	}
	wantSound(t, b)
}

// TestDamagedIndexIsNotCopied: what bbolt says of an earlier index that it cannot
// read, it says by a panic; no transaction may end of it.
func TestDamagedIndexIsNotCopied(t *testing.T) {
	b := openTest(t, t.TempDir())
	first := beginTest(t, b).ID
	putMenus(t, b, first, 10)
	id := Identity{"a", same}
	if err := b.IndexLinks(t.Context(), first, id); err != nil {
		t.Fatal(err)
	}
	second := putAgain(t, b, first, func(_ int, p *Page) *Page { return p })
	c := indexCopy{indexing: &indexing{Bolt: b, run: second, id: id}, earlier: first, from: first.key()}
	var nowhere bolt.Cursor // each move of it panics
	if c.gather(&nowhere, first.key()) {
		t.Error("what cannot be read was gathered")
	}
	if err := b.IndexLinks(t.Context(), second, id); err != nil {
		t.Fatal(err)
	}
	wantMenus(t, b, second, 10)
	wantSound(t, b)
}
