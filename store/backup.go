package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"crawl/internal/kv"

	bolt "go.etcd.io/bbolt"
)

// A backup is a folder that a store may be opened in. It is written so that
// at any time it is whole, as the last backup that came to its end left it:
//
//  1. A copy of the index, under another name: one state of it.
//  2. What bodies have beyond the last backup; it lies behind the end that the
//     index there knows of.
//  3. The copy of the index gets its name.
//  4. Files of bodies that it does not need any more go.
//
// backupFile says of which store the backup is, and how much of each file of
// bodies is durable there, written before 3. What lies behind that is written
// again.
const backupFile = "backup.json"

// ErrUnfit: a backup cannot be made in that folder.
var ErrUnfit = errors.New("no place for a backup")

// backedUp is what backupFile holds.
type backedUp struct {
	Store  string           `json:"store"`
	Bodies map[uint32]int64 `json:"bodies"`
}

// Backup is what a backup took.
type Backup struct {
	Index, Bodies int64 // bytes of the backup
	Copied        int64 // of them, those that were not there yet
}

// Backup copies the store into a folder: a new one, or that of an earlier backup of the
// same store, to which it adds what is missing; else it returns ErrUnfit. Writes go on
// meanwhile; what is written while the index is copied makes it larger, since pages
// are not used again until then. Queues are not part of a store: first, unless nil,
// copies what must be older than the copy of the index, into a folder that is known
// to be fit.
func (b *Bolt) Backup(ctx context.Context, to string, first func(context.Context) error) (_ Backup, err error) {
	defer wrap(&err, "back up %s to %s", b.dir, to)
	b.keeping.Lock()
	defer b.keeping.Unlock()
	id, err := b.identity()
	if err != nil {
		return Backup{}, err
	}
	k := &backup{Bolt: b, to: to, has: backedUp{id, map[uint32]int64{}}}
	if err := k.begin(); err != nil {
		return k.sum, err
	}
	if first != nil {
		if err := first(ctx); err != nil {
			return k.sum, err
		}
	}
	fresh := filepath.Join(to, File+".new")
	if err := removeFile(fresh); err != nil {
		return k.sum, err
	}
	if err := b.db.Copy(ctx, fresh, packed); err != nil {
		return k.sum, err
	}
	crashAt("index-copied")
	for _, step := range []func(context.Context) error{k.bodies, k.note} {
		if err := step(ctx); err != nil {
			return k.sum, errors.Join(err, removeFile(fresh))
		}
	}
	crashAt("bodies-copied")
	info, err := os.Stat(fresh)
	if err == nil {
		err = os.Rename(fresh, filepath.Join(to, File))
	}
	if err == nil {
		err = kv.SyncDir(to)
	}
	if err != nil {
		return k.sum, err
	}
	k.sum.Index, k.sum.Copied = info.Size(), k.sum.Copied+info.Size()
	crashAt("index-in-place")
	return k.sum, k.tidy()
}

// backup is one backup under way.
type backup struct {
	*Bolt
	to       string
	had, has backedUp // by the last backup, by this one
	sum      Backup
}

// identity returns what tells this store from any other. It is made up when it
// is needed first.
func (b *Bolt) identity() (id string, err error) {
	err = b.db.View(func(tx *bolt.Tx) error { id = string(rawIn(tx, bucketMeta, keyIdentity)); return nil })
	if err != nil || id != "" {
		return id, err
	}
	id = rand.Text()
	return id, b.commit(put{bucketMeta, keyIdentity, []byte(id)})
}

// begin makes the folder, unless it is that of a backup.
func (k *backup) begin() error {
	inside, err := within(k.dir, k.to)
	if err != nil {
		return err
	}
	if inside {
		return fmt.Errorf("%w: it lies in the store", ErrUnfit)
	}
	raw, err := os.ReadFile(filepath.Join(k.to, backupFile))
	if err == nil {
		if err = json.Unmarshal(raw, &k.had); err == nil && k.had.Store != k.has.Store {
			err = fmt.Errorf("%w: there is one of another store", ErrUnfit)
		}
		return err
	}
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(filepath.Join(k.to, File)); err == nil {
		return fmt.Errorf("%w: there is a store that is no backup", ErrUnfit)
	}
	if err := makeDir(filepath.Join(k.to, "bodies")); err != nil {
		return err
	}
	return k.note(context.Background())
}

