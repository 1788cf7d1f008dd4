package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"crawl/store"
)

// Sweep takes the runs out of the index that the store has no more, and the texts
// that no other run has. Where there is no index there is nothing to do.
func (x *Index) Sweep(ctx context.Context) error {
	if err := x.turn(ctx); err != nil {
		return err
	}
	defer x.done()
	if _, err := os.Stat(x.file); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	db, err := x.open(ctx, false)
	if errors.Is(err, errLayout) { // it is made anew as a whole
		return nil
	}
	if err != nil {
		return err
	}
	for run := int64(-1); ; {
		if run, err = runBehind(ctx, db, run); run < 0 || err != nil {
			return err
		}
		_, err = x.st.Run(ctx, store.RunID(run))
		if errors.Is(err, store.ErrNotFound) {
			err = forget(ctx, db, run)
		}
		if err != nil {
			return err
		}
	}
}

// runBehind returns the next run of which the index has anything, whole or not;
// -1 if there is none.
func runBehind(ctx context.Context, db *sql.DB, run int64) (next int64, err error) {
	err = db.QueryRowContext(ctx, `SELECT coalesce(min(run), -1) FROM
(SELECT (SELECT min(run) FROM visits WHERE run > ?1) AS run UNION ALL SELECT (SELECT min(run) FROM runs WHERE run > ?1))`, run).Scan(&next)
	return next, err
}

func forget(ctx context.Context, db *sql.DB, run int64) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, s := range []string{
		"DELETE FROM runs WHERE run = ?1",
		"CREATE TEMP TABLE gone AS SELECT doc FROM visits WHERE run = ?1 EXCEPT SELECT doc FROM visits WHERE run <> ?1",
		"DELETE FROM visits WHERE run = ?1",
		"DELETE FROM texts WHERE rowid IN (SELECT doc FROM gone)",
		"DELETE FROM bodies WHERE doc IN (SELECT doc FROM gone)",
		"DELETE FROM docs WHERE id IN (SELECT doc FROM gone)",
		"DROP TABLE temp.gone",
	} {
		if _, err := tx.ExecContext(ctx, s, run); err != nil {
			return errors.Join(fmt.Errorf("forget run %d: %w", run, err), tx.Rollback())
		}
	}
	return tx.Commit()
}
