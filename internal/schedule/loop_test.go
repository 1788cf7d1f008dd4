package schedule

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The clock of a bubble begins on Saturday, 1 January 2000, at midnight UTC: a
// leap year.

func TestRunsWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Job{Name: "a", When: rule(t, "every 6h", "UTC")})
		w.start()
		time.Sleep(19 * time.Hour)
		w.stop()
		w.wants("a", "01 06:00 done", "01 12:00 done", "01 18:00 done")
	})
}

func TestJitteredAndWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := rule(t, "every 6h", "UTC").WithWindow("05:00-13:00")
		if err != nil {
			t.Fatal(err)
		}
		j := Job{Name: "a", When: s, Jitter: time.Hour}
		w := newWorld(t, j)
		w.start()
		time.Sleep(19 * time.Hour)
		w.stop()
		by := j.Begins(time.Date(2000, 1, 1, 6, 0, 0, 0, time.UTC)).Sub(time.Date(2000, 1, 1, 6, 0, 0, 0, time.UTC))
		w.wants("a", "01 06:00 done +"+by.String(), "01 12:00 done +"+by.String())
	})
}

func TestOverlap(t *testing.T) {
	for policy, want := range map[string][]string{
		Skip: {"01 06:00 done", "01 07:00 skipped: the run of 1 Jan 06:00 is still going", "01 08:00 skipped: the run of 1 Jan 06:00 is still going", "01 09:00 running"},
		Queue: {
			"01 06:00 done", "01 07:00 running +1h30m0s: waits for the run of 1 Jan 06:00", "01 08:00 skipped: the run of 1 Jan 07:00 still waits",
			"01 09:00 waiting: waits for the run of 1 Jan 07:00",
		},
		Replace: {
			"01 06:00 replaced: replaced by the run of 1 Jan 07:00", "01 07:00 replaced: waits for the run of 1 Jan 06:00; replaced by the run of 1 Jan 08:00",
			"01 08:00 replaced: waits for the run of 1 Jan 07:00; replaced by the run of 1 Jan 09:00", "01 09:00 running: waits for the run of 1 Jan 08:00",
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Job{Name: "a", When: rule(t, "every 1h", "UTC"), Overlap: policy})
			w.takes = func(Job) time.Duration { return 150 * time.Minute }
			time.Sleep(5*time.Hour + 30*time.Minute)
			w.start()
			time.Sleep(4 * time.Hour)
			w.wants("a", want...)
			w.stop()
		})
	}
}

// TestStuckRunGivesWay: a run that is paused or rests does not block for ever.
func TestStuckRunGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Job{Name: "a", When: rule(t, "every 1h", "UTC")})
		w.takes = func(Job) time.Duration { return 1000 * time.Hour }
		w.start()
		time.Sleep(2*time.Hour + 30*time.Minute)
		w.mu.Lock()
		w.stuck = true
		w.mu.Unlock()
		time.Sleep(time.Hour)
		w.wants("a", "01 01:00 replaced: replaced by the run of 1 Jan 03:00", "01 02:00 skipped: the run of 1 Jan 01:00 is still going",
			"01 03:00 running: the run of 1 Jan 01:00 made no progress; waits for the run of 1 Jan 01:00")
		w.stop()
	})
}

func TestParallelLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		daily := rule(t, "daily 06:00", "UTC")
		w := newWorld(t, Job{Name: "a", When: daily}, Job{Name: "b", When: daily}, Job{Name: "c", When: daily}, Job{Name: "d", Site: "c", When: daily})
		w.most = 2
		w.start()
		time.Sleep(7 * time.Hour)
		w.stop()
		w.wants("a", "01 06:00 done")
		w.wants("b", "01 06:00 done")
		w.wants("c", "01 06:00 done +10m0s: waits for a free place: 2 runs at once")
		w.wants("d", "01 06:00 done +20m0s: waits for a free place: 2 runs at once; waits for the run of 1 Jan 06:00")
	})
}

