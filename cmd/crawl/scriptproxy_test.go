package main

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// proxy KIND [USER:PASSWORD] starts an http, https or socks5 proxy that lets in
// whoever has the password, and sets $KIND_proxy to its URL.
func (w *world) proxy(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && (len(args) == 1 || len(args) == 2), "proxy http|https|socks5 [USER:PASSWORD]")
	kind, login := args[0], strings.Join(args[1:], "")
	switch kind {
	case "http", "https":
		s := httptest.NewUnstartedServer(w.httpProxy(login))
		if kind == "https" {
			w.certified(ts)
			s.StartTLS()
		} else {
			s.Start()
		}
		w.closing = append(w.closing, func() { s.CloseClientConnections(); s.Close() })
		ts.Setenv(kind+"_proxy", s.URL)
	case "socks5":
		ts.Setenv("socks5_proxy", "socks5://"+w.listen(ts, func(c net.Conn) { w.socks(c, login) }))
	default:
		ts.Fatalf("no such proxy")
	}
}

// httpProxy forwards requests and opens tunnels (RFC 9110, 9.3.6).
func (w *world) httpProxy(login string) http.Handler {
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.Out.Host = r.In.Host }, ErrorLog: log.New(io.Discard, "", 0)}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		want := "Basic " + base64.StdEncoding.EncodeToString([]byte(login))
		if login != "" && r.Header.Get("Proxy-Authorization") != want {
			rw.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		w.passed.Add(1)
		if r.Method != http.MethodConnect {
			forward.ServeHTTP(rw, r)
			return
		}
		rw.WriteHeader(http.StatusOK)
		c, buffered, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp4", r.Host)
		if err != nil {
			c.Close()
			return
		}
		_ = buffered.Flush() // what is buffered is the answer just written
		join(buffered, c, to)
	})
}

// socks serves one connection by RFC 1928, and RFC 1929 where there is a login.
func (w *world) socks(c net.Conn, login string) {
	in := bufio.NewReader(c)
	take := func(n int) []byte {
		b := make([]byte, n)
		_, _ = io.ReadFull(in, b) // zeros are refused below
		return b
	}
	take(int(take(2)[1])) // the methods on offer
	method := byte(0)
	if login != "" {
		method = 2
	}
	_, _ = c.Write([]byte{5, method})
	if login != "" {
		user := take(int(take(2)[1]))
		password := take(int(take(1)[0]))
		if string(user)+":"+string(password) != login {
			_, _ = c.Write([]byte{1, 1})
			return
		}
		_, _ = c.Write([]byte{1, 0})
	}
	head := take(4)
	host := ""
	switch head[3] {
	case 1:
		host = netip.AddrFrom4([4]byte(take(4))).String()
	case 3:
		host = string(take(int(take(1)[0])))
	default:
		return
	}
	port := strconv.Itoa(int(binary.BigEndian.Uint16(take(2))))
	to, err := net.Dial("tcp4", net.JoinHostPort(host, port))
	if err != nil {
		return
	}
	w.passed.Add(1)
	_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	join(in, c, to)
}
