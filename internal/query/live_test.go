package query

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"crawl/store"
)

// goesOn has the latest run go on: what the store has of its refused URLs and of
// its hosts is not all that there is.
func (w *world) goesOn() (o Options, warned *[]string) {
	run := *w.runs[len(w.runs)-1]
	run.State, run.Why, run.Counts.Found = store.Running, "it goes on", 4711
	live := &Live{
		Run: &run,
		Skips: func(context.Context) iter.Seq2[*store.Skip, error] {
			return func(yield func(*store.Skip, error) bool) {
				for n := range 3 {
					if !yield(&store.Skip{URL: mustURL(w.T, fmt.Sprintf("http://a.example/now/%d", 2-n)), Reason: "scope", Run: run.ID}, nil) {
						return
					}
				}
			}
		},
		Hosts: func(context.Context) iter.Seq2[*store.Host, error] {
			return func(yield func(*store.Host, error) bool) {
				yield(&store.Host{Origin: "http://a.example", Done: 7}, nil)
			}
		},
	}
	warned = new([]string)
	return Options{
		Run: &run, Warn: func(text string, _ error) { *warned = append(*warned, text) },
		Live: func(id store.RunID) *Live {
			if id == run.ID {
				return live
			}
			return nil
		},
	}, warned
}

// TestRunThatGoesOn asks a run that goes on what has an index otherwise. The
// answers are the same, the index is not made, and what cannot be told is said.
func TestRunThatGoesOn(t *testing.T) {
	w := newWorld(t)
	o, warned := w.goesOn()
	whole, live := w.database(Options{}), w.database(o)
	target := Literal(w.urls[3])
	questions := []string{
		"SELECT source, anchor FROM links WHERE target = " + target,
		"SELECT source, anchor FROM links WHERE target_url = " + target,
		"SELECT source, target FROM links WHERE target_status = 404",
		"SELECT source, target FROM links WHERE target_class = 'broken' AND source_status = 200",
		"SELECT source, target FROM links WHERE target_final_status = 404",
		"SELECT p.url, l.source FROM pages p JOIN links l ON l.target_url = p.url WHERE p.status = 500",
		"SELECT url FROM pages WHERE status = 404",
		"SELECT url FROM pages WHERE class = 'broken'",
		"SELECT source, final FROM redirects",
	}
	got := make([][]string, len(questions))
	for i, q := range questions {
		got[i] = w.sorted(live, q)
	}
	if there, err := w.st.Indexed(t.Context(), w.runs[1].ID); there || err != nil {
		t.Fatalf("an index was made beside a crawl: %v, %v", there, err)
	}
	for i, q := range questions {
		if want := w.sorted(whole, q); !slices.Equal(got[i], want) {
			t.Errorf("%s\ngot  %q\nwant %q", q, got[i], want)
		}
	}
	if there, err := w.st.Indexed(t.Context(), w.runs[1].ID); !there || err != nil {
		t.Fatalf("no index was made at all: %v, %v", there, err)
	}
	for q, want := range map[string][]string{
		"SELECT url, reason FROM skipped ORDER BY url":                 {"http://a.example/now/0 scope", "http://a.example/now/1 scope", "http://a.example/now/2 scope"},
		"SELECT url FROM skipped WHERE url = 'http://a.example/now/1'": {"http://a.example/now/1"},
		"SELECT url FROM skipped WHERE url GLOB 'http://a.*/2'":        {"http://a.example/now/2"},
		"SELECT origin, done FROM hosts":                               {"http://a.example 7"},
		"SELECT why, found FROM runs WHERE state = 'running'":          {"it goes on 4711"},
		"SELECT count(*) FROM pages WHERE inlinks IS NOT NULL":         {"0"}, // though there is an index by now: it is about to be out of date
	} {
		if got := w.sorted(live, q); !slices.Equal(got, want) {
			t.Errorf("%s\ngot  %q\nwant %q", q, got, want)
		}
	}
	if len(*warned) != 1 || !strings.Contains((*warned)[0], "not counted yet: run "+RunName(o.Run)+" goes on") {
		t.Errorf("told %q", *warned)
	}
}

// TestNoIndexBesideACrawl asks about another run while one goes on.
func TestNoIndexBesideACrawl(t *testing.T) {
	w := newWorld(t)
	o, warned := w.goesOn()
	o.Run = w.runs[0]
	db := w.database(o)
	const counted = "SELECT count(inlinks) > 0 FROM pages"
	if got := w.sorted(db, counted); got[0] != "0" || len(*warned) != 1 || !strings.Contains((*warned)[0], "none is made beside a crawl") {
		t.Errorf("%q, told %q", got, *warned)
	}
	if err := w.st.IndexLinks(t.Context(), w.runs[0].ID, store.Identity{Of: w.identity}); err != nil {
		t.Fatal(err)
	}
	if got := w.sorted(db, counted); got[0] != "1" || len(*warned) != 1 {
		t.Errorf("with an index %q, told %q", got, *warned)
	}
}

// TestQueueThatFails: an error of what goes on is that of the answer.
func TestQueueThatFails(t *testing.T) {
	w := newWorld(t)
	o, _ := w.goesOn()
	broken := errors.New("broken for the test")
	o.Live(o.Run.ID).Skips = func(context.Context) iter.Seq2[*store.Skip, error] {
		return func(yield func(*store.Skip, error) bool) { yield(nil, broken) }
	}
	rows, err := w.database(o).Query(t.Context(), "SELECT url FROM skipped")
	if err != nil {
		t.Fatal(err)
	}
	for _, err = range rows.All() {
	}
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// sorted answers a statement, a text for each row.
func (w *world) sorted(db *DB, statement string) (all []string) {
	w.Helper()
	rows, err := db.Query(w.Context(), statement)
	if err != nil {
		w.Fatalf("%s: %v", statement, err)
	}
	for row, err := range rows.All() {
		if err != nil {
			w.Fatalf("%s: %v", statement, err)
		}
		words := make([]string, len(row))
		for i, v := range row {
			words[i] = fmt.Sprint(v)
		}
		all = append(all, strings.Join(words, " "))
	}
	slices.Sort(all)
	return all
}
