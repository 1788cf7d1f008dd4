package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"crawl/crawler"
	"crawl/frontier"
	"crawl/internal/query"
	"crawl/store"
)

// summary is a run as --json and `show --json` tell it.
type summary struct {
	Type    string            `json:"type"`
	Run     string            `json:"run"`
	Site    string            `json:"site"`
	State   string            `json:"state"`
	Why     string            `json:"why,omitempty"`
	Exit    int               `json:"exit"`
	Seeds   []string          `json:"seeds"`
	Started time.Time         `json:"started"`
	Ended   time.Time         `json:"ended"`
	Took    float64           `json:"took_s"`
	Found   uint64            `json:"found"`
	Queued  uint64            `json:"queued"`
	Done    uint64            `json:"done"`
	Failed  uint64            `json:"failed"`
	Skipped map[string]uint64 `json:"skipped"`
	Status  map[string]uint64 `json:"answers"`
	Extern  uint64            `json:"external,omitempty"`
	Same    uint64            `json:"unchanged"`
	Cached  uint64            `json:"cached"` // of these, taken over unasked
	Bytes   uint64            `json:"received_bytes"`
	Stored  uint64            `json:"stored_bytes"`
	Fields  coverage          `json:"fields,omitempty"`
	Durable string            `json:"durability"`
	Limited *limitedBy        `json:"limited_by,omitempty"`
	Changes *changesLine      `json:"changes,omitempty"`

	Baseline string          `json:"baseline,omitempty"`
	Findings []findingsCount `json:"findings,omitempty"`
	Unmuted  []string        `json:"unmuted,omitempty"`
	Gate     *gateResult     `json:"gate,omitempty"`
}

// findingsCount is how many findings of a kind there are.
type findingsCount struct {
	Kind     string `json:"kind"`
	Severity string `json:"severity"`
	Now      uint64 `json:"now"`
	New      uint64 `json:"new"`
	Fixed    uint64 `json:"fixed"`
	Muted    uint64 `json:"muted,omitempty"`
}

// gateResult is how a run was held to its gate.
type gateResult struct {
	Rule   string `json:"rule"`
	Failed bool   `json:"failed"`
	Rows   uint64 `json:"rows"`
	Text   string `json:"text,omitempty"`
}

// newSummary tells of a run; base is the one that it is held against, or nil.
func newSummary(run, base *store.Run, code int) summary {
	c, s := run.Counts, settingsOf(run)
	sum := summary{
		Type: "summary", Run: runName(run), Site: run.Site, State: run.State, Why: run.Why, Exit: code, Seeds: run.Seeds,
		Started: run.Started.UTC(), Ended: run.Ended.UTC(), Took: time.Duration(run.Active).Seconds(),
		Found: c.Found, Queued: c.Queued, Done: c.Done, Failed: c.Failed, Skipped: c.Skipped,
		Status: map[string]uint64{"2xx": c.Status[2], "3xx": c.Status[3], "4xx": c.Status[4], "5xx": c.Status[5], "none": c.Status[0]},
		Extern: c.External, Same: c.Unchanged, Cached: c.Cached, Bytes: c.Received, Stored: c.Stored, Fields: c.Fields, Durable: s.Durability, Limited: newLimitedBy(run.Load, &s), Changes: newChangesLine(run),
	}
	if base != nil {
		sum.Baseline = runName(base)
	}
	sum.Unmuted = run.Unmuted
	for _, n := range run.Findings {
		sum.Findings = append(sum.Findings, findingsCount(n))
	}
	if g := run.Gate; g != nil {
		sum.Gate = &gateResult{g.Rule, g.Rows > 0, g.Rows, g.Says}
	}
	return sum
}

