package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"crawl/frontier"
	"crawl/internal/query"
	"crawl/internal/search"
	"crawl/internal/web"
	"crawl/store"
)

// holder lets other processes ask about the store that this one holds: bbolt
// gives a file to one process, and another would wait.
type holder struct {
	store  *store.Bolt
	dir    string
	log    *slog.Logger
	server *web.Server
	// schedules are those that are configured here; nil for none
	schedules func() ([]scheduleBlock, error)
	rules     func() (findingRules, error) // what is configured here of findings; nil for nothing
	asked     func()                       // a schedule is to run now: nil where there is no scheduler
	taken     func(store.RunID) bool       // a run is about to go on: its queue is not to be read; may be nil
	search    *search.Index
	front     *frontier.Bolt // the queues of the runs that go on; nil for none

	asking  sync.Mutex    // held while a command that keeps the store is run for somebody: one at a time
	keeping chan struct{} // holds a token while runs are removed, the index is compacted, a backup is made

	settling sync.Mutex // held while a run that was cut off is settled

	mu      sync.Mutex // guards running
	running []*liveRun
}

// newHolder makes a holder that answers nobody yet.
func newHolder(st *store.Bolt, dir string, log *slog.Logger) *holder {
	h := &holder{store: st, dir: dir, log: log, keeping: make(chan struct{}, 1)}
	h.search = search.New(filepath.Join(dir, search.File), st, search.Options{Read: searchedText(st, log), Use: search.AsItIs})
	h.server = web.New(web.Config{
		Store: st, Program: "crawl/" + version(), Command: commandLine(), Log: log,
		Find: h.named, Tables: h.tables, Running: h.goingOn, Do: h.do, Lasting: isLasting,
	})
	return h
}

// listen begins to answer on the socket of a store. That this cannot be done is
// no reason not to crawl.
func (h *holder) listen() {
	l, err := web.Listen(h.dir)
	if err != nil {
		h.log.Warn("no other terminal can ask about the run while it goes on", "error", err)
		return
	}
	h.server.Serve(l)
}

// close ends all answers; it must come before the store is closed.
func (h *holder) close() error { return errors.Join(h.server.Close(), h.search.Close()) }

// settled waits until nobody reads the queue of a run that was cut off.
func (h *holder) settled() {
	h.settling.Lock()
	defer h.settling.Unlock()
}

// begin makes a run one that goes on, until the function returned is called.
func (h *holder) begin(run *liveRun) (end func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running = append(h.running, run)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.running = slices.DeleteFunc(h.running, func(r *liveRun) bool { return r == run })
	}
}

// live returns what goes on of a run, or nil.
func (h *holder) live(id store.RunID) *query.Live {
	run := h.going(id)
	if run == nil {
		return nil
	}
	return &query.Live{Run: run.job.Now(), Skips: run.job.Skips, Hosts: run.job.Hosts}
}

// going returns a run that goes on, or nil.
func (h *holder) going(id store.RunID) *liveRun {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, run := range h.running {
		if run.job.ID() == id {
			return run
		}
	}
	return nil
}

// states counts the runs that go on by their states.
func (h *holder) states() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := map[string]int{}
	for _, run := range h.running {
		n[run.stateNow()]++
	}
	return n
}

// goingOn are the runs that go on, for those who steer them.
func (h *holder) goingOn() (all []web.Running) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, run := range h.running {
		all = append(all, run.running())
	}
	return all
}

// named finds a run by any of its names, as it is by now, for clients that are no
// command: their faults are query's.
func (h *holder) named(ctx context.Context, name string) (*store.Run, error) {
	run, err := query.FindRun(ctx, h.store, name, time.Now())
	if err != nil {
		return nil, err
	}
	return h.now(ctx, run)
}

// now brings what is known of a run up to date. The queue of a run that goes on
// belongs to that; of one that was cut off it is read.
func (h *holder) now(ctx context.Context, run *store.Run) (*store.Run, error) {
	if going := h.going(run.ID); going != nil {
		return going.job.Now(), nil
	}
	if run.State != store.Running {
		return run, nil
	}
	h.settling.Lock()
	defer h.settling.Unlock()
	if h.taken != nil && h.taken(run.ID) {
		return run, nil
	}
	run, err := h.store.Run(ctx, run.ID) // somebody may have settled it meanwhile, or gone on with it
	if err != nil || run.State != store.Running {
		return run, err
	}
	return run, settle(ctx, h.store, h.dir, run)
}

func (h *holder) tables(run *store.Run) query.Options {
	return query.Options{Run: run, Identity: identityOf, Judge: judgeOf, Live: h.live, Search: h.search, Schedules: h.viewSchedules, Rules: h.rulesFor}
}

