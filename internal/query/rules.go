package query

import (
	"slices"
	"strings"

	"crawl/internal/weburl"
	"crawl/store"
)

// Off is the severity of a report that finds nothing, since its user wants it so.
const Off = "off"

// Severities are what a user may call what a report finds, the gravest first.
var Severities = []string{Critical, Warning, Notice, Off}

// Rules are what a user thinks of findings. They belong to who asks, not to the
// run that is asked about; nil is no rule.
type Rules struct {
	Severity map[string]string // by the report: of all it finds, whatever its rows say
	Mutes    []Mute            // those that hold now; the first that fits counts
}

// Mute names findings that a user knows of. They are shown where somebody looks
// for them, and counted and judged nowhere.
type Mute struct {
	Report string                // its name; "" for any
	ID     string                // what the id begins with; "" for any
	URL    func(weburl.URL) bool // nil for any, and for what is about no address
	Until  string                // the last day, as 2027-01-31
	Reason string
}

// Reports are all reports, as the rules have them.
func (ru *Rules) Reports(fields []string) []Report {
	all := Reports(fields)
	for i := range all {
		ru.Apply(&all[i])
	}
	return all
}

// Apply gives a report the severity that the rules say.
func (ru *Rules) Apply(r *Report) {
	if ru == nil || ru.Severity[r.Name] == "" {
		return
	}
	r.Severity, r.Others, r.set = ru.Severity[r.Name], "", true
}

// Overruled is the column in which rows of the report's answer say a severity that is
// not the user's; -1 if there is none.
func (r *Report) Overruled(columns []ColumnOf) int {
	if !r.set {
		return -1
	}
	return slices.IndexFunc(columns, func(c ColumnOf) bool { return c.Name == "severity" })
}

// mutes are those that may name what a report finds.
func (ru *Rules) mutes(report string) (some []Mute) {
	if ru == nil {
		return nil
	}
	for _, m := range ru.Mutes {
		if m.Report == "" || m.Report == report {
			some = append(some, m)
		}
	}
	return some
}

// muteOf is the first that names a finding; nil if none does.
func muteOf(mutes []Mute, id, url string) *Mute {
	var u weburl.URL
	known := false
	for i, m := range mutes {
		if !strings.HasPrefix(id, m.ID) {
			continue
		}
		if m.URL == nil {
			return &mutes[i]
		}
		if !known {
			known, u = true, addressOf(url)
		}
		if u != (weburl.URL{}) && m.URL(u) {
			return &mutes[i]
		}
	}
	return nil
}

// addressOf is the address that a finding is about; the zero one if it is about none.
func addressOf(text string) weburl.URL {
	u, err := weburl.Parse(text)
	if err != nil {
		return weburl.URL{}
	}
	return u
}

// Muting tells of the rows of a report's answer, which has such columns, the id of
// each as a finding, and what mutes it: nil for nothing. Rows of reports that tell
// what is right too are not muted.
func (ru *Rules) Muting(r *Report, columns []ColumnOf) func(row []any) (id string, m *Mute) {
	mutes := ru.mutes(r.Name)
	if r.Finds != "" {
		mutes = nil
	}
	return func(row []any) (string, *Mute) {
		f := newFinding(r, columns, row)
		return f.id(), muteOf(mutes, f.id(), f.url)
	}
}

// rules are those for the findings of a run.
func (db *DB) rules(run *store.Run) *Rules {
	if db.o.Rules == nil || run == nil {
		return nil
	}
	return db.o.Rules(run.Site)
}

// Rules are what the user thinks of the findings of the database's run.
func (db *DB) Rules() *Rules { return db.rules(db.o.Run) }
