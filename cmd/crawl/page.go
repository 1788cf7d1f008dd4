package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"crawl/internal/query"
	"crawl/internal/weburl"
	"crawl/store"

	"github.com/spf13/cobra"
)

func newPageCommand() *cobra.Command {
	var whole bool
	c := &cobra.Command{
		Use:   "page URL [RUN]",
		Short: "Show one URL: its state, who links to it, what it links to, its history",
		Long: `Show what RUN has for URL, the latest run that has it unless one is named: state,
in-links folded by their text, links that lead nowhere, and the runs in which the
page was not as in the run before.`,
		Example: "  crawl page https://example.com/pricing\n  crawl page https://example.com/pricing acme@monday --history",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return newUsageError("", "which URL?", "name one: crawl page https://example.com/")
			}
			return atMost(2, c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			return withURL(c, args, func(ctx context.Context, db *query.DB, u weburl.URL, run *store.Run, s *Settings) error {
				p, err := lookUp(ctx, db, u)
				if err != nil {
					return err
				}
				if s.JSON {
					return p.printJSON(c.OutOrStdout())
				}
				return p.print(c.OutOrStdout(), run, whole)
			})
		},
	}
	c.Flags().BoolVar(&whole, "history", false, "show every visit, not those alone that brought a change")
	addSettingsFlags(c.Flags(), "data", "json", "quiet")
	return c
}

// withURL opens the store for a command about a URL and a run; without one it
// is the latest that has the URL.
func withURL(c *cobra.Command, args []string, do func(context.Context, *query.DB, weburl.URL, *store.Run, *Settings) error) error {
	u, err := seedURL(args[0])
	if err != nil {
		return newUsageError("", err.Error(), "")
	}
	return withStore(c, func(ctx context.Context, st *store.Bolt, dir string, s *Settings) error {
		name := u.String()
		if len(args) > 1 {
			name = args[1]
		}
		run, err := settledRun(ctx, st, dir, name)
		if err != nil {
			return err
		}
		identity, err := identityOf(run)
		if err != nil {
			return err
		}
		return withTables(c, st, run, s, func(db *query.DB) error { return do(ctx, db, identity(u), run, s) })
	})
}

// answer is the rows of a question that has few.
type answer struct {
	columns []query.ColumnOf
	rows    [][]any
}

// ask answers a statement, in which $url is u.
func ask(ctx context.Context, db *query.DB, u weburl.URL, statement string) (a answer, err error) {
	rows, err := db.Query(ctx, strings.ReplaceAll(statement, "$url", query.Literal(u.String())))
	if err != nil {
		return a, err
	}
	a.columns = rows.Columns
	for row, err := range rows.All() {
		if err != nil {
			return a, err
		}
		a.rows = append(a.rows, slices.Clone(row))
	}
	return a, nil
}

// get is the text of a column of the first row; "" if there is none.
func (a *answer) get(name string) string { return a.at(0, name) }

func (a *answer) at(row int, name string) string {
	i := slices.IndexFunc(a.columns, func(c query.ColumnOf) bool { return c.Name == name })
	if i < 0 || row >= len(a.rows) {
		return ""
	}
	return cellText(a.rows[row][i], a.columns[i].Kind)
}

// list is the rows as JSON.
func (a *answer) list() (json.RawMessage, error) {
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	to := &jsonRows{out: w, columns: a.columns, list: true}
	for _, row := range a.rows {
		if err := to.row(row); err != nil {
			return nil, err
		}
	}
	err := errors.Join(to.end(), w.Flush())
	return b.Bytes(), err
}

// pageView is what is known of a URL.
type pageView struct {
	url                                      weburl.URL
	page, skip, chain, history, inlinks, out answer
	external                                 answer
}

// pageQuestions are what `crawl page` asks.
const (
	askPage     = "SELECT * FROM pages WHERE url = $url"
	askSkip     = "SELECT * FROM skipped WHERE url = $url"
	askExternal = "SELECT status, class, fault, fault_text, final, final_status, found_on FROM external WHERE url = $url"
	askChain    = "SELECT final, final_status, hops, loop FROM redirects WHERE source = $url"
	askHistory  = "SELECT run, fetched, status, class, fault, redirect, indexable, title, canonical, text_hash, body_hash FROM fetches WHERE url = $url"
	askInlinks  = "SELECT count(*) AS links, anchor, place, element, min(source) AS source FROM links WHERE target_url = $url GROUP BY anchor, place, element ORDER BY links DESC, anchor LIMIT 20"
	askOut      = "SELECT target, anchor, place, target_status, target_class, target_final_status FROM links WHERE source = $url AND (target_class IN ('broken', 'server') OR target_final_status >= 400)"
)

func lookUp(ctx context.Context, db *query.DB, u weburl.URL) (*pageView, error) {
	v := &pageView{url: u}
	for _, q := range []struct {
		to        *answer
		statement string
	}{{&v.page, askPage}, {&v.skip, askSkip}, {&v.external, askExternal}, {&v.chain, askChain}, {&v.history, askHistory}, {&v.inlinks, askInlinks}, {&v.out, askOut}} {
		var err error
		if *q.to, err = ask(ctx, db, u, q.statement); err != nil {
			return nil, err
		}
	}
	if len(v.page.rows)+len(v.skip.rows)+len(v.history.rows) == 0 {
		return nil, newUsageError("", "no run has met "+u.String(), "see why: crawl explain "+u.String())
	}
	return v, nil
}

