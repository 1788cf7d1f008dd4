package store

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"hash/maphash"
	"io"
	"os"
	"slices"
	"strings"

	"crawl/internal/warc"
)

// Kinds of records, one bit each.
const (
	kindOther = 1 << iota
	kindRequest
	kindResponse
	kindRevisit

	kindAnswer = kindResponse | kindRevisit
)

var seed = maphash.MakeSeed()

func hashURL(u string) uint64 { return maphash.String(seed, u) }

// located is what a check remembers of a record: 40 bytes.
type located struct {
	offset, length int64
	url            uint64  // hash of WARC-Target-URI
	digest         [8]byte // the first bytes of the payload's
	kind           uint8
}

// inventory is where the committed records lie.
type inventory struct {
	bodies  *segments
	shelves []shelf
}

// shelf is one segment. A record that cannot be read hides where the next one
// begins, so what the index says of those behind is looked up one by one.
type shelf struct {
	file    *os.File // nil if it is not there
	missing error    // then, until somebody pointed at it
	size    int64    // of what is committed
	records []located
	read    int64 // up to where it was read in a row
}

// takeInventory reads all committed records and compares their digests.
func (c *check) takeInventory(ctx context.Context, end tail) (*inventory, error) {
	inv := &inventory{bodies: c.bodies}
	for n := uint32(1); n <= end.Segment; n++ {
		s, err := c.openShelf(n, end)
		if err == nil {
			err = c.readShelf(ctx, s)
		}
		inv.shelves = append(inv.shelves, *s)
		if err != nil {
			return nil, errors.Join(err, inv.close())
		}
	}
	return inv, nil
}

func (c *check) openShelf(n uint32, end tail) (*shelf, error) {
	s := &shelf{}
	f, err := c.bodies.at(n)
	if errors.Is(err, os.ErrNotExist) { // as after Prune, unless something points at it
		s.missing = err
		return s, nil
	}
	if err != nil {
		return s, c.damage(err)
	}
	s.file, s.size = f, end.Size
	if n < end.Segment {
		info, err := f.Stat()
		if err != nil {
			return s, err
		}
		s.size = info.Size()
	}
	return s, nil
}

func (c *check) readShelf(ctx context.Context, s *shelf) error {
	if s.file == nil {
		return nil
	}
	in := warc.NewReader(io.NewSectionReader(s.file, 0, s.size))
	for ctx.Err() == nil {
		e, err := in.Next()
		if errors.Is(err, io.EOF) {
			s.read = s.size
			return nil
		}
		if err == nil {
			_, err = e.Verify()
		}
		if err != nil {
			c.fault("%s: %v", s.file.Name(), err)
		}
		if err != nil && !errors.Is(err, warc.ErrDigest) {
			return nil
		}
		c.report.Records++
		c.report.Bytes += e.ContentLength
		s.records = append(s.records, locate(e))
		s.read = e.Offset + e.Length
	}
	return ctx.Err()
}

func locate(e *warc.Entry) located {
	l := located{offset: e.Offset, length: e.Length, url: hashURL(e.TargetURI), kind: kindOther}
	switch e.Type {
	case warc.TypeRequest:
		l.kind = kindRequest
	case warc.TypeResponse:
		l.kind = kindResponse
	case warc.TypeRevisit:
		l.kind = kindRevisit
	}
	_, digest, _ := strings.Cut(e.Get("WARC-Payload-Digest"), ":")
	hex.Decode(l.digest[:], []byte(digest[:min(len(digest), 2*len(l.digest))])) // all zero if it is none
	return l
}

// find returns the record at a place, or nil. One that was committed after the
// inventory was begun is read now.
func (inv *inventory) find(at Place) (*located, error) {
	if at.Segment == 0 {
		return nil, nil
	}
	if int64(at.Segment) > int64(len(inv.shelves)) {
		f, err := inv.bodies.at(at.Segment)
		if err != nil {
			return nil, missing(err)
		}
		defer f.Close()
		return readAt(f, at), nil
	}
	s := &inv.shelves[at.Segment-1]
	if s.file == nil {
		return nil, nil
	}
	if at.Offset >= s.read {
		return readAt(s.file, at), nil
	}
	i, ok := slices.BinarySearchFunc(s.records, at.Offset, func(l located, offset int64) int { return cmp.Compare(l.offset, offset) })
	if !ok || s.records[i].length != at.Length {
		return nil, nil
	}
	return &s.records[i], nil
}

// lost tells whether the whole segment of a record is not there, which is one
// fault.
func (c *check) lost(at Place) bool {
	if at.Segment == 0 || int64(at.Segment) > int64(len(c.there.shelves)) {
		return false
	}
	s := &c.there.shelves[at.Segment-1]
	if s.missing != nil {
		c.fault("%v", s.missing)
		s.missing = nil
	}
	return s.file == nil
}

// missing drops the error of a segment that is not there.
func missing(err error) error {
	if errors.Is(err, ErrDamaged) {
		return nil
	}
	return err
}

// readAt returns nil for a record that is not whole.
func readAt(f *os.File, at Place) *located {
	e, err := warc.NewReader(io.NewSectionReader(f, at.Offset, at.Length)).Next()
	if err == nil {
		_, err = e.Verify()
	}
	if err != nil || e.Length != at.Length {
		return nil
	}
	l := locate(e)
	return &l
}

func (inv *inventory) close() (err error) {
	for _, s := range inv.shelves {
		if s.file != nil {
			err = errors.Join(err, s.file.Close())
		}
	}
	return err
}
