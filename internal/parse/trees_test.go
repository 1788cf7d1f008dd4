//go:build conformance

package parse

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// docTrees are documentation as Debian packages it; bench/realweb.sh installs
// the packages.
var docTrees = []string{
	"/usr/share/doc/python3.11/html", "/usr/share/doc/postgresql-doc-15/html", "/usr/share/doc/libboost1.81-doc",
}

// pagesOf calls do for every page of a tree.
func pagesOf(t testing.TB, tree string, do func(path string, body []byte)) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".html") && !strings.HasSuffix(path, ".htm") {
			return err
		}
		body, err := os.ReadFile(path)
		if err == nil {
			n++
			do(path, body)
		}
		return err
	})
	if err != nil || n == 0 {
		t.Fatalf("%d pages in %s, %v: apt-get install python3.11-doc postgresql-doc-15 libboost1.81-doc", n, tree, err)
	}
}

// shortName is the package's.
func shortName(tree string) string { return strings.Split(tree, "/")[4] }

func TestConformanceTrees(t *testing.T) {
	n, size := 0, 0
	for _, tree := range docTrees {
		pagesOf(t, tree, func(_ string, body []byte) {
			n++
			size += len(body)
			sameTokens(t, body)
		})
	}
	t.Logf("%d pages, %d MB: the same tags, attributes and text as golang.org/x/net/html", n, size>>20)
}

// A page costs few allocations and its links hardly any, once the buffers have
// grown; the collector, which takes them away now and then, rests meanwhile.
func TestConformanceAllocations(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	base, h := mustURL(t, "http://docs.example/a/b.html"), header("Content-Type", "text/html")
	for _, tree := range docTrees {
		var pages [][]byte
		n, links := 0, 0
		pagesOf(t, tree, func(_ string, body []byte) {
			if n++; n%10 == 0 {
				pages = append(pages, body)
			}
		})
		allocations := testing.AllocsPerRun(5, func() {
			links = 0
			for _, body := range pages {
				links += len(Parse(base, h, body, Options{}).Links)
			}
		})
		each := float64(len(pages))
		t.Logf("%s: %.1f links and %.1f allocations a page", shortName(tree), float64(links)/each, allocations/each)
		if allocations/each > 60 {
			t.Errorf("%s: %.1f allocations a page", shortName(tree), allocations/each)
		}
	}
}
