package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"crawl/internal/query"
	"crawl/store"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// rowFormats are the forms in which rows can be written.
var rowFormats = []string{"table", "wide", "tsv", "csv", "jsonl", "json", "md"}

// tableOutput is where rows go, and in which form.
type tableOutput struct {
	outputShape
	format, file           string
	overwrite, raw, header bool
	colours                bool // of standard output, see check
}

func (o *tableOutput) flags(fl *pflag.FlagSet, usual string) {
	fl.StringVarP(&o.format, "format", "f", "", "`FORMAT`: "+strings.Join(rowFormats, ", ")+" (default: by the name of FILE; "+usual+")")
	fl.StringVarP(&o.file, "output", "o", "-", "`FILE` to write, - for standard output")
	fl.BoolVar(&o.overwrite, "overwrite", false, "replace FILE if it is there")
	fl.BoolVar(&o.raw, "raw", false, "CSV: cells as they are, also those that a spreadsheet or terminal would obey")
	fl.BoolVar(&o.header, "header", false, "TSV: begin with the names of the fields")
	o.outputShape.flags(fl)
}

// check finds faults before anything is asked, and decides on the form.
func (o *tableOutput) check(c *cobra.Command) error {
	if err := o.outputShape.check(o.format); err != nil {
		return err
	}
	if o.format == "" && o.isSet() {
		o.format = "json"
	}
	if o.format == "" {
		o.format = rowFormatOf(o.file, c.OutOrStdout())
	}
	if !slices.Contains(rowFormats, o.format) {
		return newUsageError("--format", quoted(o.format)+" is not one of "+strings.Join(rowFormats, ", "), didYouMean(o.format, rowFormats, ""))
	}
	if o.forPeople() && o.file == "-" {
		o.colours = hasColour(c.OutOrStdout())
		forPeople(c.OutOrStdout())
	}
	return checkFile(o.file, c.OutOrStdout(), o.overwrite)
}

// forPeople tells whether somebody reads the rows.
func (o *tableOutput) forPeople() bool { return o.format == "table" || o.format == "wide" }

func rowFormatOf(file string, out io.Writer) string {
	ext := strings.TrimPrefix(strings.ToLower(filepath.Ext(file)), ".")
	switch {
	case file == "-" && isTerminal(out):
		return "table"
	case slices.Contains(rowFormats, ext):
		return ext
	}
	return "tsv"
}

// checkFile sees that a file can be written, before the work is done. A user
// elsewhere has seen to that.
func checkFile(file string, out io.Writer, overwrite bool) error {
	if file == "-" || userOf(out) != nil {
		return nil
	}
	about, err := os.Stat(file)
	switch {
	case err == nil && about.IsDir():
		return newUsageError(file, "it is a folder", "name a file in it")
	case err == nil && !overwrite:
		return newUsageError(file, "the file is there already", "name another, or say --overwrite")
	}
	if dir, err := os.Stat(filepath.Dir(file)); err != nil || !dir.IsDir() {
		return newUsageError(file, "there is no such folder", "make it, or name another")
	}
	return nil
}

// writeFile writes a file that appears only when it is whole; - is out.
func writeFile(file string, out io.Writer, write func(io.Writer) error) error {
	if file == "-" {
		return write(out)
	}
	if user := userOf(out); user != nil {
		return user.writeFile(write)
	}
	part, err := os.CreateTemp(filepath.Dir(file), partName)
	if err != nil {
		return err
	}
	return finishFile(part, file, write(part))
}

// partName is what a file is called that is not whole yet.
const partName = ".crawl-export-*"

// finishFile gives a file that is whole its name, or takes it away if err says
// that it is not.
func finishFile(part *os.File, name string, err error) error {
	defer os.Remove(part.Name())
	if err := errors.Join(err, part.Chmod(0o644), part.Sync(), part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), name)
}

// print writes all rows and returns how many there were.
func (o *tableOutput) print(ctx context.Context, out io.Writer, rows *query.Rows, facets bool) (n int, err error) {
	return o.printAll(out, rows.All(), func(b *bufio.Writer) (rowWriter, error) {
		return o.writer(ctx, b, terminalWidth(out), rows.Columns, facets)
	})
}

