package frontier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	c := newSeenCache(1)
	var together []digest // URLs of one part, which is one set
	first, _ := c.find(digestOf("0"))
	for i := 0; len(together) < 7+setSlots; i++ {
		d := digestOf(fmt.Sprint(i))
		if p, _ := c.find(d); p == first {
			together = append(together, d)
		}
	}
	key := func(n int) digest { return together[n] }
	others := together[7 : 7+setSlots-4]
	for _, d := range others { // fill most of the set
		c.add(d, 0)
	}
	c.add(key(1), 5)
	c.add(key(2), 6)
	c.add(key(5), 70_000)
	for _, q := range []struct {
		digest digest
		depth  int
		want   bool
	}{
		{key(1), 5, true},
		{key(1), 6, true},
		{key(1), 4, false},
		{key(2), 6, true},
		{key(3), 9, false},
		{digestOf("-"), 9, false},
		{key(5), NoDepth, true},
		{key(5), 69_999, false},
		{digest{}, NoDepth, false},
	} {
		if got := c.knows(q.digest, q.depth); got != q.want {
			t.Errorf("knows %x at %d: %t", q.digest, q.depth, got)
		}
	}
	c.add(key(4), NoDepth)
	for _, d := range others {
		c.knows(d, 0)
	}
	c.add(key(2), 3) // the same, nearer: nothing is pushed out
	c.add(key(1), NoDepth+7)
	c.knows(key(4), 0)
	c.knows(key(2), 0)
	c.add(key(3), 1) // the one met longest ago is
	if !c.knows(key(3), 1) || !c.knows(key(1), NoDepth) || !c.knows(key(2), 3) || c.knows(key(5), NoDepth) {
		t.Error("the wrong one was forgotten")
	}
	c.drop(key(5))
	c.drop(key(2))
	if c.knows(key(2), NoDepth) || !c.knows(key(3), 1) || !c.knows(key(4), NoDepth) || first.used != setSlots-1 {
		t.Errorf("one was to be forgotten, %d slots are in use", first.used)
	}
	for _, d := range others {
		if !c.knows(d, 0) {
			t.Errorf("%x was forgotten with another", d)
		}
	}
}

// TestSeenCacheGrows to its bound, and remembers while it does.
func TestSeenCacheGrows(t *testing.T) {
	const room = 20_000 / setSlots * setBytes
	c := newSeenCache(room)
	name := func(i int) digest { return digestOf(fmt.Sprint(i)) }
	for i := range 10_000 {
		c.add(name(i), i%(farDepth-1))
	}
	known := 0
	for i := range 10_000 {
		if c.knows(name(i), i%(farDepth-1)) {
			known++
		}
		if i%(farDepth-1) > 0 && c.knows(name(i), i%(farDepth-1)-1) {
			t.Fatalf("%d is remembered too near", i)
		}
	}
	if known < 9_900 {
		t.Errorf("of 10,000 in 20,000 slots %d are remembered", known)
	}
	for i := range 100_000 {
		c.add(name(i), i)
	}
	sets, used := 0, 0
	for i := range c.parts {
		sets, used = sets+len(c.parts[i].sets), used+c.parts[i].used
	}
	if sets*setBytes > room || used > sets*setSlots || used < sets*setSlots*9/10 {
		t.Errorf("%d sets, %d slots in use", sets, used)
	}
}

