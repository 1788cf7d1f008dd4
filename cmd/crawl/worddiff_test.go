package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWordDiff(t *testing.T) {
	long := strings.Repeat("word ", 100)
	for _, tt := range []struct{ before, after, want string }{
		{"", "", ""},
		{"the same", "the same", ""},
		{"a red house", "a blue house", "same a|removed red|added blue|same house\n"},
		{"one\ntwo\nthree", "one\nthree", "same one\n|removed two\n|same three\n"},
		{"one", "one\ntwo words", "same one\n|added two words\n"},
		{"white   space", " white space ", ""},
		{long + "a " + long, long + "b " + long, "same" + strings.Repeat(" word", contextWords) + "|removed a|added b|same" + strings.Repeat(" word", contextWords)},
		{"a " + long + "b", "c " + long + "d", "removed a|added c|same" + strings.Repeat(" word", contextWords) + "||same" + strings.Repeat(" word", contextWords) + "|removed b|added d|same \n"},
	} {
		hunks, exact := wordDiff(tt.before, tt.after)
		if got := hunkText(hunks); got != tt.want || !exact {
			t.Errorf("%q to %q: %v %s", tt.before, tt.after, exact, cmp.Diff(tt.want, got))
		}
	}
}

func hunkText(hunks [][]piece) string {
	var all []string
	for _, h := range hunks {
		var pieces []string
		for _, p := range h {
			pieces = append(pieces, p.Op+" "+p.Text)
		}
		all = append(all, strings.Join(pieces, "|"))
	}
	return strings.Join(all, "||")
}

// What was removed and what is the same is the earlier text, what was added and
// what is the same the later one; and no way is shorter.
func TestDiffOfIsRightAndShortest(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	text := func() (words []string) {
		for range rnd.IntN(30) {
			words = append(words, fmt.Sprint(rnd.IntN(6)))
		}
		return words
	}
	for range 2000 {
		a, b := text(), text()
		edits, exact := diffOf(a, b)
		var was, is []string
		changes := 0
		for _, e := range edits {
			if e.op != opAdded {
				was = append(was, e.items...)
			}
			if e.op != opRemoved {
				is = append(is, e.items...)
			}
			if e.op != opSame {
				changes += len(e.items)
			}
		}
		if !exact || !slices.Equal(was, a) || !slices.Equal(is, b) || changes != fewestChanges(a, b) {
			t.Fatalf("%q to %q: %v, %d changes where %d do", a, b, edits, changes, fewestChanges(a, b))
		}
	}
}

// fewestChanges counts by the textbook.
func fewestChanges(a, b []string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		last := row[0]
		row[0] = i + 1
		for j := range b {
			here := min(row[j+1], row[j]) + 1
			if a[i] == b[j] {
				here = last
			}
			last, row[j+1] = row[j+1], here
		}
	}
	return row[len(b)]
}

// Texts that have nothing in common cost no more than texts that have much.
func TestWordDiffGivesUp(t *testing.T) {
	var a, b strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&a, "a%d ", i)
		fmt.Fprintf(&b, "b%d ", i)
	}
	hunks, exact := wordDiff("head\n"+a.String(), "head\n"+b.String())
	if exact || len(hunks) != 1 {
		t.Errorf("exact %v, %d hunks", exact, len(hunks))
	}
}
