package parse

// simhash is the bitwise majority of 64-bit features: texts that share most of
// their features differ in few bits of it (Charikar, 2002). The counts of the
// 64 bits are kept as binary numbers that lie across words, so that all are
// counted at once.
type simhash struct {
	planes [24]uint64 // bit i of count n is bit n of planes[i]
	n      int
}

// add takes features, best a multiple of eight. About 1<<24 are counted, the
// others left out.
func (s *simhash) add(features []uint64) {
	if s.n >= 1<<len(s.planes)-2*runsAtOnce {
		return
	}
	for ; len(features) >= 64; features = features[64:] {
		s.count64((*[64]uint64)(features))
	}
	for ; len(features) >= 8; features = features[8:] {
		s.ripple(3, s.count(0, (*[8]uint64)(features)))
		s.n += 8
	}
	for _, h := range features {
		s.ripple(0, h)
		s.n++
	}
}

// count64 adds 64 features. To ripple ends where nobody foresees it, and so is
// done but once.
func (s *simhash) count64(x *[64]uint64) {
	var eights [8]uint64
	for i := range eights {
		eights[i] = s.count(0, (*[8]uint64)(x[8*i:]))
	}
	s.ripple(6, s.count(3, &eights))
	s.n += len(x)
}

// count adds eight words to the three planes from plane on with a tree of
// carry-save adders, and returns what is to be added to the next plane.
func (s *simhash) count(plane int, x *[8]uint64) (carry uint64) {
	p := (*[3]uint64)(s.planes[plane:])
	ones, twosA := addBits(p[0], x[0], x[1])
	ones, twosB := addBits(ones, x[2], x[3])
	twos, foursA := addBits(p[1], twosA, twosB)
	ones, twosA = addBits(ones, x[4], x[5])
	ones, twosB = addBits(ones, x[6], x[7])
	twos, foursB := addBits(twos, twosA, twosB)
	p[0], p[1] = ones, twos
	p[2], carry = addBits(p[2], foursA, foursB)
	return carry
}

// addBits adds three bits in each of 64 places.
func addBits(a, b, c uint64) (sum, carry uint64) {
	ab := a ^ b
	return ab ^ c, a&b | ab&c
}

func (s *simhash) ripple(plane int, carry uint64) {
	for ; carry != 0; plane++ {
		s.planes[plane], carry = s.planes[plane]^carry, s.planes[plane]&carry
	}
}

// sum returns the bits that more than half of the features have.
func (s *simhash) sum() uint64 {
	most, above, equal := s.n/2+1, uint64(0), ^uint64(0)
	for i := len(s.planes) - 1; i >= 0; i-- {
		if most>>i&1 == 0 {
			above |= equal & s.planes[i]
			equal &^= s.planes[i]
		} else {
			equal &= s.planes[i]
		}
	}
	return above | equal
}
