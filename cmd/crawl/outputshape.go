package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"crawl/internal/query"

	"github.com/itchyny/gojq"
	"github.com/spf13/pflag"
)

// outputShape is what becomes of rows as JSON: some of their fields, or what a
// program makes of the list of them all. As with gh a program gets the list and
// not each row, so that it can sort, group and count.
type outputShape struct {
	fields, jq, template string

	query *gojq.Code         // jq
	text  *template.Template // template
}

// allFields stands for --json without names.
const allFields = "*"

func (s *outputShape) flags(fl *pflag.FlagSet) {
	fl.StringVar(&s.fields, "json", "", "JSON, a list of objects; --json=`FIELDS` with these alone")
	fl.Lookup("json").NoOptDefVal = allFields
	fl.StringVar(&s.jq, "jq", "", "what `EXPR`, a program of jq, makes of the list of rows; texts are printed as they are")
	fl.StringVar(&s.template, "template", "", "the list of rows through `TEXT`, a template of Go")
}

// isSet tells whether rows are to have a shape of their own.
func (s *outputShape) isSet() bool { return s.fields != "" || s.jq != "" || s.template != "" }

// check finds faults, before anything is asked. format is what was given beside.
func (s *outputShape) check(format string) (err error) {
	switch {
	case !s.isSet():
		return nil
	case s.jq != "" && s.template != "":
		return newUsageError("--template", "--jq makes the output already", "leave one of them out")
	case format != "" && format != "json" && (format != "jsonl" || s.jq != "" || s.template != ""):
		return newUsageError("--format", "--json, --jq and --template make JSON of rows, and not "+format, "leave --format out")
	}
	if s.jq != "" {
		if s.query, err = compileJQ(s.jq); err != nil {
			return newUsageError("--jq", err.Error(), "see `crawl help formats`")
		}
	}
	if s.template != "" {
		if s.text, err = template.New("template").Funcs(templateFuncs).Option("missingkey=error").Parse(s.template); err != nil {
			return newUsageError("--template", err.Error(), "see `crawl help formats`")
		}
	}
	return nil
}

// program is the flag that has the program; "" if none does.
func (s *outputShape) program() string {
	switch {
	case s.text != nil:
		return "--template"
	case s.query != nil:
		return "--jq"
	}
	return ""
}

// compileJQ reads a program, which sees the rows and nothing of the machine.
func compileJQ(text string) (*gojq.Code, error) {
	q, err := gojq.Parse(text)
	if err != nil {
		return nil, err
	}
	return gojq.Compile(q)
}

// templateFuncs are what a template may call besides what Go has.
var templateFuncs = template.FuncMap{
	"join":     func(sep string, list []any) string { return joined(sep, list) },
	"json":     func(v any) (string, error) { b, err := json.Marshal(v); return string(b), err },
	"lower":    strings.ToLower,
	"truncate": func(width int, v any) string { return cutTo(valueText(v), max(width, 1)) },
	"upper":    strings.ToUpper,
}

func joined(sep string, list []any) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = valueText(v)
	}
	return strings.Join(texts, sep)
}