func TestCatchUp(t *testing.T) {
	const away = "no scheduler was running"
	for policy, want := range map[string][]string{
		None: {"01 06:00 done", "01 12:00 missed: " + away, "01 18:00 missed: " + away, "02 00:00 missed: " + away, "02 06:00 done"},
		Once: {"01 06:00 done", "01 12:00 missed: " + away + "; made up for by the run of 2 Jan 00:00", "01 18:00 missed: " + away + "; made up for by the run of 2 Jan 00:00", "02 00:00 done +2h0m0s: " + away, "02 06:00 done"},
		All:  {"01 06:00 done", "01 12:00 missed: " + away + "; more than 9h ago", "01 18:00 done +8h0m0s: " + away, "02 00:00 done +2h10m0s: " + away + "; waits for the run of 1 Jan 18:00", "02 06:00 done"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Job{Name: "a", When: rule(t, "every 6h", "UTC"), CatchUp: policy, Deadline: 9 * time.Hour})
			w.start()
			time.Sleep(7 * time.Hour)
			w.stop()
			time.Sleep(19 * time.Hour)
			w.start()
			time.Sleep(5 * time.Hour)
			w.stop()
			w.wants("a", want...)
		})
	}
}

// TestDeadline: half the interval by default, a day at most.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Job{Name: "a", When: rule(t, "every 6h", "UTC")}, Job{Name: "b", When: rule(t, "mon 06:00", "UTC")}, Job{Name: "c", When: rule(t, "at 2000-01-03 06:00", "UTC")})
		w.start()
		time.Sleep(time.Hour)
		w.stop()
		time.Sleep(3*24*time.Hour + 3*time.Hour)
		w.start() // Tuesday 04:00
		time.Sleep(time.Hour)
		w.stop()
		if got := w.history("a"); got[len(got)-1].State != Missed || len(got) != 12 {
			t.Errorf("every 6h: %q", w.told("a"))
		}
		w.wants("b", "03 06:00 done +22h0m0s: no scheduler was running")
		w.wants("c", "03 06:00 done +22h0m0s: no scheduler was running")
	})
}

// TestLongAway: times without number share a row.
func TestLongAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Job{Name: "a", When: rule(t, "every 15m", "UTC")})
		w.takes = func(Job) time.Duration { return time.Minute }
		w.start()
		time.Sleep(20 * time.Minute)
		w.stop()
		time.Sleep(1000 * 24 * time.Hour)
		w.start()
		time.Sleep(time.Minute)
		w.stop()
		got := w.history("a")
		if len(got) != 102 || got[1].Times < 400*96-100 || got[1].State != Missed || got[101].State != Done {
			t.Errorf("%d rows, %v, %v", len(got), got[1], got[len(got)-1])
		}
	})
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Job{Name: "a", When: rule(t, "every 6h", "UTC")})
		w.start()
		time.Sleep(7 * time.Hour)
		w.order(Order{Name: "a", Paused: time.Now(), PausedBy: "ana"})
		time.Sleep(12 * time.Hour)
		asked := time.Now()
		w.order(Order{Name: "a", Paused: asked, PausedBy: "ana", Ask: asked, AskedBy: "bob"})
		time.Sleep(time.Hour)
		w.order(Order{Name: "a", Paused: asked, PausedBy: "ana", Resumed: time.Now(), Ask: asked, AskedBy: "bob"})
		time.Sleep(5 * time.Hour)
		w.stop()
		w.wants("a", "01 06:00 done", "01 19:00 done", "02 00:00 done")
		if row := w.history("a")[1]; row.By != "bob" {
			t.Errorf("asked for by %q", row.By)
		}
	})
}

// TestAsk: a run that is asked for is no second one.
func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Job{Name: "a", When: rule(t, "every 6h", "UTC")})
		w.start()
		time.Sleep(6*time.Hour + time.Minute)
		w.order(Order{Name: "a", Ask: time.Now(), AskedBy: "bob"})
		time.Sleep(time.Hour)
		w.stop()
		w.start() // the order stands, and was heeded
		time.Sleep(time.Hour)
		w.stop()
		w.wants("a", "01 06:00 done", "01 06:01 skipped: the run of 1 Jan 06:00 is still going")
	})
}

