package powercut

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sessionTime is the longest that one session may take.
const sessionTime = time.Minute

// ordeal is one crawl whose power is cut again and again. What is wrong comes
// into faults, and is for the test to judge.
type ordeal struct {
	bin, list, mark, home string
	site                  *site
	deaf                  bool

	session int
	disk    *Disk // of the last session
	left    *Image
	begun   bool              // the store knows of a run
	over    bool              // and that it is complete
	kept    map[string]string // what the store held after the last cut
	faults  []string
	loss    Loss
}

// row is a page in an export or on standard output.
type row struct {
	Type     string `json:"type"`
	URL      string `json:"url"`
	Status   int    `json:"status"`
	Fault    string `json:"fault"`
	Depth    *int   `json:"depth"`
	Title    string `json:"title"`
	BodyHash string `json:"body_hash"`
	Outlinks int    `json:"outlinks"`
	Inlinks  *int   `json:"inlinks"`
}

func newOrdeal(t *testing.T, bin string, s *site) *ordeal {
	t.Helper()
	home := t.TempDir()
	o := &ordeal{bin: bin, site: s, home: home, list: filepath.Join(home, "seeds.txt"), mark: filepath.Join(home, "session")}
	if err := os.WriteFile(o.list, []byte(s.seeds()), 0o600); err != nil {
		t.Fatal(err)
	}
	s.afresh()
	return o
}

func (o *ordeal) fault(format string, args ...any) {
	o.faults = append(o.faults, fmt.Sprintf("session %d: ", o.session)+fmt.Sprintf(format, args...))
}

// command runs to its end.
func (o *ordeal) command(args ...string) *exec.Cmd {
	c := exec.Command(o.bin, args...)
	c.Env = []string{"HOME=" + o.home}
	c.Dir = o.home
	return c
}

