//go:build conformance

package parse

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/net/html/charset"

	"crawl/internal/conformance"
)

func TestConformanceLinkHeader(t *testing.T) {
	type testCase struct {
		Name, Header string
		Links        []struct {
			URL    string
			Params map[string]any
		}
		Error bool
	}
	policy := map[string]string{
		"unfolds header":             "net/http unfolds headers (RFC 9110, 5.5: by a blank)",
		"unfolds hard-folded header": "net/http unfolds headers (RFC 9110, 5.5: by a blank)",
	}
	for _, set := range []string{"linkheader/http_link_header.json", "linkheader/zeno.json"} {
		for _, c := range conformance.Load[testCase](t, set) {
			if skipped(t, policy, c.Name) {
				continue
			}
			if c.Links == nil {
				t.Logf("left out: %s: an error there, here what can be read", c.Name)
				continue
			}
			type pair struct{ url, rel, title string }
			var got, want []pair
			for _, l := range linkHeaders([]string{c.Header}) {
				rels := strings.Fields(l.params["rel"])
				if len(rels) == 0 {
					rels = []string{""}
				}
				for _, rel := range rels {
					got = append(got, pair{l.target, rel, l.params["title"]})
				}
			}
			for _, l := range c.Links {
				rel, _ := l.Params["rel"].(string)
				title, _ := l.Params["title"].(string)
				want = append(want, pair{l.URL, lower(rel), title})
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q: got %q, want %q", c.Name, c.Header, got, want)
			}
		}
	}
}

func TestConformanceSrcset(t *testing.T) {
	type testCase struct{ Srcset, Selected, Note string }
	for _, c := range conformance.Load[testCase](t, "srcset/wpt.json") {
		if strings.Contains(c.Note, "U+0001") && !strings.Contains(c.Srcset, "\x01") {
			t.Logf("left out: %q: the set lost the character that its note names", c.Srcset)
			continue
		}
		var got []string
		srcset(c.Srcset, func(url string) { got = append(got, url) })
		if c.Selected == "" && len(got) > 0 || c.Selected != "" && !slices.Contains(got, c.Selected) {
			t.Errorf("%q: got %q, want %q", c.Srcset, got, c.Selected)
		}
	}
}

func TestConformanceRobotsTag(t *testing.T) {
	type testCase struct {
		Name        string
		Inputs      []struct{ Via, Name, Value string }
		Restrictive bool
		AllOf       []string `json:"all_of"`
		UserAgent   string   `json:"user_agent"`
		Now         int64    `json:"current_time_ms"`
		Result      bool
	}
	n, out := 0, 0
	for _, c := range conformance.Load[testCase](t, "robotstag/robot_directives.json") {
		if !c.Restrictive {
			out++
			continue
		}
		n++
		agent, _, _ := strings.Cut(c.UserAgent, "/")
		p := newParser(address(t, "http://x.example/"), nil, Options{Agent: agent})
		if c.Now > 0 {
			p.now = time.UnixMilli(c.Now)
		}
		for _, in := range c.Inputs {
			if in.Via == "header" {
				p.robotsTag(in.Value)
			} else {
				p.property(lower(in.Name), in.Value)
			}
		}
		got := !slices.ContainsFunc(c.AllOf, func(word string) bool { return !inForce(p.doc, word) })
		if got != c.Result {
			t.Errorf("%s: %v as %q: %v is %v", c.Name, c.Inputs, c.UserAgent, c.AllOf, got)
		}
	}
	t.Logf("%d cases; %d left out: there the last directive wins, here the most restrictive", n, out)
}

// inForce tells whether a directive is in force. A page that is not listed has
// nothing else done with it either.
func inForce(d Doc, word string) bool {
	denied := func(word string) bool { return d.NoIndex || slices.Contains(d.Restricted, word) }
	switch word {
	case "all":
		return !d.NoIndex && !d.NoFollow && len(d.Restricted) == 0
	case "none":
		return d.NoIndex && d.NoFollow
	case "nofollow":
		return d.NoFollow
	case "follow":
		return !d.NoFollow
	case "index":
		return !d.NoIndex
	case "nocache":
		return denied("noarchive")
	case "cache":
		return !denied("noarchive")
	}
	if strings.HasPrefix(word, "no") {
		return denied(word)
	}
	return slices.Contains([]string{"archive", "imageindex", "odp", "snippet", "translate"}, word) && !denied("no"+word)
}

