package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"crawl/internal/query"
)

// shaped is what becomes of rows.
func shaped(t *testing.T, s outputShape, columns []query.ColumnOf, rows ...[]any) (string, error) {
	t.Helper()
	if err := s.check(""); err != nil {
		t.Fatal(err)
	}
	o := tableOutput{outputShape: s, format: "json"}
	var b bytes.Buffer
	err := o.list(t.Context(), &b, 0, columns, rows)
	return b.String(), err
}

// Programs get what a value is, and print nothing that a terminal would obey.
func TestShapes(t *testing.T) {
	columns := []query.ColumnOf{{Name: "n", Kind: query.Int}, {Name: "x", Kind: query.Real}, {Name: "ok", Kind: query.Bool}, {Name: "list", Kind: query.List}, {Name: "text"}, {Name: "none"}, {Name: "raw"}}
	row := []any{int64(7), 1.5, int64(1), `["a","b"]`, "\x1b]0;x\x07\u202e\xff\ttab\nline", nil, []byte{1, 255}}
	for _, tt := range []struct {
		shape outputShape
		want  string
	}{
		{outputShape{jq: ".[] | [.n, .x, .ok, .list, .none, .raw]"}, `[7,1.5,true,["a","b"],null,"01ff"]` + "\n"},
		{outputShape{jq: ".[].text"}, "\\x1b]0;x\\a\\u202e\\xff\ttab\nline\n"},
		{outputShape{jq: ".[0].text, length", fields: "text"}, "\\x1b]0;x\\a\\u202e\\xff\ttab\nline\n1\n"},
		{outputShape{jq: ".[] | {text}"}, `{"text":"\u001b]0;x\u0007\u202e\ufffd\ttab\nline"}` + "\n"},
		{outputShape{jq: "halt"}, ""},
		{outputShape{template: "{{range .}}{{.n}} {{.ok}} {{join `+` .list}} {{json .x}}{{.none}} {{.text}}{{end}}"}, "7 true a+b 1.5<no value> \\x1b]0;x\\a\\u202e\\xff\ttab\nline"},
		{outputShape{fields: "ok, n"}, "[\n{\"ok\":true,\"n\":7}\n]\n"},
	} {
		if got, err := shaped(t, tt.shape, columns, row); err != nil || got != tt.want {
			t.Errorf("%+v: %v\n%q\nwant\n%q", tt.shape, err, got, tt.want)
		}
		if tt.shape.jq == "" && tt.shape.template == "" {
			continue
		}
		if here, there, err := shapedFar(t, tt.shape, columns, row); err != nil || here != tt.want || there != "" {
			t.Errorf("%+v: %v\n%q\nwant\n%q, and %q from who holds the store", tt.shape, err, here, tt.want, there)
		}
	}
}

// bytewise writes byte by byte.
type bytewise struct{ io.Writer }

func (w bytewise) Write(p []byte) (n int, err error) {
	for i := 0; i < len(p) && err == nil; i++ {
		_, err = w.Writer.Write(p[i : i+1])
	}
	return len(p), err
}

// shapedFar is shaped where another process holds the store: there is what that
// writes itself.
func shapedFar(t *testing.T, s outputShape, columns []query.ColumnOf, rows ...[]any) (here, there string, err error) {
	t.Helper()
	if err := s.check(""); err != nil {
		t.Fatal(err)
	}
	var out, far bytes.Buffer
	ctx := context.WithValue(t.Context(), holdingKey{}, &holding{program: bytewise{&nearRows{shape: &s, ctx: t.Context(), file: "-", out: &out}}})
	o := tableOutput{outputShape: s, format: "json", file: "-"}
	err = o.list(ctx, &far, 0, columns, rows)
	return out.String(), far.String(), err
}

// More rows than are to be held are refused, with what to do.
func TestHeldRowsAreLimited(t *testing.T) {
	h := &heldRows{shape: &outputShape{}, ctx: t.Context(), out: bufio.NewWriter(&bytes.Buffer{}), columns: []query.ColumnOf{{Name: "text"}}}
	var err error
	for n := 0; err == nil; n++ {
		if n > maxHeld/(1<<20) {
			t.Fatalf("%d rows of a megabyte are held", n)
		}
		err = h.row([]any{strings.Repeat("x", 1<<20)})
	}
	var usage *usageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "-f jsonl") {
		t.Error(err)
	}
}

// What was removed and added is marked, line by line, and safe.
func TestMarked(t *testing.T) {
	for _, tt := range []struct {
		piece  piece
		colour bool
		want   string
	}{
		{piece{opSame, "a\x1b[31m b\n"}, true, "a\\x1b[31m b\n"},
		{piece{opRemoved, "a"}, false, "[-a-]"},
		{piece{opAdded, "a\u202e\nb"}, false, "{+a\\u202e+}\n{+b+}"},
		{piece{opAdded, "a"}, true, "\x1b[32m{+a+}\x1b[m"},
		{piece{opRemoved, "a\nb\n"}, true, "\x1b[31m[-a-]\x1b[m\n\x1b[31m[-b-]\x1b[m\n"},
	} {
		if got := marked(tt.piece, tt.colour); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.piece, got, tt.want)
		}
	}
}
