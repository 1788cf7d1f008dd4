package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// configFaults writes text to ./config.yaml and returns where its faults are
// and their words.
func configFaults(t *testing.T, text string, args ...string) (places, words []string) {
	t.Helper()
	settingsWorld(t)
	writeConfig(t, workingConfig, text)
	_, err := loadSettings(settingsFlags(t, args...), "")
	if err == nil {
		return nil, nil
	}
	var e *usageError
	if !errors.As(err, &e) {
		t.Fatalf("error %v is no usage error", err)
	}
	for _, f := range e.Faults {
		places = append(places, strings.TrimPrefix(f.Where, workingConfig+":"))
		words = append(words, f.What+"; "+f.Next)
	}
	return places, words
}

func writeConfig(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestConfigFaults(t *testing.T) {
	tests := []struct {
		name, text, place, words string
	}{
		{"unknown key", "defaults:\n  max_page: 5\n", "2", "did you mean max_pages?"},
		{"key as a flag", "defaults:\n  max-pages: 5\n", "2", "did you mean max_pages?"},
		{"far from any key", "defaults:\n  segments: {}\n", "2", `unknown key "segments"`},
		{"unknown block", "default:\n  rate: 1/s\n", "1", "did you mean defaults?"},
		{"block of later", "notify:\n  oncall: {}\n", "1", `unknown key "notify"`},
		{"option at the top", "rate: 1/s\n", "1", "below defaults:"},
		{"another's file", "services: {}\n", "1", "--config FILE"},
		{"duplicate option", "defaults:\n  retry: 1\n\n  retry: 2\n", "4", "first on line 2"},
		{"duplicate block", "defaults: {}\ndefaults: {}\n", "2", "first on line 1"},
		{"duplicate site", "sites:\n  a: {seeds: [https://a.example/]}\n  a: {seeds: [https://a.example/]}\n", "3", "first on line 2"},
		{"fraction as int", "defaults:\n  retry: 1.5\n", "2", "the number 1.5 where a whole number belongs"},
		{"fraction as count", "defaults:\n  max_pages: 1.5\n", "2", `"1.5" is not a whole number`},
		{"hex as int", "defaults:\n  retry: 0x2\n", "2", "not a whole number"},
		{"text as int", "defaults:\n  retry: \"2\"\n", "2", "text where a whole number belongs"},
		{"int as text", "defaults:\n  user_agent: 5\n", "2", `put it in quotes: "5"`},
		{"date as text", "defaults:\n  data: 2026-01-02\n", "2", "put it in quotes"},
		{"bool as cookies", "defaults:\n  cookies: true\n", "2", "the yes-or-no value true where text belongs"},
		{"yes as bool", "defaults:\n  insecure: yes\n", "2", "text where true or false belongs"},
		{"int as bool", "defaults:\n  insecure: 1\n", "2", "where true or false belongs"},
		{"list as value", "defaults:\n  rate: [1/s]\n", "2", "a list where a single value belongs"},
		{"block as value", "defaults:\n  rate:\n    max: 1/s\n", "3", "a block of names where a single value belongs"},
		{"value as list", "defaults:\n  include: /a\n", "2", "text where a list belongs"},
		{"list in a list", "defaults:\n  include:\n    - /a\n    - [/b]\n", "4", "a list where a single value belongs"},
		{"number in a list", "defaults:\n  include: [404]\n", "2", "the number 404 where text belongs"},
		{"rule of no kind", "defaults:\n  extract:\n    price: .price\n", "3", "field price: \".price\" is no rule"},
		{"rule with a bad selector", "defaults:\n  extract:\n    a: css:h1\n    price: {css: 'a['}\n", "4", "field price: selector"},
		{"rule for a column", "defaults:\n  extract: {title: 'css:h1'}\n", "2", "field title: there is a column of that name"},
		{"rule name", "defaults:\n  extract: {Price: 'css:h1'}\n", "2", `"Price" is no name of a field`},
		{"rule is a list", "defaults:\n  extract: {a: [b]}\n", "2", "field a is a list where a rule belongs"},
		{"rule is empty", "defaults:\n  extract:\n    a:\n", "3", "field a is empty where a rule belongs"},
		{"rule of two kinds", "defaults:\n  extract: {a: {css: b, meta: c}}\n", "2", "both css and meta"},
		{"rule without a kind", "defaults:\n  extract: {a: {as: number}}\n", "2", "write css, jsonld, meta or re"},
		{"rule with another key", "defaults:\n  extract: {a: {css: b, atr: c}}\n", "2", "did you mean attr?"},
		{"rule as what", "defaults:\n  extract: {a: {css: b, as: date}}\n", "2", "take text, number or html"},
		{"rule with a number", "defaults:\n  extract: {a: {css: b, all: 1}}\n", "2", "all is the number 1 where true or false belongs"},
		{"rule with an attribute", "defaults:\n  extract: {a: {meta: b, attr: c}}\n", "2", "attr goes with css alone"},
		{"rules as text", "defaults:\n  extract: css:h1\n", "2", "write name:"},
		{"no value", "defaults:\n  rate:\n", "2", "rate has no value"},
		{"null", "defaults:\n  rate: ~\n", "2", "rate has no value"},
		{"custom tag", "defaults:\n  rate: !env X\n", "2", "which no option is"},
		{"alias to a list", "defaults:\n  include: &a [/a]\n  rate: *a\n", "2", "a list where a single value belongs"},
		{"merge key", "defaults: &a {retry: 1}\nsites:\n  x:\n    <<: *a\n    seeds: [https://a.example/]\n", "4", `unknown key "<<"`},
		{"bad unit", "defaults:\n  timeout: 20 parsecs\n", "2", "is not a duration"},
		{"missing unit", "defaults:\n  timeout: 20\n", "2", "write a number with its unit"},
		{"out of range", "defaults:\n  per_host: 100\n", "2", "take 1 to 64"},
		{"not unlimited", "defaults:\n  timeout: unlimited\n", "2", "take 100ms to 10m"},
		{"bad word", "defaults:\n  scope: hots\n", "2", "did you mean host?"},
		{"bad regexp", "defaults:\n  exclude:\n    - /a\n    - 're:['\n", "4", "missing closing ]"},
		{"bad glob", "defaults:\n  exclude: ['']\n", "2", "the pattern is empty"},
		{"bare secret", "defaults:\n  auth: hunter2\n", "2", "file:PATH"},
		{"bare secret in a number", "defaults:\n  auth: [hunter2]\n", "2", "a list where a single value"},
		{"command unasked", "defaults:\n  auth: cmd:evil\n", "2", "may not"},
		{"command in a header", "defaults:\n  header: ['Authorization: cmd:evil']\n", "2", "may not"},
		{"seed is no URL", "sites:\n  a:\n    seeds:\n      - https://a.example/\n      - a.example\n", "5", `"a.example" is no web address`},
		{"seed with a password", "sites:\n  a:\n    seeds: ['https://u:hunter2@a.example/']\n", "3", "holds credentials"},
		{"seed is a block", "sites:\n  a:\n    seeds: [{url: x}]\n", "3", "a block of names where a URL belongs"},
		{"seeds no list", "sites:\n  a:\n    seeds: https://a.example/\n", "3", "text where a list belongs"},
		{"no seeds", "sites:\n  a: {rate: 1/s}\n", "2", "has no seeds"},
		{"misspelt seeds", "sites:\n  a:\n    seed: [https://a.example/]\n    list: x\n", "3", "did you mean seeds?"},
		{"seeds in defaults", "defaults:\n  seeds: [https://a.example/]\n", "2", `unknown key "seeds"`},
		{"site name", "sites:\n  a~1: {seeds: [https://a.example/]}\n", "2", "is no name of a site"},
		{"sites no block", "sites: [a]\n", "1", "sites is a list where names with values belong"},
		{"host name", "hosts:\n  https://a.example: {rate: 1/s}\n", "2", "is no host"},
		{"host with a star", "hosts:\n  '*.example': {rate: 1/s}\n", "2", "is no host"},
		{"host twice", "hosts:\n  a.example: {rate: 1/s}\n  A.example:80: {rate: 2/s}\n", "3", "that hosts has already"},
		{"host option", "hosts:\n  a.example: {rat: 1/s}\n", "2", "did you mean rate?"},
		{"host value", "hosts:\n  a.example:\n    rate: 1\n", "3", "is not a rate"},
		{"second document", "defaults:\n  retry: 1\n---\ndefaults: {}\n", "3", "a second YAML document"},
		{"no block at all", "- a\n", "1", "the file is a list"},
		{"list as key", "defaults:\n  ? [a]\n  : 1\n", "2", "keys are plain words"},
		{"unclosed", "defaults:\n  include: [/a\nretry: 1\n", "3", "not YAML"},
		{"tab", "defaults:\n\tretry: 1\n", "2", "not YAML"},
		{"zero byte", "defaults:\x00", workingConfig, "not YAML"},
		{"too long", strings.Repeat("#", maxConfigSize+1), workingConfig, "longer than 1 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			places, words := configFaults(t, tt.text)
			if diff := cmp.Diff([]string{tt.place}, places); diff != "" {
				t.Fatalf("places: %s\n%q", diff, words)
			}
			if !strings.Contains(words[0], tt.words) || strings.Contains(words[0], "hunter2") {
				t.Errorf("says %q, want %q", words[0], tt.words)
			}
		})
	}
}

