//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestEditsAtOnce: commands that change one config file at the same time wait for
// one another, and none undoes what another did.
func TestEditsAtOnce(t *testing.T) {
	settingsWorld(t)
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte("sites:\n  a: {seeds: [https://a.example/]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const sites = 12
	var all sync.WaitGroup
	for n := range sites {
		all.Go(func() {
			root := newRoot()
			root.SetArgs([]string{"site", "add", fmt.Sprintf("s%d", n), "https://s.example/", "--config", path})
			root.SetOut(io.Discard)
			root.SetErr(io.Discard)
			if err := root.Execute(); err != nil {
				t.Errorf("s%d: %v", n, err)
			}
		})
	}
	all.Wait()
	text, err := os.ReadFile(path)
	if got := strings.Count(string(text), "https://s.example/"); err != nil || got != sites {
		t.Errorf("%d sites of %d were added: %v\n%s", got, sites, err, text)
	}
}

// TestEditsEndTheirLock: what one command in a process has changed the next one may
// change at once.
func TestEditsEndTheirLock(t *testing.T) {
	settingsWorld(t)
	path := filepath.Join(t.TempDir(), "config.yaml")
	for _, args := range [][]string{
		{"site", "add", "a", "https://a.example/"},
		{"site", "edit", "a", "--rate", "1/s"},
		{"schedule", "add", "a", "--every", "daily 03:00", "--name", "nightly"},
		{"schedule", "rm", "nightly"},
		{"mute", "broken", "a", "--until", "2099-01-31", "--reason", "known"},
		{"mute", "broken", "--until", "2099-01-31", "--reason", "known"},
		{"unmute", "broken", "a"},
		{"unmute", "broken"},
		{"site", "rm", "a"},
	} {
		root := newRoot()
		root.SetArgs(append(args, "--config", path))
		root.SetOut(io.Discard)
		root.SetErr(io.Discard)
		if err := root.Execute(); err != nil {
			t.Errorf("%q: %v", args, err)
		}
		dir, err := os.Open(filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			t.Errorf("%q: the folder is locked: %v", args, err)
		}
		dir.Close()
	}
}
