package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"crawl/internal/weburl"
)

// TestIndexParts makes an index of many parts and asks all of it.
func TestIndexParts(t *testing.T) {
	dir := t.TempDir()
	b := openTest(t, dir)
	b.maxPart = 3000
	run := beginTest(t, b).ID
	putTest(t, b, run, 0, 100)
	putMenus(t, b, run, 200)
	wantSound(t, b)
	wantMenus(t, b, run, 200)
	wantPages := 0
	for in, err := range b.Inlinks(t.Context(), run, mustParse("https://b.example/")) {
		if err != nil {
			t.Fatal(err)
		}
		wantPages += in.Links
	}
	if wantPages != 86 { // every seventh visit failed
		t.Errorf("%d of 86 visits link there", wantPages)
	}
	x := &linkIndex{}
	if err := b.get(bucketIndexed, run.key(), x); err != nil || x.Parts < 5 {
		t.Errorf("index %+v: %v", x, err)
	}
}

// wantMenus sees that the n pages of putMenus link where they should.
func wantMenus(t *testing.T, b *Bolt, run RunID, n int) {
	t.Helper()
	for j := range 8 {
		u := mustParse(fmt.Sprintf("https://m.example/%d", j))
		var found []string
		for in, err := range b.Inlinks(t.Context(), run, u) {
			if err != nil {
				t.Fatal(err)
			}
			for p, err := range in.Sources {
				if err != nil {
					t.Fatal(err)
				}
				if in.Link.Place == "nav" {
					found = append(found, p.URL.String())
				}
			}
		}
		if all := len(found); all != n || len(slices.Compact(slices.Sorted(slices.Values(found)))) != n {
			t.Errorf("%d of %d pages have %s in their menu", all, n, u)
		}
	}
}

