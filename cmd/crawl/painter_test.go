package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crawl/internal/weburl"
)

// glass is a terminal as far as a painter needs one: lines, a cursor that goes
// up, and erasing from there on. A line wraps at the width it was written at.
type glass struct {
	t *testing.T

	mu            sync.Mutex
	width, height int
	rows          []string
}

func newGlass(t *testing.T, width, height int) *glass {
	return &glass{t: t, width: width, height: height, rows: []string{""}}
}

func (g *glass) size() (width, height int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.width, g.height
}

// shown is what stands there.
func (g *glass) shown() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.rows)
}

func (g *glass) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.write(string(b))
	return len(b), nil
}

func (g *glass) write(text string) {
	for text != "" {
		switch {
		case strings.HasPrefix(text, "\r\x1b["):
			var up int
			if n, _ := fmt.Sscanf(text, "\r\x1b[%dA\x1b[J", &up); n != 1 || up >= len(g.rows) {
				g.t.Fatalf("%d rows, and %.20q", len(g.rows), text)
			}
			g.rows = append(g.rows[:len(g.rows)-1-up], "")
			text = text[strings.Index(text, "\x1b[J")+3:]
		case text[0] == '\n':
			g.rows, text = append(g.rows, ""), text[1:]
		default:
			line := text[:max(1, strings.IndexAny(text+"\n\r", "\n\r"))]
			text = text[len(line):]
			for _, r := range line {
				if last := len(g.rows) - 1; places(g.rows[last])+places(string(r)) > g.width {
					g.rows = append(g.rows, "")
				}
				g.rows[len(g.rows)-1] += string(r)
			}
		}
	}
}

// places is how many a text takes on the glass, as terminals have it for a few signs.
func places(s string) (n int) {
	for _, r := range s {
		switch {
		case r >= 0x2e80:
			n += 2
		case r < 0x300 || r >= 0x370:
			n++
		}
	}
	return n
}

// narrow wraps what stands there anew, as terminals do.
func (g *glass) narrow(width int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.rows
	g.rows, g.width = []string{""}, width
	for i, row := range old {
		if i > 0 {
			row = "\n" + row
		}
		g.write(row)
	}
}

// lower gives the terminal fewer lines, of which there were enough.
func (g *glass) lower(height int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.height = height
}

func TestPainter(t *testing.T) {
	g := newGlass(t, 20, 10)
	p := newPainter(g)
	p.size = g.size
	step := func(name, want string) {
		t.Helper()
		if got := strings.Join(g.shown(), "|"); got != want {
			t.Errorf("%s:\n%s, want\n%s", name, got, want)
		}
	}
	fmt.Fprintln(p, "one")
	step("text alone", "one|")
	_ = p.paint([]string{"a", strings.Repeat("x", 30)})
	step("a block, cut to the width", "one|a|"+strings.Repeat("x", 18)+"…|")
	fmt.Fprintln(p, "two\nthree")
	step("text goes above", "one|two|three|a|"+strings.Repeat("x", 18)+"…|")
	g.narrow(8)
	_ = p.paint([]string{"b"})
	step("narrower, so that the old block was wrapped", "one|two|three|b|")
	fmt.Fprint(p, "4 ")
	step("a line without an end", "one|two|three|4 |b|")
	_ = p.paint(nil)
	step("no block", "one|two|three|4 |")
	fmt.Fprint(p, "5")
	_ = p.paint([]string{"c"})
	step("a block begins a line", "one|two|three|4 |5|c|")

	_ = p.paint([]string{"中文中文", strings.Repeat("e\u0301", 7)})
	step("wide signs, and some of two parts", "one|two|three|4 |5|中文中…|"+strings.Repeat("e\u0301", 7)+"|")
	g.narrow(5)
	_ = p.paint([]string{"d"})
	step("narrower again", "one|two|three|4 |5|d|")
	start := time.Now()
	for range 4 {
		_ = p.paint([]string{strings.Repeat("x", 2*weburl.MaxLength)})
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("four paintings of a long line take %v", took)
	}

	var workers sync.WaitGroup
	for i := range 4 {
		workers.Go(func() {
			for range 100 {
				fmt.Fprintln(p, "log")
				_ = p.paint([]string{fmt.Sprint("block ", i)})
			}
		})
	}
	workers.Wait()
	_ = p.paint(nil)
	if n := strings.Count(strings.Join(g.shown(), "|"), "log"); n != 400 || strings.Contains(strings.Join(g.shown(), "|"), "block") {
		t.Errorf("%d of 400 lines, and %q", n, g.shown())
	}
}

func TestProgressMode(t *testing.T) {
	for _, tt := range []struct {
		set, log               string
		paintable, linesBeside bool
		want                   string
	}{
		{"auto", "text", true, false, "tui"},
		{"auto", "text", false, false, "lines"},
		{"auto", "text", true, true, "lines"},
		{"auto", "json", true, false, "lines"},
		{"tui", "json", true, true, "tui"},
		{"bar", "text", true, false, "bar"},
		{"tui", "text", false, false, "lines"},
		{"bar", "text", false, false, "lines"},
		{"json", "text", true, false, "json"},
		{"none", "text", true, false, "none"},
		{"lines", "text", true, false, "lines"},
	} {
		s := defaultSettings()
		s.Progress, s.LogFormat = tt.set, tt.log
		if got := progressMode(&s, tt.paintable, tt.linesBeside); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}