// TestSeenCacheLearns what the seen-set says of URLs that a link is no news of.
func TestSeenCacheLearns(t *testing.T) {
	c, d := newSeenCache(1<<20), digestOf("x")
	own, foreign := makeKey(3, d), makeKey(strangers, d)
	for _, step := range []struct {
		key   seenKey
		value seenValue
		knows bool
	}{
		{own, seenValue{state: stateSkipped, depth: 2}, false},
		{own, seenValue{state: stateQueued, depth: 2}, true},
		{foreign, seenValue{state: stateGone}, true},
		{own, seenValue{state: stateDone, depth: 3}, false},
		{own, seenValue{state: stateKept, depth: 1}, true},
		{own, seenValue{state: stateGone}, false},
		{own, seenValue{state: stateFailed, depth: 1}, true},
		{own, seenValue{state: stateChecked, depth: 1}, false},
		{foreign, seenValue{state: stateSkipped, depth: 1}, false},
	} {
		if c.learn(step.key, step.value); c.knows(d, 2) != step.knows {
			t.Errorf("of %+v it is said that it is known: %t", step.value, !step.knows)
		}
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
	l := Link{URL: u, From: u, Depth: 3, Hops: 2, Rank: 7, Kind: Sitemap, For: "http://a.test", Changed: time.Unix(58, 0)}
	rec := l.record(4)
	raw, err := rec.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(queueKey(1, readyPlace(l, 5)), raw)
	f.Fuzz(func(t *testing.T, k, v []byte) {
		e, err := readEntry("http://a.test", k, v)
		if err != nil {
			return
		}
		rec := e.link.record(e.try)
		raw, err := rec.encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := readEntry("http://a.test", k, raw); err != nil || again != e {
			t.Errorf("%+v was written and reads as %+v: %v", e, again, err)
		}
	})
}

// TestDamagedAddress: an address that the queue cannot have written is no URL, lest
// its bytes come into a request, the store or a terminal.
func TestDamagedAddress(t *testing.T) {
	place := readyPlace(Link{}, 5)
	for _, text := range []string{"/x\r\nHost: b.test", "/x y", "/\x1b[2J", "/\xff", "/" + strings.Repeat("x", weburl.MaxLength), "x"} {
		for name, rec := range map[string]linkRecord{"URL": {URL: text}, "From": {URL: "/", From: text}, "Ask": {URL: "/", Ask: text}} {
			raw, err := rec.encode()
			if err != nil {
				t.Fatal(err)
			}
			e, err := readEntry("http://a.test", queueKey(1, place), raw)
			if err == nil || !strings.Contains(err.Error(), "damaged record") {
				t.Errorf("%s %q is read as %+v, error %v", name, text, e.link, err)
			}
		}
	}
}

// aRun makes the file of a run with URLs in every state.
func aRun(t *testing.T, dir string) (path string) {
	t.Helper()
	f := NewBolt(dir)
	free := Config{Manners: func(string) Manners { return Manners{Rate: 1e9, PerHost: 9, NoRobots: true} }, CacheBytes: 1} // so it has layers
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

// TestKnownSinceOpening: what is known of all wanted URLs is remembered when a run is
// open, and of no others.
func TestKnownSinceOpening(t *testing.T) {
	dir := t.TempDir()
	aRun(t, dir)
	f := NewBolt(dir)
	if err := f.Open(t.Context(), "run", Config{}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	r := f.runs["run"]
	if len(r.seen.layers) < 2 {
		t.Fatalf("%d layers", len(r.seen.layers))
	}
	wanted := 0
	if err := r.db.View(func(tx *bolt.Tx) error {
		return seenURLs(tx, func(k seenKey, v seenValue) error {
			if knows := r.cache.knows(k.digest(), int(v.depth)); knows != v.wanted() {
				t.Errorf("that %+v is known is remembered: %t", v, knows)
			}
			if v.wanted() {
				wanted++
			}
			return nil
		})
	}); err != nil || wanted < 300 || wanted == 400 {
		t.Errorf("%d of 400 are wanted, error %v", wanted, err)
	}
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

// TestAnEarlierLayoutIsRead: the seen-set was a tree.
func TestAnEarlierLayoutIsRead(t *testing.T) {
	dir := t.TempDir()
	tamper(t, aRun(t, dir), func(tx *bolt.Tx) error {
		tree, err := tx.CreateBucket(bucketTree)
		if err != nil {
			return err
		}
		recent, n := map[seenKey]seenValue{}, 0
		err = seenURLs(tx, func(k seenKey, v seenValue) error {
			if n++; n%3 > 0 {
				return tree.Put(k[:], v.append(nil))
			}
			recent[k] = v
			return nil
		})
		layers, fault := readLayers(tx.Bucket(bucketMeta).Get(keyLayers))
		err = errors.Join(err, fault)
		if len(layers) < 2 || len(recent) < 100 {
			t.Errorf("%d layers, %d URLs", len(layers), len(recent))
		}
		for _, l := range layers {
			err = errors.Join(err, tx.DeleteBucket(l.name()))
		}
		blocks, meta := tx.Bucket(bucketRecent), tx.Bucket(bucketMeta)
		return errors.Join(err, dropBlocks(blocks), writeBlocks(blocks, recent), meta.Delete(keyLayers), meta.Put(keyVersion, []byte{treeVersion}))
	})
	for range 2 { // it is converted, and read again
		if err := useRun(t, dir); err != nil {
			t.Error(err)
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

// changeSeen changes what is known of one URL.
func changeSeen(tx *bolt.Tx, v seenValue) error {
	seen, marks := newSeenSet(1), map[seenKey]seenValue{}
	err := errors.Join(seen.load(tx, unheard), seenURLs(tx, func(k seenKey, _ seenValue) error {
		clear(marks)
		marks[k] = v
		return nil
	}))
	if err == nil {
		_, err = seen.write(tx, marks)
	}
	return err
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
		{"a URL less in the seen-set", func(tx *bolt.Tx) error { return changeSeen(tx, seenValue{}) }, "kept as"},
		{"a reason less", func(tx *bolt.Tx) error { b := tx.Bucket(bucketSkipped); return b.Delete(last(b)) }, "no reason"},
		{"a URL in a state unknown", func(tx *bolt.Tx) error { return changeSeen(tx, seenValue{state: 77, depth: 1}) }, "unknown state"},
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
