package weburl

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKey(t *testing.T) {
	tests := []struct{ url, key string }{
		{"https://www.example.com/a?b", "com example www\t443s/a?b"},
		{"http://example.com:8080/", "com example\t8080h/"},
		{"https://a:80/", "a\t80s/"},
		{"http://127.0.0.1/x", "127.0.0.1\t80h/x"},
		{"http://[::1]:81/x", "[::1]\t81h/x"},
		{"http://a.b./", " b a\t80h/"},
		{"http://a..b/", "b  a\t80h/"},
		{"http://a,b)/", "a,b)\t80h/"},
		{"http://x.1a/", "1a x\t80h/"},
	}
	for _, tt := range tests {
		u := mustParse(t, tt.url)
		if got := string(u.Key()); got != tt.key {
			t.Errorf("key of %s is %q, want %q", tt.url, got, tt.key)
		}
		invariants(t, u)
	}
}

// Sorted by key, the addresses of an origin are neighbours, and the domain
// comes before its sub-domains and these before the next domain.
func TestKeyOrder(t *testing.T) {
	want := []string{
		"http://com/",
		"https://example.com/", "https://example.com/a", "https://example.com/a/b", "https://example.com/a?b",
		"http://example.com/", "http://example.com/z",
		"https://example.com:80/",
		"http://example.com:8080/", "https://example.com:8080/",
		"http://a.example.com/", "http://b.a.example.com/", "http://www.example.com/",
		"http://example!x.com/", "http://example,com.com/", "http://example-2.com/", "http://example2.com/",
		"http://example.net/",
	}
	rank := func(s string) []byte { return mustParse(t, s).Key() }
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, func(a, b string) int { return bytes.Compare(rank(a), rank(b)) })
	origins := func(urls []string) (out []string) {
		for _, s := range urls {
			out = append(out, mustParse(t, s).Origin())
		}
		return slices.Compact(out)
	}
	if all := origins(got); len(all) != len(slices.Compact(slices.Sorted(slices.Values(all)))) {
		t.Errorf("an origin is in two places: %q", all)
	}
	under := func(s string) bool { return bytes.HasPrefix(rank(s), []byte("com example ")) }
	first, last := slices.IndexFunc(got, under), len(got)-1-slices.IndexFunc(reversed(got), under)
	if diff := cmp.Diff(want[10:13], got[first:last+1]); diff != "" {
		t.Errorf("the sub-domains of example.com (-want +got):\n%s", diff)
	}
	if own := mustParse(t, got[first-1]).Hostname(); own != "example.com" {
		t.Errorf("before the sub-domains of example.com is %s", own)
	}
}

func reversed(s []string) []string {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}

// No origin's key begins another's: a scan by prefix finds one origin.
func TestOriginKeyIsPrefixFree(t *testing.T) {
	var keys [][]byte
	for _, host := range []string{"a", "a.", "a.b", "b.a", "ab", "a,b", "1.2.3.4", "[::1]", "[::1:1]", "1.2.3.4a"} {
		for _, end := range []string{"", ":1", ":8", ":80", ":443", ":8080", ":44"} {
			keys = append(keys, mustParse(t, "http://"+host+end).OriginKey(), mustParse(t, "https://"+host+end).OriginKey())
		}
	}
	for _, a := range keys {
		for _, b := range keys {
			if !bytes.Equal(a, b) && bytes.HasPrefix(b, a) {
				t.Errorf("%q begins with %q", b, a)
			}
		}
	}
}

func TestFromKeyRefuses(t *testing.T) {
	for _, key := range []string{
		"", "\t", "a", "a\t", "a\t80", "a\t80h", "a\th/", "a\t80x/", "a\t443/s", "a\t080h/", "a\t65536h/", "A\t80h/",
		"a.b\t80h/", "1 0 0 127\t80h/", "1 2\t80h/", "u@a\t80h/", "a/\t80h/", "a\t80h/../b", "a\t80h/#b", "a\t80h/ ", "a\t80h/\xff", "[::01]\t80h/", "\t80h/",
	} {
		if u, err := FromKey([]byte(key)); !errors.Is(err, ErrKey) {
			t.Errorf("FromKey(%q) = %v, %v, want ErrKey", key, u, err)
		}
	}
}
