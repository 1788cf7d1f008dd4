//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"crawl/internal/testweb"
)

// crashWeb is a web with all that makes a crawl hard to interrupt well.
func crashWeb(pages, hosts int) testweb.SyntheticOptions {
	return testweb.SyntheticOptions{
		Seed: 1, Hosts: hosts, Pages: pages, LinksPerPage: 8, CrossHost: 0.3, BodySize: 2000,
		Redirects: 0.06, Missing: 0.04, Failing: 0.02, Disallowed: 0.04, Slow: 0.02, SlowBy: 30 * time.Millisecond,
	}
}

// TestCrashKill kills the program itself with SIGKILL and resumes it. Crash
// tests print CRASH_SEED; setting it in the environment repeats the dice,
// though not the moments of another machine.
func TestCrashKill(t *testing.T) {
	bin := buildCrawl(t)
	t.Run("at any time", func(t *testing.T) { killAndResume(t, bin, 4000, 40, 12, 1, 20*time.Millisecond) })
	t.Run("nothing is synced", func(t *testing.T) {
		killAndResume(t, bin, 1500, 40, 8, 1, 20*time.Millisecond, "--durability", "process")
	})
	t.Run("at every step", func(t *testing.T) { killFinely(t, bin, 60) })
	t.Run("between two requests", func(t *testing.T) { killBetween(t, bin, 6) })
	t.Run("at the ends", func(t *testing.T) { killAtEnds(t, bin, 15) })
	t.Run("after the end", func(t *testing.T) { findLeftQueue(t, bin) })
	t.Run("under a page limit", func(t *testing.T) { killUnderLimit(t, bin, 20) })
}

// killAndResume is the promise: whenever the program is killed, resuming it
// brings what an undisturbed run brings, and no server notices but by the
// requests that were under way.
func killAndResume(t *testing.T, bin *crawlBinary, pages, hosts, kills, checkEvery int, delay time.Duration, flags ...string) {
	site := serveCrashSite(t, crashWeb(pages, hosts))
	o := newOrdeal(t, site, bin, delay, flags...)
	o.kill(t, kills, checkEvery)
	o.finish(t)
	counted := o.judge(t, underWay)
	t.Logf("%v for %d kills; first request at most %v after the start; %s", time.Since(o.began).Round(time.Millisecond), kills, o.opening().Round(time.Millisecond), counted)
	got := resultOf(t, bin, o.data)
	o.true(t, got)
	want := o.undisturbed(t)
	differ(t, "pages against the undisturbed run", got.Pages, want.Pages)
	differ(t, "skipped against the undisturbed run", got.Skipped, want.Skipped)
}

// killFinely kills a small crawl every few URLs, mostly without a look at its
// data in between, and crawls again from the start until there were enough
// kills.
func killFinely(t *testing.T, bin *crawlBinary, kills int) {
	site := serveCrashSite(t, crashWeb(300, 5))
	for crawls := 1; kills > 0; crawls++ {
		o := newOrdeal(t, site, bin, 5*time.Millisecond)
		o.slack = 10 * time.Millisecond
		kills -= o.killToEnd(t, kills, exitDone)
		o.whole(t, "complete")
		t.Logf("crawl %d: %s", crawls, o.judge(t, underWay))
		o.true(t, resultOf(t, bin, o.data))
	}
}

// killBetween resumes long before a host may be asked again.
func killBetween(t *testing.T, bin *crawlBinary, kills int) {
	o := newOrdeal(t, serveCrashSite(t, crashWeb(200, 40)), bin, 300*time.Millisecond)
	for range kills {
		c := o.start(t)
		ended := o.moment(c, 50, 1)
		if late := c.kill(t); ended || late {
			t.Fatalf("it ended, exit %d:\n%s", c.cmd.ProcessState.ExitCode(), c.talk.String())
		}
		o.cut(t, c, false, false)
	}
	o.finish(t)
	o.judge(t, underWay)
	o.true(t, resultOf(t, bin, o.data))
}

// killToEnd kills sessions after a few requests each, at most kills of them,
// until one ends by itself. It looks at the data every 20th time.
func (o *ordeal) killToEnd(t *testing.T, kills, code int) (killed int) {
	t.Helper()
	for {
		c := o.start(t)
		if killed == kills {
			c.exit(t, time.Minute)
			o.ended(t, c, code)
			return killed
		}
		ended := o.moment(c, 12, 1)
		if late := c.kill(t); ended || late {
			o.ended(t, c, code)
			return killed
		}
		killed++
		o.cut(t, c, killed%20 == 0, true)
	}
}

// killAtEnds kills a crawl so small that its begin and its end are most of it.
func killAtEnds(t *testing.T, bin *crawlBinary, rounds int) {
	site := serveCrashSite(t, crashWeb(15, 5))
	var took time.Duration
	for range rounds {
		o := newOrdeal(t, site, bin, time.Millisecond)
		c := o.start(t)
		if took == 0 {
			c.exit(t, time.Minute)
			took = time.Since(c.started)
		}
		select {
		case <-time.After(time.Duration(o.rnd.Int64N(int64(took)))):
		case <-c.ended:
		}
		if late := c.kill(t); !late {
			o.cut(t, c, true, true)
			c = o.start(t)
			c.exit(t, time.Minute)
		}
		o.ended(t, c, exitDone)
		o.whole(t, "complete")
		o.judge(t, underWay)
		o.true(t, resultOf(t, bin, o.data))
	}
}

// limitedPages is --max-pages in the tests of it, of a web of 300 pages.
const limitedPages, limitedHosts = 150, 5

// killUnderLimit sees that --max-pages holds however often the crawl begins
// anew, pages included that were stored when their process was killed and not
// yet marked as done.
func killUnderLimit(t *testing.T, bin *crawlBinary, kills int) {
	o := newOrdeal(t, serveCrashSite(t, crashWeb(300, limitedHosts)), bin, 5*time.Millisecond, "--max-pages", strconv.Itoa(limitedPages))
	o.slack = 10 * time.Millisecond
	o.killToEnd(t, kills, exitPartial)
	o.whole(t, "partial")
	o.judge(t, underWay)
	if n := o.pages(t); n != limitedPages {
		t.Errorf("%d pages; --max-pages was %d", n, limitedPages)
	}
}

// pages counts the pages of the latest run.
func (o *ordeal) pages(t *testing.T) (n int) {
	t.Helper()
	for _, p := range exportRows[pageRow](t, o.bin, o.data, "pages") {
		if p.Kind == "page" {
			n++
		}
	}
	return n
}

// findLeftQueue finds the queue of a run that was killed between its end
// and the removal of its queue, and sees the next run remove it.
func findLeftQueue(t *testing.T, bin *crawlBinary) {
	o := newOrdeal(t, serveCrashSite(t, crashWeb(15, 5)), bin, time.Millisecond)
	o.finish(t)
	queue := filepath.Join(o.data, "runs", "000001")
	if err := os.MkdirAll(queue, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(queue, "frontier.db"), []byte("left behind"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.finish(t)
}
