//go:build conformance

package weburl

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/htmlindex"

	"crawl/internal/conformance"
)

// web returns an expected address as this package spells it: without fragment
// and userinfo. ok is false for what is no web address.
func web(t *testing.T, href string) (string, bool) {
	t.Helper()
	if !strings.HasPrefix(href, "http://") && !strings.HasPrefix(href, "https://") {
		return "", false
	}
	href, _, _ = strings.Cut(href, "#")
	scheme, rest, _ := strings.Cut(href, "//")
	end := authorityEnd(rest)
	authority := rest[strings.LastIndexByte(rest[:end], '@')+1 : end]
	return scheme + "//" + authority + rest[end:], true
}

// check compares what raw gives on base with an expected href; "" is a refusal.
func check(t *testing.T, raw, base, href string) {
	t.Helper()
	got, err := resolve(raw, base)
	want, ok := web(t, href)
	switch {
	case href == "" && err == nil:
		t.Errorf("%q on %q: got %s, want a refusal", raw, base, got)
	case href != "" && !ok && !errors.Is(err, ErrScheme):
		t.Errorf("%q on %q: got %v, %v, want ErrScheme", raw, base, got, err)
	case ok && (err != nil || got.String() != want):
		t.Errorf("%q on %q: got %v, %v, want %s", raw, base, got, err, want)
	}
	if err == nil {
		invariants(t, got)
	}
}

func resolve(raw, base string) (URL, error) {
	if base == "" {
		return Parse(raw)
	}
	b, err := Parse(base)
	if err != nil {
		return URL{}, err
	}
	return b.Resolve(raw)
}

func TestConformanceParse(t *testing.T) {
	type vector struct {
		Input    string
		Base     *string
		Href     string
		Failure  bool
		Earlier  json.RawMessage `json:"earlier_standard"`
		Relative string          `json:"relativeTo"`
	}
	for _, file := range []string{"wpt_resolve", "rfc3986_5_4", "resolve_crawler_commons"} {
		ran, skipped := 0, map[string]int{}
		for _, c := range conformance.Load[vector](t, "urls/"+file+".json") {
			base, href := "", c.Href
			if c.Base != nil {
				base = *c.Base
			}
			switch {
			case base != "" && !strings.HasPrefix(base, "http"):
				skipped["base is no web page: Parse must agree or refuse"]++
				if _, ok := web(t, href); !ok {
					href = ""
				}
				if _, err := Parse(c.Input); err == nil || href != "" {
					check(t, c.Input, "", href)
				}
				continue
			case string(c.Earlier) == "null":
				if _, err := resolve(c.Input, base); err == nil {
					check(t, c.Input, base, href)
				}
				skipped["earlier standard refuses"]++
				continue
			case file == "rfc3986_5_4" && href == "http://g":
				href = "http://g/" // as its note says
			}
			check(t, c.Input, base, href)
			ran++
		}
		t.Logf("%s: %d cases, skipped %v", file, ran, skipped)
	}
}

func TestConformanceNormalize(t *testing.T) {
	type vector struct {
		Input   string
		Output  *string
		Whatwg  string `json:"whatwg_href"`
		Class   string
		Profile string
	}
	for _, file := range []string{"crawler_commons", "ia", "norconex", "purell", "urlcanon_whatwg", "w3lib_canonicalize"} {
		ran := map[string]int{}
		for _, c := range conformance.Load[vector](t, "urls/norm_"+file+".json") {
			href := c.Whatwg
			if c.Class != "policy" && c.Output != nil {
				href = *c.Output
			}
			if c.Class == "policy" && href == "" {
				continue // no WHATWG answer is given
			}
			ran[c.Class]++
			check(t, c.Input, "", href)
		}
		t.Logf("%s: %v; policy cases are held to their WHATWG form", file, ran)
	}
}

