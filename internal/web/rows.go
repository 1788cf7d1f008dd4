package web

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"crawl/internal/query"
	"crawl/store"
)

// Media types of answers.
const (
	typeJSON   = "application/json"
	typeLines  = "application/jsonl"
	typeCSV    = "text/csv"
	typeEvents = "text/event-stream"
	typeText   = "text/plain; charset=utf-8"
)

// rowTypes are the forms of rows; the first is the usual one.
var rowTypes = []string{typeJSON, typeLines, typeCSV}

// RowWriter writes rows in some form.
type RowWriter interface {
	Row([]any) error
	End() error // behind the last row
}

// Bounds on a page of rows.
const (
	usualRows  = 100
	mostPage   = 100_000
	answerTime = 30 * time.Second // in which a client has to have taken it
)

// cursor is where the next page of rows begins. A client sees it as a word that
// means nothing to it.
type cursor struct {
	Run      string `json:"r"` // which one it was, by its number
	Question []byte `json:"q"` // a digest of what was asked
	Offset   int    `json:"o"`
}

func (c cursor) String() string {
	raw, _ := json.Marshal(c) // a string, bytes and a number can be written
	return base64.RawURLEncoding.EncodeToString(raw)
}

func parseCursor(text string) (c cursor, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || c.Offset < 0 {
		return c, &Error{http.StatusBadRequest, "the cursor is none of ours", "take it from the answer before"}
	}
	return c, nil
}

// page is which rows of an answer are wanted.
type page struct {
	limit  int
	cursor cursor // of this page
}

// pageOf reads limit and cursor. The question is what has to be the same on all
// pages.
func pageOf(q url.Values, question ...string) (p page, err error) {
	sum := sha256.Sum256([]byte(strings.Join(question, "\x00")))
	p = page{limit: usualRows, cursor: cursor{Question: sum[:12]}}
	if text := q.Get("limit"); text != "" {
		if p.limit, err = strconv.Atoi(text); err != nil || p.limit < 1 || p.limit > mostPage {
			return p, &Error{http.StatusBadRequest, "the limit is no number of rows", fmt.Sprintf("take 1 to %d, and the cursor for the rest", mostPage)}
		}
	}
	if text := q.Get("cursor"); text != "" {
		given, err := parseCursor(text)
		if err != nil {
			return p, err
		}
		if string(given.Question) != string(p.cursor.Question) {
			return p, &Error{http.StatusBadRequest, "the cursor belongs to another question", "ask the same as before, but for the limit"}
		}
		p.cursor = given
	}
	return p, nil
}

// next is the cursor behind n rows.
func (p page) next(n int) string {
	c := p.cursor
	c.Offset += n
	return c.String()
}

// table answers with rows of one of a run's tables.
func (a *API) table(w http.ResponseWriter, r *http.Request) error {
	return a.tableOf(w, r, r.PathValue("run"), r.PathValue("table"))
}

// diff answers with what changed between two runs.
func (a *API) diff(w http.ResponseWriter, r *http.Request) error {
	var where []string
	if name := r.URL.Query().Get("base"); name != "" {
		base, err := a.Find(r.Context(), name)
		if err != nil {
			return err
		}
		where = append(where, "base = "+query.Literal(query.RunName(base)))
	}
	return a.tableOf(w, r, r.PathValue("run"), "changes", where...)
}

// search answers with the pages that have some words.
func (a *API) search(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	return a.tableOf(w, r, q.Get("run"), query.SearchTable, "words = "+query.Literal(q.Get("q")))
}

// tableOf answers with rows of a table, for which conditions hold besides those
// that the client has.
func (a *API) tableOf(w http.ResponseWriter, r *http.Request, run, table string, where ...string) error {
	q := r.URL.Query()
	s := query.Select{Table: table, Where: append(where, q["where"]...), Columns: q.Get("select"), Sort: q.Get("sort"), Group: q.Get("group")}
	p, err := pageOf(q, append([]string{table, s.Columns, s.Sort, s.Group}, s.Where...)...)
	if err != nil {
		return err
	}
	if p.cursor.Run != "" {
		run = p.cursor.Run // not what is the latest by now
	}
	return a.asking(r.Context(), run, func(ctx context.Context, db *query.DB, run *store.Run) error {
		p.cursor.Run = query.RunName(run)
		t := db.Table(table)
		if t == nil {
			return noTable(db, table)
		}
		s.Table = t.Name
		statement, err := s.SQL()
		if err != nil {
			return err
		}
		return a.answer(ctx, w, r, db, fmt.Sprintf("%s\nLIMIT %d OFFSET %d", statement, p.limit+1, p.cursor.Offset), p, 0)
	})
}

func noTable(db *query.DB, name string) error {
	var names []string
	for _, t := range db.Tables() {
		names = append(names, t.Name)
	}
	return &Error{http.StatusNotFound, fmt.Sprintf("there is no table %.100q", name), "there are " + strings.Join(names, ", ")}
}

// asking opens the tables of a run for one question, when it is its turn.
func (a *API) asking(ctx context.Context, name string, ask func(context.Context, *query.DB, *store.Run) error) (err error) {
	leave, err := a.place(ctx)
	if err != nil {
		return err
	}
	defer leave()
	run, err := a.Find(ctx, name)
	if err != nil {
		return err
	}
	o := a.Tables(run)
	o.MaxTime = answerTime
	db := query.Open(a.Store, o)
	defer func() { err = errors.Join(err, db.Close()) }() // also when the answer breaks off
	return ask(ctx, db, run)
}

