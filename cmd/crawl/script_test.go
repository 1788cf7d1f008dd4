package main

import (
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts start the program by its name, and keeps the options
// of whoever runs the tests out of them, and the signals that those do not hear.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "crawl" {
		for _, name := range ownEnv() {
			os.Unsetenv(name)
		}
		hear(os.Interrupt, syscall.SIGQUIT, syscall.SIGHUP)
	}
	testscript.Main(m, map[string]func(){"crawl": func() {
		systemConfig = os.Getenv("SYSTEM_CONFIG")
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}})
}

// hear undoes for the programs under test that the tests were started without
// these signals, as nohup and the background of a script have it.
func hear(all ...os.Signal) {
	for _, s := range all {
		if signal.Ignored(s) { // a caught one is as usual again in a new process
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}

// ownEnv are the variables of the environment that the program reads.
func ownEnv() []string {
	names := []string{configEnv, "XDG_DATA_HOME", "XDG_CONFIG_HOME", "CREDENTIALS_DIRECTORY", "SSL_CERT_FILE", "NO_COLOR", "CLICOLOR_FORCE"}
	for _, o := range options {
		names = append(names, o.Env)
	}
	return names
}

// TestScript runs the program as its user does; testdata/script/README has
// the commands that scripts have besides testscript's own.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("SYSTEM_CONFIG", filepath.Join(e.WorkDir, "etc", "config.yaml"))
			e.Setenv("GORACE", "atexit_sleep_ms=0") // else each process lasts a second longer
			w := &world{env: e, running: map[string]*process{}}
			e.Values[worldKey{}] = w
			e.Defer(w.end)
			return nil
		},
		Cmds: scriptCommands(),
	})
}

// scriptCommands are the commands that scripts have besides testscript's.
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	all := map[string]func(*testscript.TestScript, bool, []string){}
	for name, do := range map[string]func(*world, *testscript.TestScript, bool, []string){
		"serve": (*world).serve, "change": (*world).change, "tls": (*world).tls, "proxy": (*world).proxy, "repeat": (*world).repeat,
		"hits": (*world).hits, "sent": (*world).sent, "asked": (*world).asked, "release": (*world).release, "audit": (*world).audit, "proxied": (*world).proxied,
		"exits": (*world).exits, "within": (*world).within, "headed": (*world).headed, "start": (*world).start, "signal": (*world).signal,
		"says": (*world).says, "cmdline": (*world).cmdline, "ended": (*world).ended,
		"api": (*world).api, "keypair": (*world).keypair,
		"jsonl": (*world).jsonl, "clean": (*world).clean, "nowhere": (*world).nowhere, "let": (*world).let,
	} {
		all[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			do(ts.Value(worldKey{}).(*world), ts, neg, args)
		}
	}
	return all
}

// worldKey finds a script's world.
type worldKey struct{}

// wants ends the script unless the command was written as it should be.
func wants(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

// TestEveryFlagHasAScript sees to it that a new option gets a script. That the
// script shows what the flag does, only its reader can tell: it must fail where
// the flag is ignored.
func TestEveryFlagHasAScript(t *testing.T) {
	elsewhere := map[string]string{"min-speed": "TestMinSpeed: a body is slow only after ten seconds"}
	files, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	var all strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		script, _, _ := strings.Cut(string(text), "\n-- ")
		all.WriteString(script)
	}
	for _, o := range options {
		used := regexp.MustCompile(`(?m) --` + o.Flag + `( |=|$)`).MatchString(all.String())
		if !used && elsewhere[o.Flag] == "" {
			t.Errorf("--%s is in no script", o.Flag)
		}
	}
}
