package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"crawl/internal/query"
	"crawl/internal/weburl"
	"crawl/store"

	"github.com/spf13/cobra"
)

// exportFlags are the flags of export alone.
type exportFlags struct {
	query.Select
	out    tableOutput
	target string

	to weburl.URL // target
}

// Forms that are no rows.
const (
	formatWARC    = "warc"
	formatSQLite  = "sqlite"
	formatSitemap = "sitemap"
)

var exportFormats = []string{"jsonl", "csv", "tsv", "json", "md", formatSQLite, formatSitemap, formatWARC}

func newExportCommand() *cobra.Command {
	var f exportFlags
	c := &cobra.Command{
		Use:   "export [RUN]",
		Short: "Take a run's pages, links or bodies away as a file",
		Long: `Write a table of a run, or the part of it that --where and --select name, as
CSV, JSON lines and such; its tables as one SQLite file; the pages that a search
engine may list as sitemap.xml; or requests and answers as WARC. ` + "`crawl fields`" + `
has the tables and their fields, ` + "`crawl query`" + ` asks more than one can export.
Of more pages than a sitemap may have, FILE is an index of several beside it:
sitemap-1.xml and so on.`,
		Example: `  crawl export example.com -f csv -o pages.csv
  crawl export acme --where "path LIKE '/products/%'" --select url,title,h1,price -o products.csv
  crawl export --table links -f jsonl | jq 'select(.target_status == 404)'
  crawl export --table links --target https://example.com/gone
  crawl export example.com -o example.sqlite
  crawl export example.com -o sitemap.xml
  crawl export example.com -o example.warc.gz`,
		Args: atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(c.OutOrStdout()); err != nil {
				return err
			}
			return withRun(c, args, func(ctx context.Context, st *store.Bolt, run *store.Run, s *Settings) error {
				return withTables(c, st, run, s, func(db *query.DB) error { return f.export(ctx, c, st, db, run, s.Quiet) })
			})
		},
	}
	fl := c.Flags()
	fl.StringVarP(&f.out.format, "format", "f", "", "`FORMAT`: "+strings.Join(exportFormats, ", ")+" (default: by the name of FILE, else jsonl)")
	fl.StringVar(&f.Table, "table", "", "which `TABLE` (default: pages; sqlite: all)")
	fl.StringArrayVar(&f.Where, "where", nil, "only rows for which `CONDITION` holds; all do if it is given again")
	fl.StringVar(&f.Columns, "select", "", "`FIELDS` to write, or expressions (default: all)")
	fl.StringVar(&f.target, "target", "", "of the links only those to `URL`")
	fl.StringVarP(&f.out.file, "output", "o", "-", "`FILE` to write, - for standard output")
	fl.BoolVar(&f.out.overwrite, "overwrite", false, "replace FILE if it is there")
	fl.BoolVar(&f.out.raw, "raw", false, "CSV: cells as they are, also those that a spreadsheet or terminal would obey")
	f.out.outputShape.flags(fl)
	addSettingsFlags(fl, "data", "findings", "quiet")
	return c
}

// withTables opens a store as a database.
func withTables(c *cobra.Command, st *store.Bolt, run *store.Run, s *Settings, do func(*query.DB) error) error {
	return withTablesOf(c, st, query.Options{Run: run}, s, do)
}

// withTablesOf is withTables as o says.
func withTablesOf(c *cobra.Command, st *store.Bolt, o query.Options, s *Settings, do func(*query.DB) error) (err error) {
	index, err := newSearchIndex(c, st, s, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, index.Close()) }()
	rules, err := findingRulesOf(c)
	if err != nil {
		return err
	}
	o.Search, o.Rules, o.Schedules = index, rules.of, schedulesIn(c, st)
	if h := held(c.Context()); h != nil {
		o.Live, o.Schedules = h.live, h.viewSchedules
	}
	db := openTables(st, o, slog.New(logHandler(s, c.ErrOrStderr())))
	defer func() { err = errors.Join(err, db.Close()) }()
	return do(db)
}

// openTables makes a database of a store that warns in the log.
func openTables(st *store.Bolt, o query.Options, log *slog.Logger) *query.DB {
	o.Identity, o.Judge = identityOf, judgeOf
	o.Warn = func(text string, cause error) { log.Warn(text, "cause", cause) }
	return query.Open(st, o)
}

// check finds faults before anything is opened.
func (f *exportFlags) check(out io.Writer) error {
	if err := f.out.outputShape.check(f.out.format); err != nil {
		return err
	}
	if f.out.format == "" && f.out.isSet() {
		f.out.format = "json"
	}
	if f.out.format == "" {
		f.out.format = formatOf(f.out.file)
	}
	if format := f.out.format; !slices.Contains(exportFormats, format) {
		return newUsageError("--format", quoted(format)+" is not one of "+strings.Join(exportFormats, ", "), didYouMean(format, exportFormats, ""))
	}
	if err := f.checkTarget(); err != nil {
		return err
	}
	if err := f.checkForm(); err != nil {
		return err
	}
	return checkFile(f.out.file, out, f.out.overwrite)
}

func (f *exportFlags) checkTarget() (err error) {
	if f.target == "" {
		return nil
	}
	if f.Table != "links" {
		return newUsageError("--target", "only links have a target", "say --table links")
	}
	if f.to, err = seedURL(f.target); err != nil {
		return newUsageError("--target", err.Error(), "")
	}
	return nil
}

