package fetcher

import "testing"

// TestFreeGivesMemoryOnce: no two bodies to come share what one response gave
// back, whether its body was coded or is what was sent.
func TestFreeGivesMemoryOnce(t *testing.T) {
	for range 100 {
		plain := &Response{Raw: make([]byte, 1024)}
		plain.Body = plain.Raw
		coded := &Response{Raw: make([]byte, 1024), Body: make([]byte, 2048)}
		empty := &Response{Raw: make([]byte, 0, 1024)}
		empty.Body = empty.Raw
		large := &Response{Raw: make([]byte, maxBuffer+1)}
		for _, r := range []*Response{plain, coded, empty, large} {
			r.Free()
			if r.Raw != nil || r.Body != nil {
				t.Fatal("a response still has what it gave back")
			}
		}
		seen := map[*byte]bool{}
		for range 6 {
			b := takeBuffer(600)[:600]
			if seen[&b[0]] || cap(b) > maxBuffer {
				t.Fatalf("a buffer of %d bytes is taken twice, or is kept though it is large", cap(b))
			}
			seen[&b[0]] = true
		}
	}
}

// TestBufferHasRoom: whatever was given back, a buffer has the room that it is taken
// for, and little more: its class is a quarter larger, and what a class holds another.
func TestBufferHasRoom(t *testing.T) {
	for size := 1; size <= 4*maxBuffer; size += 1 + size/3 {
		for _, given := range []int{size - 1, size, size + 1, 2*size - 1} {
			free(make([]byte, given))
			free(takeBuffer(given))
		}
		b := takeBuffer(size)
		if len(b) != 0 || cap(b) < size || cap(b) > max(size, leastBuffer)*25/16 {
			t.Errorf("for %d bytes: a buffer of %d with room for %d", size, len(b), cap(b))
		}
	}
}
