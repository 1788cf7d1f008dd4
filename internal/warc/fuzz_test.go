package warc

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func FuzzReader(f *testing.F) {
	file, _ := segment(f)
	f.Add(file)
	f.Add([]byte(plain("WARC-Payload-Digest: sha1:VL2MMHO4YXUKFWV63YHTWSBM3GXKSQ2N\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")))
	f.Add([]byte(zip(f, plain("", "a")+plain("", "b"))))
	f.Add([]byte("WARC/1.1\r\nWARC-Type: a\r\nContent-Length: 9999999999\r\n\r\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		end := int64(0)
		r := NewReader(bytes.NewReader(file))
		for {
			e, err := r.Next()
			if err != nil {
				if e != nil {
					t.Fatal("an entry and an error")
				}
				break
			}
			if e.Offset < end || e.ContentLength < 0 || e.ContentLength > MaxBlock {
				t.Fatalf("record at %d behind %d, %d bytes", e.Offset, end, e.ContentLength)
			}
			n, err := io.Copy(io.Discard, e)
			if err == nil && n != e.ContentLength {
				t.Fatalf("%d bytes of %d without an error", n, e.ContentLength)
			}
			if err := e.Finish(); err != nil {
				break
			}
			end = e.Offset + e.Length
			if end > int64(len(file)) || e.Length <= 0 {
				t.Fatalf("record of %d bytes at %d", e.Length, e.Offset)
			}
			if _, err := ReadAt(bytes.NewReader(file), e.Offset, e.Length, 1<<20); err != nil && !errors.Is(err, ErrTooLong) {
				t.Fatalf("Next reads the record at %d, ReadAt does not: %v", e.Offset, err)
			}
		}
	})
}

func FuzzWriteRead(f *testing.F) {
	f.Add("http://a/b", "X-A", "value", []byte("body"), int64(1), uint8(0))
	f.Add("http://a/\r\n<>", "WARC-IP-Address", " ::1\t", []byte("\r\n\r\n"), int64(1<<40), uint8(1))
	f.Fuzz(func(t *testing.T, uri, name, value string, body []byte, micro int64, c uint8) {
		want := &Record{
			Type: TypeResponse, ID: NewID(), Date: time.UnixMicro(micro).UTC(), TargetURI: uri,
			Fields: []Field{{"WARC-Payload-Digest", Digest(body)}, {"Content-Type", "application/http"}, {name, value}},
			Head:   ResponseHead("HTTP/1.1", 200, value, map[string][]string{name: {value, uri}}, int64(len(body))),
			Body:   body,
		}
		file, err := want.Append(nil, Coding(c%3))
		if err != nil {
			if !errors.Is(err, ErrField) && !errors.Is(err, ErrTooLong) || len(file) > 0 {
				t.Fatalf("%d bytes and error %v", len(file), err)
			}
			return
		}
		if !utf8.ValidString(value) {
			t.Fatalf("wrote the value %q", value)
		}
		e, err := NewReader(bytes.NewReader(file)).Next()
		if err != nil {
			t.Fatal(err)
		}
		if check, err := e.Verify(); err != nil || check != (Check{Unchecked, Good}) && !strings.EqualFold(name, "WARC-Segment-Number") {
			t.Fatalf("%v, error %v", check, err)
		}
		got, err := ReadAt(bytes.NewReader(file), 0, int64(len(file)), 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		want.TargetURI = escapeURI(uri)
		want.Fields[2].Value = strings.Trim(value, " \t")
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	})
}

func FuzzParseHTTP(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\nbody"))
	f.Add([]byte("GET / HTTP/1.0\n\n"))
	f.Fuzz(func(t *testing.T, block []byte) {
		start, h, body := ParseHTTP(block)
		if !bytes.HasSuffix(block, body) || strings.Contains(start, "\n") {
			t.Fatalf("start %q, body %q of %q", start, body, block)
		}
		for name, values := range h {
			if name == "" || strings.Contains(name+strings.Join(values, ""), "\n") {
				t.Fatalf("header %q: %q", name, values)
			}
		}
	})
}
