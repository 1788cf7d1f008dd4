package crawler

import (
	"strings"
	"testing"

	"crawl/internal/weburl"
)

func TestScopeKinds(t *testing.T) {
	for _, test := range []struct {
		kind, seed string
		in, out    []string
	}{
		{
			ScopeHost, "https://example.com/docs/intro",
			[]string{"https://example.com/", "http://example.com/x", "https://EXAMPLE.com:443/"},
			[]string{
				"https://notexample.com/", "https://example.com.evil.test/", "https://evil.test/?u=https://example.com", "https://www.example.com/",
				"https://evil.test/example.com/", "https://example.com:8443/", "https://example.com@evil.test/", "https://example.com./",
			},
		},
		{
			ScopeDomain, "https://www.example.co.uk/",
			[]string{"https://example.co.uk/", "http://a.b.example.co.uk:81/", "https://example.co.uk./"},
			[]string{"https://other.co.uk/", "https://co.uk/", "https://notexample.co.uk/", "https://example.co.uk.evil.test/"},
		},
		{
			ScopeDomain, "https://someone.github.io/", // a private suffix
			[]string{"https://someone.github.io/x", "https://sub.someone.github.io/"},
			[]string{"https://other.github.io/", "https://github.io/"},
		},
		{
			ScopeDomain, "http://intranet/",
			[]string{"http://intranet/x"},
			[]string{"http://other/", "http://sub.intranet/"},
		},
		{
			ScopeDomain, "http://192.0.2.1/",
			[]string{"http://192.0.2.1/", "http://192.0.2.1:8080/"},
			[]string{"http://192.0.2.2/", "http://1.192.0.2.1.example/"},
		},
		{
			ScopePrefix, "https://example.com/docs/intro",
			[]string{"https://example.com/docs/", "https://example.com/docs/a/b", "https://example.com/docs/../docs/x", "https://example.com/docs/?q"},
			[]string{"https://example.com/", "https://example.com/docs", "https://example.com/docsx/", "http://example.com/docs/", "https://example.com/docs/../x", "https://example.com:444/docs/"},
		},
		{
			ScopePrefix, "https://example.com",
			[]string{"https://example.com/", "https://example.com/x?y"},
			[]string{"https://example.com.evil.test/", "https://example.com:444/"},
		},
	} {
		s := newScope(test.kind, []weburl.URL{at(t, test.seed)}, nil)
		for _, raw := range test.in {
			if !s.contains(at(t, raw)) {
				t.Errorf("%s of %s lacks %s", test.kind, test.seed, raw)
			}
		}
		for _, raw := range test.out {
			if s.contains(at(t, raw)) {
				t.Errorf("%s of %s holds %s", test.kind, test.seed, raw)
			}
		}
	}
}

func TestScopeWidens(t *testing.T) {
	s := newScope(ScopePrefix, []weburl.URL{at(t, "http://a.test/docs/")}, []string{"http://b.test/x/", "no address"})
	for _, test := range []struct {
		raw  string
		wide bool
	}{
		{"http://a.test/docs/x", false},
		{"http://b.test/x/y", false},
		{"http://www.a.test/docs/", true},
		{"http://www.a.test/docs/", false},
		{"http://www.a.test/docs/deeper/", false},
		{"http://www.a.test/", true},
	} {
		if got := s.add(at(t, test.raw)); got != test.wide {
			t.Errorf("add(%s) widened: %v, want %v", test.raw, got, test.wide)
		}
	}
	for raw, want := range map[string]bool{
		"http://a.test/": true, "http://www.a.test/z": true, "http://c.test/": false, "https://b.test/other": true,
	} {
		if got := s.names(at(t, raw)); got != want {
			t.Errorf("names(%s) = %v, want %v", raw, got, want)
		}
	}
}

func TestPattern(t *testing.T) {
	for _, test := range []struct {
		pattern string
		yes, no []string
	}{
		{"/x", []string{"http://a.test/x"}, []string{"http://a.test/x/", "http://a.test/xx", "http://a.test/y/x", "http://a.test/X"}},
		{"/x*", []string{"http://a.test/x", "http://a.test/x/y?z"}, []string{"http://a.test/y/x"}},
		{"*.pdf", []string{"http://a.test/d/x.pdf"}, []string{"http://a.test/x.pdf?y"}},
		{"*.pdf*", []string{"http://a.test/x.pdf?y", "http://a.test/x.pdf"}, []string{"http://a.test/x"}},
		{"/a*a", []string{"http://a.test/aa", "http://a.test/aba"}, []string{"http://a.test/a", "http://a.test/ab"}},
		{"/a*b*c", []string{"http://a.test/abc", "http://a.test/axbxbxc"}, []string{"http://a.test/acb", "http://a.test/ac"}},
		{"/a**b", []string{"http://a.test/ab", "http://a.test/axb"}, []string{"http://a.test/a"}},
		{"*", []string{"http://a.test/", "https://b.test/x?y"}, nil},
		{"/?q=*", []string{"http://a.test/?q=1"}, []string{"http://a.test/xq=1", "http://a.test/"}},
		{"/[x].+", []string{"http://a.test/[x].+"}, []string{"http://a.test/xx"}},
		{"http://a.test/*", []string{"http://a.test/", "http://a.test/x"}, []string{"https://a.test/", "http://a.test.evil/"}},
		{"*://*.a.test/*", []string{"http://b.a.test/"}, []string{"http://a.test/"}},
		{"/straße/*", []string{"http://a.test/straße/1"}, []string{"http://a.test/strasse/1"}},
		{"/a b", []string{"http://a.test/a b"}, []string{"http://a.test/a+b"}},
		{"re:\\?month=\\d+$", []string{"http://a.test/c?month=12"}, []string{"http://a.test/c?month=x"}},
		{"re:^https://", []string{"https://a.test/"}, []string{"http://a.test/?u=https://"}},
	} {
		p := patterns(t, test.pattern)
		for _, raw := range test.yes {
			if firstMatch(p, at(t, raw)) != test.pattern {
				t.Errorf("%q does not match %s", test.pattern, raw)
			}
		}
		for _, raw := range test.no {
			if firstMatch(p, at(t, raw)) != "" {
				t.Errorf("%q matches %s", test.pattern, raw)
			}
		}
	}
	for _, bad := range []string{"", "re:(", "re:((a{1000}){1000}){1000}", strings.Repeat("x", maxPattern+1)} {
		if _, err := NewPattern(bad); err == nil {
			t.Errorf("NewPattern(%.20q) gave no error", bad)
		}
	}
}

// A pattern of many stars takes linear time: this would not end otherwise.
func TestPatternIsLinear(t *testing.T) {
	p := patterns(t, strings.Repeat("*a", 2000)+"*b")
	u := at(t, "http://a.test/"+strings.Repeat("a", 8000))
	for range 1000 {
		if firstMatch(p, u) != "" {
			t.Fatal("it matches")
		}
	}
}
