package web

import (
	"fmt"
	"net/http"
	"slices"
)

// route is one thing that can be asked. The mux and the OpenAPI document are made
// of the same table of them.
type route struct {
	method, path string
	scope        Scope
	about        string
	params       []param // of the query
	body         any     // the zero value of what is read; nil for nothing
	status       int     // of an answer that is no error; 0 for 200
	gives        []string
	handle       func(*API, http.ResponseWriter, *http.Request) error
}

// param is a parameter of the query.
type param struct {
	name, about string
	kind        string // of JSON; "" for string
	many        bool   // may be given again
	needed      bool
}

// ofRows are the parameters of whatever answers with rows.
var ofRows = []param{
	{name: "where", about: "only rows for which this condition of SQL holds; all do if it is given again", many: true},
	{name: "select", about: "fields, or expressions, separated by commas"},
	{name: "sort", about: "fields to sort by; those with a minus from the greatest on"},
	{name: "group", about: "fields to count rows by"},
	{name: "limit", about: fmt.Sprintf("rows of this page: 1 to %d, %d by itself", mostPage, usualRows), kind: "integer"},
	{name: "cursor", about: "where the page begins: `next` of the answer before, or its header X-Next-Cursor"},
}

var onlyPages = ofRows[len(ofRows)-2:]

// routes are all that can be asked.
func routes() []route {
	jsonOnly := []string{typeJSON}
	return []route{
		{method: "GET", path: "/healthz", scope: Open, about: "The process lives.", gives: []string{typeText}, handle: (*API).healthz},
		{method: "GET", path: "/readyz", scope: Open, about: "The store is open and the scheduler runs; 503 if not.", gives: []string{typeText}, handle: (*API).readyz},
		{method: "GET", path: "/metrics", scope: Read, about: "Figures in the text format of Prometheus.", gives: []string{typeText}, handle: (*API).metrics},
		{method: "GET", path: "/openapi.json", scope: Read, about: "This document.", gives: jsonOnly, handle: (*API).openapi},
		{method: "GET", path: "/v1/status", scope: Read, about: "What goes on, how far it is, and what waits.", gives: jsonOnly, handle: (*API).status},
		{method: "GET", path: "/v1/sites", scope: Read, about: "All sites: of the configuration, and those that were crawled.", gives: jsonOnly, handle: (*API).sites},
		{method: "GET", path: "/v1/runs", scope: Read, about: "Runs, newest first.", params: append([]param{{name: "site", about: "only of this site"}}, onlyPages...), gives: jsonOnly, handle: (*API).runs},
		{method: "POST", path: "/v1/runs", scope: Run, about: "Begin a run of a site, or of URLs. With a token of scope run URLs get no secrets of the configuration and no private addresses.", body: Wish{}, status: http.StatusAccepted, gives: jsonOnly, handle: (*API).start},
		{method: "GET", path: "/v1/runs/{run}", scope: Read, about: "One run: its summary, or how far it is.", gives: jsonOnly, handle: (*API).run},
		{method: "POST", path: "/v1/runs/{run}/pause", scope: Run, about: "Ask for nothing more until it is unpaused. Requests under way end.", gives: jsonOnly, handle: steer(Pause)},
		{method: "POST", path: "/v1/runs/{run}/unpause", scope: Run, about: "Go on with a paused run.", gives: jsonOnly, handle: steer(Unpause)},
		{method: "POST", path: "/v1/runs/{run}/stop", scope: Run, about: "Stop a run. It can be resumed.", status: http.StatusAccepted, gives: jsonOnly, handle: steer(Stop)},
		{method: "POST", path: "/v1/runs/{run}/resume", scope: Run, about: "Go on with a run that was stopped.", status: http.StatusAccepted, gives: jsonOnly, handle: steer(Resume)},
		{method: "POST", path: "/v1/runs/{run}/tune", scope: Run, about: "Change the rate, which takes scope admin, and the patterns of a run that goes on.", body: Tuning{}, gives: jsonOnly, handle: (*API).tune},
		{method: "GET", path: "/v1/runs/{run}/{table}", scope: Read, about: "Rows of one of a run's tables: pages, links, redirects, skipped, changes, sitemaps, hosts, …", params: ofRows, gives: rowTypes, handle: (*API).table},
		{method: "GET", path: "/v1/runs/{run}/diff", scope: Read, about: "What changed between two runs, a row a change.", params: append([]param{{name: "base", about: "the run that it is held against; the one before by itself"}}, ofRows...), gives: rowTypes, handle: (*API).diff},
		{method: "GET", path: "/v1/pages", scope: Read, about: "Every visit of one URL, newest first.", params: append([]param{{name: "url", about: "the URL", needed: true}}, ofRows...), gives: rowTypes, handle: (*API).visits},
		{method: "GET", path: "/v1/search", scope: Read, about: "Pages with some words, the best first, with the sentence that has them.", params: append([]param{{name: "q", about: "words, \"phrases\", -words", needed: true}, {name: "run", about: "in this run; the latest finished one by itself"}}, ofRows...), gives: rowTypes, handle: (*API).search},
		{method: "POST", path: "/v1/query", scope: Read, about: "Rows of a statement of SQL, which can only read.", body: Statement{}, gives: rowTypes, handle: (*API).query},
		{method: "GET", path: "/v1/schedules", scope: Read, about: "All schedules: when they run next, and what came of the last run.", params: onlyPages, gives: rowTypes, handle: (*API).schedules},
		{method: "GET", path: "/v1/schedules/{schedule}/history", scope: Read, about: "The times of a schedule and what became of each, the latest first.", params: onlyPages, gives: rowTypes, handle: (*API).history},
		{method: "POST", path: "/v1/schedules/{schedule}/pause", scope: Run, about: "Begin no more runs of a schedule for now.", gives: jsonOnly, handle: order(OrderPause)},
		{method: "POST", path: "/v1/schedules/{schedule}/resume", scope: Run, about: "Go on with a schedule that was paused.", gives: jsonOnly, handle: order(OrderResume)},
		{method: "POST", path: "/v1/schedules/{schedule}/run", scope: Run, about: "Run a schedule now, too.", gives: jsonOnly, handle: order(OrderRun)},
		{method: "GET", path: "/v1/events", scope: Read, about: "What happens, as server-sent events: run.waiting, run.started, run.progress each second, run.ended, run.failed, notice, schedule, config, config.refused. With Last-Event-ID it goes on behind that event; where that is forgotten the first event is reset.", params: []param{{name: "run", about: "only of this run, by any of its names: which one it is stays as it is now"}}, gives: []string{typeEvents}, handle: (*API).events},
	}
}

