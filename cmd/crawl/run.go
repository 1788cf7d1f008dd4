package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
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
	addSettingsFlags(c.Flags(), "data", "run", "output")
	return c
}

func newResumeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "resume [RUN]",
		Short: "Go on with an interrupted run",
		Long:  `Go on with a run that was stopped, killed or cut off, with the settings it began with. Without RUN, the latest such run.`,
		Args:  atMostOne,
		RunE:  runResume,
	}
	addSettingsFlags(c.Flags(), "data", "output")
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

func runRun(c *cobra.Command, args []string) error {
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
	kept, err := json.Marshal(runSettings{s, r.Hosts})
	if err != nil {
		return err
	}
	run := &store.Run{Site: cmp.Or(site, seeds[0].Host()), Settings: kept, Program: version(), Started: time.Now()}
	for _, u := range seeds {
		run.Seeds = append(run.Seeds, u.String())
	}
	return crawl(c, &s, r.Hosts, seeds, run)
}

func runResume(c *cobra.Command, args []string) error {
	r, err := loadSettings(c.Flags(), "")
	if err != nil {
		return err
	}
	warn(c, r)
	st, dir, err := openStore(&r.Settings)
	if err != nil {
		return err
	}
	run, err := findResumable(c.Context(), st, args)
	if err = errors.Join(err, st.Close()); err != nil {
		return err
	}
	s, hosts, err := storedSettings(run)
	if err != nil {
		return err
	}
	s.Data = dir
	s.Progress, s.JSON, s.Quiet, s.Verbose, s.LogFormat = r.Settings.Progress, r.Settings.JSON, r.Settings.Quiet, r.Settings.Verbose, r.Settings.LogFormat
	var seeds []weburl.URL
	for _, text := range run.Seeds {
		u, err := weburl.Parse(text)
		if err != nil {
			return fmt.Errorf("resume run %s: %w", runName(run), err)
		}
		seeds = append(seeds, u)
	}
	return crawl(c, &s, hosts, seeds, run)
}

// storedSettings reads the settings that a run was begun with.
func storedSettings(r *store.Run) (Settings, map[string]HostSettings, error) {
	var raw struct {
		Settings json.RawMessage         `json:"settings"`
		Hosts    map[string]HostSettings `json:"hosts"`
	}
	if err := json.Unmarshal(r.Settings, &raw); err != nil {
		return Settings{}, nil, fmt.Errorf("settings of run %s: %w", runName(r), err)
	}
	s, err := settingsFromJSON(raw.Settings)
	return s, raw.Hosts, err
}

// findResumable finds the run that args name, or the latest that can go on.
func findResumable(ctx context.Context, st store.Store, args []string) (*store.Run, error) {
	if len(args) == 1 {
		run, err := findRun(ctx, st, args[0])
		if err != nil {
			return nil, err
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

func resumable(r *store.Run) bool { return r.State == store.Running || r.State == store.Interrupted }

func warn(c *cobra.Command, r *Resolved) {
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
	st, dir, err := openStore(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	log := newLogger(s, c.ErrOrStderr())
	fetch, err := newFetcher(s, seeds, run.Cookies, log)
	if err != nil {
		return err
	}
	defer fetch.Close()
	if run.ID == 0 {
		if err := st.Begin(c.Context(), run); err != nil {
			return err
		}
	}
	front := frontier.NewBolt(filepath.Join(dir, "runs"))
	defer func() { err = errors.Join(err, front.Close()) }()

	ctx, cut := context.WithCancel(context.WithoutCancel(c.Context()))
	defer cut()
	stop := stopOnSignal(cut)
	defer stop.unwatch()
	out := newReporter(c.OutOrStdout(), c.ErrOrStderr(), s, stop.now)
	engine := &crawler.Crawler{Frontier: front, Store: st, Fetcher: fetch, Log: log, Watch: out.event}
	job, err := engine.Begin(ctx, run, spec)
	if err != nil {
		return err
	}
	ended := out.begin(run, job.Progress)
	err = job.Crawl(ctx, stop.done)
	ended()
	if err != nil {
		return err
	}
	run.Cookies = nil
	if run.State == store.Interrupted {
		run.Cookies = fetch.CookieState()
	}
	if err := st.Update(context.WithoutCancel(ctx), run); err != nil {
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

// stopper ends a run at the first signal and cuts it off at the second.
type stopper struct {
	done    chan struct{} // closed at the first
	once    sync.Once
	signals chan os.Signal
	ended   chan struct{}

	mu   sync.Mutex
	seen os.Signal // the first; nil if none came
}

// stopOnSignal watches for signals until unwatch is called.
func stopOnSignal(cut func()) *stopper {
	s := &stopper{done: make(chan struct{}), signals: make(chan os.Signal, 2), ended: make(chan struct{})}
	signal.Notify(s.signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		defer close(s.ended)
		for sig := range s.signals {
			s.mu.Lock()
			first := s.seen == nil
			if first {
				s.seen = sig
			}
			s.mu.Unlock()
			s.now()
			if !first {
				cut()
			}
		}
	}()
	return s
}

// now stops the run as a signal would.
func (s *stopper) now() { s.once.Do(func() { close(s.done) }) }

func (s *stopper) caught() os.Signal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

func (s *stopper) unwatch() {
	signal.Stop(s.signals)
	close(s.signals)
	<-s.ended
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
