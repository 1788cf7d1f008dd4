package main

import (
	goversion "go/version"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
)

// soundVersions are the oldest ones without known holes that matter to a
// crawler, by the Go vulnerability records of August 2026.
var soundVersions = map[string]string{
	"golang.org/x/net":              "v0.56.0",
	"github.com/klauspost/compress": "v1.18.7",
}

func TestSoundVersions(t *testing.T) {
	if goversion.Compare(runtime.Version(), "go1.26.6") < 0 {
		t.Errorf("built with %s, which has known holes: use Go 1.26.6 or newer", runtime.Version())
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		t.Fatal("the binary has no build info")
	}
	found := 0
	for _, m := range info.Deps {
		if least, ok := soundVersions[m.Path]; ok {
			found++
			if older(m.Version, least) {
				t.Errorf("%s is %s, which has known holes: use %s or newer", m.Path, m.Version, least)
			}
		}
	}
	if found != len(soundVersions) {
		t.Errorf("%d of %d modules are linked", found, len(soundVersions))
	}
}

// older compares versions of the form v1.2.3.
func older(a, b string) bool {
	x, y := strings.Split(strings.TrimPrefix(a, "v"), "."), strings.Split(strings.TrimPrefix(b, "v"), ".")
	for i := range y {
		if i >= len(x) {
			return true
		}
		n, _ := strconv.Atoi(x[i])
		m, _ := strconv.Atoi(y[i])
		if n != m {
			return n < m
		}
	}
	return false
}

func TestOlder(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{{"v0.55.9", "v0.56.0", true}, {"v0.56.0", "v0.56.0", false}, {"v1.0.0", "v0.56.0", false}, {"v0.100.0", "v0.56.0", false}} {
		if older(test.a, test.b) != test.want {
			t.Errorf("older(%s, %s) is not %v", test.a, test.b, test.want)
		}
	}
}
