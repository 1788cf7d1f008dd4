package testweb

import (
	"bufio"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Hit is one request as the server saw it. Its times carry the monotonic
// clock.
type Hit struct {
	Host   string // the name given to Serve
	Method string
	URI    string    // path and query as in the request line
	Start  time.Time // when the request's head had been read
	// End is when the last piece of the answer was handed to the system: the
	// earliest moment at which the client could have had all of it. It is zero
	// while nothing has been sent, and moves while the answer goes on.
	End    time.Time
	Status int   // 0 while unanswered, and where the handler took the connection over
	Bytes  int64 // of the body, as the handler wrote it, after any content coding
	// Broken tells that the answer broke off: the client went away, or the
	// handler gave up before the length it had promised.
	Broken bool
	// RetryAfter is what a 429 or 503 asked for (RFC 9110, 10.2.3); else 0.
	RetryAfter time.Duration
	Header     http.Header // of the request; not to be changed
	Addr       string      // the client's address and port: one connection
}

// hitLog is the log of all hosts, in order of arrival.
type hitLog struct {
	limit int

	mu   sync.Mutex // guards all below, and the Hits pointed at
	hits []*Hit
	lost int
}

// Hits returns the log so far, in order of arrival.
func (w *Web) Hits() []Hit {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	hits := make([]Hit, len(w.log.hits))
	for i, h := range w.log.hits {
		hits[i] = *h
	}
	return hits
}

// Lost returns how many hits came after the log was full.
func (w *Web) Lost() int {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	return w.log.lost
}

// begin logs the arrival of r on c. The time is taken under the lock, so that
// the log is sorted by it.
func (l *hitLog) begin(c *conn, r *http.Request) *Hit {
	h := &Hit{Host: c.host, Method: r.Method, URI: r.RequestURI, Header: r.Header, Addr: r.RemoteAddr}
	l.mu.Lock()
	defer l.mu.Unlock()
	h.Start = time.Now()
	c.hit = h
	if len(l.hits) < l.limit {
		l.hits = append(l.hits, h)
	} else {
		l.lost++
	}
	return h
}

// stamp notes that the answer on c goes on now.
func (l *hitLog) stamp(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.hit != nil { // nil: an error answer to what was no request
		c.hit.End = time.Now()
	}
}

// breakOff notes that the answer on c could not be written.
func (l *hitLog) breakOff(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.hit != nil {
		c.hit.Broken = true
	}
}

// recorder writes down what a handler answers, always before the client can
// have seen it.
type recorder struct {
	http.ResponseWriter
	log      *hitLog
	hit      *Hit
	head     bool // the request is a HEAD: its body is not sent
	hijacked bool
}

func (rec *recorder) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		rec.answer(status)
	}
	rec.ResponseWriter.WriteHeader(status)
}

// answer notes the final status; the first counts, as for net/http.
func (rec *recorder) answer(status int) {
	rec.log.mu.Lock()
	defer rec.log.mu.Unlock()
	if rec.hit.Status != 0 {
		return
	}
	rec.hit.Status = status
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		rec.hit.RetryAfter = retryAfter(rec.Header().Get("Retry-After"), rec.hit.Start)
	}
}

func (rec *recorder) Write(p []byte) (int, error) {
	rec.answer(http.StatusOK)
	rec.grow(len(p))
	n, err := rec.ResponseWriter.Write(p)
	rec.grow(n - len(p))
	return n, err
}

func (rec *recorder) grow(n int) {
	if rec.head {
		return
	}
	rec.log.mu.Lock()
	defer rec.log.mu.Unlock()
	rec.hit.Bytes += int64(n)
}

// Flush sends what is buffered. It is here for handlers that ask for an
// http.Flusher.
func (rec *recorder) Flush() {
	rec.answer(http.StatusOK)
	_ = http.NewResponseController(rec.ResponseWriter).Flush() // as http.Flusher: no way to tell
}

// Hijack hands the connection to the handler, which must close it.
func (rec *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	rec.hijacked = true
	return http.NewResponseController(rec.ResponseWriter).Hijack()
}

// Unwrap serves http.ResponseController.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

// end notes that the handler returned; whole is false if it panicked or its
// client had gone. What net/http still holds is sent after this.
func (rec *recorder) end(whole bool) {
	if whole && !rec.hijacked {
		rec.answer(http.StatusOK)
	}
	length, err := strconv.ParseInt(rec.Header().Get("Content-Length"), 10, 64)
	promised := err == nil && !rec.head
	rec.log.mu.Lock()
	defer rec.log.mu.Unlock()
	h := rec.hit
	if h.End.IsZero() {
		h.End = time.Now()
	}
	bodyless := h.Status == http.StatusNotModified || h.Status == http.StatusNoContent
	switch {
	case promised && !bodyless:
		h.Broken = h.Broken || h.Bytes < length
	case !whole:
		h.Broken = true
	}
}

// retryAfter reads a Retry-After header: seconds, or a date compared with now.
func retryAfter(value string, now time.Time) time.Duration {
	if s, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if t, err := http.ParseTime(value); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}
