package kv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"os"

	bolt "go.etcd.io/bbolt"
)

// maxFaults is how many faults of one file Check reports.
const maxFaults = 100

// Check reads every page of the file and returns what is wrong with it. It
// reads the tree by itself first: bbolt's own check trusts what it reads, and
// a page that points at its parent sends it round for ever.
func (d *DB[T]) Check() (faults []error, err error) {
	err = d.View(func(tx *bolt.Tx) error {
		f, err := os.Open(d.path)
		if err != nil {
			return fmt.Errorf("kv: %w", err)
		}
		defer f.Close()
		w := walk{file: f, pageSize: int64(d.bolt.Load().Info().PageSize), size: tx.Size(), seen: map[uint64]bool{}}
		if err := w.page(uint64(tx.Cursor().Bucket().Root()), 0); err != nil {
			faults = append(faults, fmt.Errorf("kv: %s: %w: %w", d.path, ErrDamaged, err))
			return nil
		}
		for e := range tx.Check() {
			if len(faults) < maxFaults { // the rest must still be read, or its sender waits for ever
				faults = append(faults, fmt.Errorf("kv: %s: %w: %w", d.path, ErrDamaged, e))
			}
		}
		return nil
	})
	return faults, err
}

// The part of bbolt's layout that the walk reads. A page begins with its
// number (8 bytes), flags (2), count of elements (2), and how many pages
// follow that belong to it (4). Elements have 16 bytes: in a branch offset and
// length of the key and the child's number; in a leaf flags, offset, and
// lengths of key and value. A value with the bucket flag begins with the
// bucket's root page; 0 says that the page follows in the value. The two first
// pages take turns in holding, among others, where the list of free pages is.
const (
	headerSize  = 16
	elementSize = 16
	branchPage  = 0x01
	leafPage    = 0x02
	freePage    = 0x10
	freeListAt  = headerSize + 32 // in a meta page
	bucketFlag  = 0x01
	maxLevels   = 64
)

var order = binary.NativeEndian

// walk reads each page of a tree once, with every bound checked.
type walk struct {
	file     *os.File
	pageSize int64
	size     int64 // of the part of the file in use
	seen     map[uint64]bool
}

// meta is what one of the two first pages says.
type meta struct {
	pageSize, size int64 // size of the part of the file in use
	transaction    uint64
}

const (
	metaSize    = headerSize + 64
	metaMagic   = 0xED0CDAED
	metaVersion = 2
)

// newestMeta finds the page that bbolt goes by.
func newestMeta(f *os.File) (newest meta, ok bool) {
	pageSize := int64(os.Getpagesize())
	for i := range int64(2) {
		raw := make([]byte, metaSize)
		if _, err := f.ReadAt(raw, i*pageSize); err != nil {
			return newest, ok
		}
		m, valid := readMeta(raw)
		if !valid {
			continue
		}
		pageSize = m.pageSize
		if !ok || m.transaction > newest.transaction {
			newest, ok = m, true
		}
	}
	return newest, ok
}

func readMeta(raw []byte) (m meta, valid bool) {
	sum := fnv.New64a()
	sum.Write(raw[headerSize : metaSize-8])
	if order.Uint32(raw[headerSize:]) != metaMagic || order.Uint32(raw[headerSize+4:]) != metaVersion || order.Uint64(raw[metaSize-8:]) != sum.Sum64() {
		return m, false
	}
	m.pageSize = int64(order.Uint32(raw[headerSize+8:]))
	pages := order.Uint64(raw[freeListAt+8:])
	m.transaction = order.Uint64(raw[freeListAt+16:])
	if m.pageSize < metaSize || pages > 1<<40 {
		return m, false
	}
	m.size = int64(pages) * m.pageSize
	return m, true
}

