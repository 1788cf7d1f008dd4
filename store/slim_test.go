package store

import (
	"math/rand/v2"
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
	}
}
