package fetcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers DNS questions on loopback; it returns a resolver that asks
// it and a count of the questions.
func nameServer(t *testing.T, answer func(name string, typ dnsmessage.Type) (dnsmessage.RCode, []netip.Addr)) (*net.Resolver, func() int) {
	t.Helper()
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	questions := make(chan int, 1)
	questions <- 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, from, err := p.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil {
				continue
			}
			questions <- <-questions + 1
			q := m.Questions[0]
			code, addrs := answer(q.Name.String(), q.Type)
			m.Response, m.RecursionAvailable, m.RCode, m.Additionals = true, true, code, nil
			for _, a := range addrs {
				h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 5}
				if a.Is4() && q.Type == dnsmessage.TypeA {
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
				}
				if a.Is6() && q.Type == dnsmessage.TypeAAAA {
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
				}
			}
			if out, err := m.Pack(); err == nil {
				p.WriteTo(out, from)
			}
		}
	}()
	t.Cleanup(func() {
		p.Close()
		<-done
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", p.LocalAddr().String())
	}}, func() int { n := <-questions; questions <- n; return n }
}

func TestNameServer(t *testing.T) {
	r, asked := nameServer(t, func(name string, typ dnsmessage.Type) (dnsmessage.RCode, []netip.Addr) {
		switch name {
		case "none.example.":
			return dnsmessage.RCodeNameError, nil
		case "fail.example.":
			return dnsmessage.RCodeServerFailure, nil
		case "empty.example.":
			return dnsmessage.RCodeSuccess, nil
		case "mixed.example.":
			return dnsmessage.RCodeSuccess, []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")}
		}
		return dnsmessage.RCodeSuccess, []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	})
	f := open(t, Config{})
	f.net.lookup = newLookup(r, DefaultMaxNames)
	for _, c := range []struct {
		host      string
		kind      Kind
		temporary bool
	}{
		{"none.example", DNS, false},
		{"empty.example", DNS, false},
		{"fail.example", DNS, true},
		{"mixed.example", RefusedAddress, false},
		{"loop.example", RefusedAddress, false},
	} {
		fault := fails(t, f, "http://"+c.host+"/")
		if fault.Kind != c.kind || fault.Temporary != c.temporary {
			t.Errorf("%s: %+v", c.host, fault)
		}
		clean(t, fault)
		if text := fmt.Sprint(fault.Err); strings.Contains(text, "127.0.0.1") || strings.Contains(text, "10.0.0.1") {
			t.Errorf("%s: the error names an address: %s", c.host, text)
		}
	}
	before := asked()
	for _, host := range []string{"none.example", "loop.example"} {
		fails(t, f, "http://"+host+"/")
	}
	if n := asked() - before; n != 0 {
		t.Errorf("%d questions for names known and names known not to be", n)
	}
}

func TestInTurn(t *testing.T) {
	list := func(s string) (out []netip.Addr) {
		for a := range strings.FieldsSeq(s) {
			out = append(out, netip.MustParseAddr(a))
		}
		return out
	}
	for in, want := range map[string]string{
		"1.1.1.1":                                "[1.1.1.1]",
		"2::1 2::2 1.1.1.1 1.1.1.2 1.1.1.3":      "[2::1 1.1.1.1 2::2 1.1.1.2 1.1.1.3]",
		"1.1.1.1 2::1 2::2":                      "[1.1.1.1 2::1 2::2]",
		"::ffff:1.1.1.1 1.1.1.2":                 "[1.1.1.1 1.1.1.2]",
		strings.Repeat("1.1.1.1 ", 100):          "[" + strings.TrimSpace(strings.Repeat("1.1.1.1 ", 8)) + "]",
		strings.Repeat("1.1.1.1 ", 100) + "2::1": "[1.1.1.1 2::1 " + strings.TrimSpace(strings.Repeat("1.1.1.1 ", 6)) + "]",
	} {
		if got := fmt.Sprint(inTurn(list(in))); got != want {
			t.Errorf("%.40s: %s, want %s", in, got, want)
		}
	}
}

