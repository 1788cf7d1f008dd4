package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"crawl/internal/kv"
	"crawl/internal/warc"
)

// maxSegment is the size at which the next file of bodies is begun.
const maxSegment = 1 << 30

// segments is the append-only archive: DIR/000001.warc.gz and so on. Records
// get their place when they are handed in and reach the disk with the next
// flush, so no lock is held across a write.
type segments struct {
	dir     string
	program string

	mu      sync.Mutex // guards what follows
	end     tail       // where the next record goes
	pending []chunk
	failed  error // of a write; the archive has a gap until it is opened anew

	file *os.File // of the last chunk written; the committer's own
	open uint32
}

// chunk is bytes on their way to a segment.
type chunk struct {
	at    Place
	bytes []byte
}

func (s *segments) path(n uint32) string {
	return filepath.Join(s.dir, fmt.Sprintf("%06d.warc.gz", n))
}

// openSegments makes the archive end where the last commit says: what lies
// behind was written and never committed.
func openSegments(dir, program string, end tail) (*segments, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &segments{dir: dir, program: program, end: end}
	for n := end.Segment + 1; ; n++ {
		err := os.Remove(s.path(n))
		if errors.Is(err, os.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
	}
	if end.Segment == 0 {
		return s, nil
	}
	at, err := os.Stat(s.path(end.Segment))
	if err != nil {
		return nil, fmt.Errorf("store: %w: %w", ErrDamaged, err)
	}
	if at.Size() < end.Size {
		return nil, fmt.Errorf("store: %s is %w: it has %d bytes of %d", s.path(end.Segment), ErrDamaged, at.Size(), end.Size)
	}
	if at.Size() > end.Size {
		if err := os.Truncate(s.path(end.Segment), end.Size); err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
	}
	return s, nil
}

// add gives finished records their places, all in one segment.
func (s *segments) add(records ...[]byte) ([]Place, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return nil, s.failed
	}
	if s.end.Segment == 0 || s.end.Size >= maxSegment {
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
	s.pending = append(s.pending, chunk{at, b})
	s.end.Size += int64(len(b))
	return at
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
		return nil, fmt.Errorf("store: %w", err)
	}
	b, err := r.Append(nil, warc.Deflated)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return b, nil
}

// flush writes and syncs all that was added before, and returns where that
// ends. Only the committer calls it.
func (s *segments) flush() (tail, error) {
	s.mu.Lock()
	pending, end, err := s.pending, s.end, s.failed
	s.pending = nil
	s.mu.Unlock()
	if err != nil || len(pending) == 0 {
		return end, err
	}
	if err := s.write(pending); err != nil {
		s.mu.Lock()
		s.failed = fmt.Errorf("store: write bodies: %w", err)
		err = s.failed
		s.mu.Unlock()
		return end, err
	}
	return end, nil
}

func (s *segments) write(pending []chunk) error {
	for _, c := range pending {
		if err := s.use(c.at.Segment); err != nil {
			return err
		}
		if _, err := s.file.WriteAt(c.bytes, c.at.Offset); err != nil {
			return err
		}
	}
	return s.file.Sync()
}

// use makes n the open segment; the one before is complete then.
func (s *segments) use(n uint32) error {
	if s.file != nil && s.open == n {
		return nil
	}
	if err := s.close(); err != nil {
		return err
	}
	f, err := os.OpenFile(s.path(n), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	s.file, s.open = f, n
	return kv.SyncDir(s.dir)
}

func (s *segments) close() error {
	if s.file == nil {
		return nil
	}
	err := errors.Join(s.file.Sync(), s.file.Close())
	s.file = nil
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// read loads the record at p; only committed records may be read.
func (s *segments) read(p Place) (*warc.Record, error) {
	f, err := os.Open(s.path(p.Segment))
	if err != nil {
		return nil, fmt.Errorf("store: %w: %w", ErrDamaged, err)
	}
	defer f.Close()
	r, err := warc.ReadAt(f, p.Offset, p.Length, warc.MaxBlock)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w: %w", f.Name(), ErrDamaged, err)
	}
	return r, nil
}

// copy writes committed records to w as they are.
func (s *segments) copy(w io.Writer, places ...Place) error {
	for _, p := range places {
		if p.Segment == 0 {
			continue
		}
		f, err := os.Open(s.path(p.Segment))
		if err != nil {
			return fmt.Errorf("store: %w: %w", ErrDamaged, err)
		}
		n, err := io.Copy(w, io.NewSectionReader(f, p.Offset, p.Length))
		f.Close()
		if err != nil {
			return fmt.Errorf("store: copy a record of %s: %w", f.Name(), err)
		}
		if n != p.Length {
			return fmt.Errorf("store: %s is %w: it ends within a record", f.Name(), ErrDamaged)
		}
	}
	return nil
}
