package parse

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// theirFaults are documents that golang.org/x/net/html reads otherwise than the
// HTML standard has it, which we follow: in a script, after "<!--", a "<" before
// anything but a letter or a slash ends for it what looks like a comment; and
// the value "/" of a second attribute of one name closes the element.
var theirFaults = regexp.MustCompile(`(?is)<script[^a-z].*<!--.*<[^/a-z]|=[^>]*/>`)

// FuzzScan holds our scanner to the tokenizer of golang.org/x/net/html.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		"<a href='x'>y</a>", "<script><!--<script></script>--></script>x", "<title>a</titl></title>", "<!--a--!>x", "<a b=c/><br/>", "<a href=&amp;&copy=1&#x41;>",
		"</a b='>'>", "<![CDATA[x]]>", "<?x>", "<textarea>\r\n&lt</textarea>", "<plaintext><a>", "<iframe><a></iframe><noscript><a>", "<style></styl", "<a\x00=\x00>",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if len(doc) > 1<<16 || theirFaults.Match(doc) {
			return
		}
		sameTokens(t, doc)
	})
}

// FuzzReferences holds the reading of character references to theirs.
func FuzzReferences(f *testing.F) {
	for _, seed := range []string{"&amp;", "&notit;", "&#65x", "&#x;", "&semi;&fjlig;", "&copy=", "&NotEqualTilde;", "&#128;&#xD800;&#x110000;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "<\"\r\x00") {
			return
		}
		sameTokens(t, []byte(s+`<a title="`+s+`">`))
	})
}

func FuzzSrcset(f *testing.F) {
	f.Add("a 1x, b 2x")
	f.Add("a (x, y), data:,x 1w 1h")
	f.Fuzz(func(t *testing.T, s string) {
		srcset(s, func(url string) {
			if url == "" || !strings.Contains(s, url) || strings.ContainsAny(url, space) {
				t.Fatalf("%q holds no %q", s, url)
			}
		})
	})
}

func FuzzCSS(f *testing.F) {
	for _, seed := range []string{"a{b:url(x)}", "@import 'x';", "@layer a;@import url( \"y\\66\" )", "url(\\", "/*", "\\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := 0
		scanCSS(s, func(string, bool) bool { n++; return true })
		if n > len(s) {
			t.Fatalf("%d addresses in %d bytes", n, len(s))
		}
	})
}

// FuzzCharset: whatever is declared, what comes out is UTF-8 and no longer than
// a few times the body.
func FuzzCharset(f *testing.F) {
	f.Add("text/html; charset=shift_jis", []byte("\x83\x65"))
	f.Add("text/html", []byte("<meta charset=utf-16>\xff\xfe"))
	f.Add("text/css", []byte(`@charset "gb2312";`))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		if len(body) > 1<<16 {
			return
		}
		p := newParser(mustURL(t, here), header("Content-Type", contentType), Options{})
		for _, p.doc.Type = range []string{"html", "css", "feed"} {
			out := p.decode(body, p.doc.Type == "feed")
			if !utf8.Valid(out) || len(out) > 4*len(body)+16 {
				t.Fatalf("%q as %s: %d bytes from %d", contentType, p.doc.Charset, len(out), len(body))
			}
		}
	})
}

// FuzzPage: a document and its copy in another buffer read alike, and nothing
// of what is read is longer than the limits.
func FuzzPage(f *testing.F) {
	f.Add([]byte("<main><a href=x>y</a><h1>z</h1><p itemprop=a>b<script type=application/ld+json>{\"url\":\"http://a.b\"}</script>"))
	f.Add([]byte("<svg><a xlink:href=x><title>t</svg><iframe srcdoc='<a href=y>'><base href=//b>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 1<<16 {
			return
		}
		h := header("Content-Type", "text/html; charset=utf-8")
		d := Parse(mustURL(t, here), h, body, Options{Text: true})
		copied := Parse(mustURL(t, here), h, bytes.Clone(body), Options{})
		if len(d.Links) != len(copied.Links) || d.TextHash != copied.TextHash || d.Words != copied.Words || d.Simhash != copied.Simhash {
			t.Fatalf("%q reads in two ways", body)
		}
		for _, l := range d.Links {
			if l.URL.IsZero() || len(l.Text) > maxAnchorText || !utf8.ValidString(l.Text) || l.Element == "" {
				t.Fatalf("%q: %+v", body, l)
			}
		}
		if !utf8.ValidString(d.Title+d.Text+d.H1+d.Description) || len(d.Title) > defaultText {
			t.Fatalf("%q: %+v", body, d)
		}
	})
}
