package parse

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"crawl/internal/weburl"
)

func TestPlaces(t *testing.T) {
	for _, c := range []struct{ name, html, want string }{
		{"landmarks", `<a href=0></a><header><a href=1></a><nav><a href=2></a></nav><a href=3></a></header><main><a href=4></a><aside><a href=5></a></aside></main><footer><a href=6></a></footer><a href=7></a>`, " header nav header main aside footer "},
		{"header and footer of an article are not the page's", `<article><header><a href=0></a></header><footer><a href=1></a></footer></article><section><header><a href=2></a></header></section><main><header><a href=3></a></header></main><header><a href=4></a></header>`, "   main header"},
		{"roles", `<div role=navigation><div><a href=0></a></div><a href=1></a></div><a href=2></a><div role="main"><a href=3></a></div><div role=Banner><a href=4></a></div><span role=contentinfo><a href=5></a></span><p role=complementary><a href=6></a></p>`, "nav nav  main header footer aside"},
		{"a role goes before the element", `<nav role=main><a href=0></a></nav>`, "main"},
		{"classes and ids", `<div class="x navbar y"><a href=0></a></div><div id=footer><a href=1></a></div><ul class=menu><li><a href=2></a><ul><li><a href=3></a></ul><a href=4></a></ul><div class=navbars><a href=5></a></div><td id=sidebar><a href=6></a>`, "nav footer nav nav nav  aside"},
		{"elements of one name in one another", `<div class=nav><div><div></div><a href=0></a></div><a href=1></a></div><a href=2></a>`, "nav nav "},
		{"an end tag closes what is in it", `<nav><main><a href=0></a></nav><a href=1></a>`, "main "},
		{"end tags of nothing", `</nav></div><nav></main><a href=0></a></nav></nav><a href=1></a>`, "nav "},
		{"templates are not there", `<template><nav></template><a href=0></a>`, ""},
		{"a frame's document is in the place of the frame", `<nav><iframe srcdoc="<main><a href=0></a></main><a href=1></a>"></iframe><a href=2></a></nav><a href=3></a>`, "main nav nav "},
	} {
		t.Run(c.name, func(t *testing.T) {
			var places []string
			for _, l := range page8(t, c.html).Links {
				if l.Element == "a" {
					places = append(places, l.Place)
				}
			}
			if got := strings.Join(places, " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	d := page8(t, strings.Repeat("<main><nav>", 10_000)+"<a href=x>")
	if len(d.Links) != 1 || d.Links[0].Place != "nav" {
		t.Errorf("deep: %+v", d.Links)
	}
}

func TestLinkTextAndPlaceTogether(t *testing.T) {
	d := page8(t, `<nav><a href=/x>Menu</a></nav><main><a href=/x>the   page
		<b>itself</b></a> <a href=/x>again</a><a href=/y><img alt="a  picture"> of <img alt=it></a><a href=/z><p>two</p><p>blocks</p></a></main>`)
	var got []string
	for _, l := range d.Links {
		got = append(got, l.Place+" "+l.URL.Path()+" "+l.Text)
	}
	want := []string{"nav /x Menu", "main /x the page itself", "main /y a picture of it", "main /z two blocks"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	long := page8(t, "<a href=/l>"+strings.Repeat("äöü ", 100)+"</a>").Links[0].Text
	if len(long) > maxAnchorText || !strings.HasPrefix(long, "äöü äöü") || strings.ToValidUTF8(long, "?") != long {
		t.Errorf("a long text: %q", long)
	}
}

func TestWhatAPageSaysOfItself(t *testing.T) {
	d := page8(t, `<html lang=de><title>T</title>
		<link rel=alternate hreflang=en href=/en><link rel=alternate hreflang="x-default" href=/><link rel="alternate" type="application/rss+xml" href=/feed title=F>
		<link rel=alternate type=application/atom+xml href=/feed><link rel=next href=/2><link rel=prev href=/0><link rel=next href=/3>
		<meta property="og:title" content=" A  B "><meta name=twitter:card content=summary><meta property=fb:app_id content=1><meta name=viewport content=x>
		<script type="application/ld+json">{"@context":"https://schema.org","@id":"https://site.example/#id","@type":"Product","url":"https://site.example/p",
			"image":{"@type":"ImageObject","url":"https://site.example/p.png"},"offers":[{"url":"https://site.example/o"},"https://site.example/s"],"q":"https://site.example/?q={x}","n":1}</script>
		<script type=text/javascript>{"url":"https://site.example/no"}</script>
		<h1>One <em>two</em></h1><h2></h2><h3>Three</h3>
		<div itemscope itemtype="https://schema.org/Offer"><span itemprop="name">A <b>B</b></span><meta itemprop=price content=9><a itemprop="url" href=/u>x</a>
		<div itemprop=seller itemscope itemtype=Org><p itemprop="name legalName">Acme<p>none</div><time itemprop=date datetime=2026-01-01>now</time></div>`)
	type facts struct {
		Hreflang, Feeds, Meta, Headings, Items, Found []string
		Next, Prev                                    string
	}
	got := facts{Next: d.Next.Path(), Prev: d.Prev.Path()}
	for _, a := range d.Hreflang {
		got.Hreflang = append(got.Hreflang, a.Lang+" "+a.URL.Path())
	}
	for _, u := range d.Feeds {
		got.Feeds = append(got.Feeds, u.Path())
	}
	for _, m := range d.Meta {
		got.Meta = append(got.Meta, m.Name+"="+m.Value)
	}
	for _, h := range d.Headings {
		got.Headings = append(got.Headings, fmt.Sprint(h.Level, " ", h.Text))
	}
	for _, i := range d.Microdata {
		got.Items = append(got.Items, i.Type+" "+i.Prop+"="+i.Value)
	}
	for _, l := range d.Links {
		if l.Element == "json-ld" {
			got.Found = append(got.Found, fmt.Sprint(l.Attr, " ", l.URL.Path(), " ", l.Asset))
		}
	}
	want := facts{
		Hreflang: []string{"en /en", "x-default /"}, Feeds: []string{"/feed"}, Next: "/2", Prev: "/0",
		Meta: []string{"og:title=A B", "twitter:card=summary", "fb:app_id=1"}, Headings: []string{"1 One two", "3 Three"},
		Items: []string{
			"https://schema.org/Offer name=A B", "https://schema.org/Offer price=9", "https://schema.org/Offer url=http://site.example/u",
			"Org name=Acme", "Org legalName=Acme", "https://schema.org/Offer date=2026-01-01",
		},
		Found: []string{"url /p false", "url /p.png true", "url /o false", "offers /s false"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(d.JSONLD) != 1 || d.H1 != "One two" {
		t.Errorf("JSON-LD %q, h1 %q", d.JSONLD, d.H1)
	}
}

func TestRelationsInHeaders(t *testing.T) {
	d := page8(t, "x", "Link", `</de>; rel=alternate; hreflang=de, </f>; rel=alternate; type="application/rss+xml", </2>; rel=next, </c>; rel=canonical; anchor="/other"`)
	if len(d.Hreflang) != 1 || d.Hreflang[0].Lang != "de" || len(d.Feeds) != 1 || d.Next.Path() != "/2" || !d.Canonical.IsZero() {
		t.Errorf("%+v", d)
	}
}

func mainText(t *testing.T, html string) string {
	t.Helper()
	d := Parse(mustURL(t, here), header("Content-Type", "text/html; charset=utf-8"), []byte(html), Options{Text: true})
	return d.Text
}

func TestMainText(t *testing.T) {
	for _, c := range []struct{ name, html, want string }{
		{"blocks", "<p>one <b>two</b>\n three<p>four<br>five<ul><li>six</ul>", "one two three\nfour\nfive\nsix"},
		{"inside a word nothing parts", "<p>w<b>or</b>d<!-- x -->s</p>", "words"},
		{"main alone", "<nav>n</nav><p>before</p><main><h1>H</h1><p>text</p><nav>in</nav></main><footer>f</footer>", "H\ntext"},
		{"no main: what is in no place and no list of links", "<header>h</header><h2>T</h2><p>prose with <a href=x>one link</a></p><p><a href=a>only</a> <a href=b>links</a></p><footer>f</footer>", "T\nprose with one link"},
		{"nothing but links", "<ul><li><a href=a>one</a><li><a href=b>two</a></ul><footer>f</footer>", "one\ntwo"},
		{"nothing but a place", "<nav>a b</nav>", "a b"},
		{"not to be seen", "<title>t</title><script>s</script><style>s</style><template>t</template><textarea>x</textarea><noscript>seen</noscript>", "seen"},
		{"references", "<p>a&amp;b &lt;c&gt; &copy &notanentity; &#x41;&#66;", "a&b <c> © ¬anentity; AB"},
	} {
		if got := mainText(t, c.html); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if d := page8(t, "<p>text"); d.Text != "" || d.TextHash == [16]byte{} {
		t.Error("without being asked for there is a text, or no hash")
	}
	if got := len(mainText(t, "<p>"+strings.Repeat("word ", maxText/4))); got > maxText || got < maxText-10 {
		t.Errorf("a text of %d bytes", got)
	}
}

func TestTextHash(t *testing.T) {
	hash := func(html string) string { return fmt.Sprintf("%x", page8(t, html).TextHash) }
	same := []string{"<p>one two\n three<p>four", "<div>one   two three</div><div> four</div>", "<nav>other</nav><p>one two three<br>four<footer>x</footer>"}
	for _, html := range same {
		if hash(html) != hash(same[0]) {
			t.Errorf("%q is another text than %q", html, same[0])
		}
	}
	for _, html := range []string{"<p>one two three fou", "<p>one two three Four", "<p>onetwo three four", "<p>one two threefour", "<p>two one three four", "<p>one two three four.", "<p>one two three four äöü"} {
		if hash(html) == hash(same[0]) {
			t.Errorf("%q is the same text as %q", html, same[0])
		}
	}
	if hash("") != hash("<script>x</script>") || hash("") != fmt.Sprintf("%032x", 0) {
		t.Error("no text has a hash")
	}
	// Stored hashes are compared with those of later versions.
	if got := hash(same[0]); got != "a73980d0c08e824aa56dff48adf35553" {
		t.Errorf("the hash has changed to %s: that is a change of the stored format", got)
	}
}

// distance is the number of bits in which two simhashes differ.
func distance(a, b uint64) int { return bits.OnesCount64(a ^ b) }

func TestSimhash(t *testing.T) {
	text := strings.Split(strings.Repeat("the quick brown fox jumps over the lazy dog and runs away from all that it has seen today ", 10), " ")
	for i := range text {
		text[i] += fmt.Sprint(i % 37)
	}
	whole := page8(t, "<p>"+strings.Join(text, " ")).Simhash
	edited := slices.Clone(text)
	edited[50] = "changed"
	other := slices.Clone(text)
	slices.Reverse(other)
	if d := distance(whole, page8(t, "<p>"+strings.Join(edited, "\n")).Simhash); d == 0 || d > 8 {
		t.Errorf("one word changed: %d bits", d)
	}
	if d := distance(whole, page8(t, "<p>"+strings.ToUpper(strings.Join(text, " "))).Simhash); d != 0 {
		t.Errorf("case changed: %d bits", d)
	}
	if d := distance(whole, page8(t, "<p>"+strings.Join(other, " ")).Simhash); d < 12 {
		t.Errorf("another text: %d bits", d)
	}
	if h := page8(t, "<p>two words").Simhash; h != 0 {
		t.Errorf("two words: %x", h)
	}
	// More features than can be counted are left out.
	full := simhash{n: 1<<24 - 3*runsAtOnce}
	for range 3 {
		full.add(make([]uint64, runsAtOnce))
	}
	if full.n != 1<<24-2*runsAtOnce {
		t.Errorf("%d features are counted", full.n)
	}
	// The tree of adders counts as a simple count does.
	for n := range 300 {
		var s simhash
		var counts [64]int
		var features []uint64
		for i := range n {
			h := mix(uint64(i*n+1), mixC) | 1<<(i%3)
			features = append(features, h)
			for b := range counts {
				counts[b] += int(h >> b & 1)
			}
		}
		want := uint64(0)
		for b, c := range counts {
			if 2*c > n {
				want |= 1 << b
			}
		}
		s.add(features[:n/3])
		s.add(features[n/3:])
		if got := s.sum(); got != want {
			t.Fatalf("%d features: %x, want %x", n, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "one": 1, " one  two\n": 2, "it's a well-known 3.14": 4, "- — … | & !": 0, "a\u00A0b": 2, "日本語": 3, "東京 tower": 3, "ひらがな": 4,
		"Привет, мир": 2, "한국어 문장": 2, "naïve café": 2, "x&amp;y": 1, "(a) [b]": 2, "eightlet nineletters 12345678": 3, "ä": 1, "“quoted”": 1, "a—b": 2,
	} {
		if got := page8(t, "<p>"+text).Words; got != want {
			t.Errorf("%q: %d words, want %d", text, got, want)
		}
		if got := page8(t, "<nav>"+text+"</nav><main>x</main>").Words; got != want+1 {
			t.Errorf("%q elsewhere: %d words, want %d", text, got, want+1)
		}
	}
}

// Nothing of a Doc points into the body, or into buffers that are used again.
func TestDocStandsAlone(t *testing.T) {
	html := `<html lang="de-x"><title>Title</title><base href=/b/><meta name=description content="d&amp;esc"><meta name="og:&amp;" content="&amp;v"><meta property=og:x content=y><link rel="alternate foo" hreflang="&lt;en" href="/en?&amp;"><link rel="&amp;odd" href="/&lt;"><iframe srcdoc="<a href=&quot;/in&amp;amp;&quot; rel=&quot;x&amp;amp;&quot;>t</a>"></iframe>
		<h1>head</h1><a rel="odd Rel" href=/x style="background:url(s.png)">text</a><custom style="background:url(t.png)"></custom><a href="weird-scheme:x">y</a>
		<script type=application/ld+json>{"url":"https://a.example/","odd":"https://b.example/"}</script><p itemscope itemtype="t&amp;1"><i itemprop="p&amp;1">v1</i><meta itemprop="q&amp;" content="w&amp;"><a href="odd&amp;scheme:x"></a><div style="&amp;;background:url(u.png)"><img srcset="a 1x, b 2x">`
	body := []byte(html)
	u := mustURL(t, here)
	h := header("Content-Type", "text/html; charset=utf-8")
	first := Parse(u, h, body, Options{Text: true})
	for i := range body {
		body[i] = 'X'
	}
	Parse(u, h, body, Options{})
	for range 10 { // whoever has the buffers now
		Parse(u, h, []byte(strings.Repeat(`<a href="&amp;ZZZZZZZZZZ" title="&amp;ZZZZ">ZZZZZZ</a><h1>ZZZZZ</h1>`, 100)), Options{Text: true})
	}
	again := Parse(u, h, []byte(html), Options{Text: true})
	if diff := cmp.Diff(first, again, cmp.Comparer(func(a, b weburl.URL) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

// A base element counts for what comes before it.
func TestBaseBehindLinks(t *testing.T) {
	d := page8(t, `<p>once</p><h1>H</h1><a href=x>t</a><base href=/b/><base href=/c/><a href=y></a><template><base href=/d/></template>`, "Link", "</n>; rel=next")
	if diff := cmp.Diff([]string{"header Link /n", "a href /b/x", "a href /b/y"}, show(d.Links)); diff != "" {
		t.Error(diff)
	}
	if d.Words != 3 || len(d.Headings) != 1 || d.Links[1].Text != "t" {
		t.Errorf("read twice: %+v", d)
	}
}

// Pages of all kinds on end: what one leaves behind is not seen in the next.
func TestParsersAreUsedAgain(t *testing.T) {
	pages := []string{
		`<a href=/1>one</a><h1>H</h1>`, `<base href=/b/><a href=x>y</a>`, strings.Repeat(`<a href=/q>z</a><main>`, 1000), `x`, ``,
		`<svg><title>t</title><a xlink:href=/s>q</a>`, `<div itemscope itemtype=T><p itemprop=n>open`,
	}
	var links strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&links, "<a href=/%d>%d</a>", i, i)
	}
	pages = append(pages, links.String())
	var want []Doc
	for _, p := range pages {
		parsers = sync.Pool{New: func() any { return emptyParser() }}
		want = append(want, page8(t, p))
	}
	for range 3 {
		for i, p := range pages {
			if diff := cmp.Diff(want[i], page8(t, p), cmp.Comparer(func(a, b weburl.URL) bool { return a == b })); diff != "" {
				t.Fatalf("%.40q: %s", p, diff)
			}
		}
	}
}

// A parser that one page has made large is not kept for the next.
func TestPooledMemory(t *testing.T) {
	for name, html := range map[string]string{
		"text":   strings.Repeat("text ", maxPooled/4),
		"blocks": strings.Repeat("<p>a", maxPooled/16),
	} {
		p := newParser(mustURL(t, here), header("Content-Type", "text/html"), Options{})
		p.html(html)
		if p.memory() == 0 {
			t.Errorf("%s: it took no memory", name)
		}
		p.finish()
		if p = parsers.Get().(*parser); p.memory() > maxPooled {
			t.Errorf("%s: %d MiB are kept", name, p.memory()>>20)
		}
	}
}

// Elements within one another, each a property with the same text, cost no more
// than the limits say.
func TestNestedProperties(t *testing.T) {
	open := strings.Repeat("<span itemprop=p>", defaultDepth)
	one := open + strings.Repeat("text ", 1000) + strings.Repeat("</span>", defaultDepth)
	p := newParser(mustURL(t, here), header("Content-Type", "text/html; charset=utf-8"), Options{Limits: Limits{Time: time.Minute}})
	p.html(strings.Repeat(one, 50))
	if len(p.doc.Microdata) != maxItems || len(p.words) > 2*maxItems*defaultText {
		t.Errorf("%d properties, %d bytes of texts", len(p.doc.Microdata), len(p.words))
	}
	blank := open + "x" + strings.Repeat(" ", 4<<20)
	if d := page8(t, blank); d.Cut != "" || d.Microdata[0].Value != "x" {
		t.Errorf("cut %q, %d properties", d.Cut, len(d.Microdata))
	}
}

// Where SVG and MathML end, and what in them is none of HTML's.
func TestForeignContent(t *testing.T) {
	for _, c := range []struct {
		name, html string
		want       []string
	}{
		{"an end tag of p leaves", `<svg></p><script>"<a href=/bad>"</script><a href=/x>`, []string{"a href /x"}},
		{"an end tag of br leaves", `<svg></br><title>"<a href=/bad>"</title><a href=/x>`, []string{"a href /x"}},
		{"font with a color leaves", `<svg><font color=red><script>"<a href=/bad>"</script><a href=/x>`, []string{"a href /x"}},
		{"font without stays", `<svg><font><style><a href=/y></a></style>`, []string{"a href /y"}},
		{"the end of a block outside leaves", `<div><svg></div><script>x="<a href=/bad>"</script><a href=/x>`, []string{"a href /x"}},
		{"the end of a block that is not there does not", `<svg></div><style><a href=/y></a></style>`, []string{"a href /y"}},
		{"MathML knows no desc", `<math><desc><script><a href=/y></a></script>`, []string{"a href /y"}},
		{"SVG knows no mi", `<svg><mi><style><a href=/y></a></style>`, []string{"a href /y"}},
		{"an annotation of HTML", `<math><annotation-xml encoding="text/html"><style><a href=/bad></style><a href=/x>`, []string{"a href /x"}},
		{"an annotation of nothing", `<math><annotation-xml><style><a href=/y></a></style>`, []string{"a href /y"}},
		{"a template of SVG is no template", `<p>a <svg><template></svg><a href=/x>x</a>`, []string{"a href /x"}},
		{"a base of SVG is none", `<svg><base href="/s/"><link href=/l><form action=/f></svg><a href=1>`, []string{"a href /dir/1"}},
	} {
		if diff := cmp.Diff(c.want, show(page8(t, c.html).Links)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestNULInText(t *testing.T) {
	d := Parse(mustURL(t, here), header("Content-Type", "text/html; charset=utf-8"), []byte("<title>a\x00b</title><h1>c\x00d</h1><a href=x>e\x00f</a>"), Options{Text: true})
	if got := []string{d.Title, d.H1, d.Links[0].Text, d.Text}; !slices.Equal(got, []string{"a\uFFFDb", "cd", "ef", "cd"}) {
		t.Errorf("%q", got)
	}
}

// A limit that is reached is said, whichever it is.
func TestCutIsSaid(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 600) + `"https://a.example/"` + strings.Repeat("}", 600)
	for want, html := range map[string]string{
		"headings":   strings.Repeat("<h2>x</h2>", maxHeadings+1),
		"microdata":  "<div itemscope>" + strings.Repeat("<meta itemprop=a content=b>", maxItems+1),
		"alternates": strings.Repeat("<link rel=alternate hreflang=en href=/x>", maxRelated+1),
		"json-ld":    strings.Repeat("<script type=application/ld+json>1</script>", maxJSONLD+1),
		"depth":      "<script type=application/ld+json>" + deep + "</script>",
		"":           "<h1>x</h1>",
	} {
		if d := page8(t, html); d.Cut != want {
			t.Errorf("%.60q: cut %q, want %q", html, d.Cut, want)
		}
	}
	if d := page8(t, strings.Repeat("<nav><aside>", defaultDepth)); d.Cut != "depth" {
		t.Errorf("places: cut %q", d.Cut)
	}
	if d := page8(t, "<main>"+strings.Repeat("<div>", 2*defaultDepth)+"<a href=x>"); d.Cut != "" || d.Links[0].Place != "main" {
		t.Errorf("blocks that are no places: cut %q, links %+v", d.Cut, d.Links)
	}
}

// What a page repeats, or fills with blanks, is not looked at over and over: each
// of these takes seconds where it is.
func TestLongTokens(t *testing.T) {
	many := strings.Repeat("/a 1x, ", maxCandidates)
	for name, html := range map[string]string{
		"names":      `<div itemscope><meta itemprop="` + strings.Repeat("a ", 500) + `" content="` + strings.Repeat("x  ", 1<<20) + `">`,
		"alt":        `<img srcset="` + many + `" alt="` + strings.Repeat("&amp;", 1<<19) + `">`,
		"blank alt":  `<img srcset="` + many + `" data-srcset="` + many + `" alt="` + strings.Repeat(" ", 4<<20) + `">`,
		"blank text": strings.Repeat("<div itemprop=a>", 511) + "x" + strings.Repeat(" ", 4<<20),
	} {
		began := time.Now()
		d := page8(t, html)
		if d.Cut != "" && d.Cut != "microdata" {
			t.Errorf("%s: cut %q", name, d.Cut)
		}
		t.Logf("%s: %v", name, time.Since(began))
	}
}

// Elements that share an address, each of a name of its own, are found at once.
func TestOneAddressManyElements(t *testing.T) {
	var b strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&b, "<x%d style='a:url(/a)'>", i)
	}
	d := page8(t, b.String())
	if len(d.Links) != 9000 || d.Cut != "" {
		t.Errorf("%d links, cut %q", len(d.Links), d.Cut)
	}
}
