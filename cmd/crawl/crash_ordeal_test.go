//go:build unix

package main

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// underWay is twice the default of --concurrency: so many URLs may be under way
// when a process is killed, in places and waiting for the disk, and no more may be
// asked for again.
const underWay = 2 * 64

// ordeal is one crawl that is interrupted over and over.
type ordeal struct {
	site    *crashSite
	bin     *crawlBinary
	data    string
	delay   time.Duration
	flags   []string // of the first session, besides seeds, scope, rate and data
	machine []string // flags of every session
	rnd     *rand.Rand
	slack   time.Duration // how long a session may go on after the request that ends it
	began   time.Time
	mark    string // file with the number of the session, which every request carries
	cuts    []cut
	starts  map[int]time.Time // of sessions
	late    bool              // the last session was killed after the run's end
}

// cut is one interruption.
type cut struct {
	dead time.Time      // when the process was gone
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
	o := &ordeal{site: site, bin: bin, delay: delay, flags: flags, rnd: crashDice(t), data: filepath.Join(t.TempDir(), "data"), slack: 20 * time.Millisecond, starts: map[int]time.Time{}}
	o.mark = filepath.Join(t.TempDir(), "session")
	site.afresh()
	o.began = time.Now()
	return o
}

// start begins the next session.
func (o *ordeal) start(t *testing.T) *crawlProcess {
	t.Helper()
	args := []string{"resume", "--data", o.data, "--json"}
	if !o.begun(t, o.data) {
		args = append([]string{
			"run", "--list", o.bin.listFile(t, o.site.seeds()), "--scope", "host", "--rate", rateOf(o.delay), "--data", o.data, "--json",
			"--header", sessionHeader + ": file:" + o.mark,
		}, o.flags...)
	}
	if err := os.WriteFile(o.mark, []byte(strconv.Itoa(len(o.cuts))), 0o600); err != nil {
		t.Fatal(err)
	}
	c := o.bin.start(t, append(args, o.machine...)...)
	o.starts[len(o.cuts)] = c.started
	return c
}

// cut notes that c was cut off, and looks at what the store holds in a copy,
// so that the next session finds all as the kill left it. With check it sees
// that nothing is damaged.
func (o *ordeal) cut(t *testing.T, c *crawlProcess, look, check bool) {
	t.Helper()
	now := cut{dead: time.Now(), told: c.told(t), safe: map[string]int{}}
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
	if !o.begun(t, dir) {
		return
	}
	if check {
		o.bin.check(t, dir)
	}
	for _, p := range exportRows[pageRow](t, o.bin, dir, "pages") {
		now.kept[p.URL] = p.Status
	}
	if s := o.bin.summaryOf(t, dir); int(s.Done+s.Failed) > len(now.kept) {
		t.Errorf("cut %d: the queue calls %d URLs done, the store has %d", len(o.cuts)-1, s.Done+s.Failed, len(now.kept))
	}
	maps.Copy(now.safe, now.kept)
}

// begun tells whether some session lived long enough to begin a run.
func (o *ordeal) begun(t *testing.T, dir string) bool {
	t.Helper()
	if len(o.cuts) == 0 {
		return false
	}
	if len(o.site.hits(o.began)) > 0 {
		return true
	}
	out, talk, code := o.bin.do(t, "runs", "--json", "--data", dir)
	if code != exitDone && (code != exitUsage || !strings.Contains(talk, "there is no store")) {
		t.Fatalf("crawl runs: exit %d\n%s", code, talk)
	}
	return len(out) > 0
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
	case got == exitUsage && strings.Contains(c.talk.String(), "no run is left unfinished"):
		o.late = true
	default:
		t.Fatalf("session %d: exit %d\n%s", len(o.cuts), got, c.talk.String())
	}
}

// queues are the folders of the runs' queues.
func (o *ordeal) queues() []string {
	left, _ := filepath.Glob(filepath.Join(o.data, "runs", "*")) // the pattern is sound
	return left
}

// whole sees that the run has ended and nothing is damaged or left over.
func (o *ordeal) whole(t *testing.T, state string) {
	t.Helper()
	o.bin.check(t, o.data)
	if s := o.bin.summaryOf(t, o.data); s.State != state || s.Queued != 0 {
		t.Errorf("the run ended %q with %d URLs queued", s.State, s.Queued)
	}
	if left := o.queues(); len(left) > 0 && !o.late {
		t.Errorf("left behind: %v", left)
	}
}
