package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"crawl/internal/weburl"
	"crawl/store"
)

var inlinkTests = []test{
	{"who links here, with what anchor, from which place", testInlinks},
	{"what all pages have is one link", testTemplates},
	{"targets are compared by identity", testInlinkIdentity},
	{"sitemaps are told apart", testInlinkSitemaps},
	{"an index holds until something is put", testIndexHolds},
	{"an index that was overtaken counts for nothing", testIndexOvertaken},
	{"links of an earlier run are indexed", testIndexShared},
	{"all sources of many", testManySources},
	{"an index says what the links say", testIndexEqualsLinks},
}

func itself(u weburl.URL) weburl.URL { return u }

func (h *house) index(r *store.Run, identity func(weburl.URL) weburl.URL) {
	h.t.Helper()
	if err := h.IndexLinks(h.ctx, r.ID, store.Identity{Of: identity}); err != nil {
		h.t.Fatalf("IndexLinks: %v", err)
	}
}

// linked is an Inlink with its sources.
type linked struct {
	store.Link
	Sitemap bool
	Sources []string
}

// inlinks reads the links to a URL, sorted, and sees that the counts are right.
func (h *house) inlinks(r *store.Run, target string) (list []linked) {
	h.t.Helper()
	var sum store.InlinkCount
	last := -1
	for _, in := range all(h.t, "Inlinks", h.Inlinks(h.ctx, r.ID, at(target))) {
		l := linked{in.Link, in.Sitemap, nil}
		for _, p := range all(h.t, "Sources", in.Sources) {
			l.Sources = append(l.Sources, p.URL.String())
		}
		if len(l.Sources) != in.Links {
			h.t.Errorf("%d links to %s have %d sources", in.Links, target, len(l.Sources))
		}
		if last >= 0 && in.Links > last {
			h.t.Errorf("%d links to %s come after %d", in.Links, target, last)
		}
		if last = in.Links; in.Sitemap {
			sum.Sitemaps += in.Links
		} else {
			sum.Pages += in.Links
		}
		slices.Sort(l.Sources)
		list = append(list, l)
	}
	got, err := h.CountInlinks(h.ctx, r.ID, at(target))
	if err != nil || got != sum {
		h.t.Errorf("CountInlinks of %s: %v, %v, want %v", target, got, err, sum)
	}
	slices.SortFunc(list, func(x, y linked) int { return slices.Compare([]string{x.Text, x.Place}, []string{y.Text, y.Place}) })
	return list
}

func testInlinks(t *testing.T, h *house) {
	r := h.begin("a")
	to := home + "gone"
	anchor := func(text, place string) store.Link {
		return store.Link{Target: to, Text: text, Element: "a", Attr: "href", Place: place}
	}
	image := store.Link{Target: to, Text: "zoom", Rel: "x", Element: "img", Attr: "src", Asset: true, NoFollow: true}
	h.fetch(r, home+"1", []byte("1"), anchor("old guide", "nav"), link(home), anchor("guide", "main"))
	h.fetch(r, home+"2", []byte("2"), anchor("guide", "main"), image)
	h.fetch(r, "https://b.example/", []byte("3"), anchor("guide", "main"), anchor("guide", "main"), anchor("guide", "footer"))
	h.fetch(r, to, []byte("4"), anchor("itself", ""))
	h.put(failure(r, home+"3"), nil, nil)
	h.index(r, itself)
	want := []linked{
		{anchor("guide", "footer"), false, []string{"https://b.example/"}},
		{anchor("guide", "main"), false, []string{home + "1", home + "2", "https://b.example/", "https://b.example/"}},
		{anchor("itself", ""), false, []string{to}},
		{anchor("old guide", "nav"), false, []string{home + "1"}},
		{image, false, []string{home + "2"}},
	}
	diff(t, "links to it", want, h.inlinks(r, to))
	h.reopen()
	diff(t, "links to it", want, h.inlinks(r, to))
	if none := h.inlinks(r, home+"1"); len(none) > 0 {
		t.Errorf("nobody links there: %v", none)
	}
	for in, err := range h.Inlinks(h.ctx, r.ID, at(to)) {
		if err != nil {
			t.Fatal(err)
		}
		for p, err := range in.Sources {
			if err != nil || p.Status != 200 || p.Run != r.ID {
				t.Errorf("source %+v, %v", p, err)
			}
			break
		}
		break
	}
}

// menu is a navigation that many pages have.
func menu(origin string, n int) (links []store.Link) {
	for i := range n {
		links = append(links, store.Link{Target: fmt.Sprintf("%stopic-%d", origin, i), Text: fmt.Sprintf("Topic %d", i), Element: "a", Attr: "href", Place: "nav"})
	}
	return links
}

