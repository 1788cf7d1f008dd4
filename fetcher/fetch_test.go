package fetcher

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"crawl/internal/weburl"

	"github.com/google/go-cmp/cmp"
)

func TestFetch(t *testing.T) {
	var asked *http.Request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "hello")
	}))
	defer s.Close()
	c := Config{Trusted: []string{s.URL}, UserAgent: "tester/2", Header: http.Header{"Accept-Language": {"de"}}}
	r := get(t, open(t, c), s.URL+"/a?b=%zz")
	if string(r.Body) != "hello" || &r.Body[0] != &r.Raw[0] || r.Status != 200 || r.Reason != "OK" || r.Proto != "HTTP/1.1" {
		t.Errorf("got %+v", r)
	}
	if r.Addr != netip.MustParseAddr("127.0.0.1") || r.TTFB <= 0 || r.Took < r.TTFB || r.Start.IsZero() {
		t.Errorf("addr %v, ttfb %v, took %v", r.Addr, r.TTFB, r.Took)
	}
	if asked.RequestURI != "/a?b=%zz" {
		t.Errorf("asked for %q", asked.RequestURI)
	}
	want := http.Header{
		"Accept": {defaultAccept}, "Accept-Encoding": {"gzip, deflate, br, zstd"},
		"Accept-Language": {"de"}, "User-Agent": {"tester/2"},
	}
	if d := cmp.Diff(want, asked.Header); d != "" {
		t.Error("server saw", d)
	}
	want.Set("Host", strings.TrimPrefix(s.URL, "http://"))
	if d := cmp.Diff(want, r.Sent); d != "" {
		t.Error("sent", d)
	}
}

// TestHead asks for the head alone, over one connection.
func TestHead(t *testing.T) {
	var methods []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		methods = append(methods, r.Method+" "+r.RemoteAddr)
		w.Header().Set("Content-Length", "1000000")
		w.Header().Set("Content-Encoding", "gzip")
	}))
	defer s.Close()
	f := open(t, Config{Trusted: []string{s.URL}})
	for range 2 {
		r, err := f.Fetch(t.Context(), Request{URL: parse(t, s.URL), Head: true})
		if err != nil {
			t.Fatal(err)
		}
		if r.Status != 200 || len(r.Body)+len(r.Raw) > 0 || r.Truncated+r.Damaged != "" || r.Header.Get("Content-Length") != "1000000" {
			t.Errorf("got %+v", r)
		}
	}
	if len(methods) != 2 || methods[0] != methods[1] || !strings.HasPrefix(methods[0], "HEAD ") {
		t.Errorf("the server saw %q", methods)
	}
}

// TestRequestLine checks that the path and query go out byte for byte, and the
// host once.
func TestRequestLine(t *testing.T) {
	var line string
	var hosts []string
	s := listen(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		first, _ := in.ReadString('\n')
		line = strings.TrimSuffix(strings.TrimPrefix(first, "GET "), " HTTP/1.1\r\n")
		hosts = nil
		for rest := first; rest != "\r\n" && rest != ""; {
			if rest, _ = in.ReadString('\n'); strings.HasPrefix(strings.ToLower(rest), "host:") {
				hosts = append(hosts, rest)
			}
		}
		io.WriteString(c, page("x"))
	})
	f := open(t, to(s))
	for _, path := range []string{"/", "/%", "/%zz", "/a%2Fb", "/a?", "/?", "/a?b=%", "/a;b=c", "/a//b", "/%2e%2e", "/~a'()*!", "/a?b?c", "/a|b", "/a[b]", "/?q=a+b", "/:80", "/@"} {
		u := parse(t, s.origin()+path)
		get(t, f, u.String())
		if line != u.RequestURI() {
			t.Errorf("%s: sent %q", u, line)
		}
		if d := cmp.Diff([]string{"Host: " + u.Host() + "\r\n"}, hosts); d != "" {
			t.Error(d)
		}
	}
	get(t, f, s.origin()+"//two/slashes") // the absolute form is the only way to say that
	if line != s.origin()+"//two/slashes" {
		t.Errorf("sent %q", line)
	}
}

