package frontier

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// seenSet is what is known of every URL that was met. Digests are scattered, and
// a tree writes a whole page for each that is put alone, the more pages the more
// it holds. So it is a log-structured merge-tree (O'Neil, Cheng, Gawlick, O'Neil,
// 1996): what a batch marks is written as blocks of the bucket recent and held in
// memory. When that is full it becomes a layer, in the order of its keys. Some
// layers of one level become one of the next, a stretch with each batch, so each
// URL is written again once for each level, and always beside its neighbours.
//
// Only the committer changes it, under Bolt.mu, when a batch is durable.
type seenSet struct {
	fresh  map[seenKey]seenValue
	layers []*layer      // the newest first; what changes is another list of other layers, though a filter that grows is shared
	most   int           // when fresh is full
	owed   map[uint8]int // of each level: how many URLs a merge is behind; the committer's own
}

const (
	freshBytes  = 80 // memory that a URL in fresh takes, roughly
	leastFresh  = 32
	recentBytes = 16 << 10 // a block of recent; more goes to the next
	layersALike = 4        // of one level become one
	mergePace   = 2        // for each URL marked so many are merged on each level: it ends before as many layers are there again
	mergeAtOnce = 1024
	arenaBytes  = 32 << 10
)

// stateGone marks what is to be forgotten.
const stateGone state = 0

func newSeenSet(size int) *seenSet {
	return &seenSet{fresh: map[seenKey]seenValue{}, most: max(size/freshBytes, leastFresh), owed: map[uint8]int{}}
}

// load reads what memory holds of the seen-set of a file. It tells hear all that is
// said of URLs there, what counts last.
func (s *seenSet) load(tx *bolt.Tx, hear func(seenKey, seenValue)) (err error) {
	if s.layers, err = loadLayers(tx, hear); err != nil {
		return err
	}
	s.fresh, err = readBlocks(tx.Bucket(bucketRecent))
	for k, v := range s.fresh {
		hear(k, v)
	}
	return err
}

func unheard(seenKey, seenValue) {}

// adopt makes a layer of the tree in which an earlier layout had all that was not
// recent. Nothing else of the run was used yet: if it fails, the run is not open.
func (s *seenSet) adopt(tx *bolt.Tx) error {
	tree := tx.Bucket(bucketTree)
	if tree == nil {
		return nil
	}
	w, urls := &layerWriter{tx: tx}, tree.Stats().KeyN
	l := &layer{id: w.nextID(), filter: newFilter(urls)}
	for most := s.most; most < urls; most *= layersALike {
		l.level++
	}
	g, err := w.grow(l, &treeReader{cursor: tree.Cursor()}, urls, true)
	if err == nil {
		err = tx.DeleteBucket(bucketTree)
	}
	if err != nil || g.layer.count == 0 {
		return err
	}
	s.layers = []*layer{g.layer}
	return tx.Bucket(bucketMeta).Put(keyLayers, appendLayers(nil, s.layers))
}

// treeReader goes through the seen-set of an earlier layout.
type treeReader struct {
	cursor *bolt.Cursor
	begun  bool
}

func (r *treeReader) next() (e seenEntry, ok bool, err error) {
	move := r.cursor.Next
	if !r.begun {
		move = r.cursor.First
	}
	k, v := move()
	if r.begun = true; k == nil {
		return e, false, nil
	}
	if len(k) != len(e.key) || len(v) == 0 || len(v) > 255 {
		return e, false, fmt.Errorf("damaged key %x in the seen-set", k)
	}
	return seenEntry{seenKey(k), v}, true, nil
}

// write puts what a batch marks into the file, and goes on with merges. Memory
// is as the file when settle was called, once the batch is durable.
func (s *seenSet) write(tx *bolt.Tx, marks map[seenKey]seenValue) (settle func(), err error) {
	blocks, w := tx.Bucket(bucketRecent), &layerWriter{tx: tx, layers: s.layers}
	full := len(s.fresh)+len(marks) >= s.most
	if full {
		err = cmp.Or(w.add(s.fresh, marks), dropBlocks(blocks))
	} else {
		err = writeBlocks(blocks, marks)
	}
	for _, level := range w.levels() {
		if err == nil {
			err = s.merge(w, level, len(marks))
		}
	}
	if err == nil && w.changed {
		err = tx.Bucket(bucketMeta).Put(keyLayers, appendLayers(nil, w.layers))
	}
	fresh := s.fresh
	if full { // made under no lock
		fresh, marks = make(map[seenKey]seenValue, s.most), nil
	}
	return func() {
		s.layers, s.fresh = w.layers, fresh
		maps.Copy(s.fresh, marks)
	}, err
}

