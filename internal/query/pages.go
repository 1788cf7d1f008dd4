package query

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"crawl/frontier"
	"crawl/internal/weburl"
	"crawl/store"
)

// pageColumn is a column of pages, and of what other tables join to their
// rows.
type pageColumn struct {
	name    string
	kind    Kind
	meaning string
	needs   store.PageFields
	value   func(r *pageRow, p *store.Page) any
	index   Index
	same    bool // it is the same in each run
}

func needs(fields string) store.PageFields { return store.FieldsOf(strings.Fields(fields)...) }

// text makes a column of a field that is a text.
func text(name, field, meaning string, value func(*store.Page) string) pageColumn {
	return pageColumn{name: name, kind: Text, meaning: meaning, needs: needs(field), value: func(_ *pageRow, p *store.Page) any { return value(p) }}
}

// of makes a column of fields.
func of(name string, kind Kind, fields, meaning string, value func(*store.Page) any) pageColumn {
	return pageColumn{name: name, kind: kind, meaning: meaning, needs: needs(fields), value: func(_ *pageRow, p *store.Page) any { return value(p) }}
}

// address makes a column of the URL.
func address(name, meaning string, index Index, value func(weburl.URL) string) pageColumn {
	return pageColumn{name: name, kind: Text, meaning: meaning, index: index, same: true, value: func(r *pageRow, _ *store.Page) any { return value(r.url()) }}
}

// by says that conditions on the column are answered by an index.
func (c pageColumn) by(i Index) pageColumn {
	c.index = i
	return c
}

