package schedule

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// load reads what an earlier loop left. Runs it had begun go on; those it came
// not to begin wait again.
func (w *watch) load(ctx context.Context) error {
	states, err := w.Book.States(ctx)
	if err != nil {
		return err
	}
	for _, s := range states {
		e := w.entry(s.Name)
		e.state, e.fresh = s, false
		for _, due := range s.Open {
			row, err := w.Book.Row(ctx, s.Name, due)
			if err != nil {
				return err
			}
			again := row.State == Running
			if again {
				if again, err = w.Begun(ctx, row); err != nil {
					return err
				}
			}
			if !again {
				row.State, row.Started = Waiting, time.Time{}
			}
			e.waiting = append(e.waiting, waiting{row: row, again: again, kept: again})
		}
		slices.SortFunc(e.waiting, func(a, b waiting) int { return a.row.Due.Compare(b.row.Due) })
	}
	return nil
}

func (w *watch) entry(name string) *entry {
	e := w.jobs[name]
	if e == nil {
		e = &entry{job: Job{Name: name}, fresh: true, state: State{Name: name}, running: map[time.Time]*turn{}}
		w.jobs[name] = e
	}
	return e
}

// look decides on all times that have come, keeps what it decided, then begins
// what may begin. It returns when the next time comes.
func (w *watch) look(ctx context.Context, now time.Time) (next time.Time, err error) {
	list, err := w.Book.Orders(ctx)
	if err != nil {
		return now, err
	}
	orders := map[string]Order{}
	for _, o := range list {
		orders[o.Name] = o
	}
	w.configure()
	w.watchClock(now)
	next = now.Add(cmp.Or(w.nap, maxNap))
	for _, name := range slices.Sorted(maps.Keys(w.jobs)) {
		e, o := w.jobs[name], orders[name]
		w.arm(e, o, now)
		w.drop(e, o, now)
		if !e.there {
			continue
		}
		w.ask(e, o, now)
		if o.IsPaused() {
			continue
		}
		if c := e.after(later(e.state.Decided, o.Resumed)); !c.due.IsZero() && !c.begins.After(now) {
			w.decide(e, c.after, now)
		}
		if c := e.after(later(e.state.Decided, o.Resumed)); !c.due.IsZero() {
			next = earlier(next, c.begins)
		}
	}
	w.looked = now
	begun := w.choose(now)
	if err := w.save(ctx); err != nil {
		return now, err
	}
	for _, b := range begun {
		w.begin(b.entry, b.turn)
	}
	return next, nil
}

// configure brings the entries in step with what is configured.
func (w *watch) configure() {
	for _, e := range w.jobs {
		e.there = false
	}
	for _, j := range w.Jobs() {
		e := w.entry(j.Name)
		if e.job.Rule() != j.Rule() || e.job.Jitter != j.Jitter {
			e.next = coming{}
		}
		e.job, e.there = j, true
	}
}

// after returns the first time of a job after from.
func (e *entry) after(from time.Time) coming {
	if e.next.after.IsZero() || !e.next.after.Equal(from) {
		e.next = coming{after: from}
		if due, ok := e.job.When.Next(from); ok {
			e.next.due, e.next.begins = due, e.job.Begins(due)
		}
	}
	return e.next
}

// arm has times count from now on where a job is new, or its rule is. A job that
// was added while no loop ran counts from then on.
func (w *watch) arm(e *entry, o Order, now time.Time) {
	rule := ""
	if e.there {
		rule = e.job.Rule()
	}
	if e.state.Rule == rule {
		return
	}
	from := now
	if e.fresh && !o.Resumed.IsZero() {
		from = earlier(now, o.Resumed)
	}
	e.fresh, e.state.Rule, e.state.Decided = false, rule, from
	w.keep(e)
}

// A clock that is set back repeats no time that was decided. One that is set back
// farther than this was wrong before: when it has stood so long, times count
// from now on again.
const (
	maxBack  = 24 * time.Hour
	backHold = 10 * time.Minute
)

func (w *watch) watchClock(now time.Time) {
	var wrong []*entry
	for _, e := range w.jobs {
		if e.state.Decided.Sub(now) > maxBack {
			wrong = append(wrong, e)
		}
	}
	switch {
	case len(wrong) == 0:
		w.behind = time.Time{}
	case w.behind.IsZero():
		w.behind = time.Now()
		w.Log.Warn("the clock is behind what was decided before: nothing is begun until it is set, or ten minutes have passed")
	case time.Since(w.behind) >= backHold:
		for _, e := range wrong {
			row := Row{Name: e.state.Name, Site: e.job.Site, Due: now, Decided: now, State: Clock, Why: "the clock was set back from " + e.state.Decided.UTC().Format(time.RFC3339) + ": times count from now on"}
			e.state.Decided, e.state.Asked = now, earlier(e.state.Asked, now)
			w.keep(e, row)
		}
	}
}

