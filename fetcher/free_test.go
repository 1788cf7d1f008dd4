package fetcher

import "testing"

// TestFreeGivesMemoryOnce: no two bodies to come share what one response gave
// back, whether its body was coded or is what was sent.
func TestFreeGivesMemoryOnce(t *testing.T) {
	for range 100 {
		plain := &Response{Raw: make([]byte, 1000)}
		plain.Body = plain.Raw
		coded := &Response{Raw: make([]byte, 1000), Body: make([]byte, 2000)}
		empty := &Response{Raw: make([]byte, 0, 1000)}
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
