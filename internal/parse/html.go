package parse

import (
	"maps"
	"slices"
	"strings"
)

// maxSrcdoc is how deep documents in srcdoc attributes are read.
const maxSrcdoc = 1

// tokensAtOnce is how many tokens are read between two calls of late.
const tokensAtOnce = 16

// textShare: text is one byte of so many in much of what is written in HTML.
const textShare = 4

// walker reads the tokens of one HTML document. Scripting is off: noscript
// holds markup. Templates are inert unless they are declared shadow roots.
type walker struct {
	scanner
	*parser
	foreign foreign
	regions *regions
	content elem // whose text comes next and is none to be seen; elemOther for text to be seen
	inert   int  // open template elements
	srcdoc  int  // depth of this document
	langSet bool
	jsonLD  bool // the script at hand holds JSON-LD
	rebased bool // the base element came after addresses: all is to be read again

	openLink  int // its index, -1 if there is none
	linkFrom  mark
	heading   int // level of the open heading, 0 if there is none
	headFrom  mark
	title     bool // the title is open
	titleText snippet
}

// html reads a page in UTF-8. A base element counts for the addresses before it
// too: where there are any the page is read once more.
func (p *parser) html(body string) {
	before, n := p.doc, len(p.list)
	before.Refused = maps.Clone(before.Refused)
	p.shown = slices.Grow(p.shown, len(body)/textShare)
	for again := true; again; {
		w := &walker{parser: p, openLink: -1, scanner: newScanner(body), regions: &p.regions}
		w.room = &p.decoded
		w.read()
		if again = w.rebased; again {
			p.undo(before, n)
		}
	}
	p.readText()
}

func (w *walker) read() {
	for n := 0; !w.rebased; n++ {
		if n%tokensAtOnce == 0 && w.late() {
			return
		}
		switch w.next() {
		case endToken:
			w.closeLink()
			w.closeTitle()
			w.closeHeading()
			w.regions.closeAll(w)
			return
		case textToken:
			w.readTextToken()
		case startToken:
			w.start()
		case closeToken:
			w.end()
		}
	}
}

// setBase takes the base element at hand if it is the one that counts: the
// first with an address that can be fetched (HTML standard, 4.2.3).
func (w *walker) setBase() {
	href, ok := w.attr(attrHref)
	if !ok || w.based || w.srcdoc > 0 || w.foreign.inside() {
		return
	}
	u, reason := w.resolve(href)
	if reason != "" {
		return
	}
	w.based = true
	if u == w.base {
		return
	}
	w.rebased = len(w.list) > 0 || len(w.doc.Refused) > 0 || len(w.doc.Microdata) > 0
	w.base = u
}

func (w *walker) start() {
	e, t := w.elem, traits[w.elem]
	if len(w.foreign.open) > 0 || t&foreignRoot != 0 {
		w.foreign.start(w)
		w.cdata = w.foreign.inside()
	} else if t&(breaksOut|landmark) != 0 {
		w.foreign.outside[e]++
	}
	w.content = elemOther
	if t&special != 0 {
		w.enter(e)
	}
	if w.inert > 0 {
		return
	}
	if t&inline == 0 {
		w.endBlock(w.heading > 0)
	}
	if t&landmark != 0 || w.has&regionAttrs != 0 || w.regions.holds(e) {
		w.regions.start(w)
	}
	if t&opening != 0 {
		w.open()
	}
	if t&(linking|holding) != 0 || w.has&(1<<attrStyle) != 0 {
		w.links()
	}
}

// enter notes that what comes next is read in a way of its own.
func (w *walker) enter(e elem) {
	if e == elemTemplate {
		if !w.foreign.inside() && (w.inert > 0 || w.value(attrShadowrootmode) == "") {
			w.inert++
		}
		return
	}
	w.content = e
	if !w.foreign.inside() && (e != elemTitle || len(w.foreign.open) == 0) {
		w.raw = rawOf(e)
	}
}

// open follows the elements whose text is wanted.
func (w *walker) open() {
	switch e := w.elem; e {
	case elemTitle:
		if len(w.foreign.open) == 0 && w.doc.Title == "" && w.srcdoc == 0 {
			w.title, w.titleText = true, snippet{limit: w.limits.Text}
		}
	case elemH1, elemH2, elemH3, elemH4, elemH5, elemH6:
		w.closeHeading()
		if w.srcdoc == 0 {
			w.heading, w.headFrom = int(e-elemH1)+1, w.mark()
		}
	case elemA:
		w.closeLink()
	case elemBase:
		w.setBase()
	case elemImg:
		if alt := w.alt(); alt != "" && (w.openLink >= 0 || w.heading > 0) {
			w.sayAlt(alt)
		}
	case elemHTML:
		if lang := w.value(attrLang); lang != "" && !w.langSet && w.srcdoc == 0 {
			w.doc.Lang, w.langSet = w.clean(lang), true
		}
	}
}

func (w *walker) end() {
	e := w.elem
	w.content = elemOther
	inForeign := w.foreign.inside()
	if len(w.foreign.open) > 0 {
		w.foreign.end(e)
		w.cdata = w.foreign.inside()
	} else if w.foreign.outside[e] > 0 {
		w.foreign.outside[e]--
	}
	if !is(e, inline) && w.inert == 0 {
		w.endBlock(w.heading > 0)
	}
	if is(e, closing) {
		w.close(e, inForeign)
	}
	if w.regions.holds(e) {
		w.regions.end(w)
	}
}

// close ends what open began.
func (w *walker) close(e elem, inForeign bool) {
	switch e {
	case elemTemplate:
		if !inForeign {
			w.inert = max(0, w.inert-1)
		}
	case elemA:
		w.closeLink()
	case elemTitle:
		if !inForeign {
			w.closeTitle()
		}
	default:
		w.closeHeading()
	}
}

// readTextToken takes the text between two tags.
func (w *walker) readTextToken() {
	if w.inert > 0 {
		return
	}
	switch w.content {
	case elemOther, elemXMP, elemPlaintext:
		w.seeText()
	case elemStyle:
		w.css(w.readable(), "style")
	case elemScript:
		if w.jsonLD {
			w.readJSONLD(w.at(w.text))
		}
	case elemTitle:
		if w.title {
			w.titleText.add(w.readable())
		} else if len(w.foreign.open) > 0 {
			w.seeText()
		}
	}
}

// seeText takes in the text at hand as text to be seen.
func (w *walker) seeText() {
	text, coded := w.written()
	if w.odd { // NUL is no character there (13.2.6.4.7)
		text = strings.ReplaceAll(text, "\x00", "")
	}
	w.see(text, coded)
}

func (w *walker) closeLink() {
	if w.openLink < 0 {
		return
	}
	w.endLink()
	w.textSince(w.openLink, w.linkFrom)
	w.openLink = -1
}

func (w *walker) closeTitle() {
	if w.title {
		w.doc.Title = w.titleText.String()
	}
	w.title = false
}

func (w *walker) closeHeading() {
	if w.heading == 0 {
		return
	}
	if len(w.headings) >= maxHeadings {
		w.cut("headings")
	} else if text := w.keep(w.headFrom, w.limits.Text); text.length > 0 {
		w.headings = append(w.headings, keptHeading{w.heading, text})
	}
	w.heading = 0
}
