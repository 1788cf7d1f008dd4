package retention_test

import (
	"strings"
	"testing"
	"time"

	"crawl/internal/retention"
)

func TestReasons(t *testing.T) {
	var times []time.Time
	for _, s := range []string{ // a Monday, and before
		"2026-11-23 12:00", "2026-11-23 06:00", "2026-11-22 12:00", "2026-11-20 12:00", "2026-11-01 12:00", "2026-10-31 12:00", "2025-12-31 12:00",
	} {
		at, err := time.Parse("2006-01-02 15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, at)
	}
	for _, c := range []struct {
		name   string
		policy retention.Policy
		want   string // reasons, a time each
	}{
		{"nothing", retention.Policy{}, "||||||"},
		{"last", retention.Policy{Last: 2}, "last 1|last 2|||||"},
		{"more than there are", retention.Policy{Last: 9}, "last 1|last 2|last 3|last 4|last 5|last 6|last 7"},
		{"one a day", retention.Policy{Daily: 3}, "day 2026-11-23||day 2026-11-22|day 2026-11-20|||"},
		{"one a week", retention.Policy{Weekly: 3}, "week 2026-W48||week 2026-W47||week 2026-W44||"},
		{"one a month", retention.Policy{Monthly: 3}, "month 2026-11|||||month 2026-10|month 2025-12"},
		{"the oldest too, until there are enough", retention.Policy{Monthly: 4}, "month 2026-11|||||month 2026-10|month 2025-12"},
		{"of late", retention.Policy{Within: 24 * time.Hour}, "within 24h0m0s|within 24h0m0s|within 24h0m0s||||"},
		{"all rules", retention.Policy{Last: 1, Daily: 1, Monthly: 2}, "last 1, day 2026-11-23, month 2026-11|||||month 2026-10|"},
	} {
		var got []string
		for _, why := range c.policy.Reasons(times) {
			got = append(got, strings.Join(why, ", "))
		}
		if s := strings.Join(got, "|"); s != c.want {
			t.Errorf("%s: %s, want %s", c.name, s, c.want)
		}
	}
	day := func(h int) time.Time { return time.Date(2026, 11, 23, h, 0, 0, 0, time.UTC) }
	why := retention.Policy{Daily: 2}.Reasons([]time.Time{day(12), day(11), day(10)})
	if len(why[0]) != 1 || len(why[1]) != 0 || len(why[2]) != 1 {
		t.Errorf("three of one day: %v", why)
	}
	if got := (retention.Policy{Last: 1, Within: time.Hour}).Reasons(nil); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
