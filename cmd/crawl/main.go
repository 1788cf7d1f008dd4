// Command crawl crawls web sites from the command line into a store and takes
// out of it what was found. See README.md, or run `crawl help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"crawl/store"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the program.
func run(args []string, in io.Reader, out, talk io.Writer) int {
	// A closed pipe is an error to the write that meets it, not the end of a crawl.
	signal.Ignore(syscall.SIGPIPE)
	// Ctrl-C ends what waits; a second one ends the program, but for a run.
	ctx, ignore := signal.NotifyContext(context.Background(), heard(os.Interrupt, syscall.SIGTERM)...)
	defer ignore()
	context.AfterFunc(ctx, ignore)
	out, talk = &screen{Writer: out}, &screen{Writer: talk}
	root := newRoot()
	root.SetContext(ctx)
	root.SetArgs(withVerb(root, args))
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(talk)
	return exitCode(root.Execute(), talk)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "crawl [URL...]",
		Short: "Crawl web sites politely into a store that survives anything",
		Long: `crawl fetches web sites politely, keeps every page, link and reason for
skipping on disk, and takes out of it what you ask for.

  crawl https://example.com            crawl a site
  crawl export example.com -f csv      take its pages away
  crawl demo                           try it on a small built-in site`,
		SilenceUsage: true, SilenceErrors: true,
		Version: version(),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return unknownCommand(args[0])
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetVersionTemplate("crawl {{.Version}}\n")
	root.Flags().Bool("version", false, "say which version this is") // no -v, which is --verbose
	addSettingsFlags(root.PersistentFlags(), "screen")
	addSettingsCompletions(root)
	root.PersistentPreRun = func(c *cobra.Command, _ []string) { dress(c) }
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		if c.Flags().Parsed() { // by --help; `crawl help` is dressed itself
			dress(c)
		}
		forPeople(c.OutOrStdout())
		help(c, args)
	})
	root.SetFlagErrorFunc(usageFlagError)
	root.SetUsageFunc(showUsage)
	root.AddGroup(groups...)
	addCommands(root, "do", newRunCommand(), newResumeCommand(), newFetchCommand(), newExtractCommand(), newRobotsCommand(), reading(newExplainCommand()), newDemoCommand())
	addCommands(root, "steer", newStatusCommand(), newPauseCommand(), newUnpauseCommand(), newStopCommand(), newTuneCommand())
	addCommands(root, "look", reading(newRunsCommand()), reading(newShowCommand()), reading(newQueryCommand()), reading(newReportCommand()), reading(newSearchCommand()), reading(newPageCommand()), reading(newDiffCommand()), reading(newTreeCommand()))
	addCommands(root, "take", reading(newExportCommand()))
	addCommands(root, "repeat", newSiteCommand(), newScheduleCommand(), newMuteCommand(), newUnmuteCommand(), newServeCommand())
	addCommands(root, "keep", newDBCommand(), newConfigCommand(), reading(newFieldsCommand()), newVersionCommand())
	root.AddCommand(newTopics()...)
	root.SetHelpCommand(newHelpCommand(root))
	root.SetCompletionCommandGroupID("keep")
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args, c.RunE = onlySubcommands, func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
	return root
}

func addCommands(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		addSettingsCompletions(c)
		root.AddCommand(c)
	}
}

// onlySubcommands is for commands that are but a heading of others.
func onlySubcommands(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	next := "there are " + strings.Join(commandNames(c), ", ")
	return newUsageError("", "unknown command "+quoted(c.Name()+" "+args[0]), didYouMean(args[0], commandNames(c), next))
}

// none and atMostOne say what a command takes besides flags.
func none(c *cobra.Command, args []string) error { return atMost(0, c, args) }

func atMostOne(c *cobra.Command, args []string) error { return atMost(1, c, args) }

func atMost(n int, c *cobra.Command, args []string) error {
	if len(args) <= n {
		return nil
	}
	return newUsageError("", fmt.Sprintf("%s is one word too many", quoted(args[n])), "write: "+strings.TrimSuffix(c.UseLine(), " [flags]"))
}

func unknownCommand(word string) error {
	return newUsageError("", "unknown command "+quoted(word), didYouMean(word, commandNames(newRoot()), "see `crawl help`; a URL needs its scheme or a dot"))
}

