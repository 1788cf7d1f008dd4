package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"crawl/internal/query"
	"crawl/store"

	"github.com/spf13/cobra"
)

// reportFlags are the flags of report alone.
type reportFlags struct {
	out                            tableOutput
	list, showSQL, noFold, exiting bool
	newOnly, muted                 bool
	limit                          int
	by                             string
	failOn, baseline               string // for a command of its own, not as the config file has them for runs
}

func newReportCommand() *cobra.Command {
	var f reportFlags
	c := &cobra.Command{
		Use:   "report [NAME] [RUN]",
		Short: "Give a canned answer: broken links, redirects, duplicates and such",
		Long: `Answer one of the questions that many people have, with a reason and a cure, and
how it was in the run before. Each is a statement of SQL, which --show-sql prints.
Without NAME, count what each of them finds, and what of it is new or fixed.`,
		Example: "  crawl report acme\n  crawl report broken acme\n  crawl report broken acme --new -o broken.csv\n  crawl report acme --baseline acme~4 --fail-on new",
		Args:    func(c *cobra.Command, args []string) error { return atMost(2, c, args) },
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.out.check(c); err != nil {
				return err
			}
			if f.list {
				return f.listAll(c.Context(), c.OutOrStdout())
			}
			name, run, unknown := splitReport(args)
			if unknown != nil && len(args) > 1 {
				return unknown
			}
			if name == "" {
				if err := f.checkAll(c); err != nil {
					return err
				}
			}
			err := withRun(c, run, func(ctx context.Context, st *store.Bolt, run *store.Run, s *Settings) error {
				unknown = nil // it is a run
				base, err := namedBaseline(ctx, st, f.baseline)
				if err != nil {
					return err
				}
				return withTablesOf(c, st, query.Options{Run: run, Baseline: base}, s, func(db *query.DB) error { return f.run(ctx, c, db, name, run, s) })
			})
			var none noSuchRun
			if unknown != nil && errors.As(err, &none) {
				return unknown
			}
			return err
		},
	}
	fl := c.Flags()
	fl.BoolVar(&f.list, "list", false, "say which reports there are")
	fl.BoolVar(&f.showSQL, "show-sql", false, "say which statement it is, and answer nothing")
	fl.BoolVar(&f.noFold, "no-fold", false, "a row for each place, where many pages have the same")
	fl.BoolVar(&f.newOnly, "new", false, "only what the run before did not have")
	fl.BoolVar(&f.muted, "muted", false, "show what is muted too, with its id, why and until when; of all reports, how much that is")
	fl.StringVar(&f.by, "by", "", "only one `KIND` of what the report finds: of duplicates title, description, h1, exact or near")
	fl.BoolVar(&f.exiting, "exit-code", false, "exit with 1 if there are rows")
	fl.IntVar(&f.limit, "limit", 0, "show at most `N` rows")
	f.out.flags(fl, "table on a terminal, else tsv")
	fl.StringVar(&f.failOn, "fail-on", "", "exit with 1 if there are such findings: critical, new, a condition over findings, or rows of a SELECT `RULE`")
	fl.StringVar(&f.baseline, "baseline", "", "tell what is new from this `RUN` (default: the finished one before)")
	addSettingsFlags(fl, "data", "findings", "quiet")
	return c
}

// splitReport tells the name of a report, "" for all, from that of a run. What
// is no report's name may be a run's: unknown is what is wrong if it is not.
func splitReport(args []string) (name string, run []string, unknown error) {
	if len(args) == 0 {
		return "", nil, nil
	}
	if _, err := findReport(args[0], nil); err != nil {
		return "", args, err
	}
	return args[0], args[1:], nil
}

