package schedule

import (
	"fmt"
	"slices"
	"time"
)

// onTime is how late a time may be seen and is not missed.
const onTime = time.Minute

// maxRows is how many missed times have a row each; those before share one.
const maxRows = 100

// longAgo is how far back times are counted.
const longAgo = 400 * 24 * time.Hour

// decide settles the times of a job that came after from.
func (w *watch) decide(e *entry, from, now time.Time) {
	times, before := e.come(from, now)
	if e.state.Decided = before.Due; before.Times > 0 {
		before.Name, before.Site, before.State, before.Decided, before.Why = e.job.Name, e.job.Site, Missed, now, w.absent()
		w.keep(e, before)
	}
	w.keep(e)
	if len(times) == 0 { // all that came is long ago
		return
	}
	last := times[len(times)-1]
	e.state.Decided = last
	tooLate := now.Sub(last) > e.job.LatestStart(last) && now.Sub(e.job.Begins(last)) > onTime
	for _, due := range times {
		row := Row{Name: e.job.Name, Site: e.job.Site, Due: due, Times: 1, Decided: now}
		late := now.Sub(e.job.Begins(due)) > onTime
		switch {
		case !late:
		case e.job.catchUp() == None:
			row.State, row.Why = Missed, w.absent()
		case e.job.catchUp() == Once && !due.Equal(last) && !tooLate:
			row.State, row.Why = Missed, w.absent()+"; made up for by the run of "+stamp(last)
		case e.job.catchUp() == Once && tooLate, now.Sub(due) > e.job.LatestStart(due):
			row.State, row.Why = Missed, fmt.Sprintf("%s; more than %s ago", w.absent(), stepText(e.job.LatestStart(due)))
		default:
			row.Why = w.absent()
		}
		if row.State == Missed {
			w.keep(e, row)
			continue
		}
		w.meet(e, row, late)
	}
}

// come returns the times after from whose moment to begin has come, and a row for
// those of which there are too many to have one each.
func (e *entry) come(from, now time.Time) (times []time.Time, before Row) {
	if now.Sub(from) > longAgo {
		if due, ok := e.job.When.Next(from); ok && now.Sub(due) > longAgo {
			before = Row{First: due, Due: due, Times: 1}
			from = now.Add(-longAgo)
		}
	}
	for {
		due, ok := e.job.When.Next(from)
		soon := now.Sub(due) < max(e.job.Jitter, maxJitter) // the moment to begin may still come
		if !ok || soon && e.job.Begins(due).After(now) {
			return times, before
		}
		from = due
		if times = append(times, due); len(times) > maxRows {
			if before.Times++; before.Times == 1 {
				before.First = times[0]
			}
			before.Due = times[0]
			times = times[1:]
		}
	}
}

// absent says why a time was not seen when it came.
func (w *watch) absent() string {
	if w.looked.IsZero() {
		return "no scheduler was running"
	}
	return "the machine slept, or its clock was set"
}

// meet has a row wait for its turn, or not, as the policy says about what stands
// in its way. Where all times are made up for, they wait for one another.
func (w *watch) meet(e *entry, row Row, late bool) {
	queued := len(e.waiting)
	turn := w.inTheWay(e)
	policy := e.job.overlap()
	if turn != nil && policy != Replace && w.Stuck != nil && w.Stuck(turn.row) {
		policy = Replace
		row.Why = because(row, "the run of "+stamp(turn.row.Due)+" made no progress")
	}
	switch {
	case turn == nil && queued == 0:
	case e.job.catchUp() == All && (late || queued > 0) && queued < maxRows:
	case policy == Replace:
		w.giveWay(e, turn, row)
	case queued > 0:
		row.State, row.Why = Skipped, because(row, "the run of "+stamp(e.waiting[0].row.Due)+" still waits")
	case policy == Skip:
		row.State, row.Why = Skipped, because(row, "the run of "+stamp(turn.row.Due)+" is still going")
	}
	if row.State == Skipped {
		w.keep(e, row)
		return
	}
	row.State = Waiting
	e.waiting = append(e.waiting, waiting{row: row}) // choose keeps it
}

// inTheWay is the run of the job's site that goes on, or nil.
func (w *watch) inTheWay(e *entry) *turn {
	for _, other := range w.jobs {
		for _, t := range other.running {
			if t.row.Site == e.job.Site {
				return t
			}
		}
	}
	return nil
}

// giveWay ends the run that goes on, if one does, and skips what waits of the job,
// for a later row.
func (w *watch) giveWay(e *entry, turn *turn, row Row) {
	why := "replaced by the run of " + stamp(row.Due)
	if turn != nil && !turn.replaced {
		turn.replaced, turn.row.Why = true, because(turn.row, why)
		turn.end(ErrReplaced)
	}
	e.waiting = slices.DeleteFunc(e.waiting, func(t waiting) bool {
		if t.again { // it goes on, and is replaced then
			return false
		}
		t.row.State, t.row.Why = Skipped, because(t.row, why)
		w.keep(e, t.row)
		return true
	})
}
