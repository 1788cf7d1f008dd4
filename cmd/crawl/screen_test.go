package main

import (
	"bytes"
	"testing"
)

// Signs that two writes share are replaced as well, and half of one is not written.
func TestScreenASCII(t *testing.T) {
	const text = "a · b… ü → 中 − end"
	const want = "a - b... ü -> 中 - end"
	for i := range len(text) {
		var b bytes.Buffer
		s := &screen{Writer: &b, ascii: true}
		for _, part := range []string{text[:i], text[i:]} {
			if n, err := s.Write([]byte(part)); n != len(part) || err != nil {
				t.Fatalf("cut at %d: %d, %v", i, n, err)
			}
		}
		if b.String() != want {
			t.Errorf("cut at %d: %q", i, b.String())
		}
	}
	var b bytes.Buffer
	raw := "\x00\xe2\x80 · \xff"
	if _, err := (&screen{Writer: &b}).Write([]byte(raw)); err != nil || b.String() != raw {
		t.Errorf("data became %q, %v", b.String(), err)
	}
}

func TestWantsColour(t *testing.T) {
	for _, tt := range []struct {
		option, noColor, force, term string
		terminal, want               bool
	}{
		{"auto", "", "", "xterm", true, true},
		{"auto", "", "", "xterm", false, false},
		{"auto", "", "", "dumb", true, false},
		{"auto", "", "", "", true, false},
		{"auto", "1", "", "xterm", true, false},
		{"auto", "", "1", "dumb", false, true},
		{"auto", "", "0", "xterm", false, false},
		{"auto", "1", "1", "xterm", true, false},
		{"always", "1", "", "dumb", false, true},
		{"never", "", "1", "xterm", true, false},
	} {
		t.Setenv("NO_COLOR", tt.noColor)
		t.Setenv("CLICOLOR_FORCE", tt.force)
		t.Setenv("TERM", tt.term)
		if got := wantsColour(tt.option, tt.terminal); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}