// within tells whether to, which need not be there, is dir or lies in it.
func within(dir, to string) (bool, error) {
	dir, err := realPath(dir)
	if err != nil {
		return false, err
	}
	if to, err = realPath(to); err != nil {
		return false, err
	}
	rel, err := filepath.Rel(dir, to)
	return err == nil && filepath.IsLocal(rel), nil
}

// realPath is where a name leads, behind all links, as far as it is there.
func realPath(name string) (string, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	for at, rest := name, ""; ; at, rest = filepath.Dir(at), filepath.Join(filepath.Base(at), rest) {
		real, err := filepath.EvalSymlinks(at)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			return "", err
		}
	}
}

// note writes down what is durable of the bodies.
func (k *backup) note(context.Context) error {
	raw, err := json.Marshal(k.has)
	if err != nil {
		return err
	}
	path := filepath.Join(k.to, backupFile)
	if err := writeSynced(path+".new", raw); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return kv.SyncDir(k.to)
}

func writeSynced(path string, raw []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	return errors.Join(err, f.Sync(), f.Close())
}

// bodies copies all that is committed by now: the copy of the index is older.
func (k *backup) bodies(ctx context.Context) error {
	end, _, err := k.committed()
	if err != nil {
		return err
	}
	numbers, err := listSegments(k.Bolt.bodies.dir)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if n > end.Segment {
			break
		}
		size := end.Size
		if n < end.Segment {
			info, err := os.Stat(k.Bolt.bodies.path(n))
			if err != nil {
				return err
			}
			size = info.Size()
		}
		if err := k.segment(ctx, n, size); err != nil {
			return err
		}
		k.has.Bodies[n] = size
		k.sum.Bodies += size
		crashAt("body-copied")
	}
	return kv.SyncDir(filepath.Join(k.to, "bodies"))
}

// segment adds what is missing of one file of bodies.
func (k *backup) segment(ctx context.Context, n uint32, size int64) error {
	from, err := os.Open(k.Bolt.bodies.path(n))
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(segmentPath(filepath.Join(k.to, "bodies"), n), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	had, err := alike(from, to, min(k.had.Bodies[n], size))
	if err == nil && had < size {
		k.sum.Copied += size - had
		err = copyRange(ctx, to, from, had, size)
	}
	if err == nil {
		err = errors.Join(to.Truncate(size), to.Sync())
	}
	return errors.Join(err, to.Close())
}

// tellBytes is how much of the end of a file is compared.
const tellBytes = 512

// alike returns how much of a file of bodies is there already, had at most. If
// somebody opened the backup as a store and wrote to it, all is missing.
func alike(from, to *os.File, had int64) (int64, error) {
	info, err := to.Stat()
	if err != nil || had == 0 || info.Size() < had {
		return 0, err
	}
	n := min(tellBytes, had)
	ours, theirs := make([]byte, n), make([]byte, n)
	if _, err := from.ReadAt(ours, had-n); err != nil {
		return 0, err
	}
	if _, err := to.ReadAt(theirs, had-n); err != nil {
		return 0, err
	}
	if !bytes.Equal(ours, theirs) {
		return 0, nil
	}
	return had, nil
}

// copyStep is how much is copied between two looks at a context.
const copyStep = 4 << 20

// copyRange copies bytes to where they are in from.
func copyRange(ctx context.Context, to, from *os.File, at, end int64) error {
	for ; at < end; at += copyStep {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(copyStep, end-at)
		copied, err := io.Copy(io.NewOffsetWriter(to, at), io.NewSectionReader(from, at, n))
		if err == nil && copied != n {
			err = fmt.Errorf("%s is %w: it ends at byte %d", from.Name(), ErrDamaged, at+copied)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tidy deletes what only an earlier backup needed.
func (k *backup) tidy() error {
	dir := filepath.Join(k.to, "bodies")
	numbers, err := listSegments(dir)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if _, needed := k.has.Bodies[n]; needed {
			continue
		}
		if err := removeFile(segmentPath(dir, n)); err != nil {
			return err
		}
	}
	return kv.SyncDir(dir)
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