func TestConformancePathDots(t *testing.T) {
	type vector struct{ Path, Output string }
	for _, c := range conformance.Load[vector](t, "urls/path_dots.json") {
		// urlcanon reads a backslash as a slash, and leaves it; the standard
		// writes a slash.
		want := strings.ReplaceAll(c.Output, `\`, "/")
		check(t, "http://example.com"+c.Path, "", "http://example.com"+want)
	}
}

func TestConformanceIPv4(t *testing.T) {
	type vector struct{ Host, IPv4 string }
	for _, c := range conformance.Load[vector](t, "urls/ipv4_forms.json") {
		href := ""
		if c.IPv4 != "" {
			href = "http://" + c.IPv4 + "/"
		}
		check(t, "http://"+c.Host+"/", "", href)
	}
}

// newerUnicode lists inputs of wpt_idna_v2 left out, with the reason.
var newerUnicode = map[string]string{
	"\U00032b9a9\ua369\u17d3.ss": "U+32B9A is of Unicode 17, golang.org/x/net/idna knows Unicode 15",
	"\U00032b9a9\ua369\u17d3.SS": "U+32B9A is of Unicode 17, golang.org/x/net/idna knows Unicode 15",
}

func TestConformanceHosts(t *testing.T) {
	type vector struct {
		Input, Output string
		Failure       bool
		Earlier       json.RawMessage `json:"earlier_standard"`
		Possible      bool            `json:"invalid_punycode_possible"`
	}
	for _, file := range []string{"wpt_toascii", "wpt_idna_v2"} {
		ran, either, strict := 0, 0, 0
		for _, c := range conformance.Load[vector](t, "urls/"+file+".json") {
			href := "http://" + c.Output + "/"
			if c.Failure || c.Output == "" {
				href = ""
			}
			if reason, ok := newerUnicode[c.Input]; ok {
				t.Logf("%s: %+q skipped: %s", file, c.Input, reason)
				continue
			}
			if string(c.Earlier) == "null" || c.Possible {
				either++
				if _, err := Parse("http://" + c.Input + "/"); err != nil {
					strict++
					continue
				}
			}
			ran++
			check(t, "http://"+c.Input+"/", "", href)
		}
		t.Logf("%s: %d cases; of %d ASCII hosts with bad punycode %d refused", file, ran, either, strict)
	}
}

func TestConformanceLocations(t *testing.T) {
	type vector struct {
		Location, Base string
		Resolved       string
	}
	for _, c := range conformance.Load[vector](t, "redirects/open_redirect_locations.json") {
		check(t, c.Location, c.Base, c.Resolved)
	}
}

func TestConformanceSSRFHosts(t *testing.T) {
	type vector struct {
		URL     string
		Scheme  string
		Host    string `json:"whatwg_host"`
		Verdict string
	}
	for _, c := range conformance.Load[vector](t, "ssrf/urls.json") {
		u, err := Parse(c.URL)
		switch c.Scheme {
		case "http:", "https:":
			if name, _, _ := strings.Cut(u.Host(), ":"); err != nil || u.Host() != c.Host && name != c.Host && "["+u.Hostname()+"]" != c.Host {
				t.Errorf("%q: got %q, %v, want %q", c.URL, u.Host(), err, c.Host)
			}
		default:
			if err == nil {
				t.Errorf("%q: got %s, want a refusal (%s)", c.URL, u, c.Verdict)
			}
		}
	}
}

func TestConformanceRegistrableDomain(t *testing.T) {
	type vector struct {
		Host   string
		Domain string `json:"registrable_domain"`
	}
	for _, c := range conformance.Load[vector](t, "psl/test_psl.json") {
		u, err := Parse("http://" + c.Host + "/")
		if err != nil {
			t.Errorf("%q: %v", c.Host, err)
			continue
		}
		want := c.Domain
		if want != "" {
			want, _ = toASCII(want)
		}
		if got := u.RegistrableDomain(); got != want {
			t.Errorf("%q: got %q, want %q", c.Host, got, want)
		}
	}
}

// TestConformanceQueryCleaner asks of DropParams what w3lib does with a list
// of parameters to keep: the set is then all others of the case.
func TestConformanceQueryCleaner(t *testing.T) {
	type vector struct {
		Input   json.RawMessage
		Args    []json.RawMessage
		Options map[string]bool
		Output  string
	}
	ran := 0
	for _, c := range conformance.Load[vector](t, "urls/w3lib_query_cleaner.json") {
		var input string
		if err := json.Unmarshal(c.Input, &input); err != nil {
			input = "product.html?" // the one case given as bytes
		}
		query, _, _ := strings.Cut(input, "#")
		_, query, _ = strings.Cut(query, "?")
		var names []string
		if len(c.Args) > 0 && json.Unmarshal(c.Args[0], &names) != nil {
			names = []string{strings.Trim(string(c.Args[0]), `"`)}
		}
		drop := names
		if !c.Options["remove"] {
			drop = without(query, names)
		}
		if unique, ok := c.Options["unique"]; !ok && strings.Count("&"+query, "&d=") > 1 || unique {
			t.Logf("%q skipped: w3lib keeps one of equal names by default, DropParams never judges by number", input)
			continue
		}
		set, err := NewParamSet(append(drop, "no-such"))
		if err != nil {
			t.Fatal(err)
		}
		u, want := mustParse(t, "http://a/"+input), mustParse(t, "http://a/"+c.Output)
		if diff := cmp.Diff(want.String(), u.DropParams(set).String()); diff != "" {
			t.Errorf("%q without %q (-want +got):\n%s", input, drop, diff)
		}
		ran++
	}
	t.Logf("%d cases", ran)
}

