package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"crawl/crawler"
	"crawl/frontier"
	"crawl/internal/web"
	"crawl/store"
)

// How often a terminal is painted, what goes on is measured, and hosts are
// looked at.
const (
	paintEvery   = 250 * time.Millisecond
	measureEvery = 2 * time.Second
)

// Sizes of the screen, in lines and characters. A terminal narrower than
// leastScreen, or too low for the counts, has one line.
const (
	shownHosts  = 5
	shownEvents = 4
	barWidth    = 40
	leastScreen = 60
	urlWidth    = 60 // of a URL beside where it is linked
)

// maxListedHosts is of how many hosts the busiest are looked for: they are
// counted with the queue locked.
const maxListedHosts = 2000

// sight is where a run is watched from while it goes on.
type sight struct {
	progress func() crawler.Progress // remembers what it tells, so that status can tell rates
	status   func() web.Progress
	hosts    func() ([]frontier.Host, error)
}

// liveScreen is what a terminal shows of a run that goes on.
type liveScreen struct {
	run, base *store.Run // base: what it is held against, or nil
	began     time.Time  // as if it had gone on without a break
	sight     sight

	latest, last sample // of looks at it: two of the latest three
	busiest      []frontier.Host

	mu     sync.Mutex // guards what follows
	events []string   // the last of them, the oldest first
}

