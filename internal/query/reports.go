package query

import (
	"cmp"
	"fmt"
	"iter"
	"strings"
)

// Severities of what a report finds.
const (
	Critical = "critical" // users or search engines meet it as a fault
	Warning  = "warning"  // it costs something
	Notice   = "notice"   // good to know
)

// Report is a question that many people have. Its statement stands for all
// there is to it: $run is the name of the run, $base that of the run before.
type Report struct {
	Name     string
	Severity string // of a row that does not say it itself, in a field "severity"
	Others   string // the severity that rows say, if they do
	Title    string
	Why, Fix string // a sentence each
	SQL      string
	Unfolded string // the same with a row for each place; may be empty

	Key   int      // how many of the first fields tell one row from another; 0: one
	Finds string   // which rows are findings, a condition: all if it is empty
	Cheap bool     // an index has all that it asks for
	Kinds []string // of what it finds, if its rows name one in a field "kind"

	// keys yields for each finding, or for parts of it, the one field that is its key
	// and its address, by an index of links that is there; nil: that is no quicker.
	keys func(*runView) iter.Seq2[string, error]

	set bool // the severity is the user's: whatever rows say
}

// none is Finds of a report that says what there is, not what is wrong.
const none = "0"

// Find tells whether rows of the report are findings.
func (r *Report) Find() bool { return r.Finds != none && r.Severity != Off }

// severities are those that its rows may have.
func (r *Report) severities() []string { return []string{r.Severity, cmp.Or(r.Others, r.Severity)} }

// Only narrows the report to one of its kinds.
func (r *Report) Only(kind string) {
	r.SQL = "SELECT * FROM (\n" + r.SQL + "\n) WHERE kind = " + Literal(kind)
}

func (r *Report) key() int { return max(1, r.Key) }

// RowKey tells one row of the answer from another, in each run.
func (r *Report) RowKey(row []any) string {
	key := make([]string, r.key())
	for i := range key {
		key[i] = cellOf(row[i])
	}
	return strings.Join(key, "\x00")
}

// Comparable tells whether the report says of the run before what can be held
// against what it says of the run: one that is about both has nothing but news.
func (r *Report) Comparable() bool {
	return !strings.Contains(r.SQL, "FROM changes") && !strings.Contains(r.SQL, "$base")
}

// findings is the statement that has the findings alone.
func (r *Report) findings(run, base string) string {
	sql := r.Statement(run, base, false)
	if r.Finds == "" {
		return sql
	}
	return "SELECT * FROM (" + sql + "\n) WHERE " + r.Finds
}

// Statement is the report's statement for a run; base is "" if there is none
// before it.
func (r *Report) Statement(run, base string, unfolded bool) string {
	sql := r.SQL
	if unfolded && r.Unfolded != "" {
		sql = r.Unfolded
	}
	return strings.NewReplacer("$run", Literal(run), "$base", Literal(base)).Replace(sql)
}

// extractReport counts what the rules of the user found; it has a part for
// each field.
func extractReport(fields []string) Report {
	parts := []string{"SELECT '' AS field, 0 AS filled, 0 AS without WHERE 0"}
	for _, f := range fields {
		parts = append(parts, fmt.Sprintf("SELECT %s, count(%s), count(*) - count(%[2]s) FROM pages WHERE kind = 'page' AND status = 200 AND type = 'html'", Literal(f), Quote(f)))
	}
	return Report{
		Name: "extract", Finds: "filled = 0 AND without > 0", Severity: Notice, Title: "How often each field of yours was found",
		Why: "A field that is found on no page has a rule that is wrong, or the pages have changed.", Fix: "Try the rule on one page: crawl fetch URL --extract RULE.",
		SQL: strings.Join(parts, "\nUNION ALL "),
	}
}

// Reports are all reports, with the fields of the user.
func Reports(fields []string) []Report {
	return append(append([]Report(nil), reports...), extractReport(fields))
}

// externalReport is the report of what the checks of a run found.
const externalReport = "external-broken"

