package main

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"crawl/internal/testweb"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a script waits for what must come.
const patience = 30 * time.Second

// world is what a script has around it: a web, proxies, programs under way.
type world struct {
	env     *testscript.Env
	web     *testweb.Web
	robots  map[string]string // by host
	hosts   map[string]*current
	from    int // hits before this one are forgotten
	gates   gates
	running map[string]*process
	passed  atomic.Int64 // requests that went through proxies
	closing []func()
}

// end closes what the script left open, and fails it if the audit of what was
// asked last was left out.
func (w *world) end() {
	for _, p := range w.running {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.ended
	}
	forgot := w.web != nil && len(w.web.Hits()) > w.from
	for _, do := range slices.Backward(w.closing) {
		do()
	}
	if forgot {
		w.env.T().Log("the script ends without an audit of its last requests")
		w.env.T().FailNow()
	}
}

// gates know what was asked for, and hold back answers.
type gates struct {
	mu      sync.Mutex
	asked   map[string]chan struct{} // by host and URI; closed by the first request
	lifted  map[string]chan struct{} // likewise; closed by release
	seen    map[string]bool
	meeting int           // requests that wait for others
	met     chan struct{} // closed when enough wait
}

// gate is one of either kind, made when it is first spoken of.
func gate(of *map[string]chan struct{}, page string) chan struct{} {
	if *of == nil {
		*of = map[string]chan struct{}{}
	}
	if (*of)[page] == nil {
		(*of)[page] = make(chan struct{})
	}
	return (*of)[page]
}

// at is closed when the page is asked for.
func (g *gates) at(page string) chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return gate(&g.asked, page)
}

// lift is closed when the page may be answered.
func (g *gates) lift(page string) chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return gate(&g.lifted, page)
}

// pass notes a request, and reports whether it was the first of its page.
func (g *gates) pass(page string) (first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if first = !g.seen[page]; first {
		if g.seen == nil {
			g.seen = map[string]bool{}
		}
		g.seen[page] = true
		close(gate(&g.asked, page))
	}
	return first
}

// meet returns a channel that is closed when so many have asked for one.
func (g *gates) meet(n int) chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.meeting == 0 {
		g.met = make(chan struct{})
	}
	met := g.met
	if g.meeting++; g.meeting == n {
		g.meeting = 0
		close(met)
	}
	return met
}

// until waits for a gate; false: the client has gone.
func until(r *http.Request, open chan struct{}) bool {
	select {
	case <-open:
		return true
	case <-r.Context().Done():
		return false
	}
}

// hold is the handler of a host, with pages that behave by the first part of
// their path.
func (g *gates) hold(host string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		uri := r.URL.RequestURI()
		first := g.pass(host + uri)
		switch {
		case first && strings.HasPrefix(uri, "/gate"):
			<-r.Context().Done()
		case strings.HasPrefix(uri, "/held") && !until(r, g.lift(host+uri)):
		case strings.HasPrefix(uri, "/meet") && !until(r, g.meet(3)):
		case first && strings.HasPrefix(uri, "/later"):
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		case strings.HasPrefix(uri, "/gzip"):
			zipped(w, r, next)
		case strings.HasPrefix(uri, "/endless"):
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			_, _ = w.Write(rec.Body.Bytes())
			_ = http.NewResponseController(w).Flush() // it is one of ours
			<-r.Context().Done()
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// zipped answers with the next handler's body, coded.
func zipped(w http.ResponseWriter, r *http.Request, next http.Handler) {
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, r)
	w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = z.Write(rec.Body.Bytes()) // the client may leave before the end
	_ = z.Close()
}

// serve FILE... serves the web of a text, see testweb.Text, whose files begin with
// lines "== host/path ==". For each host it sets $HOST to its origin and
// $HOST_ip and $HOST_port.
func (w *world) serve(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) > 0 && w.web == nil, "serve FILE..., once")
	text := webText(ts, args)
	for err := error(syscall.EADDRINUSE); errors.Is(err, syscall.EADDRINUSE); { // another script was quicker
		err = w.open(ts, text, freePort(ts))
		ts.Check(ignore(err, syscall.EADDRINUSE))
	}
	w.closing = append(w.closing, w.web.Close)
	for _, name := range w.web.Hosts() {
		origin := w.web.Origin(name)
		ip, port, err := net.SplitHostPort(strings.TrimPrefix(origin, "http://"))
		ts.Check(err)
		ts.Setenv(name, origin)
		ts.Setenv(name+"_ip", ip)
		ts.Setenv(name+"_port", port)
	}
}

