package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"crawl/internal/kv"

	bolt "go.etcd.io/bbolt"
)

// File is the index of a store, in its folder. Where it is not, no store is.
const File = "crawl.db"

// Options says how a store is opened.
type Options struct {
	Program string // written into each segment, "crawl/1.2"
	Command string // of this process, told to whoever finds the store held
	// Memory is how many bytes one part of an index may take while links are
	// indexed, and what waits for a disk that takes nothing; a sixteenth of it
	// is for the groups of links met lately. 0 means 64 MiB.
	Memory int
	// NoSync leaves it to the system when what is written reaches the disk,
	// until Close; see kv.Options.
	NoSync bool
}

// defaultMemory is Options.Memory where that is not set.
const defaultMemory = 64 << 20

// ahead is how large the index may become without a write that waits for
// snapshots; it costs addresses alone.
const ahead = 64 << 30

// Bolt is a Store in one folder.
type Bolt struct {
	dir    string
	db     *kv.DB[*write]
	bodies *segments

	// deciding holds, for all digests that share a lock, whether a body is
	// new: two visits that bring the same one at once keep it once.
	deciding [256]sync.Mutex

	recall    recall     // what Latest told lately
	templates memory     // groups of links met lately
	indexing  sync.Mutex // held while links are indexed
	maxPart   int        // size of one of an index, in bytes; tests lower it

	began    atomic.Int64 // bytes of the index when it was opened or compacted
	keeping  sync.Mutex   // held while runs are removed, the store is copied or compacted
	visiting sync.RWMutex // read: a visit is being put, from what it is compared with until it is durable

	mu      sync.Mutex        // guards both
	coming  map[[32]byte]body // handed in and not yet in the index
	closing map[uint32]bool   // segments in which no body is found any more
}

var _ Store = (*Bolt)(nil)

// write is one caller's part of a transaction.
type write struct {
	puts  []put
	visit *Page                   // that is put, if one is
	after func(tx *bolt.Tx) error // runs when the puts of the batch are done
}

// put is one record; one without a value is deleted.
type put struct {
	bucket, key, value []byte
}

// wrap adds what was being done to an error that leaves the package.
func wrap(err *error, format string, args ...any) {
	if *err != nil {
		*err = fmt.Errorf("store: %s: %w", fmt.Sprintf(format, args...), *err)
	}
}

// Open opens or creates the store in dir. It fails with a *HeldError if
// another process has it open, and with ErrDamaged if what lies there cannot
// be trusted; then it changes nothing.
func Open(dir string, o Options) (*Bolt, error) {
	b, err := open(dir, o)
	if errors.Is(err, kv.ErrLocked) {
		return nil, heldBy(dir)
	}
	wrap(&err, "open %s", dir)
	return b, err
}

func open(dir string, o Options) (*Bolt, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	if err := restored(dir); err != nil {
		return nil, err
	}
	if o.Memory <= 0 {
		o.Memory = defaultMemory
	}
	b := &Bolt{dir: dir, maxPart: o.Memory, templates: memory{most: o.Memory / memoryPart / groupBytes}, coming: map[[32]byte]body{}}
	var err error
	if b.db, err = kv.Open(filepath.Join(dir, File), kv.Options{NoSync: o.NoSync, Ahead: ahead}, b.apply, nil); err != nil {
		return nil, err
	}
	if err = hold(dir, o.Command); err == nil {
		err = b.start(o)
	}
	if err != nil {
		return nil, errors.Join(err, b.release())
	}
	return b, nil
}

func (b *Bolt) start(o Options) error {
	end, fresh, err := b.committed()
	if err != nil {
		return err
	}
	bodies := filepath.Join(b.dir, "bodies")
	if fresh {
		err = b.startsEmpty(bodies)
	}
	if err != nil {
		return err
	}
	if b.bodies, err = openSegments(bodies, o, end); err != nil {
		return err
	}
	if err := b.commit(put{bucketMeta, keyVersion, []byte{layoutVersion}}); err != nil {
		return err
	}
	return b.measure()
}

// startsEmpty refuses bodies without an index: what lies behind the end is cut
// off, and an index that is gone says that all does.
func (b *Bolt) startsEmpty(bodies string) error {
	there, err := listSegments(bodies)
	if err == nil && len(there) > 0 {
		err = fmt.Errorf("%s is %w: it is empty, and %s is not", b.db.Path(), ErrDamaged, bodies)
	}
	return err
}

// committed returns the end of the bodies that the index points at. A store is
// fresh until it was open for the first time.
func (b *Bolt) committed() (end tail, fresh bool, err error) {
	err = b.db.View(func(tx *bolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta == nil {
			fresh = true
			return nil
		}
		if v := meta.Get(keyVersion); len(v) != 1 || v[0] < oldestLayout || v[0] > layoutVersion {
			return fmt.Errorf("%s has layout %v, this program reads %d to %d: use the program that wrote it", b.db.Path(), v, oldestLayout, layoutVersion)
		}
		if err := decode(meta.Get(keyTail), &end); err != nil {
			return fmt.Errorf("%s: end of the bodies: %w", b.db.Path(), err)
		}
		return nil
	})
	return end, fresh, err
}

// Close implements Store.
func (b *Bolt) Close() (err error) {
	defer wrap(&err, "close %s", b.dir)
	return b.release()
}

func (b *Bolt) release() error {
	err := errors.Join(unhold(b.dir), b.db.Close())
	if b.bodies != nil {
		err = errors.Join(err, b.bodies.close())
	}
	return err
}

// apply runs in the committer: bodies first, then what points at them.
func (b *Bolt) apply(tx *bolt.Tx, batch []*write) error {
	end, err := b.bodies.flush()
	if err != nil {
		return err
	}
	raw, err := encode(&end)
	if err != nil {
		return err
	}
	n := 1
	for _, w := range batch {
		n += len(w.puts)
	}
	puts := append(make([]put, 0, n), put{bucketMeta, keyTail, raw})
	for _, w := range batch {
		puts = append(puts, w.puts...)
	}
	if err := writeAll(tx, puts); err != nil {
		return err
	}
	if err := b.noteLately(tx, batch); err != nil {
		return err
	}
	for _, w := range batch {
		if w.after == nil {
			continue
		}
		if err := w.after(tx); err != nil {
			return err
		}
	}
	return nil
}

// writeAll writes in the order of the tree, and of one key what was handed in last.
func writeAll(tx *bolt.Tx, puts []put) error {
	order := func(x, y put) int {
		return cmp.Or(bytes.Compare(x.bucket, y.bucket), bytes.Compare(x.key, y.key))
	}
	slices.SortStableFunc(puts, order)
	var name []byte
	var bucket *bolt.Bucket
	for i, p := range puts {
		if i+1 < len(puts) && order(p, puts[i+1]) == 0 {
			continue
		}
		var err error
		if !bytes.Equal(p.bucket, name) {
			name = p.bucket
			if bucket, err = tx.CreateBucketIfNotExists(p.bucket); err != nil {
				return err
			}
			bucket.FillPercent = fill(p.bucket)
		}
		if p.value == nil {
			err = bucket.Delete(p.key)
		} else {
			err = bucket.Put(p.key, p.value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// commit returns when the puts are durable. It does not look at a context: a
// write that was handed in is made, and its outcome is worth the wait.
func (b *Bolt) commit(puts ...put) error {
	return b.db.Commit(context.Background(), &write{puts: puts})
}

// makeDir makes dir and the folders above it, and their names durable.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := makeDir(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return kv.SyncDir(filepath.Dir(dir))
}
