package fetcher

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/publicsuffix"
)

func set(t testing.TB, f *Fetcher, from string, lines ...string) {
	t.Helper()
	f.jar.store(parse(t, from), http.Header{"Set-Cookie": lines}, time.Now())
}

func sends(t testing.TB, f *Fetcher, to, want string) {
	t.Helper()
	if got := f.jar.header(parse(t, to), time.Now()); got != want {
		t.Errorf("to %s: %q, want %q", to, got, want)
	}
}

func TestCookieReach(t *testing.T) {
	for _, c := range []struct{ from, line, to, want string }{
		{"http://www.example.com/", "a=b", "http://www.example.com/x", "a=b"},
		{"http://www.example.com/", "a=b", "http://example.com/", ""},
		{"http://www.example.com/", "a=b", "http://a.www.example.com/", ""},
		{"http://www.example.com/", "a=b; Domain=example.com", "http://other.example.com/", "a=b"},
		{"http://www.example.com/", "a=b; Domain=.EXAMPLE.com", "http://other.example.com/", "a=b"},
		{"http://www.example.com/", "a=b; Domain=com", "http://www.example.com/", ""},
		{"http://www.example.co.uk/", "a=b; Domain=co.uk", "http://www.example.co.uk/", ""},
		{"http://user.github.io/", "a=b; Domain=github.io", "http://other.github.io/", ""},
		{"http://github.io/", "a=b; Domain=github.io", "http://github.io/", "a=b"},
		{"http://github.io/", "a=b; Domain=github.io", "http://other.github.io/", ""},
		{"http://www.example.com/", "a=b; Domain=other.example", "http://www.example.com/", ""},
		{"http://www.example.com/", "a=b; Domain=a.www.example.com", "http://a.www.example.com/", ""},
		{"http://notexample.com/", "a=b; Domain=example.com", "http://example.com/", ""},
		{"http://10.0.0.1/", "a=b", "http://10.0.0.1/", "a=b"},
		{"http://10.0.0.1/", "a=b; Domain=0.0.1", "http://10.0.0.1/", ""},
		{"http://[2001:db8::1]/", "a=b", "http://[2001:db8::1]/", "a=b"},
		// scheme
		{"https://www.example.com/", "a=b; Secure", "https://www.example.com/", "a=b"},
		{"https://www.example.com/", "a=b; Secure", "http://www.example.com/", ""},
		{"https://www.example.com/", "a=b", "http://www.example.com/", ""},
		{"http://www.example.com/", "a=b", "https://www.example.com/", "a=b"},
		{"http://www.example.com/", "a=b; Secure", "https://www.example.com/", ""},
		// port
		{"http://www.example.com:8080/", "a=b", "http://www.example.com:8080/", "a=b"},
		{"http://www.example.com:8080/", "a=b", "http://www.example.com/", ""},
		{"http://www.example.com/", "a=b", "http://www.example.com:8080/", ""},
		{"https://www.example.com/", "a=b", "https://www.example.com:8443/", ""},
		// path
		{"http://www.example.com/x/y", "a=b", "http://www.example.com/x/z", "a=b"},
		{"http://www.example.com/x/y", "a=b", "http://www.example.com/xy", ""},
		{"http://www.example.com/", "a=b; Path=/x", "http://www.example.com/x/y", "a=b"},
		{"http://www.example.com/", "a=b; Path=/x", "http://www.example.com/xy", ""},
		// prefixes
		{"https://www.example.com/", "__Host-a=b; Secure; Path=/", "https://www.example.com/", "__Host-a=b"},
		{"https://www.example.com/", "__Host-a=b; Secure; Path=/; Domain=example.com", "https://www.example.com/", ""},
		{"https://www.example.com/", "__Secure-a=b", "https://www.example.com/", ""},
		// syntax
		{"http://www.example.com/", "a", "http://www.example.com/", ""},
		{"http://www.example.com/", "=b", "http://www.example.com/", ""},
		{"http://www.example.com/", "a=\x01b", "http://www.example.com/", ""},
		{"http://www.example.com/", "a=\xff\xe4", "http://www.example.com/", "a=\xff\xe4"},
		{"http://www.example.com/", "a=" + strings.Repeat("b", 4096), "http://www.example.com/", ""},
		{"http://www.example.com/", "a=b; Path=/" + strings.Repeat("x", 1024), "http://www.example.com/", "a=b"},
		{"http://www.example.com/", "a=b; Max-Age=0", "http://www.example.com/", ""},
		{"http://www.example.com/", "a=b; Max-Age=0; Expires=Wed, 09 Jun 2100 10:18:14 GMT", "http://www.example.com/", ""},
		{"http://www.example.com/", "a=b; Max-Age=99999999999999999999999999", "http://www.example.com/", "a=b"},
		{"http://www.example.com/", "a=b; Expires=Wed, 09 Jun 1999 10:18:14 GMT", "http://www.example.com/", ""},
	} {
		f := open(t, Config{Cookies: true})
		set(t, f, c.from, c.line)
		if got := f.jar.header(parse(t, c.to), time.Now()); got != c.want {
			t.Errorf("%q from %s to %s: %q, want %q", c.line, c.from, c.to, got, c.want)
		}
	}
}