func testTemplates(t *testing.T, h *house) {
	const other = "https://b.example/"
	r := h.begin("a")
	lists := map[string][]store.Link{}
	for i := range 20 {
		for _, origin := range []string{home, other} {
			u := fmt.Sprintf("%spage/%d", origin, i)
			list := menu(origin, 30)
			list = append(list, link(fmt.Sprintf("%s%d", other, i)))
			if i%4 == 0 {
				list = append(menu("https://c.example/", 5), list...)
			}
			if i%5 == 0 {
				list = append(list, list[2]) // twice on the page, once of its own
			}
			lists[u] = list
			h.fetch(r, u, []byte(u), list...)
		}
	}
	for u, list := range lists {
		h.wantLinks(h.page(r, u), list...)
	}
	h.index(r, itself)
	h.reopen()
	for u, list := range lists {
		h.wantLinks(h.page(r, u), list...)
	}
	for _, origin := range []string{home, other} {
		var want []string
		for i := range 20 {
			want = append(want, fmt.Sprintf("%spage/%d", origin, i))
		}
		slices.Sort(want)
		diff(t, "links to a topic", []linked{{menu(origin, 30)[12], false, want}}, h.inlinks(r, origin+"topic-12"))
	}
	if got := h.inlinks(r, "https://c.example/topic-3"); len(got) != 1 || len(got[0].Sources) != 10 {
		t.Errorf("%d pages have the other menu: %v", 10, got)
	}
}

func testInlinkIdentity(t *testing.T, h *house) {
	set, err := weburl.NewParamSet([]string{"utm_*"})
	if err != nil {
		t.Fatal(err)
	}
	r := h.begin("a")
	bare, tagged := link(home+"x?a=1"), link(home+"x?a=1&utm_source=y")
	h.fetch(r, home, []byte("1"), bare, tagged, link("mailto:x"), link(""), link("https://"))
	h.index(r, func(u weburl.URL) weburl.URL { return u.DropParams(set) })
	got := h.inlinks(r, bare.Target)
	slices.SortFunc(got, func(x, y linked) int { return len(x.Target) - len(y.Target) })
	diff(t, "links to both", []linked{{bare, false, []string{home}}, {tagged, false, []string{home}}}, got)
	if got := h.inlinks(r, tagged.Target); len(got) > 0 {
		t.Errorf("what is no identity has links: %v", got)
	}
}

func testInlinkSitemaps(t *testing.T, h *house) {
	r := h.begin("a")
	p := visit(r, home+"sitemap.xml", []byte("map"))
	p.Kind = store.KindSitemap
	entry := store.Link{Target: home + "x", Element: "sitemap"}
	h.put(p, []store.Link{entry, entry}, nil)
	h.fetch(r, home, []byte("1"), entry)
	h.index(r, itself)
	got := h.inlinks(r, home+"x")
	slices.SortFunc(got, func(x, y linked) int { return len(x.Sources) - len(y.Sources) })
	diff(t, "links", []linked{{entry, false, []string{home}}, {entry, true, []string{home + "sitemap.xml", home + "sitemap.xml"}}}, got)
}

func (h *house) wantIndexed(r *store.Run, want bool) {
	h.t.Helper()
	if got, err := h.Indexed(h.ctx, r.ID); err != nil || got != want {
		h.t.Errorf("Indexed returns %v, %v, want %v", got, err, want)
	}
	if want {
		return
	}
	for _, err := range h.Inlinks(h.ctx, r.ID, at(home)) {
		wantError(h.t, "Inlinks", err, store.ErrNotIndexed)
	}
	_, err := h.CountInlinks(h.ctx, r.ID, at(home))
	wantError(h.t, "CountInlinks", err, store.ErrNotIndexed)
}

func testIndexHolds(t *testing.T, h *house) {
	r, other := h.begin("a"), h.begin("b")
	wantError(t, "IndexLinks", h.IndexLinks(h.ctx, 99, store.Identity{Of: itself}), store.ErrNotFound)
	h.wantIndexed(r, false)
	h.index(r, itself) // of nothing
	h.wantIndexed(r, true)
	p := h.fetch(r, home+"1", []byte("1"), link(home))
	h.wantIndexed(r, false)
	h.index(r, itself)
	h.fetch(other, home+"1", []byte("1"), link(home))
	if err := h.Move(h.ctx, p); err != nil {
		t.Fatal(err)
	}
	h.wantIndexed(r, true)
	h.wantIndexed(other, false)
	h.reopen()
	h.wantIndexed(r, true)
	var in store.Inlink
	for in = range h.Inlinks(h.ctx, r.ID, at(home)) {
	}
	h.fetch(r, home+"1", []byte("2"), link(home+"x")) // in place of the visit before
	h.wantIndexed(r, false)
	for _, err := range in.Sources {
		wantError(t, "Sources", err, store.ErrNotIndexed)
	}
	h.index(r, itself)
	if got := h.inlinks(r, home); len(got) > 0 {
		t.Errorf("links of a visit that gave way: %v", got)
	}
	diff(t, "links", []linked{{link(home + "x"), false, []string{home + "1"}}}, h.inlinks(r, home+"x"))
}

