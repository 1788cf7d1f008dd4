package warc

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func unpackShort(t *testing.T, b []byte) []byte {
	t.Helper()
	in := bytes.NewReader(b)
	p, err := io.ReadAll(flate.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	if in.Len() > 0 {
		t.Fatalf("%d bytes behind the end", in.Len())
	}
	return p
}

// Whatever is repeated, at whatever distance and length, an inflater of others
// reads it.
func TestShort(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	texts := [][]byte{nil, {0}, []byte("abc"), []byte("abcd"), bytes.Repeat([]byte{255}, maxShort)}
	for n := range mostMatch + 20 { // a match of each length, and of each distance below
		texts = append(texts, append(bytes.Repeat([]byte("x"), n), "end"...))
	}
	for n := range maxShort - 8 {
		apart := make([]byte, n)
		for i := range apart {
			apart[i] = byte(random.Uint32())
		}
		texts = append(texts, append(append([]byte("once"), apart...), "once"...))
	}
	for _, p := range texts {
		if got := unpackShort(t, appendShort(nil, p)); !bytes.Equal(got, p) {
			t.Fatalf("%q is read as %q", p, got)
		}
	}
}

func FuzzShort(f *testing.F) {
	f.Add([]byte("aaaaaaaaaaaaabcabcabcabc"))
	f.Add([]byte(strings.Repeat("WARC-Type: revisit\r\n", 20)))
	f.Fuzz(func(t *testing.T, p []byte) {
		p = p[:min(len(p), maxShort)]
		if got := unpackShort(t, appendShort([]byte("before"), p)[len("before"):]); !bytes.Equal(got, p) {
			t.Fatalf("%q is read as %q", p, got)
		}
	})
}

func BenchmarkRevisit(b *testing.B) {
	r := notModified()
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		out, _ = r.Append(out[:0], Deflated)
	}
	b.ReportMetric(float64(len(out)), "bytes")
}

// notModified is what a recrawl writes of most pages.
func notModified() *Record {
	return &Record{
		Type: TypeRevisit, ID: "<urn:uuid:83bbc018-de2d-4d4f-80ad-6af052efb0cb>", Date: time.Unix(1795681506, 315219000), TargetURI: "http://docs.example/java.base/java/util/doc-files/coll-reference.html",
		Fields: append([]Field{ProtocolField("HTTP/1.1"), {"WARC-IP-Address", "192.0.2.1"}},
			RevisitFields(ProfileNotModified, "", "http://docs.example/java.base/java/util/doc-files/coll-reference.html", time.Unix(1795681492, 244197000))...),
		Head: []byte("HTTP/1.1 304 Not Modified\r\nConnection: keep-alive\r\nDate: Thu, 26 Nov 2026 08:25:06 GMT\r\n" +
			"Etag: \"6afeae3f-68e3\"\r\nLast-Modified: Thu, 19 Nov 2026 08:07:27 GMT\r\nServer: nginx/1.22.1\r\n\r\n"),
	}
}

// A recrawl adds one such record a page.
func TestRevisitIsSmall(t *testing.T) {
	b, err := notModified().Append(nil, Deflated)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 540 {
		t.Errorf("%d bytes", len(b))
	}
}
