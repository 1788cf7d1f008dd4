package robots

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// parseDelay reads the value of a Crawl-delay line: seconds, with a fraction or
// without.
func parseDelay(value string) (time.Duration, bool) {
	seconds, err := strconv.ParseFloat(value, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return pause(seconds)
}

// pause turns seconds into a duration of at most MaxDelay. Negative numbers and
// NaN are no pause.
func pause(seconds float64) (time.Duration, bool) {
	switch {
	case !(seconds >= 0):
		return 0, false
	case seconds >= MaxDelay.Seconds():
		return MaxDelay, true
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// parseRate reads the value of a Request-rate line, "requests/time" with a time
// in seconds or with a unit s, m, h or d, as the pause that it leaves between
// requests. Hours of the day may follow and are ignored.
func parseRate(value string) (time.Duration, bool) {
	if i := strings.IndexAny(value, blanks); i >= 0 {
		value = value[:i]
	}
	n, span, ok := strings.Cut(value, "/")
	requests, err := strconv.ParseUint(n, 10, 32)
	if !ok || err != nil || requests == 0 {
		return 0, false
	}
	unit := 1.0
	if span != "" {
		switch span[len(span)-1] | 0x20 {
		case 'm':
			unit = 60
		case 'h':
			unit = 3600
		case 'd':
			unit = 86400
		}
	}
	seconds, err := strconv.ParseUint(strings.TrimRight(span, "sSmMhHdD"), 10, 32)
	if err != nil {
		return 0, false
	}
	return pause(float64(seconds) * unit / float64(requests))
}
