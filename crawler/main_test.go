package crawler

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crawl/fetcher"
	"crawl/frontier"
	"crawl/internal/testweb"
	"crawl/internal/weburl"
	"crawl/store"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// at is an address of the test's own.
func at(t testing.TB, raw string) weburl.URL {
	t.Helper()
	u, err := weburl.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// spec is what crawl does by default, but for sitemaps.
func spec(t testing.TB, seeds ...string) *Spec {
	t.Helper()
	s := &Spec{
		Scope: ScopeHost, Depth: -1, Order: "bfs", Sitemap: "off", Robots: "obey", Agent: "crawl",
		Retry: 2, MaxRedirects: 10, MaxURL: 8192, MaxRobots: 500 << 10, MaxSitemap: 50 << 20, MaxSitemapURLs: 50000,
		MaxSitemaps: 1000, MaxRetryAfter: time.Hour, MaxLinks: 10000, MaxNesting: 512, MaxParse: 2 * time.Second,
		Workers: 64, Keep: true,
	}
	for _, raw := range seeds {
		s.Seeds = append(s.Seeds, at(t, raw))
	}
	return s
}

// hurried lets a host be asked as fast as it answers.
func hurried(string) frontier.Manners { return frontier.Manners{Rate: math.Inf(1)} }

// watched looks at every queue before it is closed or deleted.
type watched struct {
	frontier.Frontier
	t    testing.TB
	last frontier.Stats // of the queue that was closed last
}

func (f *watched) Leave(run string) error { f.inspect(run); return f.Frontier.Leave(run) }
func (f *watched) Drop(run string) error  { f.inspect(run); return f.Frontier.Drop(run) }

func (f *watched) inspect(run string) {
	stats, err := f.Stats(run)
	if err != nil {
		return // closed before
	}
	sum := stats.Queued + stats.InFlight + stats.Done + stats.Failed
	for _, n := range stats.Skipped {
		sum += n
	}
	if stats.Found != sum {
		f.t.Errorf("found %d URLs, the parts sum up to %d: %+v", stats.Found, sum, stats)
	}
	faults, err := f.Check(context.Background(), run)
	if err != nil || len(faults) > 0 {
		f.t.Errorf("queue of run %s: %v %q", run, err, faults)
	}
	f.last = stats
}

// world is a web and all that crawls it. Whatever ran there is audited at the
// end of the test, and the store checked.
type world struct {
	t       *testing.T
	web     *testweb.Web
	dir     string
	bolt    *frontier.Bolt
	front   *watched
	store   store.Store
	config  fetcher.Config
	fetcher *fetcher.Fetcher
	audit   testweb.Audit
	robots  map[string]string // what the robots.txt of a host says
	excused []string          // parts of breaches that the test is about

	mu      sync.Mutex // guards notices
	notices []string
}

// newWorld serves hosts without sockets, for tests in a bubble of virtual time.
func newWorld(t *testing.T, hosts map[string]http.Handler) *world {
	t.Helper()
	return open(t, testweb.Config{Pipe: true}, hosts)
}

// text serves the hosts of a txtar archive.
func text(t *testing.T, archive string) *world {
	t.Helper()
	hosts, err := testweb.Text(archive)
	if err != nil {
		t.Fatal(err)
	}
	return newWorld(t, hosts)
}

func open(t *testing.T, c testweb.Config, hosts map[string]http.Handler) *world {
	t.Helper()
	web, err := c.Serve(hosts)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, web: web, audit: testweb.Audit{Agent: "crawl", Tolerance: -1}, robots: map[string]string{}}
	w.config = fetcher.Config{AllowPrivate: true, MinSpeed: -1}
	if c.Pipe {
		w.config.Dial = web.DialContext
	} else {
		w.audit.Tolerance = 0
	}
	w.dir = t.TempDir()
	w.start()
	t.Cleanup(func() {
		w.check()
		w.halt()
		web.Close()
	})
	return w
}

