package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"crawl/internal/warc"
)

// found is a record of a WARC file.
type found struct {
	kind, uri, id, date string
	profile, refersTo   string // of a revisit: date and URI of what it refers to
	concurrent          string
	body                int64 // length of the block
}

// records reads a WARC file and compares its digests.
func records(t *testing.T, file io.Reader) (list []found) {
	t.Helper()
	in := warc.NewReader(file)
	for {
		e, err := in.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		check, err := e.Verify()
		brief := e.Type == warc.TypeRequest || e.Type == warc.TypeRevisit // has no digest of what is in it
		if err != nil || !brief && check.Payload != warc.Good && check.Block != warc.Good {
			t.Errorf("%s record of %s: %+v, %v", e.Type, e.TargetURI, check, err)
		}
		list = append(list, found{
			kind: e.Type, uri: e.TargetURI, id: e.ID, date: warc.FormatDate(e.Date), profile: e.Get("WARC-Profile"),
			refersTo: e.Get("WARC-Refers-To-Date") + " " + e.Get("WARC-Refers-To-Target-URI"), concurrent: e.Get("WARC-Concurrent-To"),
			body: e.ContentLength,
		})
	}
}

// wantReferences sees that each revisit names, to the letter, a response that
// lies before it, and each request the answer behind it.
func wantReferences(t *testing.T, list []found) {
	t.Helper()
	responses := map[string]bool{}
	for i, r := range list {
		switch r.kind {
		case warc.TypeResponse:
			responses[r.date+" "+r.uri] = true
		case warc.TypeRevisit:
			if !responses[r.refersTo] {
				t.Errorf("the revisit of %s refers to %q, which is not there", r.uri, r.refersTo)
			}
		case warc.TypeRequest:
			if !slices.ContainsFunc(list[i+1:], func(a found) bool { return a.id == r.concurrent && a.uri == r.uri && a.date == r.date }) {
				t.Errorf("the request for %s has no answer", r.uri)
			}
		}
	}
}

// archiveTest fills a store with every kind of exchange in two runs.
func archiveTest(t *testing.T, b *Bolt) (one, two *Run) {
	t.Helper()
	one, two = beginTest(t, b), beginTest(t, b)
	page := bytes.Repeat([]byte("<p>hello</p>\r\n\r\n"), 500)
	picture := bytes.Repeat([]byte("\xff\xd8 picture \r\n\r\n\x1f\x8b"), 20_000)
	clock := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	put := func(run *Run, u string, status int, body []byte, header ...string) *Page {
		t.Helper()
		clock = clock.Add(1_234_567_891 * time.Nanosecond) // no whole microseconds
		x := &Exchange{
			Start: clock, Proto: "HTTP/1.1", Status: status, Body: body, Header: http.Header{},
			Sent: http.Header{"User-Agent": {"crawl"}, "Cookie": {"secret"}},
		}
		for i := 0; i+1 < len(header); i += 2 {
			x.Header.Set(header[i], header[i+1])
		}
		p := &Page{URL: mustParse(u), Run: run.ID, Fetched: clock, Status: status, Hash: sha256.Sum256(body), Size: int64(len(body))}
		if status == http.StatusNotModified {
			_, good, err := b.Latest(t.Context(), p.URL)
			if err != nil {
				t.Fatal(err)
			}
			p.Status, p.NotModified, p.Hash = 200, true, good.Hash
		}
		if err := b.Put(t.Context(), p, nil, x); err != nil {
			t.Fatal(err)
		}
		return p
	}
	robots := &Robots{Origin: "https://a.example", Run: one.ID, URL: "https://a.example/robots.txt", Text: []byte("User-agent: *\n")}
	x := &Exchange{Start: clock, Proto: "HTTP/2.0", Status: 200, Header: http.Header{"Content-Type": {"text/plain"}}, Body: robots.Text}
	if err := b.PutRobots(t.Context(), robots, x); err != nil {
		t.Fatal(err)
	}
	put(one, "https://a.example/", 200, page, "Content-Type", "text/html", "ETag", `"1"`)
	put(one, "https://a.example/copy", 200, page, "Content-Type", "text/html")
	put(one, "https://a.example/picture", 200, picture, "Content-Type", "image/jpeg")
	put(one, "https://a.example/gone", 404, []byte("gone"), "Content-Length", "4000")
	put(one, "https://a.example/empty", 200, nil)
	put(one, "https://a.example/moved", 301, nil, "Location", "/")
	put(one, "https://a.example/busy", 503, []byte("busy"))
	put(one, "https://a.example/busy", 503, []byte("busy")) // the try that held the body gives way
	put(two, "https://a.example/", 304, nil)
	put(two, "https://a.example/copy", 304, nil)
	put(two, "https://a.example/picture", 200, picture, "Content-Type", "image/jpeg")
	put(two, "https://a.example/new", 200, robots.Text)
	return one, two
}

// TestArchive reads segments and exported runs.
func TestArchive(t *testing.T) {
	b := openTest(t, t.TempDir())
	one, two := archiveTest(t, b)
	wantSound(t, b)
	segment, err := os.Open(b.bodies.path(1))
	if err != nil {
		t.Fatal(err)
	}
	defer segment.Close()
	list := records(t, segment)
	wantReferences(t, list)
	wantKinds(t, "segment", list, map[string]int{"warcinfo": 1, "request": 11, "response": 7, "revisit": 6})
	for _, c := range []struct {
		run  *Run
		want map[string]int
	}{
		// Seven exchanges and robots.txt; the body of "busy" is its first try's.
		{one, map[string]int{"warcinfo": 1, "request": 8, "response": 7, "revisit": 2}},
		// Three bodies of the first run, to which all four visits refer; two were 304 and kept no request.
		{two, map[string]int{"warcinfo": 1, "request": 2, "response": 3, "revisit": 4}},
	} {
		var file bytes.Buffer
		if err := b.CopyRecords(t.Context(), &file, c.run.ID); err != nil {
			t.Fatal(err)
		}
		list := records(t, &file)
		wantReferences(t, list)
		wantKinds(t, fmt.Sprintf("run %d", c.run.ID), list, c.want)
	}
}

func wantKinds(t *testing.T, what string, list []found, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	ids := map[string]bool{}
	for _, r := range list {
		got[r.kind]++
		if ids[r.id] {
			t.Errorf("%s: %s of %s is there twice", what, r.kind, r.uri)
		}
		ids[r.id] = true
	}
	for kind, n := range want {
		if got[kind] != n {
			t.Errorf("%s: %d records are %s, want %d", what, got[kind], kind, n)
		}
	}
	if list[0].kind != warc.TypeInfo {
		t.Errorf("%s begins with %s", what, list[0].kind)
	}
}

func TestCopyRecordsFails(t *testing.T) {
	b := openTest(t, t.TempDir())
	one, _ := archiveTest(t, b)
	var whole bytes.Buffer
	if err := b.CopyRecords(t.Context(), &whole, one.ID); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 10, 1000, whole.Len() - 100} {
		if err := b.CopyRecords(t.Context(), &limitedWriter{n}, one.ID); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("with room for %d bytes: %v", n, err)
		}
	}
	if err := os.Truncate(b.bodies.path(1), 3000); err != nil {
		t.Fatal(err)
	}
	if err := b.CopyRecords(t.Context(), io.Discard, one.ID); !errors.Is(err, ErrDamaged) {
		t.Errorf("of a segment that is cut: %v", err)
	}
}

// limitedWriter takes n bytes.
type limitedWriter struct{ n int }

func (w *limitedWriter) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}
