package query

import (
	"slices"
	"strings"

	"crawl/store"
)

// PageRow is a visit as a row of pages, for what is told of it while a run goes
// on: nobody has counted the links to it. fields are the names of the user's
// own columns.
func PageRow(run *store.Run, p *store.Page, fields []string) (columns []ColumnOf, values []any) {
	row := (&runView{name: RunName(run), broken: true}).newRow()
	row.page, row.have = *p, store.AllFields
	return rowOf(columnsOf("", fields, func(row any) *pageRow { return row.(*pageRow) }), row)
}

// SkipRow is a URL that was not fetched as a row of skipped, likewise.
func SkipRow(run *store.Run, s *store.Skip) (columns []ColumnOf, values []any) {
	return rowOf(skippedTable().Columns, &skipRow{&runView{name: RunName(run), broken: true}, s})
}

func rowOf(all []Column, row any) (columns []ColumnOf, values []any) {
	for _, c := range all {
		columns, values = append(columns, ColumnOf{c.Name, c.Kind}), append(values, c.value(row))
	}
	return columns, values
}

// Reserved tells whether a field of the user may not have that name, which pages
// have for a column of their own, or links for one that is joined.
func Reserved(name string) bool {
	return strings.HasPrefix(name, "prev_") || strings.HasPrefix(name, "final_") || slices.ContainsFunc(pageColumns, func(c pageColumn) bool { return c.name == name })
}
