package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"crawl/crawler"
	"crawl/internal/query"
	"crawl/internal/search"
	"crawl/store"

	"github.com/spf13/cobra"
)

func newPruneCommand() *cobra.Command {
	var keep Keep
	var within string
	var dry, unfinished bool
	rules := keepRules{}
	c := &cobra.Command{
		Use: "prune [SITE...]", Short: "Remove old runs by a rule, and what only they hold",
		Long: `Remove runs of each SITE, or of all sites, but those that a rule keeps: the last
so many, the last one of each of so many days, weeks or months that have runs,
and those of late. What one rule keeps, all keep. Without such flags the site's
keep of the config file holds; where that is all, nothing goes.

The latest run that found something always stays, and so do runs that can be
resumed, unless --unfinished, and what they are held against. Pages and links
that a run which stays has in common with one that goes stay as well. Files of
bodies that are mostly dead are written anew. --dry-run says what would go.

Where a crawl or ` + "`crawl serve`" + ` holds the store, it does this meanwhile: runs that
go on stay, and what they are held against.`,
		Example: `  crawl db prune --keep-last 10 --keep-weekly 26 --dry-run
  crawl db prune acme --keep-within 90d`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := keepFlags(c, &keep, within); err != nil {
				return err
			}
			if err := rules.read(c); err != nil {
				return err
			}
			return withStore(c, func(ctx context.Context, st *store.Bolt, dir string, s *Settings) (err error) {
				index, err := newSearchIndex(c, st, s, false)
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, index.Close()) }()
				p := &prune{st: st, dir: dir, search: index, log: newLogger(s, c.ErrOrStderr()), keep: keep, rules: rules, dry: dry, unfinished: unfinished}
				if h := held(ctx); h != nil && unfinished {
					return newUsageError("--unfinished", "runs that could be resumed stay while a process holds the store: it may go on with them", "wait until it ends")
				} else if h != nil {
					p.inWork = h.inWork
				}
				return p.run(ctx, c.OutOrStdout(), s, args)
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
	c.Flags().Var(&rules, rulesFlag, "")
	_ = c.Flags().MarkHidden(rulesFlag) // it is there
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

// prune is one `db prune`, or what a daemon does of it by itself.
type prune struct {
	st              *store.Bolt
	dir             string
	search          *search.Index
	log             *slog.Logger
	keep            Keep // of flags
	rules           keepRules
	inWork          func(store.RunID) bool // runs that stay, whatever the store says of them; may be nil
	dry, unfinished bool
}

// verdictOn is what becomes of a run.
type verdictOn struct {
	run *store.Run
	why []string // it stays; none if it goes
}

func (p *prune) run(ctx context.Context, out io.Writer, s *Settings, sites []string) error {
	bySite, err := p.runsBySite(ctx, sites)
	if err != nil {
		return err
	}
	var all []verdictOn
	ruled := !p.keep.IsZero()
	for _, site := range slices.Sorted(maps.Keys(bySite)) {
		keep := p.keepOf(site)
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
	return p.report(ctx, out, s, all)
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
func (p *prune) keepOf(site string) Keep {
	if !p.keep.IsZero() {
		return p.keep
	}
	return p.rules.of(site)
}

// ended tells whether a run is over for good.
func (p *prune) ended(r *store.Run) bool {
	return query.Finished(r) && (p.inWork == nil || !p.inWork(r.ID))
}

// choose judges the runs of a site, of which the newest comes first.
func (p *prune) choose(runs []*store.Run, keep Keep) []verdictOn {
	verdicts := make([]verdictOn, len(runs))
	var counted []int // those that found something: an empty run takes no place
	var times []time.Time
	now := time.Now()
	for i, r := range runs {
		verdicts[i].run = r
		if p.ended(r) && r.State != store.Empty {
			counted, times = append(counted, i), append(times, earlier(r.Started, now).Local())
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
		case query.Finished(r) && !p.ended(r):
			v.why = append(v.why, "just ended")
		case keep.IsZero() && query.Finished(r):
			v.why = append(v.why, "no rule")
		case !query.Finished(r) && (!p.unfinished || i == 0):
			v.why = append(v.why, "unfinished")
		case r.State == store.Empty && (len(counted) == 0 || i < counted[0]):
			v.why = append(v.why, "since the latest")
		}
	}
	p.keepBaselines(verdicts)
	return verdicts
}

// earlier is the first of two moments: a clock that was wrong once, and told of a
// day to come, must not make all other runs old.
func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// keepBaselines keeps what runs that stay and are not over are held against.
func (p *prune) keepBaselines(verdicts []verdictOn) {
	for _, v := range verdicts {
		if len(v.why) == 0 || p.ended(v.run) {
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

// report does what was decided, and tells of it.
func (p *prune) report(ctx context.Context, out io.Writer, s *Settings, verdicts []verdictOn) error {
	told := pruned{DryRun: p.dry, Runs: []prunedRun{}}
	for _, v := range verdicts {
		told.Runs = append(told.Runs, prunedRun{runName(v.run), v.run.Started, v.run.State, len(v.why) > 0, v.why})
	}
	if !s.JSON && !s.Quiet {
		if err := told.table(out); err != nil {
			return err
		}
	}
	sum, err := p.remove(ctx, verdicts)
	if err != nil {
		return err
	}
	told.Removed, told.Rows, told.Index, told.Dead, told.Freed = sum.Runs, sum.Rows, sum.Index, sum.Dead, sum.Bodies
	if s.JSON {
		return writeJSON(out, told)
	}
	if s.Quiet {
		return nil
	}
	return told.print(out)
}

// remove does what was decided.
func (p *prune) remove(ctx context.Context, verdicts []verdictOn) (sum store.Pruned, err error) {
	var gone []store.RunID
	for _, v := range verdicts {
		if len(v.why) == 0 {
			gone = append(gone, v.run.ID)
		}
	}
	sum, err = p.st.Prune(ctx, gone, store.PruneOptions{DryRun: p.dry})
	if errors.Is(err, store.ErrNeeded) {
		err = newUsageError("", err.Error(), "it has just begun: try again")
	}
	if err == nil && !p.dry {
		err = errors.Join(dropQueues(ctx, p.st, p.dir), p.sweepSearch(ctx))
	}
	return sum, err
}

// sweepSearch takes the runs that went out of the index of crawl search. That it
// cannot keeps no run from going: the index can be made anew.
func (p *prune) sweepSearch(ctx context.Context) error {
	if err := p.search.Sweep(ctx); err != nil && ctx.Err() == nil {
		p.log.Warn("the index of crawl search still has runs that went, make it anew with `crawl search --rebuild`", "cause", err)
	}
	return ctx.Err()
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
