// Package fetcher makes one polite HTTP exchange: a GET, or a HEAD, answered by a
// response or a typed fault. Nothing else in the program touches the network.
//
// It never follows a redirect, never sleeps, never asks again what was answered
// (net/http itself repeats a request that a dead kept-alive connection or an
// HTTP/2 server dropped unread, twice at most) and knows nothing of robots.txt, scope or
// schedules. It connects to public addresses only, sends a secret to no origin
// but its own, and keeps no more of what a server sends than its Config says.
package fetcher

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"crawl/internal/weburl"
)

// Request is one GET, or one HEAD.
type Request struct {
	URL  weburl.URL
	Head bool // ask for the head of the answer alone: a Response without a body
	// ETag and LastModified make the request conditional. They are sent byte
	// for byte as the server once gave them, or dropped where they are absurd:
	// an ETag over 1 KiB or with control characters, a date before 1970 or in
	// the future. "" = none.
	ETag, LastModified string
	Accept             string // Accept header; "" = pages first, then anything
	MaxBody            int64  // in place of Config.MaxBody; 0 = that
	HTTP1              bool   // do not offer HTTP/2, for a server that promised it and failed
}

// Response is one answer whose head was whole. Its body may be cut (Truncated)
// or undecodable (Damaged); a page is complete only if both are "".
type Response struct {
	Status int         // 0..999 as the server said; not always a registered one
	Reason string      // the words after the status, HTTP/1 only
	Proto  string      // "HTTP/1.0", "HTTP/1.1" or "HTTP/2.0"
	Header http.Header // as received; names in canonical form, no value holds NUL, CR or LF

	// Sent is the head of the request for the archive, Host included, without
	// any secret: bound headers, cookies and proxy credentials are not in it.
	Sent http.Header

	Body      []byte // content coding removed
	Raw       []byte // as sent, transfer coding removed; the same slice as Body where nothing was coded
	Encoding  string // the content codings removed, as the server listed them; "" = none
	Truncated string // "", "length", "time" or "disconnect": the reasons of WARC-Truncated
	Damaged   string // why decoding was incomplete: "checksum", "cut short", "not gzip", "unknown coding x-foo" ...

	Addr  netip.Addr    // connected to; zero behind a proxy
	Start time.Time     // when Fetch was called
	TTFB  time.Duration // from Start to the first byte of the answer
	Took  time.Duration // from Start to the end of the body

	// Redirect is the Location of a 301, 302, 303, 307 or 308, its control
	// and non-ASCII bytes percent-encoded; "" = none, the response is a page.
	// See Location.
	Redirect string
	// RetryAfter is the wait that the server asked for, from now; 0 for a time
	// past. It is not capped. HasRetryAfter tells 0 from a missing or
	// unreadable header.
	RetryAfter    time.Duration
	HasRetryAfter bool
	// TLSProblem says what is wrong with the certificate that
	// Config.Insecure let pass; "" = nothing.
	TLSProblem string
}

// Location resolves Redirect against base, the URL asked for. The error is a
// *weburl.Error, also where there is no redirect.
func (r *Response) Location(base weburl.URL) (weburl.URL, error) {
	if r.Redirect == "" {
		return weburl.URL{}, &weburl.Error{Reason: weburl.ErrInvalid}
	}
	return base.Resolve(r.Redirect)
}

// Fetcher makes exchanges. Any number of goroutines may use it.
type Fetcher struct {
	c     Config
	log   *slog.Logger
	guard guard
	base  http.Header // of every request
	jar   *jar        // nil without cookies of any kind
	bound map[string]http.Header
	net   *network
	any   *http.Transport // HTTP/1.1 and HTTP/2
	http1 *http.Transport // HTTP/1.1 only, see Request.HTTP1
	close sync.Once
}

// New returns a Fetcher, or an error that names what is wrong with c. A nil log
// is silent. The caller calls Close at the end.
func New(c Config, log *slog.Logger) (*Fetcher, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	f := &Fetcher{c: c, log: log, guard: newGuard(&c), base: baseHeader(&c), bound: boundHeaders(c.Bound)}
	if f.jar, err = newJar(&c); err != nil {
		return nil, err
	}
	if f.net, err = newNetwork(&c); err != nil {
		return nil, err
	}
	f.any = newTransport(&c, f.net, true)
	f.http1 = newTransport(&c, f.net, false)
	return f, nil
}

// Fetch makes one exchange. The error is a *Fault, or ctx's own error if ctx
// ended first; the Response is then nil. A body that was cut or could not be
// decoded is no error.
func (f *Fetcher) Fetch(ctx context.Context, r Request) (*Response, error) {
	resp, err := f.exchange(ctx, r)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		f.log.LogAttrs(ctx, slog.LevelDebug, "fetch failed", slog.String("url", r.URL.String()), slog.String("fault", err.Error()))
		return nil, err
	}
	return resp, nil
}

// exchange is the life of one request.
func (f *Fetcher) exchange(ctx context.Context, r Request) (*Response, error) {
	x := newExchange(ctx, &f.c)
	defer x.end()
	if err := f.admit(x, r.URL); err != nil {
		return nil, f.fault(err, x)
	}
	req, conditional := f.newRequest(x, r)
	sent := f.addSecrets(req, r.URL)
	resp, err := f.transport(r).RoundTrip(req)
	if err != nil {
		return nil, f.fault(err, x)
	}
	defer resp.Body.Close()
	x.headDone()
	if fault := f.checkHead(resp, r.URL, conditional); fault != nil {
		return nil, fault
	}
	f.jar.store(r.URL, resp.Header, time.Now())
	out := f.newResponse(x, resp, sent)
	out.TLSProblem = f.tlsProblem(resp, r.URL)
	if !r.Head && resp.Body != http.NoBody {
		f.readBody(x, out, resp, positive(r.MaxBody, f.c.MaxBody))
	}
	out.Took = time.Since(x.start)
	return out, nil
}

func (f *Fetcher) transport(r Request) *http.Transport {
	if r.HTTP1 {
		return f.http1
	}
	return f.any
}

// fault classifies err. A machine short of file descriptors gets those of the
// idle connections back, so that the next try may go better.
func (f *Fetcher) fault(err error, x *exchange) *Fault {
	fault := faultOf(err, context.Cause(x.ctx))
	if fault.Kind == Local {
		f.any.CloseIdleConnections()
		f.http1.CloseIdleConnections()
	}
	return fault
}

// Close ends all connections. An exchange under way fails; none may be begun
// afterwards. Close may be called more than once.
func (f *Fetcher) Close() {
	f.close.Do(func() {
		f.net.shut()
		f.any.CloseIdleConnections()
		f.http1.CloseIdleConnections()
	})
}

// CookieState returns the cookies that servers set, for Config.CookieState of a
// later Fetcher. It is bounded, holds secrets, and is nil without
// Config.Cookies.
func (f *Fetcher) CookieState() []byte { return f.jar.state(time.Now()) }
