package schedule

import (
	"fmt"
	"strings"
	"time"
)

// window is when something may begin: between two times of day, on some days.
// The zero window is always open. One over midnight belongs to the day it
// begins.
type window struct {
	from, to int // minutes of the day; to is not in it
	days     uint8
}

const dayMinutes = 24 * 60

func (w window) any() bool { return w == window{} }

// WithWindow limits when the rule may be due, to "08:00-20:00 mon-fri". Without
// days it holds on all; an empty text is no limit.
func (s Spec) WithWindow(text string) (Spec, error) {
	if strings.TrimSpace(text) == "" {
		return s, nil
	}
	if !s.window.any() {
		return Spec{}, fmt.Errorf("%q has a window already", s.String())
	}
	if len(text) > maxText {
		return Spec{}, fmt.Errorf("the window is longer than %d bytes", maxText)
	}
	w, err := parseWindow(strings.Fields(strings.ToLower(text)))
	if err != nil {
		return Spec{}, err
	}
	s.window = w
	return s.comes()
}

func parseWindow(fields []string) (w window, err error) {
	bad := fmt.Errorf(`%.80q is no window: write "08:00-20:00" or "08:00-20:00 mon-fri"`, strings.Join(fields, " "))
	w.days = everyDay
	if len(fields) == 0 || len(fields) > 2 {
		return w, bad
	}
	times := fields[0]
	if len(fields) == 2 {
		days := fields[1]
		if !strings.ContainsAny(times[:1], "0123456789") {
			times, days = days, times
		}
		if w.days, err = parseDays(days); err != nil {
			return w, err
		}
	}
	from, to, ok := strings.Cut(times, "-")
	if w.from, err = parseClock(from); !ok || err != nil || w.from == dayMinutes {
		return w, bad
	}
	if w.to, err = parseClock(to); err != nil || w.from == w.to {
		return w, bad
	}
	return w, nil
}

// Open tells whether something may begin at t.
func (s Spec) Open(t time.Time) bool {
	return s.window.any() || s.zone == nil || s.window.ends(s.naive(t)) > 0
}

// opens is when the window opens after t, at which it is closed, or when clocks are
// changed before that: what they show then says anew when it opens.
func (s Spec) opens(t time.Time) time.Time {
	n := s.naive(t)
	at := t.Add(s.window.opens(n).Sub(n))
	if _, change := t.In(s.zone).ZoneBounds(); !change.IsZero() && change.Before(at) {
		return change
	}
	return at
}

// ends is how long from n on the window stays open; 0 if it is closed.
func (w window) ends(n time.Time) time.Duration {
	minute, day := n.Hour()*60+n.Minute(), n.Weekday()
	since := n.Sub(n.Truncate(time.Minute))
	left := func(m int) time.Duration { return time.Duration(m)*time.Minute - since }
	switch {
	case w.from < w.to && w.on(day) && minute >= w.from && minute < w.to:
		return left(w.to - minute)
	case w.from > w.to && w.on(day) && minute >= w.from:
		return left(w.to + dayMinutes - minute)
	case w.from > w.to && w.on(day+6) && minute < w.to:
		return left(w.to - minute)
	}
	return 0
}

func (w window) on(day time.Weekday) bool { return w.days&(1<<(day%7)) != 0 }

// opens is when it opens next after n.
func (w window) opens(n time.Time) time.Time {
	day := n.Truncate(24 * time.Hour)
	for {
		at := day.Add(time.Duration(w.from) * time.Minute)
		if w.on(day.Weekday()) && at.After(n) {
			return at
		}
		day = day.AddDate(0, 0, 1)
	}
}

// String writes the window as WithWindow reads it.
func (w window) String() string {
	text := clock(w.from) + "-" + clock(w.to)
	if w.days != everyDay {
		text += " " + daysText(w.days)
	}
	return text
}
