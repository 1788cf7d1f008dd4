package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"crawl/internal/warc"

	"github.com/google/go-cmp/cmp"
)

// history50 fills a store with runs of two sites that share a host. From run to
// run pages change, stay, are answered 304, fail, vanish and come back.
func history50(t *testing.T, b *Bolt, runs int) {
	t.Helper()
	b.bodies.limit = 200 << 10
	ctx := t.Context()
	for n := range runs {
		r := &Run{Site: []string{"a", "b"}[n%5/4], State: Running, Started: day(n)}
		if err := b.Begin(ctx, r); err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			putChanging(t, b, r, n, i)
		}
		robots := &Robots{Origin: "https://a0.example", Run: r.ID, Try: 1, Fetched: day(n), Status: 200, URL: "https://a0.example/robots.txt", Text: fmt.Appendf(nil, "# %d", n/7)}
		x := &Exchange{Start: day(n), Proto: "HTTP/1.1", Status: 200, Header: http.Header{}, Body: robots.Text}
		skips := []Skip{{URL: mustParse(fmt.Sprintf("https://a0.example/skipped-%d", n%3)), Run: r.ID, Reason: "robots"}}
		err := errors.Join(b.PutRobots(ctx, robots, x), b.PutSkips(ctx, r.ID, skips),
			b.PutHosts(ctx, r.ID, []Host{{Origin: "https://a0.example", Asked: day(n)}, {Origin: fmt.Sprintf("https://h%d.example", n/10), Asked: day(n)}}))
		if err != nil {
			t.Fatal(err)
		}
		if n%3 == 0 {
			if err := b.IndexLinks(ctx, r.ID, Identity{Of: same}); err != nil {
				t.Fatal(err)
			}
		}
		endTest(t, b, r, Complete)
	}
}

