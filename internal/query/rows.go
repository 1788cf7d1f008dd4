package query

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"modernc.org/sqlite"
)

// Rows is an answer.
type Rows struct {
	Columns []ColumnOf

	db        *DB
	ctx       context.Context
	statement string
	tokens    []token
}

// ColumnOf is a column of an answer.
type ColumnOf struct {
	Name string
	Kind Kind
}

// Select is Query of the statement that q makes.
func (db *DB) Select(ctx context.Context, q *Select) (*Rows, error) {
	statement, err := q.SQL()
	if err != nil {
		return nil, err
	}
	return db.Query(ctx, statement)
}

// Query prepares a statement: one that reads. What is wrong with it is an
// *Error. The answer comes into being while it is read with All.
func (db *DB) Query(ctx context.Context, statement string) (*Rows, error) {
	tokens, bad := checkStatement(statement)
	if bad != nil {
		return nil, bad
	}
	db.asked = newQuestion(ctx, db)
	if err := db.connect(); err != nil {
		return nil, err
	}
	columns, err := db.conn.(interface {
		ColumnInfo(string) ([]sqlite.ColumnInfo, error)
	}).ColumnInfo(statement)
	if err != nil {
		return nil, db.explain(statement, tokens, err)
	}
	r := &Rows{db: db, ctx: ctx, statement: statement, tokens: tokens}
	taken := map[string]bool{}
	for _, c := range columns {
		r.Columns = append(r.Columns, ColumnOf{unlike(c.Name, taken), kindOf(c.DeclType)})
	}
	return r, nil
}

// unlike makes a name one that none has yet, as SQLite names columns of a table that
// it makes of an answer: an object or a table has no two of one name.
func unlike(name string, taken map[string]bool) string {
	free := name
	for n := 1; taken[strings.ToLower(free)]; n++ {
		free = fmt.Sprintf("%s:%d", name, n)
	}
	taken[strings.ToLower(free)] = true
	return free
}

// All yields the rows as they are found, until the first error, and may be
// ranged over again. A row is good until the next one: its values are nil,
// int64, float64, string or []byte.
func (r *Rows) All() iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		ctx, end := context.WithCancel(r.ctx)
		if limit := r.db.o.MaxTime; limit > 0 {
			ctx, end = context.WithTimeoutCause(r.ctx, limit, ErrTooLong)
		}
		defer end()
		q := newQuestion(ctx, r.db)
		q.inexact = slices.ContainsFunc(r.tokens, func(t token) bool { return t.is("COLLATE") })
		r.db.asked = q
		defer context.AfterFunc(ctx, func() { q.over.Store(true) })()
		wanted := true // more
		err := r.db.inside(ctx, func() error { return r.read(q, yield, &wanted) })
		if !wanted || err == nil {
			return
		}
		switch {
		case q.err != nil && !errors.Is(q.err, context.Canceled) && !errors.Is(q.err, context.DeadlineExceeded):
			err = q.err
		case ctx.Err() != nil:
			err = context.Cause(ctx)
		case !errors.Is(err, ErrTooManyRows):
			err = r.db.explain(r.statement, r.tokens, err)
		}
		yield(nil, err)
	}
}

// read runs the statement.
func (r *Rows) read(q *question, yield func([]any, error) bool, wanted *bool) (err error) {
	rows, err := r.db.conn.(driver.QueryerContext).QueryContext(context.Background(), r.statement, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values := make([]driver.Value, len(r.Columns))
	row := make([]any, len(values))
	for n := 0; ; n++ {
		if err := rows.Next(values); err != nil {
			if errors.Is(err, io.EOF) {
				err = q.err
			}
			return err
		}
		if r.db.o.MaxRows > 0 && n == r.db.o.MaxRows {
			return ErrTooManyRows
		}
		for i, v := range values {
			row[i] = v
		}
		if *wanted = yield(row, nil); !*wanted {
			return nil
		}
	}
}

// withinFunction is a function of SQL that runs what inside was given.
const withinFunction = "crawl_within"

// inside runs do within a statement of ours. The driver heeds a context only
// until a statement has its first row, and that takes ours as long as all of
// do: so it is a statement in do that can be cut short at any time.
func (db *DB) inside(ctx context.Context, do func() error) error {
	var failed error
	db.within = func() error {
		db.entering = false // what is prepared from now on is not ours
		failed = do()
		return nil
	}
	defer func() { db.within, db.entering = nil, false }()
	db.entering = true
	rows, err := db.conn.(driver.QueryerContext).QueryContext(ctx, fmt.Sprintf("SELECT %s(%d)", withinFunction, db.number), nil)
	if err == nil {
		err = rows.Close()
	}
	if failed != nil {
		return failed
	}
	return err
}

// Step is a part of how a statement is answered.
type Step struct {
	Table string // "" where it is none
	Index string // the conditions that an index answers, "url =, run ="
	Text  string // as SQLite says it
}

// Plan says how a statement would be answered.
func (db *DB) Plan(ctx context.Context, statement string) (steps []Step, err error) {
	r, err := db.Query(ctx, statement)
	if err != nil {
		return nil, err
	}
	r.statement, r.Columns = "EXPLAIN QUERY PLAN "+statement, make([]ColumnOf, 4)
	for row, err := range r.All() {
		if err != nil {
			return nil, err
		}
		text, _ := row[3].(string)
		steps = append(steps, db.step(text))
	}
	return steps, nil
}

// step reads what SQLite says: "SCAN pages VIRTUAL TABLE INDEX 0:url =".
func (db *DB) step(text string) Step {
	before, index, ok := strings.Cut(text, " VIRTUAL TABLE INDEX 0:")
	if !ok {
		return Step{Text: text}
	}
	_, name, _ := strings.Cut(before, " ")
	return Step{Table: name, Index: index, Text: text}
}
