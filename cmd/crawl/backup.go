package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
				front := frontier.NewBolt(filepath.Join(dir, "runs"))
				sum, err := backupAll(ctx, st, front, args[0])
				if errors.Is(err, store.ErrUnfit) {
					err = newUsageError("", err.Error(), "name another folder")
				}
				if err = errors.Join(err, front.Close()); err != nil {
					return err
				}
				return printBackup(c, s, sum)
			})
		},
	}
	addSettingsFlags(c.Flags(), "data", "json", "quiet")
	return c
}

// backupAll backs up a store with the queues of its unfinished runs. They are
// copied before the store is: pages that a queue does not know of are found
// again, pages that the store lacks would be lost. They get their place after it, for
// the same reason.
func backupAll(ctx context.Context, st *store.Bolt, front *frontier.Bolt, to string) (sum store.Backup, err error) {
	fresh := filepath.Join(to, "runs.new")
	if err := errors.Join(os.RemoveAll(fresh), os.MkdirAll(fresh, 0o700)); err != nil {
		return sum, err
	}
	for run, err := range st.Runs(ctx, "") {
		if err != nil {
			return sum, err
		}
		if query.Finished(run) {
			continue
		}
		if err := copyQueue(ctx, front, crawler.Name(run.ID), fresh); err != nil {
			return sum, err
		}
	}
	if sum, err = st.Backup(ctx, to); err != nil {
		return sum, errors.Join(err, os.RemoveAll(fresh))
	}
	err = errors.Join(kv.SyncDir(fresh), os.RemoveAll(filepath.Join(to, "runs")), os.Rename(fresh, filepath.Join(to, "runs")), kv.SyncDir(to))
	return sum, err
}

// copyQueue copies the queue of a run, if it has one.
func copyQueue(ctx context.Context, front *frontier.Bolt, name, to string) error {
	dir := filepath.Join(to, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	err := front.Copy(ctx, name, filepath.Join(dir, "frontier.db"))
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
	r, err := loadSettings(c.Flags(), "")
	if err != nil {
		return err
	}
	warn(c, r)
	dir, err := r.Settings.dataDir()
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
