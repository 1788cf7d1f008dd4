package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"crawl/internal/kv"
	"crawl/internal/warc"
)

const (
	// maxSegment is the size at which the next file of bodies is begun.
	maxSegment = 1 << 30
	// writeAtOnce bounds one write, unless a single record is larger.
	writeAtOnce = 1 << 20
	// mostSpare buffers are kept: one is written while another is filled.
	mostSpare = 2
)

// segments is the append-only archive: DIR/000001.warc.gz and so on. Records
// get their place when they are handed in and reach the disk with the next
// flush, so no lock is held across a write.
//
// What a flush could not write stays handed in, and the next flush writes all
// of it again: a failed sync says nothing of what it left undone.
type segments struct {
	dir     string
	program string
	limit   int64 // maxSegment; tests lower it
	most    int64 // bytes of records that may wait for a disk that takes none
	noSync  bool  // but when a segment is closed

	mu      sync.Mutex // guards what follows
	end     tail       // where the next record goes
	pending []stretch  // handed in since the last flush began
	waiting int64      // bytes in pending and in writing
	failed  error      // of the last flush
	moved   moves      // of files that were renewed, or are just now
	spare   [][]byte   // room for stretches to come, mostSpare at most

	// The committer's own: the file of the last record written, and what a flush
	// writes, or could not write.
	file    *os.File
	open    uint32
	writing []stretch
}

// stretch is records on their way to a segment, one behind the other.
type stretch struct {
	segment uint32
	offset  int64
	bytes   []byte
}

const segmentSuffix = ".warc.gz"

func segmentPath(dir string, n uint32) string {
	return filepath.Join(dir, fmt.Sprintf("%06d%s", n, segmentSuffix))
}

// listSegments returns the numbers of the segments in a folder, which need not
// be there, in order.
func listSegments(dir string) (numbers []uint32, err error) {
	names, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, e := range names {
		digits, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		if n, err := strconv.ParseUint(digits, 10, 32); ok && err == nil {
			numbers = append(numbers, uint32(n))
		}
	}
	slices.Sort(numbers)
	return numbers, err
}

func (s *segments) path(n uint32) string { return segmentPath(s.dir, n) }

// openSegments makes the archive end where the last commit says: what lies
// behind was written and never committed. Segments before the last one are
// Check's affair: one that is lost takes its own bodies with it, no more.
func openSegments(dir string, o Options, end tail) (*segments, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	s := &segments{dir: dir, program: o.Program, limit: maxSegment, most: int64(o.Memory), noSync: o.NoSync, end: end}
	if err := s.cut(); err != nil {
		return nil, err
	}
	for n := end.Segment + 1; ; n++ {
		if err := os.Remove(s.path(n)); errors.Is(err, os.ErrNotExist) {
			return s, nil
		} else if err != nil {
			return nil, err
		}
	}
}

// cut makes the last segment end where the archive does.
func (s *segments) cut() error {
	if s.end.Segment == 0 {
		return nil
	}
	path := s.path(s.end.Segment)
	at, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case err != nil:
		return err
	case at.Size() < s.end.Size:
		return fmt.Errorf("%s is %w: it has %d bytes of %d", path, ErrDamaged, at.Size(), s.end.Size)
	case at.Size() > s.end.Size:
		return os.Truncate(path, s.end.Size)
	}
	return nil
}

// add gives finished records, which it copies, their places, all in one segment.
func (s *segments) add(records ...[]byte) ([]Place, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil && s.waiting > s.most {
		return nil, s.failed
	}
	if s.end.Segment == 0 || s.end.Size >= s.limit {
		if err := s.begin(); err != nil {
			return nil, err
		}
	}
	places := make([]Place, len(records))
	for i, b := range records {
		places[i] = s.append(b)
	}
	return places, nil
}

func (s *segments) append(b []byte) Place {
	at := Place{Segment: s.end.Segment, Offset: s.end.Size, Length: int64(len(b))}
	last := len(s.pending) - 1
	if last < 0 || s.pending[last].segment != at.Segment || len(s.pending[last].bytes)+len(b) > writeAtOnce {
		s.pending = append(s.pending, stretch{at.Segment, at.Offset, s.room()})
		last++
	}
	s.pending[last].bytes = append(s.pending[last].bytes, b...)
	s.end.Size += at.Length
	s.waiting += at.Length
	return at
}

// room returns an empty buffer for a stretch.
func (s *segments) room() (b []byte) {
	if n := len(s.spare); n > 0 {
		b, s.spare = s.spare[n-1][:0], s.spare[:n-1]
	}
	return b
}

