package kv

import (
	"syscall"

	bolt "go.etcd.io/bbolt"
)

// unmap gives back the memory that the file of a snapshot takes in this process;
// the snapshot keeps the file from being mapped elsewhere meanwhile. The system
// keeps what it has cached of the file, and maps what is read again. It is
// advice: where it is not taken nothing changes.
func unmap(tx *bolt.Tx) { advise(tx, syscall.MADV_DONTNEED) }

// readAhead tells the system that the file is read as a whole, until the function
// returned is called: else it reads a page at a time, as bbolt asks it to.
func readAhead(tx *bolt.Tx) (end func()) {
	advise(tx, syscall.MADV_SEQUENTIAL)
	return func() { advise(tx, syscall.MADV_RANDOM) }
}

func advise(tx *bolt.Tx, what uintptr) {
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, tx.DB().Info().Data, uintptr(tx.Size()), what)
}
