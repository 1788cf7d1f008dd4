package main

import (
	"bufio"
	"bytes"
	"slices"
	"strings"
	"testing"

	"crawl/crawler"
	"crawl/fetcher"
	"crawl/frontier"
	"crawl/internal/query"
)

// The faults that decide on a page's class are those that are stored.
func TestFaultsOfClasses(t *testing.T) {
	for ours, theirs := range map[string]string{
		query.FaultDNS: string(fetcher.DNS), query.FaultTimeout: string(fetcher.Timeout), query.FaultIncomplete: crawler.FaultIncomplete, query.FaultRedirects: crawler.FaultRedirects,
	} {
		if ours != theirs {
			t.Errorf("%q is stored as %q", ours, theirs)
		}
	}
}

// The reasons for the absence of a URL are those that are stored.
func TestReasonsOfAbsence(t *testing.T) {
	missed := []string{string(crawler.ReasonUnreachable), string(crawler.ReasonRobotsUnreachable), string(crawler.ReasonPushedBack)}
	limits := []string{
		string(crawler.ReasonMaxPages), string(frontier.ReasonPagesPerHost), string(frontier.ReasonHosts), string(crawler.ReasonMaxTime), string(crawler.ReasonMaxBytes),
	}
	site := []string{string(crawler.ReasonRobots), string(crawler.ReasonNoFollow), string(crawler.ReasonForm)}
	for _, tt := range [][2][]string{{query.MissedReasons, missed}, {query.LimitReasons, limits}, {query.SiteReasons, site}} {
		if !slices.Equal(tt[0], tt[1]) {
			t.Errorf("%q; stored are %q", tt[0], tt[1])
		}
	}
}

// No form lets through what a terminal would obey or a spreadsheet would run.
func TestHostileRows(t *testing.T) {
	hostile := "\x1b]0;x\x07\u202e=cmd|'/C calc'!A0\n\t| <b>\xff"
	columns := []query.ColumnOf{{Name: hostile, Kind: query.Text}, {Name: "n", Kind: query.Int}}
	for _, format := range rowFormats {
		for _, facets := range []bool{false, true} {
			var b bytes.Buffer
			w := bufio.NewWriter(&b)
			o := tableOutput{format: format, header: true}
			columns, row := columns, []any{hostile, int64(1)}
			if facets {
				columns, row = append(columns, query.ColumnOf{Name: "count", Kind: query.Int}), []any{hostile, hostile, int64(1)}
			}
			to, err := o.writer(t.Context(), w, 80, columns, facets)
			if err != nil {
				t.Fatal(err)
			}
			for range measuredRows + 1 {
				if err := to.row(row); err != nil {
					t.Fatal(err)
				}
			}
			if err := to.end(); err != nil {
				t.Fatal(err)
			}
			w.Flush()
			rows := strings.TrimLeft(b.String(), "[\n")
			if format == "csv" { // the header is made of names of ours, or of what was typed
				_, rows, _ = strings.Cut(rows, "1\r\n")
			}
			if i := strings.IndexFunc(rows, func(c rune) bool { return c != '\n' && c != '\t' && c != '\r' && unsafeRune(c) }); i >= 0 {
				t.Errorf("%s: %q", format, rows[max(0, i-20):i+20])
			}
			if format == "csv" && strings.Contains(rows, "\n=") {
				t.Errorf("csv: %q", rows[:100])
			}
		}
	}
}

func TestTableWidths(t *testing.T) {
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	to := &tableRows{out: w, columns: []query.ColumnOf{{Name: "url", Kind: query.Text}, {Name: "n", Kind: query.Int}}, width: 30}
	for _, row := range [][]any{{"https://example.com/a/very/long/path/to/a/page", int64(7)}, {"short", nil}} {
		if err := to.row(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := to.end(); err != nil {
		t.Fatal(err)
	}
	w.Flush()
	const want = "" +
		"URL                          N\n" +
		"https://examp…h/to/a/page    7\n" +
		"short\n"
	got := b.String()
	for line := range strings.Lines(got) {
		if textWidth(strings.TrimSuffix(line, "\n")) > 30 {
			t.Errorf("too wide: %q", line)
		}
	}
	if !strings.Contains(got, "…") || strings.Count(got, "\n") != strings.Count(want, "\n") {
		t.Errorf("%s\nwant about\n%s", got, want)
	}
}