// TestReload: jobs come, change and go while the loop runs.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Job{Name: "a", Site: "a", When: rule(t, "every 6h", "UTC")})
		w.start()
		time.Sleep(7 * time.Hour)
		a, b := Job{Name: "a", Site: "a", When: rule(t, "daily 09:00", "UTC")}, Job{Name: "b", Site: "b", When: rule(t, "daily 08:00", "UTC")}
		w.configure(a, b)
		time.Sleep(3 * time.Hour)
		w.configure(a)
		time.Sleep(24 * time.Hour)
		w.configure(a, b)
		time.Sleep(22*time.Hour + 30*time.Minute)
		w.stop()
		w.wants("a", "01 06:00 done", "01 09:00 done", "02 09:00 done")
		w.wants("b", "01 08:00 done", "03 08:00 done")
	})
}

// TestClock: it is set forward, back, far back, and the machine sleeps.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Job{Name: "a", When: rule(t, "every 6h", "UTC")})
		w.nap = 0 // as it is used
		w.start()
		time.Sleep(7 * time.Hour)
		w.clock(7 * time.Hour) // 14:00
		time.Sleep(time.Hour)
		w.clock(3 * time.Hour) // 11:00: twelve o'clock comes again
		time.Sleep(8 * time.Hour)
		w.clock(10 * 365 * 24 * time.Hour)
		time.Sleep(2 * time.Hour)
		w.clock(0) // 18:00 on the first day, which was decided
		time.Sleep(14 * time.Hour)
		w.stop()
		var got []string
		for _, r := range w.history("a") {
			if r.Due.Year() == 2000 {
				got = append(got, r.Due.UTC().Format("02 15:04 ")+r.State)
			}
		}
		want := []string{"01 06:00 done", "01 12:00 done", "01 18:00 done", "01 18:10 clock", "02 00:00 done", "02 06:00 done"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestWindowCloses: what waits begins in its window, or not.
func TestWindowCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := rule(t, "every 1h", "UTC").WithWindow("01:00-02:30")
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, Job{Name: "a", When: s, Overlap: Queue})
		w.takes = func(Job) time.Duration { return 2 * time.Hour }
		w.start()
		time.Sleep(4 * time.Hour)
		w.stop()
		w.wants("a", "01 01:00 done", "01 02:00 skipped: waits for the run of 1 Jan 01:00; its window was closed before it could begin")
	})
}

// TestGone: a job that is taken out is not begun any more, and its run ends.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Job{Name: "a", When: rule(t, "every 1h", "UTC"), Overlap: Queue})
		w.takes = func(Job) time.Duration { return 90 * time.Minute }
		w.start()
		time.Sleep(2*time.Hour + time.Minute)
		w.configure()
		time.Sleep(2 * time.Hour)
		w.stop()
		w.wants("a", "01 01:00 done", "01 02:00 skipped: waits for the run of 1 Jan 01:00; the schedule was taken out")
	})
}

// TestStoppedByHand: a run that somebody else ends has failed, and is not begun
// again.
func TestStoppedByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Job{Name: "a", When: rule(t, "every 6h", "UTC")})
		w.start()
		w.stop()
		w.loop.Do = func(context.Context, Job, Row, bool) Result { return Result{Text: "interrupted", Unfinished: true} }
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Hour)
		defer cancel()
		if err := w.loop.Run(ctx); err != nil {
			t.Error(err)
		}
		w.wants("a", "01 06:00 failed")
	})
}

// TestBookFails: what cannot be kept is not begun, and the loop says why.
func TestBookFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Job{Name: "a", When: rule(t, "every 6h", "UTC")})
		w.start()
		w.stop()
		w.dead = true
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Hour)
		defer cancel()
		if err := w.loop.Run(ctx); !errors.Is(err, errDead) || len(w.runs) > 0 {
			t.Errorf("the loop ends with %v, %d runs", err, len(w.runs))
		}
	})
}

