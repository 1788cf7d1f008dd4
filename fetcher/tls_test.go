package fetcher

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// authority signs certificates for tests.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	return a
}

// sign returns a certificate for names, with change applied to it. key nil is a
// new ECDSA key.
func (a *authority) sign(t *testing.T, key crypto.Signer, names []string, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	if key == nil {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "x"}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// secure is an HTTPS server with one certificate.
func secure(t *testing.T, cert tls.Certificate, change func(*tls.Config)) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") }))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	if change != nil {
		change(s.TLS)
	}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// tlsCases are the cases of badssl.com that can be rebuilt here, with some of
// our own: the sentence of the fault, "" where the certificate is good.
func tlsCases(t *testing.T) (*authority, map[string]struct {
	server *httptest.Server
	want   string
},
) {
	t.Helper()
	a, stranger := newAuthority(t), newAuthority(t)
	names := []string{"www.example.com"}
	good := a.sign(t, nil, names, nil)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprintf("host-number-%d.example.com", i)
	}
	type list = map[string]struct {
		server *httptest.Server
		want   string
	}
	return a, list{
		"sha256":         {secure(t, good, nil), ""},
		"sha512":         {secure(t, a.sign(t, nil, names, func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA512 }), nil), ""},
		"rsa":            {secure(t, a.sign(t, key, names, nil), nil), ""},
		"no-common-name": {secure(t, a.sign(t, nil, names, func(c *x509.Certificate) { c.Subject = pkix.Name{} }), nil), ""},
		"tls-v1-2":       {secure(t, good, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), ""},
		"tls-v1-1": {
			secure(t, good, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }),
			"the server broke off the TLS handshake",
		},
		"expired": {
			secure(t, a.sign(t, nil, names, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), nil),
			"the certificate has expired or is not valid yet",
		},
		"not yet": {
			secure(t, a.sign(t, nil, names, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), nil),
			"the certificate has expired or is not valid yet",
		},
		"wrong host":     {secure(t, a.sign(t, nil, []string{"other.example"}, nil), nil), "the certificate is for another name"},
		"only a name":    {secure(t, a.sign(t, nil, nil, func(c *x509.Certificate) { c.Subject.CommonName = names[0] }), nil), "the certificate is for another name"},
		"untrusted-root": {secure(t, stranger.sign(t, nil, names, nil), nil), "the certificate is signed by an unknown authority"},
		"not for servers": {secure(t, a.sign(t, nil, names, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}), nil), "the certificate is not valid"},
		"10000-sans": {secure(t, a.sign(t, nil, append(many, names...), nil), nil), "the TLS handshake failed"},
	}
}

func TestTLS(t *testing.T) {
	a, cases := tlsCases(t)
	for name, c := range cases {
		ask := func(insecure bool) (*Response, error) {
			f := open(t, Config{
				Roots: a.pool, Insecure: insecure, Timeout: 5 * time.Second,
				Resolve: map[string]string{"www.example.com:443": c.server.Listener.Addr().String()},
			})
			return f.Fetch(t.Context(), Request{URL: parse(t, "https://www.example.com/")})
		}
		r, err := ask(false)
		switch fault, ok := err.(*Fault); {
		case c.want == "" && (err != nil || string(r.Body) != "x" || r.TLSProblem != ""):
			t.Errorf("%s: %v", name, err)
		case c.want != "" && name == "10000-sans" && err == nil: // either is right
		case c.want != "" && (!ok || fault.Kind != TLS || fault.Sentence != c.want):
			t.Errorf("%s: %v (%v), want %s", name, err, fault.Err, c.want)
		}
		if name == "tls-v1-1" || name == "10000-sans" {
			continue // no certificate was the matter
		}
		if r, err = ask(true); err != nil || r.TLSProblem != c.want {
			t.Errorf("%s, insecure: %v, problem %q, want %q", name, err, r.TLSProblem, c.want)
		}
	}
}