func TestConditional(t *testing.T) {
	var seen http.Header
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header
		w.WriteHeader(http.StatusNotModified)
	}))
	defer s.Close()
	f := open(t, Config{Trusted: []string{s.URL}})
	future := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	for _, c := range []struct{ etag, date, sentETag, sentDate string }{
		{`"a"`, "", `"a"`, ""},
		{`W/""`, "", `W/""`, ""},
		{`unquoted`, "", `unquoted`, ""},
		{strings.Repeat("x", 1024), "", strings.Repeat("x", 1024), ""},
		{strings.Repeat("x", 1025), "", "", ""},
		{"a\r\nX: y", "", "", ""},
		{"", "Sun, 06 Nov 1994 08:49:37 GMT", "", "Sun, 06 Nov 1994 08:49:37 GMT"},
		{"", "Sunday, 06-Nov-94 08:49:37 GMT", "", "Sunday, 06-Nov-94 08:49:37 GMT"},
		{"", "Wed, 31 Dec 1969 23:59:59 GMT", "", ""},
		{"", future, "", ""},
		{"", "yesterday", "", ""},
		{`"a"`, "Sun, 06 Nov 1994 08:49:37 GMT", `"a"`, "Sun, 06 Nov 1994 08:49:37 GMT"},
	} {
		r, err := f.Fetch(t.Context(), Request{URL: parse(t, s.URL), ETag: c.etag, LastModified: c.date})
		if seen.Get("If-None-Match") != c.sentETag || seen.Get("If-Modified-Since") != c.sentDate {
			t.Errorf("%+v: sent %q", c, seen)
		}
		var fault *Fault
		if c.sentETag+c.sentDate == "" {
			if !errors.As(err, &fault) || fault.Kind != Protocol || !fault.Temporary {
				t.Errorf("%+v: 304 to no condition: %v", c, err)
			}
		} else if err != nil || r.Status != 304 {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestRedirect(t *testing.T) {
	for _, c := range []struct{ head, redirect, leads string }{
		{"301 Moved\r\nLocation: /b", "/b", "http://www.example.com/b"},
		{"302 Found\r\nLocation: https://other.example/", "https://other.example/", "https://other.example/"},
		{"303 See\r\nLocation:   b?c  ", "b?c", "http://www.example.com/b?c"},
		{"307 T\r\nLocation: //x.example", "//x.example", "http://x.example/"},
		{"308 P\r\nLocation: /a\xe7\xe3o", "/a%E7%E3o", "http://www.example.com/a%E7%E3o"},
		{"302 F\r\nLocation: /a b", "/a%20b", "http://www.example.com/a%20b"},
		{"302 F\r\nLocation: /a\tb", "/a%09b", "http://www.example.com/a%09b"},
		{"302 F\r\nLocation: file:///etc/passwd", "file:///etc/passwd", ""},
		{"302 F\r\nLocation: javascript:alert(1)", "javascript:alert(1)", ""},
		{"302 F\r\nLocation: ", "", ""},
		{"302 F\r\nX: y", "", ""},
		{"302 F\r\nLocation: /b\r\nLocation: /b", "/b", "http://www.example.com/b"},
		{"300 M\r\nLocation: /b", "", ""},
		{"304 N\r\nLocation: /b", "", ""},
		{"305 P\r\nLocation: /b", "", ""},
		{"306 S\r\nLocation: /b", "", ""},
		{"200 OK\r\nLocation: /b\r\nLocation: /c", "", ""},
	} {
		s := says(t, "HTTP/1.1 "+c.head+"\r\nContent-Length: 0\r\n\r\n", false)
		f := open(t, to(s, "www.example.com"))
		base := parse(t, "http://www.example.com/a")
		r, err := f.Fetch(t.Context(), Request{URL: base, ETag: "x"})
		if err != nil {
			t.Errorf("%q: %v", c.head, err)
			continue
		}
		u, err := r.Location(base)
		var refused *weburl.Error
		if r.Redirect != c.redirect || u.String() != c.leads || (err != nil && !errors.As(err, &refused)) {
			t.Errorf("%q: redirect %q leads to %q (%v)", c.head, r.Redirect, u, err)
		}
		if s.taken() != 1 {
			t.Errorf("%q: %d connections", c.head, s.taken())
		}
	}
	s := says(t, "HTTP/1.1 302 F\r\nLocation: /b\r\nLocation: /c\r\n\r\n", false)
	if fault := fails(t, open(t, to(s)), s.origin()); fault.Kind != Protocol {
		t.Errorf("two targets: %v", fault.Kind)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
	for _, c := range []struct {
		in   string
		want time.Duration
		has  bool
	}{
		{"120", 2 * time.Minute, true},
		{" 5 ", 5 * time.Second, true},
		{"0", 0, true},
		{"-3", 0, true},
		{"315360000", 315360000 * time.Second, true},
		{"99999999999", 9223372036 * time.Second, true},
		{"999999999999999999999999", 0, false},
		{"Sun, 06 Nov 1994 08:50:37 GMT", time.Minute, true},
		{"Sunday, 06-Nov-94 08:50:37 GMT", time.Minute, true},
		{"Sun Nov  6 08:50:37 1994", time.Minute, true},
		{"Sun, 06 Nov 1994 08:48:37 GMT", 0, true},
		{"", 0, false},
		{"soon", 0, false},
		{"1.5", 0, false},
	} {
		got, has := retryAfter(c.in, now)
		if got != c.want || has != c.has {
			t.Errorf("%q: %v %v, want %v %v", c.in, got, has, c.want, c.has)
		}
	}
}

// TestBodyLimits checks that the limit holds for what is kept, for the
// announced length and without one.
func TestBodyLimits(t *testing.T) {
	body := strings.Repeat("0123456789", 1000)
	for _, head := range []string{"Content-Length: 10000\r\n", ""} {
		s := says(t, "HTTP/1.1 200 OK\r\n"+head+"\r\n"+body, false)
		c := to(s)
		c.MaxBody = 9999
		f := open(t, c)
		r := get(t, f, s.origin())
		if r.Truncated != "length" || string(r.Body) != body[:9999] {
			t.Errorf("%q: truncated %q, %d bytes", head, r.Truncated, len(r.Body))
		}
		r, err := f.Fetch(t.Context(), Request{URL: parse(t, s.origin()), MaxBody: 10_000})
		if err != nil || r.Truncated != "" || string(r.Body) != body {
			t.Errorf("%q: truncated %q, %d bytes", head, r.Truncated, len(r.Body))
		}
	}
}

// TestReuse checks that connections are kept, and dropped where an answer does
// not end where it said.
func TestReuse(t *testing.T) {
	count := func(answer string) int {
		s := listen(t, func(c net.Conn) {
			for readRequest(c) {
				io.WriteString(c, answer)
			}
		})
		f := open(t, to(s))
		for range 3 {
			f.Fetch(t.Context(), Request{URL: parse(t, s.origin())})
		}
		return s.taken()
	}
	type connections struct{ least, most int }
	for answer, want := range map[string]connections{
		page("x"): {1, 1},
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx":                            {3, 3},
		"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx":                                                 {3, 3},
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n": {1, 1},
		// The next request may be there before net/http sees what nobody asked for.
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother": {1, 3},
		"HTTP/1.1 204 No\r\n\r\nbody": {1, 3},
	} {
		if got := count(answer); got < want.least || got > want.most {
			t.Errorf("%q: %d connections, want %d to %d", answer, got, want.least, want.most)
		}
	}
}

// TestDeadConnection: net/http asks again where a kept connection died before
// any byte of the answer, and nobody else does.
func TestDeadConnection(t *testing.T) {
	s := listen(t, func(c net.Conn) {
		if readRequest(c) {
			io.WriteString(c, page("x")) // and close, though it could be kept
		}
	})
	f := open(t, to(s))
	for range 5 {
		if r := get(t, f, s.origin()); string(r.Body) != "x" {
			t.Errorf("got %q", r.Body)
		}
	}
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]Config{
		"secret everywhere": {Header: http.Header{"authorization": {"x"}}},
		"cookie everywhere": {Header: http.Header{"Cookie": {"x"}}},
		"framing":           {Header: http.Header{"Content-Length": {"1"}}},
		"referer":           {Header: http.Header{"Referer": {"x"}}},
		"header name":       {Header: http.Header{"a b": {"x"}}},
		"header value":      {Header: http.Header{"A": {"x\r\nB: c"}}},
		"agent":             {UserAgent: "a\nb"},
		"any origin":        {Bound: []BoundHeader{{"*", "Authorization", "x"}}},
		"no origin":         {Bound: []BoundHeader{{"", "Authorization", "x"}}},
		"path":              {Bound: []BoundHeader{{"http://a.example/x", "Authorization", "x"}}},
		"user in origin":    {Bound: []BoundHeader{{"http://u:p@a.example", "Authorization", "x"}}},
		"bound proxy":       {Bound: []BoundHeader{{"http://a.example", "Proxy-Authorization", "x"}}},
		"bound value":       {Bound: []BoundHeader{{"http://a.example", "Authorization", "x\n"}}},
		"trusted":           {Trusted: []string{"127.0.0.1:80"}},
		"trusted all":       {Trusted: []string{"http://*"}},
		"resolve key":       {Resolve: map[string]string{"a.example": "127.0.0.1"}},
		"resolve value":     {Resolve: map[string]string{"a.example:80": "b.example"}},
		"cookie state":      {Cookies: true, CookieState: []byte("{")},
		"cookie version":    {Cookies: true, CookieState: []byte(`{"Version":9}`)},
		"seed":              {CookieSeed: []SeedCookie{{Domain: "com", Name: "a"}, {Domain: ".", Name: "a"}}},
	} {
		f, err := New(c, nil)
		if err == nil {
			f.Close()
			t.Errorf("%s: accepted", name)
		} else if !strings.HasPrefix(err.Error(), "fetcher: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestConcurrent shares one Fetcher, and closes it in the middle.
func TestConcurrent(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: r.URL.RawQuery})
		io.WriteString(w, r.URL.RawQuery)
	}))
	defer s.Close()
	f := open(t, Config{Trusted: []string{s.URL}, Cookies: true})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			for k := range 20 {
				q := fmt.Sprint(i*100 + k)
				r, err := f.Fetch(t.Context(), Request{URL: parse(t, s.URL+"/?"+q)})
				var fault *Fault
				if err == nil && string(r.Body) != q && r.Truncated == "" || err != nil && !errors.As(err, &fault) {
					t.Errorf("%s: %v, %+v", q, err, r)
				}
				if i == 0 && k == 15 {
					f.Close()
				}
				f.CookieState()
			}
		})
	}
	wg.Wait()
}

