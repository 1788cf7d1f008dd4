package main

import (
	"bufio"
	"fmt"
	"strings"

	"crawl/internal/query"
)

// tableRows writes columns for people. How wide they are the first rows
// decide, so that those need not wait for the last; what is wider later stands
// out.
type tableRows struct {
	out     *bufio.Writer
	columns []query.ColumnOf
	width   int // of a line; 0: as wide as it gets
	colours bool

	waiting [][]string // rows until widths are known
	widths  []int      // nil until then
	right   []bool     // columns of numbers
}

// measuredRows are the rows that decide how wide columns are.
const measuredRows = 100

func (t *tableRows) row(row []any) error {
	if t.right == nil {
		t.right = make([]bool, len(t.columns))
		for i, c := range t.columns {
			_, isInt := row[i].(int64)
			_, isReal := row[i].(float64)
			t.right[i] = c.Kind != query.Bool && (isInt || isReal)
		}
	}
	cells := make([]string, len(row))
	for i, v := range row {
		cells[i] = plain(cellText(v, t.columns[i].Kind))
	}
	if t.widths != nil {
		return t.line(cells)
	}
	if t.waiting = append(t.waiting, cells); len(t.waiting) < measuredRows {
		return nil
	}
	return t.begin()
}

func (t *tableRows) end() error {
	if t.widths != nil || len(t.waiting) == 0 {
		return nil
	}
	return t.begin()
}

// begin writes the names and the rows that waited.
func (t *tableRows) begin() error {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = strings.ToUpper(plain(c.Name))
	}
	t.widths = make([]int, len(names))
	for _, cells := range append(t.waiting, names) {
		for i, cell := range cells {
			t.widths[i] = max(t.widths[i], textWidth(cell))
		}
	}
	if t.width > 0 {
		narrow(t.widths, t.width)
	}
	err := t.line(names)
	for _, cells := range t.waiting {
		if err != nil {
			return err
		}
		err = t.line(cells)
	}
	t.waiting = nil
	return err
}

// columnGap is the room between columns, leastWidth what is left of any.
const (
	columnGap  = 2
	leastWidth = 8
)

// narrow takes from the widest columns until they fit into a line.
func narrow(widths []int, line int) {
	sum := columnGap * (len(widths) - 1)
	for _, w := range widths {
		sum += w
	}
	for ; sum > line; sum-- {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= leastWidth {
			return
		}
		widths[widest]--
	}
}

func (t *tableRows) line(cells []string) error {
	var b strings.Builder
	for i, cell := range cells {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", columnGap))
		}
		if t.width > 0 {
			cell = cutTo(cell, t.widths[i])
		}
		pad := strings.Repeat(" ", max(0, t.widths[i]-textWidth(cell)))
		if colour := severityColours[cell]; t.colours && t.columns[i].Name == "severity" && colour != "" {
			cell = colour + cell + colourEnd
		}
		if t.right[i] {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
	}
	_, err := fmt.Fprintln(t.out, strings.TrimRight(b.String(), " "))
	return err
}

// facetRows writes facets side by side.
type facetRows struct {
	out    *bufio.Writer
	width  int
	names  []string
	values map[string][][2]string // by facet: value and count
}

func (f *facetRows) row(row []any) error {
	name := plain(cellText(row[0], query.Text))
	if f.values == nil {
		f.values = map[string][][2]string{}
	}
	if f.values[name] == nil {
		f.names = append(f.names, name)
	}
	n, _ := row[2].(int64)
	value := plain(cellText(row[1], query.Any))
	if value == "" {
		value = "-"
	}
	f.values[name] = append(f.values[name], [2]string{value, grouped(uint64(n))})
	return nil
}

func (f *facetRows) end() error {
	lines := 0
	blocks := make([][]string, len(f.names))
	for i, name := range f.names {
		blocks[i] = f.block(name)
		lines = max(lines, len(blocks[i]))
	}
	for n := range lines {
		var b strings.Builder
		for i, block := range blocks {
			cell := ""
			if n < len(block) {
				cell = block[n]
			}
			if i > 0 {
				b.WriteString("    ")
			}
			b.WriteString(cell + strings.Repeat(" ", textWidth(block[0])-textWidth(cell)))
		}
		if _, err := fmt.Fprintln(f.out, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// block is the lines of one facet, all of one width.
func (f *facetRows) block(name string) []string {
	left, right := textWidth(name), 0
	for _, v := range f.values[name] {
		left, right = max(left, textWidth(v[0])), max(right, textWidth(v[1]))
	}
	if f.width > 0 {
		left = min(left, max(leastWidth, f.width/len(f.names)-right-2*columnGap))
	}
	lines := []string{padded(strings.ToUpper(name), left+columnGap+right)}
	for _, v := range f.values[name] {
		value := cutTo(v[0], left)
		lines = append(lines, padded(value, left+columnGap+right-textWidth(v[1]))+v[1])
	}
	return lines
}

func padded(s string, width int) string { return s + strings.Repeat(" ", max(0, width-textWidth(s))) }
