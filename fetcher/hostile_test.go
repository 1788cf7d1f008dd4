package fetcher

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
)

// TestHostile serves raw answers. Want is a kind of fault, or how the body
// ends: "page", "length", "disconnect", "damaged".
func TestHostile(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\n"
	chunked := ok + "Transfer-Encoding: chunked\r\n\r\n"
	for _, c := range []struct{ name, answer, want, body string }{
		{"nothing", "", "disconnect fault", ""},
		{"http/0.9", "<html>hello", "protocol", ""},
		{"not http", "SSH-2.0-OpenSSH\r\n\r\n", "protocol", ""},
		{"status line cut", "HTTP/1.1 20", "protocol", ""},
		{"head cut", ok + "A: b\r\n", "disconnect fault", ""},
		{"no reason", "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", "page", "x"},
		{"status 99", "HTTP/1.1 99 X\r\n\r\n", "protocol", ""},
		{"status 1000", "HTTP/1.1 1000 X\r\n\r\n", "protocol", ""},
		{"status with colon", "HTTP/1.1 200: OK\r\n\r\n", "protocol", ""},
		{"status negative", "HTTP/1.1 -20 OK\r\n\r\n", "protocol", ""},
		{"status 999", "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", "page", ""},
		{"status 000", "HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n", "page", ""},
		{"101", "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", "protocol", ""},
		{"304", "HTTP/1.1 304 N\r\n\r\n", "protocol", ""},
		{"upgrade offered", ok + "Upgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 1\r\n\r\nx", "page", "x"},
		{"length too big", ok + "Content-Length: 9\r\n\r\nabc", "disconnect", "abc"},
		{"length too small", ok + "Content-Length: 2\r\n\r\nabc", "page", "ab"},
		{"length huge", ok + "Content-Length: 9223372036854775807\r\n\r\nabc", "disconnect", "abc"},
		{"length 2^64", ok + "Content-Length: 18446744073709551616\r\n\r\nabc", "protocol", ""},
		{"length negative", ok + "Content-Length: -1\r\n\r\nabc", "protocol", ""},
		{"length a word", ok + "Content-Length: ten\r\n\r\nabc", "protocol", ""},
		{"lengths differ", ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", "protocol", ""},
		{"lengths agree", ok + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "page", "abc"},
		{"length and chunks", ok + "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "page", "x"},
		{"te gzip", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "protocol", ""},
		{"te unknown", ok + "Transfer-Encoding: x-foo\r\n\r\nx", "protocol", ""},
		{"chunk garbage", chunked + "zz\r\nabc\r\n0\r\n\r\n", "damaged", ""},
		{"chunk negative", chunked + "-1\r\nabc\r\n0\r\n\r\n", "damaged", ""},
		{"chunk 2^64", chunked + "10000000000000000\r\nabc", "damaged", ""},
		{"chunk without end", chunked + "5\r\nab", "disconnect", "ab"},
		{"chunk bare LF", chunked + "3\nabc\n0\n\n", "damaged", ""},
		{"chunk extension flood", chunked + "1;" + strings.Repeat("x", 100_000) + "\r\na\r\n0\r\n\r\n", "damaged", ""},
		{"many extensions", chunked + strings.Repeat("1;"+strings.Repeat("x", 2000)+"\r\na\r\n", 1000) + "0\r\n\r\n", "damaged", "*"},
		{"trailer", chunked + "1\r\nx\r\n0\r\nContent-Length: 9\r\nSet-Cookie: a=b\r\n\r\n", "page", "x"},
		{"trailer flood", chunked + "1\r\nx\r\n0\r\n" + strings.Repeat("A: b\r\n", 100_000) + "\r\n", "page", "x"},
		{"trailer cut", chunked + "1\r\nx\r\n0\r\n", "page", "x"},
		{"header flood", ok + strings.Repeat("A: b\r\n", 100_000) + "\r\n", "too_large", ""},
		{"header lines", ok + strings.Repeat("A: b\r\n", 201) + "\r\n", "too_large", ""},
		{"header lines allowed", ok + strings.Repeat("A: b\r\n", 199) + "Content-Length: 0\r\n\r\n", "page", ""},
		{"header line long", ok + "A: " + strings.Repeat("b", 1<<20) + "\r\n\r\n", "too_large", ""},
		{"status line long", "HTTP/1.1 200 " + strings.Repeat("b", 1<<20) + "\r\n\r\n", "too_large", ""},
		{"header without colon", ok + "Oops\r\n\r\n", "protocol", ""},
		{"header without name", ok + ": x\r\n\r\n", "protocol", ""},
		{"header NUL", ok + "A: b\x00c\r\n\r\n", "protocol", ""},
		{"header NUL in name", ok + "A\x00: b\r\n\r\n", "protocol", ""},
		{"reason NUL", "HTTP/1.1 200 O\x00K\r\n\r\n", "protocol", ""},
		{"header lone CR", ok + "A: b\rC: d\r\n\r\n", "protocol", ""},
		{"header folded", ok + "A: b\r\n c\r\nContent-Length: 1\r\n\r\nx", "page", "x"},
		{"header 8 bit", ok + "A: \xe4\xff\r\nContent-Length: 1\r\n\r\nx", "page", "x"},
		{"header escape", ok + "A: \x1b]0;x\x07\r\nContent-Length: 1\r\n\r\nx", "protocol", ""},
		{"bare LF", "HTTP/1.1 200 OK\nContent-Length: 1\n\nx", "page", "x"},
		{"1xx", "HTTP/1.1 103 E\r\nLink: </a>\r\n\r\nHTTP/1.1 102 P\r\n\r\n" + page("x"), "page", "x"},
		{"1xx flood", strings.Repeat("HTTP/1.1 103 E\r\nLink: </a>\r\n\r\n", 100_000), "protocol", ""},
		{"204 with body", "HTTP/1.1 204 N\r\nContent-Length: 3\r\n\r\nabc", "page", ""},
		{"206", "HTTP/1.1 206 P\r\nContent-Length: 1\r\n\r\nx", "page", "x"},
		{"cookie flood", ok + strings.Repeat("Set-Cookie: a=b\r\n", 199) + "Content-Length: 0\r\n\r\n", "page", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := says(t, c.answer, false)
			config := to(s)
			config.Cookies = true
			f := open(t, config)
			r, err := f.Fetch(t.Context(), Request{URL: parse(t, s.origin())})
			got := ""
			if fault, ok := err.(*Fault); ok {
				got = string(fault.Kind)
				if fault.Kind == Disconnect {
					got = "disconnect fault"
				}
				clean(t, fault)
			} else if err != nil {
				t.Fatal(err)
			} else if r.Damaged != "" {
				got = "damaged"
			} else if got = r.Truncated; got == "" {
				got = "page"
			}
			if got != c.want {
				t.Fatalf("got %s (%v), want %s", got, err, c.want)
			}
			if err == nil && c.body != "*" && string(r.Body) != c.body {
				t.Errorf("body %q, want %q", short(r.Body), c.body)
			}
			if s.taken() != 1 {
				t.Errorf("%d connections", s.taken())
			}
		})
	}
}

// clean checks that a sentence may be shown.
func clean(t *testing.T, f *Fault) {
	t.Helper()
	if f.Sentence == "" || len(f.Sentence) > 80 || strings.ContainsFunc(f.Sentence, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("sentence %q", f.Sentence)
	}
	if strings.Contains(f.Sentence, "127.0.0.1") {
		t.Errorf("sentence %q names an address", f.Sentence)
	}
}

// TestEarlyClose cuts one answer after each byte. Whatever is not whole is
// never a page.
func TestEarlyClose(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nDate: Tue, 09 Nov 2010 14:49:00 GMT\r\nContent-Type: text/html\r\nContent-Length: 60\r\n\r\n" + strings.Repeat("0123456789", 6),
		"HTTP/1.1 200 OK\r\nDate: Tue, 09 Nov 2010 14:49:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\n1e\r\n" + strings.Repeat("0123456789", 3) + "\r\n1e\r\n" + strings.Repeat("0123456789", 3) + "\r\n0\r\n\r\n",
	} {
		body := strings.Index(answer, "\r\n\r\n") + 4
		whole := len(answer)
		if i := strings.Index(answer, "\r\n0\r\n"); i > 0 {
			whole = i + 5 // nothing after the last chunk matters
		}
		for n := range answer {
			s := says(t, answer[:n], false)
			r, err := open(t, to(s)).Fetch(t.Context(), Request{URL: parse(t, s.origin())})
			switch {
			case n < body:
				if f, ok := err.(*Fault); !ok || f.Kind != Disconnect && f.Kind != Protocol {
					t.Errorf("cut at %d: %v, want a fault", n, err)
				}
			case err != nil:
				t.Errorf("cut at %d: %v", n, err)
			case n < whole && r.Truncated != "disconnect":
				t.Errorf("cut at %d: a page: %q", n, r.Body)
			}
		}
	}
}

