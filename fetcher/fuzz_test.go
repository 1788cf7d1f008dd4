package fetcher

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"
)

// FuzzResponse serves bytes as an answer, over a pipe, and checks what a
// Response or a Fault promises.
func FuzzResponse(f *testing.F) {
	for _, s := range []string{
		page("hello"),
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 302 F\r\nLocation: /a\xff b\r\nRetry-After: 3\r\nSet-Cookie: a=b\r\n\r\n",
		"HTTP/1.1 103 E\r\nLink: x\r\n\r\nHTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
		"<html>",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		done := make(chan struct{}, 8)
		fetcher := open(t, Config{Cookies: true, MaxBody: 1 << 16, Timeout: 5 * time.Second, Dial: func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				defer func() { done <- struct{}{} }()
				defer there.Close()
				if readRequest(there) {
					there.Write(answer)
				}
			}()
			return here, nil
		}})
		u := parse(t, "http://www.example.com/")
		r, err := fetcher.Fetch(t.Context(), Request{URL: u})
		fetcher.Close()
		<-done
		if err != nil {
			fault, ok := err.(*Fault)
			if !ok {
				t.Fatalf("untyped: %v", err)
			}
			clean(t, fault)
			return
		}
		if len(r.Body) > 1<<16 || len(r.Raw) > 1<<16 || r.Status < 0 || r.Status > 999 || r.RetryAfter < 0 {
			t.Errorf("%d bytes, %d raw, status %d, wait %v", len(r.Body), len(r.Raw), r.Status, r.RetryAfter)
		}
		for name, values := range r.Header {
			if strings.ContainsAny(name+strings.Join(values, ""), "\r\n\x00") {
				t.Errorf("header %q: %q", name, values)
			}
		}
		if strings.ContainsFunc(r.Redirect, func(c rune) bool { return c <= ' ' || c > '~' }) {
			t.Errorf("redirect %q", r.Redirect)
		}
		if to, err := r.Location(u); err == nil && r.Redirect == "" {
			t.Errorf("no redirect leads to %s", to)
		}
	})
}
