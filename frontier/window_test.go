package frontier

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// disk is the model of a host's queue: all that is queued, and in memory not out.
type disk struct {
	t      *testing.T
	random *rand.Rand
	h      *host
	all    map[seenKey]entry
	out    map[seenKey]entry
	seq    uint64
	now    time.Time
}

// TestWindow holds a host's window against a model, through random arrivals,
// removals, moves, leases, lapses and reads of the disk with changes meanwhile:
// the window is always the first of what is queued, without a gap, and the
// counts are exact.
func TestWindow(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	for i := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, i))
		r := &run{hosts: map[string]*host{}, leased: map[seenKey]*lease{}}
		for n := range 1 << random.IntN(16) { // many hosts make small windows
			r.hosts[string(rune(n))] = nil
		}
		d := &disk{t: t, random: random, h: &host{run: r, index: -1}, all: map[seenKey]entry{}, out: map[seenKey]entry{}, now: time.Unix(1e9, 0)}
		for range 300 {
			d.step()
			d.compare()
			if t.Failed() {
				t.Fatalf("seed %d, %d", seed, i)
			}
		}
	}
}

func (d *disk) step() {
	d.now = d.now.Add(time.Second)
	switch n := d.random.IntN(10); {
	case n < 4:
		d.insert()
	case n == 4:
		d.remove()
	case n == 5:
		d.move()
	case n == 6 && len(d.out) > 0:
		d.end()
	case len(d.h.window) == 0 && d.h.ready > 0 || d.h.later > 0 && !d.h.laterAt.After(d.now):
		d.read()
	case len(d.h.due) > 0:
		d.take(takeDue)
	case len(d.h.window) > 0:
		d.take(takeWindow)
	}
}

func (d *disk) place(seq uint64) place {
	if d.random.IntN(3) == 0 {
		return laterPlace(d.now.Add(time.Duration(d.random.IntN(200))*time.Second), seq)
	}
	l := Link{Rank: uint32(d.random.IntN(4))}
	if d.random.IntN(8) == 0 {
		l.Kind = Reread
	}
	return readyPlace(l, seq)
}

func (d *disk) insert() {
	d.seq++
	e := entry{place: d.place(d.seq)}
	e.key[0], e.key[1] = byte(d.seq), byte(d.seq>>8)
	d.all[e.key] = e
	d.h.insert(e, d.now)
}

func (d *disk) any(of map[seenKey]entry) (entry, bool) {
	keys := make([]seenKey, 0, len(of))
	for k := range of {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b seenKey) int { return bytes.Compare(a[:], b[:]) })
	if len(keys) == 0 {
		return entry{}, false
	}
	return of[keys[d.random.IntN(len(keys))]], true
}

func (d *disk) remove() {
	if e, ok := d.any(d.all); ok {
		if _, out := d.out[e.key]; !out {
			delete(d.all, e.key)
			d.h.remove(e.place, e.key)
		}
	}
}

func (d *disk) move() {
	e, ok := d.any(d.all)
	if !ok {
		return
	}
	from := e.place
	if !from.later() && !from.first() {
		e.place = readyPlace(Link{Rank: uint32(d.random.IntN(4))}, from.seq())
	}
	d.all[e.key] = e
	if _, out := d.out[e.key]; out {
		d.out[e.key] = e
	}
	d.h.move(from, e, d.now)
}

func (d *disk) take(c choice) {
	if d.h.filling {
		return
	}
	e := d.h.take(c)
	d.out[e.key] = e
	d.h.run.leased[e.key] = &lease{entry: e, host: d.h}
}

// end is a lease that ends, is tried again, or lapses.
func (d *disk) end() {
	e, _ := d.any(d.out)
	e = d.h.run.leased[e.key].entry
	delete(d.out, e.key)
	delete(d.h.run.leased, e.key)
	switch d.random.IntN(3) {
	case 0:
		delete(d.all, e.key)
	case 1:
		d.seq++
		e.place = d.place(d.seq)
		d.all[e.key] = e
		d.h.insert(e, d.now)
	default:
		d.h.giveBack(e)
	}
}

// read is run.fill, with changes before and after the snapshot.
func (d *disk) read() {
	h, want := d.h, d.h.run.windowSize()
	h.filling, h.moved, h.laterAt = true, map[place]bool{}, time.Time{}
	out := map[seenKey]bool{}
	for k := range d.out {
		out[k] = true
	}
	for _, e := range h.due {
		out[e.key] = true
	}
	d.meanwhile()
	var w window
	for _, e := range d.sorted(func(e entry) bool { return !out[e.key] }) {
		switch {
		case !e.place.later() && len(w.ready) < want:
			w.ready = append(w.ready, e)
		case !e.place.later():
			w.more = true
		case dueAt(e.place.nanos(), d.now).After(d.now) || len(w.due) == want:
			w.next(dueAt(e.place.nanos(), d.now))
		default:
			w.due = append(w.due, e)
		}
	}
	d.meanwhile()
	h.merge(w.ready, w.more, w.due, w.nextLater)
	if !h.counted(w.more) {
		d.t.Errorf("memory counts %d ready, %d later from %v; %d in the window, more: %t", h.ready, h.later, h.laterAt, len(h.window), w.more)
	}
}

func (d *disk) meanwhile() {
	for range d.random.IntN(4) {
		switch d.random.IntN(4) {
		case 0:
			d.insert()
		case 1:
			d.remove()
		case 2:
			d.move()
		default:
			if len(d.out) > 0 {
				d.end()
			}
		}
	}
}

func (d *disk) sorted(which func(entry) bool) (all []entry) {
	for _, e := range d.all {
		if which(e) {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return bytes.Compare(a.place[:], b.place[:]) })
	return all
}

func (d *disk) compare() {
	h := d.h
	mine := map[seenKey]bool{}
	for _, e := range h.due {
		mine[e.key] = true
	}
	waiting := d.sorted(func(e entry) bool { _, out := d.out[e.key]; return !out && !mine[e.key] })
	ready := slices.IndexFunc(waiting, func(e entry) bool { return e.place.later() })
	if ready < 0 {
		ready = len(waiting)
	}
	first := 0
	for _, e := range waiting {
		if e.place.first() {
			first++
		}
	}
	if h.ready != ready || h.later != len(waiting)-ready || h.first != first {
		d.t.Errorf("%d ready, %d later, %d first; want %d, %d, %d", h.ready, h.later, h.first, ready, len(waiting)-ready, first)
	}
	if len(h.window) > ready {
		d.t.Fatalf("%d in the window, %d ready", len(h.window), ready)
	}
	for i, e := range h.window {
		if e.place != waiting[i].place || e.key != waiting[i].key {
			d.t.Errorf("the window has a gap at %d of %d", i, len(h.window))
		}
	}
	if n := h.run.windowSize(); len(h.window) > 2*n+8 {
		d.t.Errorf("%d in a window of %d", len(h.window), n)
	}
	for _, e := range waiting[ready:] {
		if h.laterAt.After(dueAt(e.place.nanos(), d.now)) {
			d.t.Errorf("one is due before %v", h.laterAt)
		}
	}
}
