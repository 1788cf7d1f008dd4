package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"crawl/crawler"
	"crawl/frontier"
	"crawl/internal/kv"
	"crawl/internal/query"
	"crawl/store"

	"github.com/spf13/cobra"
)

func newCompactCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "compact", Short: "Write the index anew, so that it takes no more room than it must",
		Long: `Write the index of the store into a new file, in full pages, and put it in the
place of the old one. While that is done the disk must have room for both. A
crash leaves the old file or the new one. Runs whose index is large and grew
much do it by themselves at their end.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			return withStore(c, func(ctx context.Context, st *store.Bolt, dir string, s *Settings) error {
				return compactStore(ctx, c, st, dir, s)
			})
		},
	}
	addSettingsFlags(c.Flags(), "data", "json", "quiet")
	return c
}

// compacted is what `db compact` tells.
type compacted struct {
	Before uint64 `json:"before_bytes"`
	After  uint64 `json:"after_bytes"`
}

func compactStore(ctx context.Context, c *cobra.Command, st *store.Bolt, dir string, s *Settings) error {
	var told compacted
	var err error
	if told.Before, err = indexSize(dir); err == nil {
		err = st.Compact(ctx)
	}
	if err == nil {
		told.After, err = indexSize(dir)
	}
	switch {
	case err != nil:
		return err
	case s.JSON:
		return writeJSON(c.OutOrStdout(), told)
	case s.Quiet:
		return nil
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "the index has %s instead of %s\n", bytesText(told.After), bytesText(told.Before))
	return err
}

func indexSize(dir string) (uint64, error) {
	info, err := os.Stat(filepath.Join(dir, indexFile))
	if err != nil {
		return 0, err
	}
	return uint64(info.Size()), nil
}

func newBackupCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "backup DIR", Short: "Copy the store and its queues to a folder",
		Long: `Copy the store to DIR, with the queues of runs that can be resumed. If DIR is
