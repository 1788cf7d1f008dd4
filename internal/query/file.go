package query

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
)

// File is a SQLite file that tables are copied to.
type File struct{ conn driver.Conn }

// CreateFile makes a SQLite file, which must not be there. It counts only once
// it is closed without an error: what was begun is not safe from a crash.
func CreateFile(path string) (*File, error) {
	conn, err := engine.Open("file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path))
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", path, err)
	}
	f := &File{conn}
	for _, statement := range []string{"PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "BEGIN"} {
		if err := f.exec(context.Background(), statement, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("make %s: %w", path, err), conn.Close())
		}
	}
	return f, nil
}

func (f *File) exec(ctx context.Context, statement string, values []driver.NamedValue) error {
	_, err := f.conn.(driver.ExecerContext).ExecContext(ctx, statement, values)
	return err
}

// Write makes a table of the answer to a statement.
func (f *File) Write(ctx context.Context, db *DB, table, statement string) error {
	rows, err := db.Query(ctx, statement)
	if err != nil {
		return err
	}
	columns, marks := make([]string, len(rows.Columns)), make([]string, len(rows.Columns))
	for i, c := range rows.Columns {
		columns[i], marks[i] = Quote(c.Name)+" "+declared[c.Kind], "?"
	}
	if err := f.exec(ctx, fmt.Sprintf("CREATE TABLE %s (%s)", Quote(table), strings.Join(columns, ", ")), nil); err != nil {
		return fmt.Errorf("write table %s: %w", table, err)
	}
	insert, err := f.conn.Prepare(fmt.Sprintf("INSERT INTO %s VALUES (%s)", Quote(table), strings.Join(marks, ", ")))
	if err != nil {
		return fmt.Errorf("write table %s: %w", table, err)
	}
	values := make([]driver.NamedValue, len(columns))
	for row, failed := range rows.All() {
		for i, v := range row {
			values[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
		}
		if err = failed; err == nil {
			_, err = insert.(driver.StmtExecContext).ExecContext(context.Background(), values)
		}
		if err != nil {
			break
		}
	}
	return errors.Join(err, insert.Close())
}

// Close ends the file.
func (f *File) Close() error {
	err := f.exec(context.Background(), "COMMIT", nil)
	return errors.Join(err, f.conn.Close())
}