// TestNotTLS: https to a server that does not speak it, and the reverse.
func TestNotTLS(t *testing.T) {
	s := listen(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		lastWords(c)
	})
	garbage := listen(t, func(c net.Conn) {
		io.WriteString(c, "SSH-2.0-OpenSSH\r\n")
		lastWords(c)
	})
	closes := listen(t, func(c net.Conn) {})
	for _, c := range []struct {
		server *raw
		kind   Kind
	}{{s, TLS}, {garbage, TLS}, {closes, Disconnect}} {
		f := open(t, Config{Resolve: map[string]string{"www.example.com:443": c.server.l.Addr().String()}})
		fault := fails(t, f, "https://www.example.com/")
		if fault.Kind != c.kind {
			t.Errorf("%+v (%v)", fault, fault.Err)
		}
		clean(t, fault)
	}
}

// TestHTTP2 checks the protocol, its headers and that HTTP1 avoids it.
func TestHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host := r.Header["Host"]; host != nil {
			t.Errorf("%s: a header says %q", r.Proto, host)
		}
		switch r.URL.Path {
		case "/flood":
			for i := range 300 {
				w.Header().Add("A", fmt.Sprint(i))
			}
		case "/big":
			w.Header().Set("A", string(make([]byte, 100_000)))
		case "/abort":
			w.WriteHeader(200)
			io.WriteString(w, "abc")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "/trailer":
			w.Header().Set(http.TrailerPrefix+"X", "y")
		}
		fmt.Fprintf(w, "%s %s", r.Proto, r.RequestURI)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	f := open(t, Config{Trusted: []string{s.URL}, Insecure: true})
	r := get(t, f, s.URL+"/a%20b?c")
	if r.Proto != "HTTP/2.0" || string(r.Body) != "HTTP/2.0 /a%20b?c" || r.Reason != "" || !r.Addr.IsLoopback() || r.TTFB <= 0 {
		t.Errorf("%+v", r)
	}
	if r = get(t, f, s.URL+"//x"); string(r.Body) != "HTTP/2.0 //x" {
		t.Errorf("body %q", r.Body)
	}
	r, err := f.Fetch(t.Context(), Request{URL: parse(t, s.URL+"/"), HTTP1: true})
	if err != nil || string(r.Body) != "HTTP/1.1 /" {
		t.Errorf("%v, %+v", err, r)
	}
	if fault := fails(t, f, s.URL+"/flood"); fault.Kind != TooLarge {
		t.Errorf("flood: %+v", fault)
	}
	if r = get(t, f, s.URL+"/abort"); r.Truncated != "disconnect" || string(r.Body) != "abc" {
		t.Errorf("abort: truncated %q, body %q", r.Truncated, r.Body)
	}
	if r = get(t, f, s.URL+"/trailer"); r.Truncated != "" || r.Header.Get("X") != "" {
		t.Errorf("trailer: %+v", r)
	}
	if d := cmp.Diff([]string{s.Listener.Addr().String()}, r.Sent["Host"]); d != "" {
		t.Error(d)
	}
}

// TestALPNLie: a server that promises HTTP/2 and speaks HTTP/1.1 is a fault, and
// Request.HTTP1 is the way out.
func TestALPNLie(t *testing.T) {
	a := newAuthority(t)
	cert := a.sign(t, nil, []string{"www.example.com"}, nil)
	f := open(t, Config{Roots: a.pool, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			c := tls.Server(there, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}})
			defer there.Close()
			if c.HandshakeContext(context.Background()) != nil {
				return
			}
			if c.ConnectionState().NegotiatedProtocol == "h2" {
				go io.Copy(io.Discard, c)
				io.WriteString(c, page("x"))
				return
			}
			if readRequest(c) {
				io.WriteString(c, page("x"))
			}
		}()
		return here, nil
	}})
	fault := fails(t, f, "https://www.example.com/")
	if fault.Kind != Protocol && fault.Kind != Disconnect || !fault.Temporary {
		t.Errorf("%+v (%v)", fault, fault.Err)
	}
	r, err := f.Fetch(t.Context(), Request{URL: parse(t, "https://www.example.com/"), HTTP1: true})
	if err != nil || string(r.Body) != "x" {
		t.Errorf("%v", err)
	}
}
