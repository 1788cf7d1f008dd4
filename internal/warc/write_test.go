package warc

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	stdgzip "compress/gzip"

	"github.com/google/go-cmp/cmp"
)

var testDate = time.Date(2026, 11, 22, 3, 4, 5, 678_901_234, time.UTC)

const testID = "<urn:uuid:11111111-2222-4333-8444-555555555555>"

func response(body string) *Record {
	h := http.Header{"Content-Type": {"text/html"}}
	return &Record{
		Type: TypeResponse, ID: testID, Date: testDate, TargetURI: "http://example.com/a?b=c",
		Fields: []Field{ProtocolField("HTTP/1.1")},
		Head:   ResponseHead("HTTP/1.1", 200, "", h, int64(len(body))),
		Body:   []byte(body),
	}
}

func mustAppend(t testing.TB, dst []byte, r *Record, c Coding) []byte {
	t.Helper()
	out, err := r.Append(dst, c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// inflate reads with another gzip than the one that wrote.
func inflate(t testing.TB, member []byte) string {
	t.Helper()
	z, err := stdgzip.NewReader(bytes.NewReader(member))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func TestAppendBytes(t *testing.T) {
	const want = "WARC/1.1\r\n" +
		"WARC-Type: response\r\n" +
		"WARC-Record-ID: " + testID + "\r\n" +
		"WARC-Date: 2026-11-22T03:04:05.678901Z\r\n" +
		"WARC-Target-URI: http://example.com/a?b=c\r\n" +
		"WARC-Protocol: http/1.1\r\n" +
		"WARC-Payload-Digest: sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\r\n" +
		"Content-Type: application/http; msgtype=response\r\n" +
		"Content-Length: 49\r\n" +
		"\r\n" +
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nhello" +
		"\r\n\r\n"
	for _, c := range []Coding{Deflated, Stored, Verbatim} {
		if diff := cmp.Diff(want, inflate(t, mustAppend(t, nil, response("hello"), c))); diff != "" {
			t.Errorf("coding %d: (-want +got)\n%s", c, diff)
		}
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	first := mustAppend(t, nil, response("one"), Deflated)
	both := mustAppend(t, bytes.Clone(first), response("two"), Stored)
	if !bytes.HasPrefix(both, first) {
		t.Error("Append changed the bytes before its own")
	}
	bad := response("x")
	bad.ID = ""
	out, err := bad.Append(both, Deflated)
	if !errors.Is(err, ErrField) || !bytes.Equal(out, both) {
		t.Errorf("after an error %d bytes, want %d; error %v", len(out), len(both), err)
	}
}

func TestAppendStoredDoesNotDeflate(t *testing.T) {
	for _, size := range []int{0, 1, maxStored - 1, maxStored, maxStored + 1, 3*maxStored + 7} {
		body := strings.Repeat("a", size)
		out := mustAppend(t, nil, response(body), Stored)
		if !bytes.Contains(out, []byte(body[:min(size, maxStored)])) {
			t.Errorf("%d bytes: the body does not lie in the member as it is", size)
		}
		if !strings.HasSuffix(inflate(t, out), "\r\n\r\n"+body+recordEnd) {
			t.Errorf("%d bytes: does not inflate to the body", size)
		}
	}
	if out := mustAppend(t, nil, response(strings.Repeat("a", 1<<20)), Deflated); len(out) > 10_000 {
		t.Errorf("1 MiB of one letter deflated to %d bytes", len(out))
	}
}

func TestAppendRefuses(t *testing.T) {
	field := func(name, value string) func(*Record) {
		return func(r *Record) { r.Fields = append(r.Fields, Field{name, value}) }
	}
	tests := map[string]struct {
		change func(*Record)
		want   error
	}{
		"no type":              {func(r *Record) { r.Type = "" }, ErrField},
		"type with break":      {func(r *Record) { r.Type = "a\r\nb" }, ErrField},
		"no ID":                {func(r *Record) { r.ID = "" }, ErrField},
		"bare ID":              {func(r *Record) { r.ID = "urn:uuid:1" }, ErrField},
		"ID with break":        {func(r *Record) { r.ID = "<a\r\nb>" }, ErrField},
		"no date":              {func(r *Record) { r.Date = time.Time{} }, ErrField},
		"date beyond 9999":     {func(r *Record) { r.Date = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, ErrField},
		"no URI":               {func(r *Record) { r.TargetURI = "" }, ErrField},
		"value with LF":        {field("X-A", "a\nb: c"), ErrField},
		"value with CR":        {field("X-A", "a\rb"), ErrField},
		"value with NUL":       {field("X-A", "a\x00"), ErrField},
		"value with ESC":       {field("X-A", "\x1b[2J"), ErrField},
		"value not UTF-8":      {field("X-A", "\xff"), ErrField},
		"name with colon":      {field("X:A", "a"), ErrField},
		"name with blank":      {field("X A", "a"), ErrField},
		"no name":              {field("", "a"), ErrField},
		"own length":           {field("content-length", "1"), ErrField},
		"own block digest":     {field("WARC-Block-Digest", "sha1:A"), ErrField},
		"own type":             {field("warc-type", "resource"), ErrField},
		"header too long":      {field("X-A", strings.Repeat("a", MaxHeader)), ErrTooLong},
		"no head":              {func(r *Record) { r.Head = nil }, ErrField},
		"head without end":     {func(r *Record) { r.Head = []byte("HTTP/1.1 200 OK\r\n") }, ErrField},
		"head ends twice":      {func(r *Record) { r.Head = []byte("HTTP/1.1 200 OK\r\n\r\nx\r\n\r\n") }, ErrField},
		"warcinfo with URI":    {func(r *Record) { r.Type = TypeInfo }, ErrField},
		"revisit, no profile":  {func(r *Record) { r.Type = TypeRevisit }, ErrField},
		"identical, no digest": {func(r *Record) { r.Type = TypeRevisit; field("WARC-Profile", ProfileIdentical)(r) }, ErrField},
	}
	for name, test := range tests {
		r := response("body")
		test.change(r)
		if out, err := r.Append(nil, Deflated); !errors.Is(err, test.want) || len(out) != 0 {
			t.Errorf("%s: %d bytes, error %v; want %v", name, len(out), err, test.want)
		}
	}
}

func TestTargetURI(t *testing.T) {
	tests := map[string]string{
		"http://a/":                   "http://a/",
		"http://a/%20x":               "http://a/%20x",
		"http://a/b c":                "http://a/b%20c",
		"http://a/\r\nWARC-Type: x":   "http://a/%0D%0AWARC-Type:%20x",
		"http://a/ä":                  "http://a/%C3%A4",
		"http://a/<\">\x7f\xff":       "http://a/%3C%22%3E%7F%FF",
		"http://a/?q={x}|[y]^`z\\'#f": "http://a/?q={x}|[y]^`z\\'#f",
	}
	for raw, want := range tests {
		r := response("")
		r.TargetURI = raw
		e, err := NewReader(bytes.NewReader(mustAppend(t, nil, r, Deflated))).Next()
		if err != nil {
			t.Fatal(err)
		}
		if e.TargetURI != want {
			t.Errorf("%q was written as %q, want %q", raw, e.TargetURI, want)
		}
	}
}

func TestDefaultContentType(t *testing.T) {
	for kind, want := range map[string]string{
		TypeMetadata: "application/warc-fields", "conversion": "application/octet-stream",
	} {
		r := &Record{Type: kind, ID: testID, Date: testDate, TargetURI: "http://a/", Body: []byte("x")}
		e, err := NewReader(bytes.NewReader(mustAppend(t, nil, r, Deflated))).Next()
		if err != nil || e.Get("Content-Type") != want {
			t.Errorf("%s: %+v, error %v; want %s", kind, e, err, want)
		}
	}
}

func TestNewID(t *testing.T) {
	form := regexp.MustCompile(`^<urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}>$`)
	seen := map[string]bool{}
	for range 1000 {
		id := NewID()
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("bad or repeated ID %q", id)
		}
		seen[id] = true
	}
}

func TestFormatDate(t *testing.T) {
	zone := time.FixedZone("", 3600)
	tests := map[string]time.Time{
		"2026-11-22T03:04:05.678901Z": testDate,
		"2026-11-22T02:04:05.000000Z": time.Date(2026, 11, 22, 3, 4, 5, 999, zone),
	}
	for want, in := range tests {
		if got := FormatDate(in); got != want {
			t.Errorf("FormatDate(%v) = %s, want %s", in, got, want)
		}
		if back, ok := parseDate(want); !ok || FormatDate(back) != want {
			t.Errorf("%s is read back as %v", want, back)
		}
	}
}

func TestParseDate(t *testing.T) {
	tests := map[string]time.Time{
		"2016":                           time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC),
		"2016-02":                        time.Date(2016, 2, 1, 0, 0, 0, 0, time.UTC),
		"2016-02-03":                     time.Date(2016, 2, 3, 0, 0, 0, 0, time.UTC),
		"2016-02-03T04:05Z":              time.Date(2016, 2, 3, 4, 5, 0, 0, time.UTC),
		"2016-02-03T04:05:06Z":           time.Date(2016, 2, 3, 4, 5, 6, 0, time.UTC),
		"2016-02-03T04:05:06.7Z":         time.Date(2016, 2, 3, 4, 5, 6, 7e8, time.UTC),
		"2016-02-03T04:05:06.123456789Z": time.Date(2016, 2, 3, 4, 5, 6, 123456789, time.UTC),
		"2016-02-03T04:05:06+01:00":      time.Date(2016, 2, 3, 3, 5, 6, 0, time.UTC),
	}
	for in, want := range tests {
		if got, ok := parseDate(in); !ok || !got.Equal(want) {
			t.Errorf("parseDate(%q) = %v, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "20160203", "2016-13", "yesterday", "2016-02-03 04:05:06"} {
		if got, ok := parseDate(in); ok {
			t.Errorf("parseDate(%q) = %v, want none", in, got)
		}
	}
}

func TestInfoRecord(t *testing.T) {
	r, err := Info{
		Filename: "000001.warc.gz", Software: "crawl/1.0", Robots: "obey",
		More: []Field{{"isPartOf", "acme"}, {"operator", ""}},
	}.Record(testID, testDate)
	if err != nil {
		t.Fatal(err)
	}
	const block = "software: crawl/1.0\r\nformat: WARC File Format 1.1\r\n" +
		"conformsTo: http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/\r\n" +
		"robots: obey\r\nisPartOf: acme\r\n"
	text := inflate(t, mustAppend(t, nil, r, Deflated))
	for _, want := range []string{
		"WARC-Type: warcinfo\r\n", "WARC-Filename: 000001.warc.gz\r\n",
		"Content-Type: application/warc-fields\r\n", "\r\n\r\n" + block + "\r\n\r\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if _, err := (Info{Software: "a\r\nrobots: ignore"}).Record(testID, testDate); !errors.Is(err, ErrField) {
		t.Errorf("a line break in the software's name: %v", err)
	}
}

func TestRevisit(t *testing.T) {
	original := response("body")
	fields := RevisitFields(ProfileIdentical, original.ID, "http://a/b c", original.Date)
	r := &Record{
		Type: TypeRevisit, ID: NewID(), Date: testDate.Add(time.Hour), TargetURI: original.TargetURI,
		Fields: append(fields, Field{"WARC-Payload-Digest", Digest(original.Body)}),
		Head:   original.Head,
	}
	text := inflate(t, mustAppend(t, nil, r, Deflated))
	for _, want := range []string{
		"WARC-Profile: http://netpreserve.org/warc/1.1/revisit/identical-payload-digest\r\n",
		"WARC-Refers-To-Target-URI: http://a/b%20c\r\n",
		"WARC-Refers-To-Date: 2026-11-22T03:04:05.678901Z\r\n",
		"WARC-Refers-To: " + testID + "\r\n",
		"Content-Type: application/http; msgtype=response\r\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	r.Head = nil
	if text := inflate(t, mustAppend(t, nil, r, Deflated)); !strings.Contains(text, "Content-Length: 0\r\n\r\n\r\n\r\n") ||
		strings.Contains(text, "Content-Type") {
		t.Errorf("revisit without a head:\n%s", text)
	}
}

func TestAppendFromManyGoroutines(t *testing.T) {
	want := [2][]byte{}
	for c := range want {
		want[c] = mustAppend(t, nil, response(strings.Repeat("text ", 5000)), Coding(c))
	}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 20 {
				got, err := response(strings.Repeat("text ", 5000)).Append(nil, Coding(i%2))
				if err != nil || !bytes.Equal(got, want[i%2]) {
					t.Errorf("goroutine %d got other bytes, error %v", i, err)
					return
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkAppend(b *testing.B) {
	words := strings.Fields(`<p class="text"> </p> <a href="/page/ "> </a> <li> </li> the crawler keeps what
		servers sent in archives that any tool reads because plain formats outlive programs`)
	seed := rand.New(rand.NewPCG(1, 2))
	var page strings.Builder
	for page.Len() < 26<<10 {
		page.WriteString(words[seed.IntN(len(words))] + " ")
	}
	for name, c := range map[string]Coding{"deflated": Deflated, "stored": Stored} {
		b.Run(name, func(b *testing.B) {
			r, dst := response(page.String()), []byte(nil)
			b.SetBytes(int64(page.Len()))
			b.ReportAllocs()
			for b.Loop() {
				dst = mustAppend(b, dst[:0], r, c)
			}
			b.ReportMetric(float64(len(dst)), "bytes/member")
		})
	}
}
