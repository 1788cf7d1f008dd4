package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"crawl/internal/weburl"

	"github.com/tinylib/msgp/msgp"
)

// readersTest is a run with an index of several parts.
func readersTest(t *testing.T) (b *Bolt, run RunID, pages []*Page) {
	b = openTest(t, t.TempDir())
	b.maxPart = 3000
	run = beginTest(t, b).ID
	putTest(t, b, run, 0, 100)
	putMenus(t, b, run, 200)
	wantSound(t, b)
	for p, err := range b.Pages(t.Context(), run) {
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, p)
	}
	return b, run, pages
}

// TestInlinkCounter asks in order, against it and at random.
func TestInlinkCounter(t *testing.T) {
	b, run, pages := readersTest(t)
	var urls []weburl.URL
	for _, p := range pages {
		urls = append(urls, p.URL, mustParse(p.URL.String()+"-not-there"))
	}
	for _, raw := range []string{"https://b.example/", "https://m.example/3", "http://a/", "https://zzz.example/"} {
		urls = append(urls, mustParse(raw))
	}
	slices.SortFunc(urls, func(x, y weburl.URL) int { return slices.Compare(x.Key(), y.Key()) })
	orders := [][]weburl.URL{urls, slices.Clone(urls), slices.Clone(urls)}
	slices.Reverse(orders[1])
	rand.Shuffle(len(urls), func(i, j int) { orders[2][i], orders[2][j] = orders[2][j], orders[2][i] })
	for i, order := range append(orders, orders...) {
		if i == len(orders) { // an earlier program did not count
			if err := b.commit(put{bucketCounts, run.key(), nil}); err != nil {
				t.Fatal(err)
			}
		}
		c, found := b.InlinkCounter(run), 0
		for _, u := range order {
			want, err := b.CountInlinks(t.Context(), run, u)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Count(t.Context(), u)
			if err != nil || got != want {
				t.Fatalf("order %d: %s has %v, %v; want %v", i, u, got, err, want)
			}
			found += got.Pages
		}
		if c.bare != (i >= len(orders)) {
			t.Errorf("order %d: the index was asked alone: %v", i, c.bare)
		}
		if found == 0 {
			t.Errorf("order %d: no link at all", i)
		}
	}
	empty := beginTest(t, b).ID
	if err := b.IndexLinks(t.Context(), empty, Identity{Of: same}); err != nil {
		t.Fatal(err)
	}
	if n, err := b.InlinkCounter(empty).Count(t.Context(), urls[0]); err != nil || n != (InlinkCount{}) {
		t.Errorf("of no pages: %v, %v", n, err)
	}
	if err := b.commit(put{bucketIndexed, run.key(), nil}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.InlinkCounter(run).Count(t.Context(), urls[0]); !errors.Is(err, ErrNotIndexed) {
		t.Errorf("without an index: %v", err)
	}
}

// A store without any page can be indexed, and asked.
func TestInlinksOfNothing(t *testing.T) {
	b := openTest(t, t.TempDir())
	run := beginTest(t, b).ID
	if err := b.IndexLinks(t.Context(), run, Identity{Of: same}); err != nil {
		t.Fatal(err)
	}
	if n, err := b.InlinkCounter(run).Count(t.Context(), mustParse("https://a.example/")); err != nil || n != (InlinkCount{}) {
		t.Errorf("links: %v, %v", n, err)
	}
	wantSound(t, b)
}

func TestAnswered(t *testing.T) {
	b, run, pages := readersTest(t)
	for _, wanted := range []func(int, string) bool{
		func(status int, fault string) bool { return fault == "" && status == 404 },
		func(_ int, fault string) bool { return fault != "" },
		func(status int, _ string) bool { return status == 200 },
		func(int, string) bool { return true },
		func(int, string) bool { return false },
	} {
		var want, got []string
		for _, p := range pages {
			if wanted(p.Status, "") || p.Fault != "" && wanted(0, p.Fault) {
				want = append(want, p.URL.String())
			}
		}
		for rec, err := range b.Answered(t.Context(), run, wanted) {
			if err != nil {
				t.Fatal(err)
			}
			u, err := rec.URL()
			if err != nil {
				t.Fatal(err)
			}
			var p Page
			if err := new(PageReader).Read(rec, &p, FieldsOf("Status", "Fault")); err != nil {
				t.Fatal(err)
			}
			if wanted(p.Status, "") || p.Fault != "" && wanted(0, p.Fault) {
				got = append(got, u.String())
			} else if len(want) <= len(pages)/4 {
				t.Errorf("%s is not wanted", u)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d pages, want %d", len(got), len(want))
		}
	}
	if err := b.commit(put{bucketMarks, run.key(), nil}); err != nil {
		t.Fatal(err)
	}
	for _, err := range b.Answered(t.Context(), run, func(int, string) bool { return true }) {
		if !errors.Is(err, ErrNotIndexed) {
			t.Errorf("by an older program: %v", err)
		}
	}
	wantSound(t, b) // and that is no fault
}

// All pages that have a value are among those that its bucket yields, which are
// not many more.
func TestMarked(t *testing.T) {
	b, run, pages := readersTest(t)
	for _, m := range allMarks {
		values := map[string][]string{"no such value": nil}
		for _, p := range pages {
			values[m.of(p)] = append(values[m.of(p)], p.URL.String())
		}
		for value, want := range values {
			got := map[string]bool{}
			for rec, err := range b.Marked(t.Context(), run, m, value) {
				if err != nil {
					t.Fatal(err)
				}
				u, err := rec.URL()
				if err != nil {
					t.Fatal(err)
				}
				got[u.String()] = true
			}
			for _, u := range want {
				if !got[u] {
					t.Errorf("%c %q: %s is missing", m, value, u)
				}
			}
		}
	}
	if has, err := b.HasMarks(t.Context(), run); !has || err != nil {
		t.Errorf("HasMarks %v, %v", has, err)
	}
	if err := b.commit(put{bucketMarks, run.key(), []byte("12345678")}); err != nil {
		t.Fatal(err)
	}
	if has, err := b.HasMarks(t.Context(), run); has || err != nil {
		t.Errorf("HasMarks of another program's: %v, %v", has, err)
	}
	for _, err := range b.Marked(t.Context(), run, MarkTitle, "") {
		if !errors.Is(err, ErrNotIndexed) {
			t.Errorf("of another program: %v", err)
		}
	}
}

// Buckets are so many that each has few pages, and values spread over them.
func TestBuckets(t *testing.T) {
	for pages, want := range map[int]int{0: 0, 15: 0, 16: 1, 1000: 6, 1_000_000: 16, 1 << 30: 16} {
		if got := bucketBits(pages); got != want {
			t.Errorf("%d pages: %d bits, want %d", pages, got, want)
		}
	}
	m := newMarks()
	for i := range 20_000 {
		m.page(&Page{URL: mustParse("https://a.example/"), Title: fmt.Sprintf("Item %d of the shop", i), Depth: i % 7}, uint32(i))
	}
	most := 0
	for _, numbers := range m.buckets(0) {
		most = max(most, len(numbers))
	}
	if most > 60 {
		t.Errorf("a bucket of titles has %d pages", most)
	}
	if n := len(m.buckets(3)); n != 7 {
		t.Errorf("seven depths have %d buckets", n)
	}
}

// Whatever fields are asked for, they are those of the whole record, also where
// another program wrote more.
func TestPageReader(t *testing.T) {
	b, run, pages := readersTest(t)
	all := AllFields.With(PageFields{})
	if got := all.Without(FieldsOf("Title")).With(FieldsOf("Title")); got != all {
		t.Errorf("sets: %v, want %v", got, all)
	}
	var r PageReader
	n := 0
	for rec, err := range b.PageRecords(t.Context(), run, nil) {
		if err != nil {
			t.Fatal(err)
		}
		old := asBefore(t, rec)
		for _, value := range [][]byte{rec.value, withStranger(t, rec.value), old, withStranger(t, old)} {
			var p Page
			rec := &PageRecord{run, rec.key, value}
			err := errors.Join(r.Read(rec, &p, FieldsOf("Status", "PayloadAt")), r.Read(rec, &p, FieldsOf("Title", "Asked", "Fault", "Links")))
			want := pages[n]
			if err != nil || p.Status != want.Status || p.Title != want.Title || p.Fault != want.Fault || p.Links != want.Links || !p.PayloadAt.Equal(want.PayloadAt) || p.MIME != "" {
				t.Fatalf("%s: %+v, %v; want %+v", want.URL, p, err, want)
			}
		}
		n++
	}
	if n != len(pages) {
		t.Errorf("%d records of %d", n, len(pages))
	}
}

// asBefore is the record as earlier programs wrote it.
func asBefore(t *testing.T, rec *PageRecord) []byte {
	t.Helper()
	p, err := readPage(rec.Run, rec.key, rec.value)
	if err != nil {
		t.Fatal(err)
	}
	p.slim()
	raw, err := encode(p)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// withStranger is a record that has fields which this program does not know.
func withStranger(t *testing.T, raw []byte) []byte {
	t.Helper()
	has, head, rest, err := openRecord(raw)
	if err != nil {
		t.Fatal(err)
	}
	if raw[0] == recordVersion {
		return append([]byte{recordVersion}, strangers(t, rest)...)
	}
	if rest == nil {
		rest = []byte{0x80}
	}
	rest = strangers(t, rest)
	b := binary.AppendUvarint(binary.AppendUvarint([]byte{pageVersion}, has|restBit), uint64(len(rest)))
	return append(append(b, rest...), head.raw[head.at:]...)
}

// strangers adds to a map.
func strangers(t *testing.T, raw []byte) []byte {
	t.Helper()
	n, rest, err := msgp.ReadMapHeaderBytes(raw)
	b := msgp.AppendMapHeader(nil, 2*n+1)
	b = msgp.AppendMapStrStr(msgp.AppendString(b, "a field before all others"), map[string]string{"st": "404"})
	for i := range n {
		from := rest
		if err == nil {
			_, rest, err = msgp.ReadMapKeyZC(rest)
		}
		if err == nil {
			rest, err = msgp.Skip(rest)
		}
		if err != nil {
			t.Fatal(err)
		}
		b = msgp.AppendMapStrStr(msgp.AppendString(b, fmt.Sprintf("a field of another program %d", i)), map[string]string{"st": "404", "t": strings.Repeat("x", int(i))})
		b = append(b, from[:len(from)-len(rest)]...)
	}
	return b
}
