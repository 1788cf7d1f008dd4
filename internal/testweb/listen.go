package testweb

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"syscall"
)

// portTries is how many shared port numbers are tried before giving up: each
// must be free on every address.
const portTries = 20

// firstAddress is the first host's address where each has one of its own. It
// keeps clear of 127.0.0.0/24, where other programs listen.
var firstAddress = netip.AddrFrom4([4]byte{127, 1, 0, 1})

// listen opens one listener for each name, or none.
func (c Config) listen(names []string) ([]net.Listener, error) {
	switch {
	case c.Pipe:
		ls := make([]net.Listener, len(names))
		for i, name := range names {
			ls[i] = &pipeListener{name: name, conns: make(chan net.Conn), closed: make(chan struct{})}
		}
		return ls, nil
	case c.OwnPorts || runtime.GOOS != "linux":
		return c.listenPorts(len(names))
	}
	for try := 1; ; try++ {
		ls, err := listenShared(len(names), c.Port)
		if err == nil || c.Port != 0 || try == portTries || !errors.Is(err, syscall.EADDRINUSE) {
			return ls, err
		}
	}
}

// listenPorts opens n ports of 127.0.0.1.
func (c Config) listenPorts(n int) ([]net.Listener, error) {
	return listenEach(n, func(i int, _ []net.Listener) string {
		if c.Port == 0 {
			return "127.0.0.1:0"
		}
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port+i))
	})
}

// listenShared opens one port number on n addresses; with port 0 the system
// chooses it at the first.
func listenShared(n, port int) ([]net.Listener, error) {
	address := firstAddress
	return listenEach(n, func(i int, open []net.Listener) string {
		if i > 0 {
			address = address.Next()
			port = open[0].Addr().(*net.TCPAddr).Port // a TCP listener's address is one
		}
		return net.JoinHostPort(address.String(), strconv.Itoa(port))
	})
}

// listenEach opens n listeners where address says, given those already open.
func listenEach(n int, address func(i int, open []net.Listener) string) ([]net.Listener, error) {
	var open []net.Listener
	for i := range n {
		l, err := net.Listen("tcp4", address(i, open))
		if err != nil {
			for _, l := range open {
				_ = l.Close() // nothing was accepted
			}
			return nil, err
		}
		open = append(open, l)
	}
	return open, nil
}

// listener hands out connections that know their host.
type listener struct {
	net.Listener
	web  *Web
	host string
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, web: l.web, host: l.host}, nil
}

// conn is one client's connection to one host.
type conn struct {
	net.Conn
	web  *Web
	host string
	hit  *Hit // being answered, or the last answered; guarded by web.log.mu
}

// Write stamps the hit's End before each piece: whoever has read an answer to
// its end finds that end in the log.
func (c *conn) Write(p []byte) (int, error) {
	written := 0
	for {
		c.web.log.stamp(c)
		piece := p[written:min(len(p), written+writePiece)]
		n, err := c.Conn.Write(piece)
		written += n
		if err != nil {
			c.web.log.breakOff(c)
			return written, err
		}
		if written == len(p) {
			return written, nil
		}
	}
}

// pipeListener accepts in-memory connections.
type pipeListener struct {
	name   string
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr  { return l }
func (l *pipeListener) Network() string { return "pipe" }
func (l *pipeListener) String() string  { return l.name }

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: l, Err: syscall.ECONNREFUSED}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
