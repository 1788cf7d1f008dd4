package web

import (
	"iter"
	"net/http"

	"crawl/internal/query"
	"crawl/store"
)

// Order is what can be asked of a schedule.
type Order string

// Orders.
const (
	OrderPause  Order = "pause"
	OrderResume Order = "resume"
	OrderRun    Order = "run"
)

func (a *API) schedules(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r.URL.Query(), "schedules")
	if err != nil {
		return err
	}
	all, err := a.Engine.Schedules(r.Context())
	if err != nil {
		return err
	}
	columns, rows := query.ScheduleRows(all)
	return a.write(w, r, columns, func(yield func([]any, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}, p, p.cursor.Offset)
}

// history are the times of a schedule and what became of them, the latest first.
func (a *API) history(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("schedule")
	p, err := pageOf(r.URL.Query(), "history", name)
	if err != nil {
		return err
	}
	columns, _ := query.ScheduleHistory(nil)
	return a.write(w, r, columns, historyRows(a.Store.ScheduleRows(r.Context(), name)), p, p.cursor.Offset)
}

func historyRows(all iter.Seq2[*store.ScheduleRow, error]) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for row, err := range all {
			var values [][]any
			if err == nil {
				_, values = query.ScheduleHistory([]*store.ScheduleRow{row})
			} else {
				values = [][]any{nil}
			}
			if !yield(values[0], err) || err != nil {
				return
			}
		}
	}
}

// order asks something of a schedule.
func order(what Order) func(*API, http.ResponseWriter, *http.Request) error {
	return func(a *API, w http.ResponseWriter, r *http.Request) error {
		if err := noBody(r); err != nil {
			return err
		}
		name := r.PathValue("schedule")
		if err := a.Engine.Order(r.Context(), name, what); err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, map[string]string{"schedule": name, "done": string(what)})
		return nil
	}
}
