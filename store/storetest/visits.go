package storetest

import (
	"slices"
	"testing"
	"time"

	"crawl/store"
)

var visitTests = []test{
	{"a visit is kept whole", testVisitWhole},
	{"a later try takes the place of an earlier one", testTries},
	{"a visit needs a run and a URL", testNoVisit},
	{"an unknown visit is not found", testUnknownVisit},
	{"links are kept in order", testLinks},
	{"visits come in the order of their keys", testPagesOrder},
	{"a visit can be moved", testMove},
	{"what was put lately is told until the run ends", testLately},
}

func testVisitWhole(t *testing.T, h *house) {
	r := h.begin("a")
	p := visit(r, "https://a.example/x?y=z", []byte("hello"))
	p.Kind, p.Try, p.TTFB, p.Took = store.KindSitemap, 3, time.Millisecond, 2*time.Millisecond
	p.Redirect, p.Proto, p.Addr, p.TLS = "https://a.example/to", "HTTP/2.0", "192.0.2.1:443", "expired"
	p.HasAfter, p.After, p.Passing, p.FaultText = true, time.Minute, true, "text"
	p.Type, p.MIME, p.Charset, p.Encoding, p.ETag, p.Modified = "html", "text/html", "utf-8", "br", `"1"`, "yesterday"
	p.Truncated, p.Damaged, p.ParseLimit = "length", "brotli", "links"
	p.Title, p.H1, p.Description, p.Lang, p.Canonical, p.Canonicals = "t", "h", "d", "de", "https://a.example/", 2
	p.NoIndex, p.NoFollow, p.Words, p.Depth, p.Hops, p.From, p.Barred = true, true, 7, 4, 2, "https://a.example/from", "/x"
	p.FirstSeen, p.Changed, p.Unchanged, p.Links, p.LinksOf = noon, noon, true, 9, 9 // Put says what these are
	h.put(p, []store.Link{link("https://b.example/")}, answer(r, 200, []byte("hello"), "Content-Encoding", "br"))
	if p.Unchanged || !p.FirstSeen.Equal(p.Fetched) || !p.Changed.Equal(p.Fetched) || p.Links != 1 || p.LinksOf != r.ID {
		t.Errorf("Put fills in %+v", p)
	}
	if kept(p) <= 0 || p.Record == (store.Place{}) || p.Payload != p.Record || p.Request == p.Record || p.PayloadURL != p.URL.String() {
		t.Errorf("Put fills in %+v", p)
	}
	diff(t, "page", p, h.page(r, "https://a.example/x?y=z"))
	h.reopen()
	diff(t, "page", p, h.page(r, "https://a.example/x?y=z"))
	last, good, err := h.Latest(h.ctx, p.URL)
	if err != nil || good != nil {
		t.Errorf("a cut page is good: %v, %v", good, err)
	}
	diff(t, "last", p, last)
}

func testTries(t *testing.T, h *house) {
	const u = "https://a.example/"
	r := h.begin("a")
	busy := visit(r, u, []byte("busy"))
	busy.Status = 503
	h.put(busy, []store.Link{link(u + "1"), link(u + "2")}, answer(r, 503, []byte("busy")))
	failed := failure(r, u)
	failed.Try = 2
	h.put(failed, nil, nil)
	got := h.page(r, u)
	diff(t, "second try", failed, got)
	h.wantLinks(got)
	_, _, err := h.Body(h.ctx, got)
	wantError(t, "Body", err, store.ErrNotFound)

	p := visit(r, u, []byte("hello"))
	p.Try = 3
	h.put(p, []store.Link{link(u + "3")}, answer(r, 200, []byte("hello")))
	got = h.page(r, u)
	diff(t, "third try", p, got)
	h.wantLinks(got, link(u+"3"))
	h.wantBody(got, []byte("hello"))
	if pages := all(t, "Pages", h.Pages(h.ctx, r.ID)); len(pages) != 1 {
		t.Errorf("three tries are %d visits", len(pages))
	}
	if !got.FirstSeen.Equal(busy.Fetched) || got.Unchanged {
		t.Errorf("three tries of one run: %+v", got)
	}
}

func testNoVisit(t *testing.T, h *house) {
	r := h.begin("a")
	p := visit(r, "https://a.example/", nil)
	p.Run = 0
	none := &store.Page{Run: r.ID}
	for _, bad := range []*store.Page{p, none} {
		if err := h.Put(h.ctx, bad, nil, nil); err == nil {
			t.Errorf("Put takes %v of run %d", bad.URL, bad.Run)
		}
		if err := h.Move(h.ctx, bad); err == nil {
			t.Errorf("Move takes %v of run %d", bad.URL, bad.Run)
		}
	}
	if err := h.PutSkips(h.ctx, r.ID, []store.Skip{{}}); err == nil {
		t.Error("PutSkips takes a skip of nothing")
	}
	if err := h.PutHosts(h.ctx, r.ID, []store.Host{{}}); err == nil {
		t.Error("PutHosts takes a host without a name")
	}
	if err := h.PutRobots(h.ctx, &store.Robots{Run: r.ID, Origin: "https://a.example"}, nil); err == nil {
		t.Error("PutRobots takes a file without a URL")
	}
	h.fetch(r, "https://a.example/", []byte("x")) // and none of it harmed the store
}

