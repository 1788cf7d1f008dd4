package storetest

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"crawl/store"
)

var hostileTests = []test{
	{"any text is kept byte for byte", testTexts},
	{"large values", testLarge},
	{"headers that no server should send", testHeaders},
	{"the longest address", testLongestURL},
}

var texts = []string{
	"", "\x00", "a\x00b", "\xff\xfe\xfd", "\xc3\x28", "\xed\xa0\x80", "\r\n\r\n", "\x1b[31m", "\u202e", "\ufeff", "a\u0300",
	"😀", "'; DROP TABLE pages; --", "%s%n", "\\u0000", strings.Repeat("\xf0\x9f", 1000),
}

func testTexts(t *testing.T, h *house) {
	r := h.begin("a")
	var want []*store.Page
	for i, s := range texts {
		u := numbered(i)
		p := failure(r, u)
		p.Title, p.H1, p.Description, p.Lang, p.FaultText, p.ETag, p.Charset, p.Redirect, p.Barred = s, s, s, s, s, s, s, s, s
		links := []store.Link{{Target: s, Text: s, Rel: s, Element: s, Attr: s}}
		h.put(p, links, nil)
		h.wantLinks(p, links...)
		want = append(want, p)
		if err := h.PutSkips(h.ctx, r.ID, []store.Skip{{URL: at(u + "/skip"), Reason: s, Rule: s, From: s}}); err != nil {
			t.Fatal(err)
		}
		if err := h.PutHosts(h.ctx, r.ID, []store.Host{{Origin: "o" + s[:min(len(s), 100)], GivenUp: s}}); err != nil {
			t.Fatal(err)
		}
		if err := h.PutRobots(h.ctx, &store.Robots{Run: r.ID, Origin: "o" + s[:min(len(s), 100)], URL: u, Text: []byte(s), FaultText: s}, nil); err != nil {
			t.Fatal(err)
		}
		r.Why, r.Program, r.Settings, r.Cookies = s, s, []byte(s), []byte(s)
		if err := h.Update(h.ctx, r); err != nil {
			t.Fatal(err)
		}
		got, err := h.Run(h.ctx, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, "run", r, got)
	}
	h.reopen()
	diff(t, "pages", want, all(t, "Pages", h.Pages(h.ctx, r.ID)))
	for i, s := range all(t, "Skips", h.Skips(h.ctx, r.ID)) {
		if s.Reason != texts[i] || s.Rule != texts[i] || s.From != texts[i] {
			t.Errorf("%q became %q, %q, %q", texts[i], s.Reason, s.Rule, s.From)
		}
	}
	for _, s := range texts {
		name := "o" + s[:min(len(s), 100)]
		host, err := h.Host(h.ctx, name)
		if err != nil || host.GivenUp != s || host.Origin != name {
			t.Errorf("host %q: %+v, %v", name, host, err)
		}
		rec, err := h.Robots(h.ctx, r.ID, name)
		if err != nil || string(rec.Text) != s || rec.FaultText != s {
			t.Errorf("robots.txt %q: %+v, %v", name, rec, err)
		}
	}
}

func testLarge(t *testing.T, h *house) {
	r := h.begin("a")
	big := string(noise(1, 1<<20))
	for i := range 5 {
		p := visit(r, numbered(i), []byte(big))
		p.Title, p.Description = big, big
		links := []store.Link{{Target: home, Text: big}, {Target: big}}
		h.put(p, links, answer(r, 200, []byte(big), "X-Big", strings.Repeat("x", 200_000)))
		got := h.page(r, p.URL.String())
		if got.Title != big || got.Description != big {
			t.Error("a title of 1 MB is not what it was")
		}
		h.wantLinks(got, links...)
		h.wantBody(got, []byte(big))
	}
	if n := len(all(t, "Pages", h.Pages(h.ctx, r.ID))); n != 5 {
		t.Errorf("%d pages", n)
	}
}

func testHeaders(t *testing.T, h *house) {
	r := h.begin("a")
	for i, s := range texts {
		body := append([]byte{byte(i)}, s...)
		p := visit(r, numbered(i), body)
		x := answer(r, 200, body)
		x.Header = http.Header{"X": {s, s}, s: {"x"}, "Content-Length": {"9999", s}, "Transfer-Encoding": {"chunked"}}
		x.Sent = http.Header{"X": {s}, s: {s}, "Host": {s}, "Authorization": {"secret"}, "Cookie": {"secret"}}
		x.Reason, x.Proto, x.Status = s, s, []int{200, 0, -1, 999, 1000}[i%5]
		x.Addr = []netip.Addr{{}, netip.MustParseAddr("fe80::1%eth0"), netip.MustParseAddr("::ffff:192.0.2.1")}[i%3]
		h.put(p, nil, x)
		h.wantBody(p, body)
		header := h.wantBody(h.page(r, p.URL.String()), body)
		if header.Get("Transfer-Encoding") != "" {
			t.Error("a body without chunks is said to have them")
		}
	}
}

func testLongestURL(t *testing.T, h *house) {
	r := h.begin("a")
	u := home + strings.Repeat("%C3%A4", (8192-len(home))/6)
	links := []store.Link{link(u), link("https://b.example/")}
	p := h.fetch(r, u, []byte("hello"), links...)
	h.wantLinks(p, links...)
	h.wantBody(h.page(r, u), []byte("hello"))
	if err := h.PutSkips(h.ctx, r.ID, []store.Skip{{URL: at(u + "x"), Reason: "scope"}}); err != nil {
		t.Fatal(err)
	}
	origin := "https://" + strings.Repeat("a.", 4000) + "example"
	p = visit(r, origin+"/", nil)
	h.put(p, nil, nil)
	if err := h.PutHosts(h.ctx, r.ID, []store.Host{{Origin: origin}}); err != nil {
		t.Error(err)
	}
	if err := h.PutRobots(h.ctx, &store.Robots{Run: r.ID, Origin: origin, URL: origin + "/robots.txt", Fault: "dns"}, nil); err != nil {
		t.Error(err)
	}
	if _, err := h.Host(h.ctx, origin); err != nil {
		t.Error(err)
	}
}
