package query

import (
	"bytes"
	"iter"
	"slices"

	"crawl/store"
)

// What a comparison reads: of every page, and of those that came with another
// body. What is in the first may differ though the body does not.
var (
	headFields    = listableFields.With(store.FieldsOf("Redirect", "MIME", "Hash", "FieldsBy"))
	contentFields = store.FieldsOf("Title", "H1", "Description", "TextHash", "Fields")
	stayedFields  = classFields.With(store.FieldsOf("Hash"))
)

// comparison goes through two runs side by side.
type comparison struct {
	run, base         *runView
	now, before       *pageRow
	notNow, notBefore *absences
	fields            []string // of the user, in both runs
	yield             func(*changeRow) bool

	done   bool // nobody wants more
	counts store.Changes
	told   int // of the URL at hand
}

// compare yields what is different from base to the run, by URL; where are
// conditions on that.
func (v *runView) compare(base *runView, where []condition, yield func(*changeRow) bool) (*store.Changes, error) {
	c := &comparison{run: v, base: base, now: v.newRow(), before: base.newRow(), yield: yield, counts: store.Changes{Baseline: base.run.Number, Kinds: map[string]uint64{}}}
	c.now.frugal, c.before.frugal = true, true
	for _, name := range FieldNames(v.run) {
		if slices.Contains(FieldNames(base.run), name) {
			c.fields = append(c.fields, name)
		}
	}
	var err error
	if c.notNow, err = newAbsences(v); err != nil {
		return nil, err
	}
	if c.notBefore, err = newAbsences(base); err != nil {
		return nil, err
	}
	return &c.counts, c.all(base.ofSite(&scan{q: v.q, run: base, where: where}), v.ofSite(&scan{q: v.q, run: v, where: where}))
}

// all reads both runs once, each in the order of its keys.
func (c *comparison) all(before, now iter.Seq2[*store.PageRecord, error]) error {
	next, stop := iter.Pull2(before)
	defer stop()
	old, err, more := next()
	for rec, failed := range now {
		if failed != nil {
			return failed
		}
		for ; more && err == nil && !c.done && bytes.Compare(old.Key(), rec.Key()) < 0; old, err, more = next() {
			err = c.onlyBefore(old)
		}
		if err != nil || c.done {
			return err
		}
		if more && bytes.Equal(old.Key(), rec.Key()) {
			c.both(old, rec)
			old, err, more = next()
		} else {
			err = c.onlyNow(rec)
		}
		if c.run.q.err != nil {
			return c.run.q.err
		}
	}
	for ; more && err == nil && !c.done; old, err, more = next() {
		err = c.onlyBefore(old)
	}
	return err
}

func (c *comparison) tell(r changeRow) {
	c.told++
	if c.done {
		return
	}
	c.counts.Kinds[r.kind]++
	r.run, r.base = c.run, c.base
	c.done = !c.yield(&r)
}

// onlyBefore tells of a URL that the later run did not visit. What was no page
// then is no loss.
func (c *comparison) onlyBefore(rec *store.PageRecord) error {
	c.counts.Before++
	c.before.reset(rec)
	state, visit := c.before.settled()
	if state != there || visit.class() != "ok" {
		return nil
	}
	is, err := c.notNow.of(c.before)
	if err != nil {
		return err
	}
	r := changeRow{at: c.before, before: statusText(visit), absence: is}
	switch {
	case is.why != "":
		r.kind, r.after = ChangeSkipped, is.why
	case is.presence == nowhere:
		r.kind = ChangeGone
	case is.presence == missed:
		r.kind = ChangeMissed
	default:
		c.counts.Unreached++
		return nil
	}
	c.tell(r)
	return nil
}

// onlyNow tells of a URL that the earlier run did not visit.
func (c *comparison) onlyNow(rec *store.PageRecord) error {
	c.counts.After++
	c.now.reset(rec)
	if !c.now.isPage() {
		return nil
	}
	was, err := c.notBefore.of(c.now)
	if err != nil {
		return err
	}
	if was.why == "" && was.presence != nowhere && c.now.get(seenFields).FirstSeen.Before(c.base.run.Started) {
		c.counts.Unreached++ // an older run has met it
		return nil
	}
	if was.settings {
		c.counts.Settings++
	}
	c.tell(changeRow{at: c.now, kind: ChangeNew, after: statusText(c.now), absence: was})
	return nil
}

var seenFields = store.FieldsOf("FirstSeen")