// checkAll refuses flags that are about one report.
func (f *reportFlags) checkAll(c *cobra.Command) error {
	for _, flag := range []string{"show-sql", "no-fold", "new", "limit", "by"} {
		if c.Flags().Changed(flag) {
			return newUsageError("--"+flag, "of which report?", "name one: crawl report --list")
		}
	}
	return nil
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

// find finds a report as the user wants it, narrowed to what is asked for.
func (f *reportFlags) find(db *query.DB, name string, fields []string) (*query.Report, error) {
	r, err := findReport(name, fields)
	if err == nil {
		db.Rules().Apply(r)
	}
	switch {
	case err != nil || f.by == "":
		return r, err
	case len(r.Kinds) == 0:
		return nil, newUsageError("--by", "report "+name+" has no kinds", "leave it out")
	case !slices.Contains(r.Kinds, f.by):
		return nil, newUsageError("--by", "report "+name+" has no kind "+quoted(f.by), didYouMean(f.by, r.Kinds, "write one of "+strings.Join(r.Kinds, ", ")))
	}
	r.Only(f.by)
	return r, nil
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

func (f *reportFlags) run(ctx context.Context, c *cobra.Command, db *query.DB, name string, run *store.Run, s *Settings) (err error) {
	gate, err := newGate(f.failOn, query.FieldNames(run))
	if err != nil {
		return err
	}
	base, err := db.Baseline(ctx)
	if err != nil {
		return err
	}
	found := 0
	if name == "" {
		found, err = f.all(ctx, c, db, run, base, s)
	} else {
		found, err = f.one(ctx, c, db, name, run, base, s)
	}
	if err == nil && gate != nil && !f.showSQL {
		err = passGate(ctx, c, db, gate)
	}
	if err == nil && f.exiting && found > 0 {
		err = &exitError{code: exitFound}
	}
	return err
}

// all counts what each report finds; found is how much that is.
func (f *reportFlags) all(ctx context.Context, c *cobra.Command, db *query.DB, run, base *store.Run, s *Settings) (found int, err error) {
	counts, err := db.CountFindings(ctx, false)
	if err != nil {
		return 0, err
	}
	for _, r := range db.Rules().Reports(query.FieldNames(run)) {
		if (r.Find() || r.Severity == query.Off) && !slices.ContainsFunc(counts, func(n store.FindingCount) bool { return n.Kind == r.Name }) {
			counts = append(counts, store.FindingCount{Kind: r.Name, Severity: r.Severity})
		}
	}
	slices.SortStableFunc(counts, func(a, b store.FindingCount) int { return query.Rank(a.Severity) - query.Rank(b.Severity) })
	columns := []query.ColumnOf{
		{Name: "severity", Kind: query.Text},
		{Name: "report", Kind: query.Text},
		{Name: "now", Kind: query.Int},
		{Name: "new", Kind: query.Int},
		{Name: "fixed", Kind: query.Int},
		{Name: "about", Kind: query.Text},
	}
	if f.muted {
		columns = append(columns, query.ColumnOf{Name: "muted", Kind: query.Int})
	}
	var rows [][]any
	muted := uint64(0)
	for _, n := range counts {
		r, err := findReport(n.Kind, query.FieldNames(run))
		if err != nil {
			return 0, err
		}
		title := r.Title
		if r.Name == "external-broken" && unasked(r.Name, run) != "" {
			title += " (not checked: --external check)"
		}
		row := []any{n.Severity, n.Kind, int64(n.Now), int64(n.New), int64(n.Fixed), title, int64(n.Muted)}
		if n.Severity == query.Off { // nobody counted them
			row[2], row[3], row[4] = nil, nil, nil
		}
		rows = append(rows, row[:len(columns)])
		found += int(n.Now)
		muted += n.Muted
	}
	out := c.OutOrStdout()
	err = writeFile(f.out.file, out, func(w io.Writer) error { return f.out.list(ctx, w, terminalWidth(out), columns, rows) })
	if err == nil && f.out.forPeople() && !s.Quiet {
		fmt.Fprintln(c.ErrOrStderr(), "run "+plain(runName(run))+against(base)+f.mutedText(muted)+" · more of one: crawl report NAME "+shellWord(plain(runName(run))))
	}
	return found, err
}

// mutedText says how many findings are muted, unless they are shown.
func (f *reportFlags) mutedText(n uint64) string {
	if n == 0 || f.muted {
		return ""
	}
	return " · " + grouped(n) + " muted (--muted shows them)"
}

// against says what a run was held against.
func against(base *store.Run) string {
	if base == nil {
		return ", none before it"
	}
	return " against " + plain(runName(base))
}

// one gives the answer of one report; found is how many rows it shows.
func (f *reportFlags) one(ctx context.Context, c *cobra.Command, db *query.DB, name string, run, base *store.Run, s *Settings) (found int, err error) {
	r, err := f.find(db, name, query.FieldNames(run))
	if err != nil {
		return 0, err
	}
	before := ""
	if base != nil {
		before = runName(base)
	}
	statement := r.Statement(runName(run), before, f.noFold)
	if f.showSQL {
		_, err := fmt.Fprintln(c.OutOrStdout(), statement)
		return 0, err
	}
	rows, err := db.Query(ctx, statement)
	if err != nil {
		return 0, err
	}
	was, err := f.before(ctx, db, r, base)
	if err != nil {
		return 0, err
	}
	answer := reported{limit: f.limit, newOnly: f.newOnly, muted: f.muted, key: r.RowKey, was: was, muting: db.Rules().Muting(r, rows.Columns)}
	if i := r.Overruled(rows.Columns); i >= 0 {
		answer.change = func(row []any) { row[i] = r.Severity }
	}
	columns := rows.Columns
	if f.muted {
		columns = append(slices.Clone(columns), query.ColumnOf{Name: "id", Kind: query.Text}, query.ColumnOf{Name: "muted", Kind: query.Text}, query.ColumnOf{Name: "until", Kind: query.Text})
	}
	err = writeFile(f.out.file, c.OutOrStdout(), func(w io.Writer) error {
		b := bufio.NewWriter(w)
		if f.out.forPeople() && f.out.file == "-" && !s.Quiet {
			fmt.Fprintf(b, "%s  %s\n  why  %s\n  fix  %s\n\n", r.Severity, r.Title, r.Why, r.Fix)
		}
		to, err := f.out.writer(ctx, b, terminalWidth(c.OutOrStdout()), columns, false)
		if err != nil {
			return err
		}
		return errors.Join(answer.write(to, rows), b.Flush())
	})
	if err == nil && f.out.forPeople() && !s.Quiet {
		fmt.Fprintln(c.ErrOrStderr(), answer.summary(runName(run), before)+f.mutedText(answer.mutes))
	}
	if text := unasked(name, run); text != "" && err == nil && !s.Quiet {
		fmt.Fprintln(c.ErrOrStderr(), "note: run "+plain(runName(run))+" "+text)
	}
	return answer.shown, err
}

// unasked says what a run did not ask for that a report is about; "" if it did.
func unasked(report string, run *store.Run) string {
	s := settingsOf(run)
	switch {
	case report == "external-broken" && s.External != "check":
		return "did not check links out of its scope: crawl it with --external check"
	case report == "images" && s.Assets == "skip":
		return "did not ask for images, so that it knows no sizes: crawl it with --assets check"
	}
	return ""
}

// before returns what the run before had by the keys of its rows, nil if there
// is no such run, or the report is about both.
func (f *reportFlags) before(ctx context.Context, db *query.DB, r *query.Report, base *store.Run) (map[string]bool, error) {
	if base == nil || !r.Comparable() {
		return nil, nil
	}
	then, err := db.Of(ctx, runName(base))
	if err != nil {
		return nil, err
	}
	old, err := f.find(db, r.Name, query.FieldNames(base))
	if err != nil {
		return nil, errors.Join(err, then.Close())
	}
	rows, err := then.Query(ctx, old.Statement(runName(base), "", f.noFold))
	if err != nil {
		return nil, errors.Join(err, then.Close())
	}
	was := map[string]bool{}
	muting := db.Rules().Muting(r, rows.Columns)
	for row, failed := range rows.All() {
		if err = failed; err != nil {
			continue // it is the last
		}
		if _, m := muting(row); m == nil || f.muted {
			was[r.RowKey(row)] = false
		}
	}
	return was, errors.Join(err, then.Close())
}

// reported counts what a report finds.
type reported struct {
	limit   int
	newOnly bool
	muted   bool // show what is muted, and by what
	muting  func(row []any) (id string, m *query.Mute)
	change  func(row []any) // what the user calls otherwise; nil for nothing
	key     func(row []any) string
	was     map[string]bool // of the run before: whether it is there still

	all, shown, fresh int
	mutes             uint64 // rows that are muted
}

func (n *reported) write(to rowWriter, rows *query.Rows) error {
	for row, err := range rows.All() {
		if err != nil {
			return err
		}
		id, m := n.muting(row)
		if m != nil {
			n.mutes++
		}
		if m != nil && !n.muted {
			continue
		}
		n.all++
		key := n.key(row)
		_, old := n.was[key]
		if old {
			n.was[key] = true
		} else {
			n.fresh++
		}
		if n.newOnly && old || n.limit > 0 && n.shown >= n.limit {
			continue
		}
		if n.shown++; n.change != nil {
			n.change(row)
		}
		if n.muted {
			row = append(slices.Clip(row), id, nil, nil)
			if m != nil {
				copy(row[len(row)-2:], []any{m.Reason, m.Until})
			}
		}
		if err := to.row(row); err != nil {
			return err
		}
	}
	return to.end()
}

func (n *reported) summary(run, base string) string {
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
