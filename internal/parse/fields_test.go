package parse

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/cascadia"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"crawl/internal/weburl"
)

// one applies a rule, "f=" in front of it, to a page.
func one(t *testing.T, rule, page string) FieldValue {
	t.Helper()
	f, err := CompileFields([]string{"f=" + rule})
	if err != nil {
		t.Fatalf("%s: %v", rule, err)
	}
	base, err := weburl.Parse("https://shop.example/a/b")
	if err != nil {
		t.Fatal(err)
	}
	return f.Extract(base, http.Header{"Content-Type": {"text/html; charset=utf-8"}}, []byte(page), FieldOptions{Time: time.Minute})[0]
}

const shop = `<!doctype html><title>Anvil</title><base href="/root/">
<meta name=Author content=Ann><meta property="og:image" content=/a.png><meta property="og:image" content="/b.png"><meta name=empty content="  "><meta name=price content="1.234">
<script type="application/ld+json">{"@context":"https://schema.org","@graph":[
 {"@type":"WebPage","mainEntity":{"@type":"Thing","name":"inner"}},
 {"@type":["Product","schema:Vehicle"],"name":"Anvil","sku":17,"inStock":true,"none":null,"weight":{"@value":"10","@type":"kg"},
  "offers":[{"@type":"Offer","price":61.50,"seller":{"name":"A"}},{"@type":"Offer","price":"62.00","seller":{"name":"B"}}]}]}</script>
<script type="application/ld+json; charset=utf-8"><!-- {"@type":"https://schema.org/Organization","name":"Acme","tags":["x",["y"]]} --></script>
<body><h1 class=t> An <b>anvil</b>
 of iron </h1><p class=price>€ 1.234,56</p><p class=price>poa</p><p class=old></p>
<ul class=n><li>1<li>2<li>3</ul><a class=buy href=cart?id=1 data-x="a|b@c">Buy</a><a class=buy href=mailto:a@b.example>Mail</a>
<noscript><i class=ns>plain</i></noscript><template><i class=tp>inert</i></template></body>`

func TestFieldRules(t *testing.T) {
	for _, tt := range []struct {
		rule  string
		state string
		want  []string
	}{
		{"css:h1", FieldFilled, []string{" An anvil\n of iron "}},
		{"css:h1|trim", FieldFilled, []string{"An anvil of iron"}},
		{"css:h1 b|html", FieldFilled, []string{"anvil"}},
		{"css:.t|html|trim", FieldFilled, []string{"An <b>anvil</b> of iron"}},
		{"css:.price", FieldFilled, []string{"€ 1.234,56"}},
		{"css:.price|number", FieldFilled, []string{"1234.56"}},
		{"css:.price|number|all", FieldFailed, nil},
		{"css:.old", FieldEmpty, nil},
		{"css:.absent", FieldEmpty, nil},
		{"css:li|all|number", FieldFilled, []string{"1", "2", "3"}},
		{"css:li:nth-child(2n + 1)|all", FieldFilled, []string{"1", "3"}},
		{"css:.buy@href", FieldFilled, []string{"https://shop.example/root/cart?id=1"}},
		{"css: a[href^='mailto:'] @ HREF ", FieldFilled, []string{"mailto:a@b.example"}},
		{`css:[data-x="a|b@c"]@data-x|all`, FieldFilled, []string{"a|b@c"}},
		{"css:a@title", FieldEmpty, nil},
		{"css:.ns", FieldFilled, []string{"plain"}},
		{"css:.tp", FieldEmpty, nil},
		{"css:h2, title", FieldFilled, []string{"Anvil"}},
		{"jsonld:Product.name", FieldFilled, []string{"Anvil"}},
		{"jsonld:Product.sku", FieldFilled, []string{"17"}},
		{"jsonld:Product.inStock", FieldFilled, []string{"true"}},
		{"jsonld:Product.none", FieldEmpty, nil},
		{"jsonld:Product.weight|number", FieldFilled, []string{"10"}},
		{"jsonld:Product.offers.price", FieldFilled, []string{"61.50"}},
		{"jsonld:Product.offers.price|number|all", FieldFilled, []string{"61.50", "62.00"}},
		{"jsonld:Product.offers.seller.name|all", FieldFilled, []string{"A", "B"}},
		{"jsonld:Vehicle.offers.seller", FieldFilled, []string{`{"name":"A"}`}},
		{"jsonld:Organization.tags|all", FieldFilled, []string{"x", "y"}},
		{"jsonld:Thing.name", FieldFilled, []string{"inner"}},
		{"jsonld:Offer.@type", FieldFilled, []string{"Offer"}},
		{"jsonld:Recipe.name", FieldEmpty, nil},
		{"meta:author", FieldFilled, []string{"Ann"}},
		{"meta:OG:image|all", FieldFilled, []string{"/a.png", "/b.png"}},
		{"meta:og:image", FieldFilled, []string{"/a.png"}},
		{"meta:price|number", FieldFilled, []string{"1.234"}},
		{"meta:empty", FieldEmpty, nil},
		{"re:<h1[^>]*>([^<]+)", FieldFilled, []string{" An "}},
		{"re:€ [0-9.,]+", FieldFilled, []string{"€ 1.234,56"}},
		{"re|number|all:<li>(\\d)", FieldFilled, []string{"1", "2", "3"}},
		{"re:xyz|poa", FieldFilled, []string{"poa"}},
		{"re:(a)?nvil", FieldEmpty, nil}, // of Anvil, where the group has no part
	} {
		v := one(t, tt.rule, shop)
		if v.State != tt.state || !slices.Equal(v.Values, tt.want) {
			t.Errorf("%s: %s %q (%s), want %s %q", tt.rule, v.State, v.Values, v.Why, tt.state, tt.want)
		}
		if (v.State == FieldFailed) != (v.Why != "") {
			t.Errorf("%s: %s because %q", tt.rule, v.State, v.Why)
		}
	}
}

