package parse

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"crawl/internal/weburl"
)

const here = "http://site.example/dir/page"

func mustURL(t testing.TB, s string) weburl.URL {
	t.Helper()
	u, err := weburl.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func page8(t testing.TB, html string, pairs ...string) Doc {
	t.Helper()
	h := header(append(pairs, "Content-Type", "text/html; charset=utf-8")...)
	return Parse(mustURL(t, here), h, []byte(html), Options{Agent: "Crawl"})
}

// show writes a link as "element attr path", with "+" before an asset and "!"
// before nofollow; the address without the origin of the page.
func show(links []Link) (out []string) {
	for _, l := range links {
		s := l.Element + " " + l.Attr + " " + strings.TrimPrefix(l.URL.String(), "http://site.example")
		if l.NoFollow {
			s = "!" + s
		}
		if l.Asset {
			s = "+" + s
		}
		out = append(out, s)
	}
	return out
}

func TestLinksInHTML(t *testing.T) {
	for _, c := range []struct {
		name, html string
		want       []string
	}{
		{"a", `<a href=x>x</a>`, []string{"a href /dir/x"}},
		{"a without a value is the page", `<a href>x</a><a href="#top">y</a>`, []string{"a href /dir/page"}},
		{"a without href", `<a name=x>x</a>`, nil},
		{"area", `<map><area href=/m></map>`, []string{"area href /m"}},
		{"upper case", `<A HREF="/X">`, []string{"a href /X"}},
		{"the first of two attributes counts", `<a href=/1 href=/2>`, []string{"a href /1"}},
		{"white space and newlines in a value", "<a href=' \n/a\tb\nc '>", []string{"a href /abc"}},
		{"back-slashes", `<a href="\x\y">`, []string{"a href /x/y"}},
		{"references", `<a href="/?a=1&amp;b=2&copy=3&lt;&#x41;&notit;">`, []string{"a href /?a=1&b=2&copy=3%3CA&notit;"}},
		{"NUL", "<a href='/a\x00b'>", []string{"a href /a%EF%BF%BDb"}},
		{"an element once", `<a href=/x>1</a><a href=/x#f>2</a><area href=/x>`, []string{"a href /x", "area href /x"}},
		{"nofollow", `<a rel="External NOFOLLOW" href=/x><a rel=ugc href=/y>`, []string{"!a href /x", "a href /y"}},
		{"nofollow only if all say so", `<a rel=nofollow href=/x><a href=/x>`, []string{"a href /x"}},
		{
			"link rel", `<link rel="Stylesheet" href=s><link rel=canonical href=/c><link rel="shortcut icon" href=i>
			<link rel=alternate href=/de><link rel="alternate stylesheet" href=t><link rel=next href=/n><link href=/bare>`,
			[]string{"+link href /dir/s", "link href /c", "+link href /dir/i", "link href /de", "+link href /dir/t", "link href /n", "link href /bare"},
		},
		{"hints and services", `<link rel=preconnect href=//cdn.example><link rel=pingback href=/xmlrpc><link rel=stylesheet href="">`, nil},
		{
			"preload", `<link rel=preload as=image href=p imagesrcset="q 1x, r 2x"><link rel=prefetch href=/f><link rel=prefetch as=script href=g>`,
			[]string{"+link href /dir/p", "+link imagesrcset /dir/q", "+link imagesrcset /dir/r", "link href /f", "+link href /dir/g"},
		},
		{
			"img", `<img src=a srcset="b 1x, c 2x" data-src=d data-srcset="e 5w"><img src=""><img src="#x">`,
			[]string{"+img src /dir/a", "+img srcset /dir/b", "+img srcset /dir/c", "+img data-src /dir/d", "+img data-srcset /dir/e"},
		},
		{"picture", `<picture><source srcset="w.webp"><img src=a></picture>`, []string{"+source srcset /dir/w.webp", "+img src /dir/a"}},
		{
			"media", `<video src=v poster=p><source src=s><track src=t></video><audio src=au></audio>`,
			[]string{"+video src /dir/v", "+video poster /dir/p", "+source src /dir/s", "+track src /dir/t", "+audio src /dir/au"},
		},
		{"frames", `<iframe src=/i></iframe><frameset><frame src=/f></frameset><iframe src="">`, []string{"iframe src /i", "frame src /f"}},
		{"plug-ins", `<object data=o></object><embed src=e>`, []string{"+object data /dir/o", "+embed src /dir/e"}},
		{"input", `<input type=IMAGE src=i><input src=no>`, []string{"+input src /dir/i"}},
		{"forms that ask", `<form action=/s><form method=GET action=/g><form method=post action=/t><form method=dialog action=/u>`, []string{"form action /s", "form action /g"}},
		{"meta refresh", `<meta http-equiv=Refresh content="0; URL='/r'"><meta http-equiv=refresh content=5>`, []string{"meta refresh /r"}},
		{"refresh to itself", `<meta http-equiv=refresh content="1; url=page#x">`, nil},
		{
			"pictures in meta", `<meta property=og:image content=o><meta name=twitter:image content=t><meta property=og:url content=u>`,
			[]string{"+meta og:image /dir/o", "+meta twitter:image /dir/t"},
		},
		{
			"style", `<style>@import "i"; a{background:url(u)}</style><p style="background:url('s')">`,
			[]string{"+style import /dir/i", "+style url /dir/u", "+p style /dir/s"},
		},
		{"script", `<script src=j></script>`, []string{"+script src /dir/j"}},
		{"no link in comments and raw text", `<!-- <a href=1> --><script>"<a href=2>"</script><textarea><a href=3></textarea>
			<title><a href=4></title><xmp><a href=5></xmp><iframe><a href=6></iframe><style><a href=7></style><noframes><a href=8></noframes>`, nil},
		{"noscript is markup", `<noscript><a href=/n></noscript>`, []string{"a href /n"}},
		{"unclosed script", `<script><a href=1>`, nil},
		{"unclosed comment", `<a href=/0><!-- <a href=1>`, []string{"a href /0"}},
		{"plaintext", `<plaintext><a href=1>`, nil},
		{"template", `<template><a href=1><template></template><a href=2></template><a href=/3>`, []string{"a href /3"}},
		{"shadow root", `<div><template shadowrootmode=open><a href=/s></template></div>`, []string{"a href /s"}},
		{
			"svg", `<svg><a xlink:href=/a><image href=i /><use xlink:href="#u"/><style>a{fill:url(f)}</style><script><a href=/t></a></script></svg>`,
			[]string{"a xlink:href /a", "+image href /dir/i", "+style url /dir/f", "a href /t"},
		},
		{"srcdoc once", `<iframe srcdoc="<a href=/s></a><iframe srcdoc='<a href=/t>'></iframe>"></iframe>`, []string{"a href /s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := page8(t, c.html)
			if diff := cmp.Diff(c.want, show(d.Links)); diff != "" {
				t.Errorf("%s\n(-want +got)\n%s", c.html, diff)
			}
		})
	}
}

func TestBase(t *testing.T) {
	for _, c := range []struct{ name, html, want string }{
		{"before and after", `<img src=a><base href=/b/>`, "http://site.example/b/a"},
		{"relative to the page", `<base href=sub/><a href=a>`, "http://site.example/dir/sub/a"},
		{"the first counts", `<base href=/1/><base href=/2/><a href=a>`, "http://site.example/1/a"},
		{"without href", `<base target=x><base href=/2/><a href=a>`, "http://site.example/2/a"},
		{"data and javascript", `<base href=data:,x><base href="javascript:1"><base href=/3/><a href=a>`, "http://site.example/3/a"},
		{"invalid", `<base href="http://[/"><a href=a>`, "http://site.example/dir/a"},
		{"other host", `<base href=//other.example/><a href=a>`, "http://other.example/a"},
		{"in a comment", `<!--<base href=/c/>--><a href=a>`, "http://site.example/dir/a"},
		{"in noscript", `<noscript><base href=/n/></noscript><a href=a>`, "http://site.example/n/a"},
	} {
		d := page8(t, c.html)
		if len(d.Links) != 1 || d.Links[0].URL.String() != c.want {
			t.Errorf("%s: got %v, want %s", c.name, show(d.Links), c.want)
		}
	}
	if d := page8(t, `<base href=/b/><a href=a>`, "Link", "<x>; rel=next"); d.Links[0].URL.String() != "http://site.example/dir/x" {
		t.Errorf("a Link header is relative to the page, got %v", show(d.Links))
	}
}

func TestText(t *testing.T) {
	long := strings.Repeat("é", 5000)
	for _, c := range []struct {
		name, html string
		get        func(Doc) string
		want       string
	}{
		{"title", "<title>\n a &amp;\t b </title>", func(d Doc) string { return d.Title }, "a & b"},
		{"first title", "<title>a</title><title>b</title>", func(d Doc) string { return d.Title }, "a"},
		{"title of a picture", "<svg><title>no</title></svg><title>yes</title>", func(d Doc) string { return d.Title }, "yes"},
		{"unclosed title", "<title>a<p>b", func(d Doc) string { return d.Title }, "a<p>b"},
		{"title is cut on a rune", "<title>" + long, func(d Doc) string { return d.Title }, strings.Repeat("é", defaultText/2)},
		{"description", "<meta name=Description content=' a  b '><meta name=description content=c>", func(d Doc) string { return d.Description }, "a b"},
		{"h1", "<h1> a <b>b</b>c <img alt=d></h1><h1>no</h1>", func(d Doc) string { return d.H1 }, "a bc d"},
		{"h1 in blocks", "<h1><div>a</div><div>b</div></h1>", func(d Doc) string { return d.H1 }, "a b"},
		{"empty h1", "<h1></h1><h1>b</h1>", func(d Doc) string { return d.H1 }, "b"},
		{"lang", "<html lang=de-AT><meta http-equiv=content-language content=fr>", func(d Doc) string { return d.Lang }, "de-AT"},
		{"lang of meta", "<meta http-equiv=Content-Language content=fr>", func(d Doc) string { return d.Lang }, "fr"},
		{"anchor", "<a href=x> a\n<img alt=b src=i>c<br>d</a>e", func(d Doc) string { return d.Links[0].Text }, "a b c d"},
		{"anchor of the second link to it", "<a href=x></a><a href=x>t</a>", func(d Doc) string { return d.Links[0].Text }, "t"},
		{"anchors do not nest", "<a href=x>a<a href=y>b</a>c</a>", func(d Doc) string { return d.Links[0].Text + "|" + d.Links[1].Text }, "a|b"},
		{"anchor is cut on a rune", "<a href=x>x" + long, func(d Doc) string { return d.Links[0].Text }, "x" + strings.Repeat("é", 127)},
		{"alt", "<img src=x alt=' a  b'>", func(d Doc) string { return d.Links[0].Text }, "a b"},
		{
			"words", "<title>no no</title><p>Don't stop<b>ped</b>, 3.14 e-mail</p><script>no</script>日本<td>x<td>y",
			func(d Doc) string { return fmt.Sprint(d.Words) }, "8",
		},
		{"bytes that are no text", "<title>a\xFFb\xC3</title>", func(d Doc) string { return d.Title }, "a\uFFFDb\uFFFD"},
	} {
		if got := c.get(page8(t, c.html)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if d := page8(t, "<p>x", "Content-Language", "it"); d.Lang != "it" {
		t.Errorf("Content-Language: got %q", d.Lang)
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct {
		name, html, link, want string
		n                      int
	}{
		{"one", `<link rel=canonical href=/c>`, "", "http://site.example/c", 1},
		{"first usable", `<link rel=canonical href=mailto:x><link rel=canonical href=/2><link rel=canonical href=/3>`, "", "http://site.example/2", 3},
		{"header first", `<link rel=canonical href=/c>`, `</h>; rel="canonical"`, "http://site.example/h", 2},
		{"of another page", ``, `</h>; rel=canonical; anchor="/other"`, "", 0},
	} {
		d := page8(t, c.html+"<p>", "Link", c.link)
		if d.Canonical.String() != c.want || d.Canonicals != c.n {
			t.Errorf("%s: got %v, %d", c.name, d.Canonical, d.Canonicals)
		}
	}
}

func TestRefused(t *testing.T) {
	d := page8(t, `<a href=mailto:a@b.c><a href=" JavaScript:x()"><img src="data:image/png;base64,AAAA"><a href=tel:1><a href=ftp://x/>
		<a href="http://[x/"><a href="/`+strings.Repeat("x", 9000)+`"><a href="`+strings.Repeat("y", maxReference+1)+`">
		<form method=post action=/><link rel=preconnect href=/><a href=Weird+Scheme:x>`)
	want := map[string]int{"mailto": 1, "javascript": 1, "data": 1, "tel": 1, "ftp": 1, "invalid": 1, "too long": 2, "form": 1, "rel": 1, "weird+scheme": 1}
	if diff := cmp.Diff(want, d.Refused); diff != "" || len(d.Links) > 0 {
		t.Errorf("%v\n%s", show(d.Links), diff)
	}
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, "<a href=s%d:x>", i)
	}
	d = page8(t, many.String())
	if len(d.Refused) != maxReasons+1 || d.Refused["other"] != 1000-maxReasons {
		t.Errorf("%d reasons, %d others", len(d.Refused), d.Refused["other"])
	}
}

func TestLimits(t *testing.T) {
	var b strings.Builder
	for i := range 50 {
		fmt.Fprintf(&b, "<a href=/%d>", i)
	}
	html := header("Content-Type", "text/html")
	d := Parse(mustURL(t, here), html, []byte(b.String()), Options{Limits: Limits{Links: 20}})
	if len(d.Links) != 20 || d.Refused["too many"] != 30 || d.Cut != "links" {
		t.Errorf("%d links, refused %v, cut %q", len(d.Links), d.Refused, d.Cut)
	}
	d = Parse(mustURL(t, here), html, []byte(b.String()), Options{Limits: Limits{Time: time.Nanosecond}})
	if d.Cut != "time" || len(d.Links) != 0 {
		t.Errorf("cut %q, %d links", d.Cut, len(d.Links))
	}
	deep := "<rss>" + strings.Repeat("<a>", 600)
	d = Parse(mustURL(t, here), nil, []byte(deep), Options{})
	if d.Type != "feed" || d.Cut != "depth" {
		t.Errorf("type %q, cut %q", d.Type, d.Cut)
	}
}

// TestLinear reads what makes careless parsers slow or deep. Each of these is
// far below the limit if time is linear and far above if it is not.
func TestLinear(t *testing.T) {
	const n = 100_000
	for _, c := range []struct{ name, part string }{
		{"open tags", "<div>"},
		{"open svg", "<svg>"},
		{"open anchors", "<a href=x>"},
		{"unclosed meta", "<meta "},
		{"half tags", "<"},
		{"misnested", "<p><b>a<i>"},
		{"attributes", "<a b c=d "},
		{"same attribute", " href=x"},
		{"comments", "<!--"},
		{"ends", "</a>"},
		{"templates", "<template>"},
		{"srcset", "<img srcset='a,b,c(("},
		{"css", "<style>url("},
		{"base", "<base href=data:x>"},
		{"integration points", "<svg><title>"},
	} {
		d := Parse(mustURL(t, here), header("Content-Type", "text/html"), []byte("<a "+strings.Repeat(c.part, n)), Options{Limits: Limits{Time: 20 * time.Second}})
		if d.Cut == "time" {
			t.Errorf("%s: ran out of time", c.name)
		}
	}
}

func TestLinearXML(t *testing.T) {
	const n = 50_000
	for _, part := range []string{"<a/>", "<a>x</a>", "<a b='c' ", "&x;", "<!X>", "<!DOCTYPE x [<!ENTITY a 'b'>]>", "<?x?>", "<![CDATA[", "</a>", "<item><link>", "<a xmlns:x='y'/>", "<"} {
		for _, root := range []string{"<rss>", "<urlset>"} {
			d := Parse(mustURL(t, here), nil, []byte(root+strings.Repeat(part, n)), Options{Limits: Limits{Time: 20 * time.Second}})
			if d.Cut == "time" || d.Type != "feed" && d.Type != "sitemap" {
				t.Errorf("%s%s: type %q, cut %q", root, part, d.Type, d.Cut)
			}
		}
	}
}

func TestOtherTypes(t *testing.T) {
	base := mustURL(t, here)
	css := Parse(base, header("Content-Type", "text/css"), []byte(`@charset "utf-8"; @import 'i.css'; a{b:url( "x\.png" )}`), Options{})
	if diff := cmp.Diff([]string{"+css import /dir/i.css", "+css url /dir/x.png"}, show(css.Links)); diff != "" || css.Type != "css" || css.CharsetFrom != "meta" {
		t.Errorf("css: %+v\n%s", css, diff)
	}
	text := Parse(base, header("Content-Type", "text/plain"), []byte(`<a href=x>two words</a>`), Options{})
	if text.Type != "text" || len(text.Links) > 0 || text.Words == 0 {
		t.Errorf("text: %+v", text)
	}
	bin := Parse(base, header("Content-Type", "text/html"), []byte("\x89PNG\r\n\x1a\n<a href=x>"), Options{})
	if bin.Type != "image" || len(bin.Links) > 0 || bin.MIME != "text/html" || bin.Charset != "" {
		t.Errorf("binary: %+v", bin)
	}
	if d := Parse(weburl.URL{}, nil, nil, Options{}); d.Type != "" || d.Cut != "" {
		t.Errorf("nothing: %+v", d)
	}
	if d := Parse(weburl.URL{}, nil, []byte("<!doctype html><a href=x><a href=http://y.example/>"), Options{}); len(d.Links) != 1 || d.Refused["invalid"] != 1 {
		t.Errorf("without an address: %+v", d)
	}
}

// valid checks what must hold for each document.
func valid(t *testing.T, d Doc, limits Limits) {
	t.Helper()
	limits = limits.withDefaults()
	for _, s := range []string{d.Title, d.Description, d.H1, d.Lang, d.Charset} {
		if !utf8.ValidString(s) || len(s) > limits.Text {
			t.Errorf("text %q", s)
		}
	}
	type key struct {
		url     weburl.URL
		element string
	}
	seen := make(map[key]bool)
	for _, l := range d.Links {
		k := key{l.URL, l.Element}
		if l.URL.IsZero() || seen[k] || len(l.Text) > maxAnchorText || !utf8.ValidString(l.Text) || !utf8.ValidString(l.Rel) {
			t.Errorf("link %+v", l)
		}
		seen[k] = true
	}
	if len(d.Links) > limits.Links || len(d.Refused) > maxReasons+1 || d.Cut == "time" {
		t.Errorf("%d links, %d reasons, cut %q", len(d.Links), len(d.Refused), d.Cut)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"<base href=/b/><a href=x rel=nofollow>t</a><img srcset='a 1x, b 2x'><meta http-equiv=refresh content='0;url=y'>",
		"<style>@import url(x);</style><svg><title>t</title><a xlink:href=y></svg><template><iframe srcdoc='<a href=z>'>",
		"<?xml version='1.0'?><rss xml:base='/b'><channel><link>x</link><item><enclosure url=y></rss>",
		"<!DOCTYPE a [<!ENTITY b 'c'>]><urlset><url><loc>http://x.example/&b;</loc></url>", "\xFE\xFF\x00<\x00a", "@import 'x';a{b:url(\\41 )}",
	} {
		for _, mime := range []string{"text/html", "text/html; charset=shift_jis", "text/css", "application/xml", ""} {
			f.Add(mime, `<x>; rel="canonical next"; a=b, <y>`, "noindex, crawl: nofollow", []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, mime, link, robots string, body []byte) {
		limits := Limits{Time: 20 * time.Second}
		h := header("Content-Type", mime, "Link", link, "X-Robots-Tag", robots, "Refresh", link)
		valid(t, Parse(mustURL(t, here), h, body, Options{Agent: "crawl", Limits: limits}), limits)
	})
}

// benchPage is a page of about 90 KB with 400 links.
func benchPage() []byte {
	var b strings.Builder
	b.WriteString("<!doctype html><html lang=en><head><meta charset=utf-8><title>A page</title><link rel=stylesheet href=/s.css></head><body><h1>News</h1>")
	for i := 0; b.Len() < 90_000; i++ {
		fmt.Fprintf(&b, `<div class="card card-%d" id=c%d><a class="title" href="/news/%d/some-story?id=%d&amp;x=1">Story number %d &amp; more</a>
			<img src="/img/%d.jpg" alt="A picture" loading=lazy><p>Lorem ipsum dolor sit amet, consectetur adipiscing elit.</p></div>`, i, i, i/2, i/2, i, i)
	}
	return []byte(b.String())
}

func BenchmarkParse90KB(b *testing.B) {
	body, base, h := benchPage(), mustURL(b, here), header("Content-Type", "text/html; charset=utf-8")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if d := Parse(base, h, body, Options{}); len(d.Links) < 300 {
			b.Fatal(len(d.Links))
		}
	}
}
