//go:build unix

package crawler

import (
	"syscall"
	"time"
)

// cpuTime is what the process has taken of its processors, in it and in the
// system on its behalf.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
