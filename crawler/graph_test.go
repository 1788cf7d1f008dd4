package crawler

import (
	"fmt"
	"testing"
	"testing/synctest"

	"crawl/internal/testweb"
	"crawl/store"

	"github.com/google/go-cmp/cmp"
)

// graph is a web with redirects, dead ends, pages that fail at first and a
// part that robots.txt forbids.
func graph() *testweb.Graph {
	return testweb.Synthetic(testweb.SyntheticOptions{
		Seed: 7, Hosts: 4, Pages: 160, LinksPerPage: 6, CrossHost: 0.3,
		Redirects: 0.1, Missing: 0.05, Failing: 0.05, Disallowed: 0.08, Slow: 0.05, BodySize: 600,
	})
}

// visit is what a crawl knows of one URL.
type visit struct{ Status, Depth int }

func visits(pages map[string]*store.Page) map[string]visit {
	got := map[string]visit{}
	for u, p := range pages {
		got[u] = visit{p.Status, p.Depth}
	}
	return got
}

// The set of pages and the depth of each are exact at every depth limit,
// however many fetches run at once.
func TestGraphIsExact(t *testing.T) {
	for _, depth := range []int{0, 1, 3, -1} {
		for _, workers := range []int{1, 8, 64} {
			t.Run(fmt.Sprintf("depth %d, %d at once", depth, workers), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { crawlGraph(t, depth, workers) })
			})
		}
	}
}

func crawlGraph(t *testing.T, depth, workers int) {
	g := graph()
	w := newWorld(t, g.Handlers())
	s := spec(t, w.web.URL("h0", "/"), w.web.URL("h1", "/"))
	s.Depth, s.Workers, s.Manners = depth, workers, hurried
	r := w.newRun(s)
	for _, host := range w.web.Hosts() {
		w.robots[host] = g.Robots(host)
		r.Widened = append(r.Widened, w.web.URL(host, "/")) // all hosts are in scope
	}
	if err := w.begin(r, s).Crawl(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want, skips := map[string]visit{}, map[string]string{}
	for u, truth := range g.Reachable(w.web.Origin, s.Seeds[0].String(), s.Seeds[1].String()) {
		switch {
		case depth >= 0 && truth.Depth == depth+1:
			skips[u] = string(ReasonDepth)
		case depth >= 0 && truth.Depth > depth: // not even found
		case truth.Disallowed:
			skips[u] = string(ReasonRobots)
		default:
			want[u] = visit{truth.Status, truth.Depth}
		}
	}
	if diff := cmp.Diff(want, visits(w.pages(r))); diff != "" {
		t.Errorf("pages (- wanted, + got):\n%s", diff)
	}
	got := w.skips(r)
	for u, reason := range got {
		if skips[u] != reason {
			t.Errorf("%s was skipped for %q, want %q", u, reason, skips[u])
		}
	}
	for u, reason := range skips { // some too deep are named by a redirect alone, which is itself too deep
		if got[u] == "" && reason != string(ReasonDepth) {
			t.Errorf("%s was not found; want it skipped for %s", u, reason)
		}
	}
	w.ended(r, store.Complete, "")
	if got := r.Counts; got.Done != uint64(len(want)) || got.Failed != 0 || got.Queued != 0 {
		t.Errorf("counts %+v, want %d done", got, len(want))
	}
}