// webText is what files say of a web.
func webText(ts *testscript.TestScript, files []string) (text string) {
	for _, file := range files {
		text += ts.ReadFile(file)
	}
	return regexp.MustCompile(`(?m)^== (.*) ==$`).ReplaceAllString(text, "-- $1 --")
}

// current is the handler that a host has now.
type current struct{ handler atomic.Pointer[http.Handler] }

func (c *current) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*c.handler.Load()).ServeHTTP(w, r)
}

// change FILE... gives hosts that are served other pages: all that they have from
// now on.
func (w *world) change(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) > 0 && w.web != nil, "change FILE...")
	_, port, err := net.SplitHostPort(strings.TrimPrefix(w.web.Origin(w.web.Hosts()[0]), "http://"))
	ts.Check(err)
	hosts, err := testweb.Text(strings.ReplaceAll(webText(ts, args), "{{port}}", port))
	ts.Check(err)
	for name, h := range hosts {
		wants(ts, w.hosts[name] != nil, "change hosts that are served")
		w.robots[name] = robotsText(h)
		w.hosts[name].handler.Store(&h)
	}
}

// open serves a text at a port.
func (w *world) open(ts *testscript.TestScript, text, port string) error {
	hosts, err := testweb.Text(strings.ReplaceAll(text, "{{port}}", port))
	ts.Check(err)
	w.robots, w.hosts = map[string]string{}, map[string]*current{}
	for name, h := range hosts {
		w.robots[name], w.hosts[name] = robotsText(h), &current{}
		w.hosts[name].handler.Store(&h)
		hosts[name] = w.gates.hold(name, w.hosts[name])
	}
	n, err := strconv.Atoi(port)
	ts.Check(err)
	w.web, err = testweb.Config{Port: n}.Serve(hosts)
	return err
}

// ignore drops an error that is expected.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// freePort finds a port that nobody listens on.
func freePort(ts *testscript.TestScript) string {
	l, err := net.Listen("tcp4", "127.1.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(errors.Join(err, l.Close()))
	return port
}

// robotsText is what a host says in robots.txt; empty if it has none.
func robotsText(h http.Handler) string {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/robots.txt", nil))
	if rec.Code != http.StatusOK {
		return ""
	}
	return rec.Body.String()
}

// fresh are the requests since the last audit, to one host if it is named.
func (w *world) fresh(host string) []testweb.Hit {
	return slices.DeleteFunc(w.web.Hits()[w.from:], func(h testweb.Hit) bool { return host != "" && h.Host != host })
}

// hits [-order] HOST [URI...] holds the requests to a host since the last audit
// against a list. Requests for robots.txt and sitemap.xml count only if the
// list has them.
func (w *world) hits(ts *testscript.TestScript, neg bool, args []string) {
	ordered := len(args) > 0 && args[0] == "-order"
	if ordered {
		args = args[1:]
	}
	wants(ts, !neg && len(args) > 0 && w.web != nil, "hits [-order] HOST [URI...]")
	want := args[1:]
	var got []string
	for _, h := range w.fresh(args[0]) {
		if usual := h.URI == "/robots.txt" || h.URI == "/sitemap.xml"; !usual || slices.Contains(want, h.URI) {
			got = append(got, h.URI)
		}
	}
	if !ordered {
		slices.Sort(got)
		slices.Sort(want)
	}
	if !slices.Equal(got, want) {
		ts.Fatalf("%s was asked for\n  %s\nwant\n  %s", args[0], strings.Join(got, " "), strings.Join(want, " "))
	}
}

// [!] sent HOST URI HEADER PATTERN wants the header in every request of the URI.
func (w *world) sent(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, len(args) == 4 && w.web != nil, "[!] sent HOST URI HEADER PATTERN")
	pattern, err := regexp.Compile(args[3])
	ts.Check(err)
	asked := 0
	for _, h := range w.fresh(args[0]) {
		if h.URI != args[1] {
			continue
		}
		asked++
		if values := strings.Join(h.Header.Values(args[2]), "\n"); pattern.MatchString(values) == neg {
			ts.Fatalf("%s %s was sent %s: %q", args[0], args[1], args[2], values)
		}
	}
	if asked == 0 {
		ts.Fatalf("%s was never asked for %s", args[0], args[1])
	}
}

