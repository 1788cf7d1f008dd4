package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readDist reads a file of dist/.
func readDist(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "dist", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// unitValues has the values of a unit file by key, in their order.
func unitValues(t *testing.T, text string) map[string][]string {
	t.Helper()
	values := map[string][]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '[' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Errorf("%q is no line of a unit", line)
		}
		values[key] = append(values[key], value)
	}
	return values
}

// TestUnit holds the systemd unit to what it is for; TestSystemUnit has systemd
// verify it.
func TestUnit(t *testing.T) {
	unit := readDist(t, "crawl.service")
	values := unitValues(t, unit)
	for key, want := range map[string]string{
		"Type": "notify", "DynamicUser": "yes", "StateDirectory": "crawl", "LoadCredential": "token:/etc/crawl/token",
		"ExecReload": "/bin/kill -HUP $MAINPID", "ProtectSystem": "strict", "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "KillMode": "mixed",
	} {
		if !slices.Equal(values[key], []string{want}) {
			t.Errorf("%s=%v; wanted %q", key, values[key], want)
		}
	}
	wantsCommand(t, strings.Fields(strings.TrimPrefix(values["ExecStart"][0], "/usr/bin/")))
	for pair := range strings.FieldsSeq(values["Environment"][0]) {
		name, value, _ := strings.Cut(pair, "=")
		i := slices.IndexFunc(options, func(o *option) bool { return o.Env == name })
		if i < 0 {
			t.Errorf("%s is no variable of ours", name)
		} else if _, err := options[i].parse(value); err != nil {
			t.Errorf("%s: %v", pair, err)
		}
	}
}

// wantsCommand sees that a command of ours exists, with its flags.
func wantsCommand(t *testing.T, words []string) {
	t.Helper()
	if len(words) < 2 || words[0] != "crawl" {
		t.Errorf("%q is no command of ours", words)
		return
	}
	root := newRoot()
	c, rest, err := root.Find(words[1:])
	if err == nil {
		err = c.ParseFlags(rest)
	}
	if err != nil || c == root {
		t.Errorf("%q: %v", words, err)
	}
}

// dockerfile has the instructions of the last stage, and those of all.
func dockerfile(t *testing.T) (last map[string][]string, all string) {
	t.Helper()
	all = readDist(t, "Dockerfile")
	for line := range strings.Lines(all) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		if word == "FROM" {
			last = map[string][]string{}
		}
		last[word] = append(last[word], rest)
	}
	return last, all
}

// TestDockerfile holds the image to what it claims.
func TestDockerfile(t *testing.T) {
	last, all := dockerfile(t)
	for word, want := range map[string][]string{"FROM": {"scratch"}, "VOLUME": {"/data"}} {
		if !slices.Equal(last[word], want) {
			t.Errorf("%s %q; wanted %q", word, last[word], want)
		}
	}
	if len(last["USER"]) != 1 || !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(last["USER"][0]) {
		t.Errorf("USER %v: a number that is not root's", last["USER"])
	}
	if len(last["RUN"]) > 0 || strings.Contains(all, "ADD ") {
		t.Error("the last stage runs something, or fetches it")
	}
	if !strings.Contains(all, "RUN CGO_ENABLED=0 go build -trimpath ") {
		t.Error("the program is not built as a static one")
	}
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(mod)
	if !strings.Contains(all, "FROM golang:"+string(version[1])+" AS build") {
		t.Errorf("the image builds with another Go than %s", version[1])
	}
	words := func(word string) (list []string) {
		t.Helper()
		text := strings.Join(last[word], "\n")
		if word == "HEALTHCHECK" {
			_, text, _ = strings.Cut(text, "CMD ")
		}
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Errorf("%s %s: %v", word, text, err)
		}
		for i := range list {
			list[i] = strings.TrimPrefix(list[i], "/")
		}
		return list
	}
	wantsCommand(t, append(words("ENTRYPOINT"), words("CMD")...))
	wantsCommand(t, words("HEALTHCHECK"))
	env := strings.Join(last["ENV"], " ")
	if !strings.Contains(env, "CRAWL_DATA=/data") {
		t.Errorf("ENV %s: the store is not on the volume", env)
	}
}
