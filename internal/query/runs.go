package query

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"crawl/internal/weburl"
	"crawl/store"
)

// RunName is what people call a run: acme@43.
func RunName(r *store.Run) string { return fmt.Sprintf("%s@%d", r.Site, r.Number) }

// FieldNames are the names of a run's own fields.
func FieldNames(run *store.Run) (names []string) {
	if run == nil {
		return nil
	}
	for _, rule := range run.Rules {
		name, _, _ := strings.Cut(rule, "=")
		names = append(names, name)
	}
	return names
}

// runView is one run as a statement sees it.
type runView struct {
	q        *question
	run      *store.Run
	name     string
	identity func(weburl.URL) weburl.URL
	wanted   store.PageFields // of its rows, as far as is known
	live     *Live            // nil: it does not go on
	base     *runView
	looked   bool // for base
	counted  bool // whether countLinks made the index
	broken   bool // links cannot be counted
	counter  *store.InlinkCounter
	pages    map[weburl.URL]*pageRow // looked up lately
}

func (q *question) defaultRun() (*runView, error) {
	if q.db.o.Run == nil {
		return nil, ErrNoRuns
	}
	return q.view(q.db.o.Run)
}

func (q *question) view(run *store.Run) (*runView, error) {
	if v := q.views[run.ID]; v != nil {
		return v, nil
	}
	identity, err := q.db.o.Identity(run)
	if err != nil {
		return nil, err
	}
	v := &runView{q: q, run: run, name: RunName(run), identity: identity, live: q.db.live(run.ID)}
	q.views[run.ID] = v
	return v, nil
}

// runNamed finds a run by any of its names; nil for none.
func (q *question) runNamed(name string) (*runView, error) {
	if name == "" {
		return nil, nil
	}
	run, err := FindRun(q.ctx, q.db.store, name, time.Now())
	if err != nil {
		return nil, err
	}
	return q.view(run)
}

// baseline returns the run that this one is held against, or nil.
func (v *runView) baseline() *runView {
	if v.looked {
		return v.base
	}
	v.looked = true
	o := &v.q.db.o
	run := o.Baseline
	var err error
	if run == nil || o.Run == nil || v.run.ID != o.Run.ID {
		run, err = Baseline(v.q.ctx, v.q.db.store, v.run)
	}
	if err == nil && run != nil {
		v.base, err = v.q.view(run)
	}
	if err != nil {
		v.q.fail(err)
	}
	return v.base
}

// maxBaselines is how many runs are passed over that are no baseline: sites
// have fewer that nobody resumed.
const maxBaselines = 1000

// Baseline returns the run that a run is held against: the last one of its site
// before it that came to an end and has something; nil if there is none.
func Baseline(ctx context.Context, st *store.Bolt, run *store.Run) (*store.Run, error) {
	for range maxBaselines {
		if run.Baseline == 0 {
			return nil, nil
		}
		before, err := st.Run(ctx, run.Baseline)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil, nil
		case err != nil:
			return nil, err
		case Finished(before) && before.State != store.Empty:
			return before, nil
		}
		run = before
	}
	return nil, nil
}

func (v *runView) newRow() *pageRow { return &pageRow{run: v, reader: &store.PageReader{}} }

// page returns the run's visit of u, or nil.
func (v *runView) page(u weburl.URL) *pageRow {
	rec, err := v.q.db.store.PageRecord(v.q.ctx, v.run.ID, v.identity(u))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		v.q.fail(err)
		return nil
	}
	r := v.newRow()
	r.reset(rec)
	return r
}

// ofSite is records without what is out of the scope, which other tables have.
func (v *runView) ofSite(s *scan) iter.Seq2[*store.PageRecord, error] {
	if !v.checked() {
		return v.records(s)
	}
	return v.ofKind(v.records(s), func(kind uint8) bool { return kind != store.KindExternal })
}

// checked tells whether the run may have looked at what is out of its scope; of
// one that has not ended nobody has counted that.
func (v *runView) checked() bool { return v.run.Counts.External > 0 || !Finished(v.run) }