// answer writes a page of the rows of a statement, behind so many that are left
// out.
func (a *API) answer(ctx context.Context, w http.ResponseWriter, r *http.Request, db *query.DB, statement string, p page, skip int) error {
	if _, err := accepted(r, rowTypes); err != nil {
		return err
	}
	rows, err := db.Query(ctx, statement)
	if err != nil {
		return explained(err)
	}
	return a.write(w, r, rows.Columns, rows.All(), p, skip)
}

// write writes a page of rows in the form that the client accepts. What goes wrong
// before the first bytes are sent is an error of its own; afterwards the answer
// breaks off, so that half of it is not taken for all.
func (a *API) write(w http.ResponseWriter, r *http.Request, columns []query.ColumnOf, rows iter.Seq2[[]any, error], p page, skip int) error {
	form, err := accepted(r, rowTypes)
	if err != nil {
		return err
	}
	late := &lateWriter{w: w, form: form}
	if form != typeJSON { // how many rows follow is not known yet
		late.next = p.next(p.limit)
	}
	b := bufio.NewWriterSize(late, 64<<10)
	if form == typeJSON {
		b.WriteByte('{')
		if p.cursor.Run != "" {
			fmt.Fprintf(b, `"run":%s,`, quoteJSON(p.cursor.Run))
		}
		b.WriteString(`"rows":`)
	}
	n, more, err := some(a.Rows(b, form, columns), rows, p.limit, skip)
	if err == nil && form == typeJSON {
		next := "null"
		if more {
			next = quoteJSON(p.next(n))
		}
		_, err = fmt.Fprintf(b, `,"next":%s}`+"\n", next)
	}
	if err == nil {
		err = b.Flush()
	}
	switch {
	case err == nil:
		return nil
	case !late.begun:
		return explained(err)
	}
	a.Log.Debug("an answer was cut short", "rows", n, "error", err)
	panic(http.ErrAbortHandler)
}

// some writes so many rows at most, and tells whether there are more.
func some(to RowWriter, rows iter.Seq2[[]any, error], limit, skip int) (n int, more bool, err error) {
	for row, err := range rows {
		if err != nil {
			return n, false, err
		}
		if skip > 0 {
			skip--
			continue
		}
		if n == limit {
			return n, true, to.End()
		}
		if err := to.Row(row); err != nil {
			return n, false, err
		}
		n++
	}
	return n, false, to.End()
}

func quoteJSON(s string) string {
	raw, _ := json.Marshal(s) // any text can be written
	return string(raw)
}

// explained finds words for what is wrong with a question.
func explained(err error) error {
	var wrong *query.Error
	switch {
	case errors.As(err, &wrong):
		e := &Error{http.StatusBadRequest, wrong.What, hintOf(wrong)}
		if line, at, length := wrong.Excerpt(); line != "" {
			e.What += ": " + excerpt(line, at, length)
		}
		return e
	case errors.Is(err, query.ErrTooLong):
		return &Error{http.StatusUnprocessableEntity, err.Error(), "narrow it with where"}
	}
	return err
}

// excerpt shows of a line the part that is wrong.
func excerpt(line string, at, length int) string {
	runes := []rune(line)
	return string(runes[min(at, len(runes)):min(at+length, len(runes))])
}

func hintOf(e *query.Error) string {
	if e.Hint != "" || len(e.Known) == 0 {
		return e.Hint
	}
	return "there are " + strings.Join(e.Known[:min(len(e.Known), 60)], ", ")
}

// lateWriter sends the head of an answer with its first bytes.
type lateWriter struct {
	w          http.ResponseWriter
	form, next string
	begun      bool
}

// Write implements io.Writer.
func (l *lateWriter) Write(p []byte) (int, error) {
	_ = http.NewResponseController(l.w).SetWriteDeadline(time.Now().Add(writeTime)) // where there are no deadlines, reading is up to the client
	if !l.begun {
		l.begun = true
		l.w.Header().Set("Content-Type", l.form)
		if l.next != "" {
			l.w.Header().Set("X-Next-Cursor", l.next)
		}
	}
	return l.w.Write(p)
}

// accepted is the form of an answer that a client wants, of those there are.
func accepted(r *http.Request, forms []string) (string, error) {
	wish := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(wish) == "" {
		return forms[0], nil
	}
	best, form := 0.0, ""
	for part := range strings.SplitSeq(wish, ",") {
		name, params, _ := strings.Cut(part, ";")
		q := 1.0
		for param := range strings.SplitSeq(params, ";") {
			if text, ok := strings.CutPrefix(strings.TrimSpace(param), "q="); ok {
				q, _ = strconv.ParseFloat(text, 64) // 0 if it is no number
			}
		}
		if f := matching(strings.ToLower(strings.TrimSpace(name)), forms); f != "" && q > best {
			best, form = q, f
		}
	}
	if form == "" {
		return "", &Error{http.StatusNotAcceptable, "there is no answer in that form", "accept " + strings.Join(forms, ", ")}
	}
	return form, nil
}

func matching(name string, forms []string) string {
	if name == "application/x-ndjson" {
		name = typeLines
	}
	i := slices.IndexFunc(forms, func(f string) bool {
		group, _, _ := strings.Cut(f, "/")
		return name == f || name == "*/*" || name == group+"/*"
	})
	if i < 0 {
		return ""
	}
	return forms[i]
}
