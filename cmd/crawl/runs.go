package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"crawl/crawler"
	"crawl/frontier"
	"crawl/internal/query"
	"crawl/internal/schedule"
	"crawl/store"

	"github.com/spf13/cobra"
)

// runName is what people call a run: acme@43.
func runName(r *store.Run) string { return query.RunName(r) }

var errNoRun = newUsageError("", query.ErrNoRuns.Error(), "crawl something: crawl run https://example.com")

// findRun finds the run that people call name; see query.FindRun.
func findRun(ctx context.Context, st *store.Bolt, name string) (*store.Run, error) {
	run, err := query.FindRun(ctx, st, name, time.Now())
	var none *query.NameError
	switch {
	case errors.Is(err, query.ErrNoRuns):
		return nil, errNoRun
	case errors.As(err, &none):
		return nil, noSuchRun{runNameFault(none)}
	}
	return run, err
}

// noSuchRun is what is wrong with a name that names no run.
type noSuchRun struct{ error }

func (e noSuchRun) Unwrap() error { return e.error }

// runNameFault says what to do about a name that names no run.
func runNameFault(e *query.NameError) error {
	next := ""
	switch {
	case len(e.Sites) > 0:
		next = didYouMean(e.Site, e.Sites, "see `crawl runs`")
	case e.Site != "":
		next = "see `crawl runs " + e.Site + "`"
	case !strings.Contains(e.Name, "://"):
		next = "write SITE, SITE@NUMBER, SITE~HOW-MANY-BACK, SITE@DAY or SITE@live"
	}
	return newUsageError("", e.What, next)
}

func newRunsCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "runs [SITE]", Short: "List runs, newest first", Args: atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			err := withStore(c, func(ctx context.Context, st *store.Bolt, _ string, s *Settings) error {
				return listRuns(ctx, st, strings.Join(args, ""), s.JSON, c.OutOrStdout())
			})
			var none *noStoreError
			if errors.As(err, &none) && len(args) == 0 { // a list that is empty is no fault
				fmt.Fprintf(c.ErrOrStderr(), "%s\n", plain(err.Error()))
				return nil
			}
			return err
		},
	}
	addSettingsFlags(c.Flags(), "data", "json", "quiet")
	return c
}

func listRuns(ctx context.Context, st *store.Bolt, site string, asJSON bool, out io.Writer) error {
	if site != "" { // which one may be named by any of its runs
		run, err := findRun(ctx, st, site)
		if err != nil {
			return err
		}
		site = run.Site
	}
	w := tabwriter.NewWriter(out, 2, 0, 2, ' ', 0)
	if !asJSON {
		fmt.Fprintln(w, "RUN\tSTATE\tSTARTED\tTOOK\tURLS\t2XX\t3XX\t4XX\t5XX\tNONE\tSKIPPED\tCHANGES")
	}
	not, err := notRun(ctx, st, site)
	if err != nil {
		return err
	}
	show := func(r *store.ScheduleRow) error {
		if asJSON {
			return writeJSON(out, notRunJSON{"not_run", r.Name, r.Site, r.State, r.Due, max(r.Times, 1), r.Why})
		}
		_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", plain(r.Site+" –"), r.State, r.Due.Local().Format("2006-01-02 15:04"), plain(timesText(r)+r.Name+": "+r.Why))
		return err
	}
	for run, err := range st.Runs(ctx, site) {
		if err != nil {
			return err
		}
		if h := held(ctx); h != nil {
			if live := h.live(run.ID); live != nil {
				run = live.Run
			}
		}
		for ; len(not) > 0 && not[0].Due.After(run.Started); not = not[1:] {
			if err := show(not[0]); err != nil {
				return err
			}
		}
		if asJSON {
			base, err := query.Baseline(ctx, st, run)
			if err == nil {
				err = writeJSON(out, newSummary(run, base, exitOf(run, nil)))
			}
			if err != nil {
				return err
			}
			continue
		}
		c := run.Counts
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", plain(runName(run)), run.State, run.Started.Local().Format("2006-01-02 15:04"),
			elapsed(time.Duration(run.Active)), c.Done+c.Failed, c.Status[2], c.Status[3], c.Status[4], c.Status[5], c.Status[0], c.Found-c.Done-c.Failed-c.Queued, briefChanges(run.Changes))
	}
	for _, r := range not {
		if err := show(r); err != nil {
			return err
		}
	}
	return w.Flush()
}

// notRunJSON is a time of a schedule at which nothing was crawled.
type notRunJSON struct {
	Type     string    `json:"type"`
	Schedule string    `json:"schedule"`
	Site     string    `json:"site"`
	State    string    `json:"state"`
	Due      time.Time `json:"due"`
	Times    int       `json:"times"`
	Why      string    `json:"why"`
}

// timesText is how often something was so, if more than once.
func timesText(r *store.ScheduleRow) string {
	if r.Times > 1 {
		return fmt.Sprintf("%d times; ", r.Times)
	}
	return ""
}

