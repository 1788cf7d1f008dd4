package fetcher

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestParseDate(t *testing.T) {
	at := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
	for _, c := range []struct {
		in   string
		want time.Time // zero: no date
	}{
		{"Sun, 06 Nov 1994 08:49:37 GMT", at},
		{"Sunday, 06-Nov-94 08:49:37 GMT", at},
		{"Sun Nov  6 08:49:37 1994", at},
		{" Sun, 06 Nov 1994 08:49:37 GMT ", at},
		{"sun, 06 nov 1994 08:49:37 GMT", at},
		{"06 Nov 1994 08:49:37", at},
		{"Sun, 06 Nov 1994 09:49:37 CET", at},
		{"Sun, 06 Nov 1994 03:49:37 EST", at},
		{"Sun, 06 Nov 1994 10:49:37 +0200", at},
		{"Sun, 06 Nov 1994 01:49:37 -0700", at},
		{"19941106 8:49:37", at},
		{"1994 Nov 6", time.Date(1994, 11, 6, 0, 0, 0, 0, time.UTC)},
		{"Sat, 31 Dec 2016 23:59:60 GMT", time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"Thu, 01 Jan 1970 00:00:00 GMT", time.Unix(0, 0)},
		{"Fri, 31 Dec 9999 23:59:59 GMT", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		{"", time.Time{}},
		{"0", time.Time{}},
		{"-1", time.Time{}},
		{"never", time.Time{}},
		{"Sun, 32 Nov 1994 08:49:37 GMT", time.Time{}},
		{"Sun, 06 Nov 1994 24:49:37 GMT", time.Time{}},
		{"Sun, 06 Nov 1994 08:61:37 GMT", time.Time{}},
		{"Sun, 06 Nov 1994 08:49:61 GMT", time.Time{}},
		{"Sun, 06 Foo 1994 08:49:37 GMT", time.Time{}},
		{"Sun, 06 Nov 1994 08:49:37 gmt", time.Time{}},
		{"19941306 8:49:37", time.Time{}},
		{"06 Nov 1499", time.Time{}},
		{"06 Nov 99999999999", time.Time{}},
		{"06/11/1994", time.Time{}},
		{strings.Repeat(" ", 200) + "06 Nov 1994", time.Time{}},
	} {
		got, ok := ParseDate(c.in)
		if ok == c.want.IsZero() || !got.Equal(c.want) {
			t.Errorf("%q: %v %v, want %v", c.in, got, ok, c.want)
		}
	}
}

// TestCentury is RFC 9110, 5.6.7: a two-digit year over 50 years ahead is past.
func TestCentury(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // in the year 2000
		for year, want := range map[string]int{"00": 2000, "50": 2050, "51": 1951, "94": 1994, "99": 1999} {
			got, ok := ParseDate("Sunday, 06-Nov-" + year + " 08:49:37 GMT")
			if !ok || got.Year() != want {
				t.Errorf("%s: %v, want %d", year, got, want)
			}
		}
	})
}

func FuzzParseDate(f *testing.F) {
	f.Add("Sun, 06 Nov 1994 08:49:37 GMT")
	f.Add("Sunday, 06-Nov-94 08:49:37 -0700")
	f.Add("Sun Nov  6 08:49:37 1994")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := ParseDate(s)
		if ok && (got.Year() < 1582 || got.Year() > 99999999) {
			t.Errorf("%q: a wild time: %v", s, got)
		}
		if std, err := http.ParseTime(s); err == nil && std.Year() >= 1583 && std.Year() <= 9999 && std.Location() == time.UTC &&
			strings.HasSuffix(s, "GMT") && (!ok || !got.Equal(std)) && !strings.Contains(s, "-") {
			t.Errorf("%q: %v %v, net/http %v", s, got, ok, std)
		}
	})
}
