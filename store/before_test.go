package store

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tinylib/msgp/msgp"
	bolt "go.etcd.io/bbolt"

	"crawl/internal/weburl"
)

// recordsBefore are records of pagesBefore as a program of layout 2 wrote them.
var recordsBefore = []string{
	"01de0022a374727901a26174c70c05000000006afd86c0075bcd15a474746662d20012d687a4746f6f6bd20023cacea27374d100c8a27072a8485454" +
		"502f312e31a26970a93139322e302e322e31a27479a468746d6ca46d696d65a9746578742f68746d6ca26373a57574662d38a3637362a66865616465" +
		"72a2737ad14e20a168c420230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5a26574b422356531642d36316132623363" +
		"34643565366622a26c6dbd53756e2c2030312046656220323032362031323a30303a303020474d54a174a741207469746c65a26831a9412068656164" +
		"696e67a164b1576861742069742069732061626f75742ea16ca2656ea363616ea13da463616e6e01a26e69c3a177d104d2a2727391a96e6f61726368" +
		"697665a26d749182a16ea86f673a7469746c65a176a154a27468c41001020300000000000000000000000000a27368cf8000000000000000a3646570" +
		"04a26672a32f782fa26c6e3ca26c7203a26666d30000034630b8a000a372657181a16ed1012ca372656383a17302a16fd10514a16ed11388",
	"01de0013a374727902a26174c70c05000000006afd86c0075bcd15a27374d100c8a27072a8485454502f322e30a26970ab323030313a6462383a3a31" +
		"a2737ad14e20a477697265ffa168c420230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5a27468c41000000000000000" +
		"000000000000000000a364657000a26c6e3ca26c7203a26e6dc3a2756ec3a26673c70c05000000006afd78b0075bcd15a26c63c70c05000000006afd" +
		"8684075bcd15a372656383a17303a16f0aa16ed10190a370617983a17302a16fd10514a16ed11388a470617974c70c05000000006afd78b0075bca00",
	"0189a374727903a26174c70c05000000006afd86c0075bcd15a3666c74a774696d656f7574a4666c7478af4e6f20616e737765722063616d652ea370" +
		"6173c3a168c4200000000000000000000000000000000000000000000000000000000000000000a27468c41000000000000000000000000000000000" +
		"a364657001a26672b1687474703a2f2f622e6578616d706c652f",
}

func pagesBefore() []*Page {
	u, at := mustParse("https://a.example/x/y.html?q=1"), time.Unix(1_795_000_000, 123_456_789)
	return []*Page{
		{
			URL: u, Run: 3, Try: 1, Fetched: at, TTFB: 1_234_567, Took: 2_345_678, Status: 200, Proto: "HTTP/1.1", Addr: "192.0.2.1",
			Type: "html", MIME: "text/html", Charset: "utf-8", CharsetBy: "header", Size: 20_000, Wire: 20_000, Hash: sha256.Sum256([]byte("body")),
			ETag: `"5e1d-61a2b3c4d5e6f"`, Modified: "Sun, 01 Feb 2026 12:00:00 GMT", Title: "A title", H1: "A heading", Description: "What it is about.",
			Lang: "en", Canonical: u.String(), Canonicals: 1, NoIndex: true, Words: 1234, Restricted: []string{"noarchive"}, Meta: []Named{{"og:title", "T"}},
			TextHash: [16]byte{1, 2, 3}, Simhash: 1 << 63, Depth: 4, From: "https://a.example/x/", Links: 60, LinksOf: 3, FreshFor: time.Hour,
			FirstSeen: at, Changed: at, Request: Place{2, 1000, 300}, Record: Place{2, 1300, 5000}, Payload: Place{2, 1300, 5000},
			PayloadURL: u.String(), PayloadAt: warcTime(at),
		},
		{
			URL: u, Run: 4, Try: 2, Fetched: at, Status: 200, Proto: "HTTP/2.0", Addr: "2001:db8::1", Size: 20_000, Hash: sha256.Sum256([]byte("body")),
			NotModified: true, Unchanged: true, FirstSeen: at.Add(-time.Hour), Changed: at.Add(-time.Minute), Links: 60, LinksOf: 3,
			Record: Place{3, 10, 400}, Payload: Place{2, 1300, 5000}, PayloadURL: u.String(), PayloadAt: warcTime(at.Add(-time.Hour)),
		},
		{URL: u, Run: 5, Try: 3, Fetched: at, Fault: "timeout", FaultText: "No answer came.", Passing: true, FirstSeen: at, Changed: at, Depth: 1, From: "http://b.example/"},
	}
}

// TestPagesBefore reads records that an earlier program wrote.
func TestPagesBefore(t *testing.T) {
	for i, want := range pagesBefore() {
		raw, err := hex.DecodeString(recordsBefore[i])
		if err != nil {
			t.Fatal(err)
		}
		got := &Page{URL: want.URL, Run: want.Run}
		if err := decodePage(raw, got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b weburl.URL) bool { return a == b })); diff != "" {
			t.Errorf("record %d: (-want +got)\n%s", i, diff)
		}
	}
}

