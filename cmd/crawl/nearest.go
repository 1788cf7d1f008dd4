package main

import (
	"fmt"
	"strings"
)

// quoted shows a text in a message, cut to 80 bytes.
func quoted(text string) string {
	if len(text) > 80 {
		return fmt.Sprintf("%.80q…", text)
	}
	return fmt.Sprintf("%q", text)
}

// didYouMean suggests the nearest of known, or else gives otherwise.
func didYouMean(word string, known []string, otherwise string) string {
	if near := nearest(word, known); near != "" {
		return "did you mean " + near + "?"
	}
	return otherwise
}

// nearest returns the word of known that is word with a few typing errors: a
// third of its letters, or two. It is empty if there is none.
func nearest(word string, known []string) string {
	word = strings.ToLower(word)
	best, least := "", 2*max(2, len(word)/3)+2
	for _, k := range known {
		errs := typingErrors(word, k)
		weight := 2 * errs
		if !strings.HasPrefix(k, word) { // of equally near ones, what word begins
			weight++
		}
		if weight < least && errs < len(k) {
			best, least = k, weight
		}
	}
	return best
}

// typingErrors counts letters changed, put in, left out or swapped with their
// neighbour from a to b (the optimal string alignment distance).
func typingErrors(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	a, b = strings.ReplaceAll(a, "-", "_"), strings.ReplaceAll(b, "-", "_")
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
