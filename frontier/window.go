package frontier

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

// fill reads the first ready URLs of h and those whose time has come from
// disk. Bolt.mu is held on entry and on return, and not meanwhile.
func (r *run) fill(h *host, now time.Time) error {
	r.busy++
	h.filling, h.moved = true, map[place]bool{}
	h.laterAt = time.Time{} // found again by the read
	out := map[seenKey]bool{}
	if h.leased > 0 {
		for key, st := range r.leased {
			if st.host == h {
				out[key] = true
			}
		}
	}
	for _, e := range h.due {
		out[e.key] = true
	}
	want, delayed := r.windowSize(), h.later > 0
	r.update(h, now)
	r.frontier.mu.Unlock()
	w, err := r.readWindow(h, out, want, delayed, now)
	r.frontier.mu.Lock()
	r.busy--
	if err != nil {
		h.filling, h.moved = false, nil
		return err
	}
	h.merge(w.ready, w.more, w.due, w.nextLater)
	if !h.counted(w.more) {
		return fmt.Errorf("frontier: %s: memory counts %d URLs of %s ready and %d waiting, the file does not: resume the run", r.db.Path(), h.ready, h.rec.Origin, h.later)
	}
	r.update(h, now)
	return nil
}

// window is what fill reads.
type window struct {
	ready, due []entry
	more       bool // there are ready URLs behind the last one
	nextLater  time.Time
}

// reader collects a window: of each kind at most want entries, none of them out.
type reader struct {
	window
	id     uint32
	origin string
	out    map[seenKey]bool
	want   int
	now    time.Time
}

// readWindow reads delayed URLs where there are any: they lie in another place of the file.
func (r *run) readWindow(h *host, out map[seenKey]bool, want int, delayed bool, now time.Time) (window, error) {
	w := reader{id: h.rec.ID, origin: h.rec.Origin, out: out, want: want, now: now}
	err := r.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketQueue).Cursor()
		if err := w.readReady(c); err != nil || !delayed {
			return err
		}
		return w.readDue(c)
	})
	if err != nil {
		return window{}, fmt.Errorf("frontier: %s: %w", r.db.Path(), err)
	}
	return w.window, nil
}

func (w *reader) readReady(c *bolt.Cursor) error {
	prefix := hostKey(w.id)
	for k, v := c.Seek(queueKey(w.id, place{})); bytes.HasPrefix(k, prefix); k, v = c.Next() {
		e, err := readEntry(w.origin, k, v)
		switch {
		case err != nil:
			return err
		case e.place.later():
			return nil
		case w.out[e.key]:
		case len(w.ready) == w.want:
			w.more = true
			return nil
		default:
			w.ready = append(w.ready, e)
		}
	}
	return nil
}

// readDue reads the delayed URLs that are due, and when the next one is. Those
// at the far end were written before the wall clock was set back, see dueAt.
func (w *reader) readDue(c *bolt.Cursor) error {
	prefix := append(hostKey(w.id), classLater)
	k, v := c.Seek(prefix)
	for bytes.HasPrefix(k, prefix) {
		e, err := readEntry(w.origin, k, v)
		if err != nil {
			return err
		}
		due := dueAt(e.place.nanos(), w.now)
		switch {
		case w.out[e.key]:
		case due.After(w.now):
			w.next(due)
			k, v = c.Seek(queueKey(w.id, laterPlace(w.now.Add(MaxRest+1), 0)))
			continue
		case len(w.due) == w.want:
			w.next(due)
			return nil
		default:
			w.due = append(w.due, e)
		}
		k, v = c.Next()
	}
	return nil
}

func (w *window) next(due time.Time) {
	if w.nextLater.IsZero() || due.Before(w.nextLater) {
		w.nextLater = due
	}
}

func readQueueKey(k []byte) (host uint32, p place, err error) {
	if len(k) != 4+len(p) {
		return 0, p, fmt.Errorf("damaged key %x in the queue", k)
	}
	return binary.BigEndian.Uint32(k), place(k[4:]), nil
}

// readEntry reads what lies in the queue of a host.
func readEntry(origin string, k, v []byte) (entry, error) {
	id, p, err := readQueueKey(k)
	if err != nil {
		return entry{}, err
	}
	var rec linkRecord
	if err := rec.decode(v); err != nil {
		return entry{}, err
	}
	l, err := rec.link(origin)
	if err != nil {
		return entry{}, err
	}
	if !p.later() {
		l.Rank = p.rank()
	}
	return entry{place: p, key: makeKey(id, l.digest()), link: l, try: int(rec.Try), paid: rec.Paid}, nil
}