// drop takes out what waits and may not begin any more.
func (w *watch) drop(e *entry, o Order, now time.Time) {
	e.waiting = slices.DeleteFunc(e.waiting, func(t waiting) bool {
		why, state := "", Skipped
		switch {
		case t.again: // whatever became of the schedule, its run goes on
		case !e.there:
			why = "the schedule was taken out"
		case o.IsPaused() && t.row.By == "":
			why = "paused by " + o.PausedBy
		case w.looked.IsZero() && now.Sub(t.row.Due) > e.job.LatestStart(t.row.Due):
			why, state = "it waited, and then no scheduler was running", Missed
		}
		if why == "" {
			return false
		}
		t.row.State, t.row.Why = state, because(t.row, why)
		w.keep(e, t.row)
		return true
	})
}

// ask heeds an order to run the job now.
func (w *watch) ask(e *entry, o Order, now time.Time) {
	if !o.Ask.After(e.state.Asked) {
		return
	}
	e.state.Asked = o.Ask
	row := Row{Name: e.job.Name, Site: e.job.Site, Due: o.Ask, Times: 1, Decided: now, By: o.AskedBy}
	if now.Sub(o.Ask) > e.job.LatestStart(now) {
		row.State, row.Why = Missed, "no scheduler was running"
		w.keep(e, row)
		return
	}
	w.meet(e, row, false)
}

// start is a turn that is to begin.
type start struct {
	entry *entry
	turn  *turn
}

// choose picks the rows that begin now, those that went on before first, then by
// time, and notes why others wait.
func (w *watch) choose(now time.Time) (begun []start) {
	type candidate struct {
		*entry
		waiting
	}
	var all []candidate
	for _, e := range w.jobs {
		for _, t := range e.waiting {
			all = append(all, candidate{e, t})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		first := map[bool]int{true: 0, false: 1}
		return cmp.Or(first[a.again]-first[b.again], a.row.Due.Compare(b.row.Due), cmp.Compare(a.row.Name, b.row.Name))
	})
	busy := map[string]Row{} // by site
	for _, e := range w.jobs {
		for _, t := range e.running {
			busy[t.row.Site] = t.row
		}
	}
	most := cmp.Or(max(w.MaxParallel, 0), defaultParallel)
	for _, p := range all {
		row, waits := p.row, true
		other, taken := busy[row.Site]
		switch {
		case !p.again && row.By == "" && !p.job.When.Open(now):
			row.State, row.Why, waits = Skipped, because(row, "its window was closed before it could begin"), false
		case taken:
			row.Why = because(row, "waits for the run of "+stamp(other.Due))
		case w.going+len(begun) >= most:
			row.Why = because(row, fmt.Sprintf("waits for a free place: %d runs at once", most))
		default:
			row.State, waits = Running, false
			if !p.again {
				row.Started = now
			}
			busy[row.Site] = row
			t := &turn{row: row, again: p.again}
			p.running[row.Due] = t
			begun = append(begun, start{p.entry, t})
		}
		w.settle(p.entry, row, waits)
	}
	return begun
}

// because adds a reason to those that a row has.
func because(r Row, why string) string {
	if r.Why == "" || r.Why == why {
		return why
	}
	if n := len(r.Why) - len(why); n > 0 && r.Why[n:] == why {
		return r.Why
	}
	if len(r.Why) > maxWhy {
		return r.Why
	}
	return r.Why + "; " + why
}

// maxWhy is the length from which on a row is given no further reason.
const maxWhy = 300

func stamp(t time.Time) string { return t.Format("2 Jan 15:04") }

// settle puts a waiting row in place of what it was before, or takes it out.
func (w *watch) settle(e *entry, row Row, waits bool) {
	i := slices.IndexFunc(e.waiting, func(t waiting) bool { return t.row.Due.Equal(row.Due) })
	t := &e.waiting[i]
	if !t.kept || t.row != row {
		w.keep(e, row)
	}
	if t.row, t.kept = row, true; !waits {
		e.waiting = slices.Delete(e.waiting, i, i+1)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
