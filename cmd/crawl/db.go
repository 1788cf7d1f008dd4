package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"crawl/crawler"
	"crawl/internal/search"
	"crawl/store"

	"github.com/spf13/cobra"
)

func newDBCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "db", Short: "Look after the store",
		Args: onlySubcommands,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	info := &cobra.Command{
		Use: "info", Short: "Say where the store lies and what it holds", Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			return withStore(c, func(ctx context.Context, st *store.Bolt, dir string, s *Settings) error {
				return printInfo(ctx, c.OutOrStdout(), st, dir, s.JSON)
			})
		},
	}
	check := &cobra.Command{
		Use: "check", Short: "Read everything in the store and say what is wrong",
		Long: `Read every page of the index and every record of the bodies: checksums and
digests are computed again, pointers followed, and counts made afresh, those
of unfinished queues too. Exit code 5 if anything is wrong.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			return withStore(c, func(ctx context.Context, st *store.Bolt, dir string, s *Settings) error {
				if held(ctx) != nil {
					return errCheckBeside
				}
				return checkStore(ctx, c, st, dir, s)
			})
		},
	}
	for _, sub := range []*cobra.Command{info, check} {
		addSettingsFlags(sub.Flags(), "data", "json", "quiet")
		c.AddCommand(reading(sub))
	}
	c.AddCommand(keeping(newPruneCommand()), keeping(newCompactCommand()), keeping(newBackupCommand()), newRestoreCommand())
	return c
}

// errCheckBeside: a check reads for long, and what is written meanwhile would look
// like faults.
var errCheckBeside = &exitError{exitStore, fault{
	What: "the store is being written to by the process that holds it, and a check would tell of faults that are none",
	Next: "check a copy: `crawl db backup DIR`, then `crawl db check --data DIR`; or wait until the process ends",
}}

// storeInfo is what `db info` tells; its JSON keys are for programs.
type storeInfo struct {
	Dir    string         `json:"store"`
	Index  uint64         `json:"index_bytes"`
	Bodies uint64         `json:"bodies_bytes"`
	Queues uint64         `json:"queues_bytes"`
	Search uint64         `json:"search_bytes"`
	Total  int            `json:"runs"`
	Going  int            `json:"removing"`
	States map[string]int `json:"states"`
}

func printInfo(ctx context.Context, out io.Writer, st *store.Bolt, dir string, asJSON bool) error {
	info := storeInfo{Dir: dir, States: map[string]int{}}
	if err := info.measure(); err != nil {
		return err
	}
	for run, err := range st.Runs(ctx, "") {
		if err != nil {
			return err
		}
		info.States[run.State]++
		info.Total++
	}
	var err error
	if info.Going, err = st.Removing(ctx); err != nil {
		return err
	}
	if asJSON {
		return writeJSON(out, info)
	}
	fmt.Fprintf(out, "store    %s\n", plain(dir))
	fmt.Fprintf(out, "index    %s\nbodies   %s\nqueues   %s\nsearch   %s\n", bytesText(info.Index), bytesText(info.Bodies), bytesText(info.Queues), bytesText(info.Search))
	if info.Going > 0 {
		fmt.Fprintf(out, "removing %s: `crawl db prune` goes on with it\n", countOf(info.Going, "run"))
	}
	_, err = fmt.Fprintf(out, "runs     %d: %d complete, %d partial, %d unfinished, %d empty\n", info.Total, info.States[store.Complete],
		info.States[store.Partial], info.States[store.Interrupted]+info.States[store.Running], info.States[store.Empty])
	return err
}

// measure adds up the files of the store.
func (i *storeInfo) measure() error {
	return filepath.WalkDir(i.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(i.Dir, path)
		if err != nil {
			return err
		}
		switch folder := filepath.Dir(rel); {
		case rel == indexFile:
			i.Index += uint64(file.Size())
		case strings.HasPrefix(rel, search.File): // and what SQLite has beside it
			i.Search += uint64(file.Size())
		case folder == "bodies":
			i.Bodies += uint64(file.Size())
		case filepath.Dir(folder) == "runs":
			i.Queues += uint64(file.Size())
		}
		return nil
	})
}

// checked is what `db check` tells.
type checked struct {
	Runs    int      `json:"runs"`
	Pages   int      `json:"pages"`
	Records int      `json:"records"`
	Bytes   uint64   `json:"bytes"`
	Queues  int      `json:"queues"`
	Faults  []string `json:"faults"`
}

// print writes it; without JSON a fault a line, the sum last.
func (r *checked) print(out io.Writer, asJSON, quiet bool) error {
	if asJSON {
		return writeJSON(out, r)
	}
	for _, f := range r.Faults {
		fmt.Fprintf(out, "%s\n", plain(f))
	}
	if quiet {
		return nil
	}
	_, err := fmt.Fprintf(out, "checked %s runs, %s pages, %s records of bodies (%s), %d queues: %s\n", grouped(uint64(r.Runs)),
		grouped(uint64(r.Pages)), grouped(uint64(r.Records)), bytesText(r.Bytes), r.Queues, verdict(len(r.Faults)))
	return err
}

// checkStore checks the store and every queue.
func checkStore(ctx context.Context, c *cobra.Command, st *store.Bolt, dir string, s *Settings) error {
	report, err := st.Check(ctx)
	if err != nil {
		return err
	}
	sum := checked{Runs: report.Runs, Pages: report.Pages, Records: report.Records, Bytes: uint64(report.Bytes), Faults: append([]string{}, report.Faults...)}
	for run, err := range st.Runs(ctx, "") {
		if err != nil {
			break // st.Check named it
		}
		if _, err := os.Stat(queueFile(dir, run)); err != nil {
			continue
		}
		sum.Queues++
		faults, err := checkQueue(ctx, st, dir, run)
		if err != nil {
			faults = append(faults, err.Error())
		}
		sum.Faults = append(sum.Faults, faults...)
	}
	if err := sum.print(c.OutOrStdout(), s.JSON, s.Quiet); err != nil {
		return err
	}
	if len(sum.Faults) > 0 {
		return &exitError{code: exitStore}
	}
	return nil
}

func verdict(faults int) string {
	switch faults {
	case 0:
		return "all is well"
	case 1:
		return "1 fault"
	}
	return fmt.Sprintf("%d faults", faults)
}

// checkQueue counts the queue of an unfinished run again, and sees that every
// URL it calls done has its page.
func checkQueue(ctx context.Context, st store.Store, dir string, run *store.Run) (faults []string, err error) {
	front, err := openQueue(ctx, dir, run)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, front.Close()) }()
	name := crawler.Name(run.ID)
	if faults, err = front.Check(ctx, name); err != nil {
		return faults, err
	}
	stats, err := front.Stats(name)
	if err != nil {
		return faults, err
	}
	var pages uint64
	for _, err := range st.Pages(ctx, run.ID) {
		if err != nil {
			return faults, err
		}
		pages++
	}
	if done := stats.Done + stats.Failed; pages < done {
		faults = append(faults, fmt.Sprintf("run %s: the queue calls %d URLs done, %d pages are kept", runName(run), done, pages))
	}
	return faults, nil
}
