package frontier

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crawl/internal/kv"
	"crawl/internal/weburl"

	bolt "go.etcd.io/bbolt"
)

func TestPlacesSort(t *testing.T) {
	at := time.Unix(1e9, 0)
	sorted := []place{
		readyPlace(Link{Kind: Robots, Rank: 9}, 1), readyPlace(Link{Kind: Reread}, 2),
		readyPlace(Link{}, 3), readyPlace(Link{}, 4), readyPlace(Link{Rank: 1, Kind: Sitemap}, 1), readyPlace(Link{Rank: 1<<32 - 1}, 0),
		laterPlace(time.Unix(-5, 0), 1), laterPlace(at, 1), laterPlace(at, 2), laterPlace(at.Add(1), 0),
	}
	for i := 1; i < len(sorted); i++ {
		if bytes.Compare(sorted[i-1][:], sorted[i][:]) >= 0 {
			t.Errorf("%x is not before %x", sorted[i-1], sorted[i])
		}
	}
	if p := sorted[8]; !p.later() || p.first() || p.nanos() != at.UnixNano() || p.seq() != 2 {
		t.Errorf("%x reads back as %d, %d", p, p.nanos(), p.seq())
	}
}

func TestSeenCache(t *testing.T) {
	c := newSeenCache(128 * slotBytes)
	if len(c.slots) != 128 {
		t.Fatalf("%d slots", len(c.slots))
	}
	key := func(bucket, n byte) (k seenKey) { k[11], k[19] = bucket, n; return k }
	c.add(key(1, 1), 5)
	c.add(key(1, 2), 6)
	for _, q := range []struct {
		key   seenKey
		depth int
		want  bool
	}{
		{key(1, 1), 5, true},
		{key(1, 1), 6, true},
		{key(1, 1), 4, false},
		{key(1, 2), 6, true},
		{key(1, 3), 9, false},
		{key(2, 1), 9, false},
		{seenKey{}, NoDepth, false},
	} {
		if got := c.knows(q.key, q.depth); got != q.want {
			t.Errorf("knows %x at %d: %t", q.key, q.depth, got)
		}
	}
	c.add(key(1, 2), 3) // the same, nearer: nothing is pushed out
	c.add(key(1, 1), NoDepth+7)
	c.add(key(1, 3), 1) // the older one is
	if !c.knows(key(1, 3), 1) || !c.knows(key(1, 1), NoDepth) || c.knows(key(1, 2), NoDepth) {
		t.Error("the wrong one was forgotten")
	}
}

func FuzzReadSeen(f *testing.F) {
	f.Add([]byte{1, 5})
	f.Add(seenValue{state: stateQueued, depth: NoDepth, place: readyPlace(Link{Rank: 3}, 9)}.append(nil))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := readSeen(raw)
		if err != nil {
			return
		}
		again, err := readSeen(v.append(nil))
		if err != nil || again != v {
			t.Errorf("%x reads as %+v, and that as %+v: %v", raw, v, again, err)
		}
	})
}

// FuzzReadEntry: whatever lies in the queue is read, or an error.
func FuzzReadEntry(f *testing.F) {
	u, err := weburl.Parse("http://a.test/x")
	if err != nil {
		f.Fatal(err)
	}
	l := Link{URL: u, From: u, Depth: 3, Hops: 2, Rank: 7, Kind: Sitemap, For: "http://a.test"}
	rec := l.record(4)
	raw, err := rec.MarshalMsg(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(queueKey(1, readyPlace(l, 5)), raw)
	f.Fuzz(func(t *testing.T, k, v []byte) {
		e, err := readEntry(k, v)
		if err != nil {
			return
		}
		rec := e.link.record(e.try)
		raw, err := rec.MarshalMsg(nil)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := readEntry(k, raw); err != nil || again != e {
			t.Errorf("%+v was written and reads as %+v: %v", e, again, err)
		}
	})
}

// aRun makes the file of a run with URLs in every state.
func aRun(t *testing.T, dir string) (path string) {
	t.Helper()
	f := NewBolt(dir)
	free := Config{Manners: func(string) Manners { return Manners{Rate: 1e9, PerHost: 9, NoRobots: true} }}
	if err := f.Open(t.Context(), "run", free); err != nil {
		t.Fatal(err)
	}
	var links []Link
	for i := range 400 {
		u, err := weburl.Parse("http://a.test/" + strings.Repeat("x", i))
		if err != nil {
			t.Fatal(err)
		}
		l := Link{URL: u, From: u}
		if i%5 == 0 {
			l.Refused = "scope"
		}
		links = append(links, l)
	}
	if _, err := f.Add(t.Context(), "run", links...); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		l, err := f.Next(t.Context(), "run")
		if err != nil {
			t.Fatal(err)
		}
		o := Outcome{End: End(i % 3), Reason: "x"}
		if i%4 == 0 {
			o.Again = time.Now().Add(time.Hour)
		}
		if err := f.Done(t.Context(), l, o); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f.path("run")
}

func TestAnotherLayoutIsRefused(t *testing.T) {
	dir := t.TempDir()
	path := aRun(t, dir)
	for _, version := range [][]byte{{layoutVersion + 1}, {}, {layoutVersion, 0}} {
		tamper(t, path, func(tx *bolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyVersion, version) })
		err := NewBolt(dir).Open(t.Context(), "run", Config{})
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "layout") {
			t.Errorf("version %v: %v", version, err)
		}
	}
}

