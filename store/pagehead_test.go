package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"crawl/internal/weburl"
)

// wholeHead is the record of a page that has all fields of a head, as it was
// written first, and firstTerms the digest of the terms that there were then: what
// can be read today must be read for good.
const (
	wholeHead = "02feffffffffff070118e91efd632f4d1587ad4bce958f01c8010304c0000201050d2735a09c01230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b9" +
		"8e68fe31acb5697f40400741207469746c6509412068656164696e670541626f75743dd2090102030000000000000000000000000080000000000000000403003c" +
		"0202e807ab0202940a882739b8170622356531642280c0e285e36803017a020105001268747470733a2f2f622e6578616d706c652f18e91bb73276ad1518e91eef" +
		"6ae7f515010a900318e91bb73276aa00"
	firstTerms = "ec277fa0d85e96eb778b7afdfdc96bdd76871ba6dc00ddd9904ee1c124698fdb"
	termsFirst = 85
)

func pageOfHeads() *Page {
	at := time.Unix(1_795_000_000, 123_456_789)
	return &Page{
		URL: mustParse("https://a.example/x/y.html?q=1"), Run: 3, Kind: KindSitemap, Try: 1, Fetched: at, TTFB: 1_234_567, Took: 2_345_678, Status: 200, Proto: "HTTP/2.0",
		Addr: "192.0.2.1", Type: "html", MIME: "text/html", Charset: "utf-8", CharsetBy: "header", Encoding: "gzip", Size: 20_000, Wire: 3000,
		Hash: sha256.Sum256([]byte("body")), ETag: `"5e1d"`, Modified: "Sun, 01 Feb 2026 12:00:00 GMT", Title: "A title", H1: "A heading", Description: "About",
		Lang: "en", Canonical: "https://a.example/x/z", Canonicals: 2, NoIndex: true, NoFollow: true, Words: 1234, TextHash: [16]byte{1, 2, 3}, Simhash: 1 << 63,
		Depth: 4, Hops: 5, From: "https://a.example/x/", Redirect: "https://b.example/", Links: 60, LinksOf: 2, FreshFor: time.Hour, NotModified: true, Unchanged: true,
		FirstSeen: at.Add(-time.Hour), Changed: at.Add(-time.Minute), Request: Place{2, 1000, 299}, Record: Place{2, 1300, 5000},
		Payload: Place{1, 10, 400}, PayloadURL: "https://a.example/x/y.html?q=1", PayloadAt: warcTime(at.Add(-time.Hour)),
	}
}

// TestHeadStays: fields of a head keep their bits, their order and their coding, and
// terms their numbers.
func TestHeadStays(t *testing.T) {
	raw, err := hex.DecodeString(wholeHead)
	if err != nil {
		t.Fatal(err)
	}
	want := pageOfHeads()
	got := &Page{URL: want.URL, Run: want.Run}
	if err := decodePage(raw, got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b weburl.URL) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if now, err := encodePage(want); err != nil || hex.EncodeToString(now) != wholeHead {
		t.Errorf("it is written as %x, error %v", now, err)
	}
	if has, _, rest, err := openRecord(raw); err != nil || has != headBit(44)-headBit(0) || rest != nil {
		t.Errorf("the head has %b, beside it is %x, error %v: a field of it is not held to what it was", has, rest, err)
	}
	terms := sha256.Sum256([]byte(strings.Join(pageTerms[:termsFirst], "\n")))
	if got := hex.EncodeToString(terms[:]); got != firstTerms {
		t.Errorf("terms are others: %s", got)
	}
}

// TestBodiless: that an answer had no body is a bit of the head, and is read where
// earlier programs wrote it.
func TestBodiless(t *testing.T) {
	want := pageOfHeads()
	want.Wire = 0
	raw, err := encodePage(want)
	if err != nil {
		t.Fatal(err)
	}
	has, head, rest, err := openRecord(raw)
	if bit := headBit(44); err != nil || has&headBits(wireField) != bit || rest != nil {
		t.Fatalf("the head has %b, beside it is %x, error %v", has, rest, err)
	}
	const before = "\x81\xa4wire\xff"
	old := binary.AppendUvarint([]byte{pageVersion}, has&^headBit(44)|restBit)
	old = append(append(append(old, byte(len(before))), before...), head.raw[head.at:]...)
	for _, raw := range [][]byte{raw, old} {
		got, part := &Page{URL: want.URL, Run: want.Run}, &Page{Size: want.Size}
		if err := decodePage(raw, got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b weburl.URL) bool { return a == b })); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		var r PageReader
		if err := r.Read(&PageRecord{want.Run, want.URL.Key(), raw}, part, wireField); err != nil || part.Wire != 0 || part.Size == 0 {
			t.Errorf("%d bytes of %d, error %v", part.Wire, part.Size, err)
		}
	}
}
