package powercut

import (
	"math/rand/v2"
	"slices"
)

// sector is what a disk writes whole or not at all, in bytes.
const sector = 512

// content is the bytes of a file.
type content struct {
	now, safe []byte   // as programs see it, and as of the last sync
	since     []change // since then
}

// change is a write, or a new size if there is no data.
type change struct {
	at   int64
	data []byte
}

func (c *content) do(x change) {
	c.now = x.in(c.now)
	c.since = append(c.since, x)
}

func (c *content) sync() {
	for _, x := range c.since {
		c.safe = x.in(c.safe)
	}
	c.since = nil
}

// in makes the change in b and returns it.
func (x change) in(b []byte) []byte {
	if x.data == nil {
		return resized(b, x.at)
	}
	b = resized(b, max(int64(len(b)), x.at+int64(len(x.data))))
	copy(b[x.at:], x.data)
	return b
}

func resized(b []byte, size int64) []byte {
	if size <= int64(len(b)) {
		return b[:size]
	}
	old := len(b)
	b = slices.Grow(b, int(size)-old)[:size]
	clear(b[old:])
	return b
}

// torn returns pieces of a write: its first sectors, or any.
func (x change) torn(rnd *rand.Rand) []change {
	var pieces []change
	for from := x.at; from < x.at+int64(len(x.data)); {
		to := min((from/sector+1)*sector, x.at+int64(len(x.data)))
		pieces = append(pieces, change{from, x.data[from-x.at : to-x.at]})
		from = to
	}
	if rnd.IntN(2) == 0 {
		return pieces[:rnd.IntN(len(pieces)+1)]
	}
	return slices.DeleteFunc(pieces, func(change) bool { return rnd.IntN(2) == 0 })
}

// left returns what chance leaves of a file.
func (c *chance) left(f *content) []byte {
	b := slices.Clone(f.safe)
	since := slices.Clone(f.since)
	c.rnd.Shuffle(len(since), func(i, j int) { since[i], since[j] = since[j], since[i] })
	for _, x := range since {
		c.loss.Writes++
		switch {
		case c.rnd.Float64() >= c.keep:
			c.loss.Dropped++
		case x.data != nil && c.rnd.IntN(3) == 0:
			c.loss.Torn++
			for _, piece := range x.torn(c.rnd) {
				b = piece.in(b)
			}
		default:
			b = x.in(b)
		}
	}
	return b
}
