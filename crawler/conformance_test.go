//go:build conformance

package crawler

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"crawl/fetcher"
	"crawl/internal/conformance"
	"crawl/internal/testweb"
	"crawl/store"
)

type siteVector struct {
	Name  string
	Hosts map[string]map[string]struct {
		Status  int
		Headers map[string]string
		Body    string
	}
	Runs []siteRun
}

type siteRun struct {
	Name    string
	Seeds   []string
	Options struct {
		Scope     string
		UserAgent string `json:"user_agent"`
		NoFollow  string `json:"nofollow"`
		Assets    bool
	}
	Fetched     []string
	MustRequest []string `json:"must_request"`
	MayRequest  []string `json:"may_request"`
	NotFetched  []string `json:"not_fetched"`
	Failed      []string
}

// siteSkips are the runs that the design answers differently.
var siteSkips = map[string]string{
	"blc1/nofollow off": "nofollow is followed where robots.txt is ignored too: there is no option for one of them",
}

// urlSkips are the addresses of which the design thinks otherwise.
var urlSkips = map[string]string{
	"http://hostd/":                     "the href of a base element is no hyperlink (HTML standard, 4.2.3): nothing else leads there",
	"http://hostd/subdir":               "likewise",
	"http://maze/html/body/applet/Test": "the code of an applet is an address (HTML 4.01, 13.4); the set names its archive only",
}

func TestConformanceSites(t *testing.T) {
	for u, why := range urlSkips {
		t.Logf("%s: not held: %s", u, why)
	}
	skipped := 0
	for _, file := range []string{"sites/gocrawl.json", "sites/broken_link_checker.json", "sites/crawl_maze.json"} {
		for _, site := range conformance.Load[siteVector](t, file) {
			for _, run := range site.Runs {
				name := site.Name + "/" + run.Name
				if why, ok := siteSkips[name]; ok {
					t.Logf("%s: not held: %s", name, why)
					skipped++
					continue
				}
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { crawlSite(t, site, run) })
				})
			}
		}
	}
	if skipped != len(siteSkips) {
		t.Errorf("%d runs skipped, the table names %d", skipped, len(siteSkips))
	}
}

func crawlSite(t *testing.T, site siteVector, run siteRun) {
	hosts := map[string]http.Handler{}
	for host, answers := range site.Hosts {
		hosts[host] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a, ok := answers[r.URL.RequestURI()]
			switch {
			case ok:
			case strings.HasSuffix(r.URL.Path, ".found"), strings.HasSuffix(r.URL.Path, ".pdf"):
				plain("found")(w, r)
				return
			default:
				http.NotFound(w, r)
				return
			}
			for k, v := range a.Headers {
				w.Header().Set(k, v)
			}
			w.WriteHeader(a.Status)
			_, _ = w.Write([]byte(a.Body))
		})
	}
	w := newWorld(t, hosts)
	s := spec(t, run.Seeds...)
	s.Assets = run.Options.Assets
	if run.Options.UserAgent != "" {
		s.Agent = run.Options.UserAgent
	}
	w.audit.Agent = s.Agent
	r := w.newRun(s)
	for host, answers := range site.Hosts {
		w.robots[host] = answers["/robots.txt"].Body
		if run.Options.Scope == "any" {
			r.Widened = append(r.Widened, "http://"+host+"/")
		}
	}
	if run.Options.Scope == "any" {
		r.Widened = append(r.Widened, "http://hostunknown/")
	}
	if err := w.begin(r, s).Crawl(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	checkSite(w, r, run)
}

func checkSite(w *world, r *store.Run, run siteRun) {
	pages, skips, count := w.pages(r), w.skips(r), map[string]int{}
	for _, h := range w.web.Hits() {
		count["http://"+h.Host+h.URI]++
		if h.Method != http.MethodGet {
			w.t.Errorf("%s %s", h.Method, h.URI)
		}
	}
	for _, u := range slices.Concat(run.Fetched, run.MustRequest) {
		if p := pages[u]; urlSkips[u] == "" && (p == nil || p.Status != 200 || count[u] != 1) {
			w.t.Errorf("%s was asked for %d times, want once: %+v", u, count[u], p)
		}
	}
	for _, u := range run.NotFetched {
		if count[u] > 0 {
			w.t.Errorf("%s was asked for", u)
		}
	}
	for _, u := range run.Failed {
		p := pages[u]
		if urlSkips[u] != "" {
			continue
		}
		if (p == nil || p.Status == 200) && skips[u] != string(ReasonUnreachable) {
			w.t.Errorf("%s has not failed: %+v, skipped %q", u, p, skips[u])
		}
	}
	known := slices.Concat(keys(urlSkips), run.Fetched, run.MustRequest, run.MayRequest, run.Failed, run.Seeds)
	for u := range count {
		if !strings.HasSuffix(u, "/robots.txt") && !slices.Contains(known, u) {
			w.t.Errorf("%s was asked for, nobody knows why", u)
		}
	}
}

