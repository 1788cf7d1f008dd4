package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"crawl/crawler"
	"crawl/internal/query"
	"crawl/store"
)

// lineEvery is how often a run says how far it got.
const lineEvery = 10 * time.Second

// reporter tells of a run: data as JSON lines on out if asked, talk on talk.
type reporter struct {
	s    *Settings
	mode string // how it says how far the run is: Progress, decided
	talk io.Writer
	stop func() // ends the run: nobody reads out any more

	painter *painter                   // which talk is; nil where no terminal is painted
	screen  atomic.Pointer[liveScreen] // what it shows while the run goes on; nil for nothing

	mu  sync.Mutex // guards out and what is written to talk
	out *bufio.Writer
	err error // of the first write to out that failed
	run *store.Run
}

func newReporter(out, talk io.Writer, s *Settings, stop func()) *reporter {
	r := &reporter{s: s, talk: talk, stop: stop, out: bufio.NewWriter(out)}
	r.painter, _ = talk.(*painter)
	r.mode = progressMode(s, r.painter != nil, s.JSON && isTerminal(out))
	return r
}

// say writes one line of talk for people.
func (r *reporter) say(format string, args ...any) {
	if r.s.Quiet || r.mode == "json" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.talk, format+"\n", args...)
}

// tell writes one line of talk for programs.
func (r *reporter) tell(line any) {
	if r.s.Quiet || r.mode != "json" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = writeJSON(r.talk, line) // talk that nobody hears ends no run
}

// write puts one JSON line on out.
func (r *reporter) write(line any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return
	}
	if r.err = errors.Join(writeJSON(r.out, line), r.out.Flush()); r.err != nil {
		r.stop()
	}
}

// event tells of one thing that happened.
func (r *reporter) event(e crawler.Event) {
	if screen := r.screen.Load(); screen != nil {
		screen.saw(e)
	}
	switch {
	case e.Notice != "":
		r.say("note: %s", plain(e.Notice))
		r.tell(noteLine{"note", runName(r.run), e.Notice})
	case e.Page != nil:
		r.page(e.Page)
	case e.Skip != nil && r.s.JSON:
		columns, values := query.SkipRow(e.Run, e.Skip)
		r.write(typedRow{"skip", columns, values})
	}
}

func (r *reporter) page(p *store.Page) {
	if r.s.JSON {
		columns, values := query.PageRow(r.run, p, query.FieldNames(r.run))
		r.write(typedRow{"page", columns, values})
		if class := query.Class(p); class == "broken" || class == "server" || class == "timeout" || class == "blocked" || p.Fault != "" {
			r.write(errorLine{"error", runName(r.run), p.URL.String(), class, p.Status, cmp.Or(p.FaultText, ""), p.From})
		}
	}
	if r.s.Verbose > 0 {
		text := fmt.Sprint(p.Status)
		if p.Fault != "" {
			text = p.Fault
		}
		r.say("%s  %-5s %s", time.Now().Format(time.TimeOnly), text, plain(p.URL.String()))
	}
}

// typedRow is a row of a table as a line of JSON that says what it is.
type typedRow struct {
	kind    string
	columns []query.ColumnOf
	values  []any
}

