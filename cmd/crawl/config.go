package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// newConfigCommand makes `crawl config` with show, check and path.
func newConfigCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "What is configured, and where it comes from",
		Long: `Every option is a flag, a variable of the environment and a key of a config
file: --max-pages, CRAWL_MAX_PAGES, max_pages. For each the first that sets it
wins, but severity and mute, which add up: flag, environment, the site's block of the config file, defaults of
./config.yaml, of the user's config file, of /etc/crawl/config.yaml.
A variable that is empty counts as not set. Lists: a flag is repeated, a
variable has one entry a line.`,
		Args: onlySubcommands,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newConfigShow(), newConfigCheck(), newConfigPath())
	return c
}

func newConfigShow() *cobra.Command {
	var origin bool
	c := &cobra.Command{
		Use:   "show [SITE]",
		Short: "Print every option's value as a config file",
		Long: `Print what holds here, for runs of any site or of SITE, as a config file that
says the same. With --origin a comment tells where each value came from; with
--json it is JSON.`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := loadSettings(cmd.Flags(), strings.Join(args, ""))
			if err != nil {
				return err
			}
			r.Origin["memory"] = r.Settings.Memory.explain(r.Origin["memory"])
			return r.print(cmd.OutOrStdout(), origin)
		},
	}
	addSettingsFlags(c.Flags())
	addSettingsCompletions(c)
	c.Flags().BoolVar(&origin, "origin", false, "say where each value came from")
	return c
}

func newConfigCheck() *cobra.Command {
	c := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Report every fault of the configuration",
		Long: `Read the environment and the config files that a run would read, or FILE in
their place, and report every fault with its line. The exit code is 2 if there
is one.`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if err := cmd.Flags().Set(configFlag, args[0]); err != nil {
					return err
				}
			}
			return checkConfig(cmd)
		},
	}
	addSettingsFlags(c.Flags(), "data", "quiet")
	return c
}

// checkConfig looks at the settings without a site and with each.
func checkConfig(cmd *cobra.Command) error {
	l, err := readLayers(cmd.Flags())
	if err == nil {
		err = l.check()
	}
	err = alsoFaults(err, l.over(time.Now()))
	if err != nil {
		return err
	}
	r, err := l.resolve("")
	if err != nil || r.Settings.Quiet {
		return err
	}
	for _, f := range l.files {
		n := 0
		for _, s := range f.sites {
			n += len(s.schedules)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: no fault; sites: %d, schedules: %d, hosts: %d\n", f.path, len(f.sites), n, len(f.hosts))
	}
	if len(l.files) == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "no config file; every option has its default")
	}
	return nil
}

func newConfigPath() *cobra.Command {
	c := &cobra.Command{
		Use:   "path",
		Short: "Print which config files are read",
		Args:  none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			for _, p := range configPaths(cmd.Flags()) {
				state := "read"
				if _, err := os.Stat(p.path); errors.Is(err, fs.ErrNotExist) {
					state = "absent"
				} else if err != nil {
					state = cause(err)
				}
				fmt.Fprintf(w, "%s\t%s\n", p.path, state)
			}
			return w.Flush()
		},
	}
	addSettingsFlags(c.Flags(), "data")
	return c
}