func TestClosed(t *testing.T) {
	s := says(t, page("x"), true)
	f := open(t, to(s))
	get(t, f, s.origin())
	f.Close()
	f.Close()
	if fault := fails(t, f, s.origin()); fault.Kind != Local {
		t.Errorf("after Close: %v", fault.Kind)
	}
}

// TestConnectionsAreKept checks that several requests in flight to one host
// leave as many connections for the next ones.
func TestConnectionsAreKept(t *testing.T) {
	const flight, rounds = 8, 5
	var mu sync.Mutex
	opened := 0
	meet := make(chan struct{}, flight)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		meet <- struct{}{}
		for len(meet) < flight { // all of a round are in flight at once
			time.Sleep(time.Millisecond)
		}
		io.WriteString(w, "x")
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if state == http.StateNew {
			opened++
		}
	}
	s.Start()
	defer s.Close()
	f := open(t, Config{Trusted: []string{s.URL}})
	for range rounds {
		var all sync.WaitGroup
		for range flight {
			all.Go(func() { get(t, f, s.URL+"/") })
		}
		all.Wait()
		for range flight {
			<-meet
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if opened > 2*flight { // a race for an idle connection may open one more
		t.Errorf("%d connections for %d rounds of %d requests", opened, rounds, flight)
	}
}
