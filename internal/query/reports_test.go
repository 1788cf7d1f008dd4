package query

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

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

func reportNamed(name string) *Report {
	i := slices.IndexFunc(reports, func(r Report) bool { return r.Name == name })
	return &reports[i]
}

// TestExternalIsNoPage: what is out of the scope has a table of its own, and is in
// no other, nor among what came or went.
func TestExternalIsNoPage(t *testing.T) {
	w := newWorld(t)
	before := &store.Run{Site: "r", Settings: []byte("{}"), State: store.Complete}
	now := &store.Run{Site: "r", Settings: []byte("{}"), State: store.Complete, Counts: store.Counts{External: 4}}
	for _, r := range []*store.Run{before, now} {
		if err := w.st.Begin(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		w.pageOf(r, "/", func(*store.Page) {})
	}
	external := func(path string, change func(*store.Page)) string {
		w.pageOf(now, path, func(p *store.Page) {
			p.Kind, p.TextHash, p.Title, p.Type = store.KindExternal, [16]byte{}, "", ""
			change(p)
		})
		return "https://r.example" + path
	}
	targets := []string{
		external("/x/gone", func(p *store.Page) { p.Status = 404 }),
		external("/x/unsure", func(p *store.Page) { p.Status, p.Head = 404, true }),
		external("/x/no-host", func(p *store.Page) { p.Status, p.Fault = 0, FaultDNS }),
		external("/x/no-dns", func(p *store.Page) { p.Status, p.Fault, p.Passing = 0, FaultDNS, true }),
		external("/x/refused", func(p *store.Page) { p.Status = 403 }),
		external("/x/moved", func(p *store.Page) { p.Status, p.Redirect = 301, "https://r.example/x/gone" }),
		external("/x/fine", func(*store.Page) {}),
	}
	w.pageOf(now, "/img.png", func(p *store.Page) { p.Kind, p.Type, p.Size, p.MIME = store.KindChecked, "", 600_000, "image/png" })
	page := &store.Page{URL: mustURL(t, "https://r.example/links"), Run: now.ID, Try: 1, Status: 200, Type: "html"}
	links := []store.Link{{Target: "https://r.example/img.png", Element: "img", Attr: "src", Text: "alt", Asset: true}}
	for _, target := range targets {
		links = append(links, store.Link{Target: target, Element: "a", Attr: "href", Text: "x"})
	}
	if err := w.st.Put(t.Context(), page, links, nil); err != nil {
		t.Fatal(err)
	}
	db := w.database(Options{Run: now})
	for statement, want := range map[string]string{
		"SELECT path FROM pages ORDER BY path":                               "/ /img.png /links",
		"SELECT path FROM pages WHERE status = 404":                          "",
		"SELECT path FROM pages WHERE url = 'https://r.example/x/gone'":      "",
		"SELECT path FROM external ORDER BY path":                            "/x/fine /x/gone /x/moved /x/no-dns /x/no-host /x/refused /x/unsure",
		"SELECT path FROM external WHERE status = 404 ORDER BY path":         "/x/gone /x/unsure",
		"SELECT path FROM external WHERE class = 'unverified' ORDER BY path": "/x/no-dns /x/unsure",
		"SELECT source FROM redirects":                                       "",
		"SELECT url FROM changes WHERE kind = 'new' ORDER BY url":            "https://r.example/img.png https://r.example/links",
		"SELECT target FROM (" + reportNamed("broken").SQL + ")":             "",
		"SELECT target FROM (" + reportNamed("images").SQL + ")":             "https://r.example/img.png",
		"SELECT replace(target, 'https://r.example/x/', '') || ':' || problem || ':' || severity FROM (" + reportNamed("external-broken").SQL + ")": "gone:broken:critical moved:broken:critical no-host:broken:critical no-dns:unverified:notice unsure:unverified:notice",
		"SELECT count(*) FROM links WHERE target_kind = 'external'":                                                                                 "7",
	} {
		if got := strings.Join(ask(t, db, statement), " "); got != want {
			t.Errorf("%s: %q, want %q", statement, got, want)
		}
	}
	later := &store.Run{Site: "r", Settings: []byte("{}"), State: store.Complete} // which checked nothing
	if err := w.st.Begin(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	w.pageOf(later, "/", func(*store.Page) {})
	db = w.database(Options{Run: later})
	if got := ask(t, db, "SELECT url FROM findings WHERE kind = 'external-broken'"); len(got) > 0 {
		t.Errorf("findings of a run that checked nothing: %q", got)
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
	stale := func(run *store.Run, at int64, text byte) {
		w.pageOf(run, "/stale", func(p *store.Page) { p.Fetched, p.TextHash[1] = time.Unix(at, 0), text })
		w.pageOf(run, "/lively", func(p *store.Page) {
			p.Fetched, p.TextHash[1], p.Modified = time.Unix(at, 0), 77, time.Unix(at, 0).UTC().Format(http.TimeFormat)
		})
	}
	stale(before, 1_760_000_000, 1)
	stale(now, 1_770_000_000, 2)
	w.pageOf(now, "/year", func(p *store.Page) {
		p.Fetched, p.Modified = time.Unix(1_770_000_000, 0), "Sun, 02 Mar 2025 00:00:00 GMT"
	})
	sitemap := &store.Page{URL: mustURL(t, "https://r.example/sitemap.xml"), Run: now.ID, Try: 1, Status: 200, Kind: store.KindSitemap, Type: "sitemap"}
	var entries []store.Link
	for _, path := range []string{"/stale", "/lively"} {
		entries = append(entries, store.Link{Target: "https://r.example" + path, Element: "sitemap", Attr: "loc", Text: "2025-01-31", Rel: "0.5"})
	}
	for _, text := range []string{"2025", "2025-01", "2450000", "now", ""} { // a year is no day of Julius Scaliger's
		entries = append(entries, store.Link{Target: "https://r.example/year", Element: "sitemap", Attr: "loc", Text: text, Rel: "0.5"})
	}
	if err := w.st.Put(t.Context(), sitemap, entries, nil); err != nil {
		t.Fatal(err)
	}
	db := w.database(Options{Run: now})
	if got := strings.Join(ask(t, db, "SELECT url, changed FROM ("+reportNamed("sitemap").Statement(RunName(now), "", false)+") WHERE problem = 'stale'"), "\n"); got != "https://r.example/stale after 2025-10-09T08:53:20.000Z" {
		t.Errorf("stale: %q", got)
	}
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