func testUnknownVisit(t *testing.T, h *house) {
	r := h.begin("a")
	h.fetch(r, "https://a.example/b", []byte("x"))
	other := h.begin("a")
	for _, c := range []struct {
		run store.RunID
		u   string
	}{{r.ID, "https://a.example/"}, {r.ID, "https://a.example/b?"}, {r.ID, "http://a.example/b"}, {other.ID, "https://a.example/b"}, {9, "https://a.example/b"}} {
		p, err := h.Page(h.ctx, c.run, at(c.u))
		wantError(t, "Page", err, store.ErrNotFound)
		if p != nil {
			t.Errorf("a page came with the error: %v", p)
		}
	}
	last, good, err := h.Latest(h.ctx, at("https://a.example/"))
	if last != nil || good != nil || err != nil {
		t.Errorf("Latest of nothing: %v, %v, %v", last, good, err)
	}
	wantError(t, "Move", h.Move(h.ctx, visit(other, "https://a.example/b", nil)), store.ErrNotFound)
}

func testLinks(t *testing.T, h *house) {
	r := h.begin("a")
	links := []store.Link{
		{Target: "https://a.example/", Text: "home", Rel: "up", Element: "a", Attr: "href"},
		{Target: "https://a.example:444/", Element: "link", Attr: "href", NoFollow: true},
		{Target: "https://a.example.org/x", Element: "img", Attr: "src", Asset: true},
		{Target: "https://a.example/?q", Asset: true, NoFollow: true},
		{Target: "//a.example/odd"},
		{Target: "/odd"},
		{Target: ""},
		{Target: "mailto:x"},
		{Target: "https://a.example"},
		{Target: "https://a.example/", Text: "home again"},
	}
	h.wantLinks(h.fetch(r, "https://a.example/", []byte("x"), links...), links...)
	h.reopen()
	h.wantLinks(h.page(r, "https://a.example/"), links...)
	many := make([]store.Link, 20_000)
	for i := range many {
		many[i] = link("https://a.example/" + string(rune('a'+i%26)))
	}
	h.wantLinks(h.fetch(r, "https://a.example/many", []byte("y"), many...), many...)
}

func testPagesOrder(t *testing.T, h *house) {
	raw := []string{
		"https://b.example/", "https://a.example/z", "https://www.a.example/", "http://a.example/", "https://a.example/",
		"https://a.example:8443/", "http://127.0.0.1:80/", "https://[::1]/", "https://a.example/a?b", "https://a.example/a", "https://a-b.example/",
	}
	r, other := h.begin("a"), h.begin("b")
	want := []string{}
	for _, u := range raw {
		h.put(failure(r, u), nil, nil)
		want = append(want, u)
	}
	h.put(failure(other, "https://a.example/m"), nil, nil)
	slices.SortFunc(want, func(x, y string) int { return slices.Compare(at(x).Key(), at(y).Key()) })
	var got []string
	for _, p := range all(t, "Pages", h.Pages(h.ctx, r.ID)) {
		if p.Run != r.ID {
			t.Errorf("%s is of run %d", p.URL, p.Run)
		}
		got = append(got, p.URL.String())
	}
	for i, u := range want {
		want[i] = at(u).String()
	}
	diff(t, "order", want, got)
	if none := all(t, "Pages", h.Pages(h.ctx, 99)); len(none) > 0 {
		t.Errorf("an unknown run has %d pages", len(none))
	}
}

func testMove(t *testing.T, h *house) {
	const u = "https://a.example/"
	r := h.begin("a")
	p := h.fetch(r, u, []byte("hello"), link(u+"1"))
	p.Depth, p.Hops, p.From = 1, 2, "https://a.example/near"
	if err := h.Move(h.ctx, p); err != nil {
		t.Fatal(err)
	}
	h.reopen()
	got := h.page(r, u)
	diff(t, "moved", p, got)
	h.wantLinks(got, link(u+"1"))
	h.wantBody(got, []byte("hello"))
	last, good, err := h.Latest(h.ctx, at(u))
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "last", p, last)
	diff(t, "good", p, good)
}

func testLately(t *testing.T, h *house) {
	r, other := h.begin("a"), h.begin("b")
	lately := func(r *store.Run, received int64, urls ...string) {
		t.Helper()
		l, err := h.Lately(h.ctx, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range l.URLs {
			got = append(got, u.String())
		}
		if l.Received != received || !slices.Equal(got, urls) {
			t.Errorf("%d bytes, %q; want %d, %q", l.Received, got, received, urls)
		}
	}
	lately(r, 0)
	for _, u := range []string{"https://a.example/2", "https://a.example/1", "https://a.example/2"} {
		h.put(visit(r, u, []byte("hello")), nil, nil)
	}
	h.put(failure(other, "https://b.example/"), nil, nil)
	for range 2 {
		lately(r, 15, "https://a.example/2", "https://a.example/1", "https://a.example/2")
		lately(other, 0, "https://b.example/")
		h.reopen()
	}
	end := func(state string) {
		t.Helper()
		r.State = state
		if err := h.Update(h.ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	end(store.Interrupted) // it can go on
	lately(r, 15, "https://a.example/2", "https://a.example/1", "https://a.example/2")
	r.Counts.Found, r.Counts.Done = 2, 2
	end(store.Complete)
	lately(r, 0)
	lately(other, 0, "https://b.example/")
}
