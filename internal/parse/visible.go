package parse

import (
	"strings"
	"unicode/utf8"
)

// visible gathers the text that a reader sees, as it is written, a line a
// block. What stands in a link or a heading is a part of it.
type visible struct {
	shown  []byte
	blocks []block // that have ended
	from   int     // where the block at hand begins in shown
	linked int     // bytes of it that stand in links
	anchor int     // where the open link begins in shown; -1 if none is open
	place  place   // of the page
	alts   []alt
}

// block is text between two tags that do not stand inside a word.
type block struct {
	end     int // in shown, its newline not counted; it begins behind that of the block before
	linked  int
	place   place
	heading bool
}

// alt is the text of an image inside a link or a heading. It is a part of
// that, and none of the text that is seen.
type alt struct {
	at   int
	text string
}

// mark is a moment in the gathering.
type mark struct{ at, alts int }

func (v *visible) mark() mark { return mark{len(v.shown), len(v.alts)} }

// see takes text in, coded if there are character references in it.
func (v *visible) see(s string, coded bool) {
	if len(v.shown) == v.from { // no block is blank, nor begins so
		s = trimLeft(s)
	}
	if coded {
		v.shown = appendDecoded(v.shown, s, false)
	} else {
		v.shown = append(v.shown, s...)
	}
}

// sayAlt takes in the text of an image in a link or a heading.
func (v *visible) sayAlt(text string) {
	if len(v.alts) < maxAlts {
		v.alts = append(v.alts, alt{len(v.shown), text})
	}
}

// endBlock ends the block at hand, if there is any text in it.
func (v *visible) endBlock(heading bool) {
	if len(v.shown) > v.from {
		v.closeBlock(heading)
	}
}

func (v *visible) closeBlock(heading bool) {
	if v.anchor >= 0 {
		v.linked += len(v.shown) - max(v.anchor, v.from)
	}
	v.blocks = append(v.blocks, block{len(v.shown), v.linked, v.place, heading})
	v.shown = append(v.shown, '\n')
	v.from, v.linked = len(v.shown), 0
}

// endLink says that the open link ends here.
func (v *visible) endLink() {
	v.linked += len(v.shown) - max(v.anchor, v.from)
	v.anchor = -1
}

// maxLook is how far the text of one element is looked through: it may be blank.
const maxLook = 64 << 10

// appendSince appends what was gathered since m to b, white space collapsed,
// images by their text, limit bytes at most.
func (v *visible) appendSince(b []byte, m mark, limit int) []byte {
	start := len(b)
	at := m.at
	for _, a := range v.alts[m.alts:] {
		if len(b)-start >= limit {
			break
		}
		b = appendCollapsed(b, start, v.shown[at:min(a.at, at+maxLook)], limit)
		b = appendCollapsed(b, start, " ", limit)
		b = appendCollapsed(b, start, a.text, limit)
		b = appendCollapsed(b, start, " ", limit)
		at = a.at
	}
	b = appendCollapsed(b, start, v.shown[at:min(len(v.shown), at+maxLook)], limit)
	if n := len(b); n > start && b[n-1] == ' ' {
		b = b[:n-1]
	}
	return b
}

// appendCollapsed appends s, each run of white space as one blank and none at
// the start, until b has limit bytes from start on, whole characters only. A
// blank that ends s stays: more may follow.
func appendCollapsed[T string | []byte](b []byte, start int, s T, limit int) []byte {
	for i := 0; i < len(s) && len(b)-start < limit; i++ {
		c := s[i]
		switch {
		case !isSpace(c):
			b = append(b, c)
		case len(b) > start && b[len(b)-1] != ' ':
			b = append(b, ' ')
		}
	}
	if len(b)-start < limit {
		return b
	}
	for cut := len(b) - 1; cut >= start && cut > len(b)-utf8.UTFMax; cut-- { // half a character may be at the end
		if utf8.RuneStart(b[cut]) {
			if !utf8.FullRune(b[cut:]) {
				b = b[:cut]
			}
			break
		}
	}
	return b
}

// choice says which blocks are the main text.
type choice struct {
	anyPlace bool
	noPlace  bool // those in no place too, and not only those in main
	prose    bool // but only of which links are the smaller part
}

// mainText chooses the main text: the blocks in main where the page has one;
// else those in no other place of which links are the smaller part.
func (v *visible) mainText() choice {
	all, inMain, prose, bare := 0, 0, 0, 0
	start := 0
	for _, b := range v.blocks {
		n := b.end - start
		start = b.end + 1
		all += n
		switch b.place {
		case placeMain:
			inMain += n
		case placeNone:
			bare += n
			if isProse(b, n) {
				prose += n
			}
		}
	}
	switch {
	case inMain*10 >= all:
		return choice{}
	case prose > 0:
		return choice{noPlace: true, prose: true}
	case bare > 0:
		return choice{noPlace: true}
	}
	return choice{anyPlace: true}
}

func (c choice) takes(b block, length int) bool {
	return c.anyPlace || b.place == placeMain || c.noPlace && b.place == placeNone && (!c.prose || isProse(b, length))
}

func isProse(b block, length int) bool { return b.heading || 2*b.linked <= length }

// readText counts words and reads the main text once all has been gathered.
func (p *parser) readText() {
	p.endBlock(false)
	if len(p.blocks) == 0 {
		return
	}
	end := len(p.shown)
	p.shown = append(p.shown, make([]byte, textSpare)...)
	chosen := p.mainText()
	var t textReader
	var lines []byte
	from, start, inMain := 0, 0, false
	for _, b := range p.blocks {
		if is := chosen.takes(b, b.end-start); is != inMain {
			t.take(p.shown, from, start, inMain)
			from, inMain = start, is
		}
		if inMain && p.wantText && len(lines) < maxText {
			n := len(lines)
			lines = append(appendCollapsed(lines, n, p.shown[start:b.end], maxText-n), '\n')
		}
		start = b.end + 1
	}
	t.take(p.shown, from, end, inMain)
	p.doc.Words += t.words
	p.doc.TextHash, p.doc.Simhash = t.hash(), t.simhash()
	p.doc.Text = strings.TrimRight(string(lines), " \n")
	if len(lines) >= maxText {
		p.cut("text")
	}
}
