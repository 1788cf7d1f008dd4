package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"crawl/internal/query"
	"crawl/store"

	"github.com/spf13/cobra"
)

// reportFlags are the flags of report alone.
type reportFlags struct {
	out                            tableOutput
	list, showSQL, noFold, exiting bool
	newOnly                        bool
	limit                          int
}

func newReportCommand() *cobra.Command {
	var f reportFlags
	c := &cobra.Command{
		Use:   "report NAME [RUN]",
		Short: "Give a canned answer: broken links, redirects, duplicates and such",
		Long: `Answer one of the questions that many people have, with a reason and a cure, and
how it was in the run before. Each is a statement of SQL, which --show-sql prints.`,
		Example: "  crawl report --list\n  crawl report broken acme\n  crawl report broken acme --new -o broken.csv",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 && !f.list {
				return newUsageError("", "which report?", "see them all: crawl report --list")
			}
			return atMost(2, c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.out.check(c); err != nil {
				return err
			}
			if f.list {
				return f.listAll(c.Context(), c.OutOrStdout())
			}
			if _, err := findReport(args[0], nil); err != nil {
				return err
			}
			return withRun(c, args[1:], func(ctx context.Context, st *store.Bolt, run *store.Run, s *Settings) error {
				return withTables(c, st, run, s, func(db *query.DB) error { return f.run(ctx, c, db, args[0], run, s) })
			})
		},
	}
	fl := c.Flags()
	fl.BoolVar(&f.list, "list", false, "say which reports there are")
	fl.BoolVar(&f.showSQL, "show-sql", false, "say which statement it is, and answer nothing")
	fl.BoolVar(&f.noFold, "no-fold", false, "a row for each place, where many pages have the same")
	fl.BoolVar(&f.newOnly, "new", false, "only what the run before did not have")
	fl.BoolVar(&f.exiting, "exit-code", false, "exit with 1 if there are rows")
	fl.IntVar(&f.limit, "limit", 0, "show at most `N` rows")
	f.out.flags(fl, "table on a terminal, else tsv")
	addSettingsFlags(fl, "data", "quiet")
	return c
}

func findReport(name string, fields []string) (*query.Report, error) {
	var names []string
	for _, r := range query.Reports(fields) {
		if r.Name == name {
			return &r, nil
		}
		names = append(names, r.Name)
	}
	return nil, newUsageError("", "there is no report "+quoted(name), didYouMean(name, names, "see them all: crawl report --list"))
}

func (f *reportFlags) listAll(ctx context.Context, out io.Writer) error {
	var rows [][]any
	for _, r := range query.Reports(nil) {
		rows = append(rows, []any{r.Name, r.Severity, r.Title, r.Why, r.Fix})
	}
	columns := []query.ColumnOf{{Name: "report"}, {Name: "severity"}, {Name: "about"}, {Name: "why"}, {Name: "fix"}}
	if f.out.forPeople() {
		columns = columns[:3]
		for i := range rows {
			rows[i] = rows[i][:3]
		}
	}
	return writeFile(f.out.file, out, func(w io.Writer) error { return f.out.list(ctx, w, terminalWidth(out), columns, rows) })
}

func (f *reportFlags) run(ctx context.Context, c *cobra.Command, db *query.DB, name string, run *store.Run, s *Settings) error {
	r, err := findReport(name, query.FieldNames(run))
	if err != nil {
		return err
	}
	base, err := db.Baseline(ctx)
	if err != nil {
		return err
	}
	statement := r.Statement(runName(run), base, f.noFold)
	if f.showSQL {
		_, err := fmt.Fprintln(c.OutOrStdout(), statement)
		return err
	}
	rows, err := db.Query(ctx, statement)
	if err != nil {
		return err
	}
	was, err := f.before(ctx, db, r, base)
	if err != nil {
		return err
	}
	found := findings{limit: f.limit, newOnly: f.newOnly, was: was}
	err = writeFile(f.out.file, c.OutOrStdout(), func(w io.Writer) error {
		b := bufio.NewWriter(w)
		if f.out.forPeople() && f.out.file == "-" && !s.Quiet {
			fmt.Fprintf(b, "%s  %s\n  why  %s\n  fix  %s\n\n", r.Severity, r.Title, r.Why, r.Fix)
		}
		to, err := f.out.writer(ctx, b, terminalWidth(c.OutOrStdout()), rows.Columns, false)
		if err != nil {
			return err
		}
		return errors.Join(found.write(to, rows), b.Flush())
	})
	if err != nil {
		return err
	}
	if f.out.forPeople() && !s.Quiet {
		fmt.Fprintln(c.ErrOrStderr(), found.summary(runName(run), base))
	}
	if f.exiting && found.shown > 0 {
		return &exitError{code: exitFound}
	}
	return nil
}

// before returns the findings of the run before by their first field, nil if
// there is no run or the report is about both, or about rules that it may not
// have had.
func (f *reportFlags) before(ctx context.Context, db *query.DB, r *query.Report, base string) (map[string]bool, error) {
	if base == "" || r.Name == "extract" || strings.Contains(r.SQL, "FROM changes") || strings.Contains(r.SQL, "$base") {
		return nil, nil
	}
	then, err := db.Of(ctx, base)
	if err != nil {
		return nil, err
	}
	rows, err := then.Query(ctx, r.Statement(base, "", f.noFold))
	if err != nil {
		return nil, errors.Join(err, then.Close())
	}
	was := map[string]bool{}
	for row, failed := range rows.All() {
		if err = failed; err == nil {
			was[cellText(row[0], query.Any)] = false
		}
	}
	return was, errors.Join(err, then.Close())
}

// findings counts what a report finds.
type findings struct {
	limit   int
	newOnly bool
	was     map[string]bool // of the run before: whether it is there still

	all, shown, fresh int
}

func (n *findings) write(to rowWriter, rows *query.Rows) error {
	for row, err := range rows.All() {
		if err != nil {
			return err
		}
		n.all++
		key := cellText(row[0], query.Any)
		_, old := n.was[key]
		if old {
			n.was[key] = true
		} else {
			n.fresh++
		}
		if n.newOnly && old || n.limit > 0 && n.shown >= n.limit {
			continue
		}
		n.shown++
		if err := to.row(row); err != nil {
			return err
		}
	}
	return to.end()
}

func (n *findings) summary(run, base string) string {
	text := rowsText(n.all)
	if n.shown < n.all {
		text = fmt.Sprintf("%s of %s", grouped(uint64(n.shown)), text)
	}
	text += " · run " + plain(run)
	if n.was != nil {
		fixed := 0
		for _, still := range n.was {
			if !still {
				fixed++
			}
		}
		text += fmt.Sprintf(" · %s new, %s fixed since %s", grouped(uint64(n.fresh)), grouped(uint64(fixed)), plain(base))
	}
	return text
}
