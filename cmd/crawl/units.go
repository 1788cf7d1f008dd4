package main

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// unlimited is the value of a Count, Duration or Size that sets no limit. An
// option takes it only if its `unlimited` tag says so.
const unlimited = -1

// unlimitedWord is how unlimited is written in flags, files and JSON.
const unlimitedWord = "unlimited"

// Count is a number of things, or unlimited. Its text is digits, with k or M
// for thousands and millions: 500, 100k.
type Count int64

// Duration is a length of time in whole milliseconds, or unlimited. Its text
// is 500ms, 30s, 5m, 2h, 7d, 2w, or several of them: 1h30m.
type Duration time.Duration

// Size is a number of bytes, or unlimited. Its text has decimal units (10MB,
// 1.5GB) or binary ones (64KiB); a bare number is bytes.
type Size int64

// Speed is a number of bytes a second. Its text is a Size with "/s": 64B/s.
type Speed int64

// Rate is how many requests may go to one host in a time; the zero value is
// adaptive: the crawler finds the rate. Its text is 4/s, 30/m, 1/h, 1/d,
// 1/10s, or adaptive.
type Rate struct {
	N   int64    // requests, from 1
	Per Duration // in this time
}

// Bounds of what the types hold, so that no sum of two of them overflows.
const (
	maxCount    = int64(1e15)
	maxDuration = Duration(36500 * 24 * time.Hour)
	maxSize     = int64(1e18)
	maxUnitText = 64 // bytes of text that are looked at
	// A Rate is between one request a day and a thousand a second.
	fastestInterval = time.Millisecond
	slowestInterval = 24 * time.Hour
)

// Limited reports whether c sets a limit.
func (c Count) Limited() bool { return c != unlimited }

// Limited reports whether d sets a limit.
func (d Duration) Limited() bool { return d != unlimited }

// Limited reports whether s sets a limit.
func (s Size) Limited() bool { return s != unlimited }

// Std returns d for package time; an unlimited d is the longest time there is.
func (d Duration) Std() time.Duration {
	if d == unlimited {
		return math.MaxInt64
	}
	return time.Duration(d)
}

// Adaptive reports whether the crawler is to find the rate itself.
func (r Rate) Adaptive() bool { return r.N == 0 }

// Interval returns the time from one request to the next, zero for an adaptive
// rate.
func (r Rate) Interval() time.Duration {
	if r.N == 0 {
		return 0
	}
	return time.Duration(r.Per) / time.Duration(r.N)
}

func (c Count) String() string {
	if c == unlimited {
		return unlimitedWord
	}
	return strconv.FormatInt(int64(c), 10)
}

// durationUnits go from long to short: the order in which String writes them
// and parseDuration wants them.
var durationUnits = []struct {
	name string
	unit Duration
}{
	{"w", Duration(7 * 24 * time.Hour)},
	{"d", Duration(24 * time.Hour)},
	{"h", Duration(time.Hour)},
	{"m", Duration(time.Minute)},
	{"s", Duration(time.Second)},
	{"ms", Duration(time.Millisecond)},
}

func (d Duration) String() string {
	switch {
	case d == unlimited:
		return unlimitedWord
	case d <= 0:
		return "0s"
	}
	var b strings.Builder
	for _, u := range durationUnits[1:] { // 7d reads better than 1w
		if n := d / u.unit; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d %= u.unit
		}
	}
	return b.String()
}

// sizeUnits are tried in this order by String, which takes the unit that divides
// the size and leaves the roundest number: 500KiB, not 512KB.
var sizeUnits = []struct {
	name string
	unit int64
}{
	{"TB", 1e12},
	{"TiB", 1 << 40},
	{"GB", 1e9},
	{"GiB", 1 << 30},
	{"MB", 1e6},
	{"MiB", 1 << 20},
	{"KB", 1e3},
	{"KiB", 1 << 10},
	{"B", 1},
}

func (s Size) String() string {
	switch {
	case s == unlimited:
		return unlimitedWord
	case s <= 0:
		return "0B"
	}
	best, least := "", math.MaxInt
	for _, u := range sizeUnits {
		if int64(s)%u.unit != 0 {
			continue
		}
		number := strconv.FormatInt(int64(s)/u.unit, 10)
		// A digit that is no trailing zero weighs more than the whole length.
		if weight := 32*len(strings.TrimRight(number, "0")) + len(number); weight < least {
			best, least = number+u.name, weight
		}
	}
	return best
}

func (s Speed) String() string { return Size(s).String() + "/s" }

func (r Rate) String() string {
	if r.N == 0 {
		return "adaptive"
	}
	per := r.Per.String()
	if per[0] == '1' && len(per) == 2 { // "1s", but not "15s"
		per = per[1:]
	}
	return strconv.FormatInt(r.N, 10) + "/" + per
}

// MarshalText writes the text that UnmarshalText reads, for JSON.
func (c Count) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// MarshalText writes the text that UnmarshalText reads, for JSON.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// MarshalText writes the text that UnmarshalText reads, for JSON.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalText writes the text that UnmarshalText reads, for JSON.
func (s Speed) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalText writes the text that UnmarshalText reads, for JSON.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a count; a fault says how one is written.
func (c *Count) UnmarshalText(text []byte) error { return unmarshalUnit(c, text, parseCount) }