// TestIndexStopped stops the building of an index at each link: what is there
// of it is taken for nothing, and the next one is whole.
func TestIndexStopped(t *testing.T) {
	dir := t.TempDir()
	b := openTest(t, dir)
	b.maxPart = 2000
	run := beginTest(t, b).ID
	putMenus(t, b, run, 30)
	for stop := 1; ; stop += 7 {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		err := b.IndexLinks(ctx, run, Identity{Of: func(u weburl.URL) weburl.URL {
			if n++; n == stop {
				cancel()
			}
			return u
		}})
		cancel()
		if err == nil {
			break
		}
		c := openTest(t, copyOf(t, dir))
		if there, err := c.Indexed(t.Context(), run); there || err != nil {
			t.Fatalf("stopped at %d: indexed %v, %v", stop, there, err)
		}
		wantSound(t, c)
		if err := c.IndexLinks(t.Context(), run, Identity{Of: same}); err != nil {
			t.Fatal(err)
		}
		wantMenus(t, c, run, 30)
		wantSound(t, c)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wantMenus(t, b, run, 30)
}

// TestKillIndexing kills a process that indexes links again and again.
func TestKillIndexing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	b := openTest(t, dir)
	run := beginTest(t, b).ID
	putMenus(t, b, run, 3000)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	whole := 0
	for range 6 {
		c, out := start(t, "index", dir)
		for range 1 + random.IntN(3) {
			if _, err := out.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		for range random.IntN(40_000_000) { // some moments, on any machine
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		c.Wait()
		b := openTest(t, dir)
		wantSound(t, b)
		there, err := b.Indexed(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		if there {
			whole++
			wantMenus(t, b, run, 3000)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of 6 found a whole index", whole)
}

// TestTemplatesAreKeptOnce sees what the second page with a menu costs.
func TestTemplatesAreKeptOnce(t *testing.T) {
	b := openTest(t, t.TempDir())
	run := beginTest(t, b).ID
	putMenus(t, b, run, 10)
	count := func(bucket []byte) (n, size int) {
		err := b.scan(t.Context(), bucket, nil, func(_, value []byte) bool { n, size = n+1, size+len(value); return true })
		if err != nil {
			t.Fatal(err)
		}
		return n, size
	}
	n, _ := count(bucketTemplates)
	_, before := count(bucketLinks)
	putMenus(t, b, run, 10)
	again, _ := count(bucketTemplates)
	_, after := count(bucketLinks)
	if n == 0 || n > 3 || again != n {
		t.Errorf("a menu of 8 links makes %d templates, then %d", n, again)
	}
	if per := (before + after) / 20; per > 60 {
		t.Errorf("a page with the menu and one link takes %d bytes", per)
	}
}

// TestMemory sees that groups are met again until they are forgotten, and that
// what is forgotten is taken for new.
func TestMemory(t *testing.T) {
	const most = 1000
	m := memory{most: most}
	id := func(i int) templateKey { return templateKey{byte(i), byte(i >> 8), byte(i >> 16)} }
	if _, seen := m.meet(id(0)); seen {
		t.Error("seen before it was met")
	}
	if known, seen := m.meet(id(0)); known || !seen {
		t.Errorf("met twice: known %v, seen %v", known, seen)
	}
	m.keep([]templateKey{id(0)})
	for i := 1; i <= most+1; i++ {
		m.meet(id(i))
	}
	if known, seen := m.meet(id(0)); !known || !seen {
		t.Errorf("of the generation before: known %v, seen %v", known, seen)
	}
	for i := range 2*most + 2 {
		m.meet(id(most + 2 + i))
	}
	if known, seen := m.meet(id(0)); known || seen {
		t.Errorf("forgotten: known %v, seen %v", known, seen)
	}
	if n := len(m.young) + len(m.old); n > 2*most {
		t.Errorf("%d groups are remembered", n)
	}
}

// TestOptionsMemory sees that Options.Memory reaches all that it is for.
func TestOptionsMemory(t *testing.T) {
	for memory, want := range map[int][3]int{0: {64 << 20, 64 << 20, 1 << 15}, 8 << 20: {8 << 20, 8 << 20, 1 << 12}} {
		b, err := Open(t.TempDir(), Options{Memory: memory})
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]int{b.maxPart, int(b.bodies.most), b.templates.most}; got != want {
			t.Errorf("of %d bytes a part of an index, waiting bodies and groups have %d, want %d", memory, got, want)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSets(t *testing.T) {
	for _, want := range [][]uint32{nil, {0}, {0, 0, 0}, {1, 2, 3, 9}, {0, 1, 1, 2, 2, 5, 6, 7}, {4_000_000_000}} {
		r := newReader(appendSet(nil, want))
		if got := slices.Collect(r.set(4_000_000_001)); !slices.Equal(got, want) || r.bad {
			t.Errorf("%v became %v, %v", want, got, r.bad)
		}
	}
	for _, raw := range []string{"\x80", "\x01", "\x09\xff\xff\xff\xff\xff\x01", "\x14", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01"} {
		r := newReader([]byte(raw))
		if got := slices.Collect(r.set(10)); !r.bad || len(got) > 0 {
			t.Errorf("%q is read as %v", raw, got)
		}
	}
}

// FuzzLinks reads records that may hold anything.
func FuzzLinks(f *testing.F) {
	p := pagePacker{}
	p.begin("https://a.example/")
	p.own([]Link{{Target: "https://a.example/x", Text: "x", Element: "a"}, {Target: "https://a.example/xy", Rel: "odd"}})
	p.refer(templateKey{}, 3)
	f.Add(seal(p.page.out))
	f.Add([]byte{recordVersion, codingPlain, 4, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		plain, err := unseal(raw)
		if err != nil {
			return
		}
		u := unpacker{origin: "https://a.example"}
		err = u.record(plain, func(templateKey, int) error { return nil })
		if n := len(u.links); err == nil && n > len(plain)/minPacked {
			t.Errorf("%d links in %d bytes", n, len(plain))
		}
		if _, size := len(plain), cap(u.arena); size > 1<<16+len(plain)*maxRatio*4 {
			t.Errorf("%d bytes of targets from %d", size, len(plain))
		}
		u.done()
		r, _, err := readEntry(raw)
		for err == nil && r.left() > 0 {
			v := readVariant(r, "", 0)
			n := 0
			for range newReader(v.own).set(1000) {
				n++
			}
			if n > 1000+len(v.own) {
				t.Errorf("%d pages in %d bytes", n, len(v.own))
			}
		}
	})
}