// printAll writes rows in the form of a writer of one's own.
func (o *tableOutput) printAll(out io.Writer, rows iter.Seq2[[]any, error], form func(*bufio.Writer) (rowWriter, error)) (n int, err error) {
	err = writeFile(o.file, out, func(w io.Writer) error {
		b := bufio.NewWriterSize(w, 64<<10)
		to, err := form(b)
		if err == nil {
			n, err = writeRows(b, rows, to)
			if isCut := errors.Is(err, query.ErrTooManyRows) || errors.Is(err, query.ErrTooLong); isCut && o.program() == "" { // what came is part of the answer
				err = errors.Join(err, to.end())
			}
		}
		if failed := b.Flush(); err == nil { // a writer that failed says so again
			err = failed
		}
		return err
	})
	return n, err
}

func writeRows(b *bufio.Writer, rows iter.Seq2[[]any, error], to rowWriter) (n int, err error) {
	for row, err := range rows {
		if err == nil {
			err = to.row(row)
		}
		if err == nil && n < firstRows { // somebody waits for them
			err = b.Flush()
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, to.end()
}

// firstRows is how many rows are shown one by one.
const firstRows = 20

// rowWriter writes rows in some form.
type rowWriter interface {
	row([]any) error
	end() error // behind the last row
}

// writer makes what writes rows with these columns.
func (o *tableOutput) writer(ctx context.Context, b *bufio.Writer, width int, columns []query.ColumnOf, facets bool) (rowWriter, error) {
	return o.of(ctx, b, columns, func(columns []query.ColumnOf) rowWriter { return o.form(b, width, columns, facets) })
}

// form writes in the form that was chosen.
func (o *tableOutput) form(b *bufio.Writer, width int, columns []query.ColumnOf, facets bool) rowWriter {
	switch o.format {
	case "csv":
		return newCSVRows(b, columns, !o.raw)
	case "jsonl", "json":
		return &jsonRows{out: b, columns: columns, list: o.format == "json"}
	case "md":
		return &markdownRows{out: b, columns: columns}
	case "tsv":
		return &tsvRows{out: b, columns: columns, header: o.header}
	}
	if o.format == "wide" {
		width = 0
	}
	if facets {
		return &facetRows{out: b, width: width}
	}
	return &tableRows{out: b, columns: columns, width: width, colours: o.colours}
}

// terminalWidth is how many characters fit into a line; 0 if anything does.
func terminalWidth(out io.Writer) int {
	if user := userOf(out); user != nil {
		return user.command.Width
	}
	width, _ := terminalSize(out)
	return width
}

// terminalSize is how many characters fit into a line, and how many lines are
// seen; 0 where that is not known.
func terminalSize(out io.Writer) (width, height int) {
	f := fileOf(out)
	if f == nil {
		return 0, 0
	}
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, 0
	}
	return width, height
}

// cellText is a value as text; null is empty.
func cellText(v any, kind query.Kind) string {
	switch v := v.(type) {
	case nil:
		return ""
	case int64:
		if kind == query.Bool {
			return strconv.FormatBool(v != 0)
		}
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []byte:
		return fmt.Sprintf("%x", v)
	case string:
		if kind == query.List && v == "[]" {
			return ""
		}
		return v
	}
	return fmt.Sprint(v)
}

// tsvRows writes a row a line.
type tsvRows struct {
	out     *bufio.Writer
	columns []query.ColumnOf
	header  bool // still to be written
}

func (t *tsvRows) row(row []any) error {
	if err := t.begin(); err != nil {
		return err
	}
	for i, v := range row {
		if i > 0 {
			t.out.WriteByte('\t')
		}
		t.out.WriteString(plain(cellText(v, t.columns[i].Kind)))
	}
	return t.out.WriteByte('\n')
}

func (t *tsvRows) begin() error {
	if !t.header {
		return nil
	}
	t.header = false
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = plain(c.Name)
	}
	_, err := t.out.WriteString(strings.Join(names, "\t") + "\n")
	return err
}

func (t *tsvRows) end() error { return t.begin() }

// csvRows writes by RFC 4180.
type csvRows struct {
	out     *csv.Writer
	columns []query.ColumnOf
	guard   bool // make cells harmless
	cells   []string
	err     error // of the header
}

func newCSVRows(w io.Writer, columns []query.ColumnOf, guard bool) *csvRows {
	c := &csvRows{out: csv.NewWriter(w), columns: columns, guard: guard}
	c.out.UseCRLF = true
	for _, column := range columns {
		c.cells = append(c.cells, column.Name)
	}
	c.err = c.out.Write(c.cells)
	return c
}

