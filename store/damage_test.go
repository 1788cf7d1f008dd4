package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

const damagedIndexes = 60

// TestDamagedIndex changes crawl.db at random places. Whatever the store then
// does, it does not panic, and an error of it names the file.
func TestDamagedIndex(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	whole := t.TempDir()
	b := openTest(t, whole)
	run := beginTest(t, b)
	putTest(t, b, run.ID, 0, 100)
	putMenus(t, b, run.ID, 50)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(whole, "crawl.db"))
	if err != nil {
		t.Fatal(err)
	}
	noticed := 0
	for i := range damagedIndexes {
		dir := copyOf(t, whole)
		bad := bytes.Clone(raw)
		what := "cut"
		switch at := random.IntN(len(bad)); i % 3 {
		case 0:
			bad = bad[:at]
		case 1:
			what = fmt.Sprintf("bit flipped at %d", at)
			bad[at] ^= 1 << random.IntN(8)
		case 2:
			what = fmt.Sprintf("page of %d zeroed", at)
			clear(bad[at&^4095 : at&^4095+4096])
		}
		if err := os.WriteFile(filepath.Join(dir, "crawl.db"), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := useAll(t.Context(), dir, run); err != nil {
			noticed++
			if !strings.Contains(err.Error(), dir) {
				t.Errorf("%s: the file is not named: %v", what, err)
			}
			if what == "cut" && !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	t.Logf("%d of %d were noticed", noticed, damagedIndexes)
	if noticed < damagedIndexes/6 { // some cuts and flips hit what is free
		t.Errorf("only %d of %d damaged files were noticed, and every third is cut", noticed, damagedIndexes)
	}
}

// useAll opens a store, reads and writes, and returns the first error or fault.
func useAll(ctx context.Context, dir string, run *Run) (err error) {
	b, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	report, err := b.Check(ctx)
	if err != nil {
		return err
	}
	if len(report.Faults) > 0 {
		return fmt.Errorf("%s: %s", dir, report.Faults[0])
	}
	if ok, err := b.Indexed(ctx, run.ID); err != nil {
		return err
	} else if !ok { // the mark was hit: whoever asks has the index made anew
		if err := b.IndexLinks(ctx, run.ID, Identity{Of: same}); err != nil {
			return err
		}
	}
	for p, err := range b.Pages(ctx, run.ID) {
		if err != nil {
			return err
		}
		if _, err := b.Links(ctx, p); err != nil {
			return err
		}
		for in, err := range b.Inlinks(ctx, run.ID, p.URL) {
			if err != nil {
				return err
			}
			for _, err := range in.Sources {
				if err != nil {
					return err
				}
			}
		}
	}
	p, links, x := testVisit(run.ID, 200)
	return b.Put(ctx, p, links, x)
}

// TestDamagedBodies changes one byte of a segment: Check says where, and says
// nothing of the bodies that are whole.
func TestDamagedBodies(t *testing.T) {
	dir := t.TempDir()
	b := openTest(t, dir)
	run := beginTest(t, b).ID
	pages := putTest(t, b, run, 0, 6)
	spoil := pages[2]
	f, err := os.OpenFile(b.bodies.path(1), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at := spoil.Record.Offset + spoil.Record.Length/2
	c := make([]byte, 1)
	if _, err := f.ReadAt(c, at); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{c[0] ^ 0x40}, at); err != nil {
		t.Fatal(err)
	}
	faults := faultsOf(t, b)
	where := fmt.Sprintf("record at %d", spoil.Record.Offset)
	if len(faults) == 0 || !strings.Contains(faults[0], b.bodies.path(1)) || !strings.Contains(faults[0], where) {
		t.Errorf("Check finds %q, want %s of %s", faults, where, b.bodies.path(1))
	}
	for _, f := range faults[1:] { // its page, and its entry among the bodies
		if !strings.Contains(f, fmt.Sprintf("byte %d", spoil.Record.Offset)) {
			t.Errorf("Check also finds %q", f)
		}
	}
	if len(faults) != 4 {
		t.Errorf("Check finds %q, want the record, and three pointers to it", faults)
	}
	if _, _, err := b.Body(t.Context(), spoil); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), b.bodies.path(1)) {
		t.Errorf("Body: %v", err)
	}
	for i := range pages {
		if i != 2 {
			wantVisit(t, b, run, i)
		}
	}
	if err := b.CopyRecords(t.Context(), io.Discard, run); err != nil {
		t.Errorf("what is damaged cannot be taken away: %v", err)
	}
}

