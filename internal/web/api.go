package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"crawl/internal/query"
	"crawl/store"
)

// Engine begins runs and steers them. What it refuses is an *Error.
type Engine interface {
	// Start begins a run, or puts it in the line of those that wait.
	Start(context.Context, Wish) (*store.Run, error)
	// Steer pauses, unpauses, stops or resumes a run.
	Steer(context.Context, *store.Run, Verb) error
	// Sites are all that have a name.
	Sites(context.Context) ([]Site, error)
	// Queue tells what waits.
	Queue() Queue
	// Ready tells why nothing can be crawled; nil if it can.
	Ready() error
	// Schedules are those that are configured, with what is known of them.
	Schedules(context.Context) ([]query.Schedule, error)
	// Order pauses or resumes a schedule, or has it run now.
	Order(ctx context.Context, schedule string, what Order) error
}

// Wish is a run that somebody wants.
type Wish struct {
	Site    string            `json:"site,omitempty"`    // of the configuration; or
	URLs    []string          `json:"urls,omitempty"`    // to begin at
	Options map[string]string `json:"options,omitempty"` // of the run, as in config.yaml: {"depth": "2"}
	// Guest says that whoever wishes may start runs and no more.
	Guest bool `json:"-"`
}

// Verb is what can be done to a run.
type Verb string

// Verbs.
const (
	Pause   Verb = "pause"
	Unpause Verb = "unpause"
	Stop    Verb = "stop"
	Resume  Verb = "resume"
)

// Site is what is crawled under one name.
type Site struct {
	Name  string   `json:"site"`
	Seeds []string `json:"seeds,omitempty"`
	From  string   `json:"from"`          // config or runs: where the name is from
	Last  string   `json:"run,omitempty"` // its latest run
	State string   `json:"state,omitempty"`
}

// Queue are the runs that wait for a place.
type Queue struct {
	Waiting []string `json:"waiting"` // in this order
	Places  int      `json:"places"`  // runs at once
}

// APIOptions is what an API needs beside its Server.
type APIOptions struct {
	Engine Engine
	Hub    *Hub
	Stats  *Stats
	// Rows makes what writes rows in a form: application/json (a list),
	// application/jsonl or text/csv.
	Rows func(w *bufio.Writer, form string, columns []query.ColumnOf) RowWriter
	// Summary is a run as it is told to clients.
	Summary func(*store.Run) any
	// Hosts are names by which requests may call this server, beside those of
	// this machine.
	Hosts  []string
	Tokens *Tokens
}

// API answers over TCP, to whoever has a token.
type API struct {
	*Server
	APIOptions
	routes      []route
	mux         *http.ServeMux
	hosts       map[string]bool
	crossOrigin *http.CrossOriginProtection
	tokens      atomic.Pointer[Tokens]
	tcp         *http.Server
	serving     sync.WaitGroup
}

// NewAPI makes an API of what s knows, which serves nobody yet.
func NewAPI(s *Server, o APIOptions) *API {
	a := &API{
		Server: s, APIOptions: o, routes: routes(), mux: http.NewServeMux(), crossOrigin: http.NewCrossOriginProtection(),
		hosts: map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true},
	}
	for _, name := range o.Hosts {
		a.hosts[plainHost(name)] = true
	}
	a.tokens.Store(o.Tokens)
	a.tcp = &http.Server{
		Handler: a, ReadHeaderTimeout: readTime, ReadTimeout: readTime, WriteTimeout: answerTime + writeTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog:    slog.NewLogLogger(a.Log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return a.closing },
	}
	for i := range a.routes {
		a.mux.HandleFunc(a.routes[i].method+" "+a.routes[i].path, a.served(&a.routes[i]))
	}
	return a
}

// SetTokens takes other tokens from now on.
func (a *API) SetTokens(t *Tokens) { a.tokens.Store(t) }

// visit is one request on its way.
type visit struct {
	scope Scope
	route *route // nil until one is found
}

type visitKey struct{}

// scopeIn is what the token of a request that was let in allows.
func scopeIn(r *http.Request) Scope { return r.Context().Value(visitKey{}).(*visit).scope }

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began, in := time.Now(), &visit{}
	told := &statusWriter{ResponseWriter: w}
	defer func() { a.Stats.request(in, told.status, time.Since(began)) }()
	a.guarded(func(w http.ResponseWriter, r *http.Request) (err error) {
		harden(w.Header())
		open := a.open(r)
		if in.scope, err = a.admit(r, open); err != nil {
			if errorOf(err).Status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="crawl"`)
			}
			return err
		}
		if _, pattern := a.mux.Handler(r); pattern == "" || r.Method == http.MethodHead && !open {
			return a.nothing(w, r)
		}
		a.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitKey{}, in)))
		return nil
	})(told, r)
}

// open tells a request that needs no token. What watches over services asks by
// HEAD, too.
func (a *API) open(r *http.Request) bool {
	return slices.ContainsFunc(a.routes, func(rt route) bool {
		return rt.scope == Open && rt.path == r.URL.Path && (rt.method == r.Method || r.Method == http.MethodHead)
	})
}

// nothing says why a request has no answer: its path, or its method.
func (a *API) nothing(w http.ResponseWriter, r *http.Request) error {
	var allowed []string
	for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodPost, http.MethodPut} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := a.mux.Handler(other); pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return &Error{http.StatusNotFound, fmt.Sprintf("there is no %.200q", r.URL.Path), "see /openapi.json"}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return &Error{http.StatusMethodNotAllowed, fmt.Sprintf("%.20q is no method of %.200q", r.Method, r.URL.Path), "it has " + strings.Join(allowed, ", ")}
}

// Serve answers what arrives at a listener, in goroutines that Shut waits for.
// Who sends slowly, or leaves what is written unread, is cut off.
func (a *API) Serve(l net.Listener) {
	a.serving.Go(func() {
		if err := a.tcp.Serve(newLimited(l, maxConnects)); !errors.Is(err, http.ErrServerClosed) {
			a.Log.Error("nobody is answered any more", "address", l.Addr().String(), "error", err)
		}
	})
}

// Shut takes no more requests, gives answers under way a moment to end, and cuts
// them off then. It comes before Close of the Server.
func (a *API) Shut() {
	a.Hub.Close()
	ctx, end := context.WithTimeout(context.Background(), a.Grace)
	defer end()
	if a.tcp.Shutdown(ctx) != nil {
		_ = a.tcp.Close() // what it tells is that something was cut off
	}
	a.serving.Wait()
}

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets an http.ResponseController find what is beneath.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
