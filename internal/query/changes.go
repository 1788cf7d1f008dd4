package query

import (
	"bytes"
	"hash/maphash"
	"iter"

	"crawl/store"
)

// changeRow is one difference of a URL between a run and its baseline.
type changeRow struct {
	run           *runView
	url           string
	kind          string
	before, after any
}

func (r *changeRow) identify(h *maphash.Hash) { writeAll(h, r.run.name, r.url, r.kind) }

func changesTable() *Table {
	return &Table{
		Name: "changes", Meaning: "what is not as it was in the run before", perRun: true, rows: 1e6,
		Columns: []Column{
			column("run", Text, "the run, as acme@43", func(r *changeRow) any { return r.run.name }).indexed(Equal),
			column("url", Text, "the address", func(r *changeRow) any { return r.url }),
			column("kind", Text, "new, gone, or the column of pages that differs", func(r *changeRow) any { return r.kind }),
			column("before", Any, "what it was", func(r *changeRow) any { return r.before }),
			column("after", Any, "what it is", func(r *changeRow) any { return r.after }),
		},
		scan: scanChanges,
	}
}

// comparedColumns are the columns whose differences are changes. Of a page
// that is no page any more the status says enough.
var comparedColumns = []string{"redirect", "indexable", "canonical", "title", "h1", "description", "text_hash"}

func compared() (columns []*pageColumn) {
	for i := range pageColumns {
		for _, name := range comparedColumns {
			if pageColumns[i].name == name {
				columns = append(columns, &pageColumns[i])
			}
		}
	}
	return columns
}

func scanChanges(s *scan) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		base := s.run.baseline()
		if base == nil || s.q.err != nil {
			if s.q.err != nil {
				yield(nil, s.q.err)
			}
			return
		}
		c := comparison{run: s.run, columns: compared(), yield: yield}
		if err := c.all(base); err != nil {
			yield(nil, err)
		}
	}
}

// comparison goes through two runs side by side.
type comparison struct {
	run     *runView
	columns []*pageColumn
	yield   func(any, error) bool
	done    bool // nobody wants more
}

func (c *comparison) all(base *runView) error {
	st, ctx := c.run.q.db.store, c.run.q.ctx
	next, stop := iter.Pull2(st.PageRecords(ctx, base.run.ID, nil))
	defer stop()
	now, before := c.run.newRow(), base.newRow()
	old, err, more := next()
	for rec, failed := range st.PageRecords(ctx, c.run.run.ID, nil) {
		if failed != nil {
			return failed
		}
		for ; more && err == nil && bytes.Compare(old.Key(), rec.Key()) < 0; old, err, more = next() {
			before.reset(old)
			c.gone(before)
		}
		now.reset(rec)
		switch {
		case err != nil:
			return err
		case c.done:
			return nil
		case more && bytes.Equal(old.Key(), rec.Key()):
			before.reset(old)
			c.both(before, now)
			old, err, more = next()
		default:
			c.tell(now, "new", nil, statusText(now))
		}
		if c.run.q.err != nil {
			return c.run.q.err
		}
	}
	for ; more && err == nil && !c.done; old, err, more = next() {
		before.reset(old)
		c.gone(before)
	}
	return err
}

func (c *comparison) tell(at *pageRow, kind string, before, after any) {
	if !c.done {
		c.done = !c.yield(&changeRow{c.run, at.url().String(), kind, before, after}, nil)
	}
}

// gone tells of a page that the run did not visit. What was no page before is
// no loss.
func (c *comparison) gone(before *pageRow) {
	if before.class() == "ok" {
		c.tell(before, "gone", statusText(before), nil)
	}
}

// both tells what is different of a URL that both runs visited.
func (c *comparison) both(before, now *pageRow) {
	old, is := statusText(before), statusText(now)
	if old != is {
		c.tell(now, "status", old, is)
	}
	if before.class() != "ok" && before.class() != "redirect" || now.class() != "ok" && now.class() != "redirect" {
		return
	}
	for _, column := range c.columns {
		was, is := column.value(before, before.get(column.needs)), column.value(now, now.get(column.needs))
		if was != is {
			c.tell(now, column.name, was, is)
		}
	}
}

// statusText is the status, or the fault of a visit that brought none.
func statusText(r *pageRow) any {
	p := r.get(classFields)
	if p.Fault != "" {
		return p.Fault
	}
	return int64(p.Status)
}

// class is the class of the row.
func (r *pageRow) class() string {
	p := r.get(classFields)
	if p.Kind == store.KindSitemap {
		r.url()
	}
	return Class(p)
}