// both tells what is different of a URL that both runs visited.
func (c *comparison) both(old, rec *store.PageRecord) {
	c.counts.Before++
	c.counts.After++
	c.now.reset(rec)
	if c.unchanged(old, rec) {
		c.counts.Same++
		return
	}
	c.before.reset(old)
	c.now.get(headFields)
	c.before.page.URL = c.now.url() // not to be made twice
	c.before.get(headFields)
	c.told = 0
	came := c.came()
	if c.answered() {
		c.content()
	}
	switch {
	case c.done, c.came() > came:
	case c.told > 0:
		c.counts.Changed++
	default:
		c.counts.Same++
	}
}

// unchanged tells of most pages that both runs have, and that were there, that
// nothing is different: what is compared is the same in both records.
func (c *comparison) unchanged(old, rec *store.PageRecord) bool {
	if !c.before.reader.Same(old, rec, headFields) {
		return false
	}
	hash := c.now.get(stayedFields).Hash
	return c.now.presence() == there && (c.now.class() != "ok" || hash != [32]byte{})
}

// came is how many pages came or went, for all that is known.
func (c *comparison) came() uint64 {
	n := c.counts.Kinds
	return n[ChangeNew] + n[ChangeGone] + n[ChangeMissed]
}

// answered tells of a page that came or went, or is answered in another way. It
// returns whether both answers can be compared.
func (c *comparison) answered() bool {
	then, is := c.before.presence(), c.now.presence()
	before, now := statusText(c.before), statusText(c.now)
	if then == there && is == there {
		if before != now {
			c.tell(changeRow{at: c.now, kind: "status", before: before, after: now})
		}
		return true
	}
	was, visit := c.before.settled()
	remains, _ := c.now.settled()
	switch r := (changeRow{at: c.now, before: before, after: now}); {
	case was == there && remains == nowhere && visit.isPage():
		r.kind, r.before = ChangeGone, statusText(visit)
		c.tell(r)
	case was == nowhere && c.now.isPage():
		r.kind = ChangeNew
		c.tell(r)
	case before == now, then == missed && is == missed, then == nowhere && is == missed:
	case is == missed && c.now.get(classFields).Fault != "":
		r.kind = ChangeMissed
		c.tell(r)
	default:
		r.kind = "status"
		c.tell(r)
	}
	return false
}

// content tells what is different of two answers.
func (c *comparison) content() {
	before, now := c.before.get(headFields), c.now.get(headFields)
	c.texts("redirect", before.Redirect, now.Redirect)
	if c.before.class() != "ok" || c.now.class() != "ok" || before.Kind != now.Kind { // what is checked now, and was read then, has nothing to compare
		return
	}
	c.texts("indexable", c.before.listed(), c.now.listed())
	c.texts("mime", before.MIME, now.MIME)
	c.texts("canonical", before.Canonical, now.Canonical)
	same := before.Hash == now.Hash && before.Hash != [32]byte{}
	if !same {
		before, now = c.before.get(contentFields), c.now.get(contentFields)
		c.texts("title", before.Title, now.Title)
		c.texts("h1", before.H1, now.H1)
		c.texts("description", before.Description, now.Description)
		if before.TextHash != now.TextHash {
			c.texts("text_hash", hexOf(before.TextHash[:]), hexOf(now.TextHash[:]))
		}
	}
	if same && before.FieldsBy == now.FieldsBy {
		return
	}
	for _, name := range c.fields {
		if was, is := c.before.field(name), c.now.field(name); was != is && !sameNumber(was, is) {
			c.tell(changeRow{at: c.now, kind: fieldKind(name), before: was, after: is})
		}
	}
}

func (c *comparison) texts(kind, before, after string) {
	if before != after {
		c.tell(changeRow{at: c.now, kind: kind, before: before, after: after})
	}
}

// fieldKind is the kind of a change of a field of the user: its name, unless that
// means something else.
func fieldKind(name string) string {
	if slices.Contains([]string{ChangeNew, ChangeGone, ChangeMissed, ChangeSkipped}, name) {
		return "field " + name
	}
	return name
}

// sameNumber tells whether a whole number and another are the same: 49 and 49.00.
func sameNumber(a, b any) bool {
	if _, whole := a.(float64); whole {
		a, b = b, a
	}
	n, ok := a.(int64)
	x, too := b.(float64)
	return ok && too && float64(n) == x
}

// isPage tells whether somebody who came there would find something.
func (r *pageRow) isPage() bool {
	class := r.class()
	return class == "ok" || class == "redirect"
}

// listed says whether a search engine may list the page, or what keeps it from
// that.
func (r *pageRow) listed() string {
	if why := r.whyNot(r.get(listableFields)); why != "" {
		return why
	}
	return "index"
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
