package query

import (
	"errors"
	"hash/maphash"
	"iter"
	"slices"
	"strconv"

	"crawl/internal/weburl"
	"crawl/store"
)

// linkRow is one link of one page.
type linkRow struct {
	run    *runView
	source *pageRow
	link   store.Link
	joined bool // whether what follows was looked up
	target weburl.URL
	chain  chain
}

// chain is where a page's redirects lead.
type chain struct {
	first *pageRow // the page itself; nil if it was not fetched
	last  *pageRow // what its redirects end at; nil if that was not fetched
	final string   // the address of last, "" if first redirects nowhere
	hops  int
	loop  bool
}

func (l *linkRow) identify(h *maphash.Hash) {
	l.source.identify(h)
	writeAll(h, l.link.Target, l.link.Text, l.link.Rel, l.link.Element, l.link.Attr, l.link.Place, strconv.FormatBool(l.link.Asset), strconv.FormatBool(l.link.NoFollow))
}

// join looks up what the link leads to.
func (l *linkRow) join() *linkRow {
	if l.joined {
		return l
	}
	l.joined, l.chain, l.target = true, chain{}, weburl.URL{}
	u, err := weburl.Parse(l.link.Target)
	if err != nil {
		return l
	}
	l.target = u
	l.chain = l.run.chain(l.run.cached(u))
	return l
}

// maxChain is how many redirects in a row are followed here: more than a crawl
// does.
const maxChain = 100

// chain follows the redirects of a page, which may be nil.
func (v *runView) chain(p *pageRow) (c chain) {
	c.first, c.last = p, p
	seen := map[weburl.URL]bool{}
	for c.last != nil && c.hops < maxChain {
		to := c.last.get(redirectField).Redirect
		if to == "" {
			return c
		}
		if seen[c.last.url()] {
			c.loop = true
			return c
		}
		seen[c.last.url()] = true
		u, err := weburl.Parse(to)
		if err != nil {
			return c
		}
		c.final, c.hops = u.String(), c.hops+1
		c.last = v.cached(u)
	}
	return c
}

var redirectField = store.FieldsOf("Redirect")

// maxCached is how many visits are remembered for whoever asks again: many
// links lead to few pages.
const maxCached = 4096

// cached is page for what is asked again and again.
func (v *runView) cached(u weburl.URL) *pageRow {
	if p, ok := v.pages[u]; ok {
		return p
	}
	if v.pages == nil || len(v.pages) == maxCached {
		v.pages = map[weburl.URL]*pageRow{}
	}
	p := v.page(u)
	v.pages[u] = p
	return p
}

func linkColumns() []Column {
	link := func(name, meaning string, value func(*store.Link) string) Column {
		return column(name, Text, meaning, func(l *linkRow) any { return value(&l.link) })
	}
	return []Column{
		column("run", Text, "the run, as acme@43", func(l *linkRow) any { return l.run.name }).indexed(Equal),
		column("source", Text, "the page that has the link", func(l *linkRow) any { return l.source.url().String() }).indexed(Equal),
		link("target", "where it leads", func(l *store.Link) string { return l.Target }).indexed(Equal).byLinks(),
		link("anchor", "its text, or the alt of its image", func(l *store.Link) string { return l.Text }),
		link("rel", "its rel", func(l *store.Link) string { return l.Rel }),
		link("element", "the element that has it: a, img, link, …", func(l *store.Link) string { return l.Element }),
		link("attribute", "the attribute: href, src, …", func(l *store.Link) string { return l.Attr }),
		link("place", "header, nav, main, aside, footer, or empty", func(l *store.Link) string { return l.Place }),
		column("asset", Bool, "it shows something in the page", func(l *linkRow) any { return l.link.Asset }),
		column("nofollow", Bool, "it says nofollow", func(l *linkRow) any { return l.link.NoFollow }),
		column("internal", Bool, "it stays at the host", func(l *linkRow) any { return l.internal() }),
	}
}

func (l *linkRow) internal() bool {
	u, err := weburl.Parse(l.link.Target)
	return err == nil && u.Host() == l.source.url().Host()
}

// shownJoins are the joined columns that * has.
var shownJoins = []string{"source_status", "target_status", "target_class", "target_final_status"}