// TestLostSegments loses whole files.
func TestLostSegments(t *testing.T) {
	whole := t.TempDir()
	b := openTest(t, whole)
	b.bodies.limit = 8 << 10
	run := beginTest(t, b).ID
	pages := putTest(t, b, run, 0, 30)
	last := b.bodies.end.Segment
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	lose := func(t *testing.T, n uint32) string {
		dir := copyOf(t, whole)
		if err := os.Remove(segmentPath(filepath.Join(dir, "bodies"), n)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	t.Run("the last", func(t *testing.T) {
		dir := lose(t, last)
		if _, err := Open(dir, Options{}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), segmentPath(filepath.Join(dir, "bodies"), last)) {
			t.Errorf("Open: %v", err)
		}
	})
	t.Run("the last, cut", func(t *testing.T) {
		dir := copyOf(t, whole)
		path := segmentPath(filepath.Join(dir, "bodies"), last)
		if err := os.Truncate(path, 100); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, Options{}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) {
			t.Errorf("Open: %v", err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() != 100 {
			t.Errorf("Open changed it: %v, %v", info, err)
		}
	})
	t.Run("an earlier one", func(t *testing.T) {
		b := openTest(t, lose(t, 2))
		faults := faultsOf(t, b)
		if len(faults) == 0 || !strings.Contains(faults[0], b.bodies.path(2)) {
			t.Errorf("Check finds %q", faults)
		}
		for i, p := range pages {
			if p.Payload.Segment == 0 || p.Payload.Segment == 2 || p.Record.Segment == 2 {
				continue
			}
			wantVisit(t, b, run, i)
		}
		putTest(t, b, run, 30, 40)
	})
}

// TestCheckFinds spoils one record of the index at a time.
func TestCheckFinds(t *testing.T) {
	spoil := func(bucket []byte, change func(b *bolt.Bucket) error) func(*bolt.Tx) error {
		return func(tx *bolt.Tx) error { return change(tx.Bucket(bucket)) }
	}
	drop := func(bucket []byte) func(*bolt.Tx) error {
		return spoil(bucket, func(b *bolt.Bucket) error { k, _ := b.Cursor().First(); return b.Delete(k) })
	}
	set := func(bucket []byte, value ...byte) func(*bolt.Tx) error {
		return spoil(bucket, func(b *bolt.Bucket) error { k, _ := b.Cursor().First(); return b.Put(k, value) })
	}
	page := func(change func(p *Page)) func(*bolt.Tx) error {
		return spoil(bucketPages, func(b *bolt.Bucket) error {
			k, v := b.Cursor().First()
			u, err := urlOf(k[runSize:])
			if err != nil {
				return err
			}
			p := &Page{URL: u}
			if err := decodePage(v, p); err != nil {
				return err
			}
			change(p)
			raw, err := encodePage(p)
			return errors.Join(err, b.Put(k, raw))
		})
	}
	for _, c := range []struct {
		name, want string
		spoil      func(*bolt.Tx) error
	}{
		{"links are gone", "links of https://a0.example/0", drop(bucketLinks)},
		{"links are another number", "has 7 links of 8", page(func(p *Page) { p.Links++ })},
		{"links are damaged", "damaged", set(bucketLinks, recordVersion, codingPlain, 0xfe, 0xff, 0xff, 0xff, 0x0f)},
		{"links are said to be many bytes", "damaged", set(bucketLinks, recordVersion, codingS2, 0xff, 0xff, 0xff, 0xff, 0x0f, 0)},
		{"links are of a later program", "version 02", set(bucketLinks, 2, codingPlain)},
		{"a template is gone", "is missing", drop(bucketTemplates)},
		{"a template is another", "template", set(bucketTemplates, recordVersion, codingPlain, 0)},
		{"an index has lost a target", "which are not the", drop(bucketInlinks)},
		{"an index has lost a holder", "holder 0 of part 0 is missing", drop(bucketHolders)},
		{"a holder has other pages", "which are not the", spoil(bucketHolders, func(b *bolt.Bucket) error {
			k, _ := b.Cursor().First()
			return b.Put(k, seal([]byte{3, 0, 0, 0}))
		})},
		{"a holder has fewer pages", "holder 0", spoil(bucketHolders, func(b *bolt.Bucket) error {
			k, _ := b.Cursor().First()
			return b.Put(k, seal([]byte{3, 0, 0}))
		})},
		{"an index does not find a page", "does not find page 0", set(bucketNumbers, 'x')},
		{"marks are of other pages", "by status is not what they have", spoil(bucketMarks, func(b *bolt.Bucket) error {
			c := b.Cursor()
			c.First()
			k, _ := c.Next()
			return b.Put(bytes.Clone(k), seal([]byte{0}))
		})},
		{"a mark is gone", "has 4 entries of 5", spoil(bucketMarks, func(b *bolt.Bucket) error {
			c := b.Cursor()
			c.First()
			k, _ := c.Next()
			return b.Delete(bytes.Clone(k))
		})},
		{"links to pages are counted wrong", "are not counted as the index has them", spoil(bucketCounts, func(b *bolt.Bucket) error {
			c := b.Cursor()
			c.First()
			k, _ := c.Next()
			return b.Put(bytes.Clone(k), seal([]byte{77, 0}))
		})},
		{"an index is filed under another part", "cannot be read", spoil(bucketInlinks, func(b *bolt.Bucket) error {
			k, v := b.Cursor().First()
			return b.Put(append([]byte{0, 0, 0, 1, 0, 0, 0, 9}, k[8:]...), v)
		})},
		{"an index counts wrong", "it counts", spoil(bucketInlinks, func(b *bolt.Bucket) error {
			k, v := b.Cursor().First()
			plain, err := unseal(v)
			plain[0]++
			return errors.Join(err, b.Put(bytes.Clone(k), seal(plain)))
		})},
		{"an index is of other links", "which are not the", spoil(bucketInlinks, func(b *bolt.Bucket) error {
			k, v := b.Cursor().First()
			plain, err := unseal(v)
			plain[2] ^= flagNoFollow
			return errors.Join(err, b.Put(bytes.Clone(k), seal(plain)))
		})},
		{"an index is damaged", "damaged", set(bucketIndexed, recordVersion, 0xdf, 0xff, 0xff, 0xff, 0xff)},
		{"a page points nowhere", "a record that is not there", page(func(p *Page) { p.Record.Offset++ })},
		{"a page points behind the end", "a record that is not there", page(func(p *Page) { p.Record.Offset = 1 << 40 })},
		{"a page points at no file", "a record that is not there", page(func(p *Page) { p.Record.Segment = 9 })},
		{"a page points at another length", "a record that is not there", page(func(p *Page) { p.Record.Length-- })},
		{"a page points at its request", "something else", page(func(p *Page) { p.Record = p.Request })},
		{"a payload is a request", "something else", page(func(p *Page) { p.Payload = p.Request })},
		{"a payload is of another URL", "something else", page(func(p *Page) { p.PayloadURL += "x" })},
		{"a page is of a later program", "version 03", set(bucketPages, 3)},
		{"a page has more in its head", "damaged", set(bucketPages, pageVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)},
		{"a page is empty", "damaged", set(bucketPages)},
		{"a page is gone", "is missing", drop(bucketPages)},
		{"a last visit is no record", "record of the last visits is damaged", set(bucketLatest, 1, 2, 3)},
		{"a body has another digest", "another one is there", spoil(bucketBodies, func(b *bolt.Bucket) error {
			c := b.Cursor()
			k1, _ := c.First()
			_, v2 := c.Next()
			return b.Put(bytes.Clone(k1), bytes.Clone(v2))
		})},
		{"a body is nowhere", "is not there", spoil(bucketBodies, func(b *bolt.Bucket) error {
			raw, err := encode(&Place{})
			k, _ := b.Cursor().First()
			return errors.Join(err, b.Put(bytes.Clone(k), raw))
		})},
		{"a body is damaged", "damaged", set(bucketBodies, recordVersion, 0xff)},
		{"a run is not listed", "listed under their sites", drop(bucketSites)},
		{"a listed run is not there", "is listed as", drop(bucketRuns)},
		{"a run is damaged", "damaged", set(bucketRuns, recordVersion, 0xdf, 0xff, 0xff, 0xff, 0xff)},
		{"a host is gone", "what run", drop(bucketHosts)},
		{"robots.txt is damaged", "damaged", set(bucketRobots, 0)},
		{"a skip has no URL", "key is damaged", spoil(bucketSkipped, func(b *bolt.Bucket) error { return b.Put([]byte("\x00\x00\x00\x01nonsense"), []byte{1}) })},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			b := openTest(t, dir)
			furnish(t, b)
			wantSound(t, b)
			if err := b.db.Commit(t.Context(), &write{after: c.spoil}); err != nil {
				t.Fatal(err)
			}
			faults := strings.Join(faultsOf(t, b), "\n")
			if !strings.Contains(faults, c.want) {
				t.Errorf("Check finds %q, want %q", faults, c.want)
			}
		})
	}
}