// TestRace dials under virtual time: how long each address takes, and what
// comes of it.
func TestRace(t *testing.T) {
	dead := syscall.ECONNREFUSED
	type try struct {
		takes time.Duration
		err   error
	}
	for _, c := range []struct {
		name  string
		tries []try
		won   int // -1: none
		after time.Duration
	}{
		{"first", []try{{10 * time.Millisecond, nil}, {0, nil}}, 0, 10 * time.Millisecond},
		{"first fails", []try{{10 * time.Millisecond, dead}, {10 * time.Millisecond, nil}}, 1, 20 * time.Millisecond},
		{"first hangs", []try{{time.Hour, nil}, {10 * time.Millisecond, nil}}, 1, 260 * time.Millisecond},
		{"all hang", []try{{time.Hour, nil}, {time.Hour, nil}, {time.Hour, nil}}, -1, 20 * time.Second},
		{"all fail", []try{{0, dead}, {0, dead}}, -1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			var addrs []dialAddr
			for i := range c.tries {
				addrs = append(addrs, dialAddr{netip.AddrPortFrom(netip.AddrFrom4([4]byte{1, 1, 1, 1}), uint16(i)), false})
			}
			start := time.Now()
			var running atomic.Int32
			got, err := race(ctx, addrs, func(ctx context.Context, a dialAddr) (net.Conn, error) {
				running.Add(1)
				defer running.Add(-1)
				try := c.tries[a.Port()]
				select {
				case <-time.After(try.takes):
				case <-ctx.Done():
					return nil, ctx.Err()
				}
				if try.err != nil {
					return nil, try.err
				}
				here, there := net.Pipe()
				t.Cleanup(func() { here.Close(); there.Close() })
				return &tagged{here, int(a.Port())}, nil
			})
			won := -1
			if err == nil {
				won = got.(*tagged).i
			}
			if won != c.won || time.Since(start) != c.after || running.Load() != 0 {
				t.Errorf("%s: %d won (%v) after %v, %d still run; want %d after %v", c.name, won, err, time.Since(start), running.Load(), c.won, c.after)
			}
		})
	}
}

type tagged struct {
	net.Conn
	i int
}

func TestParseResolve(t *testing.T) {
	for in, want := range map[string]string{
		"example.com:443:1.2.3.4":   "example.com:443 1.2.3.4",
		"EXAMPLE.com:80:[2001::1]":  "example.com:80 2001::1",
		"example.com:80:2001::1":    "example.com:80 2001::1",
		"[2001::2]:80:1.2.3.4":      "[2001::2]:80 1.2.3.4",
		"example.com:443":           "",
		"example.com::1.2.3.4":      "",
		"example.com:0:1.2.3.4":     "",
		"example.com:99999:1.1.1.1": "",
		":80:1.2.3.4":               "",
		"example.com:80:host":       "",
		"":                          "",
	} {
		key, ip, err := ParseResolve(in)
		if got := strings.TrimSpace(key + " " + ip); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q %v, want %q", in, got, err, want)
		}
	}
}

func TestResolve(t *testing.T) {
	s := says(t, page("x"), false)
	f := open(t, to(s, "www.example.com"))
	if r := get(t, f, "http://WWW.example.com/"); string(r.Body) != "x" {
		t.Errorf("body %q", r.Body)
	}
	f.net.lookup = func(context.Context, string) ([]netip.Addr, error) { return nil, &net.DNSError{IsNotFound: true} }
	if fault := fails(t, f, "http://www.example.com:8080/"); fault.Kind != DNS {
		t.Errorf("another port: %+v", fault)
	}
	f.net.lookup = func(context.Context, string) ([]netip.Addr, error) { return nil, nil }
	if fault := fails(t, f, "http://none.example/"); fault.Kind != DNS || fault.Temporary {
		t.Errorf("no address: %+v", fault)
	}
}

// TestOwnErrors: what this machine lacks is not the host's fault.
func TestOwnErrors(t *testing.T) {
	for _, c := range []struct {
		err       error
		kind      Kind
		temporary bool
	}{
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("socket", syscall.EMFILE)}, Local, true},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("socket", syscall.ENFILE)}, Local, true},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENOBUFS)}, Local, true},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)}, Local, true},
		{&net.DNSError{Err: "dial udp: socket: too many open files"}, Local, true},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, Connect, true},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}, Connect, true},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ETIMEDOUT)}, Timeout, true},
		{&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, Disconnect, true},
		{&net.DNSError{IsNotFound: true}, DNS, false},
		{&net.DNSError{IsTimeout: true, Server: "10.0.0.1:53"}, DNS, true},
		{errors.New("something else"), Protocol, true},
	} {
		f := open(t, Config{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, c.err }})
		fault := fails(t, f, "http://www.example.com/")
		if fault.Kind != c.kind || fault.Temporary != c.temporary {
			t.Errorf("%v: %+v", c.err, fault)
		}
		clean(t, fault)
	}
	if got := telling([]error{syscall.EADDRNOTAVAIL, syscall.ECONNREFUSED}); got != syscall.ECONNREFUSED {
		t.Errorf("telling: %v", got)
	}
	if got := telling([]error{syscall.EMFILE, syscall.EMFILE}); got != syscall.EMFILE {
		t.Errorf("telling: %v", got)
	}
	f := open(t, Config{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, io.EOF }})
	if fault := fails(t, f, "http://www.example.com/"); fault.Kind != Disconnect {
		t.Errorf("%+v", fault)
	}
}
