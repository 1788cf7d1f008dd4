package parse

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"crawl/internal/weburl"
)

const urlset = `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">`

func zipped(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// shorter drops the checksum of a gzip file and a little before it.
func shorter(s string) string { return s[:len(s)-10] }

// showSitemap writes a sitemap as its kind and the paths of its entries; "!"
// says that it had a fault.
func showSitemap(s Sitemap) string {
	out := s.Kind
	for _, e := range s.Entries {
		out += " " + strings.TrimPrefix(e.URL.String(), "http://site.example")
	}
	if s.Problem != "" {
		out += " !"
	}
	if s.Cut != "" {
		out += " cut:" + s.Cut
	}
	return out
}

func TestParseSitemap(t *testing.T) {
	const a, b = "<url><loc>http://site.example/a</loc></url>", "<url><loc>http://site.example/b</loc></url>"
	for _, c := range []struct{ name, body, want string }{
		{"urlset", urlset + a + b + "</urlset>", "urlset /a /b"},
		{"empty urlset", urlset + "</urlset>", "urlset"},
		{"index", `<sitemapindex><sitemap><loc>http://site.example/1.xml</loc></sitemap></sitemapindex>`, "index /1.xml"},
		{"declaration, mark and blanks", "\xEF\xBB\xBF\n <?xml version='1.1' encoding='UTF-8'?>" + urlset + a + "</urlset>", "urlset /a"},
		{"no namespace", "<urlset>" + a + "</urlset>", "urlset /a"},
		{"wrong namespace", "<urlset xmlns='urn:x'>" + a + "</urlset>", "urlset /a"},
		{"prefix", `<s:urlset xmlns:s="http://www.sitemaps.org/schemas/sitemap/0.9"><s:url><s:loc>http://site.example/a</s:loc></s:url></s:urlset>`, "urlset /a"},
		{"upper case", "<URLSET><URL><LOC>http://site.example/a</LOC></URL></URLSET>", "urlset /a"},
		{"extensions", urlset + "<url><loc>http://site.example/a</loc><image:image><image:loc>http://site.example/i</image:loc><loc>http://site.example/j</loc></image:image></url></urlset>", "urlset /a"},
		{"prefix without a namespace", "<urlset><url><x:loc>http://site.example/i</x:loc><loc>http://site.example/a</loc></url></urlset>", "urlset /a"},
		{"CDATA, blanks, references", "<urlset><url><loc>\n <![CDATA[http://site.example/a?x=1&y]]>&amp;z=2\n</loc></url></urlset>", "urlset /a?x=1&y&z=2"},
		{"bare ampersand", "<urlset><url><loc>http://site.example/?x=1&y=2</loc></url></urlset>", "urlset /?x=1&y=2"},
		{"several in one entry", "<urlset><url><loc>http://site.example/a</loc><loc>http://site.example/b</loc></url></urlset>", "urlset /a /b"},
		{"element in loc", "<urlset><url><loc><url>http://site.example/a</url></loc></url></urlset>", "urlset /a"},
		{"nothing closed", "<urlset><url><loc>http://site.example/a</loc><url><loc>http://site.example/b</loc></urlset>", "urlset /a /b"},
		{"cut off", urlset + a + "<url><loc>http://site.example/b</l", "urlset /a !"},
		{"cut off in an entry", urlset + a + "<url><loc>http://site.example/b</loc>", "urlset /a !"},
		{"fault", urlset + a + "<url><loc>http://site.example/b</loc><<</url>", "urlset /a !"},
		{"forbidden characters", "<urlset>\x01" + a + "\x0c</urlset>", "urlset /a"},
		{"bytes that are no text", "<urlset>\xFF" + a + "</urlset>", "urlset /a"},
		{"latin-1", "<?xml version='1.0' encoding='iso-8859-1'?><urlset><url><loc>http://site.example/\xe9</loc></url></urlset>", "urlset /%C3%A9"},
		{"UTF-16", "\xFF\xFE<\x00u\x00r\x00l\x00s\x00e\x00t\x00/\x00>\x00", "urlset"},
		{"own entities", `<!DOCTYPE urlset [<!ENTITY x "http://site.example/x"><!ENTITY y SYSTEM "file:///y">]><urlset><url><loc>&x;</loc></url><url><loc>http://site.example/&y;</loc></url>` + a + "</urlset>", "urlset /a"},
		{"known entities", "<urlset><url><loc>http://site.example/&eacute;</loc></url></urlset>", "urlset /%C3%A9"},
		{"no scheme", "<urlset><url><loc>www.site.example/a</loc></url><url><loc>site.example/b</loc></url><url><loc>/c</loc></url></urlset>", "urlset http://www.site.example/a /b /c"},
		{"other schemes", "<urlset><url><loc>ftp://x.example/</loc></url><url><loc>mailto:x</loc></url><url><loc>not an address</loc></url></urlset>", "urlset"},
		{"text", "http://site.example/a\r\n\r\nhttps://x.example/\nwww.x.example/b#c\nnonsense\n", "text /a https://x.example/ http://www.x.example/b"},
		{"gzip", zipped(t, urlset+a+"</urlset>"), "urlset /a"},
		{"gzip cut off", shorter(zipped(t, urlset+a+"<url><loc>"+strings.Repeat("x", 1000))), "urlset /a !"},
		{"rss", "<rss><channel><link>http://site.example/</link><image><link>http://site.example/i</link></image><item><link>http://site.example/a</link></item></channel></rss>", "rss / /a"},
		{"rdf", `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><item><link>http://site.example/a</link></item></rdf:RDF>`, "rss /a"},
		{"atom", `<feed xmlns="http://www.w3.org/2005/Atom"><link rel=self href="http://site.example/f"/><entry><link href="http://site.example/a"/><link rel="edit" href="/e"/></entry></feed>`, "atom /a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := ParseSitemap(mustURL(t, "http://site.example/sitemap.xml"), []byte(c.body), SitemapLimits{})
			if err != nil || showSitemap(s) != c.want || s.Index != (s.Kind == "index") {
				t.Errorf("got %q, %v (%s), want %q", showSitemap(s), err, s.Problem, c.want)
			}
		})
	}
}

