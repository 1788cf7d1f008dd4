//go:build unix

package store

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// apart runs a test in a process of its own, and reports whether this is that
// one. A limit of files holds for the log of what go test itself notes, too.
func apart(t *testing.T) bool {
	t.Helper()
	const which = "STORE_TEST_APART"
	if os.Getenv(which) == t.Name() {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), which+"="+t.Name())
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// limitFiles lets no file of this process grow over n bytes, as a full disk
// would not, until the returned function is called.
func limitFiles(t *testing.T, n uint64) (lift func()) {
	t.Helper()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	now := was
	now.Cur = n
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &now); err != nil {
		t.Fatal(err)
	}
	lift = func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(lift)
	return lift
}

// TestFull puts visits until a file cannot grow: bodies in one case, the index
// in the other. Then there is room again.
func TestFull(t *testing.T) {
	if !apart(t) {
		return
	}
	for _, c := range []struct {
		name, file string
		large      func(p *Page, x *Exchange)
		exchange   bool
	}{
		{"bodies", "000001.warc.gz", func(p *Page, x *Exchange) { x.Body = incompressible(p, 100_000) }, true},
		{"index", "crawl.db", func(p *Page, x *Exchange) { p.Title = string(incompressible(p, 50_000)) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			b := openTest(t, dir)
			run := beginTest(t, b)
			next, acked := 0, 0
			put := func(b *Bolt) error {
				p, links, x := testVisit(run.ID, 7*next)
				next++
				c.large(p, x)
				p.Hash = [32]byte{}
				if !c.exchange {
					x = nil
				}
				err := b.Put(t.Context(), p, links, x)
				if err == nil {
					acked++
				}
				return err
			}
			lift := limitFiles(t, 1<<20)
			var err error
			for err == nil && next < 200 {
				err = put(b)
			}
			// bbolt says why it could not grow its file, and drops the error.
			if err == nil || !strings.Contains(err.Error(), syscall.EFBIG.Error()) || !strings.Contains(err.Error(), c.file) {
				t.Errorf("Put: %v", err)
			}
			wantPages(t, b, run.ID, acked)
			for range 5 {
				put(b) // there may be room for a small one
			}
			wantPages(t, b, run.ID, acked)
			wantSound(t, b)
			full := copyOfLimited(t, dir, lift)
			wasAcked := acked
			goesOn := func(b *Bolt) {
				t.Helper()
				for range 5 {
					if err := put(b); err != nil {
						t.Fatalf("there is room again: %v", err)
					}
				}
				wantPages(t, b, run.ID, acked)
				wantSound(t, b)
			}
			goesOn(b) // the same store

			b = openTest(t, full) // one that was opened anew
			acked = wasAcked
			wantPages(t, b, run.ID, acked)
			wantSound(t, b)
			goesOn(b)
		})
	}
}

// copyOfLimited copies a store that has no room, once there is some.
func copyOfLimited(t *testing.T, dir string, lift func()) string {
	t.Helper()
	lift()
	return copyOf(t, dir)
}

// incompressible is n bytes of noise of the page's own.
func incompressible(p *Page, n int) (b []byte) {
	for i := 0; len(b) < n; i++ {
		b = append(b, testBody(int(p.Fetched.Nanosecond())*1000+5*i)...)
	}
	return b[:n]
}

func wantPages(t *testing.T, b *Bolt, run RunID, want int) {
	t.Helper()
	got := 0
	for p, err := range b.Pages(t.Context(), run) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Links(t.Context(), p); err != nil {
			t.Error(err)
		}
		if p.Payload.Segment != 0 {
			if _, body, err := b.Body(t.Context(), p); err != nil || len(body) != 100_000 {
				t.Errorf("body of %d bytes: %v", len(body), err)
			}
		}
		got++
	}
	if got != want {
		t.Errorf("%d visits are kept, want %d", got, want)
	}
}

// TestFullForLong puts until what waits for the disk has reached its limit.
func TestFullForLong(t *testing.T) {
	if !apart(t) {
		return
	}
	b := openTest(t, t.TempDir())
	run := beginTest(t, b)
	lift := limitFiles(t, 1<<20)
	p, _, x := testVisit(run.ID, 0)
	x.Body, p.Hash = incompressible(p, 8<<20), [32]byte{}
	for range 40 {
		x.Body[0]++
		if err := b.Put(t.Context(), p, nil, x); !errors.Is(err, syscall.EFBIG) {
			t.Fatalf("Put: %v", err)
		}
	}
	if b.bodies.waiting > b.bodies.most+9<<20 {
		t.Errorf("%d bytes wait for the disk", b.bodies.waiting)
	}
	lift()
	if err := b.Update(t.Context(), run); err != nil { // any write brings what waits
		t.Fatal(err)
	}
	if b.bodies.waiting != 0 || len(b.bodies.pending)+len(b.bodies.writing) != 0 {
		t.Errorf("%d bytes wait for a disk with room", b.bodies.waiting)
	}
	if err := b.Put(t.Context(), p, nil, x); err != nil {
		t.Fatal(err)
	}
	wantSound(t, b)
}
