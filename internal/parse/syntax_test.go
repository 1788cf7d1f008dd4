package parse

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSrcset(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{" , ,, ", nil},
		{"a", []string{"a"}},
		{"a, b", []string{"a", "b"}},
		{"a,b", []string{"a,b"}},
		{"a 1x, b 2x", []string{"a", "b"}},
		{"a 100w 50h,b 2x", []string{"a", "b"}},
		{"a 50h", nil},
		{"a 0w", nil},
		{"a -1x, b", []string{"b"}},
		{"a 1x 2x, b 1.5e1x", []string{"b"}},
		{"a +1x", nil},
		{"a 1w 1x", nil},
		{"a (x, y), b", []string{"b"}},
		{"a 1w(x, y), b", []string{"a", "b"}},
		{"data:,x 1x, /w=1,h=2/p 2x", []string{"data:,x", "/w=1,h=2/p"}},
		{"a,, b", []string{"a", "b"}},
		{"a .5x", []string{"a"}},
		{"a 5.x", nil},
	} {
		var got []string
		srcset(c.in, func(u string) { got = append(got, u) })
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: %s", c.in, diff)
		}
	}
	n := 0
	srcset(strings.Repeat("a 1x,", 10_000), func(string) { n++ })
	if n != maxCandidates {
		t.Errorf("%d candidates", n)
	}
}

func TestRefreshTarget(t *testing.T) {
	for _, c := range []struct {
		in, url string
		ok      bool
	}{
		{"", "", false},
		{"x", "", false},
		{"5", "", true},
		{" 5.9 ", "", true},
		{".5", "", true},
		{"5;", "", true},
		{"5x", "", false},
		{"0;url=/a", "/a", true},
		{"0; URL = '/a' b", "/a", true},
		{"0,/a", "/a", true},
		{"0 /a", "/a", true},
		{`0;"/a`, "/a", true},
		{"0;ur=/a", "ur=/a", true},
		{"0;url/a", "url/a", true},
		{"0;url=url=a", "url=a", true},
		{"-1;url=a", "", false},
		{"+1;url=a", "", false},
	} {
		url, ok := refreshTarget(c.in)
		if url != c.url || ok != c.ok {
			t.Errorf("%q: got %q %v", c.in, url, ok)
		}
	}
	d := page8(t, "<p>", "Refresh", "3; url=/r")
	if diff := cmp.Diff([]string{"header Refresh /r"}, show(d.Links)); diff != "" {
		t.Error(diff)
	}
}

func TestLinkHeaders(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{`</a>; rel=next`, []string{"/a next"}},
		{`</a>; REL="Prev Start", <b,c;d>;rel=next`, []string{"/a prev start", "b,c;d next"}},
		{`</a>; title="x, y; z\" <no>"; rel=next,</b>`, []string{"/a next", "/b "}},
		{`</a>; rel=next; rel=prev`, []string{"/a next"}},
		{`</a>;;; rel = next ; crossorigin`, []string{"/a next"}},
		{`junk </a>; rel`, []string{"/a "}},
		{`</a`, nil},
		{"", nil},
	} {
		var got []string
		for _, l := range linkHeaders([]string{c.in}) {
			got = append(got, l.target+" "+l.params["rel"])
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: %s", c.in, diff)
		}
	}
	if n := len(linkHeaders([]string{strings.Repeat("<a>,", 1000)})); n != maxLinkHeaders {
		t.Errorf("%d links", n)
	}
	d := page8(t, "<p>", "Link", `</s>; rel=preload; as=style, </n>; rel="next nofollow"; title=N`)
	if diff := cmp.Diff([]string{"+header Link /s", "!header Link /n"}, show(d.Links)); diff != "" || d.Links[1].Text != "N" {
		t.Errorf("%+v\n%s", d.Links, diff)
	}
}

func TestDirectives(t *testing.T) {
	for _, c := range []struct {
		name, header, meta string
		noindex, nofollow  bool
	}{
		{"none given", "", "", false, false},
		{"header", "NoIndex", "", true, false},
		{"none", "none", "", true, true},
		{"ours", "crawl: noindex, nofollow", "", true, true},
		{"another's", "otherbot: noindex, nofollow", "", false, false},
		{"one's, then ours", "otherbot: noindex, CRAWL: nofollow", "", false, true},
		{"a date is no agent", "unavailable_after: Mon, 25 Jun 2040 15:00:00 GMT, noindex", "", true, false},
		{"allowing changes nothing", "noindex, all, index", "", true, false},
		{"meta", "", "<META NAME=ROBOTS CONTENT='nofollow,noarchive'>", false, true},
		{"meta with blanks", "", "<meta name=robots content='noindex nofollow'>", true, true},
		{"meta for us", "", "<meta name=crawl content=noindex>", true, false},
		{"meta for another", "", "<meta name=googlebot content=none>", false, false},
		{"both", "noindex", "<meta name=robots content='index,nofollow'>", true, true},
	} {
		d := page8(t, c.meta+"<a href=x>", "X-Robots-Tag", c.header)
		if d.NoIndex != c.noindex || d.NoFollow != c.nofollow || d.Links[0].NoFollow != c.nofollow {
			t.Errorf("%s: noindex %v, nofollow %v, link %v", c.name, d.NoIndex, d.NoFollow, d.Links[0].NoFollow)
		}
	}
}

