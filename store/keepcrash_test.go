package store

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// childPoint tells a child, as "POINT N", at which crash point to kill itself:
// when it comes there for the n-th time.
const childPoint = "CRAWL_STORE_TEST_POINT"

func crashWhenTold() error {
	point, times, ok := strings.Cut(os.Getenv(childPoint), " ")
	if !ok {
		return nil
	}
	n, err := strconv.Atoi(times)
	if err != nil {
		return err
	}
	crashAt = func(at string) {
		if at != point {
			return
		}
		if n--; n == 0 {
			if self, err := os.FindProcess(os.Getpid()); err == nil {
				_ = self.Kill()
			}
			select {}
		}
	}
	return nil
}

// mostRuns are the runs that the children remove: of each three the last stays,
// and of all.
func mostRuns(b *Bolt) (stay, gone []RunID, err error) {
	for r, err := range b.Runs(context.Background(), "") {
		if err != nil {
			return nil, nil, err
		}
		if len(stay) == 0 || r.ID%3 == 0 {
			stay = append(stay, r.ID)
		} else {
			gone = append(gone, r.ID)
		}
	}
	return stay, gone, nil
}

func pruneMost(b *Bolt) error {
	b.bodies.limit = 200 << 10
	_, gone, err := mostRuns(b)
	if err == nil {
		_, err = b.Prune(context.Background(), gone, PruneOptions{Dead: 0.1})
	}
	return err
}

func compactOnce(b *Bolt) error { return b.Compact(context.Background()) }

// backupBeside makes a backup into the folder beside the store.
func backupBeside(b *Bolt) error {
	_, err := b.Backup(context.Background(), besideOf(b.dir), nil)
	return err
}

// restoreBeside puts the backup in the place of the store.
func restoreBeside(dir string) error {
	return Restore(context.Background(), besideOf(dir), dir, true)
}

func besideOf(dir string) string { return dir + ".backup" }

// crashChild runs a child that is to kill itself at a point, or is killed after
// a while, and tells whether it was.
func crashChild(t *testing.T, job, dir, point string, after time.Duration) (killed bool) {
	t.Helper()
	c, out := start(t, job, dir, childPoint+"="+point)
	if after > 0 {
		timer := time.AfterFunc(after, func() { _ = c.Process.Kill() })
		defer timer.Stop()
	}
	return ended(t, c, out)
}

func ended(t *testing.T, c *exec.Cmd, out *bufio.Reader) (killed bool) {
	t.Helper()
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Fatal(err)
	}
	err := c.Wait()
	if err != nil && !strings.Contains(err.Error(), "killed") {
		t.Fatal(err)
	}
	return err != nil
}

// crashPoints are where a test kills children: at points, and at any time.
func crashPoints(random *rand.Rand, took time.Duration, points ...string) (at []string, after []time.Duration) {
	for _, p := range points {
		at, after = append(at, p+" 1", fmt.Sprintf("%s %d", p, 2+random.IntN(4))), append(after, 0, 0)
	}
	for range 6 {
		at, after = append(at, ""), append(after, time.Duration(1+random.Int64N(int64(took))))
	}
	return at, after
}

