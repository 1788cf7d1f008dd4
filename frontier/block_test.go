package frontier

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// TestFilter: it lets everything through that was added, and little else.
func TestFilter(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	key := func() (k seenKey) {
		for i := range k {
			k[i] = byte(random.Uint32())
		}
		return k
	}
	const n = 50_000
	f := newFilter(n)
	keys := make([]seenKey, n)
	for i := range keys {
		keys[i] = key()
		f.add(&keys[i])
	}
	for i := range keys {
		if !f.has(&keys[i]) {
			t.Fatalf("seed %d: %x is denied", seed, keys[i])
		}
	}
	through := 0
	for range n {
		k := key()
		if f.has(&k) {
			through++
		}
	}
	if through > n/250 || through == 0 {
		t.Errorf("seed %d: %d of %d that were not added are let through", seed, through, n)
	}
}

// FuzzBlock: what a block lists is found in it, and whatever it holds nothing
// panics. A block that was made is as what it was made of.
func FuzzBlock(f *testing.F) {
	var m blockMaker
	for i := range 100 {
		e := seenEntry{key: seenKey{3: byte(i / 30), 19: byte(i)}}
		if i%7 > 0 {
			e.value = seenValue{state: stateQueued, depth: int32(i), place: readyPlace(Link{}, uint64(i)<<20)}.append(nil)
		}
		if !m.add(e) {
			break
		}
	}
	f.Add(m.take())
	f.Add([]byte{0, 0})
	f.Add(append([]byte{0, 1, 0, 0, 0, 1, 0, 1}, make([]byte, 17)...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := readBlock(raw)
		if err != nil {
			return
		}
		all, err := b.entries(nil)
		if err != nil {
			if !errors.Is(err, errBlock) {
				t.Error(err)
			}
			_, _, _ = b.find(&seenKey{})
			return
		}
		var m blockMaker
		ordered := true
		for i, e := range all {
			ordered = ordered && m.add(e) && (i == 0 || all[i-1].key.compare(e.key) < 0)
		}
		if !ordered { // nobody made it
			return
		}
		if made := m.take(); !bytes.Equal(made, raw[:len(made)]) && blockHosts(raw) == blockHosts(made) {
			t.Errorf("%x\nis made again as\n%x", raw, made)
		}
		for _, e := range all {
			value, found, err := b.find(&e.key)
			if err != nil || !found || !bytes.Equal(value, e.value) {
				t.Errorf("%x: %x, %v, %v, want %x", e.key, value, found, err, e.value)
			}
		}
	})
}

// blockHosts is how many hosts a block says it has.
func blockHosts(raw []byte) uint16 { return binary.BigEndian.Uint16(raw) }
