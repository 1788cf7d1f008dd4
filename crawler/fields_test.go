package crawler

import (
	"compress/gzip"
	"net/http"
	"testing"
	"testing/synctest"

	"crawl/internal/parse"
	"crawl/internal/testweb"
	"crawl/store"

	"github.com/google/go-cmp/cmp"
)

// zipped answers with a page that is sent compressed.
func zipped(page string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write([]byte(page)) // the client may have left
		_ = z.Close()
	}
}

func rules(t *testing.T, texts ...string) *parse.Fields {
	t.Helper()
	f, err := parse.CompileFields(texts)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestFieldsOverRuns crawls an unchanging site with the same rules, with others,
// and with others where no body was kept.
func TestFieldsOverRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/":  tagged(`"1"`, zipped("<h1>One</h1><p>1</p><a href=/2>x</a><a href=/gone>x</a>")),
			"/2": tagged(`"2"`, zipped("<p>2 apples, 3 pears</p>")),
		}})
		w.audit.MayRepeat = again
		crawl := func(keep bool, texts ...string) *store.Run {
			s := spec(t, "http://a/")
			s.Keep, s.Fields = keep, rules(t, texts...)
			r := w.newRun(s)
			r.Rules = texts
			if err := w.begin(r, s).Crawl(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			return r
		}
		check := func(r *store.Run, notModified bool, values []string, want ...store.Coverage) {
			t.Helper()
			if d := cmp.Diff(want, r.Counts.Fields); d != "" {
				t.Errorf("run %d: %s", r.ID, d)
			}
			p := w.page(r, "http://a/")
			var got []string
			for _, f := range p.Fields {
				got = append(got, f.Values...)
			}
			if d := cmp.Diff(values, got); d != "" || p.NotModified != notModified {
				t.Errorf("run %d: not modified: %v, %s", r.ID, p.NotModified, d)
			}
			if p := w.page(r, "http://a/gone"); p.Fields != nil {
				t.Errorf("run %d: a page that is not there has fields %+v", r.ID, p.Fields)
			}
		}
		whyNumber := `"2 apples, 3 pears" is no number: there is more than one number in it`
		first := []store.Coverage{{Name: "h", Filled: 1, Empty: 1}, {Name: "n", Filled: 1, Failed: 1, Why: whyNumber}}
		check(crawl(true, "h=css:h1", "n=css:p|number"), false, []string{"One", "1"}, first...)
		check(crawl(true, "h=css:h1", "n=css:p|number"), true, []string{"One", "1"}, first...)
		check(crawl(false, "p=css:p"), true, []string{"1"}, store.Coverage{Name: "p", Filled: 2})
		check(crawl(true), true, nil)
		check(crawl(true, "q=css:p"), true, []string{"1"}, store.Coverage{Name: "q", Filled: 2})
	})
}

// TestFieldsWithoutBodies asks for a page whole whose fields cannot be had
// otherwise.
func TestFieldsWithoutBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": tagged(`"1"`, zipped("<p>1</p>"))}})
		w.audit.MayRepeat = func(testweb.Hit) bool { return true }
		for i, rule := range []string{"a=css:p", "a=css:p", "b=css:p"} {
			s := spec(t, "http://a/")
			s.Keep, s.Fields = false, rules(t, rule)
			p := w.page(w.crawl(s), "http://a/")
			if len(p.Fields) != 1 || p.Fields[0].State != store.FieldFilled || p.NotModified != (i == 1) {
				t.Errorf("run %d: %+v", i+1, p)
			}
		}
	})
}

func TestLook(t *testing.T) {
	s := spec(t, "http://a/docs/")
	s.Scope = ScopePrefix
	for raw, want := range map[string]string{"http://a/docs/x": "", "http://a/x": "scope", "http://a/docs/robots.txt": "", "http://a:22/docs/": "scope"} {
		if got, _ := s.Verdict(at(t, raw)); string(got) != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}
