package storetest

import (
	"bytes"
	"net/http"
	"sync"
	"testing"

	"crawl/store"
)

var bodyTests = []test{
	{"a body comes back with its header", testBody},
	{"an answer 304 stands for the body that was there", testNotModified},
	{"a body that another URL had is not kept again", testSameBody},
	{"a body that comes from many URLs at once is kept once", testSameBodyAtOnce},
	{"the same bytes in another coding are another body", testCoding},
	{"a prefix stands for no other body", testPrefix},
	{"the archive knows a body by the spelling that was asked for", testSpelling},
	{"a visit without an exchange keeps the body there was", testNoExchange},
	{"an empty body is none", testEmptyBody},
	{"an exchange of a visit that does not know its digest", testNoDigest},
}

func testBody(t *testing.T, h *house) {
	r := h.begin("a")
	for _, n := range []int{1, 100, 65_535, 65_536, 3 << 20} {
		for _, kind := range []string{"text/html", "image/png"} {
			body := noise(uint64(n), n)
			body[0] = kind[0]
			u := home + string(body[0]) + string(rune('a'+n%26))
			p := visit(r, u, body)
			h.put(p, nil, answer(r, 200, body, "Content-Type", kind, "X-Long", "a  b"))
			header := h.wantBody(h.page(r, u), body)
			diff(t, "header", http.Header{"Content-Type": {kind}, "X-Long": {"a  b"}}, header)
		}
	}
}

func testSpelling(t *testing.T, h *house) {
	r := h.begin("a")
	body := noise(7, 5000)
	p := visit(r, home+"x", body)
	p.Asked = home + "x?utm_source=y"
	h.put(p, nil, answer(r, 200, body))
	other := visit(r, home+"y", body)
	h.put(other, nil, answer(r, 200, body))
	h.reopen()
	got := h.page(r, home+"x")
	h.wantBody(got, body)
	if got.Asked != p.Asked || got.Address() != p.Asked || got.PayloadURL != p.Asked || h.page(r, home+"y").PayloadURL != p.Asked {
		t.Errorf("%+v", got)
	}
}

func testNotModified(t *testing.T, h *house) {
	body := noise(1, 50_000)
	one := h.begin("a")
	first := visit(one, home, body)
	h.put(first, nil, answer(one, 200, body, "Content-Type", "text/css"))
	good := first
	for range 2 { // the second stands for one that stands for another
		r := h.begin("a")
		p := notModified(r, good)
		h.put(p, nil, answer(r, 304, nil, "Content-Type", "text/wrong"))
		if kept(p) > 10_000 || kept(p) <= 0 || p.Payload != first.Payload || p.Record == first.Record || p.PayloadURL != home || !p.PayloadAt.Equal(first.PayloadAt) {
			t.Errorf("304: %+v", p)
		}
		header := h.wantBody(h.page(r, home), body)
		diff(t, "header", http.Header{"Content-Type": {"text/css"}}, header)
		good = p
		h.reopen()
	}
	r := h.begin("a")
	p := visit(r, home+"unasked", nil) // 304 to a request without condition
	p.Fault, p.Hash = "protocol", [32]byte{}
	h.put(p, nil, answer(r, 304, nil))
	_, _, err := h.Body(h.ctx, p)
	wantError(t, "Body", err, store.ErrNotFound)
}

func testSameBody(t *testing.T, h *house) {
	body := noise(2, 50_000)
	r := h.begin("a")
	first := h.fetch(r, home, body)
	p := visit(r, home+"copy", body)
	h.put(p, nil, answer(r, 404, body, "Content-Type", "text/copy"))
	if kept(p) > 10_000 || p.Payload != first.Payload || p.PayloadURL != home || !p.PayloadAt.Equal(first.PayloadAt) {
		t.Errorf("copy: %+v", p)
	}
	h.reopen()
	header := h.wantBody(h.page(r, home+"copy"), body)
	diff(t, "header", http.Header{"Content-Type": {"text/copy"}}, header)
	again := visit(h.begin("b"), "https://b.example/", body)
	h.put(again, nil, answer(r, 200, body))
	if kept(again) > 10_000 || again.Payload != first.Payload || again.Unchanged {
		t.Errorf("copy of another run: %+v", again)
	}
}

