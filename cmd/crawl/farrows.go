package main

import (
	"bufio"
	"context"
	"errors"
	"io"

	"crawl/internal/query"

	"github.com/spf13/cobra"
	"github.com/tinylib/msgp/msgp"
)

// farRows sends rows to whoever has a program for them, elsewhere: it is his
// memory and his time. A row is a map of MessagePack, which knows a whole number
// from one that is not; nil is behind the last.
type farRows struct {
	to      *bufio.Writer
	columns []query.ColumnOf
	buffer  []byte
}

func (f *farRows) row(row []any) (err error) {
	if f.buffer, err = msgp.AppendIntf(f.buffer[:0], programRow(f.columns, row)); err != nil {
		return err
	}
	_, err = f.to.Write(f.buffer)
	return err
}

func (f *farRows) end() error {
	_, err := f.to.Write(msgp.AppendNil(nil))
	return errors.Join(err, f.to.Flush())
}

// nearRows has the user's program run on rows that farRows sent.
type nearRows struct {
	shape   *outputShape
	ctx     context.Context // of the command
	file    string          // that it writes
	out     io.Writer
	held    *heldRows // of the list that has begun
	pending []byte    // a part of a row
}

// newNearRows finds the program of a command; nil if it has none.
func newNearRows(c *cobra.Command, file string) (*nearRows, error) {
	s := &outputShape{}
	for name, text := range map[string]*string{"jq": &s.jq, "template": &s.template} {
		if f := c.Flags().Lookup(name); f != nil {
			*text = f.Value.String()
		}
	}
	if !s.isSet() {
		return nil, nil
	}
	return &nearRows{shape: s, ctx: c.Context(), file: file, out: c.OutOrStdout()}, s.check("")
}

// Write takes a piece of what farRows wrote.
func (n *nearRows) Write(data []byte) (int, error) {
	n.pending = append(n.pending, data...)
	rest := n.pending
	for len(rest) > 0 {
		if _, err := msgp.Skip(rest); errors.Is(err, msgp.ErrShortBytes) {
			break
		}
		v, after, err := msgp.ReadIntfBytes(rest)
		if err == nil {
			err = n.take(v)
		}
		if err != nil {
			return 0, err
		}
		rest = after
	}
	n.pending = append(n.pending[:0], rest...)
	return len(data), nil
}

// take adds a row to the list, or runs the program when it is whole.
func (n *nearRows) take(v any) error {
	if n.held == nil {
		n.held = &heldRows{shape: n.shape, ctx: n.ctx}
	}
	if object, ok := v.(map[string]any); ok {
		for name, v := range object {
			object[name] = programNumbers(v)
		}
		return n.held.add(object)
	}
	held := n.held
	n.held = nil
	return writeFile(n.file, n.out, func(w io.Writer) error {
		held.out = bufio.NewWriterSize(w, 64<<10)
		return errors.Join(held.end(), held.out.Flush())
	})
}

// programNumbers has whole numbers be of the kind that programs know.
func programNumbers(v any) any {
	switch v := v.(type) {
	case int64:
		return int(v)
	case uint64:
		return int(v)
	case []any:
		for i := range v {
			v[i] = programNumbers(v[i])
		}
	}
	return v
}
