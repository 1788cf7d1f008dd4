package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/pflag"
)

// settingsWorld puts the test into an empty folder with no configuration
// around it. It returns the places of the user's and the system's file.
func settingsWorld(t *testing.T) (user, system string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"work", "home/.config/crawl", "etc"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(dir, "work"))
	t.Setenv("HOME", filepath.Join(dir, "home"))
	t.Setenv("XDG_CONFIG_HOME", "")
	old := systemConfig
	systemConfig = filepath.Join(dir, "etc", "config.yaml")
	t.Cleanup(func() { systemConfig = old })
	return filepath.Join(dir, "home", ".config", "crawl", "config.yaml"), systemConfig
}

// settingsFlags parses a command line with every flag.
func settingsFlags(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	addSettingsFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return flags
}

// TestPrecedenceOfEveryOption raises the layers one by one, for every option
// of the table: each must win over all below it, or add to it.
func TestPrecedenceOfEveryOption(t *testing.T) {
	for _, o := range options {
		t.Run(o.Key, func(t *testing.T) {
			user, system := settingsWorld(t)
			if o.Key == "proxy_auth" {
				t.Setenv("CRAWL_PROXY", "http://a:1")
			}
			samples := optionSamples(t, o)
			sample := func(layer int) string { return samples[layer%len(samples)] }
			yamlOf := func(layer int) string {
				text := sample(layer)
				if o.typ.Kind().String() == "string" {
					text = "'" + text + "'"
				}
				if o.list {
					text = "[" + text + "]"
				}
				return o.Key + ": " + text
			}
			block := func(layer int) string { return "# line 1\ndefaults:\n  " + yamlOf(layer) + "\n" }
			site := "sites:\n  s:\n    seeds: [https://a.example/]\n"
			var args []string
			layers := []struct {
				origin string
				raise  func(layer int)
			}{
				{originDefault, func(int) { writeConfig(t, workingConfig, site) }},
				{system + ":3", func(n int) { writeConfig(t, system, block(n)) }},
				{user + ":3", func(n int) { writeConfig(t, user, block(n)) }},
				{workingConfig + ":3", func(n int) { writeConfig(t, workingConfig, block(n)+site) }},
				{workingConfig + ":7", func(n int) { writeConfig(t, workingConfig, block(n-1)+site+"    "+yamlOf(n)+"\n") }},
				{o.Env, func(n int) { t.Setenv(o.Env, sample(n)) }},
				{"--" + o.Flag, func(n int) { args = []string{"--" + o.Flag + "=" + sample(n)} }},
			}
			var raised, origins []string // of the layers that count
			for n, layer := range layers {
				layer.raise(n)
				want := defaultSettings()
				if n > 0 && !o.adds {
					raised, origins = nil, nil
				}
				if origins = append(origins, layer.origin); n > 0 {
					raised = append(raised, sample(n))
					o.store(&want, raised)
				}
				if len(origins) > 1 {
					origins = slices.DeleteFunc(origins, func(s string) bool { return s == originDefault })
				}
				r, err := loadSettings(settingsFlags(t, args...), "s")
				if err != nil {
					t.Fatalf("%s: %v", layer.origin, err)
				}
				if diff := cmp.Diff(o.texts(&want), o.texts(&r.Settings)); diff != "" {
					t.Errorf("%s: %s", layer.origin, diff)
				}
				if got, want := r.Origin[o.Key], strings.Join(origins, ", "); got != want {
					t.Errorf("origin %q, want %q", got, want)
				}
			}
		})
	}
}

