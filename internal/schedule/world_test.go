package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is what outlives a loop: a book, and the runs that were begun.
type world struct {
	t      *testing.T
	mu     sync.Mutex // guards what follows while a loop runs
	states map[string]State
	rows   map[string]map[time.Time]Row
	orders map[string]Order
	runs   map[string]*run   // by job and due
	going  map[string]string // by site
	jobs   []Job
	takes  func(Job) time.Duration
	offset time.Duration // of the clock on the wall
	dead   bool          // the process was killed: nothing is kept any more
	loop   *Loop
	stop   func()
	stuck  bool
	most   int
	nap    time.Duration
}

// run is one that was begun.
type run struct {
	left time.Duration
}

func newWorld(t *testing.T, jobs ...Job) *world {
	for i := range jobs {
		if jobs[i].Site == "" {
			jobs[i].Site = jobs[i].Name
		}
	}
	return &world{
		t: t, states: map[string]State{}, rows: map[string]map[time.Time]Row{}, orders: map[string]Order{}, runs: map[string]*run{}, going: map[string]string{},
		jobs: jobs, takes: func(Job) time.Duration { return 10 * time.Minute }, most: 100, nap: 24 * time.Hour,
	}
}

func rule(t *testing.T, text, zone string) Spec {
	t.Helper()
	s, err := Parse(text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.offset)
}

func (w *world) configured() []Job {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.jobs
}

func (w *world) isStuck(Row) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stuck
}

var errDead = errors.New("killed")

func (w *world) States(context.Context) ([]State, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Values(w.states)), nil
}

func (w *world) Row(_ context.Context, name string, due time.Time) (Row, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	row, ok := w.rows[name][due.UTC()]
	if !ok {
		return row, fmt.Errorf("there is no row of %s at %s", name, due)
	}
	return row, nil
}

func (w *world) Save(_ context.Context, states []State, rows []Row) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		return errDead
	}
	for _, s := range states {
		s.Open = slices.Clone(s.Open)
		w.states[s.Name] = s
	}
	for _, r := range rows {
		if w.rows[r.Name] == nil {
			w.rows[r.Name] = map[time.Time]Row{}
		}
		old, known := w.rows[r.Name][r.Due.UTC()]
		if known && old.State != Waiting && old.State != Running {
			w.t.Errorf("%s at %s was %s and becomes %s", r.Name, r.Due, old.State, r.State)
		}
		w.rows[r.Name][r.Due.UTC()] = r
	}
	return nil
}

func (w *world) Orders(context.Context) ([]Order, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Values(w.orders)), nil
}

func runKey(name string, due time.Time) string {
	return name + due.UTC().Format(" 2006-01-02 15:04:05")
}

// do is a run that takes its time, and can go on.
func (w *world) do(ctx context.Context, j Job, row Row, again bool) Result {
	key := runKey(j.Name, row.Due)
	left, ok := w.begin(key, j, row, again)
	if !ok {
		return Result{Failed: true, Unfinished: true}
	}
	began := time.Now()
	result := Result{Run: key, Text: "ok"}
	select {
	case <-time.After(left):
	case <-ctx.Done():
		result.Text, result.Unfinished = "interrupted", true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.runs[key].left = max(0, left-time.Since(began))
	delete(w.going, j.Site)
	return result
}

// begin notes that a run is begun or goes on, and says how much is left of it.
func (w *world) begin(key string, j Job, row Row, again bool) (left time.Duration, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead { // killed before it came to begin
		return 0, false
	}
	r := w.runs[key]
	switch {
	case r == nil && again:
		w.t.Errorf("%s goes on, and was never begun", key)
		return 0, false
	case r != nil && !again:
		w.t.Errorf("%s is begun twice", key)
	case r == nil:
		r = &run{w.takes(j)}
		w.runs[key] = r
	}
	if other := w.going[j.Site]; other != "" {
		w.t.Errorf("%s runs beside %s", key, other)
	}
	if stored := w.rows[j.Name][row.Due.UTC()]; stored.State != Running {
		w.t.Errorf("%s is begun, and the book says %q", key, stored.State)
	}
	w.going[j.Site] = key
	return r.left, true
}

func (w *world) begun(_ context.Context, row Row) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.runs[runKey(row.Name, row.Due)] != nil, nil
}

// order gives one, and has the loop look at it.
func (w *world) order(o Order) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.orders[o.Name] = o
	w.loop.Wake()
}

// configure changes the jobs.
func (w *world) configure(jobs ...Job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.jobs = jobs
	w.loop.Wake()
}

// clock puts the clock on the wall this far ahead.
func (w *world) clock(offset time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.offset = offset
}

// start begins a loop; stop tells it to end and waits.
func (w *world) start() {
	w.dead = false
	w.loop = &Loop{
		Book: w, Jobs: w.configured, Do: w.do, Begun: w.begun, MaxParallel: w.most, Log: slog.New(slog.DiscardHandler), now: w.now, nap: w.nap, Stuck: w.isStuck,
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	loop := w.loop
	go func() { ended <- loop.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, errDead) {
			w.t.Errorf("the loop: %v", err)
		}
	}
}

// kill ends a loop as kill -9 does: nothing is kept from now on.
func (w *world) kill() {
	w.mu.Lock()
	w.dead = true
	w.mu.Unlock()
	w.stop()
}

// history are the rows of a job by time.
func (w *world) history(name string) []Row {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.SortedFunc(maps.Values(w.rows[name]), func(a, b Row) int { return a.Due.Compare(b.Due) })
}

// told is the history of a job in words, a row a line.
func (w *world) told(name string) (lines []string) {
	for _, r := range w.history(name) {
		line := fmt.Sprintf("%s %s", r.Due.UTC().Format("02 15:04"), r.State)
		if d := r.Started.Sub(r.Due); !r.Started.IsZero() && d > 0 {
			line += " +" + d.String()
		}
		if r.Times > 1 {
			line += fmt.Sprintf(" x%d", r.Times)
		}
		if r.Why != "" {
			line += ": " + r.Why
		}
		lines = append(lines, line)
	}
	return lines
}

// wants holds a job's history against lines.
func (w *world) wants(name string, want ...string) {
	w.t.Helper()
	if got := w.told(name); !slices.Equal(got, want) {
		w.t.Errorf("%s:\n got %q\nwant %q", name, got, want)
	}
}
