// Package testweb is a web made of text or of a seed, for tests and for
// `crawl demo`.
//
// Serve gives every host a listener of its own and logs every request with
// monotonic times; Audit reads that log and names each breach of politeness.
// Text, Synthetic, Demo and the traps make the sites to be served.
//
// The package binds to loopback addresses or to nothing at all, and never
// fetches. It is no web server for anyone else: no TLS, no limits on clients.
package testweb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Limits of one Web.
const (
	MaxHosts    = 1 << 16          // hosts of one Web
	DefaultHits = 1 << 20          // hits kept in the log unless Config says otherwise
	headTimeout = time.Minute      // to read one request's head
	maxHead     = 1 << 20          // bytes of one request's head
	writePiece  = 64 << 10         // bytes sent between two stamps of Hit.End
	idleTimeout = 30 * time.Minute // a kept-alive connection without requests
)

// Config says how a web is served. Its zero value suits tests on loopback.
type Config struct {
	// OwnPorts puts all hosts on 127.0.0.1, each with a port of its own,
	// instead of one port number on an address of its own for each host. It is
	// always so where the system is not Linux, which alone answers on all of
	// 127.0.0.0/8 unasked.
	OwnPorts bool
	// Port is the port all hosts share; with OwnPorts the first of as many
	// ports as there are hosts, in the order of their names. 0: a free one.
	Port int
	// Pipe serves without sockets, for virtual time (testing/synctest): a
	// host's origin is http://NAME, and only DialContext reaches it.
	Pipe bool
	// MaxHits limits the log; later hits are counted by Lost. 0: DefaultHits.
	MaxHits int
}

// Web is a set of hosts being served. Its methods may be called by several
// goroutines at once.
type Web struct {
	server    *http.Server
	handlers  map[string]http.Handler
	origins   map[string]string
	addresses map[string]string        // what to dial for a host; empty with Pipe
	pipes     map[string]*pipeListener // empty without Pipe
	log       hitLog
	loops     sync.WaitGroup // accept loops, one a host
	conns     sync.WaitGroup // connections, and handlers for hijacked ones
}

// Serve serves each host by its handler, as Config{} does.
func Serve(hosts map[string]http.Handler) (*Web, error) { return Config{}.Serve(hosts) }

// Serve gives each host a listener and answers there until Close. Handlers may
// run concurrently and must return when their request's context ends.
func (c Config) Serve(hosts map[string]http.Handler) (*Web, error) {
	if len(hosts) == 0 || len(hosts) > MaxHosts {
		return nil, fmt.Errorf("testweb: %d hosts: must be 1 to %d", len(hosts), MaxHosts)
	}
	names := slices.Sorted(maps.Keys(hosts))
	listeners, err := c.listen(names)
	if err != nil {
		return nil, fmt.Errorf("testweb: listen: %w", err)
	}
	w := &Web{
		handlers:  maps.Clone(hosts),
		origins:   map[string]string{},
		addresses: map[string]string{},
		pipes:     map[string]*pipeListener{},
		log:       hitLog{limit: c.MaxHits},
	}
	if w.log.limit <= 0 {
		w.log.limit = DefaultHits
	}
	w.server = &http.Server{
		Handler:           http.HandlerFunc(w.serve),
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
		ConnState:         w.count,
		ReadHeaderTimeout: headTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHead,
	}
	for i, l := range listeners {
		w.know(names[i], l)
		named := &listener{Listener: l, web: w, host: names[i]}
		w.loops.Go(func() { _ = w.server.Serve(named) }) // always ends with ErrServerClosed or a closed listener
	}
	return w, nil
}

// know notes where host is reached.
func (w *Web) know(host string, l net.Listener) {
	if p, ok := l.(*pipeListener); ok {
		w.pipes[host] = p
		w.origins[host] = "http://" + host
		return
	}
	w.addresses[host] = l.Addr().String()
	w.origins[host] = "http://" + l.Addr().String()
}

// count holds Close until every connection has ended. A hijacked one is its
// handler's, which serve counts.
func (w *Web) count(_ net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		w.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		w.conns.Done()
	}
}

// Origin returns the scheme, address and port at which host is served, such as
// "http://127.1.0.7:34567". For a host that is not served it is a name that
// never resolves (RFC 6761, 6.4).
func (w *Web) Origin(host string) string {
	if o, ok := w.origins[host]; ok {
		return o
	}
	return "http://" + host + ".invalid"
}

// URL returns the address of path at host. The path begins with a slash and
// may hold a query.
func (w *Web) URL(host, path string) string { return w.Origin(host) + path }

// Hosts returns the names of all hosts, sorted.
func (w *Web) Hosts() []string { return slices.Sorted(maps.Keys(w.handlers)) }

// DialContext connects to a host by its name, whatever the port: set it in an
// http.Transport to crawl http://NAME/ itself. A name that is not served is
// looked for nowhere else and gives a *net.DNSError.
func (w *Web) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	name, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("testweb: dial: %w", err)
	}
	if p, ok := w.pipes[name]; ok {
		return p.dial(ctx)
	}
	if a, ok := w.addresses[name]; ok {
		var d net.Dialer
		return d.DialContext(ctx, network, a)
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// Close ends all listeners and connections, kept-alive ones and those in the
// middle of an answer too, and waits for every handler. It may be called twice.
func (w *Web) Close() {
	_ = w.server.Close() // only tells of listeners that were closed before
	w.loops.Wait()
	// A connection accepted while the first Close ran is unknown to it.
	_ = w.server.Close()
	w.conns.Wait()
}

type connKey struct{}

// OriginIn returns the origin of host in the web that serves the request of
// ctx, so that a handler can link to other hosts. Outside of a Web, and for a
// host that is not served, it is "http://" and the name.
func OriginIn(ctx context.Context, host string) string {
	if c, ok := ctx.Value(connKey{}).(*conn); ok {
		if o, ok := c.web.origins[host]; ok {
			return o
		}
	}
	return "http://" + host
}

// errNoConn cannot happen: every connection comes from a listener of ours.
var errNoConn = errors.New("testweb: request without a connection of ours")

// serve logs one request and passes it to its host's handler.
func (w *Web) serve(rw http.ResponseWriter, r *http.Request) {
	c, ok := r.Context().Value(connKey{}).(*conn)
	if !ok {
		http.Error(rw, errNoConn.Error(), http.StatusInternalServerError)
		return
	}
	w.conns.Add(1)
	defer w.conns.Done()
	rec := &recorder{ResponseWriter: rw, log: &w.log, hit: w.log.begin(c, r), head: r.Method == http.MethodHead}
	whole := false
	defer func() { rec.end(whole && r.Context().Err() == nil) }()
	w.handlers[c.host].ServeHTTP(rec, r)
	whole = true
}
