package query

import (
	"hash/maphash"
	"iter"
	"strconv"
	"time"

	"crawl/store"
)

// Schedule is a schedule as it is configured, and what is known of it.
type Schedule struct {
	Name, Site string
	Rule, Zone string
	State      string // running, waiting, paused; "": none of them
	PausedBy   string
	Next       time.Time
	Last       time.Time // the last run began then
	Ended      time.Time // and ended then
	Result     string    // of the last run, and how many times it did not run since
	NotRun     int       // times since the last run that were skipped or missed
}

func schedulesTable() *Table {
	return &Table{
		Name: "schedules", Meaning: "the schedules of all sites", rows: 10,
		Columns: []Column{
			column("name", Text, "its name", func(s *Schedule) any { return s.Name }),
			column("site", Text, "what it crawls", func(s *Schedule) any { return s.Site }),
			column("rule", Text, "when", func(s *Schedule) any { return s.Rule }),
			column("zone", Text, "whose time that is", func(s *Schedule) any { return s.Zone }),
			column("state", Text, "running, waiting, paused", func(s *Schedule) any { return s.State }),
			column("paused_by", Text, "who paused it", func(s *Schedule) any { return s.PausedBy }),
			column("next", Time, "when it runs next; null: not while it is paused, or never again", func(s *Schedule) any { return timeOf(s.Next) }),
			column("last", Time, "when it ran last", func(s *Schedule) any { return timeOf(s.Last) }),
			column("took_s", Real, "seconds from begin to end of that run", func(s *Schedule) any { return between(s.Last, s.Ended) }),
			column("result", Text, "what became of it", func(s *Schedule) any { return s.Result }),
			column("not_run", Int, "how often since it was skipped or missed", func(s *Schedule) any { return int64(s.NotRun) }),
		},
		scan: func(s *scan) iter.Seq2[any, error] {
			return func(yield func(any, error) bool) {
				if s.q.db.o.Schedules == nil {
					return
				}
				all, err := s.q.db.o.Schedules(s.q.ctx)
				if err != nil {
					yield(nil, err)
					return
				}
				for i := range all {
					if !yield(&all[i], nil) {
						return
					}
				}
			}
		},
	}
}

func (s *Schedule) identify(h *maphash.Hash) { writeAll(h, s.Name) }

// plannedRow is a time of a schedule.
type plannedRow struct{ *store.ScheduleRow }

func (r *plannedRow) identify(h *maphash.Hash) {
	writeAll(h, r.Name, strconv.FormatInt(r.Due.UnixNano(), 10))
}

func scheduleRunsTable() *Table {
	return &Table{
		Name: "schedule_runs", Meaning: "every time of every schedule, and what became of it", rows: 1e4,
		Columns: []Column{
			column("schedule", Text, "its name", func(r *plannedRow) any { return r.Name }),
			column("site", Text, "what it crawls", func(r *plannedRow) any { return r.Site }),
			column("due", Time, "when it was due", func(r *plannedRow) any { return timeOf(r.Due) }),
			column("state", Text, "done, failed, replaced, skipped, missed, running, waiting; paused, resumed, clock", func(r *plannedRow) any { return r.State }),
			column("why", Text, "why it was late, or did not run", func(r *plannedRow) any { return r.Why }),
			column("asked_by", Text, "who asked for it; empty: its rule", func(r *plannedRow) any { return r.By }),
			column("times", Int, "how many times in a row it stands for", func(r *plannedRow) any { return int64(max(r.Times, 1)) }),
			column("first", Time, "the first of those, if there are more than one", func(r *plannedRow) any { return timeOf(r.First) }),
			column("decided", Time, "when that was decided", func(r *plannedRow) any { return timeOf(r.Decided) }),
			column("started", Time, "when it began", func(r *plannedRow) any { return timeOf(r.Started) }),
			column("ended", Time, "when it ended", func(r *plannedRow) any { return timeOf(r.Ended) }),
			column("delay_s", Real, "seconds from due to its begin", func(r *plannedRow) any { return between(r.Due, r.Started) }),
			column("took_s", Real, "seconds from begin to end", func(r *plannedRow) any { return between(r.Started, r.Ended) }),
			column("run", Text, "the run, as acme@43", func(r *plannedRow) any { return r.Run }),
			column("result", Text, "what became of that", func(r *plannedRow) any { return r.Result }),
		},
		scan: func(s *scan) iter.Seq2[any, error] {
			return func(yield func(any, error) bool) {
				names, err := s.q.db.store.ScheduledNames(s.q.ctx)
				if err != nil {
					yield(nil, err)
					return
				}
				for _, name := range names {
					for row, err := range s.q.db.store.ScheduleRows(s.q.ctx, name) {
						if !yield(&plannedRow{row}, err) || err != nil {
							return
						}
					}
				}
			}
		},
	}
}

// between is a number of seconds, or null if either moment is not known.
func between(from, to time.Time) any {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	return to.Sub(from).Seconds()
}

// ScheduleRows are schedules as rows of the table schedules.
func ScheduleRows(all []Schedule) (columns []ColumnOf, rows [][]any) {
	t := schedulesTable()
	columns, _ = rowOf(t.Columns, &Schedule{})
	for i := range all {
		_, values := rowOf(t.Columns, &all[i])
		rows = append(rows, values)
	}
	return columns, rows
}

// ScheduleHistory are times of schedules as rows of the table schedule_runs.
func ScheduleHistory(all []*store.ScheduleRow) (columns []ColumnOf, rows [][]any) {
	t := scheduleRunsTable()
	columns, _ = rowOf(t.Columns, &plannedRow{&store.ScheduleRow{}})
	for _, r := range all {
		_, values := rowOf(t.Columns, &plannedRow{r})
		rows = append(rows, values)
	}
	return columns, rows
}
