package main

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"crawl/internal/kv"
	"crawl/internal/web"
)

// listenOff is the --listen that has the daemon answer on its socket alone.
const listenOff = "off"

func checkListen(text string) error {
	if text == listenOff {
		return nil
	}
	host, port, err := net.SplitHostPort(text)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 0 || n > 65535 {
		return fault{What: quoted(text) + " is no address to listen on", Next: "write 127.0.0.1:7878, or off"}
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "localhost" && host != "" {
		return fault{What: quoted(host) + " is no address of this machine", Next: "write a number, localhost, or nothing for all: 0.0.0.0:7878"}
	}
	return nil
}

func checkHostname(text string) error {
	if text == "" || len(text) > 253 || strings.ContainsAny(text, "/ *@?#") {
		return fault{What: quoted(text) + " is no name of a host", Next: "write it as clients do: crawl.example.com"}
	}
	return nil
}

func checkTokenFile(text string) error {
	if name, ok := strings.CutPrefix(text, "cred:"); ok {
		return checkSecret("cred:" + name)
	}
	return nil
}

// loopbackOnly tells an address that only this machine reaches.
func loopbackOnly(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// checkServe refuses to let others reach the server in ways that leak what they
// send, or by names that nobody named.
func checkServe(s *Settings) error {
	var faults []fault
	if (s.TLSCert == "") != (s.TLSKey == "") {
		faults = append(faults, fault{"tls_cert", "certificates and their key go together", "set tls_cert and tls_key"})
	}
	if s.Listen == listenOff || loopbackOnly(s.Listen) {
		return asUsageError(faults)
	}
	if s.TLSCert == "" && !s.BehindProxy {
		faults = append(faults, fault{"listen", "others could reach " + quoted(s.Listen) + ", and tokens would go over the network in the clear", "give --tls-cert and --tls-key; or --behind-proxy if a proxy in front has TLS; or listen on 127.0.0.1"})
	}
	if len(s.AllowHost) == 0 {
		faults = append(faults, fault{"listen", "nobody said by which name others reach " + quoted(s.Listen), "name it: --allow-host crawl.example.com"})
	}
	return asUsageError(faults)
}

// certificates are those of the server, which a reload reads anew.
type certificates struct {
	s       *Settings
	current atomic.Pointer[tls.Certificate]
}

// load reads them. Those that were read before stay if it fails.
func (c *certificates) load() error {
	pair, err := tls.LoadX509KeyPair(c.s.TLSCert, c.s.TLSKey)
	if err != nil {
		return newUsageError("tls_cert", err.Error(), "")
	}
	c.current.Store(&pair)
	return nil
}

// listenTCP listens where the settings say; nil if nowhere.
func listenTCP(s *Settings) (net.Listener, *certificates, error) {
	if s.Listen == listenOff {
		return nil, nil, nil
	}
	certs := &certificates{s: s}
	if s.TLSCert != "" {
		if err := certs.load(); err != nil {
			return nil, nil, err
		}
	}
	l, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return nil, nil, newUsageError("listen", err.Error(), "is another `crawl serve` running? name another address with --listen, or off")
	}
	if s.TLSCert == "" {
		return l, nil, nil
	}
	return tls.NewListener(l, &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certs.current.Load(), nil },
	}), certs, nil
}

// loadTokens reads the tokens of the API. Where no file is named there is one in
// the folder of the store, which is made with a token for everything.
func loadTokens(s *Settings, dir string) (t *web.Tokens, where string, err error) {
	where = s.TokenFile
	if where == "" {
		where = filepath.Join(dir, "token")
		// an empty one was left by a crash
		if info, err := os.Stat(where); errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
			if err := writeToken(where); err != nil {
				return nil, where, err
			}
		}
	}
	ref := where
	if !strings.HasPrefix(ref, "cred:") {
		ref = "file:" + ref
	}
	text, err := secret(ref)
	if err != nil {
		return nil, where, err
	}
	if t, err = web.ParseTokens(text); err != nil {
		return nil, where, newUsageError(where, err.Error(), "")
	}
	return t, where, nil
}

// readByOthers tells a file of tokens that not its user alone may read.
func readByOthers(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().Perm()&0o077 != 0
}

// writeToken makes a file with a token that its user alone may read: whole, or not
// at all.
func writeToken(path string) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".token-*") // which its user alone may read
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // where it is there still
	_, err = f.WriteString("# Tokens of crawl serve: a scope (read, run or admin) and a token a line.\nadmin " + web.NewToken() + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return kv.SyncDir(dir)
}