func (c *csvRows) row(row []any) error {
	for i, v := range row {
		c.cells[i] = cellText(v, c.columns[i].Kind)
		if _, ok := v.(string); ok && c.guard {
			c.cells[i] = guarded(c.cells[i])
		}
	}
	err := errors.Join(c.err, c.out.Write(c.cells))
	c.out.Flush()
	return err
}

func (c *csvRows) end() error {
	c.out.Flush()
	return errors.Join(c.err, c.out.Error())
}

// jsonRows writes an object a line, or one list of them.
type jsonRows struct {
	out     *bufio.Writer
	columns []query.ColumnOf
	list    bool
	begun   bool
}

func (j *jsonRows) row(row []any) error {
	if j.list {
		before := ",\n"
		if !j.begun {
			before = "[\n"
		}
		j.begun = true
		j.out.WriteString(before)
	}
	line, err := rowJSON(j.columns, row)
	if err != nil {
		return err
	}
	j.out.Write(line)
	if j.list {
		return nil
	}
	return j.out.WriteByte('\n')
}

func (j *jsonRows) end() error {
	if !j.list {
		return nil
	}
	if !j.begun {
		j.out.WriteString("[")
	}
	_, err := j.out.WriteString("\n]\n")
	return err
}

// rowJSON is an object with the fields of a row in their order. What a terminal
// might obey is escaped.
func rowJSON(columns []query.ColumnOf, row []any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	sep := byte('{')
	for i, v := range row {
		b.WriteByte(sep)
		sep = ','
		if err := e.Encode(columns[i].Name); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - 1) // the line's end
		b.WriteByte(':')
		if err := e.Encode(jsonValue(columns[i].Kind, v)); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - 1)
	}
	b.WriteByte('}')
	if bytes.ContainsFunc(b.Bytes(), unsafeRune) {
		return escapeJSON(b.Bytes()), nil
	}
	return b.Bytes(), nil
}

// pageJSON is a visit as an object with the columns of pages.
func pageJSON(run *store.Run, p *store.Page, fields []string) ([]byte, error) {
	columns, values := query.PageRow(run, p, fields)
	if run.Site == "" { // it is of none
		values[0] = ""
	}
	return rowJSON(columns, values)
}

// joinObjects makes one object of two that have members.
func joinObjects(a, b []byte) []byte {
	return append(append(bytes.TrimSuffix(a, []byte("}")), ','), bytes.TrimPrefix(bytes.TrimSpace(b), []byte("{"))...)
}

// jsonValue is a value as JSON has it, which knows neither bytes nor what is beyond
// all numbers.
func jsonValue(kind query.Kind, v any) any {
	switch v := v.(type) {
	case int64:
		if kind == query.Bool {
			return v != 0
		}
	case float64:
		if math.IsInf(v, 0) {
			return nil
		}
	case []byte:
		return cellText(v, kind)
	case string:
		if kind == query.List || kind == query.Any && strings.HasPrefix(v, "[") {
			if json.Valid([]byte(v)) {
				return json.RawMessage(v)
			}
		}
	}
	return v
}

// markdownRows writes a table of Markdown.
type markdownRows struct {
	out     *bufio.Writer
	columns []query.ColumnOf
	begun   bool
}

var markdownSigns = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "`", "\\`", "[", `\[`, "]", `\]`, "*", `\*`, "_", `\_`)

func (m *markdownRows) line(cell func(i int) string) error {
	for i := range m.columns {
		m.out.WriteString("| " + cell(i) + " ")
	}
	_, err := m.out.WriteString("|\n")
	return err
}

func (m *markdownRows) begin() error {
	if m.begun {
		return nil
	}
	m.begun = true
	return errors.Join(
		m.line(func(i int) string { return markdownSigns.Replace(plain(m.columns[i].Name)) }),
		m.line(func(i int) string {
			if isNumber(m.columns[i].Kind) {
				return "---:"
			}
			return "---"
		}))
}

func (m *markdownRows) row(row []any) error {
	return errors.Join(m.begin(), m.line(func(i int) string { return markdownSigns.Replace(plain(cellText(row[i], m.columns[i].Kind))) }))
}

func (m *markdownRows) end() error { return m.begin() }

func isNumber(k query.Kind) bool { return k == query.Int || k == query.Real }
