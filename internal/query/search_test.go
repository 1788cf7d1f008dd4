package query

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"crawl/internal/search"
)

// What is searched for joins with the other tables, and is of the run that is
// named.
func TestSearchTable(t *testing.T) {
	w := newWorld(t)
	index := search.New(filepath.Join(t.TempDir(), search.File), w.st, search.Options{}) // no body was kept: titles alone
	t.Cleanup(func() { _ = index.Close() })
	db := w.database(Options{Search: index})
	first := Literal(RunName(w.runs[0]))
	const found = "status BETWEEN 200 AND 299 AND fault = '' AND kind = 'page'"
	for _, q := range []struct{ a, b string }{
		{"SELECT url FROM search('one')", "SELECT url FROM pages WHERE title = 'One' AND " + found},
		{"SELECT url, title FROM search('one OR two') WHERE words = 'one OR two'", "SELECT url, title FROM pages WHERE title <> '' AND " + found},
		{"SELECT url FROM search WHERE words = 'one' AND run = " + first, "SELECT url FROM pages WHERE title = 'One' AND run = " + first + " AND " + found},
		{"SELECT s.url, p.words FROM search('one') s JOIN pages p ON p.url = s.url WHERE p.depth = 1", "SELECT url, words FROM pages WHERE title = 'One' AND depth = 1 AND " + found},
		{"SELECT p.url, s.snippet FROM pages p JOIN search(p.title) s ON s.url = p.url WHERE p.title <> ''", "SELECT url, '«' || title || '»' FROM pages WHERE title <> '' AND " + found},
		{"SELECT url FROM search('one' COLLATE NOCASE) ORDER BY url COLLATE NOCASE", "SELECT url FROM pages WHERE title = 'One' AND " + found},
		{"SELECT places, count(*) FROM search('one') GROUP BY 1", "SELECT 'title', count(*) FROM pages WHERE title = 'One' AND " + found + " HAVING count(*) > 0"},
		{"SELECT rank FROM search('one')", "SELECT row_number() OVER () FROM pages WHERE title = 'One' AND " + found},
		{"SELECT url FROM search(NULL)", "SELECT url FROM pages WHERE 0"},
	} {
		a, b := ask(t, db, q.a), ask(t, db, q.b)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) {
			t.Errorf("%s: %q\n%s: %q", q.a, a, q.b, b)
		}
	}
	for statement, want := range map[string]string{
		"SELECT url FROM search":           "what is searched for?",
		"SELECT url FROM search('')":       "no word in it",
		"SELECT url FROM search('-one')":   "not to occur",
		"SELECT url FROM search('a', 'b')": "too many arguments",
		"SELECT * FROM texts":              "unknown table",
		"ATTACH 'x' AS y":                  "nothing can be changed",
	} {
		rows, err := db.Query(t.Context(), statement)
		if err == nil {
			for _, failed := range rows.All() {
				err = failed
			}
		}
		var bad *Error
		if !errors.As(err, &bad) || !strings.Contains(bad.What, want) {
			t.Errorf("%s: %v", statement, err)
		}
	}
}
