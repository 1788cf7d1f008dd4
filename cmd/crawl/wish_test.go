package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"crawl/internal/web"
)

// configOf reads a configuration.
func configOf(t *testing.T, yaml string) *config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := readLayers(settingsFlags(t, "--config", file))
	if err != nil {
		t.Fatal(err)
	}
	conf, err := newConfig(l)
	if err != nil {
		t.Fatal(err)
	}
	return conf
}

// TestGuestSettings sees that URLs of a guest get nothing that is configured for the
// user's own.
func TestGuestSettings(t *testing.T) {
	settingsWorld(t)
	cookies := filepath.Join(t.TempDir(), "cookies.txt")
	if err := os.WriteFile(cookies, []byte("a.example\tFALSE\t/\tFALSE\t0\tsession\thunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	conf := configOf(t, "defaults: {allow_private: true, cookies: "+cookies+", resolve: [\"a.example:80:10.0.0.1\"]}\n")
	for _, guest := range []bool{false, true} {
		o, err := orderFor(conf, web.Wish{URLs: []string{"http://a.example/"}, Guest: guest})
		if err != nil {
			t.Fatal(err)
		}
		kept, err := keptSettings(o.run) // a later session goes by them
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*Settings{&o.s, &kept.Settings} {
			c, err := fetcherConfig(s, o.trusted(), room{})
			if err != nil {
				t.Fatal(err)
			}
			if own := !guest; c.AllowPrivate != own || (len(c.CookieSeed) > 0) != own || (len(c.Resolve) > 0) != own || !c.Cookies {
				t.Errorf("guest %v: private addresses %v, %d cookies of the user, %d addresses", guest, c.AllowPrivate, len(c.CookieSeed), len(c.Resolve))
			}
		}
	}
}

// TestWish sees who may wish for what.
func TestWish(t *testing.T) {
	settingsWorld(t)
	conf := configOf(t, "defaults: {header: [\"X-Key: file:/etc/hostname\"], list: /nowhere}\nsites:\n  acme: {seeds: [\"http://127.0.0.1/\"], list: \"\", depth: 3}\n")
	public, local := []string{"https://a.example/"}, []string{"http://localhost:8080/"}
	set := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	tests := []struct {
		name   string
		wish   web.Wish
		status int    // of the error; 0: none
		what   string // it says
		guest  bool   // the order is one's
	}{
		{"a site", web.Wish{Site: "acme"}, 0, "", false},
		{"a site, of a guest", web.Wish{Site: "acme", Guest: true}, 0, "", false},
		{"URLs", web.Wish{URLs: public}, 0, "", false},
		{"URLs of a guest", web.Wish{URLs: public, Guest: true}, 0, "", true},
		{"this machine", web.Wish{URLs: local}, 0, "", false},
		{"this machine, of a guest", web.Wish{URLs: local, Guest: true}, 403, "does not allow", false},
		{"options", web.Wish{URLs: public, Options: set("depth", "2", "rate", "1/s", "exclude", "/a\n/b")}, 0, "", false},
		{"manners of a guest", web.Wish{URLs: public, Guest: true, Options: set("rate", "100/s")}, 400, "rate may not be set", false},
		{"robots of a guest", web.Wish{Site: "acme", Guest: true, Options: set("robots", "ignore")}, 400, "robots may not be set", false},
		{"a file", web.Wish{URLs: public, Options: set("list", "/etc/passwd")}, 400, "list may not be set", false},
		{"a cookie file", web.Wish{URLs: public, Options: set("cookies", "/etc/passwd")}, 400, "cookies may not be set", false},
		{"a command", web.Wish{URLs: public, Options: set("auth", "cmd:id")}, 400, "auth may not be set", false},
		{"private addresses", web.Wish{URLs: public, Options: set("allow_private", "true")}, 400, "allow_private may not be set", false},
		{"a proxy", web.Wish{URLs: public, Options: set("proxy", "http://a.example")}, 400, "proxy may not be set", false},
		{"another address", web.Wish{URLs: public, Options: set("resolve", "a.example:80:10.0.0.1")}, 400, "resolve may not be set", false},
		{"another store", web.Wish{URLs: public, Options: set("data", "/tmp")}, 400, "data may not be set", false},
		{"no syncs", web.Wish{URLs: public, Options: set("durability", "process")}, 400, "durability may not be set", false},
		{"an unknown option", web.Wish{URLs: public, Options: set("dept", "2")}, 400, "no option \"dept\"", false},
		{"a bad value", web.Wish{URLs: public, Options: set("depth", "deep", "rate", "fast")}, 400, "rate", false},
		{"a bad pattern", web.Wish{URLs: public, Options: set("exclude", "re:(")}, 400, "exclude", false},
		{"a password", web.Wish{URLs: []string{"https://a:b@a.example/"}}, 400, "password", false},
		{"no URL", web.Wish{URLs: []string{"ftp://a.example/"}}, 400, "", false},
		{"too many", web.Wish{URLs: make([]string, mostWished+1)}, 400, "too many", false},
		{"no site", web.Wish{Site: "acem"}, 404, "acem", false},
	}
	for _, test := range tests {
		o, err := orderFor(conf, test.wish)
		var e *web.Error
		switch {
		case test.status == 0 && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.status == 0:
			if o.guest != test.guest || (len(o.trusted()) == 0) != test.guest {
				t.Errorf("%s: guest %v, trusted %v", test.name, o.guest, o.trusted())
			}
			if kept, err := keptSettings(o.run); err != nil || kept.Guest != test.guest {
				t.Errorf("%s: a later session has guest %v, %v", test.name, kept.Guest, err)
			}
		case !errors.As(err, &e) || e.Status != test.status || !strings.Contains(e.What, test.what):
			t.Errorf("%s: %v; wanted %d %s", test.name, err, test.status, test.what)
		}
	}
}
