package crawler

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"

	"crawl/internal/testweb"
	"crawl/store"
)

func TestSeedRedirectWidensTheScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{
			"acme.test":     paths{"/": status(301, "Location", "http://go.acme.test/")},
			"go.acme.test":  paths{"/": status(302, "Location", "http://www.acme.test/home")},
			"www.acme.test": paths{"/home": html("x", "/away", "http://acme.test/y"), "/x": html(), "/away": status(301, "Location", "http://b.test/")},
			"b.test":        paths{"/": html()},
		})
		r := w.crawl(spec(t, "http://acme.test/"))
		w.ended(r, store.Complete, "")
		same(t, "asked of www", w.asked("www.acme.test"), "/home", "/x", "/away")
		same(t, "asked of b", w.asked("b.test"))
		if got := w.skips(r)["http://b.test/"]; got != string(ReasonScope) {
			t.Errorf("a redirect out of the scope was skipped for %q", got)
		}
		if !w.told("seed http://go.acme.test/ redirects to http://www.acme.test/home: the scope is widened to www.acme.test") {
			t.Errorf("nobody was told: %q", w.notices)
		}
		same(t, "widened", r.Widened, "http://go.acme.test/", "http://www.acme.test/home")
	})
}

func TestWhatDoesNotWidenTheScope(t *testing.T) {
	elsewhere := status(301, "Location", "http://b/")
	for name, test := range map[string]struct {
		site   paths
		change func(*Spec)
	}{
		"link":    {paths{"/": html("/x"), "/x": elsewhere}, nil},
		"sitemap": {paths{"/": html(), "/sitemap.xml": urlset("http://a/x"), "/x": elsewhere}, func(s *Spec) { s.Sitemap = "auto" }},
		"only":    {paths{"/": html(), "/sitemap.xml": urlset("http://a/x"), "/x": elsewhere}, func(s *Spec) { s.Sitemap = "only" }},
		"asset": {paths{"/": func(w http.ResponseWriter, _ *http.Request) { plainHTML(w, "<img src=x>") }, "/x": elsewhere}, func(s *Spec) {
			s.Scope, s.Assets = ScopePage, true
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string]http.Handler{"a": test.site, "b": paths{"/": html()}})
				s := spec(t, "http://a/")
				if test.change != nil {
					test.change(s)
				}
				r := w.crawl(s)
				if len(r.Widened) > 0 || w.skips(r)["http://b/"] != string(ReasonScope) {
					t.Errorf("widened to %q, skipped %q", r.Widened, w.skips(r))
				}
				same(t, "asked of b", w.asked("b"))
			})
		})
	}
}

// A listed URL is followed to where it leads, and no further.
func TestListFollowsRedirectsAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{"/": status(301, "Location", "http://b/")}, "b": paths{"/": html("/x", "http://a/y")}})
		s := spec(t, "http://a/")
		s.Scope = ScopeList
		r := w.crawl(s)
		same(t, "asked of b", w.asked("b"), "/")
		if p := w.page(r, "http://b/"); p.Depth != 0 || p.Hops != 1 || len(r.Widened) > 0 || w.skips(r)["http://b/x"] != string(ReasonScope) {
			t.Errorf("depth %d, %d hops, widened to %q, skipped %q", p.Depth, p.Hops, r.Widened, w.skips(r))
		}
	})
}

// Robots.txt, pace and scope of the new host hold behind a redirect, and
// relative links count from the final address.
func TestRedirectAcrossHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{
			"a": paths{"/": html("/1", "/2"), "/1": status(301, "Location", "http://b/deep/page"), "/2": status(302, "Location", "http://b/private")},
			"b": paths{"/robots.txt": plain("user-agent: *\ndisallow: /private"), "/": html(), "/deep/page": html("next"), "/deep/next": html(), "/private": html()},
		})
		w.robots["b"] = "user-agent: *\ndisallow: /private"
		r := w.crawl(spec(t, "http://a/", "http://b/"))
		w.ended(r, store.Complete, "")
		same(t, "asked of b", w.asked("b"), "/", "/deep/page", "/deep/next")
		if p := w.page(r, "http://b/deep/page"); p.Depth != 1 || p.Hops != 1 || p.From != "http://a/1" {
			t.Errorf("depth %d, %d hops, from %s", p.Depth, p.Hops, p.From)
		}
	})
}

func TestRedirectsThatAreNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": paths{
			"/":  html("/1", "/2", "/3", "/4", "/5", "/6"),
			"/1": status(301, "Location", "file:///etc/passwd"), "/2": status(302, "Location", "javascript:alert(1)"), "/3": status(302),
			"/4": status(305, "Location", "http://a/proxy"), "/5": status(300, "Location", "http://a/choice"), "/6": status(307, "Location", "data:,x"),
			"/proxy": html(), "/choice": html(),
		}})
		r := w.crawl(spec(t, "http://a/"))
		w.ended(r, store.Complete, "")
		same(t, "asked for", w.asked("a"), "/", "/1", "/2", "/3", "/4", "/5", "/6")
	})
}

// The address is judged at each connection: not even a redirect, a sitemap or
// a robots.txt leads to a private one, and the name that resolves there fails.
func TestPrivateAddressesAreRefused(t *testing.T) {
	canary, err := testweb.Config{OwnPorts: true}.Serve(map[string]http.Handler{"canary": html()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(canary.Close)
	inner := canary.Origin("canary")
	w := open(t, testweb.Config{OwnPorts: true}, map[string]http.Handler{"a": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/robots.txt":
			plain("sitemap: "+inner+"/sitemap.xml")(w, r)
		case "/":
			html("/1", inner+"/linked")(w, r)
		default:
			http.Redirect(w, r, inner+"/secret", http.StatusFound)
		}
	})})
	origin := w.web.Origin("a")
	w.config.AllowPrivate, w.config.Trusted = false, []string{origin}
	w.restart()
	s := spec(t, origin+"/")
	s.Manners, s.Scope, s.Retry, s.Sitemap = hurried, ScopeDomain, 0, "auto" // the same address: in scope
	r := w.newRun(s)
	if err := w.begin(r, s).Crawl(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if hits := canary.Hits(); len(hits) > 0 {
		t.Errorf("a private address was asked for %s", hits[0].URI)
	}
	if got := w.skips(r)[inner+"/secret"]; got != string(ReasonPrivate) {
		t.Errorf("the redirect's target was skipped for %q: %q", got, w.skips(r))
	}
}
