//go:build linux || darwin

package main

import "syscall"

// freeSpace returns how many bytes are free on the volume of a path, for
// everybody, and how many it has.
func freeSpace(path string) (free, volume uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, 0, err
	}
	size := uint64(s.Bsize)
	return s.Bavail * size, s.Blocks * size, nil
}