// begin starts a new segment with the record that says who wrote it.
func (s *segments) begin() error {
	n := s.end.Segment + 1
	b, err := s.info(filepath.Base(s.path(n)))
	if err != nil {
		return err
	}
	s.end = tail{Segment: n}
	s.append(b)
	return nil
}

// info is the record that every WARC file begins with.
func (s *segments) info(file string) ([]byte, error) {
	r, err := warc.Info{Filename: file, Software: s.program}.Record(warc.NewID(), time.Now())
	if err != nil {
		return nil, err
	}
	return r.Append(nil, warc.Deflated)
}

// flush writes and syncs all that was added before, and returns where that
// ends. Only the committer calls it.
func (s *segments) flush() (tail, error) {
	s.mu.Lock()
	s.writing = append(s.writing, s.pending...)
	s.pending = nil
	end := s.end
	s.mu.Unlock()
	if len(s.writing) == 0 {
		return end, nil
	}
	err := s.write()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed = err; err != nil {
		s.failed = fmt.Errorf("write bodies: %w", err)
		return end, s.failed
	}
	for _, w := range s.writing {
		s.waiting -= int64(len(w.bytes))
		if len(s.spare) < mostSpare && cap(w.bytes) <= 2*writeAtOnce {
			s.spare = append(s.spare, w.bytes)
		}
	}
	s.writing = nil
	return end, nil
}

// write writes and syncs all of s.writing.
func (s *segments) write() error {
	for _, w := range s.writing {
		if err := s.use(w.segment); err != nil {
			return err
		}
		if _, err := s.file.WriteAt(w.bytes, w.offset); err != nil {
			return err
		}
	}
	if s.noSync {
		return nil
	}
	return s.file.Sync()
}

// use makes n the open segment, and durable what was written to the one before.
func (s *segments) use(n uint32) error {
	if s.file != nil && s.open == n {
		return nil
	}
	if err := s.close(); err != nil {
		return err
	}
	f, err := os.OpenFile(s.path(n), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := kv.SyncDir(s.dir); err != nil {
		return errors.Join(err, f.Close())
	}
	s.file, s.open = f, n
	return nil
}

func (s *segments) close() error {
	if s.file == nil {
		return nil
	}
	err := errors.Join(s.file.Sync(), s.file.Close())
	s.file = nil
	return err
}

// read loads the record at p; only committed records may be read.
func (s *segments) read(p Place) (*warc.Record, error) {
	f, p, err := s.find(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := warc.ReadAt(f, p.Offset, p.Length, warc.MaxBlock)
	if err != nil {
		return nil, fmt.Errorf("%s is %w: %w", f.Name(), ErrDamaged, err)
	}
	return r, nil
}

// find opens the segment of a committed record, and returns where in it that
// lies: it may have moved since somebody was told.
func (s *segments) find(p Place) (*os.File, Place, error) {
	f, err := s.at(p.Segment)
	if err == nil {
		return f, p, nil
	}
	if now := s.now(p); now != p {
		f, err = s.at(now.Segment)
		return f, now, err
	}
	return nil, p, err
}

// at opens a committed segment.
func (s *segments) at(n uint32) (*os.File, error) {
	f, err := os.Open(s.path(n))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return f, err
}

// leave begins a new segment if the last one is among these.
func (s *segments) leave(closing map[uint32]bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !closing[s.end.Segment] {
		return nil
	}
	return s.begin()
}

// moving notes where records of these segments are from now on.
func (s *segments) moving(closing map[uint32]bool, to moves) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.moved == nil {
		s.moved = moves{}
	}
	for n := range closing {
		s.moved[n] = to[n]
	}
}

// now is where a record lies by now.
func (s *segments) now(p Place) Place {
	now := p
	_ = s.relocate(&now) // what moved nowhere is where it was
	return now
}

// relocate makes places be such as they are by now. It fails if one lies in a
// segment that goes, and was not copied.
func (s *segments) relocate(places ...*Place) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range places {
		for {
			list, goes := s.moved[p.Segment]
			if !goes {
				break
			}
			to, ok := list.find(*p)
			if !ok {
				return fmt.Errorf("a record at byte %d of %s was not moved", p.Offset, s.path(p.Segment))
			}
			*p = to
		}
	}
	return nil
}

// head is the length of the record that a segment begins with; 0 if it cannot
// be read.
func (s *segments) head(n uint32) (int64, error) {
	f, err := s.at(n)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	e, err := warc.NewReader(f).Next()
	if err == nil {
		_, err = e.Verify()
	}
	if err != nil || e.Type != warc.TypeInfo {
		return 0, nil
	}
	return e.Length, nil
}
