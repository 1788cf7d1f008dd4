package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"crawl/internal/query"
)

// Command is a command of the command line that somebody else is to run, as his
// own would have. Which ones may be is for Config.Do to say.
type Command struct {
	Args     []string        `json:"args"`
	Settings json.RawMessage `json:"settings"` // that the client's flags, environment and files come to, as far as the command needs them
	Terminal bool            `json:"terminal"` // the client's standard output is one
	Width    int             `json:"width"`    // characters in a line of it
}

// Frame is a piece of the answer to a command. One that is empty says that the
// answer is still being looked for.
type Frame struct {
	To    string `json:"to,omitempty"` // ToOut, ToTalk, ToFile or ToProgram
	Data  []byte `json:"data,omitempty"`
	Whole bool   `json:"whole,omitempty"` // the file is
	Exit  *int   `json:"exit,omitempty"`  // the end, and the code
	Error *Error `json:"error,omitempty"` // instead of an answer
}

// Where a frame belongs. The file is the one that the client named: nobody else
// knows which. The program is one that he wrote, which nobody else is to run.
const (
	ToOut     = "out"
	ToTalk    = "err"
	ToFile    = "file"
	ToProgram = "program"
)

// frameBytes is how much of an answer is sent at once.
const frameBytes = 32 << 10

// Answer is where the answer to a command goes. A write fails once the client has
// gone, or reads nothing.
type Answer struct{ lines *lines }

// Writer returns what writes to ToOut and so on.
func (a *Answer) Writer(to string) *Stream { return &Stream{a, to} }

// Stream is one of the outputs of a command.
type Stream struct {
	answer *Answer
	to     string
}

// Write implements io.Writer.
func (s *Stream) Write(p []byte) (n int, err error) {
	for n < len(p) {
		end := min(len(p), n+frameBytes)
		if err := s.answer.send(&Frame{To: s.to, Data: p[n:end]}); err != nil {
			return n, err
		}
		n = end
	}
	return n, nil
}

// Begin says that there is a file, be it empty.
func (s *Stream) Begin() error { return s.answer.send(&Frame{To: s.to}) }

// End says that the file is whole.
func (s *Stream) End() error { return s.answer.send(&Frame{To: s.to, Whole: true}) }

func (a *Answer) send(f *Frame) error { return a.lines.send(f, true) }

// command runs a command and streams what it writes as frames, one a line.
func (s *Server) command(w http.ResponseWriter, r *http.Request) error {
	var c Command
	if err := readJSON(w, r, &c); err != nil {
		return err
	}
	ctx, cut := s.timed(r.Context(), &c)
	defer cut()
	a := &Answer{newLines(w, cut)}
	defer a.alive(ctx)()
	if err := a.send(&Frame{}); err != nil {
		return nil // the client has gone
	}
	leave, err := s.place(ctx)
	if err != nil {
		_ = a.send(&Frame{Error: errorOf(err)})
		return nil
	}
	defer leave()
	code := s.Do(ctx, &c, a)
	if s.closing.Err() != nil { // it was cut off: no code tells what came of it
		return nil
	}
	_ = a.send(&Frame{Exit: &code}) // the client has gone, or reads it
	return nil
}

// timed bounds the time of a command, if that is bounded.
func (s *Server) timed(ctx context.Context, c *Command) (context.Context, context.CancelFunc) {
	if s.Lasting != nil && s.Lasting(c) {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, s.CommandTime, query.ErrTooLong)
}

// alive says again and again that the answer is being looked for, until the
// function returned is called.
func (a *Answer) alive(ctx context.Context) (end func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		every := time.NewTicker(aliveEvery)
		defer every.Stop()
		for {
			select {
			case <-every.C:
				a.lines.alive(&Frame{})
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
