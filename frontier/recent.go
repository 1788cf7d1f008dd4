package frontier

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// recent is the part of the seen-set that is not in the tree yet. Digests are
// scattered, and bbolt writes a whole page for each that is put alone. So what a
// batch marks is written as one block and held in memory; when that is full, it
// moves to the tree in the tree's order, a stretch with each batch, and a page
// of the tree takes in all that belongs there at once.
//
// Only the committer changes it, under Bolt.mu, when a batch is durable; order,
// which nobody else looks at, without.
type recent struct {
	fresh  map[seenKey]seenValue
	moving map[seenKey]seenValue // older than fresh
	order  []seenKey             // of moving: those that are not in the tree; nil until the first stretch
	last   uint64                // the last transaction whose blocks hold nothing but moving and older
	most   int                   // when fresh is full
}

const (
	recentBytes = 80 // memory that a URL in a recent takes, roughly
	leastRecent = 32
	blockBytes  = 16 << 10 // a block on disk; more goes to the next
)

// stateGone marks what is to be deleted from the tree.
const stateGone state = 0

func newRecent(size int) *recent {
	return &recent{fresh: map[seenKey]seenValue{}, most: max(size/recentBytes/2, leastRecent)} // two maps
}

func (r *recent) look(k seenKey) (seenValue, bool) {
	v, ok := r.fresh[k]
	if !ok {
		v, ok = r.moving[k]
	}
	return v, ok
}

// take adds what a durable transaction marked, of which so many moved.
func (r *recent) take(transaction uint64, marks map[seenKey]seenValue, moved int) {
	maps.Copy(r.fresh, marks)
	if r.order = r.order[moved:]; len(r.order) > 0 {
		return
	}
	r.moving, r.order = nil, nil
	if len(r.fresh) < r.most {
		return
	}
	r.moving, r.fresh, r.last = r.fresh, make(map[seenKey]seenValue, r.most), transaction
}

// move writes the next stretch into the tree, so much more than the batch marks
// that it ends before fresh is full, and returns its length.
func (r *recent) move(blocks, seen *bolt.Bucket, marked int) (int, error) {
	if r.order == nil && r.moving != nil { // which takes a while: under no lock
		r.order = slices.SortedFunc(maps.Keys(r.moving), func(a, b seenKey) int { return bytes.Compare(a[:], b[:]) })
	}
	n := min(2*marked, len(r.order))
	for _, k := range r.order[:n] {
		v := r.moving[k]
		if _, newer := r.fresh[k]; newer {
			continue // it comes with the next round
		}
		if err := putSeen(seen, k, v); err != nil {
			return 0, err
		}
	}
	if n == 0 || n < len(r.order) {
		return n, nil
	}
	return n, dropBlocks(blocks, r.last)
}

func putSeen(seen *bolt.Bucket, k seenKey, v seenValue) error {
	if v.state == stateGone {
		return seen.Delete(k[:])
	}
	return seen.Put(k[:], v.append(make([]byte, 0, 24)))
}

// dropBlocks deletes the blocks up to a transaction: all they hold is in the tree.
func dropBlocks(blocks *bolt.Bucket, last uint64) error {
	var old [][]byte
	c := blocks.Cursor()
	for k, _ := c.First(); len(k) >= 8 && binary.BigEndian.Uint64(k) <= last; k, _ = c.Next() {
		old = append(old, bytes.Clone(k))
	}
	for _, k := range old {
		if err := blocks.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// A block's key is the number of its transaction, 8 bytes, and its own within
// that, 2 bytes. Its value is a row of: key as in seen, length of the value as
// one byte, seenValue; with length 0 the URL is to be deleted.
func writeBlocks(blocks *bolt.Bucket, transaction uint64, marks map[seenKey]seenValue) error {
	blocks.FillPercent = 1 // nothing is ever put between
	key, raw := binary.BigEndian.AppendUint64(nil, transaction), []byte(nil)
	put := func(n int) error { return blocks.Put(binary.BigEndian.AppendUint16(key[:8:8], uint16(n)), raw) }
	n := 0
	for k, v := range marks {
		if len(raw) > blockBytes {
			if err := put(n); err != nil {
				return err
			}
			n, raw = n+1, nil
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
	return put(n)
}

// readBlocks is what the blocks of a file hold, the newest of each URL.
func readBlocks(blocks *bolt.Bucket) (map[seenKey]seenValue, error) {
	all := map[seenKey]seenValue{}
	err := blocks.ForEach(func(_, raw []byte) error {
		var k seenKey
		for len(raw) > 0 {
			head := copy(k[:], raw) + 1
			if len(raw) < head || len(raw) < head+int(raw[head-1]) {
				return errors.New("damaged block of the seen-set")
			}
			value := raw[head : head+int(raw[head-1])]
			raw = raw[head+len(value):]
			if len(value) == 0 {
				all[k] = seenValue{state: stateGone}
				continue
			}
			v, err := readSeen(value)
			if err != nil {
				return err
			}
			all[k] = v
		}
		return nil
	})
	return all, err
}