// valueText is a value as a template prints it; null is empty.
func valueText(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// names are the fields that are asked for; nil for all.
func (s *outputShape) names() (names []string) {
	if s.fields == "" || s.fields == allFields {
		return nil
	}
	for name := range strings.SplitSeq(s.fields, ",") {
		names = append(names, strings.TrimSpace(name))
	}
	return names
}

// pick finds the columns that are asked for; nil for all.
func (s *outputShape) pick(columns []query.ColumnOf) (picked []int, err error) {
	var known []string
	for _, c := range columns {
		known = append(known, c.Name)
	}
	for _, name := range s.names() {
		i := slices.Index(known, name)
		if i < 0 {
			return nil, newUsageError("--json", "there is no field "+quoted(name), didYouMean(name, known, "there are "+plain(strings.Join(known, ", "))))
		}
		picked = append(picked, i)
	}
	return picked, nil
}

// of makes rows of the shape, which to writes unless a program does.
func (s *outputShape) of(ctx context.Context, b *bufio.Writer, columns []query.ColumnOf, to func([]query.ColumnOf) rowWriter) (rowWriter, error) {
	picked, err := s.pick(columns)
	if err != nil {
		return nil, err
	}
	if picked != nil {
		all := columns
		columns = make([]query.ColumnOf, len(picked))
		for i, from := range picked {
			columns[i] = all[from]
		}
	}
	var w rowWriter
	switch h := held(ctx); {
	case s.program() == "":
		w = to(columns)
	case h != nil:
		w = &farRows{to: bufio.NewWriterSize(h.program, 32<<10), columns: columns}
	default:
		w = &heldRows{shape: s, ctx: ctx, out: b, columns: columns}
	}
	if picked == nil {
		return w, nil
	}
	return &pickedRows{to: w, picked: picked, cells: make([]any, len(picked))}, nil
}

// pickedRows passes some of the fields on.
type pickedRows struct {
	to     rowWriter
	picked []int
	cells  []any
}

func (p *pickedRows) row(row []any) error {
	for i, from := range p.picked {
		p.cells[i] = row[from]
	}
	return p.to.row(p.cells)
}

func (p *pickedRows) end() error { return p.to.end() }

// heldRows keeps all rows for a program that wants them together.
type heldRows struct {
	shape   *outputShape
	ctx     context.Context // of the question: a program may run for long
	out     *bufio.Writer
	columns []query.ColumnOf
	rows    []any
	size    int
}

// maxHeld is about how many bytes of rows are held.
const maxHeld = 64 << 20

// placeSize is what a value takes in memory beside its text.
const placeSize = 64

func (h *heldRows) row(row []any) error { return h.add(programRow(h.columns, row)) }

// programRow is a row as programs know it.
func programRow(columns []query.ColumnOf, row []any) map[string]any {
	object := make(map[string]any, len(row))
	for i, v := range row {
		object[columns[i].Name] = programValue(jsonValue(columns[i].Kind, v))
	}
	return object
}

// heldSize is about what a value takes in memory.
func heldSize(v any) int {
	n := placeSize
	switch v := v.(type) {
	case string:
		n += len(v)
	case []any:
		for _, part := range v {
			n += heldSize(part)
		}
	case map[string]any:
		for _, part := range v {
			n += heldSize(part)
		}
	}
	return n
}

func (h *heldRows) add(object map[string]any) error {
	if h.size += heldSize(object); h.size > maxHeld {
		return newUsageError(h.shape.program(), "a program gets all rows at once, and these are more than "+bytesText(maxHeld), "ask for fewer rows or fields (--json=FIELDS), or write -f jsonl and have a program read that")
	}
	h.rows = append(h.rows, object)
	return nil
}

// programValue is a value of a kind that programs know.
func programValue(v any) any {
	switch v := v.(type) {
	case int64:
		return int(v)
	case json.RawMessage:
		var list any
		if json.Unmarshal(v, &list) == nil {
			return list
		}
		return string(v)
	}
	return v
}

func (h *heldRows) end() error {
	if h.rows == nil {
		h.rows = []any{}
	}
	if h.shape.text != nil {
		to := &plainWriter{ctx: h.ctx, out: h.out}
		err := h.shape.text.Execute(to, h.rows)
		var wrong template.ExecError
		switch {
		case errors.As(err, &wrong):
			return newUsageError("--template", err.Error(), "")
		case err != nil: // of the output, or of ctx
			return err
		}
		return to.end()
	}
	results := h.shape.query.RunWithContext(h.ctx, h.rows)
	for v, more := results.Next(); more; v, more = results.Next() {
		if err, failed := v.(error); failed {
			var halt *gojq.HaltError
			if errors.As(err, &halt) && halt.Value() == nil {
				return nil
			}
			if h.ctx.Err() != nil {
				return context.Cause(h.ctx)
			}
			return newUsageError("--jq", err.Error(), "")
		}
		if err := h.result(v); err != nil {
			return err
		}
	}
	return nil
}

// result writes a text as it is and anything else as JSON, safe for a terminal.
func (h *heldRows) result(v any) error {
	text, ok := v.(string)
	line := plainLines([]byte(text))
	if !ok {
		var err error
		if line, err = gojq.Marshal(v); err != nil {
			return err
		}
		if bytes.ContainsFunc(line, unsafeRune) {
			line = escapeJSON(line)
		}
	}
	_, err := h.out.Write(append(bytes.TrimSuffix(line, []byte("\n")), '\n'))
	return err
}

// plainWriter makes what it is given safe for a terminal, line by line, until ctx
// ends.
type plainWriter struct {
	ctx  context.Context
	out  io.Writer
	line []byte
}

func (p *plainWriter) Write(text []byte) (int, error) {
	if p.ctx.Err() != nil {
		return 0, context.Cause(p.ctx)
	}
	p.line = append(p.line, text...)
	whole := bytes.LastIndexByte(p.line, '\n') + 1
	_, err := p.out.Write(plainLines(p.line[:whole]))
	p.line = append(p.line[:0], p.line[whole:]...)
	return len(text), err
}

// end writes a last line without an end.
func (p *plainWriter) end() error {
	_, err := p.out.Write(bytes.TrimSuffix(plainLines(p.line), []byte("\n")))
	return err
}
