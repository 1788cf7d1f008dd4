package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"crawl/crawler"
	"crawl/internal/query"
	"crawl/internal/robots"
	"crawl/internal/weburl"
	"crawl/store"

	"github.com/spf13/cobra"
)

func newExplainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain URL [RUN]",
		Short: "Say why a URL was, was not or would be crawled",
		Long: `Go through what decides on a URL in RUN, the latest run that has it or its host
unless one is named: where it was found, its one spelling, scope, rules, robots.txt
as the run saw it, and what came of it. Nothing is asked of a server.`,
		Example: "  crawl explain https://example.com/tmp/report\n  crawl explain https://example.com/tmp/report acme~1 --json",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return newUsageError("", "which URL?", "name one: crawl explain https://example.com/")
			}
			return atMost(2, c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			typed, err := seedURL(args[0])
			if err != nil {
				return newUsageError("", err.Error(), "")
			}
			return withURL(c, args, func(ctx context.Context, db *query.DB, u weburl.URL, run *store.Run, s *Settings) error {
				e, err := explain(ctx, db, typed, u, run)
				if err != nil {
					return err
				}
				if s.JSON {
					return writeJSON(c.OutOrStdout(), e)
				}
				return e.print(c.OutOrStdout())
			})
		},
	}
	addSettingsFlags(c.Flags(), "data", "json", "quiet")
	return c
}

// explanation is what decided on a URL, step by step.
type explanation struct {
	Run     string       `json:"run"`
	Typed   string       `json:"typed"`
	URL     string       `json:"url"` // its one spelling
	Verdict string       `json:"verdict"`
	Links   int          `json:"links"` // of pages to it
	FoundOn string       `json:"found_on"`
	Anchor  string       `json:"anchor"`
	Depth   string       `json:"depth"`
	Scope   scopeVerdict `json:"scope"`
	Robots  *robotsLine  `json:"robots_txt"` // null: the run did not ask for it
	Checks  bool         `json:"checks"`     // the run asks about links out of its scope
	Kind    string       `json:"kind"`       // of the visit: page, sitemap, checked, external
	Status  string       `json:"status"`     // of the visit, "" if there was none
	Cached  bool         `json:"cached"`     // the run did not ask: the visit is that of an earlier one
	Fetched string       `json:"fetched"`    // when it was asked for, "" if it was not
	Reason  string       `json:"reason"`     // it was not visited
	Rule    string       `json:"rule"`
}

// askAnchor is the text of the link by which a URL was found.
const askAnchor = `SELECT anchor FROM links WHERE target_url = $url AND
source = coalesce((SELECT found_on FROM pages WHERE url = $url), (SELECT found_on FROM external WHERE url = $url), (SELECT found_on FROM skipped WHERE url = $url)) LIMIT 1`

func explain(ctx context.Context, db *query.DB, typed, u weburl.URL, run *store.Run) (*explanation, error) {
	e := &explanation{Run: runName(run), Typed: typed.String(), URL: u.String()}
	page, err := ask(ctx, db, u, `SELECT status, class, fault, found_on, depth, kind, cached, fetched FROM pages WHERE url = $url
UNION ALL SELECT status, class, fault, found_on, NULL, 'external', 0, fetched FROM external WHERE url = $url`)
	if err != nil {
		return nil, err
	}
	skip, err := ask(ctx, db, u, "SELECT reason, rule, found_on, depth FROM skipped WHERE url = $url")
	if err != nil {
		return nil, err
	}
	links, err := ask(ctx, db, u, "SELECT count(*) FROM links WHERE target_url = $url AND source_kind = 'page'")
	if err != nil {
		return nil, err
	}
	anchor, err := ask(ctx, db, u, askAnchor)
	if err != nil {
		return nil, err
	}
	met := skip
	if len(page.rows) > 0 {
		met = page
		e.Status, e.Kind = page.get("status")+" "+page.get("class"), page.get("kind")
		if fault := page.get("fault"); fault != "" {
			e.Status = fault
		}
		e.Cached, e.Fetched = page.get("cached") == "true", page.get("fetched")
	}
	e.FoundOn, e.Depth, e.Reason, e.Rule, e.Anchor = met.get("found_on"), met.get("depth"), skip.get("reason"), skip.get("rule"), anchor.get("anchor")
	if e.Links, err = strconv.Atoi(links.at(0, "count(*)")); err != nil {
		return nil, err
	}
	if err := e.judge(ctx, db, u, run); err != nil {
		return nil, err
	}
	e.Verdict = e.verdict()
	return e, nil
}

