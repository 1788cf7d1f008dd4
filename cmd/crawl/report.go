package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"crawl/crawler"
	"crawl/store"
)

// lineEvery is how often a run says how far it got.
const lineEvery = 10 * time.Second

// reporter tells of a run: data as JSON lines on out if asked, talk on talk.
type reporter struct {
	s    *Settings
	talk io.Writer
	stop func() // ends the run: nobody reads out any more

	mu  sync.Mutex // guards out and what is written to talk
	out *bufio.Writer
	err error // of the first write to out that failed
	run *store.Run
}

func newReporter(out, talk io.Writer, s *Settings, stop func()) *reporter {
	return &reporter{s: s, talk: talk, stop: stop, out: bufio.NewWriter(out)}
}

// say writes one line of talk for people.
func (r *reporter) say(format string, args ...any) {
	if r.s.Quiet || r.s.Progress == "json" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.talk, format+"\n", args...)
}

// tell writes one line of talk for programs.
func (r *reporter) tell(line any) {
	raw, err := json.Marshal(line)
	if r.s.Quiet || r.s.Progress != "json" || err != nil { // our own types always can be written
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.talk, "%s\n", raw)
}

// write puts one JSON line on out.
func (r *reporter) write(line any) {
	raw, err := json.Marshal(line)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && r.err == nil {
		_, err = r.out.Write(append(raw, '\n'))
	}
	if err == nil && r.err == nil {
		err = r.out.Flush()
	}
	if err != nil && r.err == nil {
		r.err = err
		r.stop()
	}
}

// event tells of one thing that happened.
func (r *reporter) event(e crawler.Event) {
	switch {
	case e.Notice != "":
		r.say("note: %s", plain(e.Notice))
		r.tell(noteLine{"note", runName(r.run), e.Notice})
	case e.Page != nil:
		r.page(e.Page)
	case e.Skip != nil && r.s.JSON:
		r.write(struct {
			Type string `json:"type"`
			Run  string `json:"run"`
			skipRow
		}{"skip", runName(e.Run), newSkipRow(e.Run, e.Skip, 0)})
	}
}

func (r *reporter) page(p *store.Page) {
	row := newPageRow(r.run, p, nil)
	if r.s.JSON {
		r.write(struct {
			Type string `json:"type"`
			*pageRow
		}{"page", row})
		if row.Class == "broken" || row.Class == "server" || row.Class == "timeout" || row.Class == "blocked" || p.Fault != "" {
			r.write(errorLine{"error", runName(r.run), row.URL, row.Class, p.Status, cmp.Or(p.FaultText, ""), p.From})
		}
	}
	if r.s.Verbose > 0 {
		text := fmt.Sprint(p.Status)
		if p.Fault != "" {
			text = p.Fault
		}
		r.say("%s  %-5s %s", time.Now().Format(time.TimeOnly), text, plain(row.URL))
	}
}

type noteLine struct {
	Type string `json:"type"`
	Run  string `json:"run"`
	Text string `json:"text"`
}

type errorLine struct {
	Type   string `json:"type"`
	Run    string `json:"run"`
	URL    string `json:"url"`
	Class  string `json:"class"`
	Status int    `json:"status"`
	Fault  string `json:"fault,omitempty"`
	From   string `json:"from,omitempty"`
}

