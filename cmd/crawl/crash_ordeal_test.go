//go:build unix

package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crawl/internal/testweb"
)

// poolSize is the default of --concurrency: so many URLs may be under way when
// a process is killed, and no more may be asked for again.
const poolSize = 64

// ordeal is one crawl that is interrupted over and over.
type ordeal struct {
	site  *crashSite
	bin   *crawlBinary
	data  string
	delay time.Duration
	flags []string // of the first session, besides seeds, scope, rate and data
	rnd   *rand.Rand
	slack time.Duration // how long a session may go on after the request that ends it
	began time.Time
	cuts  []cut
}

// cut is one interruption.
type cut struct {
	next time.Time      // when the next session began
	told map[string]int // status by URL of what this session said it stored
	kept map[string]int // of what the store held then; nil: nobody looked
	safe map[string]int // of all that was told or found kept until then
}

// crashDice are seeded by the test, or by who wants to see a failure again.
func crashDice(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("CRASH_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("CRASH_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func newOrdeal(t *testing.T, site *crashSite, bin *crawlBinary, delay time.Duration, flags ...string) *ordeal {
	t.Helper()
	o := &ordeal{site: site, bin: bin, delay: delay, flags: flags, rnd: crashDice(t), data: filepath.Join(t.TempDir(), "data"), slack: 20 * time.Millisecond}
	site.afresh()
	o.began = time.Now()
	return o
}

// start begins the next session.
func (o *ordeal) start(t *testing.T) *crawlProcess {
	t.Helper()
	args := []string{"resume", "--data", o.data, "--json", "--quiet"}
	if !o.begun(t, o.data) {
		args = append([]string{
			"run", "--list", o.bin.listFile(t, o.site.seeds()), "--scope", "host", "--rate", rateOf(o.delay), "--data", o.data, "--json", "--quiet",
		}, o.flags...)
	}
	c := o.bin.start(t, args...)
	if n := len(o.cuts); n > 0 {
		o.cuts[n-1].next = c.started
	}
	return c
}

// cut notes that c was cut off, and looks at what the store holds in a copy,
// so that the next session finds all as the kill left it. With check it sees
// that nothing is damaged.
func (o *ordeal) cut(t *testing.T, c *crawlProcess, look, check bool) {
	t.Helper()
	now := cut{told: c.told(t), safe: map[string]int{}}
	if n := len(o.cuts); n > 0 {
		maps.Copy(now.safe, o.cuts[n-1].safe)
	}
	maps.Copy(now.safe, now.told)
	defer func() { o.cuts[len(o.cuts)-1] = now }()
	o.cuts = append(o.cuts, now)
	if !look {
		return
	}
	dir := copyOf(t, o.data)
	defer os.RemoveAll(dir)
	now.kept = map[string]int{}
	if o.begun(t, dir) {
		for _, p := range exportRows[pageRow](t, o.bin, dir, "pages") {
			now.kept[p.URL] = p.Status
		}
		if s := o.bin.summaryOf(t, dir); int(s.Done+s.Failed) > len(now.kept) {
			t.Errorf("cut %d: the queue calls %d URLs done, the store has %d", len(o.cuts)-1, s.Done+s.Failed, len(now.kept))
		}
	}
	maps.Copy(now.safe, now.kept)
	if check {
		o.bin.check(t, dir)
	}
}

// begun tells whether some session lived long enough to begin a run.
func (o *ordeal) begun(t *testing.T, dir string) bool {
	t.Helper()
	if len(o.cuts) == 0 {
		return false
	}
	return len(o.site.hits(o.began)) > 0 || len(o.bin.must(t, "runs", "--json", "--data", dir)) > 0
}

// moment waits until c is to be killed: at any time while it starts, or a
// little after some requests, of which about left remain for kills kills. It
// tells whether c ended before.
func (o *ordeal) moment(c *crawlProcess, left, kills int) (ended bool) {
	requests := o.site.after(1 + o.rnd.IntN(max(1, min(2*left/(kills+1), left/2))))
	little := time.Duration(o.rnd.Int64N(int64(o.slack)))
	if o.rnd.IntN(4) == 0 {
		requests, little = nil, time.Duration(o.rnd.Int64N(int64(150*time.Millisecond)))
	}
	if requests != nil {
		select {
		case <-requests:
		case <-c.ended:
			return true
		}
	}
	select {
	case <-time.After(little):
		return false
	case <-c.ended:
		return true
	}
}

// kill starts sessions and kills them, kills times.
func (o *ordeal) kill(t *testing.T, kills, checkEvery int) {
	t.Helper()
	total := len(o.site.truth())
	kept := 0
	for k := range kills {
		c := o.start(t)
		ended := o.moment(c, total-kept, kills-k)
		if late := c.kill(t); ended || late {
			t.Fatalf("session %d ended by itself, exit %d, before it was killed:\n%s", k, c.cmd.ProcessState.ExitCode(), c.talk.String())
		}
		o.cut(t, c, true, (k+1)%checkEvery == 0)
		kept = len(o.cuts[k].kept)
		if t.Failed() {
			t.Fatalf("after kill %d", k)
		}
	}
}

// finish runs the last session to its end.
func (o *ordeal) finish(t *testing.T) {
	t.Helper()
	c := o.start(t)
	if code := c.exit(t, 2*time.Minute); code != exitDone {
		t.Fatalf("the last session: exit %d\n%s", code, c.talk.String())
	}
	o.whole(t, "complete")
}

// ended sees that a session which was to be killed, and ended before, found
// nothing left to do.
func (o *ordeal) ended(t *testing.T, c *crawlProcess, code int) {
	t.Helper()
	switch got := c.cmd.ProcessState.ExitCode(); {
	case got == code:
	case got == exitUsage && strings.Contains(c.talk.String(), "no run is left unfinished"): // the last one was killed after its end
	default:
		t.Fatalf("session %d: exit %d\n%s", len(o.cuts), got, c.talk.String())
	}
}

// whole sees that the run has ended and nothing is damaged or left over.
func (o *ordeal) whole(t *testing.T, state string) {
	t.Helper()
	o.bin.check(t, o.data)
	if s := o.bin.summaryOf(t, o.data); s.State != state || s.Queued != 0 {
		t.Errorf("the run ended %q with %d URLs queued", s.State, s.Queued)
	}
	if left, _ := filepath.Glob(filepath.Join(o.data, "runs", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// session tells in which session, counted from 0, a request arrived.
func (o *ordeal) session(h testweb.Hit) int {
	n, _ := slices.BinarySearchFunc(o.cuts, h.Start, func(c cut, at time.Time) int {
		if c.next.After(at) {
			return 1
		}
		return -1
	})
	return n
}

// judge holds the server's log against what the store had at each cut.
// inFlight is how many URLs may have been answered and not kept at each. What
// it counted comes back for the test's log.
func (o *ordeal) judge(t *testing.T, inFlight int) (counted string) {
	t.Helper()
	log := o.site.hits(o.began)
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
		s := o.session(h)
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
		s := o.session(h)
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

// opening is the longest time from the start of a session to its first request,
// the delay apart.
func (o *ordeal) opening() (longest time.Duration) {
	log := o.site.hits(o.began)
	for i, c := range o.cuts {
		for _, h := range log {
			if o.session(h) == i+1 {
				longest = max(longest, h.Start.Sub(c.next)-o.delay)
				break
			}
		}
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
		r.Skipped[s.URL] = fmt.Sprintf("%s %q links %d", s.Reason, s.Rule, s.Count)
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
