package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crawl/internal/query"
	"crawl/internal/weburl"
	"crawl/store"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pages is how many pages a test's run has.
const pages = 3000

// open makes a store with a run of some pages.
func open(t *testing.T) (*store.Bolt, string, *store.Run) {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(dir, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	run := &store.Run{Site: "acme", State: store.Complete, Settings: []byte("{}")}
	if err := st.Begin(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	return st, dir, run
}

func put(t *testing.T, st *store.Bolt, run *store.Run, n int) {
	t.Helper()
	u, err := weburl.Parse(fmt.Sprintf("http://a.example/%d", n))
	if err == nil {
		err = st.Put(t.Context(), &store.Page{URL: u, Run: run.ID, Try: 1, Status: 200, Title: strings.Repeat("x", 200), Fetched: time.Unix(1_790_000_000, 0)}, nil, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// config is a server's for a store.
func config(st *store.Bolt) Config {
	same := func(*store.Run) (func(weburl.URL) weburl.URL, error) {
		return func(u weburl.URL) weburl.URL { return u }, nil
	}
	return Config{
		Store: st, Program: "crawl/test", Command: "crawl run acme", Log: slog.New(slog.DiscardHandler),
		Find: func(ctx context.Context, name string) (*store.Run, error) {
			return query.FindRun(ctx, st, name, time.Now())
		},
		Tables:  func(run *store.Run) query.Options { return query.Options{Run: run, Identity: same} },
		Running: func() []Running { return nil },
	}
}

// serve serves the socket of a store until the end of the test.
func serve(t *testing.T, dir string, c Config) (*Server, *Client) {
	t.Helper()
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := New(c)
	s.Serve(l)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, NewClient(dir)
}

// ask sends a request and returns the status and the lines of the answer.
func ask(t *testing.T, c *Client, method, path, body string) (int, []string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://crawl"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.Split(strings.TrimSpace(string(text)), "\n")
}

func TestSocket(t *testing.T) {
	_, dir, _ := open(t)
	path := filepath.Join(dir, SocketFile)
	if err := os.WriteFile(path, nil, 0o644); err != nil { // left behind
		t.Fatal(err)
	}
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm() != 0o600 || info.Mode().Type() != os.ModeSocket {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".sock*")); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	if _, err := NewClient(dir).Status(t.Context()); !errors.Is(err, ErrNobody) {
		t.Errorf("nobody there: %v", err)
	}
}

// TestLeftBehind finds the socket of a process that was killed.
func TestLeftBehind(t *testing.T) {
	st, dir, _ := open(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, SocketFile), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := NewClient(dir).Status(t.Context()); !errors.Is(err, ErrNobody) {
		t.Errorf("nobody listens: %v", err)
	}
	_, c := serve(t, dir, config(st))
	if _, err := c.Status(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestLongName: a socket's name has a hundred bytes, a folder's more.
func TestLongName(t *testing.T) {
	st, _, _ := open(t)
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := Listen(dir)
	if err != nil {
		if _, there := os.Stat("/proc/self/fd"); there == nil || !strings.Contains(err.Error(), "--data") {
			t.Error(err)
		}
		return
	}
	s := New(config(st))
	s.Serve(l)
	defer s.Close()
	if status, err := NewClient(dir).Status(t.Context()); err != nil || status.Command != "crawl run acme" || status.PID != os.Getpid() {
		t.Errorf("%+v, %v", status, err)
	}
}

func TestQuery(t *testing.T) {
	st, dir, run := open(t)
	for n := range 5 {
		put(t, st, run, n)
	}
	_, c := serve(t, dir, config(st))
	code, lines := ask(t, c, "POST", "/v1/query", `{"sql": "SELECT url, status, depth, 1.5 AS x, NULL AS n FROM pages ORDER BY url LIMIT 2"}`)
	want := []string{
		`{"run":"acme@1","columns":[{"name":"url","kind":"text"},{"name":"status","kind":"integer"},{"name":"depth","kind":"integer"},{"name":"x","kind":"any"},{"name":"n","kind":"any"}]}`,
		`{"row":["http://a.example/0",200,0,1.5,null]}`, `{"row":["http://a.example/1",200,0,1.5,null]}`, `{"rows":2}`,
	}
	if code != 200 || strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("%d\n%s", code, strings.Join(lines, "\n"))
	}
	if _, lines := ask(t, c, "POST", "/v1/query", `{"run": "acme@1", "sql": "SELECT url FROM pages", "max_rows": 3}`); len(lines) != 5 || lines[4] != `{"rows":3,"error":{"what":"the answer has more rows than are allowed"}}` {
		t.Errorf("of at most 3 rows: %q", lines)
	}
}

// TestQuestionsRefused asks for what nobody gets.
func TestQuestionsRefused(t *testing.T) {
	st, dir, run := open(t)
	put(t, st, run, 1)
	_, c := serve(t, dir, config(st))
	sql := func(statement string) string {
		text, _ := json.Marshal(Question{SQL: statement})
		return string(text)
	}
	for _, tt := range []struct {
		method, path, body string
		code               int
		what               string
	}{
		{"POST", "/v1/query", sql("DELETE FROM pages"), 400, "nothing can be changed here"},
		{"POST", "/v1/query", sql("INSERT INTO pages(url) VALUES (1)"), 400, "nothing can be changed here"},
		{"POST", "/v1/query", sql("ATTACH 'x.db' AS x"), 400, "nothing can be changed here"},
		{"POST", "/v1/query", sql("PRAGMA query_only = 0"), 400, "nothing can be changed here"},
		{"POST", "/v1/query", sql("VACUUM INTO 'x.db'"), 400, "nothing can be changed here"},
		{"POST", "/v1/query", sql("SELECT name FROM sqlite_schema"), 400, "prohibited"},
		{"POST", "/v1/query", sql("SELECT load_extension('x')"), 400, "not authorized to use function: load_extension"},
		{"POST", "/v1/query", sql("SELECT 1; SELECT 2"), 400, "one statement at a time"},
		{"POST", "/v1/query", sql("SELECT titel FROM pages"), 400, `unknown field \"titel\"`},
		{"POST", "/v1/query", sql(""), 400, "there is no statement"},
		{"POST", "/v1/query", `{"sql": "SELECT 1", "run": "nobody"}`, 404, "no run"},
		{"POST", "/v1/query", `{"sql": "SELECT 1", "run": "acme@x"}`, 404, "no name of a run"},
		{"POST", "/v1/query", `{"sql": "SELECT 1", "max_rows": -1}`, 400, "at most"},
		{"POST", "/v1/query", `{"sql": "SELECT 1", "max_time_ms": 999999999}`, 400, "at most"},
		{"POST", "/v1/query", `{"sql": "SELECT 1", "x": 1}`, 400, "unknown field"},
		{"POST", "/v1/query", `{"sql": "SELECT 1"} {}`, 400, "something follows the object"},
		{"POST", "/v1/query", `nonsense`, 400, "the body of the request"},
		{"POST", "/v1/query", `{"sql": "` + strings.Repeat("x", maxRequest) + `"}`, 413, "at most 1048576 bytes"},
		{"GET", "/v1/query", "", 404, "there is no GET"},
		{"POST", "/v1/runs/acme/pause", "", 409, "no run goes on here"},
		{"GET", "/", "", 404, "there is no GET"},
		{"GET", "/../../etc/passwd", "", 404, "there is no GET"},
	} {
		code, lines := ask(t, c, tt.method, tt.path, tt.body)
		if code != tt.code || len(lines) != 1 || !strings.HasPrefix(lines[0], `{"error":{"what":`) || !strings.Contains(lines[0], tt.what) {
			t.Errorf("%s %s %.60s: %d %q; want %d, %q", tt.method, tt.path, tt.body, code, lines, tt.code, tt.what)
		}
	}
	// this one is refused when it is about to be read
	if _, lines := ask(t, c, "POST", "/v1/query", sql("SELECT * FROM pragma_database_list")); !strings.Contains(lines[len(lines)-1], `"rows":0,"error":{"what":"nothing can be changed here`) {
		t.Errorf("%q", lines)
	}
	if _, err := os.Stat("x.db"); err == nil {
		t.Error("x.db was made")
	}
}

// TestEndless asks what has no end: it is stopped, and when the client goes too.
func TestEndless(t *testing.T) {
	st, dir, run := open(t)
	for n := range 100 {
		put(t, st, run, n)
	}
	s, c := serve(t, dir, config(st))
	const endless = `"SELECT count(*) FROM pages a, pages b, pages c, pages d, pages e, pages f"`
	if _, lines := ask(t, c, "POST", "/v1/query", `{"sql": `+endless+`, "max_time_ms": 50}`); !strings.Contains(lines[len(lines)-1], query.ErrTooLong.Error()) {
		t.Errorf("%q", lines)
	}
	ctx, leave := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		resp, err := c.post(ctx, "/v1/query", Question{SQL: "SELECT url FROM pages a UNION ALL SELECT count(*) FROM pages a, pages b, pages c, pages d, pages e, pages f", MaxTime: 300_000})
		if err == nil {
			_, err = bufio.NewReader(resp.Body).ReadString('\n')
			resp.Body.Close()
		}
		failed <- err
	}()
	if err := <-failed; err != nil { // it has begun, and goes on
		t.Error(err)
	}
	leave()
	s.places <- struct{}{} // with all places there is nobody left who looks for an answer
	for range cap(s.places) - 1 {
		s.places <- struct{}{}
	}
	for range cap(s.places) {
		<-s.places
	}
}

// TestSlowReader leaves an answer unread. Nothing waits for that: commits go on,
// and the room that they free is used again, which no snapshot holds.
func TestSlowReader(t *testing.T) {
	st, dir, run := open(t)
	for n := range pages {
		put(t, st, run, n)
	}
	_, c := serve(t, dir, config(st))
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	resp, err := c.post(ctx, "/v1/query", Question{SQL: "SELECT a.url, a.title FROM pages a, pages b", MaxRows: mostRows, MaxTime: 300_000})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	size := func() int64 {
		info, err := os.Stat(filepath.Join(dir, store.File))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	before := size()
	for range 2000 {
		if err := st.Update(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	if grown := size() - before; grown > 1<<20 { // with a snapshot held it is some 8 KB for each
		t.Errorf("the file has grown by %d bytes", grown)
	}
}
