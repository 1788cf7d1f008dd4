package fetcher

import (
	"context"
	"net"
	"net/http/httptrace"
	"net/netip"
	"net/textproto"
	"sync/atomic"
	"time"
)

// Limits on what happens before the head of the answer is whole.
const (
	maxInterim  = 10 // 1xx answers before the real one
	maxAttempts = 3  // times net/http may send the request: each kept connection may be dead
)

// exchange is the clock and the notebook of one Fetch. Its context ends with
// the cause errHeadTime, errMaxTime, errTooSlow, errFlood or errAttempts where
// a limit was hit. No goroutine outlives end.
type exchange struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	start    time.Time
	origin   origin // for the dialer
	headTime *time.Timer
	maxTime  *time.Timer

	// Written by the hooks of net/http, in its goroutines.
	addr     atomic.Pointer[netip.Addr]
	ttfb     atomic.Int64 // time.Duration
	interim  atomic.Int32
	attempts atomic.Int32
}

func newExchange(parent context.Context, c *Config) *exchange {
	x := &exchange{start: time.Now()}
	x.ctx, x.cancel = context.WithCancelCause(parent)
	x.headTime = time.AfterFunc(c.Timeout, func() { x.cancel(errHeadTime) })
	x.maxTime = time.AfterFunc(c.MaxTime, func() { x.cancel(errMaxTime) })
	return x
}

func (x *exchange) headDone() { x.headTime.Stop() }

func (x *exchange) end() {
	x.headTime.Stop()
	x.maxTime.Stop()
	x.cancel(nil)
}

// traced returns the context for net/http, with hooks that take notes and set
// limits net/http has not.
func (x *exchange) traced() context.Context {
	ctx := context.WithValue(x.ctx, originKey{}, x.origin)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              x.gotConn,
		GotFirstResponseByte: func() { x.ttfb.CompareAndSwap(0, int64(time.Since(x.start))) },
		Got1xxResponse:       x.got1xx,
	})
}

// gotConn is called each time a request is sent. net/http repeats one that an
// HTTP/2 server refused unread up to seven times, which is not polite.
func (x *exchange) gotConn(info httptrace.GotConnInfo) {
	if x.attempts.Add(1) > maxAttempts {
		x.cancel(errAttempts)
		return
	}
	if a := peer(info.Conn); a.IsValid() {
		x.addr.Store(&a)
	}
}

func (x *exchange) got1xx(int, textproto.MIMEHeader) error {
	if x.interim.Add(1) > maxInterim {
		return errFlood
	}
	return nil
}

func peer(c net.Conn) netip.Addr {
	if c == nil {
		return netip.Addr{}
	}
	t, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return t.AddrPort().Addr().Unmap()
}
