package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"crawl/internal/query"
	"crawl/internal/weburl"
	"crawl/store"

	"github.com/spf13/cobra"
)

func newResumeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "resume [RUN]",
		Short: "Go on with an interrupted run",
		Long:  `Go on with a run that was stopped, killed or cut off, with the settings it began with. Without RUN, the latest such run.`,
		Args:  atMostOne,
		RunE:  runResume,
	}
	c.Flags().Bool(dryFlag, false, "say which run would go on; crawl nothing")
	addSettingsFlags(c.Flags(), "data", "gate", "findings", "memory", "min_disk", "output")
	return c
}

func runResume(c *cobra.Command, args []string) error {
	r, err := loadSettings(c.Flags(), "")
	if err != nil {
		return err
	}
	warn(c, r)
	st, _, err := reopenStore(&r.Settings)
	var none *noStoreError
	if errors.As(err, &none) {
		return newUsageError("", "no run is left unfinished", err.Error())
	}
	if err != nil {
		return err
	}
	run, err := findResumable(c.Context(), st, args)
	if err = errors.Join(err, st.Close()); err != nil {
		return err
	}
	o, err := orderOf(run, &r.Settings)
	if err != nil {
		return err
	}
	if isDry(c.Flags()) {
		_, err := fmt.Fprintf(c.OutOrStdout(), "run %s would go on; it was begun %s and is %s\n", plain(runName(run)), run.Started.Local().Format("2 Jan 2006 15:04"), endText(run))
		return err
	}
	run.Daemon, run.Paused = false, false // whoever resumes it here sees to it
	if c.Flags().Changed("fail-on") {
		o.s.FailOn = r.Settings.FailOn
	}
	if o.s.Baseline = ""; c.Flags().Changed("baseline") { // else the run knows it by now
		o.s.Baseline = r.Settings.Baseline
	}
	defer serveAgain(run, o.seeds)()
	return crawl(c, o)
}

// sameAddresses refuses a run whose URLs another program knows by another
// rule: what it has seen would be new.
func sameAddresses(r *store.Run) error {
	var raw struct {
		Drop int `json:"drop"`
	}
	raw.Drop = 1 // of runs older than the number
	if err := json.Unmarshal(r.Settings, &raw); err != nil {
		return fmt.Errorf("settings of run %s: %w", runName(r), err)
	}
	if raw.Drop != weburl.DropVersion {
		return newUsageError("", fmt.Sprintf("run %s knows its URLs by rule %d, this program by rule %d", runName(r), raw.Drop, weburl.DropVersion), "resume it with the program that began it: "+plain(r.Program))
	}
	return nil
}

// findResumable finds the run that args name, or the latest that can go on.
func findResumable(ctx context.Context, st *store.Bolt, args []string) (*store.Run, error) {
	if len(args) == 1 {
		run, err := findRun(ctx, st, args[0])
		if err != nil {
			return nil, err
		}
		if live, err := findRun(ctx, st, run.Site+"@live"); err == nil && (strings.Contains(args[0], "://") || !strings.ContainsAny(args[0], "@~")) {
			return live, nil
		}
		if !resumable(run) {
			return nil, newUsageError("", fmt.Sprintf("run %s is %s: nothing is left of it to do", runName(run), run.State), "begin a new one with `crawl run`")
		}
		return run, nil
	}
	for run, err := range st.Runs(ctx, "") {
		if err != nil {
			return nil, err
		}
		if resumable(run) {
			return run, nil
		}
	}
	return nil, newUsageError("", "no run is left unfinished", "begin one with `crawl run URL`")
}

func resumable(r *store.Run) bool { return !query.Finished(r) }
