package schedule

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// weekdays are days as rules name them, by time.Weekday; also by their first
// three letters.
var weekdays = [7]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// everyDay is a set of days of the week, Sunday the lowest bit.
const everyDay = 1<<7 - 1

// maxTimes is how many times of day a rule may have.
const maxTimes = 48

// parseWords reads an interval, or days with times.
func (s *Spec) parseWords(fields []string) error {
	switch {
	case len(fields) == 0:
		return fmt.Errorf("nothing stands behind every: %s", valid)
	case fields[0][0] >= '1' && fields[0][0] <= '9' && !strings.Contains(fields[0], ":") && !strings.ContainsAny(fields[0], "tnr"):
		return s.parseInterval(fields)
	case len(fields) == 1 && strings.Contains(fields[0], ":"):
		return s.parseDaily("daily", fields[0])
	case len(fields) == 2:
		return s.parseDaily(fields[0], fields[1])
	}
	return fmt.Errorf("%.80q is no rule: %s", strings.Join(fields, " "), valid)
}

// Bounds of intervals.
const (
	minStep = 5 * time.Second
	maxStep = 366 * 24 * time.Hour
)

func (s *Spec) parseInterval(fields []string) error {
	step, err := parseStep(fields[0])
	if err != nil {
		return err
	}
	if len(fields) > 1 {
		if s.window, err = parseWindow(fields[1:]); err != nil {
			return err
		}
	}
	s.step, s.words = step, "every "+stepText(step)
	return nil
}

// parseStep reads 30s, 15m, 6h, 1h30m, 2d or 1w: whole seconds.
func parseStep(text string) (step time.Duration, err error) {
	bad := fmt.Errorf("%.80q is no interval: write 15m, 6h, 1d or 1w, from 5s to a year", text)
	for rest := text; rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.Atoi(rest[:digits])
		if err != nil || digits == len(rest) || n > 1_000_000 {
			return 0, bad
		}
		unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[rest[digits]]
		if step += time.Duration(n) * unit; unit == 0 || step > maxStep {
			return 0, bad
		}
		rest = rest[digits+1:]
	}
	if step < minStep {
		return 0, bad
	}
	return step, nil
}

func stepText(d time.Duration) string {
	days, hours, minutes, seconds := d/(24*time.Hour), d/time.Hour%24, d/time.Minute%60, d/time.Second%60
	var b strings.Builder
	for _, part := range []struct {
		n    time.Duration
		unit string
	}{{days, "d"}, {hours, "h"}, {minutes, "m"}, {seconds, "s"}} {
		if part.n > 0 {
			fmt.Fprintf(&b, "%d%s", part.n, part.unit)
		}
	}
	return b.String()
}

// parseDaily reads days and times of day into crontab expressions: one for each
// minute of the hour, as an expression has all its hours at all its minutes.
func (s *Spec) parseDaily(days, times string) error {
	month, week, err := cronDays(days)
	if err != nil {
		return err
	}
	hours, order, texts := map[int][]string{}, []int(nil), []string(nil)
	for _, text := range strings.Split(times, ",") {
		at, err := parseClock(text)
		if err != nil || at == dayMinutes || len(texts) == maxTimes {
			return fmt.Errorf("%.80q is no time of day: write 06:00, or up to %d such with commas", times, maxTimes)
		}
		minute := at % 60
		if hours[minute] == nil {
			order = append(order, minute)
		}
		hours[minute], texts = append(hours[minute], strconv.Itoa(at/60)), append(texts, clock(at))
	}
	for _, minute := range order {
		if err := s.addCron(fmt.Sprintf("%d %s %s * %s", minute, strings.Join(hours[minute], ","), month, week)); err != nil {
			return err
		}
	}
	s.words = daysWords(days) + " " + strings.Join(texts, ",")
	return nil
}