func linksTable(fields []string) *Table {
	columns := linkColumns()
	joins := slices.Concat(
		columnsOf("source_", fields, func(row any) *pageRow { return row.(*linkRow).source }),
		columnsOf("target_", fields, func(row any) *pageRow { return row.(*linkRow).join().chain.first }),
		columnsOf("target_final_", fields, func(row any) *pageRow { return row.(*linkRow).join().chain.end() }),
	)
	joins = slices.DeleteFunc(joins, func(c Column) bool { return c.Name == "target_url" })
	for _, name := range shownJoins {
		i := slices.IndexFunc(joins, func(c Column) bool { return c.Name == name })
		c := joins[i]
		c.Hidden, c.marked = false, false // links make the index if there is none
		if name != "source_status" {
			c = c.indexed(Equal).byLinks()
		}
		columns = append(columns, c)
		joins = slices.Delete(joins, i, i+1)
	}
	of := column("target_url", Text, "where it leads, as pages have it", func(l *linkRow) any {
		if l.join().target.IsZero() {
			return nil
		}
		return l.run.identity(l.target).String()
	}).indexed(Equal).byLinks()
	of.Hidden = true
	return &Table{
		Name: "links", Meaning: "every link of every page, joined with what it leads to", perRun: true, rows: 6e7,
		Columns: append(append(columns, of), joins...), scan: scanLinks,
		Joins: []Join{
			{"source_", "every field of pages, of the page that has the link"},
			{"target_", "of the page that it leads to; null: not fetched"},
			{"target_final_", "of the page behind all redirects"},
		},
	}
}

// end is the page that a chain ends at, nil for a loop.
func (c *chain) end() *pageRow {
	if c.loop {
		return nil
	}
	return c.last
}

// linksField are what the links of a page are found by.
var linksFields = store.FieldsOf("Links", "LinksOf")

func scanLinks(s *scan) iter.Seq2[any, error] {
	if text, ok := s.equal("source"); ok {
		return s.run.linksFrom(s, text)
	}
	switch linked, err := s.run.linked(); {
	case err != nil:
		return func(yield func(any, error) bool) { yield(nil, err) }
	case !linked: // SQLite leaves out what is not asked for
		return s.run.linksFrom(s, "")
	}
	for _, name := range []string{"target_url", "target"} {
		if text, ok := s.equal(name); ok {
			if u, err := weburl.Parse(text); err == nil {
				return s.run.linksTo(func(yield func(weburl.URL, error) bool) { yield(s.run.identity(u), nil) })
			}
		}
	}
	if wanted := targetsOf(s); wanted != nil {
		return s.run.linksTo(s.targets(wanted))
	}
	return s.run.linksFrom(s, "")
}

// targets yields the pages that links of a scan lead to, which are wanted.
func (s *scan) targets(wanted func(*pageRow) bool) iter.Seq2[weburl.URL, error] {
	records := s.run.records(&scan{q: s.q, run: s.run})
	if answers := s.answers("target_status", "target_class"); answers != nil {
		if err := s.run.index(); err != nil {
			return func(yield func(weburl.URL, error) bool) { yield(weburl.URL{}, err) }
		}
		if s.run.indexed() {
			records = s.q.db.store.Answered(s.q.ctx, s.run.run.ID, answers)
		}
	}
	return s.run.urls(records, wanted)
}

// targetsOf tells by the conditions of a scan which pages its links lead to;
// nil if to any.
func targetsOf(s *scan) func(*pageRow) bool {
	holds := func(p *pageRow, status, class string) bool {
		if p == nil {
			return false
		}
		wanted, ok := s.equal(status)
		got, _ := textOf(int64(p.get(classFields).Status))
		if ok && wanted != got {
			return false
		}
		wanted, ok = s.equal(class)
		return !ok || wanted == p.class()
	}
	_, byStatus := s.equal("target_status")
	_, byClass := s.equal("target_class")
	if byStatus || byClass {
		return func(p *pageRow) bool { return holds(p, "target_status", "target_class") }
	}
	if _, ok := s.equal("target_final_status"); ok {
		return func(p *pageRow) bool {
			c := s.run.chain(p)
			return holds(c.end(), "target_final_status", "")
		}
	}
	return nil
}

// urls yields the URLs of those pages that are wanted.
func (v *runView) urls(records iter.Seq2[*store.PageRecord, error], wanted func(*pageRow) bool) iter.Seq2[weburl.URL, error] {
	return func(yield func(weburl.URL, error) bool) {
		row := v.newRow()
		for rec, err := range records {
			if err != nil {
				yield(weburl.URL{}, err)
				return
			}
			if row.reset(rec); !wanted(row) {
				continue
			}
			if !yield(row.url(), v.q.err) || v.q.err != nil {
				return
			}
		}
	}
}

