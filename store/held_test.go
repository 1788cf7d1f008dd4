package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestHeld(t *testing.T) {
	dir := t.TempDir()
	c, out := start(t, "hold", dir)
	if line, err := out.ReadString('\n'); line != "held\n" {
		t.Fatalf("the child says %q: %v", line, err)
	}
	var err error
	synctest.Test(t, func(t *testing.T) { // the wait for the lock counts, not how busy the machine is
		began := time.Now()
		_, err = Open(dir, Options{Command: "second"})
		if took := time.Since(began); took > time.Second {
			t.Errorf("refused after %v", took)
		}
	})
	var held *HeldError
	if !errors.As(err, &held) {
		t.Fatalf("Open: %v", err)
	}
	if held.PID != c.Process.Pid || held.Command != "child hold" || held.Path != dir || time.Since(held.Since) > time.Minute {
		t.Errorf("held by %+v", held)
	}
	for _, want := range []string{dir, fmt.Sprint(c.Process.Pid), "child hold"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}

	if err := os.WriteFile(holderFile(dir), []byte(`{"PID": 1`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Options{})
	if !errors.As(err, &held) || held.PID != 0 || held.Error() != "store "+dir+" is held by another process" {
		t.Errorf("with a holder file that is cut, Open: %v", err)
	}

	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	b := openTest(t, dir)
	if held := heldBy(dir).(*HeldError); held.PID != os.Getpid() || held.Command != "go test" {
		t.Errorf("after the holder was killed: %+v", held)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(holderFile(dir)); !os.IsNotExist(err) {
		t.Errorf("the holder file is still there: %v", err)
	}
}

func TestMakeDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 {
		b, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%v, %v", info, err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOpenFails opens what cannot be a store; each error names its file, and
// the lock is given up.
func TestOpenFails(t *testing.T) {
	for _, c := range []struct {
		name    string
		damaged bool
		names   string
		prepare func(dir string) error
	}{
		{"a file instead of the folder", false, "", func(dir string) error { return os.WriteFile(dir, nil, 0o600) }},
		{"a folder instead of the index", false, "crawl.db", func(dir string) error { return os.MkdirAll(filepath.Join(dir, "crawl.db"), 0o700) }},
		{"a file instead of the bodies", false, "bodies", func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "bodies"), nil, 0o600))
		}},
		{"no index, and bodies", true, "crawl.db", func(dir string) error {
			bodies := filepath.Join(dir, "bodies")
			return errors.Join(os.MkdirAll(bodies, 0o700), os.WriteFile(segmentPath(bodies, 1), []byte("x"), 0o600))
		}},
		{"an index of something else", true, "crawl.db", func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "crawl.db"), make([]byte, 100_000), 0o600))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "store")
			if err := c.prepare(dir); err != nil {
				t.Fatal(err)
			}
			for range 2 { // it stays so, and no lock is left
				b, err := Open(dir, Options{})
				if err == nil {
					b.Close()
					t.Fatal("it opens")
				}
				if errors.Is(err, ErrDamaged) != c.damaged || !strings.Contains(err.Error(), filepath.Join(dir, c.names)) {
					t.Errorf("Open: %v", err)
				}
				var held *HeldError
				if errors.As(err, &held) {
					t.Errorf("Open: %v", err)
				}
			}
		})
	}
}
