package query

import (
	"fmt"
	"hash/maphash"
	"iter"
	"strconv"
	"sync"
	"sync/atomic"

	"modernc.org/sqlite/vtab"
)

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

// identified is a row that can be told from all others, however it was found:
// where conditions are joined by OR, SQLite takes each row once by its number.
// Two links of a page that differ in nothing are one to that.
type identified interface {
	identify(h *maphash.Hash)
}

var rowSeed = maphash.MakeSeed()

// Rowid implements vtab.Cursor.
func (c *cursor) Rowid() (int64, error) {
	row, ok := c.row.(identified)
	if !ok {
		return c.n, nil // of a table that is read in one way only
	}
	var h maphash.Hash
	h.SetSeed(rowSeed)
	row.identify(&h)
	return int64(h.Sum64()), nil
}

// Close implements vtab.Cursor.
func (c *cursor) Close() error {
	c.stop()
	return nil
}
