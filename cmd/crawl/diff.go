package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"crawl/internal/query"
	"crawl/store"

	"github.com/spf13/cobra"
)

// diffFlags are the flags of diff alone.
type diffFlags struct {
	out             tableOutput
	url             string
	kinds, where    []string
	common, showSQL bool
	exiting         bool
	limit           int
}

func newDiffCommand() *cobra.Command {
	var f diffFlags
	c := &cobra.Command{
		Use:   "diff [[RUN] RUN]",
		Short: "Say what changed from one run to another",
		Long: `Compare two runs, the earlier first; of one run named it is the one before it.
A page is gone if it answers 404 or 410 now, or if the later run came to its end
and nothing leads there any more. One that gave no answer or a 5xx may be there
still: it is called gone when that was so in two runs on end. What the later run
did not reach, or left out by its settings, is not gone.`,
		Example: `  crawl diff acme
  crawl diff acme@monday acme
  crawl diff acme@42 acme@43 --kind new,gone -f csv -o pages.csv
  crawl diff acme --where "path LIKE '/products/%'" --exit-code
  crawl diff acme~1 acme --url https://acme.example/pricing`,
		Args: func(c *cobra.Command, args []string) error { return atMost(2, c, args) },
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(c); err != nil {
				return err
			}
			return withStore(c, func(ctx context.Context, st *store.Bolt, dir string, s *Settings) error {
				before, after, err := twoRuns(ctx, st, dir, args)
				if err != nil {
					return err
				}
				return withTables(c, st, after, s, func(db *query.DB) error {
					d := &runDiff{c: c, db: db, before: before, after: after, s: s, f: &f}
					return d.show(ctx)
				})
			})
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.url, "url", "", "compare what one page says, word by word: `URL`")
	fl.StringSliceVar(&f.kinds, "kind", nil, "only changes of these `KINDS`: new, gone, missed, skipped, status, redirect, indexable, canonical, title, h1, description, mime, text, or a field of yours")
	fl.StringArrayVar(&f.where, "where", nil, "only pages for which `CONDITION` holds in either run; all do if it is given again")
	fl.BoolVar(&f.common, "common", false, "leave out what the settings of either run leave out")
	fl.BoolVar(&f.showSQL, "show-sql", false, "say which statement it is, and answer nothing")
	fl.BoolVar(&f.exiting, "exit-code", false, "exit with 1 if there is a difference")
	fl.IntVar(&f.limit, "limit", 0, "show at most `N` rows, for people of each kind (default for them: 10)")
	f.out.flags(fl, "for people on a terminal, else tsv; wide is all rows as one table")
	addSettingsFlags(fl, "data", "quiet")
	return c
}

func (f *diffFlags) check(c *cobra.Command) error {
	if f.limit < 0 {
		return newUsageError("--limit", "a number of rows is 0 or more", "0 is no limit")
	}
	if f.url != "" {
		for _, flag := range []string{"kind", "where", "common", "limit", "show-sql", "jq", "template"} {
			if c.Flags().Changed(flag) {
				return newUsageError("--"+flag, "with --url it is about one page", "leave it out")
			}
		}
		if f.out.names() != nil {
			return newUsageError("--json", "with --url it is about one page, which is one object", "say --json without names")
		}
		if f.out.format == "" && f.out.file == "-" && !f.out.isSet() { // text, for people and pagers
			f.out.format = "table"
		}
	}
	return f.out.check(c)
}

// twoRuns finds the runs that are compared, the earlier first.
func twoRuns(ctx context.Context, st *store.Bolt, dir string, args []string) (before, after *store.Run, err error) {
	last := ""
	if len(args) > 0 {
		last = args[len(args)-1]
	}
	if after, err = settledRun(ctx, st, dir, last); err != nil {
		return nil, nil, err
	}
	if len(args) > 1 {
		before, err = settledRun(ctx, st, dir, args[0])
		return before, after, err
	}
	if before, err = query.Baseline(ctx, st, after); err == nil && before == nil {
		err = newUsageError("", "run "+runName(after)+" has no run before it to be held against", "name one: crawl diff RUN "+shellWord(runName(after)))
	}
	return before, after, err
}

// runDiff is two runs, and what is asked of their difference.
type runDiff struct {
	c             *cobra.Command
	db            *query.DB // of the later one
	before, after *store.Run
	s             *Settings
	f             *diffFlags

	unlike []string // settings in which they differ
}

