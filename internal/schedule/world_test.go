package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is what outlives a loop: a book, and the runs that were begun.
type world struct {
	t      *testing.T
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
		jobs: jobs, takes: func(Job) time.Duration { return 10 * time.Minute }, most: 100,
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

func (w *world) now() time.Time { return time.Now().Add(w.offset) }

var errDead = errors.New("killed")

func (w *world) States(context.Context) ([]State, error) {
	return slices.Collect(maps.Values(w.states)), nil
}

func (w *world) Row(_ context.Context, name string, due time.Time) (Row, error) {
	row, ok := w.rows[name][due.UTC()]
	if !ok {
		return row, fmt.Errorf("there is no row of %s at %s", name, due)
	}
	return row, nil
}

func (w *world) Save(_ context.Context, states []State, rows []Row) error {
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
	return slices.Collect(maps.Values(w.orders)), nil
}

func runKey(name string, due time.Time) string {
	return name + due.UTC().Format(" 2006-01-02 15:04:05")
}

// do is a run that takes its time, and can go on.
func (w *world) do(ctx context.Context, j Job, row Row, again bool) Result {
	if w.dead {
		return Result{Unfinished: true} // killed before it came to begin
	}
	key := runKey(j.Name, row.Due)
	r := w.runs[key]
	switch {
	case r == nil && again:
		w.t.Errorf("%s goes on, and was never begun", key)
		return Result{Failed: true}
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
	defer delete(w.going, j.Site)
	began := time.Now()
	select {
	case <-time.After(r.left):
		r.left = 0
		return Result{Run: key, Text: "ok"}
	case <-ctx.Done():
		r.left -= time.Since(began)
		return Result{Run: key, Text: "interrupted", Unfinished: true}
	}
}

func (w *world) begun(_ context.Context, row Row) (bool, error) {
	return w.runs[runKey(row.Name, row.Due)] != nil, nil
}

// start begins a loop; stop tells it to end and waits.
func (w *world) start() {
	w.dead = false
	w.loop = &Loop{Book: w, Jobs: func() []Job { return w.jobs }, Do: w.do, Begun: w.begun, MaxParallel: w.most, Log: slog.New(slog.DiscardHandler), now: w.now, nap: 24 * time.Hour}
	w.loop.Stuck = func(Row) bool { return w.stuck }
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
	w.dead = true
	w.stop()
}

// history are the rows of a job by time.
func (w *world) history(name string) []Row {
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
