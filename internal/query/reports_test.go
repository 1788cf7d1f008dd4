package query

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"crawl/store"
)

// Every report has all that is said of one, and a statement that can be asked
// of any run.
func TestReports(t *testing.T) {
	w := newWorld(t)
	run := w.runs[1]
	base := &store.Run{Site: run.Site, Settings: []byte("{}"), State: store.Complete, Rules: run.Rules}
	if err := w.st.Begin(t.Context(), base); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*store.Run{base, run, w.runs[0]} {
		db := w.database(Options{Run: r})
		names := map[string]bool{}
		for _, report := range Reports(FieldNames(r)) {
			if names[report.Name] || report.Title == "" || report.Why == "" || report.Fix == "" || !slices.Contains([]string{Critical, Warning, Notice}, report.Severity) {
				t.Errorf("%+v", report)
			}
			names[report.Name] = true
			for _, unfolded := range []bool{false, true} {
				ask(t, db, report.Statement(RunName(r), RunName(w.runs[0]), unfolded))
			}
		}
	}
}

// pageOf puts a page into a run.
func (w *world) pageOf(run *store.Run, path string, change func(*store.Page)) {
	w.Helper()
	u := mustURL(w.T, "https://r.example"+path)
	p := &store.Page{URL: u, Run: run.ID, Try: 1, Status: 200, Type: "html", Title: "A title of a good length", H1: "x", Words: 500, Description: "y", TextHash: [16]byte{1, byte(len(path))}}
	change(p)
	if err := w.st.Put(w.Context(), p, nil, nil); err != nil {
		w.Fatal(err)
	}
}

func TestReportsFind(t *testing.T) {
	w := newWorld(t)
	before := &store.Run{Site: "r", Settings: []byte("{}"), State: store.Complete}
	now := &store.Run{Site: "r", Settings: []byte("{}"), State: store.Complete, Rules: []string{"price=css:.price"}}
	for _, r := range []*store.Run{before, now} {
		if err := w.st.Begin(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	w.pageOf(before, "/old-address", func(p *store.Page) { p.TextHash[0] = 9 })
	w.pageOf(before, "/lost", func(*store.Page) {})
	w.pageOf(now, "/moved", func(p *store.Page) { p.TextHash, p.Depth = [16]byte{9, byte(len("/old-address"))}, 6 })
	w.pageOf(now, "/old-address", func(p *store.Page) { p.Status, p.Redirect = 301, "https://r.example/moved" })
	w.pageOf(now, "/canonical", func(p *store.Page) { p.Canonical, p.Canonicals = "https://r.example/old-address", 1 })
	w.pageOf(now, "/de", func(p *store.Page) { p.Hreflang = []store.Named{{Name: "fr", Value: "https://r.example/fr"}} })
	w.pageOf(now, "/fr", func(p *store.Page) { p.Next, p.Words, p.H1 = "https://r.example/nowhere", 3, "" })
	w.pageOf(now, "/slow", func(p *store.Page) { p.TTFB, p.Title = 2e9, "" })
	w.pageOf(now, "/failed", func(p *store.Page) { p.Status = 503 })
	db := w.database(Options{Run: now})
	for report, want := range map[string]string{
		"moved": "/moved", "gone": "/lost", "new": "/canonical", "canonicals": "not itself canonical|no page", "hreflang": "no link back", "pagination": "/nowhere",
		"slow": "/slow", "errors": "/failed 503", "titles": "/slow missing", "headings": "/fr", "thin": "/fr 3", "deep": "/moved 6", "extract": "price 0", "duplicates": "title: A title of",
		"indexability": "canonical elsewhere",
	} {
		i := slices.IndexFunc(Reports(FieldNames(now)), func(r Report) bool { return r.Name == report })
		statement := Reports(FieldNames(now))[i].Statement(RunName(now), RunName(before), false)
		got := strings.Join(ask(t, db, statement), "\n")
		if !slices.ContainsFunc(strings.Split(want, "|"), func(text string) bool { return strings.Contains(got, text) }) {
			t.Errorf("%s: %s", report, fmt.Sprintf("%q lacks %q", got, want))
		}
	}
}
