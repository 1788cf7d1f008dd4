package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"crawl/internal/query"
	"crawl/internal/weburl"
	"crawl/store"

	"github.com/spf13/cobra"
)

// queryFlags are the flags of query alone.
type queryFlags struct {
	query.Select
	out              tableOutput
	showSQL, explain bool
	exitCode         bool
	maxRows          int
	maxTime          Duration
}

func newQueryCommand() *cobra.Command {
	var f queryFlags
	c := &cobra.Command{
		Use:   "query [RUN] TABLE | 'SELECT …'",
		Short: "Ask anything about a run",
		Long: `Answer a question about what a run has: rows of a table by flags, or a whole
statement of SQL. The tables are read where they lie and cannot be changed; ` + "`crawl\nfields`" + ` has them all. A statement sees the rows of RUN, the latest finished run
unless one is named, or of those runs that it names itself: run = 'acme@42'.`,
		Example: `  crawl query 'SELECT status, count(*) FROM pages GROUP BY status'
  crawl query acme pages --where 'status >= 400' --select url,status,inlinks --sort -inlinks
  crawl query acme pages --where 'indexable AND inlinks = 0 AND in_sitemap'
  crawl query acme links --where 'target_final_status = 404 AND source_indexable'
  crawl query acme pages --where 'length(title) > 60' --group section
  crawl query acme pages --facet status,depth,section`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return newUsageError("", "what is asked?", "name a table or write a statement; `crawl fields` has the tables")
			}
			return atMost(2, c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.out.check(c); err != nil {
				return err
			}
			if f.maxRows < 0 || f.maxTime < 0 {
				return newUsageError("--max-rows, --max-time", "a limit is 0 or more", "0 is none")
			}
			what := args[len(args)-1]
			return withRun(c, args[:len(args)-1], func(ctx context.Context, st *store.Bolt, run *store.Run, s *Settings) error {
				o := query.Options{Run: run, MaxRows: f.maxRows}
				return withTablesOf(c, st, o, s, func(db *query.DB) error { return f.run(ctx, c, db, run, what, s) })
			})
		},
	}
	fl := c.Flags()
	fl.StringArrayVar(&f.Where, "where", nil, "only rows for which `CONDITION` holds; all do if it is given again")
	fl.StringVar(&f.Columns, "select", "", "`FIELDS` to show, or expressions (default: all)")
	fl.StringVar(&f.Sort, "sort", "", "sort by `FIELDS`, those with a minus from the greatest on")
	fl.StringVar(&f.Group, "group", "", "count rows by `FIELDS`")
	fl.StringVar(&f.Facet, "facet", "", "count the values of each of `FIELDS` by itself")
	fl.IntVar(&f.Limit, "limit", 0, "show at most `N` rows")
	fl.IntVar(&f.maxRows, "max-rows", 0, "exit with 3 behind `N` rows if there are more")
	fl.TextVar(&f.maxTime, "max-time", Duration(0), "exit with 3 after so much `TIME`")
	fl.BoolVar(&f.showSQL, "show-sql", false, "say which statement the flags make, and answer nothing")
	fl.BoolVar(&f.explain, "explain", false, "say how it would be answered, by which index, and answer nothing")
	fl.BoolVar(&f.exitCode, "exit-code", false, "exit with 1 if there are rows")
	f.out.flags(fl, "table on a terminal, else tsv")
	addSettingsFlags(fl, "data", "findings", "quiet")
	return c
}

// isStatement tells a statement from the name of a table.
func isStatement(text string) bool { return strings.ContainsAny(strings.TrimSpace(text), " \t\n(*;") }

