package query

import (
	"errors"
	"slices"
	"strings"

	"crawl/internal/weburl"
	"crawl/store"
)

// presence is what a run says of whether there is a page at a URL.
type presence uint8

const (
	unknown presence = iota // the run did not come there
	there                   // it was answered: a page, a redirect, a refusal
	missed                  // no answer, or the server failed: it may be there
	nowhere                 // 404 or 410, or nothing leads there any more
)

// presence is what the visit says.
func (r *pageRow) presence() presence {
	switch r.class() {
	case "ok", "redirect", "blocked", "client":
		return there
	case "broken":
		if r.get(classFields).Fault == "" {
			return nowhere
		}
	case "absent":
		return nowhere
	}
	return missed
}

// settled is what the visit says together with the run before: a page that is
// missed once is there as it was then, one that is missed twice on end is
// nowhere. It returns the visit that counts, too.
func (r *pageRow) settled() (presence, *pageRow) {
	is := r.presence()
	if is != missed {
		return is, r
	}
	switch before := r.previous(); {
	case before == nil && r.run.baseline() != nil && r.run.baseline().whole():
		return nowhere, r
	case before == nil:
		return unknown, r
	case before.presence() == missed:
		return nowhere, r
	default:
		return before.presence(), before
	}
}

// whole tells whether the run came to all there was for it.
func (v *runView) whole() bool { return v.run.State == store.Complete }

// Reasons for which a URL was skipped: those that say nothing of it, since its host
// did not answer or a limit of the run came first, and those by which the site
// itself keeps a crawler out. They are those of the crawler and the frontier, which
// a test compares.
var (
	MissedReasons = []string{"unreachable", "robots-unreachable", "pushed-back"}
	LimitReasons  = []string{"max-pages", "max-pages-per-host", "max-hosts", "max-time", "max-bytes"}
	SiteReasons   = []string{"robots", "nofollow", "form"}
)

// absence is why a run has no visit of a URL.
type absence struct {
	presence
	why      string // the setting or rule that keeps the run from it; "" if none does
	settings bool   // that is a setting of the run, and no rule of the site
}

// absences finds out why a run has no visit of what another run has.
type absences struct {
	run   *runView // that has none
	judge Judge    // nil: it would follow any link
	known map[weburl.URL]absence
}

func newAbsences(run *runView) (*absences, error) {
	a := &absences{run: run, known: map[weburl.URL]absence{}}
	var err error
	if judge := run.q.db.o.Judge; judge != nil {
		a.judge, err = judge(run.run)
	}
	return a, err
}

// maxAbsences is how many answers are remembered: pages that are gone were
// found on few others.
const maxAbsences = 4096

// of says why the run does not have a page that another run has. Nothing leads
// to it only if what led there then was read: where that is missing as well, so
// far as it goes back, this is for the same reason.
func (a *absences) of(row *pageRow) (found absence, err error) {
	var passed []weburl.URL // on the way back
	found.presence = a.whole()
	for range maxChain {
		final := false
		if found, final, err = a.here(row); err != nil || final {
			break
		}
		from, failed := weburl.Parse(row.get(fromFields).From)
		if failed != nil {
			break // a seed
		}
		if found, final, err = a.at(from); err != nil || final {
			break
		}
		passed = append(passed, from)
		if row = row.run.page(from); row == nil {
			break
		}
	}
	for _, u := range passed {
		a.remember(u, found)
	}
	return found, errors.Join(err, a.run.q.err)
}

// whole is what it means that nothing but the end of the run kept it from a URL.
func (a *absences) whole() presence {
	if a.run.whole() {
		return nowhere
	}
	return unknown
}

func (a *absences) remember(u weburl.URL, found absence) {
	if len(a.known) >= maxAbsences {
		clear(a.known)
	}
	a.known[u] = found
}

var fromFields = store.FieldsOf("Kind", "From", "Depth", "Hops")

// here looks no further than the page itself; final unless that says nothing.
func (a *absences) here(row *pageRow) (_ absence, final bool, err error) {
	q := a.run.q
	skip, err := q.db.store.Skipped(q.ctx, a.run.run.ID, row.url())
	switch {
	case err == nil:
		return a.skipped(skip), true, nil
	case !errors.Is(err, store.ErrNotFound):
		return absence{}, false, err
	}
	if a.judge != nil {
		if reason, rule := a.judge(row.get(fromFields)); reason != "" {
			return absence{unknown, reasonAndRule(reason, rule), true}, true, nil
		}
	}
	return absence{presence: a.whole()}, false, nil
}

func (a *absences) skipped(s *store.Skip) absence {
	switch {
	case slices.Contains(MissedReasons, s.Reason):
		return absence{presence: missed}
	case slices.Contains(LimitReasons, s.Reason):
		return absence{presence: unknown}
	}
	return absence{unknown, reasonAndRule(s.Reason, s.Rule), !slices.Contains(SiteReasons, s.Reason)}
}

func reasonAndRule(reason, rule string) string {
	return strings.TrimSuffix(reason+": "+rule, ": ")
}

// at says what the run met where the other run found something; final unless it
// was not there either.
func (a *absences) at(from weburl.URL) (found absence, final bool, err error) {
	if known, ok := a.known[from]; ok {
		return known, true, nil
	}
	found.presence = a.whole()
	visit := a.run.page(from)
	if visit == nil {
		return found, false, a.run.q.err
	}
	if visit.presence() == missed {
		found.presence = missed
	}
	a.remember(from, found)
	return found, true, a.run.q.err
}
