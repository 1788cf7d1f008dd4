package web

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
)

// SocketFile is the socket in the folder of a store.
const SocketFile = "crawl.sock"

// maxSocketPath is how long the name of a socket may be: 104 bytes with the zero
// behind it on some systems, 108 on others.
const maxSocketPath = 103

// Listen listens on the socket of the store in dir, in place of one that a
// process left behind: only who holds the store may call it. The socket appears
// with the rights of its user alone.
func Listen(dir string) (net.Listener, error) {
	l, err := listen(dir)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", filepath.Join(dir, SocketFile), err)
	}
	return l, nil
}

func listen(dir string) (_ net.Listener, err error) {
	private, err := os.MkdirTemp(dir, ".sock-*") // which nobody else may enter
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(private)) }()
	var l *net.UnixListener
	fresh := filepath.Join(private, "s")
	err = reach(fresh, func(name string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it would look where the socket was made
	path := filepath.Join(dir, SocketFile)
	if err := errors.Join(os.Chmod(fresh, 0o600), os.Rename(fresh, path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &socket{UnixListener: l, path: path}, nil
}

// socket is a listener that takes its file away.
type socket struct {
	*net.UnixListener
	path string
	once sync.Once
	err  error
}

// Close implements net.Listener. The file goes first: whoever finds it is heard.
func (s *socket) Close() error {
	s.once.Do(func() { s.err = errors.Join(ignoreGone(os.Remove(s.path)), s.UnixListener.Close()) })
	return s.err
}

func ignoreGone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// reach calls do with a name for path that is short enough for a socket.
func reach(path string, do func(name string) error) error {
	if len(path) <= maxSocketPath {
		return do(path)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	short := filepath.Join("/proc/self/fd", fmt.Sprint(dir.Fd()))
	if _, err := os.Stat(short); err != nil {
		return fmt.Errorf("the name has %d bytes, and a socket's at most %d here: take a folder with a shorter name (--data DIR)", len(path), maxSocketPath)
	}
	return do(filepath.Join(short, filepath.Base(path)))
}

// limited is a listener with so many connections at most; further ones wait.
type limited struct {
	net.Listener
	places chan struct{}
	done   chan struct{}
	once   sync.Once
}

func newLimited(l net.Listener, most int) net.Listener {
	return &limited{Listener: l, places: make(chan struct{}, most), done: make(chan struct{})}
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &counted{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

// Close implements net.Listener.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// counted is a connection that has a place.
type counted struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
