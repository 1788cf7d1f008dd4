// Package warc writes and reads WARC/1.1 files (ISO 28500:2017), the format in
// which web archives keep what servers sent.
//
// A Record is encoded by Append into one finished gzip member, so any
// goroutine may encode and one may append the bytes to a file; nothing here
// opens, locks or syncs a file. A Reader streams the records of a compressed
// or plain file, ReadAt loads one, Verify compares digests.
//
// It refuses what would make a file ambiguous: a line break in a field, a
// record without its mandatory fields, several records in one gzip member, a
// length that is no number. It never writes plain or segmented records, does
// not undo content codings, and does not read ARC files.
package warc

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Version is the first line of every record written.
const Version = "WARC/1.1"

// Limits on one record, for the writer and the reader alike, in bytes.
const (
	// MaxHeader holds a record's own header: two addresses of 8 KiB that
	// were percent-encoded throughout, and room for the rest.
	MaxHeader = 64 << 10
	// MaxBlock bounds Content-Length. Blocks are streamed, so it guards time
	// and not memory.
	MaxBlock = 1 << 36
	// MaxHead is the longest HTTP head that Verify looks into.
	MaxHead = 1 << 20
)

// The record types that a crawl writes. A Reader passes on any other.
const (
	TypeInfo     = "warcinfo"
	TypeRequest  = "request"
	TypeResponse = "response"
	TypeRevisit  = "revisit"
	TypeMetadata = "metadata"
)

// Why a record is refused; test with errors.Is. A record that the file ends
// in the middle of is io.ErrUnexpectedEOF.
var (
	ErrFormat  = errors.New("not a WARC record")
	ErrField   = errors.New("field is missing or cannot be written")
	ErrTooLong = errors.New("longer than the limit")
	ErrMember  = errors.New("more than one record in a gzip member")
	ErrDigest  = errors.New("digest differs")
)

// Error tells where in the file the record begins that cannot be read.
type Error struct {
	Offset int64 // in bytes of the file as it is stored
	Err    error
}

func (e *Error) Error() string {
	return fmt.Sprintf("warc: record at %d: %v", e.Offset, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Field is one named field of a record's header.
type Field struct{ Name, Value string }

// Record is one WARC record. Its block is Head followed by Body: two slices,
// so that a large body is never copied behind its HTTP head.
type Record struct {
	Type      string
	ID        string    // "<urn:uuid:…>", see NewID
	Date      time.Time // when the fetch began; written in UTC with microseconds
	TargetURI string    // percent-encoded further where it must be
	// Fields holds the further named fields in the order written. Those that
	// Append writes by itself may not be among them: WARC-Type,
	// WARC-Record-ID, WARC-Date, WARC-Target-URI, WARC-Block-Digest,
	// Content-Length. A missing Content-Type is filled in by Type.
	Fields []Field
	Head   []byte // HTTP head with its blank line, or nothing
	Body   []byte
}

// Get returns the first value of the named field, or "". Names are compared
// without regard to case.
func (r *Record) Get(name string) string {
	for _, f := range r.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// isHTTP reports whether the block is an HTTP message.
func (r *Record) isHTTP() bool {
	switch kind, _, _ := strings.Cut(r.Get("Content-Type"), ";"); {
	case strings.EqualFold(strings.TrimSpace(kind), "application/http"):
		return true
	case kind != "":
		return false
	}
	return r.Type == TypeRequest || r.Type == TypeResponse || r.Type == TypeRevisit
}

// NewID returns a fresh record ID, a random UUID (RFC 9562, version 4).
func NewID() string {
	var u [16]byte
	rand.Read(u[:]) // never fails, by its documentation
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	h := hex.EncodeToString(u[:])
	return "<urn:uuid:" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:] + ">"
}

const dateLayout = "2006-01-02T15:04:05.000000Z"

// FormatDate writes t as WARC-Date is written: UTC, cut to microseconds. A
// WARC-Refers-To-Date must equal the other record's WARC-Date to the letter,
// so whoever keeps dates for it must keep the microseconds.
func FormatDate(t time.Time) string { return t.UTC().Format(dateLayout) }

// parseDate reads any W3C date that WARC/1.1 allows, from a year to fractions
// of a second (section 5.4).
func parseDate(s string) (time.Time, bool) {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
