package weburl

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustParse(t testing.TB, raw string) URL {
	t.Helper()
	u, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// invariants hold for every URL there is.
func invariants(t *testing.T, u URL) {
	t.Helper()
	for _, c := range []byte(u.String()) {
		if c <= ' ' || c > '~' || c == '#' {
			t.Errorf("%q has the byte %#x", u.href, c)
		}
	}
	if again, err := Parse(u.String()); err != nil || again != u {
		t.Errorf("%s parsed again is %v, %v", u, again, err)
	}
	if again, err := u.Resolve(u.String()); err != nil || again != u {
		t.Errorf("%s resolved on itself is %v, %v", u, again, err)
	}
	if back, err := FromKey(u.Key()); err != nil || back != u {
		t.Errorf("%s comes back from its key %q as %v, %v", u, u.Key(), back, err)
	}
	if !bytes.HasPrefix(u.Key(), u.OriginKey()) {
		t.Errorf("%s: key %q does not begin with %q", u, u.Key(), u.OriginKey())
	}
	if u.Origin()+u.RequestURI() != u.String() || u.Len() != len(u.String()) || u.Len() > MaxLength {
		t.Errorf("%s: the pieces %q and %q do not make it", u, u.Origin(), u.RequestURI())
	}
	if next, err := u.Resolve("/next?q"); err != nil || next.Origin() != u.Origin() {
		t.Errorf("/next on %s left the origin: %v, %v", u, next, err)
	}
}

func TestParse(t *testing.T) {
	long := strings.Repeat("a", MaxLength-len("http://a/"))
	tests := map[string]struct{ raw, want string }{
		"case of scheme and host":  {"HTTP://WwW.Example.COM/A", "http://www.example.com/A"},
		"default port":             {"http://a:80/ https://", "http://a/%20https://"},
		"default port of https":    {"https://a:443", "https://a/"},
		"the other's default port": {"http://a:443", "http://a:443/"},
		"port with zeros":          {"http://a:0008080/", "http://a:8080/"},
		"port 0 is a port":         {"http://a:0/", "http://a:0/"},
		"empty port":               {"http://a:/x", "http://a/x"},
		"no slashes":               {"http:a/b", "http://a/b"},
		"many slashes":             {"http:////a//b", "http://a//b"},
		"backslashes":              {`http:\\a\b\..\c?d\e`, `http://a/c?d\e`},
		"dot segments":             {"http://a/./b/../../c/..", "http://a/"},
		"encoded dot segments":     {"http://a/b/%2E./c/%2e/d%2e", "http://a/c/d%2e"},
		"not dot segments":         {"http://a/.../..a/%2f../.%2e.", "http://a/.../..a/%2f../.%2e."},
		"empty segments":           {"http://a//b/../..//", "http://a//"},
		"blanks around":            {"\x00 http://a/b c \x1f", "http://a/b%20c"},
		"tabs and newlines":        {"ht\ntp://a\t/\r\nb#\t", "http://a/b"},
		"NUL in path":              {"http://a/\x00b\x00", "http://a/%00b"},
		"path encoding":            {"http://a/\"<>`{}^'|[]~\\é\x7f", "http://a/%22%3C%3E%60%7B%7D%5E'|[]~/%C3%A9%7F"},
		"query encoding":           {"http://a/?\"<>'`{}^|\\é", "http://a/?%22%3C%3E%27`{}^|\\%C3%A9"},
		"escapes stay":             {"http://a/%7e%2F%zz%?%41%e", "http://a/%7e%2F%zz%?%41%e"},
		"not UTF-8":                {"http://a/\xff?\xc3", "http://a/%EF%BF%BD?%EF%BF%BD"},
		"empty query":              {"http://a/?#x", "http://a/?"},
		"fragment":                 {"http://a/b #c?d", "http://a/b%20"},
		"userinfo":                 {"http://u:p@q@a:81/", "http://a:81/"},
		"userinfo like a host":     {"https://www.bank.example@evil.example", "https://evil.example/"},
		"empty userinfo":           {"http://@a/", "http://a/"},
		"IPv4 in hex":              {"http://0x7F.1/", "http://127.0.0.1/"},
		"IPv4 in octal":            {"http://0177.0.0.01/", "http://127.0.0.1/"},
		"IPv4 in one number":       {"http://2130706433/", "http://127.0.0.1/"},
		"IPv4 with empty hex":      {"http://0x/", "http://0.0.0.0/"},
		"IPv4 with a dot":          {"http://1.2.3.4./", "http://1.2.3.4/"},
		"IPv4 in wide digits":      {"http://１２７.0.0.1/", "http://127.0.0.1/"},
		"IPv4 escaped":             {"http://%31%32%37.1/", "http://127.0.0.1/"},
		"a name with a sign":       {"http://1.-1/", "http://1.-1/"},
		"a name with digits":       {"http://1.2.3.4a/", "http://1.2.3.4a/"},
		"IPv6":                     {"http://[2001:DB8:0:0::01]:80/", "http://[2001:db8::1]/"},
		"IPv6 longest run":         {"http://[1:0:0:2:0:0:0:3]/", "http://[1:0:0:2::3]/"},
		"IPv6 one zero":            {"http://[1:0:2:3:4:5:6:7]/", "http://[1:0:2:3:4:5:6:7]/"},
		"IPv6 maps IPv4":           {"http://[::FFFF:127.0.0.1]:8080/", "http://[::ffff:7f00:1]:8080/"},
		"IDN":                      {"http://BÜCHER.example/", "http://xn--bcher-kva.example/"},
		"sharp s":                  {"http://faß.de/", "http://xn--fa-hia.de/"},
		"capital sharp s":          {"http://FAẞ.DE/", "http://xn--fa-hia.de/"},
		"Georgian capitals":        {"http://\u10b5.example/", "http://xn--dlj.example/"},
		"ignored character":        {"http://a\u180eb\u00adc/", "http://abc/"},
		"other dots":               {"http://a。b．c｡d/", "http://a.b.c.d/"},
		"punycode":                 {"http://XN--BCHER-KVA.example/", "http://xn--bcher-kva.example/"},
		"hyphens":                  {"http://r3---sn-x.a_b.-c-/", "http://r3---sn-x.a_b.-c-/"},
		"escapes in host":          {"http://ex%41mple.com/", "http://example.com/"},
		"trailing dot":             {"http://a.example./", "http://a.example./"},
		"odd but allowed host":     {"http://a,b)!$&'(*+;=`{}~/", "http://a,b)!$&'(*+;=`{}~/"},
		"as long as it may be":     {"http://a/" + long, "http://a/" + long},
		"long and short":           {"http://a/" + strings.Repeat("x/../", 50_000), "http://a/"},
		"huge userinfo":            {"http://" + strings.Repeat("@", 1<<20) + "a/", "http://a/"},
		"huge fragment":            {"http://a/#" + strings.Repeat("x", 1<<20), "http://a/"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			u, err := Parse(tt.raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, u.String()); diff != "" {
				t.Errorf("Parse(%.200q) (-want +got):\n%s", tt.raw, diff)
			}
			invariants(t, u)
		})
	}
}

