package robots

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

func TestLineEnds(t *testing.T) {
	for name, body := range map[string]string{
		"LF":          "user-agent: *\n\n# x\ndisallow: /x\n",
		"CRLF":        "user-agent: *\r\n\r\n# x\r\ndisallow: /x\r\n",
		"CR":          "user-agent: *\r\r# x\rdisallow: /x\r",
		"mixed":       "user-agent: *\r\n\r# x\ndisallow: /x",
		"no last end": "user-agent: *\n\n# x\ndisallow: /x",
	} {
		if v := Parse([]byte(body)).Test("bot", "/x"); v.Allowed || v.Line != 4 {
			t.Errorf("%s: %+v, want disallowed by line 4", name, v)
		}
	}
}

func TestMarks(t *testing.T) {
	const body = "user-agent: *\ndisallow: /ü\n"
	utf16Of := func(mark uint16, order binary.AppendByteOrder) string {
		b := order.AppendUint16(nil, mark)
		for _, u := range utf16.Encode([]rune(body)) {
			b = order.AppendUint16(b, u)
		}
		return string(b)
	}
	for name, tt := range map[string]struct {
		body string
		read bool
	}{
		"none":            {body, true},
		"UTF-8":           {"\xEF\xBB\xBF" + body, true},
		"two bytes of it": {"\xEF\xBB" + body, true},
		"one byte of it":  {"\xEF" + body, true},
		"broken":          {"\xEF\x11\xBF" + body, false},
		"two marks":       {"\xEF\xBB\xBF\xEF\xBB\xBF" + body, false},
		"UTF-16 BE":       {utf16Of(0xFEFF, binary.BigEndian), true},
		"UTF-16 LE":       {utf16Of(0xFEFF, binary.LittleEndian), true},
		"UTF-16 and half": {utf16Of(0xFEFF, binary.LittleEndian) + "x", true},
		"only a mark":     {"\xFF\xFE", false},
	} {
		if v := Parse([]byte(tt.body)).Test("bot", "/%C3%BC"); v.Allowed == tt.read {
			t.Errorf("%s: %+v, want read %t", name, v, tt.read)
		}
	}
}

func TestLimit(t *testing.T) {
	body := text("user-agent: *", "disallow: /a", "disallow: /b/c")
	whole := len(body)
	for _, tt := range []struct {
		limit          int
		a, b, complete bool // a and b/c are forbidden
	}{
		{whole + 1, true, true, true},
		{whole, true, true, false},
		{whole - 1, true, false, false}, // "disallow: /b/c" may go on
		{whole - 2, true, false, false}, // "disallow: /b/"
		{28, true, false, false},
		{27, true, false, false}, // just behind line 2
		{26, false, false, false},
		{0, false, false, false},
		{-1, false, false, false},
	} {
		f := ParseLimit(body, tt.limit)
		if got := !f.Test("bot", "/a").Allowed; got != tt.a {
			t.Errorf("limit %d: /a is forbidden = %t", tt.limit, got)
		}
		if got := !f.Test("bot", "/b/c").Allowed; got != tt.b || !f.Test("bot", "/b/").Allowed {
			t.Errorf("limit %d: /b/c is forbidden = %t", tt.limit, got)
		}
		want := []Problem{{0, fmt.Sprintf("file is cut after %d bytes", max(tt.limit, 0)), ""}}
		if tt.complete {
			want = nil
		}
		if diff := cmp.Diff(want, f.Problems()); diff != "" {
			t.Errorf("limit %d: problems (-want +got):\n%s", tt.limit, diff)
		}
	}
}

func TestMaxBytes(t *testing.T) {
	body := []byte("user-agent: *\ndisallow: /a\n" + strings.Repeat("#\n", MaxBytes/2))
	body = append(body[:MaxBytes-14:MaxBytes-14], "\ndisallow: /b\ndisallow: /c\n"...)
	f := Parse(body)
	if f.Test("bot", "/a").Allowed || f.Test("bot", "/b").Allowed || !f.Test("bot", "/c").Allowed {
		t.Errorf("not the first %d bytes are read", MaxBytes)
	}
}

