package query

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crawl/frontier"
	"crawl/internal/weburl"
	"crawl/store"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a store with two runs of random pages on few hosts, and what makes
// two of their addresses one page.
type world struct {
	*testing.T
	rnd  *rand.Rand
	st   *store.Bolt
	drop weburl.ParamSet
	runs []*store.Run
	urls []string
}

func (w *world) identity(u weburl.URL) weburl.URL { return u.DropParams(w.drop) }

func newWorld(t *testing.T) *world {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	w := &world{T: t, rnd: rand.New(rand.NewPCG(seed, 0))}
	var err error
	if w.st, err = store.Open(t.TempDir(), store.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.st.Close() })
	if w.drop, err = weburl.NewParamSet([]string{"utm_*"}); err != nil {
		t.Fatal(err)
	}
	for _, origin := range []string{"http://a.example", "https://a.example", "https://b.a.example:8443", "http://[::1]:81", "http://127.0.0.1"} {
		for _, path := range []string{"/", "/docs/", "/docs/One", "/docs/one", "/docs/one?b=1&a=%20x", "/D%C3%B6cs/é", "/docs'quote", "/docs/[x]*", "/sitemap.xml"} {
			w.urls = append(w.urls, mustURL(t, origin+path).String())
		}
	}
	for range 2 {
		w.run()
	}
	return w
}

// pick returns one of some values.
func pick[T any](w *world, values ...T) T { return values[w.rnd.IntN(len(values))] }

