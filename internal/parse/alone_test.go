package parse

import (
	"strings"
	"testing"

	"crawl/internal/weburl"

	"github.com/google/go-cmp/cmp"
)

// Nothing that was read of a body of any kind points into it.
func TestAllKindsStandAlone(t *testing.T) {
	for kind, body := range map[string]string{
		"text/html":           `<html lang=en-x><title>T</title><a href="https://b.example/path?q#f" rel=nofollow>text</a><link rel=canonical href="https://a.example/canon"><link rel=alternate hreflang=fr href="https://a.example/fr"><base href="https://c.example/"><img src="https://b.example/i.png" alt="the alt"><meta http-equiv=refresh content="1;url=https://b.example/r"><form action="https://b.example/form"><meta name=robots content="noarchive,nosnippet">`,
		"text/css":            `@import "https://b.example/other.css"; a{background:url(https://b.example/s.png)} b{background:url('r.png')}`,
		"text/plain":          "some words https://b.example/x\nmore words here",
		"application/rss+xml": `<?xml version="1.0"?><rss><channel><title>Feed</title><link>https://b.example/f</link><item><link>https://b.example/1</link><title>one</title></item></channel></rss>`,
		"application/pdf":     "%PDF-1.4\n1 0 obj <</Title (A title)>> endobj 2 0 obj <</Type /Annot /A <</S /URI /URI (https://b.example/pdf)>>>> endobj trailer <</Info 1 0 R>>",
	} {
		u, h, raw := mustURL(t, here), header("Content-Type", kind+"; charset=utf-8"), []byte(body)
		first := Parse(u, h, raw, Options{Text: true})
		for i := range raw {
			raw[i] = 'X'
		}
		if !strings.HasPrefix(kind, "text/plain") && len(first.Links) == 0 {
			t.Errorf("%s: no links", kind)
		}
		again := Parse(u, h, []byte(body), Options{Text: true})
		if diff := cmp.Diff(first, again, cmp.Comparer(func(a, b weburl.URL) bool { return a == b })); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
	raw := []byte(`<urlset><url><loc>https://b.example/1</loc><lastmod>2026-01-01</lastmod></url></urlset>`)
	text := string(raw)
	first, err := ParseSitemap(mustURL(t, here), raw, SitemapLimits{})
	if err != nil || len(first.Entries) != 1 {
		t.Fatal(first, err)
	}
	clear(raw)
	again, _ := ParseSitemap(mustURL(t, here), []byte(text), SitemapLimits{})
	if diff := cmp.Diff(first, again, cmp.Comparer(func(a, b weburl.URL) bool { return a == b })); diff != "" {
		t.Errorf("sitemap: %s", diff)
	}
}

// Nor does what rules took from one.
func TestFieldsStandAlone(t *testing.T) {
	f, err := CompileFields([]string{
		"a=css:h1", "b=css:a@href", "c=css:p|html", "d=meta:description", "e=jsonld:Product.name", "f=re:sku-(\\d+)", "g=css:b|number", "h=css:i|all",
	})
	if err != nil {
		t.Fatal(err)
	}
	page := `<h1>Head</h1><a href="https://b.example/x">t</a><p>one <u>two</u></p><meta name=description content="said"><b>12.5</b><i>1</i><i>2</i>` +
		`<script type="application/ld+json">{"@type":"Product","name":"Anvil"}</script>sku-123`
	u, h, raw := mustURL(t, here), header("Content-Type", "text/html; charset=utf-8"), []byte(page)
	first := f.Extract(u, h, raw, FieldOptions{Matched: true})
	for i := range raw {
		raw[i] = 'X'
	}
	if diff := cmp.Diff(f.Extract(u, h, []byte(page), FieldOptions{Matched: true}), first); diff != "" {
		t.Error(diff)
	}
	for _, v := range first {
		if len(v.Values) == 0 {
			t.Errorf("%s is empty: %s", v.Name, v.Why)
		}
	}
}
