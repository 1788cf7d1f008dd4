package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

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
