package warc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
	"strings"
)

// Verify reads the record to its end and compares its digests. The error wraps
// ErrDigest if one differs, and is any error of Read or Finish else. It must be
// called before anything of the block is read.
//
// A revisit's payload digest is that of another record and a segment's that of
// the whole, so neither is checked. A cut payload may carry the digest of
// either itself or the whole, so it is never Bad. Crawlers disagree on whether a
// payload is hashed with or without its chunks: both pass.
func (e *Entry) Verify() (Check, error) {
	if e.left != e.ContentLength || e.finished {
		return Check{}, &Error{e.Offset, errors.New("verify: the block was read before")}
	}
	check, err := e.compare()
	if err != nil {
		return Check{}, err
	}
	if err := e.Finish(); err != nil {
		return Check{}, err
	}
	switch {
	case check.Block == Bad:
		return check, &Error{e.Offset, fmt.Errorf("block: %w", ErrDigest)}
	case check.Payload == Bad:
		return check, &Error{e.Offset, fmt.Errorf("payload: %w", ErrDigest)}
	}
	return check, nil
}

func (e *Entry) compare() (Check, error) {
	block := newExpected(e.BlockDigest)
	in := bufio.NewReader(io.TeeReader(e, block.writer()))
	payload, err := e.comparePayload(in)
	if err == nil {
		_, err = io.Copy(io.Discard, in)
	}
	if err != nil {
		return Check{}, err
	}
	return Check{block.verdict(), payload}, nil
}

// comparePayload checks the payload digest while it reads the block from in.
func (e *Entry) comparePayload(in *bufio.Reader) (Verdict, error) {
	digest := e.Get("WARC-Payload-Digest")
	plain, decoded := newExpected(digest), newExpected(digest)
	if plain == nil || e.Type == TypeRevisit || e.Get("WARC-Segment-Number") != "" {
		return Unchecked, nil
	}
	chunked := false
	if e.isHTTP() {
		head, err := readHead(in, MaxHead)
		if errors.Is(err, ErrTooLong) {
			return Unchecked, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return Unchecked, err
		}
		chunked = isChunked(head)
	}
	body := io.TeeReader(in, plain)
	if chunked {
		// An error here is a fault of the chunks, or of the file: then the
		// next read meets it again.
		io.Copy(decoded, httputil.NewChunkedReader(body))
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return Unchecked, err
	}
	verdict := plain.verdict()
	if chunked && decoded.verdict() == Good {
		verdict = Good
	}
	if verdict == Bad && e.Get("WARC-Truncated") != "" {
		verdict = Unchecked
	}
	return verdict, nil
}

// isChunked reports whether a head says that chunks follow it.
func isChunked(head []byte) bool {
	_, fields := parseHead(head)
	for _, f := range fields {
		if strings.EqualFold(f.Name, "Transfer-Encoding") {
			codings := strings.Split(f.Value, ",")
			last := strings.TrimSpace(codings[len(codings)-1])
			return strings.EqualFold(last, "chunked")
		}
	}
	return false
}
