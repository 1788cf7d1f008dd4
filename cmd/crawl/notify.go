package main

import (
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// What systemd is told; see sd_notify(3).
const (
	notifyReady     = "READY=1"
	notifyReloading = "RELOADING=1"
	notifyStopping  = "STOPPING=1"
	notifyAlive     = "WATCHDOG=1"
)

// notify tells whoever supervises the process something, if anybody does.
func notify(states ...string) error {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"}) // @ begins a name without a file
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte(strings.Join(states, "\n")))
	return err
}

// watchdogEvery is how often the supervisor wants to hear that the process is
// alive, half of it to be sure; 0 if it does not.
func watchdogEvery() time.Duration {
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	n, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || n <= 0 {
		return 0
	}
	return time.Duration(n) * time.Microsecond / 2
}
