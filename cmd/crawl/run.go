package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"crawl/crawler"
	"crawl/frontier"
	"crawl/internal/weburl"
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
	addSettingsFlags(c.Flags(), "data", "run", "machine", "output")
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
	if s.List != "" && r.Origin["scope"] == originDefault {
		s.Scope = crawler.ScopeList
	}
	if r.Origin["max_hosts"] == originDefault {
		s.MaxHosts = defaultHosts(s.Scope, len(seeds))
	}
	kept, err := json.Marshal(runSettings{s, r.Hosts, weburl.DropVersion})
	if err != nil {
		return err
	}
	run := &store.Run{Site: cmp.Or(site, seeds[0].Host()), Settings: kept, Rules: s.Extract, Program: version(), Started: time.Now()}
	for _, u := range seeds {
		run.Seeds = append(run.Seeds, u.String())
	}
	return crawl(c, &s, r.Hosts, seeds, run)
}

func warn(c *cobra.Command, r *Resolved) {
	if r.Settings.Quiet {
		return
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(c.ErrOrStderr(), "warning: %s\n", plain(w))
	}
}

// crawl begins or resumes a run and sees it through.
func crawl(c *cobra.Command, s *Settings, hosts map[string]HostSettings, seeds []weburl.URL, run *store.Run) (err error) {
	spec, err := newSpec(s, hosts, seeds)
	if err != nil {
		return newUsageError("", err.Error(), "")
	}
	budget, _ := s.Memory.here()
	defer holdTo(budget)()
	log := newLogger(s, c.ErrOrStderr())
	if spec.Workers < s.Concurrency {
		log.Warn("fewer requests in flight: few files may be open (ulimit -n)", "wanted", s.Concurrency, "now", spec.Workers)
	}
	fetch, err := newFetcher(s, seeds, run.Cookies, log)
	if err != nil {
		return err
	}
	defer fetch.Close()
	st, dir, err := openStore(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if run.ID == 0 {
		if err := st.Begin(c.Context(), run); err != nil {
			return err
		}
	}
	holder := listen(st, dir, log)
	defer func() { err = errors.Join(err, holder.close()) }()
	front := frontier.NewBolt(filepath.Join(dir, "runs"))
	defer func() { err = errors.Join(err, front.Close()) }()
	engine := &crawler.Crawler{Frontier: front, Store: st, Fetcher: fetch, Log: log}
	return drive(c, s, engine, holder, run, spec, fetch.CookieState)
}

// drive sees a run through: until it ends, or signals end it. cookies returns
// those of an interrupted run.
func drive(c *cobra.Command, s *Settings, engine *crawler.Crawler, holder *holder, run *store.Run, spec *crawler.Spec, cookies func() []byte) error {
	ctx, cut := context.WithCancel(context.WithoutCancel(c.Context()))
	defer cut()
	stop := newStopper()
	out := newReporter(c.OutOrStdout(), c.ErrOrStderr(), s, stop.now)
	stop.watch(out.stopping, cut)
	defer stop.unwatch()
	engine.Watch = out.event
	job, err := engine.Begin(ctx, run, spec)
	if err != nil {
		return err
	}
	ended, over := out.begin(run, job.Progress), holder.begin(job)
	err = job.Crawl(ctx, stop.done)
	over()
	ended()
	if err != nil {
		return err
	}
	run.Cookies = nil
	if run.State == store.Interrupted {
		run.Cookies = cookies()
	}
	if err := engine.Store.Update(context.WithoutCancel(ctx), run); err != nil {
		return err
	}
	code := exitOf(run, stop.caught())
	if err := out.end(run, code); err != nil {
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
	case store.Partial:
		return exitPartial
	case store.Empty:
		return exitEmpty
	}
	return exitDone
}
