package fetcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pause waits on a server's side; false: the other side has gone.
func pause(c net.Conn, d time.Duration) bool {
	c.SetReadDeadline(time.Now().Add(d))
	_, err := c.Read(make([]byte, 1))
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// TestTime runs slow servers under virtual time: want is a fault's kind or how
// the body was cut, and when.
func TestTime(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
	drip := func(c net.Conn, text string, every time.Duration) {
		for i := range len(text) {
			if _, err := io.WriteString(c, text[i:i+1]); err != nil {
				return
			}
			if !pause(c, every) {
				return
			}
		}
	}
	for _, v := range []struct {
		name  string
		serve func(c net.Conn)
		c     Config
		want  string
		body  int
		after time.Duration
	}{
		{"silence", func(c net.Conn) { io.Copy(io.Discard, c) }, Config{}, "timeout", 0, 20 * time.Second},
		{"slow head", func(c net.Conn) { drip(c, head, 10*time.Second) }, Config{}, "timeout", 0, 20 * time.Second},
		{"1xx for ever", func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "HTTP/1.1 102 P\r\n\r\n"); err != nil {
					return
				}
				if !pause(c, 3*time.Second) {
					return
				}
			}
		}, Config{}, "timeout", 0, 20 * time.Second},
		{"silence after the head", func(c net.Conn) {
			io.WriteString(c, head)
			io.Copy(io.Discard, c)
		}, Config{}, "time", 0, 10 * time.Second},
		{"a byte a second", func(c net.Conn) {
			io.WriteString(c, head)
			drip(c, strings.Repeat("x", 10_000), time.Second)
		}, Config{}, "time", 10, 10 * time.Second},
		{"fast, then silent", func(c net.Conn) {
			io.WriteString(c, head)
			drip(c, strings.Repeat("x", 1500), 10*time.Millisecond)
			c.SetReadDeadline(time.Time{})
			io.Copy(io.Discard, c)
		}, Config{}, "time", 1500, 20 * time.Second},
		{"just fast enough", func(c net.Conn) {
			io.WriteString(c, head)
			drip(c, strings.Repeat("x", 1_000_000), 10*time.Millisecond)
		}, Config{}, "time", 12000, 2 * time.Minute},
		{"slow is allowed", func(c net.Conn) {
			io.WriteString(c, head)
			drip(c, strings.Repeat("x", 1000), time.Second)
		}, Config{MinSpeed: -1}, "time", 120, 2 * time.Minute},
		{"own limits", func(c net.Conn) { io.Copy(io.Discard, c) }, Config{Timeout: 3 * time.Second}, "timeout", 0, 3 * time.Second},
		{"max time over head", func(c net.Conn) { io.Copy(io.Discard, c) }, Config{MaxTime: 2 * time.Second}, "timeout", 0, 2 * time.Second},
		{"slow but whole", func(c net.Conn) {
			time.Sleep(19 * time.Second)
			io.WriteString(c, page("whole"))
		}, Config{}, "", 5, 19 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			v.c.Dial = piped(func(c net.Conn) {
				if readRequest(c) {
					v.serve(c)
				}
			})
			f := open(t, v.c)
			start := time.Now()
			r, err := f.Fetch(t.Context(), Request{URL: parse(t, "http://www.example.com/")})
			took := time.Since(start).Round(time.Second)
			got, body := "", 0
			if err != nil {
				got = string(err.(*Fault).Kind)
			} else {
				got, body = r.Truncated, len(r.Body)
			}
			if got != v.want || took != v.after || max(body-v.body, v.body-body) > 5 {
				t.Errorf("%s: %q, %d bytes after %v; want %q, %d after %v", v.name, got, body, took, v.want, v.body, v.after)
			}
			if err == nil && r.Took.Round(time.Second) != v.after {
				t.Errorf("%s: took %v", v.name, r.Took)
			}
		})
	}
}

// TestSlowDial: the time for a connection is part of the time for the head, and
// a dial that hangs ends with the Fetcher.
func TestSlowDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		f := open(t, Config{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			ended = true
			return nil, ctx.Err()
		}})
		fault := fails(t, f, "http://www.example.com/")
		if fault.Kind != Timeout || !fault.Temporary {
			t.Errorf("%+v", fault)
		}
		f.Close()
		synctest.Wait()
		if !ended {
			t.Error("the dial goes on")
		}
	})
}

// TestCancel: the caller's own context comes back as it is, at any stage.
func TestCancel(t *testing.T) {
	for _, stage := range []string{"dial", "head", "body"} {
		synctest.Test(t, func(t *testing.T) {
			dial := piped(func(c net.Conn) {
				readRequest(c)
				if stage == "body" {
					io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nabc")
				}
				io.Copy(io.Discard, c)
			})
			if stage == "dial" {
				dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				}
			}
			f := open(t, Config{Dial: dial})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			r, err := f.Fetch(ctx, Request{URL: parse(t, "http://www.example.com/")})
			if r != nil || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
				t.Errorf("%s: %v, %v after %v", stage, r, err, time.Since(start))
			}
			var fault *Fault
			if errors.As(err, &fault) {
				t.Errorf("%s: a fault: %v", stage, fault)
			}
		})
	}
}

// TestTimes checks what a response says of its own timing.
func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Config{Dial: piped(func(c net.Conn) {
			readRequest(c)
			time.Sleep(2 * time.Second)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
			time.Sleep(3 * time.Second)
			io.WriteString(c, "def")
		})})
		r := get(t, f, "http://www.example.com/")
		if got := fmt.Sprintf("%v %v %s %v", r.TTFB, r.Took, r.Body, r.Addr); got != "2s 5s abcdef invalid IP" {
			t.Error(got)
		}
	})
}