func TestFieldFailures(t *testing.T) {
	deep := strings.Repeat("<div>", 600) + `<p class=p>x</p><meta name=m content=y><script type=application/ld+json>{"@type":"T","n":"z"}</script>`
	for _, tt := range []struct{ name, rule, page, state, words string }{
		{"deep page", "css:.p", deep, FieldFailed, "512 elements"},
		{"deep page, meta", "meta:m", deep, FieldFilled, ""},
		{"deep page, JSON-LD", "jsonld:T.n", deep, FieldFilled, ""},
		{"deep page, pattern", "re:class=p>(.)", deep, FieldFilled, ""},
		{"no JSON", "jsonld:T.n", `<script type=application/ld+json>{"@type":"T",}</script>`, FieldFailed, "no JSON"},
		{"two JSON", "jsonld:T.n", `<script type=application/ld+json>{}{}</script>`, FieldFailed, "something follows"},
		{"one script of two", "jsonld:T.n", `<script type=application/ld+json>x</script><script type=application/ld+json>{"@type":"T","n":"z"}</script>`, FieldFilled, ""},
		{"a word", "css:p|number", "<p>sold out", FieldFailed, `"sold out" is no number: there is no number`},
		{"two numbers", "css:p|number", "<p>10-20 €", FieldFailed, "more than one"},
		{"many", "css:i|all", strings.Repeat("<i>1</i>", 101), FieldFilled, "cut: more than 100 values"},
		{"just enough", "css:i|all", strings.Repeat("<i>1</i>", 100), FieldFilled, ""},
		{"many matches", "re|all:a", strings.Repeat("a", 101), FieldFilled, "cut: more than 100 values"},
		{"long text", "css:p", "<p>" + strings.Repeat("ü", MaxFieldValue), FieldFilled, "cut: a value is longer than 64 KiB"},
		{"long markup", "css:p|html", "<p><b>" + strings.Repeat("ü", MaxFieldValue), FieldFilled, "cut: a value is longer than 64 KiB"},
		{"long in all", "css:p|all", strings.Repeat("<p>"+strings.Repeat("a", MaxFieldValue)+"</p>", 20), FieldFilled, "larger than 1 MiB"},
		{"costly pattern", "re:" + strings.Repeat("(a|b)*x", 100), strings.Repeat("ab", 1<<20), FieldEmpty, "cut: a pattern of that cost"},
	} {
		v := one(t, tt.rule, tt.page)
		if v.State != tt.state || !strings.Contains(v.Why, tt.words) || (tt.words == "") != (v.Why == "") {
			t.Errorf("%s: %s because %q, want %s because %q", tt.name, v.State, v.Why, tt.state, tt.words)
		}
		size := 0
		for _, text := range v.Values {
			if size += len(text); len(text) > MaxFieldValue || size > maxFieldBytes {
				t.Errorf("%s: %d bytes of a value, %d of all", tt.name, len(text), size)
			}
		}
	}
}

// TestFieldsTime has selectors that a page can make expensive.
func TestFieldsTime(t *testing.T) {
	page := []byte(strings.Repeat("<div class='b c d'>", 500) + strings.Repeat("<p></p>", 200_000))
	for _, rule := range []string{"css:.a .b .c .d .b .c .d p", "css:p:nth-child(3n):not(.b .c .d .x)", "css:div:has(.b .x)"} {
		f, err := CompileFields([]string{"f=" + rule})
		if err != nil {
			t.Fatal(err)
		}
		v := f.Extract(weburl.URL{}, http.Header{}, page, FieldOptions{Time: 50 * time.Millisecond})[0]
		if v.State == FieldFilled {
			t.Errorf("%s: %v", rule, v)
		}
	}
}

