package main

import "testing"

func TestFitting(t *testing.T) {
	for _, tt := range []struct {
		text      string
		width     int
		fit, inTo string
	}{
		{"abcdefgh", 8, "abcdefgh", "abcdefgh"},
		{"abcdefgh", 5, "abcd…", "ab…gh"},
		{"abcdefgh", 4, "abc…", "ab…h"},
		{"abcdefgh", 1, "…", "…"},
		{"中文中文", 8, "中文中文", "中文中文"},
		{"中文中文", 7, "中文中…", "中…文"},
		{"中文中文", 5, "中文…", "中…文"},
		{"e\u0301e\u0301e\u0301e\u0301", 4, "e\u0301e\u0301e\u0301e\u0301", "e\u0301e\u0301e\u0301e\u0301"},
		{"e\u0301e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301…", "e\u0301…e\u0301"},
		{"ab🚀", 3, "ab…", "a…"},
		{"❤\ufe0f❤\ufe0f", 3, "❤\ufe0f…", "❤…\ufe0f"},
		{"\xff\xff\xff", 2, "\xff…", "\xff…"},
	} {
		if got := fitTo(tt.text, tt.width); got != tt.fit {
			t.Errorf("%q fitted to %d: %q, want %q", tt.text, tt.width, got, tt.fit)
		}
		if got := cutTo(tt.text, tt.width); got != tt.inTo {
			t.Errorf("%q cut to %d: %q, want %q", tt.text, tt.width, got, tt.inTo)
		}
		if n := textWidth(cutTo(tt.text, tt.width)); n > tt.width {
			t.Errorf("%q takes %d of %d places", tt.text, n, tt.width)
		}
	}
}
