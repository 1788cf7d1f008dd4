package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestImage runs the program in what the image holds: nothing but itself and
// /data, as a user who may write nowhere else.
func TestImage(t *testing.T) {
	if testing.Short() || os.Getuid() != 0 {
		t.Skip("takes root, to change it")
	}
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

// TestNotify is a supervisor's view of the daemon.
func TestNotify(t *testing.T) {
	crawl, err := exec.LookPath("crawl")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "notify")
	if len(name) > 100 {
		name = fmt.Sprintf("@crawl-test-%d", os.Getpid())
	}
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	heard := func(want string) {
		t.Helper()
		_ = l.SetReadDeadline(time.Now().Add(patience))
		for b := make([]byte, 1000); ; {
			n, _, err := l.ReadFromUnix(b)
			if err != nil {
				t.Fatalf("%s was not heard: %v", want, err)
			}
			switch got := string(b[:n]); got {
			case want:
				return
			case notifyAlive: // again and again
			default:
				t.Fatalf("it said %s; wanted %s", got, want)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := exec.CommandContext(ctx, crawl, "serve", "--listen", "off", "--data", filepath.Join(dir, "data"))
	c.Dir, c.Env = dir, []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "NOTIFY_SOCKET=" + name, "WATCHDOG_USEC=100000"}
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	heard(notifyReady)
	heard(notifyAlive)
	for _, step := range []struct {
		signal syscall.Signal
		want   []string
	}{{syscall.SIGHUP, []string{notifyReloading, notifyReady}}, {syscall.SIGTERM, []string{notifyStopping}}} {
		if err := c.Process.Signal(step.signal); err != nil {
			t.Fatal(err)
		}
		for _, want := range step.want {
			heard(want)
		}
	}
	if err := c.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &said)
	}
}
