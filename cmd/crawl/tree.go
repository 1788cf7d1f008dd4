package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"crawl/internal/query"
	"crawl/store"

	"github.com/spf13/cobra"
)

func newTreeCommand() *cobra.Command {
	var out tableOutput
	t := tree{classes: map[string]int{}, folders: map[string]*folder{}}
	c := &cobra.Command{
		Use:   "tree [RUN]",
		Short: "Show the folders of a run with the number of their pages and their states",
		Long: `Count the pages of each folder, with those of the folders in it, by what came of
them; ` + "`crawl fields pages`" + ` says what the classes mean.`,
		Example: "  crawl tree acme\n  crawl tree acme --levels 3 --where 'indexable' -f csv",
		Args:    atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			if err := out.check(c); err != nil {
				return err
			}
			if t.levels < 0 || t.levels > maxLevels {
				return newUsageError("--levels", "there are 0 to 20 levels of folders", "0 shows hosts alone")
			}
			return withRun(c, args, func(ctx context.Context, st *store.Bolt, run *store.Run, s *Settings) error {
				return withTables(c, st, run, s, func(db *query.DB) error { return t.show(ctx, c.OutOrStdout(), db, &out) })
			})
		},
	}
	fl := c.Flags()
	fl.IntVar(&t.levels, "levels", 2, "how deep: `N` folders in each other")
	fl.StringArrayVar(&t.where, "where", nil, "only pages for which `CONDITION` holds; all do if it is given again")
	out.flags(fl, "table on a terminal, else tsv")
	addSettingsFlags(fl, "data", "quiet")
	return c
}

// maxLevels and maxFolders limit what a site can make of the tree.
const (
	maxLevels  = 20
	maxFolders = 100_000
)

// tree is the folders of a run.
type tree struct {
	levels  int
	where   []string
	classes map[string]int // with the order of their columns
	folders map[string]*folder
	cut     bool // there are more folders
}

// folder counts pages by their class.
type folder struct {
	pages int
	by    map[string]int
}

// usualClasses come first, in this order.
var usualClasses = []string{"ok", "redirect", "broken", "server"}

func (t *tree) show(ctx context.Context, out io.Writer, db *query.DB, to *tableOutput) error {
	q := query.Select{Table: "pages", Columns: "host, path, class", Where: append([]string{"kind = 'page'"}, t.where...)}
	rows, err := db.Select(ctx, &q)
	if err != nil {
		return err
	}
	for row, err := range rows.All() {
		if err != nil {
			return err
		}
		host, _ := row[0].(string)
		path, _ := row[1].(string)
		class, _ := row[2].(string)
		t.add(host, path, class)
	}
	columns, lines := t.table(to.forPeople())
	return writeFile(to.file, out, func(w io.Writer) error {
		b := bufio.NewWriter(w)
		return errors.Join(to.list(ctx, b, terminalWidth(out), columns, lines), b.Flush())
	})
}

// add counts a page in each folder that it is in.
func (t *tree) add(host, path, class string) {
	path, _, _ = strings.Cut(path, "?")
	t.classes[class]++
	t.count(host, class)
	from := 1
	for range t.levels {
		i := strings.IndexByte(path[from:], '/')
		if i < 0 {
			return
		}
		t.count(host+path[:from+i], class)
		from += i + 1
	}
}

func (t *tree) count(name, class string) {
	f := t.folders[name]
	if f == nil {
		if len(t.folders) >= maxFolders {
			t.cut = true
			return
		}
		f = &folder{by: map[string]int{}}
		t.folders[name] = f
	}
	f.pages++
	f.by[class]++
}

// table makes rows, a folder before those in it. People see how deep it is.
func (t *tree) table(indented bool) (columns []query.ColumnOf, rows [][]any) {
	classes := slices.DeleteFunc(slices.Clone(usualClasses), func(c string) bool { return t.classes[c] == 0 })
	for _, c := range slices.Sorted(maps.Keys(t.classes)) {
		if !slices.Contains(classes, c) {
			classes = append(classes, c)
		}
	}
	columns = []query.ColumnOf{{Name: "folder", Kind: query.Text}, {Name: "pages", Kind: query.Int}}
	for _, c := range classes {
		columns = append(columns, query.ColumnOf{Name: c, Kind: query.Int})
	}
	names := slices.SortedFunc(maps.Keys(t.folders), func(a, b string) int {
		return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
	})
	for _, name := range names {
		f, shown := t.folders[name], name
		if depth := strings.Count(name, "/"); indented && depth > 0 {
			shown = strings.Repeat("  ", depth) + name[strings.LastIndexByte(name, '/'):]
		}
		row := []any{shown, int64(f.pages)}
		for _, c := range classes {
			row = append(row, int64(f.by[c]))
		}
		rows = append(rows, row)
	}
	if t.cut {
		rows = append(rows, append([]any{"… more folders than can be shown"}, make([]any, len(columns)-1)...))
	}
	return columns, rows
}