// ofKind yields the visits of some kinds.
func (v *runView) ofKind(records iter.Seq2[*store.PageRecord, error], wanted func(kind uint8) bool) iter.Seq2[*store.PageRecord, error] {
	return func(yield func(*store.PageRecord, error) bool) {
		var reader store.PageReader
		for rec, err := range records {
			var p store.Page
			if err == nil {
				err = reader.Read(rec, &p, kindField)
			}
			if err == nil && !wanted(p.Kind) {
				continue
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// external yields the visits that a scan may want of what is out of the scope.
func (v *runView) external(s *scan) iter.Seq2[*store.PageRecord, error] {
	if !v.checked() {
		return func(func(*store.PageRecord, error) bool) {}
	}
	records := v.records(s)
	if _, one := s.equal("url"); !one && s.keyPrefix() == nil && v.indexed() {
		records = v.q.db.store.External(v.q.ctx, v.run.ID)
	}
	return v.ofKind(records, func(kind uint8) bool { return kind == store.KindExternal })
}

// records yields the visits that a scan may want.
func (v *runView) records(s *scan) iter.Seq2[*store.PageRecord, error] {
	st, ctx := v.q.db.store, v.q.ctx
	if text, ok := s.equal("url"); ok {
		return func(yield func(*store.PageRecord, error) bool) {
			u, err := weburl.Parse(text)
			if err != nil || u.String() != text { // no row has that spelling
				return
			}
			rec, err := st.PageRecord(ctx, v.run.ID, u)
			if !errors.Is(err, store.ErrNotFound) {
				yield(rec, err)
			}
		}
	}
	prefix := s.keyPrefix()
	if marked := v.marked(s); marked != nil && prefix == nil && v.indexed() {
		return marked
	}
	if host, ok := s.equal("host"); ok && prefix == nil {
		return v.recordsOfHost(host)
	}
	return st.PageRecords(ctx, v.run.ID, prefix)
}

// marked yields the visits that a scan may want by the index that is likely to
// have the fewest; nil if none helps.
func (v *runView) marked(s *scan) iter.Seq2[*store.PageRecord, error] {
	st, ctx := v.q.db.store, v.q.ctx
	if text, ok := s.equal("text_hash"); ok {
		if hash, err := hex.DecodeString(text); err == nil && len(hash) > 0 {
			return st.Marked(ctx, v.run.ID, store.MarkText, string(hash))
		}
	}
	if title, ok := s.equal("title"); ok {
		return st.Marked(ctx, v.run.ID, store.MarkTitle, title)
	}
	if wanted := s.answers("status", "class"); wanted != nil {
		return st.Answered(ctx, v.run.ID, wanted)
	}
	if section, ok := s.equal("section"); ok {
		return st.Marked(ctx, v.run.ID, store.MarkSection, section)
	}
	if depth, ok := s.equal("depth"); ok {
		return st.Marked(ctx, v.run.ID, store.MarkDepth, depth)
	}
	return nil
}

// answers tells which answers a scan may want, going by status or class; nil if
// any.
func (s *scan) answers(status, class string) func(int, string) bool {
	if text, ok := s.equal(status); ok {
		return func(is int, fault string) bool { return fault == "" && strconv.Itoa(is) == text }
	}
	text, ok := s.equal(class)
	if !ok {
		return nil
	}
	return func(status int, fault string) bool {
		return Class(&store.Page{Status: status, Fault: fault}) == text || text == "absent" && (status == 404 || status == 410) ||
			text == "unverified" && (status >= 400 || fault == FaultDNS) // see Class
	}
}

// indexed tells whether the store can say which pages have what: it does once
// somebody has asked who links where, or the run ended.
func (v *runView) indexed() bool {
	if v.live != nil {
		return false
	}
	has, err := v.q.db.store.HasMarks(v.q.ctx, v.run.ID)
	if err != nil {
		v.q.fail(err)
	}
	return has
}

// recordsOfHost yields the visits of a host, by whatever scheme.
func (v *runView) recordsOfHost(host string) iter.Seq2[*store.PageRecord, error] {
	return func(yield func(*store.PageRecord, error) bool) {
		for _, scheme := range []string{"http://", "https://"} {
			u, err := weburl.Parse(scheme + host + "/")
			if err != nil || u.Host() != host {
				continue
			}
			for rec, err := range v.q.db.store.PageRecords(v.q.ctx, v.run.ID, u.OriginKey()) {
				if !yield(rec, err) || err != nil {
					return
				}
			}
		}
	}
}

// keyPrefix returns what the keys of all wanted URLs begin with.
func (s *scan) keyPrefix() []byte {
	if text, ok := s.equal("url"); ok {
		if u, err := weburl.Parse(text); err == nil {
			return u.Key()
		}
	}
	if text, ok := s.prefix("url"); ok {
		return keyPrefix(text)
	}
	return nil
}

// keyPrefix returns what the keys of all URLs begin with that begin with text:
// nothing as long as that leaves the host open.
func keyPrefix(text string) []byte {
	scheme, rest, ok := strings.Cut(text, "://")
	slash := strings.IndexByte(rest, '/')
	if !ok || slash < 0 {
		return nil
	}
	origin := scheme + "://" + rest[:slash+1]
	u, err := weburl.Parse(origin)
	if err != nil || u.String() != origin {
		return nil
	}
	return append(u.OriginKey(), rest[slash:]...)
}

// countLinks counts the links to u; nil where the record of some is damaged, so
// that all counts would be wrong, or where there is no index.
func (v *runView) countLinks(u weburl.URL) *store.InlinkCount {
	if v.broken {
		return nil
	}
	if !v.counted {
		v.counted = true
		err := v.index()
		switch {
		case errors.Is(err, store.ErrDamaged):
			v.leaveUncounted("links to pages are not counted, see `crawl db check`", err)
		case errors.Is(err, store.ErrNotIndexed):
			v.leaveUncounted(v.uncounted(), err)
		case err != nil:
			v.q.fail(err)
		}
	}
	if v.broken || v.q.err != nil {
		return nil
	}
	if v.counter == nil {
		v.counter = v.q.db.store.InlinkCounter(v.run.ID)
	}
	n, err := v.counter.Count(v.q.ctx, v.identity(u))
	if err != nil {
		v.q.fail(err)
	}
	return &n
}

// leaveUncounted notes, and tells, why links are not counted.
func (v *runView) leaveUncounted(why string, cause error) {
	v.broken = true
	if warn := v.q.db.o.Warn; warn != nil {
		warn(why, cause)
	}
}

// index makes the store ready to say who links to whom, if it is not. It ends
// with store.ErrNotIndexed where no index is made.
func (v *runView) index() error {
	linked, err := v.linked()
	switch {
	case err != nil:
		return err
	case !linked:
		return store.ErrNotIndexed
	}
	st, ctx := v.q.db.store, v.q.ctx
	there, err := st.Indexed(ctx, v.run.ID)
	if there || err != nil {
		return err
	}
	return st.IndexLinks(ctx, v.run.ID, store.Identity{Of: v.identity})
}

func runsTable() *Table {
	run := func(name string, kind Kind, meaning string, value func(*store.Run) any) Column {
		return column(name, kind, meaning, value)
	}
	count := func(name, meaning string, value func(*store.Counts) uint64) Column {
		return run(name, Int, meaning, func(r *store.Run) any { return int64(value(&r.Counts)) })
	}
	return &Table{
		Name: "runs", Meaning: "the runs of the store", rows: 100,
		Columns: []Column{
			run("run", Text, "its name", func(r *store.Run) any { return RunName(r) }),
			run("site", Text, "whose run it is", func(r *store.Run) any { return r.Site }),
			run("number", Int, "its number within the site", func(r *store.Run) any { return int64(r.Number) }),
			run("state", Text, "complete, partial, interrupted, running, empty", func(r *store.Run) any { return r.State }),
			run("why", Text, "what ended it, or that it goes on", func(r *store.Run) any { return r.Why }),
			run("seeds", List, "where it began", func(r *store.Run) any { return listOf(r.Seeds) }),
			run("started", Time, "when it began", func(r *store.Run) any { return timeOf(r.Started) }),
			run("ended", Time, "when it ended; null: not yet", func(r *store.Run) any { return timeOf(r.Ended) }),
			run("took_s", Real, "seconds spent crawling", func(r *store.Run) any { return time.Duration(r.Active).Seconds() }),
			run("sessions", Int, "how often it was begun or resumed", func(r *store.Run) any { return int64(r.Sessions) }),
			count("found", "URLs found", func(c *store.Counts) uint64 { return c.Found }),
			count("queued", "of them still to be asked", func(c *store.Counts) uint64 { return c.Queued }),
			count("done", "of them fetched", func(c *store.Counts) uint64 { return c.Done }),
			count("failed", "of them not fetched in spite of trying", func(c *store.Counts) uint64 { return c.Failed }),
			count("skipped", "of them refused", func(c *store.Counts) uint64 { return c.Found - c.Queued - c.Done - c.Failed }),
			count("answers_2xx", "pages by status", func(c *store.Counts) uint64 { return c.Status[2] }),
			count("answers_3xx", "pages by status", func(c *store.Counts) uint64 { return c.Status[3] }),
			count("answers_4xx", "pages by status", func(c *store.Counts) uint64 { return c.Status[4] }),
			count("answers_5xx", "pages by status", func(c *store.Counts) uint64 { return c.Status[5] }),
			count("no_answer", "pages without an answer", func(c *store.Counts) uint64 { return c.Status[0] }),
			count("external", "links out of the scope that were checked", func(c *store.Counts) uint64 { return c.External }),
			count("unchanged", "pages with the content of an earlier run", func(c *store.Counts) uint64 { return c.Unchanged }),
			count("cached", "of these, taken over unasked since they were still fresh", func(c *store.Counts) uint64 { return c.Cached }),
			count("requests", "requests sent, retries and robots.txt included", func(c *store.Counts) uint64 { return c.Requests }),
			count("received_bytes", "bytes of bodies, as sent", func(c *store.Counts) uint64 { return c.Received }),
			count("stored_bytes", "bytes added to the bodies on disk", func(c *store.Counts) uint64 { return c.Stored }),
			run("program", Text, "which version crawled it", func(r *store.Run) any { return r.Program }),
		},
		scan: func(s *scan) iter.Seq2[any, error] {
			return func(yield func(any, error) bool) {
				for run, err := range s.q.runs() {
					if !yield(run, err) || err != nil {
						return
					}
				}
			}
		},
	}
}
