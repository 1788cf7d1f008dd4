package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// listens finds where a daemon says that its API listens.
var listens = regexp.MustCompile(`the API listens" address=(\S+)`)

// api [-until PATTERN] NAME CODE METHOD PATH [BODY] asks a daemon under way.
func (w *world) api(ts *testscript.TestScript, neg bool, args []string) {
	until := regexp.MustCompile("")
	if len(args) > 2 && args[0] == "-until" {
		until, args = regexp.MustCompile(args[1]), args[2:]
	}
	wants(ts, !neg && (len(args) == 4 || len(args) == 5) && w.running[args[0]] != nil, "api [-until PATTERN] NAME CODE METHOD PATH [BODY]")
	body := strings.Join(args[4:], "")
	for over := time.After(patience); ; {
		code, answer := w.request(ts, args[0], args[2], args[3], body)
		if strconv.Itoa(code) == args[1] && until.MatchString(answer) {
			_, _ = ts.Stdout().Write([]byte(answer)) // a buffer
			return
		}
		select {
		case <-over:
			ts.Fatalf("%s %s: %d %s", args[2], args[3], code, answer)
		case <-time.After(20 * time.Millisecond):
			if until.String() == "" {
				ts.Fatalf("%s %s: %d %s", args[2], args[3], code, answer)
			}
		}
	}
}

// request makes one request to a daemon.
func (w *world) request(ts *testscript.TestScript, name, method, path, body string) (int, string) {
	at := listens.FindStringSubmatch(w.running[name].talk.String())
	if at == nil {
		ts.Fatalf("%s listens nowhere:\n%s", name, w.running[name].talk.String())
	}
	client, scheme := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, "http://"
	if cert, err := os.ReadFile(ts.MkAbs("cert.pem")); err == nil {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(cert)
		client.Transport, scheme = &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool}}, "https://"
	}
	req, err := http.NewRequest(method, scheme+at[1]+path, strings.NewReader(body))
	ts.Check(err)
	token, err := os.ReadFile(ts.MkAbs(ts.Getenv("TOKEN_FILE")))
	ts.Check(err)
	words := strings.Fields(string(token))
	req.Header.Set("Authorization", "Bearer "+words[len(words)-1])
	if host := ts.Getenv("API_HOST"); host != "" {
		req.Host = host
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	ts.Check(err)
	return resp.StatusCode, string(raw)
}

// keypair writes a certificate for loopback and its key.
func (w *world) keypair(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, !neg && len(args) == 0, "keypair")
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	key, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	ts.Check(err)
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: s.Certificate().Raw}, "key.pem": {Type: "PRIVATE KEY", Bytes: key}} {
		ts.Check(os.WriteFile(filepath.Join(ts.MkAbs("."), name), pem.EncodeToMemory(block), 0o600))
	}
}
