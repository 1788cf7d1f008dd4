package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"crawl/fetcher"
	"crawl/internal/parse"
	"crawl/internal/weburl"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"
)

func newSiteImport() *cobra.Command {
	dry := false
	c := &cobra.Command{
		Use: "import FILE | URL", Short: "Add many sites to the config file at once", Args: exactlyOne("what to import"),
		Long: `Add the sites that FILE (- for standard input) or the document at URL names:

  a CSV file       with lines NAME,URL: a site for each name
  a list of URLs   one a line: a site for each host, beginning at its URLs
  a sitemap        or an index of them: a site for each host, beginning at its
                   home page; the sitemap of a URL is read by its site's runs

A site that is configured already stays as it is. Options that are given hold for
all that are added.`,
		Example: "  crawl site import sites.csv --rate 1/s\n  crawl site import https://acme.example/sitemap_index.xml --dry-run",
		RunE:    func(c *cobra.Command, args []string) error { return importSites(c, args[0], dry) },
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "say which sites would be added, and add none")
	addSettingsFlags(c.Flags(), "run", "data", "quiet")
	return c
}

// Limits on what is imported.
const (
	maxImport      = 50 << 20 // bytes
	maxImportSites = 10_000
	maxImportSeeds = 100 // of one site
)

// imported is a site that an import names.
type imported struct {
	name    string
	seeds   []string
	sitemap string
}

func importSites(c *cobra.Command, from string, dry bool) error {
	text, at, err := importText(c, from)
	if err != nil {
		return err
	}
	sites, err := readImport(from, text, at)
	if err != nil {
		return err
	}
	given, err := siteOptions(c.Flags())
	if err != nil {
		return err
	}
	files, faults := readConfigFiles(configPaths(c.Flags()))
	if len(faults) > 0 {
		return asUsageError(faults)
	}
	there := 0
	sites = slices.DeleteFunc(sites, func(s *imported) bool {
		_, found := findSite(files, s.name)
		if found {
			there++
		}
		return found
	})
	if dry {
		for _, s := range sites {
			fmt.Fprintf(c.OutOrStdout(), "%s\t%s\n", s.name, strings.Join(s.seeds, " "))
		}
		return said(c, "%d sites added, %d were there already", len(sites), there)
	}
	path, err := writeImport(c, sites, given)
	if err != nil {
		return err
	}
	return said(c, "%d sites added to %s, %d were there already", len(sites), path, there)
}

// writeImport adds sites to the config file, all or none.
func writeImport(c *cobra.Command, sites []*imported, given map[string]*yaml.Node) (path string, err error) {
	edit, err := editConfig(c.Flags(), "")
	defer edit.close()
	if err != nil || len(sites) == 0 {
		return "the config file", err
	}
	_, block := edit.find("sites")
	first := siteNode(nil, nil) // all in one block, or below what is there
	for _, s := range sites {
		node := siteNode(s.seeds, given)
		if s.sitemap != "" && given["sitemap"] == nil {
			addEntry(node, "sitemap", textNode(s.sitemap), "")
		}
		addEntry(first, s.name, node, "")
	}
	if block == nil || isNull(block) || isFlow(block) {
		if block != nil && block.Kind == yaml.MappingNode {
			first.Content = append(slices.Clone(block.Content), first.Content...)
		}
		err = edit.set(first, "sites")
	} else {
		err = edit.append(first, "sites")
	}
	if err == nil {
		err = edit.save()
	}
	return edit.path, err
}

// importText reads what is to be imported. at is its address if it has one.
func importText(c *cobra.Command, from string) (text []byte, at weburl.URL, err error) {
	if strings.Contains(from, "://") {
		return fetchImport(c, from)
	}
	in := c.InOrStdin()
	if from != "-" {
		f, err := os.Open(from)
		if err != nil {
			return nil, at, newUsageError(from, cause(err), "name a file, a URL, or - for standard input")
		}
		defer f.Close()
		in = f
	}
	text, err = io.ReadAll(io.LimitReader(in, maxImport+1))
	if err == nil && len(text) > maxImport {
		err = newUsageError(from, "it is longer than 50 MiB", "divide it")
	}
	return text, at, err
}

// fetchImport asks for a document, as a crawl would.
func fetchImport(c *cobra.Command, from string) (text []byte, at weburl.URL, err error) {
	r, err := loadSettings(c.Flags(), "")
	if err != nil {
		return nil, at, err
	}
	if at, err = seedURL(from); err != nil {
		return nil, at, newUsageError("", err.Error(), "write it as https://example.com/sitemap.xml")
	}
	l, err := newLooker(&r.Settings, r.Hosts, []weburl.URL{at}, newLogger(&r.Settings, c.ErrOrStderr()))
	if err != nil {
		return nil, at, err
	}
	defer l.Close()
	text, err = l.document(c.Context(), at)
	return text, at, err
}

// document is the body at a URL, if robots.txt lets us ask for it.
func (l *looker) document(ctx context.Context, u weburl.URL) ([]byte, error) {
	v := &visit{asked: u}
	if l.s.Robots == "obey" && !l.admitted(ctx, v, u) {
		return nil, &exitError{exitEmpty, errors.New(v.page.FaultText)}
	}
	resp, err := l.get(ctx, fetcher.Request{URL: u, MaxBody: int64(l.s.MaxSitemap)})
	if err != nil {
		return nil, &exitError{exitEmpty, err}
	}
	if resp.Status != 200 {
		return nil, &exitError{exitEmpty, fmt.Errorf("%s answers %d", u, resp.Status)}
	}
	return resp.Body, nil
}

