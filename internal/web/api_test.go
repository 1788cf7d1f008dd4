package web

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"crawl/internal/query"
	"crawl/internal/search"
	"crawl/internal/weburl"
	"crawl/store"
)

// fakeEngine notes what it is told to do.
type fakeEngine struct {
	store *store.Bolt
	did   chan string
	ready error
}

func (f *fakeEngine) Start(ctx context.Context, w Wish) (*store.Run, error) {
	f.did <- fmt.Sprintf("start %s%v guest=%v", w.Site, w.URLs, w.Guest)
	return f.store.Run(ctx, 2)
}

func (f *fakeEngine) Steer(_ context.Context, run *store.Run, verb Verb) error {
	f.did <- fmt.Sprintf("%s %s", verb, query.RunName(run))
	return nil
}

func (f *fakeEngine) Sites(context.Context) ([]Site, error) {
	return []Site{{Name: "acme", From: "config"}}, nil
}

func (f *fakeEngine) Queue() Queue { return Queue{Places: 3} }
func (f *fakeEngine) Ready() error { return f.ready }

func (f *fakeEngine) Schedules(context.Context) ([]query.Schedule, error) {
	return []query.Schedule{{Name: "weekly", Site: "acme"}}, nil
}

func (f *fakeEngine) Order(_ context.Context, name string, what Order) error {
	f.did <- fmt.Sprintf("%s %s", what, name)
	return nil
}

// fakeSearch finds one page.
type fakeSearch struct{}

func (fakeSearch) Find(_ context.Context, _ *store.Run, q *search.Query) iter.Seq2[search.Hit, error] {
	return func(yield func(search.Hit, error) bool) {
		u, err := weburl.Parse("https://acme.example/3")
		yield(search.Hit{URL: u}, err)
	}
}

func (fakeSearch) Show(context.Context, *store.Run, *search.Query, search.Hit) (search.Shown, error) {
	return search.Shown{Excerpt: search.Excerpt{Text: "an anvil of steel", Marks: [][2]int{{3, 8}}}}, nil
}

// Tokens of the tests.
const (
	readToken  = "read-read-read-read-read"
	runToken   = "run-run-run-run-run-run-run"
	adminToken = "admin-admin-admin-admin"
)

// served is an API with a run acme@1 of pages /0 to /9, listening on loopback.
type servedAPI struct {
	*API
	engine *fakeEngine
	origin string
}

