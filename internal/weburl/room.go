package weburl

import "unsafe"

// Room is where addresses are written one behind the other, so that many cost
// one allocation. A URL in it is as any other, and as long as one is held so is
// the room: whoever holds one for long takes its Clone. The zero value is ready;
// one goroutine at a time may use it.
type Room struct{ left []byte }

const (
	roomBytes = 4 << 10       // allocated at once
	mostOfOne = roomBytes / 8 // of an address that is written there
)

// join returns dir and path in one text. Without a room it has its own memory.
func (r *Room) join(dir, path string) string {
	b := r.take(len(dir) + len(path))
	copy(b[copy(b, dir):], path)
	return unsafe.String(unsafe.SliceData(b), len(b)) // nobody else writes there
}

// keep returns b as a text, likewise.
func (r *Room) keep(b []byte) string {
	kept := r.take(len(b))
	copy(kept, b)
	return unsafe.String(unsafe.SliceData(kept), len(kept))
}

// take takes n bytes.
func (r *Room) take(n int) []byte {
	if r == nil || n > mostOfOne {
		return make([]byte, n)
	}
	if n > len(r.left) {
		r.left = make([]byte, roomBytes)
	}
	b := r.left[:n:n]
	r.left = r.left[n:]
	return b
}
