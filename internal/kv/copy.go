package kv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// copyAtOnce is how many bytes one transaction of a copy has: memory holds them.
const copyAtOnce = 1 << 20

// readAtOnce is after how many bytes the memory is given back that the file which
// they were read of takes. Their pages lie anywhere in it, and the system maps
// what is around each.
const readAtOnce = 256 << 10

// Filling says how far the pages of a bucket are filled in a copy, from 0.1 to
// 1. Full ones are for what is written in order or no more: a key that comes
// between others makes two halves of a full page.
type Filling func(bucket []byte) float64

// Copy writes what is durable now to a new file, in full pages, and makes it
// durable but for its name. Changes go on meanwhile, but no page that they free is used
// again until the copy is made: the file grows by what they write.
func (d *DB[T]) Copy(ctx context.Context, to string, fill Filling) error {
	err := d.View(func(tx *bolt.Tx) error { return copyTo(ctx, tx, to, fill) })
	if err != nil {
		return fmt.Errorf("kv: copy %s: %w", d.path, err)
	}
	return nil
}

// Compact puts a copy in the place of the file. Changes wait meanwhile, and it
// waits for the snapshots that are open when it is done. A crash leaves the old file or the new one.
func (d *DB[T]) Compact(ctx context.Context, fill Filling) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.damage != nil {
		return d.damage
	}
	fresh := compacted(d.path)
	if err := remove(fresh); err != nil {
		return fmt.Errorf("kv: compact %s: %w", d.path, err)
	}
	b, err := d.compact(ctx, fresh, fill)
	if err != nil {
		return errors.Join(err, remove(fresh))
	}
	if err := os.Rename(fresh, d.path); err != nil {
		return fmt.Errorf("kv: compact %s: %w", d.path, errors.Join(err, b.Close(), remove(fresh)))
	}
	return errors.Join(SyncDir(filepath.Dir(d.path)), d.bolt.Swap(b).Close())
}

// compact makes the copy and opens it: whoever holds the file must hold the one
// that gets its name.
func (d *DB[T]) compact(ctx context.Context, fresh string, fill Filling) (*bolt.DB, error) {
	if err := d.Copy(ctx, fresh, fill); err != nil {
		return nil, err
	}
	return openWhole(fresh, d.options)
}

// compacted is where Compact makes the copy of a file.
func compacted(path string) string { return path + ".compact" }

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// copyTo makes the file at path, which is not there, and leaves none that is not whole.
func copyTo(ctx context.Context, tx *bolt.Tx, path string, fill Filling) (err error) {
	to, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true, NoGrowSync: true, FreelistType: bolt.FreelistMapType, PageSize: tx.DB().Info().PageSize})
	if err != nil {
		return err
	}
	c := copying{from: tx, to: to, fill: fill}
	err = c.all(ctx)
	size := int64(0)
	if err == nil {
		err = to.View(func(tx *bolt.Tx) error { size = tx.Size(); return nil })
	}
	if err = errors.Join(err, to.Close()); err == nil {
		err = cutAndSync(path, size)
	}
	if err != nil {
		return errors.Join(err, remove(path))
	}
	return nil
}

// cutAndSync takes away what bbolt made room for and did not use.
func cutAndSync(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}

// copying is a copy under way, in transactions of copyAtOnce.
type copying struct {
	from *bolt.Tx
	to   *bolt.DB
	fill Filling
	tx   *bolt.Tx
	size int
	read int // bytes since what they were read of was given back
}

func (c *copying) all(ctx context.Context) (err error) {
	if c.tx, err = c.to.Begin(true); err != nil {
		return err
	}
	defer func() {
		if err != nil && c.tx != nil {
			_ = c.tx.Rollback() // one that failed to commit is closed
		}
	}()
	err = c.from.ForEach(func(name []byte, b *bolt.Bucket) error { return c.bucket(ctx, name, b) })
	if err != nil {
		return err
	}
	return c.tx.Commit()
}

func (c *copying) bucket(ctx context.Context, name []byte, from *bolt.Bucket) error {
	to, err := c.tx.CreateBucket(name)
	if err != nil {
		return err
	}
	to.FillPercent = c.fill(name)
	return from.ForEach(func(k, v []byte) error {
		if v == nil {
			return fmt.Errorf("bucket %q holds another one", name) // ours are flat
		}
		if c.read += len(k) + len(v); c.read > readAtOnce {
			c.read = 0
			unmap(c.from)
		}
		if c.size += len(k) + len(v); c.size > copyAtOnce {
			if to, err = c.next(ctx, name, len(k)+len(v)); err != nil {
				return err
			}
		}
		return to.Put(k, v)
	})
}

// next goes on in a new transaction, which has so many bytes already.
func (c *copying) next(ctx context.Context, name []byte, size int) (*bolt.Bucket, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.tx.Commit(); err != nil {
		return nil, err
	}
	var err error
	if c.tx, err = c.to.Begin(true); err != nil {
		return nil, err
	}
	c.size = size
	to := c.tx.Bucket(name)
	to.FillPercent = c.fill(name)
	return to, nil
}

// Fill is how many bytes of the file hold something, and how many it has.
func (d *DB[T]) Fill() (used, size int64, err error) {
	err = d.View(func(tx *bolt.Tx) error {
		size = tx.Size()
		return tx.ForEach(func(_ []byte, b *bolt.Bucket) error {
			s := b.Stats()
			used += int64(s.LeafInuse + s.BranchInuse)
			unmap(tx)
			return nil
		})
	})
	return used, size, err
}

// How far a file grows at once beyond what is needed: each time the disk is
// waited for, and what is not needed yet takes room.
const (
	leastStep = 256 << 10
	mostStep  = 16 << 20
	stepPart  = 8 // of its size
)

// stepOf is how far a file of a size grows next.
func stepOf(size int64) int { return int(min(max(size/stepPart, leastStep), mostStep)) }

// sizeOf is how many bytes a file has that were ever used.
func sizeOf(b *bolt.DB) (size int64) {
	err := b.View(func(tx *bolt.Tx) error { size = tx.Size(); return nil })
	if err != nil {
		return mostStep * stepPart
	}
	return size
}
