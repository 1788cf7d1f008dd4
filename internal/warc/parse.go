package warc

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
)

// ParseHTTP splits the block of a request or response record into its first
// line, header and body. It takes what crawlers of all ages wrote: bare line
// feeds, folded lines, lines without a colon (ignored), a head without a blank
// line (no body). A block that does not begin with an HTTP message is all
// body, as HTTP/0.9 answers were. The body aliases block.
func ParseHTTP(block []byte) (start string, h http.Header, body []byte) {
	first, _, _ := bytes.Cut(block, []byte("\n"))
	if !bytes.Contains(first, []byte("HTTP/")) {
		return "", http.Header{}, block
	}
	end := headEnd(block)
	start, fields := parseHead(block[:end])
	h = make(http.Header, len(fields))
	for _, f := range fields {
		h.Add(f.Name, f.Value)
	}
	return start, h, block[end:]
}

// headEnd returns where the head at the beginning of block ends: behind its
// first blank line, or with block.
func headEnd(block []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(block[at:], '\n')
		if i < 0 {
			return len(block)
		}
		line := block[at : at+i+1]
		at += i + 1
		if isBlank(line) {
			return at
		}
	}
}

func isBlank(line []byte) bool { return len(bytes.TrimRight(line, "\r\n")) == 0 }

// parseHead reads the first line and the fields of a WARC or HTTP head. Folded
// lines are joined by one blank (RFC 9112, section 5.2), in linear time however
// many there are.
func parseHead(head []byte) (start string, fields []Field) {
	first, rest, _ := bytes.Cut(head, []byte("\n"))
	var line []byte // one field so far
	for part := range bytes.Lines(rest) {
		part = bytes.TrimRight(part, "\r\n")
		if len(part) == 0 {
			break
		}
		if part[0] == ' ' || part[0] == '\t' {
			line = append(append(line, ' '), bytes.Trim(part, " \t")...)
			continue
		}
		fields = addField(fields, line)
		line = append(line[:0], part...)
	}
	return strings.TrimRight(string(first), "\r"), addField(fields, line)
}

func addField(fields []Field, line []byte) []Field {
	name, value, ok := strings.Cut(string(line), ":")
	if name = strings.Trim(name, " \t"); !ok || name == "" {
		return fields
	}
	return append(fields, Field{name, strings.Trim(value, " \t")})
}

// readHead reads up to and with the first blank line. It returns what it read
// also with an error: io.EOF if the input ends before, ErrTooLong beyond limit.
func readHead(r *bufio.Reader, limit int) ([]byte, error) {
	var head []byte
	begin := 0 // of the line being read
	for {
		part, err := r.ReadSlice('\n')
		head = append(head, part...)
		switch {
		case len(head) > limit:
			return head, ErrTooLong
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return head, err
		case isBlank(head[begin:]):
			return head, nil
		}
		begin = len(head)
	}
}

// torn turns an end of input inside a record into io.ErrUnexpectedEOF.
func torn(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