// merge goes on with the merge of a level, or begins one, if it is worth it.
func (s *seenSet) merge(w *layerWriter, level uint8, marked int) error {
	m := w.merge(level)
	if m == nil {
		delete(s.owed, level)
		return nil
	}
	s.owed[level] += mergePace * marked
	if s.owed[level] < min(mergeAtOnce, s.most) {
		return nil
	}
	if m.out == nil {
		w.begin(m)
	}
	taken, err := w.step(m, s.owed[level])
	s.owed[level] -= taken
	return err
}

// seenView looks URLs up as they were at one moment, in one transaction.
type seenView struct {
	tx      *bolt.Tx
	layers  []*layer
	buckets []*bolt.Bucket
}

func newSeenView(tx *bolt.Tx, layers []*layer) *seenView {
	return &seenView{tx, layers, make([]*bolt.Bucket, len(layers))}
}

// look finds what the newest layer that knows of a URL says: nothing if it is
// gone. errNoLayer means that the transaction is newer than the layers asked for.
func (s *seenView) look(k *seenKey) (v seenValue, known bool, err error) {
	for i, l := range s.layers {
		if !l.may(k) {
			continue
		}
		if s.buckets[i] == nil {
			s.buckets[i] = s.tx.Bucket(l.name())
		}
		value, found, err := l.find(s.buckets[i], k)
		if err != nil {
			return v, false, err
		}
		if found {
			v, err = readValue(value)
			return v, err == nil && v.state != stateGone, err
		}
	}
	return v, false, nil
}

// readValue is what a layer, or a block of recent, says of a URL.
func readValue(value []byte) (seenValue, error) {
	if len(value) == 0 {
		return seenValue{state: stateGone}, nil
	}
	return readSeen(value)
}

// dropBlocks deletes what is recent: a layer holds all of it.
func dropBlocks(blocks *bolt.Bucket) error {
	var old [][]byte
	c := blocks.Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		old = append(old, bytes.Clone(k))
	}
	for _, k := range old {
		if err := blocks.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// A block's key is its number, 8 bytes, one more than that of the block before: the
// last one that speaks of a URL is the newest. The number of a transaction would
// not do, of which a copy of the file counts its own. Its value is a row of: key of
// the URL, length of the value as one byte, seenValue; with length 0 the URL is gone.
func writeBlocks(blocks *bolt.Bucket, marks map[seenKey]seenValue) error {
	blocks.FillPercent = 1 // nothing is ever put between
	n, raw := uint64(0), []byte(nil)
	if k, _ := blocks.Cursor().Last(); len(k) >= 8 { // earlier builds wrote 2 more bytes
		n = binary.BigEndian.Uint64(k)
	}
	put := func() error {
		n++
		return blocks.Put(binary.BigEndian.AppendUint64(nil, n), raw)
	}
	for k, v := range marks {
		if len(raw) > recentBytes {
			if err := put(); err != nil {
				return err
			}
			raw = nil
		}
		raw = append(append(raw, k[:]...), 0)
		if at := len(raw); v.state != stateGone {
			raw = v.append(raw)
			raw[at-1] = byte(len(raw) - at)
		}
	}
	if len(raw) == 0 {
		return nil
	}
	return put()
}

// readBlocks is what the blocks of a file hold, the newest of each URL.
func readBlocks(blocks *bolt.Bucket) (map[seenKey]seenValue, error) {
	all := map[seenKey]seenValue{}
	err := blocks.ForEach(func(_, raw []byte) error {
		var k seenKey
		for len(raw) > 0 {
			n := copy(k[:], raw)
			value, rest, err := cutValue(raw[n:])
			if err != nil {
				return err
			}
			if all[k], err = readValue(value); err != nil {
				return err
			}
			raw = rest
		}
		return nil
	})
	return all, err
}

// sorted gives what a map holds in the order of keys.
type sorted struct {
	of    map[seenKey]seenValue
	keys  []seenKey // those to come
	arena []byte    // values
}

func newSorted(of map[seenKey]seenValue) *sorted {
	s := &sorted{of: of, keys: make([]seenKey, 0, len(of))}
	for k := range of {
		s.keys = append(s.keys, k)
	}
	slices.SortFunc(s.keys, seenKey.compare)
	return s
}

// next implements source.
func (s *sorted) next() (e seenEntry, ok bool, err error) {
	if len(s.keys) == 0 {
		return e, false, nil
	}
	e.key, s.keys = s.keys[0], s.keys[1:]
	if cap(s.arena)-len(s.arena) < mostValue {
		s.arena = make([]byte, 0, arenaBytes)
	}
	if v := s.of[e.key]; v.state != stateGone {
		at := len(s.arena)
		s.arena = v.append(s.arena)
		e.value = s.arena[at:]
	}
	return e, true, nil
}

func (k seenKey) compare(other seenKey) int {
	a, b := binary.BigEndian.Uint64(k[:]), binary.BigEndian.Uint64(other[:])
	if a == b {
		return bytes.Compare(k[8:], other[8:])
	}
	return cmp.Compare(a, b)
}
