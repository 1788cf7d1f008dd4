package storetest

import (
	"testing"
	"time"

	"crawl/store"
)

var historyTests = []test{
	{"first seen and changed, over four runs", testDates},
	{"a failed visit does not hide the last good one", testFailureHidesNothing},
	{"a failed try does not hide what earlier runs had", testTryHidesNothing},
	{"a later try is compared with earlier runs", testTryCompares},
	{"two runs take turns at one URL", testTurns},
	{"a visit counts that came since the last ones were read", testReadBefore},
	{"links of an unchanged page are shared", testSharedLinks},
	{"a visit may stand for one of a later run", testCached},
}

const home = "https://a.example/"

// dates is what Put says of a visit's history.
type dates struct {
	first, changed time.Time
	unchanged      bool
}

func datesOf(p *store.Page) dates { return dates{p.FirstSeen, p.Changed, p.Unchanged} }

func (h *house) wantDates(what string, p *store.Page, first, changed *store.Run, unchanged bool) {
	h.t.Helper()
	got := datesOf(p)
	if !got.first.Equal(day(first)) || !got.changed.Equal(day(changed)) || got.unchanged != unchanged {
		h.t.Errorf("%s: first seen %v, changed %v, unchanged %t; want those of runs %d, %d, and %t",
			what, got.first, got.changed, got.unchanged, first.ID, changed.ID, unchanged)
	}
}

func testReadBefore(t *testing.T, h *house) {
	was := h.fetch(h.begin("a"), home, []byte("first"))
	two, three := h.begin("a"), h.begin("a")
	if _, good, err := h.Latest(h.ctx, at(home)); err != nil || good == nil || good.Run != was.Run {
		t.Fatalf("Latest: %+v, %v", good, err)
	}
	h.fetch(three, home, []byte("other"))
	wantError(t, "Put of what is no more", h.Put(h.ctx, notModified(two, was), nil, nil), store.ErrNoContent)
	if _, good, err := h.Latest(h.ctx, at(home)); err != nil || good == nil || good.Run != three.ID {
		t.Fatalf("Latest: %+v, %v", good, err)
	}
	p := visit(two, home, []byte("other"))
	h.put(p, nil, nil)
	if !p.Unchanged || p.FirstSeen.IsZero() || !p.Changed.Equal(day(three)) {
		t.Errorf("%+v", p)
	}
}

func testDates(t *testing.T, h *house) {
	one := h.begin("a")
	first := h.fetch(one, home, []byte("old"))
	h.wantDates("first", first, one, one, false)
	two := h.begin("a")
	h.wantDates("same body", h.fetch(two, home, []byte("old")), one, one, true)
	three := h.begin("a")
	p := notModified(three, first)
	h.put(p, nil, answer(three, 304, nil))
	h.wantDates("304", p, one, one, true)
	h.reopen()
	four := h.begin("a")
	h.wantDates("new body", h.fetch(four, home, []byte("new")), one, four, false)
	five := h.begin("a")
	h.wantDates("same again", h.fetch(five, home, []byte("new")), one, four, true)
	six := h.begin("a")
	h.wantDates("as it was at first", h.fetch(six, home, []byte("old")), one, six, false)
	moved := visit(h.begin("a"), home, []byte("old"))
	moved.Status, moved.Redirect = 301, "https://b.example/"
	h.put(moved, nil, nil)
	if moved.Unchanged {
		t.Error("a redirect is taken for the content that was there")
	}
}

// wantLatest sees which runs the last visit and the last good one are of.
func (h *house) wantLatest(what string, last, good store.RunID) {
	h.t.Helper()
	l, g, err := h.Latest(h.ctx, at(home))
	if err != nil {
		h.t.Fatalf("%s: %v", what, err)
	}
	var got [2]store.RunID
	for i, p := range []*store.Page{l, g} {
		if p != nil {
			got[i] = p.Run
		}
	}
	if want := [2]store.RunID{last, good}; got != want {
		h.t.Errorf("%s: last and good are of runs %v, want %v", what, got, want)
	}
}

func testFailureHidesNothing(t *testing.T, h *house) {
	h.wantLatest("nothing", 0, 0)
	h.put(failure(h.begin("a"), home), nil, nil)
	h.wantLatest("a failure", 1, 0)
	two := h.begin("a")
	h.fetch(two, home, []byte("hello"))
	h.wantLatest("content", 2, 2)
	for _, spoil := range []func(p *store.Page){
		func(p *store.Page) { p.Fault = "dns" },
		func(p *store.Page) { p.Status = 404 },
		func(p *store.Page) { p.Status = 503 },
		func(p *store.Page) { p.Truncated = "length" },
		func(p *store.Page) { p.Damaged = "gzip" },
		func(p *store.Page) { p.Status = 302 },
	} {
		r := h.begin("a")
		p := visit(r, home, []byte("hello"))
		spoil(p)
		h.put(p, nil, nil)
		h.wantLatest("no content", r.ID, 2)
		if p.Unchanged || !p.FirstSeen.Equal(day(h.first())) {
			t.Errorf("a visit without content: %+v", p)
		}
	}
	h.reopen()
	h.wantLatest("opened again", 8, 2)
	nine := h.begin("a")
	h.wantDates("content again", h.fetch(nine, home, []byte("hello")), h.first(), two, true)
	h.wantLatest("content again", 9, 9)
}

