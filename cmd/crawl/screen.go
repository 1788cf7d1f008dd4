package main

import (
	"bytes"
	"cmp"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// screen is standard output or standard error of this process, or those of a user
// elsewhere: the one place that knows whether colours are wanted there, and whether signs beyond ASCII are not. What
// is written in colour asks hasColour; the signs are replaced on their way out.
type screen struct {
	io.Writer
	colours bool
	wanted  bool // only ASCII, where people read

	mu    sync.Mutex // guards what follows
	ascii bool
	part  []byte // the beginning of a sign, of which the rest is yet to come
}

// Values of the option color.
const (
	colorAuto   = "auto"
	colorAlways = "always"
)

// Colours, and their end. Little is coloured: what is grave, and what failed.
const (
	red       = "\x1b[31m"
	green     = "\x1b[32m"
	yellow    = "\x1b[33m"
	bold      = "\x1b[1m"
	colourEnd = "\x1b[m"
)

// severityColours are the colours of what is not as it should be.
var severityColours = map[string]string{"critical": red, "warning": yellow}

// painted is a text in a colour, if there is one and whoever reads out wants it.
func painted(out io.Writer, colour, text string) string {
	if colour == "" || !hasColour(out) {
		return text
	}
	return colour + text + colourEnd
}

// hasColour tells whether whoever reads out sees colours and wants them.
func hasColour(out io.Writer) bool {
	switch out := out.(type) {
	case *screen:
		return out.colours
	case *painter:
		return hasColour(out.out)
	}
	return false
}

// wantsASCII tells whether whoever reads out wants no other signs.
func wantsASCII(out io.Writer) bool {
	sc, ok := out.(*screen)
	return ok && sc.wanted
}

// dress has the outputs of a command be as its user wants them. Faults of the
// configuration are told by the command, if they concern it. Those of a user
// elsewhere are as he said.
func dress(c *cobra.Command) {
	if held(c.Context()) != nil {
		return
	}
	s := defaultSettings()
	if l, err := readLayers(c.Flags()); err == nil {
		if r, err := l.resolve(""); err == nil {
			s = r.Settings
		}
	}
	shaped := c.Flags().Lookup("format") != nil || s.JSON && c.Flags().Lookup("json") != nil
	for _, w := range []io.Writer{c.OutOrStdout(), c.ErrOrStderr()} {
		if sc, ok := w.(*screen); ok {
			sc.colours, sc.wanted = wantsColour(s.Color, isTerminal(w)), s.ASCII
			sc.onlyASCII(s.ASCII && (w == c.ErrOrStderr() || !shaped))
		}
	}
}

// wantsColour tells whether colours are wanted: as the option says, or else as the
// variables do that many programs heed.
func wantsColour(option string, terminal bool) bool {
	force := os.Getenv("CLICOLOR_FORCE")
	switch {
	case option != colorAuto:
		return option == colorAlways
	case os.Getenv("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return terminal && !dumbTerminal()
}

// dumbTerminal tells whether the user's terminal knows letters and lines alone; so
// does one of which nothing is known.
func dumbTerminal() bool { return cmp.Or(os.Getenv("TERM"), "dumb") == "dumb" }

// forPeople says that what comes is read by people, of a command that could write
// in other forms too: signs may be replaced.
func forPeople(out io.Writer) {
	if sc, ok := out.(*screen); ok {
		sc.onlyASCII(sc.wanted)
	}
}

// forPrograms says that what comes is data, of a command that writes for people else:
// it comes out as it is.
func forPrograms(out io.Writer) {
	if sc, ok := out.(*screen); ok {
		sc.onlyASCII(false)
	}
}

func (s *screen) onlyASCII(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ascii = on
}

// asciiSigns are the signs that screens are made of, and what stands for them. What
// the web wrote in other letters stays as it is.
var asciiSigns = strings.NewReplacer("…", "...", "·", "-", "–", "-", "−", "-", "→", "->", "×", "x", "±", "+-", "✓", "ok", "«", "<<", "»", ">>", "━", "=", "─", "-", "│", "|", "├", "|", "└", "`")

// Write implements io.Writer.
func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ascii && len(s.part) == 0 {
		return s.Writer.Write(b)
	}
	text := append(s.part, b...)
	whole := len(text)
	for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
		if tail := text[len(text)-i:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				whole -= i
			}
			break
		}
	}
	s.part = bytes.Clone(text[whole:])
	_, err := asciiSigns.WriteString(s.Writer, string(text[:whole]))
	return len(b), err
}

// asShown are lines as they come out, for who counts their signs; cut is how many more
// the sign of what was cut off takes.
func asShown(out io.Writer, lines []string) (shown []string, cut int) {
	sc, ok := out.(*screen)
	if !ok || !sc.wanted {
		return slices.Clone(lines), 0
	}
	for _, line := range lines {
		shown = append(shown, asciiSigns.Replace(line))
	}
	return shown, len(asciiSigns.Replace("…")) - 1
}

// fileOf is the file that an output is; nil if it is none.
func fileOf(out io.Writer) *os.File {
	switch out := out.(type) {
	case *os.File:
		return out
	case *screen:
		return fileOf(out.Writer)
	case *painter:
		return fileOf(out.out)
	}
	return nil
}
