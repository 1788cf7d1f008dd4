package search

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Query is what is searched for.
type Query struct {
	need  [][]term // of each of these at least one occurs
	never []term   // of these none
	terms []*term  // all of need
}

// term is words that follow one another.
type term struct {
	field  field // where; anywhere if it is none
	words  []string
	prefix bool // of the last one this is the beginning
	single bool // that is a single character of a dense script
}

// QueryError tells what is wrong with a query.
type QueryError struct{ What, Next string }

func (e *QueryError) Error() string { return e.What }

// Limits of a query: what a page's worth of words would find nobody knows, and
// it would take long.
const (
	maxQuery = 1000 // bytes
	maxTerms = 32
	maxWords = 64
)

// ParseQuery reads a query. All of it that has no meaning is taken as text:
//
//	anvil recall      both words occur
//	"anvil recall"    side by side
//	anvil OR hammer   one of them does
//	-hammer           this does not
//	anv*              a word begins so
//	title:anvil       in the title; likewise h1, headings, description, body
func ParseQuery(text string) (*Query, error) {
	if len(text) > maxQuery {
		return nil, &QueryError{fmt.Sprintf("a search is at most %d bytes long", maxQuery), "search for less"}
	}
	q := &Query{}
	terms, nwords := 0, 0
	items := split(text)
	for i, it := range items {
		if isOr(items, i) {
			continue
		}
		t := it.term()
		if len(t.words) == 0 {
			continue
		}
		terms, nwords = terms+1, nwords+len(t.words)
		switch {
		case it.not:
			q.never = append(q.never, t)
		case i > 0 && isOr(items, i-1) && len(q.need) > 0:
			q.need[len(q.need)-1] = append(q.need[len(q.need)-1], t)
		default:
			q.need = append(q.need, []term{t})
		}
	}
	switch {
	case terms > maxTerms || nwords > maxWords:
		return nil, &QueryError{fmt.Sprintf("a search has at most %d parts and %d words", maxTerms, maxWords), "search for less"}
	case len(q.need) == 0 && len(q.never) > 0:
		return nil, &QueryError{"there is only what is not to occur", "add a word that is to occur"}
	case len(q.need) == 0:
		return nil, &QueryError{"there is no word in it to search for", "a word has letters or numbers"}
	}
	for _, any := range q.need {
		for i := range any {
			q.terms = append(q.terms, &any[i])
		}
	}
	return q, nil
}

// item is a part of a query as it is written.
type item struct {
	text   string
	field  field
	not    bool
	quoted bool
	prefix bool
}

// isOr tells whether item i stands between two of which one is to occur.
func isOr(items []item, i int) bool {
	it := items[i]
	return it.text == "OR" && !it.quoted && !it.not && it.field == anywhere && !it.prefix &&
		i > 0 && !items[i-1].not && i+1 < len(items) && !items[i+1].not && (i == 1 || !isOr(items, i-1))
}

// split cuts a query into its parts.
func split(text string) (items []item) {
	for {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
		if text == "" {
			return items
		}
		it := item{field: anywhere}
		if len(text) > 1 && text[0] == '-' {
			it.not, text = true, text[1:]
		}
		if name, rest, ok := strings.Cut(text, ":"); ok && rest != "" && strings.IndexFunc(rest, unicode.IsSpace) != 0 {
			if f := fieldNamed(name); f != anywhere {
				it.field, text = f, rest
			}
		}
		text = it.take(text)
		items = append(items, it)
	}
}

// take reads the words of an item and returns what follows.
func (it *item) take(text string) string {
	if rest, ok := cutQuote(text); ok {
		it.quoted = true
		end := strings.IndexFunc(rest, isQuote)
		if end < 0 {
			it.text = rest
			return ""
		}
		it.text = rest[:end]
		text, _ = cutQuote(rest[end:])
		text, it.prefix = strings.CutPrefix(text, "*")
		return text
	}
	end := strings.IndexFunc(text, func(r rune) bool { return unicode.IsSpace(r) || isQuote(r) })
	if end < 0 {
		end = len(text)
	}
	it.text, it.prefix = strings.CutSuffix(text[:end], "*")
	return text[end:]
}

// isQuote tells quotes as they are typed, and as they are printed in English.
func isQuote(r rune) bool { return r == '"' || r == '“' || r == '”' }

// cutQuote cuts off the quote that a text begins with.
func cutQuote(text string) (rest string, ok bool) {
	r, size := utf8.DecodeRuneInString(text)
	if isQuote(r) {
		return text[size:], true
	}
	return text, false
}

// term makes words of an item.
func (it *item) term() term {
	var w words
	w.cut(it.text)
	t := term{field: it.field, prefix: it.prefix}
	last := len(w.list) - 1
	if last >= 0 && w.list[last].dense && w.list[last].mid == w.list[last].end {
		// The last character of a stretch, which in a text another may follow.
		if last > 0 && w.list[last-1].dense && w.list[last-1].end == w.list[last].end {
			last--
		} else {
			t.prefix, t.single = true, true
		}
	}
	for i := range last + 1 {
		t.words = append(t.words, string(w.get(i)))
	}
	return t
}

// fts writes the query for FTS5. Words have letters, numbers and marks alone,
// so that nothing in them means anything there.
func (q *Query) fts() string {
	var b strings.Builder
	b.WriteByte('(')
	for i, any := range q.need {
		if i > 0 {
			b.WriteString(" AND ")
		}
		writeAny(&b, any)
	}
	b.WriteByte(')')
	if len(q.never) > 0 {
		b.WriteString(" NOT ")
		writeAny(&b, q.never)
	}
	return b.String()
}

func writeAny(b *strings.Builder, terms []term) {
	for i, t := range terms {
		b.WriteString([]string{"(", " OR "}[min(i, 1)])
		if t.field != anywhere {
			b.WriteString(fieldNames[t.field] + " : ")
		}
		b.WriteString(`"` + strings.Join(t.words, " ") + `"`)
		if t.prefix {
			b.WriteByte('*')
		}
	}
	b.WriteByte(')')
}
