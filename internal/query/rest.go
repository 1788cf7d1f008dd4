package query

import (
	"cmp"
	"errors"
	"hash/maphash"
	"iter"
	"slices"
	"strconv"
	"time"

	"crawl/internal/weburl"
	"crawl/store"
)

// skipRow is a URL that a run refused.
type skipRow struct {
	run *runView
	*store.Skip
}

func (r *skipRow) identify(h *maphash.Hash) { writeAll(h, r.run.name, r.URL.String()) }

func skippedTable() *Table {
	return &Table{
		Name: "skipped", Meaning: "every URL that was found and not fetched, and why", perRun: true, rows: 1e6,
		Columns: []Column{
			column("run", Text, "the run, as acme@43", func(r *skipRow) any { return r.run.name }).indexed(Equal),
			column("url", Text, "the address", func(r *skipRow) any { return r.URL.String() }).indexed(Equal | Prefix),
			column("reason", Text, "robots, scope, excluded, depth, trap, …", func(r *skipRow) any { return r.Reason }),
			column("rule", Text, "the rule that said so", func(r *skipRow) any { return r.Rule }),
			column("found_on", Text, "the page that led to it first", func(r *skipRow) any { return r.From }),
			column("depth", Int, "clicks from a seed; null: no chain of links leads there", func(r *skipRow) any { return depthOf(r.Depth) }),
			column("count", Int, "links of pages to it; null: links of the run are damaged, or not counted yet", func(r *skipRow) any {
				if n := r.run.countLinks(r.URL); n != nil {
					return int64(n.Pages)
				}
				return nil
			}),
		},
		scan: func(s *scan) iter.Seq2[any, error] {
			return func(yield func(any, error) bool) {
				for skip, err := range s.run.skips(s.keyPrefix()) {
					if !yield(&skipRow{s.run, skip}, err) || err != nil {
						return
					}
				}
			}
		},
	}
}

// hostRow is what a run knows of a host.
type hostRow struct {
	run    *runView
	origin weburl.URL
	*store.Host
	robots *store.Robots // nil: not asked for
}

func (h *hostRow) identify(hash *maphash.Hash) { writeAll(hash, h.run.name, h.Origin) }

func (h *hostRow) rules() *store.Robots {
	if h.robots != nil {
		return h.robots
	}
	r, err := h.run.q.db.store.Robots(h.run.q.ctx, h.run.run.ID, h.Origin)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		h.run.q.fail(err)
	}
	h.robots = cmp.Or(r, &store.Robots{})
	return h.robots
}

func hostsTable() *Table {
	host := func(name string, kind Kind, meaning string, value func(*hostRow) any) Column {
		return column(name, kind, meaning, value)
	}
	return &Table{
		Name: "hosts", Meaning: "the hosts that a run asked", perRun: true, rows: 1000,
		Columns: []Column{
			host("run", Text, "the run, as acme@43", func(h *hostRow) any { return h.run.name }).indexed(Equal),
			host("origin", Text, "scheme, host and port", func(h *hostRow) any { return h.Origin }),
			host("host", Text, "as pages have it", func(h *hostRow) any { return h.origin.Host() }),
			host("external", Bool, "the run is not about it: only links out of the scope lead there", func(h *hostRow) any { return h.External }),
			host("done", Int, "URLs fetched", func(h *hostRow) any { return int64(h.Done) }),
			host("delay_ms", Real, "the pause between requests, in the end", func(h *hostRow) any { return millis(h.Delay) }),
			host("crawl_delay_ms", Real, "the Crawl-delay that its robots.txt asks for", func(h *hostRow) any { return millis(h.CrawlDelay) }),
			host("latency_ms", Real, "the usual time of an answer", func(h *hostRow) any { return millis(h.Latency) }),
			host("push_backs", Int, "how often it asked for less: 429, 503", func(h *hostRow) any { return int64(h.PushBacks) }),
			host("fails", Int, "failures in a row, in the end", func(h *hostRow) any { return int64(h.Fails) }),
			host("given_up", Text, "why it was given up", func(h *hostRow) any { return h.GivenUp }),
			host("asked", Time, "when it was last asked", func(h *hostRow) any { return timeOf(h.Asked) }),
			host("robots_status", Int, "status of its robots.txt; 0: no answer", func(h *hostRow) any { return int64(h.rules().Status) }),
			host("robots_fault", Text, "what kept robots.txt from an answer", func(h *hostRow) any { return h.rules().Fault }),
			host("robots_size", Int, "bytes of robots.txt", func(h *hostRow) any { return int64(len(h.rules().Text)) }),
			host("robots_fetched", Time, "when robots.txt was asked for", func(h *hostRow) any { return timeOf(h.rules().Fetched) }),
		},
		scan: func(s *scan) iter.Seq2[any, error] {
			return func(yield func(any, error) bool) {
				for h, err := range s.run.hosts() {
					row := &hostRow{run: s.run, Host: h}
					if err == nil {
						row.origin, err = weburl.Parse(h.Origin)
					}
					if !yield(row, err) || err != nil {
						return
					}
				}
			}
		},
	}
}