func TestFieldsDecode(t *testing.T) {
	page := []byte("<meta charset=shift_jis><meta name=k content=\"\x93\xfa\x96\x7b\"><p>\x93\xfa\x96\x7b</p>")
	f, err := CompileFields([]string{"a=css:p", "b=meta:k", "c=re:<p>(.*)</p>"})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range f.Extract(weburl.URL{}, http.Header{"Content-Type": {"text/html"}}, page, FieldOptions{}) {
		if !slices.Equal(v.Values, []string{"日本"}) {
			t.Errorf("%s: %q", v.Name, v.Values)
		}
	}
	if got := string(Decode(http.Header{"Content-Type": {"text/html"}}, page)); !strings.HasSuffix(got, "<p>日本</p>") {
		t.Errorf("text %q", got)
	}
}

func TestFieldsMatched(t *testing.T) {
	f, err := CompileFields([]string{"a=css:p|all", "b=meta:x"})
	if err != nil {
		t.Fatal(err)
	}
	page := "<p class=x>1</p><p></p><p>" + strings.Repeat("a", 3000)
	got := f.Extract(weburl.URL{}, http.Header{}, []byte(page), FieldOptions{Matched: true})
	want := []string{`<p class="x">1</p>`, "<p>" + strings.Repeat("a", maxMatched-3)}
	if diff := cmp.Diff(want, got[0].Matched); diff != "" || got[1].Matched != nil {
		t.Errorf("%s %q", diff, got[1].Matched)
	}
}

func TestCompileFieldsRefuses(t *testing.T) {
	for rule, words := range map[string]string{
		"price":                              "is no rule",
		"=css:a":                             "no name of a field",
		"Price=css:a":                        "no name of a field",
		"1a=css:a":                           "no name of a field",
		strings.Repeat("a", 65) + "=css:a":   "no name of a field",
		"a=.price":                           "write name=css:SELECTOR",
		"a=xpath://a":                        "field a:",
		"a=css:":                             "1 to 4096",
		"a=css:" + strings.Repeat("a", 4097): "1 to 4096",
		"a=css:a[":                           "field a: selector",
		"a=css:a::text":                      "selector",
		"a=css:a@b c":                        "no name of an attribute",
		"a=css:a|numbr":                      `"numbr" is no filter`,
		"a=css:a|all|all":                    "there twice",
		"a=css:a|html|number":                "html goes with neither",
		"a=css:a@b|html":                     "html goes with neither",
		"a=css|all:a":                        "stand at the end",
		"a=css:a:not(b c d e f)":             "blanks and tildes",
		"a=css:a:has(b:has(c:has(d)))":       "nest more than",
		"a=css:" + strings.Repeat("a>", 40) + "a": "41 parts",
		"a=meta:a|html":          "css alone",
		"a=jsonld:Product":       "a type alone",
		"a=jsonld:Product..name": "is no path",
		"a=re:(":                 "missing closing )",
		"a=re:(?=a)":             "invalid or unsupported Perl syntax",
		"a=re:" + strings.Repeat("[a-z]{0,90}", 90): "too costly",
		"a=re:" + strings.Repeat("a", 4097):         "1 to 4096",
	} {
		if _, err := CompileFields([]string{rule}); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%.40s: %v, want %q", rule, err, words)
		}
	}
	if _, err := CompileFields([]string{"a=css:a", "a=css:b"}); err == nil || !strings.Contains(err.Error(), "field a: it is there twice") {
		t.Errorf("twice: %v", err)
	}
	var many []string
	for i := range maxFields + 1 {
		many = append(many, fmt.Sprintf("f%d=css:a", i))
	}
	if _, err := CompileFields(many); err == nil {
		t.Error("no limit on fields")
	}
}

func TestFieldsID(t *testing.T) {
	id := func(rules ...string) string {
		f, err := CompileFields(rules)
		if err != nil {
			t.Fatal(err)
		}
		return f.ID()
	}
	a := id("a=css:p|all|number", "b=meta:x")
	if a == "" || len(a) != 16 || a != id("a=css: p |number|all", "b=meta:x") {
		t.Error("the same rules have different IDs")
	}
	if a == id("b=meta:x", "a=css:p|all|number") || a == id("a=css:p|all", "b=meta:x") || a == id() {
		t.Error("different rules have one ID")
	}
	var none *Fields
	if none.ID() != "" || id() != "" || none.Extract(weburl.URL{}, nil, nil, FieldOptions{}) != nil || none.Names() != nil {
		t.Error("no rules are some")
	}
}

