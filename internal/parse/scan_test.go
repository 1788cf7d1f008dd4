package parse

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// theirTokens lists the tags of doc as golang.org/x/net/html reads them, and
// the text between them, of attributes those that are read.
func theirTokens(doc []byte) (out []string) {
	z := html.NewTokenizer(bytes.NewReader(doc))
	text := ""
	flush := func() {
		if text != "" {
			out = append(out, fmt.Sprintf("text %q", text))
		}
		text = ""
	}
	for {
		switch tt := z.Next(); tt {
		case html.ErrorToken:
			flush()
			return out
		case html.TextToken:
			text += string(z.Text())
		case html.EndTagToken:
			flush()
			name, _ := z.TagName()
			out = append(out, "/"+string(name))
		case html.StartTagToken, html.SelfClosingTagToken:
			flush()
			name, more := z.TagName()
			s := string(name)
			e := elem(elemByName.find(nameKey(s), s))
			for more {
				var k, v []byte
				if k, v, more = z.TagAttr(); wantedAttrs[string(k)] && (is(e, reading) || anyTag[k[0]]) {
					s += fmt.Sprintf(" %s=%q", k, v)
				}
			}
			if tt == html.SelfClosingTagToken {
				s += " /"
			}
			out = append(out, s)
			if s, _, _ = strings.Cut(s, " "); s == "noscript" {
				z.NextIsNotRawText()
			}
		}
	}
}

var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

var wantedAttrs = func() map[string]bool {
	set := map[string]bool{}
	for _, name := range attrNames[1:] {
		set[name] = true
	}
	return set
}()

// ourTokens lists the same of the scanner.
func ourTokens(doc []byte) (out []string) {
	s := newScanner(string(doc))
	text := ""
	for {
		t := s.next()
		if t != textToken && text != "" {
			out = append(out, fmt.Sprintf("text %q", text))
			text = ""
		}
		switch t {
		case endToken:
			return out
		case textToken:
			piece, coded := s.written()
			if piece = newlines.Replace(piece); coded {
				piece = decodeText(piece)
			}
			text += piece
		case closeToken:
			out = append(out, "/"+tagName(&s))
		case startToken:
			line := tagName(&s)
			for _, a := range inOrder(&s) {
				line += fmt.Sprintf(" %s=%q", attrNames[a], s.value(a))
			}
			if s.closed {
				line += " /"
			}
			out = append(out, line)
			s.raw = rawOf(s.elem)
		}
	}
}

// inOrder returns the attributes of the tag at hand as they come in it.
func inOrder(s *scanner) (list []attrID) {
	seen := uint64(0)
	rest := s.src[s.nameAt.start-1 : s.pos]
	for i := 1 + len(s.name()); i < len(rest); {
		for i < len(rest) && tagBytes[rest[i]]&blank != 0 {
			i++
		}
		if i >= len(rest) || rest[i] == '>' {
			break
		}
		start := i
		key, end := nameFrom(rest, start, endsAttr)
		id := attrOther
		if is(s.elem, reading) || anyTag[rest[start]] {
			id = attrID(attrByName.find(key, rest[start:end]))
		}
		if _, i = valueAfter(rest, end); i < 0 {
			break
		}
		if id != attrOther && seen&(1<<id) == 0 {
			seen |= 1 << id
			list = append(list, id)
		}
	}
	if seen != s.has {
		panic("the tag was not found again")
	}
	return list
}

func tagName(s *scanner) string {
	return lower(strings.ReplaceAll(s.name(), "\x00", "\uFFFD"))
}

// sameTokens compares both readings of doc.
func sameTokens(t testing.TB, doc []byte) {
	t.Helper()
	ours, theirs := ourTokens(doc), theirTokens(doc)
	for i := range max(len(ours), len(theirs)) {
		a, b := "nothing", "nothing"
		if i < len(ours) {
			a = strings.ReplaceAll(ours[i], `\x00`, "\uFFFD")
		}
		if i < len(theirs) {
			b = strings.ReplaceAll(theirs[i], `\x00`, "\uFFFD")
		}
		if a != b {
			t.Fatalf("token %d is %s, want %s\nof %q", i, a, b, doc[:min(len(doc), 2000)])
		}
	}
}

func TestScanLikeXNet(t *testing.T) {
	for _, doc := range []string{
		"", "x", "<", "</", "</>", "<!", "<!-", "<!-->", "<!--->", "<!---->x", "<!--a--!>x", "<!--a--->x", "<!--a--!-->x", "<!--", "<!--a", "a<!--b-->c",
		"<!doctype html>x", "<!DOCTYPE 'a>b'>x", "<!x>y", "<?php a>b", "<3 a<b", "a < b <c", "</3>x", "</a href='>'>x", "</a/>x", "<a", "<a ", "<a b", "<a b=", "<a b='",
		"<A HREF=X>y</A>", "<a href>", "<a href=>x", "<a href = 'x' >", "<a href='a'rel=\"b\">", "<a href=a/>", "<a href=a / >", "<br/>", "<br / >", "<a/href=x>",
		"<a =href=x>", "<a href=1 HREF=2>", "<a href=x/y?z=1&amp;a=2&copy=3&copy;&copyx&#65;&#x41;&#65x&notit;&not;&amp>", "<a href='&'>", "<a href='&;&#;&#x;&semi;&fjlig;&lt'>",
		"<a href='&NotEqualTilde;&acE;'>", "<a\x00b href=\x00>", "<a href='\r\n\r'>", "<img src=a\nalt=b>",
		"<title>a<b>&amp;</title>x", "<title>a</title x>y", "<title>a</titlex>b</title>c", "<TEXTAREA><a></TextArea/>x", "<title>a", "<title>a</title",
		"<style><a></style>x", "<xmp>&amp;</xmp>", "<iframe><a></iframe>", "<noscript><a href=x></noscript>", "<plaintext><a></plaintext>",
		"<script><a></script>x", "<script><!--<script></script>--></script>x", "<script><!--<script>--></script>x", "<script><!--</script>x", "<script><!--><script></script>x",
		"<script><!--<scriptx></script>x", "<script><!--<script </script>x</script>y", "<script><!-- - -- --->a</script>x", "<script></scriptx></script>y", "<script><!-</script>x",
		"<script><!--<script/></script><script></script></script>x", "<![CDATA[<a>]]>x",
	} {
		sameTokens(t, []byte(doc))
	}
}