// sitemapColumns are the columns of pages that sitemaps share.
var sitemapColumns = []string{"run", "url", "host", "status", "class", "fault", "fault_text", "type", "size", "found_on", "fetched", "last_modified", "unchanged", "parse_limit"}

func sitemapsTable() *Table {
	all := columnsOf("", nil, func(row any) *pageRow { return row.(*pageRow) })
	var columns []Column
	for _, c := range all {
		if slices.Contains(sitemapColumns, c.Name) {
			columns = append(columns, c)
		}
		if c.Name == "outlinks" {
			c.Name, c.Meaning = "urls", "addresses that it names"
			columns = append(columns, c)
		}
	}
	return &Table{
		Name: "sitemaps", Meaning: "the sitemaps that a run read", perRun: true, rows: 1e6, Columns: columns,
		scan: func(s *scan) iter.Seq2[any, error] {
			return func(yield func(any, error) bool) {
				for row, err := range scanPages(s) {
					if err == nil && row.(*pageRow).get(kindField).Kind != store.KindSitemap {
						continue
					}
					if !yield(row, err) {
						return
					}
				}
			}
		},
	}
}

var kindField = store.FieldsOf("Kind")

// externalColumns are the columns of pages that external shares.
var externalColumns = []string{
	"run", "url", "host", "path", "status", "class", "fault", "fault_text", "mime", "size", "redirect", "found_on", "inlinks", "fetched", "took_ms", "try", "asked", "robots",
	"protocol", "address", "tls_problem",
}

// externalTable has what was found at addresses out of the scope, and where
// their redirects end.
func externalTable() *Table {
	columns := columnsOf("", nil, func(row any) *pageRow { return row.(*pageRow) })
	columns = slices.DeleteFunc(columns, func(c Column) bool { return !slices.Contains(externalColumns, c.Name) })
	end := func(name string, kind Kind, meaning string, value func(*chain) any) Column {
		return column(name, kind, meaning, func(r *pageRow) any {
			c := r.run.chain(r)
			return value(&c)
		})
	}
	columns = append(columns,
		end("final", Text, "where its redirects end; empty: it does not redirect", func(c *chain) any { return c.final }),
		end("final_status", Int, "status of the last answer; null: not asked for, or a circle", func(c *chain) any {
			if last := c.end(); last != nil {
				return int64(last.get(classFields).Status)
			}
			return nil
		}),
		end("final_class", Text, "class of the last answer; null: not asked for, or a circle", func(c *chain) any {
			if last := c.end(); last != nil {
				return last.class()
			}
			return nil
		}))
	return &Table{
		Name: "external", Meaning: "what a run found at the ends of links that leave its scope (--external check)", perRun: true, rows: 1e4, Columns: columns,
		scan: func(s *scan) iter.Seq2[any, error] { return scanVisits(s, s.run.external) },
	}
}

// siteRow is all runs of a site.
type siteRow struct {
	latest *store.Run
	first  time.Time
	runs   int
}

