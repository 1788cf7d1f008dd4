package store

import (
	"math"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"crawl/internal/weburl"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestSlimPage keeps pages whose fields repeat each other, in all ways.
func TestSlimPage(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	u, err := weburl.Parse("https://a.example/x?y=/z")
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 11, 26, 12, 0, 0, 123456789, time.UTC)
	address := func() string {
		return []string{"", u.String(), "https://a.example/", "https://a.example.org/", "http://a.example/", "https://a.example:81/", "not an address", "https://a.example/x?y=1"}[r.IntN(8)]
	}
	instant := func() time.Time { return noon.Add(time.Duration(r.IntN(2)) * time.Hour) }
	for range 5000 {
		want := &Page{
			URL: u, Run: 1, Fetched: instant(), FirstSeen: instant(), Changed: instant(), Size: r.Int64N(2), Wire: r.Int64N(2),
			Redirect: address(), Canonical: address(), Next: address(), Prev: address(), From: address(),
		}
		if r.IntN(4) > 0 {
			want.Record = Place{uint32(1 + r.IntN(2)), 1000, 100}
			want.Request = []Place{{}, {1, 900, 100}, {2, 900, 100}, {1, 10, 100}}[r.IntN(4)]
			if want.Payload = []Place{{}, want.Record, {1, 50, 60}}[r.IntN(3)]; want.Payload.Segment != 0 {
				want.PayloadURL, want.PayloadAt = address(), warcTime(instant())
				want.PayloadURL = max(want.PayloadURL, "http://b.example/")
			}
		}
		if r.IntN(2) > 0 {
			want.Asked = "https://a.example/x?y=/z&utm_source=w"
		}
		odd(r, want)
		raw, err := encodePage(want)
		if err != nil {
			t.Fatal(err)
		}
		got := &Page{URL: u, Run: 1}
		if err := decodePage(raw, got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b weburl.URL) bool { return a == b }), cmpopts.EquateApproxTime(0)); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
		inParts(t, r, want, raw)
		inParts(t, r, want, asBefore(t, &PageRecord{1, u.Key(), raw}))
	}
}

// odd gives a page values that a head can say, and others.
func odd(r *rand.Rand, p *Page) {
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	number := func() int { return []int{0, 1, 200, -1, math.MaxInt, math.MinInt}[r.IntN(6)] }
	yes := func() bool { return r.IntN(2) > 0 }
	p.Kind, p.Try, p.Status, p.Words, p.Depth, p.Hops = uint8(number()), uint16(number()), number(), number(), number(), number()
	p.Links, p.Canonicals, p.LinksOf = number(), number(), RunID(number())
	p.TTFB, p.Took, p.FreshFor = time.Duration(number()), time.Duration(number()), time.Duration(number())
	p.Proto, p.Type, p.MIME = one("", "HTTP/1.1", "ICY"), one("", "html", "x"), one("", "text/html", "text/\x00")
	p.Charset, p.CharsetBy, p.Lang, p.Encoding = one("", "utf-8", "-"), one("", "bom", "?"), one("", "en", "tlh"), one("", "gzip", "x, y")
	p.Addr = one("", "127.0.0.1", "::1", "::ffff:1.2.3.4", "fe80::1%eth0", "1.2.3.04", "2001:DB8::", "no address")
	p.Modified = one("", "Thu, 26 Nov 2026 11:00:00 GMT", "Fri, 26 Nov 2026 11:00:00 GMT", "Thu, 26 Nov 2026 11:00:00 UTC", "Thu, 01 Jan 1970 00:00:00 GMT",
		"Thu, 26 Nov 1926 11:00:00 GMT", "Sun, 07 Feb 2106 06:28:16 GMT", "yesterday")
	p.Title, p.H1, p.Description, p.ETag = one("", "a"), one("", "b"), one("", strings.Repeat("c", 300)), one("", `W/"1"`)
	p.NoIndex, p.NoFollow, p.NotModified, p.Unchanged, p.Passing = yes(), yes(), yes(), yes(), yes()
	p.Fault, p.Simhash = one("", "timeout"), uint64(number())
	if yes() {
		p.Hash[31], p.TextHash[0], p.Restricted = 1, 2, []string{"noarchive"}
	}
	if r.IntN(8) == 0 {
		p.Fetched, p.Changed = time.Unix(1<<40, 0), time.Unix(-1<<40, 1)
	}
}