func (f *queryFlags) run(ctx context.Context, c *cobra.Command, db *query.DB, run *store.Run, what string, s *Settings) error {
	statement, err := f.statement(c, db, what)
	if err != nil {
		return err
	}
	switch {
	case f.showSQL:
		_, err := fmt.Fprintln(c.OutOrStdout(), statement)
		return err
	case f.explain:
		return printPlan(ctx, c.OutOrStdout(), db, statement)
	}
	if f.maxTime > 0 { // what a program makes of the rows takes time as well
		limited, end := context.WithTimeoutCause(ctx, time.Duration(f.maxTime), query.ErrTooLong)
		defer end()
		ctx = limited
	}
	began := time.Now()
	rows, err := db.Query(ctx, statement)
	if err != nil {
		return err
	}
	n, err := f.out.print(ctx, c.OutOrStdout(), rows, f.Facet != "")
	if err != nil {
		return err
	}
	if f.out.forPeople() && !s.Quiet {
		fmt.Fprintf(c.ErrOrStderr(), "%s · run %s, %s · %s\n", rowsText(n), plain(runName(run)), run.Started.Local().Format("2 Jan 15:04"), took(time.Since(began)))
	}
	if f.exitCode && n > 0 {
		return &exitError{code: exitFound}
	}
	return nil
}

func rowsText(n int) string {
	if n == 1 {
		return "1 row"
	}
	return grouped(uint64(n)) + " rows"
}

func took(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return elapsed(d)
}

// statement is what was typed, or what the flags make of a table.
func (f *queryFlags) statement(c *cobra.Command, db *query.DB, what string) (string, error) {
	if isStatement(what) {
		for _, flag := range []string{"where", "select", "sort", "group", "facet", "limit"} {
			if c.Flags().Changed(flag) {
				return "", newUsageError("--"+flag, "a statement says that itself", "name a table instead of the statement, or write it there")
			}
		}
		return what, nil
	}
	t := db.Table(what)
	if t == nil {
		return "", unknownTable(db.Tables(), what)
	}
	if f.Limit < 0 {
		return "", newUsageError("--limit", "a number of rows is 0 or more", "0 is no limit")
	}
	if f.Facet != "" && (f.Group != "" || f.Columns != "" || f.Sort != "") {
		return "", newUsageError("--facet", "facets are counted each by itself", "leave --select, --sort and --group out")
	}
	f.Table = t.Name
	q := f.Select
	if q.Columns == "" && q.Group == "" && q.Facet == "" {
		q.Columns = strings.Join(f.out.names(), ", ")
	}
	return q.SQL()
}

func unknownTable(tables []*query.Table, name string) error {
	var names []string
	for _, t := range tables {
		names = append(names, t.Name)
	}
	return newUsageError("", "there is no table "+quoted(name), didYouMean(name, names, "there are "+strings.Join(names, ", ")))
}

// printPlan says how a statement is answered.
func printPlan(ctx context.Context, w io.Writer, db *query.DB, statement string) error {
	steps, err := db.Plan(ctx, statement)
	if err != nil {
		return err
	}
	for _, step := range steps {
		line := strings.ToLower(plain(step.Text))
		switch {
		case step.Table != "" && step.Index == "":
			line = plain(step.Table) + ": row by row"
		case step.Table != "":
			line = plain(step.Table) + ": by index " + step.Index
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// identityOf returns what makes two addresses of a run one page.
func identityOf(run *store.Run) (func(weburl.URL) weburl.URL, error) {
	s, _, err := storedSettings(run)
	if err != nil {
		return nil, err
	}
	drop, err := weburl.NewParamSet(s.DropParams)
	return func(u weburl.URL) weburl.URL { return u.DropParams(drop) }, err
}

// printQueryError says what is wrong with a statement, and where.
func printQueryError(talk io.Writer, e *query.Error) {
	fmt.Fprintf(talk, "%s %s\n", painted(talk, red, "error:"), plain(e.What))
	hint := e.Hint
	if near := nearest(e.Word, e.Known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	if e.Table != "" {
		hint = strings.TrimSpace(hint + "     all fields: crawl fields " + e.Table)
	}
	line, at, length := e.Excerpt()
	if line == "" {
		if hint != "" {
			fmt.Fprintf(talk, "  %s\n", plain(hint))
		}
		return
	}
	signs := []rune(line)
	before, fault := plain(string(signs[:at])), plain(string(signs[at:min(at+length, len(signs))]))
	fmt.Fprintf(talk, "  %s\n", plain(line))
	fmt.Fprintln(talk, strings.TrimRight("  "+strings.Repeat(" ", textWidth(before))+strings.Repeat("^", max(1, textWidth(fault)))+"  "+plain(hint), " "))
}
