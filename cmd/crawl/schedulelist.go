package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"crawl/internal/query"
	"crawl/internal/schedule"
	"crawl/store"

	"github.com/spf13/cobra"
)

func newScheduleList() *cobra.Command {
	var out tableOutput
	c := &cobra.Command{
		Use: "list [SITE]", Short: "List schedules: what is next, and what became of the last run", Args: atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			if err := out.check(c); err != nil {
				return err
			}
			return withSchedules(c, func(ctx context.Context, st *store.Bolt, blocks []scheduleBlock, s *Settings) error {
				return listSchedules(ctx, c, st, ofSite(blocks, strings.Join(args, "")), s, &out)
			})
		},
	}
	out.flags(c.Flags(), "table on a terminal, else tsv")
	addSettingsFlags(c.Flags(), "data", "quiet")
	return c
}

// ofSite are the schedules of a site; of all for "".
func ofSite(blocks []scheduleBlock, site string) (all []scheduleBlock) {
	for _, b := range blocks {
		if site == "" || b.Site == site {
			all = append(all, b)
		}
	}
	return all
}

func listSchedules(ctx context.Context, c *cobra.Command, st *store.Bolt, blocks []scheduleBlock, s *Settings, out *tableOutput) error {
	now := time.Now()
	views, err := viewSchedules(ctx, st, blocks, now)
	if err != nil {
		return err
	}
	columns, rows := query.ScheduleRows(views)
	if out.forPeople() {
		columns, rows = scheduleTable(blocks, views, now)
	}
	err = writeFile(out.file, c.OutOrStdout(), func(w io.Writer) error { return out.list(ctx, w, terminalWidth(c.OutOrStdout()), columns, rows) })
	if err == nil && out.forPeople() && !s.Quiet {
		fmt.Fprintln(c.ErrOrStderr(), scheduleSums(views))
	}
	return err
}

// scheduleTable are schedules as people read them.
func scheduleTable(blocks []scheduleBlock, views []query.Schedule, now time.Time) (columns []query.ColumnOf, rows [][]any) {
	for _, name := range []string{"name", "site", "when", "zone", "next", "last", "took", "result"} {
		columns = append(columns, query.ColumnOf{Name: name, Kind: query.Text})
	}
	for i, v := range views {
		when := v.Rule
		if jitter := jitterText(blocks[i].Job); jitter != "" {
			when += "  " + jitter
		}
		next := cmp.Or(dayText(v.Next, now), "never again")
		if v.PausedBy != "" {
			next = "paused by " + v.PausedBy
		}
		took := "–"
		switch {
		case !v.Ended.IsZero():
			took = elapsed(v.Ended.Sub(v.Last))
		case v.State == schedule.Running:
			took = elapsed(now.Sub(v.Last)) + " so far"
		}
		rows = append(rows, []any{v.Name, v.Site, when, v.Zone, next, cmp.Or(dayText(v.Last, now), "–"), took, cmp.Or(v.Result, "–")})
	}
	return columns, rows
}

// scheduleSums is the line below the list.
func scheduleSums(views []query.Schedule) string {
	counts := map[string]int{}
	for _, v := range views {
		counts[v.State]++
	}
	zone, _ := time.Now().Zone()
	if name := time.Local.String(); name != "Local" {
		zone = name
	}
	return fmt.Sprintf("%d schedules · %d running · %d waiting · %d paused · times shown in %s", len(views), counts[schedule.Running], counts[schedule.Waiting], counts[schedule.Paused], zone)
}

func newScheduleShow() *cobra.Command {
	c := &cobra.Command{
		Use: "show NAME", Short: "Say all about a schedule", Args: exactlyOne("the schedule"),
		RunE: func(c *cobra.Command, args []string) error {
			return withSchedules(c, func(ctx context.Context, st *store.Bolt, blocks []scheduleBlock, s *Settings) error {
				b, err := findSchedule(blocks, args[0])
				if err != nil {
					return err
				}
				return showSchedule(ctx, c.OutOrStdout(), st, b, s.JSON)
			})
		},
	}
	addSettingsFlags(c.Flags(), "data", "json", "quiet")
	return c
}

func showSchedule(ctx context.Context, out io.Writer, st *store.Bolt, b scheduleBlock, asJSON bool) error {
	now := time.Now()
	views, err := viewSchedules(ctx, st, []scheduleBlock{b}, now)
	if err != nil {
		return err
	}
	v := views[0]
	if asJSON {
		columns, rows := query.ScheduleRows(views)
		raw, err := rowJSON(columns, rows[0])
		if err != nil {
			return err
		}
		_, err = jsonLines{out}.Write(append(raw, '\n'))
		return err
	}
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(out, "  %-9s %s\n", name, plain(text))
		}
	}
	fmt.Fprintf(out, "%s, a schedule of %s\n", b.Name, b.Site)
	line("when", whenText(b.Job))
	if v.PausedBy != "" {
		line("paused", "by "+v.PausedBy)
	} else {
		line("next", upcomingText(b.Job, 3))
	}
	line("policy", missedText(b.Job)+" · "+overlapText(b.Job))
	line("last", dayText(v.Last, now))
	line("result", v.Result)
	line("written", b.where)
	return nil
}

