//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package kv

import (
	"os"
	"syscall"
)

// unlock gives up the lock of a file that bbolt mapped and then panicked over:
// the mapping, which nobody can reach any more, would keep it.
func unlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }

// tryLock takes the lock that bbolt is about to take, if nobody has it.
func tryLock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