func (o *ordeal) do(t *testing.T, args ...string) (out []byte, talk string, code int) {
	t.Helper()
	c := o.command(args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	return stdout.Bytes(), stderr.String(), c.ProcessState.ExitCode()
}

// crawl is the next session: the run from its start, or resumed.
func (o *ordeal) crawl(data string) *exec.Cmd {
	if o.begun {
		return o.command("resume", "--data", data, "--json", "--quiet")
	}
	return o.command("run", "--list", o.list, "--scope", "host", "--sitemap", "off", "--allow-private", "--rate", "1/5ms",
		"--header", sessionHeader+": file:"+o.mark, "--data", data, "--json", "--quiet")
}

// run runs one session on what the last left and cuts the power before the
// n-th change, or after the end if that comes first; it tells which. Then it
// looks at what is left.
func (o *ordeal) run(t *testing.T, n int, rnd *rand.Rand) (ended bool) {
	t.Helper()
	if err := os.WriteFile(o.mark, []byte(strconv.Itoa(o.session)), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	o.disk = NewDisk(o.left, o.deaf)
	dir, unmount := mounted(t, o.disk)
	defer unmount()
	var length int64 // of what it had said at the cut
	cut := o.disk.CutAt(n, rnd, func() {
		if info, err := said.Stat(); err == nil {
			length = info.Size()
		}
	})
	ended, talk := o.until(t, cut, said, filepath.Join(dir, "data"))
	if ended {
		info, err := said.Stat()
		if err != nil {
			t.Fatal(err)
		}
		o.left, length = o.disk.Cut(rnd), info.Size()
	}
	raw, err := os.ReadFile(said.Name())
	if err != nil {
		t.Fatal(err)
	}
	o.again()
	o.look(t, raw[:length])
	if ended && len(o.faults) > 0 {
		o.fault("it said: %s", talk)
	}
	o.session++
	return ended
}

// until runs a session until the power is cut, which kills it.
func (o *ordeal) until(t *testing.T, cut <-chan *Image, said *os.File, data string) (ended bool, talk string) {
	t.Helper()
	c := o.crawl(data)
	var errs bytes.Buffer
	c.Stdout, c.Stderr = said, &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = c.Wait() // the state tells
	}()
	late := time.AfterFunc(sessionTime, func() { _ = c.Process.Kill() }) // it may be gone
	defer late.Stop()
	select {
	case o.left = <-cut:
		_ = c.Process.Kill() // it may be gone
		<-gone
		return false, errs.String()
	case <-gone:
	}
	select {
	case o.left = <-cut: // with its last breath
		return false, errs.String()
	default:
	}
	want, says := 0, ""
	if o.over { // the last cut came when its end was on disk, and only its queue was left to remove
		want, says = 2, "no run is left unfinished"
	}
	if code := c.ProcessState.ExitCode(); code != want || !strings.Contains(errs.String(), says) {
		o.fault("exit %d, want %d: %s", code, want, errs.String())
	}
	return true, errs.String()
}

// look opens a copy of what is left and holds it against what was said.
func (o *ordeal) look(t *testing.T, said []byte) {
	t.Helper()
	o.loss.add(o.left.Loss)
	told := rows(t, said[:bytes.LastIndexByte(said, '\n')+1], "page")
	dir := t.TempDir()
	defer os.RemoveAll(dir)
	data := filepath.Join(dir, "left", "data")
	if err := o.left.Write(filepath.Dir(data)); err != nil {
		t.Fatal(err)
	}
	now := map[string]string{}
	o.begun = o.begins(t, data, o.begun || len(told) > 0 || len(o.site.asked(o.session)) > 0)
	if o.begun {
		if out, talk, code := o.do(t, "db", "check", "--data", data); code != 0 {
			o.fault("db check: exit %d: %s%s", code, out, talk)
		}
		out, talk, code := o.do(t, "export", "--data", data, "-f", "jsonl")
		if code != 0 {
			o.fault("export: exit %d: %s", code, talk)
		}
		now = rows(t, out, "")
	}
	for _, before := range []map[string]string{o.kept, told} {
		for u, what := range before {
			if now[u] != what {
				o.fault("%s was stored, %q, and is now %q", u, what, now[u])
			}
		}
	}
	o.kept = now
}

// begins tells whether the store in data knows of a run. It must if a request
// was sent, and else there may be no store at all, but none that is damaged.
func (o *ordeal) begins(t *testing.T, data string, must bool) bool {
	t.Helper()
	out, talk, code := o.do(t, "runs", "--json", "--data", data)
	switch {
	case code == 0 && len(out) > 0:
		o.over = bytes.Contains(out, []byte(`"state":"complete"`))
		return true
	case code != 0 && !strings.Contains(talk, "there is no store"):
		o.fault("runs: exit %d: %s", code, talk)
	case must:
		o.fault("requests were sent, and the run is lost")
	}
	return false
}

// again finds what a session asked for though it was kept before, or twice.
func (o *ordeal) again() {
	asked := o.site.asked(o.session)
	for _, u := range sorted(asked) {
		if _, kept := o.kept[u]; kept || asked[u] > 1 {
			o.fault("%s was asked for %d times; kept before: %t", u, asked[u], kept)
		}
	}
}

func (l *Loss) add(m Loss) {
	l.Writes, l.Dropped, l.Torn = l.Writes+m.Writes, l.Dropped+m.Dropped, l.Torn+m.Torn
	l.Names, l.Unnamed = l.Names+m.Names, l.Unnamed+m.Unnamed
}

// rows reads JSON lines of one type, or all if it is empty, by URL, as far as they do not change
// while a run goes on.
func rows(t *testing.T, raw []byte, kind string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for r := range each(t, raw) {
		if kind == "" || r.Type == kind {
			all[r.URL] = fmt.Sprintf("%d %s", r.Status, r.Fault)
		}
	}
	return all
}

func each(t *testing.T, raw []byte) func(func(row) bool) {
	return func(yield func(row) bool) {
		for dec := json.NewDecoder(bytes.NewReader(raw)); dec.More(); {
			var r row
			if err := dec.Decode(&r); err != nil {
				t.Fatal(err)
			}
			if !yield(r) {
				return
			}
		}
	}
}

// result is what a run that is complete found.
func (o *ordeal) result(t *testing.T) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "left")
	if err := o.left.Write(dir); err != nil {
		t.Fatal(err)
	}
	out, talk, code := o.do(t, "export", "--data", filepath.Join(dir, "data"), "-f", "jsonl")
	if code != 0 {
		o.fault("export: exit %d: %s", code, talk)
	}
	all := map[string]string{}
	for r := range each(t, out) {
		r.Type = ""
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		all[r.URL] = string(line)
	}
	return all
}

// differ says where two results differ.
func (o *ordeal) differ(got, want map[string]string) {
	union := maps.Clone(got)
	maps.Copy(union, want)
	for _, u := range sorted(union) {
		if got[u] != want[u] {
			o.fault("%s at the end: %q, undisturbed %q", u, got[u], want[u])
		}
	}
}
