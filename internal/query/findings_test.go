package query

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"crawl/internal/weburl"
	"crawl/store"

	"github.com/google/go-cmp/cmp"
)

// twoRuns is a world with a run and the one before it, which differ.
func twoRuns(t *testing.T) (w *world, before, now *store.Run) {
	w = newWorld(t)
	begin := func(state string) *store.Run {
		r := &store.Run{Site: "f", Settings: []byte("{}"), State: state}
		if err := w.st.Begin(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	before = begin(store.Complete)
	cut := begin(store.Interrupted)
	empty := begin(store.Empty)
	now = begin(store.Complete)
	for _, r := range []*store.Run{before, now} {
		w.pageOf(r, "/stays", func(p *store.Page) { p.Status = 500 })
		w.pageOf(r, "/times-out", func(p *store.Page) { p.Status, p.Fault = 0, FaultTimeout })
		w.pageOf(r, "/untitled", func(p *store.Page) { p.Title = "" })
	}
	for _, r := range []*store.Run{cut, empty} {
		w.pageOf(r, "/comes", func(p *store.Page) { p.Status = 502 })
	}
	w.pageOf(before, "/comes", func(*store.Page) {})
	w.pageOf(now, "/comes", func(p *store.Page) { p.Status = 502 })
	w.pageOf(before, "/mended", func(p *store.Page) { p.Status = 503 })
	w.pageOf(now, "/mended", func(*store.Page) {})
	w.pageOf(before, "/hidden", func(*store.Page) {})
	w.pageOf(now, "/hidden", func(p *store.Page) { p.NoIndex = true })
	return w, before, now
}

const errorsAndIndexing = "SELECT severity, replace(url, 'https://r.example', ''), new, fixed FROM findings WHERE kind IN ('errors', 'indexability') ORDER BY 1, 2"

func TestFindings(t *testing.T) {
	w, before, now := twoRuns(t)
	want := []string{"critical /comes 1 0", "critical /hidden 1 0", "critical /mended 0 1", "critical /stays 0 0", "warning /times-out 0 0"}
	db := w.database(Options{Run: now})
	if diff := cmp.Diff(want, ask(t, db, errorsAndIndexing)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// Held against a run that is named, and one that has nothing before it.
	base, err := w.st.Run(t.Context(), now.Baseline) // the empty one
	if err != nil {
		t.Fatal(err)
	}
	want = []string{"critical /comes 0 0", "critical /hidden 1 0", "critical /stays 1 0", "warning /times-out 1 0"}
	if got := ask(t, w.database(Options{Run: now, Baseline: base}), errorsAndIndexing); !slices.Equal(got[:1], want[:1]) || len(got) != len(want) {
		t.Errorf("against another run: %q", got)
	}
	for _, row := range ask(t, w.database(Options{Run: before}), "SELECT new, fixed FROM findings") {
		if row != "1 0" {
			t.Errorf("of the first run: %s", row)
		}
	}
}

// An id is the same in each run and no other finding's, and is written down
// here so that it stays what it was.
func TestFindingIDs(t *testing.T) {
	w, before, now := twoRuns(t)
	db := w.database(Options{Run: now})
	ids := func(run *store.Run) (all []string) {
		return ask(t, db, fmt.Sprintf("SELECT kind, id FROM findings WHERE run = '%s' AND NOT fixed AND url = 'https://r.example/untitled'", RunName(run)))
	}
	if got := ids(now); len(got) == 0 || !slices.Equal(got, ids(before)) {
		t.Errorf("%q, and before %q", got, ids(before))
	}
	if twice := ask(t, db, "SELECT id FROM findings GROUP BY id HAVING count(*) > 1"); len(twice) > 0 {
		t.Errorf("of more than one: %q", twice)
	}
	if got := ask(t, db, "SELECT id FROM findings WHERE kind = 'errors' AND url = 'https://r.example/stays'"); !slices.Equal(got, []string{"e8e5d26ad33a677e"}) {
		t.Errorf("id of a finding is %q", got)
	}
}

// Reports that a condition rules out are not asked.
func TestFindingsArePushedDown(t *testing.T) {
	w, _, now := twoRuns(t)
	db := w.database(Options{Run: now})
	all := ask(t, db, "SELECT run, id, kind, severity, url, problem, what, places, new, fixed FROM findings")
	for _, where := range []string{"kind = 'titles'", "severity = 'critical'", "severity = 'notice' AND kind = 'thin'", "kind = 'types'", "kind IN ('errors', 'gone') OR severity = 'critical'", "run = 'f@1'"} {
		got := ask(t, db, "SELECT run, id, kind, severity, url, problem, what, places, new, fixed FROM findings WHERE "+where)
		same := ask(t, db, "SELECT * FROM (SELECT run, id, kind, severity, url, problem, what, places, new, fixed FROM findings LIMIT -1) WHERE "+where)
		if diff := cmp.Diff(same, got); diff != "" && where != "run = 'f@1'" {
			t.Errorf("%s: -slow +quick\n%s", where, diff)
		}
		if len(got) == len(all) {
			t.Errorf("%s: all rows", where)
		}
	}
	steps, err := db.Plan(t.Context(), "SELECT * FROM findings WHERE kind = 'broken' AND severity = 'critical'")
	if err != nil || len(steps) != 1 || steps[0].Index != "kind =, severity =" {
		t.Errorf("%+v, %v", steps, err)
	}
}

// Where the run before had too many findings to keep, they are asked for again.
func TestManyFixed(t *testing.T) {
	w := newWorld(t)
	var runs [2]*store.Run
	for i := range runs {
		runs[i] = &store.Run{Site: "many", Settings: []byte("{}"), State: store.Complete}
		if err := w.st.Begin(t.Context(), runs[i]); err != nil {
			t.Fatal(err)
		}
	}
	const n = maxKept + 100
	for i := range n {
		w.pageOf(runs[0], fmt.Sprintf("/%d", i), func(p *store.Page) { p.Status = 500 })
	}
	w.pageOf(runs[1], "/7", func(p *store.Page) { p.Status = 500 })
	got := ask(t, w.database(Options{Run: runs[1]}), "SELECT count(*), sum(new), sum(fixed), count(DISTINCT url) FROM findings WHERE kind = 'errors'")
	if want := fmt.Sprintf("%d 0 %d %[1]d", n, n-1); !slices.Equal(got, []string{want}) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestGate(t *testing.T) {
	w, _, now := twoRuns(t)
	db := w.database(Options{Run: now})
	for rule, want := range map[string]int{
		"critical": 3, "new": 2, "severity = 'critical' AND new": 2, "kind = 'errors' AND NOT new": 2, "fixed": 0, "kind = 'mixed-content'": 0,
		"SELECT 1 FROM findings WHERE severity = 'critical' AND new": 2, "SELECT url FROM pages WHERE status = 500": 1,
	} {
		g, err := NewGate(rule, nil)
		if err != nil {
			t.Fatal(err)
		}
		v, err := g.Judge(t.Context(), db)
		if err != nil || v.Rows != want || v.Tripped() != (want > 0) {
			t.Errorf("%s: %d rows, want %d; %v", rule, v.Rows, want, err)
		}
	}
}

// Who waits for findings may stop waiting, or stop reading.
func TestFindingsEnd(t *testing.T) {
	w, _, now := twoRuns(t)
	if got := ask(t, w.database(Options{Run: now}), "SELECT kind FROM findings LIMIT 1"); len(got) != 1 {
		t.Errorf("%q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rows, err := w.database(Options{Run: now}).Query(ctx, "SELECT * FROM findings")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range rows.All() {
		if err != context.Canceled {
			t.Errorf("cancelled: %v", err)
		}
	}
	rows, err = w.database(Options{Run: now, MaxTime: time.Nanosecond}).Query(t.Context(), "SELECT * FROM findings")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range rows.All() {
		if err == nil || !strings.Contains(err.Error(), ErrTooLong.Error()) {
			t.Errorf("out of time: %v", err)
		}
	}
}

// What is muted is a finding still, but none for a gate nor for the counts; a report
// that is off finds nothing, and one that is called otherwise is so in each row.
func TestRules(t *testing.T) {
	w, before, now := twoRuns(t)
	rules := &Rules{
		Severity: map[string]string{"errors": Notice, "indexability": Off},
		Mutes:    []Mute{{Report: "titles", Until: "2099-01-31", Reason: "known"}, {ID: "e8e5d26ad33a677e", Until: "2099-02-01", Reason: "one"}},
	}
	o := Options{Run: now, Baseline: before, Rules: func(string) *Rules { return rules }}
	db := w.database(o)
	if got := ask(t, db, "SELECT DISTINCT severity FROM findings WHERE kind IN ('errors', 'indexability')"); !slices.Equal(got, []string{"notice"}) {
		t.Errorf("severities %v", got)
	}
	if got := ask(t, db, "SELECT DISTINCT muted, until FROM findings WHERE id = 'e8e5d26ad33a677e'"); !slices.Equal(got, []string{"one 2099-02-01"}) {
		t.Errorf("by id: %v", got)
	}
	if got := ask(t, db, "SELECT count(*) FROM findings WHERE kind = 'errors' AND severity <> 'notice'"); !slices.Equal(got, []string{"0"}) {
		t.Errorf("of another severity: %v", got)
	}
	counts, err := db.CountFindings(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range counts {
		if n.Kind == "indexability" || n.Kind == "titles" && (n.Now+n.New+n.Fixed > 0 || n.Muted == 0) {
			t.Errorf("counted %+v", n)
		}
	}
	for _, rule := range []string{"kind = 'titles'", "SELECT 1 FROM findings WHERE kind = 'titles'", "muted <> ''"} {
		g, err := NewGate(rule, nil)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := g.Judge(t.Context(), db); err != nil || v.Tripped() {
			t.Errorf("%s: %d rows, %v", rule, v.Rows, err)
		}
	}
	if got := ask(t, db, "SELECT count(*) > 0 FROM findings WHERE muted = 'known'"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("after a gate they are not there: %v", got)
	}
}

// Counting takes a shorter way than telling, and comes to the same.
func TestCountFindings(t *testing.T) {
	const told = "SELECT kind, severity, count(*) FILTER (WHERE NOT fixed AND muted = ''), count(*) FILTER (WHERE new AND muted = ''),\n" +
		"count(*) FILTER (WHERE fixed AND muted = ''), count(*) FILTER (WHERE NOT fixed AND muted <> '') FROM findings GROUP BY kind, severity ORDER BY kind, severity"
	some := func(u weburl.URL) bool { return len(u.Path())%2 == 0 }
	rules := &Rules{Mutes: []Mute{{Report: "broken", URL: some, Reason: "known"}, {Report: "titles", URL: some, Reason: "known"}}}
	dear := map[string]bool{}
	for _, r := range Reports(nil) {
		dear[r.Name] = !r.Cheap
	}
	broken, fixed := uint64(0), uint64(0)
	for range 20 {
		w := newWorld(t)
		db := w.database(Options{Run: w.runs[1], Baseline: w.runs[0], Rules: func(string) *Rules { return rules }})
		want := ask(t, db, told)
		for _, cheaply := range []bool{false, true} {
			counts, err := db.CountFindings(t.Context(), cheaply)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range counts {
				got = append(got, fmt.Sprint(n.Kind, " ", n.Severity, " ", n.Now, " ", n.New, " ", n.Fixed, " ", n.Muted))
				if n.Kind == "broken" {
					broken, fixed = broken+n.Now+n.Muted, fixed+n.Fixed
				}
			}
			slices.Sort(got)
			left := want
			if cheaply {
				left = slices.DeleteFunc(slices.Clone(want), func(row string) bool { return dear[strings.Fields(row)[0]] })
			}
			if diff := cmp.Diff(left, got); diff != "" {
				t.Fatalf("cheaply: %v; -told +counted\n%s", cheaply, diff)
			}
		}
	}
	if broken == 0 || fixed == 0 {
		t.Errorf("%d links to what is gone were counted, %d are so no more", broken, fixed)
	}
}

// Links to what is gone are counted once a page that is gone, whatever many ways
// lead there, and where there were too many to keep.
func TestManyBrokenAreCounted(t *testing.T) {
	w := newWorld(t)
	for name, gone := range map[string]int{"few": 30, "more than are kept": maxKept + 100} {
		var runs [2]*store.Run
		for i := range runs {
			runs[i] = &store.Run{Site: name, Settings: []byte("{}"), State: store.Complete}
			if err := w.st.Begin(t.Context(), runs[i]); err != nil {
				t.Fatal(err)
			}
			var links []store.Link
			for n := range gone {
				page := &store.Page{URL: mustURL(t, fmt.Sprintf("https://m.example/%d", n)), Run: runs[i].ID, Try: 1, Status: 404}
				if i == 1 && n%3 > 0 {
					page.Status = 200
				}
				if err := w.st.Put(t.Context(), page, nil, nil); err != nil {
					t.Fatal(err)
				}
				for _, text := range []string{"a", "b", "c"} {
					links = append(links, store.Link{Target: page.URL.String(), Text: text, Element: "a", Attr: "href"})
				}
			}
			home := &store.Page{URL: mustURL(t, "https://m.example/"), Run: runs[i].ID, Try: 1, Status: 200, Type: "html"}
			if err := w.st.Put(t.Context(), home, links, nil); err != nil {
				t.Fatal(err)
			}
		}
		db := w.database(Options{Run: runs[1], Baseline: runs[0]})
		ask(t, db, "SELECT count(*) FROM findings") // which makes both indexes
		counts, err := db.CountFindings(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		still := (gone + 2) / 3
		want := store.FindingCount{Kind: "broken", Severity: Critical, Now: uint64(still), Fixed: uint64(gone - still)}
		if i := slices.IndexFunc(counts, func(n store.FindingCount) bool { return n.Kind == "broken" }); i < 0 || counts[i] != want {
			t.Errorf("%s: %+v, want %+v", name, counts, want)
		}
		q := newQuestion(t.Context(), db)
		v, err := q.defaultRun()
		if err != nil {
			t.Fatal(err)
		}
		base, err := q.view(runs[0])
		if err != nil {
			t.Fatal(err)
		}
		all := Reports(nil)
		c := comparedReport{run: v, report: &all[slices.IndexFunc(all, func(r Report) bool { return r.Name == "broken" })], briefly: true}
		if err := c.before(base); err != nil || len(c.was) != gone || len(c.kept) != min(gone, maxKept) {
			t.Errorf("%s: of %d there were %d, %d are kept; %v", name, gone, len(c.was), len(c.kept), err)
		}
	}
}

// What a report finds is found by its keys alone, too.
func TestKeysOfReports(t *testing.T) {
	w := newWorld(t)
	run := w.runs[0]
	v, err := w.database(Options{Run: run}).asked.view(run)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Reports(nil) {
		if r.keys == nil {
			continue
		}
		told, found := map[string]string{}, map[string]string{}
		if err := v.find(&r, func(f *finding) bool { told[f.id()] = f.url + " " + f.severity; return true }); err != nil {
			t.Fatal(err)
		}
		c := comparedReport{briefly: true}
		if err := c.find(v, &r, func(f *finding) bool { found[f.id()] = f.url + " " + f.severity; return true }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(told, found); diff != "" || len(told) == 0 {
			t.Errorf("%s: -told +found\n%s", r.Name, diff)
		}
	}
}
