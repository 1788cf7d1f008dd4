package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"crawl/crawler"
	"crawl/internal/query"
	"crawl/store"

	"github.com/spf13/cobra"
)

func newPruneCommand() *cobra.Command {
	var keep Keep
	var within string
	var dry, unfinished bool
	c := &cobra.Command{
		Use: "prune [SITE...]", Short: "Remove old runs by a rule, and what only they hold",
		Long: `Remove runs of each SITE, or of all sites, but those that a rule keeps: the last
so many, the last one of each of so many days, weeks or months that have runs,
and those of late. What one rule keeps, all keep. Without such flags the site's
keep of the config file holds; where that is all, nothing goes.

The latest run that found something always stays, and so do runs that can be
resumed, unless --unfinished, and what they are held against. Pages and links
that a run which stays has in common with one that goes stay as well. Files of
bodies that are mostly dead are written anew. --dry-run says what would go.`,
		Example: `  crawl db prune --keep-last 10 --keep-weekly 26 --dry-run
  crawl db prune acme --keep-within 90d`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := keepFlags(c, &keep, within); err != nil {
				return err
			}
			return withStore(c, func(ctx context.Context, st *store.Bolt, dir string, s *Settings) error {
				p := &prune{c: c, st: st, dir: dir, s: s, keep: keep, dry: dry, unfinished: unfinished}
				return p.run(ctx, args)
			})
		},
	}
	for _, k := range keep.counts() {
		c.Flags().IntVar(k.n, "keep-"+k.name, 0, map[string]string{
			"last": "keep the last `N` runs of a site", "daily": "keep the last run of each of `N` days that have some",
			"weekly": "keep the last run of each of `N` weeks", "monthly": "keep the last run of each of `N` months",
		}[k.name])
	}
	c.Flags().StringVar(&within, "keep-within", "", "keep the runs of so long before the last one: 90d")
	c.Flags().BoolVar(&dry, "dry-run", false, "say what would go, and what that frees; change nothing")
	c.Flags().BoolVar(&unfinished, "unfinished", false, "remove runs too that could be resumed, but for the last one of a site")
	addSettingsFlags(c.Flags(), "data", "retain", "json", "quiet")
	return c
}

// keepFlags checks the rules that flags give.
func keepFlags(c *cobra.Command, keep *Keep, within string) error {
	for _, k := range keep.counts() {
		if *k.n < 0 || *k.n > maxKept {
			return newUsageError("--keep-"+k.name, fmt.Sprintf("%d is no number of runs", *k.n), "take 0 or more")
		}
	}
	if within != "" {
		if err := keep.set("within", within); err != nil {
			return newUsageError("--keep-within", err.Error(), "")
		}
	}
	return nil
}

// prune is one `db prune`.
type prune struct {
	c               *cobra.Command
	st              *store.Bolt
	dir             string
	s               *Settings
	keep            Keep // of flags
	dry, unfinished bool
}

// verdictOn is what becomes of a run.
type verdictOn struct {
	run *store.Run
	why []string // it stays; none if it goes
}

func (p *prune) run(ctx context.Context, sites []string) error {
	bySite, err := p.runsBySite(ctx, sites)
	if err != nil {
		return err
	}
	var all []verdictOn
	ruled := !p.keep.IsZero()
	for _, site := range slices.Sorted(maps.Keys(bySite)) {
		keep, err := p.keepOf(site)
		if err != nil {
			return err
		}
		ruled = ruled || !keep.IsZero()
		all = append(all, p.choose(bySite[site], keep)...)
	}
	if !ruled && !p.unfinished {
		removing, err := p.st.Removing(ctx)
		if err != nil {
			return err
		}
		if removing == 0 {
			return newUsageError("", "no rule says which runs to keep", "write --keep-last 10, or keep: {last: 10} in the config file")
		}
	}
	return p.remove(ctx, all)
}

// runsBySite reads the runs of some sites, or of all, newest first.
func (p *prune) runsBySite(ctx context.Context, sites []string) (map[string][]*store.Run, error) {
	found := map[string][]*store.Run{}
	known := map[string]bool{}
	for r, err := range p.st.Runs(ctx, "") {
		if err != nil {
			return nil, err
		}
		known[r.Site] = true
		if len(sites) == 0 || slices.Contains(sites, r.Site) {
			found[r.Site] = append(found[r.Site], r)
		}
	}
	for _, s := range sites {
		if !known[s] {
			return nil, newUsageError("", "no run of "+quoted(s), didYouMean(s, slices.Sorted(maps.Keys(known)), "see `crawl runs`"))
		}
	}
	return found, nil
}

// keepOf is the rule for a site: that of the flags, or of the config file.
func (p *prune) keepOf(site string) (Keep, error) {
	if !p.keep.IsZero() {
		return p.keep, nil
	}
	if siteOf([]string{site}) != "" {
		r, err := loadSettings(p.c.Flags(), site)
		if err == nil {
			return r.Settings.Keep, nil
		}
		if _, err := loadSettings(p.c.Flags(), ""); err != nil { // not because the file has no such site
			return Keep{}, err
		}
	}
	return p.s.Keep, nil
}