type redirectVector struct {
	Name        string
	URL         string
	Status      int
	Location    *string
	LocationB64 string `json:"location_b64"`
	Then        *string
}

// Which URL is asked for next.
func TestConformanceRedirects(t *testing.T) {
	for i, c := range conformance.Load[redirectVector](t, "redirects/scrapy.json") {
		t.Run(fmt.Sprint(i, c.Name), func(t *testing.T) {
			var mu sync.Mutex // guards asked
			var asked []string
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				scheme := "http"
				if r.TLS != nil {
					scheme = "https"
				}
				u := scheme + "://" + r.Host + r.RequestURI
				if r.URL.Path == "/robots.txt" {
					http.NotFound(w, r)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if asked = append(asked, u); u != c.URL {
					return
				}
				if c.Location != nil || c.LocationB64 != "" {
					var plain string
					if c.Location != nil {
						plain = *c.Location
					}
					w.Header()["Location"] = []string{string(conformance.Bytes(t, plain, c.LocationB64))}
				}
				w.WriteHeader(c.Status)
			})
			clear, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
			t.Cleanup(clear.Close)
			t.Cleanup(secure.Close)
			w := open(t, testweb.Config{OwnPorts: true}, map[string]http.Handler{"unused": html()})
			w.config = fetcher.Config{Insecure: true, AllowPrivate: true, Resolve: map[string]string{}}
			for _, host := range []string{"example.com", "scrapytest.org"} {
				w.config.Resolve[host+":80"] = clear.Listener.Addr().String()
				w.config.Resolve[host+":443"] = secure.Listener.Addr().String()
			}
			w.restart()
			s := spec(t, c.URL)
			s.Manners = hurried
			w.crawl(s)
			want := []string{c.URL}
			if c.Then != nil {
				want = append(want, *c.Then)
			}
			same(t, "asked for", asked, want...)
		})
	}
}

func TestConformanceRobotsStatus(t *testing.T) {
	type vector struct {
		Status  int
		Allowed bool
	}
	for _, c := range conformance.Load[vector](t, "robots/status.json") {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, map[string]http.Handler{"a": paths{"/robots.txt": status(c.Status), "/": html()}})
			w.crawl(spec(t, "http://a/"))
			if got := w.times("a", "/") == 1; got != c.Allowed {
				t.Errorf("robots.txt answers %d: crawled %v, want %v", c.Status, got, c.Allowed)
			}
		})
	}
}

// A sitemap is announced by one robots.txt at a time here: a case of several
// hosts gives what all of them together let pass.
func TestConformanceCrossSubmit(t *testing.T) {
	type vector struct {
		Name        string
		SitemapURL  string   `json:"sitemap_url"`
		RobotsHosts []string `json:"robots_hosts"`
		URLs        []string
		Level       string
		Accepted    int
	}
	skips := map[string]string{
		"by registrable domain": "a host vouches for its own pages only", "private suffix": "likewise", "private suffix, other": "likewise",
	}
	for _, c := range conformance.Load[vector](t, "sitemaps/cross_submit.json") {
		if why := skips[c.Name]; c.Level != "host" && why != "" {
			t.Logf("%s: not held at the level of %s: %s", c.Name, c.Level, why)
			delete(skips, c.Name)
			continue
		}
		accepted := map[string]bool{}
		for _, host := range c.RobotsHosts {
			s := ready(t, func(s *Spec) { s.Sitemap = "auto" }, c.URLs...)
			l := lease(t, c.SitemapURL, 0)
			l.For = "https://" + host
			for _, u := range c.URLs {
				for _, f := range s.entries(&l, []store.Link{{Target: u, Element: elementEntry}}) {
					accepted[u] = accepted[u] || f.Refused == ""
				}
			}
		}
		n := 0
		for _, ok := range accepted {
			if ok {
				n++
			}
		}
		if n != c.Accepted {
			t.Errorf("%s: %d pages are taken, want %d", c.Name, n, c.Accepted)
		}
	}
	if len(skips) > 0 {
		t.Errorf("these are not in the set: %v", skips)
	}
}