func TestLoadSettingsWhole(t *testing.T) {
	user, system := settingsWorld(t)
	writeConfig(t, workingConfig, "sites:\n  acme:\n    seeds: ['https://acme.example/']\n    depth: 3\nhosts:\n  a.example: {rate: 1/s}\n")
	writeConfig(t, user, "defaults: {rate: 2/s}\nsites:\n  acme: {seeds: ['https://old.example/'], retry: 9}\nhosts:\n  A.example: {rate: 2/s, per_host: 2}\n")
	writeConfig(t, system, "defaults: {rate: 3/s, retry: 3}\nhosts:\n  b.example:443: {per_host: 3}\n")
	got, err := loadSettings(settingsFlags(t, "--depth=4"), "acme")
	if err != nil {
		t.Fatal(err)
	}
	want := &Resolved{
		Settings: defaultSettings(), Site: "acme", Seeds: []string{"https://acme.example/"},
		Hosts: map[string]HostSettings{
			"a.example": {Rate: new(Rate{1, durationUnits[4].unit}), PerHost: new(2)},
			"b.example": {PerHost: new(3)},
		},
		Files: []string{workingConfig, user, system},
	}
	want.Settings.Depth, want.Settings.Retry, want.Settings.Rate = 4, 3, Rate{2, durationUnits[4].unit}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Resolved{}, "Origin")); diff != "" {
		t.Error(diff)
	}
	for key, origin := range map[string]string{
		"seeds": workingConfig + ":3", "depth": "--depth", "rate": user + ":1", "retry": system + ":1", "scope": "default",
		"hosts.a.example.rate": workingConfig + ":6", "hosts.a.example.per_host": user + ":5", "hosts.b.example.per_host": system + ":3",
	} {
		if got.Origin[key] != origin {
			t.Errorf("origin of %s: %q, want %q", key, got.Origin[key], origin)
		}
	}
}

