package search

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"crawl/store"
)

// Build makes a run part of the index, unless it is. Texts that another run had
// are not read again.
func (x *Index) Build(ctx context.Context, run *store.Run) error {
	if err := x.turn(ctx); err != nil {
		return err
	}
	defer x.done()
	db, err := x.open(ctx, true)
	if err != nil {
		return err
	}
	if have, err := indexed(ctx, db, run); have || err != nil {
		return err
	}
	w := &writer{Index: x, ctx: ctx, db: db, run: run, progress: Progress{Run: run, Begun: time.Now()}}
	return w.all()
}

// indexed tells whether a run is there as it is now.
func indexed(ctx context.Context, db *sql.DB, run *store.Run) (bool, error) {
	var have string
	err := db.QueryRowContext(ctx, "SELECT stamp FROM runs WHERE run = ?", int64(run.ID)).Scan(&have)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return have == stampOf(run), err
}

// has tells whether a run can be asked for in the file as it is.
func (x *Index) has(ctx context.Context, run *store.Run) bool {
	if _, err := os.Stat(x.file); err != nil {
		return false
	}
	db, err := x.open(ctx, false)
	if err != nil {
		return false
	}
	have, err := indexed(ctx, db, run)
	return have && err == nil
}

// stampOf says what a run was when it was indexed: if it is another now, since
// it went on, it is indexed again.
func stampOf(r *store.Run) string {
	return fmt.Sprintf("%s %d %d %d %d %d", r.State, r.Sessions, r.Started.UnixNano(), r.Ended.UnixNano(), r.Counts.Done, r.Counts.Failed)
}

// bodyOf identifies what is read of a page: what has the same says the same.
func bodyOf(p *store.Page) (id [16]byte) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%x %t %q %q %q %q %q %q", p.Hash, p.Payload.IsZero(), p.Type, p.MIME, p.Charset, p.Title, p.H1, p.Description))
	copy(id[:], sum[:])
	return id
}
