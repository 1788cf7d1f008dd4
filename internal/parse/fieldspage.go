package parse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"golang.org/x/net/html"

	"crawl/internal/weburl"
)

// Limits on what is read of a page for its fields.
const (
	maxMetas   = 1000 // meta elements
	maxScripts = 100  // scripts of JSON-LD
)

// Why a rule may fail on a page.
var (
	errDeep = errors.New("the page nests more than 512 elements: no selector is tried on it")
	errLate = errors.New("the time to parse a document was over")
	errLong = fmt.Errorf("a script of JSON-LD is longer than %d KiB", maxJSONLDBytes>>10)
)

// fieldPage is a page that rules are asked about.
type fieldPage struct {
	*parser
	text []byte     // in UTF-8
	root *html.Node // of the tree; nil if none was wanted, or none could be grown
	err  error      // why there is none

	metas   []Property // name or property in lower case
	scripts []string   // JSON-LD
	roots   []any      // what those say that are JSON
	badJSON error      // why another is none
	unread  error      // why another was not read
}

func newFieldPage(base weburl.URL, header http.Header, body []byte, o FieldOptions) *fieldPage {
	p := emptyParser() // it gathers nothing: those that have room for that are left to Parse
	p.begin(base, header, Options{Limits: Limits{Time: o.Time}})
	p.doc.Type = "html" // so that decode looks for a declaration
	return &fieldPage{parser: p, text: p.decode(body, false)}
}

// Decode returns the text of a body in UTF-8, as Parse reads it.
func Decode(header http.Header, body []byte) []byte {
	p := newParser(weburl.URL{}, header, Options{})
	defer p.release()
	p.doc.Type = sniff(p.declared.essence, header, body)
	return p.decode(body, p.doc.Type == "xml" || p.doc.Type == "feed" || p.doc.Type == "sitemap")
}

// timedReader ends when the time for the document is over.
type timedReader struct {
	io.Reader
	p *fieldPage
}

func (r timedReader) Read(b []byte) (int, error) {
	if r.p.over() {
		return 0, errLate
	}
	return r.Reader.Read(b)
}

// over tells whether the time for the document is over. It is asked too seldom
// to spare looking at the clock.
func (p *fieldPage) over() bool {
	p.clock.calls = 0
	return p.clock.late()
}

// plant grows the tree of elements, scripting off as everywhere in this package.
func (p *fieldPage) plant() {
	in := timedReader{bytes.NewReader(p.text), p}
	root, err := html.ParseWithOptions(in, html.ParseOptionEnableScripting(false))
	switch {
	case errors.Is(err, errLate):
		p.err = errLate
	case err != nil: // the reader has no other error, and the parser but this
		p.err = errDeep
	default:
		p.root = root
		p.rebase()
	}
}

// rebase finds what addresses in the page are relative to.
func (p *fieldPage) rebase() {
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "base" {
			continue
		}
		for _, a := range n.Attr {
			if a.Key != "href" {
				continue
			}
			if u, reason := p.resolve(a.Val); reason == "" {
				p.base = u
				return
			}
		}
	}
}

// readMarks reads the meta elements and the JSON-LD. It needs no tree, and so
// finds them on pages of any depth.
func (p *fieldPage) readMarks() {
	s := newScanner(readOnly(p.text))
	for !p.late() {
		switch s.next() {
		case endToken:
			return
		case startToken:
			p.mark(&s)
		}
	}
	p.unread = errLate
}

// mark reads the tag at hand.
func (p *fieldPage) mark(s *scanner) {
	s.raw = rawOf(s.elem)
	switch s.elem {
	case elemMeta:
		content, ok := s.attr(attrContent)
		for _, key := range [...]attrID{attrName, attrProperty} {
			if name := lower(trimSpace(s.value(key))); ok && name != "" && len(p.metas) < maxMetas {
				p.metas = append(p.metas, Property{strings.Clone(name), strings.Clone(content)})
			}
		}
	case elemScript:
		if isJSONLD(s.value(attrType)) && len(p.scripts) < maxScripts && s.next() == textToken {
			if text := s.at(s.text); len(text) <= maxJSONLDBytes {
				p.scripts = append(p.scripts, strings.Clone(text))
			} else {
				p.unread = errLong
			}
		}
	}
}

// meta asks a rule for the content of meta elements.
func (p *fieldPage) meta(r *fieldRule, g *gathering) {
	name := lower(r.Expr)
	for _, m := range p.metas {
		if m.Name == name && !g.take(m.Value, true, true) {
			return
		}
	}
}

// Steps that the search for one match may take, for nothing can stop it:
// instructions of the program times bytes of the page.
const (
	stepsOfOne = 128 << 20
	stepsOfAll = 32 << 20 // after each match the search goes on
)

// search asks a rule for what its pattern matches.
func (p *fieldPage) search(r *fieldRule, g *gathering) error {
	if p.over() {
		return errLate
	}
	text, most := p.text, stepsOfOne
	if r.All {
		most = stepsOfAll
	}
	if limit := most / r.re.size; len(text) > limit {
		text = text[:limit]
		g.v.Why = fmt.Sprintf("cut: a pattern of that cost is held against the first %d KiB", limit>>10)
	}
	for _, m := range r.re.FindAllSubmatchIndex(text, r.wanted()) {
		from, to := m[2*r.re.group], m[2*r.re.group+1]
		if from >= 0 && !g.take(string(text[from:to]), false, true) {
			return nil
		}
	}
	return nil
}

// wanted is how many matches are looked for: one more than is kept, so that the
// cut is noticed, and some that are blank.
func (r *fieldRule) wanted() int {
	if r.All {
		return MaxFieldValues + 1
	}
	return 1
}