func TestConfigPaths(t *testing.T) {
	user, system := settingsWorld(t)
	check := func(name string, args []string, want ...configPath) {
		t.Helper()
		if diff := cmp.Diff(want, configPaths(settingsFlags(t, args...)), cmp.AllowUnexported(configPath{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	working := configPath{path: workingConfig, nearby: true}
	check("by themselves", nil, working, configPath{path: user}, configPath{path: system})
	t.Setenv("XDG_CONFIG_HOME", "/xdg")
	check("XDG", nil, working, configPath{path: "/xdg/crawl/config.yaml"}, configPath{path: system})
	t.Setenv("XDG_CONFIG_HOME", "relative")
	check("XDG relative", nil, working, configPath{path: user}, configPath{path: system})
	t.Setenv(configEnv, "env.yaml")
	check("environment", nil, configPath{path: "env.yaml", named: true})
	check("flag", []string{"--config", "flag.yaml"}, configPath{path: "flag.yaml", named: true})
}

func TestNamedConfig(t *testing.T) {
	settingsWorld(t)
	writeConfig(t, workingConfig, "defaults: {retry: 1, auth: 'cmd:x'}\n")
	r, err := loadSettings(settingsFlags(t, "--config", workingConfig), "")
	if err != nil || r.Settings.Auth != "cmd:x" {
		t.Errorf("a named file may use cmd:, but %v", err)
	}
	if r, err = loadSettings(settingsFlags(t, "--config", os.DevNull), ""); err != nil || r.Settings.Retry != 2 {
		t.Errorf("no config file: %v", err)
	}
	for _, name := range []string{"absent.yaml", "."} {
		var e *usageError
		if _, err = loadSettings(settingsFlags(t, "--config", name), ""); !errors.As(err, &e) || e.Faults[0].Where != name {
			t.Errorf("--config %s: %v", name, err)
		}
	}
}

func TestEnvironment(t *testing.T) {
	settingsWorld(t)
	t.Setenv("CRAWL_RATE", "")
	t.Setenv("CRAWL_EXCLUDE", "/a,b\n /c \n\n")
	t.Setenv("CRAWL_DROP_PARAMS", "a, b\nc")
	t.Setenv("CRAWL_MAX_PAGE", "5")
	t.Setenv("CRAWL_UNRELATED_THING", "5")
	r, err := loadSettings(settingsFlags(t), "")
	if err != nil {
		t.Fatal(err)
	}
	want := defaultSettings()
	want.Exclude, want.DropParams = []string{"/a,b", "/c"}, []string{"a", "b", "c"}
	if diff := cmp.Diff(want, r.Settings); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"CRAWL_MAX_PAGE is no option; did you mean CRAWL_MAX_PAGES?"}, r.Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestFileNamesAreAnchored(t *testing.T) {
	user, _ := settingsWorld(t)
	home, here := os.Getenv("HOME"), mustGetwd(t)
	there := filepath.Dir(user)
	writeConfig(t, user, "defaults:\n  data: ../store\n  auth: file:login\n  header: ['x-api-key: file:key', 'X-A: file']\n  cookies: jar\n  proxy: http://p\n  proxy_auth: cred:p\n")
	r, err := loadSettings(settingsFlags(t, "--list=l.txt", "--proxy-auth=file:~/p"), "")
	if err != nil {
		t.Fatal(err)
	}
	s := r.Settings
	got := append([]string{s.Data, s.Auth, s.Cookies, s.List, s.ProxyAuth}, s.Header...)
	want := []string{
		filepath.Join(filepath.Dir(there), "store"), "file:" + filepath.Join(there, "login"), filepath.Join(there, "jar"),
		filepath.Join(here, "l.txt"), "file:" + filepath.Join(home, "p"), "X-Api-Key: file:" + filepath.Join(there, "key"), "X-A: file",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r, err = loadSettings(settingsFlags(t, "--list=-", "--cookies=off", "--auth=prompt"), ""); err != nil || r.Settings.List != "-" || r.Settings.Cookies != "off" || r.Settings.Auth != "prompt" {
		t.Errorf("words are no file names: %+v, %v", r, err)
	}
}

func mustGetwd(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestUnknownSite(t *testing.T) {
	settingsWorld(t)
	if _, err := loadSettings(settingsFlags(t), "acme"); err == nil || !strings.Contains(err.Error(), "no config file has sites") {
		t.Errorf("no sites: %v", err)
	}
	writeConfig(t, workingConfig, "sites:\n  acme: {seeds: ['https://a.example/']}\n  zebra: {seeds: ['https://z.example/']}\n")
	for site, want := range map[string]string{"acne": "did you mean acme?", "other": "there are acme, zebra"} {
		if _, err := loadSettings(settingsFlags(t), site); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", site, err, want)
		}
	}
}

// runConfig runs crawl config with these arguments.
func runConfig(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := newConfigCommand()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetOut(&out)
	c.SetArgs(args)
	err := c.Execute()
	return out.String(), err
}

// TestConfigShowIsConfig feeds what show prints back as the only config file.
func TestConfigShowIsConfig(t *testing.T) {
	for _, site := range []string{"", "acme"} {
		for _, origin := range []bool{false, true} {
			settingsWorld(t)
			writeConfig(t, workingConfig, "sites:\n  acme: {seeds: ['https://a.example/']}\nhosts:\n  '[::1]:8080': {rate: 1/10s}\n  a.example: {per_host: 2, rate: adaptive}\n")
			args := []string{}
			for _, o := range options {
				if samples := optionSamples(t, o); o.Key != "json" {
					args = append(args, "--"+o.Flag+"="+samples[1])
				}
			}
			want, err := loadSettings(settingsFlags(t, args...), site)
			if err != nil {
				t.Fatal(err)
			}
			show := append([]string{"show", fmt.Sprintf("--origin=%v", origin)}, args...)
			if site != "" {
				show = append(show, site)
			}
			text, err := runConfig(t, show...)
			if err != nil {
				t.Fatal(err)
			}
			writeConfig(t, "shown.yaml", text)
			got, err := loadSettings(settingsFlags(t, "--config", "shown.yaml"), site)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Resolved{}, "Origin", "Files")); diff != "" {
				t.Errorf("site %q, origin %v: %s", site, origin, diff)
			}
			if has := strings.Contains(text, "# --max-pages"); has != origin {
				t.Errorf("origin %v, but shown: %v", origin, has)
			}
		}
	}
}

func TestConfigShowJSON(t *testing.T) {
	settingsWorld(t)
	text, err := runConfig(t, "show", "--json", "--origin", "--rate=4/s")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Settings json.RawMessage
		Origin   map[string]string
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	s, err := settingsFromJSON(got.Settings)
	if err != nil || s.Rate.String() != "4/s" || got.Origin["rate"] != "--rate" {
		t.Errorf("%v, rate %v from %s", err, s.Rate, got.Origin["rate"])
	}
}

func TestConfigCheckAndPath(t *testing.T) {
	user, system := settingsWorld(t)
	if out, err := runConfig(t, "check"); err != nil || !strings.Contains(out, "no config file") {
		t.Errorf("nothing there: %q, %v", out, err)
	}
	writeConfig(t, user, "sites:\n  a: {seeds: ['https://a.example/']}\nhosts:\n  a: {rate: 1/s}\n")
	if out, err := runConfig(t, "check"); err != nil || out != user+": no fault; sites: 1, schedules: 0, hosts: 1\n" {
		t.Errorf("one file: %q, %v", out, err)
	}
	out, err := runConfig(t, "path")
	if want := []string{workingConfig, "absent", user, "read", system, "absent"}; err != nil || !slices.Equal(strings.Fields(out), want) {
		t.Errorf("path: %q, %v", out, err)
	}
	writeConfig(t, "other.yaml", "defaults:\n  rat: 1/s\nsites:\n  x: {seeds: [x]}\n")
	var e *usageError
	if _, err := runConfig(t, "check", "other.yaml"); !errors.As(err, &e) || len(e.Faults) != 2 || e.Faults[0].Where != "other.yaml:2" || exitCode(err, io.Discard) != exitUsage {
		t.Errorf("check FILE: %v", err)
	}
	writeConfig(t, user, "sites:\n  a:\n    seeds: ['https://a.example/']\n    proxy_auth: file:x\n")
	if _, err := runConfig(t, "check", "-q"); !errors.As(err, &e) || len(e.Faults) != 1 || e.Faults[0].Where != user+":4" {
		t.Errorf("a site at odds with itself: %v", err)
	}
}

// TestConfigCheckTellsAllOnce has faults that every site shares, and one of its
// own.
func TestConfigCheckTellsAllOnce(t *testing.T) {
	settingsWorld(t)
	writeConfig(t, workingConfig, `
defaults: {proxy_auth: file:x}
sites:
  a: {seeds: ['https://a.example/']}
  b:
    seeds: ['https://b.example/']
    proxy_auth: file:y
  c: {seeds: ['https://c.example/'], proxy: 'http://p'}
`)
	_, err := runConfig(t, "check")
	var e *usageError
	if !errors.As(err, &e) || len(e.Faults) != 2 || e.Faults[0].Where != "config.yaml:2" || e.Faults[1].Where != "config.yaml:7" {
		t.Errorf("faults: %v", err)
	}
}

// exampleConfig is the documented example at the root of the repository.
const exampleConfig = "../../config.yaml"

// TestExampleConfig holds the example to the table: as it stands and with every
// option taken out of its comment it loads, all options are there, and what it
// says of the defaults is so.
func TestExampleConfig(t *testing.T) {
	b, err := os.ReadFile(exampleConfig)
	if err != nil {
		t.Fatal(err)
	}
	settingsWorld(t)
	writeConfig(t, "plain.yaml", string(b))
	r, err := loadSettings(settingsFlags(t, "--config", "plain.yaml"), "acme")
	if err != nil || len(r.Seeds) == 0 || len(r.Hosts) == 0 {
		t.Fatalf("as it stands: %+v, %v", r, err)
	}
	if r, err = loadSettings(settingsFlags(t, "--config", "plain.yaml"), ""); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(defaultSettings(), r.Settings); diff != "" {
		t.Errorf("as it stands it changes runs that name no site: %s", diff)
	}

	writeConfig(t, "full.yaml", regexp.MustCompile(`(?m)^( +)#([a-z_]+:)`).ReplaceAllString(string(b), "$1$2"))
	if r, err = loadSettings(settingsFlags(t, "--config", "full.yaml"), ""); err != nil {
		t.Fatal(err)
	}
	defaults := defaultSettings()
	for _, o := range options {
		if r.Origin[o.Key] == originDefault {
			t.Errorf("%s is not in it", o.Key)
		}
		if text := o.texts(&defaults); strings.Join(text, "") != "" && !slices.Equal(text, o.texts(&r.Settings)) {
			t.Errorf("%s is shown as %q, but the default is %q", o.Key, o.texts(&r.Settings), text)
		}
	}
	for i, line := range strings.Split(string(b), "\n") {
		if regexp.MustCompile(`^ +#?[a-z_]+: `).MatchString(line) && !strings.Contains(line, " # ") && !strings.HasPrefix(line, "    ") {
			t.Errorf("line %d explains nothing: %s", i+1, line)
		}
	}
}