func serveAPI(t *testing.T) *servedAPI {
	t.Helper()
	st, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	fillStore(t, st)
	tokens, err := ParseTokens("read " + readToken + "\nrun " + runToken + "\n# who may do all\nadmin " + adminToken + "\n")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{
		Store: st, Program: "crawl/test", Log: slog.New(slog.DiscardHandler),
		Find: func(ctx context.Context, name string) (*store.Run, error) {
			return query.FindRun(ctx, st, name, time.Now())
		},
		Running: func() []Running {
			return []Running{{Name: "acme@1", Site: "acme", Progress: func() Progress { return Progress{Run: "acme@1"} }, Tune: func(_ context.Context, t *Tuning) (*Tuned, error) {
				return &Tuned{Run: "acme@1", Rate: t.Rate, Exclude: t.Exclude}, nil
			}}}
		},
		Tables: func(run *store.Run) query.Options {
			return query.Options{Run: run, Search: fakeSearch{}, Identity: func(*store.Run) (func(weburl.URL) weburl.URL, error) {
				return func(u weburl.URL) weburl.URL { return u }, nil
			}}
		},
	})
	engine := &fakeEngine{st, make(chan string, 100), nil}
	api := NewAPI(s, APIOptions{
		Engine: engine, Hub: NewHub(), Stats: NewStats(), Hosts: []string{"crawl.example", "Other.example.:443"}, Tokens: tokens,
		Summary: func(r *store.Run) any { return map[string]string{"run": query.RunName(r)} },
		Rows:    func(w *bufio.Writer, form string, c []query.ColumnOf) RowWriter { return &testRows{w, form, c, 0} },
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	api.Serve(l)
	t.Cleanup(func() {
		api.Shut()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &servedAPI{api, engine, "http://" + l.Addr().String()}
}

// fillStore makes before@1 and acme@1, which has other titles on the same pages.
func fillStore(t *testing.T, st *store.Bolt) {
	t.Helper()
	ctx := context.Background()
	rows := []store.ScheduleRow{{Name: "weekly", Site: "acme", Due: time.Unix(1e9, 0), State: "missed"}, {Name: "weekly", Site: "acme", Due: time.Unix(2e9, 0), State: "done"}}
	if err := st.SaveSchedules(ctx, nil, rows); err != nil {
		t.Fatal(err)
	}
	for _, site := range []string{"before", "acme"} {
		run := &store.Run{Site: site, Seeds: []string{"https://acme.example/"}, Started: time.Now()}
		if err := st.Begin(ctx, run); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			u, err := weburl.Parse(fmt.Sprintf("https://acme.example/%d", i))
			if err != nil {
				t.Fatal(err)
			}
			p := &store.Page{URL: u, Run: run.ID, Fetched: time.Now(), Status: 200 + i%2*204, Title: fmt.Sprint(site, i)}
			if err := st.Put(ctx, p, nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		run.State, run.Ended = store.Complete, time.Now()
		if err := st.Update(ctx, run); err != nil {
			t.Fatal(err)
		}
	}
}

// testRows writes rows in the least of ways.
type testRows struct {
	w       *bufio.Writer
	form    string
	columns []query.ColumnOf
	n       int
}

func (r *testRows) Row(values []any) error {
	if r.columns[0].Name == "fails" && r.n == 5000 {
		return errors.New("as the test wants it")
	}
	o := map[string]any{}
	for i, v := range values {
		o[r.columns[i].Name] = v
	}
	raw, err := json.Marshal(o)
	if r.form == typeJSON {
		r.w.WriteString([]string{"[", ","}[min(r.n, 1)])
	}
	r.n++
	r.w.Write(raw)
	if r.form != typeJSON {
		r.w.WriteByte('\n')
	}
	return err
}

func (r *testRows) End() error {
	if r.form == typeJSON {
		r.w.WriteString([]string{"[]", "]"}[min(r.n, 1)])
	}
	return nil
}

// call is a request and what is said about it.
type call struct {
	method, path, token, body string
	header                    map[string]string
	host                      string
}

func (a *servedAPI) do(t *testing.T, c call) (status int, body string, header http.Header) {
	t.Helper()
	req, err := http.NewRequest(c.method, a.origin+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
	}
	req.Host = c.host
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", c.method, c.path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", c.method, c.path, err)
	}
	return resp.StatusCode, string(raw), resp.Header
}

// examples has a request for each route, by method and path, with what the answer
// has to hold.
var examples = map[string]struct{ path, body, want string }{
	"GET /healthz":                         {"/healthz", "", "ok"},
	"GET /readyz":                          {"/readyz", "", "ready"},
	"GET /metrics":                         {"/metrics", "", "crawl_http_requests_total"},
	"GET /openapi.json":                    {"/openapi.json", "", `"openapi":"3.1.0"`},
	"GET /v1/status":                       {"/v1/status", "", `"places":3`},
	"GET /v1/sites":                        {"/v1/sites", "", `"site":"acme"`},
	"GET /v1/runs":                         {"/v1/runs?site=acme", "", `"runs":[{"run":"acme@1"}]`},
	"POST /v1/runs":                        {"/v1/runs", `{"site":"acme"}`, `"run":"acme@1"`},
	"GET /v1/runs/{run}":                   {"/v1/runs/acme@1", "", `{"run":"acme@1"}`},
	"POST /v1/runs/{run}/pause":            {"/v1/runs/acme/pause", "", `"done":"pause"`},
	"POST /v1/runs/{run}/unpause":          {"/v1/runs/acme/unpause", "", `"done":"unpause"`},
	"POST /v1/runs/{run}/stop":             {"/v1/runs/acme/stop", "", `"done":"stop"`},
	"POST /v1/runs/{run}/resume":           {"/v1/runs/acme/resume", "", `"done":"resume"`},
	"POST /v1/runs/{run}/tune":             {"/v1/runs/acme/tune", `{"exclude":["/x"]}`, `"exclude":["/x"]`},
	"GET /v1/runs/{run}/{table}":           {"/v1/runs/acme/pages?where=status+%3D+404&select=url&sort=-url&limit=2", "", `"rows":[{"url":"https://acme.example/9"},{"url":"https://acme.example/7"}]`},
	"GET /v1/runs/{run}/diff":              {"/v1/runs/acme/diff?base=before&select=url,before,after&where=kind%3D%27title%27&sort=url&limit=1", "", `"rows":[{"after":"acme0","before":"before0","url":"https://acme.example/0"}]`},
	"GET /v1/pages":                        {"/v1/pages?url=https://acme.example/3&select=status,run", "", `"rows":[{"run":"acme@1","status":404},{"run":"before@1","status":404}]`},
	"GET /v1/search":                       {"/v1/search?q=anvil&run=acme&select=url,snippet", "", `"rows":[{"snippet":"an «anvil» of steel","url":"https://acme.example/3"}]`},
	"POST /v1/query":                       {"/v1/query", `{"sql":"SELECT count(*) AS n FROM pages WHERE status = 200"}`, `"rows":[{"n":5}]`},
	"GET /v1/schedules":                    {"/v1/schedules", "", `"name":"weekly"`},
	"GET /v1/schedules/{schedule}/history": {"/v1/schedules/weekly/history?limit=1", "", `"state":"done"`},
	"POST /v1/schedules/{schedule}/pause":  {"/v1/schedules/weekly/pause", "", `"done":"pause"`},
	"POST /v1/schedules/{schedule}/resume": {"/v1/schedules/weekly/resume", "", `"done":"resume"`},
	"POST /v1/schedules/{schedule}/run":    {"/v1/schedules/weekly/run", "", `"done":"run"`},
	"GET /v1/events":                       {"/v1/events", "", "retry: 2000"},
}

// TestOpenAPI exercises every operation of the document, which has every route.
func TestOpenAPI(t *testing.T) {
	a := serveAPI(t)
	_, raw, _ := a.do(t, call{method: "GET", path: "/openapi.json", token: readToken})
	var doc struct {
		Paths map[string]map[string]struct {
			Scope     string `json:"x-scope"`
			ID        string `json:"operationId"`
			Security  []any
			Responses map[string]struct{ Content map[string]any }
		}
	}
	if err := json.Unmarshal([]byte(raw), &doc); err != nil {
		t.Fatal(err)
	}
	count, ids := 0, map[string]string{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			count++
			if other := ids[op.ID]; other != "" || op.ID == "" {
				t.Errorf("%s and %s are both called %q", other, path, op.ID)
			}
			ids[op.ID] = path
			name := strings.ToUpper(method) + " " + path
			ex, ok := examples[name]
			if !ok {
				t.Errorf("%s is exercised by no test", name)
				continue
			}
			if path == "/v1/events" {
				continue // TestEvents
			}
			token := map[string]string{"open": "", "read": readToken, "run": runToken, "admin": adminToken}[op.Scope]
			status, body, header := a.do(t, call{method: strings.ToUpper(method), path: ex.path, body: ex.body, token: token})
			said, ok := op.Responses[fmt.Sprint(status)]
			if !ok || !strings.Contains(body, ex.want) {
				t.Errorf("%s: %d %s; wanted %s", name, status, body, ex.want)
			}
			if form := header.Get("Content-Type"); !slices.ContainsFunc(slices.Collect(mapKeys(said.Content)), func(f string) bool { return strings.HasPrefix(form, strings.TrimSuffix(f, "; charset=utf-8")) }) {
				t.Errorf("%s: answered as %s, the document has %v", name, form, said.Content)
			}
			if (op.Scope == "open") != (len(op.Security) == 0) {
				t.Errorf("%s: scope %s, security %v", name, op.Scope, op.Security)
			}
			if op.Scope == "run" { // what a smaller scope may not
				if status, _, _ := a.do(t, call{method: strings.ToUpper(method), path: ex.path, body: ex.body, token: readToken}); status != http.StatusForbidden {
					t.Errorf("%s with a token to read: %d", name, status)
				}
			}
		}
	}
	if count != len(a.routes) || count != len(examples) {
		t.Errorf("%d operations, %d routes, %d examples", count, len(a.routes), len(examples))
	}
}

func mapKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// TestRefused sends what nobody with good intentions sends.
func TestRefused(t *testing.T) {
	a := serveAPI(t)
	good := call{method: "GET", path: "/v1/runs", token: readToken}
	with := func(c call, header ...string) call {
		c.header = map[string]string{}
		for i := 0; i < len(header); i += 2 {
			c.header[header[i]] = header[i+1]
		}
		return c
	}
	on := func(c call, host string) call { c.host = host; return c }
	post := call{method: "POST", path: "/v1/runs", token: runToken, body: `{"site":"acme"}`}
	tests := []struct {
		name   string
		call   call
		status int
	}{
		{"no token", call{method: "GET", path: "/v1/runs"}, 401},
		{"a wrong token", call{method: "GET", path: "/v1/runs", token: "wrong-wrong-wrong-wrong"}, 401},
		{"half a token", call{method: "GET", path: "/v1/runs", token: readToken[:12]}, 401},
		{"a longer token", call{method: "GET", path: "/v1/runs", token: readToken + "x"}, 401},
		{"basic", with(call{method: "GET", path: "/v1/runs"}, "Authorization", "Basic "+readToken), 401},
		{"a bare token", with(call{method: "GET", path: "/v1/runs"}, "Authorization", readToken), 401},
		{"a token in the query", call{method: "GET", path: "/v1/runs?token=" + readToken}, 401},
		{"metrics without a token", call{method: "GET", path: "/metrics"}, 401},
		{"the document without a token", call{method: "GET", path: "/openapi.json"}, 401},
		{"events without a token", call{method: "GET", path: "/v1/events"}, 401},
		{"nowhere without a token", call{method: "GET", path: "/nowhere"}, 401},
		{"start without a token", call{method: "POST", path: "/v1/runs", body: `{"site":"acme"}`}, 401},
		{"health by POST", call{method: "POST", path: "/healthz"}, 401},

		{"start with a token to read", call{method: "POST", path: "/v1/runs", body: `{"site":"acme"}`, token: readToken}, 403},
		{"stop with a token to read", call{method: "POST", path: "/v1/runs/acme/stop", token: readToken}, 403},
		{"pause with a token to read", call{method: "POST", path: "/v1/runs/acme/pause", token: readToken}, 403},

		{"another rate with a token to run", call{method: "POST", path: "/v1/runs/acme/tune", body: `{"rate":"1000/s"}`, token: runToken}, 403},

		{"another host", on(good, "evil.example"), 421},
		{"another host, our port", on(good, "evil.example:"+a.origin[strings.LastIndexByte(a.origin, ':')+1:]), 421},
		{"a host that begins like ours", on(good, "localhost.evil.example"), 421},
		{"a host that ends like ours", on(good, "evil-localhost"), 421},
		{"another address", on(good, "192.0.2.1"), 421},
		{"a private address", on(good, "10.0.0.1:7878"), 421},
		{"another host and health", on(call{method: "GET", path: "/healthz"}, "evil.example"), 421},
		{"another host and HEAD of health", on(call{method: "HEAD", path: "/healthz"}, "evil.example"), 421},
		{"another host and POST", on(post, "evil.example"), 421},

		{"another origin", with(good, "Origin", "https://evil.example"), 403},
		{"another origin and POST", with(post, "Origin", "https://evil.example"), 403},
		{"no origin in words", with(good, "Origin", "null"), 403},
		{"an origin of another port", with(good, "Origin", "http://127.0.0.1:1"), 403},
		{"an origin that is none", with(good, "Origin", "::"), 403},
		{"another site, says the browser", with(post, "Sec-Fetch-Site", "cross-site"), 403},
		{"a sibling site, says the browser", with(post, "Sec-Fetch-Site", "same-site"), 403},

		{"DELETE", call{method: "DELETE", path: "/v1/runs", token: adminToken}, 405},
		{"PUT", call{method: "PUT", path: "/v1/runs/acme", token: adminToken}, 405},
		{"PATCH", call{method: "PATCH", path: "/v1/runs/acme", token: adminToken}, 405},
		{"OPTIONS, as before CORS", with(call{method: "OPTIONS", path: "/v1/runs", token: adminToken}, "Access-Control-Request-Method", "POST"), 405},
		{"HEAD", call{method: "HEAD", path: "/v1/runs", token: readToken}, 405},
		{"GET of what takes POST", call{method: "GET", path: "/v1/query", token: readToken}, 405},
		{"a method of nobody's", call{method: "BREW", path: "/v1/runs", token: adminToken}, 405},
		{"TRACE", call{method: "TRACE", path: "/v1/status", token: adminToken}, 405},

		{"a form", with(post, "Content-Type", "application/x-www-form-urlencoded"), 415},
		{"text", with(post, "Content-Type", "text/plain"), 415},
		{"a form of parts", with(post, "Content-Type", "multipart/form-data; boundary=x"), 415},
		{"no type", with(post, "Content-Type", ""), 415},
		{"nothing we have", with(call{method: "GET", path: "/v1/runs/acme/pages", token: readToken}, "Accept", "text/html"), 406},

		{"no JSON", call{method: "POST", path: "/v1/runs", token: runToken, body: `site=acme`}, 400},
		{"an unknown field", call{method: "POST", path: "/v1/runs", token: runToken, body: `{"site":"acme","guest":false}`}, 400},
		{"two objects", call{method: "POST", path: "/v1/runs", token: runToken, body: `{"site":"acme"}{}`}, 400},
		{"nothing wished", call{method: "POST", path: "/v1/runs", token: runToken, body: `{}`}, 400},
		{"too much", call{method: "POST", path: "/v1/runs", token: runToken, body: `{"site":"` + strings.Repeat("a", maxRequest) + `"}`}, 413},
		{"a body where none is taken", call{method: "POST", path: "/v1/runs/acme/stop", token: runToken, body: `{}`}, 400},
		{"an unknown parameter", call{method: "GET", path: "/v1/runs/acme/pages?wehre=1", token: readToken}, 400},
		{"a parameter twice", call{method: "GET", path: "/v1/runs/acme/pages?limit=1&limit=2", token: readToken}, 400},
		{"no URL", call{method: "GET", path: "/v1/pages", token: readToken}, 400},
		{"a limit of 0", call{method: "GET", path: "/v1/runs/acme/pages?limit=0", token: readToken}, 400},
		{"a cursor of nobody's", call{method: "GET", path: "/v1/runs/acme/pages?cursor=AAAA", token: readToken}, 400},
		{"a write", call{method: "POST", path: "/v1/query", token: adminToken, body: `{"sql":"DELETE FROM pages"}`}, 400},
		{"a file", call{method: "POST", path: "/v1/query", token: adminToken, body: `{"sql":"ATTACH '/etc/passwd' AS x"}`}, 400},
		{"SQL behind a condition", call{method: "GET", path: "/v1/runs/acme/pages?where=" + url.QueryEscape("1; DROP TABLE pages"), token: readToken}, 400},
		{"an unknown run", call{method: "GET", path: "/v1/runs/nobody", token: readToken}, 404},
		{"an unknown table", call{method: "GET", path: "/v1/runs/acme/sqlite_master", token: readToken}, 404},
		{"nowhere", call{method: "GET", path: "/nowhere", token: readToken}, 404},
	}
	for _, test := range tests {
		status, body, header := a.do(t, test.call)
		if status != test.status {
			t.Errorf("%s: %d %s; wanted %d", test.name, status, body, test.status)
		}
		if test.call.method != "HEAD" && !strings.HasPrefix(body, `{"error":{"what":"`) {
			t.Errorf("%s: %s", test.name, body)
		}
		for _, name := range []string{"Access-Control-Allow-Origin", "Server"} {
			if header.Get(name) != "" {
				t.Errorf("%s: %s: %s", test.name, name, header.Get(name))
			}
		}
		if header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: the header is not hardened: %v", test.name, header)
		}
	}
	if len(a.engine.did) > 0 {
		t.Errorf("the engine did: %s", <-a.engine.did)
	}
	t.Logf("%d requests were refused", len(tests))
}

