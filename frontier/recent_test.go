package frontier

import (
	"errors"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// TestRecent holds the seen-set, in memory and on disk, against a map, through
// random marks, deletions, failed transactions and restarts.
func TestRecent(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	for i := range uint64(20) {
		m := &seenModel{t: t, random: rand.New(rand.NewPCG(seed, i)), all: map[seenKey]seenValue{}, recent: newRecent(1)}
		db, err := bolt.Open(filepath.Join(t.TempDir(), "x.db"), 0o600, &bolt.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		m.db = db
		for range 100 {
			m.transaction()
			m.compare()
			if m.random.IntN(10) == 0 {
				m.restart()
			}
			if t.Failed() {
				t.Fatalf("seed %d, %d", seed, i)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

type seenModel struct {
	t      *testing.T
	random *rand.Rand
	db     *bolt.DB
	recent *recent
	all    map[seenKey]seenValue
}

func (m *seenModel) transaction() {
	marks := map[seenKey]seenValue{}
	for range m.random.IntN(40) {
		k := seenKey{3: byte(m.random.IntN(3)), 19: byte(m.random.IntN(100))}
		v := seenValue{state: state(m.random.IntN(6)), depth: int32(m.random.IntN(NoDepth))}
		if v.placed() {
			v.place = readyPlace(Link{Rank: m.random.Uint32()}, m.random.Uint64())
		}
		if v.state == stateGone {
			v = seenValue{}
		}
		marks[k] = v
	}
	undone := errors.New("undone")
	var id uint64
	var moved int
	err := m.db.Update(func(tx *bolt.Tx) (err error) {
		seen, _ := tx.CreateBucketIfNotExists(bucketSeen)
		blocks, _ := tx.CreateBucketIfNotExists(bucketRecent)
		id = uint64(tx.ID())
		err = writeBlocks(blocks, id, marks)
		if err == nil {
			moved, err = m.recent.move(blocks, seen, len(marks))
		}
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
	m.recent.take(id, marks, moved)
	maps.Copy(m.all, marks)
	maps.DeleteFunc(m.all, func(_ seenKey, v seenValue) bool { return v.state == stateGone })
}

func (m *seenModel) compare() {
	if n := len(m.recent.fresh); n > 2*m.recent.most+40 {
		m.t.Errorf("%d are held in memory, %d should be", n, m.recent.most)
	}
	if err := m.db.View(func(tx *bolt.Tx) error {
		if tx.Bucket(bucketSeen) == nil {
			return nil
		}
		onDisk := map[seenKey]seenValue{}
		err := seenURLs(tx, func(k []byte, v seenValue) error {
			onDisk[seenKey(k)] = v
			return nil
		})
		if !maps.Equal(onDisk, m.all) {
			m.t.Errorf("%d are on disk, of %d, or others", len(onDisk), len(m.all))
		}
		for host := range byte(3) {
			for n := range byte(100) {
				k := seenKey{3: host, 19: n}
				v, known := m.recent.look(k)
				if raw := tx.Bucket(bucketSeen).Get(k[:]); !known && raw != nil {
					if v, err = readSeen(raw); err != nil {
						return err
					}
				}
				if v != m.all[k] {
					m.t.Errorf("%x is %+v, want %+v", k, v, m.all[k])
				}
			}
		}
		return err
	}); err != nil {
		m.t.Fatal(err)
	}
}

func (m *seenModel) restart() {
	m.recent = newRecent(1)
	if err := m.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketRecent)
		if b == nil {
			return nil
		}
		blocks, err := readBlocks(b)
		m.recent.take(uint64(tx.ID()), blocks, 0)
		return err
	}); err != nil {
		m.t.Fatal(err)
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
