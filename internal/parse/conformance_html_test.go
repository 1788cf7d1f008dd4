//go:build conformance

package parse

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"crawl/internal/conformance"
	"crawl/internal/weburl"
)

type htmlLink struct {
	Element, Attr, Value string
	Resolved             *string
}

type htmlCase struct {
	Name  string
	HTML  string
	URL   string
	Links []htmlLink
	Title *string
}

// notFollowed are places with an address that a link checker looks at and a
// crawler need not follow, as the set itself says, or that we do not.
var notFollowed = map[string]string{
	"applet codebase": "no file", "object codebase": "no file", "head profile": "a name", "blockquote cite": "no link", "q cite": "no link",
	"img longdesc": "obsolete", "frame longdesc": "obsolete",
}

func TestConformanceHTMLLinks(t *testing.T) {
	for _, set := range []string{"html/broken_link_checker.json", "html/html5lib_href_entities.json", "html/html5lib_tree.json", "links/lychee.json"} {
		for _, c := range conformance.Load[htmlCase](t, set) {
			t.Run(c.Name, func(t *testing.T) { htmlLinks(t, c) })
		}
	}
}

func htmlLinks(t *testing.T, c htmlCase) {
	base := address(t, "http://base.example/dir/page")
	if c.URL != "" {
		base = address(t, c.URL)
	}
	d := Parse(base, htmlHeader, []byte(c.HTML), Options{})
	if c.Title != nil && d.Title != collapse(*c.Title) {
		t.Errorf("title %q, want %q", d.Title, *c.Title)
	}
	for _, l := range c.Links {
		if why, ok := notFollowed[l.Element+" "+l.Attr]; ok {
			t.Logf("left out: %s %s: %s", l.Element, l.Attr, why)
			continue
		}
		value := l.Value
		if l.Resolved != nil && *l.Resolved != "" {
			value = *l.Resolved
		}
		u, err := base.Resolve(value)
		if err != nil {
			t.Logf("left out: %s %s %q: no http address", l.Element, l.Attr, value)
			continue
		}
		if !slices.ContainsFunc(d.Links, func(have Link) bool { return have.URL == u }) {
			t.Errorf("%s %s %s is missing in %v of %q", l.Element, l.Attr, u, d.Links, c.HTML)
		}
	}
}

var htmlHeader = http.Header{"Content-Type": {"text/html; charset=utf-8"}}

func TestConformanceBase(t *testing.T) {
	type testCase struct {
		Name     string
		PageURL  string `json:"page_url"`
		BaseHref string `json:"base_href"`
		Href     string
		Resolved string
	}
	n, out := 0, 0 // left out: the page or the answer is no absolute http address
	for _, c := range conformance.Load[testCase](t, "html/broken_link_checker_base.json") {
		base, _ := weburl.Parse(c.PageURL)
		declared, _ := weburl.Parse(c.BaseHref)
		want, err := weburl.Parse(c.Resolved)
		if base.IsZero() && declared.IsZero() || err != nil {
			out++
			continue
		}
		doc := `<base href="` + c.BaseHref + `"><a href="` + c.Href + `">x</a>`
		d := Parse(base, htmlHeader, []byte(doc), Options{})
		if len(d.Links) != 1 || d.Links[0].URL != want {
			t.Errorf("%s: page %q base %q href %q: got %v, want %s", c.Name, c.PageURL, c.BaseHref, c.Href, d.Links, c.Resolved)
		}
		n++
	}
	t.Logf("%d cases, %d left out: without an absolute http address", n, out)
}

func TestConformanceMetaRefresh(t *testing.T) {
	type testCase struct {
		Content string
		Refresh *struct{ URL *string }
	}
	for _, c := range conformance.Load[testCase](t, "metarefresh/wpt.json") {
		url, ok := refreshTarget(c.Content)
		want := ""
		if c.Refresh != nil && c.Refresh.URL != nil {
			want = *c.Refresh.URL
		}
		if ok != (c.Refresh != nil) || strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(url) != want {
			t.Errorf("%q: got %q %v, want %+v %q", c.Content, url, ok, c.Refresh, want)
		}
	}
}