func TestNoSitemap(t *testing.T) {
	for _, c := range []struct{ name, body, why string }{
		{"page", "<!DOCTYPE html><html><urlset>", "HTML page"},
		{"page without html", "<div>404</div>", "HTML page"},
		{"empty", " \n", "empty"},
		{"binary", "\x89PNG\r\n\x1a\n", "binary"},
		{"other XML", "<?xml version='1.0'?><svg/>", "<svg>"},
		{"text", "this is no sitemap", "text without an address"},
		{"bad gzip", "\x1F\x8B\x08nonsense", "damaged gzip"},
		{"gzip in gzip", zipped(t, zipped(t, "<urlset/>")), "binary"},
	} {
		s, err := ParseSitemap(mustURL(t, here), []byte(c.body), SitemapLimits{})
		if !errors.Is(err, ErrNoSitemap) || !strings.Contains(err.Error(), c.why) || len(s.Entries) > 0 {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

func TestSitemapEntry(t *testing.T) {
	s, err := ParseSitemap(mustURL(t, here), []byte(urlset+`<url><xhtml:link rel="alternate" hreflang="de" href="http://site.example/de"/><xhtml:link rel="next" href="/n"/>
		<loc>http://site.example/a</loc><lastmod> 2024-05-01T10:00:00+02:00 </lastmod><changefreq>Daily</changefreq><priority>0.9</priority></url>
		<url><loc>http://site.example/b</loc><lastmod>yesterday</lastmod><changefreq>often</changefreq><priority>9</priority></url></urlset>`), SitemapLimits{})
	if err != nil {
		t.Fatal(err)
	}
	want := []SitemapEntry{
		{
			URL: mustURL(t, "http://site.example/a"), LastMod: time.Date(2024, 5, 1, 8, 0, 0, 0, time.UTC), LastModText: "2024-05-01T10:00:00+02:00",
			Priority: 0.9, ChangeFreq: "daily", Alternates: []weburl.URL{mustURL(t, "http://site.example/de")},
		},
		{URL: mustURL(t, "http://site.example/b"), LastModText: "yesterday", Priority: 0.5},
	}
	if diff := cmp.Diff(want, s.Entries, cmp.AllowUnexported(weburl.URL{})); diff != "" {
		t.Error(diff)
	}
}

func TestParseDate(t *testing.T) {
	for s, want := range map[string]string{
		"2024": "2024-01-01 00:00:00", "2024-05": "2024-05-01 00:00:00", "2024-05-06": "2024-05-06 00:00:00", "2024-05-06T07:08Z": "2024-05-06 07:08:00",
		"2024-05-06T07:08:09.5-01:00": "2024-05-06 08:08:09", "2024-05-06T07:08:09+0100": "2024-05-06 06:08:09", "2024-05-06 07:08:09": "2024-05-06 07:08:09",
		"Mon, 06 May 2024 07:08:09 +0000": "2024-05-06 07:08:09", "6 May 2024 07:08:09 GMT": "2024-05-06 07:08:09",
		"0000-01-01": "0000-01-01 00:00:00", "9999-12-31": "9999-12-31 00:00:00", "2024-13-01": "", "soon": "", "": "",
	} {
		got := ""
		if d := Date(s); !d.IsZero() {
			got = d.Format(time.DateTime)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

func TestSitemapLimits(t *testing.T) {
	var b strings.Builder
	b.WriteString("<urlset>")
	for i := range 100 {
		fmt.Fprintf(&b, "<url><loc>http://site.example/%d</loc></url>", i)
	}
	whole := b.String() + "</urlset>"
	for _, c := range []struct {
		name, body string
		limits     SitemapLimits
		entries    int
		cut        string
	}{
		{"as many as allowed", whole, SitemapLimits{Entries: 100}, 100, ""},
		{"one more", whole, SitemapLimits{Entries: 99}, 99, "entries"},
		{"bytes", whole, SitemapLimits{Bytes: 100}, 2, "bytes"},
		{"gzip bomb", zipped(t, whole+strings.Repeat(" ", 1<<20)), SitemapLimits{Bytes: 100}, 2, "bytes"},
		{"time", whole, SitemapLimits{Time: time.Nanosecond}, 0, "time"},
		{"depth", "<urlset><url><loc>http://site.example/a</loc></url>" + strings.Repeat("<x>", 600), SitemapLimits{}, 1, "depth"},
		{"text", strings.Repeat("http://site.example/\n", 10), SitemapLimits{Entries: 3}, 3, "entries"},
	} {
		s, err := ParseSitemap(mustURL(t, here), []byte(c.body), c.limits)
		if err != nil || len(s.Entries) != c.entries || s.Cut != c.cut {
			t.Errorf("%s: %d entries, cut %q, %v", c.name, len(s.Entries), s.Cut, err)
		}
	}
	d := Parse(mustURL(t, here), header("Content-Type", "text/xml"), []byte(whole), Options{Limits: Limits{Links: 50}})
	if d.Type != "sitemap" || len(d.Links) != 50 || d.Links[0].Element != "url" || d.Cut != "links" {
		t.Errorf("as a page: %s, %d links, cut %q", d.Type, len(d.Links), d.Cut)
	}
}

func TestEntityBomb(t *testing.T) {
	bomb := `<!DOCTYPE x [<!ENTITY a0 "lol">`
	for i := range 9 {
		bomb += fmt.Sprintf(`<!ENTITY a%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&a%d;", i), 10))
	}
	bomb += `]><urlset><url><loc>http://site.example/&a9;</loc></url><url><loc>http://site.example/b</loc></url></urlset>`
	s, err := ParseSitemap(mustURL(t, here), []byte(bomb), SitemapLimits{})
	if err != nil || showSitemap(s) != "urlset /b" || s.Dropped != 1 {
		t.Errorf("%v: %v, %d dropped", showSitemap(s), err, s.Dropped)
	}
}

func TestSitemapMayName(t *testing.T) {
	lastTwo := func(host string) string {
		labels := strings.Split(host, ".")
		return strings.Join(labels[max(0, len(labels)-2):], ".")
	}
	for _, c := range []struct {
		sitemap, robots, url string
		site                 func(string) string
		want                 bool
	}{
		{"http://a.example/s", "", "https://a.example:8080/x", nil, true},
		{"http://a.example/s", "", "http://b.a.example/x", nil, false},
		{"http://a.example/s", "B.a.example", "http://b.a.example/x", nil, true},
		{"http://a.example/s", "c.example", "http://b.a.example/x", nil, false},
		{"http://a.example/s", "", "http://b.a.example/x", lastTwo, true},
		{"http://cdn.test/s", "a.example", "http://b.a.example/x", lastTwo, true},
	} {
		if got := SitemapMayName(mustURL(t, c.sitemap), []string{c.robots}, mustURL(t, c.url), c.site); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

func TestFeeds(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       []string
	}{
		{
			"rss", `<rss version="2.0"><channel><link>/</link><image><url>logo.png</url><link>/</link></image><item><link> /a </link><guid>http://site.example/g</guid>
			<guid isPermaLink="false">/no</guid><comments>/c</comments><enclosure url="e.mp3" type="audio/mpeg"/></item></channel></rss>`,
			[]string{"link text /", "+url text /dir/logo.png", "link text /a", "guid text /g", "comments text /c", "+enclosure url /dir/e.mp3"},
		},
		{
			"atom", `<feed xmlns="http://www.w3.org/2005/Atom"><icon>i.png</icon><link rel="self" href="f"/><entry><link href="/a"/><link rel="enclosure" href="e"/><content src="c"/></entry></feed>`,
			[]string{"+icon text /dir/i.png", "link href /dir/f", "link href /a", "+link href /dir/e", "+content src /dir/c"},
		},
		{"xml:base", `<feed xml:base="/b/"><entry xml:base="c/"><link href="d"/></entry><link href="e"/></feed>`, []string{"link href /b/c/d", "link href /b/e"}},
		{"media", `<rss xmlns:media="http://search.yahoo.com/mrss/"><channel><item><media:content url="m"/><media:title>no</media:title></item></channel></rss>`, []string{"+media:content url /dir/m"}},
		{"other namespaces", `<rss xmlns:x="urn:x"><channel><x:link>/no</x:link><link>/a</link></channel></rss>`, []string{"link text /a"}},
		{"cut off", `<rss><channel><item><link>/a</link></item><item><link>/b`, []string{"link text /a"}},
		{"markup in text", `<rss><channel><item><description><p>x<br>y</description><link>/a</link></item></channel></rss>`, []string{"link text /a"}},
		{"own entities", `<!DOCTYPE rss [<!ENTITY e "x">]><rss><channel><link>/&e;</link><link>/a</link></channel></rss>`, []string{"link text /a"}},
	} {
		d := Parse(mustURL(t, here), header("Content-Type", "application/rss+xml"), []byte(c.body), Options{})
		if diff := cmp.Diff(c.want, show(d.Links)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		sniffed := Parse(mustURL(t, here), nil, []byte(c.body), Options{})
		sniffed.MIME = d.MIME // which it was not told
		if !cmp.Equal(sniffed, d, cmp.AllowUnexported(weburl.URL{})) {
			t.Errorf("%s: without a declared type it reads otherwise", c.name)
		}
	}
	d := Parse(mustURL(t, here), header("Content-Type", "application/rss+xml"), []byte(`<rss><channel><title> A &amp; B</title><description>D</description><language>de</language><item><title>no</title></item></channel></rss>`), Options{})
	if d.Title != "A & B" || d.Description != "D" || d.Lang != "de" {
		t.Errorf("%+v", d)
	}
}

func FuzzParseSitemap(f *testing.F) {
	for _, s := range []string{
		urlset + "<url><loc>http://x.example/</loc><lastmod>2024</lastmod><xhtml:link rel='alternate' href='/y'/></url></urlset>",
		"<sitemapindex><sitemap><loc>a<loc>b</sitemap>", "http://x.example/\nwww.y.example", "<rss><item><link>/x</link></item></rss>",
		"<feed><entry><link href='/x'/></entry></feed>", "<!DOCTYPE a [<!ENTITY b '&b;'>]><urlset><loc>&b;</loc>", "\xFF\xFE<\x00a\x00", zipped(f, "<urlset><loc>x"),
		"<!DOCTYPE a [<!ENTITY b '&b;c>]><urlset><lo'>&b\xfd\xfd\xfd\xfdoc>",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := ParseSitemap(mustURL(t, here), body, SitemapLimits{Entries: 100, Bytes: 1 << 20, Time: 20 * time.Second})
		if err != nil && !errors.Is(err, ErrNoSitemap) || err == nil && s.Kind == "" && s.Problem == "" && s.Cut == "" {
			t.Errorf("%v: %+v", err, s)
		}
		for _, e := range s.Entries {
			if e.URL.IsZero() || e.Priority < 0 || e.Priority > 1 || len(e.LastModText) > maxLastMod {
				t.Errorf("%+v", e)
			}
		}
		if len(s.Entries) > 100 || s.Cut == "time" {
			t.Errorf("%d entries, cut %q", len(s.Entries), s.Cut)
		}
	})
}