// UnmarshalText reads a duration; a fault says how one is written.
func (d *Duration) UnmarshalText(text []byte) error { return unmarshalUnit(d, text, parseDuration) }

// UnmarshalText reads a size; a fault says how one is written.
func (s *Size) UnmarshalText(text []byte) error { return unmarshalUnit(s, text, parseSize) }

// UnmarshalText reads a speed; a fault says how one is written.
func (s *Speed) UnmarshalText(text []byte) error { return unmarshalUnit(s, text, parseSpeed) }

// UnmarshalText reads a rate; a fault says how one is written.
func (r *Rate) UnmarshalText(text []byte) error { return unmarshalUnit(r, text, parseRate) }

func unmarshalUnit[T any](to *T, text []byte, parse func(string) (T, error)) error {
	v, err := parse(strings.TrimSpace(string(text[:min(len(text), maxUnitText)])))
	if err == nil && len(text) > maxUnitText {
		err = badUnit(string(text), "a value of at most 64 bytes", "shorten it")
	}
	if err == nil {
		*to = v
	}
	return err
}

// badUnit is the fault of a text that is not of a type.
func badUnit(text, kind, next string) error {
	return fault{What: quoted(text) + " is not " + kind, Next: next}
}

func parseCount(text string) (Count, error) {
	if text == unlimitedWord {
		return unlimited, nil
	}
	digits, factor := text, int64(1)
	if n, ok := strings.CutSuffix(text, "k"); ok {
		digits, factor = n, 1e3
	} else if n, ok := strings.CutSuffix(text, "M"); ok {
		digits, factor = n, 1e6
	}
	n, ok := scaled(digits, factor, maxCount)
	if !ok || strings.Contains(digits, ".") {
		return 0, badUnit(text, "a whole number", "write 500, 100k or "+unlimitedWord)
	}
	return Count(n), nil
}

func parseDuration(text string) (Duration, error) {
	const kind, next = "a duration", "write a number with its unit: 500ms, 30s, 5m, 2h, 7d"
	switch text {
	case unlimitedWord:
		return unlimited, nil
	case "0":
		return 0, nil
	}
	var sum Duration
	rest, units := text, durationUnits
	for rest != "" {
		number := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789."))]
		rest = rest[len(number):]
		name := rest[:len(rest)-len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz"))]
		rest = rest[len(name):]
		for len(units) > 0 && units[0].name != name {
			units = units[1:]
		}
		if len(units) == 0 {
			return 0, badUnit(text, kind, next)
		}
		n, ok := scaled(number, int64(units[0].unit/durationUnits[len(durationUnits)-1].unit), int64(maxDuration/Duration(time.Millisecond)))
		sum += Duration(n) * Duration(time.Millisecond)
		if !ok || sum > maxDuration {
			return 0, badUnit(text, kind, next)
		}
		units = units[1:]
	}
	if text == "" {
		return 0, badUnit(text, kind, next)
	}
	return sum, nil
}

func parseSize(text string) (Size, error) {
	const kind, next = "a size", "write bytes or a number with its unit: 500KB, 64KiB, 10MB, 2GB"
	if text == unlimitedWord {
		return unlimited, nil
	}
	number := text[:len(text)-len(strings.TrimLeft(text, "0123456789."))]
	name := cmp.Or(strings.TrimSpace(text[len(number):]), "B")
	for _, u := range sizeUnits {
		if strings.EqualFold(name, u.name) {
			if n, ok := scaled(number, u.unit, maxSize); ok {
				return Size(n), nil
			}
		}
	}
	return 0, badUnit(text, kind, next)
}

func parseSpeed(text string) (Speed, error) {
	size, err := parseSize(strings.TrimSpace(strings.TrimSuffix(text, "/s")))
	if err != nil || size == unlimited {
		return 0, badUnit(text, "a speed", "write bytes a second: 64B/s, 10KB/s, or 0 for none")
	}
	return Speed(size), nil
}

func parseRate(text string) (Rate, error) {
	const kind, next = "a rate", "write requests a time to each host: 4/s, 30/m, 1/10s, or adaptive"
	if text == "adaptive" {
		return Rate{}, nil
	}
	count, per, _ := strings.Cut(text, "/")
	switch per {
	case "s", "m", "h", "d":
		per = "1" + per
	}
	n, ok := scaled(count, 1, maxCount)
	d, err := parseDuration(per)
	if !ok || err != nil || n == 0 || d <= 0 || strings.Contains(count, ".") {
		return Rate{}, badUnit(text, kind, next)
	}
	r := Rate{N: n, Per: d}
	if i := r.Interval(); i < fastestInterval || i > slowestInterval {
		return Rate{}, fault{What: quoted(text) + " is out of range", Next: "a rate is from 1/d to 1000/s"}
	}
	return r, nil
}

// scaled reads a decimal number, plain digits with at most one point, and
// multiplies it. It refuses a product that is no whole number or above limit.
func scaled(number string, factor, limit int64) (int64, bool) {
	whole, fraction, point := strings.Cut(number, ".")
	if whole == "" || point && fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return 0, false
	}
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, false
	}
	r.Mul(r, new(big.Rat).SetInt64(factor))
	if !r.IsInt() || r.Cmp(new(big.Rat).SetInt64(limit)) > 0 {
		return 0, false
	}
	return r.Num().Int64(), true
}
