package query

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"crawl/internal/weburl"
	"crawl/store"

	"github.com/google/go-cmp/cmp"
)

// pastRun is a run, written in few words: its state, then URLs with what came of
// them, a line each:
//
//	/a 200 title=One from=/    a page; also noindex, canonical=, h1=, text=, body=, price=, mime=, to=, first=RUN
//	/b timeout from=/          no answer
//	/c skip excluded /c*       not asked for
type pastRun string

func (r pastRun) put(t *testing.T, st *store.Bolt, n int) *store.Run {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(string(r)), "\n")
	run := &store.Run{Site: "acme", Settings: []byte("{}"), Rules: []string{"price=css:.price|number"}, State: lines[0], Started: startOf(n)}
	if err := st.Begin(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		words := strings.Fields(line)
		u := mustURL(t, "http://a.example"+words[0])
		if words[1] == "skip" {
			if err := st.PutSkips(t.Context(), run.ID, []store.Skip{{URL: u, Reason: words[2], Rule: strings.Join(words[3:], " ")}}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := st.Put(t.Context(), pastPage(run, u, words[1:]), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	return run
}

func startOf(n int) time.Time { return time.Unix(1_760_000_000, 0).AddDate(0, 0, 7*n) }

func pastPage(run *store.Run, u weburl.URL, words []string) *store.Page {
	p := &store.Page{URL: u, Run: run.ID, Try: 1, Fetched: run.Started.Add(time.Hour), Type: "html", MIME: "text/html", Hash: [32]byte{byte(run.ID), 1}, FieldsBy: "rules"}
	var err error
	if p.Status, err = strconv.Atoi(words[0]); err != nil {
		p.Fault = words[0]
	}
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "title":
			p.Title = value
		case "h1":
			p.H1 = value
		case "description":
			p.Description = value
		case "canonical":
			p.Canonical = "http://a.example" + value
		case "noindex":
			p.NoIndex = true
		case "mime":
			p.MIME = value
		case "text":
			copy(p.TextHash[:], value)
		case "body":
			p.Hash = [32]byte{value[0]}
		case "to":
			p.Redirect = "http://a.example" + value
		case "from":
			p.From, p.Depth = "http://a.example"+value, 1
		case "sitemap":
			p.Kind = store.KindSitemap
		case "price":
			p.Fields = []store.Field{{Name: "price", State: store.FieldFilled, Values: []string{value}, Number: true}}
		}
	}
	return p
}

// changesBetween are the changes of the last run against base, or against its
// baseline if that is 0.
func changesBetween(t *testing.T, judge Judge, base int, runs ...pastRun) []string {
	t.Helper()
	db := past(t, judge, runs...)
	against := ""
	if base > 0 {
		against = fmt.Sprintf(" WHERE base = 'acme@%d'", base)
	}
	return ask(t, db, "SELECT kind || ' ' || substr(url, 17) || ' ' || ifnull(before, '-') || ' > ' || ifnull(after, '-') || CASE why WHEN '' THEN '' ELSE ' (' || why || ')' END FROM changes"+against)
}

// past is a store with runs, as a database of the last, by whose settings judge
// goes.
func past(t *testing.T, judge Judge, runs ...pastRun) *DB {
	t.Helper()
	st, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	var last *store.Run
	for n, r := range runs {
		last = r.put(t, st, n)
	}
	return database(t, st, Options{Run: last, Judge: func(run *store.Run) (Judge, error) {
		if run.ID != last.ID {
			return nil, nil
		}
		return judge, nil
	}})
}

func TestChanges(t *testing.T) {
	for name, tt := range map[string]struct {
		judge Judge
		base  int
		runs  []pastRun
		want  []string
	}{
		"no run before": {runs: []pastRun{"complete\n/ 200"}},
		"new and gone": {
			runs: []pastRun{
				"complete\n/ 200\n/a 200 from=/\n/b 200 from=/\n/c 200 from=/\n/back 404 from=/\n/move 301 to=/x from=/\n/way 301 to=/x from=/",
				"complete\n/ 200\n/a 404 from=/\n/b 410 from=/\n/back 200 from=/\n/fresh 200 from=/\n/dead 404 from=/\n/fails 500 from=/\n/hop 302 to=/ from=/\n/way 404 from=/",
			},
			want: []string{"gone /a 200 > 404", "gone /b 200 > 410", "new /back 404 > 200", "gone /c 200 > -", "new /fresh - > 200", "new /hop - > 302", "gone /way 301 > 404"},
		},
		"content": {
			runs: []pastRun{
				"complete\n/ 200 title=One h1=A description=d text=t canonical=/ price=49\n/n 200\n/o 200 mime=text/plain\n/p 200 price=49\n/r 301 to=/x\n/s 200",
				"complete\n/ 200 title=Two h1=B description=e text=u canonical=/n price=61.5\n/n 200 noindex\n/o 200\n/p 200 price=49.00\n/r 302 to=/y\n/s 301 to=/y",
			},
			want: []string{
				"indexable / index > canonical elsewhere", "canonical / http://a.example/ > http://a.example/n", "title / One > Two", "h1 / A > B", "description / d > e",
				"text_hash / 74000000000000000000000000000000 > 75000000000000000000000000000000", "price / 49 > 61.5",
				"indexable /n index > noindex", "mime /o text/plain > text/html", "status /r 301 > 302", "redirect /r http://a.example/x > http://a.example/y",
				"status /s 200 > 301", "redirect /s  > http://a.example/y",
			},
		},
		"the same body is not compared, what may come in a header is": {
			runs: []pastRun{"complete\n/ 200 body=x title=One price=4", "complete\n/ 200 body=x title=Two price=5 noindex"},
			want: []string{"indexable / index > noindex"},
		},
		"missed once": {
			runs: []pastRun{"complete\n/ 200\n/a 200\n/b 200\n/c 200\n/d timeout", "complete\n/ 200\n/a timeout\n/b 503\n/c 403\n/d dns"},
			want: []string{"missed /a 200 > timeout", "status /b 200 > 503", "status /c 200 > 403"},
		},
		"missed twice on end": {
			runs: []pastRun{"complete\n/ 200\n/a 200\n/b 200\n/c 301 to=/", "complete\n/ 200\n/a timeout\n/b 503\n/c 500", "complete\n/ 200\n/a dns\n/b 200\n/c 404"},
			want: []string{"gone /a 200 > dns", "status /b 503 > 200", "gone /c 301 > 404"},
		},
		"missed twice is told once": {
			runs: []pastRun{"complete\n/ 200\n/a 200", "complete\n/ 200\n/a timeout", "complete\n/ 200\n/a timeout", "complete\n/ 200\n/a timeout"},
		},
		"back after it was gone": {
			runs: []pastRun{"complete\n/ 200\n/a 200", "complete\n/ 200\n/a timeout", "complete\n/ 200\n/a timeout", "complete\n/ 200\n/a 200"},
			want: []string{"new /a timeout > 200"},
		},
		"missed twice against an older run": {
			base: 1,
			runs: []pastRun{"complete\n/ 200\n/a 200\n/b 200", "complete\n/ 200\n/a timeout\n/b 200", "complete\n/ 200\n/a timeout\n/b timeout"},
			want: []string{"gone /a 200 > timeout", "missed /b 200 > timeout"},
		},
		"missed where the run between was cut short": {
			base: 1,
			runs: []pastRun{"complete\n/ 200\n/a 200", "partial\n/ 200", "complete\n/ 200\n/a timeout"},
			want: []string{"missed /a 200 > timeout"},
		},
		"what leads there was missed": {
			runs: []pastRun{"complete\n/ 200\n/a 200 from=/\n/b 200 from=/a\n/c 200 from=/b\n/d 200 from=/", "complete\n/ 200\n/a 500 from=/"},
			want: []string{"status /a 200 > 500", "missed /b 200 > -", "missed /c 200 > -", "gone /d 200 > -"},
		},
		"and comes back": {
			runs: []pastRun{"complete\n/ 200\n/a 200 from=/\n/b 200 from=/a", "complete\n/ 200\n/a 500 from=/", "complete\n/ 200\n/a 200 from=/\n/b 200 from=/a\n/c 200 from=/a\n/d 200 from=/"},
			want: []string{"status /a 500 > 200", "new /c - > 200", "new /d - > 200"},
		},
		"what led there is gone": {
			runs: []pastRun{"complete\n/ 200\n/a 200 from=/\n/b 200 from=/a", "complete\n/ 200\n/a 404 from=/"},
			want: []string{"gone /a 200 > 404", "gone /b 200 > -"},
		},
		"the later run was cut short": {
			runs: []pastRun{"complete\n/ 200\n/a 200 from=/\n/b 200 from=/\n/c 200 from=/", "partial\n/ 200\n/a 404\n/c skip max-pages"},
			want: []string{"gone /a 200 > 404"},
		},
		"the earlier run was cut short": {
			base: 2,
			runs: []pastRun{"complete\n/ 200\n/a 200 from=/", "partial\n/ 200", "complete\n/ 200\n/a 200 from=/\n/b 200 from=/"},
			want: []string{"new /b - > 200"},
		},
		"an interrupted run is no baseline": {
			runs: []pastRun{"complete\n/ 200\n/a 200 from=/", "interrupted\n/ 404", "empty\n/ 404", "complete\n/ 200"},
			want: []string{"gone /a 200 > -"},
		},
		"a host that did not answer": {
			runs: []pastRun{"complete\n/ 200\n/a 200 from=/", "complete\n/ 200\n/a skip unreachable"},
			want: []string{"missed /a 200 > -"},
		},
		"the later run left it out": {
			runs: []pastRun{"complete\n/ 200\n/a 200 from=/\n/b 200 from=/a\n/c 200 from=/", "complete\n/ 200\n/a skip excluded /a*\n/c skip robots Disallow: /c"},
			want: []string{"skipped /a 200 > excluded: /a* (excluded: /a*)", "skipped /b 200 > excluded: /a* (excluded: /a*)", "skipped /c 200 > robots: Disallow: /c (robots: Disallow: /c)"},
		},
		"the earlier run left it out": {
			runs: []pastRun{"complete\n/ 200\n/a skip excluded /a*", "complete\n/ 200\n/a 200 from=/\n/b 200 from=/a\n/c 200 from=/"},
			want: []string{"new /a - > 200 (excluded: /a*)", "new /b - > 200 (excluded: /a*)", "new /c - > 200"},
		},
		"settings that keep the later run from it": {
			judge: func(p *store.Page) (string, string) {
				if strings.HasPrefix(p.URL.Path(), "/fr/") {
					return "excluded", "/fr/*"
				}
				return "", ""
			},
			runs: []pastRun{"complete\n/ 200\n/fr/ 200 from=/\n/fr/x 200 from=/fr/\n/deep 200 from=/fr/x\n/a 200 from=/", "complete\n/ 200"},
			want: []string{"gone /a 200 > -", "skipped /deep 200 > excluded: /fr/* (excluded: /fr/*)", "skipped /fr/ 200 > excluded: /fr/* (excluded: /fr/*)", "skipped /fr/x 200 > excluded: /fr/* (excluded: /fr/*)"},
		},
		"a sitemap asked for on the chance": {
			runs: []pastRun{"complete\n/ 200\n/sitemap.xml 404 sitemap", "complete\n/ 200\n/sitemap.xml 200 sitemap"},
			want: []string{"new /sitemap.xml 404 > 200"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, changesBetween(t, tt.judge, tt.base, tt.runs...)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// Each URL is counted as what it is, and what a setting brought about is told from
// what the site did.
func TestCountChanges(t *testing.T) {
	db := past(t, nil,
		"partial\n/ 200\n/same 200 from=/\n/title 200 title=One from=/\n/gone 200 from=/\n/missed 200 from=/\n/a skip excluded /a*\n/r skip robots Disallow: /r\n/h 301 to=/ from=/",
		"partial\n/ 200\n/same 200 from=/\n/title 200 title=Two h1=Two from=/\n/gone 404 from=/\n/missed timeout from=/\n/a 200 from=/\n/r 200 from=/\n/new 200 from=/\n/dead 404 from=/",
	)
	base, err := Baseline(t.Context(), db.Store(), db.o.Run)
	if err != nil {
		t.Fatal(err)
	}
	got, err := db.CountChanges(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	want := &store.Changes{
		Baseline: 1, Before: 6, After: 9, Same: 2, Changed: 1, Settings: 1,
		Kinds: map[string]uint64{"new": 3, "gone": 1, "missed": 1, "title": 1, "h1": 1},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if n := ask(t, db, "SELECT count(*) FROM changes WHERE common AND kind = 'new'"); n[0] != "2" {
		t.Errorf("%s new ones whatever the settings, want 2", n)
	}
	if rows := ask(t, db, "SELECT kind FROM changes WHERE url = 'http://a.example/title'"); len(rows) != 2 {
		t.Errorf("of one page: %q", rows)
	}
}