func TestRefused(t *testing.T) {
	tests := []struct {
		raw  string
		want error
	}{
		{"", ErrInvalid},
		{"#", ErrInvalid},
		{"/a", ErrInvalid},
		{"a", ErrInvalid},
		{"//a", ErrInvalid},
		{"http://", ErrInvalid},
		{"http:", ErrInvalid},
		{"http:///", ErrInvalid},
		{"https:#", ErrInvalid},
		{"http://u@/", ErrInvalid},
		{"http://:80/", ErrInvalid},
		{"http://a:b/", ErrInvalid},
		{"http://a:65536/", ErrInvalid},
		{"http://a:99999999999999999999/", ErrInvalid},
		{"http://a:-1/", ErrInvalid},
		{"http://a:80:80/", ErrInvalid},
		{"http://a b/", ErrInvalid},
		{"http://a\x00/", ErrInvalid},
		{"http://a%00/", ErrInvalid},
		{"http://a%2fb/", ErrInvalid},
		{"http://a%/", ErrInvalid},
		{"http://a^b/", ErrInvalid},
		{"http://a%40b/", ErrInvalid},
		{"http://a|b/", ErrInvalid},
		{"http://\xff/", ErrInvalid},
		{"http://%ff/", ErrInvalid},
		{"http://256.1.1.1/", ErrInvalid},
		{"http://1.2.3.4.5/", ErrInvalid},
		{"http://1.2.3.08/", ErrInvalid},
		{"http://4294967296/", ErrInvalid},
		{"http://0xffffffffffffffffffffff/", ErrInvalid},
		{"http://a.1/", ErrInvalid},
		{"http://1.+2.3.4/", ErrInvalid},
		{"http://1..2/", ErrInvalid},
		{"http://1.2.3.0x/..", nil},
		{"http://[::1/", ErrInvalid},
		{"http://[[::1]]/", ErrInvalid},
		{"http://[::1]a/", ErrInvalid},
		{"http://[]/", ErrInvalid},
		{"http://[1.2.3.4]/", ErrInvalid},
		{"http://[fe80::1%25eth0]/", ErrInvalid},
		{"http://[fe80::1%eth0]/", ErrInvalid},
		{"http://[::01.2.3.4]/", ErrInvalid},
		{"http://[1:2:3:4:5:6:7:8:9]/", ErrInvalid},
		{"http://a]/", ErrInvalid},
		{"http://xn--/", ErrInvalid},
		{"http://xn--a/", ErrInvalid},
		{"http://\u00ad/", ErrInvalid},
		{"http://\u200d.a/", ErrInvalid},
		{"http://" + strings.Repeat("\u4e00", 200) + "/", ErrInvalid},
		{"http://xn--" + strings.Repeat("a9z", 1<<18) + "/", ErrInvalid},
		{"http://a\u202eb/", ErrInvalid},
		{"http://ａ％２ｆ/", ErrInvalid},
		{"ftp://a/", ErrScheme},
		{"JavaScript:alert(1)", ErrScheme},
		{"data:,x", ErrScheme},
		{"mailto:a@b", ErrScheme},
		{"localhost:8080/", ErrScheme},
		{"java\nscript:x", ErrScheme},
		{"file:///etc/passwd", ErrScheme},
		{"https.:x", ErrScheme},
		{"http://a/" + strings.Repeat("a", MaxLength), ErrTooLong},
		{"http://a/?" + strings.Repeat(" ", MaxLength/2) + "x", ErrTooLong},
		{"http://" + strings.Repeat("a", 1<<20), ErrTooLong},
	}
	for _, tt := range tests {
		u, err := Parse(tt.raw)
		if !errors.Is(err, tt.want) || err != nil && !u.IsZero() {
			t.Errorf("Parse(%.100q) = %.100q, %v, want %v", tt.raw, u, err, tt.want)
		}
	}
}

