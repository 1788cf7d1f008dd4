package crawler

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"crawl/fetcher"
	"crawl/store"
)

// A parser that panics is told of, and costs its page the links alone.
func TestParserThatPanics(t *testing.T) {
	var log bytes.Buffer
	w := &Job{Crawler: &Crawler{Log: slog.New(slog.NewTextHandler(&log, nil))}, spec: &Spec{}}
	p := &store.Page{URL: at(t, "http://a/poison"), Status: 200}
	links := w.survive(p, func() []store.Link {
		p.Title = "half"
		var none []store.Link
		return append(none, none[1])
	})
	if links != nil || p.ParseLimit != "parser failed" || p.Fault != "" || p.Status != 200 || w.spec.wholly(p) {
		t.Errorf("%d links, %+v", len(links), p)
	}
	for _, want := range []string{"http://a/poison", "index out of range", "page_test.go"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q: %s", want, log.String())
		}
	}
}

// Whoever looks at a page survives it, too. No page is known on which the parser
// panics: a spec that is missing does as well.
func TestLookSurvivesTheParser(t *testing.T) {
	var log bytes.Buffer
	var none *Spec
	resp := &fetcher.Response{Status: 200, Header: http.Header{}, Body: []byte("<title>t</title>")}
	p, doc := none.Look(slog.New(slog.NewTextHandler(&log, nil)), at(t, "http://a/poison"), resp, nil, false)
	if p.Status != 200 || p.ParseLimit != "parser failed" || p.Fault != "" || len(doc.Links) != 0 {
		t.Errorf("%+v", p)
	}
	if !strings.Contains(log.String(), "the parser failed on this page: please report it") || !strings.Contains(log.String(), "http://a/poison") {
		t.Error(log.String())
	}
}