// notRun are the times of schedules, of one site or of all, that were skipped or
// missed, the latest first.
func notRun(ctx context.Context, st *store.Bolt, site string) (all []*store.ScheduleRow, err error) {
	names, err := st.ScheduledNames(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		for row, err := range st.ScheduleRows(ctx, name) {
			if err != nil {
				return nil, err
			}
			if (row.State == schedule.Skipped || row.State == schedule.Missed) && (site == "" || row.Site == site) {
				all = append(all, row)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *store.ScheduleRow) int { return b.Due.Compare(a.Due) })
	return all, nil
}

func newShowCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "show [RUN]", Short: "Show the summary of a run again", Args: atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			return withRun(c, args, func(ctx context.Context, st *store.Bolt, run *store.Run, s *Settings) error {
				base, err := query.Baseline(ctx, st, run)
				if err != nil {
					return err
				}
				code := exitOf(run, nil)
				if !s.JSON {
					printSummary(c.OutOrStdout(), run, base, code)
					return nil
				}
				return writeJSON(c.OutOrStdout(), newSummary(run, base, code))
			})
		},
	}
	addSettingsFlags(c.Flags(), "data", "json", "quiet")
	return c
}

// withStore opens the store for one command. A command that reads is answered by
// whoever holds the store, if that is another process.
func withStore(c *cobra.Command, do func(context.Context, *store.Bolt, string, *Settings) error) error {
	return withStoreFrom(c, openOrAsk, do)
}

// withAnyStore is withStore for commands that make a store where none is.
func withAnyStore(c *cobra.Command, do func(context.Context, *store.Bolt, string, *Settings) error) error {
	return withStoreFrom(c, func(c *cobra.Command, s *Settings) (*store.Bolt, string, error) {
		st, dir, err := openOrAsk(c, s)
		var none *noStoreError
		if errors.As(err, &none) {
			return openStore(s)
		}
		return st, dir, err
	}, do)
}

func withStoreFrom(c *cobra.Command, open func(*cobra.Command, *Settings) (*store.Bolt, string, error), do func(context.Context, *store.Bolt, string, *Settings) error) (err error) {
	if h := held(c.Context()); h != nil {
		return do(c.Context(), h.store, h.dir, &h.settings)
	}
	r, err := loadSettings(c.Flags(), "")
	if err != nil {
		return err
	}
	warn(c, r)
	st, dir, err := open(c, &r.Settings)
	if err != nil || st == nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return do(c.Context(), st, dir, &r.Settings)
}

// withRun opens the store for one command about one run. What the queue of an
// unfinished run knows is taken into the store first.
func withRun(c *cobra.Command, args []string, do func(context.Context, *store.Bolt, *store.Run, *Settings) error) error {
	return withStore(c, func(ctx context.Context, st *store.Bolt, dir string, s *Settings) error {
		run, err := settledRun(ctx, st, dir, strings.Join(args, ""))
		if err != nil {
			return err
		}
		return do(ctx, st, run, s)
	})
}

// settledRun finds a run by its name, with what its queue knows.
func settledRun(ctx context.Context, st *store.Bolt, dir, name string) (*store.Run, error) {
	run, err := findRun(ctx, st, name)
	if err != nil {
		return nil, err
	}
	return upToDate(ctx, st, dir, run)
}

// upToDate is a run with what its queue knows.
func upToDate(ctx context.Context, st *store.Bolt, dir string, run *store.Run) (*store.Run, error) {
	if h := held(ctx); h != nil {
		return h.now(ctx, run)
	}
	if run.State != store.Running {
		return run, nil
	}
	return run, settle(ctx, st, dir, run)
}

// settle brings the rows of a run that was cut off up to date with its queue.
func settle(ctx context.Context, st store.Store, dir string, run *store.Run) (err error) {
	if _, err := os.Stat(queueFile(dir, run)); errors.Is(err, os.ErrNotExist) {
		return nil // it was cut off before its queue was made
	}
	front, err := openQueue(ctx, dir, run)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, front.Close()) }()
	if err := crawler.Settle(ctx, front, st, run); err != nil {
		return err
	}
	return st.Update(ctx, run)
}

// forgetful is frontier.Config.KnownBytes for whoever hands no links in.
const forgetful = 1

// openQueue opens the queue of a run that is not crawled just now.
func openQueue(ctx context.Context, dir string, run *store.Run) (*frontier.Bolt, error) {
	front := frontier.NewBolt(filepath.Join(dir, "runs"))
	if err := front.Open(ctx, crawler.Name(run.ID), frontier.Config{KnownBytes: forgetful}); err != nil {
		return nil, errors.Join(err, front.Close())
	}
	return front, nil
}

// queueName is the file of a queue, in the folder of its run.
const queueName = "frontier.db"

// queueFile is where a run's queue lies.
func queueFile(dir string, run *store.Run) string {
	return filepath.Join(dir, "runs", crawler.Name(run.ID), queueName)
}