// printSummary writes the end of a run for people; base is the one that it is
// held against, or nil.
func printSummary(w io.Writer, run, base *store.Run, code int) {
	c := run.Counts
	fmt.Fprintf(w, "\n%s run %d: %s\n", plain(run.Site), run.Number, endText(run))
	if base != nil {
		fmt.Fprintf(w, "  against %s of %s\n", plain(runName(base)), base.Started.Local().Format("2 Jan 2006 15:04"))
	}
	answers := countLines(run, base)
	var skips [][2]string
	reasons := slices.SortedFunc(maps.Keys(c.Skipped), func(a, b string) int {
		return cmp.Or(cmp.Compare(c.Skipped[b], c.Skipped[a]), cmp.Compare(a, b))
	})
	for _, reason := range reasons {
		skips = append(skips, [2]string{reasonText(reason), grouped(c.Skipped[reason])})
	}
	fmt.Fprintf(w, "\n  %s    %s\n", answers[0], "NOT FETCHED")
	answers = answers[1:]
	for i := range max(len(answers), len(skips)) {
		left, right := "", ""
		if i < len(answers) {
			left = answers[i]
		}
		if i < len(skips) {
			right = fmt.Sprintf("%-34s %9s", skips[i][0], skips[i][1])
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %-*s    %s", len(answers[0]), left, right), " "))
	}
	printFindings(w, run, base)
	fmt.Fprintf(w, "\n  FOUND    %s = %s done + %s failed + %s queued + %s skipped\n", grouped(c.Found), grouped(c.Done), grouped(c.Failed), grouped(c.Queued), grouped(c.Found-c.Done-c.Failed-c.Queued))
	fmt.Fprintf(w, "  STORED   +%s (%s received, %s pages unchanged)\n", bytesText(c.Stored), bytesText(c.Received), grouped(c.Unchanged))
	if c.Cached > 0 {
		fmt.Fprintf(w, "  CACHED   %s pages taken over, still fresh: not asked for (--cache fresh)\n", grouped(c.Cached))
	}
	if run.Changes != nil {
		fmt.Fprintf(w, "  CHANGES  %s\n", changesText(run.Changes))
	}
	s := settingsOf(run)
	if l := newLimitedBy(run.Load, &s); l != nil {
		fmt.Fprintf(w, "  SPEED    %.3g URLs/s, limited by %s\n", float64(c.Done+c.Failed)/time.Duration(run.Active).Seconds(), l.Text)
	}
	if s.unsynced() {
		fmt.Fprintf(w, "  DURABLE  against kill -9; a power cut while it ran may have damaged the store (--durability process)\n")
	}
	if c.PushBacks > 0 {
		fmt.Fprintf(w, "  MANNERS  hosts asked for less %s times\n", grouped(c.PushBacks))
	}
	printCoverage(w, c.Fields)
	fmt.Fprintf(w, "  next     %s\n", nextCommands(run))
	if g := run.Gate; g != nil && g.Rows > 0 {
		fmt.Fprintf(w, "  %s: %s\n", painted(w, red, "gate failed"), plain(g.Says))
	}
	if code != exitDone {
		fmt.Fprintf(w, "  exit     %d\n", code)
	}
}

// countLines counts a run's answers below a heading, beside those of the run
// that it is held against.
func countLines(run, base *store.Run) []string {
	line := func(name, now, was, delta string) string {
		if base == nil {
			return fmt.Sprintf("%-10s %9s", name, now)
		}
		return fmt.Sprintf("%-10s %9s %9s %8s", name, now, was, delta)
	}
	now, was := run.Counts, store.Counts{}
	if base != nil {
		was = base.Counts
	}
	lines := []string{line("ANSWERS", "NOW", "WAS", "")}
	count := func(name string, now, was uint64) {
		lines = append(lines, line(name, grouped(now), grouped(was), deltaText(now, was)))
	}
	for class, name := range []string{2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"} {
		if name != "" {
			count(name, now.Status[class], was.Status[class])
		}
	}
	count("no answer", now.Status[0], was.Status[0])
	if n, before := sitemapCount(&now), sitemapCount(&was); n+before > 0 {
		count("sitemaps", n, before)
	}
	if now.External+was.External > 0 {
		count("external", now.External, was.External)
	}
	return lines
}

// deltaText is a difference with its sign; nothing if there is none.
func deltaText(now, was uint64) string {
	switch {
	case now > was:
		return "+" + grouped(now-was)
	case now < was:
		return "-" + grouped(was-now)
	}
	return ""
}

// printFindings says what of the run is wrong, as far as that was counted, each
// with the command that says more.
func printFindings(w io.Writer, run, base *store.Run) {
	if run.Findings == nil {
		return
	}
	name, muted := shellWord(plain(runName(run))), uint64(0)
	fmt.Fprintf(w, "\n  %-46s %9s", "FINDINGS", "NOW")
	if base != nil {
		fmt.Fprintf(w, " %9s %9s", "NEW", "FIXED")
	}
	fmt.Fprintln(w)
	for _, n := range run.Findings {
		r, err := findReport(n.Kind, query.FieldNames(run))
		if err != nil { // of another version of this program
			continue
		}
		fmt.Fprintf(w, "  %s  %-36s %9s", painted(w, severityColours[n.Severity], padded(plain(n.Severity), 8)), r.Title, grouped(n.Now))
		if base != nil {
			fmt.Fprintf(w, " %9s %9s", grouped(n.New), grouped(n.Fixed))
		}
		fmt.Fprintf(w, "    crawl report %s %s\n", r.Name, name)
		muted += n.Muted
	}
	if muted > 0 {
		fmt.Fprintf(w, "  %s muted: crawl report NAME %s --muted\n", grouped(muted), name)
	}
	for _, m := range run.Unmuted {
		fmt.Fprintf(w, "  muted no more: %s\n", plain(m))
	}
	fmt.Fprintf(w, "  titles, duplicates, canonicals, sitemaps and the rest: crawl report %s\n", name)
}

// settingsOf are the settings that a run was begun with; the defaults if they
// cannot be read.
func settingsOf(run *store.Run) Settings {
	s, _, err := storedSettings(run)
	if err != nil {
		return defaultSettings()
	}
	return s
}

// endText says how a run ended, how long it took and how far it came.
func endText(run *store.Run) string {
	size := fmt.Sprintf(" in %s, %s URLs", elapsed(time.Duration(run.Active)), grouped(run.Counts.Done+run.Counts.Failed))
	switch run.State {
	case store.Complete:
		return "complete (queue empty)" + size
	case store.Partial:
		return "partial (ended by " + plain(run.Why) + ")" + size
	case store.Interrupted:
		return "interrupted (state saved)" + size
	case store.Empty:
		return "nothing crawled" + size + "\n  " + plain(run.Why)
	case store.Running:
		if run.Why != "" {
			return "running (" + plain(run.Why) + ")" + size
		}
		return "unfinished (it was cut off)" + size
	}
	return plain(run.State) + size
}

// nextCommands are what a user may want to type next.
func nextCommands(run *store.Run) string {
	site := shellWord(plain(run.Site))
	switch {
	case run.State == store.Running && run.Why != "":
		return "crawl status     crawl stop " + shellWord(plain(runName(run)))
	case resumable(run):
		return "crawl resume " + shellWord(plain(runName(run)))
	case run.State == store.Empty && len(run.Counts.Skipped) > 0:
		return "crawl export " + site + " --table skipped"
	case run.State == store.Empty:
		return "crawl export " + site
	}
	if n := run.Changes; n != nil && n.Changed+uint64(len(n.Kinds)) > 0 {
		return fmt.Sprintf("crawl diff %[1]s     crawl export %[1]s -f csv -o pages.csv", site)
	}
	return fmt.Sprintf("crawl show %[1]s     crawl export %[1]s -f csv -o pages.csv", site)
}

// shellWord quotes a word that a shell would not leave alone, such as the
// brackets of an IPv6 address.
func shellWord(s string) string {
	if strings.ContainsAny(s, "[]*?'\"\\ ") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

// sitemapCount is how many of the URLs done were sitemaps, which have no place
// among the answers.
func sitemapCount(c *store.Counts) uint64 {
	visits := c.Done + c.Failed
	visits -= min(c.External, visits)
	for _, n := range c.Status {
		visits -= min(n, visits)
	}
	return visits
}

// reasonText says a reason for skipping in words.
func reasonText(reason string) string {
	if text, ok := reasonTexts[reason]; ok {
		return text
	}
	return plain(reason)
}

var reasonTexts = map[string]string{
	string(crawler.ReasonScope):             "outside scope",
	string(crawler.ReasonExcluded):          "by your rules",
	string(crawler.ReasonDepth):             "too many clicks away",
	string(crawler.ReasonRobots):            "robots.txt",
	string(crawler.ReasonNoFollow):          "nofollow",
	string(crawler.ReasonForm):              "forms, not filled in",
	string(crawler.ReasonAsset):             "images, styles, scripts",
	string(crawler.ReasonRedirects):         "too many redirects",
	string(crawler.ReasonTrap):              "traps: endless paths or queries",
	string(crawler.ReasonTooLong):           "address too long",
	string(crawler.ReasonPort):              "blocked port",
	string(crawler.ReasonRobotsFile):        "robots.txt itself",
	string(crawler.ReasonSitemaps):          "too many sitemaps",
	string(crawler.ReasonUnreachable):       "host unreachable",
	string(crawler.ReasonPrivate):           "private (--allow-private)",
	string(crawler.ReasonRobotsUnreachable): "robots.txt unreachable",
	string(crawler.ReasonPushedBack):        "host asked for less",
	string(crawler.ReasonMaxPages):          "limit: max-pages",
	string(frontier.ReasonPagesPerHost):     "limit: max-pages-per-host",
	string(frontier.ReasonHosts):            "limit: max-hosts",
	string(crawler.ReasonMaxTime):           "limit: max-time",
	string(crawler.ReasonMaxBytes):          "limit: max-bytes",
	string(crawler.ReasonUnverified):        "links out, not to be checked",
	reasonSeeds:                             "not among the seeds",
	reasonSitemap:                           "by what is read of sitemaps",
}
