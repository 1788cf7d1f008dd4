package frontier_test

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"crawl/frontier"
	"crawl/internal/weburl"

	"go.uber.org/goleak"
)

// crashDir tells the test binary to be the process that is killed.
const crashDir = "FRONTIER_CRASH_DIR"

// atEnd removes what benchmarks share.
var atEnd = func() {}

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		crawlUntilKilled(dir)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		atEnd()
		os.Exit(code)
	}))
}

var crashConfig = frontier.Config{Manners: func(string) frontier.Manners {
	return frontier.Manners{Rate: math.Inf(1), PerHost: 10, NoRobots: true}
}}

// crawlUntilKilled says on standard output what is durable, as soon as it is.
func crawlUntilKilled(dir string) {
	f := frontier.NewBolt(dir)
	fail := func(err error) {
		fmt.Println("error", err)
		os.Exit(1)
	}
	if err := f.Open(context.Background(), "run", crashConfig); err != nil {
		fail(err)
	}
	var mu sync.Mutex
	say := func(verb string, urls ...string) {
		mu.Lock()
		defer mu.Unlock()
		for _, u := range urls {
			fmt.Println(verb, u)
		}
	}
	for worker := range 4 {
		go func() {
			var ended, child string
			for n := 0; ; n++ {
				u := fmt.Sprintf("http://w%d.test/%d-%d", worker, os.Getpid(), n)
				if _, err := f.Add(context.Background(), "run", crashLink(u)); err != nil {
					fail(err)
				}
				say("added", u)
				if ended != "" { // the turn before is durable, for this one is
					say("done", ended)
					say("added", child)
				}
				l, err := f.Next(context.Background(), "run")
				if err != nil {
					fail(err)
				}
				ended, child = l.URL.String(), l.URL.String()+"+"
				if err := f.Done(context.Background(), l, frontier.Outcome{Links: []frontier.Link{crashLink(child)}}); err != nil {
					fail(err)
				}
			}
		}()
	}
	select {}
}

func crashLink(u string) frontier.Link {
	parsed, err := weburl.Parse(u)
	if err != nil {
		panic(err)
	}
	return frontier.Link{URL: parsed, Rank: uint32(strings.Count(u, "+"))}
}

// TestKilled: whatever Add returned without an error, and every Done before it,
// is there after kill -9 at any time.
func TestKilled(t *testing.T) {
	dir, seed := t.TempDir(), uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	added, done := map[string]bool{}, map[string]bool{}
	for round := range 20 {
		killAfter(t, dir, random.IntN(200), added, done)
		f := frontier.NewBolt(dir)
		if err := f.Open(t.Context(), "run", crashConfig); err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
		if faults, err := f.Check(t.Context(), "run"); err != nil || len(faults) > 0 {
			t.Fatalf("seed %d, round %d: Check: %v %q", seed, round, err, faults)
		}
		s, err := f.Stats("run")
		if err != nil || int(s.Done) < len(done) || int(s.Found) < len(added) || s.Found != s.Queued+s.Done {
			t.Fatalf("seed %d, round %d: %v %+v, acknowledged %d added and %d done", seed, round, err, s, len(added), len(done))
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	audit(t, dir, added, done)
	if len(added) < 100 {
		t.Errorf("only %d URLs were added in all", len(added))
	}
}

// killAfter runs the child and kills it when it has said so many lines.
func killAfter(t *testing.T, dir string, lines int, added, done map[string]bool) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(out)
	for n := 0; in.Scan(); n++ {
		verb, u, _ := strings.Cut(in.Text(), " ")
		switch verb {
		case "added":
			added[u] = true
		case "done":
			done[u] = true
		default:
			t.Errorf("the child says %q", in.Text())
		}
		if n == lines {
			if err := child.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := child.Wait(); err == nil {
		t.Error("the child ended by itself")
	}
}

// audit leases all that is left: together with what is done that is all there
// was, and nothing done comes again.
func audit(t *testing.T, dir string, added, done map[string]bool) {
	t.Helper()
	f := frontier.NewBolt(dir)
	defer f.Close()
	if err := f.Open(t.Context(), "run", crashConfig); err != nil {
		t.Fatal(err)
	}
	for u := range done {
		if n, err := f.Add(t.Context(), "run", crashLink(u)); n != 0 || err != nil {
			t.Errorf("%s is done and was queued again: %v", u, err)
		}
	}
	before, err := f.Stats("run")
	if err != nil {
		t.Fatal(err)
	}
	var all []frontier.Link
	for u := range added {
		all = append(all, crashLink(u))
	}
	if n, err := f.Add(t.Context(), "run", all...); n != 0 || err != nil {
		t.Errorf("%d URLs were added and are unknown: %v", n, err)
	}
	left := map[string]bool{}
	for range before.Queued {
		l, err := f.Next(t.Context(), "run")
		if err != nil {
			t.Fatal(err)
		}
		f.Release(l, frontier.Answer{})
		left[l.URL.String()] = true
		if done[l.URL.String()] {
			t.Errorf("%s is done and was leased", l.URL)
		}
	}
	if uint64(len(left)) != before.Queued {
		t.Errorf("%d URLs were leased, %d are queued", len(left), before.Queued)
	}
}
