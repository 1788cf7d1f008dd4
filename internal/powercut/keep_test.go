package powercut

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

const (
	keepStores = 14  // for each command, in each of which it is cut off up to three times
	keepTries  = 80  // at most, until there are so many cuts
	keepCuts   = 20  // of each command at least
	keepRuns   = 4   // there are before
	keepMost   = 400 // changes in which a cut comes, unless the command ends before
)

// keptRuns is what a store must have, whatever is cut: the pages of each run.
type keptRuns map[string]string

// TestPowerCutWhileKeeping cuts the power while old runs are removed, the index is
// compacted and a backup is made: what is left is sound, runs that stay are what
// they were, and doing it again comes to its end. A backup is the last one or this.
func TestPowerCutWhileKeeping(t *testing.T) {
	bin, web := buildCrawl(t), serveSite(t)
	before, backup := storeToKeep(t, bin, web)
	for _, c := range []struct {
		name string
		args []string
		stay int  // runs that must be there at any time
		goes bool // the others do, in the end
	}{
		{"prune", []string{"db", "prune", "--keep-last", "1"}, 1, true},
		{"compact", []string{"db", "compact"}, keepRuns, false},
		{"backup", []string{"db", "backup"}, keepRuns, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			began, all, s, cut := time.Now(), Loss{}, seed(t), 0
			for i := 0; i < keepStores*times(t) || cut < keepCuts && i < keepTries; i++ { // a cut may come too late to hit it
				o, rnd := newOrdeal(t, bin, web), dice(s, i)
				o.left = before
				if c.name == "backup" && i%2 == 0 {
					o.left = backup // which has an older one
				}
				names := o.names(t, o.left, "data")
				want := o.pages(t, o.left, "data", names)
				stay := names[:c.stay] // the newest first
				for n := 0; ; n++ {
					at := 1 + rnd.IntN(keepMost>>min(n, 3))
					if n == 3 {
						at = never
					}
					if o.keeps(t, c.args, at, rnd) {
						break
					}
					cut++
					o.whole(t, "data", stay, want)
					if c.name == "backup" {
						o.wholeBackup(t, want)
					}
				}
				end := o.names(t, o.left, "data")
				if c.goes && !slices.Equal(end, stay) || !c.goes && !slices.Equal(end, names) {
					o.fault("runs at the end: %q of %q", end, names)
				}
				o.whole(t, "data", stay, want)
				if c.name == "backup" {
					o.whole(t, "copy", names, want)
				}
				o.sound(t)
				all.add(o.loss)
			}
			t.Logf("%d cuts in %v: %+v", cut, time.Since(began).Round(time.Millisecond), all)
			if cut < keepCuts {
				t.Errorf("%d cuts hit it, want %d at least", cut, keepCuts)
			}
		})
	}
}

// storeToKeep is a store with some runs, and the same with a backup of the first of
// them beside it.
func storeToKeep(t *testing.T, bin string, web *site) (store, withBackup *Image) {
	t.Helper()
	o := newOrdeal(t, bin, web)
	for n := range keepRuns {
		o.begun, o.over, o.kept = false, false, nil
		if !o.run(t, never, dice(0, n)) {
			t.Fatal("the power was cut")
		}
		if n == keepRuns/2 && !o.keeps(t, []string{"db", "backup"}, never, dice(0, n)) {
			t.Fatal("the power was cut")
		}
	}
	o.faults = slices.DeleteFunc(o.faults, func(f string) bool { return bytes.Contains([]byte(f), []byte("was asked for")) })
	o.sound(t)
	return &Image{Names: map[string]*Image{"data": o.left.Names["data"]}}, o.left
}