// linksFrom yields the links of a page, or of all for "".
func (v *runView) linksFrom(s *scan, page string) iter.Seq2[any, error] {
	from := &scan{q: s.q, run: v}
	if page != "" {
		from.where = []condition{{"url", Equal, page}}
	}
	return func(yield func(any, error) bool) {
		source := v.newRow()
		row := &linkRow{run: v, source: source}
		for rec, err := range v.records(from) {
			if err != nil {
				yield(nil, err)
				return
			}
			source.reset(rec)
			p := source.get(linksFields)
			source.url()
			links, err := v.q.db.store.Links(v.q.ctx, p)
			if err = errors.Join(v.q.err, err); err != nil {
				yield(nil, err)
				return
			}
			for _, row.link = range links {
				row.joined = false
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// linksTo yields the links to pages, by the index.
func (v *runView) linksTo(targets iter.Seq2[weburl.URL, error]) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		row := &linkRow{run: v, source: v.newRow()}
		for in, err := range v.inlinks(targets) {
			if err != nil {
				yield(nil, err)
				return
			}
			row.link, row.joined = in.Link, false
			for rec, err := range in.Records {
				if err != nil {
					yield(nil, err)
					return
				}
				row.source.reset(rec)
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// inlinks yields what links to pages say, each once however many pages have it.
func (v *runView) inlinks(targets iter.Seq2[weburl.URL, error]) iter.Seq2[store.Inlink, error] {
	return func(yield func(store.Inlink, error) bool) {
		if err := v.index(); err != nil {
			yield(store.Inlink{}, err)
			return
		}
		for u, err := range targets {
			if err != nil {
				yield(store.Inlink{}, err)
				return
			}
			for in, err := range v.q.db.store.Inlinks(v.q.ctx, v.run.ID, u) {
				if !yield(in, err) || err != nil {
					return
				}
			}
		}
	}
}

// redirectRow is a page that redirects, and where to.
type redirectRow struct {
	page  *pageRow
	chain chain
}

func (r *redirectRow) identify(h *maphash.Hash) { r.page.identify(h) }

func redirectsTable() *Table {
	return &Table{
		Name: "redirects", Meaning: "every page that redirects, and where that ends", perRun: true, rows: 1e6,
		Columns: []Column{
			column("run", Text, "the run, as acme@43", func(r *redirectRow) any { return r.page.run.name }).indexed(Equal),
			column("source", Text, "the page that redirects", func(r *redirectRow) any { return r.page.url().String() }).indexed(Equal | Prefix),
			column("target", Text, "where to", func(r *redirectRow) any { return r.page.page.Redirect }),
			column("final", Text, "where that ends, in the end", func(r *redirectRow) any { return r.chain.final }),
			column("hops", Int, "redirects on the way", func(r *redirectRow) any { return int64(r.chain.hops) }),
			column("loop", Bool, "they end nowhere", func(r *redirectRow) any { return r.chain.loop }),
			column("kind", Int, "status of the first answer", func(r *redirectRow) any { return int64(r.page.get(redirectFields).Status) }),
			column("final_status", Int, "status of the last; null: not fetched, or a loop", func(r *redirectRow) any {
				if end := r.chain.end(); end != nil {
					return int64(end.get(redirectFields).Status)
				}
				return nil
			}),
			column("inlinks", Int, "links of pages to the source", func(r *redirectRow) any {
				return r.page.links(func(n *store.InlinkCount) any { return int64(n.Pages) })
			}),
		},
		scan: scanRedirects,
	}
}

var redirectFields = redirectField.With(store.FieldsOf("Status"))

func scanRedirects(s *scan) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		row := &redirectRow{page: s.run.newRow()}
		for rec, err := range s.run.ofSite(s.as("source", "url")) {
			if err != nil {
				yield(nil, err)
				return
			}
			row.page.reset(rec)
			if row.page.get(redirectFields).Redirect == "" {
				continue
			}
			row.chain = s.run.chain(row.page)
			if !yield(row, s.q.err) || s.q.err != nil {
				return
			}
		}
	}
}

// as is a scan with another name for a column.
func (s *scan) as(column, other string) *scan {
	renamed := *s
	renamed.where = slices.Clone(s.where)
	for i := range renamed.where {
		if renamed.where[i].column == column {
			renamed.where[i].column = other
		}
	}
	return &renamed
}
