package frontier

import (
	"bytes"

	bolt "go.etcd.io/bbolt"
)

// HalfDone makes every second queued URL of a file that nobody has open a done
// one, for benchmarks that begin in the middle of a run.
func HalfDone(path string) error {
	db, err := bolt.Open(path, 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType})
	if err != nil {
		return err
	}
	defer db.Close()
	for from := []byte(nil); err == nil; {
		if err = db.Update(func(tx *bolt.Tx) (err error) {
			from, err = halfDone(tx, from)
			return err
		}); from == nil {
			break
		}
	}
	return err
}

func halfDone(tx *bolt.Tx, from []byte) (next []byte, err error) {
	queue, meta := tx.Bucket(bucketQueue), tx.Bucket(bucketMeta)
	var counts countsRecord
	if _, err := counts.UnmarshalMsg(meta.Get(keyCounts)); err != nil {
		return nil, err
	}
	seen := newSeenSet(1 << 30)
	if err := seen.load(tx, unheard); err != nil {
		return nil, err
	}
	marks := map[seenKey]seenValue{}
	var host hostRecord
	var done [][]byte
	c, n := queue.Cursor(), 0
	k, v := c.Seek(from)
	for ; k != nil && n < 200_000 || len(k) > len(hostKey(0)); k, v = c.Next() {
		if len(k) == len(hostKey(0)) {
			if _, err := host.UnmarshalMsg(v); err != nil {
				return nil, err
			}
			continue
		}
		if n++; n%2 == 0 {
			continue
		}
		e, err := readEntry(host.Origin, k, v)
		if err != nil {
			return nil, err
		}
		done = append(done, bytes.Clone(k))
		marks[e.key] = seenValue{state: stateDone, depth: int32(e.link.Depth)}
	}
	next = bytes.Clone(k)
	for _, k := range done {
		if err := queue.Delete(k); err != nil {
			return nil, err
		}
		counts.Queued--
		counts.Done++
	}
	if _, err := seen.write(tx, marks); err != nil {
		return nil, err
	}
	raw, err := counts.MarshalMsg(nil)
	if err != nil {
		return nil, err
	}
	return next, meta.Put(keyCounts, raw)
}