func TestCookieOrder(t *testing.T) {
	f := open(t, Config{Cookies: true})
	u := "http://www.example.com/a/b"
	set(t, f, u, "one=1; Path=/", "two=2; Path=/a/b", "three=3; Path=/", "one=again; Path=/")
	sends(t, f, u, "two=2; one=again; three=3")
	set(t, f, u, "three=; Path=/; Max-Age=0")
	sends(t, f, u, "two=2; one=again")
	f = open(t, Config{})
	set(t, f, u, "one=1")
	sends(t, f, u, "")
}

// TestCookieSecureStays: a server in clear cannot replace what https set.
func TestCookieSecureStays(t *testing.T) {
	f := open(t, Config{Cookies: true})
	set(t, f, "https://www.example.com/", "a=good; Secure; Path=/")
	set(t, f, "http://www.example.com/", "a=bad; Path=/")
	sends(t, f, "https://www.example.com/", "a=good")
}

func TestCookieExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Config{Cookies: true})
		u := "http://www.example.com/"
		set(t, f, u, "a=1; Max-Age=60", "b=2", "c=3; Max-Age=999999999")
		sends(t, f, u, "a=1; b=2; c=3")
		time.Sleep(time.Minute)
		sends(t, f, u, "b=2; c=3")
		time.Sleep(maxCookieAge)
		sends(t, f, u, "b=2")
	})
}

// TestCookieBomb floods the jar in every direction.
func TestCookieBomb(t *testing.T) {
	f := open(t, Config{Cookies: true})
	for i := range 1000 {
		set(t, f, "http://www.example.com/", fmt.Sprintf("c%d=%s", i, strings.Repeat("x", 100)))
	}
	if n := strings.Count(f.jar.header(parse(t, "http://www.example.com/"), time.Now()), "c"); n != DefaultMaxCookies {
		t.Errorf("%d cookies of one host", n)
	}
	sends(t, f, "http://www.example.com/none", f.jar.header(parse(t, "http://www.example.com/"), time.Now()))
	for i := range 1000 {
		set(t, f, fmt.Sprintf("http://h%d.example.com/", i), "a="+strings.Repeat("x", 4000))
	}
	for i := range 3 * maxCookieSites {
		set(t, f, fmt.Sprintf("http://www.site%d.com/", i), "a="+strings.Repeat("x", 100))
	}
	if n := len(f.jar.sites); n > maxCookieSites {
		t.Errorf("%d sites", n)
	}
	for name, s := range f.jar.sites {
		size := 0
		for _, c := range s.cookies {
			size += c.size()
		}
		if size > maxSiteCookies || len(s.cookies) > DefaultMaxCookies {
			t.Errorf("%s: %d cookies of %d bytes", name, len(s.cookies), size)
		}
	}
	f = open(t, Config{Cookies: true, MaxCookies: -1})
	set(t, f, "http://www.example.com/", "a=b")
	sends(t, f, "http://www.example.com/", "")
}

func TestCookieState(t *testing.T) {
	seed := []SeedCookie{{Domain: "www.example.com", Name: "own", Value: "secret"}}
	f := open(t, Config{Cookies: true, CookieSeed: seed})
	set(t, f, "https://www.example.com/a/", "a=\xff1; Path=/; Max-Age=3600", "b=2; Path=/a", "c=3; Domain=example.com; Path=/")
	set(t, f, "http://www.example.com:8080/", "d=4")
	state := f.CookieState()
	if strings.Contains(string(state), "secret") {
		t.Error("the user's own cookie is in the state")
	}
	g := open(t, Config{Cookies: true, CookieSeed: seed, CookieState: state})
	for _, to := range []string{"https://www.example.com/a/x", "https://x.example.com/", "http://www.example.com/", "http://www.example.com:8080/"} {
		sends(t, g, to, f.jar.header(parse(t, to), time.Now()))
	}
	if d := cmp.Diff(string(state), string(g.CookieState())); d != "" {
		t.Error(d)
	}
	if open(t, Config{}).CookieState() != nil {
		t.Error("state without cookies")
	}
}

