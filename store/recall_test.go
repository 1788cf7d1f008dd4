package store

import (
	"testing"

	"crawl/internal/weburl"
)

// What Latest read counts only while nothing came between that and Put.
func TestRecall(t *testing.T) {
	u, err := weburl.Parse("http://a.example/")
	if err != nil {
		t.Fatal(err)
	}
	good := &Page{URL: u, Run: 1, Status: 200, Links: 3}
	ours, others := &Page{URL: u, Run: 2}, &Page{URL: u, Run: 3}
	for name, test := range map[string]struct {
		last, good    *Page
		before, after func(r *recall) // what happens while Latest reads, and then
		known         bool
		want          *Page
	}{
		"nothing":                           {last: good, good: good, known: true, want: good},
		"an answer of nothing":              {known: true},
		"another run's visit while it read": {last: good, good: good, before: func(r *recall) { r.take(others) }},
		"another run's visit then":          {last: good, good: good, after: func(r *recall) { r.take(others) }},
		"a removal that goes on":            {last: good, good: good, after: (*recall).removing},
		"a removal while it read":           {last: good, good: good, before: func(r *recall) { r.removing(); r.removing() }},
		"the run's own visit before":        {last: &Page{Run: 2, Fault: "dns"}, good: good},
		"the run's own visit long before":   {last: &Page{Run: 3, Fault: "dns"}, good: &Page{Run: 2, Status: 200}, known: true},
	} {
		t.Run(name, func(t *testing.T) {
			var r recall
			a := r.ask(u)
			if test.before != nil {
				test.before(&r)
			}
			r.answered(a, test.last, test.good)
			if test.after != nil {
				test.after(&r)
			}
			_, got, known := r.take(ours)
			if known != test.known || (got == nil) != (test.want == nil) || got != nil && (got.Run != 1 || got.Links != 3) {
				t.Errorf("%v, %+v", known, got)
			}
			if _, _, known := r.take(ours); known {
				t.Error("an answer counts twice")
			}
		})
	}
	var r recall
	for i := range 3 * mostRecalled {
		v, err := weburl.Parse("http://a.example/" + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)))
		if err != nil {
			t.Fatal(err)
		}
		r.ask(v)
	}
	if len(r.answers) > mostRecalled {
		t.Errorf("%d answers are kept", len(r.answers))
	}
}