// TestOurFault sees that what is wrong here is logged here.
func TestOurFault(t *testing.T) {
	a := serveAPI(t)
	var logged bytes.Buffer
	a.Log = slog.New(slog.NewTextHandler(&logged, nil))
	a.Find = func(context.Context, string) (*store.Run, error) { return nil, errors.New("the disk is gone") }
	status, body, _ := a.do(t, call{method: "GET", path: "/v1/runs/acme", token: readToken})
	a.Shut() // the log is written
	if status != 500 || !strings.Contains(body, "the disk is gone") || !strings.Contains(logged.String(), `path=/v1/runs/acme error="the disk is gone"`) {
		t.Errorf("%d %s, logged %q", status, body, logged.String())
	}
}

// TestLetIn is the other side: names and origins that are ours.
func TestLetIn(t *testing.T) {
	a := serveAPI(t)
	port := a.origin[strings.LastIndexByte(a.origin, ':')+1:]
	for _, host := range []string{"localhost:" + port, "127.0.0.1", "[::1]:" + port, "crawl.example", "CRAWL.example.", "crawl.example:443", "other.example"} {
		if status, body, _ := a.do(t, call{method: "GET", path: "/v1/status", token: readToken, host: host}); status != 200 {
			t.Errorf("host %s: %d %s", host, status, body)
		}
	}
	status, body, _ := a.do(t, call{method: "POST", path: "/v1/runs", token: adminToken, body: `{"urls":["https://a.example/"]}`, host: "crawl.example", header: map[string]string{"Origin": "https://crawl.example", "Sec-Fetch-Site": "same-origin"}})
	if status != http.StatusAccepted {
		t.Errorf("our own page: %d %s", status, body)
	}
	if did := <-a.engine.did; did != "start [https://a.example/] guest=false" {
		t.Errorf("an admin: %s", did)
	}
	a.do(t, call{method: "POST", path: "/v1/runs", token: runToken, body: `{"urls":["https://a.example/"]}`})
	if did := <-a.engine.did; did != "start [https://a.example/] guest=true" {
		t.Errorf("a token to run: %s", did)
	}
	for token, body := range map[string]string{runToken: `{"exclude":["/x"]}`, adminToken: `{"rate":"1/s"}`} {
		if status, body, _ := a.do(t, call{method: "POST", path: "/v1/runs/acme/tune", token: token, body: body}); status != 200 {
			t.Errorf("tune: %d %s", status, body)
		}
	}
	a.SetTokens(&Tokens{})
	if status, _, _ := a.do(t, call{method: "GET", path: "/v1/status", token: adminToken}); status != 401 {
		t.Errorf("a token that was taken away: %d", status)
	}
	if status, _, _ := a.do(t, call{method: "HEAD", path: "/readyz"}); status != 200 {
		t.Errorf("HEAD of a route without a token: %d", status)
	}
	a.engine.ready = fmt.Errorf("secret detail")
	if status, body, _ := a.do(t, call{method: "GET", path: "/readyz"}); status != 503 || strings.Contains(body, "secret") {
		t.Errorf("not ready: %d %s", status, body)
	}
}

