package store

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestNoRights opens folders that the user may not use, root not excepted: for
// one thread, files are another user's.
func TestNoRights(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	b := openTest(t, dir)
	beginTest(t, b)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "crawl.db"), filepath.Join(dir, "bodies")} {
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		failed := make(chan error)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
			if os.Geteuid() == 0 {
				syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0)
			}
			again, err := Open(dir, Options{})
			if err == nil {
				again.Close()
			}
			failed <- err
		}()
		err := <-failed
		if !errors.Is(err, os.ErrPermission) || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s cannot be used: %v", path, err)
		}
		if err := os.Chmod(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	b = openTest(t, dir)
	wantSound(t, b)
}
