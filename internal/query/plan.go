package query

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"modernc.org/sqlite/vtab"
)

// BestIndex implements vtab.Table: conditions on indexed columns are asked
// for, and how much each spares is guessed.
func (v *virtual) BestIndex(info *vtab.IndexInfo) error {
	var plan []string
	rows, dear := v.rows, 1.0
	never := false
	for i := range info.Constraints {
		c := &info.Constraints[i]
		if c.Column < 0 || c.Column >= len(v.Columns) {
			continue
		}
		column := &v.Columns[c.Column]
		word := opWord(column, c.Op)
		switch isRun := v.perRun && (column.Name == "run" || column.Name == "base"); {
		case word == "" || v.db.asked.inexact && !column.needed && !isRun || column.marked && !v.db.asked.marked(), column.linked && !v.db.asked.links():
		case !c.Usable && (isRun || column.needed):
			never = true
		case c.Usable:
			c.ArgIndex, c.Omit = len(plan), isRun
			plan = append(plan, column.Name+" "+word)
			rows = min(rows, spared(v.rows, column, word))
			if isRun {
				dear = namedRun
			}
		}
	}
	if never {
		rows, dear = neverRows, 1
	}
	info.IdxStr = strings.Join(plan, ", ")
	info.EstimatedCost, info.EstimatedRows = rows*dear, int64(rows)
	return nil
}

// marked tells whether there is an index of pages by what they have: a run has
// none until it ends, or somebody asks who links where.
func (q *question) marked() bool {
	v, err := q.defaultRun()
	return err == nil && v.indexed()
}

// namedRun makes a scan of a run that is named seem cheaper than it is. Of run = 'a'
// OR status = 404 both parts have to be looked up: among the rows of another run none
// is of a.
const namedRun = 0.01

// neverRows makes a plan the worst of all: a condition on the run, or on the one
// that it is held against, says which table is meant, and is not one among others.
const neverRows = 1e15

// spared guesses how many rows there are behind an index.
func spared(rows float64, c *Column, word string) float64 {
	switch {
	case c.Name == "run", c.Name == "base":
		return rows
	case c.Name == "url" && word == "=":
		return 1
	case word == "=":
		return rows / 1000
	}
	return rows / 20
}

// opWord is the word for an operator that the column's index answers.
func opWord(c *Column, op vtab.ConstraintOp) string {
	switch {
	case op == vtab.OpEQ && c.Index&Equal != 0:
		return "="
	case op == vtab.OpGLOB && c.Index&Prefix != 0:
		return "GLOB"
	case op == vtab.OpLIKE && c.Index&Prefix != 0:
		return "LIKE"
	}
	return ""
}

// condition is one that SQLite hands to a table: column = value, or one that
// begins with value.
type condition struct {
	column string
	op     Index
	value  string
}

// scan is what a cursor is to read.
type scan struct {
	q     *question
	run   *runView // of a table that shows one run at a time
	base  *runView // that it is held against; nil: not said
	where []condition
}

// equal returns what a column is to equal.
func (s *scan) equal(column string) (value string, ok bool) { return s.find(column, Equal) }

// prefix returns what a column is to begin with.
func (s *scan) prefix(column string) (value string, ok bool) { return s.find(column, Prefix) }

func (s *scan) find(column string, op Index) (value string, ok bool) {
	for _, c := range s.where {
		if c.column == column && c.op == op {
			return c.value, true
		}
	}
	return "", false
}

// newScan says what is to be read by a plan that BestIndex made; nil if that
// is nothing.
func (q *question) newScan(t *Table, plan string, values []vtab.Value) (*scan, error) {
	s := &scan{q: q}
	var err error
	if t.perRun {
		if s.run, err = q.defaultRun(); err != nil {
			return nil, err
		}
	}
	if plan == "" {
		return s, nil
	}
	named := map[string]*runView{}
	for i, words := range strings.Split(plan, ", ") {
		name, op, _ := strings.Cut(words, " ")
		if values[i] == nil {
			return nil, nil // nothing equals NULL
		}
		if t.perRun && (name == "run" || name == "base") {
			text, _ := textOf(values[i])
			v, err := q.runNamed(text)
			if v == nil || err != nil || named[name] != nil && named[name] != v { // none is two
				return nil, err
			}
			named[name] = v
			continue
		}
		if c, ok := newCondition(t.Column(name), op, values[i]); ok {
			s.where = append(s.where, c)
		}
	}
	if v := named["run"]; v != nil {
		s.run = v
	}
	s.base = named["base"]
	return s, nil
}

// newCondition makes a condition of what SQLite hands over. It compares values of
// two kinds by rules of its own, '0404' with 404: such are left to it, and all rows
// are read.
func newCondition(c *Column, op string, value any) (condition, bool) {
	text, isText := value.(string)
	n, isInt := value.(int64)
	switch {
	case c.Kind == Int && isText:
		number, err := strconv.ParseInt(text, 10, 64)
		isInt, n = err == nil && strconv.FormatInt(number, 10) == text, number
	case c.needed:
		text, isText = textOf(value)
	}
	switch {
	case c.Kind == Int && !isInt, c.Kind != Int && !isText:
		return condition{}, false
	case c.Kind == Int:
		text = strconv.FormatInt(n, 10)
	}
	switch op {
	case "=":
		return condition{c.Name, Equal, text}, true
	case "GLOB":
		if i := strings.IndexAny(text, "*?["); i >= 0 {
			text = text[:i]
		}
		return condition{c.Name, Prefix, text}, text != ""
	}
	text, _, _ = strings.Cut(text, "%")
	text, _, _ = strings.Cut(text, "_")
	text = fixedInLike(text)
	return condition{c.Name, Prefix, text}, text != ""
}

// fixedInLike returns what every URL begins with that is LIKE a text that
// begins so: LIKE takes no notice of the case of letters, hosts have but one.
func fixedInLike(text string) string {
	_, rest, ok := strings.Cut(text, "://")
	path := strings.IndexByte(rest, '/')
	if !ok || path < 0 {
		return ""
	}
	path += len(text) - len(rest)
	end := strings.IndexFunc(text[path:], unicode.IsLetter)
	if end < 0 {
		end = len(text) - path
	}
	return strings.ToLower(text[:path]) + text[path:path+end]
}

// textOf is a value as text; a number is written as SQLite does.
func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		return fmt.Sprint(v), true
	}
	return "", false
}
