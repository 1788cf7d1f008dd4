package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"crawl/internal/query"
)

// Bounds on what is remembered for clients that come back, and on those that
// listen.
const (
	ringEvents   = 2048
	ringBytes    = 4 << 20
	behindEvents = 256 // that a listener may be behind
	mostListen   = 100
	eventsAlive  = 15 * time.Second // a stream says at least so often that it is alive
)

// Kinds of events that the hub itself makes.
const eventReset = "reset"

// Event is one thing that happened.
type Event struct {
	ID   uint64
	Kind string
	Run  string // of which it tells; "" for none
	Data []byte // JSON
}

// Hub hands events to whoever listens, and remembers the last ones.
type Hub struct {
	epoch string // what ids of this process begin with

	mu        sync.Mutex // guards what follows
	last      uint64     // ID
	ring      []Event
	bytes     int
	listeners map[*listener]bool
	closed    bool
}

// listener is one that events are handed to. Its channel is closed when it was
// too slow, and when the hub ends.
type listener struct{ events chan Event }

// NewHub returns a hub that nobody listens to.
func NewHub() *Hub {
	return &Hub{epoch: strconv.FormatInt(time.Now().UnixNano(), 36), listeners: map[*listener]bool{}}
}

// Publish tells of something. data becomes JSON; a listener that does not keep up
// is dropped, and nobody is waited for.
func (h *Hub) Publish(kind, run string, data any) {
	raw, err := json.Marshal(data)
	if err != nil {
		raw = []byte("null") // what we publish can be written
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.last++
	e := Event{h.last, kind, run, raw}
	h.ring, h.bytes = append(h.ring, e), h.bytes+len(raw)
	for len(h.ring) > ringEvents || h.bytes > ringBytes {
		h.bytes -= len(h.ring[0].Data)
		h.ring = h.ring[1:]
	}
	for l := range h.listeners {
		select {
		case l.events <- e:
		default:
			h.drop(l)
		}
	}
}

func (h *Hub) drop(l *listener) {
	if h.listeners[l] {
		delete(h.listeners, l)
		close(l.events)
	}
}

// Close ends all streams.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for l := range h.listeners {
		h.drop(l)
	}
}

// Listening is how many listen.
func (h *Hub) Listening() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.listeners)
}

// listen begins to hand events to a listener. missed are those behind the one
// whose id it had last; lost says that some of them are forgotten. at is the
// last event before those that it is handed.
func (h *Hub) listen(had string) (l *listener, at uint64, missed []Event, lost bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.listeners) >= mostListen {
		return nil, 0, nil, false, &Error{http.StatusServiceUnavailable, "too many listen to events already", "ask again in a moment"}
	}
	l = &listener{make(chan Event, behindEvents)}
	h.listeners[l] = true
	if had == "" {
		return l, h.last, nil, false, nil
	}
	epoch, number, _ := strings.Cut(had, "-")
	n, bad := strconv.ParseUint(number, 10, 64)
	first := h.last + 1 - uint64(len(h.ring)) // the ring's oldest
	if bad != nil || epoch != h.epoch || n > h.last || n+1 < first {
		return l, h.last, nil, true, nil
	}
	return l, n, append(missed, h.ring[n+1-first:]...), false, nil
}

func (h *Hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(l)
}

// id is how a client names an event when it comes back.
func (h *Hub) id(n uint64) string { return fmt.Sprintf("%s-%d", h.epoch, n) }

// stream is one listener's connection.
type stream struct {
	hub  *Hub
	w    http.ResponseWriter
	http *http.ResponseController
	run  string // the only one of interest; "" for all
	at   uint64 // the last event that needs not be sent again
}

func (s *stream) send(format string, args ...any) error {
	_ = s.http.SetWriteDeadline(time.Now().Add(writeTime)) // where there are no deadlines, reading is up to the client
	if _, err := fmt.Fprintf(s.w, format, args...); err != nil {
		return err
	}
	return s.http.Flush()
}

// event sends an event in the form of server-sent events. JSON has no line end.
func (s *stream) event(e *Event) error {
	s.at = e.ID
	if s.run != "" && e.Run != s.run {
		return nil
	}
	return s.send("id: %s\nevent: %s\ndata: %s\n\n", s.hub.id(e.ID), e.Kind, e.Data)
}

// begin sends what the client missed, or says that it is forgotten.
func (s *stream) begin(missed []Event, lost bool) error {
	err := s.send("retry: 2000\nid: %s\n\n", s.hub.id(s.at))
	if err == nil && lost {
		err = s.send("event: %s\ndata: {\"why\":\"events since the last one you had are forgotten: ask anew for what you show\"}\n\n", eventReset)
	}
	for i := range missed {
		if err == nil {
			err = s.event(&missed[i])
		}
	}
	return err
}

// events streams what happens, from the event behind Last-Event-ID on. Where that
// is forgotten it says so first. Who is too slow, or has gone, is left; he may
// come back.
func (a *API) events(w http.ResponseWriter, r *http.Request) error {
	only := r.URL.Query().Get("run")
	if only != "" {
		run, err := a.Find(r.Context(), only)
		if err != nil {
			return err
		}
		only = query.RunName(run)
	}
	l, at, missed, lost, err := a.Hub.listen(r.Header.Get("Last-Event-ID"))
	if err != nil {
		return err
	}
	defer a.Hub.leave(l)
	w.Header().Set("Content-Type", typeEvents)
	w.Header().Set("X-Accel-Buffering", "no") // or proxies gather them
	s := &stream{a.Hub, w, http.NewResponseController(w), only, at}
	gone := s.begin(missed, lost)
	alive := time.NewTicker(eventsAlive)
	defer alive.Stop()
	for gone == nil {
		select {
		case e, ok := <-l.events:
			if !ok || a.allowed(r) < Read { // tokens may be read anew meanwhile
				return nil
			}
			gone = s.event(&e)
		case <-alive.C:
			gone = s.send(": alive\nid: %s\n\n", s.hub.id(s.at))
		case <-r.Context().Done():
			return nil
		}
	}
	return nil
}
