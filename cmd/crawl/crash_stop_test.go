//go:build unix

package main

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// stopSite waits until c has sent some requests more, then makes those that
// follow hang and waits for one of them.
func (o *ordeal) hang(t *testing.T, c *crawlProcess, requests int) (lift func()) {
	t.Helper()
	select {
	case <-o.site.after(requests):
	case <-c.ended:
		t.Fatalf("the crawl ended before it could be stopped:\n%s", c.talk.String())
	}
	held, lift := o.site.hold()
	every := time.NewTicker(time.Millisecond)
	defer every.Stop()
	for held.waiting.Load() == 0 {
		select {
		case <-every.C:
		case <-c.ended:
			t.Fatalf("the crawl ended before it could be stopped:\n%s", c.talk.String())
		}
	}
	return lift
}

// stays sees that c does not end for a while.
func (c *crawlProcess) stays(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-c.ended:
		t.Fatalf("it ended, exit %d:\n%s", c.cmd.ProcessState.ExitCode(), c.talk.String())
	case <-time.After(d):
	}
}

// TestCrashStops ends the program as people do, and resumes it.
func TestCrashStops(t *testing.T) {
	bin := buildCrawl(t)
	const delay = 10 * time.Millisecond
	resumed := func(t *testing.T, o *ordeal, inFlight int) {
		t.Helper()
		o.finish(t)
		o.judge(t, inFlight)
		o.true(t, resultOf(t, bin, o.data))
	}
	for _, c := range []struct {
		name   string
		signal os.Signal
		code   int
	}{{"Ctrl-C once", syscall.SIGINT, exitInterrupted}, {"SIGTERM once", syscall.SIGTERM, exitTerminated}} {
		t.Run(c.name, func(t *testing.T) {
			o := newOrdeal(t, serveCrashSite(t, crashWeb(800, 20)), bin, delay)
			for range 4 { // fetches under way end, so that nothing is asked again
				p := o.start(t)
				lift := o.hang(t, p, 1+o.rnd.IntN(200))
				p.signal(t, c.signal)
				p.stays(t, 200*time.Millisecond)
				lift()
				if code := p.exit(t, 10*time.Second); code != c.code {
					t.Errorf("exit %d, want %d\n%s", code, c.code, p.talk.String())
				}
				o.cut(t, p, true, true)
			}
			resumed(t, o, 0)
		})
	}
	t.Run("Ctrl-C twice", func(t *testing.T) {
		o := newOrdeal(t, serveCrashSite(t, crashWeb(800, 20)), bin, delay)
		for range 4 {
			p := o.start(t)
			lift := o.hang(t, p, 1+o.rnd.IntN(200))
			p.signal(t, syscall.SIGINT)
			p.stays(t, 50*time.Millisecond)
			again := time.Now()
			p.signal(t, syscall.SIGINT)
			if code := p.exit(t, 2*time.Second); code != exitInterrupted {
				t.Errorf("exit %d, want %d\n%s", code, exitInterrupted, p.talk.String())
			}
			t.Logf("it ended %v after the second signal", time.Since(again).Round(time.Millisecond))
			lift()
			o.cut(t, p, true, true)
		}
		resumed(t, o, poolSize)
	})
	t.Run("Ctrl-C once, no answer", func(t *testing.T) {
		o := newOrdeal(t, serveCrashSite(t, crashWeb(200, 20)), bin, delay)
		p := o.start(t)
		lift := o.hang(t, p, 50)
		p.signal(t, syscall.SIGINT)
		if code := p.exit(t, 10*time.Second); code != exitInterrupted {
			t.Errorf("exit %d, want %d\n%s", code, exitInterrupted, p.talk.String())
		}
		lift()
		o.cut(t, p, true, true)
		resumed(t, o, poolSize)
	})
	t.Run("SIGSTOP", func(t *testing.T) {
		o := newOrdeal(t, serveCrashSite(t, crashWeb(800, 20)), bin, delay)
		p := o.start(t)
		for range 2 {
			select {
			case <-o.site.after(1 + o.rnd.IntN(200)):
			case <-p.ended:
				t.Fatalf("the crawl ended before it could be stopped:\n%s", p.talk.String())
			}
			p.signal(t, syscall.SIGSTOP)
			p.stays(t, 2*time.Second)
			p.signal(t, syscall.SIGCONT)
		}
		if code := p.exit(t, time.Minute); code != exitDone {
			t.Errorf("exit %d\n%s", code, p.talk.String())
		}
		o.whole(t, "complete")
		o.judge(t, 0)
		o.true(t, resultOf(t, bin, o.data))
	})
}
