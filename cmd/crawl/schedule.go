package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"crawl/internal/query"
	"crawl/internal/schedule"
	"crawl/store"

	"github.com/spf13/cobra"
)

func newScheduleCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "schedule", Short: "Crawl sites again and again, when it suits",
		Long: `Schedules stand below their site in the config file; these commands change that
file, and say what the schedules do. They are run by ` + "`crawl serve`" + `.

Each has a zone of its own. A time of day that does not exist, because clocks
are put forward, is the next minute that does; one that comes twice is the
first of the two. Intervals of up to an hour go on through both.`,
		Args: onlySubcommands,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	// Those that change nothing but an order may be answered by whoever holds the
	// store, as those that read.
	c.AddCommand(newScheduleAdd(), reading(newScheduleList()), reading(newScheduleShow()), reading(newScheduleNext()), reading(newSchedulePause()), reading(newScheduleResume()),
		reading(newScheduleRun()), newScheduleRm(), reading(newScheduleHistory()))
	return c
}

// exactlyOne says that a command takes one word.
func exactlyOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return newUsageError("", what+" is missing", "write: "+strings.TrimSuffix(c.UseLine(), " [flags]"))
		}
		return atMostOne(c, args)
	}
}

// scheduleFlags are the flags that are keys of a schedule.
var scheduleFlags = []struct{ key, arg, help string }{
	{"every", "RULE", "when: mon,thu 06:00, daily 03:00, 1st 01:00, or an interval: 6h, 15m 08:00-20:00 mon-fri"},
	{"cron", "EXPR", "when, as in a crontab: '0 6 * * 1' or @daily"},
	{"at", "MOMENT", "once: 2026-12-01 06:00"},
	{"tz", "ZONE", "zone of these times, such as Europe/Berlin (default UTC)"},
	{"window", "HOURS", "begin only then: 08:00-20:00, or 22:00-06:00 mon-fri"},
	{"jitter", "TIME", "begin up to so much later, always the same for a name (default a twentieth of the interval, 5m at most)"},
	{"overlap", "WORD", "if the last run is still going: skip, queue or replace it (default skip)"},
	{"catch_up", "WORD", "if nobody was there: once, none or all (default once)"},
	{"deadline", "TIME", "how late a missed run is made up for (default half the interval, 24h at most)"},
	{"name", "NAME", "what to call it (default SITE-weekly and the like)"},
}

func newScheduleAdd() *cobra.Command {
	c := &cobra.Command{
		Use: "add SITE", Short: "Add a schedule to a site of the config file",
		Example: "  crawl schedule add acme --every 'mon 06:00' --tz Europe/Berlin --jitter 10m\n  crawl schedule add shop --every 15m --window '08:00-20:00 mon-fri' --tz Europe/Paris",
		Args:    exactlyOne("the site"),
		RunE:    func(c *cobra.Command, args []string) error { return addSchedule(c, args[0]) },
	}
	for _, f := range scheduleFlags {
		c.Flags().String(strings.ReplaceAll(f.key, "_", "-"), "", "`"+f.arg+"`: "+f.help)
	}
	addDryFlag(c.Flags())
	addSettingsFlags(c.Flags(), "data", "quiet")
	return c
}

func addSchedule(c *cobra.Command, site string) error {
	texts := scheduleTexts{}
	for _, f := range scheduleFlags {
		if flag := c.Flags().Lookup(strings.ReplaceAll(f.key, "_", "-")); flag.Changed {
			texts[f.key] = flag.Value.String()
		}
	}
	r, err := loadSettings(c.Flags(), site)
	if err != nil {
		return err
	}
	job, key, err := texts.job(site)
	if err != nil {
		where := ""
		if key != "" {
			where = "--" + strings.ReplaceAll(key, "_", "-")
		}
		f := faultAt(where, err)
		f.What = strings.TrimPrefix(f.What, key+": ") // the flag says it
		return asUsageError([]fault{f})
	}
	if len(job.When.Upcoming(time.Now(), 1)) == 0 {
		return newUsageError("--at", job.When.Words()+" has passed in "+job.When.Zone(), "name a moment that is still to come")
	}
	edit, err := editConfig(c.Flags(), site)
	if err != nil {
		return err
	}
	defer edit.close()
	blocks, err := loadSchedules(c.Flags())
	if err != nil {
		return err
	}
	taken := func(name string) bool {
		return slices.ContainsFunc(blocks, func(b scheduleBlock) bool { return b.Name == name })
	}
	switch {
	case taken(job.Name) && texts["name"] != "":
		return newUsageError("--name", "there is a schedule called "+job.Name, "take another name")
	case taken(job.Name):
		job.Name = freeName(job.Name, taken)
	}
	block := scheduleBlock{Job: job}
	err = edit.add(block.texts().node(), "sites", site, "schedules")
	if err == nil {
		err = edit.save()
	}
	if err != nil || r.Settings.Quiet {
		return err
	}
	if isDry(c.Flags()) {
		return said(c, "%s added to %s; next three: %s", job.Name, edit.path, upcomingText(job, 3))
	}
	return sayAdded(c, &r.Settings, job, edit.path)
}

