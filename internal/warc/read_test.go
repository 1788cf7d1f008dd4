package warc

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// plain returns a record as other tools write it.
func plain(fields, block string) string {
	return fmt.Sprintf("WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: %s\r\nContent-Length: %d\r\n%s\r\n%s\r\n\r\n",
		testID, len(block), fields, block)
}

func zip(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// segment is a small file of the store's, and where its records end.
func segment(t testing.TB) (file []byte, ends []int64) {
	t.Helper()
	info, err := Info{Software: "crawl/1.0"}.Record(NewID(), testDate)
	if err != nil {
		t.Fatal(err)
	}
	empty := response("")
	request := &Record{
		Type: TypeRequest, ID: NewID(), Date: testDate, TargetURI: empty.TargetURI,
		Head: RequestHead("GET", "/", "example.com", "HTTP/1.1", nil),
	}
	ends = []int64{0}
	for i, r := range []*Record{info, response("hello"), request, empty, response("\r\n\r\nWARC/1.1\r\n")} {
		file = mustAppend(t, file, r, Coding(i%2))
		ends = append(ends, int64(len(file)))
	}
	return file, ends
}

func TestRoundTrip(t *testing.T) {
	want := response("hello\r\n\r\n")
	want.Fields = append(want.Fields, Field{"WARC-Concurrent-To", "<urn:x:1>"}, Field{"warc-concurrent-to", "<urn:x:2>"},
		Field{"WARC-Payload-Digest", Digest(want.Body)}, Field{"Content-Type", "application/http; msgtype=response"})
	file := mustAppend(t, nil, want, Deflated)
	got, err := ReadAt(bytes.NewReader(file), 0, int64(len(file)), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	want.Date = want.Date.Truncate(1000)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestReaderOffsets(t *testing.T) {
	file, ends := segment(t)
	for name, in := range map[string]io.Reader{
		"whole": bytes.NewReader(file), "byte by byte": iotest.OneByteReader(bytes.NewReader(file)),
	} {
		r := NewReader(in)
		for i, from := range ends[:len(ends)-1] {
			e, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			check, err := e.Verify()
			if err != nil || e.Type != TypeRequest && check.Block != Good && check.Payload != Good {
				t.Errorf("%s: record %d: %v, error %v", name, i, check, err)
			}
			if e.Offset != from || e.Length != ends[i+1]-from {
				t.Errorf("%s: record %d: %d bytes at %d, want %d at %d", name, i, e.Length, e.Offset, ends[i+1]-from, from)
			}
		}
		for range 2 {
			if e, err := r.Next(); !errors.Is(err, io.EOF) || e != nil {
				t.Errorf("%s: at the end %v, error %v", name, e, err)
			}
		}
	}
}

func TestReaderTakesOtherSpellings(t *testing.T) {
	tests := map[string]string{
		"plain":              plain("", "body"),
		"no last field":      plain("X-A: b\r\n", "body"),
		"bare line feeds":    strings.ReplaceAll(plain("", "body"), "\r\n", "\n"),
		"surplus blank":      "\r\n\n" + plain("", "body") + "\r\n\r\n\r\n",
		"lower-case names":   strings.ReplaceAll(plain("", "body"), "WARC-Type", "warc-type"),
		"upper-case type":    strings.ReplaceAll(plain("", "body"), "response", "RESPONSE"),
		"same length twice":  plain("Content-Length: 4\r\n", "body"),
		"line without colon": plain("nonsense\r\n", "body"),
		"folded":             plain("X-A: b\r\n  c\r\n", "body"),
		"gzip":               zip(t, plain("", "body")),
		"gzip, more breaks":  zip(t, plain("", "body")+"\r\n"),
	}
	for name, file := range tests {
		r := NewReader(strings.NewReader(file))
		e, err := r.Next()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		block, err := io.ReadAll(e)
		if err != nil || string(block) != "body" || e.Type != TypeResponse || e.Version != "WARC/1.0" {
			t.Errorf("%s: %s %s record with %q, error %v", name, e.Version, e.Type, block, err)
		}
		if e, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: then %v, error %v", name, e, err)
		}
	}
}

func TestReaderFields(t *testing.T) {
	file := plain("WARC-Date: 2016-02-03T04:05:06Z\r\nWARC-Target-URI: <http://a/>\r\nWARC-Block-Digest: sha1:A\r\nX-A: b\r\n  c\r\n", "")
	e, err := NewReader(strings.NewReader(file)).Next()
	if err != nil {
		t.Fatal(err)
	}
	if e.TargetURI != "http://a/" || FormatDate(e.Date) != "2016-02-03T04:05:06.000000Z" || e.BlockDigest != "sha1:A" || e.ID != testID {
		t.Errorf("read %+v", e)
	}
	if diff := cmp.Diff([]Field{{"X-A", "b c"}}, e.Fields); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	e, err = NewReader(strings.NewReader(plain("WARC-Date: soon\r\n", ""))).Next()
	if err != nil || !e.Date.IsZero() || e.Get("warc-date") != "soon" {
		t.Errorf("a date that is none: %+v, error %v", e, err)
	}
}

func TestReaderRefuses(t *testing.T) {
	good := plain("", "body")
	crc := []byte(zip(t, good))
	crc[len(crc)-8] ^= 1
	tests := map[string]struct {
		file string
		at   int64
		want error
	}{
		"text":                 {"<html>", 0, ErrFormat},
		"zeros":                {strings.Repeat("\x00", 4096), 0, ErrFormat},
		"zeros behind":         {good + "\x00\x00", int64(len(good)), ErrFormat},
		"text behind":          {good + "hello", int64(len(good)), ErrFormat},
		"half a mark":          {"WAR", 0, io.ErrUnexpectedEOF},
		"half a header":        {good[:40], 0, io.ErrUnexpectedEOF},
		"half a block":         {good[:len(good)-6], 0, io.ErrUnexpectedEOF},
		"half an end":          {good[:len(good)-1], 0, io.ErrUnexpectedEOF},
		"half a gzip header":   {"\x1f\x8b\x08", 0, io.ErrUnexpectedEOF},
		"half a member":        {string(crc[:40]), 0, io.ErrUnexpectedEOF},
		"member too short":     {zip(t, good[:40]), 0, io.ErrUnexpectedEOF},
		"empty member":         {zip(t, ""), 0, io.ErrUnexpectedEOF},
		"wrong checksum":       {string(crc), 0, gzip.ErrChecksum},
		"two in a member":      {zip(t, good+good), 0, ErrMember},
		"header too long":      {plain("X-A: "+strings.Repeat("a", MaxHeader)+"\r\n", ""), 0, ErrTooLong},
		"endless first line":   {"WARC/1.1" + strings.Repeat(" ", 2*MaxHeader), 0, ErrTooLong},
		"bomb of a header":     {zip(t, "WARC/1.1\r\n"+strings.Repeat("A: b\r\n", 2_000_000)), 0, ErrTooLong},
		"no length":            {"WARC/1.1\r\nWARC-Type: response\r\n\r\n\r\n\r\n", 0, ErrFormat},
		"no type":              {"WARC/1.1\r\nContent-Length: 0\r\n\r\n\r\n\r\n", 0, ErrFormat},
		"length of letters":    {plain("Content-Length: x\r\n", "body"), 0, ErrFormat},
		"negative length":      {plain("Content-Length: -4\r\n", "body"), 0, ErrFormat},
		"length with sign":     {plain("Content-Length: +4\r\n", "body"), 0, ErrFormat},
		"two lengths":          {plain("Content-Length: 5\r\n", "body"), 0, ErrFormat},
		"length beyond 2^63":   {"WARC/1.1\r\nWARC-Type: a\r\nContent-Length: 9223372036854775808\r\n\r\n", 0, ErrFormat},
		"length beyond limit":  {"WARC/1.1\r\nWARC-Type: a\r\nContent-Length: 9223372036854775807\r\n\r\n", 0, ErrTooLong},
		"length too small":     {strings.Replace(good, ": 4", ": 3", 1), 0, ErrFormat},
		"length small in gzip": {zip(t, strings.Replace(good, ": 4", ": 3", 1)), 0, ErrFormat},
		"length too big":       {strings.Replace(good, ": 4", ": 9", 1), 0, io.ErrUnexpectedEOF},
	}
	for name, test := range tests {
		r := NewReader(strings.NewReader(test.file))
		var err error
		for err == nil {
			_, err = r.Next()
		}
		var where *Error
		if !errors.Is(err, test.want) || !errors.As(err, &where) || where.Offset != test.at {
			t.Errorf("%s: %v, want %v at %d", name, err, test.want, test.at)
		}
		if _, again := r.Next(); !errors.Is(again, err) {
			t.Errorf("%s: the error did not stay: %v", name, again)
		}
	}
}

func TestEntryAfterNext(t *testing.T) {
	r := NewReader(strings.NewReader(plain("", "one") + plain("", "two")))
	first, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(first); err != nil || len(rest) > 0 {
		t.Errorf("the first entry still reads %q, error %v", rest, err)
	}
	if _, err := first.Verify(); err == nil {
		t.Error("Verify of a finished entry passed")
	}
	if block, err := io.ReadAll(second); err != nil || string(block) != "two" {
		t.Errorf("the second entry reads %q, error %v", block, err)
	}
}

func TestReadAt(t *testing.T) {
	file, ends := segment(t)
	ra := bytes.NewReader(file)
	got, err := ReadAt(ra, ends[1], ends[2]-ends[1], 1<<20)
	if err != nil || string(got.Body) != "hello" || !bytes.HasPrefix(got.Head, []byte("HTTP/1.1 200")) {
		t.Fatalf("read %+v, error %v", got, err)
	}
	tests := map[string]struct {
		offset, length, limit int64
		want                  error
	}{
		"limit":         {ends[1], ends[2] - ends[1], 10, ErrTooLong},
		"cut short":     {ends[1], ends[2] - ends[1] - 1, 1 << 20, io.ErrUnexpectedEOF},
		"one too many":  {ends[1], ends[2] - ends[1] + 1, 1 << 20, ErrFormat},
		"off by one":    {ends[1] + 1, ends[2] - ends[1], 1 << 20, ErrFormat},
		"behind":        {ends[5], 10, 1 << 20, io.ErrUnexpectedEOF},
		"nothing":       {0, 0, 1 << 20, io.ErrUnexpectedEOF},
		"negative size": {0, -5, 1 << 20, io.ErrUnexpectedEOF},
	}
	for name, test := range tests {
		got, err := ReadAt(ra, test.offset, test.length, test.limit)
		var where *Error
		if !errors.Is(err, test.want) || !errors.As(err, &where) || where.Offset != test.offset || got != nil {
			t.Errorf("%s: %v, error %v; want %v at %d", name, got, err, test.want, test.offset)
		}
	}
}

func TestReadAtDoesNotTrustTheLength(t *testing.T) {
	file := zip(t, "WARC/1.1\r\nWARC-Type: resource\r\nContent-Length: 60000000000\r\n\r\nshort")
	allocated := testing.AllocsPerRun(1, func() {
		if _, err := ReadAt(strings.NewReader(file), 0, int64(len(file)), MaxBlock); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("error %v", err)
		}
	})
	if allocated > 100 {
		t.Errorf("%v allocations", allocated)
	}
}

func TestErrorText(t *testing.T) {
	good := plain("", "body")
	r := NewReader(strings.NewReader(good + good[:30]))
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	_, err := r.Next()
	if want := fmt.Sprintf("warc: record at %d: unexpected EOF", len(good)); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
