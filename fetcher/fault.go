package fetcher

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// Kind says which part of an exchange failed.
type Kind string

// The kinds of Fault.
const (
	DNS            Kind = "dns"             // the name has no address, or nobody could say
	Connect        Kind = "connect"         // no connection: refused, unreachable
	TLS            Kind = "tls"             // certificate or handshake
	Timeout        Kind = "timeout"         // no whole head in time
	Disconnect     Kind = "disconnect"      // closed or reset before the head was whole
	TooLarge       Kind = "too_large"       // the head is over a limit
	Protocol       Kind = "protocol"        // the answer is not HTTP, or breaks it
	RefusedAddress Kind = "refused_address" // the guard did not let us connect
	Proxy          Kind = "proxy"           // the proxy failed, not the server
	Local          Kind = "local"           // this machine: no file descriptors, no memory, no network
)

// Fault is why an exchange brought no response. A Fault of kind Proxy or Local
// says nothing about the host that was asked.
type Fault struct {
	Kind      Kind
	Temporary bool   // another try later may go better
	Sentence  string // short and plain; safe for a terminal; names no address
	Err       error  // the cause, without network addresses
}

func (f *Fault) Error() string { return f.Sentence }

func (f *Fault) Unwrap() error { return f.Err }

// Causes that the Fetcher itself produces.
var (
	errHeadTime  = errors.New("no answer in time")
	errMaxTime   = errors.New("exchange too long")
	errTooSlow   = errors.New("body too slow")
	errFlood     = errors.New("too many interim answers")
	errAttempts  = errors.New("request dropped again and again")
	errRefused   = errors.New("address is not public")
	errLocalName = errors.New("name is local")
	errBadPort   = errors.New("port is blocked")
	errNoAddress = errors.New("no address")
	errProxy     = errors.New("proxy")
	errProxyAuth = errors.New("proxy wants other credentials")
	errProxyNo   = errors.New("proxy refused")
	errClosed    = errors.New("fetcher is closed")
	errNoConn    = errors.New("dial returned no connection")
)

// faultOf classifies what RoundTrip returned. cause is context.Cause of the
// exchange, which knows better than err why a read ended.
func faultOf(err, cause error) *Fault {
	for _, e := range []error{errHeadTime, errMaxTime, errFlood, errAttempts} {
		if cause == e {
			err = e
		}
	}
	if f := proxyFault(err); f != nil {
		return f
	}
	for _, try := range []func(error) *Fault{localFault, dnsFault, ownFault, tlsFault, connectFault, protocolFault} {
		if f := try(err); f != nil {
			f.Err = bare(err)
			return f
		}
	}
	return &Fault{Kind: Protocol, Temporary: true, Sentence: "the exchange failed", Err: bare(err)}
}

func ownFault(err error) *Fault {
	switch {
	case errors.Is(err, errHeadTime), errors.Is(err, errMaxTime), errors.Is(err, context.DeadlineExceeded):
		return &Fault{Kind: Timeout, Temporary: true, Sentence: "no answer in time"}
	case errors.Is(err, errFlood):
		return &Fault{Kind: Protocol, Sentence: "too many interim (1xx) answers"}
	case errors.Is(err, errAttempts):
		return &Fault{Kind: Disconnect, Temporary: true, Sentence: "the server dropped the request again and again"}
	case errors.Is(err, errRefused):
		return &Fault{Kind: RefusedAddress, Sentence: "the address is not a public one"}
	case errors.Is(err, errLocalName):
		return &Fault{Kind: RefusedAddress, Sentence: "the host name is a local one"}
	case errors.Is(err, errBadPort):
		return &Fault{Kind: RefusedAddress, Sentence: "the port is not for the web"}
	case errors.Is(err, errNoAddress):
		return &Fault{Kind: DNS, Sentence: "the host name has no address"}
	case errors.Is(err, errClosed):
		return &Fault{Kind: Local, Temporary: true, Sentence: "the fetcher is closed"}
	}
	return nil
}

// localFault finds errors that are this machine's and no host's: to count them
// against a host would punish it for our own lack.
func localFault(err error) *Fault {
	for _, e := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
		syscall.EADDRNOTAVAIL, syscall.EAGAIN, syscall.ENETDOWN,
	} {
		if errors.Is(err, e) {
			return &Fault{Kind: Local, Temporary: true, Sentence: localSentence(e)}
		}
	}
	// The resolver keeps only the text of what its own sockets met.
	var d *net.DNSError
	if errors.As(err, &d) && strings.Contains(d.Err, "too many open files") {
		return &Fault{Kind: Local, Temporary: true, Sentence: localSentence(syscall.EMFILE)}
	}
	return nil
}

func localSentence(e error) string {
	switch e {
	case syscall.EMFILE, syscall.ENFILE:
		return "this machine has too many files open"
	case syscall.ENOBUFS, syscall.ENOMEM:
		return "this machine is out of memory for connections"
	}
	return "this machine has no free port or no network"
}

