//go:build unix

package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crawl/internal/testweb"
)

// sessionHeader tells in every request which session sent it: one that was on
// its way at the kill may reach the server's log after the next has begun.
const sessionHeader = "X-Session"

// session tells in which session, counted from 0, a request was sent.
func session(h testweb.Hit) int {
	n, err := strconv.Atoi(h.Header.Get(sessionHeader))
	if err != nil {
		return 0 // the test of the log will find it out of place
	}
	return n
}

// log is the server's log. Nothing was sent nor awaited after the death of a
// process, however late the server was.
func (o *ordeal) log() []testweb.Hit {
	log := o.site.hits(o.began)
	for i := range log {
		h, s := &log[i], session(log[i])
		if s >= len(o.cuts) {
			continue
		}
		dead := o.cuts[s].dead
		if h.Start.After(dead) {
			h.Start = dead
		}
		if h.End.IsZero() || h.End.After(dead) {
			h.End = dead
		}
	}
	return log
}

// judge holds the server's log against what the store had at each cut.
// inFlight is how many URLs may have been answered and not kept at each. What
// it counted comes back for the test's log.
func (o *ordeal) judge(t *testing.T, inFlight int) (counted string) {
	t.Helper()
	log := o.log()
	known := map[string]time.Time{} // hosts whose rules a page proves to be kept, and since when
	for _, h := range log {
		if at, ok := known[h.Host]; !isRobotsHit(h) && (!ok || h.Start.Before(at)) {
			known[h.Host] = h.Start
		}
	}
	o.site.manners(t, log, o.delay, func(h testweb.Hit) bool {
		if isRobotsHit(h) {
			at, ok := known[h.Host]
			return !ok || h.Start.Before(at)
		}
		s := session(h)
		if s == 0 {
			return false
		}
		status, kept := o.cuts[s-1].safe[o.site.url(h)]
		return !kept || status >= 500
	})
	o.acknowledged(t)
	return o.lost(t, log, inFlight)
}

// lost counts what was answered in each session and not kept at its end, and
// finds what one session asked for twice.
func (o *ordeal) lost(t *testing.T, log []testweb.Hit, inFlight int) (counted string) {
	t.Helper()
	seen := make([]map[string]bool, len(o.cuts)+1)
	for _, h := range log {
		s := session(h)
		if seen[s] == nil {
			seen[s] = map[string]bool{}
		}
		if !whole(h) {
			continue
		}
		if u := o.site.url(h); seen[s][u] {
			t.Errorf("%s was asked for twice in session %d", u, s)
		} else {
			seen[s][u] = true
		}
	}
	most, all := 0, 0
	for i, c := range o.cuts {
		if c.kept == nil {
			continue
		}
		n := 0
		for u := range seen[i] {
			if _, kept := c.kept[u]; !kept && !strings.HasSuffix(u, "/robots.txt") {
				n++
			}
		}
		most, all = max(most, n), all+n
		if n > inFlight {
			t.Errorf("cut %d: %d URLs were answered and not kept; %d may be", i, n, inFlight)
		}
	}
	return fmt.Sprintf("%d requests in %d sessions; answered and not kept: %d in all, %d at most at once", len(log), len(o.cuts)+1, all, most)
}

// acknowledged sees that what was said to be stored, or was seen in the store,
// is there ever after. Only a failure may give way to a later try.
func (o *ordeal) acknowledged(t *testing.T) {
	t.Helper()
	final := map[string]int{}
	for _, p := range exportRows[pageRow](t, o.bin, o.data, "pages") {
		final[p.URL] = p.Status
	}
	safe := map[string]int{}
	for i, c := range append(slices.Clone(o.cuts), cut{kept: final}) {
		maps.Copy(safe, c.told)
		if c.kept == nil {
			continue
		}
		for u, status := range safe {
			if now, kept := c.kept[u]; !kept || now != status && status < 500 {
				t.Errorf("cut %d: %s was stored with status %d and is now %d (%t)", i, u, status, now, kept)
			}
		}
		safe = c.safe
	}
}

// opening is the longest time from the start of a session to its first request.
func (o *ordeal) opening() (longest time.Duration) {
	first := map[int]time.Time{}
	for _, h := range o.log() {
		if s := session(h); first[s].IsZero() {
			first[s] = h.Start
		}
	}
	for s, at := range first {
		longest = max(longest, at.Sub(o.starts[s]))
	}
	return longest
}

// result is what a run found, as far as it follows from the web alone.
type result struct {
	Pages   map[string]string
	Skipped map[string]string
}

func resultOf(t *testing.T, bin *crawlBinary, data string) result {
	t.Helper()
	r := result{map[string]string{}, map[string]string{}}
	for _, p := range exportRows[pageRow](t, bin, data, "pages") {
		depth := "none"
		if p.Depth != nil {
			depth = strconv.Itoa(*p.Depth)
		}
		r.Pages[p.URL] = fmt.Sprintf("%s %d %s depth %s to %q title %q body %s links %d in %d", p.Kind, p.Status, p.Fault, depth, p.Redirect, p.Title, p.BodyHash, p.Outlinks, *p.Inlinks)
	}
	for _, s := range exportRows[skipRow](t, bin, data, "skipped") {
		r.Skipped[s.URL] = fmt.Sprintf("%s %q links %d", s.Reason, s.Rule, *s.Count)
	}
	return r
}

// differ names the first few differences of two tables.
func differ(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	n := 0
	say := func(format string, args ...any) {
		if n++; n <= 10 {
			t.Errorf(what+": "+format, args...)
		}
	}
	for u, w := range want {
		if g, ok := got[u]; !ok {
			say("%s is missing: %s", u, w)
		} else if g != w {
			say("%s:\n got %s\nwant %s", u, g, w)
		}
	}
	for u, g := range got {
		if _, ok := want[u]; !ok {
			say("%s should not be there: %s", u, g)
		}
	}
	if n > 10 {
		t.Errorf("%s: %d differences in all", what, n)
	}
}

// true holds a run against the graph it crawled.
func (o *ordeal) true(t *testing.T, got result) {
	t.Helper()
	pages, skipped := map[string]string{}, map[string]string{}
	rows := map[string]string{}
	for u, truth := range o.site.truth() {
		if truth.Disallowed {
			skipped[u] = "robots"
			continue
		}
		pages[u] = fmt.Sprintf("page %d  depth %d to %q", truth.Status, truth.Depth, truth.Location)
	}
	for u, row := range got.Pages {
		if strings.HasPrefix(row, "page ") {
			rows[u], _, _ = strings.Cut(row, " title ")
		}
	}
	differ(t, "pages against the truth", rows, pages)
	reasons := map[string]string{}
	for u, row := range got.Skipped {
		reasons[u], _, _ = strings.Cut(row, " ")
	}
	differ(t, "skipped against the truth", reasons, skipped)
}

// undisturbed crawls the same web in peace and without delay.
func (o *ordeal) undisturbed(t *testing.T) result {
	t.Helper()
	o.site.afresh()
	data := filepath.Join(t.TempDir(), "undisturbed")
	o.bin.must(t, append([]string{"run", "--list", o.bin.listFile(t, o.site.seeds()), "--scope", "host", "--data", data, "--quiet"}, o.flags...)...)
	o.bin.check(t, data)
	return resultOf(t, o.bin, data)
}
