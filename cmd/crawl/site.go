package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"crawl/internal/query"
	"crawl/store"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"
)

func newSiteCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "site", Short: "Keep sites in the config file: what to crawl, and how",
		Long: `Sites stand in the config file, which is where they are read from; these commands
change that file and leave its comments and its order alone. A file that would
have a fault stays as it was.`,
		Args: onlySubcommands,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newSiteAdd(), newSiteList(), newSiteShow(), newSiteEdit(), newSiteRm(), newSiteTest(), newSiteImport())
	return c
}

func newSiteAdd() *cobra.Command {
	c := &cobra.Command{
		Use: "add NAME URL...", Short: "Add a site to the config file",
		Example: "  crawl site add acme https://acme.example/ --exclude '/cart*' --rate 4/s",
		Long: `Add a site to the config file: its seeds, and each option that is given. The file
is the nearest that is there, or the one that --config names, or the user's.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return newUsageError("", "the name of the site is missing", "write: "+strings.TrimSuffix(c.UseLine(), " [flags]"))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return addSite(c, args[0], args[1:]) },
	}
	addDryFlag(c.Flags())
	addSettingsFlags(c.Flags(), "run", "data", "quiet")
	return c
}

func addSite(c *cobra.Command, name string, urls []string) error {
	seeds, err := seedTexts(urls)
	if err != nil {
		return err
	}
	edit, err := editConfig(c.Flags(), name)
	defer edit.close()
	if err != nil {
		return err
	}
	if key, _ := edit.find("sites", name); key != nil {
		return newUsageError("", "there is a site called "+name+" in "+edit.path, "change it: crawl site edit "+name)
	}
	options, err := siteOptions(c.Flags())
	if err != nil {
		return err
	}
	if len(seeds) == 0 && options["list"] == nil {
		return newUsageError("", "the site has no seed", "write: crawl site add "+name+" https://…")
	}
	if err := edit.set(siteNode(seeds, options), "sites", name); err != nil {
		return err
	}
	if err := edit.save(); err != nil {
		return err
	}
	return said(c, "%s added to %s\n  try it: crawl site test %[1]s     crawl it: crawl run %[1]s", name, edit.path)
}

// said tells what was done, unless the user wants to hear of faults alone.
func said(c *cobra.Command, format string, args ...any) error {
	if quiet := c.Flags().Lookup("quiet"); quiet != nil && quiet.Changed {
		return nil
	}
	for i, a := range args {
		if text, ok := a.(string); ok {
			args[i] = plain(text)
		}
	}
	if isDry(c.Flags()) {
		format = "dry run, nothing is written: " + format
	}
	_, err := fmt.Fprintf(c.ErrOrStderr(), format+"\n", args...)
	return err
}

// seedTexts are URLs as a config file has them, whole.
func seedTexts(urls []string) (seeds []string, err error) {
	var faults []fault
	for _, text := range urls {
		u, err := seedURL(text)
		if err != nil {
			faults = append(faults, fault{"", err.Error(), "write it as https://example.com/"})
			continue
		}
		seeds = append(seeds, u.String())
	}
	return seeds, asUsageError(faults)
}

// siteOptions are the options of runs that flags set, as a config file has them.
func siteOptions(flags *pflag.FlagSet) (map[string]*yaml.Node, error) {
	given, faults := flagLayer(flags)
	nodes := map[string]*yaml.Node{}
	for key, g := range given {
		o := optionByKey[key]
		switch {
		case o.Group != "run":
		case o.list:
			nodes[key] = listNode(g.texts)
		default:
			nodes[key] = o.scalarNode(g.texts[0])
		}
	}
	return nodes, asUsageError(faults)
}

// siteNode is a site's block: its seeds, then its options in their usual order.
func siteNode(seeds []string, given map[string]*yaml.Node) *yaml.Node {
	m := mapping()
	if len(seeds) > 0 {
		addEntry(m, "seeds", listNode(seeds), "")
	}
	for _, o := range options {
		if n := given[o.Key]; n != nil {
			addEntry(m, o.Key, n, "")
		}
	}
	return m
}

func newSiteEdit() *cobra.Command {
	var unset, seeds []string
	c := &cobra.Command{
		Use: "edit NAME", Short: "Change a site of the config file",
		Example: "  crawl site edit acme --rate 2/s --unset exclude",
		Long:    `Set each option that is given, in place of what the site had.`,
		Args:    exactlyOne("the site"),
		RunE:    func(c *cobra.Command, args []string) error { return editSite(c, args[0], seeds, unset) },
	}
	c.Flags().StringArrayVar(&unset, "unset", nil, "take `KEY` out of the site, so that the defaults hold; repeatable")
	c.Flags().StringArrayVar(&seeds, "seed", nil, "`URL` to begin at, in place of those it has; repeatable")
	addDryFlag(c.Flags())
	addSettingsFlags(c.Flags(), "run", "data", "quiet")
	return c
}

func editSite(c *cobra.Command, name string, urls, unset []string) error {
	seeds, err := seedTexts(urls)
	if err != nil {
		return err
	}
	edit, _, err := siteToChange(c, name)
	defer edit.close()
	if err != nil {
		return err
	}
	given, err := siteOptions(c.Flags())
	if err != nil {
		return err
	}
	if len(given)+len(seeds)+len(unset) == 0 {
		return newUsageError("", "nothing is to be changed", "give options, as `crawl run` has them, --seed URL or --unset KEY; or change "+edit.path+" with an editor")
	}
	for _, key := range unset {
		key = strings.ReplaceAll(key, "-", "_")
		if optionByKey[key] == nil {
			return newUsageError("--unset", quoted(key)+" is no option", didYouMean(key, slices.Sorted(maps.Keys(optionByKey)), "see `crawl config show`"))
		}
		if err := edit.remove("sites", name, key); err != nil {
			return err
		}
	}
	if len(seeds) > 0 {
		given["seeds"] = listNode(seeds)
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if err := edit.set(given[key], "sites", name, key); err != nil {
			return err
		}
	}
	if err := edit.save(); err != nil {
		return err
	}
	return said(c, "%s is changed in %s", name, edit.path)
}

// siteToChange finds the file that has a site. The edit is to be closed.
func siteToChange(c *cobra.Command, name string) (*configEdit, siteBlock, error) {
	files, faults := readConfigFiles(configPaths(c.Flags()))
	if len(faults) > 0 {
		return nil, siteBlock{}, asUsageError(faults)
	}
	block, found := findSite(files, name)
	if !found {
		return nil, block, asUsageError([]fault{unknownSite(files, name)})
	}
	edit, err := editConfig(c.Flags(), name)
	return edit, block, err
}

func newSiteRm() *cobra.Command {
	c := &cobra.Command{
		Use: "rm NAME", Short: "Take a site and its schedules out of the config file", Args: exactlyOne("the site"),
		Long: `Take a site and its schedules out of the config file. Its runs stay in the store.`,
		RunE: func(c *cobra.Command, args []string) error {
			edit, block, err := siteToChange(c, args[0])
			defer edit.close()
			if err == nil {
				err = edit.remove("sites", args[0])
			}
			if err == nil {
				err = edit.save()
			}
			if err != nil {
				return err
			}
			return said(c, "%s is taken out of %s, with its %d schedules; its runs stay in the store", args[0], edit.path, len(block.schedules))
		},
	}
	addDryFlag(c.Flags())
	addSettingsFlags(c.Flags(), "data", "quiet")
	return c
}

func newSiteList() *cobra.Command {
	var out tableOutput
	c := &cobra.Command{
		Use: "list", Short: "List the sites of the config files", Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := out.check(c); err != nil {
				return err
			}
			return listSites(c, &out)
		},
	}
	out.flags(c.Flags(), "table on a terminal, else tsv")
	addSettingsFlags(c.Flags(), "data", "quiet")
	return c
}

func listSites(c *cobra.Command, out *tableOutput) error {
	files, faults := readConfigFiles(configPaths(c.Flags()))
	if len(faults) > 0 {
		return asUsageError(faults)
	}
	sites := map[string]siteBlock{}
	for _, f := range slices.Backward(files) {
		maps.Copy(sites, f.sites)
	}
	return withSchedules(c, func(ctx context.Context, st *store.Bolt, _ []scheduleBlock, _ *Settings) error {
		columns := []query.ColumnOf{{Name: "site", Kind: query.Text}, {Name: "seeds", Kind: query.Text}, {Name: "schedules", Kind: query.Int}, {Name: "run", Kind: query.Text}, {Name: "state", Kind: query.Text}, {Name: "started", Kind: query.Time}}
		var rows [][]any
		for _, name := range slices.Sorted(maps.Keys(sites)) {
			run, err := latestRun(ctx, st, name)
			if err != nil {
				return err
			}
			row := []any{name, strings.Join(sites[name].seeds, " "), int64(len(sites[name].schedules)), nil, nil, nil}
			if run != nil {
				row[3], row[4], row[5] = runName(run), run.State, run.Started.UTC().Format(time.RFC3339)
			}
			if run != nil && out.forPeople() {
				row[5] = dayText(run.Started, time.Now())
			}
			rows = append(rows, row)
		}
		return writeFile(out.file, c.OutOrStdout(), func(w io.Writer) error { return out.list(ctx, w, terminalWidth(c.OutOrStdout()), columns, rows) })
	})
}

// latestRun is the latest run of a site; nil if there is none.
func latestRun(ctx context.Context, st *store.Bolt, site string) (*store.Run, error) {
	if st == nil {
		return nil, nil
	}
	for run, err := range st.Runs(ctx, site) {
		return run, err
	}
	return nil, nil
}

func newSiteShow() *cobra.Command {
	c := &cobra.Command{
		Use: "show NAME", Short: "Say how a site is configured, and what became of its runs", Args: exactlyOne("the site"),
		RunE: func(c *cobra.Command, args []string) error { return showSite(c, args[0]) },
	}
	addSettingsFlags(c.Flags(), "data", "json", "quiet")
	return c
}

// shownRuns is how many runs of a site are shown.
const shownRuns = 5

func showSite(c *cobra.Command, name string) error {
	r, err := loadSettings(c.Flags(), name)
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	if r.Settings.JSON {
		return r.printJSON(out, false)
	}
	fmt.Fprintf(out, "%s\n", name)
	for _, seed := range r.Seeds {
		fmt.Fprintf(out, "  %-12s %s\n", "seed", plain(seed))
	}
	for _, o := range options {
		if where := r.Origin[o.Key]; where != originDefault && o.Group == "run" {
			fmt.Fprintf(out, "  %-12s %s   (%s)\n", o.Key, plain(strings.Join(o.texts(&r.Settings), ", ")), plain(where))
		}
	}
	for _, b := range r.Schedules {
		fmt.Fprintf(out, "  %-12s %s: %s; next: %s\n", "schedule", b.Name, whenText(b.Job), upcomingText(b.Job, 1))
	}
	err = withStore(c, func(ctx context.Context, st *store.Bolt, _ string, _ *Settings) error {
		n := 0
		for run, err := range st.Runs(ctx, name) {
			if err != nil {
				return err
			}
			if n++; n > shownRuns {
				break
			}
			fmt.Fprintf(out, "  %-12s %s %s, %s\n", "run", plain(runName(run)), dayText(run.Started, time.Now()), strings.ReplaceAll(endText(run), "\n ", ":"))
		}
		return nil
	})
	var none *noStoreError
	if errors.As(err, &none) {
		return nil
	}
	return err
}
