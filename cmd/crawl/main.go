// Command crawl crawls web sites from the command line into a store and takes
// out of it what was found. See README.md, or run `crawl help`.
package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"crawl/internal/kv"
	"crawl/store"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Exit codes; every command means the same by them.
const (
	exitDone        = 0
	exitUsage       = 2
	exitPartial     = 3
	exitEmpty       = 4
	exitStore       = 5
	exitInterrupted = 130
	exitTerminated  = 143
)

// exitError ends the program with a code, and with a message unless it is nil.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the program.
func run(args []string, in io.Reader, out, talk io.Writer) int {
	// A closed pipe is an error to the write that meets it, not the end of a crawl.
	signal.Ignore(syscall.SIGPIPE)
	root := newRoot()
	root.SetArgs(withVerb(root, args))
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(talk)
	return exitCode(root.Execute(), talk)
}

func exitCode(err error, talk io.Writer) int {
	if err == nil {
		return exitDone
	}
	var exit *exitError
	var usage *usageError
	var held *store.HeldError
	code := exitUsage
	switch {
	case errors.As(err, &exit):
		code = exit.code
		if exit.err == nil {
			return code
		}
	case errors.As(err, &usage):
	case errors.Is(err, syscall.EPIPE): // whoever read standard output has had enough
		return exitDone
	case errors.As(err, &held), errors.Is(err, store.ErrDamaged), errors.Is(err, kv.ErrDamaged), errors.Is(err, kv.ErrLocked),
		errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG), errors.Is(err, syscall.EIO),
		errors.Is(err, syscall.EROFS), errors.Is(err, os.ErrPermission):
		code = exitStore
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(talk, "error: %s\n", plain(line))
	}
	if next := nextStep(err); next != "" {
		fmt.Fprintf(talk, "  %s\n", next)
	}
	return code
}

// nextStep says what to do about an error of the store.
func nextStep(err error) string {
	var held *store.HeldError
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		return "" // each fault says it itself
	case errors.As(err, &held):
		return "wait until it ends, or name another store with --data DIR"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "make room, then `crawl resume`: what was acknowledged is safe"
	case errors.Is(err, store.ErrDamaged), errors.Is(err, kv.ErrDamaged):
		return "see what is damaged with `crawl db check`; nothing was changed"
	case errors.Is(err, os.ErrPermission), errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EROFS):
		return "name a folder that can be written with --data DIR or CRAWL_DATA"
	}
	return ""
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
	root.SetFlagErrorFunc(usageFlagError)
	root.SetUsageFunc(showUsage)
	root.AddGroup(groups...)
	addCommands(root, "do", newRunCommand(), newResumeCommand(), newRobotsCommand(), newDemoCommand())
	addCommands(root, "look", newRunsCommand(), newShowCommand())
	addCommands(root, "take", newExportCommand())
	addCommands(root, "keep", newDBCommand(), newConfigCommand(), newVersionCommand())
	root.AddCommand(newTopics()...)
	root.SetHelpCommand(newHelpCommand(root))
	root.SetCompletionCommandGroupID("keep")
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
	known := append(commandNames(newRoot()), "completion")
	return newUsageError("", "unknown command "+quoted(word), didYouMean(word, known, "see `crawl help`; a URL needs its scheme or a dot"))
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
func newLogger(s *Settings, talk io.Writer) *slog.Logger {
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
		return slog.New(slog.NewJSONHandler(talk, &slog.HandlerOptions{Level: level}))
	}
	if isTerminal(talk) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		return slog.New(tint.NewHandler(talk, &tint.Options{Level: level, TimeFormat: time.TimeOnly}))
	}
	return slog.New(slog.NewTextHandler(talk, &slog.HandlerOptions{Level: level}))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// openStore opens the store that the settings name.
func openStore(s *Settings) (*store.Bolt, string, error) {
	dir, err := s.dataDir()
	if err != nil {
		return nil, "", err
	}
	st, err := store.Open(dir, store.Options{Program: "crawl/" + version(), Command: commandLine()})
	if err != nil {
		return nil, "", &exitError{exitStore, err}
	}
	return st, dir, nil
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
