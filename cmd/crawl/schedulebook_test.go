package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crawl/internal/query"
	"crawl/internal/schedule"
	"crawl/store"

	"github.com/spf13/cobra"
)

// scheduleFile writes a config file, and returns the flags that name it.
func scheduleFile(t *testing.T, text string) (*cobra.Command, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &cobra.Command{}
	addConfigFlag(c.Flags())
	if err := c.Flags().Set(configFlag, path); err != nil {
		t.Fatal(err)
	}
	return c, path
}

// writeWhole replaces a file, so that who reads it meanwhile finds it as it was or
// as it is, and never empty.
func writeWhole(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path+".new", []byte(text), 0o600), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

const twoSchedules = `
sites:
  a:
    seeds: [https://a.example/]
    schedules:
      - {name: nightly, every: daily 03:00, jitter: 0}
      - {name: hourly, every: 6h, jitter: 0}
`

// TestSchedulesInTheStore runs a loop as the daemon does: jobs from a config
// file that changes meanwhile, decisions in a store that is closed and opened
// between, runs that are begun in it and go on.
func TestSchedulesInTheStore(t *testing.T) {
	c, path := scheduleFile(t, twoSchedules)
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		st := openForTest(t, dir)
		begun := 0
		do := func(ctx context.Context, j schedule.Job, row schedule.Row, again bool) schedule.Result {
			run, err := runOfRow(context.WithoutCancel(ctx), st, row)
			if err == nil && run == nil {
				run = &store.Run{Site: j.Site, Started: time.Now(), Schedule: j.Name, Due: row.Due}
				begun++
				err = st.Begin(context.WithoutCancel(ctx), run)
			}
			if err != nil {
				t.Error(err)
				return schedule.Result{Failed: true}
			}
			run.State = store.Complete
			select {
			case <-time.After(time.Hour):
			case <-ctx.Done():
				run.State = store.Interrupted
			}
			if err := st.Update(context.WithoutCancel(ctx), run); err != nil {
				t.Error(err)
			}
			return scheduledResult(run)
		}
		var known []schedule.Job
		jobs := func() []schedule.Job { // of a file with faults, what it said before
			blocks, err := loadSchedules(c.Flags())
			if err != nil {
				return known
			}
			known = nil
			for _, b := range blocks {
				known = append(known, b.Job)
			}
			return known
		}
		during := func(d time.Duration, meanwhile func()) {
			l := &schedule.Loop{
				Book: book{st}, Jobs: jobs, Do: do, Begun: book{st}.Begun,
				Log: slog.New(slog.DiscardHandler),
			}
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- l.Run(ctx) }()
			if meanwhile != nil {
				time.Sleep(d / 2)
				meanwhile()
				l.Wake()
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		during(6*time.Hour+30*time.Minute, nil) // the run of 06:00 is cut short
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		st = openForTest(t, dir)
		during(8*time.Hour, func() { // 14:30
			writeWhole(t, path, "sites: [\n")
		})
		if begun != 3 {
			t.Errorf("%d runs were begun, want those of 03:00, 06:00 and 12:00", begun)
		}
		writeWhole(t, path, twoSchedules)
		time.Sleep(24 * time.Hour) // 14:30 of the next day: one of each is made up for, one after the other
		during(3*time.Hour, nil)
		views, err := viewSchedules(t.Context(), st, blocksOf(t, c), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if v := views[1]; v.Name != "nightly" || v.Result != "ok" || v.Last.UTC().Format("02 15:04") != "02 14:30" {
			t.Errorf("nightly: %+v", v)
		}
		if v := views[0]; v.NotRun != 0 || v.Result != "ok" || v.Last.UTC().Format("02 15:04") != "02 15:30" {
			t.Errorf("hourly: %+v", v)
		}
		not, err := notRun(t.Context(), st, "a")
		if err != nil || len(not) == 0 {
			t.Errorf("%d times without a run, %v", len(not), err)
		}
		if report, err := st.Check(t.Context()); err != nil || len(report.Faults) > 0 {
			t.Errorf("check: %v, %v", report.Faults, err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
}

func openForTest(t *testing.T, dir string) *store.Bolt {
	t.Helper()
	st, err := store.Open(dir, store.Options{Program: "crawl/test", Command: "go test"})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func blocksOf(t *testing.T, c *cobra.Command) []scheduleBlock {
	t.Helper()
	blocks, err := loadSchedules(c.Flags())
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}

func TestScheduledResult(t *testing.T) {
	for state, want := range map[string]schedule.Result{
		store.Complete: {Text: "ok"}, store.Partial: {Text: "stopped: why"}, store.Empty: {Text: "nothing crawled: why", Failed: true},
		store.Interrupted: {Text: "interrupted", Unfinished: true},
	} {
		run := &store.Run{Site: "a", Number: 1, State: state, Why: "why"}
		want.Run = query.RunName(run)
		if got := scheduledResult(run); got != want {
			t.Errorf("%s: %+v, want %+v", state, got, want)
		}
	}
}

// TestEditsTouchNothingElse changes files of many shapes: what was not meant is
// there as before, and the result is read.
func TestEditsTouchNothingElse(t *testing.T) {
	for name, text := range map[string]string{
		"block":    "# top\ndefaults:\n    retry: 0   # none\n\nsites:\n    # first\n    a:\n        seeds:\n        - https://a.example/\n        # end of a\n    b: # second\n        seeds: [ https://b.example/ ]\n# hosts\nhosts: {}\n",
		"braces":   "sites: {a: {seeds: ['https://a.example/']}, b: {seeds: ['https://b.example/']}} # all\nhosts: {}\n",
		"no end":   "sites:\n  a:\n    seeds: [https://a.example/]\n  b: {seeds: [https://b.example/]}",
		"windows":  "sites:\r\n  a:\r\n    seeds: [https://a.example/]\r\n  b:\r\n    seeds: [https://b.example/]\r\n",
		"schedule": "sites:\n  a:\n    schedules:\n    -\n      every: 6h\n    - {every: daily 03:00}\n    seeds: [https://a.example/]\n  b:\n    seeds: [https://b.example/]\n    schedules: [{every: 6h}]\n",
		"quoted":   "\"sites\":\n  'a':\n    seeds:\n      - https://a.example/\n    user_agent: |-\n      agent\n  b:\n    seeds: [\n      https://b.example/\n    ]\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, path := scheduleFile(t, text)
			edit := func(do func(*configEdit) error) {
				t.Helper()
				e, err := editConfig(c.Flags(), "a")
				defer e.close()
				if err == nil {
					err = errors.Join(do(e), e.save())
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			before := len(blocksOf(t, c))
			block := func(name string) scheduleTexts { return scheduleTexts{"name": name, "every": "mon 06:00"} }
			edit(func(e *configEdit) error { return e.add(block("x").node(), "sites", "a", "schedules") })
			edit(func(e *configEdit) error { return e.add(block("y").node(), "sites", "b", "schedules") })
			edit(func(e *configEdit) error { return e.set(textNode("1/s"), "sites", "b", "rate") })
			edit(func(e *configEdit) error { return e.set(siteNode([]string{"https://c.example/"}, nil), "sites", "c") })
			edit(func(e *configEdit) error { return e.set(textNode("2/s"), "sites", "b", "rate") })
			if got := blocksOf(t, c); len(got) != before+2 {
				t.Errorf("%d schedules, want %d", len(got), before+2)
			}
			now, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if name != "braces" {
				for line := range strings.Lines(text) {
					if !strings.Contains(string(now), strings.TrimRight(line, "\r\n")) && !strings.Contains(line, "{seeds") && !strings.Contains(line, "schedules: [") {
						t.Errorf("%q is gone\n%s", line, now)
					}
				}
			}
			site, _, err := readConfigFile(path, false)
			if err != nil || site.sites["b"].options["rate"].texts[0] != "2/s" || len(site.sites) != 3 {
				t.Errorf("%v, %v", site.sites, err)
			}
			for _, s := range []string{"a", "b"} {
				last := len(site.sites[s].schedules) - 1
				edit(func(e *configEdit) error { return e.removeItem(last, "sites", s, "schedules") })
			}
			edit(func(e *configEdit) error { return e.remove("sites", "c") })
			edit(func(e *configEdit) error { return e.remove("sites", "b", "rate") })
			after, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := blocksOf(t, c); len(got) != before {
				t.Errorf("%d schedules are left of %d", len(got), before)
			}
			if name != "braces" && name != "schedule" && name != "no end" && strings.TrimRight(string(after), "\n") != strings.TrimRight(text, "\n") {
				t.Errorf("all was undone, and it is\n%q\nwas\n%q", after, text)
			}
		})
	}
}

// TestEditThatWouldBeAFault leaves the file alone.
func TestEditThatWouldBeAFault(t *testing.T) {
	const text = "sites:\n  a: &x\n    seeds: [https://a.example/]\n  b: *x\n"
	c, path := scheduleFile(t, text)
	for _, do := range []func(*configEdit) error{
		func(e *configEdit) error { return e.set(textNode("quick"), "sites", "a", "rate") },
		func(e *configEdit) error { return e.set(textNode("1/s"), "sites", "b", "rate") },
	} {
		e, err := editConfig(c.Flags(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if err = do(e); err == nil {
			err = e.save()
		}
		e.close()
		var usage *usageError
		if !errors.As(err, &usage) || !strings.Contains(usage.Faults[0].Where, path) {
			t.Errorf("the edit: %v", err)
		}
	}
	if now, err := os.ReadFile(path); err != nil || string(now) != text {
		t.Errorf("the file is %q, %v", now, err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("%v are left, %v", entries, err)
	}
}

// TestMomentText: near a change of the clock a time in words says which one it is.
func TestMomentText(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{
		"2001-10-28T00:30:00Z": "Sun 28 Oct 2001 02:30 +0200",
		"2001-10-28T01:30:00Z": "Sun 28 Oct 2001 02:30 +0100",
		"2001-10-29T01:30:20Z": "Mon 29 Oct 2001 02:30:20",
	} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := momentText(moment.In(zone)); got != want {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
	}
}

// TestOrdersAndTheClock: what is asked of a schedule last holds, though the clock
// was ahead when it was asked before.
func TestOrdersAndTheClock(t *testing.T) {
	st := openForTest(t, t.TempDir())
	defer st.Close()
	ahead := time.Now().Add(time.Hour)
	err := st.OrderSchedule(t.Context(), "a", func(o *store.ScheduleOrder) *store.ScheduleRow {
		o.Paused, o.Resumed, o.Ask = ahead.Add(-time.Minute), ahead, ahead
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b := scheduleBlock{Job: schedule.Job{Name: "a", Site: "a"}}
	for _, c := range []struct {
		change scheduleChange
		paused bool
	}{{pauseSchedule, true}, {resumeSchedule, false}, {pauseSchedule, true}} {
		after, err := orderSchedule(t.Context(), st, &b, c.change, "ana")
		if err != nil || after.IsPaused() != c.paused {
			t.Errorf("paused: %v, want %v; %v", after.IsPaused(), c.paused, err)
		}
	}
	after, err := orderSchedule(t.Context(), st, &b, askSchedule, "ana")
	if err != nil || !after.Ask.After(ahead) {
		t.Errorf("asked for at %s, before that at %s: %v", after.Ask, ahead, err)
	}
}
