package web

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// lines is an answer of JSON, an object a line, which comes into being while it is
// sent.
type lines struct {
	mu   sync.Mutex // guards what follows
	out  *bufio.Writer
	http *http.ResponseController
	err  error // of the first write that failed
	cut  context.CancelFunc
}

// newLines begins an answer. cut is called when the client has gone, or has read
// nothing for writeTime.
func newLines(w http.ResponseWriter, cut context.CancelFunc) *lines {
	w.Header().Set("Content-Type", "application/jsonl")
	return &lines{out: bufio.NewWriterSize(w, frameBytes), http: http.NewResponseController(w), cut: cut}
}

// send writes one object, and sees that it leaves now if somebody may wait for it.
func (l *lines) send(v any, now bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.write(v, now)
}

// alive sends an object that says nothing, unless something is being sent anyway.
func (l *lines) alive(v any) {
	if l.mu.TryLock() {
		defer l.mu.Unlock()
		_ = l.write(v, true) // the next write tells
	}
}

// write is send with l.mu held.
func (l *lines) write(v any, now bool) error {
	if l.err != nil {
		return l.err
	}
	line, err := json.Marshal(v)
	if err == nil {
		_ = l.http.SetWriteDeadline(time.Now().Add(writeTime)) // it fails where the write will
		_, err = l.out.Write(append(line, '\n'))
	}
	if err == nil && now {
		err = l.out.Flush()
	}
	if err == nil && now {
		err = l.http.Flush()
	}
	if l.err = err; err != nil {
		l.cut()
	}
	return err
}
