package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"crawl/internal/parse"
	"crawl/internal/query"
)

// report writes what a crawl would make of a URL, for people.
func (p *fetchPrinter) report(v *visit) error {
	var b bytes.Buffer
	if p.printed {
		b.WriteByte('\n')
	}
	p.printed = true
	fmt.Fprintln(&b, v.asked)
	line := func(name, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); text != "" {
			fmt.Fprintf(&b, "  %-11s %s\n", name, plain(text))
		}
	}
	for _, h := range v.hops {
		line("redirect", "%d to %s", h.Status, h.Target)
	}
	if !v.local {
		line("scope", "%s", p.scopeText(v))
		line("robots", "%s", robotsVerdict(v))
	}
	if v.resp == nil {
		line("fault", "%s", v.page.FaultText)
	} else {
		answerLines(v, line)
		if v.page.Type != "" && v.page.Type != "binary" {
			pageLines(v, line)
			if v.leaves > 0 {
				line("external", "links that leave the scope: %d, %s", v.leaves, p.leavingText())
			}
		}
		fieldLines(&b, v.fields)
	}
	_, err := p.out.Write(b.Bytes())
	return err
}

func (p *fetchPrinter) scopeText(v *visit) string {
	switch {
	case v.scope.In:
		return "in (" + p.scope + ")"
	case len(v.hops) > 0 && v.scope.Reason == "scope":
		return "outside of " + v.scope.Rule + ", until the redirect of a seed widens it; a link there is " + p.leavingText()
	}
	return "not crawled if a link leads there: " + strings.TrimSpace(reasonText(v.scope.Reason)+" "+v.scope.Rule)
}

// leavingText says what a crawl makes of links that leave its scope.
func (p *fetchPrinter) leavingText() string {
	if p.checks {
		return "checked, not crawled"
	}
	return "not asked for (--external check)"
}

func robotsVerdict(v *visit) string {
	switch {
	case v.robots == nil:
		return "not read"
	case v.robots.Allowed:
		return "allowed: " + v.robots.why()
	}
	return "disallowed: " + v.robots.why()
}

// answerLines tell of the answer.
func answerLines(v *visit, line func(name, format string, args ...any)) {
	r, p := v.resp, v.page
	if !v.local {
		line("status", "%d %s, %s, %s in %.0f ms", r.Status, cmp.Or(r.Reason, http.StatusText(r.Status)), r.Proto, bytesText(uint64(len(r.Raw))), r.Took.Seconds()*1000)
	}
	if p.Redirect != "" {
		line("redirect", "to %s, not followed: there were too many", p.Redirect)
	}
	kind := cmp.Or(p.Type, "empty")
	if p.MIME != "" {
		kind += " (" + p.MIME + ")"
	}
	if p.Charset != "" {
		kind += ", " + p.Charset + " by " + p.CharsetBy
	}
	line("type", "%s", kind)
	for _, note := range []struct{ name, text string }{{"cut off", p.Truncated}, {"damaged", p.Damaged}, {"read until", p.ParseLimit}, {"tls", p.TLS}} {
		line(note.name, "%s", note.text)
	}
	index := "yes"
	if why := query.WhyNot(p); why != "" {
		index = "no: " + why
	}
	line("indexable", "%s", index)
	if len(v.whence.noindex) > 0 {
		line("directive", "noindex by %s", strings.Join(v.whence.noindex, " and "))
	}
	if len(v.whence.nofollow) > 0 {
		line("directive", "nofollow by %s", strings.Join(v.whence.nofollow, " and "))
	}
}

// pageLines tell of what was read.
func pageLines(v *visit, line func(name, format string, args ...any)) {
	d := &v.doc
	line("title", "%s", d.Title)
	line("h1", "%s", d.H1)
	line("description", "%s", d.Description)
	line("lang", "%s", d.Lang)
	line("canonical", "%s", canonicalText(v))
	for _, a := range d.Hreflang {
		line("hreflang", "%s %s", a.Lang, a.URL)
	}
	for _, x := range []struct {
		name string
		url  string
	}{{"next", d.Next.String()}, {"prev", d.Prev.String()}} {
		line(x.name, "%s", x.url)
	}
	for _, u := range d.Feeds {
		line("feed", "%s", u)
	}
	line("words", "%s", grouped(uint64(d.Words)))
	line("links", "%s", linkCounts(v))
	line("no links", "%s", counted(d.Refused))
}

func canonicalText(v *visit) string {
	text := v.doc.Canonical.String()
	if text != "" && text == v.page.URL.String() {
		text += " (itself)"
	}
	if v.doc.Canonicals > 1 {
		text += fmt.Sprintf(" (first of %d)", v.doc.Canonicals)
	}
	return text
}

// linkCounts counts the links by place.
func linkCounts(v *visit) string {
	places, internal, nofollow, assets := map[string]int{}, 0, 0, 0
	for _, l := range v.doc.Links {
		if l.Asset {
			assets++
			continue
		}
		places[cmp.Or(l.Place, "elsewhere")]++
		if l.URL.Host() == v.page.URL.Host() {
			internal++
		}
		if l.NoFollow {
			nofollow++
		}
	}
	links := len(v.doc.Links) - assets
	text := fmt.Sprintf("%d (%d internal, %d nofollow)", links, internal, nofollow)
	if links > 0 {
		text += ": " + counted(places)
	}
	if assets > 0 {
		text += fmt.Sprintf("; %d images, styles, scripts", assets)
	}
	return text
}

// counted lists names with their counts, the largest first.
func counted(counts map[string]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, counts[name])
	}
	return strings.Join(names, ", ")
}

// fieldLines write each field with its values, and the markup they came from.
func fieldLines(w io.Writer, fields []parse.FieldValue) {
	if len(fields) == 0 {
		return
	}
	fmt.Fprintln(w, "  fields")
	for _, f := range fields {
		name := f.Name
		show := func(text, markup string) {
			fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("    %-14s %-20s %s", name, plain(oneLine(text)), plain(oneLine(markup))), " "))
			name = ""
		}
		switch {
		case f.State == parse.FieldFailed:
			show("failed: "+f.Why, "")
		case f.State == parse.FieldEmpty:
			show("empty", "")
		}
		for i, text := range f.Values {
			markup := ""
			if i < len(f.Matched) {
				markup = f.Matched[i]
			}
			show(text, markup)
		}
		if f.State == parse.FieldFilled && f.Why != "" {
			show("("+f.Why+")", "")
		}
	}
}

// longestShown is how many bytes of a value a line for people has.
const longestShown = 200

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > longestShown {
		s = strings.ToValidUTF8(s[:longestShown], "") + "…"
	}
	return s
}
