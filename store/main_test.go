package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"crawl/internal/weburl"

	"go.uber.org/goleak"
)

// childJob names, for a process that this test binary started, what it is to
// do in the folder of childDir.
const (
	childJob = "CRAWL_STORE_TEST_JOB"
	childDir = "CRAWL_STORE_TEST_DIR"
)

func TestMain(m *testing.M) {
	if job := os.Getenv(childJob); job != "" {
		os.Exit(child(job, os.Getenv(childDir)))
	}
	goleak.VerifyTestMain(m)
}

// writing are the jobs that write until the process is killed.
var writing = map[string]func(*Bolt) error{"write": write1000s, "index": indexAgain, "prune": pruneMost, "compact": compactOnce, "backup": backupBeside}

// child opens the store, and writes a line for each visit that was accepted or
// just holds it, until its input ends.
func child(job, dir string) int {
	if err := crashWhenTold(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if job == "restore" {
		if err := restoreBeside(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	b, err := Open(dir, Options{Program: "crawl/test", Command: "child " + job})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if job == "hold" {
		fmt.Println("held")
		io.Copy(io.Discard, os.Stdin)
	} else if err := writing[job](b); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := b.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// write1000s begins a run and puts visits from several goroutines until the
// process is killed.
func write1000s(b *Bolt) error {
	b.bodies.limit = 64 << 10
	ctx := context.Background()
	r := &Run{Site: "a", State: Running, Started: time.Now()}
	if err := b.Begin(ctx, r); err != nil {
		return err
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	failed := make(chan error, 8)
	for g := range 8 {
		wait.Go(func() {
			for i := range 100_000 {
				p, links, x := testVisit(r.ID, g*100_000+i)
				if err := b.Put(ctx, p, links, x); err != nil {
					failed <- err
					return
				}
				mu.Lock()
				fmt.Printf("%d %d\n", r.ID, g*100_000+i)
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	close(failed)
	return <-failed
}

// indexAgain indexes the links of the run that is there, again and again.
func indexAgain(b *Bolt) error {
	for {
		for r, err := range b.Runs(context.Background(), "") {
			if err == nil {
				err = b.IndexLinks(context.Background(), r.ID, Identity{Of: same})
			}
			if err != nil {
				return err
			}
		}
		fmt.Println("0 0")
	}
}

// same is the identity of URLs that are what they are.
func same(u weburl.URL) weburl.URL { return u }

// start starts a child and returns its output. The test kills it at its end.
func start(t *testing.T, job, dir string, env ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(append(os.Environ(), childJob+"="+job, childDir+"="+dir), env...)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		c.Process.Kill()
		c.Wait()
	})
	return c, bufio.NewReader(out)
}

// testVisit is the n-th visit of a run: every fifth brings a body that others
// bring too, every seventh fails. All have the same menu.
func testVisit(run RunID, n int) (*Page, []Link, *Exchange) {
	p := &Page{URL: mustParse(fmt.Sprintf("https://a%d.example/%d", n%3, n)), Run: run, Try: 1, Fetched: time.Unix(1_800_000_000, int64(n))}
	if n%7 == 6 {
		p.Fault = "timeout"
		return p, nil, nil
	}
	body := testBody(n)
	p.Status, p.Hash, p.Size, p.Wire = 200, sha256.Sum256(body), int64(len(body)), int64(len(body))
	links := []Link{{Target: p.URL.String() + "/x", Element: "a"}, {Target: "https://b.example/", Text: fmt.Sprint(n)}}
	for i := range 5 {
		links = append(links, Link{Target: fmt.Sprintf("%s/topic-%d", p.URL.Origin(), i), Text: "a topic of the menu", Element: "a", Place: "nav"})
	}
	return p, links, &Exchange{
		Start: p.Fetched, Proto: "HTTP/1.1", Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: body,
	}
}

func testBody(n int) []byte {
	if n%5 == 4 {
		n = n % 50
	}
	var seed [32]byte
	copy(seed[:], fmt.Sprint(n))
	b := make([]byte, 1000+n%3000)
	rand.NewChaCha8(seed).Read(b)
	return b
}

func mustParse(raw string) weburl.URL {
	u, err := weburl.Parse(raw)
	if err != nil {
		panic(err) // the tests' own addresses
	}
	return u
}

func openTest(t *testing.T, dir string) *Bolt {
	t.Helper()
	b, err := Open(dir, Options{Program: "crawl/test", Command: "go test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return b
}

func beginTest(t *testing.T, b *Bolt) *Run {
	t.Helper()
	r := &Run{Site: "a", State: Running, Started: time.Unix(1_800_000_000, 0)}
	if err := b.Begin(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return r
}

// putTest puts visits and returns them.
func putTest(t *testing.T, b *Bolt, run RunID, from, to int) (pages []*Page) {
	t.Helper()
	for n := from; n < to; n++ {
		p, links, x := testVisit(run, n)
		if err := b.Put(t.Context(), p, links, x); err != nil {
			t.Fatal(err)
		}
		pages = append(pages, p)
	}
	return pages
}

// wantVisit sees that a visit is all there.
func wantVisit(t *testing.T, b *Bolt, run RunID, n int) {
	t.Helper()
	want, links, x := testVisit(run, n)
	p, err := b.Page(t.Context(), run, want.URL)
	if err != nil {
		t.Errorf("acknowledged and lost: %v", err)
		return
	}
	got, err := b.Links(t.Context(), p)
	if err != nil || !slices.Equal(got, links) {
		t.Errorf("visit %d has the links %v, want %v: %v", n, got, links, err)
	}
	if x == nil {
		return
	}
	if _, body, err := b.Body(t.Context(), p); err != nil || !bytes.Equal(body, x.Body) {
		t.Errorf("visit %d has a body of %d bytes, want %d: %v", n, len(body), len(x.Body), err)
	}
}

// faultsOf checks the store.
func faultsOf(t *testing.T, b *Bolt) []string {
	t.Helper()
	r, err := b.Check(t.Context())
	if err != nil {
		t.Fatalf("Check: %v", err)
	}
	return r.Faults
}

func wantSound(t *testing.T, b *Bolt) {
	t.Helper()
	if faults := faultsOf(t, b); len(faults) > 0 {
		t.Errorf("Check finds %q", faults)
	}
}

// copyOf copies a store as a crash would leave it.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}
