// Package query answers questions about what a store holds: SQL over tables
// that read the store in place.
//
// It reads and never writes, but for an index of links that the store makes
// when somebody first asks who links where. It knows nothing of how an answer
// is shown.
package query

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"crawl/internal/weburl"
	"crawl/store"

	"modernc.org/sqlite"
	"modernc.org/sqlite/vtab"
)

// Options says how a database is asked.
type Options struct {
	// Run is whose rows the tables show where a statement does not say
	// run = ….
	Run *store.Run
	// Identity returns what makes two addresses of a run one page.
	Identity func(*store.Run) (func(weburl.URL) weburl.URL, error)
	// Warn is told what is wrong with the store and does not keep a statement
	// from its answer. It may be nil.
	Warn func(text string, cause error)

	MaxRows int           // of an answer; 0: no limit
	MaxTime time.Duration // for an answer; 0: no limit
}

// Errors that an answer ends with; test with errors.Is.
var (
	ErrTooManyRows = errors.New("the answer has more rows than are allowed")
	ErrTooLong     = errors.New("the answer takes longer than is allowed")
)

// DB is a store as a database. One statement may be asked at a time.
type DB struct {
	store  *store.Bolt
	o      Options
	tables []*Table
	number uint64
	conn   driver.Conn
	asked  *question // the statement that is asked
}

// Open makes a database of a store, which has to stay open.
func Open(st *store.Bolt, o Options) (*DB, error) {
	db := &DB{store: st, o: o, number: opened.Add(1), tables: tablesFor(fieldNames(o.Run))}
	db.asked = newQuestion(context.Background(), db)
	open.Store(db.number, db)
	err := db.connect()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the tables: %w", err), db.Close())
	}
	return db, nil
}

// connect declares the tables, and then forbids everything but reading.
func (db *DB) connect() (err error) {
	if db.conn, err = engine.Open(":memory:?_dqs=0"); err != nil {
		return err
	}
	for _, t := range db.tables {
		if err := db.exec(fmt.Sprintf("CREATE VIRTUAL TABLE %s USING %s(%d)", Quote(t.Name), moduleName, db.number)); err != nil {
			return err
		}
	}
	for _, pragma := range []string{"query_only = 1", "trusted_schema = 0", "cache_size = -16384"} {
		if err := db.exec("PRAGMA " + pragma); err != nil {
			return err
		}
	}
	return db.conn.(sqlite.AuthorizerRegisterer).RegisterAuthorizer(authorize)
}

func (db *DB) exec(statement string) error {
	_, err := db.conn.(driver.ExecerContext).ExecContext(context.Background(), statement, nil)
	return err
}

// authorize allows to read, and nothing else.
func authorize(action sqlite.AuthorizerActionCode, _, function, _, _ string) sqlite.AuthorizerReturnCode {
	switch action {
	case sqlite.AuthSelect, sqlite.AuthRead, sqlite.AuthRecursive:
		return sqlite.AuthorizerOK
	case sqlite.AuthFunction:
		if function != "load_extension" {
			return sqlite.AuthorizerOK
		}
	}
	return sqlite.AuthorizerDeny
}

// Close ends the database, not the store.
func (db *DB) Close() error {
	open.Delete(db.number)
	if db.conn == nil {
		return nil
	}
	return db.conn.Close()
}

// Tables returns all tables.
func (db *DB) Tables() []*Table { return db.tables }

// Table returns the table of that name, or nil.
func (db *DB) Table(name string) *Table {
	for _, t := range db.tables {
		if strings.EqualFold(t.Name, name) {
			return t
		}
	}
	return nil
}

// question is one statement that is being answered.
type question struct {
	db      *DB
	ctx     context.Context
	over    atomic.Bool // ctx is done
	inexact bool        // texts are compared in other ways than byte by byte
	views   map[store.RunID]*runView
	err     error // of the store: SQLite keeps no error as it was
}

func newQuestion(ctx context.Context, db *DB) *question {
	return &question{db: db, ctx: ctx, views: map[store.RunID]*runView{}}
}

// fail keeps the first error, and returns it.
func (q *question) fail(err error) error {
	if q.err == nil {
		q.err = err
	}
	return err
}

// Rows is an answer.
type Rows struct {
	Columns []ColumnOf
	db      *DB
	q       *question
	rows    driver.Rows
	end     []func()
}

