package frontier

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	bolt "go.etcd.io/bbolt"
)

// layer is a part of the seen-set on disk: URLs in the order of their keys, in
// blocks that never change, in a bucket of its own. Memory holds where each block
// begins and a filter, 2.3 bytes a URL.
//
// While layers are merged the one that takes them in grows, and all that is not
// behind its last URL is asked of it; what was taken in is deleted from the others
// at once. So there are never many free pages, of which bbolt writes a list with
// each batch.
type layer struct {
	id     uint32
	level  uint8    // how often what it holds was merged
	count  int      // of URLs; of one that is taken in: before that
	into   uint32   // the layer that takes it in, 0: none
	from   *seenKey // what is not behind this was taken in; nil: all is here
	base   int      // number of the first block
	firsts []seenKey
	gone   int // blocks that were deleted, of firsts
	last   seenKey
	filter filter
}

// Where memory speaks of what a snapshot does not hold, another layer has taken
// it in since.
var errNoLayer = errors.New("a part of the seen-set is missing")

var layerPrefix = []byte("seen ")

// name is that of the bucket, in which the key of a block is its number.
func (l *layer) name() []byte { return binary.BigEndian.AppendUint32(slices.Clip(layerPrefix), l.id) }

func blockKey(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

// holding is in which block, of firsts, k would be.
func (l *layer) holding(k *seenKey) int {
	return max(0, sort.Search(len(l.firsts), func(i int) bool { return l.firsts[i].compare(*k) > 0 })-1)
}

// may tells whether the layer may know of a URL.
func (l *layer) may(k *seenKey) bool {
	return (l.from == nil || l.from.compare(*k) < 0) && l.filter.has(k)
}

// find looks a URL up in the bucket of the layer.
func (l *layer) find(b *bolt.Bucket, k *seenKey) (value []byte, found bool, err error) {
	if b == nil {
		return nil, false, errNoLayer
	}
	raw := b.Get(blockKey(l.base + l.holding(k)))
	if raw == nil {
		return nil, false, errNoLayer
	}
	block, err := readBlock(raw)
	if err != nil {
		return nil, false, err
	}
	return block.find(k)
}

// The layers are listed in one record: of each its number, its level, how many
// URLs it holds and the number of the one that takes it in, as uvarints, the
// newest first.
func appendLayers(b []byte, layers []*layer) []byte {
	for _, l := range layers {
		for _, field := range []uint64{uint64(l.id), uint64(l.level), uint64(l.count), uint64(l.into)} {
			b = binary.AppendUvarint(b, field)
		}
	}
	return b
}

func readLayers(raw []byte) (layers []*layer, err error) {
	damaged := errors.New("damaged list of the parts of the seen-set")
	for len(raw) > 0 {
		var fields [4]uint64
		for i := range fields {
			v, n := binary.Uvarint(raw)
			if n <= 0 || v > math.MaxUint32 {
				return nil, damaged
			}
			fields[i], raw = v, raw[n:]
		}
		if fields[1] > math.MaxUint8 {
			return nil, damaged
		}
		layers = append(layers, &layer{id: uint32(fields[0]), level: uint8(fields[1]), count: int(fields[2]), into: uint32(fields[3])})
	}
	if !ordered(layers) {
		return nil, damaged
	}
	return layers, nil
}

// ordered tells whether layers are as merges leave them, which build on it: the
// levels rise with the age; only what is taken in lies a level lower, right behind
// the one that takes it in.
func ordered(layers []*layer) bool {
	grows, known := map[uint32]bool{}, map[uint32]bool{0: true}
	for _, l := range layers {
		grows[l.into] = true
	}
	least, out := uint8(0), &layer{} // the layer that takes in what comes next
	for _, l := range layers {
		if known[l.id] {
			return false
		}
		known[l.id] = true
		switch {
		case l.into != 0:
			if l.into != out.id || l.level != out.level-1 || grows[l.id] {
				return false
			}
		case grows[l.id]:
			if l.level <= least {
				return false
			}
			least, out = l.level, l
		default:
			if l.level < least {
				return false
			}
			least, out = l.level, &layer{}
		}
	}
	return true
}

// loadLayers reads all layers of a file: each block of them. It tells hear all
// that they say of URLs, the newest last.
func loadLayers(tx *bolt.Tx, hear func(seenKey, seenValue)) ([]*layer, error) {
	layers, err := readLayers(tx.Bucket(bucketMeta).Get(keyLayers))
	if err != nil {
		return nil, err
	}
	byID := map[uint32]*layer{}
	for _, l := range layers {
		byID[l.id] = l
	}
	room := map[uint32]int{} // URLs that are still to come to a layer that grows
	for _, l := range layers {
		room[l.into] += l.count
	}
	for _, l := range slices.Backward(layers) {
		if l.into != 0 {
			if l.from, err = byID[l.into].readLast(tx); err != nil {
				return nil, err
			}
		}
		if err := l.load(tx, l.count+room[l.id], hear); err != nil {
			return nil, err
		}
	}
	return layers, nil
}

// readLast reads the last URL of a layer.
func (l *layer) readLast(tx *bolt.Tx) (*seenKey, error) {
	b := tx.Bucket(l.name())
	if b == nil {
		return nil, errNoLayer
	}
	_, raw := b.Cursor().Last()
	block, err := readBlock(raw)
	if err != nil {
		return nil, err
	}
	entries, err := block.entries(nil)
	if err != nil {
		return nil, err
	}
	return &entries[len(entries)-1].key, nil
}

// load reads a layer that may hold so many URLs in the end.
func (l *layer) load(tx *bolt.Tx, most int, hear func(seenKey, seenValue)) error {
	b := tx.Bucket(l.name())
	if b == nil {
		return errNoLayer
	}
	l.filter = newFilter(min(most, int(tx.Size()/leastEntry)))
	r, n := layerReader{cursor: b.Cursor()}, 0
	number, raw := r.cursor.First()
	if len(number) != len(blockKey(0)) {
		return errNoLayer
	}
	l.base, r.raw = int(binary.BigEndian.Uint32(number)), raw
	for {
		e, ok, err := r.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if r.begun {
			l.firsts = append(l.firsts, e.key)
		}
		v, err := readValue(e.value)
		if err != nil {
			return err
		}
		if l.from == nil || l.from.compare(e.key) < 0 {
			hear(e.key, v)
		}
		l.filter.add(&e.key)
		l.last = e.key
		n++
	}
	if n != l.count && (l.into == 0 || n > l.count) {
		return fmt.Errorf("damaged: a part of the seen-set has %d URLs, not %d", n, l.count)
	}
	return nil
}

// layerReader goes through a layer. Values are parts of the file.
type layerReader struct {
	cursor  *bolt.Cursor
	raw     []byte // the block to be read next; nil: no more
	entries []seenEntry
	rest    []seenEntry // of them
	begun   bool        // what next returned was the first of a block
	last    seenKey
	any     bool // last is one
}

// readLayer goes to the first URL behind after, or, if that is nil, to the first of all.
func readLayer(tx *bolt.Tx, l *layer, after *seenKey) (*layerReader, error) {
	b := tx.Bucket(l.name())
	if b == nil {
		return nil, errNoLayer
	}
	r := &layerReader{cursor: b.Cursor()}
	if after == nil {
		_, r.raw = r.cursor.First()
		return r, nil
	}
	_, r.raw = r.cursor.Seek(blockKey(l.base + l.holding(after)))
	if err := r.fill(); err != nil {
		return nil, err
	}
	for len(r.rest) > 0 && r.rest[0].key.compare(*after) <= 0 {
		r.rest = r.rest[1:]
	}
	return r, nil
}

// fill reads the next block, if there is one.
func (r *layerReader) fill() error {
	if r.raw == nil {
		return nil
	}
	b, err := readBlock(r.raw)
	if err == nil {
		r.entries, err = b.entries(r.entries[:0])
	}
	r.rest = r.entries
	_, r.raw = r.cursor.Next()
	return err
}

// next implements source.
func (r *layerReader) next() (e seenEntry, ok bool, err error) {
	r.begun = len(r.rest) == 0
	if r.begun {
		if err := r.fill(); err != nil || len(r.rest) == 0 {
			return e, false, err
		}
	}
	e, r.rest = r.rest[0], r.rest[1:]
	if r.any && r.last.compare(e.key) >= 0 {
		return e, false, fmt.Errorf("%w: its URLs are in no order", errBlock)
	}
	r.last, r.any = e.key, true
	return e, true, nil
}