// TestKilledBeforeItBegan: what was decided and not begun is begun once.
func TestKilledBeforeItBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Job{Name: "a", When: rule(t, "every 6h", "UTC")})
		w.start()
		time.Sleep(6*time.Hour + time.Minute)
		w.kill() // 9 minutes are left of the run
		time.Sleep(time.Minute)
		row := w.rows["a"][time.Date(2000, 1, 1, 6, 0, 0, 0, time.UTC)]
		if row.State != Running {
			t.Fatalf("the book says %q", row.State)
		}
		delete(w.runs, runKey("a", row.Due)) // as if it had not come to begin
		w.start()
		time.Sleep(time.Hour)
		w.stop()
		w.wants("a", "01 06:00 done +2m0s")
	})
}

// TestYear runs a year with restarts and kills at random moments, in three zones
// with both changes of their clocks and a leap day, and holds it against the
// policies: each time has one row, each run is begun once, what came while the
// loop ran ran or was skipped for a reason that holds, and what came while it
// did not was made up for as said.
func TestYear(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	synctest.Test(t, func(t *testing.T) {
		var jobs []Job
		for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe"} {
			for i, text := range []string{"30 1,2 * * *", "every 6h", "mon-fri 02:15", "0 12 29 2 *", "every 2h"} {
				jobs = append(jobs, Job{
					Name: zone[:4] + string(rune('a'+i)), When: rule(t, text, zone), CatchUp: CatchUps[r.IntN(3)],
					Overlap: Overlaps[r.IntN(2)], Jitter: time.Duration(r.IntN(3)-1) * 5 * time.Minute,
				})
			}
		}
		w := newWorld(t, jobs...)
		lengths := rand.New(rand.NewPCG(seed, 2)) // asked by runs, one at a time
		w.takes = func(Job) time.Duration { return time.Duration(1+lengths.IntN(180)) * time.Minute }
		began := time.Now()
		var up [][2]time.Time
		for time.Since(began) < 366*24*time.Hour {
			from := time.Now()
			w.start()
			time.Sleep(time.Duration(r.Int64N(int64(10 * 24 * time.Hour))))
			if r.IntN(2) == 0 {
				w.stop()
			} else {
				w.kill()
			}
			up = append(up, [2]time.Time{from, time.Now()})
			if r.IntN(3) > 0 {
				time.Sleep(time.Duration(r.Int64N(int64(20 * time.Hour))))
			}
		}
		w.start() // what is open comes to its end
		up = append(up, [2]time.Time{time.Now(), time.Now().Add(time.Second)})
		time.Sleep(time.Second)
		w.stop()
		ran := 0
		for _, j := range w.jobs {
			ran += w.judge(j, began, up)
		}
		if ran < 4_000 {
			t.Errorf("only %d runs", ran)
		}
	})
}

// judge holds the history of a job against what happened.
func (w *world) judge(j Job, began time.Time, up [][2]time.Time) (ran int) {
	last := up[len(up)-1][0]
	history := w.history(j.Name)
	for from := began; ; {
		due, ok := j.When.Next(from)
		if !ok || j.Begins(due).After(last) {
			return ran
		}
		from = due
		row, known := w.rows[j.Name][due.UTC()]
		run := w.runs[runKey(j.Name, due)]
		if !known {
			w.t.Errorf("%s at %s has no row", j.Name, due)
			continue
		}
		if run != nil {
			ran++
		}
		if started := row.State == Done || row.State == Running; started != (run != nil) && row.State != Waiting {
			w.t.Errorf("%s at %s is %s, begun: %v", j.Name, due, row.State, run != nil)
		}
		at := j.Begins(due)
		back := up[slices.IndexFunc(up, func(u [2]time.Time) bool { return u[1].After(at) })][0]
		late := back.Sub(at) > onTime
		next, _ := j.When.Next(due)
		isLast := j.Begins(next).After(back)
		switch {
		case row.State == Missed && strings.HasSuffix(row.Why, "it waited, and then no scheduler was running"):
		case row.State == Missed && !late:
			w.t.Errorf("%s at %s is missed (%s), and there was somebody", j.Name, due, row.Why)
		case !late || row.State == Skipped && !isLast && j.catchUp() == All:
		case j.catchUp() == None && row.State != Missed, j.catchUp() == Once && !isLast && row.State != Missed, back.Sub(due) > j.LatestStart(due) && row.State != Missed:
			w.t.Errorf("%s at %s is %s, back at %s", j.Name, due, row.State, back)
		case row.State == Missed && j.catchUp() != None && (isLast || j.catchUp() == All) && back.Sub(due) <= j.LatestStart(due):
			w.t.Errorf("%s at %s is missed (%s), back at %s", j.Name, due, row.Why, back)
		}
		if row.State == Skipped && !inTheWay(history, due, later(j.Begins(due), back)) {
			w.t.Errorf("%s at %s is skipped (%s), and nothing was in the way", j.Name, due, row.Why)
		}
	}
}

