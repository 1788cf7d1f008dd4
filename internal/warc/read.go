package warc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// Reader reads the records of a file one after another, from a file of gzip
// members or a plain one. Its memory does not depend on what the file holds.
// It is not for several goroutines at once.
type Reader struct {
	file   source
	raw    *bufio.Reader // file
	member *gzip.Reader  // raw, inflated up to the end of one member
	text   *bufio.Reader // member
	cur    *Entry
	err    error
}

// source counts what was read, and keeps an error of the file apart from an
// error in the file.
type source struct {
	r   io.Reader
	n   int64
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// bufferSize is for the file and for the inflated member, in bytes.
const bufferSize = 16 << 10

// NewReader returns a Reader of r. Offsets count from where r stands.
func NewReader(r io.Reader) *Reader {
	reader := &Reader{raw: bufio.NewReaderSize(nil, bufferSize)}
	reader.reset(r, 0)
	return reader
}

// reset makes r read from another file, in which the next byte has the given
// offset.
func (r *Reader) reset(file io.Reader, offset int64) {
	r.file = source{r: file, n: offset}
	r.raw.Reset(&r.file)
	r.cur, r.err = nil, nil
}

func (r *Reader) offset() int64 { return r.file.n - int64(r.raw.Buffered()) }

// Entry is one record in a file. Of Record, Head and Body are nil: Read streams
// the block instead. An Entry ends with the next call of Reader.Next.
type Entry struct {
	Record
	Version       string // as found: "WARC/1.0"
	BlockDigest   string // WARC-Block-Digest
	ContentLength int64  // of the block, in bytes
	Offset        int64  // of the record in the file, in bytes
	Length        int64  // in the file, in bytes; known after Finish

	reader   *Reader
	in       *bufio.Reader
	left     int64 // of the block
	gzipped  bool
	finished bool
	err      error // of Finish
}

// Next returns the next record, after it has read what was left of the one
// before; what is wrong at that one's end is Next's error. At the end of the
// file the error is io.EOF. Errors are of type *Error and stay: nothing tells
// where a file makes sense again.
func (r *Reader) Next() (*Entry, error) {
	if r.err == nil && r.cur != nil {
		r.err = r.cur.Finish()
	}
	if r.err != nil {
		return nil, r.err
	}
	r.cur, r.err = r.open()
	return r.cur, r.err
}

// open reads the header of the record that begins here.
func (r *Reader) open() (*Entry, error) {
	if err := r.skipBlank(); err != nil {
		return nil, err
	}
	e := &Entry{reader: r, Offset: r.offset(), in: r.raw}
	if err := e.open(); err != nil {
		return nil, &Error{e.Offset, torn(err)}
	}
	return e, nil
}

// skipBlank passes over surplus line breaks between plain records. Its error
// at the end of the file is a bare io.EOF.
func (r *Reader) skipBlank() error {
	for {
		c, err := r.raw.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return io.EOF
		case err != nil:
			return &Error{r.offset(), err}
		case c != '\r' && c != '\n':
			return r.raw.UnreadByte()
		}
	}
}

func (e *Entry) open() error {
	if magic, err := e.in.Peek(2); err == nil && string(magic) == "\x1f\x8b" {
		if e.in, err = e.reader.inflate(); err != nil {
			return err
		}
		e.gzipped = true
	}
	mark, err := e.in.Peek(5)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !strings.HasPrefix("WARC/", string(mark)) {
		return ErrFormat
	}
	head, err := readHead(e.in, MaxHeader)
	if err != nil {
		return err
	}
	return e.parse(head)
}

// inflate begins the gzip member that begins here, with the buffers of the one
// before.
func (r *Reader) inflate() (*bufio.Reader, error) {
	if r.member == nil {
		r.member = new(gzip.Reader)
		r.text = bufio.NewReaderSize(nil, bufferSize)
	}
	if err := r.member.Reset(r.raw); err != nil {
		return nil, err
	}
	r.member.Multistream(false)
	r.text.Reset(r.member)
	return r.text, nil
}

// parse takes the header apart. A date that is none stays among the Fields.
func (e *Entry) parse(head []byte) error {
	version, fields := parseHead(head)
	e.Version = version
	lengths := 0
	for _, f := range fields {
		switch strings.ToLower(f.Name) {
		case "warc-type":
			e.Type = strings.ToLower(f.Value)
		case "warc-record-id":
			e.ID = f.Value
		case "warc-target-uri":
			// Old wget put it in angle brackets.
			e.TargetURI = strings.TrimSuffix(strings.TrimPrefix(f.Value, "<"), ">")
		case "warc-block-digest":
			e.BlockDigest = f.Value
		case "content-length":
			n, err := strconv.ParseUint(f.Value, 10, 63)
			if err != nil || lengths > 0 && int64(n) != e.ContentLength {
				return fmt.Errorf("%w: Content-Length %.40q", ErrFormat, f.Value)
			}
			e.ContentLength = int64(n)
			lengths++
		case "warc-date":
			if t, ok := parseDate(f.Value); ok {
				e.Date = t
				continue
			}
			fallthrough
		default:
			e.Fields = append(e.Fields, f)
		}
	}
	switch {
	case e.Type == "" || lengths == 0:
		return fmt.Errorf("%w: no WARC-Type or no Content-Length", ErrFormat)
	case e.ContentLength > MaxBlock:
		return ErrTooLong
	}
	e.left = e.ContentLength
	return nil
}