// [!] audit [-delay D] [-per-host N] [-agent NAME] [-retry-cap D] [-anything] [-again] holds the
// requests since the last audit against good manners, and forgets them. With
// -anything robots.txt need not be read; with -again URLs may be asked for twice.
// With ! there must be a breach, and nothing is forgotten.
func (w *world) audit(ts *testscript.TestScript, neg bool, args []string) {
	f := flag.NewFlagSet("audit", flag.ContinueOnError)
	delay, perHost := f.Duration("delay", 0, ""), f.Int("per-host", 1, "")
	agent := f.String("agent", "crawl", "")
	longest := f.Duration("retry-cap", 0, "")
	anything, again := f.Bool("anything", false, ""), f.Bool("again", false, "")
	wants(ts, f.Parse(args) == nil && f.NArg() == 0 && w.web != nil, "audit [-delay D] [-per-host N] [-agent NAME] [-retry-cap D] [-anything] [-again]")
	a := testweb.Audit{Delay: func(string) time.Duration { return *delay }, PerHost: *perHost, Agent: *agent, RetryCap: *longest}
	if *again {
		a.MayRepeat = func(testweb.Hit) bool { return true }
	}
	hits := w.web.Hits()[w.from:]
	if len(hits) == 0 {
		ts.Fatalf("nothing was asked for")
	}
	rules := func(host string) string { return w.robots[host] }
	if *anything {
		rules = nil
	}
	breaches := a.Check(hits, rules)
	if *anything {
		breaches = slices.DeleteFunc(breaches, func(b string) bool { return strings.Contains(b, "before robots.txt") })
	}
	if neg && len(breaches) > 0 {
		return
	}
	if neg || len(breaches) > 0 {
		ts.Fatalf("%d breaches\n%s", len(breaches), strings.Join(breaches, "\n"))
	}
	w.from += len(hits)
}

// asked HOST URI waits until a page was asked for.
func (w *world) asked(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 2, "asked HOST URI")
	select {
	case <-w.gates.at(args[0] + args[1]):
	case <-time.After(patience):
		ts.Fatalf("%s was not asked for %s", args[0], args[1])
	}
}

// release HOST URI lets a page below /held be answered.
func (w *world) release(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 2, "release HOST URI")
	close(w.gates.lift(args[0] + args[1]))
}

// tls HOST puts a TLS server with a certificate that nobody knows before a
// host, and sets $HOST_tls to its origin and $cert to a file with the certificate.
func (w *world) tls(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 1 && w.web != nil, "tls HOST")
	server := w.certified(ts)
	inner := strings.TrimPrefix(w.web.Origin(args[0]), "http://")
	origin := w.listen(ts, func(c net.Conn) { splice(tls.Server(c, server), inner) })
	ts.Setenv(args[0]+"_tls", "https://"+origin)
}

// certified makes a certificate for loopback, and puts it where $cert says.
func (w *world) certified(ts *testscript.TestScript) *tls.Config {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	file := filepath.Join(w.env.WorkDir, "cert.pem")
	ts.Check(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
	ts.Setenv("cert", file)
	return &tls.Config{Certificates: s.TLS.Certificates, NextProtos: []string{"http/1.1"}}
}

// listen hands each connection of a new port to a function, until the end.
func (w *world) listen(ts *testscript.TestScript, do func(net.Conn)) (address string) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	ts.Check(err)
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			all.Go(func() {
				defer c.Close()
				do(c)
			})
		}
	})
	w.closing = append(w.closing, func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return l.Addr().String()
}

// splice joins c to a new connection to address until either ends.
func splice(c net.Conn, address string) {
	to, err := net.Dial("tcp4", address)
	if err != nil {
		c.Close()
		return
	}
	join(c, c, to)
}

func join(from io.Reader, c, to net.Conn) {
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(to, from) // ends with either
		to.Close()
	})
	_, _ = io.Copy(c, to)
	c.Close()
	both.Wait()
}

// proxied N wants so many requests, or tunnels, to have gone through
// proxies since the last time.
func (w *world) proxied(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 1, "proxied N")
	if got := w.passed.Swap(0); strconv.FormatInt(got, 10) != args[0] {
		ts.Fatalf("proxies were asked %d times, want %s", got, args[0])
	}
}

// repeat N TEXT FILE writes a text so often into a file.
func (w *world) repeat(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 3, "repeat N TEXT FILE")
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), bytes.Repeat([]byte(args[1]), n), 0o600))
}
