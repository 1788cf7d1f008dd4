package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// Running is a run that goes on, as far as others may know and steer it.
type Running struct {
	Name, Site string // acme@43, acme
	Progress   func() Progress
	Pause      func(on bool) error
	Stop       func() error // as the first Ctrl-C does: it can be resumed
	Tune       func(context.Context, *Tuning) (*Tuned, error)
}

// States of a run that goes on.
const (
	StateRunning  = "running"
	StatePaused   = "paused"
	StateStopping = "stopping"
)

// Progress is how far a run got.
type Progress struct {
	Run      string    `json:"run"`
	State    string    `json:"state"` // running, paused, stopping
	Began    time.Time `json:"began"` // this session of it
	Fetched  uint64    `json:"fetched"`
	Queued   uint64    `json:"queued"` // requests under way included
	Skipped  uint64    `json:"skipped"`
	Found    uint64    `json:"found"`
	Rate     float64   `json:"rate"` // pages a second, lately
	Status2  uint64    `json:"2xx"`  // answers of this session, as the next four
	Status3  uint64    `json:"3xx"`
	Status4  uint64    `json:"4xx"`
	Status5  uint64    `json:"5xx"`
	NoAnswer uint64    `json:"none"`
	Limited  *Limited  `json:"limited_by,omitempty"` // lately
}

// Limited is what keeps a run from being faster.
type Limited struct {
	By   string `json:"by"`
	Text string `json:"text"`
}

// Tuning is what to change of a run that goes on; what is empty stays.
type Tuning struct {
	Rate        string   `json:"rate,omitempty"` // as --rate has it
	Host        string   `json:"host,omitempty"` // rate is for this one alone
	Exclude     []string `json:"exclude,omitempty"`
	DropExclude []string `json:"drop_exclude,omitempty"`
}

// Tuned is what holds after that.
type Tuned struct {
	Run     string            `json:"run"`
	Rate    string            `json:"rate"`
	Hosts   map[string]string `json:"hosts,omitempty"` // their own rates
	Exclude []string          `json:"exclude"`
}

// Status is what a process does that holds a store.
type Status struct {
	PID     int        `json:"pid"`
	Command string     `json:"command"`
	Program string     `json:"program"`
	Since   time.Time  `json:"since"`
	Runs    []Progress `json:"runs"`
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, s.now())
	return nil
}

func (s *Server) now() Status {
	st := Status{PID: os.Getpid(), Command: s.Command, Program: s.Program, Since: s.began, Runs: []Progress{}}
	for _, run := range s.Running() {
		st.Runs = append(st.Runs, run.Progress())
	}
	return st
}

// one finds the run that goes on and has this name: acme@43, acme@live, acme, or
// @live, which is the only one.
func (s *Server) one(name string) (*Running, error) {
	var names []string
	var found []Running
	for _, run := range s.Running() {
		names = append(names, run.Name)
		if name == "@live" || name == run.Name || name == run.Site || name == run.Site+"@live" {
			found = append(found, run)
		}
	}
	switch {
	case len(names) == 0:
		return nil, &Error{Status: http.StatusConflict, What: "no run goes on here", Next: "it has ended, or not begun yet"}
	case len(found) == 0:
		return nil, &Error{Status: http.StatusNotFound, What: fmt.Sprintf("no run called %.100q goes on", name), Next: "there is " + strings.Join(names, ", ")}
	case len(found) > 1:
		return nil, &Error{Status: http.StatusConflict, What: "several runs go on", Next: "name one of " + strings.Join(names, ", ")}
	}
	return &found[0], nil
}

// steer makes a handler of what changes a run, which answers with how the run is
// afterwards.
func (s *Server) steer(change func(*Running) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		run, err := s.one(r.PathValue("run"))
		if err == nil {
			err = change(run)
		}
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, run.Progress())
		return nil
	}
}

func (s *Server) tune(w http.ResponseWriter, r *http.Request) error {
	var t Tuning
	if err := readJSON(w, r, &t); err != nil {
		return err
	}
	return s.change(w, r, &t)
}

// change tunes a run.
func (s *Server) change(w http.ResponseWriter, r *http.Request, t *Tuning) error {
	run, err := s.one(r.PathValue("run"))
	if err != nil {
		return err
	}
	if t.Rate == "" && len(t.Exclude)+len(t.DropExclude) == 0 {
		return &Error{Status: http.StatusBadRequest, What: "nothing is to be changed", Next: "say rate, exclude or drop_exclude"}
	}
	after, err := run.Tune(r.Context(), t)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, after)
	return nil
}

// ErrOver tells that a run has come to its end in the meantime.
var ErrOver = errors.New("the run has just ended")
