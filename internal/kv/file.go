package kv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// create makes a new file under another name and gives it its own when it is
// whole and durable.
func create(path string, o Options) error {
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		if err != nil {
			return fmt.Errorf("kv: %w", err)
		}
		return nil
	}
	fresh := fmt.Sprintf("%s.new%d", path, os.Getpid())
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) { // of a process that was killed
		return fmt.Errorf("kv: create %s: %w", path, err)
	}
	defer os.Remove(fresh)
	b, err := open(fresh, o)
	if err != nil {
		return err
	}
	if err := errors.Join(b.Sync(), b.Close()); err != nil {
		return fmt.Errorf("kv: create %s: %w", path, err)
	}
	if err := publish(fresh, path); err != nil {
		return fmt.Errorf("kv: create %s: %w", path, err)
	}
	return SyncDir(filepath.Dir(path))
}

// publish links: unlike rename, that does not replace a file that another
// process made meanwhile. Where the file system knows no links, it renames.
func publish(fresh, path string) error {
	err := os.Link(fresh, path)
	if err == nil || errors.Is(err, os.ErrExist) {
		return nil
	}
	return os.Rename(fresh, path)
}

// open opens a bbolt file. The list of free pages is kept in the file: without
// it bbolt walks the whole file at each open and after each failed commit, in
// a goroutine where a panic over a damaged page ends the process.
func open(path string, o Options) (b *bolt.DB, err error) {
	var file *os.File
	defer func() {
		if b == nil && file != nil {
			file.Close() // after a panic bbolt does not, and the lock would stay
		}
	}()
	defer caught(path, &err, debug.SetPanicOnFault(true))
	b, err = bolt.Open(path, 0o600, &bolt.Options{
		Timeout: o.LockWait, NoSync: o.NoSync, FreelistType: bolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag, mode)
			file = f
			return f, err
		},
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("kv: open %s: %w", path, ErrLocked)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, fmt.Errorf("kv: open %s: %w: %w", path, ErrDamaged, err)
	case err != nil:
		return nil, fmt.Errorf("kv: open %s: %w", path, err)
	}
	return b, nil
}

// whole refuses a file that was cut short: bbolt would read past its end.
func whole(b *bolt.DB) error {
	var want int64
	if err := b.View(func(tx *bolt.Tx) error { want = tx.Size(); return nil }); err != nil {
		return fmt.Errorf("kv: open %s: %w", b.Path(), err)
	}
	info, err := os.Stat(b.Path())
	if err != nil {
		return fmt.Errorf("kv: %w", err)
	}
	if info.Size() < want {
		return fmt.Errorf("kv: open %s: %w: it has %d bytes of %d", b.Path(), ErrDamaged, info.Size(), want)
	}
	return nil
}

// caught turns a panic of bbolt, which is how it reports a corrupt page, into
// an error; so also a fault while reading the mapped file, which
// debug.SetPanicOnFault made a panic. faults is what that returned.
func caught(path string, err *error, faults bool) {
	debug.SetPanicOnFault(faults)
	if r := recover(); r != nil {
		*err = fmt.Errorf("kv: %s: %w: %v", path, ErrDamaged, r)
	}
}

// SyncDir makes the names in dir durable.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("kv: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("kv: sync %s: %w", dir, err)
	}
	return nil
}
