package schedule

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// nextTimes are the next times of a rule, in its zone.
func nextTimes(t *testing.T, text, zone, window, after string, n int) string {
	t.Helper()
	s, err := Parse(text, zone)
	if err == nil {
		s, err = s.WithWindow(window)
	}
	if err != nil {
		t.Fatalf("Parse(%q, %q): %v", text, zone, err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", after, s.zone)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, next := range s.Upcoming(at, n) {
		all = append(all, next.Format("2006-01-02 15:04 -0700"))
	}
	return strings.Join(all, ", ")
}

func TestNext(t *testing.T) {
	for _, c := range []struct{ rule, zone, window, after, want string }{
		{"0 6 * * 1", "Europe/Berlin", "", "2026-11-26 12:00", "2026-11-30 06:00 +0100, 2026-12-07 06:00 +0100"},
		{"@daily", "UTC", "", "2026-11-26 12:00", "2026-11-27 00:00 +0000, 2026-11-28 00:00 +0000"},
		{"mon,thu 06:00", "UTC", "", "2026-11-26 06:00", "2026-11-30 06:00 +0000, 2026-12-03 06:00 +0000"},
		{"every monday 6:00", "UTC", "", "2026-11-26 06:00", "2026-11-30 06:00 +0000, 2026-12-07 06:00 +0000"},
		{"mon-fri 06:00,18:30", "UTC", "", "2026-11-27 06:00", "2026-11-27 18:30 +0000, 2026-11-30 06:00 +0000"},
		{"fri-mon 06:00", "UTC", "", "2026-11-30 06:00", "2026-12-04 06:00 +0000, 2026-12-05 06:00 +0000"},
		{"03:00", "Asia/Kolkata", "", "2026-11-27 06:00", "2026-11-28 03:00 +0530, 2026-11-29 03:00 +0530"},
		{"1st 01:00", "UTC", "", "2026-11-26 06:00", "2026-12-01 01:00 +0000, 2027-01-01 01:00 +0000"},
		{"1st,15th 01:00", "UTC", "", "2026-11-26 06:00", "2026-12-01 01:00 +0000, 2026-12-15 01:00 +0000"},
		{"last 01:00", "UTC", "", "2027-01-31 06:00", "2027-02-28 01:00 +0000, 2027-03-31 01:00 +0000"},
		{"every 6h", "Europe/Berlin", "", "2026-11-26 05:00", "2026-11-26 06:00 +0100, 2026-11-26 12:00 +0100"},
		{"every 15m 08:00-20:00 mon-fri", "Europe/Paris", "", "2026-11-27 19:30", "2026-11-27 19:45 +0100, 2026-11-30 08:00 +0100"},
		{"15m", "UTC", "mon-fri 22-2", "2026-11-28 01:30", "2026-11-28 01:45 +0000, 2026-11-30 22:00 +0000"},
		{"at 2026-12-01 06:00", "Europe/Berlin", "", "2026-11-27 19:30", "2026-12-01 06:00 +0100"},
		{"at 2026-12-01 06:00", "Europe/Berlin", "", "2026-12-01 06:00", ""},
		// Either day will do, as with cron.
		{"0 0 1,15 * 1", "UTC", "", "2026-12-01 00:00", "2026-12-07 00:00 +0000, 2026-12-14 00:00 +0000"},
		{"0 0 29 2 *", "UTC", "", "2096-03-01 00:00", "2104-02-29 00:00 +0000, 2108-02-29 00:00 +0000"},
		{"0 0 L * *", "UTC", "", "2027-02-01 00:00", "2027-02-28 00:00 +0000, 2027-03-31 00:00 +0000"},
		// 29 March 2026: 02:00 is 03:00 in Berlin. 25 October: 03:00 is 02:00.
		{"30 2 * * *", "Europe/Berlin", "", "2026-03-28 12:00", "2026-03-29 03:00 +0200, 2026-03-30 02:30 +0200"},
		{"*/20 2,3 29 3 *", "Europe/Berlin", "", "2026-03-28 12:00", "2026-03-29 03:00 +0200, 2026-03-29 03:20 +0200"},
		{"30 2 * * *", "Europe/Berlin", "", "2026-10-24 12:00", "2026-10-25 02:30 +0200, 2026-10-26 02:30 +0100"},
		{"*/30 * * * *", "Europe/Berlin", "", "2026-10-25 01:45", "2026-10-25 02:00 +0200, 2026-10-25 02:30 +0200, 2026-10-25 03:00 +0100"},
		{"every 30m", "Europe/Berlin", "", "2026-10-25 01:45", "2026-10-25 02:00 +0200, 2026-10-25 02:30 +0200, 2026-10-25 02:00 +0100"},
		{"every 30m", "Europe/Berlin", "", "2026-03-29 01:00", "2026-03-29 01:30 +0100, 2026-03-29 03:00 +0200"},
		{"every 2h", "Europe/Berlin", "", "2026-10-25 00:00", "2026-10-25 02:00 +0200, 2026-10-25 04:00 +0100"},
		{"every 2h", "Europe/Berlin", "", "2026-03-29 00:00", "2026-03-29 03:00 +0200, 2026-03-29 04:00 +0200"},
		// A window that opens twice, or not.
		{"every 15m", "Europe/Berlin", "02:30-02:45", "2026-10-25 01:45", "2026-10-25 02:30 +0200, 2026-10-25 02:30 +0100, 2026-10-26 02:30 +0100"},
		{"every 15m", "Europe/Berlin", "02:45-03:00", "2026-10-25 01:45", "2026-10-25 02:45 +0200, 2026-10-25 02:45 +0100, 2026-10-26 02:45 +0100"},
		{"every 15m", "Europe/Berlin", "02:15-02:45", "2026-03-28 02:30", "2026-03-30 02:15 +0200, 2026-03-30 02:30 +0200"},
		{"every 30m", "Europe/Berlin", "23:30-02:15", "2026-10-25 01:30", "2026-10-25 02:00 +0200, 2026-10-25 02:00 +0100, 2026-10-25 23:30 +0100"},
		{"every 2h", "Europe/Berlin", "02:30-05:00", "2026-10-25 01:00", "2026-10-25 04:00 +0100, 2026-10-26 04:00 +0100"},
		{"30 1 * * *", "America/New_York", "", "2026-10-31 12:00", "2026-11-01 01:30 -0400, 2026-11-02 01:30 -0500"},
		{"every 1h", "Australia/Lord_Howe", "", "2026-04-05 00:00", "2026-04-05 01:00 +1100, 2026-04-05 02:00 +1030"},
		{"0 12 * * *", "Pacific/Apia", "", "2011-12-29 11:00", "2011-12-29 12:00 -1000, 2011-12-31 00:00 +1400"},
	} {
		if got := nextTimes(t, c.rule, c.zone, c.window, c.after, 1+strings.Count(c.want, ",")); got != c.want {
			t.Errorf("%s %s %s after %s:\n got %s\nwant %s", c.rule, c.window, c.zone, c.after, got, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ rule, zone, want string }{
		{"", "UTC", "it is empty"},
		{"every", "UTC", "nothing stands behind every"},
		{"0 0 31 2 *", "UTC", `"0 0 31 2 *" is due never`},
		{"TZ=0", "UTC", "is no rule"},
		{"TZ=UTC 0 0 * * *", "UTC", "is no rule"},
		{"0 0 * * TZ=1", "UTC", "names a zone"},
		{"0 0 * *", "UTC", "not the five fields"},
		{"0 0 * * * *", "UTC", "not the five fields"},
		{"61 0 * * *", "UTC", "is no rule of a crontab"},
		{"@every 5s", "UTC", "is none of @hourly"},
		{"@reboot", "UTC", "is none of @hourly"},
		{"every 4s", "UTC", "is no interval"},
		{"0m", "UTC", "is no rule"},
		{"every 99999999999999999999h", "UTC", "is no interval"},
		{"every 400d", "UTC", "is no interval"},
		{"mon 25:00", "UTC", "is no time of day"},
		{"mon 24:00", "UTC", "is no time of day"},
		{"mno 06:00", "UTC", "names no days"},
		{"32nd 06:00", "UTC", "is no day of a month"},
		{"1th 06:00", "UTC", "is no day of a month"},
		{"at noon", "UTC", "is no moment"},
		{"at 2026-02-30 06:00", "UTC", "is no moment"},
		{"daily 06:00", "", "is no zone"},
		{"daily 06:00", "Local", "is no zone"},
		{"daily 06:00", "Europe/Berln", "there is no zone"},
		{"daily 06:00", "../../etc/passwd", "there is no zone"},
		{"every 15m 8-8", "UTC", "is no window"},
		{strings.Repeat("1,", 200) + " * * * *", "UTC", "longer than 256 bytes"},
	} {
		_, err := Parse(c.rule, c.zone)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Parse(%q, %q) = %v, want %s", c.rule, c.zone, err, c.want)
		}
	}
	s, err := Parse("daily 03:00", "UTC")
	if err != nil {
		t.Fatal(err)
	}
	for _, window := range []string{"08:00-20:00", "x", "24:00-3:00", "1-2 mon tue"} {
		if _, err := s.WithWindow(window); err == nil {
			t.Errorf("window %s is taken", window)
		}
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ rule, words, name string }{
		{"0 6 * * 1", "0 6 * * 1", "acme-cron"},
		{"@Daily", "@daily", "acme-daily"},
		{"every  Monday 6:00", "mon 06:00", "acme-weekly"},
		{"mon,tue,wed,thu,fri 06:00", "mon-fri 06:00", "acme-days"},
		{"sat,sun 06:00", "sat,sun 06:00", "acme-days"},
		{"06:00,7", "", ""},
		{"06:00", "daily 06:00", "acme-daily"},
		{"1st 01:00", "1st 01:00", "acme-monthly"},
		{"every 90m", "every 1h30m", "acme-1h30m"},
		{"1w", "every 7d", "acme-7d"},
		{"at 2026-12-01T06:00", "at 2026-12-01 06:00", "acme-once"},
		{"every 15m mon-fri 8-20", "every 15m 08:00-20:00 mon-fri", "acme-15m"},
	} {
		s, err := Parse(c.rule, "UTC")
		if c.words == "" {
			continue
		}
		if err != nil || s.String() != c.words || s.Usual("acme") != c.name {
			t.Errorf("%q: %q, %q, %v; want %q, %q", c.rule, s.String(), s.Usual("acme"), err, c.words, c.name)
		}
		if again, err := Parse(s.String(), "UTC"); err != nil || again.String() != s.String() {
			t.Errorf("%q is read as %q, %v", s.String(), again.String(), err)
		}
	}
}

// field is a field of a crontab, as text and as a set.
type field struct {
	text string
	set  map[int]bool
	star bool
}

func randomField(r *rand.Rand, low, high int) field {
	f := field{set: map[int]bool{}}
	add := func(from, to, step int) {
		for i := from; i <= to; i += step {
			f.set[i] = true
		}
	}
	switch r.IntN(4) {
	case 0:
		f.text, f.star = "*", true
		add(low, high, 1)
	case 1:
		step := 2 + r.IntN(high-low-1)
		f.text = "*/" + strconv.Itoa(step)
		add(low, high, step)
	default:
		var parts []string
		for range 1 + r.IntN(3) {
			from := low + r.IntN(high-low+1)
			to := from + r.IntN(high-from+1)
			switch kind := r.IntN(3); {
			case kind == 0:
				parts = append(parts, strconv.Itoa(from))
				add(from, from, 1)
			case kind == 1 || from == to:
				parts = append(parts, fmt.Sprintf("%d-%d", from, to))
				add(from, to, 1)
			default:
				step := 1 + r.IntN(to-from)
				parts = append(parts, fmt.Sprintf("%d-%d/%d", from, to, step))
				add(from, to, step)
			}
		}
		f.text = strings.Join(parts, ",")
	}
	return f
}

// TestNextAgainstEveryMinute holds Next against a reading of the rule that looks
// at every minute of days around changes of the clock and others.
func TestNextAgainstEveryMinute(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	days := []string{"2026-03-27", "2026-03-06", "2026-10-23", "2026-10-30", "2028-02-27", "2026-04-03", "2026-10-02", "2026-12-30", "2026-06-10"}
	zones := []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kolkata", "America/St_Johns"}
	tried := 0
	for tried < 400 {
		minute, hour, month, mon, week := randomField(r, 0, 59), randomField(r, 0, 23), randomField(r, 1, 31), randomField(r, 1, 12), randomField(r, 0, 6)
		expr := strings.Join([]string{minute.text, hour.text, month.text, mon.text, week.text}, " ")
		zone := zones[r.IntN(len(zones))]
		s, err := Parse(expr, zone)
		if err != nil {
			if strings.HasSuffix(err.Error(), "is due never") {
				continue // the 31st of short months
			}
			t.Fatalf("%s: %v", expr, err)
		}
		tried++
		due := func(n time.Time) bool {
			byMonth, byWeek := month.set[n.Day()], week.set[int(n.Weekday())]
			day := byMonth || byWeek
			if month.star || week.star {
				day = byMonth && byWeek
			}
			return minute.set[n.Minute()] && hour.set[n.Hour()] && mon.set[int(n.Month())] && day
		}
		begin, err := time.ParseInLocation("2006-01-02", days[r.IntN(len(days))], s.zone)
		if err != nil {
			t.Fatal(err)
		}
		want := everyMinute(s.zone, begin, begin.Add(5*24*time.Hour), due)
		var got []time.Time
		for at := begin.Add(-1); ; {
			next, ok := s.Next(at)
			if !ok || next.After(begin.Add(5*24*time.Hour)) {
				break
			}
			got, at = append(got, next), next
		}
		if fmt.Sprint(want) != fmt.Sprint(got) {
			t.Fatalf("%s in %s from %s:\n got %v\nwant %v", expr, zone, begin, got, want)
		}
	}
}

// TestIntervalsInWindows holds intervals in windows, around changes of the clock,
// against a walk through real time.
func TestIntervalsInWindows(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 300 {
		zone := []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo"}[r.IntN(5)]
		from := r.IntN(96)
		to := (from + 1 + r.IntN(95)) % 96
		window := clock(from*15) + "-" + clock(to*15)
		step := []time.Duration{15 * time.Minute, 30 * time.Minute, 5 * time.Minute}[r.IntN(3)]
		s, err := Parse(stepText(step), zone)
		if err != nil {
			t.Fatal(err)
		}
		if s, err = s.WithWindow(window); err != nil {
			continue // it is due never: the window is shorter than the interval
		}
		_, begin := time.Date(2026, time.Month(1+r.IntN(12)), 1, 0, 0, 0, 0, time.UTC).In(s.zone).ZoneBounds()
		begin = begin.Add(-36 * time.Hour)
		var want, got []string
		for at := begin.Add(time.Minute); at.Before(begin.Add(72 * time.Hour)); at = at.Add(time.Minute) {
			if n := s.naive(at); n.Truncate(step).Equal(n) && s.Open(at) {
				want = append(want, at.In(s.zone).Format(time.RFC3339))
			}
		}
		for at := begin; len(got) <= len(want); {
			next, ok := s.Next(at)
			if !ok || !next.Before(begin.Add(72*time.Hour)) {
				break
			}
			got, at = append(got, next.Format(time.RFC3339)), next
		}
		if fmt.Sprint(want) != fmt.Sprint(got) {
			t.Fatalf("%s in %s from %s:\n got %v\nwant %v", s.String(), zone, begin, got, want)
		}
	}
}

// everyMinute walks through real time minute by minute, and asks the rule about
// each minute that clocks show: once, and where they leave some out at the next.
func everyMinute(zone *time.Location, from, to time.Time, due func(time.Time) bool) (all []time.Time) {
	shown := map[string]bool{}
	name := func(n time.Time) string { return n.Format("2006-01-02 15:04") }
	// What clocks showed in the two hours before counts as shown.
	for at := from.Add(-2 * time.Hour); at.Before(from); at = at.Add(time.Minute) {
		shown[name(at.In(zone))] = true
	}
	last := from.Add(-time.Minute).In(zone)
	for at := from.In(zone); !at.After(to); at = at.Add(time.Minute) {
		hit := false
		_, before := last.Zone()
		_, now := at.Zone()
		for left := now - before; left > 0; left -= 60 { // minutes that were left out
			n := time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), 0, 0, time.UTC)
			hit = hit || due(n.Add(-time.Duration(left)*time.Second))
		}
		n := time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), 0, 0, time.UTC)
		if !shown[name(at)] {
			shown[name(at)] = true
			hit = hit || due(n)
		}
		if hit {
			all = append(all, at)
		}
		last = at
	}
	return all
}

