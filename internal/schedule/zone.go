package schedule

import "time"

// naive is what clocks on the wall show, as a time that knows no zone.
func (s Spec) naive(t time.Time) time.Time {
	_, offset := t.In(s.zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// Offsets from UTC lie between these, with an hour to spare.
const (
	westmost = 13 * time.Hour
	eastmost = 15 * time.Hour
)

// instant is when clocks on the wall show n: the first time, if that comes
// twice, and the moment they are put forward, if they leave it out.
func (s Spec) instant(n time.Time) time.Time {
	before, after := s.offset(n.Add(-eastmost)), s.offset(n.Add(westmost))
	early, late := n.Add(-before), n.Add(-after)
	if late.Before(early) {
		before, after, early, late = after, before, late, early
	}
	switch {
	case s.offset(early) == before:
		return early.In(s.zone)
	case s.offset(late) == after:
		return late.In(s.zone)
	}
	start, _ := late.In(s.zone).ZoneBounds()
	return start
}

func (s Spec) offset(t time.Time) time.Duration {
	_, seconds := t.In(s.zone).Zone()
	return time.Duration(seconds) * time.Second
}

// first returns the first instant after the given one at which clocks show a
// time that follow yields. follow returns the next time, or the zero time.
func (s Spec) first(after time.Time, follow func(time.Time) time.Time) (time.Time, bool) {
	for n := s.naive(after); ; {
		if n = follow(n); n.IsZero() {
			return time.Time{}, false
		}
		if t := s.instant(n); t.After(after) { // else it was there before clocks were put back
			return t, true
		}
	}
}

// nextStep counts a short interval in real time, so that the hour that comes
// twice has it twice. It begins anew where clocks are changed.
func (s Spec) nextStep(after time.Time) time.Time {
	for {
		n := s.naive(after)
		next := after.Add(n.Truncate(s.step).Add(s.step).Sub(n))
		_, end := after.In(s.zone).ZoneBounds()
		if end.IsZero() || next.Before(end) {
			return next.In(s.zone)
		}
		if n := s.naive(end); n.Truncate(s.step).Equal(n) {
			return end
		}
		after = end
	}
}
