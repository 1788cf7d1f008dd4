package fetcher

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// headOf reads lines, divided by bars, as a header.
func headOf(lines string) http.Header {
	h := http.Header{}
	for line := range strings.SplitSeq(lines, "|") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			h.Add(name, value)
		}
	}
	return h
}

// lastsUntil is until when an answer that was asked for then is fresh; zero if it never was.
func lastsUntil(f Freshness, asked time.Time) time.Time {
	if f.For > 0 {
		return asked.Add(f.For)
	}
	return f.Until
}

func TestFreshness(t *testing.T) {
	const day = 24 * time.Hour
	for lines, want := range map[string]time.Duration{
		"":                            0,
		"Cache-Control: max-age=3600": time.Hour,
		"Cache-Control: public, Max-Age=3600, must-revalidate":                                time.Hour,
		`Cache-Control: max-age="3600"`:                                                       time.Hour,
		"Cache-Control: private,max-age=60":                                                   time.Minute,
		"Cache-Control: max-age = 60":                                                         time.Minute,
		"Cache-Control: public|Cache-Control: max-age=60":                                     time.Minute,
		"Cache-Control: max-age=60, max-age=30":                                               30 * time.Second,
		"Cache-Control: max-age=30|Cache-Control: max-age=60":                                 30 * time.Second,
		"Cache-Control: max-age=31536000, immutable":                                          MaxFresh,
		"Cache-Control: max-age=99999999999999999999999":                                      MaxFresh,
		"Cache-Control: max-age=0":                                                            0,
		"Cache-Control: max-age=-1":                                                           0,
		"Cache-Control: max-age=":                                                             0,
		"Cache-Control: max-age":                                                              0,
		"Cache-Control: max-age=1h":                                                           0,
		"Cache-Control: max-age=3600.5":                                                       0,
		"Cache-Control: max-age=60, max-age=soon":                                             0,
		"Cache-Control: s-maxage=3600":                                                        0,
		"Cache-Control: s-maxage=3600, max-age=60":                                            time.Minute,
		"Cache-Control: s-maxage=0, max-age=60":                                               time.Minute,
		"Cache-Control: no-cache, max-age=3600":                                               0,
		"Cache-Control: max-age=3600|Cache-Control: NO-CACHE":                                 0,
		`Cache-Control: no-cache="Set-Cookie", max-age=3600`:                                  0,
		"Cache-Control: no-store, max-age=3600":                                               0,
		`Cache-Control: x="a, no-store, \", max-age=9", max-age=60`:                           time.Minute,
		`Cache-Control: x="max-age=60`:                                                        0,
		"Cache-Control: ,,, max-age=60,":                                                      time.Minute,
		"Cache-Control: public":                                                               0, // no heuristics
		"Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT":                                        0,
		"Pragma: no-cache|Expires: Fri, 20 Nov 2026 13:00:00 GMT":                             0,
		"Pragma: no-cache|Cache-Control: max-age=60":                                          time.Minute,
		"Vary: *|Cache-Control: max-age=60":                                                   0,
		"Vary: Accept-Encoding|Cache-Control: max-age=60":                                     time.Minute,
		"Vary: Accept-Encoding, cookie|Cache-Control: max-age=60":                             0,
		"Vary: Accept-Encoding|Vary: *|Cache-Control: max-age=60":                             0,
		"Age: 20|Cache-Control: max-age=60":                                                   40 * time.Second,
		"Age: 60|Cache-Control: max-age=60":                                                   0,
		"Age: 99999999999999999999|Cache-Control: max-age=60":                                 0,
		"Age: young|Cache-Control: max-age=60":                                                time.Minute,
		"Age: 864000|Cache-Control: max-age=31536000":                                         MaxFresh,
		"Date: Fri, 20 Nov 2026 11:59:30 GMT|Cache-Control: max-age=60":                       30 * time.Second,
		"Date: Fri, 20 Nov 2026 11:59:30 GMT|Age: 50|Cache-Control: max-age=60":               10 * time.Second,
		"Date: Fri, 20 Nov 2026 18:00:00 GMT|Cache-Control: max-age=60":                       time.Minute, // its clock is fast
		"Expires: Fri, 20 Nov 2026 13:00:00 GMT":                                              time.Hour,
		"Date: Fri, 20 Nov 2026 12:00:00 GMT|Expires: Fri, 20 Nov 2026 13:00:00 GMT":          time.Hour,
		"Date: Fri, 20 Nov 2026 18:00:00 GMT|Expires: Fri, 20 Nov 2026 19:00:00 GMT":          time.Hour,
		"Date: Fri, 20 Nov 2026 11:30:00 GMT|Expires: Fri, 20 Nov 2026 13:00:00 GMT":          time.Hour,
		"Date: Fri, 20 Nov 2026 12:00:00 GMT|Age: 600|Expires: Fri, 20 Nov 2026 13:00:00 GMT": 50 * time.Minute,
		"Expires: Thu, 19 Nov 2026 13:00:00 GMT":                                              0,
		"Expires: Fri, 20 Nov 2026 12:00:00 GMT":                                              0,
		"Expires: Sun, 20 Nov 2033 12:00:00 GMT":                                              MaxFresh,
		"Expires: Mon, 01 Jan 1601 00:00:00 GMT|Age: 1":                                       0, // further back than a Duration goes
		"Date: Mon, 01 Jan 1601 00:00:00 GMT|Expires: Mon, 01 Jan 9999 00:00:00 GMT":          0,
		"Expires: 0":    0,
		"Expires: -1":   0,
		"Expires: soon": 0,
		"Cache-Control: max-age=60|Expires: Fri, 20 Nov 2026 13:00:00 GMT":                                 time.Minute,
		"Cache-Control: max-age=0|Expires: Fri, 20 Nov 2026 13:00:00 GMT":                                  0,
		"Cache-Control: public|Expires: Fri, 20 Nov 2026 13:00:00 GMT":                                     time.Hour,
		"Cache-Control: no-store|Expires: Fri, 20 Nov 2026 13:00:00 GMT":                                   0,
		"Cache-Control: max-age=5184000|Date: Fri, 20 Nov 2026 12:00:00 GMT|Expires: 0|Vary: User-Agent":   MaxFresh,
		"Cache-Control: " + strings.Repeat("x,", 20_000) + "max-age=60":                                    time.Minute,
		"Cache-Control: " + strings.Repeat(`"\`, 20_000) + ",max-age=60":                                   0,
		"Cache-Control: stale-while-revalidate=86400, max-age=60, stale-if-error=86400":                    time.Minute,
		"Cache-Control: max-age=60|Expires: Fri, 20 Nov 2026 13:00:00 GMT|Last-Modified: Thu, 1 Jan 1970 ": time.Minute,
	} {
		f := FreshnessOf(headOf(lines), noon)
		got := time.Duration(0)
		if end := lastsUntil(f, noon); !end.IsZero() {
			got = end.Sub(noon)
		}
		if got != want {
			t.Errorf("%.80s: fresh for %v, want %v", lines, got, want)
		}
		for now, fresh := range map[time.Time]bool{
			noon: want > 0, noon.Add(want - 1): want > 0, noon.Add(want): false, noon.Add(-1): false, noon.Add(-day): false, noon.Add(400 * day): false,
		} {
			if f.At(noon, now) != fresh {
				t.Errorf("%.80s: fresh after %v: %t", lines, now.Sub(noon), !fresh)
			}
		}
	}
}

// What a 304 says of it holds from then on, and what it does not say stays.
func TestFreshnessRenewed(t *testing.T) {
	asked := noon.Add(50 * time.Minute)
	for _, c := range []struct {
		before, then string
		want         time.Duration // from the 304 on
	}{
		{"Cache-Control: max-age=3600", "", time.Hour},
		{"Cache-Control: max-age=3600", `ETag: "1"|Date: Fri, 20 Nov 2026 12:50:00 GMT`, time.Hour},
		{"Expires: Fri, 20 Nov 2026 13:00:00 GMT", "", 10 * time.Minute},
		{"Cache-Control: max-age=3600", "Cache-Control: max-age=60", time.Minute},
		{"Cache-Control: max-age=3600", "Cache-Control: no-cache", 0},
		{"Cache-Control: max-age=3600", "Expires: 0", 0},
		{"Cache-Control: max-age=3600", "Pragma: no-cache", 0},
		{"Cache-Control: max-age=3600", "Vary: *", 0},
		{"Cache-Control: max-age=3600", "Vary: Accept-Encoding", time.Hour},
		{"Cache-Control: no-store", "Cache-Control: max-age=60", time.Minute},
		{"Cache-Control: max-age=60", "Age: 30|Cache-Control: max-age=3600", time.Hour - 30*time.Second},
		{"", "", 0},
	} {
		f := FreshnessOf(headOf(c.before), noon).Renewed(headOf(c.then), asked)
		got := time.Duration(0)
		if end := lastsUntil(f, asked); !end.IsZero() {
			got = end.Sub(asked)
		}
		if got != c.want || f.At(asked, asked.Add(c.want)) || c.want > 0 && !f.At(asked, asked.Add(c.want-1)) {
			t.Errorf("%s, then %s: fresh for %v, want %v", c.before, c.then, got, c.want)
		}
	}
}
