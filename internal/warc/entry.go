package warc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Read reads from the block.
func (e *Entry) Read(p []byte) (int, error) {
	if e.left == 0 || e.finished {
		return 0, io.EOF
	}
	n, err := e.in.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if err != nil {
		err = &Error{e.Offset, torn(err)}
	}
	return n, err
}

// Finish reads what is left of the record, checks that it ends as it must, and
// sets Length. In a gzip member that covers the member's checksum. It may be
// called again and then returns the same.
func (e *Entry) Finish() error {
	if e.finished {
		return e.err
	}
	e.finished = true
	if err := e.finish(); err != nil {
		e.err = &Error{e.Offset, torn(err)}
	}
	e.Length = e.reader.offset() - e.Offset
	return e.err
}

func (e *Entry) finish() error {
	for e.left > 0 {
		n, err := e.in.Discard(int(min(e.left, 1<<20)))
		e.left -= int64(n)
		if err != nil {
			return err
		}
	}
	if err := e.readEnd(); err != nil {
		return err
	}
	if e.gzipped {
		return e.readMemberEnd()
	}
	return nil
}

// readEnd reads the two line breaks behind the block. Bare line feeds pass.
func (e *Entry) readEnd() error {
	for breaks := 0; breaks < 2; {
		c, err := e.in.ReadByte()
		switch {
		case err != nil:
			return err
		case c == '\n':
			breaks++
		case c != '\r':
			return fmt.Errorf("%w: block goes on behind its Content-Length", ErrFormat)
		}
	}
	return nil
}

// readMemberEnd sees that nothing but line breaks follows in the member. The
// inflater reports the end only after it has compared the checksum.
func (e *Entry) readMemberEnd() error {
	for {
		c, err := e.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case c != '\r' && c != '\n':
			return ErrMember
		}
	}
}

// Load reads the whole record into memory and finishes it. Of an HTTP message,
// Head is what lies before the body. A block of more than limit bytes is
// ErrTooLong, and none of it was read. It must be called before anything of the
// block is read.
func (e *Entry) Load(limit int64) (*Record, error) {
	if e.ContentLength > limit {
		return nil, &Error{e.Offset, ErrTooLong}
	}
	var block bytes.Buffer
	// The length is only claimed, so most of it waits until the bytes come.
	block.Grow(int(min(e.ContentLength, 1<<20)) + bytes.MinRead)
	if _, err := block.ReadFrom(e); err != nil {
		return nil, err
	}
	if err := e.Finish(); err != nil {
		return nil, err
	}
	record := e.Record
	record.Body = block.Bytes()
	if record.isHTTP() {
		end := headEnd(record.Body)
		record.Head, record.Body = record.Body[:end:end], record.Body[end:]
	}
	return &record, nil
}

var readers = sync.Pool{New: func() any { return NewReader(nil) }}

// ReadAt loads the one record that fills length bytes at offset, up to limit
// bytes of block. Several goroutines may call it at once.
func ReadAt(ra io.ReaderAt, offset, length, limit int64) (*Record, error) {
	r := readers.Get().(*Reader)
	defer func() {
		r.reset(nil, 0)
		readers.Put(r)
	}()
	r.reset(io.NewSectionReader(ra, offset, max(length, 0)), offset)
	e, err := r.Next()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = &Error{offset, io.ErrUnexpectedEOF}
		}
		return nil, err
	}
	record, err := e.Load(limit)
	if err == nil && (e.Offset != offset || e.Length != length) {
		err = &Error{offset, fmt.Errorf("%w: it does not fill %d bytes", ErrFormat, length)}
	}
	if err != nil {
		return nil, err
	}
	return record, nil
}
