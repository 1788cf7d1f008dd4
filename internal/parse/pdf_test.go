package parse

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// objStm is an object stream that holds s, compressed.
func objStm(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	if _, err := z.Write([]byte(s)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("7 0 obj\n<</Type/ObjStm/Filter/FlateDecode/N 2/First 10/Length %d>>\nstream\r\n%s\nendstream\nendobj\n", b.Len(), b.String())
}

func TestPDF(t *testing.T) {
	const head, info = "%PDF-1.7\n", "1 0 obj <</Title %s/Producer(x)>> endobj\n"
	for _, c := range []struct {
		name, body, title string
		links             []string
	}{
		{"title", head + fmt.Sprintf(info, `(A \(small\) t\151tle\
 here)`), "A (small) title here", nil},
		{"UTF-16", head + fmt.Sprintf(info, "<FEFF 00C4 006E>"), "Än", nil},
		{"Latin-1", head + fmt.Sprintf(info, `(\304n)`), "Än", nil},
		{"no title", head + "<</Title(a bookmark)>><</CreationDate(D:2026)>>", "", nil},
		{"links", head + `<</S/URI/URI(https://a.example/x)>> <</URI <68747470733a2f2f622e6578616d706c652f>>> <</URI(/rel)>> <</URI(mailto:x@y)>>`, "", []string{"pdf uri https://a.example/x", "pdf uri https://b.example/", "pdf uri /rel"}},
		{"compressed", head + objStm(t, "1 0 <</Producer(p)/Title(inside)>> <</S/URI/URI(https://c.example/)>>"), "inside", []string{"pdf uri https://c.example/"}},
		{"encrypted", head + "<</Encrypt 3 0 R>>" + fmt.Sprintf(info, "(xyz)"), "", nil},
		{"cut off", head + "<</Producer(x)/Title(", "", nil},
		{"damaged stream", head + strings.Replace(objStm(t, "<</URI(https://d.example/)>>"), "stream\r\n", "stream\r\n\x00", 1), "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Parse(mustURL(t, here), header("Content-Type", "application/pdf"), []byte(c.body), Options{})
			if d.Type != "pdf" || d.Title != c.title {
				t.Errorf("type %q, title %q; want %q", d.Type, d.Title, c.title)
			}
			if diff := cmp.Diff(c.links, show(d.Links)); diff != "" {
				t.Error(diff)
			}
		})
	}
	bomb := head
	for range 20 {
		bomb += objStm(t, strings.Repeat(" ", 4<<20))
	}
	Parse(mustURL(t, here), header("Content-Type", "application/pdf"), []byte(bomb), Options{}) // ends, and soon
}

func TestOpaqueKinds(t *testing.T) {
	for _, c := range []struct{ mime, body, want string }{
		{"image/svg-none", "\x00x", "image"},
		{"application/octet-stream", "\x89PNG\r\n\x1a\n", "image"},
		{"application/octet-stream", "RIFF\x00\x00\x00\x00WEBPVP8 ", "image"},
		{"text/html", "%PDF-1.4\n", "pdf"},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "PK\x03\x04", "office"},
		{"application/msword", "\xD0\xCF\x11\xE0", "office"},
		{"application/zip", "PK\x03\x04", "binary"},
	} {
		if d := Parse(mustURL(t, here), header("Content-Type", c.mime), []byte(c.body), Options{}); d.Type != c.want {
			t.Errorf("%s %q: %q, want %q", c.mime, c.body, d.Type, c.want)
		}
	}
}

func FuzzPDF(f *testing.F) {
	f.Add([]byte("%PDF-1.7 <</Producer(x)/Title(a\\(b)>> <</URI <68>>>"))
	f.Add([]byte("%PDF- /ObjStm stream\r\nx\x9c"))
	f.Fuzz(func(t *testing.T, body []byte) {
		d := Parse(mustURL(t, here), header("Content-Type", "application/pdf"), body, Options{})
		if len(d.Title) > defaultText {
			t.Fatal(d.Title)
		}
	})
}
