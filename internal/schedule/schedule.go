// Package schedule says when a job is due, and sees to it that it is begun
// then: once, never beside itself, and with a note of every time it was not.
//
// A Spec is pure: a rule, a zone, and the times that follow from them. A Loop
// owns the clock. What it decides is durable before it acts on it, so that after
// a crash it is known what was begun. The package knows neither crawls nor
// stores: what a job does, and where decisions are kept, its user says.
//
// Two rules of the clock. A time that does not exist, because clocks are put
// forward, is the next minute that does. A time that comes twice, because they
// are put back, is the first of the two. Intervals of up to an hour are no times
// of day: they go on through both.
package schedule

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netresearch/go-cron"
)

// Spec says when something is due. The zero Spec is due never.
type Spec struct {
	words  string // in one spelling: "mon,thu 06:00"
	rule   string // words, window and zone
	zone   *time.Location
	exprs  []string        // crontab expressions that say the same; none for intervals
	crons  []cron.Schedule // made of them, on a clock that knows no zone
	step   time.Duration   // of an interval
	once   time.Time       // on a clock that knows no zone
	window window
}

// maxText is the longest text of a rule; maxSearch how far ahead times are
// looked for: leap days are eight years apart at most.
const (
	maxText   = 256
	maxSearch = 12
)

// parser reads crontab expressions: as cron does it, either of day of month and
// day of week will do if both are given.
var parser = cron.MustNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor | cron.Extended | cron.DowOrDom).WithMaxSearchYears(maxSearch)

// Parse reads a rule, whose times are those of a zone such as Europe/Berlin.
// These are rules:
//
//	0 6 * * 1            five fields of a crontab; @hourly, @daily, @weekly, @monthly, @yearly
//	every 6h             an interval; every 15m 08:00-20:00 mon-fri
//	mon,thu 06:00,18:00  days and times; mon-fri, daily, 1st, 15th, last
//	at 2026-12-01 06:00  once
//
// Intervals are counted from a midnight long ago, so that no restart moves them: one
// that divides a day is the same each day, every 7h is not. Before days and
// intervals "every" may stand or not.
func Parse(text, zone string) (Spec, error) {
	s := Spec{}
	if len(text) > maxText || len(zone) > maxText {
		return s, fmt.Errorf("it is longer than %d bytes", maxText)
	}
	var err error
	if s.zone, err = loadZone(zone); err != nil {
		return Spec{}, err
	}
	fields := strings.Fields(strings.ToLower(text))
	switch {
	case len(fields) == 0:
		return Spec{}, fmt.Errorf("it is empty: %s", valid)
	case fields[0] == "at":
		err = s.parseOnce(fields[1:])
	case strings.HasPrefix(fields[0], "@") || looksLikeCron(fields):
		err = s.parseCron(strings.Join(strings.Fields(text), " "))
	default:
		if fields[0] == "every" {
			fields = fields[1:]
		}
		err = s.parseWords(fields)
	}
	if err != nil {
		return Spec{}, err
	}
	return s.comes()
}

// valid is what a fault ends with.
const valid = `write "0 6 * * 1", "every 6h", "mon,thu 06:00", "daily 03:00", "1st 01:00" or "at 2026-12-01 06:00"`

// loadZone wants the name of a zone. "Local" is none: a schedule means the same
// wherever it is read.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is no zone: write a name such as Europe/Berlin or UTC", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("there is no zone %.80q: write a name such as Europe/Berlin or UTC", name)
	}
	return zone, nil
}

// comes refuses a rule that is due never, such as the 31st of February. A moment
// that has passed did come.
func (s Spec) comes() (Spec, error) {
	if _, ok := s.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)); !ok {
		return Spec{}, fmt.Errorf("%q is due never", s.words)
	}
	s.rule = s.String() + " " + s.Zone()
	return s, nil
}

// looksLikeCron tells fields of a crontab from words: the first of five is a
// number, a star, or begins with either.
func looksLikeCron(fields []string) bool {
	return strings.ContainsRune("*?0123456789", rune(fields[0][0])) && (len(fields) >= 5 || strings.Trim(fields[0], "*?0123456789/,-") == "" && fields[0] != "")
}

// descriptors are the short words that are allowed; @every would count from
// whenever a program was started.
var descriptors = []string{"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"}

func (s *Spec) parseCron(text string) error {
	word := strings.ToLower(text)
	switch {
	case strings.HasPrefix(text, "@") && !slices.Contains(descriptors, word):
		return fmt.Errorf("%.80q is none of %s", text, strings.Join(descriptors, ", "))
	case strings.HasPrefix(text, "@"):
		text = word
	case strings.ContainsAny(text, "=@"):
		return fmt.Errorf("%.80q names a zone: give it as tz", text)
	case len(strings.Fields(text)) != 5:
		return fmt.Errorf("%.80q has not the five fields of a crontab: minute, hour, day of month, month, day of week", text)
	}
	s.words = text
	return s.addCron(text)
}

func (s *Spec) addCron(expr string) error {
	c, err := parser.Parse(expr)
	if err != nil {
		return fmt.Errorf("%.80q is no rule of a crontab: %w", expr, err)
	}
	s.exprs, s.crons = append(s.exprs, expr), append(s.crons, c)
	return nil
}

// Next returns the first time after the given one, in the zone of the rule; ok
// is false if there is none.
func (s Spec) Next(after time.Time) (next time.Time, ok bool) {
	if s.zone == nil {
		return time.Time{}, false
	}
	limit := after.AddDate(maxSearch, 0, 0)
	for {
		if next, ok = s.next(after); !ok || next.After(limit) && !s.Once() {
			return time.Time{}, false
		}
		if s.Open(next) {
			return next, true
		}
		after = s.opens(next).Add(-1)
	}
}

// next is Next without regard to the window.
func (s Spec) next(after time.Time) (next time.Time, ok bool) {
	switch {
	case !s.once.IsZero():
		next = s.instant(s.once)
		return next, next.After(after)
	case s.step > 0 && s.step <= time.Hour:
		return s.nextStep(after), true
	case s.step > 0:
		return s.first(after, func(n time.Time) time.Time { return n.Truncate(s.step).Add(s.step) })
	}
	for _, c := range s.crons {
		if t, found := s.first(after, c.Next); found && (!ok || t.Before(next)) {
			next, ok = t, true
		}
	}
	return next, ok
}

// String is the rule in one spelling.
func (s Spec) String() string {
	if s.window.any() {
		return s.words
	}
	return s.words + " " + s.window.String()
}

// Words are the rule without its window, and Window that alone; "" if there is
// none.
func (s Spec) Words() string { return s.words }

// Window: see Words.
func (s Spec) Window() string {
	if s.window.any() {
		return ""
	}
	return s.window.String()
}

// Zone is the name of the rule's zone.
func (s Spec) Zone() string {
	if s.zone == nil {
		return ""
	}
	return s.zone.String()
}

// Cron returns the rule as crontab expressions; none if it is no such rule.
func (s Spec) Cron() []string { return slices.Clone(s.exprs) }

// Once tells whether the rule is a single moment, and Interval how long an
// interval is; 0 if it is none.
func (s Spec) Once() bool { return !s.once.IsZero() }

// Interval: see Once.
func (s Spec) Interval() time.Duration { return s.step }
