package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"crawl/internal/weburl"
)

func TestSettingsDefaultsAreValid(t *testing.T) {
	s := defaultSettings()
	if err := s.validate(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(weburl.DefaultDropParams, s.DropParams); diff != "" {
		t.Error(diff)
	}
	s.DropParams[0] = "changed"
	if again := defaultSettings(); again.DropParams[0] == "changed" || weburl.DefaultDropParams[0] == "changed" {
		t.Error("two Settings share a default's list")
	}
}

func TestSettingsJSON(t *testing.T) {
	odd := defaultSettings()
	for _, o := range options { // every option away from its default
		samples := optionSamples(t, o)
		i := slices.IndexFunc(samples, func(v string) bool { return v != o.defaults0() })
		o.store(&odd, samples[i:i+1])
	}
	bare := defaultSettings()
	bare.DropParams = []string{}
	for name, want := range map[string]Settings{"defaults": defaultSettings(), "odd": odd, "no list": bare} {
		t.Run(name, func(t *testing.T) {
			b, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := settingsFromJSON(b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSettingsJSONOfOtherVersions(t *testing.T) {
	got, err := settingsFromJSON([]byte(`{"depth":"3"}`))
	want := defaultSettings()
	want.Depth = 3
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("missing keys: %v\n%s", err, diff)
	}
	for _, bad := range []string{``, `[]`, `{"depht":"3"}`, `{"depth":"3m"}`, `{"depth":1.5}`, `{"scope":"hots"}`, `{"per_host":0}`, `{} {}`, `{"exclude":["re:("]}`} {
		if _, err := settingsFromJSON([]byte(bad)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestSettingsValidateListsAll(t *testing.T) {
	s := defaultSettings()
	s.Scope, s.Retry, s.Timeout, s.Auth, s.ProxyAuth = "hots", 99, Duration(unlimited), "bare", "file:/x"
	s.Exclude = []string{"/ok", "re:(", ""}
	var e *usageError
	if err := s.validate(); !errors.As(err, &e) {
		t.Fatalf("error %v", err)
	}
	var keys []string
	for _, f := range e.Faults {
		keys = append(keys, f.Where)
	}
	if diff := cmp.Diff([]string{"scope", "exclude", "exclude", "auth", "timeout", "retry", "proxy_auth"}, keys); diff != "" {
		t.Error(diff)
	}
	if code := exitCode(e, io.Discard); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
}

// TestValueChecks has, for each key, what it takes and what it refuses.
func TestValueChecks(t *testing.T) {
	tests := []struct {
		key       string
		good, bad []string
	}{
		{"scope", []string{"host", "page"}, []string{"", "Host", "hots", "http://x/"}},
		{"sitemap", []string{"auto", "off", "https://a.example/map.xml"}, []string{"", "on", "map.xml", "ftp://a/", "https://u:p@a.example/"}},
		{"cookies", []string{"on", "off", "/jar.txt"}, []string{"", "a\x00b"}},
		{"include", []string{"/a*", "*b", "?", "[ab]", "https://*.example/*", `re:\d+`}, []string{"", "a", "/a b", "re:", "re:(", "re:(?<!x)", "/" + strings.Repeat("a", 4096)}},
		{"drop_params", []string{"utm_*", "a", "*_id"}, []string{"", "*", "a=b", "a&b", "a b"}},
		{"user_agent", []string{"", "x/1.0 (+https://a.example/)"}, []string{"a\nb", "ü"}},
		{"contact", []string{"", "https://a.example/bot", "a@b.example"}, []string{"me", "A <a@b.example>", "mailto:a@b.example"}},
		{
			"header",
			[]string{"Accept-Language: en", "X-A:", "x-api-key: file:k", "Authorization: cmd:pass x", "Cookie: cred:c"},
			[]string{"", "X", ": y", "a b: c", "X: a\nY: b", "Authorization: Bearer hunter2", "cookie: a=hunter2", "x-api-key: hunter2", "Authorization: file:", "Host: a", "user-agent: x", "Range: bytes=0-1", "Cookie: cred:../x"},
		},
		{"auth", []string{"", "file:/a", "cmd:pass show a", "cred:name", "prompt"}, []string{"hunter2", "user:hunter2", "file:", "cmd: ", "cred:a/b", "cred:..", "env:X", "prompt:", "FILE:/a"}},
		{"proxy", []string{"", "http://p:3128", "https://p", "socks5://127.0.0.1:1080/", "socks5h://[::1]:1080"}, []string{"p:3128", "ftp://p", "http://", "http://u:hunter2@p", "http://u@p", "http://p/x", "http://p?x"}},
		{"resolve", []string{"a.example:443:192.0.2.1", "a:80:::1", "A.example:80:[2001:db8::1]"}, []string{"", "a", "a:443", ":443:192.0.2.1", "a:0:192.0.2.1", "a:65536:192.0.2.1", "a:443:b", "a/b:443:192.0.2.1", "bücher.example:443:192.0.2.1"}},
		{"per_host", []string{"1", "64"}, []string{"0", "-1", "65", "1.5", "", "x"}},
		{"depth", []string{"0", "3", "unlimited"}, []string{"-1", "1.5", ""}},
		{"max_pages", []string{"1", "100k"}, []string{"0"}},
		{"max_body", []string{"1KB", "1GB"}, []string{"unlimited", "1", "2GB"}},
		{"timeout", []string{"100ms", "10m"}, []string{"unlimited", "0", "11m", "20"}},
		{"insecure", []string{"true", "No", "1", "off"}, []string{"", "2", "ja"}},
	}
	for _, tt := range tests {
		o := optionByKey[tt.key]
		for _, text := range tt.good {
			if _, err := o.parse(text); err != nil {
				t.Errorf("%s: %q refused: %v", tt.key, text, err)
			}
		}
		for _, text := range tt.bad {
			_, err := o.parse(text)
			var f fault
			if !errors.As(err, &f) || f.What == "" {
				t.Errorf("%s: %q taken, or error %v is no fault", tt.key, text, err)
			} else if strings.Contains(f.Error(), "hunter2") {
				t.Errorf("%s: the fault shows the secret: %v", tt.key, f)
			}
		}
	}
}

func TestSecret(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := map[string]string{
		"file:" + write("a", "user:pass\n"):                         "user:pass",
		"file:" + write("b", "user:pass \r\n"):                      "user:pass ",
		"file:" + write("c", "two\nlines\n\n"):                      "two\nlines\n",
		"file:" + write("d", strings.Repeat("x", maxSecret)+"\r\n"): strings.Repeat("x", maxSecret),
		"cred:a":             "user:pass",
		"cmd:printf 'a:b\n'": "a:b",
	}
	for ref, want := range good {
		if got, err := secret(ref); err != nil || got != want {
			t.Errorf("%s: %.40q, %v; want %.40q", ref, got, err, want)
		}
	}
	bad := []string{
		"bare", "file:" + filepath.Join(dir, "absent"), "file:" + dir, "file:" + write("e", "\n"),
		"file:" + write("f", strings.Repeat("x", maxSecret+1)), "cred:absent", "cmd:exit 3", "cmd:true", "",
	}
	for _, ref := range bad {
		var e *usageError
		if got, err := secret(ref); !errors.As(err, &e) || got != "" {
			t.Errorf("%.60s: %.40q, %v; want a usage error", ref, got, err)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	if _, err := secret("cred:a"); err == nil || !strings.Contains(err.Error(), "LoadCredential=a") {
		t.Errorf("without systemd: %v", err)
	}
}

func TestHeadersReadTheirSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("Bearer 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := defaultSettings()
	s.Header = []string{"authorization: file:" + path, "X-A: 1", "x-a:2"}
	got, err := s.headers()
	want := http.Header{"Authorization": {"Bearer 1"}, "X-A": {"1", "2"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if err := os.WriteFile(path, []byte("a\nX-Evil: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.headers(); err == nil || strings.Contains(err.Error(), "Evil") {
		t.Errorf("two lines in a header: %v", err)
	}
}

func TestDataDir(t *testing.T) {
	t.Setenv("HOME", "/home/u")
	t.Setenv("XDG_DATA_HOME", "/xdg")
	for _, tt := range []struct{ data, xdg, want string }{
		{"/d", "/xdg", "/d"}, {"", "/xdg", "/xdg/crawl"}, {"", "relative", "/home/u/.local/share/crawl"}, {"", "", "/home/u/.local/share/crawl"},
	} {
		t.Setenv("XDG_DATA_HOME", tt.xdg)
		s := Settings{Data: tt.data}
		if got, err := s.dataDir(); err != nil || got != tt.want {
			t.Errorf("%+v: %q, %v", tt, got, err)
		}
	}
}
