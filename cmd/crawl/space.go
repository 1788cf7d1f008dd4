package main

import (
	"strconv"
	"strings"
)

// Space is how much of the store's volume is to stay free; the zero value is
// auto. Its text is 5%, 2GB, 0 for none, or auto.
type Space struct {
	Set     bool  // not auto
	Percent int64 // of the volume, in thousandths; 0 for Bytes
	Bytes   Size
}

// What auto comes to: enough for what is under way, and for others who use the
// volume; little on a small one.
const (
	leastSpace     = 1 << 30
	spacePart      = 50 // of the volume, if that is more
	smallSpacePart = 10 // of the volume, at most
	// A run that was paused goes on when so much more is free, as a part of
	// what must be.
	spaceAgain = 4
)

const spaceNext = "write a part of the volume or a size: 5%, 2GB, 0 for none, or auto"

// marks are the free bytes of a volume below which a run pauses, and from
// which on it goes on.
func (s Space) marks(volume uint64) (low, high uint64) {
	switch {
	case !s.Set:
		low = min(max(volume/spacePart, leastSpace), volume/smallSpacePart)
	case s.Percent > 0:
		low = volume / 100_000 * uint64(s.Percent)
	default:
		low = uint64(s.Bytes)
	}
	return low, low + low/spaceAgain
}

func (s Space) String() string {
	switch {
	case !s.Set:
		return "auto"
	case s.Percent > 0:
		return strconv.FormatFloat(float64(s.Percent)/1000, 'f', -1, 64) + "%"
	case s.Bytes == 0:
		return "0"
	}
	return s.Bytes.String()
}

// MarshalText writes the text that UnmarshalText reads, for JSON.
func (s Space) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a space; a fault says how one is written.
func (s *Space) UnmarshalText(text []byte) error { return unmarshalUnit(s, text, parseSpace) }

func parseSpace(text string) (Space, error) {
	if text == "auto" {
		return Space{}, nil
	}
	if number, ok := strings.CutSuffix(text, "%"); ok {
		n, ok := scaled(strings.TrimSpace(number), 1000, 90_000)
		if !ok || n == 0 {
			return Space{}, badUnit(text, "a part of a volume", spaceNext)
		}
		return Space{Set: true, Percent: n}, nil
	}
	n, err := parseSize(text)
	if err != nil || n < 0 {
		return Space{}, badUnit(text, "an amount of free space", spaceNext)
	}
	return Space{Set: true, Bytes: n}, nil
}