func testSameBodyAtOnce(t *testing.T, h *house) {
	r := h.begin("a")
	const n, bodies = 48, 3
	pages := make([]*store.Page, n)
	var wait sync.WaitGroup
	for i := range pages {
		body := noise(uint64(i%bodies), 50_000)
		pages[i] = visit(r, numbered(i), body)
		wait.Go(func() {
			if err := h.Put(h.ctx, pages[i], nil, answer(r, 200, body)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	whole := 0
	places := map[store.Place]bool{}
	for i, p := range pages {
		if kept(p) > 50_000 {
			whole++
		}
		places[p.Payload] = true
		h.wantBody(p, noise(uint64(i%bodies), 50_000))
	}
	if whole != bodies || len(places) != bodies {
		t.Errorf("%d bodies are kept %d times in %d places", bodies, whole, len(places))
	}
}

func testCoding(t *testing.T, h *house) {
	body := noise(3, 50_000)
	r := h.begin("a")
	plain := h.fetch(r, home, body)
	p := visit(r, home+"coded", []byte("decoded"))
	p.Encoding = "br"
	h.put(p, nil, answer(r, 200, body, "Content-Encoding", "br"))
	if p.Payload == plain.Payload {
		t.Error("a coded body stands for a plain one")
	}
	next := h.begin("a")
	later := notModified(next, p)
	h.put(later, nil, answer(next, 304, nil))
	header := h.wantBody(later, body)
	diff(t, "header", http.Header{"Content-Type": {"text/html"}, "Content-Encoding": {"br"}}, header)
}

func testPrefix(t *testing.T, h *house) {
	body := noise(4, 50_000)
	r := h.begin("a")
	p := visit(r, home, body)
	p.Truncated = "length"
	x := answer(r, 200, body)
	x.Truncated = "length"
	h.put(p, nil, x)
	h.wantBody(h.page(r, home), body)
	whole := h.fetch(r, home+"whole", body)
	if whole.Payload == p.Payload {
		t.Error("a whole body is kept as a cut one")
	}
}

func testNoExchange(t *testing.T, h *house) {
	body := noise(5, 50_000)
	first := h.fetch(h.begin("a"), home, body)
	p := notModified(h.begin("a"), first)
	h.put(p, nil, nil)
	h.wantBody(h.page(h.first(), home), body)
	if kept(p) != 0 || p.Record != (store.Place{}) || p.Request != (store.Place{}) {
		t.Errorf("no exchange: %+v", p)
	}
	h.wantBody(p, body)
	three := h.begin("a")
	later := notModified(three, p)
	h.put(later, nil, answer(three, 304, nil))
	h.wantBody(later, body)
	changed := visit(h.begin("a"), home, []byte("other"))
	h.put(changed, nil, nil)
	_, _, err := h.Body(h.ctx, changed)
	wantError(t, "Body", err, store.ErrNotFound)
}

func testEmptyBody(t *testing.T, h *house) {
	r := h.begin("a")
	for _, u := range []string{home, home + "2"} {
		p := h.fetch(r, u, nil)
		if p.Record == (store.Place{}) || p.Payload != (store.Place{}) {
			t.Errorf("an answer without a body: %+v", p)
		}
		_, _, err := h.Body(h.ctx, p)
		wantError(t, "Body", err, store.ErrNotFound)
	}
}

// testNoDigest puts visits whose Hash is not that of the bytes sent.
func testNoDigest(t *testing.T, h *house) {
	r := h.begin("a")
	bodies := [][]byte{noise(6, 20_000), noise(7, 20_000), bytes.Repeat([]byte("x"), 20_000)}
	for i, body := range bodies {
		p := &store.Page{URL: at(numbered(i)), Run: r.ID, Status: 500, Fault: "protocol", Fetched: noon}
		h.put(p, nil, answer(r, 500, body))
		h.wantBody(p, body)
	}
}