func newScheduleNext() *cobra.Command {
	n := 10
	c := &cobra.Command{
		Use: "next [NAME]", Short: "List what comes next", Args: atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			if n < 1 || n > 10_000 {
				return newUsageError("--count", "there are 1 to 10000 of them", "")
			}
			return withSchedules(c, func(ctx context.Context, st *store.Bolt, blocks []scheduleBlock, _ *Settings) error {
				if len(args) > 0 {
					b, err := findSchedule(blocks, args[0])
					if err != nil {
						return err
					}
					blocks = []scheduleBlock{b}
				}
				return listNext(ctx, c.OutOrStdout(), st, blocks, n)
			})
		},
	}
	c.Flags().IntVar(&n, "count", n, "how many: `N`")
	addSettingsFlags(c.Flags(), "data", "quiet")
	return c
}

// listNext writes the next runs of all schedules that are not paused, a line
// each: when each begins, in its own zone.
func listNext(ctx context.Context, out io.Writer, st *store.Bolt, blocks []scheduleBlock, n int) error {
	views, err := viewSchedules(ctx, st, blocks, time.Now())
	if err != nil {
		return err
	}
	next := map[string]time.Time{} // the time that each is due next
	for i, b := range blocks {
		if due, ok := b.When.Next(time.Now()); ok && views[i].PausedBy == "" {
			next[b.Name] = due
		}
	}
	for range n {
		var first *scheduleBlock
		for i := range blocks {
			b := &blocks[i]
			if due, ok := next[b.Name]; ok && (first == nil || b.Begins(due).Before(first.Begins(next[first.Name]))) {
				first = b
			}
		}
		if first == nil {
			break
		}
		due := next[first.Name]
		if _, err := fmt.Fprintf(out, "%s  %s  %s\n", first.Begins(due).Format("Mon 2 Jan 2006 15:04:05 -0700"), first.When.Zone(), first.Name); err != nil {
			return err
		}
		if due, ok := first.When.Next(due); ok {
			next[first.Name] = due
		} else {
			delete(next, first.Name)
		}
	}
	return nil
}

func newScheduleHistory() *cobra.Command {
	var out tableOutput
	n := 20
	c := &cobra.Command{
		Use: "history NAME", Short: "List the times of a schedule, and what became of each", Args: exactlyOne("the schedule"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := out.check(c); err != nil {
				return err
			}
			if n < 1 {
				return newUsageError("--limit", "a number of rows is 1 or more", "")
			}
			return withSchedules(c, func(ctx context.Context, st *store.Bolt, blocks []scheduleBlock, s *Settings) error {
				return scheduleHistory(ctx, c, st, blocks, args[0], n, &out)
			})
		},
	}
	c.Flags().IntVar(&n, "limit", n, "the latest `N` of them")
	out.flags(c.Flags(), "table on a terminal, else tsv")
	addSettingsFlags(c.Flags(), "data", "quiet")
	return c
}

func scheduleHistory(ctx context.Context, c *cobra.Command, st *store.Bolt, blocks []scheduleBlock, name string, n int, out *tableOutput) error {
	var list []*store.ScheduleRow
	if st != nil {
		for row, err := range st.ScheduleRows(ctx, name) {
			if err != nil {
				return err
			}
			if list = append(list, row); len(list) == n {
				break
			}
		}
	}
	if _, err := findSchedule(blocks, name); err != nil && len(list) == 0 {
		return err
	}
	columns, rows := query.ScheduleHistory(list)
	if out.forPeople() {
		columns, rows = historyTable(list)
	}
	return writeFile(out.file, c.OutOrStdout(), func(w io.Writer) error { return out.list(ctx, w, terminalWidth(c.OutOrStdout()), columns, rows) })
}

// historyTable are the times of a schedule as people read them.
func historyTable(list []*store.ScheduleRow) (columns []query.ColumnOf, rows [][]any) {
	for _, name := range []string{"due", "state", "began", "took", "run", "result", "why"} {
		columns = append(columns, query.ColumnOf{Name: name, Kind: query.Text})
	}
	for _, r := range list {
		began, took, state := "", "", r.State
		if !r.Started.IsZero() {
			began = r.Started.Local().Format("15:04:05")
		}
		if !r.Ended.IsZero() {
			took = elapsed(r.Ended.Sub(r.Started))
		}
		if r.Times > 1 {
			state += fmt.Sprintf(" ×%d", r.Times)
		}
		why := r.Why
		if r.By != "" {
			why = strings.TrimSuffix("by "+r.By+"; "+why, "; ")
		}
		rows = append(rows, []any{r.Due.Local().Format("2006-01-02 15:04"), state, began, took, r.Run, r.Result, why})
	}
	return columns, rows
}
