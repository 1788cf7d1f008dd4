package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"crawl/internal/weburl"
	"crawl/store"

	"github.com/spf13/cobra"
)

// exportFlags are the flags of export alone.
type exportFlags struct {
	format, table, file, target string
	overwrite, raw              bool

	to  weburl.URL // target
	log *slog.Logger
}

var exportFormats = []string{"jsonl", "csv", "warc"}

var exportTables = []string{"pages", "links", "redirects", "skipped"}

func newExportCommand() *cobra.Command {
	var f exportFlags
	c := &cobra.Command{
		Use:   "export [RUN]",
		Short: "Take a run's pages, links, redirects or skipped URLs away",
		Long: `Write one table of a run as CSV or JSON lines, or the run's bodies as WARC.
RUN is a site or host name for its latest run, SITE@43, or SITE~1 for the run
before the latest; without it the latest run of all is taken.`,
		Example: `  crawl export example.com -f csv -o pages.csv
  crawl export --table links -f jsonl | jq 'select(.target_status == 404)'
  crawl export --table links --target https://example.com/gone
  crawl export example.com -o example.warc.gz`,
		Args: atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return withRun(c, args, func(ctx context.Context, st *store.Bolt, run *store.Run, s *Settings) error {
				f.log = newLogger(s, c.ErrOrStderr())
				return f.export(ctx, c.OutOrStdout(), st, run)
			})
		},
	}
	fl := c.Flags()
	fl.StringVarP(&f.format, "format", "f", "", "jsonl, csv or warc (default: by the name of FILE, else jsonl)")
	fl.StringVar(&f.table, "table", "pages", "pages, links, redirects or skipped")
	fl.StringVar(&f.target, "target", "", "of the links only those to URL")
	fl.StringVarP(&f.file, "output", "o", "-", "FILE to write, - for standard output")
	fl.BoolVar(&f.overwrite, "overwrite", false, "replace FILE if it is there")
	fl.BoolVar(&f.raw, "raw", false, "CSV: cells as they are, also those that a spreadsheet or terminal would obey")
	addSettingsFlags(fl, "data", "quiet")
	return c
}

// check finds faults before anything is opened.
func (f *exportFlags) check() error {
	if f.format == "" {
		f.format = formatOf(f.file)
	}
	for _, x := range []struct {
		flag, value string
		known       []string
	}{{"--format", f.format, exportFormats}, {"--table", f.table, exportTables}} {
		if !slices.Contains(x.known, x.value) {
			return newUsageError(x.flag, quoted(x.value)+" is not one of "+strings.Join(x.known, ", "), didYouMean(x.value, x.known, ""))
		}
	}
	if err := f.checkTarget(); err != nil {
		return err
	}
	if f.format == "warc" && f.table != "pages" {
		return newUsageError("--table", "WARC holds bodies, no table", "leave --table out, or write csv or jsonl")
	}
	if f.file == "-" {
		return nil
	}
	if _, err := os.Stat(f.file); err == nil && !f.overwrite {
		return newUsageError(f.file, "the file is there already", "name another, or say --overwrite")
	}
	if dir, err := os.Stat(filepath.Dir(f.file)); err != nil || !dir.IsDir() {
		return newUsageError(f.file, "there is no such folder", "make it, or name another")
	}
	return nil
}

func (f *exportFlags) checkTarget() (err error) {
	if f.target == "" {
		return nil
	}
	if f.table != "links" {
		return newUsageError("--target", "only links have a target", "say --table links")
	}
	if f.to, err = seedURL(f.target); err != nil {
		return newUsageError("--target", err.Error(), "")
	}
	return nil
}

func formatOf(file string) string {
	switch name := strings.ToLower(file); {
	case strings.HasSuffix(name, ".csv"):
		return "csv"
	case strings.HasSuffix(name, ".warc.gz"), strings.HasSuffix(name, ".warc"):
		return "warc"
	}
	return "jsonl"
}

