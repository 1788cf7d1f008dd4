package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// This file comes behind full_unix_test.go, which limits how large files become:
// the log that go test keeps of files that tests open must be small by then.

// TestBackup backs up while pages are put: each backup is sound and has what
// was there before, takes only what is new, and is restored whole.
func TestBackup(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	b := openUnsynced(t, dir)
	history50(t, b, 4)
	want := readAll(t, b, allRuns(t, b))
	r := &Run{Site: "c", State: Running}
	if err := b.Begin(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	done := make(chan bool)
	var wait sync.WaitGroup
	wait.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-done:
				return
			default:
			}
			p, links, x := testVisit(r.ID, n)
			if err := b.Put(t.Context(), p, links, x); err != nil {
				t.Error(err)
				return
			}
		}
	})
	to := besideOf(dir)
	var sums []Backup
	for range 3 {
		sum, err := b.Backup(t.Context(), to, nil)
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, sum)
		copied := openUnsynced(t, copyOf(t, to))
		wantSound(t, copied)
		wantKept(t, copied, want)
		if err := copied.Close(); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	wait.Wait()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Backup(t.Context(), filepath.Join(link, "deep", "within"), nil); !errors.Is(err, ErrUnfit) {
		t.Errorf("a backup into the store itself, by a link: %v", err)
	}
	if sums[0].Copied != sums[0].Index+sums[0].Bodies || sums[2].Copied >= sums[2].Index+sums[2].Bodies {
		t.Errorf("backups took %+v", sums)
	}
	if _, err := b.Backup(t.Context(), filepath.Join(dir, "within"), nil); err == nil {
		t.Error("a backup into the store itself was made")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Restore(t.Context(), to, dir, false); !errors.Is(err, ErrExists) {
		t.Errorf("a store is overwritten: %v", err)
	}
	fresh := filepath.Join(t.TempDir(), "deep", "fresh")
	if err := Restore(t.Context(), to, fresh, false); err != nil {
		t.Fatal(err)
	}
	restored := openUnsynced(t, fresh)
	wantSound(t, restored)
	wantKept(t, restored, want)
	if _, err := os.Stat(filepath.Join(fresh, backupFile)); !os.IsNotExist(err) {
		t.Errorf("the store looks like a backup: %v", err)
	}
	if err := Restore(t.Context(), to, fresh, true); !strings.Contains(err.Error(), "held by") {
		t.Errorf("a store in use is overwritten: %v", err)
	}
	if err := Restore(t.Context(), fresh, filepath.Join(t.TempDir(), "x"), false); !errors.Is(err, ErrNotFound) {
		t.Errorf("what is no backup is restored: %v", err)
	}
}

// TestBackupOfAnother: two stores do not mix in one folder, and a backup that
// somebody wrote to is made whole again.
func TestBackupOfAnother(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	b := openUnsynced(t, dir)
	history50(t, b, 2)
	want := readAll(t, b, allRuns(t, b))
	to := besideOf(dir)
	if _, err := b.Backup(t.Context(), to, nil); err != nil {
		t.Fatal(err)
	}
	other := openUnsynced(t, filepath.Join(t.TempDir(), "other"))
	history50(t, other, 1)
	if _, err := other.Backup(t.Context(), to, nil); err == nil || !strings.Contains(err.Error(), "another store") {
		t.Errorf("a backup of another store: %v", err)
	}
	if _, err := other.Backup(t.Context(), dir, nil); err == nil || !strings.Contains(err.Error(), "no backup") {
		t.Errorf("a backup into another store: %v", err)
	}
	wantBackup(t, to, want)
	written := openUnsynced(t, to)
	history50(t, written, 1)
	if err := written.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Backup(t.Context(), to, nil); err != nil {
		t.Fatal(err)
	}
	wantBackup(t, to, want)
}