// start opens frontier, store and fetcher.
func (w *world) start() {
	w.t.Helper()
	st, err := store.Open(w.dir, store.Options{Program: "crawl/test"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.store = st
	w.bolt = frontier.NewBolt(filepath.Join(w.dir, "runs"))
	w.front = &watched{Frontier: w.bolt, t: w.t}
	if w.fetcher, err = fetcher.New(w.config, nil); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) halt() {
	w.fetcher.Close()
	if err := errors.Join(w.front.Close(), w.store.Close()); err != nil {
		w.t.Error(err)
	}
}

// restart does what the end of one process and the begin of another do.
func (w *world) restart() {
	w.t.Helper()
	w.halt()
	w.start()
}

// check audits the log of the servers and the store.
func (w *world) check() {
	w.t.Helper()
	for _, breach := range w.audit.Check(w.web.Hits(), func(host string) string { return w.robots[host] }) {
		if !slices.ContainsFunc(w.excused, func(part string) bool { return strings.Contains(breach, part) }) {
			w.t.Errorf("politeness: %s", breach)
		}
	}
	report, err := w.store.Check(context.Background())
	if err != nil || len(report.Faults) > 0 {
		w.t.Errorf("store: %v %q", err, report.Faults)
	}
}

func (w *world) crawler() *Crawler {
	return &Crawler{
		Frontier: w.front, Store: w.store, Fetcher: w.fetcher, Log: slog.New(slog.DiscardHandler),
		Watch: func(e Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if e.Notice != "" {
				w.notices = append(w.notices, e.Notice)
			}
		},
	}
}

// newRun records a new run of s.
func (w *world) newRun(s *Spec) *store.Run {
	w.t.Helper()
	r := &store.Run{Site: "test", Started: time.Now()}
	for _, u := range s.Seeds {
		r.Seeds = append(r.Seeds, u.String())
	}
	if err := w.store.Begin(context.Background(), r); err != nil {
		w.t.Fatal(err)
	}
	return r
}

// begin begins r, or goes on with it.
func (w *world) begin(r *store.Run, s *Spec) *Job {
	w.t.Helper()
	job, err := w.crawler().Begin(context.Background(), r, s)
	if err != nil {
		w.t.Fatal(err)
	}
	return job
}

// crawl sees a whole run through.
func (w *world) crawl(s *Spec) *store.Run {
	w.t.Helper()
	r := w.newRun(s)
	if err := w.begin(r, s).Crawl(context.Background(), nil); err != nil {
		w.t.Fatal(err)
	}
	return r
}

// ended checks how a run ended.
func (w *world) ended(r *store.Run, state, why string) {
	w.t.Helper()
	if r.State != state || r.Why != why {
		w.t.Errorf("the run ended %s, %q; want %s, %q", r.State, r.Why, state, why)
	}
}

func (w *world) pages(r *store.Run) map[string]*store.Page {
	w.t.Helper()
	pages := map[string]*store.Page{}
	for p, err := range w.store.Pages(context.Background(), r.ID) {
		if err != nil {
			w.t.Fatal(err)
		}
		pages[p.URL.String()] = p
	}
	return pages
}

func (w *world) page(r *store.Run, raw string) *store.Page {
	w.t.Helper()
	p, err := w.store.Page(context.Background(), r.ID, at(w.t, raw))
	if err != nil {
		w.t.Fatalf("%s: %v", raw, err)
	}
	return p
}

// skips returns the reasons of all refused URLs.
func (w *world) skips(r *store.Run) map[string]string {
	w.t.Helper()
	skips := map[string]string{}
	for s, err := range w.store.Skips(context.Background(), r.ID) {
		if err != nil {
			w.t.Fatal(err)
		}
		skips[s.URL.String()] = s.Reason
	}
	return skips
}

// same compares what is there with what should be, in any order.
func same(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" && len(got)+len(want) > 0 {
		t.Errorf("%s (- wanted, + got):\n%s", what, diff)
	}
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// asked returns the requests to a host in order, robots.txt left out.
func (w *world) asked(host string) (uris []string) {
	for _, h := range w.web.Hits() {
		if h.Host == host && h.URI != "/robots.txt" {
			uris = append(uris, h.URI)
		}
	}
	return uris
}

// times counts the requests for one address.
func (w *world) times(host, uri string) (n int) {
	for _, h := range w.web.Hits() {
		if h.Host == host && h.URI == uri {
			n++
		}
	}
	return n
}

// unstored returns the requests for these addresses, one entry for each, that
// the end of a session cut off before their answers were stored.
func (w *world) unstored(r *store.Run, host string, uris ...string) (cut []string) {
	w.t.Helper()
	for _, uri := range uris {
		n := w.times(host, uri)
		p, err := w.store.Page(context.Background(), r.ID, at(w.t, w.web.URL(host, uri)))
		switch {
		case err == nil:
			n -= int(p.Try)
		case !errors.Is(err, store.ErrNotFound):
			w.t.Fatal(err)
		}
		cut = append(cut, slices.Repeat([]string{uri}, n)...)
	}
	return cut
}

// told tells whether a notice holds the words.
func (w *world) told(words string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.notices, func(n string) bool { return strings.Contains(n, words) })
}

// html is a page with links.
func html(hrefs ...string) http.HandlerFunc {
	var b strings.Builder
	for _, h := range hrefs {
		b.WriteString(`<a href="` + h + `">x</a>` + "\n")
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(b.String()))
	}
}

// paths answers by path and query; what is not in it is not found.
type paths map[string]http.HandlerFunc

func (p paths) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := p[r.URL.RequestURI()]; h != nil {
		h(w, r)
		return
	}
	http.NotFound(w, r)
}

// status answers with a code and nothing else.
func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// plain answers with text.
func plain(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte(body))
	}
}

// first answers the first n requests by a, the others by b.
func first(n int, a, b http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex // guards n
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n--
		early := n >= 0
		mu.Unlock()
		if early {
			a(w, r)
			return
		}
		b(w, r)
	}
}
