package parse

import "hash/maphash"

// linkTable finds a link of the document at hand by the hash of a text: its
// address, or how that is written. What is found may be another one.
type linkTable struct {
	slots []linkSlot // a power of two
	used  int
	round uint32 // of documents; what an earlier one left is not there
}

type linkSlot struct {
	hash  uint64
	index int32  // of the link
	round uint32 // an empty slot has another than the table
}

// maxKeptSlots is the size of the largest table that is used again.
const maxKeptSlots = 1 << 12

// tableSeed is drawn anew for each process: pages cannot choose addresses that
// meet in one slot.
var tableSeed = maphash.MakeSeed()

// find returns the index of the first link with this hash that is the one, or -1.
func (t *linkTable) find(hash uint64, isIt func(index int) bool) int {
	if len(t.slots) == 0 {
		return -1
	}
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.round != t.round {
			return -1
		}
		if s.hash == hash && isIt(int(s.index)) {
			return int(s.index)
		}
	}
}

// add notes a link that find did not find.
func (t *linkTable) add(hash uint64, index int) {
	if 2*t.used >= len(t.slots) {
		t.grow()
	}
	t.put(linkSlot{hash, int32(index), t.round})
	t.used++
}

func (t *linkTable) grow() {
	old, round := t.slots, t.round
	t.slots, t.round = make([]linkSlot, max(256, 2*len(old))), 1
	for _, s := range old {
		if s.round == round {
			t.put(linkSlot{s.hash, s.index, t.round})
		}
	}
}

func (t *linkTable) put(s linkSlot) {
	mask := uint64(len(t.slots) - 1)
	i := s.hash & mask
	for t.slots[i].round == t.round {
		i = (i + 1) & mask
	}
	t.slots[i] = s
}

// forget empties the table.
func (t *linkTable) forget() {
	if t.round++; len(t.slots) > maxKeptSlots || t.round == 0 {
		t.slots = nil
	}
	t.used = 0
}
