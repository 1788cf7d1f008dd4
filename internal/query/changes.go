package query

import (
	"context"
	"hash/maphash"
	"iter"

	"crawl/store"
)

// Kinds of changes that are no column of pages, nor a field of the user.
const (
	ChangeNew     = "new"     // a page that was not there
	ChangeGone    = "gone"    // a page that is not there any more
	ChangeMissed  = "missed"  // a page of which nothing is known this time: it may be there
	ChangeSkipped = "skipped" // a page that the later run did not ask for
)

// ChangeKinds are the kinds of changes but for the fields of the user, those that
// weigh most first.
func ChangeKinds() []string {
	return []string{ChangeNew, ChangeGone, ChangeMissed, ChangeSkipped, "status", "redirect", "indexable", "mime", "canonical", "title", "h1", "description", "text_hash"}
}

// changeRow is one difference of a URL between two runs.
type changeRow struct {
	run, base     *runView
	at            *pageRow // the visit of the later run; of the earlier one if that has none
	kind          string
	before, after any
	absence
}

func (r *changeRow) identify(h *maphash.Hash) {
	writeAll(h, r.run.name, r.base.name, r.at.url().String(), r.kind)
}

func changesTable() *Table {
	base := column("base", Text, "the run that it is held against; unless said, the one before", func(r *changeRow) any { return r.base.name }).indexed(Equal)
	title := column("title", Text, "the title of the page", func(r *changeRow) any { return r.at.get(titleField).Title })
	common := column("common", Bool, "no setting of either run keeps it from the page", func(r *changeRow) any { return !r.settings })
	base.Hidden, title.Hidden, common.Hidden = true, true, true
	return &Table{
		Name: "changes", Meaning: "what is not as it was in the run before", perRun: true, rows: 1e6,
		Columns: []Column{
			column("run", Text, "the run, as acme@43", func(r *changeRow) any { return r.run.name }).indexed(Equal),
			column("url", Text, "the address", func(r *changeRow) any { return r.at.url().String() }).indexed(Equal | Prefix),
			column("kind", Text, "new, gone, missed (once: it may be there), skipped (not asked for), or the column of pages that differs", func(r *changeRow) any { return r.kind }),
			column("before", Any, "what it was", func(r *changeRow) any { return r.before }),
			column("after", Any, "what it is", func(r *changeRow) any { return r.after }),
			column("found_on", Text, "the page that led to it first", func(r *changeRow) any { return r.at.get(fromFields).From }),
			column("inlinks", Int, "links of pages to it, in this run", func(r *changeRow) any {
				if n := r.run.countLinks(r.at.url()); n != nil {
					return int64(n.Pages)
				}
				return nil
			}),
			column("why", Text, "the setting, or rule of the site, that kept one of the runs from it", func(r *changeRow) any { return r.why }),
			base, title, common,
		},
		scan: scanChanges,
	}
}

var titleField = store.FieldsOf("Title")

func scanChanges(s *scan) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		wanted := true // more
		base, err := s.baseline()
		if err == nil && base != nil {
			_, err = s.run.compare(base, s.where, func(r *changeRow) bool {
				wanted = yield(r, nil)
				return wanted
			})
		}
		if err != nil && wanted {
			yield(nil, err)
		}
	}
}

// baseline is the run that a scan's is held against; nil if there is none.
func (s *scan) baseline() (*runView, error) {
	if s.base != nil {
		return s.base, nil
	}
	base := s.run.baseline()
	return base, s.q.err
}

// CountChanges holds the database's run against another one.
func (db *DB) CountChanges(ctx context.Context, base *store.Run) (*store.Changes, error) {
	q := newQuestion(ctx, db)
	now, err := q.defaultRun()
	if err != nil {
		return nil, err
	}
	before, err := q.view(base)
	if err != nil {
		return nil, err
	}
	return now.compare(before, nil, func(*changeRow) bool { return true })
}
