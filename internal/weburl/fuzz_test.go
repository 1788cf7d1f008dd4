package weburl

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	whatwg "github.com/nlnwa/whatwg-url/url"
)

// library is the slow way: the whole standard, by other hands. It answers in
// this package's spelling.
func library(raw, base string) (href string, reason error) {
	w, err := whatwg.Parse(base)
	if err != nil {
		return "", ErrInvalid
	}
	if w, err = w.Parse(raw); err != nil {
		return "", ErrInvalid
	}
	if w.Scheme() != "http" && w.Scheme() != "https" {
		return "", ErrScheme
	}
	w.SetUsername("")
	w.SetPassword("")
	path := strings.ReplaceAll(w.Pathname(), "^", "%5E") // encoded since 2024
	href = w.Scheme() + "://" + w.Host() + path
	if _, query, ok := strings.Cut(w.Href(true), "?"); ok {
		href += "?" + query
	}
	if len(href) > MaxLength {
		return "", ErrTooLong
	}
	return href, nil
}

// libraryErrs reports that the library is known to be wrong on raw: it takes
// any number of brackets about an IPv6 address, a sign in a number of an IPv4
// address, takes a label for one that begins with more digits than it can
// count, and reads host names by Unicode 15.
func libraryErrs(raw string) bool {
	raw = newlines.Replace(raw)
	return strings.Contains(raw, "[[") || strings.Contains(raw, "]]") ||
		strings.ContainsAny(raw, "+-") && strings.ContainsAny(raw, "0123456789") ||
		manyDigits.MatchString(raw) ||
		strings.Map(renew, raw) != raw
}

var manyDigits = regexp.MustCompile(`[0-9a-fA-F]{16}`)

// differ compares the two ways. Whether another scheme's address is well formed
// does not matter here.
func differ(t *testing.T, base URL, raw string) {
	t.Helper()
	got, err := base.Resolve(raw)
	want, reason := library(raw, base.String())
	switch {
	case errors.Is(err, ErrScheme) && reason != nil:
	case !errors.Is(err, reason) || got.String() != want:
		t.Errorf("%q on %s:\n got %q, %v\nwant %q, %v", raw, base, got, err, want, reason)
	}
	if err == nil {
		invariants(t, got)
	}
	if again, otherErr := base.ResolveTo(new(Room), raw); again != got || (otherErr == nil) != (err == nil) {
		t.Errorf("%q on %s: %q in a room, %v", raw, base, again, otherErr)
	}
}

// fast are texts at which a shortcut might take the wrong turn.
var fast = []string{
	"foo.html", "../x/y.html#frag", "/abs", "?q", "#frag", "//host/x", "http://b/x", "https://b:80/x?y#z", "",
	".", "..", "./", "../", "a/..", "a/../", "a/.", "a/./b", "...", "..a", ".a", "%2e", "%2E%2e/", ".%2e/b", "%2e%2e%2e", "%2ea",
	"//", "///", "///b", "/\\b", "\\b", "\\\\b", "a\\b", "a\\..\\b", "//b\\c", "?a\\b", "//b?c/d", "//b#c", "/?", "?", "a?", "a?#", "?a?b", "/a//b", "/..//..",
	"http:", "http:a", "http:/a", "http:?a", "http:#a", "http:..", "HTTP://B", "https:a", "https:/a", "https:", "https:?a",
	":", ":a", "1:", "a:b", "a+b:c", "/a:b", "a/b:c", "javascript:x", "//b:c", "//b:", "//b:0", "//b:80", "//b:443", "//b:00081", "//b:65535", "//b:65536",
	"//u@b", "//u:p@b:1", "//u@v@b", "//@", "//u@", "//@b", "//:@b", "//a@b:80/c@d",
	"//B.C", "//b.", "//b..", "//.", "//.b", "//b..c", "//-", "//_", "//b_c", "//1", "//1.", "//a.1", "//1.a", "//a.1a", "//a.0x", "//a.0x1.", "//a.0xg", "//0x", "//01.1", "//1.2.3.4", "//1.2.3.4.5", "//08", "//256.1",
	"//xn--", "//xn--a", "//XN--BCHER-KVA", "//a.xn--bcher-kva.b", "//axn--b", "//xn-", "//é", "//a\u3002b", "//%41", "//%00", "//%", "//a%2eb", "//a b", "//a<b",
	"//[::1]", "//[::1]:80", "//[::1", "//[]", "//[1::2::3]", "//[::ffff:1.2.3.4]", "//[::1.2.3]", "//[1:2:3:4:5:6:7:8]", "//[1:2:3:4:5:6:7::]", "//[::1]x", "//[00001::]",
	" a", "a ", "a b", "\ta", "a\tb", "a\n", "/\t/b", "ht\ntp://b", "a\x00", "\x00a", "a\x7f", "a\xff", "a?\xff", "é", "?é", "a%", "a%2", "a%zz", "a'b?c'd", "a{}`<>\"|b?{}`<>\"|", "a^b?c^d", "a;b,c=d", "~", "[", "]", "a#b#c", "?a#b?c", "#?", "é ", "é\x1f",
}

func TestFastAsSlow(t *testing.T) {
	for _, base := range []string{"http://a/", "http://a/b/c?d", "https://a.b:8443/x//y/", "http://[::1]:81/é", "https://xn--bcher-kva/?"} {
		for _, raw := range fast {
			differ(t, mustParse(t, base), raw)
		}
	}
}

func FuzzFastPath(f *testing.F) {
	for _, raw := range fast {
		f.Add("http://a/b/c?d", raw)
	}
	f.Fuzz(func(t *testing.T, base, raw string) {
		b, err := Parse(base)
		if err != nil || len(raw) > 2*MaxLength || libraryErrs(raw) || libraryErrs(base) {
			return
		}
		differ(t, b, raw)
	})
}

// FuzzParse asks that a URL parsed again is itself, and that no reading of it
// changes the host.
func FuzzParse(f *testing.F) {
	for _, raw := range fast {
		f.Add("http:" + raw)
	}
	set, err := NewParamSet(DefaultDropParams)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := Parse(raw)
		if err != nil {
			return
		}
		invariants(t, u)
		if same, err := Restore(u.String()); err != nil || same != u {
			t.Errorf("%s is restored as %s, error %v", u, same, err)
		}
		dropped := u.DropParams(set)
		if dropped.Origin() != u.Origin() || dropped.DropParams(set) != dropped {
			t.Errorf("%s: DropParams gives %s, then %s", u, dropped, dropped.DropParams(set))
		}
		invariants(t, dropped)
	})
}

func FuzzFromKey(f *testing.F) {
	for _, raw := range []string{"http://a.b/c", "https://[::1]:81/?", "http://1.2.3.4/"} {
		f.Add(mustParse(f, raw).Key())
	}
	f.Fuzz(func(t *testing.T, key []byte) {
		u, err := FromKey(key)
		if err == nil && string(u.Key()) != string(key) {
			t.Errorf("%q gives %s, whose key is %q", key, u, u.Key())
		}
		if err != nil && !errors.Is(err, ErrKey) {
			t.Errorf("%q: %v, want ErrKey", key, err)
		}
	})
}