// externalBroken selects links that lead out of the scope and find nothing there.
func externalBroken(links string) string {
	return "SELECT e.url AS target, coalesce(e.final_class, e.class) AS problem, coalesce(e.final_status, e.status) AS status, e.fault_text AS fault, e.final, " + links + ",\n" +
		"CASE WHEN coalesce(e.final_class, e.class) IN ('broken', 'server') THEN 'critical' ELSE 'notice' END AS severity\n" +
		"FROM external e CROSS JOIN links l ON l.target_url = e.url WHERE coalesce(e.final_class, e.class) IN ('broken', 'server', 'timeout', 'unverified')"
}

// staleEntries selects pages that changed more than a day after the time that a
// sitemap tells. What says that it was modified just now says so whenever it is
// asked, and proves nothing; nor does a time that names no day: SQLite takes a lone
// number, such as a year, for a Julian day. Pages are looked up for days alone.
const staleEntries = "UNION ALL SELECT p.url, 'stale', p.status, p.why_not, p.inlinks, l.anchor, CASE WHEN datetime(l.anchor, '+1 day') < datetime(p.modified) AND datetime(p.modified) < datetime(p.fetched, '-1 day') THEN p.modified ELSE 'after ' || p.prev_fetched END\n" +
	"FROM sitemaps s CROSS JOIN links l ON l.source = s.url CROSS JOIN pages p ON p.url = l.target_url\n" +
	"WHERE l.element = 'sitemap' AND l.attribute = 'loc' AND l.anchor LIKE '____-__-__%' AND p.kind = 'page' AND p.indexable AND (\n" +
	"datetime(l.anchor, '+1 day') < datetime(p.modified) AND datetime(p.modified) < datetime(p.fetched, '-1 day')\n" +
	"OR datetime(l.anchor, '+1 day') < datetime(p.prev_fetched) AND p.prev_text_hash <> '' AND p.text_hash <> p.prev_text_hash)"

// heavyImage is the size from which an image is heavy, in bytes.
const heavyImage = "500000"

// images selects images that have one of two problems, in one scan of the links.
const images = "FROM links CROSS JOIN (SELECT 'no text' AS problem UNION ALL SELECT 'heavy') p\n" +
	"WHERE element = 'img' AND (problem = 'no text' AND anchor = '' OR problem = 'heavy' AND target_final_size > " + heavyImage + ")"

