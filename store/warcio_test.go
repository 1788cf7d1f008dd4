//go:build warcio

package store

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"crawl/internal/warc"
)

// seen is what check.mjs says of one record: its fields, and the digests of
// the bytes that warcio hands out.
type seen struct {
	Fields         map[string]string
	Status         int
	Block, Payload string
}

// TestWarcio has npm warcio read what a store writes, and what it exports.
func TestWarcio(t *testing.T) {
	b := openTest(t, t.TempDir())
	one, two := archiveTest(t, b)
	tool := t.TempDir()
	if err := os.CopyFS(tool, os.DirFS(filepath.Join("..", "internal", "warc", "testdata", "warcio"))); err != nil {
		t.Fatal(err)
	}
	node(t, tool, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	files := map[string]string{"segment": b.bodies.path(1)}
	for name, run := range map[string]RunID{"run 1": one.ID, "run 2": two.ID} {
		var file bytes.Buffer
		if err := b.CopyRecords(t.Context(), &file, run); err != nil {
			t.Fatal(err)
		}
		files[name] = filepath.Join(tool, name+".warc.gz")
		if err := os.WriteFile(files[name], file.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) { checkSeen(t, file, node(t, tool, "node", "check.mjs", file)) })
	}
}

// checkSeen holds what warcio read against what our own reader finds.
func checkSeen(t *testing.T, file string, out []byte) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ours := records(t, f)
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if len(lines) != len(ours) {
		t.Fatalf("warcio finds %d records, we %d", len(lines), len(ours))
	}
	dates := map[string]string{} // of responses
	for i, line := range lines {
		var got seen
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		f := got.Fields
		who := f["warc-type"] + " of " + f["warc-target-uri"]
		if f["warc-record-id"] != ours[i].id || f["warc-date"] != ours[i].date || f["warc-type"] != ours[i].kind {
			t.Errorf("record %d is %v, we read %+v", i, f, ours[i])
		}
		if want := f["warc-block-digest"]; got.Block != want && (want != "" || f["warc-type"] == warc.TypeInfo) {
			t.Errorf("%s: block digest is %s of %s", who, f["warc-block-digest"], got.Block)
		}
		switch f["warc-type"] {
		case warc.TypeResponse:
			dates[f["warc-date"]+f["warc-target-uri"]] = f["warc-payload-digest"]
			if got.Payload != f["warc-payload-digest"] || got.Status == 0 {
				t.Errorf("%s, status %d: payload digest is %s of %s", who, got.Status, f["warc-payload-digest"], got.Payload)
			}
		case warc.TypeRevisit:
			digest, ok := dates[f["warc-refers-to-date"]+f["warc-refers-to-target-uri"]]
			if !ok || f["warc-payload-digest"] != "" && f["warc-payload-digest"] != digest {
				t.Errorf("%s refers to %s of %s: %q, its own digest is %q", who, f["warc-refers-to-date"], f["warc-refers-to-target-uri"], digest, f["warc-payload-digest"])
			}
		}
	}
}

// node starts a program that this test needs from the machine.
func node(t *testing.T, dir, program string, args ...string) []byte {
	t.Helper()
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v (this test needs Node.js 18 or newer with npm)\n%s", program, strings.Join(args, " "), err, problems.String())
	}
	if program == "node" && problems.Len() > 0 {
		t.Errorf("warcio warns: %s", problems.String())
	}
	return out.Bytes()
}