// keeps runs a command on what is left and cuts the power before the n-th change,
// or when it has ended, which it tells.
func (o *ordeal) keeps(t *testing.T, args []string, n int, rnd *rand.Rand) (ended bool) {
	t.Helper()
	o.disk = NewDisk(o.left, o.deaf)
	dir, unmount := mounted(t, o.disk)
	defer unmount()
	if args[len(args)-1] == "backup" {
		args = append(slices.Clone(args), filepath.Join(dir, "copy"))
	}
	c := o.command(append(slices.Clone(args), "--data", filepath.Join(dir, "data"), "--quiet")...)
	var errs bytes.Buffer
	c.Stderr = &errs
	cut := o.disk.CutAt(n, rnd, func() {})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = c.Wait() // the state tells
	}()
	late := time.AfterFunc(sessionTime, func() { _ = c.Process.Kill() }) // it may be gone
	defer late.Stop()
	select {
	case o.left = <-cut:
		_ = c.Process.Kill() // it may be gone
		<-gone
	case <-gone:
		select {
		case o.left = <-cut: // with its last breath
		default:
			ended = true
			if code := c.ProcessState.ExitCode(); code != 0 {
				o.fault("%q: exit %d: %s", args, code, errs.String())
			}
			o.left = o.disk.Cut(rnd)
		}
	}
	o.loss.add(o.left.Loss)
	o.session++
	return ended
}

// written puts an image, or a folder of it, where programs can read it.
func (o *ordeal) written(t *testing.T, im *Image, folder string) (data string, remove func()) {
	t.Helper()
	dir := t.TempDir()
	if err := im.Write(filepath.Join(dir, "left")); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "left", folder), func() { _ = os.RemoveAll(dir) } // the test removes what is left of it
}

// names are the runs of a store, the newest first.
func (o *ordeal) names(t *testing.T, im *Image, folder string) (all []string) {
	t.Helper()
	data, remove := o.written(t, im, folder)
	defer remove()
	out, talk, code := o.do(t, "query", "SELECT run FROM runs ORDER BY started DESC", "-f", "tsv", "--data", data)
	if code != 0 {
		o.fault("runs: exit %d: %s", code, talk)
	}
	return slices.DeleteFunc(slices.Collect(bytesLines(out)), func(s string) bool { return s == "run" })
}

func bytesLines(raw []byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		for line := range bytes.Lines(raw) {
			if !yield(string(bytes.TrimSpace(line))) {
				return
			}
		}
	}
}

// pages are those of some runs, as an export tells them.
func (o *ordeal) pages(t *testing.T, im *Image, folder string, runs []string) keptRuns {
	t.Helper()
	data, remove := o.written(t, im, folder)
	defer remove()
	all := keptRuns{}
	for _, run := range runs {
		out, talk, code := o.do(t, "export", run, "--table", "pages", "-f", "jsonl", "--data", data)
		if code != 0 || len(out) == 0 {
			o.fault("export %s: exit %d: %s", run, code, talk)
		}
		all[run] = string(out)
	}
	return all
}

// whole sees that a store is sound, and that some runs in it are what they were.
func (o *ordeal) whole(t *testing.T, folder string, runs []string, want keptRuns) {
	t.Helper()
	data, remove := o.written(t, o.left, folder)
	defer remove()
	if out, talk, code := o.do(t, "db", "check", "--data", data); code != 0 {
		o.fault("db check of %s: exit %d: %s%s", folder, code, out, talk)
	}
	got := o.pages(t, o.left, folder, runs)
	for _, run := range runs {
		if got[run] != want[run] {
			o.fault("run %s in %s is not what it was", run, folder)
		}
	}
}

// wholeBackup sees that a backup that was cut short is none yet, or whole: that of
// another day or this one.
func (o *ordeal) wholeBackup(t *testing.T, want keptRuns) {
	t.Helper()
	there := o.left.Names["copy"]
	if there == nil || there.Names["crawl.db"] == nil {
		return
	}
	names := o.names(t, o.left, "copy")
	if len(names) != len(want) && len(names) != keepRuns/2+1 {
		o.fault("the backup has %q", names)
	}
	o.whole(t, "copy", names, want)
}
