package store

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCrash leaves the store as a crash would at each step of a write.
func TestCrash(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit int64 // of a segment
		step  func(t *testing.T, b *Bolt, run RunID)
	}{
		{"nothing under way", maxSegment, func(*testing.T, *Bolt, RunID) {}},
		{"records handed in", maxSegment, func(t *testing.T, b *Bolt, run RunID) { handIn(t, b, run, 0) }},
		{"records written", maxSegment, func(t *testing.T, b *Bolt, run RunID) { handIn(t, b, run, 0); flush(t, b) }},
		{"records written twice", maxSegment, func(t *testing.T, b *Bolt, run RunID) {
			handIn(t, b, run, 0)
			flush(t, b)
			handIn(t, b, run, 1)
			flush(t, b)
		}},
		{"a segment begun", 1, func(t *testing.T, b *Bolt, run RunID) { handIn(t, b, run, 0); flush(t, b) }},
		{"three segments begun", 1, func(t *testing.T, b *Bolt, run RunID) {
			for i := range 3 {
				handIn(t, b, run, i)
			}
			flush(t, b)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			b := openTest(t, dir)
			run := beginTest(t, b).ID
			putTest(t, b, run, 0, 20)
			end := b.bodies.end
			b.bodies.limit = c.limit
			c.step(t, b, run)
			wantRecovered(t, copyOf(t, dir), run, 20, end)
		})
	}
}

// handIn gives the archive a visit that is not committed.
func handIn(t *testing.T, b *Bolt, run RunID, n int) {
	t.Helper()
	p, _, x := testVisit(run, 1001+7*n)
	if _, _, err := b.archive(nil, p, nil, x); err != nil {
		t.Fatal(err)
	}
}

// flush writes what was handed in; the committer is idle.
func flush(t *testing.T, b *Bolt) {
	t.Helper()
	if _, err := b.bodies.flush(); err != nil {
		t.Fatal(err)
	}
}

// wantRecovered sees that a store opens with n visits, that its bodies end
// where they were committed, and that it goes on.
func wantRecovered(t *testing.T, dir string, run RunID, n int, end tail) {
	t.Helper()
	b := openTest(t, dir)
	wantTail(t, b, end)
	wantSound(t, b)
	for i := range n {
		wantVisit(t, b, run, i)
	}
	putTest(t, b, run, n, n+10)
	wantSound(t, b)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = openTest(t, dir)
	for i := range n + 10 {
		wantVisit(t, b, run, i)
	}
	wantSound(t, b)
}

// wantTail sees that the bodies on disk end where the last commit says.
func wantTail(t *testing.T, b *Bolt, end tail) {
	t.Helper()
	if b.bodies.end != end {
		t.Errorf("the bodies end at %v, want %v", b.bodies.end, end)
	}
	info, err := os.Stat(b.bodies.path(end.Segment))
	if err != nil || info.Size() != end.Size {
		t.Errorf("the last segment has %v bytes of %d: %v", info.Size(), end.Size, err)
	}
	if _, err := os.Stat(b.bodies.path(end.Segment + 1)); !os.IsNotExist(err) {
		t.Errorf("a segment that was not committed is there: %v", err)
	}
}

// TestTornTail cuts records that were being written at every length.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	b := openTest(t, dir)
	run := beginTest(t, b).ID
	putTest(t, b, run, 0, 5)
	end := b.bodies.end
	handIn(t, b, run, 0)
	flush(t, b)
	whole := b.bodies.end.Size
	for _, size := range []int64{end.Size, end.Size + 1, end.Size + 10, (end.Size + whole) / 2, whole - 1, whole, whole + 4096} {
		torn := copyOf(t, dir)
		if err := os.Truncate(segmentPath(filepath.Join(torn, "bodies"), end.Segment), size); err != nil {
			t.Fatal(err)
		}
		wantRecovered(t, torn, run, 5, end)
	}
}

// TestKill kills a process that writes, again and again, and looks for each
// visit that it was told of.
func TestKill(t *testing.T) {
	const kills = 8
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	acked := map[RunID][]int{}
	for range kills {
		c, out := start(t, "write", dir)
		for range 1 + random.IntN(150) {
			note(t, acked, out)
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for note(t, acked, out) {
		}
		_ = c.Wait() // its output ends before its lock on the store does
		b := openTest(t, dir)
		wantTail(t, b, b.bodies.end)
		wantSound(t, b)
		for run, visits := range acked {
			for _, n := range visits {
				wantVisit(t, b, run, n)
			}
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(acked) != kills {
		t.Errorf("%d runs were begun, want %d", len(acked), kills)
	}
}

// note reads one line of a child. The last one may be cut.
func note(t *testing.T, acked map[RunID][]int, out *bufio.Reader) bool {
	t.Helper()
	line, err := out.ReadString('\n')
	if err != nil {
		if err != io.EOF && !strings.Contains(err.Error(), "file already closed") {
			t.Fatal(err)
		}
		return false
	}
	var run RunID
	var n int
	if _, err := fmt.Sscanf(line, "%d %d\n", &run, &n); err != nil {
		t.Fatalf("the child says %q: %v", line, err)
	}
	acked[run] = append(acked[run], n)
	return true
}

// TestRotation sees that bodies are found in whichever segment they lie.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	b := openTest(t, dir)
	b.bodies.limit = 10 << 10
	run := beginTest(t, b).ID
	pages := putTest(t, b, run, 0, 60)
	if last := pages[57].Record.Segment; last < 5 {
		t.Errorf("60 visits reach segment %d only", last)
	}
	for i, p := range pages {
		if p.Record.Segment != p.Request.Segment {
			t.Errorf("visit %d: request in segment %d, answer in %d", i, p.Request.Segment, p.Record.Segment)
		}
	}
	wantSound(t, b)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	wantRecovered(t, copyOf(t, dir), run, 60, b.bodies.end)
}
