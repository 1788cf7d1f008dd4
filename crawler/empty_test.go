package crawler

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"crawl/store"
)

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