func TestConformanceRobotsMeta(t *testing.T) {
	type testCase struct {
		HTML              string
		NoIndex, NoFollow bool
	}
	for _, c := range conformance.Load[testCase](t, "robotstag/nutch_meta.json") {
		d := Parse(address(t, "http://x.example/"), htmlHeader, []byte(c.HTML), Options{})
		if d.NoIndex != c.NoIndex || d.NoFollow != c.NoFollow {
			t.Errorf("%s: %v %v", c.HTML, d.NoIndex, d.NoFollow)
		}
	}
}

func TestConformanceCSS(t *testing.T) {
	type testCase struct {
		Name, CSS     string
		B64           string `json:"css_b64"`
		URLs, Imports []string
		Optional      any
	}
	for _, c := range conformance.Load[testCase](t, "css/zeno.json") {
		urls, imports := []string{}, []string{}
		scanCSS(string(conformance.Bytes(t, c.CSS, c.B64)), func(ref string, isImport bool) bool {
			if isImport {
				imports = append(imports, ref)
			} else {
				urls = append(urls, ref)
			}
			return true
		})
		if !slices.Equal(urls, c.URLs) || !slices.Equal(imports, c.Imports) {
			t.Errorf("%s (optional %v): got %q %q, want %q %q", c.Name, c.Optional, urls, imports, c.URLs, c.Imports)
		}
	}
}

func TestConformanceMIME(t *testing.T) {
	type testCase struct {
		Input    string
		Output   *string
		Encoding *string
	}
	for _, c := range conformance.Load[testCase](t, "contenttype/wpt_mime_types.json") {
		m, ok := parseMIME(isomorphic(c.Input))
		if ok != (c.Output != nil) {
			t.Errorf("%q: parsed %v", c.Input, ok)
			continue
		}
		if ok && serialize(m) != isomorphic(*c.Output) {
			t.Errorf("%q: got %q, want %q", c.Input, serialize(m), *c.Output)
		}
		want := ""
		if c.Encoding != nil {
			_, want = charset.Lookup(*c.Encoding)
		}
		if ok && m.label() != want {
			t.Errorf("%q: encoding %q, want %q", c.Input, m.label(), want)
		}
	}
}

// isomorphic encodes code points below 256 as one byte each, as headers do.
func isomorphic(s string) string {
	var b []byte
	for _, r := range s {
		if r > 0xFF {
			return s
		}
		b = append(b, byte(r))
	}
	return string(b)
}

func serialize(m mediaType) string {
	s := m.essence
	for _, p := range m.params {
		v := p.value
		if !isToken(v) {
			v = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
		}
		s += ";" + p.name + "=" + v
	}
	return s
}

func TestConformanceMIMEMultiple(t *testing.T) {
	type testCase struct {
		Headers  []string
		Encoding *string
		MIME     string `json:"mime_type"`
	}
	for _, c := range conformance.Load[testCase](t, "contenttype/wpt_multiple.json") {
		m := declared(http.Header{"Content-Type": c.Headers})
		want := ""
		if c.Encoding != nil {
			_, want = charset.Lookup(*c.Encoding)
		}
		essence, _, _ := strings.Cut(c.MIME, ";")
		if m.essence != essence || m.label() != want {
			t.Errorf("%q: got %+v, want %q %q", c.Headers, m, c.MIME, want)
		}
	}
}

func TestConformanceCharsetDeclared(t *testing.T) {
	type testCase struct {
		Name, HTML string
		B64        string `json:"html_b64"`
		Body       string `json:"body_b64"`
		Headers    map[string]string
		Encoding   *string
	}
	for _, c := range conformance.Load[testCase](t, "charset/html5lib.json") {
		if c.B64 == "" {
			c.B64 = c.Body
		}
		body := conformance.Bytes(t, c.HTML, c.B64)
		got := bomCharset(body)
		if got == "" {
			got = declaration(body, "html")
		}
		if got == "" {
			got = "windows-1252"
		}
		if _, want := charset.Lookup(*c.Encoding); got != want {
			t.Errorf("%s: %q: got %q, want %q", c.Name, body[:min(len(body), 300)], got, want)
		}
	}
}

