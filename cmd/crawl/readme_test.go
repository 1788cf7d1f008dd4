package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readmeBlocks returns the blocks of the README in which commands are typed.
func readmeBlocks(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, part := range strings.Split(string(raw), "```console\n")[1:] {
		block, _, ok := strings.Cut(part, "```")
		if !ok {
			t.Fatal("README.md: a block does not end")
		}
		blocks = append(blocks, block)
	}
	return blocks
}

// varying is what differs from one run to the next.
var varying = regexp.MustCompile(`127\.0\.0\.1:\d+|in (\d+\.\ds|\d+s|\d+m \d+s)|\+\d+ kB`)

// speed is a line that is there where a run takes longer than a moment.
var speed = regexp.MustCompile(`(?m)^  SPEED .*\n`)

// TestReadmeDemo runs the README's first screen, without the lines that tell how
// far it is where that takes long.
func TestReadmeDemo(t *testing.T) {
	want, ok := strings.CutPrefix(readmeBlocks(t)[0], "$ crawl demo\n")
	if !ok {
		t.Fatal("the README does not begin with the demo")
	}
	settingsWorld(t)
	var out, talk bytes.Buffer
	if code := run([]string{"demo", "--progress", "none", "--data", t.TempDir()}, strings.NewReader(""), &out, &talk); code != exitDone {
		t.Fatalf("exit %d\n%s", code, talk.String())
	}
	if d := cmp.Diff(varying.ReplaceAllString(want, "?"), varying.ReplaceAllString(speed.ReplaceAllString(talk.String(), ""), "?")); d != "" {
		t.Errorf("the README shows another demo (-README +program)\n%s", d)
	}
	if out.Len() > 0 {
		t.Errorf("on standard output: %s", out.String())
	}
}

// TestReadmeCommands sees that every command of the README exists with its
// flags. What they do, testdata/script/recipes.txt shows.
func TestReadmeCommands(t *testing.T) {
	count := 0
	for _, block := range readmeBlocks(t) {
		for line := range strings.Lines(block) {
			typed, ok := strings.CutPrefix(strings.TrimSpace(line), "$ crawl ")
			if !ok {
				continue
			}
			count++
			typed, _, _ = strings.Cut(typed, " | ")
			root := newRoot()
			c, rest, err := root.Find(withVerb(root, shellWords(typed)))
			if err == nil {
				err = c.ParseFlags(rest)
			}
			if err == nil && c.Args != nil {
				err = c.Args(c, c.Flags().Args())
			}
			if err != nil || c == root {
				t.Errorf("README.md: crawl %s: %v", typed, err)
			}
		}
	}
	if count < 15 {
		t.Errorf("only %d commands were found", count)
	}
}

// shellWords cuts a line as a shell does, as far as the README needs it.
func shellWords(line string) (words []string) {
	for _, m := range regexp.MustCompile(`(?:'[^']*'|"[^"]*"|[^\s'"])+`).FindAllString(line, -1) {
		words = append(words, strings.Trim(m, `'"`))
	}
	return words
}
