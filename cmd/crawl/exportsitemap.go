package main

import (
	"bufio"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"crawl/internal/query"
	"crawl/internal/weburl"
)

const (
	sitemapHead  = xml.Header + `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">` + "\n"
	sitemapFoot  = "</urlset>\n"
	sitemapsHead = xml.Header + `<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">` + "\n"
	sitemapsFoot = "</sitemapindex>\n"
)

// sitemapLimits is how much a sitemap may have.
type sitemapLimits struct{ urls, bytes int }

// sitemapsOrg are the limits of sitemaps.org.
var sitemapsOrg = sitemapLimits{50_000, 50 << 20}

// errSitemapFull tells that there are more pages than one sitemap may have.
var errSitemapFull = newUsageError("", fmt.Sprintf("a sitemap has at most %s URLs and %s", grouped(uint64(sitemapsOrg.urls)), bytesText(uint64(sitemapsOrg.bytes))),
	"name a file, -o sitemap.xml, while no crawl holds the store: then there are several; or write each part: --where \"section = '/docs'\"")

// sitemap writes the pages that a search engine may list, and returns how many
// sitemaps that are. More than one are files of our own: elsewhere there is place
// for one.
func (f *exportFlags) sitemap(ctx context.Context, out io.Writer, db *query.DB) (parts int, err error) {
	q := query.Select{Table: "pages", Columns: "url, last_changed", Where: append([]string{"kind = 'page' AND indexable"}, f.Where...)}
	rows, err := db.Select(ctx, &q)
	if err != nil {
		return 0, err
	}
	if f.out.file != "-" && userOf(out) == nil {
		s := &sitemapFiles{name: f.out.file, overwrite: f.out.overwrite, limits: sitemapsOrg}
		return s.write(rows.All())
	}
	return 1, writeFile(f.out.file, out, func(w io.Writer) error {
		one := &sitemapWriter{out: bufio.NewWriter(w), limits: sitemapsOrg}
		for row, err := range rows.All() {
			full := false
			if err == nil {
				full, err = one.row(row)
			}
			if full {
				err = errSitemapFull
			}
			if err != nil {
				return err
			}
		}
		return one.end()
	})
}

// sitemapWriter writes one sitemap.
type sitemapWriter struct {
	out         *bufio.Writer
	limits      sitemapLimits
	urls, bytes int
}

// row writes an entry, unless the sitemap is full.
func (s *sitemapWriter) row(row []any) (full bool, err error) {
	entry, err := sitemapEntry("url", cellText(row[0], query.Text), cellText(row[1], query.Time))
	if err != nil {
		return false, err
	}
	if s.urls == s.limits.urls || s.urls > 0 && s.bytes+len(entry)+len(sitemapFoot) > s.limits.bytes {
		return true, nil
	}
	if err := s.begin(); err != nil {
		return false, err
	}
	s.urls, s.bytes = s.urls+1, s.bytes+len(entry)
	_, err = s.out.WriteString(entry)
	return false, err
}

func (s *sitemapWriter) begin() error {
	if s.bytes > 0 {
		return nil
	}
	s.bytes = len(sitemapHead)
	_, err := s.out.WriteString(sitemapHead)
	return err
}

func (s *sitemapWriter) end() error {
	err := s.begin()
	_, failed := s.out.WriteString(sitemapFoot)
	return errors.Join(err, failed, s.out.Flush())
}

// sitemapEntry is one entry; changed may be empty.
func sitemapEntry(element, address, changed string) (string, error) {
	var b strings.Builder
	b.WriteString("<" + element + "><loc>")
	if err := xml.EscapeText(&b, []byte(address)); err != nil {
		return "", err
	}
	b.WriteString("</loc>")
	if changed != "" {
		b.WriteString("<lastmod>" + changed + "</lastmod>")
	}
	b.WriteString("</" + element + ">\n")
	return b.String(), nil
}

// sitemapFiles writes a file: a sitemap, or an index of several that lie beside it.
type sitemapFiles struct {
	name      string
	overwrite bool
	limits    sitemapLimits

	dir    string // of what is not whole yet
	origin string // of the first page: where the index says that the parts are
	parts  []*os.File
	part   *sitemapWriter // the last one
}

// write writes all rows, and returns how many sitemaps they take. Files appear
// when all are whole, the one that is named last.
func (s *sitemapFiles) write(rows iter.Seq2[[]any, error]) (parts int, err error) {
	if s.dir, err = os.MkdirTemp(filepath.Dir(s.name), partName); err != nil {
		return 0, err
	}
	defer func() {
		for _, f := range s.parts { // of an answer that was cut short
			_ = f.Close()
		}
		err = errors.Join(err, os.RemoveAll(s.dir))
	}()
	if err = s.next(); err != nil {
		return 0, err
	}
	for row, err := range rows {
		if err == nil {
			err = s.row(row)
		}
		if err != nil {
			return 0, err
		}
	}
	if err = s.part.end(); err != nil {
		return 0, err
	}
	parts = len(s.parts)
	return parts, s.publish()
}

// next begins a part.
func (s *sitemapFiles) next() error {
	f, err := os.Create(filepath.Join(s.dir, fmt.Sprint(len(s.parts)+1)))
	if err != nil {
		return err
	}
	s.parts, s.part = append(s.parts, f), &sitemapWriter{out: bufio.NewWriter(f), limits: s.limits}
	return nil
}

func (s *sitemapFiles) row(row []any) error {
	if s.origin == "" {
		u, err := weburl.Parse(cellText(row[0], query.Text))
		if err != nil {
			return err
		}
		s.origin = u.Origin()
	}
	full, err := s.part.row(row)
	if !full || err != nil {
		return err
	}
	if err := errors.Join(s.part.end(), s.next()); err != nil {
		return err
	}
	_, err = s.part.row(row)
	return err
}

// publish gives the files their names.
func (s *sitemapFiles) publish() error {
	parts := s.parts
	s.parts = nil
	if len(parts) == 1 {
		return finishFile(parts[0], s.name, nil)
	}
	names := make([]string, len(parts))
	for i := range parts {
		ext := filepath.Ext(s.name)
		names[i] = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(s.name, ext), i+1, ext)
	}
	taken := slices.IndexFunc(names, func(name string) bool { _, err := os.Lstat(name); return err == nil })
	var err error
	if taken >= 0 && !s.overwrite {
		err = newUsageError(names[taken], "the file is there already", "one sitemap has not the place for all: name another, or say --overwrite")
	}
	for i, part := range parts {
		if err != nil {
			err = errors.Join(err, part.Close())
			continue
		}
		err = finishFile(part, names[i], nil)
	}
	if err != nil {
		return err
	}
	return writeFile(s.name, nil, func(w io.Writer) error { return s.index(w, names) })
}

// index writes the index of the parts.
func (s *sitemapFiles) index(w io.Writer, names []string) error {
	var b strings.Builder
	b.WriteString(sitemapsHead)
	for _, name := range names {
		entry, err := sitemapEntry("sitemap", s.origin+"/"+url.PathEscape(filepath.Base(name)), "")
		if err != nil {
			return err
		}
		b.WriteString(entry)
	}
	b.WriteString(sitemapsFoot)
	_, err := io.WriteString(w, b.String())
	return err
}

// guarded keeps a spreadsheet from taking text for a formula, and a terminal
// from obeying it.
func guarded(s string) string {
	s = plain(s)
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
