package powercut

import (
	"math/rand/v2"
	"testing"
	"time"
)

const (
	cuts         = 60 // while it crawls
	creationCuts = 20 // while it makes a new store
	endCuts      = 10 // while it ends
)

// undisturbed crawls once in peace. It returns what was found, and how many
// changes of the disk that took.
func undisturbed(t *testing.T, bin string, s *site) (found map[string]string, changes int) {
	t.Helper()
	o := newOrdeal(t, bin, s)
	ended := o.run(t, never, dice(0, 0))
	found = o.result(t)
	o.sound(t)
	if !ended || len(found) != sitePages {
		t.Fatalf("undisturbed: ended %t with %d pages of %d", ended, len(found), sitePages)
	}
	return found, o.disk.Changes()
}

// never is a change that no crawl reaches.
const never = 1 << 40

// sound fails the test if anything is wrong.
func (o *ordeal) sound(t *testing.T) {
	t.Helper()
	for i, f := range o.faults {
		if i == 10 {
			t.Fatalf("%d faults in all", len(o.faults))
		}
		t.Error(f)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// finish lets the crawl go on to its end and holds what it found against want.
func (o *ordeal) finish(t *testing.T, rnd *rand.Rand, want map[string]string) {
	t.Helper()
	if !o.run(t, never, rnd) {
		o.fault("the power was cut")
	}
	o.differ(o.result(t), want)
	o.sound(t)
}

// TestPowerCut cuts the power of the program itself while it crawls, and
// resumes on what is left, until the crawl ends.
func TestPowerCut(t *testing.T) {
	bin, web := buildCrawl(t), serveSite(t)
	want, changes := undisturbed(t, bin, web)
	t.Run("first creation", func(t *testing.T) {
		began, all, s := time.Now(), Loss{}, seed(t)
		for i := range creationCuts * times(t) {
			o, rnd := newOrdeal(t, bin, web), dice(s, i)
			if o.run(t, 1+rnd.IntN(min(creation, changes)), rnd) {
				t.Fatal("it ended before the cut")
			}
			o.sound(t)
			o.finish(t, rnd, want)
			all.add(o.loss)
		}
		t.Logf("%v: %+v", time.Since(began).Round(time.Millisecond), all)
	})
	t.Run("crawl and resume", func(t *testing.T) {
		began, all, s, crawls := time.Now(), Loss{}, seed(t), 0
		for i := 0; i < cuts*times(t); crawls++ {
			o := newOrdeal(t, bin, web)
			for ended := false; !ended; i++ {
				rnd := dice(s, i)
				ended = o.run(t, 1+rnd.IntN(changes/3), rnd)
				o.sound(t)
			}
			o.differ(o.result(t), want)
			o.sound(t)
			all.add(o.loss)
		}
		t.Logf("%d crawls in %v: %+v", crawls, time.Since(began).Round(time.Millisecond), all)
	})
	t.Run("the end", func(t *testing.T) {
		began, all, s := time.Now(), Loss{}, seed(t)
		for i := range endCuts * times(t) {
			o, rnd := newOrdeal(t, bin, web), dice(s, i)
			o.run(t, max(1, changes-ending)+rnd.IntN(ending), rnd) // or it ends before: it takes a few more or less
			o.sound(t)
			o.finish(t, rnd, want)
			all.add(o.loss)
		}
		t.Logf("%v: %+v", time.Since(began).Round(time.Millisecond), all)
	})
}

// ending is how many changes it takes to end a run, and more.
const ending = 20

// creation is how many changes it takes to make a store and a queue, and more.
const creation = 60
