package store

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// TestTidy compacts an index that grew in no order, once: it looks again when a
// quarter of it is new.
func TestTidy(t *testing.T) {
	b, err := Open(t.TempDir(), Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	grow := func(bytes int) {
		for ; bytes > 0; bytes -= 100 * 1500 {
			puts := make([]put, min(100, bytes/1500))
			for i := range puts {
				puts[i] = put{bucketLatest, binary.BigEndian.AppendUint64(nil, rand.Uint64()), make([]byte, 1500)}
			}
			if err := b.commit(puts...); err != nil {
				t.Fatal(err)
			}
		}
	}
	tidy := func() bool {
		done, err := b.Tidy(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	if grow(leastIndex / 4); tidy() {
		t.Error("a small index was compacted")
	}
	if grow(leastIndex); !tidy() {
		t.Error("an index that is half full was not compacted")
	}
	if tidy() {
		t.Error("it was compacted again")
	}
	if grow(10 * 1500); tidy() {
		t.Error("it was compacted for a little that is new")
	}
	if grow(2 * leastIndex); !tidy() {
		t.Error("it was not compacted when most of it was new")
	}
}
