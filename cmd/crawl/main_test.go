package main

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWithVerb(t *testing.T) {
	for line, want := range map[string]string{
		"":                                "",
		"acme":                            "acme",
		"rnu":                             "rnu",
		"example.com":                     "run example.com",
		"https://example.com --depth 1":   "run https://example.com --depth 1",
		"http://localhost/":               "run http://localhost/",
		"-q example.com":                  "run -q example.com",
		"--data d https://example.com":    "run --data d https://example.com",
		"--max-time=1.5h example.com":     "run --max-time=1.5h example.com",
		"run example.com":                 "run example.com",
		"export example.com -o pages.csv": "export example.com -o pages.csv",
		"robots --file r.txt example.com": "robots --file r.txt example.com",
		"config check my.yaml":            "config check my.yaml",
		"help example.com":                "help example.com",
		"rnu example.com":                 "rnu example.com",
		"--version":                       "--version",
	} {
		got := withVerb(newRoot(), strings.Fields(line))
		if diff := cmp.Diff(strings.Fields(want), got, cmp.Transformer("join", func(w []string) string { return strings.Join(w, " ") })); diff != "" {
			t.Errorf("%q: %s", line, diff)
		}
	}
}

// TestLogIsOneCleanLine logs what a server might say, in each form.
func TestLogIsOneCleanLine(t *testing.T) {
	const evil = "\x1b[31m\u009b2J\r\nlevel=ERROR\u202e\xff\u2028"
	for _, format := range []string{"text", "json", "terminal"} {
		var b bytes.Buffer
		s := defaultSettings()
		s.LogFormat, s.Verbose = format, 2
		log := newLogger(&s, &b)
		if format == "terminal" {
			log = slog.New(terminalLog(&b, slog.LevelDebug, true))
		}
		log.Debug("it said", "url", evil, "error", errors.New(evil), slog.Group("g", "k", []string{evil}))
		text := b.String()
		if strings.Count(text, "\n") != 1 || unclean.MatchString(text) || !strings.Contains(text, "it said") {
			t.Errorf("%s: %q", format, text)
		}
	}
}

func TestLogLevels(t *testing.T) {
	for level, tt := range map[slog.Level]Settings{
		slog.LevelError: {Quiet: true, Verbose: 2}, slog.LevelWarn: {}, slog.LevelInfo: {Verbose: 1}, slog.LevelDebug: {Verbose: 2},
	} {
		log := newLogger(&tt, &bytes.Buffer{})
		if !log.Enabled(t.Context(), level) || log.Enabled(t.Context(), level-1) {
			t.Errorf("%+v: not at %v", tt, level)
		}
	}
}