an earlier backup of the same store, what is there already is not copied again,
and it stays whole until the new one is. A backup is a store: --data DIR reads
it, ` + "`crawl db restore DIR`" + ` makes a store of it.`,
		Args: exactlyOne("DIR"),
		RunE: func(c *cobra.Command, args []string) error {
			return withStore(c, func(ctx context.Context, st *store.Bolt, dir string, s *Settings) error {
				sum, err := backupTo(ctx, st, dir, args[0])
				if errors.Is(err, store.ErrUnfit) {
					err = newUsageError("", err.Error(), "name another folder")
				}
				if err != nil {
					return err
				}
				return printBackup(c, s, sum)
			})
		},
	}
	addSettingsFlags(c.Flags(), "data", "json", "quiet")
	return c
}

// backupTo backs up a store to a folder that the user named.
func backupTo(ctx context.Context, st *store.Bolt, dir, to string) (sum store.Backup, err error) {
	if h := held(ctx); h != nil {
		sum, err = backupAll(ctx, st, h, h.path(to))
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
			err = &exitError{exitStore, fault{
				What: err.Error(),
				Next: "the process that holds the store writes the backup: name a folder that it may write to (under systemd see ReadWritePaths=)",
			}}
		}
		return sum, err
	}
	front := frontier.NewBolt(filepath.Join(dir, "runs"))
	sum, err = backupAll(ctx, st, front, to)
	return sum, errors.Join(err, front.Close())
}

// queues are what copies the queue of a run to a new file, see frontier.Bolt.
type queues interface {
	Copy(ctx context.Context, run, to string) error
}

// backupAll backs up a store with the queues of its unfinished runs. They are
// copied before the store is: pages that a queue does not know of are found
// again, pages that the store lacks would be lost. They get their places after it,
// for the same reason, one by one: each is the old one or the new one.
func backupAll(ctx context.Context, st *store.Bolt, front queues, to string) (sum store.Backup, err error) {
	fresh := filepath.Join(to, "runs.new")
	if sum, err = st.Backup(ctx, to, func(ctx context.Context) error { return copyQueues(ctx, st, front, fresh) }); err != nil {
		if errors.Is(err, store.ErrUnfit) { // nothing there is ours
			return sum, err
		}
		return sum, errors.Join(err, os.RemoveAll(fresh))
	}
	return sum, errors.Join(placeQueues(fresh, filepath.Join(to, "runs")), os.RemoveAll(fresh), kv.SyncDir(to))
}

func copyQueues(ctx context.Context, st *store.Bolt, front queues, fresh string) error {
	if err := errors.Join(os.RemoveAll(fresh), os.Mkdir(fresh, 0o700)); err != nil {
		return err
	}
	for run, err := range st.Runs(ctx, "") {
		if err != nil {
			return err
		}
		if query.Finished(run) {
			continue
		}
		if err := copyQueue(ctx, front, crawler.Name(run.ID), fresh); err != nil {
			return err
		}
	}
	return kv.SyncDir(fresh)
}

// placeQueues puts the queues of a folder in the place of those of another one, and
// deletes the others there.
func placeQueues(fresh, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	names, err := os.ReadDir(fresh)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, n := range names {
		wanted[n.Name()] = true
		at := filepath.Join(to, n.Name())
		if err := os.MkdirAll(at, 0o700); err != nil {
			return err
		}
		if err := errors.Join(os.Rename(filepath.Join(fresh, n.Name(), queueName), filepath.Join(at, queueName)), kv.SyncDir(at)); err != nil {
			return err
		}
	}
	if err := errors.Join(kv.SyncDir(to), kv.SyncDir(filepath.Dir(to))); err != nil {
		return err
	}
	old, err := os.ReadDir(to)
	if err != nil {
		return err
	}
	for _, n := range old {
		if !wanted[n.Name()] {
			err = errors.Join(err, os.RemoveAll(filepath.Join(to, n.Name())))
		}
	}
	return errors.Join(err, kv.SyncDir(to))
}

// copyQueue copies the queue of a run, if it has one.
func copyQueue(ctx context.Context, front queues, name, to string) error {
	dir := filepath.Join(to, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	err := front.Copy(ctx, name, filepath.Join(dir, queueName))
	if errors.Is(err, frontier.ErrNoRun) {
		return os.Remove(dir)
	}
	return errors.Join(err, kv.SyncDir(dir))
}

// backedUp is what `db backup` tells.
type backedUp struct {
	Index  int64 `json:"index_bytes"`
	Bodies int64 `json:"bodies_bytes"`
	Copied int64 `json:"copied_bytes"`
}

func printBackup(c *cobra.Command, s *Settings, sum store.Backup) error {
	switch {
	case s.JSON:
		return writeJSON(c.OutOrStdout(), backedUp(sum))
	case s.Quiet:
		return nil
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "backed up: index %s, bodies %s; %s of it were copied\n", bytesText(uint64(sum.Index)), bytesText(uint64(sum.Bodies)), bytesText(uint64(sum.Copied)))
	return err
}

func newRestoreCommand() *cobra.Command {
	var overwrite bool
	c := &cobra.Command{
		Use: "restore DIR", Short: "Make a store of a backup, and check it",
		Long: `Copy the backup in DIR to where the store lies, and check it as ` + "`crawl db check`" + `
does. A store that is there is not touched, unless --overwrite; what it has is
gone then.`,
		Args: exactlyOne("DIR"),
		RunE: func(c *cobra.Command, args []string) error { return restoreStore(c, args[0], overwrite) },
	}
	c.Flags().BoolVar(&overwrite, "overwrite", false, "put the backup in the place of the store that is there")
	addSettingsFlags(c.Flags(), "data", "json", "quiet")
	return c
}

func restoreStore(c *cobra.Command, from string, overwrite bool) error {
	_, dir, err := storeNamed(c)
	if err != nil {
		return err
	}
	err = store.Restore(c.Context(), from, dir, overwrite)
	switch {
	case errors.Is(err, store.ErrExists):
		return newUsageError("", err.Error(), "name another folder with --data DIR, or add --overwrite to lose that store")
	case errors.Is(err, store.ErrNotFound):
		return newUsageError("", quoted(from)+" is no backup", "make one with `crawl db backup DIR`")
	case err != nil:
		return &exitError{exitStore, err}
	}
	return withStore(c, func(ctx context.Context, st *store.Bolt, dir string, s *Settings) error {
		return checkStore(ctx, c, st, dir, s)
	})
}
