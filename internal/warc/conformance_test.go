//go:build conformance

package warc

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"crawl/internal/conformance"

	"github.com/klauspost/compress/gzip"
)

type warcFile struct {
	File    string
	Error   *string
	Records []warcRecord
}

type warcRecord struct {
	Type          string
	URI           *string `json:"target_uri"`
	Date          string
	ContentLength string  `json:"content_length"`
	BlockDigest   string  `json:"warc-block-digest"`
	PayloadDigest string  `json:"warc-payload-digest"`
	ConcurrentTo  string  `json:"warc-concurrent-to"`
	Address       string  `json:"warc-ip-address"`
	Profile       string  `json:"warc-profile"`
	RefersTo      string  `json:"warc-refers-to-target-uri"`
	RefersToDate  string  `json:"warc-refers-to-date"`
	Truncated     string  `json:"warc-truncated"`
	Status        *string `json:"http_status"`
	HTTPType      *string `json:"http_content_type"`
	PayloadBytes  int     `json:"payload_bytes"`
	PayloadSHA256 string  `json:"payload_sha256"`
	DigestOK      *bool   `json:"digest_ok"`
}

func TestConformanceFiles(t *testing.T) {
	for _, test := range conformance.Load[warcFile](t, "warc/records.json") {
		t.Run(test.File, func(t *testing.T) {
			file, err := os.ReadFile(conformance.Path(t, "warc/"+test.File))
			if err != nil {
				t.Fatal(err)
			}
			r := NewReader(bytes.NewReader(file))
			for i, want := range test.Records {
				e, err := r.Next()
				if err != nil {
					t.Fatalf("record %d: %v", i, err)
				}
				checkEntry(t, i, e, want)
				if test.Error != nil {
					continue // the member does not end where the record does
				}
				record, err := ReadAt(bytes.NewReader(file), e.Offset, e.Length, 1<<20)
				if err != nil {
					t.Fatalf("record %d: %v", i, err)
				}
				checkContent(t, i, record, want)
			}
			_, err = r.Next()
			if test.Error == nil && !errors.Is(err, io.EOF) || test.Error != nil && !errors.Is(err, ErrMember) {
				t.Errorf("behind the last record: %v", err)
			}
		})
	}
}

func checkEntry(t *testing.T, i int, e *Entry, want warcRecord) {
	t.Helper()
	uri := ""
	if want.URI != nil {
		uri = *want.URI
	}
	for _, field := range []struct{ name, got, want string }{
		{"type", e.Type, want.Type},
		{"target URI", e.TargetURI, uri},
		{"date", e.Date.Format(time.RFC3339), want.Date},
		{"length", strconv.FormatInt(e.ContentLength, 10), want.ContentLength},
		{"block digest", e.BlockDigest, want.BlockDigest},
		{"payload digest", e.Get("WARC-Payload-Digest"), want.PayloadDigest},
		{"concurrent to", e.Get("WARC-Concurrent-To"), want.ConcurrentTo},
		{"address", e.Get("WARC-IP-Address"), want.Address},
		{"profile", e.Get("WARC-Profile"), want.Profile},
		{"refers to", e.Get("WARC-Refers-To-Target-URI"), want.RefersTo},
		{"refers to date", e.Get("WARC-Refers-To-Date"), want.RefersToDate},
		{"truncated", e.Get("WARC-Truncated"), want.Truncated},
	} {
		if field.got != field.want {
			t.Errorf("record %d: %s is %q, want %q", i, field.name, field.got, field.want)
		}
	}
	check, err := e.Verify()
	if errors.Is(err, ErrMember) {
		return
	}
	// The reference looks at no revisit, so null says nothing of our verdict
	// but that it is not Bad.
	if wrong := want.DigestOK != nil && !*want.DigestOK; errors.Is(err, ErrDigest) != wrong {
		t.Errorf("record %d: %v, error %v; digests wrong: %v", i, check, err, wrong)
	}
	if right := want.DigestOK != nil && *want.DigestOK; right && check == (Check{}) {
		t.Errorf("record %d: nothing was checked", i)
	}
}

func checkContent(t *testing.T, i int, r *Record, want warcRecord) {
	t.Helper()
	content := r.Body
	if want.Status != nil {
		start, h, body := ParseHTTP(append(bytes.Clone(r.Head), r.Body...))
		if !bytes.Equal(body, r.Body) {
			t.Errorf("record %d: ParseHTTP and ReadAt split the block at different places", i)
		}
		second := strings.Fields(start)[1]
		kind := ""
		if want.HTTPType != nil {
			kind = *want.HTTPType
		}
		if second != *want.Status || h.Get("Content-Type") != kind {
			t.Errorf("record %d: %s, %s; want %s, %s", i, second, h.Get("Content-Type"), *want.Status, kind)
		}
		content = decode(t, h, body)
	}
	sum := sha256.Sum256(content)
	if len(content) != want.PayloadBytes || hex.EncodeToString(sum[:]) != want.PayloadSHA256 {
		t.Errorf("record %d: %d bytes of content, SHA-256 %x; want %d, %s", i, len(content), sum, want.PayloadBytes, want.PayloadSHA256)
	}
}

func decode(t *testing.T, h http.Header, body []byte) []byte {
	t.Helper()
	in := io.Reader(bytes.NewReader(body))
	if strings.EqualFold(h.Get("Transfer-Encoding"), "chunked") {
		in = httputil.NewChunkedReader(in)
	}
	if h.Get("Content-Encoding") == "gzip" && len(body) > 0 {
		z, err := gzip.NewReader(in)
		if err != nil {
			t.Fatal(err)
		}
		in = z
	}
	content, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