func TestResolve(t *testing.T) {
	tests := []struct{ base, ref, want string }{
		{"http://a/b/c?q", "", "http://a/b/c?q"},
		{"http://a/b/c?q", "#f", "http://a/b/c?q"},
		{"http://a/b/c?q", "d", "http://a/b/d"},
		{"http://a/b/c?q=/x/", "d#f", "http://a/b/d"},
		{"http://a/b/c?q", "?", "http://a/b/c?"},
		{"http://a/b/c?q", "?r#f", "http://a/b/c?r"},
		{"http://a/b/c?q", "/d", "http://a/d"},
		{"http://a/b/c?q", `\d\e`, "http://a/d/e"},
		{"http://a/b/c?q", "//d", "http://d/"},
		{"https://a/b", "//d:443/e", "https://d/e"},
		{"https://a/b", `/\d`, "https://d/"},
		{"https://a/b", "///d", "https://d/"},
		{"http://a:81/b", "//A:81/c", "http://a:81/c"},
		{"http://[::1]:81/b", "//[::1]:81/c", "http://[::1]:81/c"},
		{"http://a/b/c/d", "../e", "http://a/b/e"},
		{"http://a/b/c/d", "../../../../e", "http://a/e"},
		{"http://a/b/c/d", "..", "http://a/b/"},
		{"http://a/b/c/d", "./", "http://a/b/c/"},
		{"http://a/b/c/d", ".", "http://a/b/c/"},
		{"http://a/b//", "..", "http://a/b/"},
		{"http://a//b", "..", "http://a/"},
		{"http://a/b/", "x y?z w", "http://a/b/x%20y?z%20w"},
		{"http://a/b", ":c", "http://a/:c"},
		{"http://a/b", "1:c", "http://a/1:c"},
		{"http://a/b/c", "http:d", "http://a/b/d"},
		{"http://a/b/c", "http:/d", "http://a/d"},
		{"http://a/b/c?q", "http:", "http://a/b/c?q"},
		{"http://a/b/c?q", "http:?r", "http://a/b/c?r"},
		{"http://a/b/c", "https:d", "https://d/"},
		{"http://a:443/b", "https://a:443/c", "https://a/c"},
		{"https://a/b", "HTTPS://B/c", "https://b/c"},
		{"http://a/b/é", "é", "http://a/b/%C3%A9"},
		{"http://a/b", " \t c \n", "http://a/c"},
	}
	for _, tt := range tests {
		got, err := mustParse(t, tt.base).Resolve(tt.ref)
		if err != nil || got.String() != tt.want {
			t.Errorf("%s on %s: got %v, %v, want %s", tt.ref, tt.base, got, err, tt.want)
		}
		invariants(t, got)
	}
	base := mustParse(t, "http://a/"+strings.Repeat("b/", 4000))
	for ref, want := range map[string]error{"javascript:": ErrScheme, "//": ErrInvalid, "http://": ErrInvalid, strings.Repeat("c", 500): ErrTooLong} {
		if u, err := base.Resolve(ref); !errors.Is(err, want) || !u.IsZero() {
			t.Errorf("Resolve(%.50q) = %v, %v, want %v", ref, u, err, want)
		}
	}
}