// rulesFor are the rules that are configured here for a site's findings.
func (h *holder) rulesFor(site string) *query.Rules {
	rules, err := h.findingRules()
	if err != nil { // of files that were sound when they were read
		h.log.Error("the rules for findings are not heeded", "cause", err)
	}
	return rules.of(site)
}

func (h *holder) findingRules() (findingRules, error) {
	if h.rules == nil {
		return nil, nil
	}
	return h.rules()
}

// viewSchedules are the schedules that are configured here, with what the store
// has of them.
func (h *holder) viewSchedules(ctx context.Context) ([]query.Schedule, error) {
	if h.schedules == nil {
		return nil, nil
	}
	blocks, err := h.schedules()
	if err != nil {
		return nil, err
	}
	return viewSchedules(ctx, h.store, blocks, time.Now())
}

// holding is what a command that is run for somebody else finds already open.
type holding struct {
	*holder
	settings Settings
	folder   string       // of the user, see askedSettings
	asked    findingRules // of the user, in place of those that are configured here
	program  io.Writer    // of the user: rows for it; see farRows
}

type holdingKey struct{}

// held returns what this process holds, nil for a command of its own.
func held(ctx context.Context) *holding {
	h, _ := ctx.Value(holdingKey{}).(*holding)
	return h
}

// askedSettings are the settings that commands which are run for a client go by.
// They are the client's.
type askedSettings struct {
	Folder string `json:"folder"` // that he is in

	JSON      bool   `json:"json"`
	Quiet     bool   `json:"quiet"`
	Verbose   int    `json:"verbose"`
	LogFormat string `json:"log_format"`

	Rules findingRules `json:"rules,omitempty"`

	ASCII       bool `json:"ascii,omitempty"`
	Colours     bool `json:"colours,omitempty"` // of standard output
	TalkColours bool `json:"talk_colours,omitempty"`
}

// do runs a command for somebody else, if it is marked as one that may be. Whatever
// becomes of it, the crawl goes on.
func (h *holder) do(ctx context.Context, cmd *web.Command, a *web.Answer) (code int) {
	out, talk := &screen{Writer: &userEnd{a.Writer(web.ToOut), a, cmd}}, &screen{Writer: &userEnd{a.Writer(web.ToTalk), a, cmd}}
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("a question was not answered: this is a fault of the program", "args", cmd.Args, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			fmt.Fprintln(talk, "error: a fault of the program; the process that holds the store has logged it")
			code = exitUsage
		}
	}()
	var asked askedSettings
	if err := json.Unmarshal(cmd.Settings, &asked); err != nil {
		return exitCode(fmt.Errorf("settings of the command: %w", err), talk)
	}
	out.colours, out.wanted, talk.colours = asked.Colours, asked.ASCII, asked.TalkColours // the signs of talk are replaced at his end
	mine := &holding{holder: h, settings: defaultSettings(), folder: asked.Folder, asked: asked.Rules, program: a.Writer(web.ToProgram)}
	mine.settings.JSON, mine.settings.Quiet, mine.settings.Verbose, mine.settings.LogFormat = asked.JSON, asked.Quiet, asked.Verbose, asked.LogFormat
	root := newRoot()
	c, _, err := root.Find(cmd.Args)
	if err != nil || !isAnswered(c) {
		return exitCode(newUsageError("", "such a command is not answered beside a crawl", "wait until it ends"), talk)
	}
	if isKeeping(c) {
		done, err := h.keep(ctx)
		if err != nil {
			return exitCode(err, talk)
		}
		defer done()
	}
	root.SetContext(context.WithValue(ctx, holdingKey{}, mine))
	root.SetArgs(cmd.Args)
	root.SetIn(strings.NewReader(""))
	root.SetOut(out)
	root.SetErr(talk)
	return exitCode(root.Execute(), talk)
}

// userEnd is an output of a command that is run for somebody else. Terminal and
// files are at his end.
type userEnd struct {
	*web.Stream
	answer  *web.Answer
	command *web.Command
}

// userOf returns the user elsewhere that an output belongs to, nil for our own.
func userOf(out io.Writer) *userEnd {
	if sc, ok := out.(*screen); ok {
		out = sc.Writer
	}
	user, _ := out.(*userEnd)
	return user
}

// writeFile is writeFile for the file that the user named.
func (u *userEnd) writeFile(write func(io.Writer) error) error {
	file := u.answer.Writer(web.ToFile)
	if err := errors.Join(file.Begin(), write(file)); err != nil {
		return err
	}
	return file.End()
}
