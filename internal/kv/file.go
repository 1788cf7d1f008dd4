package kv

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// creating keeps two creators of one process from using the same other name.
var creating sync.Mutex

// create makes a new file under another name and gives it its own when it is
// whole and durable.
func create(path string, o Options) error {
	creating.Lock()
	defer creating.Unlock()
	if info, err := os.Stat(path); err == nil {
		return longEnough(path, info)
	} else if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("kv: %w", err)
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

// longEnough refuses a file without room for the two pages that bbolt begins
// with: it names no error for that. An empty file it makes a new one.
func longEnough(path string, info os.FileInfo) error {
	if size := info.Size(); info.Mode().IsRegular() && size > 0 && size < 2*int64(os.Getpagesize()) {
		return fmt.Errorf("kv: open %s: %w: it has %d bytes", path, ErrDamaged, size)
	}
	return nil
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
		if errors.Is(err, ErrDamaged) && file != nil { // after a panic bbolt does not
			err = errors.Join(err, unlock(file), file.Close())
		}
	}()
	defer caught(path, &err, debug.SetPanicOnFault(true))
	b, err = bolt.Open(path, 0o600, &bolt.Options{
		Timeout: o.LockWait, NoSync: o.NoSync, NoStatistics: true, FreelistType: bolt.FreelistMapType, InitialMmapSize: o.ahead(),
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag, mode)
			if err != nil {
				return nil, err
			}
			if tryLock(f) { // else another process holds it, of which bbolt will hear
				if err := listed(f); err != nil {
					return nil, errors.Join(err, f.Close())
				}
			}
			file = f
			return f, nil
		},
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("kv: open %s: %w", path, ErrLocked)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		file = nil // closed by bbolt
		return nil, fmt.Errorf("kv: open %s: %w: %w", path, ErrDamaged, err)
	case err != nil:
		return nil, fmt.Errorf("kv: open %s: %w", path, err)
	}
	if err := inPlace(path, file); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// listed refuses a file whose list of free pages cannot be as long as it says.
// bbolt believes it when it opens the file, and makes room for so many: a process
// without that much memory ends, and nothing can be done about it.
func listed(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	m, ok := newestMeta(f)
	if !ok || m.size > info.Size() { // which is told apart later
		return nil
	}
	w := walk{file: f, pageSize: m.pageSize, size: m.size}
	if err := w.freeList(int(m.transaction % 2)); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// ahead is Ahead where addresses are long enough for it.
func (o Options) ahead() int {
	if math.MaxInt == math.MaxInt32 {
		return 0
	}
	return int(o.Ahead)
}

// openWhole opens a file. Another process may have held it, and put another one
// in its place meanwhile.
func openWhole(path string, o Options) (*bolt.DB, error) {
	for {
		b, err := open(path, o)
		switch {
		case errors.Is(err, errReplaced):
			continue
		case errors.Is(err, syscall.ENOMEM) && o.Ahead > 0: // addresses are limited
			o.Ahead = 0
			continue
		case err != nil:
			return nil, err
		}
		if err := whole(b); err != nil {
			return nil, errors.Join(err, b.Close())
		}
		return b, nil
	}
}

var errReplaced = errors.New("kv: another file is in its place")

// inPlace sees that path names the file that was opened.
func inPlace(path string, f *os.File) error {
	opened, err := f.Stat()
	if err != nil {
		return fmt.Errorf("kv: %w", err)
	}
	if named, err := os.Stat(path); err != nil || !os.SameFile(opened, named) {
		return errReplaced
	}
	return nil
}

// whole refuses a file of which bbolt would read past the end: one that was
// cut short, or whose list of free pages is said to be longer than the file.
func whole(b *bolt.DB) error {
	if err := fits(b); err != nil {
		return fmt.Errorf("kv: open %s: %w", b.Path(), err)
	}
	return nil
}

func fits(b *bolt.DB) error {
	tx, err := b.Begin(false)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	f, err := os.Open(b.Path())
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < tx.Size() {
		return fmt.Errorf("%w: it has %d bytes of %d", ErrDamaged, info.Size(), tx.Size())
	}
	w := walk{file: f, pageSize: int64(b.Info().PageSize), size: tx.Size()}
	if err := w.freeList(tx.ID()); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
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
