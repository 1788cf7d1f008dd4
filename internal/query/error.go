package query

import (
	"context"
	"database/sql/driver"
	"regexp"
	"slices"
	"strings"
)

// Error is what is wrong with a statement.
type Error struct {
	What      string
	Hint      string   // what to do; may be empty
	Word      string   // what nobody knows, and
	Known     []string // what it may have been meant for
	Table     string   // the only table that was asked, if it was one
	Statement string
	At        int // in the statement, in bytes
	Length    int // of what is wrong there; 0 if that is not known
}

func (e *Error) Error() string { return e.What }

// maxExcerpt is how much of a statement is shown, in characters.
const maxExcerpt = 100

// Excerpt is the line of the statement in which the fault is, and how far in
// that the fault begins and how long it is, in characters. Text is empty if
// that is not known.
func (e *Error) Excerpt() (text string, at, length int) {
	if e.Length == 0 || e.At+e.Length > len(e.Statement) {
		return "", 0, 0
	}
	from := strings.LastIndexByte(e.Statement[:e.At], '\n') + 1
	line, _, _ := strings.Cut(e.Statement[from:], "\n")
	runes := []rune(line)
	at = len([]rune(e.Statement[from:e.At]))
	length = len([]rune(e.Statement[e.At : e.At+e.Length]))
	if cut := at - maxExcerpt/2; cut > 0 {
		runes, at = append([]rune("…"), runes[cut:]...), at-cut+1
	}
	if len(runes) > maxExcerpt {
		runes = append(runes[:maxExcerpt-1], '…')
	}
	trimmed := []rune(strings.TrimLeft(string(runes), " \t"))
	return string(trimmed), at - (len(runes) - len(trimmed)), max(1, min(length, maxExcerpt-at))
}

// checkStatement refuses what is not one statement that reads.
func checkStatement(statement string) (tokens []token, bad *Error) {
	tokens, open := lex(statement)
	if open >= 0 {
		return nil, &Error{What: "a quote is not closed", Statement: statement, At: open, Length: 1}
	}
	for len(tokens) > 0 && tokens[len(tokens)-1].is(";") {
		tokens = tokens[:len(tokens)-1]
	}
	if len(tokens) == 0 {
		return nil, &Error{What: "there is no statement", Hint: "write: SELECT status, count(*) FROM pages GROUP BY status"}
	}
	if i := slices.IndexFunc(tokens, func(t token) bool { return t.is(";") }); i >= 0 {
		return nil, &Error{What: "one statement at a time", Statement: statement, At: tokens[i].at, Length: 1}
	}
	first := tokens[0]
	if !slices.ContainsFunc([]string{"SELECT", "WITH", "VALUES"}, first.is) {
		return nil, &Error{What: "a question begins with SELECT, WITH or VALUES: nothing can be changed here", Statement: statement, At: first.at, Length: len(first.text)}
	}
	return tokens, nil
}

// What SQLite says.
var (
	saysCode       = regexp.MustCompile(`^(?:SQL logic error: )?(.*?)(?: \(\d+\))?$`)
	saysNoColumn   = regexp.MustCompile(`^no such column: (.*?)( - should this be a string literal in single-quotes\?)?$`)
	saysNoTable    = regexp.MustCompile(`^no such table: (.*)$`)
	saysNoFunction = regexp.MustCompile(`^(?:no such function: (.*)|wrong number of arguments to function (.*)\(\))$`)
	saysAmbiguous  = regexp.MustCompile(`^ambiguous column name: (.*)$`)
	saysNear       = regexp.MustCompile(`^(?:near "(.*)": syntax error|unrecognized token: "(.*)")$`)
)

// explain makes an Error of what SQLite says of a statement.
func (db *DB) explain(statement string, tokens []token, cause error) *Error {
	text := saysCode.FindStringSubmatch(cause.Error())[1]
	e := &Error{What: text, Statement: statement}
	if m := saysNoColumn.FindStringSubmatch(text); m != nil {
		name := strings.Trim(m[1], `"`)
		if _, column, ok := strings.Cut(name, "."); ok {
			name = column
		}
		e.What, e.Word = `unknown field "`+name+`"`, name
		e.Known, e.Table = db.columnsIn(tokens)
		if m[2] != "" {
			e.Hint = "text stands in single quotes: '" + name + "'"
		}
		return e.atName(tokens, name)
	}
	if m := saysNoTable.FindStringSubmatch(text); m != nil {
		name := strings.TrimPrefix(m[1], "main.")
		e.What, e.Word, e.Known = `unknown table "`+name+`"`, name, db.tableNames()
		return e.atName(tokens, name)
	}
	if m := saysNoFunction.FindStringSubmatch(text); m != nil {
		return e.atName(tokens, m[1]+m[2])
	}
	if m := saysAmbiguous.FindStringSubmatch(text); m != nil {
		e.What, e.Hint = `"`+m[1]+`" is a field of more than one table here`, "write the table and a dot before it"
		return e.atName(tokens, m[1])
	}
	if m := saysNear.FindStringSubmatch(text); m != nil {
		e.What = `syntax error near "` + m[1] + m[2] + `"`
		return e.atFault(db, tokens, text)
	}
	switch {
	case strings.HasSuffix(text, "incomplete input"):
		last := tokens[len(tokens)-1]
		e.What, e.At, e.Length = "the statement is not finished", last.at, len(last.text)
	case strings.HasSuffix(text, "not authorized"):
		e.What = "nothing can be changed here, nor anything read but the tables"
	}
	return e
}

// atName points at the first use of a name.
func (e *Error) atName(tokens []token, name string) *Error {
	for _, t := range tokens {
		if (t.kind == word || t.kind == quoted) && strings.EqualFold(t.name(), name) {
			e.At, e.Length = t.at, len(t.text)
			break
		}
	}
	return e
}

// atFault points at the word at which a statement becomes wrong: up to the one
// before it, it was only unfinished.
func (e *Error) atFault(db *DB, tokens []token, text string) *Error {
	for _, t := range tokens {
		if !strings.Contains(text, `"`+t.text+`"`) {
			continue
		}
		s, err := db.conn.(driver.ConnPrepareContext).PrepareContext(context.Background(), e.Statement[:t.end()])
		if err == nil {
			_ = s.Close() // it was only looked at
			continue
		}
		if says := saysCode.FindStringSubmatch(err.Error())[1]; says == text {
			e.At, e.Length = t.at, len(t.text)
			break
		}
	}
	return e
}

// columnsIn returns the columns of the tables that a statement names, and the
// table if it is one.
func (db *DB) columnsIn(tokens []token) (names []string, table string) {
	tables := slices.DeleteFunc(slices.Clone(db.tables), func(t *Table) bool {
		return !slices.ContainsFunc(tokens, func(w token) bool { return strings.EqualFold(w.name(), t.Name) })
	})
	for _, t := range tables {
		for _, c := range t.Columns {
			names = append(names, c.Name)
		}
	}
	if len(tables) == 1 {
		table = tables[0].Name
	}
	return names, table
}

func (db *DB) tableNames() (names []string) {
	for _, t := range db.tables {
		names = append(names, t.Name)
	}
	return names
}