// TestCookieAgainstStd compares with net/http/cookiejar, over one port and
// scheme where both follow RFC 6265.
func TestCookieAgainstStd(t *testing.T) {
	const seed = 1
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	for range 300 {
		std, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
		if err != nil {
			t.Fatal(err)
		}
		f := open(t, Config{Cookies: true})
		address := func() string {
			return "http://" + pick("example.com", "a.example.com", "b.a.example.com", "example.co.uk", "x.github.io", "10.0.0.1", "other.net") +
				pick("/", "/x", "/x/", "/x/y", "/xy")
		}
		var log []string
		for range 12 {
			// Names differ with and without a domain: RFC 6265bis tells such
			// cookies apart, cookiejar does not.
			from, line := address(), pick("a", "b", "c")+"="+pick("1", "2", "3")
			if domain := pick("", "; Domain=example.com", "; Domain=.a.example.com", "; Domain=co.uk", "; Domain=github.io", "; Domain=other.net"); domain != "" {
				line = "d" + line + domain
			}
			line += pick("", "; Path=/", "; Path=/x", "; Path=/x/", "; Path=y") + pick("", "", "", "; Max-Age=0", "; Max-Age=100")
			log = append(log, from+" "+line)
			u, err := url.Parse(from)
			if err != nil {
				t.Fatal(err)
			}
			std.SetCookies(u, (&http.Response{Header: http.Header{"Set-Cookie": {line}}}).Cookies())
			set(t, f, from, line)
			to := address()
			if u, err = url.Parse(to); err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, c := range std.Cookies(u) {
				want = append(want, c.Name+"="+c.Value)
			}
			if got := f.jar.header(parse(t, to), time.Now()); got != strings.Join(want, "; ") {
				t.Fatalf("to %s: %q, std %q after\n%s", to, got, want, strings.Join(log, "\n"))
			}
		}
	}
}

func TestParseCookies(t *testing.T) {
	got, err := ParseCookies(strings.NewReader("\ufeff# Netscape HTTP Cookie File\r\n\r\n" +
		".example.com\tTRUE\t/\tTRUE\t2000000000\tname\tva lue\r\n" +
		"#HttpOnly_www.example.com\tFALSE\t/x\tFALSE\t0\tsession\t\n" +
		"localhost\tTRUE\t/\tFALSE\t0\ta\tb\n" +
		"# comment\nexample.org\tfalse\t/\tfalse\t0\tlost"))
	want := []SeedCookie{
		{Domain: "example.com", Path: "/", Secure: true, Expires: time.Unix(2000000000, 0).UTC(), Name: "name", Value: "va lue"},
		{Domain: "www.example.com", HostOnly: true, Path: "/x", Name: "session"},
		{Domain: "localhost", Path: "/", Name: "a", Value: "b"},
		{Domain: "example.org", HostOnly: true, Path: "/", Name: "lost"},
	}
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	f := open(t, Config{CookieSeed: got})
	sends(t, f, "https://a.example.com:8443/", "name=va lue")
	sends(t, f, "http://a.example.com/", "")
	sends(t, f, "http://www.example.com/x/y", "session=")
	sends(t, f, "http://localhost:3000/", "a=b")
	for _, c := range []struct{ file, want string }{
		{"a b c", "line 1: 1 fields"},
		{"\n\nexample.com TRUE / FALSE 0 a b", "line 3: 1 fields"},
		{"example.com\tYES\t/\tFALSE\t0\ta\tb", `line 1: "YES"`},
		{"example.com\tTRUE\t/\tFALSE\tsoon\ta\tb", `line 1: expiry "soon"`},
		{"example.com\tTRUE\t/\tFALSE\t0\t\tb", "line 1: the cookie has no name"},
		{"co.uk\tTRUE\t/\tFALSE\t0\ta\tb", "line 1: domain"},
		{"exa mple\tTRUE\t/\tFALSE\t0\ta\tb", "line 1: domain"},
		{"example.com\tTRUE\tx\tFALSE\t0\ta\tb", "line 1: path"},
		{"example.com\tTRUE\t/\tFALSE\t0\ta\tb;c", "line 1: the cookie holds"},
		{"# x\n" + strings.Repeat("y", maxCookieLine+1), "line 2: "},
	} {
		if _, err := ParseCookies(strings.NewReader(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", short([]byte(c.file)), err, c.want)
		}
	}
}

func FuzzCookies(f *testing.F) {
	f.Add("a=b; Path=/; Domain=example.com", ".example.com\tTRUE\t/\tTRUE\t2000000000\tname\tvalue")
	f.Add("a=\"b\"; expires=Fri, 07 Aug 2027 08:04:19 GMT; max-age=1", "#HttpOnly_x.example\tFALSE\t/\tFALSE\t0\ta\t")
	f.Fuzz(func(t *testing.T, line, file string) {
		seeds, err := ParseCookies(strings.NewReader(file))
		if err != nil {
			seeds = nil
		}
		f := open(t, Config{Cookies: true, CookieSeed: seeds})
		set(t, f, "http://www.example.com/x/y", line)
		h := f.jar.header(parse(t, "https://www.example.com/x/y"), time.Now())
		if strings.ContainsAny(h, "\r\n\x00") || len(h) > maxCookieHeader {
			t.Errorf("header %q", h)
		}
		g := open(t, Config{Cookies: true, CookieSeed: seeds, CookieState: f.CookieState()})
		sends(t, g, "https://www.example.com/x/y", h)
	})
}