// known refuses parameters of the query that the route has not: a misspelt one
// would be ignored.
func (rt *route) known(r *http.Request) error {
	q := r.URL.Query()
	for name, values := range q {
		i := slices.IndexFunc(rt.params, func(p param) bool { return p.name == name })
		switch {
		case i < 0:
			return &Error{http.StatusBadRequest, fmt.Sprintf("there is no parameter %.100q here", name), "see /openapi.json"}
		case len(values) > 1 && !rt.params[i].many:
			return &Error{http.StatusBadRequest, name + " is given more than once", ""}
		}
	}
	for _, p := range rt.params {
		if p.needed && q.Get(p.name) == "" {
			return &Error{http.StatusBadRequest, p.name + " is missing: " + p.about, ""}
		}
	}
	return nil
}

// served is a route as a handler of requests that were let in.
func (a *API) served(rt *route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		in := r.Context().Value(visitKey{}).(*visit)
		in.route = rt
		if in.scope < rt.scope {
			writeError(w, &Error{http.StatusForbidden, fmt.Sprintf("the token allows to %s, and this takes %s", in.scope, rt.scope), ""})
			return
		}
		err := rt.known(r)
		if err == nil && rt.body != nil {
			err = jsonBody(r)
		}
		if err == nil {
			err = rt.handle(a, w, r)
		}
		if err != nil {
			a.fail(w, r, err)
		}
	}
}
