package main

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// defaults0 is the first text of the default, if there is one.
func (o *option) defaults0() string { return strings.Join(o.defaults[:min(1, len(o.defaults))], "") }

// optionSamples gives at least two values of an option, by its type; so a new
// option is tested without a word here, unless it brings a check of its own.
func optionSamples(t *testing.T, o *option) []string {
	t.Helper()
	tag := reflect.TypeFor[Settings]().Field(o.field).Tag.Get
	byType := map[reflect.Type][]string{
		reflect.TypeFor[bool]():     {"true", "false"},
		reflect.TypeFor[int]():      {"20", "30", "50"},
		reflect.TypeFor[Count]():    {"7", "8", "unlimited"},
		reflect.TypeFor[Duration](): {"3s", "1m", "7s"},
		reflect.TypeFor[Size]():     {"1MB", "2MiB", "512000"},
		reflect.TypeFor[Budget]():   {"64MiB", "auto", "1GB"},
		reflect.TypeFor[Speed]():    {"1KB/s", "0", "2KiB/s"},
		reflect.TypeFor[Keep]():     {"last=10 weekly=26", "all", "daily=3 within=90d"},
		reflect.TypeFor[Space]():    {"5%", "auto", "2GB", "0"},
		reflect.TypeFor[Rate]():     {"4/s", "adaptive", "1/10s"},
	}
	byCheck := map[string][]string{
		"":          {"/some/file", "/another/file"},
		"agent":     {"a/1", "b/2"},
		"contact":   {"https://a.example/", "b@b.example"},
		"extract":   {"a=css:.a", "b=meta:b"},
		"gate":      {"new", "places > 10"},
		"header":    {"X-A: 1", "X-B: file:/b"},
		"hostname":  {"a.example", "b.example"},
		"listen":    {"127.0.0.1:1", "off"},
		"mute":      {"report=broken until=2099-01-31 reason=a b", "id=12345678 url=/x* until=2099-01-31 reason=c"},
		"param":     {"a", "b_*"},
		"pattern":   {"/a*", "re:b,\\d+"},
		"proxy":     {"http://a:1", "socks5h://b:2"},
		"resolve":   {"a.example:80:192.0.2.1", "b.example:443:2001:db8::1"},
		"secret":    {"file:/a", "cred:b"},
		"severity":  {"titles=off", "errors=notice"},
		"tokenfile": {"/a", "cred:b"},
	}
	samples := byType[o.typ]
	if len(o.words) > 0 {
		samples = o.words
	} else if o.typ.Kind() == reflect.String {
		samples = byCheck[tag("check")]
	}
	samples = slices.DeleteFunc(slices.Clone(samples), func(text string) bool {
		_, err := o.parse(text)
		return err != nil
	})
	if o.typ == reflect.TypeFor[int]() && len(samples) < 2 {
		low := int64(0)
		if o.min != nil {
			low = *o.min
		}
		for n := low; n < low+3; n++ {
			samples = append(samples, o.text(reflect.ValueOf(int(n))))
		}
		slices.Sort(samples)
		samples = slices.Compact(samples)
	}
	if len(samples) < 2 {
		t.Fatalf("%s: no two samples; give some for its type or check", o.Key)
	}
	return samples
}

func TestOptionTable(t *testing.T) {
	shorts := map[string]string{}
	for _, o := range options {
		f := reflect.TypeFor[Settings]().Field(o.field)
		if o.Key == "" || o.Help == "" || o.Group == "" || o.Section == "" {
			t.Errorf("%s lacks a tag", f.Name)
		}
		if want := strings.ReplaceAll(strings.ToLower(f.Name), "_", ""); strings.ReplaceAll(o.Key, "_", "") != want {
			t.Errorf("%s has the key %s", f.Name, o.Key)
		}
		for name, bound := range map[string]*int64{"min": o.min, "max": o.max} {
			if (f.Tag.Get(name) != "") != (bound != nil) {
				t.Errorf("%s: %s %q is no value", o.Key, name, f.Tag.Get(name))
			}
		}
		if name := f.Tag.Get("check"); (name != "") != (o.check != nil) {
			t.Errorf("%s: there is no check %q", o.Key, name)
		}
		if o.Short != "" && shorts[o.Short] != "" {
			t.Errorf("-%s is %s and %s", o.Short, shorts[o.Short], o.Key)
		}
		shorts[o.Short] = o.Key
		for _, text := range o.defaults {
			if _, err := o.parse(text); err != nil {
				t.Errorf("%s: its default: %v", o.Key, err)
			}
		}
		if !o.list {
			s := defaultSettings()
			if got := o.texts(&s)[0]; got != o.defaults0() {
				t.Errorf("%s: default %q is written back as %q", o.Key, o.defaults0(), got)
			}
		}
	}
	for key := range hostFields {
		if optionByKey[key] == nil {
			t.Errorf("hosts have %s, which is no option", key)
		}
	}
}

