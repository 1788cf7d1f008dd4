package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"crawl/internal/query"
)

// Question is a statement of SQL about a run.
type Question struct {
	Run     string `json:"run,omitempty"` // any of its names; "": the latest that is finished
	SQL     string `json:"sql"`
	MaxRows int    `json:"max_rows,omitempty"`    // 0: the server's own limit
	MaxTime int    `json:"max_time_ms,omitempty"` // likewise
}

// What a question may ask for at most.
const (
	mostRows = 1_000_000
	mostTime = 5 * time.Minute
)

// Lines of an answer: the columns, the rows, and how it ended.
type (
	// Head is the first line.
	Head struct {
		Run     string   `json:"run"`
		Columns []Column `json:"columns"`
	}
	// Column is one of an answer.
	Column struct {
		Name string `json:"name"`
		Kind string `json:"kind"` // see query.Kind
	}
	// Row is a line for each row: null, numbers and texts in the order of the columns.
	Row struct {
		Row []any `json:"row"`
	}
	// End is the last line. An answer without one was cut short.
	End struct {
		Rows     int      `json:"rows"` // how many there were
		Error    *Error   `json:"error,omitempty"`
		Warnings []string `json:"warnings,omitempty"`
	}
)

// firstRows leave one by one: somebody waits for them.
const firstRows = 20

// query answers a statement.
func (s *Server) query(w http.ResponseWriter, r *http.Request) error {
	var q Question
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	if q.MaxRows < 0 || q.MaxRows > mostRows || q.MaxTime < 0 || q.MaxTime > int(mostTime.Milliseconds()) {
		return &Error{Status: http.StatusBadRequest, What: fmt.Sprintf("an answer has at most %d rows and takes at most %d ms", mostRows, mostTime.Milliseconds())}
	}
	ctx, cut := context.WithCancel(r.Context())
	defer cut()
	leave, err := s.place(ctx)
	if err != nil {
		return err
	}
	defer leave()
	run, err := s.Find(ctx, q.Run)
	if err != nil {
		return err
	}
	var end End
	o := s.Tables(run)
	o.MaxRows = defaulted(q.MaxRows, s.MaxRows)
	o.MaxTime = defaulted(time.Duration(q.MaxTime)*time.Millisecond, s.MaxTime)
	o.Warn = func(text string, cause error) {
		end.Warnings = append(end.Warnings, fmt.Sprintf("%s: %v", text, cause))
	}
	db := query.Open(s.Store, o)
	defer db.Close()
	rows, err := db.Query(ctx, q.SQL)
	if err != nil {
		return err
	}
	head := Head{Run: query.RunName(run)}
	for _, c := range rows.Columns {
		head.Columns = append(head.Columns, Column{c.Name, string(c.Kind)})
	}
	to := newLines(w, cut)
	err = to.send(head, false)
	for row, failed := range rows.All() {
		if err = errors.Join(err, failed); err == nil {
			err = to.send(Row{row}, end.Rows < firstRows)
		}
		if err != nil {
			break
		}
		end.Rows++
	}
	if err != nil {
		end.Error = errorOf(err)
	}
	_ = to.send(end, true) // the client has gone, or reads it
	return nil
}
