package query

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"strings"

	"crawl/store"
)

// finding is one row of a report, as one of all reports.
type finding struct {
	run    *runView
	report *Report
	findingID
	severity   string
	url        string // "" where it is about no address alone
	problem    string
	what       string // the rest of the row, for people
	places     int64
	new, fixed bool
	mute       *Mute // what mutes it, or nil
}

func (f *finding) id() string { return hex.EncodeToString(f.findingID[:]) }

// findingID tells a finding from all others, and the same in every run: the
// first bytes of the SHA-256 of
//
//	"finding 1", the report's name, and the fields of its row that Report.Key
//	says, with a zero byte behind each
//
// The number is the version: a change of what is hashed makes all findings new.
type findingID [8]byte

const findingVersion = "finding 1"

func newFindingID(report string, key []string) (id findingID) {
	h := sha256.New()
	for _, text := range append([]string{findingVersion, report}, key...) {
		h.Write([]byte(text))
		h.Write([]byte{0})
	}
	return findingID(h.Sum(nil)[:len(id)])
}

func (f *finding) identify(h *maphash.Hash) {
	writeAll(h, f.run.name, string(f.findingID[:]), fmt.Sprint(f.fixed))
}

func findingsTable() *Table {
	text := func(name, meaning string, value func(*finding) string) Column {
		return column(name, Text, meaning, func(f *finding) any { return value(f) })
	}
	return &Table{
		Name: "findings", Meaning: "what the reports find wrong, and what of it is new or was mended since the run before", perRun: true, rows: 1e6,
		Columns: []Column{
			text("run", "the run, as acme@43", func(f *finding) string { return f.run.name }).indexed(Equal),
			text("id", "the same for the same finding in every run", (*finding).id),
			text("kind", "the report that finds it: broken, titles, …", func(f *finding) string { return f.report.Name }).indexed(Equal),
			text("severity", "critical, warning, notice", func(f *finding) string { return f.severity }).indexed(Equal),
			text("url", "what it is about", func(f *finding) string { return f.url }),
			text("problem", "which of the report's problems it is", func(f *finding) string { return f.problem }),
			text("what", "the rest of the report's row", func(f *finding) string { return f.what }),
			column("places", Int, "how many links or pages have it", func(f *finding) any { return f.places }),
			column("new", Bool, "the run before did not have it", func(f *finding) any { return f.new }),
			column("fixed", Bool, "the run before had it, this one has it no more", func(f *finding) any { return f.fixed }),
			text("muted", "why it is muted; empty if it is not", func(f *finding) string { return f.muted().Reason }),
			text("until", "the last day on which it is", func(f *finding) string { return f.muted().Until }),
		},
		scan: scanFindings,
	}
}

// muted is what mutes the finding; the zero Mute for nothing.
func (f *finding) muted() Mute {
	if f.mute == nil {
		return Mute{}
	}
	return *f.mute
}

// scanFindings asks the reports that the conditions leave.
func scanFindings(s *scan) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		kind, byKind := s.equal("kind")
		severity, bySeverity := s.equal("severity")
		left := func(r *Report) bool {
			return (!byKind || r.Name == kind) && (!bySeverity || slices.Contains(r.severities(), severity))
		}
		if err := s.run.findings(left, false, func(f *finding) bool { return yield(f, nil) }); err != nil {
			yield(nil, err)
		}
	}
}

// findings asks one report after the other, those that are wanted; briefly where
// findings are only told apart and counted.
func (v *runView) findings(wanted func(*Report) bool, briefly bool, yield func(*finding) bool) error {
	rules := v.q.db.rules(v.run)
	all := rules.Reports(FieldNames(v.run))
	for i := range all {
		r := &all[i]
		if !r.Find() || !wanted(r) {
			continue
		}
		found := comparedReport{run: v, report: r, mutes: rules.mutes(r.Name), briefly: briefly, yield: yield}
		if err := found.all(); err != nil || found.over {
			return err
		}
	}
	return nil
}

// maxKept is how many findings of the run before are kept while those of the
// run are told. Where there are more they are asked for again, to tell which of
// them are no more.
const maxKept = 1_000

// comparedReport is what a report finds in a run and in the one before.
type comparedReport struct {
	run     *runView
	report  *Report
	mutes   []Mute // those that may name what it finds
	briefly bool   // what makes a finding itself is enough: see found
	yield   func(*finding) bool
	over    bool // nobody wants more

	was  map[findingID]bool // of the run before: whether it is there still
	kept []*finding         // those, unless there are too many
}

func (c *comparedReport) all() error {
	base := c.run.baseline()
	if c.run.q.err != nil {
		return c.run.q.err
	}
	if base != nil && c.report.Comparable() && (c.report.Name != externalReport || c.run.checked()) { // who asked nothing mended nothing
		if err := c.before(base); err != nil {
			return err
		}
	}
	told := map[findingID]bool{} // a row may come twice by its key
	err := c.find(c.run, c.report, func(f *finding) bool {
		_, old := c.was[f.findingID]
		if old {
			c.was[f.findingID] = true
		}
		if f.new = !old; told[f.findingID] {
			return true
		}
		told[f.findingID] = true
		return c.tell(f)
	})
	if err != nil || c.over {
		return err
	}
	return c.fixed(base)
}

