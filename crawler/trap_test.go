package crawler

import (
	"strings"
	"testing"
)

func TestRepeats(t *testing.T) {
	for path, want := range map[string]bool{
		"/":                               false,
		"/a/a/a/a":                        false,
		"/a/a/a/a/a":                      true,
		"/a/a/a/a/a/":                     true,
		"/x/a/a/a/a/a/y":                  true,
		"/a/a/a/a/b/a/a/a/a":              false,
		"/a/b/a/b/a/b/a/b":                false,
		"/a/b/a/b/a/b/a/b/a":              false,
		"/a/b/a/b/a/b/a/b/a/b":            true,
		"/x/y/a/b/a/b/a/b/a/b/a/b/z":      true,
		"/a/b/c/a/b/c/a/b/c/a/b/c":        false,
		"/a/b/c/a/b/c/a/b/c/a/b/c/a/b/c":  true,
		"/a/b/c/d/a/b/c/d/a/b/c/d/a/b/c":  false,
		"/2024/01/01/2024":                false,
		"//////////":                      false,
		"/a//////////b":                   false,
		"/1/2/3/4/5/6/7/8/9/10/11/12/13":  false,
		"/a/b/a/b/a/c/a/b/a/b":            false,
		"/%20/%20/%20/%20/%20":            true,
		strings.Repeat("/longer", 1000):   true,
		strings.Repeat("/a/b/c/d/e", 100): false,
	} {
		if got := repeats(path); got != want {
			t.Errorf("repeats(%.40q) = %v, want %v", path, got, want)
		}
	}
}

func TestShape(t *testing.T) {
	for uri, want := range map[string]string{
		"/":                       "",
		"/?":                      "",
		"/?month=2026-01":         "/?month=*",
		"/shop?size=1&colour=red": "/shop?colour=*&size=*",
		"/shop?colour=&size":      "/shop?*&colour=*",
		"/shop?size=1&size=2":     "/shop?size=*",
		"/cal?2026-01":            "/cal?*",
		"/a/b?x=y=z&":             "/a/b?*&x=*",
	} {
		if got := shape(at(t, "http://a.test"+uri)); got != want {
			t.Errorf("shape of %s is %q, want %q", uri, got, want)
		}
	}
}