// TestEndless checks that memory stays bounded when a server does not end.
func TestEndless(t *testing.T) {
	block := []byte(strings.Repeat("x", 64<<10))
	s := listen(t, func(c net.Conn) {
		readRequest(c)
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		for {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := get(t, open(t, to(s)), s.origin())
	runtime.ReadMemStats(&after)
	if r.Truncated != "length" || len(r.Body) != DefaultMaxBody || !bytes.HasPrefix(r.Body, block) {
		t.Errorf("truncated %q, %d bytes", r.Truncated, len(r.Body))
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
		t.Errorf("%d MiB allocated", used>>20)
	}
}

// TestPromise: a promised length allocates nothing by itself.
func TestPromise(t *testing.T) {
	s := says(t, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nx", false)
	c := to(s)
	c.MaxBody = 1 << 40
	f := open(t, c)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	get(t, f, s.origin())
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("%d bytes allocated", used)
	}
}

func TestRefusedConnection(t *testing.T) {
	origin := "http://" + deadAddress(t)
	fault := fails(t, open(t, Config{Trusted: []string{origin}}), origin)
	if fault.Kind != Connect || !fault.Temporary {
		t.Errorf("%+v", fault)
	}
	if text := fmt.Sprint(fault, fault.Err); strings.Contains(text, "127.0.0.1") {
		t.Errorf("names the address: %s", text)
	}
}
