package main

import (
	"strings"
	"testing"
)

// TestTable holds medians, ratios within a round, and the notation against an
// example. In the second round all took twice as long, which no ratio shows.
func TestTable(t *testing.T) {
	const measured = `docs crawl 1 2.0 1.0 1.0 2000 1000 5000000
docs floor 1 0.5 0.1 0.1 1000 1000 0
docs crawl 2 4.0 2.0 2.0 2000 1000 5000000
docs floor 2 1.0 0.2 0.2 1000 1000 0
docs crawl 3 2.2 1.0 1.0 2000 1000 5000000
docs floor 3 0.5 0.1 0.1 1000 1000 0
`
	const want = `
docs

crawler  pages  CPU s/1,000  wall s  pages/s  peak MB  stored MB  our CPU ÷ its  our wall ÷ its  our peak ÷ its
crawl    1,000         2.00    2.20      455     2.05       5.00
floor    1,000         0.20    0.50    2,000     1.02       0.00           10.0            4.00            2.00

Medians of 3 rounds.
`
	var got strings.Builder
	if err := run(strings.NewReader(measured), &got, false); err != nil {
		t.Fatal(err)
	}
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

// TestUneven refuses to compare crawlers that did not run as often.
func TestUneven(t *testing.T) {
	const measured = "docs crawl 1 2 1 1 2000 1000 5\ndocs floor 1 1 1 1 1 1 1\ndocs floor 2 1 1 1 1 1 1\n"
	if err := run(strings.NewReader(measured), &strings.Builder{}, false); err == nil {
		t.Error("one run was compared with two")
	}
}