func TestZeroURL(t *testing.T) {
	var u URL
	if _, err := u.Resolve("http://a/"); !errors.Is(err, ErrInvalid) {
		t.Errorf("Resolve: %v, want ErrInvalid", err)
	}
	_, ip := u.IsIP()
	got := []any{u.IsZero(), u.String(), u.Len(), u.Host(), u.Path(), len(u.Key()), len(u.OriginKey()), u.RegistrableDomain(), u.IsLocalName(), u.BadPort(), ip}
	want := []any{true, "", 0, "", "", 0, 0, "", false, false, false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the zero URL (-want +got):\n%s", diff)
	}
}

func TestAccessors(t *testing.T) {
	type parts struct{ Origin, Scheme, Host, Hostname, Port, RequestURI, Path, Query string }
	tests := map[string]parts{
		"http://a.b/c/d?e?f":  {"http://a.b", "http", "a.b", "a.b", "80", "/c/d?e?f", "/c/d", "e?f"},
		"https://a:8443":      {"https://a:8443", "https", "a:8443", "a", "8443", "/", "/", ""},
		"https://[::1]/?":     {"https://[::1]", "https", "[::1]", "::1", "443", "/?", "/", ""},
		"http://[::1]:81/://": {"http://[::1]:81", "http", "[::1]:81", "::1", "81", "/://", "/://", ""},
	}
	for raw, want := range tests {
		u := mustParse(t, raw)
		got := parts{u.Origin(), u.Scheme(), u.Host(), u.Hostname(), u.Port(), u.RequestURI(), u.Path(), u.Query()}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", raw, diff)
		}
	}
}

func TestErrorIsSafeToPrint(t *testing.T) {
	tests := map[string]string{
		"http://\x1b[2J\u202e": `"http://\x1b[2J\u202e": not a URL`,
		"JAVASCRIPT:x":         `"JAVASCRIPT:x": scheme "javascript" is not http or https`,
	}
	for raw, want := range tests {
		if _, err := Parse(raw); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", raw, err, want)
		}
	}
	for _, raw := range []string{strings.Repeat("\U000e0001", 1<<16), strings.Repeat("a", 1<<20) + ":", strings.Repeat("\x1b", 1<<20)} {
		_, err := Parse(raw)
		var e *Error
		if !errors.As(err, &e) || len(e.Raw) > 256 || len(e.Scheme) > 32 || len(err.Error()) >= 600 {
			t.Errorf("%.20q: error is %d bytes: %v", raw, len(err.Error()), err)
			continue
		}
		for _, c := range []byte(err.Error()) {
			if c < ' ' || c > '~' {
				t.Errorf("%.20q: error has the byte %#x", raw, c)
			}
		}
	}
}

// TestManyDigits: a label that only begins with digits is a name, however many
// there are.
func TestManyDigits(t *testing.T) {
	const raw = "http://555555555555555555555555555555a/b"
	if u, err := Parse(raw); err != nil || u.String() != raw {
		t.Errorf("%s, %v", u, err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	for _, s := range []string{"", "http", "http://", "http:///", "http://a", "ftp://a/", "mailto:a@b/", "/a/b", "http://a/ b", "http://a/\r\nHost: b", "http://a/\x1b[2J", "http://a/\x7f", "http://a/\u00e9"} {
		if u, err := Restore(s); !errors.Is(err, ErrInvalid) || !u.IsZero() {
			t.Errorf("%q is restored as %q, error %v", s, u, err)
		}
	}
	if u, err := Restore("http://a/" + strings.Repeat("x", MaxLength)); !errors.Is(err, ErrTooLong) || !u.IsZero() {
		t.Errorf("what is too long is restored, error %v", err)
	}
}
