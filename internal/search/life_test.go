package search

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"crawl/store"
)

// A second run reads the texts alone that the first had not.
func TestIncremental(t *testing.T) {
	w := newWorld(t)
	pages := map[string]string{}
	for i := range 300 {
		pages[fmt.Sprintf("/%d", i)] = fmt.Sprintf("<title>Page %d</title><p>anvil number%d", i, i)
	}
	first := w.run(pages)
	if n := len(w.find(w.index, first, "anvil")); n != 300 || w.progress.Texts != 300 || !w.progress.Done {
		t.Fatalf("%d pages, %+v", n, w.progress)
	}
	w.progress = Progress{}
	if n := len(w.find(w.index, first, "number7")); n != 1 || w.progress.Pages != 0 {
		t.Fatalf("%d pages, %+v", n, w.progress)
	}
	pages["/7"] = "<title>Page 7</title><p>hammer"
	pages["/8"] = "<!-- other bytes, the same words --><title>Page 8</title><p>anvil number8"
	delete(pages, "/9")
	pages["/copy"] = pages["/10"]
	second := w.run(pages)
	for words, want := range map[string][2]string{
		"number7": {"/7", ""}, "number8": {"/8", "/8"}, "number9": {"/9", ""}, "hammer": {"", "/7"}, "number10": {"/10", "/10 /copy"},
	} {
		for i, run := range []*store.Run{first, second} {
			if got := strings.Join(w.find(w.index, run, words), " "); got != want[i] {
				t.Errorf("%s in run %d: %q, want %q", words, run.ID, got, want[i])
			}
		}
	}
	if w.progress.Texts != 2 || w.progress.Pages != 300 {
		t.Errorf("%+v", w.progress)
	}
	if n := w.count("docs"); n != 301 {
		t.Errorf("%d texts", n)
	}
	db, err := w.index.open(t.Context(), true)
	if err == nil {
		err = forget(t.Context(), db, int64(first.ID))
	}
	if err != nil {
		t.Fatal(err)
	}
	if n, visits := w.count("docs"), w.count("visits"); n != 299 || visits != 300 {
		t.Errorf("after forgetting a run %d texts of %d visits", n, visits)
	}
	if got := w.find(w.index, second, "number7 OR number9 OR number10 OR hammer"); len(got) != 3 {
		t.Errorf("%q", got)
	}
	if got := w.find(w.index, first, "number7 OR number9"); len(got) != 2 { // it is still in the store
		t.Errorf("%q", got)
	}
	w.sound()
}

func (w *world) count(table string) (n int) {
	w.Helper()
	db, err := w.index.open(w.Context(), true)
	if err == nil {
		err = db.QueryRow("SELECT count(*) FROM " + table).Scan(&n)
	}
	if err != nil {
		w.Fatal(err)
	}
	return n
}

// sound checks the file.
func (w *world) sound() {
	w.Helper()
	db, err := w.index.open(w.Context(), true)
	if err != nil {
		w.Fatal(err)
	}
	var says string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&says); err != nil || says != "ok" {
		w.Errorf("%s, %v", says, err)
	}
	if _, err := db.Exec("INSERT INTO texts(texts) VALUES('integrity-check')"); err != nil {
		w.Error(err)
	}
	if len(w.warned) > 0 {
		w.Errorf("%q", w.warned)
	}
}

// A run that went on is indexed again; one that is being crawled is read page by
// page.
func TestRunGoesOn(t *testing.T) {
	w := newWorld(t)
	run := w.run(map[string]string{"/1": "anvil", "/2": "hammer"})
	run.State = store.Interrupted
	if got := w.find(w.index, run, "anvil"); len(got) != 1 {
		t.Fatal(got)
	}
	if err := w.put(t.Context(), run, "/2", "anvil too"); err != nil {
		t.Fatal(err)
	}
	run.State = store.Running
	if got := w.find(w.index, run, "anvil"); len(got) != 2 || !w.progress.Scan {
		t.Fatal(got, w.progress)
	}
	run.State, run.Sessions = store.Complete, 2
	if got := w.find(w.index, run, "anvil"); len(got) != 2 || w.progress.Scan || w.progress.Texts != 1 {
		t.Fatal(got, w.progress)
	}
	w.sound()
}

// Of a page whose body was not kept, or is damaged, title, h1 and description
// are searched.
func TestWithoutBodies(t *testing.T) {
	w := newWorld(t)
	w.index.o.Read = func(_ context.Context, _ *store.Run, p *store.Page) (*Text, error) {
		if p.URL.Path() == "/1" {
			return nil, fmt.Errorf("no: %w", store.ErrNotFound)
		}
		return nil, fmt.Errorf("no: %w", store.ErrDamaged)
	}
	run := w.run(map[string]string{"/1": "<title>anvil</title><p>hammer", "/2": "<h1>anvil</h1><p>hammer"})
	if a, b := w.find(w.index, run, "anvil"), w.find(w.index, run, "hammer"); len(a) != 2 || len(b) != 0 || w.progress.Unread != 2 || len(w.warned) != 1 {
		t.Errorf("%q %q %+v %q", a, b, w.progress, w.warned)
	}
	if n := w.count("bodies"); n != 1 {
		t.Errorf("%d bodies are known, one of them damaged", n)
	}
}