// pageColumns are the columns of pages, in the order in which * shows them.
var pageColumns = []pageColumn{
	{name: "run", kind: Text, meaning: "the run, as acme@43", index: Equal, same: true, value: func(r *pageRow, _ *store.Page) any { return r.run.name }},
	address("url", "the address, in its one spelling", Equal|Prefix, weburl.URL.String),
	address("host", "host and, unless it is the usual one, port", Equal, weburl.URL.Host),
	{name: "path", kind: Text, meaning: "path and query", same: true, value: func(r *pageRow, _ *store.Page) any { return r.path() }},
	{name: "section", kind: Text, meaning: "the first folder of the path", index: Equal, same: true, value: func(r *pageRow, _ *store.Page) any { return section(r.path()) }},
	of("kind", Text, "Kind", "page, sitemap, or checked: asked about and not read", func(p *store.Page) any { return kindNames[p.Kind] }),
	of("depth", Int, "Depth", "clicks from a seed; null: no chain of links leads there", func(p *store.Page) any { return depthOf(p.Depth) }).by(Equal),
	of("status", Int, "Status", "status of the answer; 0: none", func(p *store.Page) any { return int64(p.Status) }).by(Equal),
	{name: "class", kind: Text, meaning: "ok, redirect, broken, client, server, blocked, timeout, absent, unverified", index: Equal, needs: classFields, value: func(r *pageRow, _ *store.Page) any { return r.class() }},
	text("fault", "Fault", "what kept it from an answer: dns, connect, tls, timeout, …", func(p *store.Page) string { return p.Fault }),
	text("fault_text", "FaultText", "the same as a sentence", func(p *store.Page) string { return p.FaultText }),
	text("type", "Type", "html, xml, sitemap, feed, css, text, binary, pdf, image, office", func(p *store.Page) string { return p.Type }),
	text("mime", "MIME", "the media type that the server named", func(p *store.Page) string { return p.MIME }),
	text("charset", "Charset", "the encoding that it was read in", func(p *store.Page) string { return p.Charset }),
	of("size", Int, "Size Kind", "bytes, decoded; of what was only checked as its server says, null if it does not", func(p *store.Page) any {
		if p.Size == 0 && p.IsCheck() {
			return nil
		}
		return p.Size
	}),
	of("wire_bytes", Int, "Wire", "bytes of the body as sent", func(p *store.Page) any { return p.Wire }),
	text("title", "Title", "the title", func(p *store.Page) string { return p.Title }).by(Equal),
	text("h1", "H1", "the first h1", func(p *store.Page) string { return p.H1 }),
	text("description", "Description", "the meta description", func(p *store.Page) string { return p.Description }),
	text("canonical", "Canonical", "the canonical address", func(p *store.Page) string { return p.Canonical }),
	of("canonicals", Int, "Canonicals", "how many canonical addresses it names", func(p *store.Page) any { return int64(p.Canonicals) }),
	{name: "indexable", kind: Bool, meaning: "a search engine may list it", needs: listableFields, value: func(r *pageRow, p *store.Page) any { return r.whyNot(p) == "" }},
	{name: "why_not", kind: Text, meaning: "what keeps a search engine from listing it", needs: listableFields, value: func(r *pageRow, p *store.Page) any { return r.whyNot(p) }},
	text("lang", "Lang", "the language that it names", func(p *store.Page) string { return p.Lang }),
	of("words", Int, "Words", "words of the text", func(p *store.Page) any { return int64(p.Words) }),
	of("body_hash", Text, "Hash", "SHA-256 of the decoded body", func(p *store.Page) any { return hexOf(p.Hash[:]) }),
	of("first_seen", Time, "FirstSeen", "when a run first visited it", func(p *store.Page) any { return timeOf(p.FirstSeen) }),
	of("last_changed", Time, "Changed", "when its content was last found different", func(p *store.Page) any { return timeOf(p.Changed) }),
	of("fetched", Time, "Fetched", "when it was asked for", func(p *store.Page) any { return timeOf(p.Fetched) }),
	of("ttfb_ms", Real, "TTFB", "milliseconds until the first byte of the answer", func(p *store.Page) any { return millis(p.TTFB) }),
	of("took_ms", Real, "Took", "milliseconds until the last", func(p *store.Page) any { return millis(p.Took) }),
	of("try", Int, "Try", "which attempt this was, from 1", func(p *store.Page) any { return int64(p.Try) }),
	{name: "inlinks", kind: Int, meaning: "links of pages to it; null: links of the run are damaged, or not counted yet", value: func(r *pageRow, _ *store.Page) any {
		return r.links(func(n *store.InlinkCount) any { return int64(n.Pages) })
	}},
	of("outlinks", Int, "Links", "links that it has", func(p *store.Page) any { return int64(p.Links) }),
	{name: "in_sitemap", kind: Bool, meaning: "a sitemap names it", value: func(r *pageRow, _ *store.Page) any {
		return r.links(func(n *store.InlinkCount) any { return n.Sitemaps > 0 })
	}},
	of("unchanged", Bool, "Unchanged", "it has the content of an earlier run", func(p *store.Page) any { return p.Unchanged }),
	of("not_modified", Bool, "NotModified", "the server answered 304", func(p *store.Page) any { return p.NotModified }),
	of("cached", Bool, "Cached", "nothing was asked: the earlier visit, made at fetched, was still fresh", func(p *store.Page) any { return p.Cached }),
	of("fresh_until", Time, "Fetched FreshFor FreshUntil", "until when it is fresh by its Cache-Control or Expires, 30 days at most; null: it does not say, or was not from the beginning", func(p *store.Page) any {
		return timeOf(p.FreshEnd())
	}),
	text("redirect", "Redirect", "where it redirects to", func(p *store.Page) string { return p.Redirect }),
	text("found_on", "From", "the page that led to it first", func(p *store.Page) string { return p.From }),
	text("asked", "Asked", "how it was spelt in the request; empty: as url", func(p *store.Page) string { return p.Asked }),
	text("robots", "Barred", "the rule of robots.txt that disallows it, fetched all the same", func(p *store.Page) string { return p.Barred }),
	text("etag", "ETag", "the ETag that the server sent", func(p *store.Page) string { return p.ETag }),
	text("last_modified", "Modified", "the Last-Modified that the server sent", func(p *store.Page) string { return p.Modified }),
	of("modified", Time, "Modified", "the same as a time; null: it is none", func(p *store.Page) any {
		at, err := http.ParseTime(p.Modified)
		if err != nil {
			return nil
		}
		return timeOf(at)
	}),
	text("content_encoding", "Encoding", "how the body was compressed", func(p *store.Page) string { return p.Encoding }),
	text("truncated", "Truncated", "why the body is not whole: length, time, disconnect", func(p *store.Page) string { return p.Truncated }),
	text("damaged", "Damaged", "why the body could not be decoded to its end", func(p *store.Page) string { return p.Damaged }),
	text("parse_limit", "ParseLimit", "the limit that ended reading it early", func(p *store.Page) string { return p.ParseLimit }),
	text("protocol", "Proto", "HTTP/1.1, HTTP/2.0", func(p *store.Page) string { return p.Proto }),
	text("address", "Addr", "the address of the server", func(p *store.Page) string { return p.Addr }),
	text("tls_problem", "TLS", "what is wrong with the certificate that was let pass", func(p *store.Page) string { return p.TLS }),
	text("charset_source", "CharsetBy", "what decided the encoding: bom, header, meta, detected, default", func(p *store.Page) string { return p.CharsetBy }),
	of("restricted", Text, "Restricted", "noarchive, nosnippet and such", func(p *store.Page) any { return strings.Join(p.Restricted, ", ") }),
	of("text_hash", Text, "TextHash", "hash of the main text", func(p *store.Page) any { return hexOf(p.TextHash[:]) }).by(Equal),
	of("near_hash", Text, "Simhash", "of the main text; texts that differ in few of its bits are alike", func(p *store.Page) any {
		if p.Simhash == 0 {
			return ""
		}
		return fmt.Sprintf("%016x", p.Simhash)
	}),
	text("next", "Next", "the next page of a series", func(p *store.Page) string { return p.Next }),
	text("prev", "Prev", "the one before", func(p *store.Page) string { return p.Prev }),
	of("hreflang", List, "Hreflang", "its other languages: lang and url of each", func(p *store.Page) any { return named(p.Hreflang, "lang", "url") }),
	of("meta", List, "Meta", "Open Graph and Twitter properties: name and value of each", func(p *store.Page) any { return named(p.Meta, "name", "value") }),
	text("json_ld_fault", "JSONLD", "what is wrong with its JSON-LD: no JSON, no @context, no @type", func(p *store.Page) string { return p.JSONLD }),
	of("feeds", List, "Feeds", "feeds that it names", func(p *store.Page) any { return listOf(p.Feeds) }),
}