func TestCSS(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string
	}{
		{`a{b:url(x)}`, "x"},
		{`a{b:url( 'x y' )}`, "x y"},
		{`a{b:URL(x) url("y")}`, "x y"},
		{`/* url(no) */a{b:url(x)}`, "x"},
		{`a{content:"url(no)"}`, ""},
		{`a{b:url(x y)} c{d:url(z)}`, "z"},
		{`a{b:u\52l(x\29 y)}`, "x)y"},
		{`a{b:-url(no) xurl(no)}`, ""},
		{"a{b:\"broken\n url(x)}", "x"},
		{`a{b:url(x`, "x"},
		{`a{b:url("x`, "x"},
		{`a{b:url(\`, "\uFFFD"},
		{`@import "i";@import url(j) print;`, "@i @j"},
		{`@layer a;@import "i";@layer b;@import "no";`, "@i"},
		{`a{}@import "no";`, ""},
		{`@import;a{b:"no"}`, ""},
		{`@media x{a{b:url(y)}}`, "y"},
		{`a{b:1url(no) #url(no)}`, ""},
		{`a{b:url(a"b) url(c)}`, "c"},
		{`@font-face{src:local("no"),url(f.woff2) format("woff2")}`, "f.woff2"},
		{"a{b:url(\"x\\\ny\")}", "xy"},
		{`a{b:url(\000000) url(\110000)}`, "\uFFFD \uFFFD"},
	} {
		var got []string
		scanCSS(c.in, func(ref string, isImport bool) bool {
			if isImport {
				ref = "@" + ref
			}
			got = append(got, ref)
			return true
		})
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%q: got %q, want %q", c.in, s, c.want)
		}
	}
}

func TestDeclaredType(t *testing.T) {
	for _, c := range []struct {
		values         []string
		essence, label string
	}{
		{nil, "", ""},
		{[]string{"text/html"}, "text/html", ""},
		{[]string{" Text/HTML ; Charset=UTF8"}, "text/html", "utf-8"},
		{[]string{`text/html; x="a;charset=no"; charset="gb2312"`}, "text/html", "gbk"},
		{[]string{"text/html;charset=unheard-of"}, "text/html", ""},
		{[]string{"text/html; charset=gbk", "text/html"}, "text/html", "gbk"},
		{[]string{"text/html; charset=gbk, text/plain"}, "text/plain", ""},
		{[]string{"nonsense"}, "", ""},
		{[]string{"text/html, nonsense"}, "text/html", ""},
		{[]string{"text/html", "*/*"}, "text/html", ""},
		{[]string{"text/html;charset=;charset=utf-8"}, "text/html", "utf-8"},
		{[]string{`text/html;charset="utf-8`}, "text/html", "utf-8"},
	} {
		m := declared(http.Header{"Content-Type": c.values})
		if m.essence != c.essence || m.label() != c.label {
			t.Errorf("%q: got %q %q", c.values, m.essence, m.label())
		}
	}
}

func TestSniff(t *testing.T) {
	for _, c := range []struct{ name, mime, body, want string }{
		{"empty", "text/html", "", ""},
		{"html", "text/html", "hello", "html"},
		{"xhtml", "application/xhtml+xml", "<x>", "html"},
		{"feed sent as html", "text/html", "<?xml version='1.0'?><rss>", "feed"},
		{"sitemap sent as html", "text/html", " <sitemapindex>", "sitemap"},
		{"page sent as xml", "text/xml", "<!DOCTYPE html><html>", "html"},
		{"feed", "application/xml", "<!-- x --><rdf:RDF>", "feed"},
		{"sitemap with a prefix", "text/xml", "<sm:urlset>", "sitemap"},
		{"xml", "image/svg+xml", "<svg>", "xml"},
		{"markup in plain text", "text/plain", "<!doctype html><a href=x>", "text"},
		{"css", "text/css", "a{}", "css"},
		{"json", "application/ld+json", "{}", "text"},
		{"png sent as html", "text/html", "\x89PNG\r\n\x1a\n", "binary"},
		{"elf sent as text", "text/plain", "\x7fELF\x02", "binary"},
		{"control characters sent as text", "text/plain", "a\x00b", "binary"},
		{"NULs in a page", "text/html", "<p>\x00\x00</p>", "html"},
		{"noise sent as html", "text/html", strings.Repeat("\x00\x01\x02a", 100), "binary"},
		{"pdf", "application/pdf", "%PDF-1.4", "binary"},
		{"picture", "image/png", "<html>", "binary"},
		{"no type, html", "", "\xEF\xBB\xBF\n<!-- c --><p>", "html"},
		{"no type, doctype", "", "<!DOCTYPE HTML>", "html"},
		{"no type, text", "", "hello", "text"},
		{"no type, feed", "", "<feed xmlns='http://www.w3.org/2005/Atom'>", "feed"},
		{"no type, UTF-16", "", "\xFF\xFE<\x00h\x00t\x00m\x00l\x00>\x00", "html"},
		{"no type, xml", "", "<?xml version='1.0'?><x/>", "xml"},
		{"octets, html", "application/octet-stream", "<html>", "html"},
		{"octets, zip", "application/octet-stream", "PK\x03\x04<html>", "binary"},
		{"subset", "", "<!DOCTYPE urlset [<!ENTITY a '<html>'>]><urlset>", "sitemap"},
		{"many blanks", "", strings.Repeat(" ", 20_000) + "<html>", "html"},
	} {
		if got := Sniff(header("Content-Type", c.mime), []byte(c.body)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if got := Sniff(header("Content-Type", "application/octet-stream", "X-Content-Type-Options", "NoSniff"), []byte("<html>")); got != "binary" {
		t.Errorf("nosniff: got %q", got)
	}
	if got := Sniff(header("Content-Type", "text/html", "X-Content-Type-Options", "nosniff"), []byte("<rss>")); got != "html" {
		t.Errorf("nosniff: got %q", got)
	}
}