// first is run 1.
func (h *house) first() *store.Run {
	h.t.Helper()
	r, err := h.Run(h.ctx, 1)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func testTryHidesNothing(t *testing.T, h *house) {
	one, two := h.begin("a"), h.begin("a")
	h.fetch(one, home, []byte("hello"))
	h.fetch(two, home, []byte("hello"))
	h.wantLatest("both good", 2, 2)
	h.put(failure(two, home), nil, nil)
	h.wantLatest("second try failed", 2, 1)
	h.put(failure(two, home), nil, nil)
	h.wantLatest("third try failed", 2, 1)
	three := h.begin("a")
	h.wantDates("next run", h.fetch(three, home, []byte("hello")), one, one, true)
	h.wantLatest("next run", 3, 3)
}

func testTryCompares(t *testing.T, h *house) {
	one, two := h.begin("a"), h.begin("a")
	h.fetch(one, home, []byte("hello"), link(home+"1"))
	h.put(failure(two, home), nil, nil)
	h.wantDates("second try", h.fetch(two, home, []byte("hello"), link(home+"1")), one, one, true)
	h.wantDates("third try", h.fetch(two, home, []byte("hello"), link(home+"1")), one, one, true)
	h.wantDates("fourth try, other content", h.fetch(two, home, []byte("bye")), one, two, false)
	h.wantDates("fifth try", h.fetch(two, home, []byte("hello"), link(home+"1")), one, one, true)
	p := h.page(two, home)
	h.wantLinks(p, link(home+"1"))
	h.wantBody(p, []byte("hello"))
	if p.LinksOf != one.ID {
		t.Errorf("links are those of run %d", p.LinksOf)
	}
}

func testTurns(t *testing.T, h *house) {
	one, two := h.begin("a"), h.begin("b")
	h.fetch(one, home, []byte("hello"))
	h.fetch(two, home, []byte("hello"))
	h.fetch(one, home, []byte("hello"))
	h.wantLatest("the first again", 1, 1)
	h.put(failure(two, home), nil, nil)
	h.wantLatest("the second again", 2, 1)
	h.put(failure(one, home), nil, nil)
	h.wantLatest("both failed", 1, 0)
	h.wantDates("good again", h.fetch(two, home, []byte("hello")), one, two, false)
	h.wantLatest("good again", 2, 2)
}

func testSharedLinks(t *testing.T, h *house) {
	one := h.begin("a")
	links := []store.Link{link(home + "1"), link(home + "2")}
	first := h.fetch(one, home, []byte("hello"), links...)
	shared := func(what string, given []store.Link, want store.RunID, wantLinks ...store.Link) {
		t.Helper()
		r := h.begin("a")
		p := visit(r, home, []byte("hello"))
		h.put(p, given, answer(r, 200, []byte("hello")))
		if want == 0 {
			want = r.ID
		}
		if p.LinksOf != want || p.Links != len(wantLinks) {
			t.Errorf("%s: %d links of run %d, want %d of %d", what, p.Links, p.LinksOf, len(wantLinks), want)
		}
		h.wantLinks(h.page(r, home), wantLinks...)
	}
	shared("none given", nil, one.ID, links...)
	shared("the same given", links, one.ID, links...)
	other := []store.Link{link(home + "1"), link(home + "3")} // another parser read the same bytes
	shared("as many, others", other, 0, other...)
	shared("fewer", other[:1], 0, other[0])
	shared("none given", nil, 5, other[0])
	r := h.begin("a")
	p := notModified(r, first)
	h.put(p, nil, nil)
	h.wantLinks(h.page(r, home), other[0])
	empty := visit(h.begin("a"), home, []byte("hello"))
	h.put(empty, []store.Link{}, nil)
	h.wantLinks(empty)
	h.wantLinks(first, links...)
}

func testCached(t *testing.T, h *house) {
	body, links := noise(8, 20_000), []store.Link{link(home + "1"), link(home + "2")}
	one := h.begin("a")
	first := visit(one, home, body)
	first.FreshFor, first.FreshUntil = time.Hour, noon.AddDate(1, 0, 0)
	h.put(first, links, answer(one, 200, body))
	good := first
	for range 2 { // the second stands for one that itself stands for another
		r := h.begin("a")
		p := cached(r, good)
		h.put(p, links, nil)
		h.reopen()
		p = h.page(r, home)
		h.wantDates("cached", p, one, one, true)
		if !p.Cached || !p.Fetched.Equal(day(one)) || p.LinksOf != one.ID || p.FreshFor != time.Hour || !p.FreshUntil.Equal(first.FreshUntil) || kept(p) != 0 || p.Record != (store.Place{}) {
			t.Errorf("cached: %+v", p)
		}
		h.wantLinks(p, links...)
		h.wantBody(p, body)
		good = p
	}
	wantError(t, "Put of other content", h.Put(h.ctx, cached(h.begin("a"), visit(one, home, []byte("other"))), nil, nil), store.ErrNoContent)
	wantError(t, "Put of what nobody has", h.Put(h.ctx, cached(h.begin("a"), visit(one, home+"x", body)), nil, nil), store.ErrNoContent)
	h.wantLatest("cached", 3, 3)
}
