package crawler

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"crawl/internal/weburl"
	"crawl/store"
)

func dropUTM(s *Spec) { s.DropParams, _ = weburl.NewParamSet([]string{"utm_*"}) }

// Whoever lists URLs is told where they lead: redirects alone are something.
func TestListOfRedirectsIsNotEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": status(301, "Location", "http://b/")}})
		s := spec(t, "http://a/")
		s.Scope = ScopeList
		w.ended(w.crawl(s), store.Complete, "")
	})
}

// A run that fetched nothing says why, each way that can happen.
func TestEmptyRunSaysWhy(t *testing.T) {
	never := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for _, test := range []struct {
		name   string
		site   http.Handler
		seed   string
		change func(*Spec)
		why    string
	}{
		{"no such name", paths{}, "http://nowhere.test/", nil, "http://nowhere.test: the host name does not exist"},
		{"robots.txt ignored", paths{}, "http://nowhere.test/", func(s *Spec) { s.Robots = "ignore" }, "http://nowhere.test/: the host name does not exist"},
		{"forbidden", paths{"/": status(403)}, "http://a/", nil, "http://a/ answered 403"},
		{"not there", paths{}, "http://a/", nil, "http://a/ answered 404"},
		{"broken", paths{"/": status(500)}, "http://a/", nil, "http://a/ answered 500"},
		{"disallowed", paths{"/robots.txt": plain("# go away\nuser-agent: *\ndisallow: / # all")}, "http://a/x", nil, `http://a/x is disallowed by robots.txt, line 3 "disallow: /"`},
		{"robots.txt broken", paths{"/robots.txt": status(502), "/": html()}, "http://a/", nil, "http://a: robots.txt answered 502"},
		{"robots.txt silent", paths{"/robots.txt": never, "/": html()}, "http://a/", nil, "http://a: no answer in time"},
		{"no time", paths{"/": never}, "http://a/", func(s *Spec) { s.MaxTime = time.Second }, "no seed brought a page before max-time"},
		{"private", paths{}, "http://10.0.0.1/", nil, "http://10.0.0.1: the address is not a public one"},
		{"moved to nowhere", paths{"/": status(301, "Location", "http://nowhere.test/")}, "http://a/", nil, "http://nowhere.test: the host name does not exist"},
		{"moved to nothing", paths{"/": status(302, "Location", "/b"), "/b": status(301, "Location", "/gone?utm_source=a"), "/gone?utm_source=a": status(410)}, "http://a/", dropUTM, "http://a/gone?utm_source=a answered 410"},
		{"circle", paths{"/": status(302, "Location", "/b"), "/b": status(302, "Location", "/")}, "http://a/", nil, "http://a/ redirects more than 10 times"},
		{"too far", paths{"/": status(302, "Location", "/b"), "/b": html()}, "http://a/", func(s *Spec) { s.MaxRedirects = 0 }, "http://a/ redirects more than 0 times"},
		{"no seed", paths{}, "", nil, "no seed brought a page"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string]http.Handler{"a": test.site})
				if test.name == "private" {
					w.config.AllowPrivate = false
					w.restart()
				}
				s := spec(t)
				if test.seed != "" {
					s.Seeds = append(s.Seeds, at(t, test.seed))
				}
				if test.change != nil {
					test.change(s)
				}
				w.ended(w.crawl(s), store.Empty, test.why)
			})
		})
	}
}