// withVerb makes `crawl URL` out of `crawl run URL`. Only a word with "://" or
// a dot is taken for a URL, so that a typing error never crawls.
func withVerb(root *cobra.Command, args []string) []string {
	isURL := func(s string) bool {
		return !strings.HasPrefix(s, "-") && strings.ContainsAny(s, ".:") && (strings.Contains(s, "://") || strings.Contains(s, "."))
	}
	if len(args) == 0 || !slices.ContainsFunc(args, isURL) {
		return args
	}
	if strings.HasPrefix(args[0], "-") || isURL(args[0]) {
		if c, _, err := root.Find(args); err == nil && c != root {
			return args
		}
		return append([]string{"run"}, args...)
	}
	return args
}

// version is the program's own, from the build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return strings.TrimPrefix(info.Main.Version, "v")
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say which version this is", Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			info, _ := debug.ReadBuildInfo()
			goVersion := ""
			if info != nil {
				goVersion = " (" + info.GoVersion + ")"
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "crawl %s%s\n", version(), goVersion)
			return err
		},
	}
}

// newLogger writes to talk as the settings say: faults alone when quiet,
// warnings by default, more with -v.
//
// It becomes the default logger too: net/http tells of odd servers through the
// standard one, whose lines would come raw and unasked.
func newLogger(s *Settings, talk io.Writer) *slog.Logger {
	log := slog.New(logHandler(s, talk))
	slog.SetDefault(log)
	return log
}

func logHandler(s *Settings, talk io.Writer) slog.Handler {
	level := slog.LevelWarn
	switch {
	case s.Quiet:
		level = slog.LevelError
	case s.Verbose == 1:
		level = slog.LevelInfo
	case s.Verbose > 1:
		level = slog.LevelDebug
	}
	if s.LogFormat == "json" {
		return slog.NewJSONHandler(jsonLines{talk}, &slog.HandlerOptions{Level: level})
	}
	if isTerminal(talk) {
		return terminalLog(talk, level, !hasColour(talk))
	}
	return slog.NewTextHandler(talk, &slog.HandlerOptions{Level: level})
}

func terminalLog(talk io.Writer, level slog.Level, noColor bool) slog.Handler {
	return tint.NewTextHandler(talk, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: noColor})
}

func isTerminal(w io.Writer) bool {
	if user := userOf(w); user != nil {
		return user.command.Terminal
	}
	f := fileOf(w)
	return f != nil && term.IsTerminal(int(f.Fd()))
}

// indexFile is the store's file in its folder: where it is, a store is.
const indexFile = "crawl.db"

// noStoreError tells that nothing was crawled into a folder yet.
type noStoreError struct{ dir string }

func (e *noStoreError) Error() string {
	return "there is no store in " + e.dir + "; make one with `crawl run URL`, or name another with --data DIR"
}

// reopenStore opens the store that the settings name, or returns a
// *noStoreError: looking for a store makes none.
func reopenStore(s *Settings) (*store.Bolt, string, error) {
	dir, err := s.dataDir()
	if err != nil {
		return nil, "", err
	}
	if _, err := os.Stat(filepath.Join(dir, indexFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, "", &noStoreError{dir}
	}
	return openStore(s)
}

// storeNamed is the folder of the store that the settings name, which is not
// opened, and the settings.
func storeNamed(c *cobra.Command) (*Settings, string, error) {
	r, err := loadSettings(c.Flags(), "")
	if err != nil {
		return nil, "", err
	}
	warn(c, r)
	dir, err := r.Settings.dataDir()
	return &r.Settings, dir, err
}

// openStore opens or makes the store that the settings name.
func openStore(s *Settings) (*store.Bolt, string, error) {
	dir, err := s.dataDir()
	if err != nil {
		return nil, "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, "", &exitError{exitStore, fault{What: "store: " + err.Error(), Next: "name a folder that can be written with --data DIR or CRAWL_DATA"}}
	}
	st, err := store.Open(dir, storeOptions(s))
	if err != nil {
		return nil, "", &exitError{exitStore, err}
	}
	return st, dir, nil
}

// storeOptions says how the settings want the store opened.
func storeOptions(s *Settings) store.Options {
	return store.Options{Program: "crawl/" + version(), Command: commandLine(), Memory: s.shares().store, NoSync: s.unsynced()}
}

// commandLine is what another process is told of this one: no flag's value,
// which may be private.
func commandLine() string {
	words := []string{"crawl"}
	for _, a := range os.Args[1:] {
		if strings.HasPrefix(a, "-") {
			break
		}
		if u, err := url.Parse(a); err == nil && u.User != nil {
			a = u.Redacted()
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}
