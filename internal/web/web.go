// Package web answers questions about a store, and steers the runs that go on
// in it, over HTTP: whoever holds the store serves, everybody else asks.
//
// On the socket in the store's folder, which belongs to the user alone, whole
// commands are answered too: so `crawl query` in a second terminal says what it
// would say if nothing held the store.
//
// It writes nothing to the store itself and knows no policy of a crawl. Everything that
// a client sends, and all that an answer may take, has a limit; who stops reading
// holds nothing up.
package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"crawl/internal/query"
	"crawl/store"
)

// Config is whom a server speaks for, and its limits. A limit that is zero has
// its default.
type Config struct {
	Store   *store.Bolt
	Program string // of this process: "crawl/1.2"
	Command string // of this process, without secrets
	Log     *slog.Logger

	// Find finds a run by any of its names, as it is by now.
	Find func(ctx context.Context, name string) (*store.Run, error)
	// Tables are the options of the database of a run; see query.Open.
	Tables func(*store.Run) query.Options
	// Running are the runs that go on.
	Running func() []Running
	// Do runs a command of the command line and returns its exit code.
	Do func(context.Context, *Command, *Answer) int
	// Lasting tells commands that take as long as they take, and end before
	// only if their client goes; nil for none.
	Lasting func(*Command) bool

	MaxRows     int           // of an answer to a statement, unless it asks for fewer; 0 means 10,000
	MaxTime     time.Duration // for an answer to a statement; 0 means 10 s
	CommandTime time.Duration // for a command that is not Lasting; 0 means 10 minutes
	AtOnce      int           // answers under way; 0 means 4
	Grace       time.Duration // that Close gives answers under way; 0 means 2 s
}

// Limits that are no matter of taste.
const (
	maxRequest  = 1 << 20          // bytes of a body
	maxHeader   = 16 << 10         // bytes of a head
	readTime    = 10 * time.Second // for a request
	idleTime    = time.Minute      // of a connection
	writeTime   = 2 * time.Minute  // that a client may leave what is written unread
	waitTime    = 10 * time.Second // for others' answers to end
	aliveEvery  = time.Second      // a stream says so often that it is alive
	maxWaiting  = 64               // requests that wait for others' answers
	maxConnects = 256              // connections
)

// Server answers requests until it is closed.
type Server struct {
	Config
	began   time.Time
	http    *http.Server
	places  chan struct{} // one for each answer under way
	waiting chan struct{} // one for each request that waits for a place
	closing context.Context
	ended   func() // tells what is under way that the server is closed
	all     sync.WaitGroup

	mu     sync.Mutex // guards closed
	closed bool       // nothing is added to all any more
}

// New returns a server that serves nobody yet.
func New(c Config) *Server {
	c.MaxRows = defaulted(c.MaxRows, 10_000)
	c.MaxTime = defaulted(c.MaxTime, 10*time.Second)
	c.CommandTime = defaulted(c.CommandTime, 10*time.Minute)
	c.AtOnce = defaulted(c.AtOnce, 4)
	c.Grace = defaulted(c.Grace, 2*time.Second)
	s := &Server{Config: c, began: time.Now(), places: make(chan struct{}, c.AtOnce), waiting: make(chan struct{}, maxWaiting)}
	s.closing, s.ended = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: readTime, ReadTimeout: readTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog:    slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return s.closing },
	}
	return s
}

func defaulted[T int | time.Duration](v, usual T) T {
	if v <= 0 {
		return usual
	}
	return v
}

// Serve answers what arrives at a listener, in goroutines that Close waits for.
func (s *Server) Serve(l net.Listener) {
	s.all.Go(func() {
		if err := s.http.Serve(newLimited(l, maxConnects)); !errors.Is(err, http.ErrServerClosed) {
			s.Log.Warn("nobody is answered any more", "address", l.Addr().String(), "error", err)
		}
	})
}

// Close takes no more requests, gives answers under way a moment to end, and
// cuts them off then. It returns when all have ended.
func (s *Server) Close() error {
	ctx, end := context.WithTimeout(context.Background(), s.Grace)
	defer end()
	err := s.http.Shutdown(ctx)
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.ended()
	if err != nil {
		err = s.http.Close()
	}
	s.all.Wait()
	return err
}

