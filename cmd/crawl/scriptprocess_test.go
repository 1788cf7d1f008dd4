package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

// process is a program under way.
type process struct {
	cmd   *exec.Cmd
	out   bytes.Buffer
	talk  talk
	ended chan struct{} // closed when cmd.Wait has returned
}

// talk keeps what is written to it, and tells of it.
type talk struct {
	mu   sync.Mutex
	text []byte
	more chan struct{} // gets one token when there is more
}

func (t *talk) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	select {
	case t.more <- struct{}{}:
	default: // there is one already
	}
	return len(p), nil
}

func (t *talk) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

func (w *world) command(ts *testscript.TestScript, args []string) *exec.Cmd {
	c := exec.Command(args[0], args[1:]...)
	c.Dir = ts.MkAbs(".")
	names := ownEnv()
	for _, pair := range w.env.Vars {
		name, _, _ := strings.Cut(pair, "=")
		names = append(names, name)
	}
	for _, name := range names {
		if value := ts.Getenv(name); value != "" {
			c.Env = append(c.Env, name+"="+value)
		}
	}
	return c
}

func exitStatus(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	ts.Fatalf("%v", err)
	return 0
}

// exits CODE PROGRAM [ARGUMENT...] runs a program as exec does, and wants that
// exit code of it.
func (w *world) exits(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) > 1, "exits CODE PROGRAM [ARGUMENT...]")
	if code := exitStatus(ts, ts.Exec(args[1], args[2:]...)); strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// within DURATION CODE PROGRAM [ARGUMENT...] is exits for a program that has to
// end by then.
func (w *world) within(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) > 2, "within DURATION CODE PROGRAM [ARGUMENT...]")
	most, err := time.ParseDuration(args[0])
	ts.Check(err)
	began := time.Now()
	w.exits(ts, neg, args[1:])
	if took := time.Since(began); took > most {
		ts.Fatalf("it took %v", took)
	}
}

// start NAME PROGRAM [ARGUMENT...] starts a program and goes on.
func (w *world) start(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) > 1 && w.running[args[0]] == nil, "start NAME PROGRAM [ARGUMENT...]")
	p := &process{cmd: w.command(ts, args[1:]), ended: make(chan struct{}), talk: talk{more: make(chan struct{}, 1)}}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.talk
	ts.Check(p.cmd.Start())
	w.running[args[0]] = p
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // its state tells how it ended
	}()
}

// says NAME PATTERN waits until a program under way has said so on standard error.
func (w *world) says(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 2 && w.running[args[0]] != nil, "says NAME PATTERN")
	pattern := regexp.MustCompile("(?m)" + args[1])
	over := time.After(patience)
	for p := w.running[args[0]]; !pattern.MatchString(p.talk.String()); {
		select {
		case <-p.talk.more:
		case <-over:
			ts.Fatalf("%s says\n%s", args[0], p.talk.String())
		}
	}
}

var signals = map[string]os.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL, "STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT}

// signal NAME INT|TERM|HUP|KILL|STOP|CONT sends a signal to a program under way. One that
// has ended gets none: how it did, `ended` tells.
func (w *world) signal(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 2 && w.running[args[0]] != nil && signals[args[1]] != nil, "signal NAME INT|TERM|HUP|KILL|STOP|CONT")
	ts.Check(ignore(w.running[args[0]].cmd.Process.Signal(signals[args[1]]), os.ErrProcessDone))
}

// ended NAME CODE waits for a program under way, whose output then is that of
// the last program; -1 is a program that a signal ended.
func (w *world) ended(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 2 && w.running[args[0]] != nil, "ended NAME CODE")
	p := w.running[args[0]]
	select {
	case <-p.ended:
	case <-time.After(patience):
		ts.Fatalf("%s does not end", args[0])
	}
	delete(w.running, args[0])
	_, _ = ts.Stdout().Write(p.out.Bytes()) // buffers
	_, _ = ts.Stderr().Write([]byte(p.talk.String()))
	if code := p.cmd.ProcessState.ExitCode(); strconv.Itoa(code) != args[1] {
		ts.Fatalf("exit code %d, want %s\n%s", code, args[1], p.talk.String())
	}
}

