// Package conformance reads test vectors that other projects made. They lie
// outside the repository; tests that use them carry the build tag
// "conformance" and run with `make conformance`.
package conformance

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Path returns where the vector file name lies below the folder
// CRAWL_CONFORMANCE, by default ../shared/conformance beside the repository.
// It fails the test if the folder is missing.
func Path(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("CRAWL_CONFORMANCE")
	if dir == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			up := filepath.Dir(root)
			if up == root {
				t.Fatal("conformance: not inside a Go module")
			}
			root = up
		}
		dir = filepath.Join(root, "..", "shared", "conformance")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("conformance: no test vectors: %v; set CRAWL_CONFORMANCE to their folder", err)
	}
	return filepath.Join(dir, filepath.FromSlash(name))
}

// Load returns the cases of the vector file name. A file without cases fails
// the test.
func Load[T any](t testing.TB, name string) []T {
	t.Helper()
	raw, err := os.ReadFile(Path(t, name))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []T }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatalf("conformance: %s: %v", name, err)
	}
	if len(file.Cases) == 0 {
		t.Fatalf("conformance: %s holds no cases", name)
	}
	return file.Cases
}

// Bytes returns plain, or the bytes that b64 encodes where it is not empty:
// vectors hold text as it is and other bytes in base64.
func Bytes(t testing.TB, plain, b64 string) []byte {
	t.Helper()
	if b64 == "" {
		return []byte(plain)
	}
	b, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
