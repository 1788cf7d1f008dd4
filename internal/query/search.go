package query

import (
	"context"
	"errors"
	"hash/maphash"
	"iter"
	"strings"

	"crawl/internal/search"
	"crawl/store"
)

// Searcher finds pages by their words; *search.Index is one.
type Searcher interface {
	// Find yields the pages of a run that answer, from the best to the worst.
	Find(ctx context.Context, run *store.Run, q *search.Query) iter.Seq2[search.Hit, error]
	// Show says what a page that was found looks like.
	Show(ctx context.Context, run *store.Run, q *search.Query, h search.Hit) (search.Shown, error)
}

// SearchTable is the name of the table of what is searched for.
const SearchTable = "search"

// MarkBefore and MarkBehind stand around each word that was searched for, in a
// snippet.
const MarkBefore, MarkBehind = "«", "»"

// hitRow is a page that was found.
type hitRow struct {
	run   *runView
	words string
	query *search.Query
	hit   search.Hit
	rank  int64
	shown *search.Shown // nil: not asked for
}

func (h *hitRow) identify(hash *maphash.Hash) {
	writeAll(hash, h.run.name, h.words, h.hit.URL.String())
}

// show reads the page when a column of it is first asked for.
func (h *hitRow) show() *search.Shown {
	if h.shown == nil {
		q := h.run.q
		shown, err := q.db.o.Search.Show(q.ctx, h.run.run, h.query, h.hit)
		if err != nil {
			q.fail(err)
		}
		h.shown = &shown
	}
	return h.shown
}

// searchTable is a function of what is searched for: FROM search('anvil').
func searchTable() *Table {
	words := column("words", Text, "what is searched for", func(h *hitRow) any { return h.words }).indexed(Equal)
	words.Hidden, words.needed = true, true
	return &Table{
		Name: SearchTable, Meaning: "the pages with some words: SELECT url, snippet FROM search('anvil')", perRun: true, rows: 1000,
		Columns: []Column{
			column("run", Text, "the run, as acme@43", func(h *hitRow) any { return h.run.name }).indexed(Equal),
			column("rank", Int, "how well it answers: 1 is the best", func(h *hitRow) any { return h.rank }),
			column("places", Text, "where the words are: title, h1, headings, description, body", func(h *hitRow) any { return strings.Join(h.show().Places, ", ") }),
			column("url", Text, "the address", func(h *hitRow) any { return h.hit.URL.String() }),
			column("title", Text, "the title", func(h *hitRow) any { return h.show().Title }),
			column("snippet", Text, "the sentence with the words, which stand between "+MarkBefore+" and "+MarkBehind, func(h *hitRow) any {
				return h.show().Excerpt.Marked(MarkBefore, MarkBehind)
			}),
			words,
		},
		scan: scanSearch,
	}
}

func scanSearch(s *scan) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		text, ok := s.equal("words")
		if !ok || s.q.db.o.Search == nil {
			yield(nil, &Error{What: "what is searched for?", Hint: "write: SELECT url, snippet FROM search('anvil')"})
			return
		}
		q, err := search.ParseQuery(text)
		var bad *search.QueryError
		if errors.As(err, &bad) {
			err = &Error{What: bad.What, Hint: bad.Next}
		}
		if err != nil {
			yield(nil, err)
			return
		}
		rank := int64(0)
		for hit, err := range s.q.db.o.Search.Find(s.q.ctx, s.run.run, q) {
			rank++
			if !yield(&hitRow{run: s.run, words: text, query: q, hit: hit, rank: rank}, err) || err != nil {
				return
			}
		}
	}
}
