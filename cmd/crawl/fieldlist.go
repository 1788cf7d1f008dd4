package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"crawl/internal/query"
	"crawl/store"

	"github.com/spf13/cobra"
)

func newFieldsCommand() *cobra.Command {
	var out tableOutput
	var runNamed string
	c := &cobra.Command{
		Use:   "fields [TABLE]",
		Short: "Explain the tables, or the fields of one",
		Long: `List the tables that can be asked, or the fields of TABLE: kind, meaning, whether
a condition on it is answered by an index, and an example from the store.`,
		Example: "  crawl fields\n  crawl fields pages",
		Args:    atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			if err := out.check(c); err != nil {
				return err
			}
			return fields(c, strings.Join(args, ""), runNamed, &out)
		},
	}
	c.Flags().StringVar(&runNamed, "run", "", "examples, and fields of your own, from `RUN`")
	out.flags(c.Flags(), "table on a terminal, else tsv")
	addSettingsFlags(c.Flags(), "data", "quiet")
	return c
}

// fields explains a table, or all. Without a store there are no examples.
func fields(c *cobra.Command, table, runNamed string, out *tableOutput) error {
	explain := func(ctx context.Context, tables []*query.Table, db *query.DB) error {
		rows, err := explainTables(ctx, tables, db, table)
		if err != nil {
			return err
		}
		columns := []query.ColumnOf{{Name: "table"}, {Name: "meaning"}}
		if table != "" {
			columns = []query.ColumnOf{{Name: "field"}, {Name: "kind"}, {Name: "index"}, {Name: "meaning"}, {Name: "example"}}
		}
		return writeFile(out.file, c.OutOrStdout(), func(w io.Writer) error { return out.list(ctx, w, terminalWidth(c.OutOrStdout()), columns, rows) })
	}
	var names []string
	if runNamed != "" {
		names = []string{runNamed}
	}
	err := withRun(c, names, func(ctx context.Context, st *store.Bolt, run *store.Run, s *Settings) error {
		return withTables(c, st, run, s, func(db *query.DB) error { return explain(ctx, db.Tables(), db) })
	})
	var none *noStoreError
	if runNamed == "" && (errors.As(err, &none) || errors.Is(err, errNoRun)) {
		return explain(c.Context(), query.Tables(), nil)
	}
	return err
}

func explainTables(ctx context.Context, tables []*query.Table, db *query.DB, table string) (rows [][]any, err error) {
	if table == "" {
		for _, t := range tables {
			rows = append(rows, []any{t.Name, t.Meaning})
		}
		return rows, nil
	}
	i := slices.IndexFunc(tables, func(t *query.Table) bool { return strings.EqualFold(t.Name, table) })
	if i < 0 {
		return nil, unknownTable(tables, table)
	}
	examples := map[string]string{}
	if db != nil && !tables[i].IsFunction() {
		if examples, err = examplesOf(ctx, db, tables[i]); err != nil {
			return nil, err
		}
	}
	for _, f := range tables[i].Columns {
		if !f.Hidden || tables[i].Joins == nil {
			rows = append(rows, []any{f.Name, string(f.Kind), f.Index.String(), f.Meaning, examples[f.Name]})
		}
	}
	for _, j := range tables[i].Joins {
		rows = append(rows, []any{j.Prefix + "*", "", "", j.Meaning, ""})
	}
	return rows, nil
}

// exampleRows is how many rows are looked at for examples.
const exampleRows = 200

// examplesOf finds a value for each shown field of a table, if one of the first
// rows has one.
func examplesOf(ctx context.Context, db *query.DB, t *query.Table) (map[string]string, error) {
	q := query.Select{Table: t.Name, Limit: exampleRows}
	answer, err := db.Select(ctx, &q)
	if err != nil {
		return nil, err
	}
	examples := map[string]string{}
	for row, err := range answer.All() {
		if err != nil {
			return nil, err
		}
		for i, c := range answer.Columns {
			examples[c.Name] = cmp.Or(examples[c.Name], cellText(row[i], c.Kind))
		}
	}
	return examples, nil
}

// list writes rows that are known already.
func (o *tableOutput) list(ctx context.Context, w io.Writer, width int, columns []query.ColumnOf, rows [][]any) error {
	b := bufio.NewWriter(w)
	to, err := o.writer(ctx, b, width, columns, false)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := to.row(row); err != nil {
			return err
		}
	}
	return errors.Join(to.end(), b.Flush())
}