// furnish puts something of everything.
func furnish(t *testing.T, b *Bolt) {
	t.Helper()
	run := beginTest(t, b)
	putTest(t, b, run.ID, 0, 3)
	_, _, x := testVisit(run.ID, 10)
	err := errors.Join(
		b.PutHosts(t.Context(), run.ID, []Host{{Origin: "https://a0.example"}}),
		b.PutRobots(t.Context(), &Robots{Run: run.ID, Origin: "https://a0.example", URL: "https://a0.example/robots.txt"}, x),
		b.PutSkips(t.Context(), run.ID, []Skip{{URL: mustParse("https://b.example/"), Reason: "scope"}}))
	if err != nil {
		t.Fatal(err)
	}
	putMenus(t, b, run.ID, 5)
}

// putMenus puts pages that share a template, and indexes links.
func putMenus(t *testing.T, b *Bolt, run RunID, n int) {
	t.Helper()
	for i := range n {
		p := &Page{URL: mustParse(fmt.Sprintf("https://m.example/%d", i)), Run: run, Status: 200}
		links := []Link{{Target: fmt.Sprintf("https://m.example/%d", i*i%n), Text: "own"}}
		for j := range 8 {
			links = append(links, Link{Target: fmt.Sprintf("https://m.example/%d", j), Text: fmt.Sprintf("Topic %d", j), Place: "nav"})
		}
		if err := b.Put(t.Context(), p, links, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.IndexLinks(t.Context(), run, Identity{Of: same}); err != nil {
		t.Fatal(err)
	}
}

func TestFaultsAreLimited(t *testing.T) {
	c := &check{}
	for range 10 * maxFaults {
		c.fault("x")
	}
	if n := len(c.report.Faults); n != maxFaults {
		t.Errorf("%d faults are named", n)
	}
}
