// Package crawl holds no code: this test keeps the architecture. Frontier,
// fetcher and store do not know one another; they meet in crawler alone.
package crawl

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport lists, for each package, the packages of ours it may import.
// Packages for tests stand apart in testOnly.
var mayImport = map[string][]string{
	"cmd/crawl": {
		"crawler", "fetcher", "frontier", "store", "internal/kv", "internal/parse", "internal/query", "internal/retention", "internal/robots", "internal/schedule", "internal/search", "internal/testweb",
		"internal/web", "internal/weburl",
	},
	"crawler":              {"fetcher", "frontier", "store", "internal/parse", "internal/robots", "internal/weburl"},
	"fetcher":              {"internal/robots", "internal/weburl"},
	"frontier":             {"internal/kv", "internal/weburl"},
	"store":                {"internal/kv", "internal/warc", "internal/weburl"},
	"internal/parse":       {"internal/weburl"},
	"internal/query":       {"frontier", "store", "internal/search", "internal/weburl"}, // search is one of its tables
	"internal/search":      {"store", "internal/weburl"},                                // how pages are read it is told
	"internal/web":         {"frontier", "store", "internal/query", "internal/weburl"},
	"internal/kv":          {},
	"internal/retention":   {},
	"internal/robots":      {},
	"internal/schedule":    {},
	"internal/warc":        {},
	"internal/weburl":      {},
	"internal/testweb":     {"internal/robots"},
	"internal/conformance": {},
	"frontier/frontiertest": {
		"frontier", "internal/weburl",
	},
	"store/storetest": {
		"store", "internal/weburl",
	},
}

// testOnly may be imported by tests alone.
var testOnly = []string{"frontier/frontiertest", "store/storetest", "internal/conformance"}

func TestImports(t *testing.T) {
	list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	found := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		name, ours := strings.CutPrefix(words[0], "crawl/")
		if !ours {
			continue
		}
		found++
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("%s is not in the table: say here what it may import", name)
		}
		for _, imported := range words[1:] {
			imported, ours := strings.CutPrefix(imported, "crawl/")
			switch {
			case !ours:
			case slices.Contains(testOnly, imported):
				t.Errorf("%s imports %s, which is for tests", name, imported)
			case !slices.Contains(allowed, imported):
				t.Errorf("%s may not import %s", name, imported)
			}
		}
	}
	if found != len(mayImport) {
		t.Errorf("the table has %d packages, %d were found", len(mayImport), found)
	}
}
