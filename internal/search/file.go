package search

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// layoutVersion is that of the file, which is made anew if it has another one. A
// change of what a word is, see word, or of what a Text has is one of the
// layout. The tables:
//
//	texts   the index of FTS5 without the texts: their words, see words.joined
//	docs    a text: its row in texts, SHA-256 of its words cut to 16 bytes
//	bodies  what was read: see bodyOf; and the text in it, 0 if it has no words
//	visits  run, text, weburl.URL.Key of the page that had it
//	runs    the runs that are wholly there, by what stampOf said of them
//
// The row in runs is written last, and everything goes into the file in the
// order in which it is committed (a WAL that is synced before it is moved): a
// crash, of the system too, leaves a run without its row, and what is there of
// it is used when it is indexed again.
const layoutVersion = 1

// applicationID tells the file from others of SQLite.
const applicationID = 0x63726c73

var schema = fmt.Sprintf(`
CREATE VIRTUAL TABLE texts USING fts5(%s, content='', contentless_delete=1, tokenize='ascii');
CREATE TABLE docs(id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE);
CREATE TABLE bodies(body BLOB PRIMARY KEY, doc INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE visits(run INTEGER NOT NULL, doc INTEGER NOT NULL, url BLOB NOT NULL, PRIMARY KEY(run, doc, url)) WITHOUT ROWID;
CREATE TABLE runs(run INTEGER PRIMARY KEY, stamp TEXT NOT NULL);
PRAGMA application_id = %d;
PRAGMA user_version = %d;`, strings.Join(fieldNames[:], ", "), applicationID, layoutVersion)

// connector opens connections with a driver of our own: what others register
// with the usual one is none of ours.
type connector struct{ name string }

var engine = &sqlite.Driver{}

// Connect implements driver.Connector.
func (c connector) Connect(context.Context) (driver.Conn, error) { return engine.Open(c.name) }

// Driver implements driver.Connector.
func (c connector) Driver() driver.Driver { return engine }

// open returns the file; made, with fill, if it is not there or has another layout.
func (x *Index) open(ctx context.Context, fill bool) (*sql.DB, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, errClosed
	}
	if x.db != nil {
		return x.db, nil
	}
	db, err := openFile(ctx, x.file, fill)
	if errors.Is(err, errLayout) && fill {
		if err = removeFile(x.file); err == nil {
			db, err = openFile(ctx, x.file, true)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", x.file, err)
	}
	x.db = db
	return db, nil
}

// errClosed tells that the index was closed.
var errClosed = errors.New("the search index is closed")

// errLayout tells that a file is of another layout.
var errLayout = errors.New("another layout")

func openFile(ctx context.Context, file string, fill bool) (*sql.DB, error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) // SQLite would let others read it
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	name := "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(file)
	db := sql.OpenDB(connector{name + "?_dqs=0&_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=cache_size(-16384)"})
	if err := prepare(ctx, db, fill); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// prepare makes the tables in a new file, if it may be filled.
func prepare(ctx context.Context, db *sql.DB, fill bool) error {
	var app, version, tables int
	err := db.QueryRowContext(ctx, "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)").Scan(&app, &version, &tables)
	switch {
	case err != nil:
		return err
	case app == applicationID && version == layoutVersion:
		return nil
	case tables > 0 || !fill:
		return errLayout
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err = tx.ExecContext(ctx, schema); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Remove deletes the file: the next search makes it again.
func (x *Index) Remove(ctx context.Context) error {
	if err := x.turn(ctx); err != nil {
		return err
	}
	defer x.done()
	_ = x.shut(false) // of a file that may be damaged nothing is expected
	return removeFile(x.file)
}

// removeFile deletes the file first: what lies beside a file that is missing or
// empty SQLite throws away, and not the other way round.
func removeFile(file string) error {
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(file + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// turn waits until nobody else writes to the file; done ends the turn.
func (x *Index) turn(ctx context.Context) error {
	select {
	case <-x.building:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (x *Index) done() { x.building <- struct{}{} }

// isDamage tells an error of a file that is not as it was written. All
// statements are ours: one that is called wrong met tables that are not.
func isDamage(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_MISMATCH:
		return true
	}
	return false
}
