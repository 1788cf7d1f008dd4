package main

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// textWidth is how many places a text takes on a terminal. Where terminals differ it
// is the most that they take, but for signs that are wide among Chinese letters alone.
func textWidth(s string) (places int) {
	for _, r := range s {
		places += runeWidth(r)
	}
	return places
}

// emojiStyle makes a picture of the sign before it, which may then be wide.
const emojiStyle = '\ufe0f'

func runeWidth(r rune) int {
	if r < utf8.RuneSelf || r == emojiStyle {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) { // it stands upon the one before
		return 0
	}
	if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
		return 2
	}
	return 1
}

// fitTo cuts a text off at its end.
func fitTo(s string, width int) string {
	if textWidth(s) <= width {
		return s
	}
	return s[:headOf(s, width-1)] + "…"
}

// headOf is how many bytes of a text take no more places.
func headOf(s string, places int) int {
	for i, r := range s {
		if places -= runeWidth(r); places < 0 {
			return i
		}
	}
	return len(s)
}

// cutTo shortens a text in its middle: addresses differ at their ends.
func cutTo(s string, width int) string {
	if textWidth(s) <= width {
		return s
	}
	runes := []rune(s)
	from, places := len(runes), width-width/2-1
	for i, r := range slices.Backward(runes) {
		n := runeWidth(r)
		if places -= n; places < 0 {
			break
		}
		if n > 0 { // else it stands upon what may have no place
			from = i
		}
	}
	return s[:headOf(s, width/2)] + "…" + string(runes[from:])
}
