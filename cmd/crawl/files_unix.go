//go:build unix

package main

import "syscall"

// openFiles is how many files this process may have open at once. Go raises
// the soft limit to the hard one when a program starts.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<20 {
		return 1 << 20
	}
	return int(limit.Cur)
}
