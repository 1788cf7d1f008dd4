package warc

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Append appends r to dst as one gzip member. It computes Content-Length and
// WARC-Block-Digest, or for an HTTP response WARC-Payload-Digest unless Fields
// has it; for a request and a revisit neither. After an error dst is returned as it was; the only errors are
// ErrField and ErrTooLong, faults of the caller. r is not changed, and several
// goroutines may call Append at once.
func (r *Record) Append(dst []byte, c Coding) ([]byte, error) {
	header := headers.Get().(*[]byte)
	defer headers.Put(header)
	var err error
	if *header, err = r.header((*header)[:0]); err != nil {
		return dst, fmt.Errorf("warc: write %s record of %q: %w", r.Type, r.TargetURI, err)
	}
	return appendMember(dst, c, *header, r.Head, r.Body), nil
}

// headers are room for the header of one record after the other, MaxHeader or
// little more.
var headers = sync.Pool{New: func() any { return new([]byte) }}

// header adds the record's header with its blank line to b, which is empty.
func (r *Record) header(b []byte) ([]byte, error) {
	if err := r.check(); err != nil {
		return b, err
	}
	b = append(b, Version+"\r\n"...)
	b = appendField(b, "WARC-Type", r.Type)
	b = appendField(b, "WARC-Record-ID", r.ID)
	b = appendField(b, "WARC-Date", FormatDate(r.Date))
	if r.TargetURI != "" {
		b = appendField(b, "WARC-Target-URI", escapeURI(r.TargetURI))
	}
	for _, f := range r.Fields {
		if err := checkField(f); err != nil {
			return b, err
		}
		b = appendField(b, f.Name, strings.Trim(f.Value, " \t"))
	}
	payload := r.Type == TypeResponse && r.isHTTP()
	if payload && r.Get("WARC-Payload-Digest") == "" {
		b = appendField(b, "WARC-Payload-Digest", Digest(r.Body))
	}
	if r.Get("Content-Type") == "" && len(r.Head)+len(r.Body) > 0 {
		b = appendField(b, "Content-Type", defaultContentType(r.Type))
	}
	if !payload && !r.brief() { // a payload's digest is enough
		b = appendField(b, "WARC-Block-Digest", Digest(r.Head, r.Body))
	}
	b = appendField(b, "Content-Length", strconv.Itoa(len(r.Head)+len(r.Body)))
	b = append(b, "\r\n"...)
	if len(b) > MaxHeader || int64(len(r.Head))+int64(len(r.Body)) > MaxBlock {
		return b, ErrTooLong
	}
	return b, nil
}

// brief tells records that need no digest, for gzip has a checksum: requests, and
// revisits, which have no body.
func (r *Record) brief() bool { return r.Type == TypeRequest || r.Type == TypeRevisit }

func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

func defaultContentType(kind string) string {
	switch kind {
	case TypeRequest:
		return "application/http; msgtype=request"
	case TypeResponse, TypeRevisit:
		return "application/http; msgtype=response"
	case TypeInfo, TypeMetadata:
		return "application/warc-fields"
	}
	return "application/octet-stream"
}

// check holds r to what the standard demands of its type (sections 5 and 6).
func (r *Record) check() error {
	switch {
	case !isToken(r.Type):
		return fmt.Errorf("%w: type %q", ErrField, r.Type)
	case !isID(r.ID):
		return fmt.Errorf("%w: record ID %q", ErrField, r.ID)
	case r.Date.IsZero() || r.Date.UTC().Year() < 1 || r.Date.UTC().Year() > 9999:
		return fmt.Errorf("%w: date %v", ErrField, r.Date)
	case r.Type == TypeInfo && r.TargetURI != "":
		return fmt.Errorf("%w: a warcinfo record has no target URI", ErrField)
	case r.Type != TypeInfo && r.Type != TypeMetadata && r.TargetURI == "":
		return fmt.Errorf("%w: no target URI", ErrField)
	case r.Type == TypeRevisit && r.Get("WARC-Profile") == "":
		return fmt.Errorf("%w: revisit without WARC-Profile", ErrField)
	case r.Get("WARC-Profile") == ProfileIdentical && r.Get("WARC-Payload-Digest") == "":
		return fmt.Errorf("%w: identical revisit without WARC-Payload-Digest", ErrField)
	}
	return r.checkHead()
}

// checkHead sees that a reader will find the end of the HTTP head exactly
// where Head ends: the payload digest hangs on it.
func (r *Record) checkHead() error {
	bare := len(r.Head) == 0 && (r.Type == TypeRevisit || !r.isHTTP())
	if !bare && (headEnd(r.Head) != len(r.Head) || !bytes.HasSuffix(r.Head, []byte("\r\n\r\n"))) {
		return fmt.Errorf("%w: HTTP head does not end in its one blank line", ErrField)
	}
	return nil
}

// isID reports whether s is a URI in angle brackets, without blanks.
func isID(s string) bool {
	return len(s) > 2 && s[0] == '<' && s[len(s)-1] == '>' &&
		escapeURI(s[1:len(s)-1]) == s[1:len(s)-1]
}

// ownFields are written by header and nobody else.
var ownFields = []string{
	"WARC-Type", "WARC-Record-ID", "WARC-Date", "WARC-Target-URI", "WARC-Block-Digest", "Content-Length",
}

// checkField refuses what a reader would take for another field or for the
// end of the header, and bytes that no archive tool expects there.
func checkField(f Field) error {
	switch {
	case !isToken(f.Name):
		return fmt.Errorf("%w: name %q", ErrField, f.Name)
	case slices.ContainsFunc(ownFields, func(own string) bool { return strings.EqualFold(own, f.Name) }):
		return fmt.Errorf("%w: %s is not for Fields", ErrField, f.Name)
	case !isText(f.Value):
		return fmt.Errorf("%w: %s: %q", ErrField, f.Name, f.Value)
	}
	return nil
}

// isText reports whether s is UTF-8 without controls but for tabs.
func isText(s string) bool {
	ascii := true
	for i := range len(s) {
		c := s[i]
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return ascii || utf8.ValidString(s)
}

// isToken reports whether s is a token of RFC 9110, section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		if !tokenByte[s[i]] {
			return false
		}
	}
	return s != ""
}

var tokenByte = func() (is [256]bool) {
	for c := range is {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		is[c] = letter || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0
	}
	return is
}()

// escapeURI percent-encodes what cannot stand in a header line or in angle
// brackets. It leaves all else alone: a canonical URL keeps its spelling, by
// which other tools look it up.
func escapeURI(s string) string {
	clean := func(c byte) bool { return c > ' ' && c < 0x7f && c != '<' && c != '>' && c != '"' }
	i := 0
	for i < len(s) && clean(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	b := append(make([]byte, 0, len(s)+16), s[:i]...)
	for ; i < len(s); i++ {
		if clean(s[i]) {
			b = append(b, s[i])
		} else {
			b = append(b, '%', "0123456789ABCDEF"[s[i]>>4], "0123456789ABCDEF"[s[i]&15])
		}
	}
	return string(b)
}