// TestStoreBefore opens a store as an earlier program left it, reads all of it and
// goes on with it.
func TestStoreBefore(t *testing.T) {
	dir := t.TempDir()
	b := openTest(t, dir)
	first := beginTest(t, b)
	run := first.ID
	pages := putTest(t, b, run, 0, 60)
	putMenus(t, b, run, 20)
	endTest(t, b, first, Complete)
	setBack(t, b)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}

	b = openTest(t, dir)
	wantSound(t, b)
	for i := range pages {
		wantVisit(t, b, run, i)
	}
	last := beginTest(t, b)
	for i, was := range putTest(t, b, last.ID, 0, 60) {
		if was.Fault == "" && (!was.Unchanged || was.Payload != pages[i].Payload || !was.FirstSeen.Equal(pages[i].Fetched)) {
			t.Errorf("visit %d is not held against the one before: %+v", i, was)
		}
	}
	wantSound(t, b)
	endTest(t, b, last, Complete)
	if err := b.IndexLinks(t.Context(), last.ID, Identity{Of: same}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Prune(t.Context(), []RunID{run}, PruneOptions{Dead: 0.01}); err != nil {
		t.Fatal(err)
	}
	wantSound(t, b)
}

// setBack makes the records of a store those of layout 2.
func setBack(t *testing.T, b *Bolt) {
	t.Helper()
	var puts []put
	all := func(bucket []byte, change func(key, value []byte)) {
		if err := b.scan(t.Context(), bucket, nil, func(key, value []byte) bool { change(key, value); return true }); err != nil {
			t.Fatal(err)
		}
	}
	all(bucketPages, func(key, value []byte) {
		puts = append(puts, put{bucketPages, key, asBefore(t, &PageRecord{runOf(key), key[runSize:], value})})
	})
	all(bucketLatest, func(key, value []byte) {
		h, err := parseHistory(value)
		if err != nil {
			t.Fatal(err)
		}
		puts = append(puts, put{bucketLatest, key, h.last.with(h.before.key())})
	})
	digests := map[[bodyKeySize]byte][32]byte{}
	for n := range 60 {
		d := sha256.Sum256(testBody(n))
		digests[[bodyKeySize]byte(d[:])] = d
	}
	all(bucketBodies, func(key, value []byte) {
		at, err := parseBody(value)
		if err != nil {
			t.Fatal(err)
		}
		old, err := encode(&at)
		if err != nil {
			t.Fatal(err)
		}
		d := digests[[bodyKeySize]byte(key)]
		puts = append(puts, put{bucketBodies, key, nil}, put{bucketBodies, d[:], old})
	})
	puts = append(puts, put{bucketMeta, keyVersion, []byte{2}})
	if err := b.db.Commit(t.Context(), &write{after: func(tx *bolt.Tx) error { return writeAll(tx, puts) }}); err != nil {
		t.Fatal(err)
	}
}

// inOrder tells whether a record has its fields once each, in the order of Page, as
// all programs wrote them and pick relies on.
func inOrder(raw []byte) bool {
	_, _, rest, err := openRecord(raw)
	if err != nil || len(rest) == 0 {
		return err == nil
	}
	n, rest, err := msgp.ReadMapHeaderBytes(rest)
	for at := -1; n > 0 && err == nil; n-- {
		var key []byte
		if key, rest, err = readKey(rest); err != nil {
			break
		}
		if i := keyIndex(key, 0); i >= 0 {
			if i <= at {
				return false
			}
			at = i
		}
		rest, err = skip(rest)
	}
	return err == nil
}

// FuzzPageRecord reads records of pages whole and in part: both say the same, and
// what they say can be written and read again.
func FuzzPageRecord(f *testing.F) {
	for i, p := range pagesBefore() {
		old, err := hex.DecodeString(recordsBefore[i])
		if err != nil {
			f.Fatal(err)
		}
		raw, err := encodePage(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(old)
		f.Add(raw)
	}
	u := mustParse("https://a.example/x/y.html?q=1")
	same := cmp.Comparer(func(a, b weburl.URL) bool { return a == b })
	f.Fuzz(func(t *testing.T, raw []byte) {
		whole, part := &Page{URL: u, Run: 1}, &Page{URL: u, Run: 1}
		if decodePage(raw, whole) != nil || !inOrder(raw) {
			return
		}
		if err := new(PageReader).Read(&PageRecord{1, u.Key(), raw}, part, AllFields); err != nil {
			t.Fatal(err)
		}
		again, err := encodePage(whole)
		if err != nil {
			t.Fatal(err)
		}
		read := &Page{URL: u, Run: 1}
		if err := decodePage(again, read); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(whole, part, same); diff != "" {
			t.Errorf("in part: (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(whole, read, same); diff != "" {
			t.Errorf("again: (-want +got)\n%s", diff)
		}
	})
}