// cronDays makes the two fields of a crontab that name days.
func cronDays(days string) (month, week string, err error) {
	if c := days[0]; c >= '0' && c <= '9' || days == "last" {
		month, err = cronMonthDays(days)
		return month, "*", err
	}
	set, err := parseDays(days)
	if err != nil || set == everyDay {
		return "*", "*", err
	}
	var list []string
	for d := range weekdays {
		if set&(1<<d) != 0 {
			list = append(list, strconv.Itoa(d))
		}
	}
	return "*", strings.Join(list, ","), nil
}

// cronMonthDays reads 1st,15th or last.
func cronMonthDays(days string) (string, error) {
	if days == "last" {
		return "L", nil
	}
	var list []string
	for _, day := range strings.Split(days, ",") {
		n, err := strconv.Atoi(strings.TrimRight(day, "stndrh"))
		if err != nil || n < 1 || n > 31 || day != ordinal(n) {
			return "", fmt.Errorf("%.80q is no day of a month: write 1st, 15th or last", day)
		}
		list = append(list, strconv.Itoa(n))
	}
	return strings.Join(list, ","), nil
}

func ordinal(n int) string {
	suffix := "th"
	if n/10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}

// parseDays reads daily, mon,thu or mon-fri.
func parseDays(text string) (set uint8, err error) {
	if text == "daily" || text == "day" {
		return everyDay, nil
	}
	for _, part := range strings.Split(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		from, ok := weekday(first)
		to, ok2 := from, true
		if isRange {
			to, ok2 = weekday(last)
		}
		if !ok || !ok2 {
			return 0, fmt.Errorf("%.80q names no days: write mon, mon,thu, mon-fri or daily", text)
		}
		for d := from; ; d = (d + 1) % 7 {
			set |= 1 << d
			if d == to {
				break
			}
		}
	}
	return set, nil
}

func weekday(text string) (int, bool) {
	for d, name := range weekdays {
		if text == name || text == name+"s" || text == name[:3] {
			return d, true
		}
	}
	return 0, false
}

// daysWords writes days of a rule in one spelling.
func daysWords(days string) string {
	set, err := parseDays(days)
	switch {
	case err != nil: // of a month
		return days
	case set == everyDay:
		return "daily"
	}
	return daysText(set)
}

// daysText writes a set of days: mon-fri, mon,thu.
func daysText(set uint8) string {
	var list []string
	for i := range weekdays {
		d := (i + 1) % 7 // a week begins on Monday
		if set&(1<<d) != 0 {
			list = append(list, weekdays[d][:3])
		}
	}
	if first, last := list[0], list[len(list)-1]; len(list) > 2 {
		if whole, err := parseDays(first + "-" + last); err == nil && whole == set && bits.OnesCount8(set) < 7 {
			return first + "-" + last
		}
	}
	return strings.Join(list, ",")
}

var errClock = errors.New("no time of day")

// parseClock reads 06:00, 6:00 or 06; 24:00 is the end of a day.
func parseClock(text string) (minutes int, err error) {
	hour, minute, ok := strings.Cut(text, ":")
	if !ok {
		minute = "00"
	}
	h, err := strconv.ParseUint(hour, 10, 8)
	m, err2 := strconv.ParseUint(minute, 10, 8)
	at := int(h)*60 + int(m)
	if err != nil || err2 != nil || len(hour) > 2 || len(minute) != 2 || m > 59 || at > dayMinutes {
		return 0, errClock
	}
	return at, nil
}

func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// onceForms are how a moment may be written.
var onceForms = []string{"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02t15:04"}

func (s *Spec) parseOnce(fields []string) error {
	text := strings.Join(fields, " ")
	for _, form := range onceForms {
		if at, err := time.Parse(form, text); err == nil && at.Year() >= 2000 {
			s.once, s.words = at, "at "+at.Format(onceForms[0])
			return nil
		}
	}
	return fmt.Errorf("%.80q is no moment: write at 2026-12-01 06:00", text)
}