// openUnsynced opens a store that waits for no disk until it is closed.
func openUnsynced(t *testing.T, dir string) *Bolt {
	t.Helper()
	b, err := Open(dir, Options{Program: "crawl/test", Command: "go test", NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return b
}

func day(n int) time.Time { return time.Unix(1_800_000_000+int64(n)*86_400, 0).UTC() }

// endTest counts a run's rows and ends it.
func endTest(t *testing.T, b *Bolt, r *Run, state string) {
	t.Helper()
	r.State, r.Counts = state, Counts{Skipped: map[string]uint64{}}
	for p, err := range b.Pages(t.Context(), r.ID) {
		if err != nil {
			t.Fatal(err)
		}
		r.Counts.Found++
		if p.Fault != "" {
			r.Counts.Failed++
		} else {
			r.Counts.Done++
		}
	}
	for s, err := range b.Skips(t.Context(), r.ID) {
		if err != nil {
			t.Fatal(err)
		}
		r.Counts.Found++
		r.Counts.Skipped[s.Reason]++
	}
	if err := b.Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// putChanging is the visit of page i in the n-th run.
func putChanging(t *testing.T, b *Bolt, r *Run, n, i int) {
	t.Helper()
	p := &Page{URL: mustParse(fmt.Sprintf("https://a%d.example/%d", i%3, i)), Run: r.ID, Try: 1, Fetched: day(n).Add(time.Duration(i) * time.Second)}
	version := n / (1 + i%6)
	switch {
	case i%11 == 3 && n%4 == 2: // it vanished
		return
	case i%13 == 5 && n%3 == 1:
		p.Fault = "timeout"
		putVisit(t, b, p, nil, nil)
		return
	}
	body := testBody(version*100 + i)
	if i%8 == 7 { // others bring the same one
		body = testBody(version % 5)
	}
	p.Status, p.Hash, p.Size, p.Wire = 200, sha256.Sum256(body), int64(len(body)), int64(len(body))
	links := []Link{{Target: p.URL.String() + "/x", Element: "a"}, {Target: "https://b.example/", Text: fmt.Sprint(version)}}
	for k := range 8 {
		links = append(links, Link{Target: fmt.Sprintf("%s/topic-%d", p.URL.Origin(), k), Text: fmt.Sprintf("topic of the menu %d", n/20), Element: "a", Place: "nav"})
	}
	x := &Exchange{Start: p.Fetched, Proto: "HTTP/1.1", Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: body}
	_, good, err := b.Latest(t.Context(), p.URL)
	if err != nil {
		t.Fatal(err)
	}
	if good != nil && good.Hash == p.Hash && i%2 == 0 {
		p.NotModified, x.Status, x.Body = true, 304, nil
		if links, err = b.Links(t.Context(), good); err != nil {
			t.Fatal(err)
		}
	}
	putVisit(t, b, p, links, x)
}

func putVisit(t *testing.T, b *Bolt, p *Page, links []Link, x *Exchange) {
	t.Helper()
	if err := b.Put(t.Context(), p, links, x); err != nil {
		t.Fatal(err)
	}
}

// kept is all that a run has, as its readers see it: a line each.
type kept struct {
	pages  int
	lines  []string
	bodies [][]byte // of pages
}

func (k *kept) add(values ...any) { k.lines = append(k.lines, fmt.Sprintf("%+v", values)) }

// readRun reads all of a run. Places are left out, and the baseline: they may
// change.
func readRun(t *testing.T, b *Bolt, id RunID) (k kept) {
	t.Helper()
	ctx := t.Context()
	r, err := b.Run(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	r.Baseline = 0
	k.add(*r)
	for p, err := range b.Pages(ctx, id) {
		if err != nil {
			t.Fatal(err)
		}
		links, err := b.Links(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		header, body, err := b.Body(ctx, p)
		if err != nil && !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		p.Request, p.Record, p.Payload = Place{}, Place{}, Place{}
		k.add(*p, links, header, sha256.Sum256(body))
		k.bodies = append(k.bodies, body)
		k.pages++
	}
	for s, err := range b.Skips(ctx, id) {
		k.add(*s, err)
	}
	for h, err := range b.Hosts(ctx, id) {
		k.add(*h, err)
	}
	for f, err := range b.RobotsFiles(ctx, id) {
		f.Request, f.Record, f.Payload = Place{}, Place{}, Place{}
		k.add(*f, err)
	}
	k.inlinks(t, b, id)
	var out bytes.Buffer
	if err := b.CopyRecords(ctx, &out, id); err != nil {
		t.Fatal(err)
	}
	k.records(t, out.Bytes())
	return k
}

// inlinks adds who links to a page, if that is known.
func (k *kept) inlinks(t *testing.T, b *Bolt, id RunID) {
	t.Helper()
	indexed, err := b.Indexed(t.Context(), id)
	k.add(indexed, err)
	if !indexed {
		return
	}
	var found []string
	for in, err := range b.Inlinks(t.Context(), id, mustParse("https://b.example/")) {
		found = append(found, fmt.Sprint(in.Link, in.Links, err))
		for p, err := range in.Sources {
			found = append(found, fmt.Sprint(in.Link, p.URL, err))
		}
	}
	slices.Sort(found)
	k.lines = append(k.lines, found...)
}

// records adds the records of a WARC file but the first, which is of now.
func (k *kept) records(t *testing.T, raw []byte) {
	t.Helper()
	in := warc.NewReader(bytes.NewReader(raw))
	for n := 0; ; n++ {
		e, err := in.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			_, err = e.Verify()
		}
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			k.add(e.Type, e.TargetURI, e.Length, e.Get("WARC-Record-ID"), e.Get("WARC-Payload-Digest"), e.Get("WARC-Refers-To"))
		}
	}
}

// readAll reads some runs.
func readAll(t *testing.T, b *Bolt, runs []RunID) map[RunID]kept {
	t.Helper()
	all := map[RunID]kept{}
	for _, id := range runs {
		all[id] = readRun(t, b, id)
	}
	return all
}

func wantKept(t *testing.T, b *Bolt, want map[RunID]kept) {
	t.Helper()
	for id, had := range want {
		if d := cmp.Diff(had.lines, readRun(t, b, id).lines); d != "" {
			t.Fatalf("run %d is not what it was: %.3000s", id, d)
		}
	}
}

func allRuns(t *testing.T, b *Bolt) (ids []RunID) {
	t.Helper()
	for r, err := range b.Runs(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.ID)
	}
	return ids
}

// split splits runs, the newest first, in those that stay and those that go.
func split(random *rand.Rand, ids []RunID) (stay, gone []RunID) {
	for i, id := range ids {
		if i > 0 && random.IntN(4) > 0 {
			gone = append(gone, id)
		} else {
			stay = append(stay, id)
		}
	}
	return stay, gone
}

func sizeOf(t *testing.T, dir string) (n int64) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		n += info.Size()
	}
	return n
}