// readImport tells what form a text has, and finds the sites that it names.
func readImport(from string, text []byte, at weburl.URL) ([]*imported, error) {
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	switch {
	case len(line) == 0:
		return nil, newUsageError(from, "it is empty", "give NAME,URL lines, URLs or a sitemap")
	case line[0] == '<' || line[0] == 0x1f || bytes.HasPrefix(line, []byte("\xef\xbb\xbf<")):
		return readSitemapImport(from, text, at)
	case isCSV(string(line)):
		return readCSVImport(from, text)
	}
	return readListImport(from, text)
}

// isCSV tells a line NAME,URL from a URL with a comma.
func isCSV(line string) bool {
	name, _, ok := strings.Cut(line, ",")
	return ok && !strings.Contains(name, "://")
}

// importer gathers sites in the order they are named.
type importer struct {
	from   string
	byName map[string]*imported
	all    []*imported
	faults []fault
}

func newImporter(from string) *importer { return &importer{from: from, byName: map[string]*imported{}} }

func (m *importer) fault(line int, what, next string) {
	m.faults = append(m.faults, fault{fmt.Sprintf("%s:%d", m.from, line), what, next})
}

// add gives a site a seed.
func (m *importer) add(line int, name string, seed weburl.URL) {
	s := m.byName[name]
	switch {
	case s == nil && !isSiteName(name):
		m.fault(line, quoted(name)+" is no name of a site", "take letters, digits, _ and -, at most 64, with a letter or digit first")
		return
	case s == nil && len(m.all) == maxImportSites:
		m.fault(line, fmt.Sprintf("there are more than %d sites", maxImportSites), "divide it")
		return
	case s == nil:
		s = &imported{name: name}
		m.byName[name], m.all = s, append(m.all, s)
	case slices.Contains(s.seeds, seed.String()):
		return
	case len(s.seeds) == maxImportSeeds:
		m.fault(line, fmt.Sprintf("site %s has more than %d seeds", name, maxImportSeeds), "crawl a list of URLs with `crawl run --list`")
		return
	}
	s.seeds = append(s.seeds, seed.String())
}

// maxFaults is how many faults of a file are told.
const maxFaults = 20

func (m *importer) end() ([]*imported, error) {
	if len(m.faults) > maxFaults {
		m.faults = append(m.faults[:maxFaults], fault{m.from, "there are more faults than these", ""})
	}
	return m.all, asUsageError(m.faults)
}

func readCSVImport(from string, text []byte) ([]*imported, error) {
	m := newImporter(from)
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	r.FieldsPerRecord, r.Comment, r.TrimLeadingSpace = 2, '#', true
	for first := true; ; first = false {
		record, err := r.Read()
		if err == io.EOF {
			return m.end()
		}
		if err != nil {
			return nil, newUsageError(from, err.Error(), "write a line NAME,URL for each site")
		}
		line, _ := r.FieldPos(0)
		if first && strings.EqualFold(record[0], "name") && strings.EqualFold(record[1], "url") {
			continue
		}
		u, err := seedURL(strings.TrimSpace(record[1]))
		if err != nil {
			m.fault(line, err.Error(), "write it as https://example.com/")
			continue
		}
		m.add(line, strings.TrimSpace(record[0]), u)
	}
}

func readListImport(from string, text []byte) ([]*imported, error) {
	m := newImporter(from)
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		u, err := seedURL(line)
		if err != nil {
			m.fault(n, err.Error(), "write it as https://example.com/")
			continue
		}
		m.add(n, hostSite(u), u)
	}
	return m.end()
}

func readSitemapImport(from string, text []byte, at weburl.URL) ([]*imported, error) {
	base := at
	if base.IsZero() {
		base, _ = weburl.Parse("https://localhost/") // addresses of a sitemap are whole
	}
	sitemap, err := parse.ParseSitemap(base, text, parse.SitemapLimits{})
	if err == nil && len(sitemap.Entries) == 0 {
		err = errors.New(cmp.Or(sitemap.Problem, "it names no page"))
	}
	if err != nil {
		return nil, newUsageError(from, "it is no sitemap: "+err.Error(), "give NAME,URL lines, URLs or a sitemap")
	}
	m := newImporter(from)
	for _, e := range sitemap.Entries {
		home, err := e.URL.Resolve("/")
		if err != nil {
			continue // an address that was read has a home page
		}
		m.add(1, hostSite(home), home)
		if s := m.byName[hostSite(home)]; s != nil && !at.IsZero() && at.Host() == home.Host() {
			s.sitemap = at.String()
		}
	}
	return m.end()
}

// hostSite is the name of a site that is called after its host.
func hostSite(u weburl.URL) string {
	name := strings.Map(func(r rune) rune {
		if r == '.' || r == ':' {
			return '-'
		}
		return r
	}, strings.TrimPrefix(u.Host(), "www."))
	return strings.Trim(name[:min(len(name), maxSiteName)], "-[]")
}
