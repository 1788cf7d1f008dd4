package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"crawl/internal/query"
	"crawl/internal/weburl"
	"crawl/store"
)

// How much of a difference people are shown at once.
const (
	shownRows   = 10  // of each kind, unless --limit says otherwise
	shownPages  = 3   // of each group of changes
	shownGroups = 10  // of each kind
	shownText   = 300 // characters of a value
)

// diffScreen is the difference of two runs as people read it: counts, and the
// first rows of each kind. What is kept does not grow with the runs.
type diffScreen struct {
	origin string // that needs no saying
	most   int
	kinds  map[string]*changeKind
	pages  int    // with changes, new and gone ones not among them
	last   string // URL
	rows   int
}

// changeKind is what is shown of one kind of change.
type changeKind struct {
	count  int
	rows   []changeLine
	groups []changeGroup // of rows with the same values, where such are few
}

type changeLine struct{ url, before, after, foundOn, inlinks, title, why string }

// changeGroup is the pages whose change is the same.
type changeGroup struct {
	before, after string
	count         int
	pages         []string
}

// groupedKinds are those whose values are few.
var groupedKinds = []string{"status", "indexable", "mime", query.ChangeSkipped}

// presenceKinds are no changes of a page that both runs have.
var presenceKinds = []string{query.ChangeNew, query.ChangeGone, query.ChangeMissed, query.ChangeSkipped}

// screen writes the difference for people, and returns how many rows it has.
func (d *runDiff) screen(w io.Writer, rows *query.Rows, counts *store.Changes) (int, error) {
	s := &diffScreen{origin: originOf(d.after), most: cmp.Or(d.f.limit, shownRows), kinds: map[string]*changeKind{}}
	for row, err := range rows.All() {
		if err != nil {
			return 0, err
		}
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = cutTo(cellText(v, rows.Columns[i].Kind), shownText)
		}
		s.add(cells[0], changeLine{cells[1], cells[2], cells[3], cells[4], cells[5], cells[6], cells[7]})
	}
	b := bufio.NewWriter(w)
	d.head(b, counts)
	err := s.write(b, terminalWidth(d.c.OutOrStdout()))
	return s.rows, errors.Join(err, b.Flush())
}

// originOf is the origin of a run's first seed, whose pages are shown by their
// paths.
func originOf(run *store.Run) string {
	if len(run.Seeds) == 0 {
		return ""
	}
	u, err := weburl.Parse(run.Seeds[0])
	if err != nil {
		return ""
	}
	return u.Origin()
}

// head says what is compared, and how much there is.
func (d *runDiff) head(w io.Writer, n *store.Changes) {
	run := func(r *store.Run) string {
		return fmt.Sprintf("run %d (%s)", r.Number, r.Started.Local().Format("Mon 2 Jan 15:04"))
	}
	name := func(r *store.Run) string {
		if d.before.Site == d.after.Site {
			return run(r)
		}
		return plain(r.Site) + " " + run(r)
	}
	if d.before.Site == d.after.Site {
		fmt.Fprintf(w, "%s  ", plain(d.after.Site))
	}
	state := "both " + d.before.State
	if d.before.State != d.after.State {
		state = d.before.State + " → " + d.after.State
	}
	if len(d.unlike) == 0 {
		state += ", same settings"
	} else {
		state += ", other settings"
	}
	fmt.Fprintf(w, "%s  →  %s     %s\n", name(d.before), name(d.after), state)
	fresh := n.Kinds[query.ChangeNew]
	if d.f.common {
		fresh -= n.Settings
	}
	fmt.Fprintf(w, "URLs %s → %s     %s new   %s gone   %s changed   %s same", grouped(n.Before), grouped(n.After),
		grouped(fresh), grouped(n.Kinds[query.ChangeGone]), grouped(n.Changed), grouped(n.Same))
	if n.Unreached > 0 {
		fmt.Fprintf(w, "   %s not reached", grouped(n.Unreached))
	}
	fmt.Fprintln(w)
}

// add takes in a row. Those of one URL come together.
func (s *diffScreen) add(kind string, line changeLine) {
	s.rows++
	if !slices.Contains(presenceKinds, kind) && line.url != s.last {
		s.pages++
		s.last = line.url
	}
	k := s.kinds[kind]
	if k == nil {
		k = &changeKind{}
		s.kinds[kind] = k
	}
	k.count++
	line.url, line.foundOn = s.path(line.url), s.path(line.foundOn)
	switch {
	case slices.Contains(groupedKinds, kind):
		k.group(line)
	case len(k.rows) < s.most:
		k.rows = append(k.rows, line)
	}
}

// path is what needs saying of an address.
func (s *diffScreen) path(url string) string {
	if rest, ok := strings.CutPrefix(url, s.origin); ok && strings.HasPrefix(rest, "/") {
		return rest
	}
	return url
}

func (k *changeKind) group(line changeLine) {
	i := slices.IndexFunc(k.groups, func(g changeGroup) bool { return g.before == line.before && g.after == line.after })
	if i < 0 {
		if i = len(k.groups); i == shownGroups {
			return
		}
		k.groups = append(k.groups, changeGroup{before: line.before, after: line.after})
	}
	g := &k.groups[i]
	if g.count++; len(g.pages) < shownPages {
		g.pages = append(g.pages, line.url)
	}
}

