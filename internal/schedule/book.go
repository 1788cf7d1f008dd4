package schedule

import (
	"context"
	"time"
)

// Book keeps what a Loop decided. One loop at a time writes it; orders are
// written by others meanwhile.
type Book interface {
	// States returns what was last kept of each job.
	States(ctx context.Context) ([]State, error)
	// Row returns one row of a job's history.
	Row(ctx context.Context, name string, due time.Time) (Row, error)
	// Save keeps states and rows, each in place of the one before: all of
	// them or none, durable when it returns.
	Save(ctx context.Context, states []State, rows []Row) error
	// Orders returns what people asked for. It is called often.
	Orders(ctx context.Context) ([]Order, error)
}

// State is what is known of a job between two decisions.
type State struct {
	Name    string
	Rule    string      // that the times below follow from; "": the job is gone
	Decided time.Time   // times up to this one are settled
	Asked   time.Time   // the last Order.Ask that was heeded
	Open    []time.Time // Row.Due of the rows that wait or run
}

// Order is what people asked of a job. Each of the three stands until a later one
// of its kind.
type Order struct {
	Name     string
	Paused   time.Time
	PausedBy string
	Resumed  time.Time // or added: times up to this one do not count
	Ask      time.Time // run it once, now
	AskedBy  string
}

// IsPaused tells whether the job is.
func (o Order) IsPaused() bool { return o.Paused.After(o.Resumed) }

// States of a row.
const (
	Waiting  = "waiting"
	Running  = "running"
	Done     = "done"
	Failed   = "failed"
	Replaced = "replaced" // ended for a later run
	Skipped  = "skipped"
	Missed   = "missed"
	Paused   = "paused" // rows of orders
	Resumed  = "resumed"
	Clock    = "clock" // the clock was set back so far that times count anew
)

// Row is one entry of a job's history: a time that came, and what became of it.
// A job and Due name it.
type Row struct {
	Name, Site string
	Due        time.Time
	First      time.Time // where Times is more than 1: the first of them
	Times      int       // how many times in a row it stands for, Due the last
	State      string
	Why        string
	By         string // who asked for it; "": the rule
	Decided    time.Time
	Started    time.Time
	Ended      time.Time
	Run        string // what the job calls the run
	Result     string
}

// Result is how a run ended.
type Result struct {
	Run    string // its name
	Text   string // a few words: "ok"
	Failed bool
	// Skipped: it was not begun, for another that is none of the loop's is in
	// its way; Text says which.
	Skipped bool
	// Unfinished: it was cut short and can go on. Where the loop itself is
	// ending, the row stays open, and the next loop has it go on; else it has
	// failed, or was replaced.
	Unfinished bool
}