// inTheWay tells whether a run was under way, or waited, when a time was decided.
func inTheWay(history []Row, due, decided time.Time) bool {
	for _, r := range history {
		if !r.Due.Before(due) {
			return false
		}
		if (r.State == Done || r.State == Running || r.State == Waiting || r.State == Missed) && (r.Ended.IsZero() || !r.Ended.Before(decided)) {
			return true
		}
	}
	return false
}

// TestLongAwayOnce: a moment that came and went while nobody was there for more
// than a year is a row, and a rule of leap days likewise.
func TestLongAwayOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Job{Name: "a", When: rule(t, "at 2000-02-01 06:00", "UTC")}, Job{Name: "b", When: rule(t, "0 0 29 2 *", "UTC")})
		w.start()
		time.Sleep(time.Hour)
		w.stop()
		time.Sleep(500 * 24 * time.Hour)
		w.start()
		time.Sleep(time.Hour)
		w.stop()
		w.wants("a", "01 06:00 missed: no scheduler was running")
		w.wants("b", "29 00:00 missed: no scheduler was running")
	})
}

// TestNotMadeUpFor: where the last of missed times comes too late as well, none is
// said to be made up for.
func TestNotMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Job{Name: "a", When: rule(t, "every 6h", "UTC"), Deadline: time.Hour})
		w.start()
		time.Sleep(time.Hour)
		w.stop()
		time.Sleep(14 * time.Hour)
		w.start()
		time.Sleep(time.Hour)
		w.stop()
		w.wants("a", "01 06:00 missed: no scheduler was running; more than 1h ago", "01 12:00 missed: no scheduler was running; more than 1h ago")
	})
}

// TestGoneWhileAway: a run that was begun goes on, also where its schedule was
// taken out while no loop ran.
func TestGoneWhileAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Job{Name: "a", When: rule(t, "every 6h", "UTC")})
		w.takes = func(Job) time.Duration { return 90 * time.Minute }
		w.start()
		time.Sleep(6*time.Hour + time.Minute)
		w.kill()
		w.jobs = nil
		w.start()
		time.Sleep(2 * time.Hour)
		w.stop()
		w.wants("a", "01 06:00 done")
	})
}

// TestAskedAtOnce: who asks for a run of a job that no loop has seen yet gets it.
func TestAskedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		time.Sleep(time.Hour)
		w.mu.Lock()
		w.orders["a"] = Order{Name: "a", Ask: time.Now(), AskedBy: "bob"}
		w.mu.Unlock()
		time.Sleep(time.Second)
		w.configure(Job{Name: "a", Site: "a", When: rule(t, "every 6h", "UTC")})
		time.Sleep(time.Hour)
		w.stop()
		w.wants("a", "01 01:00 done +1s")
	})
}

// TestInTheWayOfOthers: what is skipped for a run that is none of the loop's did not
// fail.
func TestInTheWayOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Job{Name: "a", When: rule(t, "every 6h", "UTC")})
		w.start()
		w.stop()
		w.loop.Do = func(context.Context, Job, Row, bool) Result {
			return Result{Text: "run a@1 is still going", Skipped: true}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Hour)
		defer cancel()
		if err := w.loop.Run(ctx); err != nil {
			t.Error(err)
		}
		w.wants("a", "01 06:00 skipped: run a@1 is still going")
		if row := w.history("a")[0]; !row.Started.IsZero() || row.Result != "" {
			t.Errorf("%+v", row)
		}
	})
}