var reports = []Report{
	{
		Name: "errors", Cheap: true, Severity: Critical, Others: Warning, Title: "Errors of the server, and no answer",
		Why: "Whoever comes there sees an error, and search engines drop the page.", Fix: "Look into the server's log at that time; a timeout may be load.",
		SQL: "SELECT url, status, class, fault, took_ms, inlinks, found_on, CASE class WHEN 'server' THEN 'critical' ELSE 'warning' END AS severity FROM pages\n" +
			"WHERE class IN ('server', 'timeout', 'unverified') ORDER BY inlinks DESC, url",
	},
	{
		Name: "broken", Cheap: true, keys: (*runView).brokenTargets, Severity: Critical, Title: "Links to what is gone",
		Why: "Readers and search engines run into a dead end. (Links out of the scope are not among them: crawl report external-broken.)", Fix: "Correct the link, or redirect the address to what took its place.",
		SQL: "SELECT target, target_status AS status, min(anchor) AS anchor, group_concat(DISTINCT place) AS place, count(*) AS links, min(source) AS example FROM links\n" +
			"WHERE target_class = 'broken' AND target_kind <> 'external' GROUP BY target ORDER BY links DESC, target",
		Unfolded: "SELECT target, target_status AS status, anchor, place, source FROM links WHERE target_class = 'broken' AND target_kind <> 'external' ORDER BY target, source",
	},
	{
		Name: externalReport, Cheap: true, Severity: Critical, Others: Notice, Title: "Links off the site to what is gone",
		Why: "Readers run into a dead end. What did not answer in time, or well, may be there (notice); what refused us or robots.txt keeps us from is not among them.",
		Fix: "Correct the link, or take it away. What could not be checked: crawl query skipped --where \"reason = 'unverified'\".",
		SQL: externalBroken("min(l.anchor) AS anchor, group_concat(DISTINCT l.place) AS place, count(*) AS links, min(l.source) AS example") +
			" GROUP BY e.url ORDER BY severity, links DESC, target",
		Unfolded: externalBroken("l.anchor, l.place, l.source") + " ORDER BY severity, target, l.source",
	},
	{
		Name: "redirects", Key: 2, Severity: Warning, Title: "Redirects in chains or circles, to errors, or meant for a while",
		Why: "Each hop costs time, and what ends in an error or nowhere loses the reader.", Fix: "Link to the end of the chain; use 301 or 308 for what stays moved.",
		SQL: "SELECT source, CASE WHEN loop THEN 'circle' WHEN final_status >= 400 THEN 'to an error' WHEN hops > 1 THEN 'chain' ELSE 'for a while' END AS problem,\n" +
			"kind, hops, final, final_status, inlinks FROM redirects\nWHERE loop OR hops > 1 OR final_status >= 400 OR kind IN (302, 303, 307) ORDER BY problem, inlinks DESC, source",
	},
	{
		Name: "slow", Severity: Warning, Title: "Pages that take more than a second to begin",
		Why: "Readers leave, and search engines crawl less.", Fix: "Cache the page, or find what it waits for.",
		SQL: "SELECT url, ttfb_ms, took_ms, size, inlinks FROM pages WHERE ttfb_ms > 1000 ORDER BY ttfb_ms DESC",
	},
	{
		Name: "blocked", Cheap: true, Severity: Warning, Title: "Pages that the server refused us",
		Why: "They were not seen: the crawl is not whole.", Fix: "Allow the crawler, give it --auth, or crawl slower (--rate).",
		SQL: "SELECT url, status, inlinks, found_on FROM pages WHERE class = 'blocked' ORDER BY inlinks DESC, url",
	},
	{
		Name: "titles", Key: 2, Severity: Warning, Title: "Titles that are missing, too short or too long",
		Why: "The title is what a search result shows: about 60 characters of it.", Fix: "Write one of 10 to 60 characters that says what the page is about.",
		SQL: "SELECT url, CASE WHEN title = '' THEN 'missing' WHEN width(title) < 10 THEN 'short' ELSE 'long' END AS problem, width(title) AS width, title FROM pages\n" +
			"WHERE indexable AND width(title) NOT BETWEEN 10 AND 60 ORDER BY problem, url",
	},
	{
		Name: "descriptions", Key: 2, Severity: Notice, Title: "Descriptions that are missing or too long",
		Why: "A search result shows about 160 characters of it, or a piece of the page.", Fix: "Write one of up to 160 characters.",
		SQL: "SELECT url, CASE WHEN description = '' THEN 'missing' ELSE 'long' END AS problem, width(description) AS width, description FROM pages\n" +
			"WHERE indexable AND width(description) NOT BETWEEN 1 AND 160 ORDER BY problem, url",
	},
	{
		Name: "headings", Severity: Notice, Title: "Pages without an h1",
		Why: "Readers and screen readers look there for what the page is about.", Fix: "Give the page one h1.",
		SQL: "SELECT url, title FROM pages WHERE indexable AND h1 = '' ORDER BY url",
	},
	{
		Name: "duplicates", Severity: Warning, Kinds: []string{"title", "description", "h1", "exact", "near"}, Title: "Pages with the same title, description, h1 or text, or nearly the same text",
		Why: "Search engines choose one of them, and not always the one you would.", Fix: "Make them different, or name one as canonical. Of a group with nearly the same text: SELECT * FROM alike.",
		SQL: "WITH p AS MATERIALIZED (SELECT url, title, description, h1, text_hash FROM pages WHERE indexable)\n" +
			"SELECT 'title: ' || title AS same, count(*) AS pages, min(url) AS example, 'title' AS kind FROM p WHERE title <> '' GROUP BY title HAVING pages > 1\n" +
			"UNION ALL SELECT 'description: ' || description, count(*) AS pages, min(url), 'description' FROM p WHERE description <> '' GROUP BY description HAVING pages > 1\n" +
			"UNION ALL SELECT 'h1: ' || h1, count(*) AS pages, min(url), 'h1' FROM p WHERE h1 <> '' GROUP BY h1 HAVING pages > 1\n" +
			"UNION ALL SELECT 'text: ' || text_hash, count(*) AS pages, min(url), 'exact' FROM p WHERE text_hash <> '' GROUP BY text_hash HAVING pages > 1\n" +
			"UNION ALL SELECT 'near: ' || alike_to, count(*) + 1, alike_to, 'near' FROM alike GROUP BY alike_to",
	},
	{
		Name: "thin", Severity: Notice, Title: "Pages with fewer than 100 words",
		Why: "There is little to find on them.", Fix: "Write more, or keep them from search engines.",
		SQL: "SELECT url, words, title, inlinks FROM pages WHERE indexable AND words < 100 ORDER BY words, url",
	},
	{
		Name: "canonicals", Key: 2, Severity: Warning, Title: "Canonical addresses that do not hold",
		Why: "A canonical address that is no page of its own is not heeded.", Fix: "Name a page that answers 200, may be listed and names itself; name one only.",
		SQL: "SELECT p.url, CASE WHEN p.canonicals > 1 THEN 'several' WHEN c.url IS NULL THEN 'not crawled' WHEN c.status <> 200 THEN 'no page' ELSE 'not itself canonical' END AS problem,\n" +
			"p.canonical, c.status, c.why_not FROM pages p LEFT JOIN pages c ON c.url = p.canonical\n" +
			"WHERE p.kind = 'page' AND p.status = 200 AND p.canonical <> '' AND (p.canonicals > 1 OR p.canonical <> p.url) AND (p.canonicals > 1 OR p.canonical <> p.url AND (c.url IS NULL OR NOT c.indexable)) ORDER BY problem, p.url",
	},
	{
		Name: "indexability", Key: 2, Severity: Notice, Others: Critical, Title: "Pages that search engines may not list, and why",
		Why: "What is not listed is not found; some of it may not be meant so.", Fix: "Take away the directive where the page is to be found.",
		SQL: "SELECT url, why_not, CASE WHEN prev_indexable THEN 'was listed in the run before' ELSE '' END AS note, inlinks,\n" +
			"CASE WHEN prev_indexable AND why_not = 'noindex' THEN 'critical' ELSE 'notice' END AS severity FROM pages\n" +
			"WHERE kind = 'page' AND status = 200 AND type = 'html' AND NOT indexable ORDER BY note DESC, why_not, url",
	},
	{
		Name: "robots", Severity: Notice, Title: "URLs that robots.txt keeps crawlers from",
		Why: "Search engines do not see them either.", Fix: "See that none of them is to be found: crawl explain URL.",
		SQL: "SELECT url, rule, count AS inlinks, found_on FROM skipped WHERE reason = 'robots' ORDER BY inlinks DESC, url",
	},
	{
		Name: "hreflang", Key: 3, Severity: Warning, Title: "Language versions that do not name each other, or are no page",
		Why: "Without a link back the versions are not taken for versions of each other.", Fix: "Name all versions on all of them, each by its final address.",
		SQL: "WITH h AS MATERIALIZED (SELECT p.url, e.value ->> 'lang' AS lang, e.value ->> 'url' AS target FROM pages p, json_each(p.hreflang) e WHERE p.hreflang <> '[]')\n" +
			"SELECT h.url, h.lang, h.target, CASE WHEN t.url IS NULL THEN 'not crawled' WHEN t.status <> 200 THEN 'no page' ELSE 'no link back' END AS problem, t.status\n" +
			"FROM h LEFT JOIN pages t ON t.url = h.target\n" +
			"WHERE h.target <> h.url AND (t.url IS NULL OR t.status <> 200 OR NOT EXISTS (SELECT 1 FROM h b WHERE b.url = h.target AND b.target = h.url)) ORDER BY problem, h.url",
	},
	{
		Name: "pagination", Severity: Notice, Title: "Pages of a series whose neighbour is no page",
		Why: "The rest of the series may not be found.", Fix: "Correct rel=next and rel=prev.",
		SQL: "SELECT p.url, p.next, n.status AS next_status, p.prev, b.status AS prev_status FROM pages p LEFT JOIN pages n ON n.url = p.next LEFT JOIN pages b ON b.url = p.prev\n" +
			"WHERE p.kind = 'page' AND (p.next <> '' OR p.prev <> '') AND (p.next <> '' AND ifnull(n.status, 0) <> 200 OR p.prev <> '' AND ifnull(b.status, 0) <> 200) ORDER BY p.url",
	},
	{
		Name: "sitemap", Key: 2, Severity: Warning, Title: "Sitemaps against the site",
		Why: "A sitemap that names what is no page, or tells a time before the page's last change, is trusted less; one that lacks pages hides them.",
		Fix: "Name the pages that may be listed, by their final address, and no others; tell when they changed, or no time at all.",
		SQL: "SELECT url, CASE WHEN in_sitemap AND status <> 200 THEN 'named, no page' WHEN in_sitemap AND NOT indexable THEN 'named, not to be listed' ELSE 'not named' END AS problem, status, why_not, inlinks, '' AS lastmod, '' AS changed FROM pages\n" +
			"WHERE kind = 'page' AND (in_sitemap AND NOT indexable OR indexable AND NOT in_sitemap AND host IN (SELECT host FROM sitemaps WHERE status = 200))\n" +
			staleEntries + " ORDER BY problem, url",
	},
	{
		Name: "orphans", Severity: Warning, Title: "Pages that no page links to",
		Why: "Readers cannot get there, and search engines think little of them.", Fix: "Link to them from where they belong, or give them up.",
		SQL: "SELECT url, title, in_sitemap FROM pages WHERE indexable AND inlinks = 0 AND in_sitemap ORDER BY url",
	},
	{
		Name: "deep", Severity: Notice, Title: "Pages more than four clicks away",
		Why: "The farther a page, the less it is read and crawled.", Fix: "Link to the important ones from nearer pages.",
		SQL: "SELECT url, depth, inlinks, title FROM pages WHERE indexable AND depth > 4 ORDER BY depth DESC, url",
	},
	{
		Name: "dead-ends", Severity: Notice, Title: "Pages without a link",
		Why: "From there readers have to go back.", Fix: "Add navigation.",
		SQL: "SELECT url, title, inlinks FROM pages WHERE indexable AND outlinks = 0 ORDER BY inlinks DESC, url",
	},
	{
		Name: "anchors", Severity: Notice, Title: "The same words that lead to different pages",
		Why: "Neither readers nor search engines can tell the pages apart by them.", Fix: "Say in the link what the page is about.",
		SQL: "SELECT anchor, count(DISTINCT target_url) AS pages, count(*) AS links, min(target) AS example, min(source) AS on_page FROM links\n" +
			"WHERE internal AND element = 'a' AND anchor <> '' AND source_indexable GROUP BY anchor, source_host HAVING pages > 1 ORDER BY pages DESC, anchor",
	},
	{
		Name: "images", Key: 2, Severity: Notice, Others: Warning, Title: "Images without a text, or of more than 500 kB",
		Why: "Who cannot see an image learns nothing of it without a text; a heavy one keeps readers waiting.", Fix: "Give each image an alt; scale and compress those that are heavy.",
		SQL: "SELECT target, problem, count(*) AS pages, min(source) AS example, max(target_final_size) AS bytes, CASE problem WHEN 'heavy' THEN 'warning' ELSE 'notice' END AS severity\n" +
			images + " GROUP BY target, problem ORDER BY problem, pages DESC, target",
		Unfolded: "SELECT target, problem, source, target_final_size AS bytes " + images + " ORDER BY problem, target, source",
	},
	{
		Name: "mixed-content", Key: 2, Severity: Critical, Title: "Pages of https that show something by http",
		Why: "Browsers do not load it, or call the page not secure.", Fix: "Ask for it by https.",
		SQL:      "SELECT target, element, count(*) AS pages, min(source) AS example FROM links WHERE asset AND target LIKE 'http:%' AND source LIKE 'https:%' GROUP BY target, element ORDER BY pages DESC, target",
		Unfolded: "SELECT target, element, source FROM links WHERE asset AND target LIKE 'http:%' AND source LIKE 'https:%' ORDER BY target, source",
	},
	{
		Name: "security-headers", Key: 2, Severity: Notice, Title: "Seeds that lack a header which keeps visitors safe",
		Why: "Browsers protect readers only if they are told to.", Fix: "Send the header from every page.",
		SQL: "WITH wanted(name) AS (VALUES ('Strict-Transport-Security'), ('Content-Security-Policy'), ('X-Content-Type-Options'), ('Referrer-Policy'))\n" +
			"SELECT p.url, w.name AS missing FROM pages p, wanted w\n" +
			"WHERE p.depth = 0 AND p.kind = 'page' AND p.status = 200 AND (w.name <> 'Strict-Transport-Security' OR p.url LIKE 'https:%')\n" +
			"AND EXISTS (SELECT 1 FROM headers h WHERE h.url = p.url) AND NOT EXISTS (SELECT 1 FROM headers h WHERE h.url = p.url AND h.name = w.name) ORDER BY p.url, w.name",
	},
	{
		Name: "structured-data", Key: 2, Severity: Warning, Title: "JSON-LD that nobody can use",
		Why: "Search engines take prices, dates and ratings from it, and pass over what is no JSON or does not say what it is.", Fix: "Make it whole JSON with @context and @type at its top: crawl fetch URL shows what was read.",
		SQL: "SELECT url, json_ld_fault AS problem, title, inlinks FROM pages WHERE indexable AND json_ld_fault <> '' ORDER BY problem, url",
	},
	{
		Name: "types", Finds: none, Severity: Notice, Title: "What kinds of files there are, and how large",
		Why: "What should not be there is seen at a glance.", Fix: "Look at the largest: crawl query pages --sort -size.",
		SQL: "SELECT mime, type, count(*) AS urls, sum(size) AS bytes, max(size) AS largest FROM pages WHERE kind <> 'sitemap' AND status = 200 GROUP BY mime, type ORDER BY urls DESC",
	},
	{
		Name: "hosts", Cheap: true, Finds: "given_up <> ''", Severity: Notice, Title: "The hosts, and how they took the crawl",
		Why: "A host that pushes back or fails was not crawled whole.", Fix: "Take a lower --rate, or talk to its owner.",
		SQL: "SELECT origin, done, latency_ms, push_backs, fails, given_up, robots_status FROM hosts WHERE NOT external ORDER BY done DESC, origin",
	},
	{
		Name: "skipped", Finds: none, Severity: Notice, Title: "What was not fetched, by rule",
		Why: "What is not seen is not audited.", Fix: "Change the rule; crawl explain URL says more of one.",
		SQL:      "SELECT reason || ' ' || rule AS why, reason, rule, count(*) AS urls, min(url) AS example FROM skipped GROUP BY reason, rule ORDER BY urls DESC",
		Unfolded: "SELECT url, reason, rule, found_on, count FROM skipped ORDER BY reason, rule, url",
	},
	{
		Name: "traps", Severity: Warning, Title: "Addresses without end",
		Why: "Calendars and facets keep search engines from your pages.", Fix: "Exclude them in robots.txt, or link to them with nofollow.",
		SQL: "SELECT rule, count(*) AS urls, min(url) AS example FROM skipped WHERE reason = 'trap' GROUP BY rule ORDER BY urls DESC",
	},
	{
		Name: "changes", Finds: none, Severity: Notice, Title: "What is not as it was in the run before",
		Why: "Changes that nobody meant are found early.", Fix: "Look at one over time: crawl page URL.",
		SQL: "SELECT url, kind, before, after FROM changes ORDER BY kind, url",
	},
	{
		Name: "new", Finds: none, Severity: Notice, Title: "URLs that the run before did not have",
		Why: "What was published, or should not have been.", Fix: "See where they are linked: crawl page URL.",
		SQL: "SELECT url, after AS status, title, found_on FROM changes WHERE kind = 'new' ORDER BY url",
	},
	{
		Name: "gone", Severity: Warning, Title: "Pages that the run before had and this one has not",
		Why: "Links from elsewhere lead nowhere now.", Fix: "Redirect them to what took their place.",
		SQL: "SELECT url, before AS was, after AS now, inlinks FROM changes WHERE kind = 'gone' ORDER BY inlinks DESC, url",
	},
	{
		Name: "moved", Key: 2, Severity: Notice, Title: "Pages with the same text at a new address",
		Why: "A move without a redirect loses what the old address was worth.", Fix: "Redirect the old address to the new one.",
		SQL: "WITH old AS MATERIALIZED (SELECT b.url, b.text_hash FROM pages b LEFT JOIN pages p ON p.url = b.url AND p.run = $run WHERE b.run = $base AND b.status = 200 AND b.text_hash <> '' AND ifnull(p.status, 0) <> 200),\n" +
			"new AS MATERIALIZED (SELECT p.url, p.text_hash FROM pages p WHERE p.status = 200 AND p.text_hash <> '' AND p.prev_status IS NULL)\n" +
			"SELECT old.url AS before, new.url AS after, r.status AS answers_now, r.redirect FROM old JOIN new USING (text_hash) LEFT JOIN pages r ON r.url = old.url ORDER BY 1, 2",
	},
}