func without(query string, keep []string) (drop []string) {
next:
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		for _, k := range keep {
			if k == name {
				continue next
			}
		}
		if name != "" {
			drop = append(drop, name)
		}
	}
	return drop
}

func TestConformanceKeys(t *testing.T) {
	type vector struct{ Input string }
	keys := map[string]URL{}
	for _, file := range []string{"wpt_resolve", "wpt_idna_v2", "norm_purell", "norm_urlcanon_whatwg", "norm_w3lib_canonicalize"} {
		for _, c := range conformance.Load[vector](t, "urls/"+file+".json") {
			u, err := Parse(c.Input)
			if file == "wpt_idna_v2" {
				u, err = Parse("http://" + c.Input)
			}
			if err != nil {
				continue
			}
			invariants(t, u)
			if old, ok := keys[string(u.Key())]; ok && old != u {
				t.Errorf("%s and %s have one key %q", old, u, u.Key())
			}
			keys[string(u.Key())] = u
		}
	}
	if len(keys) < 300 {
		t.Errorf("%d keys, want at least 300", len(keys))
	}
	t.Logf("%d keys", len(keys))
}

func TestConformanceDocumentEncoding(t *testing.T) {
	type vector struct {
		Input  string
		Output map[string]string
	}
	skip := map[string]string{
		"iso-2022-jp \u000eA": "golang.org/x/text encodes the shift control, the standard refuses it",
		"iso-2022-jp ‾\\":     "golang.org/x/text has no JIS X 0201 overline",
		"gb18030 \ue5e5":      "golang.org/x/text encodes the private character, the standard does not",
		"shift_jis −":         "golang.org/x/text does not take U+2212 for U+FF0D",
	}
	ran := 0
	for _, c := range conformance.Load[vector](t, "urls/wpt_percent_encoding.json") {
		for label, want := range c.Output {
			if reason, ok := skip[label+" "+c.Input]; ok {
				t.Logf("%+q in %s skipped: %s", c.Input, label, reason)
				continue
			}
			enc, err := htmlindex.Get(label)
			if err != nil {
				t.Fatal(err)
			}
			got, err := mustParse(t, "http://a/").ResolveIn("?"+c.Input, enc)
			if err != nil || got.Query() != want {
				t.Errorf("%q in %s: got %q, %v, want %q", c.Input, label, got.Query(), err, want)
			}
			ran++
		}
	}
	t.Logf("%d cases", ran)
}