func (v *pageView) printJSON(out io.Writer) error {
	page := json.RawMessage("null")
	if len(v.page.rows) > 0 {
		var err error
		if page, err = rowJSON(v.page.columns, v.page.rows[0]); err != nil {
			return err
		}
	}
	lists := map[string]json.RawMessage{}
	for name, a := range map[string]*answer{"skipped": &v.skip, "history": &v.history, "inlinks": &v.inlinks, "broken_links": &v.out} {
		list, err := a.list()
		if err != nil {
			return err
		}
		lists[name] = list
	}
	return writeJSON(out, struct {
		URL     string          `json:"url"`
		Page    json.RawMessage `json:"page"` // null: not visited in this run
		Skipped json.RawMessage `json:"skipped"`
		History json.RawMessage `json:"history"`
		Inlinks json.RawMessage `json:"inlinks"`
		Broken  json.RawMessage `json:"broken_links"`
	}{v.url.String(), page, lists["skipped"], lists["history"], lists["inlinks"], lists["broken_links"]})
}

// print writes for people.
func (v *pageView) print(out io.Writer, run *store.Run, whole bool) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "%s   run %s\n", v.url, plain(runName(run)))
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(w, "  %-11s %s\n", name, plain(text))
		}
	}
	v.state(line)
	width := terminalWidth(out)
	err := errors.Join(
		section(w, width, "HISTORY", v.changes(whole)),
		section(w, width, "LINKS TO IT", v.inlinks),
		section(w, width, "LINKS THAT LEAD NOWHERE", v.out))
	return errors.Join(err, w.Flush())
}

// state tells how the URL was found in the run.
func (v *pageView) state(line func(name, text string)) {
	if e := v.external.get; len(v.external.rows) > 0 {
		status := e("status") + " " + e("class")
		if e("fault") != "" {
			status = e("class") + ": " + e("fault_text")
		}
		if e("final") != "" {
			status += ", which ends at " + e("final") + " " + e("final_status")
		}
		line("checked", status+"; out of the scope, not crawled")
		line("found on", e("found_on"))
		return
	}
	if len(v.page.rows) == 0 {
		line("not fetched", strings.TrimSpace(v.skip.get("reason")+" "+v.skip.get("rule")))
		line("found on", v.skip.get("found_on"))
		return
	}
	p := v.page.get
	status := p("status") + " " + p("class")
	if fault := p("fault"); fault != "" {
		status = fault + ": " + p("fault_text")
	}
	line("status", status+", "+p("took_ms")+" ms")
	if p("cached") == "true" {
		line("cached", "taken over unasked: fetched "+p("fetched")+", fresh until "+p("fresh_until"))
	}
	if to := p("redirect"); to != "" {
		line("redirect", "to "+to)
		switch {
		case v.chain.get("loop") == "true":
			line("ends", "nowhere: it goes in a circle")
		case v.chain.get("hops") != "1":
			line("ends", v.chain.get("final")+" "+v.chain.get("final_status")+" after "+v.chain.get("hops")+" hops")
		}
	}
	line("type", strings.TrimSuffix(p("type")+", "+p("mime")+", "+p("size")+" bytes, "+p("charset"), ", "))
	for _, name := range []string{"title", "h1", "description", "canonical", "lang"} {
		line(name, p(name))
	}
	index := "yes"
	if why := p("why_not"); why != "" {
		index = "no: " + why
	}
	line("indexable", index)
	depth := "no chain of links leads there"
	if d := p("depth"); d != "" {
		depth = d
	}
	line("depth", depth)
	line("found on", p("found_on"))
	named := ", no sitemap names it"
	if p("in_sitemap") == "true" {
		named = ", a sitemap names it"
	}
	links := "to it not counted yet"
	if n := p("inlinks"); n != "" {
		links = n + " to it"
	}
	line("links", links+named+", "+p("outlinks")+" of its own")
	line("seen", "first "+p("first_seen")+", last changed "+p("last_changed"))
}

// comparedInHistory are what makes a visit one with a change.
var comparedInHistory = []string{"status", "fault", "redirect", "indexable", "title", "canonical", "text_hash", "body_hash"}

// changes are the visits, newest first, with what was not as in the one
// before; those without are left out unless whole.
func (v *pageView) changes(whole bool) answer {
	a := answer{columns: []query.ColumnOf{{Name: "run"}, {Name: "fetched"}, {Name: "status"}, {Name: "changed"}}}
	for i := range v.history.rows {
		changed := "first visit"
		if i+1 < len(v.history.rows) {
			var names []string
			for _, name := range comparedInHistory {
				if v.history.at(i, name) != v.history.at(i+1, name) {
					names = append(names, name)
				}
			}
			changed = strings.Join(names, ", ")
		}
		if changed == "" && !whole && i > 0 {
			continue
		}
		a.rows = append(a.rows, []any{v.history.at(i, "run"), v.history.at(i, "fetched"), v.history.at(i, "status"), changed})
	}
	return a
}

// section writes rows under a heading, if there are any.
func section(w *bufio.Writer, width int, heading string, a answer) error {
	if len(a.rows) == 0 {
		return nil
	}
	fmt.Fprintf(w, "\n%s\n", heading)
	return a.table(w, width)
}

// table writes the rows for people.
func (a *answer) table(w *bufio.Writer, width int) error {
	to := &tableRows{out: w, columns: a.columns, width: width}
	for _, row := range a.rows {
		if err := to.row(row); err != nil {
			return err
		}
	}
	return to.end()
}
