package main

import (
	"bytes"
	stdcmp "cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"crawl/internal/query"
	"crawl/internal/testweb"

	"github.com/google/go-cmp/cmp"
)

// demoWorld is the demo at one address of each host, now and later.
type demoWorld struct {
	*testing.T
	web   *testweb.Web
	later atomic.Bool
	data  string
}

func newDemoWorld(t *testing.T) *demoWorld {
	settingsWorld(t)
	w := &demoWorld{T: t, data: t.TempDir()}
	now, then := testweb.Demo(), testweb.DemoLater()
	hosts := map[string]http.Handler{}
	for host := range now {
		hosts[host] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			at := now
			if w.later.Load() {
				at = then
			}
			at[host].ServeHTTP(rw, r)
		})
	}
	var err error
	if w.web, err = (testweb.Config{OwnPorts: true}).Serve(hosts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.web.Close)
	return w
}

// command runs a command that has to end so.
func (w *demoWorld) command(code int, args ...string) string {
	w.Helper()
	var out, talk bytes.Buffer
	if got := run(append(args, "--data", w.data), strings.NewReader(""), &out, &talk); got != code {
		w.Fatalf("%q: exit %d, want %d\n%s", args, got, code, talk.String())
	}
	return out.String()
}

// crawl crawls both hosts, down to the fourth month of the calendar.
func (w *demoWorld) crawl(code int, more ...string) {
	w.Helper()
	args := []string{"run", w.web.URL("shop", "/"), w.web.URL("blog", "/"), "--progress", "none", "-q", "--retry", "0", "--max-variants", "3", "--assets", "fetch", "--external", "check", "--allow-private", "--extract", "no_such=css:.no-such"}
	w.command(code, append(args, more...)...)
}

// found is a row of findings.
type found struct {
	Kind, URL, Problem, Severity string
	New, Fixed                   bool
}

// findings asks for findings; URLs are given as host and path.
func (w *demoWorld) findings(where string) (all []found) {
	w.Helper()
	lines := w.command(exitDone, "query", "findings", "--where", where, "-f", "jsonl")
	short := strings.NewReplacer(w.web.Origin("shop"), "shop", w.web.Origin("blog"), "blog", w.web.Origin("union"), "union")
	for line := range strings.Lines(lines) {
		var f found
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			w.Fatalf("%s: %v", line, err)
		}
		f.URL, f.Problem = short.Replace(f.URL), short.Replace(f.Problem)
		all = append(all, f)
	}
	return all
}

// by lists the URLs of the demo that have one of these faults.
func by(faults ...testweb.Fault) (urls []string) {
	for _, u := range append(testweb.DemoTruth(), testweb.DemoForeign()...) {
		if slices.Contains(faults, u.Fault) {
			urls = append(urls, u.Host+u.Path)
		}
	}
	return urls
}

// Of each planted fault, which reports find it. What else a report has to have
// follows from another: the months of the calendar are in no sitemap.
var plantedIn = map[string][]string{
	"errors":           by(testweb.FaultServer),
	"external-broken":  by(testweb.FaultExternal),
	"broken":           by(testweb.FaultDead, testweb.FaultDeadImage),
	"redirects":        by(testweb.FaultChain, testweb.FaultLoop),
	"slow":             by(testweb.FaultSlow),
	"blocked":          by(testweb.FaultBlocked),
	"titles":           by(testweb.FaultNoTitle),
	"descriptions":     by(testweb.FaultNoDescription, testweb.FaultLongText),
	"headings":         by(testweb.FaultNoHeading),
	"duplicates":       {"title: Anvil stand | Acme Anvils", "title: Forge notes | The Acme Blog", "title: Tongs | Acme Anvils", "near: shop/products/stand-oak"},
	"thin":             by(testweb.FaultThin),
	"canonicals":       by(testweb.FaultBadCanonical),
	"indexability":     by(testweb.FaultNoindex, testweb.FaultCanonical, testweb.FaultBadCanonical),
	"robots":           slices.DeleteFunc(by(testweb.FaultDisallowed), func(u string) bool { return strings.HasPrefix(u, "union") }),
	"hreflang":         by(testweb.FaultCharset),
	"pagination":       {"blog/"}, // its next page is gone
	"sitemap":          append(by(testweb.FaultUnlisted, testweb.FaultNoindex, testweb.FaultTrap, testweb.FaultStale), "shop/calendar?month=2025-12", "shop/calendar?month=2026-02"),
	"orphans":          by(testweb.FaultOrphan),
	"deep":             by(testweb.FaultDeep),
	"dead-ends":        by(testweb.FaultThin),
	"anchors":          {"earlier", "later"}, // of the calendar
	"images":           append(by(testweb.FaultHeavyImage), "shop/img/hammer.svg"),
	"security-headers": {"shop/"},
	"structured-data":  by(testweb.FaultStructured),
	"traps":            {"more than 3 of /calendar?month=*"},
	"extract":          {"no_such"},
	"mixed-content":    nil, // the demo has no https
	"hosts":            nil, // both are well
	"gone":             nil, // these need a run before
	"moved":            nil,
}

