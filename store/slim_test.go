package store

import (
	"math/rand/v2"
	"reflect"
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
		return []string{"", u.String(), "https://a.example/", "https://a.example.org/", "http://a.example/", "https://a.example:81/", "not an address"}[r.IntN(7)]
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
	}
	r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
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