// TestPaging reads a table page by page in each form.
func TestPaging(t *testing.T) {
	a := serveAPI(t)
	var all []string
	cursor := ""
	for range 20 {
		_, body, _ := a.do(t, call{method: "GET", path: "/v1/runs/acme/pages?select=url&limit=3&cursor=" + cursor, token: readToken})
		var page struct {
			Rows []struct{ URL string }
			Next *string
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		for _, r := range page.Rows {
			all = append(all, r.URL)
		}
		if page.Next == nil {
			break
		}
		cursor = *page.Next
	}
	if len(all) != 10 || !slices.IsSorted(all) {
		t.Errorf("pages in pages: %v", all)
	}
	if status, body, _ := a.do(t, call{method: "GET", path: "/v1/runs/acme/pages?select=title&limit=3&cursor=" + cursor, token: readToken}); status != 400 || !strings.Contains(body, "another question") {
		t.Errorf("a cursor of another question: %d %s", status, body)
	}
	for _, form := range []string{typeLines, typeCSV, "application/x-ndjson;q=0.5, text/csv;q=0.1"} {
		_, body, header := a.do(t, call{method: "GET", path: "/v1/runs/acme/pages?select=url&limit=6", token: readToken, header: map[string]string{"Accept": form}})
		_, more, _ := a.do(t, call{method: "GET", path: "/v1/runs/acme/pages?select=url&limit=6&cursor=" + header.Get("X-Next-Cursor"), token: readToken, header: map[string]string{"Accept": form}})
		if n, m := strings.Count(body, "\n"), strings.Count(more, "\n"); n != 6 || m != 4 {
			t.Errorf("%s: %d and %d rows", form, n, m)
		}
	}
	var page struct{ Next *string }
	_, body, _ := a.do(t, call{method: "POST", path: "/v1/query", token: readToken, body: `{"sql":"SELECT url FROM pages ORDER BY url -- all","limit":8}`})
	if err := json.Unmarshal([]byte(body), &page); err != nil || page.Next == nil {
		t.Fatalf("%s: %v", body, err)
	}
	_, body, _ = a.do(t, call{method: "POST", path: "/v1/query", token: readToken, body: `{"sql":"SELECT url FROM pages ORDER BY url -- all","limit":8,"cursor":"` + *page.Next + `"}`})
	if !strings.Contains(body, `[{"url":"https://acme.example/8"},{"url":"https://acme.example/9"}],"next":null`) {
		t.Errorf("the rest of a query: %s", body)
	}
}

// TestBrokenOff sees that half of an answer is not taken for all of it.
func TestBrokenOff(t *testing.T) {
	a := serveAPI(t)
	var closed atomic.Int32
	tables := a.Tables
	a.Tables = func(run *store.Run) query.Options {
		mark, o := &struct{ _ [64]byte }{}, tables(run)
		runtime.AddCleanup(mark, func(n *atomic.Int32) { n.Add(1) }, &closed)
		o.Warn = func(string, error) { runtime.KeepAlive(mark) }
		return o
	}
	for _, form := range rowTypes {
		req, err := http.NewRequest("POST", a.origin+"/v1/query", strings.NewReader(`{"sql":"SELECT a.url AS fails FROM pages a, pages b, pages c, pages d","limit":10000}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+readToken)
		req.Header.Set("Content-Type", typeJSON)
		req.Header.Set("Accept", form)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil || len(raw) == 0 {
			t.Errorf("%s: %d bytes, and no sign that more was to come", form, len(raw))
		}
	}
	for range 1000 { // a database that is left open is remembered
		if runtime.GC(); int(closed.Load()) == len(rowTypes) {
			return
		}
	}
	t.Errorf("%d of %d databases were closed", closed.Load(), len(rowTypes))
}
