package schedule

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Loop begins jobs when they are due. Its fields are set before Run and not
// changed after.
type Loop struct {
	Book Book
	// Jobs returns the jobs as they are configured now. It is called at each
	// look: a job whose rule changed begins anew, one that is gone is not
	// begun any more.
	Jobs func() []Job
	// Do sees a run through, and returns early if ctx ends: its cause is
	// ErrReplaced where a later run takes its place, else the loop ends and the
	// next one goes on with it. Where again is set the run was begun before the
	// loop was, and goes on.
	Do func(ctx context.Context, job Job, row Row, again bool) Result
	// Begun tells whether Do came to begin the run of a row, for rows that are
	// running when the loop starts: the process may have ended before that.
	Begun func(ctx context.Context, row Row) (bool, error)
	// Stuck tells whether a run that stands in the way makes no progress, for
	// it is paused or rests: then a job that would be skipped or wait replaces
	// it. It may be nil.
	Stuck func(row Row) bool
	// MaxParallel is how many runs may go on at once; 0 means 2.
	MaxParallel int
	Log         *slog.Logger

	now func() time.Time // in tests; else time.Now
	nap time.Duration    // in tests; else maxNap

	once sync.Once
	poke chan struct{} // holds one token when there is something to look at
}

// ErrReplaced is why a run is ended for a later one.
var ErrReplaced = errors.New("replaced by a later run")

// maxNap is how long the loop sleeps at most. Timers stand still while a machine
// sleeps, and do not hear of a clock that is set.
const maxNap = 30 * time.Second

// defaultParallel is MaxParallel where that is not set.
const defaultParallel = 2

// Wake has the loop look at jobs and orders now instead of within half a minute.
// It may be called at any time, from any goroutine.
func (l *Loop) Wake() {
	select {
	case l.wake() <- struct{}{}:
	default: // it will look anyway
	}
}

func (l *Loop) wake() chan struct{} {
	l.once.Do(func() { l.poke = make(chan struct{}, 1) })
	return l.poke
}

// Run begins jobs until ctx ends, and returns when all that it began have ended.
// An error is the book's: what cannot be kept is not begun. It is called once.
func (l *Loop) Run(ctx context.Context) (err error) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w := &watch{Loop: l, work: work, jobs: map[string]*entry{}, ended: make(chan ending)}
	defer func() {
		cancel()
		err = errors.Join(err, w.finish())
	}()
	if err := w.load(ctx); err != nil {
		return ignoreEnd(ctx, err)
	}
	for {
		now := l.clock()
		next, err := w.look(ctx, now)
		if err != nil {
			return ignoreEnd(ctx, err)
		}
		nap := time.NewTimer(max(0, min(next.Sub(now), cmp.Or(l.nap, maxNap))))
		select {
		case <-ctx.Done():
			nap.Stop()
			return nil
		case e := <-w.ended:
			err = w.end(e)
		case <-l.wake():
		case <-nap.C:
		}
		nap.Stop()
		if err != nil {
			return err
		}
	}
}

// ignoreEnd drops the error of a book that was asked as the loop was told to end.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// clock is the time on the wall alone: what Go counts beside it does not go on
// while a machine sleeps.
func (l *Loop) clock() time.Time {
	if l.now != nil {
		return l.now().Round(0)
	}
	return time.Now().Round(0)
}

// watch is a loop under way. Its goroutine alone reads and writes it.
type watch struct {
	*Loop
	work   context.Context // of all runs
	jobs   map[string]*entry
	going  int // runs under way
	ended  chan ending
	looked time.Time // last; zero before the first look
	behind time.Time // since when the clock is behind what was decided; with Go's own clock
	saving struct {  // what the look at hand has to keep
		states map[string]bool
		rows   []Row
	}
}

// entry is a job, or what is left of one.
type entry struct {
	job     Job
	there   bool // it is configured
	fresh   bool // the book did not know it
	state   State
	next    coming
	waiting []waiting           // by Due
	running map[time.Time]*turn // by Due; one, or two for a moment where a job was given another site
}

// coming is the first time of a job after another one. To find it costs more than
// all else that a look does.
type coming struct {
	after, due, begins time.Time // due: zero if there is none
}

// waiting is a row that is to run.
type waiting struct {
	row   Row
	again bool // it was begun by an earlier loop
	kept  bool // the book has it
}

// turn is a run that goes on.
type turn struct {
	row      Row
	again    bool
	end      context.CancelCauseFunc
	replaced bool
}

// ending is what a run's goroutine says at its end.
type ending struct {
	name   string
	due    time.Time
	result Result
}

// begin starts the run of a turn, which the book has as running.
func (w *watch) begin(e *entry, t *turn) {
	ctx, cancel := context.WithCancelCause(w.work)
	t.end = cancel
	w.going++
	job, row, again := e.job, t.row, t.again
	go func() { // finish waits for it
		defer cancel(nil)
		w.ended <- ending{row.Name, row.Due, w.Do(ctx, job, row, again)}
	}()
}

// end keeps how a run ended.
func (w *watch) end(e ending) error {
	entry := w.jobs[e.name]
	t := entry.running[e.due]
	delete(entry.running, e.due)
	w.going--
	if e.result.Unfinished && w.work.Err() != nil && !t.replaced {
		return nil // its row says that it runs, and it will go on
	}
	t.row.Ended, t.row.Run, t.row.Result = w.clock(), e.result.Run, e.result.Text
	switch {
	case e.result.Skipped:
		t.row.State, t.row.Why = Skipped, because(t.row, e.result.Text)
		t.row.Started, t.row.Ended, t.row.Result = time.Time{}, time.Time{}, ""
	case t.replaced && e.result.Unfinished:
		t.row.State = Replaced
	case e.result.Failed, e.result.Unfinished: // somebody else cut it short
		t.row.State = Failed
	default:
		t.row.State = Done
	}
	w.keep(entry, t.row)
	return w.save(context.WithoutCancel(w.work))
}

// finish waits for all runs.
func (w *watch) finish() (err error) {
	for w.going > 0 {
		err = errors.Join(err, w.end(<-w.ended))
	}
	return err
}

// keep notes what the next save writes.
func (w *watch) keep(e *entry, rows ...Row) {
	if w.saving.states == nil {
		w.saving.states = map[string]bool{}
	}
	w.saving.states[e.state.Name] = true
	w.saving.rows = append(w.saving.rows, rows...)
}

// save writes what was noted since the last one.
func (w *watch) save(ctx context.Context) error {
	var states []State
	for name := range w.saving.states {
		e := w.jobs[name]
		e.state.Open = e.state.Open[:0:0]
		for _, t := range e.waiting {
			e.state.Open = append(e.state.Open, t.row.Due)
		}
		for due := range e.running {
			e.state.Open = append(e.state.Open, due)
		}
		states = append(states, e.state)
	}
	rows := w.saving.rows
	w.saving.states, w.saving.rows = nil, nil
	if len(states) == 0 {
		return nil
	}
	return w.Book.Save(ctx, states, rows)
}
