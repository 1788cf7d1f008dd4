package main

import (
	"slices"
	"strings"
)

// piece is a part of two texts: in both, or in one of them.
type piece struct {
	Op   string `json:"op"` // same, removed, added
	Text string `json:"text"`
}

// What becomes of a piece from the earlier text to the later.
const (
	opSame    = "same"
	opRemoved = "removed"
	opAdded   = "added"
)

const (
	maxEdits     = 1500 // lines, or words of a stretch of lines, that may differ before all of it is taken to
	contextWords = 12   // that are shown around a change
)

// wordDiff compares two texts by their lines and then, where those differ, by
// their words. It returns hunks: changes that lie close together, with the words
// around them. exact is false where a stretch differed too much to be compared
// word by word.
func wordDiff(before, after string) (hunks [][]piece, exact bool) {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	edits, exact := diffOf(a, b)
	var words []edit
	for i := 0; i < len(edits); i++ {
		e := edits[i]
		if e.op == opSame {
			words = append(words, edit{opSame, wordsIn(e.items)})
			continue
		}
		var gone, come []string // what lies between two lines that are the same
		for ; i < len(edits) && edits[i].op != opSame; i++ {
			if edits[i].op == opRemoved {
				gone = append(gone, edits[i].items...)
			} else {
				come = append(come, edits[i].items...)
			}
		}
		i--
		inside, all := diffOf(wordsIn(gone), wordsIn(come))
		words, exact = append(words, inside...), exact && all
	}
	return hunksOf(words), exact
}

// lineEnd is the word that ends a line.
const lineEnd = "\n"

// wordsIn are the words of lines.
func wordsIn(lines []string) (words []string) {
	for _, l := range lines {
		words = append(append(words, strings.Fields(l)...), lineEnd)
	}
	return words
}

// edit is a stretch of items with what becomes of it.
type edit struct {
	op    string
	items []string
}

// diffOf returns what makes b of a, the fewest items changed; or, if those are
// too many, everything between what both begin and end with, and false.
func diffOf(a, b []string) (edits []edit, exact bool) {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	add := func(op string, items []string) {
		if n := len(edits); len(items) > 0 && n > 0 && edits[n-1].op == op {
			edits[n-1].items = append(slices.Clip(edits[n-1].items), items...)
		} else if len(items) > 0 {
			edits = append(edits, edit{op, items})
		}
	}
	add(opSame, a[:head])
	x, y := a[head:len(a)-tail], b[head:len(b)-tail]
	exact = shortest(x, y, add)
	if !exact {
		add(opRemoved, x)
		add(opAdded, y)
	}
	add(opSame, a[len(a)-tail:])
	return edits, exact
}

// shortest finds the shortest way from a to b, by E. Myers: for each number of
// changes how far one gets on each diagonal, and then back. It tells add of the
// way, stretch by stretch, or returns false if there are too many changes. Time
// and memory are limited by the square of that.
func shortest(a, b []string, add func(op string, items []string)) bool {
	x, y := numbered(a, b)
	most := min(len(x)+len(y), maxEdits)
	far := make([]int32, 2*most+2) // by diagonal, most in the middle
	var trace [][]int32            // far before each number of changes, of the diagonals that count
	for changes := 0; changes <= most; changes++ {
		trace = append(trace, slices.Clone(far[most-changes:most+changes+1]))
		for k := -changes; k <= changes; k += 2 {
			i := furthest(far, most, changes, k)
			for i < len(x) && i-k < len(y) && x[i] == y[i-k] {
				i++
			}
			far[most+k] = int32(i)
			if i >= len(x) && i-k >= len(y) {
				walkBack(trace, len(x), len(y), func(op string, from, to int) {
					if op == opAdded {
						add(op, b[from:to])
					} else {
						add(op, a[from:to])
					}
				})
				return true
			}
		}
	}
	return false
}

// furthest is where diagonal k begins with one change more: down from the one
// above it, or right from the one below.
func furthest(far []int32, middle, changes, k int) int {
	if k == -changes || k != changes && far[middle+k-1] < far[middle+k+1] {
		if changes == 0 {
			return 0
		}
		return int(far[middle+k+1])
	}
	return int(far[middle+k-1]) + 1
}

// walkBack goes from the end to the beginning by the trace, and tells of the way
// from the beginning on.
func walkBack(trace [][]int32, i, j int, tell func(op string, from, to int)) {
	type step struct {
		op       string
		from, to int
	}
	var way []step
	for changes := len(trace) - 1; changes >= 0; changes-- {
		k := i - j
		start := furthest(trace[changes], changes, changes, k)
		if i > start {
			way = append(way, step{opSame, start, i})
		}
		i, j = start, start-k
		switch {
		case changes == 0:
		case k == -changes || k != changes && trace[changes][changes+k-1] < trace[changes][changes+k+1]:
			way = append(way, step{opAdded, j - 1, j})
			j--
		default:
			way = append(way, step{opRemoved, i - 1, i})
			i--
		}
	}
	for _, s := range slices.Backward(way) {
		tell(s.op, s.from, s.to)
	}
}

// numbered makes numbers of texts, the same of the same.
func numbered(a, b []string) (x, y []int32) {
	numbers := map[string]int32{}
	of := func(texts []string) []int32 {
		all := make([]int32, len(texts))
		for i, t := range texts {
			n, ok := numbers[t]
			if !ok {
				n = int32(len(numbers))
				numbers[t] = n
			}
			all[i] = n
		}
		return all
	}
	return of(a), of(b)
}

// hunksOf leaves out what is far from every change.
func hunksOf(edits []edit) (hunks [][]piece) {
	var hunk []piece
	end := func() {
		if slices.ContainsFunc(hunk, func(p piece) bool { return p.Op != opSame }) {
			hunks = append(hunks, hunk)
		}
		hunk = nil
	}
	for i, e := range edits {
		if e.op != opSame || len(e.items) <= 2*contextWords && i > 0 && i < len(edits)-1 {
			hunk = append(hunk, newPiece(e.op, e.items))
			continue
		}
		if i > 0 {
			hunk = append(hunk, newPiece(opSame, e.items[:min(contextWords, len(e.items))]))
		}
		end()
		if i < len(edits)-1 {
			hunk = append(hunk, newPiece(opSame, e.items[max(0, len(e.items)-contextWords):]))
		}
	}
	end()
	return hunks
}

// newPiece makes a text of words, a blank between any two of a line.
func newPiece(op string, words []string) piece {
	var b strings.Builder
	for i, w := range words {
		if i > 0 && w != lineEnd && words[i-1] != lineEnd {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return piece{op, b.String()}
}
