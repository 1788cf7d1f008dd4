package query

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"crawl/store"

	"github.com/google/go-cmp/cmp"
)

// TestNearTexts: whatever differs in three bits or fewer is found, and nothing
// else is.
func TestNearTexts(t *testing.T) {
	seed := uint64(rand.Uint32())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	x := newNearTexts()
	for range 2000 {
		if hash := r.Uint64(); x.find(hash) < 0 {
			x.add(hash)
		}
	}
	for range 2000 {
		hash := x.hashes[r.IntN(len(x.hashes))]
		for range r.IntN(6) {
			hash ^= 1 << r.IntN(64)
		}
		near := slices.ContainsFunc(x.hashes, func(h uint64) bool { return distance(h, hash) <= maxDistance })
		at := x.find(hash)
		if near != (at >= 0) || near && distance(x.hashes[at], hash) > maxDistance {
			t.Fatalf("%x: found %d, there is one: %v", hash, at, near)
		}
	}
}

// Of texts with the same part no more are compared than is said, but another
// part may find them.
func TestNearTextsAreBounded(t *testing.T) {
	x := newNearTexts()
	for i := range uint64(maxCandidates + 1) {
		x.add((i+1)<<48 | (i+1)<<32) // two parts are 0 for all
	}
	if at := x.find(1<<48 | 1<<32 | 1<<16 | 1); at != 0 {
		t.Errorf("by the other parts it is %d", at)
	}
	if at := x.find(0x8001<<48 | 0x8001<<32); at != -1 {
		t.Errorf("behind too many others it is %d", at)
	}
}

// TestAlike: pages with nearly the same text are told, those with the same text
// or with little of it are not, nor those that nobody may list.
func TestAlike(t *testing.T) {
	w := newWorld(t)
	run := &store.Run{Site: "r", Settings: []byte("{}"), State: store.Complete}
	if err := w.st.Begin(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	for i, page := range []struct {
		path string
		hash uint64
		text byte
		more func(*store.Page)
	}{
		{"/a", 0xff00, 1, nil},
		{"/b-same", 0xff00, 1, nil},
		{"/c-near", 0xff03, 2, nil},
		{"/d-far", 0x1ff0f, 3, nil},
		{"/e-short", 0xff01, 4, func(p *store.Page) { p.Words = minNearWords - 1 }},
		{"/f-noindex", 0xff01, 5, func(p *store.Page) { p.NoIndex = true }},
		{"/g-other-text", 0xff00, 6, nil},
		{"/h-alone", 0xf0f0f0f0f0f0f0f0, 7, nil},
		{"/i-twice", 0xabcdabcdabcdabcd, 8, nil},
		{"/j-twice", 0xabcdabcdabcdabcd, 8, nil},
		{"/k-none", 0, 9, nil},
	} {
		w.pageOf(run, page.path, func(p *store.Page) {
			p.Simhash, p.TextHash = page.hash, [16]byte{page.text}
			p.Title, p.H1, p.Description = fmt.Sprint("title ", i), fmt.Sprint("h1 ", i), fmt.Sprint("description ", i)
			if page.more != nil {
				page.more(p)
			}
		})
	}
	db := w.database(Options{Run: run})
	const r = "https://r.example"
	want := []string{r + "/c-near " + r + "/a 2", r + "/g-other-text " + r + "/a 0"}
	if diff := cmp.Diff(want, ask(t, db, "SELECT url, alike_to, distance FROM alike ORDER BY url")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for kind, want := range map[string]string{"near": "near: " + r + "/a 3 " + r + "/a near", "exact": "text: 01", "title": ""} {
		i := slices.IndexFunc(Reports(nil), func(r Report) bool { return r.Name == "duplicates" })
		report := Reports(nil)[i]
		report.Only(kind)
		got := ask(t, db, report.Statement(RunName(run), "", false))
		if !strings.HasPrefix(strings.Join(got, "\n"), want) || (len(got) == 0) != (want == "") {
			t.Errorf("%s: %q", kind, got)
		}
	}
}