// TestPruneKilled kills a Prune at each of its steps: what stays is whole at
// once, and the next Prune goes on to the end.
func TestPruneKilled(t *testing.T) {
	random := seeded(t)
	dir := filepath.Join(t.TempDir(), "store")
	b := openUnsynced(t, dir)
	history50(t, b, 20)
	stay, _, err := mostRuns(b)
	if err != nil {
		t.Fatal(err)
	}
	want := readAll(t, b, stay)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	whole := copyOf(t, dir)
	began := time.Now()
	if crashChild(t, "prune", whole, "", 0) {
		t.Fatal("a child was killed that should not be")
	}
	at, after := crashPoints(random, time.Since(began), "marked", "urls", "rows", "removed", "templates", "shut", "copied", "moving", "moved", "deleted")
	all := openUnsynced(t, whole)
	wantKept(t, all, want)
	killed := 0
	for i := range at {
		torn := copyOf(t, dir)
		if crashChild(t, "prune", torn, at[i], after[i]) {
			killed++
		}
		b := openUnsynced(t, torn)
		wantSound(t, b)
		wantKept(t, b, want)
		began, err := b.Removing(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Prune(t.Context(), nil, PruneOptions{Dead: 0.1}); err != nil {
			t.Fatal(err)
		}
		wantSound(t, b)
		wantKept(t, b, want)
		if n, err := b.Removing(t.Context()); n > 0 || err != nil {
			t.Errorf("%q: %d runs are being removed for ever: %v", at[i], n, err)
		}
		if began > 0 || len(allRuns(t, b)) == len(stay) {
			for _, bucket := range []string{"pages", "links", "templates", "latest", "skipped", "inlinks", "hosts"} {
				if got, want := rowsIn(t, b, bucket), rowsIn(t, all, bucket); got != want {
					t.Errorf("%q: %s has %d rows, %d where nobody was killed", at[i], bucket, got, want)
				}
			}
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if killed < 12 {
		t.Errorf("only %d of %d children were killed", killed, len(at))
	}
}

func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// TestCompactKilled: the index is the old file or the new one.
func TestCompactKilled(t *testing.T) {
	random := seeded(t)
	dir := filepath.Join(t.TempDir(), "store")
	b := openUnsynced(t, dir)
	history50(t, b, 6)
	want := readAll(t, b, allRuns(t, b))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if crashChild(t, "compact", dir, "", 0) {
		t.Fatal("a child was killed that should not be")
	}
	for took := time.Since(began); took > time.Millisecond; took -= took / 8 {
		torn := copyOf(t, dir)
		crashChild(t, "compact", torn, "", took/2+time.Duration(random.Int64N(int64(took))))
		b := openUnsynced(t, torn)
		wantSound(t, b)
		wantKept(t, b, want)
		if names, err := filepath.Glob(filepath.Join(torn, "*.compact")); err != nil || len(names) > 0 {
			t.Errorf("beside the index lies %v: %v", names, err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if took < 20*time.Millisecond {
			break
		}
	}
}

// TestBackupKilled kills a backup that adds to an earlier one: what is there is
// the earlier one or the new one, and the next one is whole.
func TestBackupKilled(t *testing.T) {
	random := seeded(t)
	dir := filepath.Join(t.TempDir(), "store")
	b := openUnsynced(t, dir)
	history50(t, b, 6)
	first := readAll(t, b, allRuns(t, b))
	if _, err := b.Backup(t.Context(), besideOf(dir), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Prune(t.Context(), allRuns(t, b)[3:], PruneOptions{Dead: 0.1}); err != nil {
		t.Fatal(err)
	}
	history50(t, b, 4)
	second := readAll(t, b, allRuns(t, b))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	at, after := crashPoints(random, 30*time.Millisecond, "index-copied", "body-copied", "bodies-copied", "index-in-place")
	killed := 0
	for i := range at {
		torn := copyOf(t, dir)
		if err := os.CopyFS(besideOf(torn), os.DirFS(besideOf(dir))); err != nil {
			t.Fatal(err)
		}
		if crashChild(t, "backup", torn, at[i], after[i]) {
			killed++
		}
		wantBackup(t, besideOf(torn), first, second)
		if crashChild(t, "backup", torn, "", 0) {
			t.Fatal("a child was killed that should not be")
		}
		wantBackup(t, besideOf(torn), second)
	}
	if killed < 4 {
		t.Errorf("only %d of %d children were killed", killed, len(at))
	}
}

// wantBackup sees that a backup is one of these. It is opened as a copy, as
// whoever opens a store writes to it.
func wantBackup(t *testing.T, dir string, states ...map[RunID]kept) {
	t.Helper()
	b := openUnsynced(t, copyOf(t, dir))
	defer b.Close()
	wantSound(t, b)
	ids := allRuns(t, b)
	for _, want := range states {
		if _, ok := want[ids[0]]; ok && len(want) == len(ids) {
			wantKept(t, b, want)
			return
		}
	}
	t.Errorf("the backup has the runs %v", ids)
}

// TestRestoreKilled: a restore that is cut short leaves the store that was
// there, or none, and can be done again.
func TestRestoreKilled(t *testing.T) {
	random := seeded(t)
	dir := filepath.Join(t.TempDir(), "store")
	b := openUnsynced(t, dir)
	history50(t, b, 5)
	want := readAll(t, b, allRuns(t, b))
	if _, err := b.Backup(t.Context(), besideOf(dir), nil); err != nil {
		t.Fatal(err)
	}
	history50(t, b, 2)
	later := readAll(t, b, allRuns(t, b))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	at, after := crashPoints(random, 30*time.Millisecond, "copied", "cleared", "renamed")
	for i := range at {
		torn := copyOf(t, dir)
		if err := os.CopyFS(besideOf(torn), os.DirFS(besideOf(dir))); err != nil {
			t.Fatal(err)
		}
		crashChild(t, "restore", torn, at[i], after[i])
		b, err := Open(torn, Options{Program: "crawl/test", NoSync: true})
		if err == nil {
			wantSound(t, b)
			if ids := allRuns(t, b); len(ids) == len(later) {
				wantKept(t, b, later)
			} else {
				wantKept(t, b, want)
			}
			err = b.Close()
		} else if strings.Contains(err.Error(), "restore the backup again") {
			err = nil
		}
		if err != nil {
			t.Fatal(err)
		}
		if crashChild(t, "restore", torn, "", 0) {
			t.Fatal("a child was killed that should not be")
		}
		again := openUnsynced(t, torn)
		wantSound(t, again)
		wantKept(t, again, want)
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