func (w *world) run() {
	run := &store.Run{Site: pick(w, "acme", "shop"), Settings: []byte("{}"), Rules: []string{"price=css:.price|number"}, State: store.Complete, Counts: store.Counts{External: 1}}
	if err := w.st.Begin(w.Context(), run); err != nil {
		w.Fatal(err)
	}
	w.runs = append(w.runs, run)
	for _, raw := range w.urls {
		if w.rnd.IntN(4) == 0 {
			continue
		}
		p, links := w.page(run.ID, mustURL(w.T, raw))
		if err := w.st.Put(w.Context(), p, links, nil); err != nil {
			w.Fatal(err)
		}
	}
	for n := range 20 {
		skip := store.Skip{URL: mustURL(w.T, fmt.Sprintf("http://a.example/skip/%d", n)), Reason: pick(w, "robots", "scope"), Depth: n}
		if err := w.st.PutSkips(w.Context(), run.ID, []store.Skip{skip}); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) page(run store.RunID, u weburl.URL) (*store.Page, []store.Link) {
	p := &store.Page{
		URL: u, Run: run, Try: 1, Fetched: time.Unix(1_760_000_000, 0), Status: pick(w, 200, 200, 200, 301, 404, 410, 500), Type: "html",
		Title: pick(w, "", "One", "Two"), Depth: w.rnd.IntN(4), NoIndex: w.rnd.IntN(5) == 0, Words: w.rnd.IntN(1000),
		TextHash: [16]byte{byte(w.rnd.IntN(3))},
	}
	switch {
	case p.Status == 301:
		p.Redirect = pick(w, w.urls...)
	case w.rnd.IntN(20) == 0:
		p.Status, p.Fault = 0, pick(w, FaultDNS, FaultTimeout, "connect")
	case strings.HasSuffix(u.Path(), "sitemap.xml"):
		p.Kind = store.KindSitemap
	case w.rnd.IntN(8) == 0:
		p.Kind, p.Head, p.Depth = pick[uint8](w, store.KindChecked, store.KindExternal), w.rnd.IntN(2) == 0, frontier.NoDepth
	}
	p.Passing = p.Fault != "" && w.rnd.IntN(2) == 0
	if w.rnd.IntN(3) == 0 {
		p.Fields = []store.Field{{Name: "price", State: store.FieldFilled, Values: []string{fmt.Sprint(w.rnd.IntN(100))}, Number: true}}
	}
	if p.Kind >= store.KindChecked { // it was not read
		return p, nil
	}
	var links []store.Link
	for n := range w.rnd.IntN(30) {
		links = append(links, store.Link{
			Target: pick(w, w.urls...) + pick(w, "", "", "?utm_source=x"), Text: pick(w, "a", "b", "c") + fmt.Sprint(n), Element: pick(w, "a", "img"), Attr: "href", Place: pick(w, "", "nav", "main"),
		})
	}
	links = append(links, store.Link{Target: pick(w, "mailto:a@example", "http://[/", "http://elsewhere.example/"), Element: "a"})
	return p, links
}

func (w *world) database(o Options) *DB {
	w.Helper()
	if o.Run == nil {
		o.Run = w.runs[len(w.runs)-1]
	}
	o.Identity = func(*store.Run) (func(weburl.URL) weburl.URL, error) { return w.identity, nil }
	db := Open(w.st, o)
	w.Cleanup(func() {
		if err := db.Close(); err != nil {
			w.Error(err)
		}
	})
	return db
}

// condition is a random one on a column that has an index.
func (w *world) condition(c *Column) (condition string, value string) {
	var text string
	switch c.Name {
	case "run":
		return "", Literal(pick(w, RunName(w.runs[0]), RunName(w.runs[1])))
	case "host":
		text = pick(w, "a.example", "b.a.example:8443", "[::1]:81", "127.0.0.1", "A.example", "a.example:80", "nowhere", "")
	case "status", "target_status", "target_final_status":
		return "=", fmt.Sprint(pick(w, 200, 404, 404, 500, 410, 301, 0, 999, -1))
	case "class", "target_class":
		text = pick(w, "ok", "broken", "server", "redirect", "timeout", "absent", "unverified", "")
	case "depth":
		return "=", pick(w, "0", "1", "2", "3.0", "7", "-1")
	case "title":
		text = pick(w, "One", "Two", "one", "")
	case "section":
		text = pick(w, "/", "/docs", "/D%C3%B6cs", "/Docs", "")
	case "text_hash":
		text = pick(w, "01"+strings.Repeat("0", 30), "02"+strings.Repeat("00", 15), strings.Repeat("0", 32), "0A", "one", "")
	case "kind":
		text = pick(w, "errors", "broken", "titles", "types", "nothing", "")
	case "severity":
		text = pick(w, Critical, Warning, Notice, "")
	default:
		text = pick(w, w.urls...) + pick(w, "", "", "", "?utm_source=x", "x")
		text = pick(w, text, text, text, "HTTP://a.example/", "http://a.example", "mailto:a@example", "", "http://elsewhere.example/", "http://a.example/skip/1")
	}
	if c.Index&Prefix != 0 && w.rnd.IntN(2) == 0 {
		text = text[:w.rnd.IntN(len(text)+1)]
		if w.rnd.IntN(2) == 0 {
			return "GLOB", Literal(text + pick(w, "*", "", "?*", "[a-z]*"))
		}
		return "LIKE", Literal(pick(w, text, strings.ToUpper(text)) + pick(w, "%", "", "_%"))
	}
	return "=", Literal(text)
}

// What an index answers is what reading every row answers.
func TestPushedDownEqualsFullScan(t *testing.T) {
	w := newWorld(t)
	db := w.database(Options{})
	for n := range 600 {
		if n == 300 { // from then on there is an index by status, title and such
			for _, r := range w.runs {
				ask(t, db, "SELECT inlinks FROM pages WHERE run = "+Literal(RunName(r)))
			}
		}
		table := pick(w, db.Tables()...)
		var indexed []*Column
		for i := range table.Columns {
			if c := &table.Columns[i]; c.Index != 0 && !(table.perRun && (c.Name == "run" || c.Name == "base")) && !table.IsFunction() {
				indexed = append(indexed, c)
			}
		}
		if len(indexed) == 0 {
			continue
		}
		var pushed, read []string
		for range 1 + w.rnd.IntN(2) {
			c := pick(w, indexed...)
			op, value := w.condition(c)
			if op == "" {
				op = "="
			}
			pushed, read = append(pushed, fmt.Sprintf("%s %s %s", c.Name, op, value)), append(read, fmt.Sprintf("+%s %s %s", c.Name, op, value))
		}
		run := ""
		if table.perRun && w.rnd.IntN(2) == 0 {
			run = " AND run = " + Literal(RunName(pick(w, w.runs...)))
		}
		logic := pick(w, " AND ", " AND ", " OR ")
		from := "SELECT * FROM " + table.Name + " WHERE ("
		a, b := ask(t, db, from+strings.Join(pushed, logic)+")"+run), ask(t, db, from+strings.Join(read, logic)+")"+run)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) {
			t.Fatalf("%s%s)%s: %d rows by index, %d without\n%s\n---\n%s", from, strings.Join(pushed, logic), run, len(a), len(b), strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
	}
}

// Values of one kind that are compared with a column of another are compared as
// SQLite does with a table of its own; what names a run names it beside whatever
// else is asked.
func TestConditionsMeanWhatSQLiteMeans(t *testing.T) {
	w := newWorld(t)
	for n, title := range []string{"404", "0404", "404.0", " 404"} {
		p, links := w.page(w.runs[1].ID, mustURL(t, fmt.Sprintf("http://a.example/t/%d", n)))
		p.Title, p.Status, p.Fault, p.Depth = title, 404, "", 404
		if n == 0 { // it has both
			p.Status, p.Fault = 200, FaultIncomplete
		}
		if err := w.st.Put(t.Context(), p, links, nil); err != nil {
			t.Fatal(err)
		}
	}
	db := w.database(Options{})
	ask(t, db, "SELECT inlinks FROM pages")
	path := filepath.Join(t.TempDir(), "copy.sqlite")
	f, err := CreateFile(path)
	if err == nil {
		err = errors.Join(f.Write(t.Context(), db, "pages", "SELECT * FROM pages"), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	copied, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	first, last := Literal(RunName(w.runs[0])), Literal(RunName(w.runs[1]))
	for _, where := range []string{
		"status = '404'", "status = 404.0", "status = '0404'", "status = ' 404 '", "status = '404.0'", "status = '4.04e2'", "status = '404x'", "status = x'343034'", "status IS 404",
		"status = NULL", "status IS NULL", "status IN (404, NULL)", "status IN ('404', '0200')", "status NOT IN (404, NULL)", "NOT status = '0404'", "status = 404 OR title = 404",
		"status = 200 OR class = 'timeout'", "status = TRUE + 403", "depth = '0404'", "depth = '404' AND status = '+404'", "(status, depth) = ('0404', '404')", "status = 200",
		"title = 404", "title = 404.0", "title = '404'", "title IN (404, 404.0)", "title = x'343034'", "title = CAST(404 AS BLOB)", "title = status", "section = 1", "host = NULL",
		"url = (SELECT max(url) FROM pages)", "title = (SELECT 404)", "title = (SELECT min(status) FROM pages WHERE status > 400 AND status < 405)", "class = 'broken' COLLATE NOCASE", "class = 'BROKEN' COLLATE NOCASE",
		"run = " + last + " AND title = 'one' COLLATE NOCASE", "run = " + last + " AND run = " + first, "run = " + last + " AND run = " + last,
	} {
		var want int
		if err := copied.QueryRow("SELECT count(*) FROM pages WHERE " + where).Scan(&want); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		if got := ask(t, db, "SELECT count(*) FROM pages WHERE "+where); got[0] != fmt.Sprint(want) {
			t.Errorf("%s: %s rows, SQLite by itself finds %d", where, got[0], want)
		}
	}
	const joined = "SELECT count(*) FROM pages a JOIN pages b ON a.title = b.status"
	var want int
	if err := copied.QueryRow(joined).Scan(&want); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, db, joined); got[0] != fmt.Sprint(want) {
		t.Errorf("%s: %s, SQLite by itself finds %d", joined, got[0], want)
	}
	for where, want := range map[string]string{
		"run = " + first + " AND title = 'one' COLLATE NOCASE":                      "run = " + first + " AND lower(title) = 'one'",
		"run = " + first + " AND run = " + last:                                     "0",
		"run = " + last + " AND run = " + first:                                     "0",
		"run = " + first + " AND (status = '0404' OR title = 'TWO' COLLATE NOCASE)": "run = " + first + " AND (+status = 404 OR lower(title) = 'two')",
	} {
		if got, want := ask(t, db, "SELECT count(*) FROM pages WHERE "+where), ask(t, db, "SELECT count(*) FROM pages WHERE "+want); got[0] != want[0] {
			t.Errorf("%s: %s rows, want %s", where, got[0], want[0])
		}
	}
	either := ask(t, db, "SELECT (SELECT count(*) FROM pages WHERE run = "+first+") + (SELECT count(*) FROM pages WHERE status = 404)")
	if got := ask(t, db, "SELECT count(*) FROM pages WHERE run = "+first+" OR status = 404"); got[0] != either[0] {
		t.Errorf("of a run, or by status: %s rows, want %s", got[0], either[0])
	}
	either = ask(t, db, "SELECT (SELECT count(*) FROM pages WHERE run = "+first+" AND words > 500) + (SELECT count(*) FROM pages WHERE run = "+last+" AND words < 500)")
	if got := ask(t, db, "SELECT count(*) FROM pages WHERE run = "+first+" AND words > 500 OR run = "+last+" AND words < 500"); got[0] != either[0] {
		t.Errorf("of two runs by words: %s rows, want %s", got[0], either[0])
	}
	visits := ask(t, db, "SELECT (SELECT count(*) FROM pages WHERE run = "+first+" AND url = 'http://a.example/') + (SELECT count(*) FROM pages WHERE run = "+last+" AND url = 'http://a.example/')")
	for _, on := range []string{"p.run = r.run AND p.url = 'http://a.example/'", "p.url = 'http://a.example/' AND p.run = r.run"} {
		if got := ask(t, db, "SELECT count(*) FROM runs r JOIN pages p ON "+on); got[0] != visits[0] {
			t.Errorf("all visits of a page, %s: %s, want %s", on, got[0], visits[0])
		}
	}
	changes := "SELECT count(*) FROM changes WHERE run = " + last + " AND base = " + first
	if got, want := ask(t, db, changes+" AND kind = 'NEW' COLLATE NOCASE"), ask(t, db, changes+" AND kind = 'new'"); got[0] != want[0] {
		t.Errorf("changes by another collation: %s, want %s", got[0], want[0])
	}
}

// Of two runs there are the rows of the one and of the other.
func TestRowsOfTwoRuns(t *testing.T) {
	w := newWorld(t)
	db := w.database(Options{})
	for _, table := range db.Tables() {
		if !table.perRun || table.IsFunction() {
			continue
		}
		count := 0
		for _, r := range w.runs {
			count += len(ask(t, db, "SELECT * FROM "+table.Name+" WHERE run = "+Literal(RunName(r))))
		}
		for _, names := range []string{"run = %s OR run = %s", "run IN (%s, %s)"} {
			where := fmt.Sprintf(names, Literal(RunName(w.runs[0])), Literal(RunName(w.runs[1])))
			if got := ask(t, db, "SELECT * FROM "+table.Name+" WHERE "+where); len(got) != count {
				t.Errorf("%s WHERE %s: %d rows, of each: %d", table.Name, where, len(got), count)
			}
		}
	}
}

// A join finds what two loops find.
func TestJoins(t *testing.T) {
	w := newWorld(t)
	db := w.database(Options{})
	for _, q := range []struct{ a, b string }{
		{
			"SELECT l.source, p.url, p.status FROM links l JOIN pages p ON p.url = l.target WHERE l.place = 'nav'",
			"SELECT source, target, target_status FROM links WHERE place = 'nav' AND +target_status IS NOT NULL AND target_kind <> 'external' AND target NOT LIKE '%utm%'",
		},
		{
			"SELECT a.url, b.status FROM pages a JOIN pages b ON b.url = a.url AND b.run = " + Literal(RunName(w.runs[0])),
			"SELECT b.url, b.status FROM pages a, pages b WHERE +b.url = a.url AND b.run = " + Literal(RunName(w.runs[0])),
		},
		{
			"SELECT r.run, p.url FROM runs r JOIN pages p ON p.run = r.run",
			"SELECT run, url FROM fetches WHERE kind <> 'external'",
		},
		{"SELECT url, title FROM pages WHERE url IN (SELECT target FROM links)", "SELECT url, title FROM pages WHERE +url IN (SELECT target FROM links)"},
		{"SELECT url, inlinks FROM pages", "SELECT url, (SELECT count(*) FROM links l WHERE l.target_url = p.url AND l.source_kind = 'page') FROM pages p"},
		{"SELECT url, in_sitemap FROM pages", "SELECT url, EXISTS (SELECT 1 FROM links l WHERE l.target_url = p.url AND l.source_kind = 'sitemap') FROM pages p"},
	} {
		a, b := ask(t, db, q.a), ask(t, db, q.b)
		slices.Sort(a)
		slices.Sort(b)
		if len(a) == 0 || !slices.Equal(a, b) {
			t.Errorf("%s: %d rows\n%s: %d rows\n%s\n---\n%s", q.a, len(a), q.b, len(b), strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
	}
}

// Whatever order of columns is asked for, each has the value that the whole
// record gives: the fields that it says it needs are enough.
func TestColumnsNeedNoMoreThanTheySay(t *testing.T) {
	w := newWorld(t)
	db := w.database(Options{})
	whole := map[string][]any{}
	for p, err := range w.st.Pages(t.Context(), db.o.Run.ID) {
		if err != nil {
			t.Fatal(err)
		}
		_, whole[p.URL.String()] = PageRow(db.o.Run, p, nil)
	}
	columns, _ := PageRow(db.o.Run, &store.Page{URL: mustURL(t, "http://a/")}, nil)
	for i, c := range columns {
		if c.Name == "inlinks" || c.Name == "in_sitemap" {
			continue
		}
		for _, line := range ask(t, db, "SELECT "+Quote(c.Name)+", url FROM pages") {
			at := strings.LastIndexByte(line, ' ')
			want := whole[line[at+1:]][i]
			if b, ok := want.(bool); ok {
				want = map[bool]int{true: 1}[b]
			}
			if got := line[:at]; got != fmt.Sprint(want) {
				t.Errorf("%s of %s: %q, want %v", c.Name, line[at+1:], got, want)
			}
		}
	}
}

func TestReadsOnly(t *testing.T) {
	w := newWorld(t)
	db := w.database(Options{})
	for _, statement := range []string{
		"DELETE FROM pages", "INSERT INTO pages (url) VALUES ('x')", "UPDATE pages SET title = ''", "DROP TABLE pages", "CREATE TABLE x (y)", "CREATE TEMP TABLE x (y)",
		"ATTACH 'elsewhere.db' AS x", "DETACH main", "PRAGMA query_only = 0", "PRAGMA writable_schema = 1", "VACUUM INTO 'elsewhere.db'", "BEGIN", "REINDEX", "ANALYZE",
		"SELECT 1; DROP TABLE pages", "SELECT load_extension('x')", "SELECT crawl_within(1)", "SELECT * FROM sqlite_master", "SELECT * FROM sqlite_schema", "SELECT * FROM pragma_table_info('pages')",
		"WITH x AS (SELECT 1) DELETE FROM pages", "EXPLAIN SELECT 1", "", ";", "--", "SELECT writefile('elsewhere.db', 'y')", "SELECT readfile('/etc/passwd')",
		"SELECT * FROM pages WHERE url = '", "SELECT fts3_tokenizer('simple')", "VALUES (load_extension('x'))", "CREATE VIRTUAL TABLE x USING crawl_store(1)",
	} {
		rows, err := db.Query(t.Context(), statement)
		if err == nil {
			for _, failed := range rows.All() {
				err = failed
			}
		}
		var bad *Error
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if got := ask(t, db, "SELECT count(*) > 0 FROM pages"); got[0] != "1" {
		t.Errorf("then: %q", got)
	}
}

func TestLimits(t *testing.T) {
	w := newWorld(t)
	endless := "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
	last := func(db *DB, ctx context.Context, statement string) (n int, err error) {
		rows, err := db.Query(ctx, statement)
		if err != nil {
			return 0, err
		}
		for _, failed := range rows.All() {
			if err = failed; err == nil {
				n++
			}
		}
		return n, err
	}
	few := w.database(Options{MaxRows: 7})
	for statement, want := range map[string]int{endless + "SELECT x FROM n": 7, "SELECT url FROM pages": 7, "SELECT url FROM pages LIMIT 7": -7} {
		n, err := last(few, t.Context(), statement)
		if n != max(want, -want) || errors.Is(err, ErrTooManyRows) != (want > 0) {
			t.Errorf("%s: %d rows, %v", statement, n, err)
		}
	}
	short := w.database(Options{MaxTime: 50 * time.Millisecond})
	slow := []string{
		endless + "SELECT count(*) FROM n", endless + "SELECT x FROM n WHERE x = 1 OR x < 0", "SELECT count(*) FROM links a, links b, links c, links d",
		"SELECT 1 UNION ALL SELECT 2 FROM pages a, links b, links c, links d WHERE a.url || b.anchor || c.anchor || d.anchor = 'x'", "SELECT 1 UNION ALL SELECT * FROM (" + endless + "SELECT count(*) FROM n)",
	}
	for _, statement := range slow {
		if _, err := last(short, t.Context(), statement); !errors.Is(err, ErrTooLong) {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if got := ask(t, short, "SELECT 1"); got[0] != "1" { // a limit is of each answer
		t.Errorf("then: %q", got)
	}
	db := w.database(Options{})
	for _, statement := range slow {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		if _, err := last(db, ctx, statement); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// Whoever wants no more rows ends the statement; it can be asked again.
// A value is not larger than what a page has, however little is written for it.
func TestValuesHaveABound(t *testing.T) {
	db := newWorld(t).database(Options{})
	for _, statement := range []string{
		"SELECT length(zeroblob(1000000000))", "SELECT length(hex(randomblob(400000000)))", "SELECT length(printf('%.*c', 900000000, 'x'))",
		"SELECT length(replace(hex(zeroblob(1000000)), '0', '0123456789'))", "SELECT '" + strings.Repeat("x", maxStatement) + "'",
	} {
		rows, err := db.Query(t.Context(), statement)
		if err == nil {
			for _, failed := range rows.All() {
				err = failed
			}
		}
		if err == nil || !strings.Contains(err.Error(), "too big") {
			t.Errorf("%.60s: %v", statement, err)
		}
	}
	if got := ask(t, db, "SELECT length(zeroblob(1000000))"); got[0] != "1000000" {
		t.Errorf("a megabyte: %q", got)
	}
}

func TestFirstRows(t *testing.T) {
	w := newWorld(t)
	db := w.database(Options{})
	rows, err := db.Query(t.Context(), "SELECT a.url FROM pages a, links b, links c, links d, links e")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		n := 0
		for _, err := range rows.All() {
			if err != nil {
				t.Error(err)
			}
			if n++; n == 3 {
				break
			}
		}
		if n != 3 {
			t.Errorf("%d rows", n)
		}
	}
}

func TestFaultsArePointedAt(t *testing.T) {
	w := newWorld(t)
	db := w.database(Options{})
	for _, q := range []struct{ statement, what, at, word string }{
		{"SELECT statsu FROM pages", `unknown field "statsu"`, "statsu", "statsu"},
		{"SELECT p.statsu FROM pages p", `unknown field "statsu"`, "statsu", "statsu"},
		{"SELECT \"x\" FROM pages", `unknown field "x"`, `"x"`, "x"},
		{"SELECT 1 FROM pagse", `unknown table "pagse"`, "pagse", "pagse"},
		{"SELECT a b c FROM pages", `syntax error near "c"`, "c", ""},
		{"SELECT url FROM pages FROM pages", `syntax error near "FROM"`, "FROM pages", ""},
		{"SELECT 'FROM' FROM pages WHERE FROM", `syntax error near "FROM"`, "FROM", ""},
		{"SELECT (1", "the statement is not finished", "1", ""},
		{"SELECT 'a", "a quote is not closed", "'", ""},
		{"SELECT nosuch(1) FROM pages", "no such function: nosuch", "nosuch", ""},
		{"SELECT url FROM pages a, pages b", `"url" is a field of more than one table here`, "url", ""},
		{"SELECT '\u202e\x1b[31m', statsu FROM pages", `unknown field "statsu"`, "statsu", "statsu"},
	} {
		_, err := db.Query(t.Context(), q.statement)
		var bad *Error
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v", q.statement, err)
			continue
		}
		if bad.What != q.what || bad.Word != q.word || bad.Length == 0 || !strings.HasPrefix(q.statement[bad.At:], q.at) {
			t.Errorf("%s: %+v", q.statement, bad)
		}
		if q.word != "" && len(bad.Known) == 0 {
			t.Errorf("%s: nothing is known", q.statement)
		}
	}
}

// Texts from the web come out as they are: bytes that are no UTF-8, zeros, and
// what looks like SQL.
func TestHostileTexts(t *testing.T) {
	w := newWorld(t)
	texts := []string{"a\x00b", "\xff\xfe", "'; DROP TABLE pages; --", "\u202eabc", strings.Repeat("x", 1<<20), "\x1b[2J", ""}
	for i, text := range texts {
		p := &store.Page{URL: mustURL(t, fmt.Sprintf("http://hostile.example/%d", i)), Run: w.runs[1].ID, Try: 1, Title: text, Fields: []store.Field{{Name: "price", State: store.FieldFilled, Values: []string{text}}}}
		if err := w.st.Put(t.Context(), p, []store.Link{{Target: text, Text: text}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	db := w.database(Options{})
	got := ask(t, db, "SELECT title FROM pages WHERE host = 'hostile.example'")
	if !slices.Equal(got, texts) {
		t.Errorf("%q", got)
	}
	if got := ask(t, db, "SELECT count(*) FROM pages a JOIN pages b ON a.title = b.title AND a.url = b.url WHERE a.price = a.title"); got[0] == "0" {
		t.Errorf("%q", got)
	}
}

func TestManyQuestionsLeaveNothingBehind(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		db := w.database(Options{})
		for range 20 {
			rows, err := db.Query(t.Context(), "SELECT l.anchor, p.title FROM links l JOIN pages p ON p.url = l.target")
			if err != nil {
				t.Fatal(err)
			}
			for range rows.All() {
				break
			}
		}
	}
}

// A plan names the index that answers, and none that there is not.
func TestPlan(t *testing.T) {
	w := newWorld(t)
	db := w.database(Options{})
	index := func(statement string) string {
		steps, err := db.Plan(t.Context(), statement)
		if err != nil || len(steps) == 0 {
			t.Fatalf("%s: %+v, %v", statement, steps, err)
		}
		return steps[0].Table + ": " + steps[0].Index
	}
	for statement, want := range map[string]string{
		"SELECT * FROM pages WHERE status = 404": "pages: ", "SELECT * FROM pages WHERE url = 'x' AND words > 1": "pages: url =", "SELECT * FROM pages": "pages: ",
		"SELECT * FROM links WHERE target_class = 'broken'": "links: target_class =", "SELECT * FROM pages WHERE url = 'x' COLLATE NOCASE": "pages: ",
	} {
		if got := index(statement); got != want {
			t.Errorf("%s: %q, want %q", statement, got, want)
		}
	}
	ask(t, db, "SELECT inlinks FROM pages")
	if got := index("SELECT * FROM pages WHERE status = 404"); got != "pages: status =" {
		t.Errorf("with an index: %q", got)
	}
	for _, op := range []string{"= '%s' COLLATE NOCASE", "LIKE '%s'", "GLOB '%s'"} { // other ways to compare
		got := ask(t, db, "SELECT url FROM pages WHERE url "+fmt.Sprintf(op, "HTTP://A.example/"))
		if want := ask(t, db, "SELECT url FROM pages WHERE +url "+fmt.Sprintf(op, "HTTP://A.example/")); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", op, got, want)
		}
	}
}
