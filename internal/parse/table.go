package parse

import "hash/maphash"

// linkTable finds a link of the document at hand by the hash of a text: its
// address, or how that is written. What is found may be another one.
type linkTable struct {
	slots []linkSlot // a power of two
	used  int
}

type linkSlot struct {
	hash  uint64
	index int32 // of the link, from 1; 0 for an empty slot
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
		if s.index == 0 {
			return -1
		}
		if s.hash == hash && isIt(int(s.index-1)) {
			return int(s.index - 1)
		}
	}
}

// add notes a link that find did not find.
func (t *linkTable) add(hash uint64, index int) {
	if 2*t.used >= len(t.slots) {
		old := t.slots
		t.slots = make([]linkSlot, max(256, 2*len(old)))
		for _, s := range old {
			if s.index != 0 {
				t.put(s)
			}
		}
	}
	t.put(linkSlot{hash, int32(index + 1)})
	t.used++
}

func (t *linkTable) put(s linkSlot) {
	mask := uint64(len(t.slots) - 1)
	i := s.hash & mask
	for t.slots[i].index != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = s
}

// forget empties the table.
func (t *linkTable) forget() {
	switch {
	case len(t.slots) > maxKeptSlots:
		t.slots = nil
	case t.used > 0:
		clear(t.slots)
	}
	t.used = 0
}