// kindNames are the kinds of visits in words.
var kindNames = map[uint8]string{store.KindPage: "page", store.KindSitemap: "sitemap", store.KindChecked: "checked", store.KindExternal: "external"}

// pageRow is a visit, read as far as was asked for.
type pageRow struct {
	run    *runView
	rec    *store.PageRecord
	reader *store.PageReader
	have   store.PageFields
	page   store.Page
	count  *store.InlinkCount // nil: not counted yet
	before *pageRow           // of the baseline run
	looked bool               // for before
	frugal bool               // it reads what is asked for, not what may be asked next
}

// reset makes the row one of another record.
func (r *pageRow) reset(rec *store.PageRecord) {
	r.rec, r.have, r.page, r.count, r.before, r.looked = rec, store.PageFields{}, store.Page{Run: rec.Run}, nil, nil, false
}

func (r *pageRow) identify(h *maphash.Hash) { writeAll(h, r.run.name, r.url().String()) }

// writeAll writes texts so that no two lists are the same.
func writeAll(h *maphash.Hash, texts ...string) {
	for _, t := range texts {
		h.WriteString(t)
		h.WriteByte(0)
	}
}

// get returns the visit with at least these fields.
func (r *pageRow) get(fields store.PageFields) *store.Page {
	missing := fields.Without(r.have)
	if missing.IsEmpty() {
		return &r.page
	}
	if !r.frugal { // whoever asks for a field of one row will ask for it of the next
		r.run.wanted = r.run.wanted.With(missing)
		if r.have.IsEmpty() {
			missing = r.run.wanted
		}
	}
	r.have = r.have.With(missing)
	if err := r.reader.Read(r.rec, &r.page, missing); err != nil {
		r.run.q.fail(err)
	}
	return &r.page
}

// url returns the URL of the row.
func (r *pageRow) url() weburl.URL {
	if r.page.URL.IsZero() {
		u, err := r.rec.URL()
		if err != nil {
			r.run.q.fail(err)
		}
		r.page.URL = u
	}
	return r.page.URL
}

// path returns path and query, without making the URL for that alone.
func (r *pageRow) path() string {
	if r.page.URL.IsZero() {
		return weburl.KeyRequestURI(r.rec.Key())
	}
	return r.page.URL.RequestURI()
}

func (r *pageRow) whyNot(p *store.Page) string {
	r.url()
	return WhyNot(p)
}

// links counts the links to the page and returns what f makes of that.
func (r *pageRow) links(f func(*store.InlinkCount) any) any {
	if r.count == nil {
		r.count = r.run.countLinks(r.url())
	}
	if r.count == nil {
		return nil
	}
	return f(r.count)
}

