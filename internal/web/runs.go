package web

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"crawl/internal/query"
	"crawl/internal/weburl"
	"crawl/store"
)

func (a *API) healthz(w http.ResponseWriter, _ *http.Request) error {
	return writeText(w, http.StatusOK, "ok")
}

func (a *API) readyz(w http.ResponseWriter, _ *http.Request) error {
	if err := a.Engine.Ready(); err != nil {
		a.Log.Debug("not ready", "error", err)
		return writeText(w, http.StatusServiceUnavailable, "not ready") // why is nobody's business who has no token
	}
	return writeText(w, http.StatusOK, "ready")
}

func writeText(w http.ResponseWriter, status int, text string) error {
	w.Header().Set("Content-Type", typeText)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // who has gone reads no answer
	return nil
}

// Situation is what a daemon does.
type Situation struct {
	Status
	Queue
	Ready bool   `json:"ready"`
	Why   string `json:"why,omitempty"` // it is not
}

func (a *API) status(w http.ResponseWriter, _ *http.Request) error {
	st := Situation{Status: a.Server.now(), Queue: a.Engine.Queue(), Ready: true}
	if err := a.Engine.Ready(); err != nil {
		st.Ready, st.Why = false, err.Error()
	}
	writeJSON(w, http.StatusOK, st)
	return nil
}

func (a *API) sites(w http.ResponseWriter, r *http.Request) error {
	sites, err := a.Engine.Sites(r.Context())
	if err == nil {
		writeJSON(w, http.StatusOK, map[string]any{"sites": sites})
	}
	return err
}

// runs lists runs. The cursor counts those that were shown: one that begins
// meanwhile shifts them.
func (a *API) runs(w http.ResponseWriter, r *http.Request) error {
	site := r.URL.Query().Get("site")
	p, err := pageOf(r.URL.Query(), "runs", site)
	if err != nil {
		return err
	}
	all, n, next := []any{}, 0, (*string)(nil)
	for run, err := range a.Store.Runs(r.Context(), site) {
		if err != nil {
			return err
		}
		if n++; n <= p.cursor.Offset {
			continue
		}
		if len(all) == p.limit {
			text := p.next(p.limit)
			next = &text
			break
		}
		if run, err = a.Find(r.Context(), query.RunName(run)); err != nil { // as it is by now
			return err
		}
		all = append(all, a.Summary(run))
	}
	writeJSON(w, http.StatusOK, map[string]any{"runs": all, "next": next})
	return nil
}

func (a *API) run(w http.ResponseWriter, r *http.Request) error {
	run, err := a.Find(r.Context(), r.PathValue("run"))
	if err == nil {
		writeJSON(w, http.StatusOK, a.Summary(run))
	}
	return err
}

func (a *API) start(w http.ResponseWriter, r *http.Request) error {
	var wish Wish
	if err := readJSON(w, r, &wish); err != nil {
		return err
	}
	if (wish.Site == "") == (len(wish.URLs) == 0) {
		return &Error{http.StatusBadRequest, "what is to be crawled?", `send {"site": "acme"} or {"urls": ["https://example.com/"]}`}
	}
	wish.Guest = scopeIn(r) < Admin
	run, err := a.Engine.Start(r.Context(), wish)
	if err == nil {
		w.Header().Set("Location", "/v1/runs/"+query.RunName(run))
		writeJSON(w, http.StatusAccepted, a.Summary(run))
	}
	return err
}

// tune changes a run. How politely it asks is configured, which a guest may not
// change.
func (a *API) tune(w http.ResponseWriter, r *http.Request) error {
	var t Tuning
	if err := readJSON(w, r, &t); err != nil {
		return err
	}
	if scope := scopeIn(r); t.Rate != "" && scope < Admin {
		return &Error{http.StatusForbidden, fmt.Sprintf("the token allows to %s, and another rate takes %s", scope, Admin), ""}
	}
	return a.change(w, r, &t)
}

func noBody(r *http.Request) error {
	if r.ContentLength != 0 {
		return &Error{http.StatusBadRequest, "this takes no body", ""}
	}
	return nil
}

// steer does something to a run.
func steer(verb Verb) func(*API, http.ResponseWriter, *http.Request) error {
	return func(a *API, w http.ResponseWriter, r *http.Request) error {
		if err := noBody(r); err != nil {
			return err
		}
		run, err := a.Find(r.Context(), r.PathValue("run"))
		if err == nil {
			err = a.Engine.Steer(r.Context(), run, verb)
		}
		if err != nil {
			return err
		}
		status := http.StatusOK
		if verb == Stop || verb == Resume { // what they began is seen in events
			status = http.StatusAccepted
		}
		writeJSON(w, status, map[string]string{"run": query.RunName(run), "done": string(verb)})
		return nil
	}
}

// visits are all visits of a URL, as the latest run that has it knows it.
func (a *API) visits(w http.ResponseWriter, r *http.Request) error {
	u, err := weburl.Parse(r.URL.Query().Get("url"))
	if err != nil {
		return &Error{http.StatusBadRequest, err.Error(), "write it as https://example.com/"}
	}
	return a.tableOf(w, r, u.String(), "fetches", "url = "+query.Literal(u.String()))
}

// Statement is one of SQL, and the run whose rows its tables show.
type Statement struct {
	SQL    string `json:"sql"`
	Run    string `json:"run,omitempty"`    // the latest finished one if it is left out
	Limit  int    `json:"limit,omitempty"`  // rows of this page
	Cursor string `json:"cursor,omitempty"` // where it begins
}

func (a *API) query(w http.ResponseWriter, r *http.Request) error {
	var q Statement
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	values := map[string][]string{"cursor": {q.Cursor}}
	if q.Limit != 0 {
		values["limit"] = []string{fmt.Sprint(q.Limit)}
	}
	p, err := pageOf(values, q.SQL)
	if err != nil {
		return err
	}
	if p.cursor.Run != "" {
		q.Run = p.cursor.Run
	}
	return a.asking(r.Context(), q.Run, func(ctx context.Context, db *query.DB, run *store.Run) error {
		p.cursor.Run = query.RunName(run)
		return a.answer(ctx, w, r, db, q.SQL, p, p.cursor.Offset)
	})
}
