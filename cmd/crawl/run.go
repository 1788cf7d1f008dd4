package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"crawl/crawler"
	"crawl/frontier"
	"crawl/internal/query"
	"crawl/store"

	"github.com/spf13/cobra"
)

func newRunCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "run URL... | SITE",
		Short: "Crawl now, in the foreground",
		Long: `Crawl the site of each URL, or a site of the config file, and keep what is
found. Ctrl-C once stops: fetches under way end, everything is saved, and
` + "`crawl resume`" + ` goes on. Ctrl-C twice stops now; the store is still sound.`,
		Example: `  crawl run https://example.com
  crawl run https://example.com --depth 3 --exclude '/search?*'
  crawl run --list urls.txt --json`,
		RunE: runRun,
	}
	c.Flags().Bool(dryFlag, false, "say which seeds robots.txt allows, and how far a run would go; crawl nothing")
	addSettingsFlags(c.Flags(), "data", "run", "gate", "findings", "machine", "output")
	return c
}

// siteOf tells the name of a configured site from a URL: a site has neither
// dot nor colon.
func siteOf(args []string) string {
	if len(args) == 1 && !strings.ContainsAny(args[0], ".:/") {
		return args[0]
	}
	return ""
}

// defaultHosts is how many hosts a run has if nobody says. A name server may
// answer for any name below its domain; the other scopes end by themselves.
func defaultHosts(scope string, seeds int) Count {
	if scope != crawler.ScopeDomain {
		return unlimited
	}
	return Count(max(10_000, 2*seeds))
}

func runRun(c *cobra.Command, args []string) error {
	if i := slices.IndexFunc(args, func(a string) bool { return siteOf([]string{a}) != "" }); i >= 0 && len(args) > 1 {
		return newUsageError("", quoted(args[i])+" is no URL, and a site is crawled alone", "a URL has a dot or ://")
	}
	site := siteOf(args)
	r, err := loadSettings(c.Flags(), site)
	if err != nil {
		return err
	}
	warn(c, r)
	s := r.Settings
	if site != "" {
		args = r.Seeds
	}
	seeds, err := readSeeds(&s, args, c.InOrStdin())
	if err != nil {
		return err
	}
	o, err := newOrder(r, s, cmp.Or(site, seeds[0].Host()), seeds, false)
	if err != nil {
		return err
	}
	if isDry(c.Flags()) {
		return planRun(c, o, r)
	}
	return crawl(c, o)
}

func warn(c *cobra.Command, r *Resolved) {
	if r.Settings.Quiet {
		return
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(c.ErrOrStderr(), "%s %s\n", painted(c.ErrOrStderr(), yellow, "warning:"), plain(w))
	}
}

// crawl begins or resumes a run in the foreground and sees it through.
func crawl(c *cobra.Command, o *order) (err error) {
	budget, _ := o.s.Memory.here()
	defer holdTo(budget)()
	talk := c.ErrOrStderr()
	if paintable(talk) {
		talk = newPainter(talk)
	}
	log := newLogger(&o.s, talk)
	rules, err := findingRulesOf(c)
	if err != nil {
		return err
	}
	t, err := o.prepare(o.s.room(1), log)
	if err != nil {
		return err
	}
	defer t.close()
	st, dir, err := openStore(&o.s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := begin(c.Context(), st, o); err != nil {
		return err
	}
	front := frontier.NewBolt(filepath.Join(dir, "runs"))
	defer func() { err = errors.Join(err, front.Close()) }()
	holder := newHolder(st, dir, log)
	holder.front, holder.taken = front, func(id store.RunID) bool { return id == o.run.ID }
	holder.schedules = func() ([]scheduleBlock, error) { return loadSchedules(c.Flags()) }
	holder.rules = func() (findingRules, error) { return rules, nil }
	defer func() { err = errors.Join(err, holder.close()) }()
	err = drive(c, talk, t, &crawler.Crawler{Frontier: front, Store: st, Log: log}, holder)
	holder.indexText(c.Context(), t)
	if query.Finished(o.run) {
		if _, err := st.Tidy(context.WithoutCancel(c.Context())); err != nil { // it is as large as it was
			log.Warn("the index was not compacted", "error", err)
		}
	}
	return err
}

// begin puts a new run into the store, and has it held against the run that
// was named for that.
func begin(ctx context.Context, st *store.Bolt, o *order) error {
	base, err := namedBaseline(ctx, st, o.s.Baseline)
	if err != nil {
		return err
	}
	if o.run.ID == 0 {
		if err := st.Begin(ctx, o.run); err != nil {
			return err
		}
	}
	if base == nil {
		return nil
	}
	o.run.Baseline = base.ID // which stays from here on, however long the run waits for a place
	return st.Update(ctx, o.run)
}

// drive sees a run through: until it ends, or signals or another terminal
// end it.
func drive(c *cobra.Command, talk io.Writer, t *task, engine *crawler.Crawler, holder *holder) error {
	ctx, cut := context.WithCancel(context.WithoutCancel(c.Context()))
	defer cut()
	stop := newStopper()
	out := newReporter(c.OutOrStdout(), talk, &t.s, stop.now)
	stop.watch(out.stopping, cut)
	defer stop.unwatch()
	engine.Watch = out.event
	holder.taken = func(id store.RunID) bool { return id == t.run.ID } // who settles it would keep its queue from it
	holder.listen()
	against, err := query.Baseline(ctx, holder.store, t.run)
	if err != nil {
		return err
	}
	err = t.crawl(ctx, engine, holder.store, stop.done, func(job *crawler.Job) (ended func()) {
		live := newLiveRun(job, t, func() { stop.ask(out.stopping) })
		quiet, over := out.begin(t.run, against, live.sight()), holder.begin(live)
		return func() { over(); quiet() }
	})
	if err != nil {
		return err
	}
	base, failed := t.judge(ctx, holder, engine.Log)
	code := exitOf(t.run, stop.caught())
	if err := errors.Join(out.end(t.run, base, code), failed); err != nil {
		return err
	}
	if code != exitDone {
		return &exitError{code: code}
	}
	return nil
}

// exitOf is the exit code of a run as it ended.
func exitOf(r *store.Run, sig os.Signal) int {
	switch r.State {
	case store.Interrupted:
		if sig == syscall.SIGTERM {
			return exitTerminated
		}
		return exitInterrupted
	case store.Empty:
		return exitEmpty
	}
	switch {
	case r.Gate != nil && r.Gate.Rows > 0:
		return exitFound
	case r.State == store.Partial:
		return exitPartial
	}
	return exitDone
}
