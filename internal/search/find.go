package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"crawl/internal/weburl"
	"crawl/store"
)

// answer is the rows of a search. The first is read already, since SQLite ranks
// all before it says one: if the index is damaged, that is known by then.
type answer struct {
	rows  *sql.Rows
	first bool
}

// statement asks for the pages of a run. Which texts have the words is found
// first, and then whose they are.
var statement = fmt.Sprintf(`SELECT visits.url, bm25(texts, %v, %v, %v, %v, %v) AS score FROM texts CROSS JOIN visits
WHERE texts MATCH ? AND visits.run = ? AND visits.doc = texts.rowid ORDER BY score, visits.url`, weights[0], weights[1], weights[2], weights[3], weights[4])

// ask asks the index, which is made first for a run that it lacks.
func (x *Index) ask(ctx context.Context, run *store.Run, q *Query) (*answer, error) {
	if err := x.Build(ctx, run); err != nil {
		return nil, err
	}
	db, err := x.open(ctx, true)
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, statement, q.fts(), int64(run.ID))
	if err != nil {
		return nil, err
	}
	a := &answer{rows, rows.Next()}
	if err := rows.Err(); err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	return a, nil
}

func (a *answer) all(yield func(Hit, error) bool) {
	defer a.rows.Close() // an error of it is one of the rows
	for ok := a.first; ok; ok = a.rows.Next() {
		var key []byte
		var h Hit
		err := a.rows.Scan(&key, &h.Score)
		if err == nil {
			h.URL, err = weburl.FromKey(key)
		}
		if err != nil {
			yield(h, damaged(err))
			return
		}
		if !yield(h, nil) {
			return
		}
	}
	if err := a.rows.Err(); err != nil {
		yield(Hit{}, err)
	}
}

// damaged is for what is noticed when some was answered already.
func damaged(cause error) error {
	return fmt.Errorf("the search index is %w, make it anew with `crawl search --rebuild`: %w", store.ErrDamaged, cause)
}
