package search

import "math"

// reading is a Text cut into words. It may be used again for the next.
type reading struct {
	text  *Text
	words [fields]words
}

func (r *reading) read(t *Text) {
	r.text = t
	for f := range fields {
		r.words[f].cut(t.get(f))
	}
}

// length is how many words there are.
func (r *reading) length() (n int) {
	for f := range fields {
		n += len(r.words[f].list)
	}
	return n
}

// joined is the words of a field with blanks between them, as SQLite is given
// them.
func (r *reading) joined(f field) string {
	w := &r.words[f]
	b := make([]byte, 0, 2*len(w.folded)+len(w.list))
	for i := range w.list {
		b = append(append(b, w.get(i)...), ' ')
	}
	return string(b)
}

// span is where a term stands in a field of a text.
type span struct {
	term       int
	start, end int
}

// maxSpans is how many places of one field are looked at for an excerpt.
const maxSpans = 1000

// each calls fn for each place in a field where a term occurs, until it returns
// false.
func (r *reading) each(t *term, f field, fn func(start, end int) bool) {
	if t.field != anywhere && t.field != f {
		return
	}
	w := &r.words[f]
	for i := 0; i+len(t.words) <= len(w.list); i++ {
		if t.at(w, i) {
			last := w.list[i+len(t.words)-1]
			end := last.end
			if t.single {
				end = last.mid
			}
			if !fn(int(w.list[i].start), int(end)) {
				return
			}
		}
	}
}

// at tells whether a term occurs at word i of a text.
func (t *term) at(w *words, i int) bool {
	last := len(t.words) - 1
	for n, word := range t.words {
		have := w.get(i + n)
		switch {
		case n == last && t.prefix && len(have) >= len(word) && string(have[:len(word)]) == word:
		case string(have) != word:
			return false
		}
	}
	return true
}

// occurs tells whether one of some terms does.
func (r *reading) occurs(any []term) bool {
	for i := range any {
		for f := range fields {
			found := false
			r.each(&any[i], f, func(int, int) bool { found = true; return false })
			if found {
				return true
			}
		}
	}
	return false
}

// matches tells whether a text is what a query asks for.
func (r *reading) matches(q *Query) bool {
	for _, any := range q.need {
		if !r.occurs(any) {
			return false
		}
	}
	return len(q.never) == 0 || !r.occurs(q.never)
}

// counts is how often each term of a query occurs in a text, by what it counts
// where it stands.
func (r *reading) counts(q *Query) (counts []float64) {
	counts = make([]float64, len(q.terms))
	for i, t := range q.terms {
		for f := range fields {
			r.each(t, f, func(int, int) bool { counts[i] += weights[f]; return true })
		}
	}
	return counts
}

// ranking is what it takes to rank texts as FTS5 does, by bm25.
type ranking struct {
	texts  int
	length int   // of all, in words
	having []int // texts in which a term occurs, by term
}

func (k *ranking) add(counts []float64, length int) {
	if k.having == nil {
		k.having = make([]int, len(counts))
	}
	k.texts++
	k.length += length
	for i, n := range counts {
		if n > 0 {
			k.having[i]++
		}
	}
}

// score is how well a text answers: the lower the better, as in FTS5.
func (k *ranking) score(counts []float64, length int) (score float64) {
	const k1, b = 1.2, 0.75
	mean := float64(k.length) / float64(k.texts)
	for i, n := range counts {
		have := float64(k.having[i])
		rare := max(math.Log((float64(k.texts)-have+0.5)/(have+0.5)), 1e-6)
		score -= rare * n * (k1 + 1) / (n + k1*(1-b+b*float64(length)/mean))
	}
	return score
}