func TestConfigFaultsAllAtOnce(t *testing.T) {
	text := `
defaults:
  max_page: 5
  retry: 1.5
  rate: fast
  rate: 4/s
sites:
  acme:
    seeds: [acme.example, https://acme.example/]
    scope: hots
hosts:
  a.example: {rat: 1/s}
surprise: 1
---
x: 1
`
	t.Setenv("CRAWL_TIMEOUT", "soon")
	places, words := configFaults(t, text, "--order=bsf", "--per-host=0")
	want := []string{"3", "4", "5", "6", "9", "10", "12", "13", "14", "--order", "--per-host", "CRAWL_TIMEOUT"}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Errorf("%s\n%q", diff, words)
	}
}

func TestConfigTakes(t *testing.T) {
	for name, text := range map[string]string{
		"empty":          "",
		"comments":       "# nothing\n",
		"empty document": "---\n",
		"end mark":       "defaults: {retry: 1}\n...\n",
		"empty blocks":   "defaults:\nsites:\nhosts:\n",
		"byte order":     "\ufeffdefaults: {retry: 1}\n",
		"CRLF":           "defaults:\r\n  retry: 1\r\n",
		"alias":          "defaults:\n  include: &a [/a, &b /b]\n  exclude: *a\nsites:\n  x: {seeds: [https://a.example/], include: [*b]}\n",
		"JSON":           `{"defaults": {"retry": 1, "exclude": ["/a"]}}`,
		"rules":          "defaults:\n  extract:\n    a: css:h1@x|all\n    b: {re: 'a|b', as: number, all: true}\n    c: {css: a, attr: href, trim: true}\n    d: {css: a, as: html}\n",
		"rules as list":  "defaults: {extract: ['a=css:h1', 'b=meta:x']}\n",
		"no rules":       "defaults:\n  extract:\nsites:\n  a: {seeds: [https://a.example/], extract: {}}\n",
		"list alone":     "sites:\n  a: {list: seeds.txt}\n",
		"quoted key":     "\"defaults\":\n  'retry': 1\n",
		"number as size": "defaults:\n  max_body: 5000000\n",
	} {
		if places, words := configFaults(t, text); places != nil {
			t.Errorf("%s: %q %q", name, places, words)
		}
	}
}

func FuzzConfigFile(f *testing.F) {
	for _, s := range []string{"", "defaults: {retry: 1}", "sites: {a: {seeds: [https://a.example/]}}", "a: &a [*a]", "? [a]\n: b", "defaults: &d\n  retry: *d", "hosts: {a: {rate: 1/s}}\n---\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := &configReader{path: "c", dir: "/d"}
		c := r.file([]byte(text))
		if c == nil {
			t.Fatal("no file")
		}
		for _, fault := range r.faults {
			if !strings.HasPrefix(fault.Where, "c") || fault.What == "" {
				t.Errorf("a fault without its place: %+v", fault)
			}
		}
	})
}