// begin says what is crawled and starts the progress lines. The function
// returned ends them.
func (r *reporter) begin(run *store.Run, progress func() crawler.Progress) (ended func()) {
	r.run = run
	again := ""
	if run.Sessions > 1 {
		again = " · resumed"
	}
	r.say("%s · run %d%s · %s · scope %s · ^C stops, resumable", plain(run.Site), run.Number, again, plain(strings.Join(run.Seeds[:min(3, len(run.Seeds))], " ")), r.s.Scope)
	done, gone := make(chan struct{}), make(chan struct{})
	began := time.Now().Add(-time.Duration(run.Active))
	go func() {
		defer close(gone)
		every := time.NewTicker(lineEvery)
		defer every.Stop()
		last := crawler.Progress{}
		for {
			select {
			case <-every.C:
				now := progress()
				r.status(now, last, time.Since(began))
				last = now
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-gone
	}
}

// statusLine has the numbers of a progress line.
type statusLine struct {
	Type     string    `json:"type"`
	Run      string    `json:"run"`
	T        time.Time `json:"t"`
	Fetched  uint64    `json:"fetched"`
	Queued   uint64    `json:"queued"`
	Skipped  uint64    `json:"skipped"`
	Found    uint64    `json:"found"`
	Rate     float64   `json:"rate"`
	Status2  uint64    `json:"2xx"`
	Status3  uint64    `json:"3xx"`
	Status4  uint64    `json:"4xx"`
	Status5  uint64    `json:"5xx"`
	NoAnswer uint64    `json:"none"`
}

func (r *reporter) status(p, last crawler.Progress, since time.Duration) {
	s := statusLine{
		Type: "status", Run: runName(r.run), T: time.Now().UTC().Truncate(time.Second),
		Fetched: p.Done + p.Failed, Queued: p.Queued + p.InFlight, Found: p.Found,
		Status2: p.Status[2], Status3: p.Status[3], Status4: p.Status[4], Status5: p.Status[5], NoAnswer: p.Status[0],
	}
	for _, n := range p.Skipped {
		s.Skipped += n
	}
	var visits uint64
	for i := range p.Status {
		visits += p.Status[i] - last.Status[i]
	}
	s.Rate = float64(visits*10/uint64(lineEvery/time.Second)) / 10
	if r.s.JSON {
		r.write(s)
	}
	r.tell(s)
	if r.s.Progress == "lines" {
		r.say("%02d:%02d fetched=%d queued=%d skipped=%d found=%d rate=%.1f/s 2xx=%d 3xx=%d 4xx=%d 5xx=%d none=%d",
			int(since.Minutes()), int(since.Seconds())%60, s.Fetched, s.Queued, s.Skipped, s.Found, s.Rate, s.Status2, s.Status3, s.Status4, s.Status5, s.NoAnswer)
	}
}

// end tells how the run ended.
func (r *reporter) end(run *store.Run, code int) error {
	if r.s.JSON {
		r.write(newSummary(run, code))
	}
	r.tell(newSummary(run, code))
	if !r.s.Quiet && r.s.Progress != "json" {
		r.mu.Lock()
		printSummary(r.talk, run, code)
		r.mu.Unlock()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil && !errors.Is(r.err, syscall.EPIPE) { // who reads no further wants no more
		return fmt.Errorf("write to standard output: %w", r.err)
	}
	return nil
}

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
}

func newSummary(run *store.Run, code int) summary {
	c := run.Counts
	return summary{
		Type: "summary", Run: runName(run), Site: run.Site, State: run.State, Why: run.Why, Exit: code, Seeds: run.Seeds,
		Started: run.Started.UTC(), Ended: run.Ended.UTC(), Took: time.Duration(run.Active).Seconds(),
		Found: c.Found, Queued: c.Queued, Done: c.Done, Failed: c.Failed, Skipped: c.Skipped,
		Status: map[string]uint64{"2xx": c.Status[2], "3xx": c.Status[3], "4xx": c.Status[4], "5xx": c.Status[5], "none": c.Status[0]},
		Same:   c.Unchanged, Bytes: c.Received, Stored: c.Stored,
	}
}

// printSummary writes the end of a run for people.
func printSummary(w io.Writer, run *store.Run, code int) {
	c := run.Counts
	fmt.Fprintf(w, "\n%s run %d: %s\n", plain(run.Site), run.Number, endText(run))
	answers := [][2]string{
		{"2xx", grouped(c.Status[2])}, {"3xx", grouped(c.Status[3])}, {"4xx", grouped(c.Status[4])},
		{"5xx", grouped(c.Status[5])}, {"no answer", grouped(c.Status[0])},
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
	if c.PushBacks > 0 {
		fmt.Fprintf(w, "  MANNERS  hosts asked for less %s times\n", grouped(c.PushBacks))
	}
	fmt.Fprintf(w, "  next     %s\n", nextCommands(run))
	if code != exitDone {
		fmt.Fprintf(w, "  exit     %d\n", code)
	}
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
		return "unfinished (it runs, or was cut off)" + size
	}
	return plain(run.State) + size
}

// nextCommands are what a user may want to type next.
func nextCommands(run *store.Run) string {
	site := shellWord(plain(run.Site))
	switch {
	case resumable(run):
		return "crawl resume " + shellWord(plain(runName(run)))
	case run.State == store.Empty:
		return "crawl export " + site + " --table skipped"
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
	string(crawler.ReasonAsset):             "images, styles, scripts",
	string(crawler.ReasonRedirects):         "too many redirects",
	string(crawler.ReasonTrap):              "traps: repeating path",
	string(crawler.ReasonTooLong):           "address too long",
	string(crawler.ReasonPort):              "blocked port",
	string(crawler.ReasonRobotsFile):        "robots.txt itself",
	string(crawler.ReasonSitemaps):          "too many sitemaps",
	string(crawler.ReasonUnreachable):       "host unreachable",
	string(crawler.ReasonRobotsUnreachable): "robots.txt unreachable",
	string(crawler.ReasonPushedBack):        "host asked for less",
	string(crawler.ReasonMaxPages):          "limit: max-pages",
	string(crawler.ReasonMaxTime):           "limit: max-time",
	string(crawler.ReasonMaxBytes):          "limit: max-bytes",
}