func TestAddSettingsFlags(t *testing.T) {
	for _, tt := range []struct {
		groups   []string
		has, not string
	}{
		{nil, "config data max-pages quiet list", ""},
		{[]string{"output"}, "quiet verbose json", "config data max-pages"},
		{[]string{"data"}, "config data", "quiet max-pages"},
		{[]string{"run"}, "max-pages header list rate max-nesting store", "config quiet"},
		{[]string{"limits", "output"}, "max-body quiet", "rate"},
	} {
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		addSettingsFlags(fs, tt.groups...)
		for _, name := range strings.Fields(tt.has) {
			if fs.Lookup(name) == nil {
				t.Errorf("%v: no --%s", tt.groups, name)
			}
		}
		for _, name := range strings.Fields(tt.not) {
			if fs.Lookup(name) != nil {
				t.Errorf("%v: --%s", tt.groups, name)
			}
		}
	}
}

func TestFlagForms(t *testing.T) {
	tests := []struct {
		line string
		key  string
		want []string
	}{
		{"-q", "quiet", []string{"true"}},
		{"--quiet=false", "quiet", []string{"false"}},
		{"-v", "verbose", []string{"1"}},
		{"-vv", "verbose", []string{"2"}},
		{"-v --verbose", "verbose", []string{"2"}},
		{"--verbose=3", "verbose", []string{"3"}},
		{"--verbose=3 -v", "verbose", []string{"4"}},
		{"--rate 4/s --rate 5/s", "rate", []string{"5/s"}},
		{"--exclude /a,b --exclude /c", "exclude", []string{"/a,b", "/c"}},
		{"--exclude=", "exclude", []string{}},
		{"--drop-params a,b --drop-params c", "drop_params", []string{"a", "b", "c"}},
		{"--drop-params=", "drop_params", []string{}},
		{"-H X:1 --header Y:a,b", "header", []string{"X:1", "Y:a,b"}},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			settingsWorld(t)
			r, err := loadSettings(settingsFlags(t, strings.Fields(tt.line)...), "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, append([]string{}, optionByKey[tt.key].texts(&r.Settings)...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUsageFlagError(t *testing.T) {
	for arg, want := range map[string]string{
		"--max-page=1": "did you mean --max-pages?",
		"--scop=host":  "did you mean --scope?",
		"--xyzzy":      "see crawl --help",
		"-Z":           "see crawl --help",
		"--rate":       "flag needs an argument",
	} {
		cmd := &cobra.Command{Use: "crawl", SilenceErrors: true, SilenceUsage: true, RunE: func(*cobra.Command, []string) error { return nil }}
		addSettingsFlags(cmd.Flags())
		cmd.SetFlagErrorFunc(usageFlagError)
		cmd.SetArgs([]string{arg})
		err := cmd.Execute()
		var e *usageError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", arg, err, want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"max_pages", "max_pages_per_host", "rate", "retry", "robots", "on", "off"}
	for word, want := range map[string]string{
		"max-pages": "max_pages", "maxpages": "max_pages", "MAX_PAGES": "max_pages", "max_pagse": "max_pages",
		"max_page_per_host": "max_pages_per_host", "rat": "rate", "rtae": "rate", "robot": "robots", "of": "off",
		"": "", "x": "", "extract": "", strings.Repeat("a", 100): "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

func TestCompletionsOfWords(t *testing.T) {
	cmd := &cobra.Command{Use: "crawl"}
	addSettingsFlags(cmd.Flags(), "scope")
	addSettingsCompletions(cmd)
	complete, ok := cmd.GetFlagCompletionFunc("scope")
	if !ok {
		t.Fatal("no completion of --scope")
	}
	if got, _ := complete(cmd, nil, ""); !slices.Contains(got, "prefix") {
		t.Errorf("completions of --scope: %q", got)
	}
	if _, ok := cmd.GetFlagCompletionFunc("order"); ok {
		t.Error("a flag that the command has not is completed")
	}
}
