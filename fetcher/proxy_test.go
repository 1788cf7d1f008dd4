package fetcher

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// lookups makes f believe these addresses.
func lookups(f *Fetcher, table map[string]string) *[]string {
	asked := new([]string)
	f.net.lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
		*asked = append(*asked, host)
		a, err := netip.ParseAddr(table[strings.TrimSuffix(host, ".")])
		if err != nil {
			return nil, &net.DNSError{IsNotFound: true}
		}
		return []netip.Addr{a}, nil
	}
	return asked
}

// httpProxy answers plain requests itself and joins CONNECT to target.
func httpProxy(t *testing.T, target string, heads *strings.Builder) *raw {
	return listen(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		fmt.Fprintf(heads, "%s %s\n", req.Method, req.RequestURI)
		req.Header.Write(heads)
		if req.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("user:canary")) {
			io.WriteString(c, "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
			return
		}
		if req.Method != "CONNECT" {
			io.WriteString(c, page("by proxy"))
			return
		}
		if target == "" {
			io.WriteString(c, "HTTP/1.1 502 \x1b[2JNo\r\nContent-Length: 0\r\n\r\n")
			return
		}
		out, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		defer out.Close()
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		join(c, in, out)
	})
}

// join copies both ways until either side ends.
func join(c net.Conn, in io.Reader, out net.Conn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(out, in)
		out.Close()
	}()
	io.Copy(c, out)
	c.Close()
	<-done
}

func via(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestHTTPProxy(t *testing.T) {
	var atServer string
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		atServer = fmt.Sprint(r.Header)
		io.WriteString(w, "by server")
	}))
	defer s.Close()
	var heads strings.Builder
	p := httpProxy(t, s.Listener.Addr().String(), &heads)
	f := open(t, Config{Insecure: true, Proxy: via(t, "http://user:canary@"+p.l.Addr().String())})
	lookups(f, map[string]string{"www.example.com": "1.1.1.1", "inside.example.com": "10.0.0.1"})
	r := get(t, f, "http://www.example.com/%7a?q")
	if string(r.Body) != "by proxy" || !strings.HasPrefix(heads.String(), "GET http://www.example.com/%7a?q\n") || r.Addr.IsValid() {
		t.Errorf("body %q, addr %v, proxy heard %s", r.Body, r.Addr, heads.String())
	}
	if strings.Contains(fmt.Sprint(r.Sent), "Proxy") {
		t.Errorf("Sent %v", r.Sent)
	}
	heads.Reset()
	r = get(t, f, "https://www.example.com/a")
	if string(r.Body) != "by server" || !strings.HasPrefix(heads.String(), "CONNECT www.example.com:443\n") {
		t.Errorf("body %q, proxy heard %s", r.Body, heads.String())
	}
	if strings.Contains(atServer, "Proxy") || strings.Contains(atServer, "canary") {
		t.Errorf("the server heard %s", atServer)
	}
	heads.Reset()
	for _, u := range []string{"http://inside.example.com/", "https://inside.example.com/", "http://127.0.0.1/", "http://localhost/", "http://[::1]:8080/"} {
		if fault := fails(t, f, u); fault.Kind != RefusedAddress {
			t.Errorf("%s: %+v", u, fault)
		}
	}
	if fault := fails(t, f, "http://unknown.example.com/"); fault.Kind != DNS {
		t.Errorf("%+v", fault)
	}
	if heads.Len() > 0 {
		t.Errorf("the proxy heard %s", heads.String())
	}
}

func TestProxyFaults(t *testing.T) {
	var heads strings.Builder
	p := httpProxy(t, "", &heads)
	address := p.l.Addr().String()
	dead := deadAddress(t)
	for _, c := range []struct {
		proxy, url string
		temporary  bool
	}{
		{"http://" + address, "http://www.example.com/", false},
		{"http://" + address, "https://www.example.com/", false},
		{"http://user:canary@" + address, "https://www.example.com/", true},
		{"http://" + dead, "http://www.example.com/", true},
		{"http://" + dead, "https://www.example.com/", true},
		{"socks5h://" + dead, "http://www.example.com/", true},
	} {
		f := open(t, Config{Proxy: via(t, c.proxy)})
		lookups(f, map[string]string{"www.example.com": "1.1.1.1"})
		fault := fails(t, f, c.url)
		if fault.Kind != Proxy || fault.Temporary != c.temporary {
			t.Errorf("%s by %s: %+v", c.url, c.proxy, fault)
		}
		clean(t, fault)
		if text := fmt.Sprint(fault.Err); strings.Contains(text, "127.0.0.1") || strings.Contains(text, "canary") {
			t.Errorf("%s: %s", c.proxy, text)
		}
	}
	for _, bad := range []string{"ftp://a.example", "socks4://a.example", "http://", "//a.example"} {
		if f, err := New(Config{Proxy: via(t, bad)}, nil); err == nil {
			f.Close()
			t.Errorf("%s is taken for a proxy", bad)
		}
	}
}

// socksProxy speaks RFC 1928 and 1929 as far as needed, notes what it is asked
// for, and joins to target.
func socksProxy(t *testing.T, target string, asked *[]string) *raw {
	return listen(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		take := func(n int) []byte {
			b := make([]byte, n)
			io.ReadFull(in, b)
			return b
		}
		take(int(take(2)[1]))
		c.Write([]byte{5, 2})
		take(1)
		user := string(take(int(take(1)[0])))
		password := string(take(int(take(1)[0])))
		*asked = append(*asked, user+":"+password)
		c.Write([]byte{1, 0})
		host := ""
		switch take(4)[3] {
		case 1:
			host = netip.AddrFrom4([4]byte(take(4))).String()
		case 3:
			host = string(take(int(take(1)[0])))
		case 4:
			host = netip.AddrFrom16([16]byte(take(16))).String()
		}
		port := take(2)
		*asked = append(*asked, fmt.Sprintf("%s:%d", host, int(port[0])<<8|int(port[1])))
		out, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		defer out.Close()
		c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		join(c, in, out)
	})
}

func TestSOCKS(t *testing.T) {
	s := says(t, page("x"), false)
	for _, c := range []struct{ scheme, want, looked string }{
		{"socks5", "user:canary 1.1.1.1:80", "www.example.com. inside.example.com."},
		{"socks5h", "user:canary www.example.com:80", ""},
	} {
		var asked []string
		p := socksProxy(t, s.l.Addr().String(), &asked)
		f := open(t, Config{Proxy: via(t, c.scheme+"://user:canary@"+p.l.Addr().String())})
		looked := lookups(f, map[string]string{"www.example.com": "1.1.1.1", "inside.example.com": "10.0.0.1"})
		r := get(t, f, "http://www.example.com/")
		if got := strings.Join(asked, " "); string(r.Body) != "x" || got != c.want || r.Addr.IsValid() {
			t.Errorf("%s: body %q, addr %v, asked for %s", c.scheme, r.Body, r.Addr, got)
		}
		if c.scheme == "socks5" {
			if fault := fails(t, f, "http://inside.example.com/"); fault.Kind != RefusedAddress {
				t.Errorf("%+v", fault)
			}
		}
		if fault := fails(t, f, "http://10.0.0.1/"); fault.Kind != RefusedAddress {
			t.Errorf("%+v", fault)
		}
		if got := strings.Join(*looked, " "); got != c.looked {
			t.Errorf("%s: looked up %q", c.scheme, got)
		}
		_, err := f.guard.judge(parse(t, "http://abc.onion/"))
		if (err == nil) != (c.scheme == "socks5h") {
			t.Errorf("%s: .onion: %v", c.scheme, err)
		}
	}
}
