//go:build unix

package main

import (
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestCrashStops ends the program as people do, and resumes it.
func TestCrashStops(t *testing.T) {
	t.Parallel()
	bin := buildCrawl(t)
	for _, c := range []struct {
		name string
		do   func(*testing.T, *ordeal)
		size int
	}{
		{"Ctrl-C once", func(t *testing.T, o *ordeal) { stopOnce(t, o, syscall.SIGINT, exitInterrupted) }, 800},
		{"SIGTERM once", func(t *testing.T, o *ordeal) { stopOnce(t, o, syscall.SIGTERM, exitTerminated) }, 800},
		{"Ctrl-C twice", stopTwice, 800},
		{"Ctrl-C once, no answer", stopWithoutAnswer, 200},
		{"Ctrl-C under a page limit", stopUnderLimit, 300},
		{"SIGSTOP", freeze, 800},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOrdeal(t, serveCrashSite(t, crashWeb(c.size, 20)), bin, 10*time.Millisecond)
			c.do(t, o)
			if len(o.flags) == 0 {
				o.true(t, resultOf(t, bin, o.data))
			}
		})
	}
}

// stopping is what the program says when a signal told it to end.
const stopping = "stopping: "

// stopOnce lets the fetches under way end, so that nothing is asked again.
func stopOnce(t *testing.T, o *ordeal, s os.Signal, code int) {
	for range 3 {
		p := o.start(t)
		lift := o.hang(t, p, 1+o.rnd.IntN(200))
		p.signal(t, s)
		p.says(t, stopping)
		p.stays(t, 200*time.Millisecond)
		lift()
		o.interrupted(t, p, 10*time.Second, code)
	}
	o.finish(t)
	o.judge(t, 0)
}

// stopTwice ends at once, whatever is under way.
func stopTwice(t *testing.T, o *ordeal) {
	for range 3 {
		p := o.start(t)
		lift := o.hang(t, p, 1+o.rnd.IntN(200))
		p.signal(t, syscall.SIGINT)
		p.says(t, stopping) // else the two may be one to the system
		again := time.Now()
		p.signal(t, syscall.SIGINT)
		o.interrupted(t, p, 4*time.Second, exitInterrupted) // before the grace of 5 s, which would end it, too
		t.Logf("it ended %v after the second signal", o.cuts[len(o.cuts)-1].dead.Sub(again).Round(time.Millisecond))
		lift()
	}
	o.finish(t)
	o.judge(t, underWay)
}

// stopWithoutAnswer does not wait for ever for what is under way.
func stopWithoutAnswer(t *testing.T, o *ordeal) {
	p := o.start(t)
	lift := o.hang(t, p, 50)
	p.signal(t, syscall.SIGINT)
	o.interrupted(t, p, 10*time.Second, exitInterrupted)
	lift()
	o.finish(t)
	o.judge(t, underWay)
}

// freeze sees that a process that slept does not make up for it.
func freeze(t *testing.T, o *ordeal) {
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
}

// stopUnderLimit sees that --max-pages is exact over sessions that were stopped.
func stopUnderLimit(t *testing.T, o *ordeal) {
	o.flags = []string{"--max-pages", strconv.Itoa(limitedPages)}
	for range 3 {
		p := o.start(t)
		lift := o.hang(t, p, 1+o.rnd.IntN(30))
		p.signal(t, syscall.SIGINT)
		p.says(t, stopping) // or it asks for more, and may come to its limit
		lift()
		o.interrupted(t, p, 10*time.Second, exitInterrupted)
	}
	p := o.start(t)
	if code := p.exit(t, time.Minute); code != exitPartial {
		t.Errorf("exit %d\n%s", code, p.talk.String())
	}
	o.whole(t, "partial")
	o.judge(t, 0)
	if n := o.pages(t); n != limitedPages {
		t.Errorf("%d pages; --max-pages was %d", n, limitedPages)
	}
}

// interrupted waits for the end of a session that was told to end.
func (o *ordeal) interrupted(t *testing.T, p *crawlProcess, atMost time.Duration, code int) {
	t.Helper()
	if got := p.exit(t, atMost); got != code {
		t.Errorf("exit %d, want %d\n%s", got, code, p.talk.String())
	}
	o.cut(t, p, true, true)
}

// hang lets c send some requests more, then makes those that follow hang and
// waits for one of them.
func (o *ordeal) hang(t *testing.T, c *crawlProcess, requests int) (lift func()) {
	t.Helper()
	held, lift := o.site.hold(requests)
	select {
	case <-held.waits:
	case <-c.ended:
		t.Fatalf("the crawl ended before it could be stopped:\n%s", c.talk.String())
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
