package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sitemapRows are so many pages; then comes an error, unless it is nil.
func sitemapRows(n int, failed error) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i := range n {
			if !yield([]any{fmt.Sprintf("https://acme.example:8443/%d?a=1&b=2", i), "2026-11-17T00:00:00.000Z"}, nil) {
				return
			}
		}
		if failed != nil {
			yield(nil, failed)
		}
	}
}

// sitemapLocs reads the addresses in a file, and what its root is.
func sitemapLocs(t *testing.T, file string) (root string, locs []string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		XMLName xml.Name
		URLs    []string `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 url>loc"`
		Maps    []string `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 sitemap>loc"`
	}
	if err := xml.Unmarshal(raw, &doc); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return doc.XMLName.Local, append(doc.URLs, doc.Maps...)
}

func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		names = append(names, f.Name())
	}
	return names
}

// More pages than a sitemap may have go into several, which an index names; all
// are there, each once, and no file has more than it may.
func TestSitemapsOfManyPages(t *testing.T) {
	for _, c := range []struct {
		pages, parts int
		limits       sitemapLimits
	}{
		{0, 1, sitemapsOrg}, {50_000, 1, sitemapsOrg}, {50_001, 2, sitemapsOrg}, {7, 3, sitemapLimits{3, 1 << 20}}, {6, 2, sitemapLimits{3, 1 << 20}}, {100, 25, sitemapLimits{1000, 600}},
	} {
		dir := t.TempDir()
		s := &sitemapFiles{name: filepath.Join(dir, "site map.xml"), limits: c.limits}
		parts, err := s.write(sitemapRows(c.pages, nil))
		if err != nil || parts != c.parts {
			t.Errorf("%d pages: %d sitemaps, want %d; %v", c.pages, parts, c.parts, err)
			continue
		}
		root, locs := sitemapLocs(t, s.name)
		if parts > 1 {
			if root != "sitemapindex" || len(locs) != parts {
				t.Fatalf("%d pages: %s of %d", c.pages, root, len(locs))
			}
			named := locs
			locs = nil
			for i, loc := range named {
				if want := fmt.Sprintf("https://acme.example:8443/site%%20map-%d.xml", i+1); loc != want {
					t.Errorf("%q, want %q", loc, want)
				}
				file := filepath.Join(dir, fmt.Sprintf("site map-%d.xml", i+1))
				root, part := sitemapLocs(t, file)
				if about, err := os.Stat(file); err != nil || root != "urlset" || len(part) == 0 || len(part) > c.limits.urls || about.Size() > int64(c.limits.bytes) {
					t.Errorf("%s: %s of %d, %v", file, root, len(part), err)
				}
				locs = append(locs, part...)
			}
		}
		var want []string
		for row := range sitemapRows(c.pages, nil) {
			want = append(want, row[0].(string))
		}
		if !slices.Equal(locs, want) {
			t.Errorf("%d pages: %d are in the sitemaps", c.pages, len(locs))
		}
		if n := len(filesIn(t, dir)); n != 1 && n != parts+1 {
			t.Errorf("%d pages: %q", c.pages, filesIn(t, dir))
		}
	}
}

// Nothing is left of what fails, and nothing is replaced unless that is asked for.
func TestSitemapsThatFail(t *testing.T) {
	dir := t.TempDir()
	s := &sitemapFiles{name: filepath.Join(dir, "a.xml"), limits: sitemapLimits{3, 1 << 20}}
	cut := errors.New("cut short")
	if _, err := s.write(sitemapRows(7, cut)); !errors.Is(err, cut) || len(filesIn(t, dir)) != 0 {
		t.Errorf("%v, %q", err, filesIn(t, dir))
	}
	taken := filepath.Join(dir, "a-2.xml")
	if err := os.WriteFile(taken, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = &sitemapFiles{name: s.name, limits: s.limits}
	if _, err := s.write(sitemapRows(7, nil)); err == nil || !strings.Contains(err.Error(), "there already") || len(filesIn(t, dir)) != 1 {
		t.Errorf("%v, %q", err, filesIn(t, dir))
	}
	s = &sitemapFiles{name: s.name, limits: s.limits, overwrite: true}
	if _, err := s.write(sitemapRows(7, nil)); err != nil || len(filesIn(t, dir)) != 4 {
		t.Errorf("%v, %q", err, filesIn(t, dir))
	}
}
