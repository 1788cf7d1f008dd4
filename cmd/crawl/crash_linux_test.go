package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"crawl/internal/testweb"
)

// TestCrashDiskFull fills the disk under the store again and again and makes a
// little room each time. It needs a file system of its own, and so root:
//
//	sudo go test -run TestCrashDiskFull ./cmd/crawl
//
// For others it is satisfied with a limit to the size of one file.
func TestCrashDiskFull(t *testing.T) {
	t.Parallel()
	web := crashWeb(1500, 20)
	web.BodySize, web.Slow = 20_000, 0
	bin := buildCrawl(t)
	o := newOrdeal(t, serveCrashSite(t, web), bin, time.Millisecond)
	o.machine = []string{"--min-disk", "0"} // else it would wait for room
	full, hint := "no space left on device", "crawl resume"
	var room func(mb int)
	if os.Getuid() == 0 {
		room = smallDisk(t, o)
	} else {
		t.Log("not root: a file may grow to a limit instead of a disk")
		full, room = "file too large", func(mb int) { bin.wrap = limited("-f", mb*1024) }
	}
	stops := 0
	for mb := 4; ; mb += 2 {
		room(mb)
		c := o.start(t)
		code, talk := c.exit(t, time.Minute), c.talk.String()
		if code != exitStore {
			o.ended(t, c, exitDone) // it may have been full when the end was recorded
			break
		}
		if !strings.Contains(talk, full) || !strings.Contains(talk, hint) {
			t.Fatalf("with %d MB: exit %d\n%s", mb, code, talk)
		}
		stops++
		bin.check(t, o.data)
		o.cut(t, c, true, true)
		if mb > 200 {
			t.Fatal("200 MB are not enough")
		}
	}
	if stops == 0 {
		t.Error("the disk was never full")
	}
	o.whole(t, "complete")
	t.Logf("%d times full; %s", stops, o.judge(t, underWay))
	o.true(t, resultOf(t, bin, o.data))
}

// smallDisk mounts a file system for o's data. The function returned sets its
// size in MB.
func smallDisk(t *testing.T, o *ordeal) (room func(mb int)) {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("crash-test", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	o.data = dir + "/data"
	return func(mb int) {
		if err := syscall.Mount("crash-test", dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%dm", mb)); err != nil {
			t.Fatal(err)
		}
	}
}

// limited starts a program under a limit of the shell's ulimit.
func limited(flag string, n int) []string {
	return []string{"sh", "-c", fmt.Sprintf(`ulimit %s %d && exec "$@"`, flag, n), "sh"}
}

// TestCrashFewFiles crawls 100 hosts with fewer files than hosts. That is no
// host's fault, and every page must come in the end.
func TestCrashFewFiles(t *testing.T) {
	t.Parallel()
	bin := buildCrawl(t)
	site := serveCrashSite(t, testweb.SyntheticOptions{
		Seed: 2, Hosts: 100, Pages: 500, CrossHost: 0.3, BodySize: 2000, Redirects: 0.05, Missing: 0.05, Slow: 0.3, SlowBy: 100 * time.Millisecond,
	})
	for _, files := range []int{64, 256} {
		t.Run(fmt.Sprint(files), func(t *testing.T) {
			bin.wrap = limited("-n", files)
			o := newOrdeal(t, site, bin, 10*time.Millisecond)
			c := o.start(t)
			code := c.exit(t, 2*time.Minute)
			bin.wrap = nil
			if code != exitDone {
				t.Fatalf("exit %d\n%s", code, c.talk.String())
			}
			for _, p := range exportRows[pageRow](t, bin, o.data, "pages") {
				if p.Fault != "" {
					t.Errorf("%s: %s: %s", p.URL, p.Fault, p.FaultText)
				}
			}
			o.whole(t, "complete")
			t.Logf("%v; %s", time.Since(c.started).Round(time.Millisecond), o.judge(t, 0))
			o.true(t, resultOf(t, bin, o.data))
		})
	}
}
