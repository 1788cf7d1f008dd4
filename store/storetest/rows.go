package storetest

import (
	"testing"
	"time"

	"crawl/store"
)

var rowTests = []test{
	{"skipped URLs", testSkips},
	{"a URL that is visited is skipped no more", testSkipEnds},
	{"hosts", testHosts},
	{"robots.txt", testRobots},
	{"a store that is opened again has everything", testReopen},
}

func testSkips(t *testing.T, h *house) {
	r, other := h.begin("a"), h.begin("a")
	if err := h.PutSkips(h.ctx, r.ID, nil); err != nil {
		t.Errorf("no skips: %v", err)
	}
	skips := []store.Skip{
		{URL: at("https://b.example/"), Reason: "scope", From: home, Depth: 3},
		{URL: at("https://a.example/x"), Reason: "robots", Rule: "Disallow: /x"},
		{URL: at("https://a.example/y"), Reason: "depth", Depth: 9},
	}
	if err := h.PutSkips(h.ctx, r.ID, skips); err != nil {
		t.Fatal(err)
	}
	if err := h.PutSkips(h.ctx, other.ID, skips[:1]); err != nil {
		t.Fatal(err)
	}
	skips[2].Reason = "limit"
	if err := h.PutSkips(h.ctx, r.ID, skips[2:]); err != nil {
		t.Fatal(err)
	}
	h.reopen()
	var want []*store.Skip
	for _, i := range []int{1, 2, 0} {
		skips[i].Run = r.ID
		want = append(want, &skips[i])
	}
	diff(t, "skips", want, all(t, "Skips", h.Skips(h.ctx, r.ID)))
	if n := len(all(t, "Skips", h.Skips(h.ctx, other.ID))); n != 1 {
		t.Errorf("the other run has %d skips", n)
	}
}

func testSkipEnds(t *testing.T, h *house) {
	r, other := h.begin("a"), h.begin("a")
	for _, run := range []store.RunID{r.ID, other.ID} {
		if err := h.PutSkips(h.ctx, run, []store.Skip{{URL: at(home), Reason: "depth"}}); err != nil {
			t.Fatal(err)
		}
	}
	h.fetch(r, home, []byte("nearer than it seemed"))
	if n := len(all(t, "Skips", h.Skips(h.ctx, r.ID))); n != 0 {
		t.Errorf("a visited URL is still skipped")
	}
	if n := len(all(t, "Skips", h.Skips(h.ctx, other.ID))); n != 1 {
		t.Errorf("the other run has %d skips", n)
	}
	if err := h.PutSkips(h.ctx, r.ID, []store.Skip{{URL: at(home), Reason: "robots"}}); err != nil {
		t.Fatal(err)
	}
	h.page(r, home) // tried, then refused: both are kept
}

func testHosts(t *testing.T, h *house) {
	one, two := h.begin("a"), h.begin("a")
	a := store.Host{
		Origin: "https://a.example", Done: 5, Delay: time.Second, CrawlDelay: 2 * time.Second, Latency: 3 * time.Millisecond,
		PushBacks: 1, Fails: 2, GivenUp: "unreachable", Asked: noon, RestUntil: noon.Add(time.Hour),
	}
	b := store.Host{Origin: "http://127.0.0.1:8080", Asked: noon}
	if err := h.PutHosts(h.ctx, one.ID, nil); err != nil {
		t.Errorf("no hosts: %v", err)
	}
	if err := h.PutHosts(h.ctx, one.ID, []store.Host{a, b}); err != nil {
		t.Fatal(err)
	}
	later := store.Host{Origin: a.Origin, Done: 9, Asked: noon.Add(time.Minute)}
	if err := h.PutHosts(h.ctx, two.ID, []store.Host{later}); err != nil {
		t.Fatal(err)
	}
	h.reopen()
	a.Run, b.Run, later.Run = one.ID, one.ID, two.ID
	diff(t, "hosts", []*store.Host{&b, &a}, all(t, "Hosts", h.Hosts(h.ctx, one.ID)))
	diff(t, "hosts", []*store.Host{&later}, all(t, "Hosts", h.Hosts(h.ctx, two.ID)))
	wantHost := func(what, origin string, want store.Host) {
		t.Helper()
		got, err := h.Host(h.ctx, origin)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, what, &want, got)
	}
	wantHost("asked by both", a.Origin, later)
	wantHost("asked by one", b.Origin, b)
	if err := h.PutHosts(h.ctx, one.ID, []store.Host{a}); err != nil { // the first was resumed
		t.Fatal(err)
	}
	wantHost("asked by the first again", a.Origin, a)
	_, err := h.Host(h.ctx, "https://b.example")
	wantError(t, "Host", err, store.ErrNotFound)
}

func testRobots(t *testing.T, h *house) {
	one, two := h.begin("a"), h.begin("a")
	text := noise(8, 20_000)
	r := &store.Robots{
		Origin: "https://a.example", Run: one.ID, Try: 2, Fetched: noon, Until: noon.Add(time.Hour), Status: 200,
		URL: "https://www.a.example/robots.txt", Hop: "https://b.example/robots.txt", Text: text,
		Fault: "timeout", FaultText: "late", Passing: true, HasAfter: true, After: time.Second,
	}
	_, err := h.Robots(h.ctx, one.ID, r.Origin)
	wantError(t, "Robots", err, store.ErrNotFound)
	for i := range 2 {
		if err := h.PutRobots(h.ctx, r, answer(one, 200, text)); err != nil {
			t.Fatal(err)
		}
		h.reopen()
		got, err := h.Robots(h.ctx, one.ID, r.Origin)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, "robots.txt", r, got)
		if (r.Payload == r.Record) != (i == 0) || r.Request == (store.Place{}) {
			t.Errorf("time %d: %v, %v, %v", i, r.Request, r.Record, r.Payload)
		}
	}
	b := &store.Robots{Origin: "http://b.example", Run: one.ID, URL: "http://b.example/robots.txt", Fault: "dns", Fetched: noon}
	if err := h.PutRobots(h.ctx, b, nil); err != nil {
		t.Fatal(err)
	}
	diff(t, "all", []*store.Robots{b, r}, all(t, "RobotsFiles", h.RobotsFiles(h.ctx, one.ID)))
	if n := len(all(t, "RobotsFiles", h.RobotsFiles(h.ctx, two.ID))); n != 0 {
		t.Errorf("the other run has %d", n)
	}
	p := visit(two, "https://www.a.example/robots.txt", text)
	h.put(p, nil, answer(two, 200, text))
	if p.Payload != r.Payload {
		t.Error("a page that is robots.txt is kept twice")
	}
	h.wantBody(p, text)
}

func testReopen(t *testing.T, h *house) {
	r := h.begin("a")
	var want []*store.Page
	for i := range 30 {
		want = append(want, h.fetch(r, numbered(i), noise(uint64(i), 3000), link(home)))
		if i%10 == 9 {
			h.reopen()
		}
	}
	got := all(t, "Pages", h.Pages(h.ctx, r.ID))
	diff(t, "pages", want, got)
	for i, p := range got {
		h.wantBody(p, noise(uint64(i), 3000))
		h.wantLinks(p, link(home))
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	h.Store = h.open(t, h.dir)
}
