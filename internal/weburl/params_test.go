package weburl

import (
	"strings"
	"testing"
)

func TestDropParams(t *testing.T) {
	set, err := NewParamSet(append([]string{"x*y*z", "*_ref"}, DefaultDropParams...))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, in, want string }{
		{"nothing to drop", "/a?b=1&&c;d=%7e+&", "/a?b=1&&c;d=%7e+&"},
		{"one of several", "/a?b=%7e&utm_source=x&c=2", "/a?b=%7e&c=2"},
		{"order and repeats stay", "/a?b=2&a=1&gclid=&b=1", "/a?b=2&a=1&b=1"},
		{"all go", "/a?utm_source=x&UTM_Medium=y", "/a"},
		{"empty ones go with others", "/a?&b=1&&fbclid=2&", "/a?b=1"},
		{"only empty ones", "/a?&&", "/a"},
		{"empty query", "/a?", "/a"},
		{"no value", "/a?gclid&b", "/a?b"},
		{"escaped name", "/a?utm%5Fid=1&%67clid=2&b=3", "/a?b=3"},
		{"name, not value", "/a?b=gclid&c=utm_source=1", "/a?b=gclid&c=utm_source=1"},
		{"part of a name", "/a?xgclid=1&gclidx=2&utm=3&utm_=4", "/a?xgclid=1&gclidx=2&utm=3"},
		{"sid stays", "/a?sid=1", "/a?sid=1"},
		{"stars", "/a?xyz=1&x1y2z=2&xyz1=3&a_ref=4&_ref=5&xzy=6", "/a?xyz1=3&xzy=6"},
		{"nameless", "/a?=1&==", "/a?=1&=="},
		{"long name", "/a?" + strings.Repeat("utm_", 60), "/a?" + strings.Repeat("utm_", 60)},
		{"session in path", "/a;jsessionid=1.node2/b;JSESSIONID=3?c", "/a/b?c"},
		{"session without value", "/a;PHPSESSID", "/a"},
		{"other path parameters", "/a;v=1;jsessionid=2;w", "/a;v=1;w"},
		{"path parameters only", "/a;v=1;;/;", "/a;v=1;;/;"},
		{"segment of a session", "/;jsessionid=1", "/"},
		{"not a way up", "/a/..;jsessionid=1/b/%2e;jsessionid=2", "/a/..;jsessionid=1/b/%2e;jsessionid=2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := mustParse(t, "http://a"+tt.in).DropParams(set)
			if got.RequestURI() != tt.want {
				t.Errorf("%s: got %s, want %s", tt.in, got.RequestURI(), tt.want)
			}
			if again := got.DropParams(set); again != got {
				t.Errorf("%s: twice gives %s, once %s", tt.in, again, got)
			}
			invariants(t, got)
		})
	}
}

func TestEmptyParamSet(t *testing.T) {
	u := mustParse(t, "http://a/;jsessionid=1?&gclid=2")
	if got := u.DropParams(ParamSet{}); got != u {
		t.Errorf("the zero set made %s of %s", got, u)
	}
	var zero URL
	set, err := NewParamSet([]string{"a"})
	if got := zero.DropParams(set); err != nil || !got.IsZero() {
		t.Errorf("the zero URL became %q, %v", got, err)
	}
}

func TestNewParamSetRefuses(t *testing.T) {
	for _, g := range []string{"", "*", "**", "a b", "a&b", "a=b", "a;b", "%61", "é", "a\n", strings.Repeat("a", 65)} {
		if _, err := NewParamSet([]string{"ok", g}); err == nil || !strings.HasPrefix(err.Error(), "weburl: ") {
			t.Errorf("NewParamSet(%q): %v, want an error of weburl", g, err)
		}
	}
}

func TestMatchGlob(t *testing.T) {
	tests := []struct {
		glob, name string
		want       bool
	}{
		{"a*", "a", true},
		{"a*", "ab", true},
		{"a*", "ba", false},
		{"*a", "aba", true},
		{"*a", "ab", false},
		{"a*b*c", "abc", true},
		{"a*b*c", "a1bb2c3c", true},
		{"a*b*c", "acb", false},
		{"*ab", "aab", true},
		{"a**", "a", true},
		{"a*a", "a", false},
	}
	for _, tt := range tests {
		if got := matchGlob(tt.glob, tt.name); got != tt.want {
			t.Errorf("matchGlob(%q, %q) = %v", tt.glob, tt.name, got)
		}
	}
}