func tamper(t *testing.T, path string, fn func(*bolt.Tx) error) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(fn), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestCheckFindsFaults: every way in which the parts of a run may disagree.
func TestCheckFindsFaults(t *testing.T) {
	last := func(b *bolt.Bucket) []byte { k, _ := b.Cursor().Last(); return bytes.Clone(k) }
	for _, c := range []struct {
		name string
		fn   func(*bolt.Tx) error
		want string
	}{
		{"nothing", func(*bolt.Tx) error { return nil }, ""},
		{"a URL less in the queue", func(tx *bolt.Tx) error { b := tx.Bucket(bucketQueue); return b.Delete(last(b)) }, "not in the queue"},
		{"a URL less in the seen-set", func(tx *bolt.Tx) error { b := tx.Bucket(bucketSeen); return b.Delete(last(b)) }, "kept as"},
		{"a reason less", func(tx *bolt.Tx) error { b := tx.Bucket(bucketSkipped); return b.Delete(last(b)) }, "no reason"},
		{"a URL in a state unknown", func(tx *bolt.Tx) error { b := tx.Bucket(bucketSeen); return b.Put(last(b), []byte{77, 1}) }, "unknown state"},
		{"other counts", func(tx *bolt.Tx) error {
			raw, err := (&countsRecord{Found: 1}).MarshalMsg(nil)
			return errors.Join(err, tx.Bucket(bucketMeta).Put(keyCounts, raw))
		}, "kept as"},
	} {
		dir := t.TempDir()
		path := aRun(t, dir)
		tamper(t, path, c.fn)
		f := NewBolt(dir)
		if err := f.Open(t.Context(), "run", Config{}); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		faults, err := f.Check(t.Context(), "run")
		all := strings.Join(faults, "\n")
		if err != nil || (c.want == "") != (all == "") || !strings.Contains(all, c.want) || all != "" && !strings.Contains(all, path) {
			t.Errorf("%s: %v\n%s", c.name, err, all)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestDamagedRun: bytes flipped anywhere end in an error that names the file,
// in faults, or in nothing; never in a panic, and never in waiting for ever.
func TestDamagedRun(t *testing.T) {
	path := aRun(t, t.TempDir())
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	random, met := rand.New(rand.NewPCG(seed, 0)), 0
	for range 150 {
		dir := t.TempDir()
		damaged, at := bytes.Clone(raw), random.IntN(len(raw))
		for n := at; n < min(at+1+random.IntN(20), len(raw)); n++ {
			damaged[n] = byte(random.IntN(256))
		}
		path := filepath.Join(dir, "run", "frontier.db")
		if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), os.WriteFile(path, damaged, 0o600)); err != nil {
			t.Fatal(err)
		}
		if err := useRun(t, dir); err != nil {
			met++
			if !strings.Contains(err.Error(), path) || errors.Is(err, kv.ErrLocked) {
				t.Errorf("seed %d, byte %d: %v", seed, at, err)
			}
		}
	}
	t.Logf("%d of 150 were met", met)
}

func useRun(t *testing.T, dir string) error {
	f := NewBolt(dir)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := f.Open(t.Context(), "run", Config{Manners: func(string) Manners { return Manners{Rate: 1e9, NoRobots: true} }}); err != nil {
		return err
	}
	faults, err := f.Check(t.Context(), "run")
	if err == nil && len(faults) > 0 {
		err = errors.New(faults[0])
	}
	for range 20 {
		if err != nil {
			break
		}
		var l Lease
		if l, err = f.Next(ctx, "run"); err == nil {
			err = f.Done(t.Context(), l, Outcome{})
		}
	}
	if errors.Is(err, ErrDrained) || errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// TestCacheBytes sees that Config.CacheBytes is what a run's memory of URLs gets.
func TestCacheBytes(t *testing.T) {
	for bytes, want := range map[int][2]int{0: {1 << 18, windowSize}, 300_000: {1 << 11, windowSize}, 30_000: {256, 39}} {
		f := NewBolt(t.TempDir())
		if err := f.Open(t.Context(), "run", Config{CacheBytes: bytes}); err != nil {
			t.Fatal(err)
		}
		r := f.runs["run"]
		if got := [2]int{len(r.cache.slots), r.windowSize()}; got != want {
			t.Errorf("of %d bytes: %d known URLs and %d queued ones, want %d", bytes, got[0], got[1], want)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
