package fetcher

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// witness is a server that writes down every byte of the heads it was sent.
type witness struct {
	*httptest.Server
	mu   sync.Mutex
	seen strings.Builder
}

func (w *witness) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	fmt.Fprintf(&w.seen, "%s %s\n", r.Method, r.RequestURI)
	r.Header.Write(&w.seen)
	w.mu.Unlock()
	http.SetCookie(out, &http.Cookie{Name: "jar", Value: "canary-jar", Path: "/"})
	out.Header().Set("Location", "/elsewhere")
	out.WriteHeader(302)
	io.WriteString(out, "x")
}

func (w *witness) heard() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.seen.String()
	w.seen.Reset()
	return s
}

func newWitness(secure bool) *witness {
	w := new(witness)
	w.Server = httptest.NewUnstartedServer(w)
	if secure {
		w.EnableHTTP2 = true
		w.StartTLS()
	} else {
		w.Start()
	}
	return w
}

// TestSecrets is the credentials matrix: every canary is bound to one origin
// and must be seen there, in no other place, and not in Response.Sent.
func TestSecrets(t *testing.T) {
	plain, secure := newWitness(false), newWitness(true)
	defer plain.Close()
	defer secure.Close()
	var log bytes.Buffer
	hosts := []string{
		"http://www.example.com", "https://www.example.com", "http://www.example.com:8080", "https://www.example.com:8443",
		"http://sub.www.example.com", "http://example.com", "http://sibling.example.com", "http://other.example", "http://192.0.9.1",
	}
	headers := []string{"Authorization", "Cookie", "X-Api-Key", "X-Custom", "Api-Token"}
	for _, owner := range hosts {
		var bound []BoundHeader
		for _, h := range headers {
			bound = append(bound, BoundHeader{owner, h, "canary-" + h})
		}
		f := open(t, Config{Bound: bound, Insecure: true, Cookies: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			to := plain.Listener.Addr()
			if strings.HasSuffix(address, "443") {
				to = secure.Listener.Addr()
			}
			var d net.Dialer
			return d.DialContext(ctx, "tcp", to.String())
		}})
		for _, asked := range hosts {
			f.jar.sites = map[string]*cookieSite{} // jar cookies have their own test
			plain.heard()
			secure.heard()
			r := get(t, f, asked+"/path")
			heard := plain.heard() + secure.heard()
			for _, h := range headers {
				if got := strings.Contains(heard, "canary-"+h); got != (owner == asked) {
					t.Errorf("%s of %s sent to %s: %v", h, owner, asked, got)
				}
			}
			if text := fmt.Sprint(r.Sent, log.String()); strings.Contains(text, "canary") {
				t.Errorf("Sent to %s holds a secret: %s", asked, text)
			}
			if strings.Contains(heard, "elsewhere") {
				t.Errorf("%s: a redirect was followed", asked)
			}
			if strings.Contains(heard, "Referer") {
				t.Errorf("%s: a Referer was sent", asked)
			}
		}
	}
}

// TestJarSecrets: what one origin set reaches that origin, and https of the
// same host after http, but nothing else.
func TestJarSecrets(t *testing.T) {
	hosts := []string{
		"http://www.example.com", "https://www.example.com", "http://www.example.com:8080", "https://www.example.com:8443",
		"http://sub.www.example.com", "http://example.com", "http://other.example",
	}
	for _, owner := range hosts {
		for _, asked := range hosts {
			f := open(t, Config{Cookies: true})
			set(t, f, owner+"/", "jar=canary")
			want := ""
			if owner == asked || owner == "http://www.example.com" && asked == "https://www.example.com" {
				want = "jar=canary"
			}
			sends(t, f, asked+"/", want)
		}
	}
}

// TestBoundAndJarCookies share one Cookie header, which is not in Sent.
func TestBoundAndJarCookies(t *testing.T) {
	w := newWitness(false)
	defer w.Close()
	f := open(t, Config{Trusted: []string{w.URL}, Cookies: true, Bound: []BoundHeader{{w.URL, "Cookie", "own=1"}}})
	get(t, f, w.URL)
	w.heard()
	r := get(t, f, w.URL)
	if heard := w.heard(); !strings.Contains(heard, "Cookie: own=1; jar=canary-jar\r\n") {
		t.Errorf("sent %s", heard)
	}
	if r.Sent.Get("Cookie") != "" {
		t.Errorf("Sent holds %q", r.Sent.Get("Cookie"))
	}
}

// TestUserinfo: a password in a URL is not sent and not kept.
func TestUserinfo(t *testing.T) {
	w := newWitness(false)
	defer w.Close()
	f := open(t, Config{Trusted: []string{w.URL}})
	get(t, f, strings.Replace(w.URL, "//", "//user:canary@", 1))
	if heard := w.heard(); strings.Contains(heard, "Authorization") || strings.Contains(heard, "canary") {
		t.Errorf("sent %s", heard)
	}
}

// TestNoClientCertificate: a server that asks for one gets none.
func TestNoClientCertificate(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, len(r.TLS.PeerCertificates))
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	defer s.Close()
	f := open(t, Config{Trusted: []string{s.URL}, Insecure: true})
	if r := get(t, f, s.URL); string(r.Body) != "0" {
		t.Errorf("%s certificates", r.Body)
	}
}