// freeList looks whether the list of free pages that this transaction goes by
// lies in the file.
func (w *walk) freeList(transaction int) error {
	meta := make([]byte, freeListAt+8)
	if _, err := w.file.ReadAt(meta, int64(transaction%2)*w.pageSize); err != nil {
		return fmt.Errorf("page %d: %w", transaction%2, err)
	}
	id := order.Uint64(meta[freeListAt:])
	if id < 2 || id >= uint64(w.size/w.pageSize) {
		return fmt.Errorf("page %d: outside of the file", id)
	}
	raw, err := w.read(id)
	if err != nil {
		return err
	}
	flags, count := order.Uint16(raw[8:]), uint64(order.Uint16(raw[10:]))
	if count == 0xFFFF { // too many for two bytes
		count = order.Uint64(raw[headerSize:])
	}
	if flags != freePage || count > uint64(len(raw)-headerSize)/8 {
		return fmt.Errorf("page %d: damaged list of free pages", id)
	}
	return nil
}

func (w *walk) page(id uint64, level int) error {
	switch {
	case level > maxLevels:
		return fmt.Errorf("page %d: more than %d levels", id, maxLevels)
	case id < 2 || id >= uint64(w.size/w.pageSize):
		return fmt.Errorf("page %d: outside of the file", id)
	case w.seen[id]:
		return fmt.Errorf("page %d: in two places of the tree", id)
	}
	w.seen[id] = true
	raw, err := w.read(id)
	if err != nil {
		return err
	}
	return w.elements(id, raw, level)
}

// read returns a page with those that belong to it.
func (w *walk) read(id uint64) ([]byte, error) {
	var head [headerSize]byte
	if _, err := w.file.ReadAt(head[:], int64(id)*w.pageSize); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	length := (int64(order.Uint32(head[12:])) + 1) * w.pageSize
	if order.Uint64(head[:]) != id || int64(id)*w.pageSize+length > w.size {
		return nil, fmt.Errorf("page %d: damaged header", id)
	}
	raw := make([]byte, length)
	if _, err := w.file.ReadAt(raw, int64(id)*w.pageSize); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	return raw, nil
}

// elements goes through a page, or through one that lies in a value.
func (w *walk) elements(id uint64, raw []byte, level int) error {
	if len(raw) < headerSize {
		return fmt.Errorf("page %d: too short", id)
	}
	flags, count := order.Uint16(raw[8:]), int(order.Uint16(raw[10:]))
	if flags != branchPage && flags != leafPage || headerSize+count*elementSize > len(raw) {
		return fmt.Errorf("page %d: damaged header", id)
	}
	var last []byte
	for i := range count {
		at := headerSize + i*elementSize
		key, next, err := element(flags, raw, at)
		if err != nil || i > 0 && bytes.Compare(last, key) >= 0 {
			return fmt.Errorf("page %d: element %d is damaged or out of order", id, i)
		}
		last = key
		if err := w.below(id, next, level); err != nil {
			return err
		}
	}
	return nil
}

// child is what an element leads to: a page, a page in a value, or nothing.
type child struct {
	page   uint64
	inline []byte
}

var errElement = errors.New("element outside of its page")

func element(flags uint16, raw []byte, at int) (key []byte, c child, err error) {
	e := raw[at : at+elementSize]
	if flags == branchPage {
		from, n := uint64(at)+uint64(order.Uint32(e)), uint64(order.Uint32(e[4:]))
		if from+n > uint64(len(raw)) {
			return nil, c, errElement
		}
		if c.page = order.Uint64(e[8:]); c.page == 0 {
			return nil, c, errElement
		}
		return raw[from : from+n], c, nil
	}
	from := uint64(at) + uint64(order.Uint32(e[4:]))
	n, m := uint64(order.Uint32(e[8:])), uint64(order.Uint32(e[12:]))
	if from+n+m > uint64(len(raw)) {
		return nil, c, errElement
	}
	if order.Uint32(e)&bucketFlag != 0 {
		value := raw[from+n : from+n+m]
		if len(value) < 16 {
			return nil, c, errElement
		}
		if c.page = order.Uint64(value); c.page == 0 {
			c.inline = value[16:]
		}
	}
	return raw[from : from+n], c, nil
}

func (w *walk) below(id uint64, c child, level int) error {
	switch {
	case c.page != 0:
		return w.page(c.page, level+1)
	case c.inline != nil:
		return w.elements(id, c.inline, level+1)
	}
	return nil
}