// sayAdded says what a new schedule means. The store is asked how long the last
// run took, and notes that the schedule counts from now on; where somebody holds
// it both are left out.
func sayAdded(c *cobra.Command, s *Settings, job schedule.Job, path string) error {
	took, daemon := "", false
	st, _, err := reopenStore(s)
	var held *store.HeldError
	var none *noStoreError
	switch {
	case errors.As(err, &held):
		daemon = strings.HasPrefix(held.Command, "crawl serve")
	case errors.As(err, &none):
	case err != nil:
		return err
	default:
		took, err = noteAdded(c.Context(), st, job)
		if err = errors.Join(err, st.Close()); err != nil {
			return err
		}
	}
	out := c.OutOrStdout()
	fmt.Fprintf(out, "%s added to %s: %s\n", job.Name, plain(path), whenText(job))
	fmt.Fprintf(out, "next three: %s\n", upcomingText(job, 3))
	fmt.Fprintf(out, "%s · %s%s\n", missedText(job), overlapText(job), took)
	if !daemon {
		fmt.Fprintf(c.ErrOrStderr(), "note: no daemon is running; schedules need `crawl serve`\n")
	}
	return nil
}

func noteAdded(ctx context.Context, st *store.Bolt, job schedule.Job) (took string, err error) {
	err = st.OrderSchedule(ctx, job.Name, func(o *store.ScheduleOrder) *store.ScheduleRow {
		o.Resumed = time.Now()
		return nil
	})
	if err != nil {
		return "", err
	}
	for run, err := range st.Runs(ctx, job.Site) {
		if err != nil {
			return "", err
		}
		if query.Finished(run) {
			return " · the last run took " + elapsed(time.Duration(run.Active)), nil
		}
	}
	return "", nil
}

// whenText says in words when a job is due.
func whenText(j schedule.Job) string {
	text := j.When.String() + " " + j.When.Zone()
	if jitter := jitterText(j); jitter != "" {
		text += " " + jitter
	}
	if crons := j.When.Cron(); len(crons) > 0 && crons[0] != j.When.Words() {
		text += " (cron: " + strings.Join(crons, " and ") + ")"
	}
	return text
}

// jitterText is ±10m, or empty where a job begins on the minute.
func jitterText(j schedule.Job) string {
	due, ok := j.When.Next(time.Now())
	if most := j.MaxJitter(due); ok && most > 0 {
		return "±" + Duration(most).String()
	}
	return ""
}

// upcomingText are the next times of a job, in its own zone.
func upcomingText(j schedule.Job, n int) string {
	var texts []string
	for _, t := range j.When.Upcoming(time.Now(), n) {
		texts = append(texts, momentText(t))
	}
	return cmp.Or(strings.Join(texts, " · "), "none")
}

// momentText is Mon 1 Dec 06:00, with the year if it is another one, with seconds
// if there are some, and with the offset where clocks are changed.
func momentText(t time.Time) string {
	form := "Mon 2 Jan 15:04"
	if t.Year() != time.Now().In(t.Location()).Year() {
		form = "Mon 2 Jan 2006 15:04"
	}
	return t.Format(form + secondsForm(t) + offsetForm(t))
}

// secondsForm has seconds where they are not zero.
func secondsForm(t time.Time) string {
	if t.Second() == 0 {
		return ""
	}
	return ":05"
}

// offsetForm has the offset from UTC within three hours of a change of the clock.
func offsetForm(t time.Time) string {
	const near = 3 * time.Hour
	_, now := t.Zone()
	for _, other := range []time.Time{t.Add(-near), t.Add(near)} {
		if _, then := other.Zone(); then != now {
			return " -0700"
		}
	}
	return ""
}

func missedText(j schedule.Job) string {
	due, _ := j.When.Next(time.Now())
	within := ", within " + Duration(j.LatestStart(due)).String()
	switch cmp.Or(j.CatchUp, schedule.Once) {
	case schedule.None:
		return "if missed: left out"
	case schedule.All:
		return "if missed: each is made up for" + within
	}
	return "if missed: run once when back" + within
}

func overlapText(j schedule.Job) string {
	switch cmp.Or(j.Overlap, schedule.Skip) {
	case schedule.Queue:
		return "if still running: wait for it"
	case schedule.Replace:
		return "if still running: end it and begin anew"
	}
	return "if still running: skip and say so"
}

func newScheduleRm() *cobra.Command {
	c := &cobra.Command{
		Use: "rm NAME", Short: "Take a schedule out of the config file", Args: exactlyOne("the schedule"),
		Long: `Take a schedule out of the config file. Its history stays in the store, and a run
that is going goes on.`,
		RunE: func(c *cobra.Command, args []string) error { return removeSchedule(c, args[0]) },
	}
	addDryFlag(c.Flags())
	addSettingsFlags(c.Flags(), "data", "quiet")
	return c
}

func removeSchedule(c *cobra.Command, name string) error {
	blocks, err := loadSchedules(c.Flags())
	if err != nil {
		return err
	}
	b, err := findSchedule(blocks, name)
	if err != nil {
		return err
	}
	edit, err := editConfig(c.Flags(), b.Site)
	if err != nil {
		return err
	}
	defer edit.close()
	if blocks, err = loadSchedules(c.Flags()); err != nil { // where it stands by now
		return err
	}
	if b, err = findSchedule(blocks, name); err != nil {
		return err
	}
	i := slices.IndexFunc(b.file.sites[b.Site].schedules, func(other scheduleBlock) bool { return other.where == b.where && other.Name == name })
	err = edit.removeItem(i, "sites", b.Site, "schedules")
	if err == nil {
		err = edit.save()
	}
	if err == nil {
		err = said(c, "%s is taken out of %s; its history stays", name, edit.path)
	}
	return err
}