func TestConformanceCharsetHeader(t *testing.T) {
	type testCase struct {
		ContentType string `json:"content_type"`
		Encoding    *string
	}
	policy := map[string]string{
		"Content-Type: text/html; charset=ISO-8859-4":                         "a header name in a value is no media type",
		"Content-Type: text/html; charset=\"utf-8\"":                          "a header name in a value is no media type",
		"Content-Type: text/html; charset=utf-8\r\n":                          "a header name in a value is no media type",
		"text/html; charset=\"utf-8":                                          "MIME Sniffing: a quote need not be closed",
		"foo=bar; charset=\"utf-8\"":                                          "MIME Sniffing: no media type, no parameters",
		"text/html; charset=\"utf-8\"x":                                       "MIME Sniffing: what follows the quote is ignored",
		"text/html; charset=\"utf-8\"extra":                                   "MIME Sniffing: what follows the quote is ignored",
		"text/html; foo=\"bar; charset=utf-7;\"; charset=\"\"; charset=utf-8": "MIME Sniffing: the first charset counts",
		"text/html; charset=utf-8, text/plain; charset=utf-16":                "Fetch: the last media type counts",
	}
	for _, c := range conformance.Load[testCase](t, "charset/w3lib_header.json") {
		if skipped(t, policy, c.ContentType) {
			continue
		}
		got := declared(http.Header{"Content-Type": {c.ContentType}}).label()
		if want := pythonName(c.Encoding); got != want {
			t.Errorf("%q: got %q, want %q", c.ContentType, got, want)
		}
	}
}

// pythonName maps a codec name of Python to that of the Encoding standard.
func pythonName(name *string) string {
	if name == nil {
		return ""
	}
	n := strings.Replace(*name, "iso8859", "iso-8859", 1)
	n = strings.Replace(n, "cp125", "windows-125", 1)
	n = strings.Replace(n, "utf-16-", "utf-16", 1)
	n = strings.NewReplacer("big5hkscs", "big5-hkscs", "_", "-").Replace(n)
	_, std := charset.Lookup(n)
	if std == "" {
		return *name
	}
	return std
}

func TestConformanceCharsetDetect(t *testing.T) {
	type testCase struct {
		Name, Encoding string
		Body           string `json:"body_b64"`
		Declared       *string
		Tentative      bool
	}
	// What the detector can do; the sets are beyond it in part (few bytes, late
	// bytes, encodings it does not know).
	for set, least := range map[string]int{"charset/wpt_detection.json": 9, "charset/chardet_corpus.json": 65} {
		right, n := 0, 0
		for _, c := range conformance.Load[testCase](t, set) {
			body := conformance.Bytes(t, "", c.Body)
			p := newParser(address(t, "http://x.example/"), nil, Options{})
			p.doc.Type = "html"
			got, from := p.charset(body, false)
			_, want := charset.Lookup(c.Encoding)
			n++
			have, _ := charset.Lookup(got)
			right8, _ := charset.Lookup(want)
			if bytes.Equal(decodeAll(have, body), decodeAll(right8, body)) {
				right++
			} else {
				t.Logf("%s: got %s (%s), want %s, declared %v", c.Name, got, from, c.Encoding, c.Declared != nil)
			}
		}
		if t.Logf("%s: %d of %d", set, right, n); right < least {
			t.Errorf("%s: %d right, want at least %d", set, right, least)
		}
	}
}

func TestConformanceCharsetDecode(t *testing.T) {
	type testCase struct {
		Name        string
		ContentType *string `json:"content_type"`
		Body        string  `json:"body_b64"`
		Encoding    *string
		Text        *string
		Options     any
	}
	for _, c := range conformance.Load[testCase](t, "charset/w3lib_decode.json") {
		if c.Text == nil {
			if c.Encoding != nil && strings.HasPrefix(*c.Encoding, "utf-32") {
				t.Logf("left out: %s: the Encoding standard knows no UTF-32", c.Name)
			} else if got := bomCharset(conformance.Bytes(t, "", c.Body)); got != pythonName(c.Encoding) {
				t.Errorf("%s: got %q, want %v", c.Name, got, pythonName(c.Encoding))
			}
			continue
		}
		h := http.Header{}
		if c.ContentType != nil {
			h.Set("Content-Type", *c.ContentType)
		}
		p := newParser(address(t, "http://x.example/"), h, Options{})
		p.doc.Type = "html"
		if c.ContentType != nil && strings.Contains(*c.ContentType, "utf-32") || strings.HasPrefix(string(conformance.Bytes(t, "", c.Body)), "\xFF\xFE\x00\x00") ||
			c.Encoding != nil && strings.HasPrefix(*c.Encoding, "utf-32") {
			t.Logf("left out: %s: the Encoding standard knows no UTF-32", c.Name)
			continue
		}
		if c.Encoding != nil && *c.Encoding == "utf-16-be" && p.declared.label() == "utf-16le" && bomCharset(conformance.Bytes(t, "", c.Body)) == "" {
			t.Logf("left out: %s: the label utf-16 means UTF-16LE", c.Name)
			continue
		}
		got := string(p.decode(conformance.Bytes(t, "", c.Body), false))
		if got != *c.Text {
			t.Errorf("%s %v %v: %s from %s: got %q, want %q", c.Name, h, c.Options, p.doc.Charset, p.doc.CharsetFrom, got, *c.Text)
		}
	}
}