func TestLongLine(t *testing.T) {
	long := "disallow: /" + strings.Repeat("a", 2*maxLine)
	kept := long[len("disallow: "):maxLine]
	for name, f := range map[string]*File{
		"in the middle": Parse([]byte("user-agent: *\n" + long + "\ndisallow: /b")),
		"at the cut":    ParseLimit([]byte("user-agent: *\n"+long), maxLine+100),
	} {
		if v := f.Test("bot", kept); v.Allowed || v.Line != 2 {
			t.Errorf("%s: %+v", name, v)
		}
		if v := f.Test("bot", kept[1:]); !v.Allowed {
			t.Errorf("%s: shorter path: %+v", name, v)
		}
		want := Problem{2, "line is cut after 16384 bytes", long[:MaxText]}
		if diff := cmp.Diff(want, f.Problems()[len(f.Problems())-1]); diff != "" {
			t.Errorf("%s: problem (-want +got):\n%s", name, diff)
		}
	}
	exact := "disallow: /" + strings.Repeat("a", maxLine-len("disallow: /"))
	if p := Parse([]byte("user-agent: *\n" + exact + "\n")).Problems(); p != nil {
		t.Errorf("a line of just the limit: %+v", p)
	}
}

func TestCounts(t *testing.T) {
	var b strings.Builder
	b.WriteString("user-agent: *\n")
	for i := range maxRules + 2 {
		fmt.Fprintf(&b, "disallow:/%d\n", i)
	}
	for i := range maxSitemaps + 2 {
		fmt.Fprintf(&b, "sitemap:/%d\n", i)
	}
	for i := range maxAgents + 1 {
		fmt.Fprintf(&b, "user-agent:a%d\n", i)
	}
	f := ParseLimit([]byte(b.String()), b.Len()+1)
	last, over := fmt.Sprintf("/%d$", maxRules-1), fmt.Sprintf("/%d", maxRules)
	if v := f.Test("bot", strings.TrimSuffix(last, "$")); v.Line != maxRules+1 {
		t.Errorf("the last rule within the limit is lost: %+v", v)
	}
	if v := f.Test("bot", over); v.Line == maxRules+2 {
		t.Errorf("a rule beyond the limit is kept: %+v", v)
	}
	if n := len(f.Sitemaps()); n != maxSitemaps {
		t.Errorf("%d sitemaps", n)
	}
	if n := len(f.groups); n != maxAgents {
		t.Errorf("%d groups", n)
	}
	want := []Problem{
		{maxRules + 2, "too many rules: this and later ones are left out", "disallow:" + over},
		{maxRules + maxSitemaps + 4, "too many sitemaps: this and later ones are left out", fmt.Sprintf("sitemap:/%d", maxSitemaps)},
		{maxRules + maxSitemaps + maxAgents + 5, "too many agents: this and later ones are left out", fmt.Sprintf("user-agent:a%d", maxAgents-1)},
	}
	if diff := cmp.Diff(want, f.Problems()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestProblems(t *testing.T) {
	f := Parse(text("<!DOCTYPE html>", "user-agent bot", "Disallow: x", "Dissallow: /y", "Noindex: /z", "Host: a.example",
		"http://a.example/sitemap.xml", "  Allow me to say ", "# fine", "Crawl-delay: soon", "Request-rate: 1"))
	want := []Problem{
		{1, "line is not understood", "<!DOCTYPE html>"},
		{2, noColon, "user-agent bot"},
		{3, "path starts with neither / nor *: it never matches", "Disallow: x"},
		{4, misspelt, "Dissallow: /y"},
		{7, noName, "http://a.example/sitemap.xml"},
		{8, "line is not understood", "Allow me to say"},
		{10, "value is no pause: ignored", "Crawl-delay: soon"},
		{11, "value is no pause: ignored", "Request-rate: 1"},
	}
	if diff := cmp.Diff(want, f.Problems()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(Parse([]byte(strings.Repeat("<p>\n", 1000))).Problems()); n != maxProblems {
		t.Errorf("%d problems of 1000 bad lines", n)
	}
}

func TestProduct(t *testing.T) {
	for ua, want := range map[string]string{
		"acme-bot/1.0 (+https://acme.example)": "acme-bot",
		"bot0/1":                               "bot0",
		"acme_bot":                             "acme_bot",
		"  Yahoo! Slurp":                       "Yahoo",
		"MJ12bot/v1.4":                         "MJ12bot",
		"archive.org_bot":                      "archive.org_bot",
		"Львів-bot/1":                          "Львів-bot",
		"Mozilla/5.0 (compatible; Foo/2; +x)":  "Foo",
		"Mozilla/5.0 X (like Y; compatible; Foo/2) Z": "Foo",
		"Mozilla/5.0 (X11; Linux)":                    "Mozilla",
		"Mozilla/5.0 (compatible; )":                  "Mozilla",
		"(compatible; Foo)":                           "",
		"":                                            "",
	} {
		if got := Product(ua); got != want {
			t.Errorf("Product(%q) = %q, want %q", ua, got, want)
		}
	}
}

func TestPause(t *testing.T) {
	for _, tt := range []struct {
		line, want string
	}{
		{"Crawl-delay: 10", "10s"},
		{"Crawl-delay: .25", "250ms"},
		{"crawl delay: 1", "1s"},
		{"Crawldelay 1", "1s"},
		{"Crawl-delay: 1e3", "16m40s"},
		{"Crawl-delay: 86399", "23h59m59s"},
		{"Crawl-delay: 86401", "24h0m0s"},
		{"Crawl-delay: 1e999", "24h0m0s"},
		{"Crawl-delay: +Inf", "24h0m0s"},
		{"Crawl-delay: -0", "0s"},
		{"Crawl-delay: -Inf", ""},
		{"Crawl-delay: -1e999", ""},
		{"Crawl-delay: nan", ""},
		{"Crawl-delay: 10s", ""},
		{"Crawl-delay: 1,5", ""},
		{"Crawl-delay:", ""},
		{"Request-rate: 1/10s", "10s"},
		{"Request-rate: 1/60", "1m0s"},
		{"Request-rate: 100/15m", "9s"},
		{"Request-rate: 400/1h", "9s"},
		{"Request-rate: 9000/1D 0600-0845", "9.6s"},
		{"Request-rate: 1/10\t0600-0845", "10s"},
		{"request rate 1/10s 1820-1940", "10s"},
		{"Request-rate: 1/4294967295d", "24h0m0s"},
		{"Request-rate: 0/10", ""},
		{"Request-rate: -1/10", ""},
		{"Request-rate: 99999999999/10", ""},
		{"Request-rate: 1/", ""},
		{"Request-rate: 1/x", ""},
		{"Request-rate: /10", ""},
		{"Request-rate: 1", ""},
		{"Request-rate:", ""},
	} {
		d, ok := Parse(text("User-agent: *", tt.line)).CrawlDelay("bot")
		got := d.String()
		if !ok {
			got = ""
		}
		if got != tt.want {
			t.Errorf("%s = %q, want %q", tt.line, got, tt.want)
		}
	}
}

func TestAnswer(t *testing.T) {
	for status, want := range map[int]State{
		0: Unreachable, 199: Unreachable, 200: Found, 204: Found, 299: Found, 300: Unavailable, 301: Unavailable,
		399: Unavailable, 400: Unavailable, 401: Unavailable, 404: Unavailable, 410: Unavailable, 428: Unavailable,
		429: Unreachable, 430: Unavailable, 499: Unavailable, 500: Unreachable, 503: Unreachable, 600: Unreachable,
	} {
		if got := Answer(status); got != want {
			t.Errorf("Answer(%d) = %d, want %d", status, got, want)
		}
	}
}

func TestRequestPath(t *testing.T) {
	for uri, want := range map[string]string{
		"": "/", "/": "/", "/a?b#c": "/a?b", "//a/b": "//a/b", "#x": "/",
		"http://a.example": "/", "http://a.example#/x": "/", "http://a.example/b": "/b", "http://a.example?b": "/?b",
		"http://a.example//b": "//b", "a.example/b": "/b", "a.example?b=http://c/d": "/?b=http://c/d", "a;b/c": "/;b/c",
	} {
		if got := requestPath(uri); got != want {
			t.Errorf("requestPath(%q) = %q, want %q", uri, got, want)
		}
	}
}
