package fetcher

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"time"

	"crawl/internal/weburl"
)

const (
	idleTime = 30 * time.Second
	h2Stream = 1 << 20 // bytes a server may send ahead on one HTTP/2 stream
	h2Conn   = 2 << 20 // and on one connection
	h2Table  = 4 << 10 // bytes of header compression table
	h2Ping   = 15 * time.Second

	// A connection keeps its buffers as long as it lives. What is larger than
	// them goes past them: a body into where it is kept, a long head in pieces.
	readBuffer  = 1 << 10
	writeBuffer = 512
)

func newTransport(c *Config, n *network, h2 bool) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(h2)
	t := &http.Transport{
		DialContext:            n.dial,
		Proxy:                  n.proxy,
		OnProxyConnectResponse: proxyAnswer,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            c.Roots,
			InsecureSkipVerify: c.Insecure,
		},
		TLSHandshakeTimeout:    c.Timeout,
		DisableCompression:     true, // coded bytes go to the archive as they came
		DisableKeepAlives:      c.MaxIdle < 0,
		MaxIdleConns:           max(c.MaxIdle, 0),
		MaxIdleConnsPerHost:    max(c.MaxIdle, 1), // the caller's limit on requests to a host bounds it
		IdleConnTimeout:        idleTime,
		MaxResponseHeaderBytes: c.MaxHeader,
		ReadBufferSize:         readBuffer,
		WriteBufferSize:        writeBuffer,
		Protocols:              protocols,
		HTTP2: &http.HTTP2Config{
			MaxDecoderHeaderTableSize:     h2Table,
			MaxEncoderHeaderTableSize:     h2Table,
			MaxReceiveBufferPerStream:     h2Stream,
			MaxReceiveBufferPerConnection: h2Conn,
			StrictMaxConcurrentRequests:   true,
			SendPingTimeout:               h2Ping,
			PingTimeout:                   h2Ping,
			WriteByteTimeout:              h2Ping,
		},
	}
	return t
}

// proxyAnswer types what an HTTP proxy says to CONNECT.
func proxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusProxyAuthRequired:
		return errors.Join(errProxy, errProxyAuth)
	}
	return errors.Join(errProxy, errProxyNo)
}

// tlsProblem judges the certificate that Config.Insecure let pass.
func (f *Fetcher) tlsProblem(resp *http.Response, u weburl.URL) string {
	if !f.c.Insecure || resp.TLS == nil || len(resp.TLS.PeerCertificates) == 0 {
		return ""
	}
	opts := x509.VerifyOptions{
		Roots:         f.c.Roots,
		DNSName:       u.Hostname(),
		Intermediates: x509.NewCertPool(),
	}
	for _, cert := range resp.TLS.PeerCertificates[1:] {
		opts.Intermediates.AddCert(cert)
	}
	_, err := resp.TLS.PeerCertificates[0].Verify(opts)
	if err == nil {
		return ""
	}
	if fault := tlsFault(err); fault != nil {
		return fault.Sentence
	}
	return "the certificate is not valid"
}