// choose judges the runs of a site, of which the newest comes first.
func (p *prune) choose(runs []*store.Run, keep Keep) []verdictOn {
	verdicts := make([]verdictOn, len(runs))
	var counted []int // those that found something: an empty run takes no place
	var times []time.Time
	for i, r := range runs {
		verdicts[i].run = r
		if query.Finished(r) && r.State != store.Empty {
			counted, times = append(counted, i), append(times, r.Started.Local())
		}
	}
	for n, why := range keep.Reasons(times) {
		if n == 0 {
			why = append([]string{"latest"}, why...)
		}
		verdicts[counted[n]].why = why
	}
	for i, r := range runs {
		v := &verdicts[i]
		switch {
		case keep.IsZero() && query.Finished(r):
			v.why = append(v.why, "no rule")
		case !query.Finished(r) && (!p.unfinished || i == 0):
			v.why = append(v.why, "unfinished")
		case r.State == store.Empty && (len(counted) == 0 || i < counted[0]):
			v.why = append(v.why, "since the latest")
		}
	}
	keepBaselines(verdicts)
	return verdicts
}

// keepBaselines keeps what unfinished runs that stay are held against.
func keepBaselines(verdicts []verdictOn) {
	for _, v := range verdicts {
		if len(v.why) == 0 || query.Finished(v.run) {
			continue
		}
		for i := range verdicts {
			if base := &verdicts[i]; base.run.ID == v.run.Baseline && len(base.why) == 0 {
				base.why = []string{"baseline of " + runName(v.run)}
			}
		}
	}
}

// pruned is what `db prune` tells; its JSON keys are for programs.
type pruned struct {
	DryRun  bool        `json:"dry_run"`
	Runs    []prunedRun `json:"runs"`
	Removed int         `json:"removed"`
	Rows    int64       `json:"rows"`
	Index   int64       `json:"index_bytes"`
	Dead    int64       `json:"dead_bytes"`
	Freed   int64       `json:"freed_bytes"`
}

type prunedRun struct {
	Run     string    `json:"run"`
	Started time.Time `json:"started"`
	State   string    `json:"state"`
	Keep    bool      `json:"keep"`
	Why     []string  `json:"why,omitempty"`
}

// remove does what was decided, and tells of it.
func (p *prune) remove(ctx context.Context, verdicts []verdictOn) error {
	told := pruned{DryRun: p.dry, Runs: []prunedRun{}}
	var gone []store.RunID
	for _, v := range verdicts {
		told.Runs = append(told.Runs, prunedRun{runName(v.run), v.run.Started, v.run.State, len(v.why) > 0, v.why})
		if len(v.why) == 0 {
			gone = append(gone, v.run.ID)
		}
	}
	if !p.s.JSON && !p.s.Quiet {
		if err := told.table(p.c.OutOrStdout()); err != nil {
			return err
		}
	}
	sum, err := p.st.Prune(ctx, gone, store.PruneOptions{DryRun: p.dry})
	if err == nil && !p.dry {
		err = errors.Join(dropQueues(ctx, p.st, p.dir), p.sweepSearch(ctx))
	}
	if err != nil {
		return err
	}
	told.Removed, told.Rows, told.Index, told.Dead, told.Freed = sum.Runs, sum.Rows, sum.Index, sum.Dead, sum.Bodies
	if p.s.JSON {
		return writeJSON(p.c.OutOrStdout(), told)
	}
	if p.s.Quiet {
		return nil
	}
	return told.print(p.c.OutOrStdout())
}

// sweepSearch takes the runs that went out of the index of crawl search. That it
// cannot keeps no run from going: the index can be made anew.
func (p *prune) sweepSearch(ctx context.Context) error {
	index, err := newSearchIndex(p.c, p.st, p.s, false)
	if err != nil {
		return err
	}
	if err := index.Sweep(ctx); err != nil && ctx.Err() == nil {
		newLogger(p.s, p.c.ErrOrStderr()).Warn("the index of crawl search still has runs that went, make it anew with `crawl search --rebuild`", "cause", err)
	}
	return errors.Join(ctx.Err(), index.Close())
}

// table lists the runs with what becomes of them.
func (t *pruned) table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 2, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tSTARTED\tSTATE\tVERDICT\tWHY")
	for _, r := range t.Runs {
		verdict := "goes"
		if r.Keep {
			verdict = "stays"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", plain(r.Run), r.Started.Local().Format("2006-01-02 15:04"), r.State, verdict, plain(strings.Join(r.Why, ", ")))
	}
	return w.Flush()
}

// print sums up.
func (t *pruned) print(out io.Writer) error {
	verb := "removed"
	if t.DryRun {
		verb = "would remove"
	}
	_, err := fmt.Fprintf(out, "\n%s %s: %s rows of the index (%s, room for others until `crawl db compact`),\n%s of bodies that no run needs any more, of which %s go back to the disk\n",
		verb, countOf(t.Removed, "run"), grouped(uint64(t.Rows)), bytesText(uint64(t.Index)), bytesText(uint64(t.Dead)), bytesText(uint64(t.Freed)))
	return err
}

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// dropQueues deletes the queues of runs that are no more.
func dropQueues(ctx context.Context, st *store.Bolt, dir string) error {
	folder := filepath.Join(dir, "runs")
	names, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for r, err := range st.Runs(ctx, "") {
		if err != nil {
			return err
		}
		there[crawler.Name(r.ID)] = true
	}
	for _, n := range names {
		if isQueue := len(n.Name()) >= 6 && strings.Trim(n.Name(), "0123456789") == ""; isQueue && !there[n.Name()] {
			if err := os.RemoveAll(filepath.Join(folder, n.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
