// Package table prints small tables of measurements, for terminals or as
// Markdown.
package table

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Table is one table. The first column is text, the others are numbers or "".
type Table struct {
	Title  string
	Header []string
	Rows   [][]string
	Notes  []string // printed below, each a line
}

// Add appends a row; each cell is printed as %v says.
func (t *Table) Add(cells ...any) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = fmt.Sprint(c)
	}
	t.Rows = append(t.Rows, row)
}

// Write prints t to w.
func (t *Table) Write(w io.Writer, markdown bool) {
	heading, note := "\n%s\n\n", "%s\n"
	if markdown {
		heading, note = "\n### %s\n\n", "%s\n"
	}
	fmt.Fprintf(w, heading, t.Title)
	widths := t.widths()
	t.line(w, t.Header, widths, markdown)
	if markdown {
		fmt.Fprintln(w, "|"+strings.Repeat("---|", 1)+strings.Repeat("---:|", len(t.Header)-1))
	}
	for _, row := range t.Rows {
		t.line(w, row, widths, markdown)
	}
	if len(t.Notes) > 0 {
		fmt.Fprintln(w)
	}
	for _, n := range t.Notes {
		fmt.Fprintf(w, note, n)
	}
}

func (t *Table) widths() []int {
	widths := make([]int, len(t.Header))
	for _, row := range append([][]string{t.Header}, t.Rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

func (t *Table) line(w io.Writer, row []string, widths []int, markdown bool) {
	if markdown {
		fmt.Fprintln(w, "| "+strings.Join(row, " | ")+" |")
		return
	}
	var b strings.Builder
	for i, cell := range row {
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if i == 0 {
			b.WriteString(cell + pad)
		} else {
			b.WriteString("  " + pad + cell)
		}
	}
	fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
}

// Number prints x with about three digits, and none behind the point that say
// nothing.
func Number(x float64) string {
	switch {
	case x >= 1000:
		return grouped(int64(x + 0.5))
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

// grouped writes n with a comma before each three digits.
func grouped(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