func (c *comparedReport) tell(f *finding) bool {
	if f.mute = muteOf(c.mutes, f.id(), f.url); f.mute != nil && c.run.q.db.judging {
		return true
	}
	c.over = c.over || !c.yield(f)
	return !c.over
}

// before asks what the run before had.
func (c *comparedReport) before(base *runView) error {
	c.was = map[findingID]bool{}
	return c.find(base, c.report.of(base), func(f *finding) bool {
		if _, had := c.was[f.findingID]; had { // of another link to the same page
			return true
		}
		if c.was[f.findingID] = false; len(c.was) <= maxKept {
			c.kept = append(c.kept, f)
		}
		return true
	})
}

// fixed tells what the run before had alone.
func (c *comparedReport) fixed(base *runView) error {
	tell := func(f *finding) bool {
		if still, had := c.was[f.findingID]; !had || still {
			return true
		}
		delete(c.was, f.findingID) // once
		f.run, f.fixed = c.run, true
		return c.tell(f)
	}
	if len(c.was) > maxKept {
		return c.find(base, c.report.of(base), tell)
	}
	for _, f := range c.kept {
		if !tell(f) {
			break
		}
	}
	return nil
}

// of is the report for another run, which may have other fields.
func (r *Report) of(v *runView) *Report {
	all := v.q.db.rules(v.run).Reports(FieldNames(v.run))
	return &all[slices.IndexFunc(all, func(other Report) bool { return other.Name == r.Name })]
}

// find yields what a report finds in a run, by its statement.
func (v *runView) find(r *Report, yield func(*finding) bool) error {
	db, base := v.q.db.sub(v), v.baseline()
	if v.q.err != nil {
		return v.q.err
	}
	before := ""
	if base != nil {
		before = base.name
	}
	rows, err := db.Query(v.q.ctx, r.findings(v.name, before))
	if err != nil {
		return fmt.Errorf("report %s: %w", r.Name, err)
	}
	for row, err := range rows.All() {
		if err != nil {
			return fmt.Errorf("report %s: %w", r.Name, err)
		}
		f := newFinding(r, rows.Columns, row)
		if f.run = v; !yield(f) {
			return nil
		}
	}
	return nil
}

// sub opens the store as a database of its own for statements within the one
// that is asked. It stays open as long as db.
func (db *DB) sub(v *runView) *DB {
	if sub := db.subs[v.run.ID]; sub != nil {
		return sub
	}
	o := db.o
	o.Run, o.MaxRows, o.MaxTime, o.Baseline = v.run, 0, 0, nil // time is the outer statement's
	if base := v.baseline(); base != nil {
		o.Baseline = base.run
	}
	o.Warn = db.warnOnce
	sub := Open(db.store, o)
	if db.subs == nil {
		db.subs = map[store.RunID]*DB{}
	}
	db.subs[v.run.ID] = sub
	return sub
}

// warnOnce warns of what many statements meet.
func (db *DB) warnOnce(text string, cause error) {
	if db.o.Warn == nil || db.warned[text] {
		return
	}
	if db.warned == nil {
		db.warned = map[string]bool{}
	}
	db.warned[text] = true
	db.o.Warn(text, cause)
}

func (db *DB) closeSubs() (err error) {
	for _, sub := range db.subs {
		err = errors.Join(err, sub.Close())
	}
	return err
}

// Columns of reports that have a place of their own among the findings: the
// first of these that a report has. Where none says what the problem is, and the
// first column of all is no address, it is that.
var (
	findingURL    = []string{"url", "target", "source", "before", "origin", "example"}
	findingPlaces = []string{"links", "pages", "urls", "inlinks"}
	findingIs     = []string{"problem", "why_not", "missing"}
)

// found makes a finding of the fields that tell it from others.
func (r *Report) found(key ...string) *finding {
	return &finding{report: r, findingID: newFindingID(r.Name, key), severity: r.Severity, places: 1}
}

// newFinding makes one of a report's row.
func newFinding(r *Report, columns []ColumnOf, row []any) *finding {
	at := func(names []string) int {
		for _, name := range names {
			if i := slices.IndexFunc(columns, func(c ColumnOf) bool { return c.Name == name }); i >= 0 {
				return i
			}
		}
		return -1
	}
	key := make([]string, r.key())
	for i := range key {
		key[i] = cellOf(row[i])
	}
	f := r.found(key...)
	url, places, is, severity := at(findingURL), at(findingPlaces), at(findingIs), at([]string{"severity"})
	if is < 0 && url != 0 {
		is = 0
	}
	var rest []string
	for i, c := range columns {
		text := cellOf(row[i])
		switch i {
		case url:
			f.url = text
		case is:
			f.problem = text
		case severity:
			if !r.set {
				f.severity = text
			}
		case places:
			if n, ok := row[i].(int64); ok {
				f.places = n
			}
		default:
			if text != "" {
				rest = append(rest, c.Name+" "+text)
			}
		}
	}
	f.what = strings.Join(rest, ", ")
	return f
}

// cellOf is a value as text.
func cellOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []byte:
		return string(v)
	}
	return fmt.Sprint(v)
}

// Rank orders severities, the gravest first.
func Rank(severity string) int { return slices.Index(Severities, severity) }