func TestJitter(t *testing.T) {
	daily, err := Parse("daily 19:58", "UTC")
	if err != nil {
		t.Fatal(err)
	}
	daily, err = daily.WithWindow("08:00-20:00")
	if err != nil {
		t.Fatal(err)
	}
	due := time.Date(2026, 11, 26, 19, 58, 0, 0, time.UTC)
	late := time.Date(2026, 11, 26, 19, 45, 0, 0, time.UTC) // the last of its day
	seen := map[time.Duration]bool{}
	for i := range 200 {
		j := Job{Name: fmt.Sprint("job-", i), When: daily, Jitter: -1}
		at := j.Begins(due)
		if !at.Equal(j.Begins(due)) || at.Before(due) || at.Sub(due) >= 2*time.Minute {
			t.Fatalf("%s begins at %s", j.Name, at)
		}
		seen[at.Sub(due)] = true
	}
	if len(seen) < 50 {
		t.Errorf("200 jobs begin at %d times", len(seen))
	}
	for _, c := range []struct {
		rule   string
		jitter time.Duration
		want   time.Duration
	}{
		{"every 15m", -1, 45 * time.Second},
		{"every 15m 08:00-20:00", -1, 45 * time.Second},
		{"daily 03:00", -1, 5 * time.Minute},
		{"mon 06:00", 10 * time.Minute, 10 * time.Minute},
		{"every 15m", time.Hour, 450 * time.Second},
		{"at 2027-01-01 06:00", -1, 0},
		{"daily 03:00", 0, 0},
	} {
		s, err := Parse(c.rule, "UTC")
		if err != nil {
			t.Fatal(err)
		}
		if got := (Job{When: s, Jitter: c.jitter}).MaxJitter(late); got > c.want || got < c.want*9/10 {
			t.Errorf("%s with %s: up to %s, want %s", c.rule, c.jitter, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"0 6 * * 1", "@daily", "every 6h", "mon,thu 06:00", "1st 01:00", "every 15m 08:00-20:00 mon-fri", "at 2026-12-01 06:00", "TZ=0", "0 0 31 2 *", "last 24:00", "* * L-3,15W * FRI#L"} {
		f.Add(text, "Europe/Berlin", "08:00-20:00")
	}
	at := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text, zone, window string) {
		s, err := Parse(text, zone)
		if err == nil {
			s, err = s.WithWindow(window)
		}
		if err != nil {
			return
		}
		next, ok := s.Next(at)
		if ok && (!next.After(at) || !s.Open(next)) {
			t.Errorf("%q %q %q: %s is next after %s", text, zone, window, next, at)
		}
		again, err := Parse(s.words, s.Zone())
		if err != nil || again.words != s.words {
			t.Fatalf("%q is read as %q: %v", s.words, again.words, err)
		}
		if s.window.any() {
			if twin, _ := again.Next(at); ok && !again.window.any() && !twin.Equal(next) {
				t.Errorf("%q and %q differ: %s and %s", text, again.words, next, twin)
			}
		}
		_ = s.Usual("a")
		_ = (Job{Name: "a", When: s, Jitter: -1}).Begins(next)
	})
}