// What fails in the store is no fault of the index, nor is the end of patience.
func TestReadFails(t *testing.T) {
	w := newWorld(t)
	run := w.run(map[string]string{"/1": "anvil"})
	broken := errors.New("disk")
	w.index.o.Read = func(context.Context, *store.Run, *store.Page) (*Text, error) { return nil, broken }
	q, _ := ParseQuery("anvil")
	ended, end := context.WithCancel(t.Context())
	end()
	for want, ctx := range map[error]context.Context{broken: t.Context(), context.Canceled: ended} {
		for _, err := range w.index.Find(ctx, run, q) {
			if !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
	}
	w.index.o.Read = w.read
	if got := w.find(w.index, run, "anvil"); len(got) != 1 {
		t.Error(got)
	}
	w.sound()
}

// Whatever becomes of the file, what is found is the same: it is made again, or
// all pages are read.
func TestDamage(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t)
	run := w.run(shop)
	want := w.find(w.index, run, "anvil OR recall")
	log, err := os.ReadFile(w.file() + "-wal")
	if err != nil || len(log) == 0 {
		t.Fatal(len(log), err)
	}
	w.close()
	q, _ := ParseQuery("anvil OR recall")
	whole, err := os.ReadFile(w.file())
	if err != nil {
		t.Fatal(err)
	}
	spoil := func(name string, b []byte) {
		t.Helper()
		for _, end := range []string{"-wal", "-shm"} {
			if err := os.RemoveAll(w.file() + end); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(w.file(), b, 0o600); err != nil {
			t.Fatal(err)
		}
		w.warned = nil
		w.open()
		defer w.close()
		var got []string
		for hit, err := range w.index.Find(t.Context(), run, q) {
			if errors.Is(err, store.ErrDamaged) {
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got = append(got, hit.URL.RequestURI())
		}
		if len(w.warned) > 0 && !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q; %q", name, got, want, w.warned)
		}
	}
	for name, b := range map[string][]byte{"empty": nil, "text": []byte(strings.Repeat("no database ", 1000)), "half": whole[:len(whole)/2], "odd": whole[:len(whole)-100], "head": whole[:50]} {
		spoil(name, b)
		w.open()
		if got := w.find(w.index, run, "anvil OR recall"); !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
		w.close()
	}
	for i := range 60 { // a value that was spoiled may go unnoticed, for SQLite keeps no checksums
		b := slices.Clone(whole)
		for range 1 + rnd.IntN(20) {
			b[rnd.IntN(len(b))] ^= byte(1 + rnd.IntN(255))
		}
		spoil(fmt.Sprintf("bytes %d", i), b)
	}
	zeroed := slices.Clone(whole)
	clear(zeroed[4096:])
	spoil("zeroes", zeroed)
	other := slices.Clone(whole)
	other[63]++ // of the version
	spoil("another layout", other)
	if err := errors.Join(os.Remove(w.file()), os.WriteFile(w.file()+"-wal", log, 0o600)); err != nil {
		t.Fatal(err)
	}
	w.open()
	if got := w.find(w.index, run, "anvil OR recall"); !slices.Equal(got, want) || w.progress.Texts == 0 {
		t.Errorf("with the log of a file that is gone: %q", got)
	}
	w.sound()
}

// Where no file can be made all pages are read.
func TestNoFile(t *testing.T) {
	w := newWorld(t)
	run := w.run(shop)
	w.index = New(filepath.Join(w.dir, "no", "such", "folder"), w.st, w.index.o)
	if got := w.find(w.index, run, "anvil"); len(got) != 6 || len(w.warned) != 1 || !w.progress.Scan {
		t.Errorf("%q %q", got, w.warned)
	}
}

// An index that is used as it is serves the runs that it has, and is not written
// for others.
func TestAsItIs(t *testing.T) {
	w := newWorld(t)
	first, second := w.run(shop), w.run(map[string]string{"/": "anvil"})
	o := w.index.o
	o.Use = AsItIs
	x := New(w.file(), w.st, o)
	defer func() { _ = x.Close() }()
	ask := func(run *store.Run, n int, scan bool) {
		t.Helper()
		w.progress = Progress{}
		if got := w.find(x, run, "anvil"); len(got) != n || w.progress.Scan != scan {
			t.Errorf("run %d: %q, %+v", run.ID, got, w.progress)
		}
	}
	ask(first, 6, true)
	if _, err := os.Stat(w.file()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
	if err := os.WriteFile(w.file(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ask(first, 6, true)
	if err := w.index.Build(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	ask(first, 6, false)
	ask(second, 1, true)
	w.sound()
}

// childEnv names the folder that a child indexes.
const childEnv = "CRAWL_SEARCH_TEST_CHILD"

// TestKilled kills a process again and again while it indexes. What it leaves
// behind is no harm, and is used.
func TestKilled(t *testing.T) {
	if dir := os.Getenv(childEnv); dir != "" {
		w := openWorld(t, dir)
		w.index.commitEvery = 10
		w.index.o.Tell = func(Progress) { fmt.Println("so far") }
		run, err := w.st.Run(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.index.Build(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		return
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t)
	pages := map[string]string{}
	for i := range 10 * pagesAtOnce { // each a line of the child
		pages[fmt.Sprintf("/%d", i)] = fmt.Sprintf("<title>Page %d</title><p>anvil number%d group%d", i, i, i%7)
	}
	run := w.run(pages)
	want := slices.Sorted(maps.Keys(pages))
	for range 6 {
		if err := w.index.Remove(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := w.st.Close(); err != nil {
			t.Fatal(err)
		}
		killed(t, w.dir, rnd.IntN(11))
		var err error
		if w.st, err = store.Open(w.dir, store.Options{}); err != nil {
			t.Fatal(err)
		}
		w.open()
		for words, n := range map[string]int{"anvil": len(pages), "group3": len(pages)/7 + 1, "number77": 1} {
			got := w.find(w.index, run, words)
			if slices.Sort(got); len(got) != n || words == "anvil" && !slices.Equal(got, want) {
				t.Errorf("%s: %d pages, want %d", words, len(got), n)
			}
		}
		w.sound()
	}
	if err := w.st.Close(); err != nil {
		t.Fatal(err)
	}
}

// killed runs a child and kills it once it has said so many lines.
func killed(t *testing.T, dir string, lines int) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKilled$", "-test.v")
	child.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(out); lines >= 0 && s.Scan(); lines-- {
	}
	_ = child.Process.Kill() // it may have ended
	_ = child.Wait()
}

// What the store has no more goes from the index too, also what is there of a run
// that was being indexed; nothing else does.
func TestSweep(t *testing.T) {
	w := newWorld(t)
	if err := w.index.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(w.file()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
	first, begun, last := w.run(map[string]string{"/": "<p>anvil", "/1": "<p>hammer"}), w.run(map[string]string{"/": "<p>tongs"}), w.run(map[string]string{"/": "<p>anvil"})
	for _, run := range []*store.Run{first, begun, last} {
		if err := w.index.Build(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	db, err := w.index.open(t.Context(), true)
	if err == nil {
		_, err = db.Exec("DELETE FROM runs WHERE run = ?", int64(begun.ID))
	}
	if err == nil {
		err = w.index.Sweep(t.Context())
	}
	if runs, visits := w.count("runs"), w.count("visits"); err != nil || runs != 2 || visits != 4 {
		t.Errorf("with all of them there: %d runs, %d visits, %v", runs, visits, err)
	}
	if _, err = w.st.Prune(t.Context(), []store.RunID{first.ID, begun.ID}, store.PruneOptions{}); err == nil {
		err = w.index.Sweep(t.Context())
	}
	if runs, visits, docs := w.count("runs"), w.count("visits"), w.count("docs"); err != nil || runs != 1 || visits != 1 || docs != 1 {
		t.Errorf("then: %d runs, %d visits, %d texts, %v", runs, visits, docs, err)
	}
	if got := w.find(w.index, last, "anvil"); len(got) != 1 {
		t.Errorf("%q", got)
	}
	w.sound()
}

// An index that was closed is opened by nobody: its store is another's by then.
func TestClosedForGood(t *testing.T) {
	w := newWorld(t)
	run := w.run(map[string]string{"/": "<p>anvil"})
	building, closing := make(chan struct{}), make(chan struct{})
	x := New(filepath.Join(t.TempDir(), File), w.st, Options{Tell: func(p Progress) {
		if !p.Done {
			close(building)
			<-closing
		}
	}, Read: w.index.o.Read})
	built := make(chan error, 1)
	go func() { built <- x.Build(t.Context(), run) }()
	<-building
	closed := make(chan error, 1)
	go func() { closed <- x.Close() }()
	close(closing)
	if err := errors.Join(<-built, <-closed); err != nil { // who writes is waited for
		t.Fatal(err)
	}
	if err := os.Remove(x.file); err != nil {
		t.Fatal(err)
	}
	q, err := ParseQuery("anvil")
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"Build": x.Build(t.Context(), run), "Find": firstError(x.Find(t.Context(), run, q)), "Close": x.Close()} {
		if errors.Is(err, errClosed) != (what != "Close") || what == "Close" && err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := os.Stat(x.file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file was made again: %v", err)
	}
}

func firstError(hits iter.Seq2[Hit, error]) error {
	for _, err := range hits {
		return err
	}
	return nil
}
