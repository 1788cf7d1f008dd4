package schedule

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"
)

// What becomes of a time that comes while the job's last run still goes on.
const (
	Skip    = "skip"    // it is left out
	Queue   = "queue"   // it waits, one at a time
	Replace = "replace" // the run that goes on is ended for it
)

// What becomes of times that nobody was there for.
const (
	Once = "once" // the last of them is made up for
	None = "none" // none is
	All  = "all"  // all are, one after the other
)

// Overlaps and CatchUps are the words of either policy, the default first.
var (
	Overlaps = []string{Skip, Queue, Replace}
	CatchUps = []string{Once, None, All}
)

// Job is what is begun when its rule says so. Two jobs of a site do not run at
// once either.
type Job struct {
	Name, Site string
	When       Spec
	Jitter     time.Duration // begin up to so much later; negative: the default
	Overlap    string        // "" is Skip
	CatchUp    string        // "" is Once
	Deadline   time.Duration // how late a missed time is made up for; 0: the default
}

// Defaults: a twentieth of the time to the next run, five minutes at most; half
// of that time, a day at most.
const (
	jitterShare   = 20
	maxJitter     = 5 * time.Minute
	maxDeadline   = 24 * time.Hour
	onlyOnceAfter = 2 * maxDeadline // stands for the time to the next run where there is none
)

// Rule is what a job's times follow from.
func (j Job) Rule() string { return j.When.rule }

func (j Job) overlap() string { return cmp.Or(j.Overlap, Skip) }
func (j Job) catchUp() string { return cmp.Or(j.CatchUp, Once) }

// gap is the time from a run to the next one; of an interval that, and not the
// time until its window opens again.
func (j Job) gap(due time.Time) time.Duration {
	next, ok := j.When.Next(due)
	switch {
	case !ok:
		return onlyOnceAfter
	case j.When.step > 0:
		return min(next.Sub(due), j.When.step)
	}
	return next.Sub(due)
}

// MaxJitter is how much later than at due the job may begin. It is less than
// half of the time to the next run, and leads to no moment at which the window is
// closed.
func (j Job) MaxJitter(due time.Time) time.Duration {
	gap, most := j.gap(due), j.Jitter
	if most < 0 {
		most = min(gap/jitterShare, maxJitter)
		if j.When.Once() {
			most = 0
		}
	}
	most = min(most, gap/2)
	if w := j.When.window; !w.any() {
		most = min(most, w.ends(j.When.naive(due)))
	}
	return most.Truncate(time.Second)
}

// Begins is when the job begins that is due then: the same distance for a name
// each time, so that many jobs of one time are spread and a restart moves none.
func (j Job) Begins(due time.Time) time.Time {
	h := sha256.Sum256([]byte(j.Name))
	share := float64(binary.BigEndian.Uint64(h[:])>>11) / (1 << 53)
	return due.Add(time.Duration(share * float64(j.MaxJitter(due))).Truncate(time.Second))
}

// LatestStart is how late the run that is due then may begin where its time was
// missed.
func (j Job) LatestStart(due time.Time) time.Duration {
	if j.Deadline > 0 {
		return j.Deadline
	}
	return min(maxDeadline, j.gap(due)/2)
}

// Upcoming returns the next n times after the given one.
func (s Spec) Upcoming(after time.Time, n int) (all []time.Time) {
	for range n {
		next, ok := s.Next(after)
		if !ok {
			break
		}
		all, after = append(all, next), next
	}
	return all
}

// Usual is the name that a job of this rule gets if nobody gives it one.
func (s Spec) Usual(site string) string {
	word := "cron"
	switch {
	case s.Once():
		word = "once"
	case s.step > 0:
		word = stepText(s.step)
	case slices.Contains(descriptors, s.words):
		word = s.words[1:]
	case len(s.exprs) > 0 && s.words != s.exprs[0]:
		word = s.daysName()
	}
	return site + "-" + word
}

// daysName is what a rule of days is called.
func (s Spec) daysName() string {
	_, week, err := cronDays(s.days())
	set, bad := parseDays(s.days())
	switch {
	case err == nil && bad == nil && set == everyDay:
		return "daily"
	case err == nil && bad == nil && len(week) == 1:
		return "weekly"
	case bad != nil:
		return "monthly"
	}
	return "days"
}

// days are the days that the words of a rule name.
func (s Spec) days() string {
	for i := range s.words {
		if s.words[i] == ' ' {
			return s.words[:i]
		}
	}
	return s.words
}
