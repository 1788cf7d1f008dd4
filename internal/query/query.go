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
	"strings"
	"sync/atomic"
	"time"

	"crawl/internal/weburl"
	"crawl/store"

	"modernc.org/sqlite"
)

// Options says how a database is asked.
type Options struct {
	// Run is whose rows the tables show where a statement does not say
	// run = ….
	Run *store.Run
	// Baseline is the run that Run is held against; nil: see the function Baseline.
	Baseline *store.Run
	// Identity returns what makes two addresses of a run one page.
	Identity func(*store.Run) (func(weburl.URL) weburl.URL, error)
	// Judge returns what tells whether a run would follow links to a page. It
	// may be nil: then any run would follow any.
	Judge func(*store.Run) (Judge, error)
	// Schedules returns what is configured, with what is known of it; nil for
	// nothing.
	Schedules func(context.Context) ([]Schedule, error)
	// Warn is told what is wrong with the store and does not keep a statement
	// from its answer. It may be nil.
	Warn func(text string, cause error)
	// Live returns what goes on of a run, nil for a run that does not. Where it
	// is set the store belongs to a crawl: no index is made, so that nothing is
	// written at all.
	Live func(store.RunID) *Live
	// Rules returns what the user thinks of the findings of a site's runs. It may be
	// nil, and return nil.
	Rules func(site string) *Rules
	// Search answers search('words'). It may be nil.
	Search Searcher

	MaxRows int           // of an answer; 0: no limit
	MaxTime time.Duration // for an answer; 0: no limit
}

// Judge says of a page that another run has what in a run's settings keeps it
// from being fetched: a reason and a rule, or none.
type Judge func(*store.Page) (reason, rule string)

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
	conn   driver.Conn // nil until the first statement
	asked  *question   // the statement that is asked

	subs   map[store.RunID]*DB // for statements within others
	warned map[string]bool     // of what they met

	entering bool // the statement that is prepared is ours
	judging  bool // by a gate, which muted findings are not for
	within   func() error
}

// Open makes a database of a store, which has to stay open. The tables are made
// when the first statement is asked: whoever counts may need none.
func Open(st *store.Bolt, o Options) *DB { return newDB(st, o, tablesFor(FieldNames(o.Run))) }

func newDB(st *store.Bolt, o Options, tables []*Table) *DB {
	db := &DB{store: st, o: o, number: opened.Add(1), tables: tables}
	db.asked = newQuestion(context.Background(), db)
	open.Store(db.number, db)
	return db
}

// connect makes the tables, if they are not there.
func (db *DB) connect() error {
	if db.conn != nil {
		return nil
	}
	var err error
	if db.conn, err = engine.Open(":memory:?_dqs=0"); err == nil {
		err = db.declare()
	}
	if err == nil {
		return nil
	}
	if db.conn != nil {
		err = errors.Join(err, db.conn.Close())
		db.conn = nil
	}
	return fmt.Errorf("open the tables: %w", err)
}

// declare declares the tables, and then forbids everything but reading.
func (db *DB) declare() error {
	if err := bound(db.conn); err != nil {
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
	return db.conn.(sqlite.AuthorizerRegisterer).RegisterAuthorizer(db.authorize)
}

func (db *DB) exec(statement string) error {
	_, err := db.conn.(driver.ExecerContext).ExecContext(context.Background(), statement, nil)
	return err
}

// authorize allows to read, and nothing else.
func (db *DB) authorize(action sqlite.AuthorizerActionCode, table, function, _, _ string) sqlite.AuthorizerReturnCode {
	switch action {
	case sqlite.AuthSelect, sqlite.AuthRecursive:
		return sqlite.AuthorizerOK
	case sqlite.AuthRead:
		if !strings.HasPrefix(table, "sqlite_") {
			return sqlite.AuthorizerOK
		}
	case sqlite.AuthFunction:
		if function != "load_extension" && (function != withinFunction || db.entering) {
			return sqlite.AuthorizerOK
		}
	}
	return sqlite.AuthorizerDeny
}

// Close ends the database, not the store.
func (db *DB) Close() error {
	open.Delete(db.number)
	err := db.closeSubs()
	if db.conn == nil {
		return err
	}
	return errors.Join(err, db.conn.Close())
}

// Store returns the store that is asked.
func (db *DB) Store() *store.Bolt { return db.store }

// Baseline returns the run that the database's run is held against, or nil.
func (db *DB) Baseline(ctx context.Context) (*store.Run, error) {
	if db.o.Run == nil || db.o.Baseline != nil {
		return db.o.Baseline, nil
	}
	return Baseline(ctx, db.store, db.o.Run)
}

// Of opens the same store as a database of another run.
func (db *DB) Of(ctx context.Context, name string) (*DB, error) {
	run, err := FindRun(ctx, db.store, name, time.Now())
	if err != nil {
		return nil, err
	}
	o := db.o
	o.Run, o.Baseline = run, nil
	return Open(db.store, o), nil
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
