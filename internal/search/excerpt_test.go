package search

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("filler words here ", 50)
	for _, x := range []struct{ words, text, want string }{
		{"anvil", "One. Two anvil three. Four.", "Two «anvil» three."},
		{"anvil", "v1.2 has the Anvil! Four.", "v1.2 has the «Anvil»!"},
		{"anvil", "anvil", "«anvil»"},
		{"big anvil", "An anvil.\n" + long + "\nThe big one is the anvil we like. Not this.", "The «big» one is the «anvil» we like."},
		{`"big anvil"`, "big: anvil big anvil", "«big: anvil» «big anvil»"},
		{"anvil", long + "anvil " + long, "…words here " + long[:18*6] + "«anvil» " + long[:18*6+6] + "…"},
		{"anv*", "Line\nanvils and anvil\nanvil", "«anvils» and «anvil»"},
		{"cafe", "Un café, deux CAFÉS.", "Un «café», deux CAFÉS."},
		{"東京", "前の文。私は東京都に住む。次の文。", "私は«東京»都に住む。"},
		{"京", "東京都", "東«京»都"},
		{"東京都", "東京都の東京", "«東京都»の東京"},
		{"학교", "안녕. 학교에서 만나요! 끝", "«학교»에서 만나요!"},
		{"nothing", "The beginning. And more.", "The beginning."},
	} {
		q, err := ParseQuery(x.words)
		if err != nil {
			t.Fatal(err)
		}
		var r reading
		r.read(&Text{Body: x.text})
		_, e := r.found(q)
		if got := e.Marked("«", "»"); got != x.want {
			t.Errorf("%s: %q, want %q", x.words, got, x.want)
		}
		if len(e.Text) > excerptSpan+2*excerptMargin+2*len("…") {
			t.Errorf("%s: %d bytes", x.words, len(e.Text))
		}
	}
}

// Where the words are in the heading alone that every reader sees, that is the
// excerpt; else another place is.
func TestExcerptBesideHeading(t *testing.T) {
	for text, want := range map[string]string{
		"The anvil\nWe sell an anvil. Or two.": "We sell an «anvil».",
		"The anvil\nWe sell it.":               "The «anvil»",
	} {
		var r reading
		r.read(&Text{Title: "Anvil", H1: "The anvil", Body: text})
		q, _ := ParseQuery("anvil")
		places, e := r.found(q)
		if got := e.Marked("«", "»"); got != want || strings.Join(places, " ") != "title h1 body" {
			t.Errorf("%q: %q, %q", text, got, places)
		}
	}
}

// FuzzExcerpt: an excerpt is valid text with marks in order, whatever is
// searched for in whatever.
func FuzzExcerpt(f *testing.F) {
	f.Add("anvil big", "A big anvil. Next.\nLine")
	f.Add("a", strings.Repeat("\x80", 300)+"a"+strings.Repeat("\x80", 300)) // no rune begins within the margins
	f.Add("東", "\xff東京。"+strings.Repeat("\u0301", 300))
	f.Fuzz(func(t *testing.T, words, text string) {
		q, err := ParseQuery(words)
		if err != nil {
			return
		}
		var r reading
		r.read(&Text{Title: text, Body: text})
		_, e := r.found(q)
		at := 0
		for _, m := range e.Marks {
			if m[0] < at || m[1] <= m[0] || m[1] > len(e.Text) {
				t.Fatalf("%q in %q: %v", words, text, e)
			}
			at = m[1]
		}
		if utf8.ValidString(text) && !utf8.ValidString(e.Text) {
			t.Fatalf("%q in %q: %q", words, text, e.Text)
		}
		if same := e.Map(func(s string) string { return s }).Marked("", ""); same != e.Text {
			t.Fatalf("%q became %q", e.Text, same)
		}
	})
}