func sitesTable() *Table {
	return &Table{
		Name: "sites", Meaning: "what was crawled, each with its runs", rows: 10,
		Columns: []Column{
			column("site", Text, "its name", func(r *siteRow) any { return r.latest.Site }),
			column("runs", Int, "how many runs it has", func(r *siteRow) any { return int64(r.runs) }),
			column("latest", Text, "the latest of them, as acme@43", func(r *siteRow) any { return RunName(r.latest) }),
			column("state", Text, "the state of the latest", func(r *siteRow) any { return r.latest.State }),
			column("seeds", List, "where the latest began", func(r *siteRow) any { return listOf(r.latest.Seeds) }),
			column("first_started", Time, "when the first began", func(r *siteRow) any { return timeOf(r.first) }),
			column("last_started", Time, "when the latest began", func(r *siteRow) any { return timeOf(r.latest.Started) }),
		},
		scan: func(s *scan) iter.Seq2[any, error] {
			return func(yield func(any, error) bool) {
				sites, order := map[string]*siteRow{}, []*siteRow(nil)
				for run, err := range s.q.runs() {
					if err != nil {
						yield(nil, err)
						return
					}
					row := sites[run.Site]
					if row == nil {
						row = &siteRow{latest: run}
						sites[run.Site], order = row, append(order, row)
					}
					row.runs, row.first = row.runs+1, run.Started
				}
				for _, row := range order {
					if !yield(row, nil) {
						return
					}
				}
			}
		},
	}
}

// headerRow is one field of the header of an answer.
type headerRow struct {
	page        *pageRow
	name, value string
	n           int // of the name
}

func (r *headerRow) identify(h *maphash.Hash) {
	r.page.identify(h)
	writeAll(h, r.name, strconv.Itoa(r.n))
}

func headersTable() *Table {
	return &Table{
		Name: "headers", Meaning: "the headers of the answers, read from the archive", perRun: true, rows: 2e7,
		Columns: []Column{
			column("run", Text, "the run, as acme@43", func(r *headerRow) any { return r.page.run.name }).indexed(Equal),
			column("url", Text, "whose answer", func(r *headerRow) any { return r.page.url().String() }).indexed(Equal | Prefix),
			column("status", Int, "its status", func(r *headerRow) any { return int64(r.page.get(classFields).Status) }),
			column("name", Text, "in the usual spelling, Content-Type", func(r *headerRow) any { return r.name }),
			column("value", Text, "what it says; one row for each time it was sent", func(r *headerRow) any { return r.value }),
		},
		scan: scanHeaders,
	}
}

var placeFields = store.FieldsOf("Record", "NotModified", "Payload")

func scanHeaders(s *scan) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for row, err := range scanPages(s) {
			if err != nil {
				yield(nil, err)
				return
			}
			page := row.(*pageRow)
			header, err := s.q.db.store.Header(s.q.ctx, page.get(placeFields))
			if errors.Is(err, store.ErrNotFound) {
				continue // it was not kept
			}
			if err = errors.Join(s.q.err, err); err != nil {
				yield(nil, err)
				return
			}
			names := make([]string, 0, len(header))
			for name := range header {
				names = append(names, name)
			}
			slices.Sort(names)
			for _, name := range names {
				for n, value := range header[name] {
					if !yield(&headerRow{page, name, value, n}, nil) {
						return
					}
				}
			}
		}
	}
}

// fetchColumns are the columns of pages that fetches share.
var fetchColumns = []string{
	"run", "url", "kind", "fetched", "status", "class", "fault", "fault_text", "try", "ttfb_ms", "took_ms", "size", "wire_bytes", "title", "redirect", "canonical", "indexable",
	"why_not", "body_hash", "text_hash", "unchanged", "not_modified", "cached", "protocol", "address",
}

func fetchesTable() *Table {
	columns := columnsOf("", nil, func(row any) *pageRow { return row.(*pageRow) })
	columns = slices.DeleteFunc(columns, func(c Column) bool { return !slices.Contains(fetchColumns, c.Name) })
	for i := range columns {
		if columns[i].Name != "url" {
			columns[i].Index = 0
		}
	}
	return &Table{
		Name: "fetches", Meaning: "every visit of every run: what a URL was over time", rows: 1e7, Columns: columns,
		scan: func(s *scan) iter.Seq2[any, error] {
			return func(yield func(any, error) bool) {
				for run, err := range s.q.runs() {
					var view *runView
					if err == nil {
						view, err = s.q.view(run)
					}
					if err != nil {
						yield(nil, err)
						return
					}
					for row, err := range scanVisits(&scan{q: s.q, run: view, where: s.where}, view.records) {
						if !yield(row, err) || err != nil {
							return
						}
					}
				}
			}
		},
	}
}