// export writes to a file that appears only when it is whole.
func (f *exportFlags) export(ctx context.Context, out io.Writer, st *store.Bolt, run *store.Run) (err error) {
	if f.file != "-" {
		part, err := os.CreateTemp(filepath.Dir(f.file), ".crawl-export-*")
		if err != nil {
			return err
		}
		defer os.Remove(part.Name())
		if err := errors.Join(f.write(ctx, part, st, run), part.Chmod(0o644), part.Sync(), part.Close()); err != nil {
			return err
		}
		return os.Rename(part.Name(), f.file)
	}
	return f.write(ctx, out, st, run)
}

func (f *exportFlags) write(ctx context.Context, out io.Writer, st *store.Bolt, run *store.Run) error {
	w := bufio.NewWriterSize(out, 64<<10)
	var err error
	if f.format == "warc" {
		err = st.CopyRecords(ctx, w, run.ID)
	} else {
		err = f.writeTable(ctx, w, st, run)
	}
	return errors.Join(err, w.Flush())
}

func (f *exportFlags) writeTable(ctx context.Context, w io.Writer, st store.Store, run *store.Run) error {
	s, _, err := storedSettings(run)
	if err != nil {
		return err
	}
	drop, err := weburl.NewParamSet(s.DropParams)
	if err != nil {
		return err
	}
	t := &tables{store: st, run: run, log: f.log, drop: drop}
	var rows iter.Seq2[any, error]
	var shape any
	switch f.table {
	case "links":
		if rows, shape = t.links(ctx), (linkRow{}); f.target != "" {
			rows = t.linksTo(ctx, f.to)
		}
	case "redirects":
		rows, shape = t.redirects(ctx), redirectRow{}
	case "skipped":
		rows, shape = t.skipped(ctx), skipRow{}
	default:
		rows, shape = t.pages(ctx), pageRow{}
	}
	if f.format == "csv" {
		return writeCSV(w, rows, reflect.TypeOf(shape), ruleNames(run.Rules), !f.raw)
	}
	for row, err := range rows {
		if err == nil {
			err = writeJSON(w, row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeCSV writes rows, pointers to structs of the given type, by RFC 4180. Where
// that has fields, each of those named is a column of its own. guard makes cells
// harmless.
func writeCSV(out io.Writer, rows iter.Seq2[any, error], shape reflect.Type, fields []string, guard bool) error {
	w := csv.NewWriter(out)
	w.UseCRLF = true
	columns := shape.NumField()
	if shape.Field(columns-1).Type == reflect.TypeFor[fieldSet]() {
		columns--
	} else {
		fields = nil
	}
	var cells []string
	for i := range columns {
		cells = append(cells, shape.Field(i).Tag.Get("json"))
	}
	if err := w.Write(append(cells, fields...)); err != nil {
		return err
	}
	for row, err := range rows {
		if err != nil {
			return err
		}
		v := reflect.ValueOf(row).Elem()
		for i := range cells {
			if cells[i] = cell(v.Field(i)); guard && (v.Field(i).Kind() == reflect.String || v.Field(i).Kind() == reflect.Slice) {
				cells[i] = guarded(cells[i])
			}
		}
		line := cells
		for _, name := range fields {
			line = append(line, v.Field(columns).Interface().(fieldSet).cell(name, guard))
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// cell is a value as CSV shows it; null is empty.
func cell(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	if t, ok := v.Interface().(time.Time); ok {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339)
	}
	if v.Kind() == reflect.Slice {
		return listCell(v)
	}
	return fmt.Sprint(v.Interface())
}

// listCell is a list as JSON, nothing if it is empty.
func listCell(v reflect.Value) string {
	if v.Len() == 0 {
		return ""
	}
	text, err := json.Marshal(v.Interface())
	if err != nil { // cannot be, of strings
		return ""
	}
	return string(text)
}

// guarded keeps a spreadsheet from taking text for a formula, and a terminal
// from obeying it.
func guarded(s string) string {
	s = plain(s)
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
