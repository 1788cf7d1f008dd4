// Package retention decides which of a series of runs to keep, as restic does
// with snapshots: the last so many, the last one of each of so many days,
// weeks and months, and all of late.
//
// It knows times alone, and deletes nothing.
package retention

import (
	"fmt"
	"time"
)

// Policy says how many are kept; 0 is none. What one rule keeps, all keep.
type Policy struct {
	Last, Daily, Weekly, Monthly int
	Within                       time.Duration // before the newest
}

// IsZero tells whether the policy says nothing: then all is kept.
func (p Policy) IsZero() bool { return p == Policy{} }

// Reasons returns for each of the times, of which the newest comes first, which
// rules keep it: "last 2", "week 2026-W48". A time without any is not kept. A rule
// of days, weeks or months that has not found as many keeps the oldest time too. Days
// are those of the times' own zones, weeks begin on Monday.
func (p Policy) Reasons(times []time.Time) [][]string {
	why := make([][]string, len(times))
	for i, t := range times {
		if i < p.Last {
			why[i] = append(why[i], fmt.Sprintf("last %d", i+1))
		}
		if p.Within > 0 && times[0].Sub(t) <= p.Within {
			why[i] = append(why[i], "within "+p.Within.String())
		}
	}
	for _, rule := range []struct {
		most int
		name func(time.Time) string
	}{
		{p.Daily, func(t time.Time) string { return "day " + t.Format(time.DateOnly) }},
		{p.Weekly, func(t time.Time) string { y, w := t.ISOWeek(); return fmt.Sprintf("week %d-W%02d", y, w) }},
		{p.Monthly, func(t time.Time) string { return "month " + t.Format("2006-01") }},
	} {
		last := ""
		for i, t := range times {
			oldest := i == len(times)-1
			if name := rule.name(t); rule.most > 0 && (name != last || oldest) {
				why[i], last = append(why[i], name), name
				rule.most--
			}
		}
	}
	return why
}