// [!] cmdline NAME PATTERN looks at what the system shows everybody of a
// program under way.
func (w *world) cmdline(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, len(args) == 2 && w.running[args[0]] != nil, "[!] cmdline NAME PATTERN")
	dir := filepath.Join("/proc", strconv.Itoa(w.running[args[0]].cmd.Process.Pid))
	line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	ts.Check(err)
	environ, err := os.ReadFile(filepath.Join(dir, "environ"))
	ts.Check(err)
	if regexp.MustCompile(args[1]).Match(append(line, environ...)) == neg {
		ts.Fatalf("command line and environment are %q", append(line, environ...))
	}
}

// headed CODE PROGRAM [ARGUMENT...] reads one line of what a program writes,
// and closes the pipe as `| head -1` would. The pipe holds little: a program
// that writes more waits for that.
func (w *world) headed(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) > 1, "headed CODE PROGRAM [ARGUMENT...]")
	c := w.command(ts, args[1:])
	var talk bytes.Buffer
	c.Stderr = &talk
	r, pipe, err := os.Pipe()
	ts.Check(err)
	c.Stdout = pipe
	ts.Check(shrink(pipe))
	ts.Check(errors.Join(c.Start(), pipe.Close()))
	line, err := bufio.NewReaderSize(r, 16).ReadString('\n')
	ts.Check(errors.Join(err, r.Close()))
	code := exitStatus(ts, c.Wait())
	_, _ = ts.Stdout().Write([]byte(line)) // buffers
	_, _ = ts.Stderr().Write(talk.Bytes())
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// jsonl FILE [N] wants every line to be a JSON object, and N of them; without N
// at least one.
func (w *world) jsonl(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && (len(args) == 1 || len(args) == 2), "jsonl FILE [N]")
	n := 0
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil || !strings.HasSuffix(line, "\n") {
			ts.Fatalf("%q: %v", line, err)
		}
		n++
	}
	if n == 0 && len(args) == 1 || len(args) == 2 && strconv.Itoa(n) != args[1] {
		ts.Fatalf("%s has %d lines", args[0], n)
	}
}

// unclean is what a terminal might obey: controls of C0 and C1, DEL and those
// of bidirectional text.
var unclean = regexp.MustCompile("[\\x00-\\x08\\x0b-\\x1f\\x7f\u0080-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")

// clean FILE... wants text that does nothing to a terminal.
func (w *world) clean(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) > 0, "clean FILE...")
	for _, file := range args {
		text := ts.ReadFile(file)
		if !utf8.ValidString(text) {
			ts.Fatalf("%s is no UTF-8: %q", file, text)
		}
		if at := unclean.FindStringIndex(text); at != nil {
			ts.Fatalf("%s has %q in %q", file, text[at[0]:at[1]], text[max(0, at[0]-60):min(len(text), at[1]+60)])
		}
	}
}

// let NAME FILE PATTERN sets $NAME to what the pattern's group first matches.
func (w *world) let(ts *testscript.TestScript, _ bool, args []string) {
	wants(ts, len(args) == 3, "let NAME FILE PATTERN")
	found := regexp.MustCompile(args[2]).FindStringSubmatch(ts.ReadFile(args[1]))
	if len(found) != 2 {
		ts.Fatalf("%s: no match for %s", args[1], args[2])
	}
	ts.Setenv(args[0], found[1])
}

// [!] nowhere PATTERN PATH... looks through files and folders, into gzip too.
func (w *world) nowhere(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, len(args) > 1, "[!] nowhere PATTERN PATH...")
	pattern := regexp.MustCompile(args[0])
	var where []string
	files := 0
	for _, root := range args[1:] {
		ts.Check(filepath.WalkDir(ts.MkAbs(root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			if strings.HasSuffix(path, ".gz") && err == nil {
				text, err = gunzip(text)
			}
			files++
			if pattern.Match(text) {
				where = append(where, path)
			}
			return err
		}))
	}
	if files == 0 || (len(where) == 0) == neg {
		ts.Fatalf("%s is in %v, of %d files", args[0], where, files)
	}
}

func gunzip(text []byte) ([]byte, error) {
	if len(text) == 0 {
		return nil, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
