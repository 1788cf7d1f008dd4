package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"crawl/internal/web"
	"crawl/store"

	"github.com/spf13/cobra"
)

// withLive asks whoever crawls into the store that the settings name.
func withLive(c *cobra.Command, do func(context.Context, *web.Client, *Settings) error) error {
	s, dir, err := storeNamed(c)
	if err != nil {
		return err
	}
	return steerError(dir, do(c.Context(), web.NewClient(dir), s))
}

// steerError says what to do where nobody could be asked, or somebody refused.
func steerError(dir string, err error) error {
	var told *web.Error
	switch {
	case errors.Is(err, web.ErrNobody), errors.Is(err, web.ErrCut): // or it is just ending
		return &exitError{exitNobody, fault{What: "no run goes on in " + dir, Next: "begin one with `crawl run URL`, go on with one with `crawl resume`, or name another store with --data DIR"}}
	case errors.Is(err, web.ErrSilent):
		return &exitError{exitNobody, fmt.Errorf("%w; it does not answer on its socket", store.Holder(dir))}
	case errors.As(err, &told) && told.Status == 409:
		return &exitError{exitNobody, told}
	case errors.As(err, &told):
		return newUsageError("", told.What, told.Next)
	}
	return err
}

// liveName is what the server calls the run that args name; the only one if none.
func liveName(args []string) string { return cmp.Or(strings.Join(args, ""), "@live") }

func newStatusCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "status", Short: "Say what goes on in the store, and how fast",
		Long: `Say which process holds the store and how far its runs are. The exit code is 6 if
nobody holds it, or whoever does gives no answer; a daemon may have no run to tell of.`,
		Example: "  crawl status\n  crawl status --json | jq .runs[].rate",
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			return withLive(c, func(ctx context.Context, client *web.Client, s *Settings) error {
				status, err := client.Status(ctx)
				switch {
				case err != nil:
					return err
				case s.JSON:
					return writeJSON(c.OutOrStdout(), status)
				case s.Quiet:
					return nil
				}
				return printStatus(c.OutOrStdout(), status)
			})
		},
	}
	addSettingsFlags(c.Flags(), "data", "json", "quiet")
	return c
}

func printStatus(out io.Writer, s *web.Status) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "pid %d %q since %s\n", s.PID, plain(s.Command), s.Since.Local().Format("2 Jan 15:04"))
	for i := range s.Runs {
		printProgress(w, &s.Runs[i])
	}
	return w.Flush()
}

func printProgress(w io.Writer, p *web.Progress) {
	fmt.Fprintf(w, "%s  %s  fetched %s  queued %s  skipped %s  found %s  %.1f/s\n",
		plain(p.Run), p.State, grouped(p.Fetched), grouped(p.Queued), grouped(p.Skipped), grouped(p.Found), p.Rate)
	if p.Limited != nil {
		fmt.Fprintf(w, "  limited by %s\n", plain(p.Limited.Text))
	}
}

func newPauseCommand() *cobra.Command {
	return newSteerCommand("pause", "Have a run that goes on ask for nothing more, until it is unpaused", "paused; crawl unpause has it go on")
}

func newUnpauseCommand() *cobra.Command {
	return newSteerCommand("unpause", "Have a paused run go on", "goes on")
}

func newStopCommand() *cobra.Command {
	return newSteerCommand("stop", "Stop a run that goes on, as Ctrl-C does: it can be resumed", "stops; crawl resume goes on with it")
}

// newSteerCommand makes a command of something that a run can be told.
func newSteerCommand(verb, short, done string) *cobra.Command {
	c := &cobra.Command{
		Use: verb + " [RUN]", Short: short, Args: atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			return withLive(c, func(ctx context.Context, client *web.Client, s *Settings) error {
				p, err := client.Steer(ctx, liveName(args), verb)
				switch {
				case err != nil:
					return err
				case s.JSON:
					return writeJSON(c.OutOrStdout(), p)
				case !s.Quiet:
					fmt.Fprintf(c.ErrOrStderr(), "%s %s\n", plain(p.Run), done)
				}
				return nil
			})
		},
	}
	addSettingsFlags(c.Flags(), "data", "json", "quiet")
	return c
}

func newTuneCommand() *cobra.Command {
	var t web.Tuning
	c := &cobra.Command{
		Use: "tune [RUN]", Short: "Change rate and patterns of a run that goes on",
		Long: `Change how fast a run that goes on asks, and what it leaves out. ` + "`crawl resume`" + ` has
it so, too. A URL that is queued and now left out is skipped when its turn comes; one
that was left out and no longer is, is taken when a page links to it again.`,
		Example: `  crawl tune --rate 1/s
  crawl tune acme --rate 10/m --host blog.acme.example
  crawl tune acme --exclude '/calendar/*' --drop-exclude '/archive/*'`,
		Args: atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			if t.Rate == "" && len(t.Exclude)+len(t.DropExclude) == 0 {
				return newUsageError("", "what is to change?", "say --rate, --exclude or --drop-exclude")
			}
			return withLive(c, func(ctx context.Context, client *web.Client, s *Settings) error {
				after, err := client.Tune(ctx, liveName(args), &t)
				switch {
				case err != nil:
					return err
				case s.JSON:
					return writeJSON(c.OutOrStdout(), after)
				case !s.Quiet:
					printTuned(c.ErrOrStderr(), after)
				}
				return nil
			})
		},
	}
	fl := c.Flags()
	fl.StringVar(&t.Rate, "rate", "", "`RATE` at which a host is asked: 4/s, 30/m, 1/h or adaptive")
	fl.StringVar(&t.Host, "host", "", "the rate is for this `HOST` alone")
	fl.StringArrayVar(&t.Exclude, "exclude", nil, "leave out URLs matching `GLOB`, written as for crawl run; repeatable")
	fl.StringArrayVar(&t.DropExclude, "drop-exclude", nil, "leave out no longer what matches `GLOB`, a pattern that the run has; repeatable")
	addSettingsFlags(fl, "data", "json", "quiet")
	return c
}

func printTuned(talk io.Writer, t *web.Tuned) {
	text := "rate " + t.Rate
	for _, host := range slices.Sorted(maps.Keys(t.Hosts)) {
		text += ", " + host + " " + t.Hosts[host]
	}
	text += "; excludes "
	if len(t.Exclude) == 0 {
		text += "nothing"
	}
	fmt.Fprintf(talk, "%s: %s\n", plain(t.Run), plain(text+strings.Join(t.Exclude, " ")))
}