// handler has all routes. Each is a method with a path of nouns; what changes
// something is POST.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request) error{
		"POST /v1/command":            s.command,
		"POST /v1/query":              s.query,
		"GET /v1/status":              s.status,
		"POST /v1/runs/{run}/pause":   s.steer(func(r *Running) error { return r.Pause(true) }),
		"POST /v1/runs/{run}/unpause": s.steer(func(r *Running) error { return r.Pause(false) }),
		"POST /v1/runs/{run}/stop":    s.steer(func(r *Running) error { return r.Stop() }),
		"POST /v1/runs/{run}/tune":    s.tune,
	} {
		mux.HandleFunc(pattern, s.guarded(h))
	}
	mux.HandleFunc("/", s.guarded(func(_ http.ResponseWriter, r *http.Request) error {
		return &Error{Status: http.StatusNotFound, What: fmt.Sprintf("there is no %s %.100q", r.Method, r.URL.Path), Next: "GET /v1/status says what is going on"}
	}))
	return mux
}

// guarded keeps a handler's faults to its request, and tells its error in one
// form.
func (s *Server) guarded(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.enter() {
			writeError(w, &Error{http.StatusServiceUnavailable, "the server is closing", "ask again in a moment"})
			return
		}
		defer s.all.Done()
		defer func() {
			p := recover()
			if p == http.ErrAbortHandler { // an answer that has begun, and cannot be ended
				panic(p)
			}
			if p != nil {
				s.Log.Error("a request was not answered: this is a fault of the program", "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				writeError(w, &Error{Status: http.StatusInternalServerError, What: "a fault of the program"})
			}
		}()
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

// fail tells an error, and logs what is no fault of the client's.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errorOf(err).Status == http.StatusInternalServerError && r.Context().Err() == nil {
		s.Log.Error("a request was not answered", "path", r.URL.Path, "error", err)
	}
	writeError(w, err)
}

// enter counts a request that is being answered, until s.all.Done.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.all.Add(1)
	}
	return !s.closed
}

// Error is what is wrong with a request, or went wrong with it.
type Error struct {
	Status int    `json:"-"` // of the answer
	What   string `json:"what"`
	Next   string `json:"next,omitempty"` // what to do about it
}

func (e *Error) Error() string {
	if e.Next == "" {
		return e.What
	}
	return e.What + "; " + e.Next
}

// failure is the form in which errors are told.
type failure struct {
	Error *Error `json:"error"`
}

// errorOf finds words and a status for any error.
func errorOf(err error) *Error {
	var e *Error
	var wrong *query.Error
	var none *query.NameError
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &wrong):
		return &Error{http.StatusBadRequest, wrong.What, wrong.Hint}
	case errors.As(err, &none):
		return &Error{http.StatusNotFound, none.What, "GET /v1/status has the runs that go on"}
	case errors.Is(err, query.ErrNoRuns), errors.Is(err, store.ErrNotFound):
		return &Error{http.StatusNotFound, err.Error(), ""}
	case errors.Is(err, ErrOver):
		return &Error{http.StatusConflict, err.Error(), ""}
	case errors.As(err, &large):
		return &Error{http.StatusRequestEntityTooLarge, fmt.Sprintf("a request has at most %d bytes", maxRequest), ""}
	}
	return &Error{http.StatusInternalServerError, err.Error(), ""}
}

// writeError tells an error; where an answer has begun it is too late for that.
func writeError(w http.ResponseWriter, err error) {
	e := errorOf(err)
	writeJSON(w, e.Status, failure{e})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who has gone reads no answer
}

// readJSON reads the body of a request: one object and nothing else. The time that
// a client has for that is over then: an answer may take longer.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return http.NewResponseController(w).SetReadDeadline(time.Time{})
		}
		err = errors.New("something follows the object")
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return err
	}
	return &Error{Status: http.StatusBadRequest, What: "the body of the request: " + err.Error()}
}

// place waits for one of few places for an answer. The function returned gives
// it back.
func (s *Server) place(ctx context.Context) (leave func(), err error) {
	busy := &Error{http.StatusServiceUnavailable, "too much is being answered already", "ask again in a moment"}
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		return nil, busy
	}
	over := time.NewTimer(waitTime)
	defer over.Stop()
	select {
	case s.places <- struct{}{}:
		return func() { <-s.places }, nil
	case <-over.C:
		return nil, busy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
