package robots

import (
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// text makes a file of lines.
func text(lines ...string) []byte { return []byte(strings.Join(lines, "\n") + "\n") }

func TestRules(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rules string // below "User-agent: *", lines parted by ";;"
		uri   string
		line  int // of the rule that decides; "User-agent: *" is line 1
		want  bool
	}{
		{"no rules", "", "/x", 0, true},
		{"empty disallow", "Disallow:", "/x", 0, true},
		{"empty allow", "Allow:;;Disallow: /", "/x", 3, false},
		{"prefix", "Disallow: /x", "/xy/z?q", 2, false},
		{"not a prefix", "Disallow: /x", "/y/x", 0, true},
		{"longer path than uri", "Disallow: /xyz", "/xy", 0, true},
		{"case counts", "Disallow: /X", "/x", 0, true},
		{"query", "Disallow: /x?a=", "/x?a=1", 2, false},
		{"query is no path", "Disallow: /x/", "/?/x/", 0, true},
		{"longest wins: allow", "Disallow: /x/;;Allow: /x/y", "/x/y/z", 3, true},
		{"longest wins: disallow", "Allow: /x/;;Disallow: /x/y", "/x/y/z", 3, false},
		{"longest wins, three deep", "Disallow: /;;Allow: /a/;;Disallow: /a/b/;;Allow: /a/b/c", "/a/b/cd", 5, true},
		{"parent of a sibling", "Disallow: /a;;Allow: /a/b/c;;Allow: /a/b/d", "/a/b/cc/", 3, true},
		{"parent when the last is not one", "Disallow: /a;;Allow: /a/b/c", "/a/b/d", 2, false},
		{"allow wins a tie", "Disallow: /x;;Allow: /x", "/x", 3, true},
		{"first of two equal", "Disallow: /x;;Disallow: /x", "/x", 2, false},
		{"wildcard counts its octets", "Allow: /page;;Disallow: /*.html", "/page.html", 3, false},
		{"wildcard loses to longer", "Disallow: /*.html;;Allow: /x/page.", "/x/page.html", 3, true},
		{"star matches nothing", "Disallow: /a*b", "/ab", 2, false},
		{"star matches much", "Disallow: /a*b", "/a/b/c/b", 2, false},
		{"star with slashes", "Disallow: /a/*/c", "/a//c", 2, false},
		{"star needs its slash", "Disallow: /a/*/c", "/a/c", 0, true},
		{"two stars", "Disallow: /a*b*c", "/a1b2c3", 2, false},
		{"two stars out of order", "Disallow: /a*b*c", "/a1c2b", 0, true},
		{"pieces do not overlap", "Disallow: /*aba*ba", "/xaba", 0, true},
		{"stars together", "Disallow: /a***b", "/axb", 2, false},
		{"star at the end", "Disallow: /a*", "/a", 2, false},
		{"star at the end is an octet", "Allow: /a;;Disallow: /a*", "/ab", 3, false},
		{"star at the start", "Disallow: *.gif", "/x.gif", 2, false},
		{"only a star", "Disallow: *", "/", 2, false},
		{"dollar", "Disallow: /x$", "/x", 2, false},
		{"dollar ends", "Disallow: /x$", "/xy", 0, true},
		{"dollar and query", "Disallow: /*.php$", "/x.php?q", 0, true},
		{"star and dollar", "Disallow: /*.php$", "/a.php/b.php", 2, false},
		{"dollar needs room", "Disallow: /*aa$", "/a", 0, true},
		{"star before dollar", "Disallow: /a*$", "/abc", 2, false},
		{"dollar is an octet", "Allow: /x;;Disallow: /x$", "/x", 3, false},
		{"dollar inside is plain", "Disallow: /x$/y", "/x$/y", 2, false},
		{"dollar inside escaped", "Disallow: /x$/y", "/x%24/y", 2, false},
		{"escaped dollar is plain", "Disallow: /x%24", "/x$y", 2, false},
		{"escaped star is plain", "Disallow: /x%2Ay", "/x*y", 2, false},
		{"escaped star is no wildcard", "Disallow: /x%2ay", "/xzy", 0, true},
		{"star in the uri is no wildcard", "Disallow: /xzy", "/x*y", 0, true},
		{"star matches star", "Disallow: /x*y", "/x*y", 2, false},
		{"pattern beyond ASCII", "Disallow: /ツ", "/%E3%83%84", 2, false},
		{"uri beyond ASCII", "Disallow: /%E3%83%84", "/ツ", 2, false},
		{"hex case", "Disallow: /%e3%83%84", "/%E3%83%84/x", 2, false},
		{"hex case of the uri", "Disallow: /a%3Cd", "/a%3cd", 2, false},
		{"escaped slash is no slash", "Disallow: /a/b", "/a%2Fb", 0, true},
		{"slash is no escaped slash", "Disallow: /a%2Fb", "/a/b", 0, true},
		{"tilde in the pattern", "Disallow: /%7ejoe/", "/~joe/x", 2, false},
		{"tilde in the uri", "Allow: /~joe/;;Disallow: /", "/%7Ejoe/x", 2, true},
		{"escaped letters in the pattern forbid", "Disallow: /%62%61%7A", "/baz", 2, false},
		{"escaped letters in the uri are forbidden", "Disallow: /baz", "/%62a%7A", 2, false},
		{"escaped letters in the pattern open nothing else", "Allow: /%62%61%7A;;Disallow: /", "/baz", 3, false},
		{"escaped letters open themselves", "Allow: /%62%61%7A;;Disallow: /", "/%62%61%7a", 2, true},
		{"escaped letters in the uri are not opened", "Allow: /baz;;Disallow: /", "/%62az", 3, false},
		{"rules before an escape are in both readings", "Disallow: /a;;Disallow: /%62", "/%61", 2, false},
		{"rules after an escape are in both readings", "Disallow: /%62;;Disallow: /a", "/%61", 3, false},
		{"two escaped rules", "Disallow: /%62;;Disallow: /%63", "/b", 2, false},
		{"star opened", "Allow: /x%2Ay;;Disallow: /", "/x*y", 2, true},
		{"digits of escapes", "Disallow: /%0a%9f%3a", "/%0A%9F%3A", 2, false},
		{"stray percent", "Disallow: /100%", "/100%x", 2, false},
		{"half an escape at the end", "Disallow: /a%4", "/a%4", 2, false},
		{"percent and no digits", "Disallow: /a%zz", "/a%zz", 2, false},
		{"blank inside", "Disallow: /a b", "/a%20b", 2, false},
		{"quotes and braces", `Disallow: /{"a"}`, "/%7B%22a%22%7D", 2, false},
		{"bar and backslash are sent as they are", `Disallow: /a|\`, `/a|\b`, 2, false},
		{"comment", "Disallow: /x#y", "/x", 2, false},
		{"commented out", "#Disallow: /x", "/x", 0, true},
		{"no leading slash", "Disallow: x/", "/x/", 0, true},
		{"absolute URL as rule", "Disallow: http://a.example/", "/http://a.example/", 0, true},
		{"index.html opens its folder", "Allow: /d/index.html;;Disallow: /", "/d/", 2, true},
		{"index.htm opens its folder", "Allow: /d/index.htm;;Disallow: /", "/d/", 2, true},
		{"index.html opens the folder only", "Allow: /d/index.html;;Disallow: /", "/d/x", 3, false},
		{"index.html opens itself", "Allow: /d/index.html;;Disallow: /", "/d/index.html", 2, true},
		{"a forbidden index.html closes nothing", "Disallow: /d/index.html", "/d/", 0, true},
		{"index.html in the middle", "Allow: /index.html/x;;Disallow: /", "/", 3, false},
		{"robots.txt", "Disallow: /", "/robots.txt", 0, true},
		{"absolute robots.txt", "Disallow: /", "https://a.example/robots.txt#x", 0, true},
		{"robots.txt with a query", "Disallow: /", "/robots.txt?x", 2, false},
		{"robots.txt elsewhere", "Disallow: /", "/a/robots.txt", 2, false},
		{"absolute", "Disallow: /x", "http://a.example/x", 2, false},
		{"absolute without path", "Disallow: /", "http://a.example", 2, false},
		{"absolute with a query only", "Disallow: /?a", "http://a.example?a=http://b.example/", 2, false},
		{"fragment", "Disallow: /*#x;;Disallow: /*b", "/a#b", 2, false},
		{"empty uri", "Disallow: /$", "", 2, false},
		{"two slashes", "Disallow: //x", "//x/y", 2, false},
		{"unknown lines", "Disallow: /x;;Foo: bar;;Disallow: /y", "/y", 4, false},
		{"sitemap inside", "Sitemap: /s.xml;;Disallow: /y", "/y", 3, false},
		{"colon and blanks", "  Disallow \t:\t/x \t", "/x", 2, false},
		{"no colon", "disallow /x", "/x", 2, false},
		{"no colon and a colon in the path", "disallow /wiki/Special:", "/wiki/Special:Search", 2, false},
		{"no colon and prose", "disallow / for all", "/", 0, true},
		{"longer name", "Disallowed: /x", "/x", 2, false},
		{"letter case of names", "dISaLLow: /x", "/x", 2, false},
		{"NUL ends a line", "Disallow: /x\x00y", "/x", 2, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := strings.Split(tt.rules, ";;")
			f := Parse(text(append([]string{"User-agent: *"}, lines...)...))
			got := f.Test("bot", tt.uri)
			if got.Allowed != tt.want || got.Line != tt.line {
				t.Errorf("%q under %q: %+v, want allowed %t by line %d", tt.uri, lines, got, tt.want, tt.line)
			}
			if (got.Rule == "") != (got.Line == 0) {
				t.Errorf("line %d with rule %q", got.Line, got.Rule)
			}
		})
	}
}

func TestMisspeltDisallow(t *testing.T) {
	for _, name := range []string{"Dissallow", "Dissalow", "Disalow", "Diasllow", "Disallaw"} {
		f := Parse(text("Useragent: *", name+": /x"))
		if v := f.Test("bot", "/x"); v.Allowed || v.Line != 2 {
			t.Errorf("%s: %+v", name, v)
		}
		want := []Problem{{1, misspelt, "Useragent: *"}, {2, misspelt, name + ": /x"}}
		if diff := cmp.Diff(want, f.Problems()); diff != "" {
			t.Errorf("%s: problems (-want +got):\n%s", name, diff)
		}
	}
}

func TestGroups(t *testing.T) {
	f := Parse(text(
		"Disallow: /early",         // 1: before any agent
		"User-agent: *",            // 2
		"Disallow: /all",           // 3
		"User-agent: Foo/2.0 (+x)", // 4
		"Disallow: /foo",           // 5
		"",                         // 6
		"User-agent: Bar",          // 7
		"Unheard-of: line",         // 8
		"Crawl-delay: 1",           // 9
		"User-agent: Foo-Image",    // 10
		"Disallow: /both",          // 11
		"User-agent: FOO",          // 12: Foo again
		"Disallow: /more",          // 13
		"User-agent: Empty",        // 14
		"Disallow:",                // 15
		"User-agent:",              // 16: nobody
		"Disallow: /nobody",        // 17
		"User-agent: MJ12bot",      // 18
		"Disallow: /mj",            // 19
		"User-agent: Львів-bot",    // 20
		"Disallow: /lviv",          // 21
		"User-agent: One, Two",     // 22
		"Disallow: /list",          // 23
		"User-agent: * and others", // 24: everyone
		"Disallow: /late",          // 25
		"User-agent: Last",         // 26: no rules
	))
	for _, tt := range []struct {
		agent, uri string
		want       Verdict
	}{
		{"other", "/early", Verdict{true, 0, "", "*"}},
		{"other", "/all", Verdict{false, 3, "Disallow: /all", "*"}},
		{"other", "/late", Verdict{false, 25, "Disallow: /late", "*"}},
		{"*", "/all", Verdict{false, 3, "Disallow: /all", "*"}},
		{"", "/all", Verdict{false, 3, "Disallow: /all", "*"}},
		{"foo", "/all", Verdict{true, 0, "", "Foo"}},
		{"foo", "/foo", Verdict{false, 5, "Disallow: /foo", "Foo"}},
		{"FOO", "/more", Verdict{false, 13, "Disallow: /more", "Foo"}},
		{"foo", "/both", Verdict{true, 0, "", "Foo"}},
		{"foo2", "/foo", Verdict{false, 5, "Disallow: /foo", "Foo"}},
		{"foo bar", "/foo", Verdict{true, 0, "", "*"}},
		{"fo", "/foo", Verdict{true, 0, "", "*"}},
		{"foo-", "/foo", Verdict{true, 0, "", "*"}},
		{"foo-image", "/both", Verdict{false, 11, "Disallow: /both", "Foo-Image"}},
		{"bar", "/both", Verdict{false, 11, "Disallow: /both", "Bar"}},
		{"empty", "/all", Verdict{true, 0, "", "Empty"}},
		{"other", "/nobody", Verdict{true, 0, "", "*"}},
		{"mj12BOT", "/mj", Verdict{false, 19, "Disallow: /mj", "MJ12bot"}},
		{"mj", "/mj", Verdict{true, 0, "", "*"}},
		{"ЛЬВІВ-bot", "/lviv", Verdict{false, 21, "Disallow: /lviv", "Львів-bot"}},
		{"one", "/list", Verdict{false, 23, "Disallow: /list", "One"}},
		{"two", "/list", Verdict{true, 0, "", "*"}},
		{"last", "/all", Verdict{true, 0, "", "Last"}},
	} {
		if diff := cmp.Diff(tt.want, f.Test(tt.agent, tt.uri)); diff != "" {
			t.Errorf("%q %q (-want +got):\n%s", tt.agent, tt.uri, diff)
		}
	}
	want := []Problem{
		{1, "rule before the first User-agent line is ignored", "Disallow: /early"},
		{8, "line is not understood", "Unheard-of: line"},
		{16, "line names no agent", "User-agent:"},
		{22, "only the first name of the line counts", "User-agent: One, Two"},
	}
	if diff := cmp.Diff(want, f.Problems()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestAgentNamedTwiceInAGroup(t *testing.T) {
	f := Parse(text("User-agent: a", "User-agent: b", "User-agent: A", "Disallow: /x", "Disallow: /y"))
	for _, agent := range []string{"a", "b"} {
		if v := f.Test(agent, "/y"); v.Allowed || v.Line != 5 {
			t.Errorf("%s: %+v", agent, v)
		}
	}
	if n := len(f.groups["a"].blocks); n != 1 {
		t.Errorf("a has its rules %d times", n)
	}
}

func TestAllowAllDisallowAll(t *testing.T) {
	if v := AllowAll().Test("bot", "/x"); v != (Verdict{Allowed: true}) {
		t.Errorf("AllowAll: %+v", v)
	}
	if v := DisallowAll().Test("bot", "/x"); v != (Verdict{}) {
		t.Errorf("DisallowAll: %+v", v)
	}
	if v := DisallowAll().Test("bot", "http://a.example/robots.txt"); !v.Allowed {
		t.Errorf("DisallowAll forbids robots.txt: %+v", v)
	}
	if d, ok := DisallowAll().CrawlDelay("bot"); ok {
		t.Errorf("DisallowAll asks for %v", d)
	}
	if s := AllowAll().Sitemaps(); len(s) != 0 {
		t.Errorf("AllowAll has sitemaps %q", s)
	}
}

func TestVerdictQuotesTheLine(t *testing.T) {
	long := "/" + strings.Repeat("ü", 200)
	f := Parse(text("User-agent: *", "\t disallow /a # why", "Disallow: "+long, "Disallow: /\xff"))
	if got := f.Test("bot", "/a").Rule; got != "disallow /a" {
		t.Errorf("rule = %q", got)
	}
	if got := f.Test("bot", long).Rule; len(got) > MaxText || len(got) < MaxText-utf8.UTFMax ||
		!utf8.ValidString(got) || !strings.HasPrefix("Disallow: "+long, got) {
		t.Errorf("rule = %q, %d bytes", got, len(got))
	}
	if got := f.Test("bot", "/%FF").Rule; got != "Disallow: /?" {
		t.Errorf("rule = %q", got)
	}
}

func TestCrawlDelay(t *testing.T) {
	f := Parse(text(
		"Crawl-delay: 99", // of nobody
		"User-agent: *",
		"Crawl-delay: 3",
		"Request-rate: 1/7",
		"User-agent: a",
		"User-agent: b",
		"Crawl-delay: 0.5",
		"User-agent: c",
		"Disallow: /x",
		"Crawl-delay: 2",
		"User-agent: rate",
		"Request-rate: 2/1m 0600-0845",
		"User-agent: zero",
		"Crawl-delay: 0",
		"User-agent: bad",
		"Crawl-delay: -1",
		"Crawl-delay: NaN",
		"User-agent: none",
		"Disallow: /x",
		"User-agent: a",
		"Crawl-delay: 4",
		"Crawl-delay: 1",
		"User-agent: d",
		"Request-rate: 1/2",
		"Request-rate: 1/5",
	))
	for agent, want := range map[string]struct {
		d  time.Duration
		ok bool
	}{
		"*": {3 * time.Second, true}, "other": {3 * time.Second, true},
		"a": {4 * time.Second, true}, "b": {500 * time.Millisecond, true}, "c": {2 * time.Second, true},
		"rate": {30 * time.Second, true}, "zero": {0, true}, "bad": {0, false}, "none": {0, false},
		"d": {5 * time.Second, true},
	} {
		if d, ok := f.CrawlDelay(agent); d != want.d || ok != want.ok {
			t.Errorf("%s: %v, %t, want %v, %t", agent, d, ok, want.d, want.ok)
		}
	}
	// A pause does not end the names of a group: a and b share c's rule.
	if v := f.Test("a", "/x"); v.Allowed || v.Line != 9 {
		t.Errorf("a: %+v", v)
	}
	want := []Problem{
		{16, "value is no pause: ignored", "Crawl-delay: -1"},
		{17, "value is no pause: ignored", "Crawl-delay: NaN"},
	}
	if diff := cmp.Diff(want, f.Problems()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestSitemaps(t *testing.T) {
	f := Parse(text("Sitemap: https://a.example/S.xml#x", "User-agent: *", "SITEMAP:/rel.xml", "Site-map: https://a.example/S.xml",
		"sitemap https://a.example/2.xml", "sitemap: two words", "Sitemap is prose", "Sitemap:",
		"HTTPS://a.example/My-Sitemap.xml.gz", "https://a.example/page", "ftp://a.example/sitemap.xml"))
	want := []string{"https://a.example/S.xml", "/rel.xml", "https://a.example/2.xml", "two words", "HTTPS://a.example/My-Sitemap.xml.gz"}
	got := f.Sitemaps()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got[0] = "changed"
	if f.Sitemaps()[0] == "changed" {
		t.Error("the caller can change the file")
	}
}

func TestConcurrentUse(t *testing.T) {
	f := Parse(text("User-agent: *", "Disallow: /x", "Allow: /%61", "Crawl-delay: 1", "Sitemap: /s"))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				d, _ := f.CrawlDelay("bot")
				if f.Test("bot", "/x").Allowed || d != time.Second || len(f.Sitemaps()) != 1 || len(f.Problems()) != 0 {
					t.Error("wrong answer")
				}
			}
		})
	}
	wg.Wait()
}
