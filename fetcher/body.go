package fetcher

import (
	"context"
	"errors"
	"io"
	"math/bits"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	speedWindow = 10 * time.Second // over which Config.MinSpeed is measured
	firstBuffer = 64 << 10         // most bytes allocated on a server's promise
)

// readBody reads and decodes at most limit bytes each way. It cannot fail:
// what went wrong is in out.Truncated and out.Damaged.
func (f *Fetcher) readBody(x *exchange, out *Response, resp *http.Response, limit int64) {
	p := watch(x, resp.Body, f.c.MinSpeed)
	raw, over, err := readUpTo(p, limit, resp.ContentLength)
	p.stop()
	out.Raw = raw
	if over {
		out.Truncated = "length"
	} else {
		out.Truncated, out.Damaged = endOf(err, context.Cause(x.ctx))
	}
	decode(out, limit, f.c.MaxRatio)
}

// endOf says what the end of a body means.
func endOf(err, cause error) (truncated, damaged string) {
	switch {
	case err == nil:
		return "", ""
	case cause == errMaxTime, cause == errTooSlow:
		return "time", ""
	case afterTheEnd(err):
		return "", ""
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "disconnect", ""
	case strings.Contains(err.Error(), "chunk"), strings.Contains(err.Error(), "line too long"):
		return "disconnect", "broken transfer coding"
	}
	return "disconnect", ""
}

// afterTheEnd reports whether err concerns only the trailer section. The last
// chunk was read by then, so the body is whole (RFC 9112, 8); net/http has no
// types for these errors. Trailers are never used.
func afterTheEnd(err error) bool {
	text := err.Error()
	return strings.Contains(text, "trailer") || strings.Contains(text, "malformed MIME header")
}

// pace counts the bytes of a body and cancels its exchange where fewer come in
// a window than the minimum.
type pace struct {
	io.Reader
	x     *exchange
	least int64 // bytes a window
	last  int64 // count at the end of the window before; used by tick alone
	count atomic.Int64
	timer *time.Timer // nil: no minimum
}

func watch(x *exchange, r io.Reader, speed int64) *pace {
	p := &pace{Reader: r, x: x}
	if speed > 0 {
		p.least = speed * int64(speedWindow/time.Second)
		p.timer = time.AfterFunc(speedWindow, p.tick)
	}
	return p
}

func (p *pace) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	p.count.Add(int64(n))
	return n, err
}

func (p *pace) tick() {
	if p.x.ctx.Err() != nil {
		return
	}
	n := p.count.Load()
	if n-p.last < p.least {
		p.x.cancel(errTooSlow)
		return
	}
	p.last = n
	p.timer.Reset(speedWindow)
}

func (p *pace) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// readUpTo reads r to its end or to limit bytes; over reports that there was
// more. hint is a promised length, believed at first only up to firstBuffer:
// memory grows with what really comes.
func readUpTo(r io.Reader, limit, hint int64) (b []byte, over bool, err error) {
	hint = min(max(hint, 0), limit)
	b = takeBuffer(int(min(hint+1, firstBuffer)))
	for {
		if len(b) == cap(b) {
			b = enlarge(b, more(len(b), hint))
		}
		room := min(int64(cap(b)), limit+1)
		n, err := r.Read(b[len(b):room])
		b = b[:len(b)+n]
		if int64(len(b)) > limit {
			return b[:limit:limit], true, nil
		}
		if err == io.EOF {
			return b, false, nil
		}
		if err != nil {
			return b, false, err
		}
	}
}

// more is how much larger the buffer of a body becomes of which n bytes have come:
// by what was promised beyond, once a quarter of that is there, or twice as large,
// lest a longer body be copied again and again.
func more(n int, hint int64) int {
	if left := hint + 1 - int64(n); left > 0 && left <= 3*int64(n) {
		return int(left)
	}
	return n
}

// buffers holds bodies that were given back, for the next to be read into, by class.
var buffers [buffersOf]sync.Pool // of *[]byte

// Buffers of other sizes are not worth keeping.
const (
	leastBuffer = 512
	maxBuffer   = 256 << 10
	buffersOf   = 64 // more than the class of maxBuffer
)

// classOf returns the class of buffers for n bytes, and how large these are: a power
// of two, or one, two or three quarters more.
func classOf(n int) (class, size int) {
	shift := max(bits.Len(uint(n-1))-3, 0)
	quarters := (n-1)>>shift + 1
	return 4*shift + quarters - 5, quarters << shift
}

// takeBuffer returns an empty buffer of at least so many bytes.
func takeBuffer(size int) []byte {
	if size > maxBuffer {
		return make([]byte, 0, size)
	}
	class, size := classOf(max(size, leastBuffer))
	if b, ok := buffers[class].Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, size)
}

// enlarge moves what is in a buffer to one that is larger by so many bytes.
func enlarge(b []byte, by int) []byte {
	larger := append(takeBuffer(len(b)+by), b...)
	free(b)
	return larger
}

// Free gives the memory of Raw and Body to responses to come. Nobody may look
// at either afterwards, nor at a slice of them. A response that is not freed
// is garbage like any other.
func (r *Response) Free() {
	free(r.Raw)
	if len(r.Body) > 0 && (len(r.Raw) == 0 || &r.Body[0] != &r.Raw[0]) {
		free(r.Body)
	}
	r.Raw, r.Body = nil, nil
}

func free(b []byte) {
	if cap(b) < leastBuffer || cap(b) > maxBuffer {
		return
	}
	class, size := classOf(cap(b))
	if size > cap(b) {
		class--
	}
	buffers[class].Put(&b)
}
