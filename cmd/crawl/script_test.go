package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts start the program by its name, and keeps the options
// of whoever runs the tests out of them.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "crawl" {
		for _, name := range ownEnv() {
			os.Unsetenv(name)
		}
	}
	testscript.Main(m, map[string]func(){"crawl": func() {
		systemConfig = os.Getenv("SYSTEM_CONFIG")
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}})
}

// ownEnv are the variables of the environment that the program reads.
func ownEnv() []string {
	names := []string{configEnv, "XDG_DATA_HOME", "XDG_CONFIG_HOME", "CREDENTIALS_DIRECTORY", "SSL_CERT_FILE", "NO_COLOR"}
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
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": withWorld((*world).serve), "tls": withWorld((*world).tls), "proxy": withWorld((*world).proxy),
			"hits": withWorld((*world).hits), "sent": withWorld((*world).sent), "audit": withWorld((*world).audit),
			"await": withWorld((*world).await), "proxied": withWorld((*world).proxied),
			"exits": withWorld((*world).exits), "start": withWorld((*world).start), "signal": withWorld((*world).signal),
			"cmdline": withWorld((*world).cmdline), "ended": withWorld((*world).ended), "headed": withWorld((*world).headed),
			"jsonl": withWorld((*world).jsonl), "clean": withWorld((*world).clean), "nowhere": withWorld((*world).nowhere),
			"repeat": withWorld((*world).repeat),
		},
	})
}

// worldKey finds a script's world.
type worldKey struct{}

func withWorld(do func(w *world, ts *testscript.TestScript, neg bool, args []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		do(ts.Value(worldKey{}).(*world), ts, neg, args)
	}
}

// wants ends the script unless the command was written as it should be.
func wants(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}