// TestDemoFindings: every planted fault is found by its reports and by nothing
// else, and no report has a row that was not planted.
func TestDemoFindings(t *testing.T) {
	w := newDemoWorld(t)
	w.crawl(exitDone)
	got := map[string][]string{}
	for _, f := range w.findings("1") {
		if !f.New || f.Fixed {
			t.Errorf("%+v: of a first run", f)
		}
		got[f.Kind] = append(got[f.Kind], f.is())
	}
	planted := []string{}
	for _, r := range query.Reports(nil) {
		want, known := plantedIn[r.Name]
		if known != r.Find() {
			t.Errorf("%s: in the table: %v", r.Name, known)
		}
		want, rows := slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got[r.Name]))
		if diff := cmp.Diff(want, rows); diff != "" && len(want)+len(rows) > 0 {
			t.Errorf("%s: -planted +found\n%s", r.Name, diff)
		}
		planted = append(planted, want...)
	}
	for _, u := range append(testweb.DemoTruth(), testweb.DemoForeign()...) {
		switch u.Fault {
		case testweb.FaultDisallowed:
			if u.Host == "union" { // of another's pages no report has to tell
				continue
			}
		case "", testweb.FaultRedirect, testweb.FaultDuplicateTitle: // one hop that stays; told by the title
			continue
		}
		if !slices.Contains(planted, u.Host+u.Path) {
			t.Errorf("%s%s: no report has to find %q", u.Host, u.Path, u.Fault)
		}
	}
}

// is tells a finding from the others of its kind.
func (f found) is() string {
	switch f.Kind {
	case "duplicates", "anchors", "traps", "extract":
		return f.Problem
	}
	return f.URL
}

// TestDemoLater: what is new and what is mended is told from the run before, and
// a gate fails for the one alone.
func TestDemoLater(t *testing.T) {
	w := newDemoWorld(t)
	w.crawl(exitDone)
	w.crawl(exitDone, "--fail-on", "new") // nothing is
	if got := w.findings("new OR fixed"); len(got) > 0 {
		t.Errorf("of the same site: %+v", got)
	}
	w.later.Store(true)
	w.crawl(exitFound, "--fail-on", "new")
	got := w.findings("new OR fixed")
	want := []found{
		{"errors", "shop/configurator", "", query.Critical, false, true},
		{"broken", "shop/products/anvil-travel", "", query.Critical, true, false},
		{"redirects", "shop/spring-sale", "chain", query.Warning, false, true},
		{"indexability", "shop/workshops", "noindex", query.Critical, true, false},
		{"sitemap", "shop/configurator", "not named", query.Warning, true, false},
		{"sitemap", "shop/products/anvil-mini", "not named", query.Warning, true, false},
		{"sitemap", "shop/products/anvil-travel", "named, no page", query.Warning, true, false},
		{"sitemap", "shop/workshops", "named, not to be listed", query.Warning, true, false},
		{"gone", "shop/products/anvil-travel", "", query.Warning, true, false},
		{"moved", "blog/letters", "", query.Notice, true, false},
	}
	order := func(a, b found) int {
		return stdcmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.URL, b.URL), strings.Compare(a.Problem, b.Problem))
	}
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-planted +found\n%s", diff)
	}
	w.crawl(exitDone, "--fail-on", "new") // what is known does not fail again
	w.crawl(exitFound, "--fail-on", "new", "--baseline", w.site()+"@1")
	for report, row := range map[string]string{"new": "/products/anvil-mini", "changes": "/delivery", "types": "text/html", "skipped": "robots", "hosts": "http://"} {
		if rows := w.command(exitDone, "report", report, w.site()+"@3"); !strings.Contains(rows, row) {
			t.Errorf("%s: %s", report, rows)
		}
	}
}

// site is what runs of the demo are called here.
func (w *demoWorld) site() string { return strings.TrimPrefix(w.web.Origin("shop"), "http://") }