func TestConformanceMetaRefreshHTML(t *testing.T) {
	type testCase struct {
		HTML       string
		URL        string
		Name       string
		RefreshURL *string `json:"refresh_url"`
		Options    struct {
			IgnoreTags *[]string `json:"ignore_tags"`
		}
	}
	policy := map[string]string{
		`<meta http-equiv="refresh" content="5;url=newpage"`:                                    "standard: a tag that the file ends in is dropped",
		`<!-- commented --><meta http-equiv="refresh" content="3; url=http://example.com/">-->`: "a page that refreshes to itself names no other",
	}
	for _, c := range conformance.Load[testCase](t, "metarefresh/w3lib.json") {
		if skipped(t, policy, c.HTML) {
			continue
		}
		switch {
		case strings.Contains(c.HTML, "\uFFFD"):
			t.Logf("left out: %s: the set lost the byte", c.Name)
			continue
		case c.Name == "test_inside_noscript" && c.Options.IgnoreTags == nil, c.Name == "test_inside_script" && c.Options.IgnoreTags != nil:
			t.Logf("left out: %s: standard: noscript holds markup, script does not", c.Name)
			continue
		}
		d := Parse(address(t, c.URL), htmlHeader, []byte(c.HTML), Options{})
		var got []string
		for _, l := range d.Links {
			if l.Attr == "refresh" {
				got = append(got, l.URL.String())
			}
		}
		want := ""
		if c.RefreshURL != nil {
			if u, err := weburl.Parse(*c.RefreshURL); err == nil {
				want = u.String()
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q: got %v, want %q (%v)", c.Name, c.HTML, got, want, c.Options)
		}
	}
}

type pageCase struct {
	Name     string
	URL      string
	HTML     string
	HTMLB64  string `json:"html_b64"`
	Headers  map[string]string
	Must     []string `json:"must_find"`
	Embedded []string `json:"must_find_embedded"`
	Not      []string `json:"must_not_find"`
	NoFollow []string
	Anchors  any
	Title    *string
	Encoding string
	Exact    bool
	Optional []string
}

func TestConformancePageLinks(t *testing.T) {
	for _, set := range []string{"links/heritrix.json", "links/scrapy.json", "links/zeno_html.json"} {
		for _, c := range conformance.Load[pageCase](t, set) {
			t.Run(c.Name, func(t *testing.T) { pageLinks(t, c) })
		}
	}
}

func pageLinks(t *testing.T, c pageCase) {
	header := http.Header{"Content-Type": {"text/html"}}
	for k, v := range c.Headers {
		header.Set(k, v)
	}
	d := Parse(address(t, c.URL), header, conformance.Bytes(t, c.HTML, c.HTMLB64), Options{})
	var got, nofollow []string
	for _, l := range d.Links {
		got = append(got, l.URL.String())
		if l.NoFollow {
			nofollow = append(nofollow, l.URL.String())
		}
	}
	for _, want := range append(c.Must, c.Embedded...) {
		if u := address(t, want); !slices.Contains(got, u.String()) {
			t.Errorf("%s is missing in %v", u, got)
		}
	}
	for _, not := range c.Not {
		if u, err := weburl.Parse(not); err == nil && slices.Contains(got, u.String()) {
			t.Errorf("%s must not be found", u)
		}
	}
	for _, want := range c.NoFollow {
		if u := address(t, want); !slices.Contains(nofollow, u.String()) {
			t.Errorf("%s must be nofollow", u)
		}
	}
	if c.Exact && len(got) > len(c.Must)+len(c.Optional) {
		t.Errorf("got %v, want exactly %v", got, c.Must)
	}
	if c.Title != nil && d.Title != *c.Title {
		t.Errorf("title %q, want %q", d.Title, *c.Title)
	}
	if c.Encoding != "" && !strings.EqualFold(d.Charset, c.Encoding) {
		t.Errorf("charset %q, want %q", d.Charset, c.Encoding)
	}
}

func TestConformancePages(t *testing.T) {
	type testCase struct {
		File, URL   string
		Headers     map[string]string
		Title       *string
		Lang        *string
		Base        string
		Canonical   *string
		Links       []string
		Images      []string
		Scripts     []string
		Stylesheets []string
		Iframes     []string
	}
	for _, c := range conformance.Load[testCase](t, "pages/readability.json") {
		t.Run(c.File, func(t *testing.T) {
			body, err := os.ReadFile(conformance.Path(t, "pages/"+c.File))
			if err != nil {
				t.Fatal(err)
			}
			header := http.Header{}
			for k, v := range c.Headers {
				header.Set(k, v)
			}
			d := Parse(address(t, c.URL), header, body, Options{})
			if c.Title != nil && d.Title != *c.Title {
				t.Errorf("title %q, want %q", d.Title, *c.Title)
			}
			if c.Lang != nil && d.Lang != *c.Lang {
				t.Errorf("lang %q, want %q", d.Lang, *c.Lang)
			}
			if c.Canonical != nil && d.Canonical != address(t, *c.Canonical) {
				t.Errorf("canonical %q, want %q", d.Canonical, *c.Canonical)
			}
			samePages(t, d, address(t, c.URL), "links", c.Links, true, func(l Link) bool { return l.Attr == "href" && (l.Element == "a" || l.Element == "area") })
			samePages(t, d, address(t, c.URL), "images", c.Images, false, func(l Link) bool { return l.Element == "img" })
			samePages(t, d, address(t, c.URL), "scripts", c.Scripts, true, func(l Link) bool { return l.Element == "script" })
			samePages(t, d, address(t, c.URL), "stylesheets", c.Stylesheets, false, func(l Link) bool {
				return l.Element == "link" && l.Attr == "href" && l.Asset
			})
			samePages(t, d, address(t, c.URL), "iframes", c.Iframes, true, func(l Link) bool { return l.Element == "iframe" && l.Attr == "src" })
		})
	}
}

// samePages compares the links of a kind with those of the set; of pictures we
// may find more.
func samePages(t *testing.T, d Doc, page weburl.URL, what string, want []string, exact bool, of func(Link) bool) {
	t.Helper()
	var got, all []string
	for _, l := range d.Links {
		if of(l) {
			got = append(got, l.URL.String())
		}
	}
	for _, w := range want {
		u, err := weburl.Parse(w)
		if own := what == "images" || what == "iframes"; own && u == page {
			continue // an empty src, which names nothing
		}
		if err == nil {
			all = append(all, u.String())
		}
	}
	for _, w := range all {
		if !slices.Contains(got, w) {
			t.Errorf("%s: %s is missing", what, w)
		}
	}
	for _, g := range got {
		if exact && !slices.Contains(all, g) {
			t.Errorf("%s: %s is too much", what, g)
		}
	}
}
