package weburl

import (
	"maps"
	"slices"
	"testing"
)

const benchBase = "https://www.example.com/news/2026/index.html?page=2"

var benchRefs = map[string]string{
	"relative":  "article-17.html",
	"parent":    "../2025/article-17.html#comments",
	"rooted":    "/news/2026/05/a-headline-of-some-words",
	"query":     "?page=3&sort=date",
	"fragment":  "#top",
	"network":   "//cdn.example.net/img/1.png",
	"same host": "https://www.example.com/news/2026/05/a-headline",
	"absolute":  "https://static.example.net/a/b/c?d=e",
	"not ASCII": "/wiki/Bücher und mehr",
	"IDN":       "https://bücher.example/",
}

func BenchmarkResolve(b *testing.B) {
	base := mustParse(b, benchBase)
	for _, name := range slices.Sorted(maps.Keys(benchRefs)) {
		ref := benchRefs[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := base.Resolve(ref); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(benchBase); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKey(b *testing.B) {
	u := mustParse(b, benchBase)
	b.ReportAllocs()
	for b.Loop() {
		if len(u.Key()) == 0 {
			b.Fatal("no key")
		}
	}
}

func BenchmarkDropParams(b *testing.B) {
	set, err := NewParamSet(DefaultDropParams)
	if err != nil {
		b.Fatal(err)
	}
	u := mustParse(b, "https://a/b;v=1?page=2&sort=date&utm_source=x")
	b.ReportAllocs()
	for b.Loop() {
		if u.DropParams(set) == u {
			b.Fatal("nothing dropped")
		}
	}
}

// A link costs the memory of its address and no more.
func TestAllocations(t *testing.T) {
	base := mustParse(t, benchBase)
	for name, ref := range benchRefs {
		want := 1.0
		switch name {
		case "fragment":
			want = 0
		case "IDN":
			continue // the tables of idna allocate as they like
		}
		got := testing.AllocsPerRun(100, func() {
			if _, err := base.Resolve(ref); err != nil {
				t.Error(err)
			}
		})
		if got > want {
			t.Errorf("%s: %v allocations, want %v", name, got, want)
		}
	}
}
