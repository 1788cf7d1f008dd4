package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"crawl/internal/kv"

	bolt "go.etcd.io/bbolt"
)

// A file of bodies of which most is dead is written anew:
//
//  1. No visit is told from now on that a body lies in it, but those that refer
//     to it already.
//  2. What something refers to is copied behind all other records, as it is:
//     records keep the ids that revisit records name.
//  3. The index is moved, some thousand rows a transaction. The old file is
//     still there: each row is right before and after.
//  4. The old file is deleted. Who still holds a place in it is told where that
//     went.
//
// After a crash, copies that nothing refers to are dead, and the old file is
// still mostly dead: the next time does it again.
const (
	deadPart     = 0.5
	moveAtOnce   = 8 << 20   // bytes of records copied in one transaction
	moveTogether = 1 << 30   // bytes of records copied before the index is moved: so much room is needed
	movedAtOnce  = 4_000_000 // records likewise: memory holds 40 bytes for each
	scanAtOnce   = 2000      // rows looked at in one transaction
)

// pack is a file of bodies.
type pack struct {
	number     uint32
	size, live int64
	records    []extent // that are alive
}

func (p pack) dead() int64 { return p.size - p.live }

// repack takes away what no run refers to.
func (p *pruning) repack(ctx context.Context) error {
	packs, err := p.packs(ctx)
	if err != nil {
		return err
	}
	packs = slices.DeleteFunc(packs, func(s pack) bool { return float64(s.dead()) <= p.options.Dead*float64(s.size) })
	for len(packs) > 0 {
		n := together(packs)
		if err := p.renew(ctx, packs[:n]); err != nil {
			return err
		}
		packs = packs[n:]
	}
	return nil
}

// together is how many packs are renewed at once.
func together(packs []pack) int {
	var size int64
	records := 0
	for i, s := range packs {
		if size, records = size+s.live, records+len(s.records); i > 0 && (size > moveTogether || records > movedAtOnce) {
			return i
		}
	}
	return len(packs)
}

// packs measures all files of bodies, and sums up what is dead in them.
func (p *pruning) packs(ctx context.Context) (packs []pack, err error) {
	alive, err := p.liveRecords(ctx)
	if err != nil {
		return nil, err
	}
	end, _, err := p.committed()
	if err != nil {
		return nil, err
	}
	for n := uint32(1); n <= end.Segment; n++ {
		s := pack{number: n, size: end.Size}
		if n < end.Segment {
			info, err := os.Stat(p.bodies.path(n))
			if errors.Is(err, os.ErrNotExist) {
				continue // renewed before
			}
			if err != nil {
				return nil, err
			}
			s.size = info.Size()
		}
		head, err := p.bodies.head(n)
		if err != nil {
			return nil, err
		}
		s.live = head
		if e := alive[n]; e != nil {
			s.live, s.records = s.live+e.bytes(), e.list
		}
		p.sum.Dead += s.dead()
		packs = append(packs, s)
	}
	return packs, nil
}

// renew writes the live records of some files into new ones.
func (p *pruning) renew(ctx context.Context, packs []pack) error {
	for _, s := range packs {
		p.sum.Bodies += s.dead()
	}
	if p.options.DryRun {
		return ctx.Err()
	}
	closing := map[uint32]bool{}
	for _, s := range packs {
		closing[s.number] = true
	}
	if err := p.shut(closing); err != nil {
		return err
	}
	defer p.reopen()
	crashAt("shut")
	alive, err := p.liveRecords(ctx) // nothing can come to life any more
	if err != nil {
		return err
	}
	moved := moves{}
	for _, n := range slices.Sorted(maps.Keys(closing)) {
		if e := alive[n]; e != nil {
			if err := p.copyRecords(ctx, n, e.list, moved); err != nil {
				return err
			}
		}
		crashAt("copied")
	}
	return p.move(ctx, closing, moved)
}

// shut sees that nothing is written into these files any more, and that no
// body in them stands for another one.
func (p *pruning) shut(closing map[uint32]bool) error {
	p.visiting.Lock()
	defer p.visiting.Unlock()
	p.mu.Lock()
	p.closing = closing
	for digest, held := range p.coming { // their commit failed
		if closing[held.Segment] {
			delete(p.coming, digest)
		}
	}
	p.mu.Unlock()
	return p.bodies.leave(closing)
}

func (p *pruning) reopen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closing = nil
}

// copyRecords appends records of a file to the bodies, and notes where they are
// then.
func (p *pruning) copyRecords(ctx context.Context, n uint32, records []extent, moved moves) error {
	f, err := p.bodies.at(n)
	if err != nil {
		return err
	}
	defer f.Close()
	for len(records) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		var raws [][]byte
		size := int64(0)
		for _, x := range records {
			if size += x.length; len(raws) > 0 && size > moveAtOnce {
				break
			}
			raw := make([]byte, x.length)
			if _, err := f.ReadAt(raw, x.offset); err != nil {
				return fmt.Errorf("%s is %w: %w", f.Name(), ErrDamaged, err)
			}
			raws = append(raws, raw)
		}
		places, err := p.bodies.add(raws...)
		if err != nil {
			return err
		}
		if err := p.commit(); err != nil { // which writes bodies first
			return err
		}
		for i, at := range places {
			moved[n] = append(moved[n], movedRecord{records[i].offset, at})
		}
		records = records[len(places):]
	}
	return nil
}