func (d *runDiff) show(ctx context.Context) (err error) {
	if d.unlike, err = unlike(d.before, d.after); err != nil {
		return err
	}
	if d.f.url != "" {
		return d.page(ctx)
	}
	statement, err := d.statement()
	if err != nil {
		return err
	}
	if d.f.showSQL {
		_, err := fmt.Fprintln(d.c.OutOrStdout(), statement)
		return err
	}
	screen := d.f.out.format == "table"
	counts := &store.Changes{}
	if screen || len(d.unlike) > 0 && !d.s.Quiet {
		if counts, err = d.db.CountChanges(ctx, d.before); err != nil {
			return err
		}
	}
	if !d.s.Quiet {
		d.warn(counts.Settings)
	}
	rows, err := d.db.Query(ctx, statement)
	if err != nil {
		return err
	}
	found := 0
	if screen {
		err = writeFile(d.f.out.file, d.c.OutOrStdout(), func(w io.Writer) (err error) {
			found, err = d.screen(w, rows, counts)
			return err
		})
	} else {
		found, err = d.f.out.print(ctx, d.c.OutOrStdout(), rows, false)
	}
	if err == nil && d.f.exiting && found > 0 {
		err = &exitError{code: exitFound}
	}
	return err
}

// warn says why a difference may not be one of the site.
func (d *runDiff) warn(settings uint64) {
	talk := d.c.ErrOrStderr()
	if d.before.ID > d.after.ID {
		fmt.Fprintf(talk, "warning: %s began after %s: what is called new was there before\n", plain(runName(d.before)), plain(runName(d.after)))
	}
	for _, run := range []*store.Run{d.before, d.after} {
		if run.State != store.Complete {
			fmt.Fprintf(talk, "warning: %s is %s: what it did not reach is neither new nor gone\n", plain(runName(run)), plain(stateText(run)))
		}
	}
	if len(d.unlike) == 0 {
		return
	}
	fmt.Fprintf(talk, "warning: these runs are not alike: %s.", plain(strings.Join(d.unlike, ", ")))
	if settings > 0 && !d.f.common {
		fmt.Fprintf(talk, " %s \"new\" pages come from that", grouped(settings))
	}
	fmt.Fprintln(talk)
	if !d.f.common && d.f.url == "" {
		fmt.Fprintf(talk, "         compare the common part: crawl diff %s %s --common\n", shellWord(plain(runName(d.before))), shellWord(plain(runName(d.after))))
	}
}

func stateText(run *store.Run) string {
	if run.Why == "" || run.State == store.Empty {
		return run.State
	}
	return run.State + " (" + run.Why + ")"
}

// Columns of the rows, and those that people's screen needs besides.
const (
	diffColumns   = "kind, url, before, after, found_on, inlinks"
	screenColumns = diffColumns + ", title, why"
)

// otherKinds are names of kinds that people may have in mind.
var otherKinds = map[string]string{"text": "text_hash", "noindex": "indexable", "type": "mime"}

// statement is the question as SQL.
func (d *runDiff) statement() (string, error) {
	q := query.Select{Table: "changes", Columns: diffColumns, Limit: d.f.limit}
	if d.f.out.format == "table" {
		q.Columns, q.Limit = screenColumns, 0
	}
	before, after := query.Literal(runName(d.before)), query.Literal(runName(d.after))
	q.Where = []string{"run = " + after, "base = " + before}
	if d.f.common {
		q.Where = append(q.Where, "common")
	}
	if len(d.f.kinds) > 0 {
		kinds, err := d.kinds()
		if err != nil {
			return "", err
		}
		q.Where = append(q.Where, "kind IN ("+strings.Join(kinds, ", ")+")")
	}
	if len(d.f.where) > 0 {
		var either []string
		for _, run := range []string{before, after} {
			sub := query.Select{Table: "pages", Columns: "url", Where: append([]string{"run = " + run}, d.f.where...)}
			text, err := sub.SQL()
			if err != nil {
				return "", err
			}
			either = append(either, "url IN ("+text+")")
		}
		q.Where = append(q.Where, strings.Join(either, "\nOR "))
	}
	return q.SQL()
}

// kinds are those that are asked for, as SQL.
func (d *runDiff) kinds() (kinds []string, err error) {
	known := append(query.ChangeKinds(), query.FieldNames(d.after)...)
	for _, kind := range d.f.kinds {
		kind = strings.TrimSpace(kind)
		if other := otherKinds[kind]; other != "" && !slices.Contains(known, kind) {
			kind = other
		}
		if !slices.Contains(known, kind) {
			return nil, newUsageError("--kind", "there is no kind of change "+quoted(kind), didYouMean(kind, known, "there are "+strings.Join(known, ", ")))
		}
		kinds = append(kinds, query.Literal(kind))
	}
	return kinds, nil
}