func (s *diffScreen) write(w *bufio.Writer, width int) error {
	if s.rows == 0 {
		_, err := fmt.Fprintln(w, "no difference")
		return err
	}
	return errors.Join(s.writeNew(w, width), s.writeGone(w, width), s.writeSkipped(w, width), s.writeChanged(w, width))
}

// table writes lines under a heading that counts them.
func (s *diffScreen) table(w *bufio.Writer, width int, columns []string, lines [][]any, more int) error {
	a := answer{rows: lines}
	for _, name := range columns {
		a.columns = append(a.columns, query.ColumnOf{Name: name})
	}
	fmt.Fprintln(w)
	if err := a.table(w, width); err != nil || more <= 0 {
		return err
	}
	_, err := fmt.Fprintf(w, "     %s more: --limit, or -f tsv for all\n", grouped(uint64(more)))
	return err
}

func (s *diffScreen) writeNew(w *bufio.Writer, width int) error {
	k := s.kinds[query.ChangeNew]
	if k == nil {
		return nil
	}
	columns := []string{heading("new", k.count), "title", "found on"}
	explained := slices.ContainsFunc(k.rows, func(l changeLine) bool { return l.why != "" })
	if explained {
		columns = append(columns, "left out before")
	}
	var lines [][]any
	for _, l := range k.rows {
		line := []any{"  + " + l.url, l.title, l.foundOn}
		if explained {
			line = append(line, whyText(l.why))
		}
		lines = append(lines, line)
	}
	return s.table(w, width, columns, lines, k.count-len(k.rows))
}

func heading(name string, n int) string { return name + " " + grouped(uint64(n)) }

// writeGone tells of the pages that are gone, and how many may be.
func (s *diffScreen) writeGone(w *bufio.Writer, width int) (err error) {
	if k := s.kinds[query.ChangeGone]; k != nil {
		var lines [][]any
		for _, l := range k.rows {
			lines = append(lines, []any{"  − " + l.url, l.before, cmp.Or(l.after, "no link leads there"), linkedText(l.inlinks)})
		}
		err = s.table(w, width, []string{heading("gone", k.count), "was", "now", "still linked by"}, lines, k.count-len(k.rows))
	}
	if k := s.kinds[query.ChangeMissed]; k != nil && err == nil {
		var lines [][]any
		for _, l := range k.rows {
			lines = append(lines, []any{"  ? " + l.url, l.before, cmp.Or(l.after, "what leads there failed")})
		}
		err = s.table(w, width, []string{heading("missed", k.count) + " not called gone until missed twice", "was", "now"}, lines, k.count-len(k.rows))
	}
	return err
}

func linkedText(inlinks string) string {
	switch inlinks {
	case "", "0":
		return ""
	case "1":
		return "1 link"
	}
	return inlinks + " links"
}

func (s *diffScreen) writeSkipped(w *bufio.Writer, width int) error {
	k := s.kinds[query.ChangeSkipped]
	if k == nil {
		return nil
	}
	var lines [][]any
	for _, g := range k.groups {
		lines = append(lines, []any{"  · " + whyText(g.after), int64(g.count), strings.Join(g.pages, "  ")})
	}
	return s.table(w, width, []string{heading("not asked for", k.count), "pages", "such as"}, lines, 0)
}

// whyText says in words what kept a run from a page.
func whyText(why string) string {
	reason, rule, _ := strings.Cut(why, ": ")
	return reasonText(reason) + orRule(rule)
}

// writeChanged tells of what is different of pages that both runs have.
func (s *diffScreen) writeChanged(w *bufio.Writer, width int) error {
	var lines [][]any
	for _, name := range inOrder(s.kinds) {
		lines = append(lines, s.kinds[name].lines(name)...)
	}
	if len(lines) == 0 {
		return nil
	}
	return s.table(w, width, []string{heading("changed", s.pages), "times", "before → after", "where"}, lines, 0)
}

// lines are those of one kind; its name and number stand in the first.
func (k *changeKind) lines(name string) (lines [][]any) {
	mark := "    "
	if name == "status" || name == "indexable" {
		mark = "  ! "
	}
	add := func(change, where string) {
		label, count := mark+kindText(name), any(int64(k.count))
		if len(lines) > 0 {
			label, count = "", nil
		}
		lines = append(lines, []any{label, count, change, where})
	}
	for _, g := range k.groups {
		where := strings.Join(g.pages, "  ")
		if more := g.count - len(g.pages); more > 0 {
			where += "  and " + grouped(uint64(more)) + " more"
		}
		add(changeText(g.before, g.after), where)
	}
	for _, l := range k.rows {
		change := changeText(l.before, l.after)
		if name == "text_hash" {
			change = ""
		}
		add(change, l.url)
	}
	return lines
}

func changeText(before, after string) string {
	return cmp.Or(before, "none") + " → " + cmp.Or(after, "none")
}
