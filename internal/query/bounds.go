package query

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What a statement may ask of SQLite, however it is written: without limits a
// few characters make a value of a gigabyte.
const (
	maxValue     = 4 << 20 // bytes of a text or blob, and of a row that is sorted
	maxStatement = 1 << 20 // bytes
)

// bound sets the limits of a connection.
func bound(conn driver.Conn) (err error) {
	pool := sql.OpenDB(lent{conn}) // limits are for its connections alone
	defer func() { err = errors.Join(err, pool.Close()) }()
	c, err := pool.Conn(context.Background())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for id, limit := range map[int]int{sqlite3.SQLITE_LIMIT_LENGTH: maxValue, sqlite3.SQLITE_LIMIT_SQL_LENGTH: maxStatement} {
		if _, err := sqlite.Limit(c, id, limit); err != nil {
			return err
		}
	}
	return nil
}

// lent is a connection that a pool has for a while: it stays open.
type lent struct{ driver.Conn }

// Connect implements driver.Connector.
func (l lent) Connect(context.Context) (driver.Conn, error) { return l, nil }

// Driver implements driver.Connector.
func (l lent) Driver() driver.Driver { return engine }

// Unwrap returns the connection itself.
func (l lent) Unwrap() driver.Conn { return l.Conn }

// Close implements driver.Conn.
func (l lent) Close() error { return nil }