// checkForm refuses what a form cannot hold.
func (f *exportFlags) checkForm() error {
	pagesOnly := f.out.format == formatWARC || f.out.format == formatSitemap
	switch {
	case pagesOnly && f.Table != "" && f.Table != "pages":
		return newUsageError("--table", f.out.format+" holds pages, no table", "leave --table out, or write csv or jsonl")
	case pagesOnly && f.Columns != "":
		return newUsageError("--select", f.out.format+" holds pages, no fields", "leave --select out, or write csv or jsonl")
	case f.out.format == formatSQLite && f.out.file == "-":
		return newUsageError("--format", "a SQLite file cannot be written to standard output", "name a file: -o acme.sqlite")
	case f.out.format == formatSQLite && f.Table == "" && (len(f.Where) > 0 || f.Columns != ""):
		return newUsageError("--where", "all tables are written, and it is about one", "say which: --table pages")
	}
	return nil
}

func formatOf(file string) string {
	name := strings.ToLower(file)
	ext := strings.TrimPrefix(filepath.Ext(name), ".")
	switch {
	case strings.HasSuffix(name, ".warc.gz"), ext == "warc":
		return formatWARC
	case ext == "sqlite", ext == "db":
		return formatSQLite
	case ext == "xml":
		return formatSitemap
	case slices.Contains(exportFormats, ext):
		return ext
	}
	return "jsonl"
}

func (f *exportFlags) export(ctx context.Context, c *cobra.Command, st *store.Bolt, db *query.DB, run *store.Run, quiet bool) error {
	out := c.OutOrStdout()
	switch f.out.format {
	case formatWARC:
		return writeFile(f.out.file, out, func(w io.Writer) error { return f.archive(ctx, w, st, db, run) })
	case formatSQLite:
		return f.sqlite(ctx, out, db)
	case formatSitemap:
		parts, err := f.sitemap(ctx, out, db)
		if parts > 1 && err == nil && !quiet {
			fmt.Fprintf(c.ErrOrStderr(), "%s sitemaps beside %s, which names them as files at the root of the site\n", grouped(uint64(parts)), plain(f.out.file))
		}
		return err
	}
	rows, err := f.rows(ctx, db, run)
	if err != nil {
		return err
	}
	_, err = f.out.print(ctx, out, rows, false)
	return err
}

// rows are what is asked for of the table.
func (f *exportFlags) rows(ctx context.Context, db *query.DB, run *store.Run) (*query.Rows, error) {
	q := f.Select
	if q.Table == "" {
		q.Table = "pages"
	}
	if q.Columns == "" {
		q.Columns = strings.Join(f.out.names(), ", ")
	}
	if db.Table(q.Table) == nil {
		return nil, unknownTable(db.Tables(), q.Table)
	}
	if f.target != "" {
		identity, err := identityOf(run)
		if err != nil {
			return nil, err
		}
		q.Where = append(slices.Clone(q.Where), "target_url = "+query.Literal(identity(f.to).String()))
	}
	return db.Select(ctx, &q)
}

// archive writes the requests and answers of all pages, or of those asked for.
func (f *exportFlags) archive(ctx context.Context, w io.Writer, st *store.Bolt, db *query.DB, run *store.Run) error {
	if len(f.Where) == 0 {
		return st.CopyRecords(ctx, w, run.ID)
	}
	q := query.Select{Table: "pages", Columns: "url", Where: f.Where}
	rows, err := db.Select(ctx, &q)
	if err != nil {
		return err
	}
	return st.CopyPages(ctx, w, run.ID, func(yield func(weburl.URL, error) bool) {
		for row, err := range rows.All() {
			var u weburl.URL
			if err == nil {
				u, err = weburl.Parse(row[0].(string))
			}
			if !yield(u, err) || err != nil {
				return
			}
		}
	})
}

// sqliteTables are the tables of a SQLite file, unless one is named.
var sqliteTables = []string{"pages", "links", "redirects", "skipped", "changes", "sitemaps", "external", "hosts", "runs"}

// sqlite writes a file that appears when it is whole. For a user elsewhere it is
// made here, since SQLite goes back and forth in it, and then sent.
func (f *exportFlags) sqlite(ctx context.Context, out io.Writer, db *query.DB) (err error) {
	beside, user := filepath.Dir(f.out.file), userOf(out)
	if user != nil {
		beside = os.TempDir()
	}
	part, err := os.MkdirTemp(beside, partName)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(part)) }()
	tables := sqliteTables
	if f.Table != "" {
		tables = []string{f.Table}
	}
	file := filepath.Join(part, "tables")
	to, err := query.CreateFile(file)
	if err != nil {
		return err
	}
	for _, name := range tables {
		q := f.Select
		q.Table = name
		if err == nil && db.Table(name) == nil {
			err = unknownTable(db.Tables(), name)
		}
		var statement string
		if err == nil {
			statement, err = q.SQL()
		}
		if err == nil {
			err = to.Write(ctx, db, name, statement)
		}
	}
	if err := errors.Join(err, to.Close()); err != nil {
		return err
	}
	if user != nil {
		return user.writeFile(func(w io.Writer) error { return copyFile(w, file) })
	}
	return os.Rename(file, f.out.file)
}

func copyFile(w io.Writer, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(w, file)
	return err
}
