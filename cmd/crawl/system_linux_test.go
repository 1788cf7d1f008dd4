//go:build system

package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tests of this file need more of the machine than Go: `make system` runs
// them. What is missing fails them.

func wantsRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("only root may change the root of a process and mount a volume: run `sudo make system`")
	}
}

// TestSystemUnit has systemd verify the unit.
func TestSystemUnit(t *testing.T) {
	unit := readDist(t, "crawl.service")
	verify, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatal("systemd-analyze is missing: apt-get install systemd")
	}
	crawl, err := exec.LookPath("crawl")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "crawl.service")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(unit, "/usr/bin/crawl", crawl)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(verify, "verify", "--man=no", file).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	if help, err := exec.Command(verify, "--help").CombinedOutput(); err == nil && strings.Contains(string(help), "--threshold") {
		if out, err := exec.Command(verify, "security", "--offline=true", "--threshold=20", file).CombinedOutput(); err != nil {
			t.Errorf("the service may do more than it needs: %v\n%s", err, out)
		}
	}
}

// TestSystemImage runs the program in what the image holds: nothing but itself and
// /data, as a user who may write nowhere else.
func TestSystemImage(t *testing.T) {
	wantsRoot(t)
	last, _ := dockerfile(t)
	user, _, _ := strings.Cut(last["USER"][0], ":")
	id, err := strconv.Atoi(user)
	if err != nil {
		t.Fatal(err)
	}
	file := buildStatic(t)
	wantsStatic(t, file)
	root := filepath.Dir(file)
	for dir := root; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) { // who is not root passes through
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(root, "data"), id, id); err != nil {
		t.Fatal(err)
	}
	inside := func(args ...string) (*exec.Cmd, *talk) {
		c := exec.Command("/crawl", args...)
		c.Path, c.Dir, c.Env = "/crawl", "/", []string{"CRAWL_DATA=/data", "CRAWL_LISTEN=127.0.0.1:0"}
		c.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uint32(id), Gid: uint32(id)}}
		said := &talk{more: make(chan struct{}, 1)}
		c.Stderr = said
		return c, said
	}
	daemon, said := inside("serve")
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- daemon.Wait() }()
	for !strings.Contains(said.String(), "msg=ready") {
		select {
		case <-said.more:
		case err := <-ended:
			t.Fatalf("it ended: %v\n%s", err, said)
		}
	}
	health, words := inside("status", "-q")
	if err := health.Run(); err != nil {
		t.Errorf("the health check: %v\n%s", err, words)
	}
	if err := daemon.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("told to stop: %v\n%s", err, said)
	}
	if health, _ := inside("status", "-q"); health.Run() == nil {
		t.Error("the health check is content with a daemon that has gone")
	}
}

// TestSystemDiskFills: a run on a real volume waits by itself while that has too
// little room, and goes on when there is more.
func TestSystemDiskFills(t *testing.T) {
	t.Parallel()
	wantsRoot(t)
	web := crashWeb(800, 20)
	web.BodySize, web.Slow = 20_000, 0
	o := newOrdeal(t, serveCrashSite(t, web), buildCrawl(t), time.Millisecond)
	o.machine = []string{"--min-disk", "50%"}
	room := smallDisk(t, o)
	room(6)
	c := o.start(t)
	c.says(t, "note: paused: ")
	room(400)
	if code := c.exit(t, time.Minute); code != exitDone {
		t.Errorf("exit %d", code)
	}
	if talk := c.talk.String(); !strings.Contains(talk, "goes on") || strings.Contains(talk, "no space left") {
		t.Errorf("it says\n%s", talk)
	}
	o.whole(t, "complete")
	o.true(t, resultOf(t, o.bin, o.data))
}

// buildStatic builds the program as the image does, but for the paths in it.
func buildStatic(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "crawl")
	build := exec.Command("go", "build", "-o", file, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return file
}

// wantsStatic sees that a program needs no other file to start.
func wantsStatic(t *testing.T, file string) {
	t.Helper()
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	libraries, err := f.ImportedLibraries()
	if len(libraries) > 0 || err != nil {
		t.Errorf("it needs %v, %v", libraries, err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it needs a loader")
		}
	}
}
