package query

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"crawl/store"
)

// CountFindings counts the findings of the database's run by kind and severity,
// the gravest first, muted ones by themselves. cheaply counts those kinds alone
// that cost next to nothing: an index has them.
func (db *DB) CountFindings(ctx context.Context, cheaply bool) (counts []store.FindingCount, err error) {
	v, err := newQuestion(ctx, db).defaultRun()
	if err != nil {
		return nil, err
	}
	err = v.findings(func(r *Report) bool { return r.Cheap || !cheaply }, true, func(f *finding) bool {
		i := slices.IndexFunc(counts, func(n store.FindingCount) bool { return n.Kind == f.report.Name && n.Severity == f.severity })
		if i < 0 {
			i, counts = len(counts), append(counts, store.FindingCount{Kind: f.report.Name, Severity: f.severity})
		}
		f.countIn(&counts[i])
		return true
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(counts, func(a, b store.FindingCount) int {
		return cmp.Or(Rank(a.Severity)-Rank(b.Severity), cmp.Compare(b.New, a.New), cmp.Compare(b.Now, a.Now), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Severity, b.Severity))
	})
	return counts, nil
}

// countIn counts the finding among those of its kind and severity.
func (f *finding) countIn(n *store.FindingCount) {
	switch muted := f.muted().Reason != ""; {
	case f.fixed && !muted:
		n.Fixed++
	case f.fixed:
	case muted:
		n.Muted++
	default:
		n.Now++
		if f.new {
			n.New++
		}
	}
}

// find yields what a report finds in a run.
func (c *comparedReport) find(v *runView, r *Report, yield func(*finding) bool) error {
	if !c.briefly || r.keys == nil {
		return v.find(r, yield)
	}
	linked, err := v.linked()
	switch {
	case err != nil:
		return err
	case !linked:
		return v.find(r, yield)
	}
	for key, err := range r.keys(v) {
		if err = cmp.Or(v.q.err, err); err != nil {
			return fmt.Errorf("report %s: %w", r.Name, err)
		}
		f := r.found(key)
		if f.run, f.url = v, key; !yield(f) {
			return nil
		}
	}
	return v.q.err
}

// brokenTargets yields what the report "broken" finds, by the rule of its statement.
func (v *runView) brokenTargets() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		s := &scan{q: v.q, run: v, where: []condition{{"target_class", Equal, "broken"}}}
		row := &linkRow{run: v}
		for in, err := range v.inlinks(s.targets(targetsOf(s))) {
			if err != nil {
				yield("", err)
				return
			}
			row.link, row.joined = in.Link, false
			page := row.join().chain.first
			if page == nil || page.class() != "broken" || page.get(kindField).Kind == store.KindExternal {
				continue
			}
			if !yield(in.Link.Target, nil) {
				return
			}
		}
	}
}
