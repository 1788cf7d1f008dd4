package frontier

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// TestSeenSet holds the seen-set, in memory and on disk, against a map, through
// random marks, deletions, failed transactions and restarts.
func TestSeenSet(t *testing.T) {
	seed, merged := uint64(time.Now().UnixNano()), 0
	for i := range uint64(8) {
		m := &seenModel{t: t, random: rand.New(rand.NewPCG(seed, i)), all: map[seenKey]seenValue{}, seen: newSeenSet(1)}
		db, err := bolt.Open(filepath.Join(t.TempDir(), "x.db"), 0o600, &bolt.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		m.db = db
		for range 150 {
			m.transaction()
			m.compare()
			if m.random.IntN(10) == 0 {
				m.restart()
			}
			if t.Failed() {
				t.Fatalf("seed %d, %d", seed, i)
			}
		}
		merged += m.merged
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if merged < 50 {
		t.Errorf("seed %d: a merge was met half way %d times", seed, merged)
	}
}

type seenModel struct {
	t      *testing.T
	random *rand.Rand
	db     *bolt.DB
	seen   *seenSet
	all    map[seenKey]seenValue
	merged int // a layer that another takes in was met
}

func (m *seenModel) key() seenKey {
	k := seenKey{3: byte(m.random.IntN(3))}
	n := m.random.IntN(2000)
	k[18], k[19] = byte(n>>8), byte(n)
	k[4], k[12] = byte(n*7), byte(n*31) // as a digest, all bits of which are alike
	return k
}

func (m *seenModel) transaction() {
	marks := map[seenKey]seenValue{}
	for range m.random.IntN(60) {
		v := seenValue{state: state(m.random.IntN(6)), depth: int32(m.random.IntN(NoDepth))}
		if v.placed() {
			v.place = readyPlace(Link{Rank: m.random.Uint32()}, m.random.Uint64())
		}
		if v.state == stateGone {
			v = seenValue{}
		}
		marks[m.key()] = v
	}
	undone := errors.New("undone")
	var settle func()
	err := m.db.Update(func(tx *bolt.Tx) (err error) {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		settle, err = m.seen.write(tx, marks)
		if err == nil && m.random.IntN(5) == 0 {
			err = undone
		}
		return err
	})
	if errors.Is(err, undone) {
		return
	}
	if err != nil {
		m.t.Fatal(err)
	}
	settle()
	maps.Copy(m.all, marks)
	maps.DeleteFunc(m.all, func(_ seenKey, v seenValue) bool { return v.state == stateGone })
}

func (m *seenModel) compare() {
	if n := len(m.seen.fresh); n > m.seen.most {
		m.t.Errorf("%d are held in memory, %d should be", n, m.seen.most)
	}
	if !ordered(m.seen.layers) {
		m.t.Errorf("layers are in no order: %v", appendLayers(nil, m.seen.layers))
	}
	levels := map[uint8]int{}
	for _, l := range m.seen.layers {
		if levels[l.level]++; l.into != 0 {
			m.merged++
		}
		if len(l.filter) < len(newFilter(l.count)) {
			m.t.Errorf("%d URLs have a filter of %d lines", l.count, len(l.filter))
		}
	}
	for level, n := range levels {
		if n > 3*layersALike {
			m.t.Errorf("%d layers are of level %d", n, level)
		}
	}
	if err := m.db.View(func(tx *bolt.Tx) error {
		if tx.Bucket(bucketMeta) == nil {
			return nil
		}
		m.tidy(tx)
		onDisk := map[seenKey]seenValue{}
		err := seenURLs(tx, func(k seenKey, v seenValue) error {
			onDisk[k] = v
			return nil
		})
		if !maps.Equal(onDisk, m.all) {
			m.t.Errorf("%d are on disk, of %d, or others", len(onDisk), len(m.all))
		}
		view := newSeenView(tx, m.seen.layers)
		for range 200 {
			k := m.key()
			v, recent := m.seen.fresh[k]
			if !recent && err == nil {
				v, _, err = view.look(&k)
			}
			if v != m.all[k] {
				m.t.Errorf("%x is %+v, want %+v", k, v, m.all[k])
			}
		}
		return err
	}); err != nil {
		m.t.Fatal(err)
	}
}

// tidy: nothing is left of what was merged, and the oldest layer keeps nothing of
// what is gone.
func (m *seenModel) tidy(tx *bolt.Tx) {
	buckets := 0
	if err := tx.ForEach(func(name []byte, _ *bolt.Bucket) error {
		if bytes.HasPrefix(name, layerPrefix) {
			buckets++
		}
		return nil
	}); err != nil {
		m.t.Error(err)
	}
	if buckets != len(m.seen.layers) {
		m.t.Errorf("%d layers are in %d buckets", len(m.seen.layers), buckets)
	}
	for i, l := range m.seen.layers {
		r, err := readLayer(tx, l, nil)
		if err != nil {
			m.t.Fatal(err)
		}
		if number, _ := r.cursor.First(); !bytes.Equal(number, blockKey(l.base+l.gone)) {
			m.t.Errorf("block %x of layer %d is left, %d are gone", number, l.id, l.gone)
		}
		for i == len(m.seen.layers)-1 {
			e, ok, err := r.next()
			if err != nil || !ok {
				break
			}
			if len(e.value) == 0 {
				m.t.Errorf("%x is gone, and in the oldest layer", e.key)
			}
		}
	}
}

func (m *seenModel) restart() {
	m.seen = newSeenSet(1)
	heard := map[seenKey]seenValue{}
	if err := m.db.View(func(tx *bolt.Tx) error {
		if tx.Bucket(bucketMeta) == nil {
			return nil
		}
		return m.seen.load(tx, func(k seenKey, v seenValue) { heard[k] = v })
	}); err != nil {
		m.t.Fatal(err)
	}
	maps.DeleteFunc(heard, func(_ seenKey, v seenValue) bool { return v.state == stateGone })
	if !maps.Equal(heard, m.all) {
		m.t.Errorf("of %d URLs %d were heard, or others", len(m.all), len(heard))
	}
}

// TestDamagedListOfLayers: a list that no merge leaves is refused, or the next
// merge would lose what it builds on.
func TestDamagedListOfLayers(t *testing.T) {
	type list [][4]uint64 // number, level, URLs, the one that takes it in
	for _, tt := range []struct {
		name string
		list list
		good bool
	}{
		{"nothing", list{}, true},
		{"layers", list{{3, 0, 1, 0}, {2, 0, 1, 0}, {1, 5, 1, 0}}, true},
		{"two merges", list{{9, 0, 1, 0}, {8, 1, 1, 0}, {7, 0, 1, 8}, {6, 0, 1, 8}, {4, 1, 1, 0}, {5, 2, 1, 0}, {3, 1, 1, 5}, {2, 1, 1, 5}, {1, 2, 1, 0}}, true},
		{"one number twice", list{{1, 0, 1, 0}, {1, 0, 1, 0}}, false},
		{"no number", list{{0, 0, 1, 0}}, false},
		{"a number too large", list{{1 << 32, 0, 1, 0}}, false},
		{"a level too high", list{{2, 256, 1, 0}}, false},
		{"a level between others", list{{3, 0, 1, 0}, {2, 1, 1, 0}, {1, 0, 1, 0}}, false},
		{"one that takes itself in", list{{1, 0, 1, 1}}, false},
		{"one that nothing takes in", list{{2, 0, 1, 3}, {1, 0, 1, 0}}, false},
		{"one before that which takes it in", list{{2, 0, 1, 3}, {3, 1, 1, 0}, {1, 0, 1, 3}}, false},
		{"one between those that are taken in", list{{4, 1, 1, 0}, {3, 0, 1, 4}, {2, 1, 1, 0}, {1, 0, 1, 4}}, false},
		{"one left out", list{{3, 1, 1, 0}, {2, 0, 1, 3}, {1, 0, 1, 0}}, false},
		{"one taken in by its own level", list{{2, 1, 1, 0}, {1, 1, 1, 2}}, false},
		{"two that take each other in", list{{2, 1, 1, 1}, {1, 0, 1, 2}}, false},
	} {
		var raw []byte
		for _, fields := range tt.list {
			for _, field := range fields {
				raw = binary.AppendUvarint(raw, field)
			}
		}
		if layers, err := readLayers(raw); (err == nil) != tt.good || tt.good && len(layers) != len(tt.list) {
			t.Errorf("%s: %d layers, %v", tt.name, len(layers), err)
		}
	}
}

// TestALossIsHeard: what Done promised is lost, and whoever waits in Next, or
// comes later, is told.
func TestALossIsHeard(t *testing.T) {
	f := NewBolt(t.TempDir())
	if err := f.Open(t.Context(), "run", Config{Manners: func(string) Manners { return Manners{NoRobots: true} }}); err != nil {
		t.Fatal(err)
	}
	link, err := robotsLink("http://a.test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Add(t.Context(), "run", Link{URL: link.URL}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Next(t.Context(), "run"); err != nil {
		t.Fatal(err)
	}
	waiting, full := make(chan error), errors.New("the disk is full")
	go func() {
		_, err := f.Next(t.Context(), "run")
		waiting <- err
	}()
	f.runs["run"].fail(full)
	if err := <-waiting; !errors.Is(err, full) {
		t.Errorf("Next: %v", err)
	}
	if _, err := f.Next(t.Context(), "run"); !errors.Is(err, full) {
		t.Errorf("Next: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
