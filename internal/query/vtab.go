package query

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"modernc.org/sqlite"
	"modernc.org/sqlite/vtab"
)

// engine is a driver of our own: what others register with the usual one is
// none of ours.
var engine = func() *sqlite.Driver {
	d := &sqlite.Driver{}
	if err := d.RegisterModule(moduleName, module{}); err != nil {
		panic(err) // it is there already: cannot be
	}
	return d
}()

const moduleName = "crawl_store"

// open holds the databases that are open by their number, for a module is
// registered once and for all.
var (
	open   sync.Map
	opened atomic.Uint64
)

// module makes the tables of whichever database asks for them.
type module struct{}

// Create implements vtab.Module.
func (module) Create(ctx vtab.Context, args []string) (vtab.Table, error) {
	// module, schema, table, number of the database
	if len(args) != 4 {
		return nil, fmt.Errorf("%d arguments", len(args))
	}
	n, err := strconv.ParseUint(args[3], 10, 64)
	if err != nil {
		return nil, err
	}
	db, ok := open.Load(n)
	if !ok {
		return nil, fmt.Errorf("database %d is not open", n)
	}
	t := db.(*DB).Table(args[2])
	if t == nil {
		return nil, fmt.Errorf("there is no table %s", args[2])
	}
	return &virtual{db.(*DB), t}, ctx.Declare(t.declaration())
}

// Connect implements vtab.Module.
func (m module) Connect(ctx vtab.Context, args []string) (vtab.Table, error) {
	return m.Create(ctx, args)
}

// virtual is a table as SQLite sees it.
type virtual struct {
	db *DB
	*Table
}

// Disconnect implements vtab.Table.
func (v *virtual) Disconnect() error { return nil }

// Destroy implements vtab.Table.
func (v *virtual) Destroy() error { return nil }

// Open implements vtab.Table.
func (v *virtual) Open() (vtab.Cursor, error) { return &cursor{virtual: v, stop: func() {}}, nil }

// condition is one that SQLite hands to a table: column = value, or one that
// begins with value.
type condition struct {
	column string
	op     Index
	value  string
}

// scan is what a cursor is to read.
type scan struct {
	q     *question
	run   *runView // of a table that shows one run at a time
	where []condition
}

// equal returns what a column is to equal.
func (s *scan) equal(column string) (value string, ok bool) { return s.find(column, Equal) }

// prefix returns what a column is to begin with.
func (s *scan) prefix(column string) (value string, ok bool) { return s.find(column, Prefix) }

func (s *scan) find(column string, op Index) (value string, ok bool) {
	for _, c := range s.where {
		if c.column == column && c.op == op {
			return c.value, true
		}
	}
	return "", false
}

// cursor goes through the rows of a table.
type cursor struct {
	*virtual
	next func() (any, error, bool)
	stop func()
	row  any
	n    int64
	eof  bool
}

// Filter implements vtab.Cursor.
func (c *cursor) Filter(_ int, plan string, values []vtab.Value) error {
	c.stop()
	q := c.db.asked
	s, err := q.newScan(c.Table, plan, values)
	if err != nil {
		return q.fail(err)
	}
	c.stop, c.eof = func() {}, s == nil
	if s == nil {
		return nil
	}
	c.next, c.stop = iter.Pull2(c.scan(s))
	return c.Next()
}

// Next implements vtab.Cursor.
func (c *cursor) Next() error {
	q := c.db.asked
	if q.over.Load() {
		return q.fail(q.ctx.Err())
	}
	row, err, ok := c.next()
	if err != nil {
		return q.fail(err)
	}
	c.row, c.eof = row, !ok
	c.n++
	return nil
}

// Eof implements vtab.Cursor.
func (c *cursor) Eof() bool { return c.eof }

// Column implements vtab.Cursor.
func (c *cursor) Column(i int) (vtab.Value, error) {
	v := c.Columns[i].value(c.row)
	return v, c.db.asked.err
}

// Rowid implements vtab.Cursor.
func (c *cursor) Rowid() (int64, error) { return c.n, nil }

// Close implements vtab.Cursor.
func (c *cursor) Close() error {
	c.stop()
	return nil
}

// BestIndex implements vtab.Table: conditions on indexed columns are asked
// for, and how much each spares is guessed.
func (v *virtual) BestIndex(info *vtab.IndexInfo) error {
	var plan []string
	rows := v.rows
	for i := range info.Constraints {
		c := &info.Constraints[i]
		if c.Column < 0 || c.Column >= len(v.Columns) {
			continue
		}
		column := &v.Columns[c.Column]
		word := opWord(column, c.Op)
		switch isRun := v.perRun && column.Name == "run"; {
		case word == "" || v.db.asked.inexact:
		case !c.Usable && isRun:
			rows = neverRows
		case c.Usable:
			c.ArgIndex, c.Omit = len(plan), isRun
			plan = append(plan, column.Name+" "+word)
			rows = min(rows, spared(v.rows, column, word))
		}
	}
	info.IdxStr = strings.Join(plan, ", ")
	info.EstimatedCost, info.EstimatedRows = rows, int64(rows)
	return nil
}

// neverRows makes a plan the worst of all: a condition on the run says which
// table is meant, and is not one among others.
const neverRows = 1e15

// spared guesses how many rows there are behind an index.
func spared(rows float64, c *Column, word string) float64 {
	switch {
	case c.Name == "run":
		return rows
	case c.Name == "url" && word == "=":
		return 1
	case word == "=":
		return rows / 1000
	}
	return rows / 20
}

// opWord is the word for an operator that the column's index answers.
func opWord(c *Column, op vtab.ConstraintOp) string {
	switch {
	case op == vtab.OpEQ && c.Index&Equal != 0:
		return "="
	case op == vtab.OpGLOB && c.Index&Prefix != 0:
		return "GLOB"
	case op == vtab.OpLIKE && c.Index&Prefix != 0:
		return "LIKE"
	}
	return ""
}
