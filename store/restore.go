package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"crawl/internal/kv"
)

// A backup is copied into a folder in the store's own, and what is whole there
// gets its names: the index last, so that a store is there or none.
const restoreDir = "restoring"

// ErrExists: there is a store already.
var ErrExists = errors.New("there is a store already")

// Restore makes a store in dir of a backup. If there is one it returns ErrExists,
// unless it is told to put the backup in its place. After a crash the backup must
// be restored again; Open says so.
func Restore(ctx context.Context, from, dir string, overwrite bool) (err error) {
	defer wrap(&err, "restore %s from %s", dir, from)
	if _, err := os.Stat(filepath.Join(from, backupFile)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: it has no %s", ErrNotFound, backupFile)
	} else if err != nil {
		return err
	}
	if err := mayRestore(dir, overwrite); err != nil {
		return err
	}
	stage := filepath.Join(dir, restoreDir)
	if err := errors.Join(makeDir(dir), os.RemoveAll(stage)); err != nil {
		return err
	}
	if err := copyParts(ctx, from, stage); err != nil {
		return err
	}
	crashAt("copied")
	for _, name := range slices.Backward(parts) { // of the store that gives way
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if err := kv.SyncDir(dir); err != nil {
		return err
	}
	crashAt("cleared")
	for _, name := range parts {
		if err := os.Rename(filepath.Join(stage, name), filepath.Join(dir, name)); err != nil && !(name == "runs" && errors.Is(err, fs.ErrNotExist)) {
			return err
		}
		if err := kv.SyncDir(dir); err != nil {
			return err
		}
		crashAt("renamed")
	}
	return os.RemoveAll(stage)
}

// mayRestore refuses a folder with a store that nobody gave up, or that somebody uses.
func mayRestore(dir string, overwrite bool) error {
	_, err := os.Stat(filepath.Join(dir, File))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err = os.Stat(filepath.Join(dir, restoreDir)); err == nil {
			return nil // a restore was cut short
		}
		there, err := listSegments(filepath.Join(dir, "bodies"))
		if err == nil && len(there) > 0 && !overwrite {
			err = ErrExists
		}
		return err
	}
	if err != nil {
		return err
	}
	if !overwrite {
		return ErrExists
	}
	b, err := Open(dir, Options{Command: "restore"})
	var held *HeldError
	if errors.As(err, &held) {
		return err
	}
	if err == nil {
		return b.Close()
	}
	return nil // what is damaged may be replaced
}

// parts are what a store and a backup have in common, but for files of one
// process: the index comes last.
var parts = []string{"runs", "bodies", File}

// copyParts copies the parts of a store.
func copyParts(ctx context.Context, from, to string) error {
	if err := makeDir(to); err != nil {
		return err
	}
	for _, name := range parts {
		err := copyTree(ctx, filepath.Join(from, name), filepath.Join(to, name))
		if name == "runs" && errors.Is(err, fs.ErrNotExist) { // queues are not ours
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copyTree copies a file, or a folder with all in it, and makes it durable.
func copyTree(ctx context.Context, from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		at := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return makeDir(at)
		case !d.Type().IsRegular():
			return nil
		}
		if err := copyFile(ctx, path, at); err != nil {
			return err
		}
		return kv.SyncDir(filepath.Dir(at))
	})
}

func copyFile(ctx context.Context, path, to string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = copyRange(ctx, out, in, 0, info.Size())
	return errors.Join(err, out.Sync(), out.Close())
}

// restored refuses a folder in which a restore was cut short, and deletes what
// one left behind that was not.
func restored(dir string) error {
	stage := filepath.Join(dir, restoreDir)
	if _, err := os.Stat(stage); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, File)); err != nil {
		return fmt.Errorf("%s: a restore was cut short: restore the backup again", dir)
	}
	return os.RemoveAll(stage)
}
