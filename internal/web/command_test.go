package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// piped is a listener without a socket, for virtual time.
type piped struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPiped() *piped { return &piped{make(chan net.Conn), make(chan struct{})} }

func (p *piped) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *piped) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }
func (p *piped) Close() error   { close(p.done); return nil }

// client asks whoever accepts.
func (p *piped) client() *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case p.conns <- far:
			return near, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return &Client{&http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true, ResponseHeaderTimeout: firstWord}}}
}

// bubble serves commands by do in virtual time.
func bubble(t *testing.T, c Config, do func(context.Context, *Command, *Answer) int, test func(*testing.T, *Server, *Client)) {
	synctest.Test(t, func(t *testing.T) {
		c.Do, c.Running = do, func() []Running { return nil }
		if c.Log == nil {
			c.Log = config(nil).Log
		}
		p, s := newPiped(), New(c)
		s.Serve(p)
		test(t, s, p.client())
		if err := s.Close(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestCommand(t *testing.T) {
	big := strings.Repeat("0123456789", 10_000)
	do := func(_ context.Context, c *Command, a *Answer) int {
		fmt.Fprint(a.Writer(ToOut), c.Args, string(c.Settings), c.Terminal, c.Width)
		fmt.Fprint(a.Writer(ToTalk), "talk")
		file := a.Writer(ToFile)
		_ = file.Begin()
		fmt.Fprint(file, big)
		_ = file.End()
		return 3
	}
	bubble(t, Config{}, do, func(t *testing.T, _ *Server, c *Client) {
		texts, whole := map[string]string{}, 0
		code, err := c.Do(t.Context(), &Command{Args: []string{"query"}, Settings: json.RawMessage(`{}`), Terminal: true, Width: 80}, func(f *Frame) error {
			texts[f.To] += string(f.Data)
			if f.Whole {
				whole++
			}
			return nil
		})
		if code != 3 || err != nil || texts[ToOut] != "[query]{}true 80" || texts[ToTalk] != "talk" || texts[ToFile] != big || whole != 1 {
			t.Errorf("%d, %v, %q %q, %d bytes, %d times whole", code, err, texts[ToOut], texts[ToTalk], len(texts[ToFile]), whole)
		}
		broken := errors.New("broken for the test")
		if _, err := c.Do(t.Context(), &Command{}, func(*Frame) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("a frame that cannot be written: %v", err)
		}
	})
}

// TestLongAnswer: who looks for an answer for long says so, and is believed.
func TestLongAnswer(t *testing.T) {
	do := func(context.Context, *Command, *Answer) int { time.Sleep(9 * time.Minute); return 1 }
	bubble(t, Config{}, do, func(t *testing.T, _ *Server, c *Client) {
		if code, err := c.Do(t.Context(), &Command{}, nil); code != 1 || err != nil {
			t.Errorf("%d, %v", code, err)
		}
	})
}

// TestCommandTime: no command takes longer than is allowed, nor than its client
// stays.
func TestCommandTime(t *testing.T) {
	do := func(ctx context.Context, _ *Command, _ *Answer) int { <-ctx.Done(); return 7 }
	bubble(t, Config{CommandTime: time.Minute}, do, func(t *testing.T, s *Server, c *Client) {
		began := time.Now()
		if code, err := c.Do(t.Context(), &Command{}, nil); code != 7 || err != nil || time.Since(began) != time.Minute {
			t.Errorf("%d, %v, after %v", code, err, time.Since(began))
		}
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		if _, err := c.Do(ctx, &Command{}, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		if len(s.places) != 0 {
			t.Error("it is still being answered")
		}
	})
}

// TestTooMuchAtOnce: what is too much waits, and is refused at last.
func TestTooMuchAtOnce(t *testing.T) {
	do := func(context.Context, *Command, *Answer) int { time.Sleep(15 * time.Second); return 0 }
	bubble(t, Config{AtOnce: 1}, do, func(t *testing.T, _ *Server, c *Client) {
		all := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := c.Do(context.Background(), &Command{}, nil)
				all <- err
			}()
		}
		var e *Error
		if err := <-all; !errors.As(err, &e) || !strings.Contains(e.What, "too much") {
			t.Errorf("the second: %v", err)
		}
		if err := <-all; err != nil {
			t.Errorf("the first: %v", err)
		}
	})
}

// TestPanic: a fault of an answer is that of its request alone.
func TestPanic(t *testing.T) {
	do := func(_ context.Context, c *Command, _ *Answer) int {
		if len(c.Args) > 0 {
			panic("for the test")
		}
		return 0
	}
	bubble(t, Config{}, do, func(t *testing.T, _ *Server, c *Client) {
		var e *Error
		if _, err := c.Do(t.Context(), &Command{Args: []string{"x"}}, nil); !errors.As(err, &e) || e.What != "a fault of the program" {
			t.Errorf("%v", err)
		}
		if code, err := c.Do(t.Context(), &Command{}, nil); code != 0 || err != nil {
			t.Errorf("the next: %d, %v", code, err)
		}
	})
}

// TestClose gives answers under way a moment, cuts them off, and waits for them.
func TestClose(t *testing.T) {
	ended := false
	do := func(ctx context.Context, _ *Command, _ *Answer) int {
		<-ctx.Done()
		time.Sleep(time.Second)
		ended = true
		return 0
	}
	bubble(t, Config{}, do, func(t *testing.T, s *Server, c *Client) {
		failed := make(chan error, 1)
		go func() {
			_, err := c.Do(context.Background(), &Command{}, nil)
			failed <- err
		}()
		synctest.Wait()
		began := time.Now()
		_ = s.Close()
		if took := time.Since(began); !ended || took != 3*time.Second {
			t.Errorf("ended: %v, after %v", ended, took)
		}
		if err := <-failed; !errors.Is(err, ErrCut) {
			t.Errorf("the client: %v", err)
		}
	})
}

// TestSilence asks one who says nothing at all, and one who says no more.
func TestSilence(t *testing.T) {
	for begun, patience := range map[bool]time.Duration{false: firstWord, true: nextWord} {
		synctest.Test(t, func(t *testing.T) {
			p := newPiped()
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				conn, err := p.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				sent := bufio.NewReader(conn)
				if req, err := http.ReadRequest(sent); err != nil { // an answer before it is none
					t.Error(err)
				} else if _, err := io.Copy(io.Discard, req.Body); err != nil {
					t.Error(err)
				}
				if begun {
					go func() { _, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\n\r\n{}\n")) }()
				}
				_, _ = io.Copy(io.Discard, sent)
			}()
			began := time.Now()
			_, err := p.client().Do(t.Context(), &Command{}, nil)
			if took := time.Since(began); !errors.Is(err, ErrSilent) || took != patience {
				t.Errorf("%v after %v, want %v", err, took, patience)
			}
			<-gone
		})
	}
}

// TestClientThatReadsNothing holds a place for writeTime and no longer.
func TestClientThatReadsNothing(t *testing.T) {
	do := func(ctx context.Context, _ *Command, a *Answer) int {
		for out := a.Writer(ToOut); ; {
			if _, err := out.Write(make([]byte, 1<<20)); err != nil {
				return 1
			}
		}
	}
	bubble(t, Config{}, do, func(t *testing.T, s *Server, c *Client) {
		conn, err := c.http.Transport.(*http.Transport).DialContext(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprint(conn, "POST /v1/command HTTP/1.1\r\nHost: crawl\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 1000)
		if _, err := io.ReadFull(conn, buffer); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(s.places) != 1 {
			t.Fatal("it is not being answered")
		}
		time.Sleep(writeTime + time.Second)
		synctest.Wait()
		if len(s.places) != 0 {
			t.Error("it is still being answered")
		}
	})
}
