package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTokenIsWhole: a daemon that was killed as it made its first token does not
// keep the next one from starting, and what is made is all that there is.
func TestTokenIsWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "token")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tokens, where, err := loadTokens(&Settings{}, dir)
	if err != nil || tokens == nil || where != path {
		t.Fatalf("%v, %s, %v", tokens, where, err)
	}
	if readByOthers(path) {
		t.Error("others can read the token")
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := loadTokens(&Settings{}, dir); err != nil {
		t.Error(err)
	}
	again, err := os.ReadFile(path)
	if err != nil || string(again) != string(first) {
		t.Errorf("the token is made anew: %v", err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("the folder has %v, %v", names, err)
	}
}
