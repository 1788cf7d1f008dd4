package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// HeldError says which process holds the store. Only one may.
type HeldError struct {
	Path    string
	PID     int // 0 if it cannot be told
	Command string
	Since   time.Time
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("store %s is held by another process", e.Path)
	}
	return fmt.Sprintf("store %s is held by pid %d %q since %s", e.Path, e.PID, e.Command, e.Since.Local().Format("15:04"))
}

// holderFile is where the process that has the store open names itself. The
// lock is on crawl.db: this only tells whom to look for.
func holderFile(dir string) string { return filepath.Join(dir, "holder.json") }

// hold names this process. A reader sees the old file or the new one.
func hold(dir, command string) error {
	raw, err := json.Marshal(HeldError{PID: os.Getpid(), Command: command, Since: time.Now()})
	if err != nil {
		return err
	}
	fresh := holderFile(dir) + ".new"
	if err := os.WriteFile(fresh, raw, 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, holderFile(dir))
}

// unhold must come before the lock is given up: afterwards the file may be
// another process's.
func unhold(dir string) error {
	if err := os.Remove(holderFile(dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Holder names the process that holds the store in dir, as far as it left word.
func Holder(dir string) error { return heldBy(dir) }

// heldBy returns the *HeldError for the store in dir.
func heldBy(dir string) error {
	held := &HeldError{}
	if raw, err := os.ReadFile(holderFile(dir)); err != nil || json.Unmarshal(raw, held) != nil {
		held = &HeldError{} // it is just being opened or closed: nobody to name
	}
	held.Path = dir
	return held
}
