package fetcher

import (
	"strings"
	"time"
)

// ParseDate reads the three forms of RFC 9110, 5.6.7, and the harmless
// disorder that browsers and curl also take: parts in any order, other
// separators, a zone, two-digit years, no time of day, YYYYMMDD. It is false
// for whatever is no date; the time is in UTC.
func ParseDate(s string) (time.Time, bool) {
	if len(s) > maxDate {
		return time.Time{}, false
	}
	d := dateParts{year: -1, day: -1, hour: -1}
	for n := 0; n < maxDateParts; n++ {
		start := 0
		for start < len(s) && !isAlnum(s[start]) {
			start++
		}
		if start == len(s) {
			break
		}
		var before byte
		if start > 0 {
			before = s[start-1]
		}
		s = s[start:]
		size, ok := 0, false
		if isDigit(s[0]) {
			size, ok = d.number(s, before)
		} else {
			size, ok = d.word(s)
		}
		if !ok {
			return time.Time{}, false
		}
		s = s[size:]
	}
	return d.time()
}

const (
	maxDate      = 128 // bytes
	maxDateParts = 6   // weekday, day, month, year, time, zone
)

// dateParts is what was read so far; -1 and zero values say not yet.
type dateParts struct {
	year, day      int
	month          time.Month
	hour, min, sec int
	weekday        bool
	zone           bool
	offset         time.Duration // of the zone, east of UTC
}

func (d *dateParts) time() (time.Time, bool) {
	if d.year < 1583 || d.day < 0 || d.month == 0 {
		return time.Time{}, false
	}
	if d.hour < 0 {
		d.hour = 0
	}
	t := time.Date(d.year, d.month, d.day, d.hour, d.min, d.sec, 0, time.UTC)
	return t.Add(-d.offset), true
}

// word reads a weekday, a month or a zone.
func (d *dateParts) word(s string) (size int, ok bool) {
	for size < len(s) && isLetter(s[size]) {
		size++
	}
	w := s[:size]
	if !d.weekday && isWeekday(w) {
		d.weekday = true
		return size, true
	}
	if d.month == 0 {
		if i := index3(monthNames, w); i >= 0 && size == 3 {
			d.month = time.Month(i + 1)
			return size, true
		}
	}
	if !d.zone {
		if east, known := zoneOffset(w); known {
			d.zone, d.offset = true, east
			return size, true
		}
	}
	return 0, false
}

// number reads a time of day, a zone offset, YYYYMMDD, a day or a year. before
// is the byte before it.
func (d *dateParts) number(s string, before byte) (size int, ok bool) {
	if d.hour < 0 {
		if size = d.clock(s); size > 0 {
			return size, true
		}
	}
	val := 0
	for size < len(s) && isDigit(s[size]) {
		if val = val*10 + int(s[size]-'0'); val > 99991231 {
			return 0, false
		}
		size++
	}
	switch {
	case size == 4 && !d.zone && (before == '+' || before == '-') && val <= 1400:
		d.zone, d.offset = true, time.Duration(val/100*60+val%100)*time.Minute
		if before == '-' {
			d.offset = -d.offset
		}
	case size == 8 && d.year < 0 && d.month == 0 && d.day < 0:
		d.year, d.month, d.day = val/10000, time.Month(val/100%100), val%100
		return size, d.month >= 1 && d.month <= 12 && d.day >= 1 && d.day <= 31
	case d.day < 0 && val > 0 && val < 32:
		d.day = val
	case d.year < 0:
		d.year = fullYear(val)
	default:
		return 0, false
	}
	return size, true
}

// clock reads hh:mm or hh:mm:ss, one digit or two each; a leap second is one.
func (d *dateParts) clock(s string) (size int) {
	hour, n := twoDigits(s)
	if n == 0 || n >= len(s) || s[n] != ':' || hour > 23 {
		return 0
	}
	minute, m := twoDigits(s[n+1:])
	if m == 0 || minute > 59 {
		return 0
	}
	size = n + 1 + m
	second := 0
	if size < len(s) && s[size] == ':' {
		var k int
		second, k = twoDigits(s[size+1:])
		if k == 0 || second > 60 {
			return 0
		}
		size += 1 + k
	}
	if size < len(s) && isDigit(s[size]) {
		return 0
	}
	d.hour, d.min, d.sec = hour, minute, second
	return size
}

func twoDigits(s string) (val, n int) {
	for n < 2 && n < len(s) && isDigit(s[n]) {
		val = val*10 + int(s[n]-'0')
		n++
	}
	return val, n
}

// fullYear reads two digits as RFC 9110, 5.6.7: what would lie more than 50
// years ahead was in the last century.
func fullYear(y int) int {
	if y > 99 {
		return y
	}
	y += 2000
	if y > time.Now().UTC().Year()+50 {
		y -= 100
	}
	return y
}

const (
	weekdayNames = "MonTueWedThuFriSatSun"
	monthNames   = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

func isWeekday(w string) bool {
	if len(w) > 3 {
		for _, long := range []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"} {
			if strings.EqualFold(w, long) {
				return true
			}
		}
		return false
	}
	return len(w) == 3 && index3(weekdayNames, w) >= 0
}

// index3 returns which three letters of names w is, in any case, or -1.
func index3(names, w string) int {
	if len(w) != 3 {
		return -1
	}
	for i := 0; i < len(names); i += 3 {
		if strings.EqualFold(names[i:i+3], w) {
			return i / 3
		}
	}
	return -1
}

// zones are the zone names of RFC 5322, 4.3, and a few that servers write, in
// hours east of UTC. Lower case is not taken: it is more likely a word.
var zones = map[string]int{
	"GMT": 0, "UT": 0, "UTC": 0, "WET": 0, "BST": 1, "CET": 1, "MET": 1, "MEZ": 1, "CEST": 2, "MEST": 2,
	"EET": 2, "EEST": 3, "MSK": 3, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6,
	"PST": -8, "PDT": -7, "JST": 9,
}

// zoneOffset also knows the military letters; J is none.
func zoneOffset(w string) (east time.Duration, known bool) {
	if h, ok := zones[w]; ok {
		return time.Duration(h) * time.Hour, true
	}
	if len(w) != 1 {
		return 0, false
	}
	switch c := w[0]; {
	case c == 'Z':
		return 0, true
	case c >= 'A' && c <= 'I':
		return time.Duration(c-'A'+1) * time.Hour, true
	case c >= 'K' && c <= 'M':
		return time.Duration(c-'A') * time.Hour, true
	case c >= 'N' && c <= 'Y':
		return -time.Duration(c-'N'+1) * time.Hour, true
	}
	return 0, false
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isAlnum(c byte) bool  { return isDigit(c) || isLetter(c) }
