package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"

	"crawl/store"
)

var iterTests = []test{
	{"an iterator may be left early", testStopEarly},
	{"an iterator ends with its context", testCancelIteration},
	{"a context that has ended begins nothing", testCancelled},
	{"a long iteration while others write", testIterateAndWrite},
}

// many are more visits than a store would read at once.
const many = 700

func (h *house) fill(r *store.Run) {
	h.t.Helper()
	var wait sync.WaitGroup
	for i := range many {
		wait.Go(func() {
			if err := h.Put(h.ctx, failure(r, numbered(i)), nil, nil); err != nil {
				h.t.Error(err)
			}
		})
	}
	wait.Wait()
	var skips []store.Skip
	for i := range many {
		skips = append(skips, store.Skip{URL: at(numbered(many + i)), Reason: "scope"})
	}
	if err := h.PutSkips(h.ctx, r.ID, skips); err != nil {
		h.t.Fatal(err)
	}
}

func numbered(i int) string { return fmt.Sprintf("%s%05d", home, i) }

// counted is an iterator of any kind, without what it yields.
func counted[T any](seq iter.Seq2[T, error]) iter.Seq[error] {
	return func(yield func(error) bool) {
		for _, err := range seq {
			if !yield(err) {
				return
			}
		}
	}
}

// iterators are all of the store's, for a run that has something of each.
func (h *house) iterators(ctx context.Context, run store.RunID) map[string]iter.Seq[error] {
	return map[string]iter.Seq[error]{
		"Runs":        counted(h.Runs(ctx, "")),
		"Runs of a":   counted(h.Runs(ctx, "a")),
		"Pages":       counted(h.Pages(ctx, run)),
		"Skips":       counted(h.Skips(ctx, run)),
		"Hosts":       counted(h.Hosts(ctx, run)),
		"RobotsFiles": counted(h.RobotsFiles(ctx, run)),
		"Inlinks":     counted(h.Inlinks(ctx, run, at(home))),
	}
}

// furnish gives a run two rows of each kind at least.
func (h *house) furnish() *store.Run {
	h.t.Helper()
	h.begin("a")
	r := h.begin("a")
	h.fill(r)
	h.fetch(r, home+"links", []byte("x"), link(home), store.Link{Target: home, Text: "home"})
	h.index(r, itself)
	if err := h.PutHosts(h.ctx, r.ID, []store.Host{{Origin: "https://a.example"}, {Origin: "https://b.example"}}); err != nil {
		h.t.Fatal(err)
	}
	for _, o := range []string{"https://a.example", "https://b.example"} {
		if err := h.PutRobots(h.ctx, &store.Robots{Run: r.ID, Origin: o, URL: o + "/robots.txt", Fetched: noon, Until: noon}, nil); err != nil {
			h.t.Fatal(err)
		}
	}
	return r
}

func testStopEarly(t *testing.T, h *house) {
	r := h.furnish()
	for name, seq := range h.iterators(h.ctx, r.ID) {
		for range 2 { // it can be used again
			for err := range seq {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
		}
	}
	if n := len(all(t, "Pages", h.Pages(h.ctx, r.ID))); n != many+1 {
		t.Errorf("%d pages of %d", n, many)
	}
	if n := len(all(t, "Skips", h.Skips(h.ctx, r.ID))); n != many {
		t.Errorf("%d skips of %d", n, many)
	}
}

func testCancelIteration(t *testing.T, h *house) {
	r := h.furnish()
	for name := range h.iterators(h.ctx, r.ID) {
		if good, bad := h.cancelAtFirst(name, r.ID); good != 1 || bad != 1 {
			t.Errorf("%s yields %d rows and %d errors once its context has ended, want one of each", name, good, bad)
		}
	}
}

// cancelAtFirst ends an iterator's context when it has yielded once, and
// counts the rows and the errors that it yields in all.
func (h *house) cancelAtFirst(name string, run store.RunID) (rows, ended int) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.ctx)
	defer cancel()
	for err := range h.iterators(ctx, run)[name] {
		switch {
		case err == nil:
			rows++
		case errors.Is(err, context.Canceled):
			ended++
		default:
			h.t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
	return rows, ended
}

func testCancelled(t *testing.T, h *house) {
	r := h.begin("a")
	seen := h.fetch(r, home, []byte("hello"), link(home+"1"))
	ctx, cancel := context.WithCancel(h.ctx)
	cancel()
	_, err1 := h.Run(ctx, r.ID)
	_, _, err2 := h.Latest(ctx, at(home))
	_, err3 := h.Page(ctx, r.ID, at(home))
	_, err4 := h.Links(ctx, seen)
	_, _, err5 := h.Body(ctx, seen)
	_, err6 := h.Robots(ctx, r.ID, "https://a.example")
	_, err7 := h.Host(ctx, "https://a.example")
	_, err8 := h.Check(ctx)
	_, err9 := h.Indexed(ctx, r.ID)
	_, err10 := h.CountInlinks(ctx, r.ID, at(home))
	for name, err := range map[string]error{
		"Run": err1, "Latest": err2, "Page": err3, "Links": err4, "Body": err5, "Robots": err6, "Host": err7, "Check": err8, "Indexed": err9, "CountInlinks": err10,
		"IndexLinks": h.IndexLinks(ctx, r.ID, store.Identity{Of: itself}),
		"Begin":      h.Begin(ctx, &store.Run{Site: "a"}),
		"Update":     h.Update(ctx, r),
		"Put":        h.Put(ctx, visit(r, home+"2", []byte("x")), nil, answer(r, 200, []byte("x"))),
		"Move":       h.Move(ctx, seen),
		"PutRobots":  h.PutRobots(ctx, &store.Robots{Run: r.ID, Origin: "https://a.example", URL: home + "robots.txt"}, nil),
		"PutSkips":   h.PutSkips(ctx, r.ID, []store.Skip{{URL: at(home), Reason: "x"}}),
		"PutHosts":   h.PutHosts(ctx, r.ID, []store.Host{{Origin: "https://a.example"}}),
	} {
		wantError(t, name, err, context.Canceled)
	}
	if runs, pages := all(t, "Runs", h.Runs(h.ctx, "")), all(t, "Pages", h.Pages(h.ctx, r.ID)); len(runs) != 1 || len(pages) != 1 {
		t.Errorf("%d runs and %d pages are kept, want one of each", len(runs), len(pages))
	}
}

// testIterateAndWrite changes what is iterated over, ahead and behind.
func testIterateAndWrite(t *testing.T, h *house) {
	r := h.begin("a")
	h.fill(r)
	seen := map[string]int{}
	i := 0
	for p, err := range h.Pages(h.ctx, r.ID) {
		if err != nil {
			t.Fatal(err)
		}
		seen[p.URL.String()]++
		p.Title = strings.Repeat("x", 3000)
		if err := h.Move(h.ctx, p); err != nil {
			t.Fatal(err)
		}
		if i++; i%50 == 0 {
			h.put(failure(r, home+"zz/"+string(rune('a'+i/50))), nil, nil)
			h.put(failure(r, home+"+/"+string(rune('a'+i/50))), nil, nil)
		}
	}
	for i := range many {
		if n := seen[numbered(i)]; n != 1 {
			t.Errorf("%s is yielded %d times", numbered(i), n)
		}
	}
}