// previous returns the visit of the URL in the baseline run, or nil.
func (r *pageRow) previous() *pageRow {
	if !r.looked {
		r.looked = true
		if base := r.run.baseline(); base != nil {
			r.before = base.page(r.url())
		}
	}
	return r.before
}

// field is the value that a rule of the user found.
func (r *pageRow) field(name string) any {
	for _, f := range r.get(fieldsField).Fields {
		if f.Name == name && f.State == store.FieldFilled {
			return fieldValue(&f)
		}
	}
	return nil
}

var fieldsField = store.FieldsOf("Fields")

func fieldValue(f *store.Field) any {
	values := make([]any, len(f.Values))
	for i, v := range f.Values {
		values[i] = v
		if f.Number {
			values[i] = numberOf(v)
		}
	}
	if f.Many {
		return listOf(values)
	}
	return values[0]
}

// numberOf reads a decimal number.
func numberOf(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	if x, err := strconv.ParseFloat(text, 64); err == nil {
		return x
	}
	return text
}

// markedColumns have an index that a run gets when it ends.
var markedColumns = []string{"status", "class", "text_hash", "title", "section", "depth"}

// columnsOf makes columns of the pages that get finds for a row; where it
// finds none they are null.
func columnsOf(prefix string, fields []string, get func(row any) *pageRow) (columns []Column) {
	for _, c := range pageColumns {
		columns = append(columns, Column{
			Name: prefix + c.name, Kind: c.kind, Meaning: c.meaning, Index: c.index, Hidden: prefix != "", marked: slices.Contains(markedColumns, c.name),
			value: func(row any) any {
				if r := get(row); r != nil {
					return c.value(r, r.get(c.needs))
				}
				return nil
			},
		})
	}
	for _, name := range fields {
		columns = append(columns, Column{Name: prefix + name, Kind: Any, Meaning: "a field of yours", Hidden: prefix != "", value: func(row any) any {
			if r := get(row); r != nil {
				return r.field(name)
			}
			return nil
		}})
	}
	if prefix == "" {
		return columns
	}
	for i := range columns { // an index is one of the table's own rows
		columns[i].Index = 0
	}
	return columns
}

func pagesTable(fields []string) *Table {
	columns := columnsOf("", fields, func(row any) *pageRow { return row.(*pageRow) })
	before := columnsOf("prev_", fields, func(row any) *pageRow { return row.(*pageRow).previous() })
	before = slices.DeleteFunc(before, func(c Column) bool {
		i := slices.IndexFunc(pageColumns, func(p pageColumn) bool { return "prev_"+p.name == c.Name })
		return i >= 0 && pageColumns[i].same && pageColumns[i].name != "run"
	})
	for i := range before {
		before[i].Meaning = "in the run before: " + before[i].Meaning
	}
	return &Table{
		Name: "pages", Meaning: "what a run has for each URL that it visited", perRun: true, rows: 1e6,
		Columns: append(columns, before...), scan: scanPages,
		Joins: []Join{{"prev_", "the same in the run before"}},
	}
}

// scanPages yields one row again and again.
func scanPages(s *scan) iter.Seq2[any, error] { return scanVisits(s, s.run.ofSite) }

func scanVisits(s *scan, visits func(*scan) iter.Seq2[*store.PageRecord, error]) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		row := s.run.newRow()
		for rec, err := range visits(s) {
			if err != nil {
				yield(nil, err)
				return
			}
			row.reset(rec)
			if !yield(row, nil) {
				return
			}
		}
	}
}

func depthOf(d int) any {
	if d >= frontier.NoDepth {
		return nil
	}
	return int64(d)
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// timeOf is a time as SQLite's functions read it; null if there is none.
func timeOf(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// hexOf is a hash in hex, nothing if it is zero.
func hexOf(hash []byte) string {
	for _, c := range hash {
		if c != 0 {
			return hex.EncodeToString(hash)
		}
	}
	return ""
}

// listOf is a list as JSON.
func listOf[T any](list []T) string {
	if len(list) == 0 {
		return "[]"
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(list); err != nil { // cannot be, of texts and numbers
		return "[]"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// named is a list of objects of two values.
func named(list []store.Named, name, value string) string {
	objects := make([]map[string]string, len(list))
	for i, n := range list {
		objects[i] = map[string]string{name: n.Name, value: n.Value}
	}
	return listOf(objects)
}