func dnsFault(err error) *Fault {
	var d *net.DNSError
	if !errors.As(err, &d) {
		return nil
	}
	f := &Fault{Kind: DNS, Temporary: true, Sentence: "the name server failed"}
	switch {
	case d.IsNotFound:
		f.Temporary, f.Sentence = false, "the host name does not exist"
	case d.IsTimeout:
		f.Sentence = "the name server did not answer in time"
	}
	return f
}

func tlsFault(err error) *Fault {
	sentence, temporary := "", false
	var (
		unknown  x509.UnknownAuthorityError
		invalid  x509.CertificateInvalidError
		host     x509.HostnameError
		record   tls.RecordHeaderError
		op       *net.OpError
		verify   *tls.CertificateVerificationError
		insecure x509.InsecureAlgorithmError
	)
	switch {
	case errors.As(err, &host):
		sentence = "the certificate is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		sentence = "the certificate has expired or is not valid yet"
	case errors.As(err, &unknown):
		sentence = "the certificate is signed by an unknown authority"
	case errors.As(err, &insecure):
		sentence = "the certificate is signed with a weak algorithm"
	case errors.As(err, &verify), errors.As(err, &invalid):
		sentence = "the certificate is not valid"
	case errors.As(err, &record), strings.Contains(err.Error(), "HTTP response to HTTPS"):
		sentence = "the server does not speak TLS"
	case errors.As(err, &op) && op.Op == "remote error": // a TLS alert; its type is not exported
		sentence, temporary = "the server broke off the TLS handshake", strings.Contains(op.Err.Error(), "internal error")
	case strings.Contains(err.Error(), "TLS handshake timeout"):
		return &Fault{Kind: Timeout, Temporary: true, Sentence: "no TLS handshake in time"}
	case strings.Contains(err.Error(), "tls: "), strings.Contains(err.Error(), "x509: "):
		sentence = "the TLS handshake failed"
	default:
		return nil
	}
	return &Fault{Kind: TLS, Temporary: temporary, Sentence: sentence}
}

func connectFault(err error) *Fault {
	var op *net.OpError
	dialing := errors.As(err, &op) && op.Op == "dial"
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return &Fault{Kind: Connect, Temporary: true, Sentence: "connection refused"}
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return &Fault{Kind: Connect, Temporary: true, Sentence: "the host cannot be reached"}
	case dialing && op.Timeout(), errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, os.ErrDeadlineExceeded):
		return &Fault{Kind: Timeout, Temporary: true, Sentence: "no connection in time"}
	case dialing:
		return &Fault{Kind: Connect, Temporary: true, Sentence: "no connection"}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe),
		errors.Is(err, net.ErrClosed), strings.Contains(err.Error(), "server closed idle connection"):
		return &Fault{Kind: Disconnect, Temporary: true, Sentence: "the server closed the connection without an answer"}
	}
	return nil
}

// protocolFault reads the texts of net/http, which has no types for these.
func protocolFault(err error) *Fault {
	text := err.Error()
	for _, part := range []string{"response headers exceeded", "header list larger", "header list too large", "read limit of"} {
		if strings.Contains(text, part) {
			return &Fault{Kind: TooLarge, Sentence: "the head of the answer is too large"}
		}
	}
	for _, part := range []string{"malformed HTTP", "malformed MIME", "malformed response", "transfer encoding", "Transfer-Encoding", "Content-Length", "bad Content", "invalid header", "unexpected newline"} {
		if strings.Contains(text, part) {
			return &Fault{Kind: Protocol, Sentence: "the answer is not valid HTTP"}
		}
	}
	if strings.Contains(text, "http2: ") || strings.Contains(text, "GOAWAY") || strings.Contains(text, "stream error") {
		return &Fault{Kind: Protocol, Temporary: true, Sentence: "the server broke off the HTTP/2 exchange"}
	}
	return nil
}

func proxyFault(err error) *Fault {
	if !errors.Is(err, errProxy) {
		return nil
	}
	f := &Fault{Kind: Proxy, Temporary: true, Sentence: "the proxy cannot be reached", Err: bare(err)}
	switch {
	case errors.Is(err, errProxyAuth):
		f.Temporary, f.Sentence = false, "the proxy does not accept our credentials"
	case errors.Is(err, errProxyNo):
		f.Sentence = "the proxy cannot or will not connect"
	}
	if local := localFault(err); local != nil {
		local.Err = f.Err
		return local
	}
	return f
}

// bare strips the layers of err that name a network address or a name server.
func bare(err error) error {
	var op *net.OpError
	for errors.As(err, &op) {
		err = op.Err
	}
	var d *net.DNSError
	if errors.As(err, &d) {
		return errors.New(dnsFault(err).Sentence)
	}
	return err
}

// newFault is a Fault for an answer whose head was read and is unacceptable.
func newFault(k Kind, temporary bool, sentence string) *Fault {
	return &Fault{Kind: k, Temporary: temporary, Sentence: sentence, Err: errors.New(sentence)}
}
