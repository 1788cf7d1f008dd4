package weburl

import "testing"

func TestKeyRequestURI(t *testing.T) {
	for _, raw := range []string{"http://a/", "https://www.example.com/a/b?c=d", "http://[::1]:8080/hs", "http://127.0.0.1/\tx", "https://s.h.example:99/s?h"} {
		u, err := Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := KeyRequestURI(u.Key()); got != u.RequestURI() {
			t.Errorf("%s: %q, want %q", raw, got, u.RequestURI())
		}
	}
	for _, key := range []string{"", "x", "x\t", "x\t80", "x\ty"} {
		if got := KeyRequestURI([]byte(key)); got != "" {
			t.Errorf("%q: %q", key, got)
		}
	}
}
