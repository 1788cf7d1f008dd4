package main

import (
	"bufio"
	"strings"
	"testing"

	"crawl/internal/search"
)

// What is found stands out by colour where there is any, else by marks; what
// the page says is harmless either way.
func TestHitRows(t *testing.T) {
	row := []any{int64(1), "title, body", "https://example.com/", "A \x1b[31mtitle", search.Excerpt{Text: "an \x1banvil\u202e, «anvil»", Marks: [][2]int{{3, 9}, {16, 21}}}}
	for colours, want := range map[bool]string{
		false: " 1  https://example.com/  (title, body)\n    A \\x1b[31mtitle\n    an «\\x1banvil»\\u202e, ««anvil»»\n",
		true:  " 1  https://example.com/  (title, body)\n    A \\x1b[31mtitle\n    an \x1b[1m\\x1banvil\x1b[m\\u202e, «\x1b[1manvil\x1b[m»\n",
	} {
		var out strings.Builder
		b := bufio.NewWriter(&out)
		h := &hitRows{out: b, colours: colours}
		if err := h.row(row); err != nil {
			t.Fatal(err)
		}
		if err := b.Flush(); err != nil || out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
}
