package fetcher

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"crawl/internal/weburl"
)

// network makes the connections: look-up, guard, proxies. It keeps all of them
// so that shut can end those that net/http holds.
type network struct {
	lookup    func(ctx context.Context, host string) ([]netip.Addr, error)
	resolve   map[string]netip.AddrPort // by "host:port" in lower case
	via       *url.URL                  // the proxy or nil
	timeout   time.Duration
	testDial  func(ctx context.Context, network, address string) (net.Conn, error)
	life      context.Context // ends with shut
	endOfLife context.CancelFunc

	mu    sync.Mutex // guards conns
	conns map[*conn]struct{}
}

func newNetwork(c *Config) (*network, error) {
	n := &network{
		lookup:   newLookup(nil, c.MaxNames),
		via:      c.Proxy,
		timeout:  c.Timeout,
		testDial: c.Dial,
		conns:    make(map[*conn]struct{}),
	}
	n.life, n.endOfLife = context.WithCancel(context.Background())
	var err error
	n.resolve, err = resolveTable(c.Resolve)
	return n, err
}

// origin is the context value that tells the dialer, which sees only host and
// port, for whom it dials. net/http hands a dial begun for one request to no
// request but of the same scheme, host and port.
type origin struct {
	free bool // the address need not be public
	full bool // the name is complete: no search domains
}

type originKey struct{}

// admit judges u before anything is sent. With a proxy it also looks the name
// up, because the proxy would connect where no guard of ours sees it.
func (f *Fetcher) admit(x *exchange, u weburl.URL) error {
	free, err := f.guard.judge(u)
	if err != nil {
		return err
	}
	x.origin = origin{free: free, full: !free}
	if free || !f.net.looksAhead() {
		return nil
	}
	addrs, err := f.net.addresses(x.ctx, net.JoinHostPort(u.Hostname(), u.Port()), x.origin)
	if err != nil {
		return err
	}
	for _, a := range addrs {
		if !a.free && !Public(a.Addr()) {
			return errRefused
		}
	}
	return nil
}

// forwards reports whether an HTTP proxy is asked for u in place of the server.
func (n *network) forwards(u weburl.URL) bool {
	return n.httpProxy() && u.Scheme() == "http"
}

func (n *network) httpProxy() bool {
	return n.via != nil && strings.HasPrefix(n.via.Scheme, "http")
}

// looksAhead reports whether names are looked up before the proxy is asked.
func (n *network) looksAhead() bool { return n.httpProxy() }

// proxy is http.Transport.Proxy. SOCKS is spoken by dial itself.
func (n *network) proxy(*http.Request) (*url.URL, error) {
	if n.httpProxy() {
		return n.via, nil
	}
	return nil, nil
}

// dial is http.Transport.DialContext. Its context ends neither with the
// request (net/http lets a dial go on for the next one) nor with the Fetcher,
// so both ends are set here.
func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	defer context.AfterFunc(n.life, cancel)()
	o, _ := ctx.Value(originKey{}).(origin)
	c, err := n.connect(ctx, network, address, o)
	if n.life.Err() != nil {
		err = errors.Join(errClosed, err)
	}
	if err != nil {
		if c != nil {
			c.Close()
		}
		return nil, err
	}
	return n.keep(c)
}

// connect chooses the way: to the server, to an HTTP proxy, or by SOCKS.
func (n *network) connect(ctx context.Context, network, address string, o origin) (net.Conn, error) {
	if n.via == nil {
		return n.open(ctx, network, address, o)
	}
	if n.httpProxy() {
		return n.openProxy(ctx, network, address)
	}
	return n.socks(ctx, network, address, o)
}

// openProxy connects to the user's own proxy, which may be anywhere.
func (n *network) openProxy(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := n.open(ctx, network, address, origin{free: true})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errProxy, err)
	}
	return c, nil
}

// open looks the address up and connects to the first of its addresses that
// answers.
func (n *network) open(ctx context.Context, network, address string, o origin) (net.Conn, error) {
	if n.testDial != nil {
		c, err := n.testDial(ctx, network, address)
		if c == nil && err == nil {
			err = errNoConn
		}
		return c, err
	}
	addrs, err := n.addresses(ctx, address, o)
	if err != nil {
		return nil, err
	}
	return race(ctx, addrs, dialOne)
}

// dialOne connects to one address. The guard judges it in Control, after the
// socket is made and before anything is sent: on the very address, each time.
func dialOne(ctx context.Context, a dialAddr) (net.Conn, error) {
	d := net.Dialer{ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		got, err := netip.ParseAddrPort(address)
		if err != nil || (!a.free && !Public(got.Addr())) {
			return errRefused
		}
		return nil
	}}
	return d.DialContext(ctx, "tcp", a.String())
}

// conn is a connection that network knows of.
type conn struct {
	net.Conn
	n *network
}

func (n *network) keep(c net.Conn) (net.Conn, error) {
	k := &conn{c, n}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.life.Err() != nil { // shut came in between
		c.Close()
		return nil, errClosed
	}
	n.conns[k] = struct{}{}
	return k, nil
}

func (c *conn) Close() error {
	c.n.mu.Lock()
	delete(c.n.conns, c)
	c.n.mu.Unlock()
	return c.Conn.Close()
}

// shut ends every connection, also those in the middle of a handshake, and
// every dial under way.
func (n *network) shut() {
	n.endOfLife()
	n.mu.Lock()
	conns := n.conns
	n.conns = make(map[*conn]struct{})
	n.mu.Unlock()
	for c := range conns {
		c.Conn.Close()
	}
}
