package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"
)

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"":                    "",
		"größer 漢字 🙂":         "größer 漢字 🙂",
		"\x1b]0;x\x07":        `\x1b]0;x\a`,
		"a\r\nb\tc":           `a\r\nb\tc`,
		"\u009b31m\x7f":       `\u009b31m\x7f`,
		"\x9b31m\xff":         `\x9b31m\xff`,
		"\u202egpj.exe\u2066": `\u202egpj.exe\u2066`,
		"\u2028\u200f":        `\u2028\u200f`,
		"\ufffd":              "\ufffd",
	} {
		if got := plain(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("\x1b[31m\u202e\xff")
	f.Fuzz(func(t *testing.T, text string) {
		got := plain(text)
		if unclean.MatchString(got) || !utf8.ValidString(got) || plain(got) != got {
			t.Errorf("%q: %q", text, got)
		}
		var b bytes.Buffer
		if err := writeJSON(&b, text); err != nil {
			t.Fatal(err)
		}
		var back string
		if err := json.Unmarshal(b.Bytes(), &back); err != nil || unclean.Match(b.Bytes()) || utf8.ValidString(text) && back != text {
			t.Errorf("%q: %q, %v", text, b.String(), err)
		}
		if cell := guarded(text); unclean.MatchString(cell) {
			t.Errorf("%q: %q", text, cell)
		}
	})
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 12345: "12 kB", 999600: "1.0 MB", 3e12: "3.0 TB", 5e15: "5000 TB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0.0s", 9900 * time.Millisecond: "9.9s", 61 * time.Second: "1m 01s", 3725 * time.Second: "1h 02m", 42 * time.Second: "42s"} {
		if got := elapsed(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
