package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"crawl/internal/schedule"
	"crawl/internal/web"
	"crawl/store"

	"github.com/spf13/cobra"
)

// scheduleChange changes what is asked of a schedule, and returns the row for the
// history; nil if nothing changes.
type scheduleChange func(o *store.ScheduleOrder, now time.Time, who string) *store.ScheduleRow

func pauseSchedule(o *store.ScheduleOrder, now time.Time, who string) *store.ScheduleRow {
	if o.IsPaused() {
		return nil
	}
	o.Paused, o.PausedBy = now, who
	return &store.ScheduleRow{State: schedule.Paused}
}

func resumeSchedule(o *store.ScheduleOrder, now time.Time, _ string) *store.ScheduleRow {
	if !o.IsPaused() {
		return nil
	}
	o.Resumed = now
	return &store.ScheduleRow{State: schedule.Resumed}
}

// askSchedule has a schedule run now; its own row is made when it does.
func askSchedule(o *store.ScheduleOrder, now time.Time, who string) *store.ScheduleRow {
	o.Ask, o.AskedBy = now, who
	return nil
}

// orderSchedule makes a change, and returns what is asked of the schedule then.
func orderSchedule(ctx context.Context, st *store.Bolt, b *scheduleBlock, change scheduleChange, by string) (after store.ScheduleOrder, err error) {
	err = st.OrderSchedule(ctx, b.Name, func(o *store.ScheduleOrder) *store.ScheduleRow {
		now := time.Now()
		for _, before := range []time.Time{o.Paused, o.Resumed, o.Ask} { // what was asked last holds, also where the clock was set back
			if !now.After(before) {
				now = before.Add(1)
			}
		}
		row := change(o, now, by)
		if row != nil {
			row.Name, row.Site, row.Due, row.Decided, row.By = b.Name, b.Site, now, now, by
		}
		after = *o
		return row
	})
	return after, err
}

func newSchedulePause() *cobra.Command {
	return orderCommand("pause NAME", "Begin no more runs of a schedule for now", pauseSchedule, func(o *store.ScheduleOrder) string { return "paused by " + o.PausedBy })
}

func newScheduleResume() *cobra.Command {
	return orderCommand("resume NAME", "Go on with a schedule that was paused", resumeSchedule, func(*store.ScheduleOrder) string { return "not paused" })
}

// orderCommand makes a command that changes what is asked of a schedule.
func orderCommand(use, short string, change scheduleChange, said func(*store.ScheduleOrder) string) *cobra.Command {
	by := ""
	c := &cobra.Command{
		Use: use, Short: short, Args: exactlyOne("the schedule"),
		RunE: func(c *cobra.Command, args []string) error {
			blocks, err := schedulesFor(c)
			if err != nil {
				return err
			}
			b, err := findSchedule(blocks, args[0])
			if err != nil {
				return err
			}
			if by == "" { // whoever holds the store may be somebody else
				if err := c.Flags().Set("by", whoever()); err != nil {
					return err
				}
			}
			return withAnyStore(c, func(ctx context.Context, st *store.Bolt, _ string, s *Settings) error {
				after, err := orderSchedule(ctx, st, &b, change, by)
				if err != nil || s.Quiet {
					return err
				}
				next := ""
				if !after.IsPaused() {
					next = "; next: " + upcomingText(b.Job, 1)
				}
				_, err = fmt.Fprintf(c.ErrOrStderr(), "%s is %s%s\n", b.Name, plain(said(&after)), next)
				return err
			})
		},
	}
	c.Flags().StringVar(&by, "by", "", "say that `NAME` did it (default: the user)")
	addSettingsFlags(c.Flags(), "data", "quiet")
	return c
}

func newScheduleRun() *cobra.Command {
	by := ""
	c := &cobra.Command{
		Use: "run NAME", Short: "Run a schedule now", Args: exactlyOne("the schedule"),
		Long: `Crawl the site of a schedule now, as ` + "`crawl run SITE`" + ` does, and note it in the
schedule's history. Its usual times stay as they are. Where ` + "`crawl serve`" + ` runs it is
the one that crawls.`,
		RunE: func(c *cobra.Command, args []string) error {
			if by == "" { // whoever holds the store may be somebody else
				if err := c.Flags().Set("by", whoever()); err != nil {
					return err
				}
			}
			return runScheduleNow(c, args[0], by)
		},
	}
	c.Flags().StringVar(&by, "by", "", "say that `NAME` did it (default: the user)")
	addSettingsFlags(c.Flags(), "data", "memory", "output")
	return c
}

// askDaemon has the daemon that holds the store run a schedule.
func (h *holder) askDaemon(c *cobra.Command, b *scheduleBlock, by string) error {
	if h.asked == nil {
		return &exitError{exitStore, fault{What: "the store is held by a crawl, which runs no schedules", Next: "wait until it ends"}}
	}
	if _, err := orderSchedule(c.Context(), h.store, b, askSchedule, by); err != nil {
		return err
	}
	h.asked()
	_, err := fmt.Fprintf(c.ErrOrStderr(), "%s runs now, or when there is a place; see `crawl schedule history %s`\n", b.Name, b.Name)
	return err
}

func runScheduleNow(c *cobra.Command, name, by string) error {
	blocks, err := schedulesFor(c)
	if err != nil {
		return err
	}
	b, err := findSchedule(blocks, name)
	if err != nil {
		return err
	}
	if h := held(c.Context()); h != nil {
		return h.askDaemon(c, &b, by)
	}
	r, err := loadSettings(c.Flags(), b.Site)
	if err != nil {
		return err
	}
	warn(c, r)
	if err := askHolder(c, &r.Settings); !errors.Is(err, web.ErrNobody) && !errors.Is(err, web.ErrSilent) {
		return err
	}
	s := r.Settings
	seeds, err := readSeeds(&s, r.Seeds, c.InOrStdin())
	if err != nil {
		return err
	}
	o, err := newOrder(r, s, b.Site, seeds, false)
	if err != nil {
		return err
	}
	o.run.Schedule, o.run.Due = b.Name, o.run.Started
	err = crawl(c, o)
	if o.run.ID == 0 { // it was not begun
		return err
	}
	return errors.Join(noteRun(context.WithoutCancel(c.Context()), &o.s, o.run), err)
}

// noteRun writes a run that somebody asked for into the history of its schedule.
func noteRun(ctx context.Context, s *Settings, run *store.Run) (err error) {
	st, _, err := reopenStore(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	result := scheduledResult(run)
	row := store.ScheduleRow{
		Name: run.Schedule, Site: run.Site, Due: run.Due, Times: 1, State: schedule.Done, By: whoever(), Decided: run.Due,
		Started: run.Started, Ended: time.Now(), Run: result.Run, Result: result.Text,
	}
	if result.Failed {
		row.State = schedule.Failed
	}
	return st.SaveSchedules(ctx, nil, []store.ScheduleRow{row})
}