// TestPrune removes most of fifty runs, twice: what stays is what it was, the
// store is sound, and the dry run told what goes.
func TestPrune(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	b := openUnsynced(t, dir)
	history50(t, b, 50)
	wantSound(t, b)
	for range 2 {
		stay, gone := split(random, allRuns(t, b))
		before := readAll(t, b, stay)
		bodies := sizeOf(t, filepath.Join(dir, "bodies"))
		files, err := os.ReadDir(filepath.Join(dir, "bodies"))
		if err != nil {
			t.Fatal(err)
		}
		segments := int64(len(files))
		promised, err := b.Prune(t.Context(), gone, PruneOptions{DryRun: true})
		if err != nil {
			t.Fatal(err)
		}
		if promised.Runs != len(gone) || promised.Rows == 0 || promised.Dead == 0 {
			t.Errorf("a dry run promises %+v", promised)
		}
		if got := sizeOf(t, filepath.Join(dir, "bodies")); got != bodies || len(allRuns(t, b)) != len(stay)+len(gone) {
			t.Errorf("a dry run changed the store")
		}
		done, err := b.Prune(t.Context(), gone, PruneOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if done != promised {
			t.Errorf("removed %+v, promised were %+v", done, promised)
		}
		heads := segments * 512 // each file begins with a record of its own, and there are fewer files now
		if freed := bodies - sizeOf(t, filepath.Join(dir, "bodies")); freed < done.Bodies-512 || freed > done.Bodies+heads {
			t.Errorf("bodies in %d files take %d bytes less, %d were promised", segments, freed, done.Bodies)
		}
		wantSound(t, b)
		wantKept(t, b, before)
		if got := allRuns(t, b); !slices.Equal(got, stay) {
			t.Errorf("runs %v are there, want %v", got, stay)
		}
		if again, err := b.Prune(t.Context(), nil, PruneOptions{}); err != nil || again.Rows != 0 || again.Bodies != 0 {
			t.Errorf("a second time removes %+v: %v", again, err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	wantSound(t, openTest(t, dir))
}

// TestPruneAllButOne leaves nothing of what is gone: the store is as large as
// one of that run alone.
func TestPruneAllButOne(t *testing.T) {
	dir := t.TempDir()
	b := openUnsynced(t, dir)
	history50(t, b, 30)
	ids := allRuns(t, b)
	want := readAll(t, b, ids[:1])
	if _, err := b.Prune(t.Context(), ids[1:], PruneOptions{}); err != nil {
		t.Fatal(err)
	}
	wantSound(t, b)
	wantKept(t, b, want)
	for _, bucket := range []string{"pages", "links", "latest"} {
		if n := want[ids[0]].pages; rowsIn(t, b, bucket) > n {
			t.Errorf("%d rows in %s, the run has %d pages", rowsIn(t, b, bucket), bucket, n)
		}
	}
	if err := b.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantSound(t, b)
	wantKept(t, b, want)
}

func rowsIn(t *testing.T, b *Bolt, bucket string) (n int) {
	t.Helper()
	if err := b.scan(t.Context(), []byte(bucket), nil, func(_, _ []byte) bool { n++; return true }); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestPruneNumbers: a number that was given is not given again.
func TestPruneNumbers(t *testing.T) {
	b := openUnsynced(t, t.TempDir())
	history50(t, b, 5)
	ids := allRuns(t, b)
	last, err := b.Run(t.Context(), ids[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Prune(t.Context(), ids[:2], PruneOptions{}); err != nil {
		t.Fatal(err)
	}
	r := &Run{Site: last.Site}
	if err := b.Begin(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if r.ID != last.ID+1 || r.Number != last.Number+1 || r.Baseline == last.ID {
		t.Errorf("after %s@%d (%d) came %s@%d (%d), held against %d", last.Site, last.Number, last.ID, r.Site, r.Number, r.ID, r.Baseline)
	}
	if _, err := b.Prune(t.Context(), ids[:1], PruneOptions{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a run that is gone: %v", err)
	}
	endTest(t, b, r, Complete)
	wantSound(t, b)
}

// TestPruneMeanwhile crawls, reads and indexes while runs are removed.
func TestPruneMeanwhile(t *testing.T) {
	dir := t.TempDir()
	b := openUnsynced(t, dir)
	history50(t, b, 20)
	ids := allRuns(t, b)
	stay := ids[:2]
	before := readAll(t, b, stay)
	var readers []*Page
	for p, err := range b.Pages(t.Context(), stay[1]) {
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, p)
	}
	var wait sync.WaitGroup
	done := make(chan bool)
	var begun []RunID
	wait.Go(func() {
		for n := 20; n < 60; n++ {
			select {
			case <-done:
				return
			default:
			}
			r := &Run{Site: "a", State: Running, Started: day(n)}
			if err := b.Begin(t.Context(), r); err != nil {
				t.Error(err)
				return
			}
			begun = append(begun, r.ID)
			for i := range 40 {
				putChanging(t, b, r, n, i)
			}
			endTest(t, b, r, Complete)
		}
	})
	wait.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			for i, p := range readers { // their places are of before
				if _, body, err := b.Body(t.Context(), p); err != nil && !errors.Is(err, ErrNotFound) || err == nil && !bytes.Equal(body, before[stay[1]].bodies[i]) {
					t.Errorf("body of %s: %v", p.URL, err)
				}
			}
		}
	})
	for range 3 {
		if _, err := b.Prune(t.Context(), ids[2:], PruneOptions{Dead: 0.01}); err != nil {
			t.Error(err)
		}
		ids = ids[:2] // the others are gone
	}
	close(done)
	wait.Wait()
	wantSound(t, b)
	wantKept(t, b, before)
	if len(begun) == 0 {
		t.Error("no run was crawled meanwhile")
	}
}

// TestNotModifiedOfWhatIsGone: an answer 304 stands for the content it was asked
// about, and for no earlier one.
func TestNotModifiedOfWhatIsGone(t *testing.T) {
	b := openUnsynced(t, t.TempDir())
	for n := range 3 {
		r := &Run{Site: "a", State: Complete}
		if err := b.Begin(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		body := testBody(n)
		p := &Page{URL: mustParse("https://a.example/"), Run: r.ID, Status: 200, Hash: sha256.Sum256(body), Size: int64(len(body)), Fetched: day(n)}
		x := &Exchange{Start: p.Fetched, Proto: "HTTP/1.1", Status: 200, Header: http.Header{}, Body: body}
		if n < 2 {
			putVisit(t, b, p, nil, x)
			continue
		}
		_, good, err := b.Latest(t.Context(), p.URL)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Prune(t.Context(), []RunID{good.Run}, PruneOptions{}); err != nil {
			t.Fatal(err)
		}
		p.Hash, p.NotModified, x.Status, x.Body = good.Hash, true, 304, nil
		if err := b.Put(t.Context(), p, nil, x); !errors.Is(err, ErrNoContent) {
			t.Errorf("put as what run 1 brought: %v", err)
		}
	}
}
