package query

import (
	"iter"
	"slices"
	"strings"
)

// Kind is what the values of a column are.
type Kind string

// Kinds of columns. Times are text that SQLite's date functions read and that
// sorts by time, lists are text that its JSON functions read.
const (
	Text Kind = "text"
	Int  Kind = "integer"
	Real Kind = "real"
	Bool Kind = "bool" // 1 or 0
	Time Kind = "time"
	List Kind = "list"
	Any  Kind = "any" // of an expression
)

// declared is what SQLite is told of a kind: its affinity, and that it comes
// back as the kind of a column of the answer.
var declared = map[Kind]string{
	Text: "TEXT", Int: "INTEGER", Real: "REAL", Bool: "INTEGER BOOL", Time: "TEXT TIME", List: "TEXT LIST", Any: "NUMERIC",
}

func kindOf(declaredType string) Kind {
	for kind, text := range declared {
		if text == declaredType {
			return kind
		}
	}
	return Any
}

// Column is a column of a table.
type Column struct {
	Name    string
	Kind    Kind
	Meaning string
	Index   Index // what a condition on it saves
	Hidden  bool  // left out of *

	needed bool // without a condition on it there are no rows
	marked bool // its index is one that a run has when it ended: see store.Mark and Answered
	linked bool // its index is that of links
	value  func(row any) any
}

// Index tells which conditions on a column spare reading the whole table.
type Index uint8

// Indexes. A column without any is read row by row.
const (
	Equal  Index = 1 << iota // =, IN
	Prefix                   // GLOB, LIKE with a fixed beginning
)

// String names the conditions, as SQL writes them.
func (i Index) String() string {
	switch i {
	case Equal:
		return "="
	case Equal | Prefix:
		return "=, GLOB, LIKE"
	}
	return ""
}

// Table is a table that statements may read.
type Table struct {
	Name    string
	Meaning string
	Columns []Column

	Joins []Join

	perRun bool // its rows are those of one run at a time
	rows   float64
	scan   func(*scan) iter.Seq2[any, error]
}

// Join is columns of pages that another table has for each of its rows.
type Join struct{ Prefix, Meaning string }

// IsFunction tells a table that is asked with an argument: search('anvil').
func (t *Table) IsFunction() bool {
	return slices.ContainsFunc(t.Columns, func(c Column) bool { return c.needed })
}

// Column returns the column of that name, or nil.
func (t *Table) Column(name string) *Column {
	if i := t.index(name); i >= 0 {
		return &t.Columns[i]
	}
	return nil
}

func (t *Table) index(name string) int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return strings.EqualFold(c.Name, name) })
}

// declaration is the statement that tells SQLite of the table.
func (t *Table) declaration() string {
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = Quote(c.Name) + " " + declared[c.Kind]
		if c.Hidden {
			columns[i] += " HIDDEN"
		}
	}
	return "CREATE TABLE " + Quote(t.Name) + "(" + strings.Join(columns, ", ") + ")"
}

// Quote writes a name so that SQLite takes it for nothing else.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Literal writes a text as SQL.
func Literal(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }

// column makes a column of rows of one type.
func column[R any](name string, kind Kind, meaning string, value func(R) any) Column {
	return Column{Name: name, Kind: kind, Meaning: meaning, value: func(row any) any { return value(row.(R)) }}
}

// indexed says that conditions on a column are answered by an index.
func (c Column) indexed(i Index) Column {
	c.Index = i
	return c
}

// byLinks says that the column's index is that of links, which a run may not have.
func (c Column) byLinks() Column {
	c.linked = true
	return c
}

// Tables are the tables of any store.
func Tables() []*Table { return tablesFor(nil) }

// tablesFor are the tables of a store, with the fields that a run's rules name.
func tablesFor(fields []string) []*Table {
	tables := []*Table{
		pagesTable(fields), linksTable(fields), redirectsTable(), externalTable(), alikeTable(), findingsTable(), skippedTable(), changesTable(), sitemapsTable(), hostsTable(), headersTable(),
		runsTable(), sitesTable(), fetchesTable(), searchTable(), schedulesTable(), scheduleRunsTable(),
	}
	for _, t := range tables { // an older program may have allowed any field
		names := map[string]bool{}
		t.Columns = slices.DeleteFunc(t.Columns, func(c Column) bool {
			taken := names[strings.ToLower(c.Name)]
			names[strings.ToLower(c.Name)] = true
			return taken
		})
	}
	return tables
}