// judge asks the rules of the run.
func (e *explanation) judge(ctx context.Context, db *query.DB, u weburl.URL, run *store.Run) error {
	spec, s, err := specOf(run)
	if err != nil {
		return err
	}
	e.Checks = spec.External
	reason, rule := spec.Verdict(u)
	e.Scope = scopeVerdict{reason == "", string(reason), rule}
	rec, err := db.Store().Robots(ctx, run.ID, u.Origin())
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	line := newRobotsLine(u, robots.Product(s.agent()), crawler.RobotsRules(rec, int(s.MaxRobots)), crawler.RobotsNote(rec))
	e.Robots = &line
	return nil
}

func (e *explanation) verdict() string {
	switch {
	case e.Cached:
		return "taken over unasked, still fresh: " + e.Status + ", fetched " + e.Fetched
	case e.Kind == "external", e.Kind == "checked":
		return "checked, not crawled: " + e.Status
	case e.Status != "":
		return "fetched: " + e.Status
	case e.Reason != "":
		return "not fetched: " + reasonText(e.Reason)
	case e.leaves() && e.Checks:
		return "not met, and would be checked, not crawled: " + reasonText(e.Scope.Reason)
	case !e.Scope.In:
		return "not met, and would not be fetched: " + reasonText(e.Scope.Reason)
	case e.Robots != nil && !e.Robots.Allowed:
		return "not met, and would not be fetched: robots.txt disallows it"
	}
	return "not met: no page of the run links to it, and no sitemap names it"
}

// leaves tells a URL that nothing but the scope of the run is against.
func (e *explanation) leaves() bool { return e.Scope.Reason == string(crawler.ReasonScope) }

// print writes for people.
func (e *explanation) print(out io.Writer) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "%s   run %s\n%s\n", plain(e.Typed), plain(e.Run), plain(e.Verdict))
	n := 0
	step := func(name, format string, args ...any) {
		n++
		fmt.Fprintf(w, " %d %-11s %s\n", n, name, plain(fmt.Sprintf(format, args...)))
	}
	switch {
	case e.FoundOn != "":
		step("found", "%s %q, depth %s, links of pages to it: %d", e.FoundOn, e.Anchor, orNone(e.Depth), e.Links)
	case e.Depth != "":
		step("found", "a seed, links of pages to it: %d", e.Links)
	default:
		step("found", "nowhere")
	}
	if e.URL != e.Typed {
		step("known as", "%s", e.URL)
	}
	switch {
	case e.Scope.In:
		step("scope", "in, and no rule is against it")
	default:
		step("scope", "%s", reasonText(e.Scope.Reason)+orRule(e.Scope.Rule))
	}
	switch {
	case e.leaves() && e.Checks:
		step("check", "links out of the scope are asked about by HEAD, and by GET where that leaves doubt; nothing is read")
	case e.leaves():
		step("check", "links out of the scope are not asked about (--external check)")
	}
	switch {
	case e.Robots == nil:
		step("robots", "the run did not ask for the robots.txt of this host")
	case e.Robots.Allowed:
		step("robots", "allowed: %s", e.Robots.why())
	default:
		step("robots", "disallowed: %s", e.Robots.why())
	}
	if e.Reason != "" {
		step("skipped", "%s", reasonText(e.Reason)+orRule(e.Rule))
		fmt.Fprintf(w, "  to see all such: crawl query %s skipped --where \"reason = '%s'\"\n", shellWord(plain(e.Run)), plain(e.Reason))
	}
	if e.Status == "" && e.Robots != nil && !e.Robots.Allowed {
		fmt.Fprintf(w, "  to fetch it anyway: crawl fetch %s --robots ignore\n", shellWord(e.URL))
	}
	return w.Flush()
}

func orNone(depth string) string {
	if depth == "" {
		return "none"
	}
	return depth
}

func orRule(rule string) string {
	if rule == "" {
		return ""
	}
	return ": " + rule
}
