package parse

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crawl/internal/weburl"
)

// ldScript is a script of JSON-LD of so many bytes.
func ldScript(size int) string {
	const thing = `{"@type":"T","n":"z"}`
	return "<script type=application/ld+json>" + thing + strings.Repeat(" ", size-len(thing)) + "</script>"
}

// A script beyond the limit is not read, and the fields that may stand in it
// have failed.
func TestLongJSONLD(t *testing.T) {
	const short = `<script type=application/ld+json>{"@type":"T","n":"y"}</script>`
	for _, tt := range []struct{ name, rule, page, state, words string }{
		{"just enough", "jsonld:T.n", ldScript(maxJSONLDBytes), FieldFilled, ""},
		{"too long", "jsonld:T.n", ldScript(maxJSONLDBytes + 1), FieldFailed, "longer than 256 KiB"},
		{"found in another", "jsonld:T.n", ldScript(maxJSONLDBytes+1) + short, FieldFilled, ""},
		{"not all are known", "jsonld:T.n|all", ldScript(maxJSONLDBytes+1) + short, FieldFailed, "longer than 256 KiB"},
		{"another kind", "meta:n", ldScript(maxJSONLDBytes+1) + "<meta name=n content=x>", FieldFilled, ""},
	} {
		if v := one(t, tt.rule, tt.page); v.State != tt.state || !strings.Contains(v.Why, tt.words) {
			t.Errorf("%s: %s because %q", tt.name, v.State, v.Why)
		}
	}
}

// extractAll applies rules to a page.
func extractAll(t testing.TB, f *Fields, page string, o FieldOptions) []FieldValue {
	base, err := weburl.Parse("https://shop.example/")
	if err != nil {
		t.Fatal(err)
	}
	return f.Extract(base, http.Header{"Content-Type": {"text/html; charset=utf-8"}}, []byte(page), o)
}

// Scripts are read no longer than there is time.
func TestLateJSONLD(t *testing.T) {
	f, err := CompileFields([]string{"n=jsonld:T.n"})
	if err != nil {
		t.Fatal(err)
	}
	if v := extractAll(t, f, ldScript(100), FieldOptions{Time: 1})[0]; v.State != FieldFailed || v.Why != errLate.Error() {
		t.Errorf("%s because %q", v.State, v.Why)
	}
	// The time is over between two scripts.
	p := newFieldPage(weburl.URL{}, http.Header{}, []byte(ldScript(100)), FieldOptions{})
	p.readMarks()
	p.clock.end = time.Time{}
	if p.readScripts(); p.unread != errLate || p.roots != nil {
		t.Errorf("%v, %d scripts read", p.unread, len(p.roots))
	}
}

// However many rules ask for it, a script is decoded once.
func TestJSONLDIsReadOnce(t *testing.T) {
	page := `<script type=application/ld+json>{"@type":"T","n":"z","l":[0` + strings.Repeat(",{}", 10_000) + `]}</script>`
	cost := func(n int) float64 {
		var rules []string
		for i := range n {
			rules = append(rules, fmt.Sprintf("f%d=jsonld:T.n", i))
		}
		f, err := CompileFields(rules)
		if err != nil {
			t.Fatal(err)
		}
		return testing.AllocsPerRun(1, func() { extractAll(t, f, page, FieldOptions{Time: time.Minute}) })
	}
	if one, many := cost(1), cost(20); many > 2*one {
		t.Errorf("%v allocations for a rule, %v for 20", one, many)
	}
}

// What JSON-LD says takes memory as a tree does, and waits for a place as one.
func TestJSONLDWaitsForItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := CompileFields([]string{"n=jsonld:T.n"})
		if err != nil {
			t.Fatal(err)
		}
		for range cap(f.trees) {
			f.trees <- struct{}{}
		}
		if v := extractAll(t, f, "<p>no script", FieldOptions{}); v[0].State != FieldEmpty {
			t.Errorf("%+v", v)
		}
		done := make(chan []FieldValue, 1)
		go func() { done <- extractAll(t, f, ldScript(100), FieldOptions{}) }()
		synctest.Wait()
		select {
		case <-done:
			t.Error("it did not wait")
		default:
			<-f.trees
			if v := <-done; v[0].State != FieldFilled {
				t.Errorf("%+v", v)
			}
		}
	})
}