// ColumnOf is a column of an answer.
type ColumnOf struct {
	Name string
	Kind Kind
}

// Query asks a statement, which must be one SELECT. The answer has to be read
// with All, or closed, before the next is asked for.
func (db *DB) Query(ctx context.Context, statement string) (*Rows, error) {
	r := &Rows{db: db}
	if db.o.MaxTime > 0 {
		limited, cancel := context.WithTimeoutCause(ctx, db.o.MaxTime, ErrTooLong)
		ctx, r.end = limited, append(r.end, cancel)
	}
	r.q = newQuestion(ctx, db)
	db.asked = r.q
	stop := context.AfterFunc(ctx, func() { r.q.over.Store(true) })
	r.end = append(r.end, func() { stop() })
	rows, err := db.conn.(driver.QueryerContext).QueryContext(ctx, statement, nil)
	if err != nil {
		return nil, errors.Join(r.failed(err), r.Close())
	}
	r.rows = rows
	types := rows.(driver.RowsColumnTypeDatabaseTypeName)
	for i, name := range rows.Columns() {
		r.Columns = append(r.Columns, ColumnOf{name, kindOf(types.ColumnTypeDatabaseTypeName(i))})
	}
	return r, nil
}

// failed says why there is no answer, or no more of it.
func (r *Rows) failed(err error) error {
	switch {
	case r.q.ctx.Err() != nil:
		return context.Cause(r.q.ctx)
	case r.q.err != nil:
		return r.q.err
	}
	return err
}

// All yields the rows and closes the answer. A row is good until the next one:
// its values are nil, int64, float64, string or []byte.
func (r *Rows) All() iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		defer r.Close()
		values := make([]driver.Value, len(r.Columns))
		row := make([]any, len(values))
		for n := 0; ; n++ {
			err := r.rows.Next(values)
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				err = r.failed(err)
			case r.db.o.MaxRows > 0 && n == r.db.o.MaxRows:
				err = ErrTooManyRows
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for i, v := range values {
				row[i] = v
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// Close ends an answer that was not read to its end. It may be called twice.
func (r *Rows) Close() (err error) {
	if r.rows != nil {
		err = r.rows.Close()
		r.rows = nil
	}
	for _, end := range r.end {
		end()
	}
	r.end = nil
	return err
}

// newScan says what is to be read by a plan that BestIndex made; nil if that
// is nothing.
func (q *question) newScan(t *Table, plan string, values []vtab.Value) (*scan, error) {
	s := &scan{q: q}
	var err error
	if t.perRun {
		if s.run, err = q.defaultRun(); err != nil {
			return nil, err
		}
	}
	if plan == "" {
		return s, nil
	}
	for i, words := range strings.Split(plan, ", ") {
		name, op, _ := strings.Cut(words, " ")
		if values[i] == nil {
			return nil, nil // nothing equals NULL
		}
		text, ok := textOf(values[i])
		if t.perRun && name == "run" {
			if s.run, err = q.runNamed(text); s.run == nil || err != nil {
				return nil, err
			}
			continue
		}
		if c, ok2 := newCondition(name, op, text); ok && ok2 {
			s.where = append(s.where, c)
		}
	}
	return s, nil
}

func newCondition(column, op, text string) (condition, bool) {
	switch op {
	case "=":
		return condition{column, Equal, text}, true
	case "GLOB":
		if i := strings.IndexAny(text, "*?["); i >= 0 {
			text = text[:i]
		}
		return condition{column, Prefix, text}, text != ""
	}
	text, _, _ = strings.Cut(text, "%")
	text, _, _ = strings.Cut(text, "_")
	text = fixedInLike(text)
	return condition{column, Prefix, text}, text != ""
}

// fixedInLike returns what every URL begins with that is LIKE a text that
// begins so: LIKE takes no notice of the case of letters, hosts have but one.
func fixedInLike(text string) string {
	_, rest, ok := strings.Cut(text, "://")
	path := strings.IndexByte(rest, '/')
	if !ok || path < 0 {
		return ""
	}
	path += len(text) - len(rest)
	end := strings.IndexFunc(text[path:], unicode.IsLetter)
	if end < 0 {
		end = len(text) - path
	}
	return strings.ToLower(text[:path]) + text[path:path+end]
}

// textOf is a value as text; a number is written as SQLite does.
func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		return fmt.Sprint(v), true
	}
	return "", false
}
