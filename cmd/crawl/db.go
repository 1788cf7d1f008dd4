package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"crawl/crawler"
	"crawl/frontier"
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
			return withStore(c, func(ctx context.Context, st *store.Bolt, dir string, _ *Settings) error {
				return printInfo(ctx, c, st, dir)
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
			return withStore(c, func(ctx context.Context, st *store.Bolt, dir string, _ *Settings) error {
				return checkStore(ctx, c, st, dir)
			})
		},
	}
	for _, sub := range []*cobra.Command{info, check} {
		addSettingsFlags(sub.Flags(), "data", "output")
		c.AddCommand(sub)
	}
	return c
}

func printInfo(ctx context.Context, c *cobra.Command, st store.Store, dir string) error {
	sizes := map[string]uint64{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		switch top, _ := filepath.Split(rel); {
		case rel == indexFile:
			sizes["index"] += uint64(info.Size())
		case filepath.Clean(top) == "bodies":
			sizes["bodies"] += uint64(info.Size())
		case filepath.Dir(filepath.Clean(top)) == "runs":
			sizes["queues"] += uint64(info.Size())
		}
		return nil
	})
	if err != nil {
		return err
	}
	states := map[string]int{}
	total := 0
	for run, err := range st.Runs(ctx, "") {
		if err != nil {
			return err
		}
		states[run.State]++
		total++
	}
	out := c.OutOrStdout()
	fmt.Fprintf(out, "store    %s\n", plain(dir))
	fmt.Fprintf(out, "index    %s\nbodies   %s\nqueues   %s\n", bytesText(sizes["index"]), bytesText(sizes["bodies"]), bytesText(sizes["queues"]))
	_, err = fmt.Fprintf(out, "runs     %d: %d complete, %d partial, %d unfinished, %d empty\n", total,
		states[store.Complete], states[store.Partial], states[store.Interrupted]+states[store.Running], states[store.Empty])
	return err
}

// checkStore checks the store and every queue.
func checkStore(ctx context.Context, c *cobra.Command, st *store.Bolt, dir string) error {
	report, err := st.Check(ctx)
	if err != nil {
		return err
	}
	queues := 0
	for run, err := range st.Runs(ctx, "") {
		if err != nil {
			break // st.Check named it
		}
		if _, err := os.Stat(queueFile(dir, run)); err != nil {
			continue
		}
		queues++
		faults, err := checkQueue(ctx, st, dir, run)
		if err != nil {
			faults = append(faults, err.Error())
		}
		report.Faults = append(report.Faults, faults...)
	}
	out := c.OutOrStdout()
	for _, f := range report.Faults {
		fmt.Fprintf(out, "%s\n", plain(f))
	}
	fmt.Fprintf(out, "checked %s runs, %s pages, %s records of bodies (%s), %d queues: %s\n", grouped(uint64(report.Runs)),
		grouped(uint64(report.Pages)), grouped(uint64(report.Records)), bytesText(uint64(report.Bytes)), queues, verdict(len(report.Faults)))
	if len(report.Faults) > 0 {
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
	front := frontier.NewBolt(filepath.Join(dir, "runs"))
	defer func() { err = errors.Join(err, front.Close()) }()
	name := crawler.Name(run.ID)
	if err := front.Open(ctx, name, frontier.Config{}); err != nil {
		return nil, err
	}
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
