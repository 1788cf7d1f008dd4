package parse

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
)

func encoded(t *testing.T, name, s string) string {
	t.Helper()
	e, _ := charset.Lookup(name)
	out, err := e.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCharset(t *testing.T) {
	russian := "<title>Это обычный русский текст, который написан для того, чтобы по нему можно было определить кодировку страницы</title>"
	japanese := "<title>これは日本語の文章です。文字コードを判定するために書かれています。</title>"
	for _, c := range []struct{ name, mime, body, charset, from, title string }{
		{"plain", "text/html", "<title>x</title>", "windows-1252", "default", "x"},
		{"header", "text/html; charset=iso-8859-1", "<title>\xe9\x80</title>", "windows-1252", "header", "é€"},
		{"meta", "text/html", "<meta charset='koi8-r'><title>\xc1</title>", "koi8-r", "meta", "а"},
		{"meta http-equiv", "text/html", `<META http-equiv=Content-Type content="text/html; charset=koi8-r"><title>` + "\xc1", "koi8-r", "meta", "а"},
		{"meta without pragma", "text/html", `<meta content="text/html; charset=koi8-r"><title>x`, "windows-1252", "default", "x"},
		{"header before meta", "text/html; charset=utf-8", "<meta charset=koi8-r><title>é", "utf-8", "header", "é"},
		{"mark before header", "text/html; charset=koi8-r", "\xEF\xBB\xBF<title>é", "utf-8", "bom", "é"},
		{"UTF-16 mark", "text/html", "\xFE\xFF\x00<\x00t\x00i\x00t\x00l\x00e\x00>\x00x", "utf-16be", "bom", "x"},
		{"UTF-16 in meta is not", "text/html", "<meta charset=utf-16le><title>é", "utf-8", "meta", "é"},
		{"unknown labels", "text/html; charset=utf-7", "<meta charset=x-nothing><title>é", "utf-8", "detected", "é"},
		{"late meta", "text/html", "<!--" + strings.Repeat("x", 5000) + "--><meta charset=koi8-r><title>\xc1", "koi8-r", "meta", "а"},
		{"meta in a comment", "text/html", "<!-- <meta charset=koi8-r> --><title>x", "windows-1252", "default", "x"},
		{"UTF-8 far behind", "text/html", "<!--" + strings.Repeat("x", 5000) + "--><title>é", "utf-8", "detected", "é"},
		{"UTF-8 cut in a character", "text/html", "<title>é</title>\xE2\x82", "utf-8", "detected", "é"},
		{"Russian", "text/html", encoded(t, "windows-1251", russian), "windows-1251", "detected", russian[7 : len(russian)-8]},
		{"Japanese", "text/html", encoded(t, "shift_jis", japanese), "shift_jis", "detected", japanese[7 : len(japanese)-8]},
		{"gb2312 is gbk", "text/html; charset=gb2312", "<title>\x81\x40</title>", "gbk", "header", "丂"},
		{"overlong and surrogates", "text/html; charset=utf-8", "<title>\xC0\xAF\xED\xA0\x80</title>", "utf-8", "header", strings.Repeat("\uFFFD", 5)},
		{"XML declaration in a page", "text/html", "<?xml version='1.0' encoding='koi8-r'?><title>\xc1", "koi8-r", "meta", "а"},
	} {
		d := Parse(mustURL(t, here), header("Content-Type", c.mime), []byte(c.body), Options{})
		if d.Charset != c.charset || d.CharsetFrom != c.from || d.Title != c.title {
			t.Errorf("%s: got %s from %s, %q", c.name, d.Charset, d.CharsetFrom, d.Title)
		}
	}
}

func TestDetectionIsStable(t *testing.T) {
	body := []byte("<p>\xe9t\xe9 \xe0 la \xfc ni\xf1o")
	first := detect(body, false)
	for range 20 {
		if got := detect(body, false); got != first {
			t.Fatalf("got %q, then %q", first, got)
		}
	}
}

func TestQueryInDocumentEncoding(t *testing.T) {
	for _, c := range []struct{ label, html, want string }{
		{"utf-8", "<a href='/é?é=é'>", "/%C3%A9?%C3%A9=%C3%A9"},
		{"windows-1252", "<a href='/é?é=é&b=%41 #é'>", "/%C3%A9?%E9=%E9&b=%41%20"},
		{"shift_jis", "<a href='?\u2192'>", "/dir/page?%81%A8"},
		{"windows-1252", "<a href='?&rarr;'>", "/dir/page?%26%238594%3B"},
		{"utf-16le", "<a href='?é'>", "/dir/page?%C3%A9"},
	} {
		h := header("Content-Type", "text/html; charset="+c.label)
		d := Parse(mustURL(t, here), h, []byte(encoded(t, c.label, c.html)), Options{})
		if len(d.Links) != 1 || d.Links[0].URL.RequestURI() != c.want {
			t.Errorf("%s %q: got %v", c.label, c.html, show(d.Links))
		}
	}
}

// Wherever a fault stands in a text, it is found, and nothing else.
func TestValidUTF8(t *testing.T) {
	for _, part := range []string{"", "é", "日本", "\xFF", "\xC3", "\xE6\x97", "𝒳", "\xF0\x9D\x92", "\x80"} {
		for before := range 2 * asciiBytes {
			for _, after := range []int{0, 1, asciiBytes - 1, 3 * asciiBytes} {
				b := []byte(strings.Repeat("a", before) + part + strings.Repeat("b", after))
				if got, want := validUTF8(b), utf8.Valid(b); got != want {
					t.Fatalf("%q: %t", b, got)
				}
				b = append(b, "日\xE6"...)
				if validUTF8(b) {
					t.Fatalf("%q is taken for valid", b)
				}
			}
		}
	}
}