// move makes the index say where records are now, and deletes the old files.
func (p *pruning) move(ctx context.Context, closing map[uint32]bool, moved moves) error {
	p.visiting.Lock() // visits that are being put have the old places
	p.bodies.moving(closing, moved)
	p.visiting.Unlock()
	for _, step := range []struct {
		bucket []byte
		move   func(key, value []byte) ([]byte, error)
	}{{bucketPages, p.movePage}, {bucketRobots, p.moveRobots}, {bucketBodies, p.moveBody}} {
		if err := p.rewrite(ctx, step.bucket, step.move); err != nil {
			return err
		}
	}
	crashAt("moved")
	for n := range closing {
		if err := os.Remove(p.bodies.path(n)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		crashAt("deleted")
	}
	return kv.SyncDir(p.bodies.dir)
}

// rewrite calls fn for the rows of a bucket and writes what it returns, unless
// that is the same; nil deletes a row.
func (p *pruning) rewrite(ctx context.Context, bucket []byte, fn func(key, value []byte) ([]byte, error)) error {
	for from := []byte{}; from != nil; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var puts []put
		next := from
		err := p.db.View(func(tx *bolt.Tx) (err error) {
			puts, next, err = rewritten(tx, bucket, from, fn)
			return err
		})
		if err == nil && len(puts) > 0 { // they may be others by now
			err = p.db.Commit(context.WithoutCancel(ctx), &write{after: func(tx *bolt.Tx) (err error) {
				if puts, next, err = rewritten(tx, bucket, from, fn); err != nil {
					return err
				}
				return writeAll(tx, puts)
			}})
			crashAt("moving")
		}
		if err != nil {
			return p.named(err)
		}
		from = next
	}
	return nil
}

// rewritten returns what is to be written of the next rows, and where to go on;
// nil at the end.
func rewritten(tx *bolt.Tx, bucket, from []byte, fn func(key, value []byte) ([]byte, error)) (puts []put, next []byte, err error) {
	bk := tx.Bucket(bucket)
	if bk == nil {
		return nil, nil, nil
	}
	seen := 0
	c := bk.Cursor()
	for k, v := c.Seek(from); k != nil; k, v = c.Next() {
		if seen++; seen > scanAtOnce {
			next = bytes.Clone(k)
			break
		}
		value, err := fn(k, v)
		if err != nil {
			return nil, nil, err
		}
		if !bytes.Equal(value, v) {
			puts = append(puts, put{bucket, bytes.Clone(k), value})
		}
	}
	return puts, next, nil
}

// movePage returns the record of a visit with its places where they are now.
func (p *pruning) movePage(key, value []byte) ([]byte, error) {
	var reader PageReader
	var at Page
	rec := &PageRecord{runOf(key), key[runSize:], value}
	if err := reader.Read(rec, &at, placeFields); err != nil {
		return nil, err
	}
	now := at
	if err := p.bodies.relocate(&now.Request, &now.Record, &now.Payload); err != nil {
		return nil, err
	}
	if now.Request == at.Request && now.Record == at.Record && now.Payload == at.Payload {
		return value, nil
	}
	page, err := readPage(rec.Run, rec.key, value)
	if err != nil {
		return nil, err
	}
	page.Request, page.Record, page.Payload = now.Request, now.Record, now.Payload
	return encodePage(page)
}

func (p *pruning) moveRobots(_, value []byte) ([]byte, error) {
	var r Robots
	if err := decode(value, &r); err != nil {
		return nil, err
	}
	now := r
	if err := p.bodies.relocate(&now.Request, &now.Record, &now.Payload); err != nil {
		return nil, err
	}
	if now.Request == r.Request && now.Record == r.Record && now.Payload == r.Payload {
		return value, nil
	}
	return encode(&now)
}

// moveBody drops a body that nobody refers to.
func (p *pruning) moveBody(_, value []byte) ([]byte, error) {
	at, err := parseBody(value)
	if err != nil {
		return nil, err
	}
	now := at
	if p.bodies.relocate(&now) != nil {
		return nil, nil
	}
	if now == at {
		return value, nil
	}
	return bodyValue(now), nil
}

// moves says where records of segments that are renewed lie now.
type moves map[uint32]movedRecords

// movedRecords are those of one segment, in the order of their old offsets: 40
// bytes for each.
type movedRecords []movedRecord

type movedRecord struct {
	from int64
	to   Place
}

func (m movedRecords) find(at Place) (Place, bool) {
	i, ok := slices.BinarySearchFunc(m, at.Offset, func(r movedRecord, offset int64) int { return cmp.Compare(r.from, offset) })
	if !ok || m[i].to.Length != at.Length {
		return at, false
	}
	return m[i].to, true
}
