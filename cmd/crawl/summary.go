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
	Same    uint64            `json:"unchanged"`
	Bytes   uint64            `json:"received_bytes"`
	Stored  uint64            `json:"stored_bytes"`
	Fields  coverage          `json:"fields,omitempty"`
	Durable string            `json:"durability"`
	Limited *limitedBy        `json:"limited_by,omitempty"`
	Changes *changesLine      `json:"changes,omitempty"`
}

func newSummary(run *store.Run, code int) summary {
	c, s := run.Counts, settingsOf(run)
	return summary{
		Type: "summary", Run: runName(run), Site: run.Site, State: run.State, Why: run.Why, Exit: code, Seeds: run.Seeds,
		Started: run.Started.UTC(), Ended: run.Ended.UTC(), Took: time.Duration(run.Active).Seconds(),
		Found: c.Found, Queued: c.Queued, Done: c.Done, Failed: c.Failed, Skipped: c.Skipped,
		Status: map[string]uint64{"2xx": c.Status[2], "3xx": c.Status[3], "4xx": c.Status[4], "5xx": c.Status[5], "none": c.Status[0]},
		Same:   c.Unchanged, Bytes: c.Received, Stored: c.Stored, Fields: c.Fields, Durable: s.Durability, Limited: newLimitedBy(run.Load, &s), Changes: newChangesLine(run),
	}
}

// printSummary writes the end of a run for people.
func printSummary(w io.Writer, run *store.Run, code int) {
	c := run.Counts
	fmt.Fprintf(w, "\n%s run %d: %s\n", plain(run.Site), run.Number, endText(run))
	answers := [][2]string{
		{"2xx", grouped(c.Status[2])},
		{"3xx", grouped(c.Status[3])},
		{"4xx", grouped(c.Status[4])},
		{"5xx", grouped(c.Status[5])},
		{"no answer", grouped(c.Status[0])},
	}
	if n := sitemapCount(&c); n > 0 {
		answers = append(answers, [2]string{"sitemaps", grouped(n)})
	}
	var skips [][2]string
	reasons := slices.SortedFunc(maps.Keys(c.Skipped), func(a, b string) int {
		return cmp.Or(cmp.Compare(c.Skipped[b], c.Skipped[a]), cmp.Compare(a, b))
	})
	for _, reason := range reasons {
		skips = append(skips, [2]string{reasonText(reason), grouped(c.Skipped[reason])})
	}
	fmt.Fprintf(w, "\n  %-24s %s\n", "ANSWERS", "NOT FETCHED")
	for i := range max(len(answers), len(skips)) {
		left, right := "", ""
		if i < len(answers) {
			left = fmt.Sprintf("%-10s %9s", answers[i][0], answers[i][1])
		}
		if i < len(skips) {
			right = fmt.Sprintf("%-34s %9s", skips[i][0], skips[i][1])
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %-24s %s", left, right), " "))
	}
	fmt.Fprintf(w, "\n  FOUND    %s = %s done + %s failed + %s queued + %s skipped\n", grouped(c.Found), grouped(c.Done), grouped(c.Failed), grouped(c.Queued), grouped(c.Found-c.Done-c.Failed-c.Queued))
	fmt.Fprintf(w, "  STORED   +%s (%s received, %s pages unchanged)\n", bytesText(c.Stored), bytesText(c.Received), grouped(c.Unchanged))
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
	if code != exitDone {
		fmt.Fprintf(w, "  exit     %d\n", code)
	}
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
	reasonSeeds:                             "not among the seeds",
	reasonSitemap:                           "by what is read of sitemaps",
}
