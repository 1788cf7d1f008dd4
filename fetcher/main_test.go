package fetcher

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"crawl/internal/weburl"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns a Fetcher that the test closes.
func open(t testing.TB, c Config) *Fetcher {
	t.Helper()
	f, err := New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func parse(t testing.TB, raw string) weburl.URL {
	t.Helper()
	u, err := weburl.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// get fetches raw and fails the test on a fault.
func get(t testing.TB, f *Fetcher, raw string) *Response {
	t.Helper()
	r, err := f.Fetch(t.Context(), Request{URL: parse(t, raw)})
	if err != nil {
		t.Fatalf("%s: %v (%v)", raw, err, errors.Unwrap(err))
	}
	return r
}

// fails fetches raw and returns the fault that must come.
func fails(t testing.TB, f *Fetcher, raw string) *Fault {
	t.Helper()
	r, err := f.Fetch(t.Context(), Request{URL: parse(t, raw)})
	var fault *Fault
	if !errors.As(err, &fault) {
		t.Fatalf("%s: got %+v, error %v; want a fault", raw, r, err)
	}
	return fault
}

// raw is a server on loopback that hands each connection to serve and closes
// it afterwards. It is gone, with all its goroutines, when the test ends.
type raw struct {
	l     net.Listener
	wg    sync.WaitGroup
	mu    sync.Mutex // guards what follows
	conns []net.Conn
	count int // connections taken
}

func listen(t testing.TB, serve func(c net.Conn)) *raw {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &raw{l: l}
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.count++
			s.mu.Unlock()
			s.wg.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	}()
	t.Cleanup(func() {
		l.Close()
		s.mu.Lock()
		for _, c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		s.wg.Wait()
	})
	return s
}

func (s *raw) origin() string { return "http://" + s.l.Addr().String() }

func (s *raw) taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// deadAddress is where nobody listens, for as long as the test runs: the port is
// that of a connection's client, which the system gives to no listener.
func deadAddress(t testing.TB) string {
	t.Helper()
	s := listen(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	c, err := net.Dial("tcp", s.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.LocalAddr().String()
}

// says returns a server that reads a request and answers with these bytes. With
// hold it then waits for the other side to close.
func says(t testing.TB, answer string, hold bool) *raw {
	return listen(t, func(c net.Conn) {
		if !readRequest(c) {
			return
		}
		io.WriteString(c, answer)
		if hold {
			io.Copy(io.Discard, c)
			return
		}
		lastWords(c)
	})
}

// lastWords lets the peer read what was written before the connection goes: a
// close with unread input would reset it.
func lastWords(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		t.CloseWrite()
		io.Copy(io.Discard, t)
	}
}

// readRequest reads to the blank line.
func readRequest(c net.Conn) bool {
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return false
	}
	req.Body.Close()
	return true
}

// to returns a Config that sends the named hosts to s: port 80 of each.
func to(s *raw, hosts ...string) Config {
	c := Config{Resolve: map[string]string{}, Trusted: []string{s.origin()}}
	for _, h := range hosts {
		c.Resolve[h+":80"] = s.l.Addr().String()
	}
	return c
}

// piped is a Config.Dial to a server at the other end of a net.Pipe.
func piped(serve func(c net.Conn)) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			serve(there)
		}()
		return here, nil
	}
}

func page(body string) string {
	return "HTTP/1.1 200 OK\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

func short(b []byte) string {
	s := string(b)
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}
