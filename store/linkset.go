package store

import (
	"encoding/binary"
	"iter"
)

// A set of pages, by their number in the run: how far the next is from the one
// before, twice, and 1 added if others follow it without a gap; then how many.
// A page that counts twice is 0 from itself.

// appendSet adds numbers in ascending order.
func appendSet(b []byte, numbers []uint32) []byte {
	last := uint32(0)
	for i := 0; i < len(numbers); {
		n := 1
		for i+n < len(numbers) && numbers[i+n] == numbers[i+n-1]+1 {
			n++
		}
		gap := uint64(numbers[i]-last) << 1
		if n == 1 {
			b = binary.AppendUvarint(b, gap)
		} else {
			b = binary.AppendUvarint(binary.AppendUvarint(b, gap|1), uint64(n-1))
		}
		last = numbers[i+n-1]
		i += n
	}
	return b
}

// set yields the numbers of a set, the last thing that r reads, up to the
// first that is not below limit. Where it is damaged, r is bad at the end.
func (r *reader) set(limit uint32) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for last := uint64(0); r.left() > 0; {
			gap, more := r.number(), uint64(0)
			if gap&1 != 0 {
				more = r.number()
			}
			if last += gap >> 1; last >= uint64(limit) || more >= uint64(limit)-last {
				r.fail()
			}
			if r.bad {
				return
			}
			for range more + 1 {
				if !yield(uint32(last)) {
					return
				}
				last++
			}
			last--
		}
	}
}