func testIndexOvertaken(t *testing.T, h *house) {
	r := h.begin("a")
	h.fetch(r, home+"1", []byte("1"), link(home))
	puts := 0
	meanwhile := func(u weburl.URL) weburl.URL {
		done := make(chan error)
		go func() {
			puts++
			done <- h.Put(h.ctx, failure(r, numbered(puts)), nil, nil)
		}()
		if err := <-done; err != nil {
			t.Error(err)
		}
		return u
	}
	if err := h.IndexLinks(h.ctx, r.ID, store.Identity{Of: meanwhile}); err == nil {
		t.Error("pages were put while links were indexed, and nobody says so")
	}
	h.wantIndexed(r, false)
	ctx, cancel := context.WithCancel(h.ctx)
	defer cancel()
	err := h.IndexLinks(ctx, r.ID, store.Identity{Of: func(u weburl.URL) weburl.URL { cancel(); return u }})
	wantError(t, "IndexLinks", err, context.Canceled)
	h.wantIndexed(r, false)
	h.index(r, itself)
	diff(t, "links", []linked{{link(home), false, []string{home + "1"}}}, h.inlinks(r, home))
}

func testIndexShared(t *testing.T, h *house) {
	first := h.begin("a")
	list := append(menu(home, 10), link(home+"x"))
	h.fetch(first, home+"1", []byte("1"), list...)
	h.fetch(first, home+"2", []byte("2"), list...)
	second := h.begin("a")
	if p := h.fetch(second, home+"1", []byte("1"), list...); p.LinksOf != first.ID {
		t.Errorf("links are those of run %d", p.LinksOf)
	}
	h.index(second, itself)
	diff(t, "links", []linked{{link(home + "x"), false, []string{home + "1"}}}, h.inlinks(second, home+"x"))
	h.wantIndexed(first, false)
}

func testManySources(t *testing.T, h *house) {
	r := h.begin("a")
	want := map[string]bool{}
	for i := range many {
		u := numbered(i * 7)
		list := menu(home, 20)
		if i%3 == 0 {
			list = append(list, store.Link{Target: home + "topic-3", Text: "A topic"})
		}
		h.put(visit(r, u, nil), list, nil)
		want[u] = true
	}
	h.index(r, itself)
	got := h.inlinks(r, home+"topic-3")
	if len(got) != 2 || len(got[0].Sources) != (many+2)/3 {
		t.Fatalf("%d ways to link: %v", len(got), got)
	}
	diff(t, "pages", slices.Sorted(maps.Keys(want)), got[1].Sources)
	for in := range h.Inlinks(h.ctx, r.ID, at(home+"topic-3")) {
		n := 0
		for _, err := range in.Sources {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 300 {
				break
			}
		}
	}
	ctx, cancel := context.WithCancel(h.ctx)
	defer cancel()
	for in, err := range h.Inlinks(ctx, r.ID, at(home+"topic-3")) {
		if err != nil {
			t.Fatal(err)
		}
		var ended error
		for _, err := range in.Sources {
			cancel()
			ended = err
		}
		if !errors.Is(ended, context.Canceled) {
			t.Errorf("Sources end with %v", ended)
		}
		break
	}
}

// testIndexEqualsLinks holds the index of random lists against all links.
func testIndexEqualsLinks(t *testing.T, h *house) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	r := h.begin("a")
	pick := func(list ...string) string { return list[dice.IntN(len(list))] }
	type saying struct {
		target string
		said   string
	}
	want := map[saying][]string{}
	targets := map[string]bool{}
	for i := range 200 {
		u := fmt.Sprintf("https://%s.example/%d", pick("a", "b"), i)
		var list []store.Link
		for range dice.IntN(4) {
			place := pick("", "nav", "main", "footer")
			from := dice.IntN(10)
			for j := from; j < from+dice.IntN(12); j++ {
				target := fmt.Sprintf("https://%s.example/%d", pick("a", "a", "a", "b"), j)
				list = append(list, store.Link{Target: target, Text: pick("x", "y"), Element: "a", Place: place, NoFollow: j%5 == 0})
			}
		}
		h.put(visit(r, u, nil), list, nil)
		for _, l := range list {
			targets[l.Target] = true
			k := saying{l.Target, fmt.Sprintf("%+v", l)}
			want[k] = append(want[k], u)
		}
	}
	h.index(r, itself)
	got := map[saying][]string{}
	for target := range targets {
		for _, in := range h.inlinks(r, target) {
			got[saying{target, fmt.Sprintf("%+v", in.Link)}] = in.Sources
		}
	}
	for _, list := range want {
		slices.Sort(list)
	}
	if len(want) != len(got) {
		t.Errorf("%d ways to link, want %d", len(got), len(want))
	}
	for k, pages := range want {
		if !slices.Equal(got[k], pages) {
			t.Errorf("%s: on %v, want %v", k.said, got[k], pages)
		}
	}
}
