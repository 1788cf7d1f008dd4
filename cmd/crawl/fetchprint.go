package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"crawl/internal/parse"
)

// fetchPrinter writes what fetch saw.
type fetchPrinter struct {
	*fetchFlags
	out, talk io.Writer
	scope     string // of the settings
	checks    bool   // a crawl checks links that leave it
	json      bool
	many      bool // there are several URLs
	terminal  bool // out is one
	printed   bool // something was
}

// print writes one URL: as JSON, or the parts that the flags name, or a report.
func (p *fetchPrinter) print(v *visit) error {
	switch {
	case p.json:
		return writeJSON(p.out, p.row(v))
	case !p.body && !p.text && !p.links && !p.headers:
		return p.report(v)
	case v.resp == nil:
		_, err := fmt.Fprintf(p.talk, "%s: %s\n", v.page.URL, plain(v.page.FaultText))
		return err
	}
	forPrograms(p.out)
	parts := 0
	for _, on := range []bool{p.headers, p.links, p.text, p.body} {
		if on {
			parts++
		}
	}
	for _, part := range []struct {
		on   bool
		name string
		text func(*visit) []byte
	}{{p.headers, "headers", headerText}, {p.links, "links", linksText}, {p.text, "text", mainText}, {p.body, "body", p.bodyText}} {
		if !part.on {
			continue
		}
		if p.many || parts > 1 {
			if err := p.heading(v, part.name); err != nil {
				return err
			}
		}
		if _, err := p.out.Write(part.text(v)); err != nil {
			return err
		}
	}
	return nil
}

// heading stands above a part where there are several.
func (p *fetchPrinter) heading(v *visit, part string) error {
	gap := ""
	if p.printed {
		gap = "\n"
	}
	p.printed = true
	_, err := fmt.Fprintf(p.out, "%s==> %s %s <==\n", gap, v.page.URL, part)
	return err
}

func (p *fetchPrinter) row(v *visit) *fetchRow {
	r := newFetchRow(v)
	if v.resp != nil && p.headers {
		r.Headers = v.resp.Header
	}
	if v.resp != nil && p.body {
		text := string(parse.Decode(v.resp.Header, v.resp.Body))
		r.Body = &text
	}
	return r
}

func headerText(v *visit) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %d %s\n", cmp.Or(v.resp.Proto, "file"), v.resp.Status, plain(v.resp.Reason))
	for _, name := range slices.Sorted(maps.Keys(v.resp.Header)) {
		for _, value := range v.resp.Header[name] {
			fmt.Fprintf(&b, "%s: %s\n", plain(name), plain(value))
		}
	}
	return b.Bytes()
}

// linksText has a link a line: target, anchor, place, element, rel, nofollow.
func linksText(v *visit) []byte {
	var b bytes.Buffer
	for _, l := range v.doc.Links {
		follow := ""
		if l.NoFollow {
			follow = "nofollow"
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\t%s\t%s\n", l.URL, plain(l.Text), l.Place, plain(l.Element), plain(l.Rel), follow)
	}
	return b.Bytes()
}

func mainText(v *visit) []byte { return plainLines([]byte(v.doc.Text)) }

// bodyText is the body as it was sent, without its content coding; for a
// terminal it is made legible and harmless.
func (p *fetchPrinter) bodyText(v *visit) []byte {
	if !p.terminal {
		return v.resp.Body
	}
	return plainLines(parse.Decode(v.resp.Header, v.resp.Body))
}

// plainLines makes text safe line by line, with a line end at its end.
func plainLines(text []byte) []byte {
	if len(text) == 0 {
		return nil
	}
	var b bytes.Buffer
	for line := range bytes.Lines(text) {
		s := strings.TrimRight(string(line), "\r\n")
		for i, part := range strings.Split(s, "\t") {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(plain(part))
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}
