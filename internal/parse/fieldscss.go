package parse

import (
	"errors"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"

	"crawl/internal/weburl"
)

// css asks a rule for what its selector finds.
func (p *fieldPage) css(r *fieldRule, g *gathering) error {
	if p.root == nil {
		return p.err
	}
	finder := &cssFinder{selector: r.css, late: p.late}
	for _, s := range goquery.NewDocumentFromNode(p.root).FindMatcher(finder).EachIter() {
		if p.over() {
			return errLate
		}
		have := len(g.v.Values)
		more := p.value(r, g, s)
		if g.matched && len(g.v.Values) > have {
			text, _ := markup(s.Nodes[0], maxMatched, true)
			g.v.Matched = append(g.v.Matched, text)
		}
		if !more {
			return nil
		}
	}
	if finder.cut {
		return errLate
	}
	return nil
}

// value takes an element's value.
func (p *fieldPage) value(r *fieldRule, g *gathering, s *goquery.Selection) (more bool) {
	n := s.Nodes[0]
	switch {
	case r.Attr != "":
		text, ok := s.Attr(r.Attr)
		if !ok {
			return true
		}
		return g.take(p.address(n, r.Attr, text), true, true)
	case r.HTML:
		text, whole := markup(n, MaxFieldValue, false)
		return g.take(text, false, whole)
	}
	var b strings.Builder
	textOf(n, &b, MaxFieldValue)
	return g.take(b.String(), false, true)
}

// addressAttrs hold one address; a value of such an attribute is made absolute.
var addressAttrs = nameSet("href", "src", "action", "formaction", "poster", "cite", "data", "background", "longdesc")

func (p *fieldPage) address(n *html.Node, attr, text string) string {
	if addressAttrs[attr] == "" || attr == "data" && n.Data != "object" {
		return text
	}
	if u, reason := p.resolve(text); reason == "" && u != (weburl.URL{}) {
		return u.String()
	}
	return text
}

// textOf writes the text of n and what is in it, until it is longer than limit.
func textOf(n *html.Node, b *strings.Builder, limit int) {
	if n.Type == html.TextNode {
		b.WriteString(n.Data[:min(len(n.Data), limit+1)])
	}
	for c := n.FirstChild; c != nil && b.Len() <= limit; c = c.NextSibling {
		textOf(c, b, limit)
	}
}

// markup writes what is in n, or n itself too, and tells whether that is all.
func markup(n *html.Node, limit int, outer bool) (text string, whole bool) {
	w := &limitedWriter{left: limit}
	if outer {
		whole = w.render(n)
		return w.b.String(), whole
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if !w.render(c) {
			return w.b.String(), false
		}
	}
	return w.b.String(), true
}

// limitedWriter takes so many bytes and no more.
type limitedWriter struct {
	b    strings.Builder // not embedded: html.Render would write past Write
	left int
}

var errFull = errors.New("full")

func (w *limitedWriter) Write(b []byte) (int, error) {
	n := min(len(b), w.left)
	w.b.Write(b[:n])
	if w.left -= n; n < len(b) {
		return n, errFull
	}
	return n, nil
}

func (w *limitedWriter) render(n *html.Node) (whole bool) { return html.Render(w, n) == nil }
