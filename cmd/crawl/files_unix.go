//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
	"time"
)

// openFiles is how many files this process may have open at once. Go raises
// the soft limit to the hard one when a program starts.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<20 {
		return 1 << 20
	}
	return int(limit.Cur)
}

// lockPatience is how long somebody else's change of a config file is waited for.
const lockPatience = 5 * time.Second

// lockFolder waits until nobody else has a lock on a folder, and takes it: until
// the file returned is closed, or the process ends. It returns nil where there can
// be none, and where somebody has it for too long.
func lockFolder(dir string) *os.File {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	for end := time.Now().Add(lockPatience); ; time.Sleep(5 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f
		}
		if err != syscall.EWOULDBLOCK && err != syscall.EINTR || time.Now().After(end) {
			_ = f.Close() // nothing was written to it
			return nil
		}
	}
}

// keepOwner gives a file the owner of the one whose place it takes, where we may
// give it away: else a daemon could not read what root has changed.
func keepOwner(f *os.File, old fs.FileInfo) error {
	if old == nil || os.Geteuid() != 0 {
		return nil
	}
	was, ok := old.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return f.Chown(int(was.Uid), int(was.Gid))
}
