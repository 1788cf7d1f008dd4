//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// crawlBinary is the crawler as users have it: built, and run as another process.
type crawlBinary struct {
	file string
	home string // its working folder, its HOME too: no config file is found there
	wrap []string
}

func buildCrawl(t *testing.T) *crawlBinary {
	t.Helper()
	p := &crawlBinary{home: t.TempDir()}
	p.file = filepath.Join(p.home, "crawl")
	if out, err := exec.Command("go", "build", "-o", p.file, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return p
}

func (p *crawlBinary) command(args ...string) *exec.Cmd {
	words := append(append([]string{}, p.wrap...), p.file)
	words = append(words, args...)
	c := exec.Command(words[0], words[1:]...)
	c.Dir = p.home
	c.Env = []string{"HOME=" + p.home, "PATH=" + os.Getenv("PATH")}
	return c
}

// crawlProcess is one process of it.
type crawlProcess struct {
	cmd     *exec.Cmd
	started time.Time
	said    bytes.Buffer // JSON lines; to be read when it has ended
	talk    talk
	ended   chan struct{}
}

func (p *crawlBinary) start(t *testing.T, args ...string) *crawlProcess {
	t.Helper()
	c := &crawlProcess{cmd: p.command(args...), ended: make(chan struct{}), started: time.Now(), talk: talk{more: make(chan struct{}, 1)}}
	c.cmd.Stdout, c.cmd.Stderr = &c.said, &c.talk
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		_ = c.cmd.Wait() // the state tells
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // of a test that failed
		<-c.ended
	})
	return c
}

// signal sends a signal to the child alone; one that has ended meanwhile gets none.
func (c *crawlProcess) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

// says waits until the child has said so.
func (c *crawlProcess) says(t *testing.T, words string) {
	t.Helper()
	for over := false; !strings.Contains(c.talk.String(), words); {
		if over {
			t.Fatalf("it ended, exit %d, and did not say %q:\n%s", c.cmd.ProcessState.ExitCode(), words, c.talk.String())
		}
		select {
		case <-c.talk.more:
		case <-c.ended:
			over = true
		}
	}
}

// kill ends the child as kill -9 does, and tells whether it had ended before.
func (c *crawlProcess) kill(t *testing.T) (late bool) {
	t.Helper()
	c.signal(t, syscall.SIGKILL)
	<-c.ended
	return c.cmd.ProcessState.Exited()
}

// exit waits for the end and returns the exit code.
func (c *crawlProcess) exit(t *testing.T, atMost time.Duration) int {
	t.Helper()
	select {
	case <-c.ended:
		return c.cmd.ProcessState.ExitCode()
	case <-time.After(atMost):
		c.signal(t, syscall.SIGQUIT) // its goroutines tell where it hangs
		<-c.ended
		t.Fatalf("%v did not end within %v:\n%s", c.cmd.Args[1:], atMost, c.talk.String())
		return 0
	}
}

// told are the pages that the process said were stored. A line that the kill
// cut short tells nothing.
func (c *crawlProcess) told(t *testing.T) map[string]int {
	t.Helper()
	pages := map[string]int{}
	for line := range bytes.Lines(c.said.Bytes()) {
		var row struct {
			Type   string `json:"type"`
			URL    string `json:"url"`
			Status int    `json:"status"`
		}
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if row.Type == "page" {
			pages[row.URL] = row.Status
		}
	}
	return pages
}

// do runs one command to its end.
func (p *crawlBinary) do(t *testing.T, args ...string) (out []byte, talk string, code int) {
	t.Helper()
	c := p.command(args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	return stdout.Bytes(), stderr.String(), c.ProcessState.ExitCode()
}

// must runs a command that may not fail.
func (p *crawlBinary) must(t *testing.T, args ...string) []byte {
	t.Helper()
	out, talk, code := p.do(t, args...)
	if code != 0 {
		t.Fatalf("crawl %s: exit %d\n%s%s", strings.Join(args, " "), code, out, talk)
	}
	return out
}

// check runs `crawl db check`; where no session lived long enough to make a
// store there is nothing to check.
func (p *crawlBinary) check(t *testing.T, data string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(data, indexFile)); errors.Is(err, os.ErrNotExist) {
		return
	}
	if out, talk, code := p.do(t, "db", "check", "--data", data); code != 0 {
		t.Errorf("db check: exit %d\n%s%s", code, out, talk)
	}
}

// pageRow and skipRow are what tests want to know of exported rows.
type pageRow struct {
	URL       string `json:"url"`
	Kind      string `json:"kind"`
	Depth     *int   `json:"depth"`
	Status    int    `json:"status"`
	Fault     string `json:"fault"`
	FaultText string `json:"fault_text"`
	Redirect  string `json:"redirect"`
	Title     string `json:"title"`
	BodyHash  string `json:"body_hash"`
	Outlinks  int    `json:"outlinks"`
	Inlinks   *int   `json:"inlinks"`
}

type skipRow struct {
	URL    string `json:"url"`
	Reason string `json:"reason"`
	Rule   string `json:"rule"`
	Count  *int   `json:"count"`
}

// exportRows exports a table of the latest run.
func exportRows[T any](t *testing.T, p *crawlBinary, data, table string) []T {
	t.Helper()
	var all []T
	lines := bufio.NewScanner(bytes.NewReader(p.must(t, "export", "--data", data, "--table", table, "-f", "jsonl")))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row T
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		all = append(all, row)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// summaryOf shows the latest run and holds its counts together.
func (p *crawlBinary) summaryOf(t *testing.T, data string) summary {
	t.Helper()
	var s summary
	if err := json.Unmarshal(p.must(t, "show", "--data", data, "--json"), &s); err != nil {
		t.Fatal(err)
	}
	sum := s.Queued + s.Done + s.Failed
	for _, n := range s.Skipped {
		sum += n
	}
	if sum != s.Found {
		t.Errorf("found %d, but queued %d + done %d + failed %d + skipped %v is %d", s.Found, s.Queued, s.Done, s.Failed, s.Skipped, sum)
	}
	return s
}

// copyOf copies a data folder as the kill left it, which may be before it was
// made.
func copyOf(t *testing.T, data string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, noSockets{os.DirFS(data)}); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return dir
}

// noSockets are files without the sockets among them, which cannot be copied.
type noSockets struct{ fs.FS }

func (n noSockets) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(n.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Type()&fs.ModeSocket != 0 }), err
}

// listFile writes seeds where --list finds them.
func (p *crawlBinary) listFile(t *testing.T, seeds []string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "seeds.txt")
	if err := os.WriteFile(file, []byte(strings.Join(seeds, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// rateOf writes a delay as --rate reads it.
func rateOf(delay time.Duration) string { return "1/" + strconv.Itoa(int(delay.Milliseconds())) + "ms" }
