package parse

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// maxSrcdoc is how deep documents in srcdoc attributes are read.
const maxSrcdoc = 1

// walker reads the tokens of one HTML document. Scripting is off: noscript
// holds markup. Templates are inert unless they are declared shadow roots.
type walker struct {
	*parser
	z       *html.Tokenizer
	name    string // of the tag at hand
	attrs   []attr
	raw     string // element whose raw text comes next
	foreign foreign
	inert   int // open template elements
	srcdoc  int // depth of this document
	langSet bool

	anchor     int // index of the open link, -1 if there is none
	anchorText *snippet
	title, h1  *snippet // open elements
}

type attr struct{ name, value string }

// html reads a page in UTF-8.
func (p *parser) html(body []byte) {
	p.setBase(body)
	w := &walker{parser: p, anchor: -1}
	w.read(body)
}

func (w *walker) read(body []byte) {
	w.z = html.NewTokenizer(bytes.NewReader(body))
	for !w.late() {
		w.z.AllowCDATA(w.foreign.inside())
		switch w.z.Next() {
		case html.ErrorToken:
			w.closeAnchor()
			w.closeTitle()
			w.closeH1()
			return
		case html.TextToken:
			w.text()
		case html.StartTagToken:
			w.start(false)
		case html.SelfClosingTagToken:
			w.start(true)
		case html.EndTagToken:
			w.end()
		}
	}
}

// setBase finds the base element that counts: the first with an address that
// can be fetched (HTML standard, 4.2.3). It counts for what comes before it
// too, hence this pass of its own, made only where the page has such a tag.
func (p *parser) setBase(body []byte) {
	if !hasTag(body, "base") {
		return
	}
	w := &walker{parser: p, z: html.NewTokenizer(bytes.NewReader(body))}
	for !p.late() {
		switch w.z.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			w.readTag()
			if w.name == "noscript" {
				w.z.NextIsNotRawText()
			}
			href, ok := w.attr("href")
			if w.name != "base" || !ok {
				continue
			}
			if u, reason := p.resolve(href); reason == "" {
				p.base = u
				return
			}
		}
	}
}

// hasTag reports whether a start tag of that name may be in body.
func hasTag(body []byte, name string) bool {
	for {
		i := bytes.IndexByte(body, '<')
		if i < 0 || len(body) < i+1+len(name) {
			return false
		}
		body = body[i+1:]
		if bytes.EqualFold(body[:len(name)], []byte(name)) {
			return true
		}
	}
}

// readTag takes name and attributes of the tag at hand; of attributes with
// the same name the first counts.
func (w *walker) readTag() {
	name, more := w.z.TagName()
	w.name, w.attrs = string(name), w.attrs[:0]
	for more {
		var k, v []byte
		k, v, more = w.z.TagAttr()
		if !wanted[string(k)] {
			continue
		}
		if _, dup := w.attr(string(k)); !dup {
			w.attrs = append(w.attrs, attr{string(k), strings.ReplaceAll(string(v), "\x00", "\uFFFD")})
		}
	}
}

func (w *walker) attr(name string) (string, bool) {
	for _, a := range w.attrs {
		if a.name == name {
			return a.value, true
		}
	}
	return "", false
}

func (w *walker) value(name string) string {
	v, _ := w.attr(name)
	return v
}

func (w *walker) start(selfClosing bool) {
	w.readTag()
	w.foreign.start(w.name, selfClosing)
	w.raw = ""
	if !inline[w.name] {
		w.inWord = false
	}
	switch w.name {
	case "script", "style", "textarea", "title", "iframe", "noembed", "noframes", "xmp", "plaintext":
		w.raw = w.name
	}
	if w.foreign.inside() || w.name == "noscript" || w.name == "title" && len(w.foreign.open) > 0 {
		w.z.NextIsNotRawText()
	}
	if w.name == "template" && (w.inert > 0 || w.value("shadowrootmode") == "") {
		w.inert++
	}
	if w.inert == 0 {
		w.open()
		w.links()
	}
}

// open follows the elements whose text is wanted.
func (w *walker) open() {
	switch w.name {
	case "title":
		if len(w.foreign.open) == 0 && w.doc.Title == "" && w.srcdoc == 0 {
			w.title = &snippet{limit: w.limits.Text}
		}
	case "h1", "h2", "h3", "h4", "h5", "h6":
		w.closeH1()
		if w.name == "h1" && w.doc.H1 == "" && w.srcdoc == 0 {
			w.h1 = &snippet{limit: w.limits.Text}
		}
	case "a":
		w.closeAnchor()
	case "img":
		w.say(" " + w.value("alt") + " ")
	case "html":
		if lang := w.value("lang"); lang != "" && !w.langSet && w.srcdoc == 0 {
			w.doc.Lang, w.langSet = w.clean(lang), true
		}
	}
	if !inline[w.name] {
		w.say(" ")
	}
}

func (w *walker) end() {
	name, _ := w.z.TagName()
	w.name, w.raw = string(name), ""
	inSVG := len(w.foreign.open) > 0
	w.foreign.end(w.name)
	if !inline[w.name] {
		w.inWord = false
		w.say(" ")
	}
	switch w.name {
	case "template":
		w.inert = max(0, w.inert-1)
	case "a":
		w.closeAnchor()
	case "title":
		if !inSVG {
			w.closeTitle()
		}
	case "h1", "h2", "h3", "h4", "h5", "h6":
		w.closeH1()
	}
}

// text takes the text between two tags.
func (w *walker) text() {
	if w.inert > 0 {
		return
	}
	switch w.raw {
	case "style":
		w.css(w.z.Text(), "style")
	case "title":
		if w.title != nil {
			w.title.add(string(w.z.Text()))
		} else if len(w.foreign.open) > 0 {
			w.visible(string(w.z.Text()))
		}
	case "", "xmp", "plaintext":
		w.visible(string(w.z.Text()))
	}
}

func (w *walker) visible(s string) {
	w.words(s)
	w.say(s)
}

// say adds to the texts of the open link and heading.
func (w *walker) say(s string) {
	if w.anchor >= 0 {
		w.anchorText.add(s)
	}
	if w.h1 != nil {
		w.h1.add(s)
	}
}

func (w *walker) closeAnchor() {
	if w.anchor < 0 {
		return
	}
	if l := &w.doc.Links[w.anchor]; l.Text == "" {
		l.Text = w.anchorText.String()
	}
	w.anchor = -1
}

func (w *walker) closeTitle() {
	if w.title != nil {
		w.doc.Title = w.title.String()
	}
	w.title = nil
}

func (w *walker) closeH1() {
	if w.h1 != nil {
		w.doc.H1 = w.h1.String()
	}
	w.h1 = nil
}

// inline names the elements that may stand inside a word.
var inline = nameSet("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd", "mark",
	"nobr", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u", "var", "wbr")
