package main

import (
	"encoding/xml"
	"io"
	"strings"
)

const sitemapHead = xml.Header + `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">` + "\n"

// writeSitemapURL writes one entry; changed may be empty.
func writeSitemapURL(w io.Writer, url, changed string) error {
	var b strings.Builder
	b.WriteString("<url><loc>")
	if err := xml.EscapeText(&b, []byte(url)); err != nil {
		return err
	}
	b.WriteString("</loc>")
	if changed != "" {
		b.WriteString("<lastmod>" + changed + "</lastmod>")
	}
	b.WriteString("</url>\n")
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
