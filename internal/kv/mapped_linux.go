package kv

import (
	"syscall"

	bolt "go.etcd.io/bbolt"
)

// unmap gives back the memory that the file of a snapshot takes in this process;
// the snapshot keeps the file from being mapped elsewhere meanwhile. The system
// keeps what it has cached of the file, and maps what is read again. It is
// advice: where it is not taken nothing changes.
func unmap(tx *bolt.Tx) {
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, tx.DB().Info().Data, uintptr(tx.Size()), syscall.MADV_DONTNEED)
}
