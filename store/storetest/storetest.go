// Package storetest is the contract of store.Store as tests. Every
// implementation passes it unchanged. It uses nothing but the interface; after
// each test the store is asked to check itself, closed, opened anew and asked
// again.
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"crawl/internal/weburl"
	"crawl/store"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// test is one statement of the contract.
type test struct {
	name string
	body func(t *testing.T, h *house)
}

// Run holds the store that open returns to the contract. open makes a new
// store for a new dir, and opens the one it has for a dir it knows.
func Run(t *testing.T, open func(t *testing.T, dir string) store.Store) {
	for _, group := range [][]test{runTests, visitTests, historyTests, bodyTests, rowTests, iterTests, hostileTests, inlinkTests, checkTests} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				h := &house{t: t, ctx: t.Context(), open: open, dir: t.TempDir()}
				h.Store = open(t, h.dir)
				t.Cleanup(func() {
					if err := h.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
				})
				c.body(t, h)
				h.sound()
				h.reopen()
				h.sound()
			})
		}
	}
}

// house is a store under test.
type house struct {
	store.Store
	t    *testing.T
	ctx  context.Context
	open func(t *testing.T, dir string) store.Store
	dir  string
	torn bool // the test made faults for Check to find
}

func (h *house) reopen() {
	h.t.Helper()
	if err := h.Close(); err != nil {
		h.t.Fatalf("Close: %v", err)
	}
	h.Store = h.open(h.t, h.dir)
}

// sound asks the store to check itself.
func (h *house) sound() {
	h.t.Helper()
	r, err := h.Check(h.ctx)
	if err != nil {
		h.t.Fatalf("Check: %v", err)
	}
	if !h.torn && len(r.Faults) > 0 {
		h.t.Errorf("Check finds %q", r.Faults)
	}
}

// noon is when the first run begins.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

func at(raw string) weburl.URL {
	u, err := weburl.Parse(raw)
	if err != nil {
		panic(err) // the tests' own addresses
	}
	return u
}

// begin begins a run of a site.
func (h *house) begin(site string) *store.Run {
	h.t.Helper()
	r := &store.Run{Site: site, State: store.Running, Started: noon}
	if err := h.Begin(h.ctx, r); err != nil {
		h.t.Fatalf("Begin: %v", err)
	}
	return r
}

// visit is a visit of a run that brought body, on the day of the run's number.
func visit(r *store.Run, raw string, body []byte) *store.Page {
	return &store.Page{
		URL: at(raw), Run: r.ID, Try: 1, Fetched: day(r), Status: 200,
		Hash: sha256.Sum256(body), Size: int64(len(body)), Wire: int64(len(body)),
	}
}

// failure is a visit that brought nothing.
func failure(r *store.Run, raw string) *store.Page {
	return &store.Page{URL: at(raw), Run: r.ID, Try: 1, Fetched: day(r), Fault: "timeout", FaultText: "no answer in 30 s"}
}

// notModified is a visit that was answered 304, of a page seen before.
func notModified(r *store.Run, good *store.Page) *store.Page {
	return &store.Page{
		URL: good.URL, Run: r.ID, Try: 1, Fetched: day(r), Status: good.Status, NotModified: true, Hash: good.Hash, Size: good.Size,
	}
}

// cached is a visit of another run that stands for one of this run.
func cached(r *store.Run, good *store.Page) *store.Page {
	p := *good
	p.Run, p.Cached, p.NotModified = r.ID, true, false
	return &p
}

func day(r *store.Run) time.Time { return noon.AddDate(0, 0, int(r.ID)) }

// answer is the exchange that brought body.
func answer(r *store.Run, status int, body []byte, header ...string) *store.Exchange {
	x := &store.Exchange{
		Start: day(r), Addr: netip.MustParseAddr("192.0.2.1"), Proto: "HTTP/1.1", Status: status,
		Sent: http.Header{"User-Agent": {"crawl"}}, Header: http.Header{"Content-Type": {"text/html"}}, Body: body,
	}
	for i := 0; i+1 < len(header); i += 2 {
		x.Header.Set(header[i], header[i+1])
	}
	return x
}

func (h *house) put(p *store.Page, links []store.Link, x *store.Exchange) {
	h.t.Helper()
	if err := h.Put(h.ctx, p, links, x); err != nil {
		h.t.Fatalf("Put: %v", err)
	}
}

// fetch puts a visit that brought body, and returns it.
func (h *house) fetch(r *store.Run, raw string, body []byte, links ...store.Link) *store.Page {
	h.t.Helper()
	p := visit(r, raw, body)
	h.put(p, links, answer(r, 200, body))
	return p
}

// noise is n bytes that cannot be compressed, other ones for each seed.
func noise(seed uint64, n int) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b) // never fails, by its documentation
	return b
}

func link(target string) store.Link { return store.Link{Target: target, Element: "a", Attr: "href"} }

var same = cmp.Options{
	cmp.Comparer(func(x, y weburl.URL) bool { return x == y }),
	cmpopts.EquateEmpty(),
}

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got, same); d != "" {
		t.Errorf("%s (-want +got)\n%s", what, d)
	}
}

// all collects what an iterator yields.
func all[T any](t *testing.T, what string, seq iter.Seq2[T, error]) (list []T) {
	t.Helper()
	for v, err := range seq {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		list = append(list, v)
	}
	return list
}

// page reads a visit.
func (h *house) page(r *store.Run, raw string) *store.Page {
	h.t.Helper()
	p, err := h.Page(h.ctx, r.ID, at(raw))
	if err != nil {
		h.t.Fatalf("Page: %v", err)
	}
	return p
}

// wantLinks sees that a page has these links.
func (h *house) wantLinks(p *store.Page, want ...store.Link) {
	h.t.Helper()
	got, err := h.Links(h.ctx, p)
	if err != nil {
		h.t.Fatalf("Links: %v", err)
	}
	diff(h.t, fmt.Sprintf("links of %s", p.URL), want, got)
	var read []store.Link
	err = h.ReadLinks(h.ctx, p, func(links iter.Seq2[[]byte, *store.Link]) {
		for target, l := range links {
			read = append(read, *l)
			read[len(read)-1].Target = string(target)
		}
	})
	if err != nil {
		h.t.Fatalf("ReadLinks: %v", err)
	}
	for i := range got {
		got[i].Text = ""
	}
	diff(h.t, fmt.Sprintf("links of %s, without their texts", p.URL), got, read)
}

// wantBody sees that a page has this body, and returns its header.
func (h *house) wantBody(p *store.Page, want []byte) http.Header {
	h.t.Helper()
	header, got, err := h.Body(h.ctx, p)
	if err != nil {
		h.t.Fatalf("Body: %v", err)
	}
	if !bytes.Equal(want, got) {
		h.t.Errorf("body of %s has %d bytes, want %d: %.40q", p.URL, len(got), len(want), got)
	}
	return header
}

// wantError sees that an error is the one that the contract names.
func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s returns %v, want %v", what, got, want)
	}
}

// kept is how many bytes a visit added to the bodies.
func kept(p *store.Page) int64 { return p.Request.Length + p.Record.Length }
