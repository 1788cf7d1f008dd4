package main

import (
	"os"
	"syscall"
)

// shrink makes a pipe hold one page.
func shrink(pipe *os.File) error {
	const setPipeSize = 1031 // F_SETPIPE_SZ
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, pipe.Fd(), setPipeSize, 4096); errno != 0 {
		return os.NewSyscallError("fcntl", errno)
	}
	return nil
}
