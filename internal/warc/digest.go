package warc

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"io"
	"strings"
)

// Digest returns the labelled digest of the parts taken together, as it stands
// in WARC-Block-Digest and WARC-Payload-Digest: "sha256:" and lower-case
// hexadecimal.
//
// That spelling is npm warcio's own default and one of those Python's
// `warcio check` takes; the label is the name under which Python and Node know
// the hash. SHA-1 in base32, the custom of older crawlers, can be forged: two
// pages of one digest would be stored as one.
func Digest(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// Verdict is what became of one digest.
type Verdict uint8

const (
	// Unchecked: there is none, its algorithm is not known here, or it tells
	// of a payload that this record does not hold.
	Unchecked Verdict = iota
	Good
	Bad
)

// Check holds the verdicts on one record.
type Check struct{ Block, Payload Verdict }

// expected is a digest read from a field, and the hash to compare with it.
type expected struct {
	hash.Hash
	sum []byte
}

// newExpected reads "algorithm:value", the value in hexadecimal, base32, or
// base64 of either alphabet: all are found in archives. It returns nil for an
// algorithm it does not know. A value in no such encoding is the digest of
// nothing, so it will be Bad.
func newExpected(labelled string) *expected {
	algorithm, value, _ := strings.Cut(labelled, ":")
	var h hash.Hash
	switch strings.ReplaceAll(strings.ToLower(algorithm), "-", "") {
	case "sha1":
		h = sha1.New()
	case "sha256":
		h = sha256.New()
	case "sha512":
		h = sha512.New()
	default:
		return nil
	}
	return &expected{h, decodeSum(strings.TrimRight(strings.TrimSpace(value), "="), h.Size())}
}

// decodeSum tells the encodings apart by length. It returns nil for no digest.
func decodeSum(s string, size int) (sum []byte) {
	var err error
	switch len(s) {
	case hex.EncodedLen(size):
		sum, err = hex.DecodeString(s)
	case base32.StdEncoding.WithPadding(base32.NoPadding).EncodedLen(size):
		sum, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(s))
	case base64.RawStdEncoding.EncodedLen(size):
		s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
		sum, err = base64.RawStdEncoding.DecodeString(s)
	}
	if err != nil {
		return nil
	}
	return sum
}

// writer returns where to write what e is the digest of.
func (e *expected) writer() io.Writer {
	if e == nil {
		return io.Discard
	}
	return e.Hash
}

func (e *expected) verdict() Verdict {
	switch {
	case e == nil:
		return Unchecked
	case bytes.Equal(e.Sum(nil), e.sum):
		return Good
	}
	return Bad
}