// inParts reads a record field by field, in any order, and now and then two
// at once.
func inParts(t *testing.T, r *rand.Rand, want *Page, raw []byte) {
	t.Helper()
	var reader PageReader
	got := &Page{Run: want.Run}
	rec := &PageRecord{want.Run, want.URL.Key(), raw}
	fields := []string{
		"Fetched", "FirstSeen", "Changed", "Size", "Wire", "Redirect", "Canonical", "Next", "Prev", "From", "Record", "Request", "Payload",
		"PayloadURL", "PayloadAt", "Asked",
		"Kind", "Try", "TTFB", "Took", "Status", "Fault", "Passing", "Proto", "Addr", "Type", "MIME", "Charset", "CharsetBy", "Encoding", "Hash", "ETag", "Modified",
		"Title", "H1", "Description", "Lang", "Canonicals", "NoIndex", "NoFollow", "Words", "Restricted", "TextHash", "Simhash", "Depth", "Hops", "Links", "LinksOf",
		"FreshFor", "NotModified", "Unchanged",
	}
	r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	fields = fields[:12]
	for i, name := range fields {
		if err := reader.Read(rec, got, FieldsOf(name).With(FieldsOf(fields[r.IntN(i+1)]))); err != nil {
			t.Fatal(err)
		}
		for _, read := range fields[:i+1] {
			a, b := reflect.ValueOf(want).Elem().FieldByName(read), reflect.ValueOf(got).Elem().FieldByName(read)
			if diff := cmp.Diff(a.Interface(), b.Interface()); diff != "" {
				t.Fatalf("%s after %v: (-want +got)\n%s", read, fields[:i+1], diff)
			}
		}
	}
}

// TestDates holds dates against those of the standard library.
func TestDates(t *testing.T) {
	for range 10_000 {
		at := time.Unix(rand.Int64N(1<<32), 0).UTC()
		want := at.Format(http.TimeFormat)
		if got := string(appendDate(nil, at)); got != want {
			t.Fatalf("%d is %q, want %q", at.Unix(), got, want)
		}
		if got, ok := readDate(want); !ok || !got.Equal(at) {
			t.Fatalf("%q is %v, %t", want, got, ok)
		}
		other := []byte(want)
		other[rand.IntN(len(other))] ^= 1 << rand.IntN(8)
		if got, ok := readDate(string(other)); ok && got.Format(http.TimeFormat) != string(other) {
			t.Fatalf("%q is %v", other, got)
		}
	}
}

// TestSamePages compares pages as they are stored, in their heads and beside them.
func TestSamePages(t *testing.T) {
	record := func(change func(p *Page)) *PageRecord {
		p := pagesBefore()[0]
		change(p)
		raw, err := encodePage(p)
		if err != nil {
			t.Fatal(err)
		}
		return &PageRecord{p.Run, p.URL.Key(), raw}
	}
	var r PageReader
	was := record(func(*Page) {})
	for _, c := range []struct {
		fields PageFields
		change func(p *Page)
	}{
		{FieldsOf("Title"), func(p *Page) { p.Title = "Another" }},
		{FieldsOf("Title"), func(p *Page) { p.Title = "" }},
		{FieldsOf("Hash"), func(p *Page) { p.Hash[3]++ }},
		{FieldsOf("Restricted"), func(p *Page) { p.Restricted = nil }},
		{FieldsOf("Words"), func(p *Page) { p.Words = -1 }},
		{FieldsOf("From"), func(p *Page) { p.From = "https://a.example/x/z" }},
	} {
		now := record(c.change)
		if r.Same(was, now, c.fields) {
			t.Errorf("%v are the same", c.fields)
		}
		if others := FieldsOf("Status", "Description", "Meta", "Depth"); !r.Same(was, now, others) || !r.Same(was, was, c.fields) {
			t.Errorf("beside %v there is a difference", c.fields)
		}
	}
	if old := (&PageRecord{was.Run, was.key, asBefore(t, was)}); !r.Same(old, old, AllFields) || r.Same(old, was, FieldsOf("Title")) {
		t.Error("a record of an earlier program is not what it is")
	}
}