// MarshalJSON writes the type of the line and then the columns, but for the type
// of a page.
func (t typedRow) MarshalJSON() ([]byte, error) {
	columns, values := []query.ColumnOf{{Name: "type"}}, []any{t.kind}
	for i, c := range t.columns {
		if c.Name != "type" {
			columns, values = append(columns, c), append(values, t.values[i])
		}
	}
	return rowJSON(columns, values)
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

// stopping answers the first Ctrl-C.
func (r *reporter) stopping() {
	r.say("stopping: fetches under way have 5s to end; ^C again stops now")
}

// begin says what is crawled, and has told how far it is until the function
// returned is called. base is what the run is held against, or nil.
func (r *reporter) begin(run, base *store.Run, from sight) (ended func()) {
	r.run = run
	again := ""
	if run.Sessions > 1 {
		again = " · resumed"
	}
	r.say("%s · run %d%s · %s · scope %s%s · ^C stops, resumable", plain(run.Site), run.Number, again, plain(strings.Join(run.Seeds[:min(3, len(run.Seeds))], " ")), r.s.Scope, baselineName(base))
	done, gone := make(chan struct{}), make(chan struct{})
	began := time.Now().Add(-time.Duration(run.Active))
	if r.painted() {
		r.screen.Store(&liveScreen{run: run, base: base, began: began, sight: from})
	}
	go func() {
		defer close(gone)
		r.watch(from, began, done)
	}()
	return func() {
		close(done)
		<-gone
	}
}

// painted tells whether a terminal shows how far the run is.
func (r *reporter) painted() bool {
	return !r.s.Quiet && (r.mode == "tui" || r.mode == "bar") // which only a painter's mode is
}

// watch tells how far the run is until done is closed: in lines, and on the
// screen if there is one.
func (r *reporter) watch(from sight, began time.Time, done <-chan struct{}) {
	lines := time.NewTicker(lineEvery)
	defer lines.Stop()
	var paint, look <-chan time.Time
	screen := r.screen.Load()
	if screen != nil {
		often, seldom := time.NewTicker(paintEvery), time.NewTicker(measureEvery)
		defer often.Stop()
		defer seldom.Stop()
		paint, look = often.C, seldom.C
		screen.look()
		defer func() { _ = r.painter.paint(nil) }()
	}
	last := crawler.Progress{}
	for {
		select {
		case <-lines.C:
			if screen != nil && !r.s.JSON {
				continue
			}
			now := from.progress()
			r.status(r.statusOf(now, last), time.Since(began))
			last = now
		case <-look:
			screen.look()
		case <-paint:
			r.paint(screen)
		case <-done:
			return
		}
	}
}

// paint shows how far the run is by now. A terminal that is gone ends no run.
func (r *reporter) paint(screen *liveScreen) {
	width, height := r.painter.size()
	if r.mode == "bar" {
		now := screen.sight.status()
		_ = r.painter.paint([]string{screen.line(&now)})
		return
	}
	_ = r.painter.paint(screen.frame(width, height))
}

// endStatus is the last status line, for programs alone: people get a summary.
func (r *reporter) endStatus(run *store.Run) statusLine {
	c := run.Counts
	return statusLine{
		Type: "status", Run: runName(run), T: time.Now().UTC().Truncate(time.Second),
		Fetched: c.Done + c.Failed, Queued: c.Queued, Skipped: c.Found - c.Done - c.Failed - c.Queued, Found: c.Found,
		Status2: c.Status[2], Status3: c.Status[3], Status4: c.Status[4], Status5: c.Status[5], NoAnswer: c.Status[0],
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

	Limited *limitedBy `json:"limited_by,omitempty"` // since the last line
}

// statusOf counts what there is now and since the last line.
func (r *reporter) statusOf(p, last crawler.Progress) statusLine {
	return newStatusLine(runName(r.run), p, last, lineEvery, r.s)
}

// newStatusLine counts what there is now, and since a moment some time ago.
func newStatusLine(run string, p, last crawler.Progress, span time.Duration, settings *Settings) statusLine {
	s := statusLine{
		Type: "status", Run: run, T: time.Now().UTC().Truncate(time.Second),
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
	load := crawler.LoadSince(p.Load, last.Load)
	s.Limited = newLimitedBy(&load, settings)
	s.Rate = math.Round(float64(visits)/max(span.Seconds(), 1)*10) / 10
	return s
}

// status says how far a run got.
func (r *reporter) status(s statusLine, since time.Duration) {
	if r.s.JSON {
		r.write(s)
	}
	r.tell(s)
	if r.mode == "lines" {
		limited := ""
		if s.Limited != nil {
			limited = " · limited by " + s.Limited.Text
		}
		r.say("%02d:%02d fetched=%d queued=%d skipped=%d found=%d rate=%.1f/s 2xx=%d 3xx=%d 4xx=%d 5xx=%d none=%d%s",
			int(since.Minutes()), int(since.Seconds())%60, s.Fetched, s.Queued, s.Skipped, s.Found, s.Rate, s.Status2, s.Status3, s.Status4, s.Status5, s.NoAnswer, limited)
	}
}

// end tells how the run ended, beside the one that it is held against, if any.
func (r *reporter) end(run, base *store.Run, code int) error {
	if r.s.JSON {
		r.write(r.endStatus(run))
		r.write(newSummary(run, base, code))
	}
	r.tell(r.endStatus(run))
	r.tell(newSummary(run, base, code))
	if !r.s.Quiet && r.mode != "json" {
		r.mu.Lock()
		printSummary(r.talk, run, base, code)
		r.mu.Unlock()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil && !errors.Is(r.err, syscall.EPIPE) { // who reads no further wants no more
		return fmt.Errorf("write to standard output: %w", r.err)
	}
	return nil
}