func TestParseNumber(t *testing.T) {
	for text, want := range map[string]string{
		"1.234,56": "1234.56", "1,234.56": "1234.56", "€ 61.00": "61.00", "61,00 €": "61.00", "61": "61", "-5": "-5", "−5,5": "-5.5",
		"1 234,5": "1234.5", "1 234 567": "1234567", "1\u202f234": "1234", "1’234.50 CHF": "1234.50", "1'234.–": "1234", "61.-": "61",
		"$.99": "0.99", ".5": "0.5", "0.125": "0.125", "1.234": "1234", "1,234": "1234", "1234,567": "1234.567", "1.5": "1.5", "12,34,567.8": "1234567.8",
		"1.234.567": "1234567", "1,234,567.89": "1234567.89", "-€ 5": "-5", "€ -5": "-5", "A-5": "5", "15 %": "15", "１２３": "123", "٣٫٥": "3.5",
		"007": "7", "-0": "0", "0": "0", "00.50": "0.50", "Price: 61.00 EUR": "61.00", "approx.5": "5", "\u00a0 61 \n": "61",
	} {
		if got, err := parseNumber(text, false); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{"1.234": "1.234", "-0.5": "-0.5", "1.234 €": "1234", "1,234": "1234"} {
		if got, err := parseNumber(text, true); err != nil || got != want {
			t.Errorf("plain %q: %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "poa", "-", ".", "10-20", "10–20 €", "12:30", "3.5.2026", "1.2.3", "61 00", "1.23.456", "1,2,3", "1e5", "was 79.00 now 61.00", strings.Repeat("1", 65)} {
		if got, err := parseNumber(text, false); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestSelectorAsLibrary holds the way selectors are followed here to that of
// the library.
func TestSelectorAsLibrary(t *testing.T) {
	for _, page := range []string{shop, "<div><p class=a>1<b>x</b></p><p>2</p><div class=a><p>3<i>y</i></p><b></b></div></div><p class=a></p><p></p><b></b>"} {
		root := tree(t, page)
		for _, sel := range []string{
			"p", "*", "div p", "div > p", "p + p", "p ~ b", "div div p, .a > b", ".a ~ p b", "div p + p", "p ~ div > p i", "body *", "html > body div p",
			"p:first-child", "p:not(.a)", "p:not(div .a)", "a , b", "div  >  p\n+ p", "[class]", "ul.n>li:last-child", ":root p", "p:contains(\"3\") i",
		} {
			sameAsLibrary(t, root, sel)
		}
	}
}

func tree(t testing.TB, page string) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// sameAsLibrary holds a selector that we take to the library's reading of it.
func sameAsLibrary(t *testing.T, root *html.Node, sel string) {
	t.Helper()
	group, err := cascadia.ParseGroup(sel)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := compileCSS(sel)
	if err != nil {
		t.Fatal(err)
	}
	got := (&cssFinder{selector: ours, late: func() bool { return false }}).MatchAll(root)
	var want []*html.Node
	for _, n := range cascadia.QueryAll(root, group) {
		if !inert(n) {
			want = append(want, n)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q: %d elements, the library finds %d", sel, len(got), len(want))
	}
}

func inert(n *html.Node) bool {
	for n = n.Parent; n != nil; n = n.Parent {
		if n.Data == "template" {
			return true
		}
	}
	return false
}

func FuzzSelector(f *testing.F) {
	f.Add("div > p ~ .a:not(b c), [x='>'] +b", shop)
	f.Add("a\\ b c", "<p><a><b>")
	f.Fuzz(func(t *testing.T, sel, page string) {
		if len(page) > 1500 || len(sel) > 100 { // deeper pages have no tree
			return
		}
		_, theirs := cascadia.ParseGroup(sel)
		if _, ours := compileCSS(sel); theirs != nil || ours != nil {
			return
		}
		sameAsLibrary(t, tree(t, page), sel)
	})
}

func FuzzParseRule(f *testing.F) {
	for _, s := range []string{"a=css:p@x|all", "a=re|number:(a|b)", "a=jsonld:A.b", "a=meta:x|trim", `a=css:[a="|@"]|html`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRule(text)
		if err != nil {
			return
		}
		again, err := ParseRule(r.String())
		if err != nil || again != r {
			t.Fatalf("%q is read as %+v, written as %q and read as %+v, %v", text, r, r.String(), again, err)
		}
		c, err := CompileFields([]string{text})
		if err != nil {
			return
		}
		c.Extract(weburl.URL{}, http.Header{}, []byte(shop), FieldOptions{Matched: true})
	})
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"1.234,56", "€ -61.00", "1 2", ".5", "1'234.-"} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, text string, plain bool) {
		n, err := parseNumber(text, plain)
		if err != nil {
			return
		}
		if again, ok := machineNumber(n); !ok || again != n {
			t.Fatalf("%q is %q, which is no decimal as written here", text, n)
		}
	})
}
