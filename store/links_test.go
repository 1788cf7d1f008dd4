package store

import (
	"slices"
	"testing"
)

// Links share no memory with those that are read after them.
func TestLinksStayAsTheyWereRead(t *testing.T) {
	b := openTest(t, t.TempDir())
	run := beginTest(t, b)
	const visits = 6
	var pages []*Page
	var want, got [][]Link
	for n := range visits {
		p, links, x := testVisit(run.ID, n)
		if err := b.Put(t.Context(), p, links, x); err != nil {
			t.Fatal(err)
		}
		pages, want = append(pages, p), append(want, links)
	}
	for _, p := range pages {
		links, err := b.Links(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, links)
	}
	for n := range visits {
		if !slices.Equal(got[n], want[n]) {
			t.Errorf("visit %d has the links %v, want %v", n, got[n], want[n])
		}
	}
}