// The start tags of html5lib's tokenizer tests, with the attributes that are read.
func TestConformanceTags(t *testing.T) {
	type tag struct {
		Element string
		Attrs   map[string]string
	}
	type testCase struct {
		Name, HTML string
		Tags       []tag
	}
	named := attrByName
	defer func() { attrByName = named }()
	for _, c := range conformance.Load[testCase](t, "html/html5lib_tags.json") {
		// Whatever attributes the case has are read here, on every element.
		names := []string{""}
		for _, tag := range c.Tags {
			for name := range tag.Attrs {
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
		if strings.Contains(strings.Join(names, ""), "\uFFFD") {
			t.Logf("left out: %s: a name that holds NUL is none that is read", c.Name)
			continue
		}
		if len(names) > int(attrCount) || slices.ContainsFunc(names, func(n string) bool { return len(n) > 255 }) {
			t.Errorf("%s: too many names", c.Name)
			continue
		}
		attrByName = newNameTable(names)
		var got []tag
		s := newScanner(c.HTML)
		for k := s.next(); k != endToken; k = s.next() {
			if k != startToken {
				continue
			}
			s.elem = elemA // whose attributes are all read
			s.attributes(s.nameAt.end)
			found := tag{tagName(&s), map[string]string{}}
			for id, name := range names[1:] {
				if v, ok := s.attr(attrID(id + 1)); ok {
					found.Attrs[name] = v
				}
			}
			if len(found.Attrs) > 0 {
				got = append(got, found)
			}
		}
		if diff := cmp.Diff(c.Tags, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %q: %s", c.Name, c.HTML, diff)
		}
	}
}

func TestConformanceSimhash(t *testing.T) {
	type testCase struct {
		Op, A, B string
		Hashes   []string
		Result   any
	}
	number := func(s string) uint64 {
		n, err := strconv.ParseUint(s, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, c := range conformance.Load[testCase](t, "dedup/simhash.json") {
		if c.Op == "distance" {
			if got := distance(number(c.A), number(c.B)); float64(got) != c.Result {
				t.Errorf("%s %s: %d, want %v", c.A, c.B, got, c.Result)
			}
			continue
		}
		var s simhash
		for _, h := range c.Hashes {
			s.add([]uint64{number(h)})
		}
		if got := s.sum(); got != number(c.Result.(string)) {
			t.Errorf("%d features: %x, want %v", len(c.Hashes), got, c.Result)
		}
	}
}

// Whatever a page's texts hold, it comes out as it is, and as UTF-8.
func TestConformanceText(t *testing.T) {
	for _, c := range conformance.Load[struct{ Text string }](t, "text/naughty_strings.json") {
		escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;").Replace(c.Text)
		d := Parse(address(t, "http://x.example/"), htmlHeader, []byte(`<title>`+escaped+`</title><h1>`+escaped+`</h1><meta name=description content="`+escaped+`"><a href=/x>`+escaped+`</a>`), Options{})
		want := strings.ToValidUTF8(collapse(c.Text), "\uFFFD")
		for what, got := range map[string]string{"title": d.Title, "h1": d.H1, "description": d.Description, "anchor": d.Links[0].Text} {
			limited := want
			if what == "anchor" {
				limited = cut(limited, maxAnchorText)
			}
			if got != limited {
				t.Errorf("%s %q: got %q", what, c.Text, got)
			}
		}
	}
}
