package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// plain makes text from the web safe for a terminal: control characters,
// C1 bytes, bidi overrides and invalid UTF-8 are shown as escapes.
func plain(s string) string {
	if strings.IndexFunc(s, unsafeRune) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unsafeRune(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// writeJSON writes one line of JSON. What a terminal might obey is escaped,
// which means the same to whoever reads it.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(v); err != nil {
		return err
	}
	_, err := jsonLines{w}.Write(b.Bytes())
	return err
}

// jsonLines escapes in lines of JSON what a terminal might obey. Each Write is
// a line.
type jsonLines struct{ io.Writer }

func (j jsonLines) Write(line []byte) (int, error) {
	text := bytes.TrimSuffix(line, []byte("\n"))
	if !bytes.ContainsFunc(text, unsafeRune) {
		return j.Writer.Write(line)
	}
	if _, err := j.Writer.Write(append(escapeJSON(text), '\n')); err != nil {
		return 0, err
	}
	return len(line), nil
}

// escapeJSON escapes unsafe characters in JSON, where they can stand in strings
// only; none is beyond the basic plane.
func escapeJSON(text []byte) []byte {
	var out []byte
	for _, r := range string(text) {
		if unsafeRune(r) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

func unsafeRune(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// grouped writes 12345 as 12,345.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// bytesText writes a size for people, three digits at most.
func bytesText(n uint64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f, units := float64(n), []string{"kB", "MB", "GB", "TB"}
	for i, u := range units {
		if f /= 1000; f < 999.5 || i == len(units)-1 {
			if f < 9.95 {
				return fmt.Sprintf("%.1f %s", f, u)
			}
			return fmt.Sprintf("%.0f %s", f, u)
		}
	}
	return ""
}

// elapsed writes a duration as 25m 40s.
func elapsed(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm %02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh %02dm", int(d.Hours()), int(d.Minutes())%60)
}