// saw remembers what happened to a page or URL.
func (l *liveScreen) saw(e crawler.Event) {
	var text, at, from string
	switch {
	case e.Page != nil:
		text, at = fmt.Sprint(e.Page.Status), e.Page.URL.String()
		if e.Page.From != "" {
			from = "from " + e.Page.From
		}
		if e.Page.Fault != "" {
			text = e.Page.Fault
		}
	case e.Skip != nil && e.Skip.Reason != string(crawler.ReasonScope) && e.Skip.Reason != string(crawler.ReasonAsset):
		text, at, from = "skip", e.Skip.URL.String(), reasonText(e.Skip.Reason)
		if e.Skip.Rule != "" {
			from += " " + e.Skip.Rule
		}
	default:
		return
	}
	line := fmt.Sprintf(" %s  %-8s %s", time.Now().Format(time.TimeOnly), plain(text), cutTo(plain(at), urlWidth))
	if from != "" {
		line += "   " + plain(from)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.events = append(l.events, line); len(l.events) > shownEvents {
		l.events = l.events[1:]
	}
}

// look measures how fast the run is and which hosts have most to be asked for.
func (l *liveScreen) look() {
	p := l.sight.progress()
	l.last, l.latest = l.latest, sample{p, time.Now()}
	if l.busiest = nil; p.Hosts > maxListedHosts {
		return
	}
	hosts, err := l.sight.hosts()
	if err != nil {
		return // the run has just ended
	}
	hosts = slices.DeleteFunc(hosts, func(h frontier.Host) bool { return h.Asked.IsZero() })
	slices.SortFunc(hosts, func(a, b frontier.Host) int {
		return cmp.Or(cmp.Compare(b.Queued, a.Queued), cmp.Compare(b.Done, a.Done), cmp.Compare(a.Origin, b.Origin))
	})
	l.busiest = hosts
}

// frame is the whole screen, for a terminal of so many characters and lines; 0
// where that is not known. What finds no room is left out from below.
func (l *liveScreen) frame(width, height int) []string {
	now := l.sight.status()
	if width > 0 && width < leastScreen {
		return []string{l.line(&now)}
	}
	lines := l.counts(&now)
	if height > 0 && len(lines) >= height { // its top could not be painted over
		return []string{l.line(&now)}
	}
	l.mu.Lock()
	events := slices.Clone(l.events)
	l.mu.Unlock()
	for _, panel := range [][]string{l.hosts(), events, {" " + l.hints()}} {
		if len(panel) > 0 && (height <= 0 || len(lines)+1+len(panel) < height) {
			lines = append(append(lines, ""), panel...)
		}
	}
	return lines
}

// line is the screen in one line.
func (l *liveScreen) line(now *web.Progress) string {
	text := fmt.Sprintf("%s %d  %s%s  queue %s  %.1f/s  4xx %s  5xx %s", plain(l.run.Site), l.run.Number, grouped(now.Fetched), l.share(now), grouped(now.Queued), now.Rate, grouped(now.Status4), grouped(now.Status5))
	if eta := l.eta(now); eta != "" {
		text += "  eta " + eta
	}
	return text + pausedText(now)
}

func (l *liveScreen) counts(now *web.Progress) []string {
	fetched := fmt.Sprintf(" Fetched %9s  ", grouped(now.Fetched))
	if total := l.total(now); total > 0 {
		full := int(min(now.Fetched, total) * barWidth / total)
		fetched += strings.Repeat("━", full) + strings.Repeat("─", barWidth-full)
	}
	fetched += l.share(now)
	if eta := l.eta(now); eta != "" {
		fetched += "   eta " + eta
	}
	speed := fmt.Sprintf(" Speed   %9s  %s/s", fmt.Sprintf("%.1f/s", now.Rate), bytesText(l.bytesASecond()))
	if now.Limited != nil {
		speed += " · limited by " + now.Limited.Text
	}
	return []string{
		"",
		fetched,
		fmt.Sprintf(" Found   %9s  = %s fetched + %s queued%s + %s skipped", grouped(now.Found), grouped(now.Fetched), grouped(now.Queued), l.trend(), grouped(now.Skipped)),
		fmt.Sprintf(" Answers            2xx %s   3xx %s   4xx %s   5xx %s   no answer %s", grouped(now.Status2), grouped(now.Status3), grouped(now.Status4), grouped(now.Status5), grouped(now.NoAnswer)),
		speed,
		fmt.Sprintf(" Elapsed %9s%s", elapsed(time.Since(l.began)), pausedText(now)),
	}
}

// pausedText says that a run does not go on as usual.
func pausedText(now *web.Progress) string {
	switch now.State {
	case web.StatePaused:
		return "  paused: crawl unpause goes on"
	case web.StateStopping:
		return "  stopping"
	}
	return ""
}

// total is how many URLs there will be, as far as that can be told from the run
// before: 0 if there was none, or if there are more by now.
func (l *liveScreen) total(now *web.Progress) uint64 {
	if l.base == nil {
		return 0
	}
	if before := l.base.Counts.Done + l.base.Counts.Failed; before > now.Fetched && before >= now.Fetched+now.Queued {
		return before
	}
	return 0
}

// share says how much of what there is has been fetched, and who says so.
func (l *liveScreen) share(now *web.Progress) string {
	if total := l.total(now); total > 0 {
		return fmt.Sprintf("  %d %% of ~%s (run %d had that)", 100*now.Fetched/total, grouped(total), l.base.Number)
	}
	return fmt.Sprintf("  of %s known so far", grouped(now.Fetched+now.Queued))
}

// eta is how long the rest takes at this rate, where the rest is known.
func (l *liveScreen) eta(now *web.Progress) string {
	total := l.total(now)
	if total == 0 || now.Rate <= 0 {
		return ""
	}
	return elapsed(time.Duration(float64(total-now.Fetched) / now.Rate * float64(time.Second)).Round(time.Second))
}

// trend tells whether the queue grows or falls.
func (l *liveScreen) trend() string {
	before, after := l.last.Queued+l.last.InFlight, l.latest.Queued+l.latest.InFlight
	switch {
	case l.last.at.IsZero() || before == after:
		return ""
	case after < before:
		return " (falling)"
	}
	return " (growing)"
}

func (l *liveScreen) bytesASecond() uint64 {
	span := l.latest.at.Sub(l.last.at).Seconds()
	if l.last.at.IsZero() || span <= 0 || l.latest.Received < l.last.Received {
		return 0
	}
	return uint64(float64(l.latest.Received-l.last.Received) / span)
}

// hosts lists those that have most to be asked for.
func (l *liveScreen) hosts() []string {
	if len(l.busiest) == 0 {
		return nil
	}
	lines := []string{fmt.Sprintf(" %-36s %9s %9s %10s %9s  STATE", "HOST", "DONE", "QUEUE", "PACE", "ANSWERS")}
	for _, h := range l.busiest[:min(shownHosts, len(l.busiest))] {
		lines = append(lines, fmt.Sprintf(" %-36s %9s %9s %10s %9s  %s", cutTo(plain(h.Origin), 36), grouped(h.Done), grouped(h.Queued), pace(int64(h.Delay)), h.Latency.Round(time.Millisecond), hostState(&h)))
	}
	return lines
}

// hostState says in words how a host takes the crawl.
func hostState(h *frontier.Host) string {
	rest := time.Until(h.RestUntil)
	switch {
	case h.GivenUp != "":
		return "given up: " + reasonText(string(h.GivenUp))
	case rest > 0 && h.Fails > 0:
		return fmt.Sprintf("rests %s: %d failures on end", elapsed(rest.Round(time.Second)), h.Fails)
	case rest > time.Second:
		return "rests " + elapsed(rest.Round(time.Second))
	case h.PushBacks > 0:
		return fmt.Sprintf("slowed: asked for less ×%d", h.PushBacks)
	case h.CrawlDelay > 0:
		return "Crawl-delay " + h.CrawlDelay.String()
	}
	return "ok"
}

// hints say how the run is steered from another terminal.
func (l *liveScreen) hints() string {
	site := plain(l.run.Site)
	return fmt.Sprintf("^C stops, resumable · from another terminal: crawl pause · crawl tune %s --rate 1/s --exclude GLOB · crawl query %s@live pages --facet status", site, site)
}

// progressMode decides how a run says how far it is. Only a terminal is painted;
// by itself one is unless something else is read from it line by line.
func progressMode(s *Settings, paintable, linesBeside bool) string {
	switch {
	case !paintable && (s.Progress == "auto" || s.Progress == "tui" || s.Progress == "bar"):
		return "lines"
	case s.Progress != "auto":
		return s.Progress
	case linesBeside || s.LogFormat == "json":
		return "lines"
	}
	return "tui"
}

// baselineName names what a run is held against.
func baselineName(base *store.Run) string {
	if base == nil {
		return ""
	}
	return fmt.Sprintf(" · baseline run %d of %s", base.Number, base.Started.Local().Format("2 Jan 2006"))
}
