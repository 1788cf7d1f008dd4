package search

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Excerpt is a piece of a text, and which parts of it were searched for.
type Excerpt struct {
	Text  string
	Marks [][2]int // from, to: in bytes, in order, none overlaps another
}

// Marked returns the excerpt with something before and behind each mark.
func (e *Excerpt) Marked(before, behind string) string {
	var b strings.Builder
	at := 0
	for _, m := range e.Marks {
		b.WriteString(e.Text[at:m[0]] + before + e.Text[m[0]:m[1]] + behind)
		at = m[1]
	}
	return b.String() + e.Text[at:]
}

// Map returns the excerpt with each piece of it replaced: what is marked, and
// what stands between.
func (e *Excerpt) Map(fn func(string) string) *Excerpt {
	m := &Excerpt{}
	at := 0
	for _, mark := range e.Marks {
		m.Text += fn(e.Text[at:mark[0]])
		from := len(m.Text)
		m.Text += fn(e.Text[mark[0]:mark[1]])
		m.Marks = append(m.Marks, [2]int{from, len(m.Text)})
		at = mark[1]
	}
	m.Text += fn(e.Text[at:])
	return m
}

// Sizes of an excerpt in bytes: which places are shown together, and how much
// of the sentence before and behind them.
const (
	excerptSpan   = 160
	excerptMargin = 120
)

// found says in which fields a query's terms occur, and shows where: in the
// text, else the description and so on up to the title.
func (r *reading) found(q *Query) (places []string, e Excerpt) {
	at := anywhere
	var shown []span
	for f := range fields {
		spans := r.spans(q, f)
		if len(spans) == 0 {
			continue
		}
		places = append(places, fieldNames[f])
		if at == anywhere || distinct(spans) >= distinct(shown) {
			at, shown = f, spans
		}
	}
	if at == anywhere {
		return nil, r.opening()
	}
	text := r.text.get(at)
	if at == body { // that the page has it in its heading is seen without an excerpt
		rest := slices.DeleteFunc(slices.Clone(shown), func(s span) bool { return lineAt(text, s.start) == r.text.H1 })
		if distinct(rest) == distinct(shown) {
			shown = rest
		}
	}
	return places, excerpt(text, best(text, shown))
}

// lineAt returns the line of a text in which a place is.
func lineAt(text string, at int) string {
	line, _, _ := strings.Cut(text[strings.LastIndexByte(text[:at], '\n')+1:], "\n")
	return line
}

// opening is the beginning of a text.
func (r *reading) opening() Excerpt {
	text := r.text.Body
	if text == "" {
		text = r.text.Description
	}
	if text == "" {
		return Excerpt{}
	}
	return excerpt(text, []span{{}})
}

// spans are the places in a field where the query's terms occur, in order.
func (r *reading) spans(q *Query, f field) (spans []span) {
	for i, t := range q.terms {
		n := 0
		r.each(t, f, func(start, end int) bool {
			spans = append(spans, span{i, start, end})
			n++
			return n < maxSpans
		})
	}
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	return spans
}

func distinct(spans []span) int {
	seen := map[int]bool{}
	for _, s := range spans {
		seen[s.term] = true
	}
	return len(seen)
}

// best returns the first stretch within the span of an excerpt that has as many
// different terms as any has.
func best(text string, spans []span) []span {
	terms, from := map[int]int{}, 0
	first, last, most := 0, 0, 0
	for to, s := range spans {
		terms[s.term]++
		for ; from < to && s.end-spans[from].start > excerptSpan; from++ {
			if terms[spans[from].term]--; terms[spans[from].term] == 0 {
				delete(terms, spans[from].term)
			}
		}
		if len(terms) > most {
			first, last, most = from, to, len(terms)
		}
	}
	for ; last+1 < len(spans); last++ { // of the same line what there is room for
		next := spans[last+1]
		if next.end-spans[first].start > excerptSpan || strings.Contains(text[spans[last].end:max(next.start, spans[last].end)], "\n") {
			break
		}
	}
	return spans[first : last+1]
}

// excerpt shows places of a text in their sentence.
func excerpt(text string, spans []span) Excerpt {
	last := spans[0].end
	for _, s := range spans {
		last = max(last, s.end)
	}
	from, cutBefore := sentenceStart(text, spans[0].start)
	to, cutBehind := sentenceEnd(text, last)
	var e Excerpt
	if cutBefore {
		e.Text = "…"
	}
	shift := len(e.Text) - from
	e.Text += strings.ReplaceAll(text[from:to], "\n", " ")
	if cutBehind {
		e.Text += "…"
	}
	for _, s := range spans {
		m := [2]int{s.start + shift, s.end + shift}
		switch n := len(e.Marks); {
		case m[0] == m[1]:
		case n > 0 && m[0] < e.Marks[n-1][1]: // they overlap
			e.Marks[n-1][1] = max(e.Marks[n-1][1], m[1])
		default:
			e.Marks = append(e.Marks, m)
		}
	}
	return e
}

// sentenceStart returns where the sentence begins that a place stands in; the
// last words before it if that is too far.
func sentenceStart(text string, at int) (start int, isCut bool) {
	low := max(0, at-excerptMargin)
	for i := at; i > low; {
		r, size := utf8.DecodeLastRuneInString(text[:i])
		if endsSentence(r, text[i:]) {
			return skipBlanks(text, i, at), false
		}
		i -= size
	}
	if low == 0 {
		return 0, false
	}
	for low < at && !utf8.RuneStart(text[low]) {
		low++
	}
	if i := strings.IndexFunc(text[low:at], unicode.IsSpace); i >= 0 && i < excerptMargin/2 {
		low += i
	}
	return skipBlanks(text, low, at), true
}

func skipBlanks(text string, from, to int) int {
	return to - len(strings.TrimLeftFunc(text[from:to], unicode.IsSpace))
}

// sentenceEnd returns where the sentence ends that ends behind a place, or the
// last word behind it if that is too far.
func sentenceEnd(text string, at int) (end int, isCut bool) {
	high := min(len(text), at+excerptMargin)
	for i, r := range text[at:high] {
		behind := at + i + utf8.RuneLen(r)
		if r == utf8.RuneError || !endsSentence(r, text[min(behind, len(text)):]) {
			continue
		}
		if r == '\n' {
			return at + i, false
		}
		return behind, false
	}
	if high == len(text) {
		return high, false
	}
	for high > at && !utf8.RuneStart(text[high]) {
		high--
	}
	if i := strings.LastIndexFunc(text[at:high], unicode.IsSpace); i >= excerptMargin/2 {
		high = at + i
	}
	return at + len(strings.TrimRightFunc(text[at:high], unicode.IsSpace)), true
}

// endsSentence tells whether a sentence ends with a sign that something follows.
func endsSentence(r rune, rest string) bool {
	switch r {
	case '\n', '。', '！', '？', '．', '｡':
		return true
	case '.', '!', '?', '।', '؟', '…':
		next, _ := utf8.DecodeRuneInString(rest)
		return rest == "" || unicode.IsSpace(next)
	}
	return false
}
