package search

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func wordsOfText(text string) (all []string) {
	var w words
	w.cut(text)
	for i := range w.list {
		all = append(all, string(w.get(i)))
	}
	return all
}

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		"  Anvil-recall: 2024's (best)": "anvil recall 2024 s best",
		"foo_bar.Baz@x":                 "foo bar baz x",
		"Café CAFE\u0301 cafe":          "cafe cafe cafe",
		"Straße STRASSE Ærø œuvre Łódź": "strasse strasse aero oeuvre lodz",
		"Ελλάς ΕΛΛΆΣ":                   "ελλασ ελλασ",
		"мой МОИ ещё еще Київ":          "мой мои еще еще київ",
		"İstanbul ISTANBUL":             "istanbul istanbul",
		"שָׁלוֹם שלום":                  "שלום שלום",
		"كِتَابٌ كتـاب":                 "كتاب كتاب",
		"हिन्दी":                        "हिन्दी",
		"Donau\u00addampf\u00ad schiff": "donaudampf schiff",
		"x²+½ № ㎏ ﬁne ＡＢＣ１２":            "x2 12 fine abc12",
		"東京都":                           "東京 京都 都",
		"東京 tower、東":                    "東京 京 tower 東",
		"ＰＣ用ｶﾞｲﾄﾞ か\u3099":              "pc 用ガ ガイ イド ド が",
		"データベース":                        "デー ータ タベ ベー ース ス",
		"한국어 \u1112\u1161\u11ab":        "한국 국어 어 한",
		"ภาษาไทย":                       "ภา าษ ษา าไ ไท ทย ย",
		"2024年5月":                       "2024 年 5 月",
		"😀 — … «»":                      "",
		"a\xff\xfeb":                    "a b",
		strings.Repeat("x", 300):        strings.Repeat("x", maxWord),
		strings.Repeat("é", 300):        strings.Repeat("e", maxWord),
		strings.Repeat("ж", 300):        strings.Repeat("ж", maxWord/2),
	} {
		if got := strings.Join(wordsOfText(text), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// FuzzWords: words lie in the text in order, are letters, numbers and marks, and
// are the same once more when they are cut again.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"Anvil recall", "東京 tower", "ｶﾞか\u3099", "\u1112\u1161\u11ab", "ﷺ½Ⅷ", "a\u00ad\u200bb", "İß", "\xe3\x81", "ำก", "\u0345\u0f39"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var w words
		w.cut(text)
		start := int32(0)
		for i, x := range w.list {
			if x.start < start || x.mid <= x.start || x.end < x.mid || int(x.end) > len(text) {
				t.Fatalf("%q: word %d is %+v", text, i, x)
			}
			start = x.start + 1
			folded := w.get(i)
			if len(folded) == 0 || len(folded) > maxWord || !utf8.Valid(folded) {
				t.Fatalf("%q: %q", text, folded)
			}
			for _, r := range string(folded) {
				if !unicode.In(r, unicode.L, unicode.N, unicode.M) {
					t.Fatalf("%q: %q", text, folded)
				}
			}
		}
		if n := len(w.list); n > utf8.RuneCountInString(text) {
			t.Fatalf("%q: %d words", text, n)
		}
	})
}

func TestParseQuery(t *testing.T) {
	for text, want := range map[string]string{
		"anvil recall":                    `(("anvil") AND ("recall"))`,
		`"Anvil  recall" x`:               `(("anvil recall") AND ("x"))`,
		`“anvil recall”`:                  `(("anvil recall"))`,
		`"anvil recall`:                   `(("anvil recall"))`,
		`x" y`:                            `(("x") AND ("y"))`,
		"a OR b c":                        `(("a" OR "b") AND ("c"))`,
		"a OR b OR c":                     `(("a" OR "b" OR "c"))`,
		"OR a OR":                         `(("or") AND ("a") AND ("or"))`,
		"a OR OR b":                       `(("a" OR "or") AND ("b"))`,
		"a OR -b":                         `(("a") AND ("or")) NOT ("b")`,
		"a -b -\"c d\" -title:e":          `(("a")) NOT ("b" OR "c d" OR title : "e")`,
		"a - b":                           `(("a") AND ("b"))`,
		"anv* \"big anv\"* title:an*":     `(("anv"*) AND ("big anv"*) AND (title : "an"*))`,
		"TITLE:a h1:\"b c\" headings:d":   `((title : "a") AND (h1 : "b c") AND (headings : "d"))`,
		"foo:bar title: x http://a.b/c":   `(("foo bar") AND ("title") AND ("x") AND ("http a b c"))`,
		"don't foo-bar C++":               `(("don t") AND ("foo bar") AND ("c"))`,
		"NEAR(a b, 2) AND NOT ^c {title}": `(("near a") AND ("b") AND ("2") AND ("and") AND ("not") AND ("c") AND ("title"))`,
		"東京都":                             `(("東京 京都"))`,
		"東京":                              `(("東京"))`,
		"東":                               `(("東"*))`,
		"\"東 tower 京都\"":                  `(("東 tower 京都"))`,
		"東京tower":                         `(("東京 京 tower"))`,
		"2024年":                           `(("2024 年"*))`,
	} {
		q, err := ParseQuery(text)
		if err != nil || q.fts() != want {
			t.Errorf("%s: %v, %v, want %s", text, q.fts(), err, want)
		}
	}
	for _, text := range []string{"", "  ", "-a", "\"\"", "***", "😀", "-", "OR -a -b" + strings.Repeat("x", maxQuery), strings.Repeat("x ", maxTerms+1), strings.Repeat("x-", maxWords+1)} {
		if q, err := ParseQuery(text); err == nil {
			t.Errorf("%.20q: %s", text, q.fts())
		}
	}
}

// FuzzQuery: whatever is typed is understood by FTS5 or refused before it, and
// finds itself.
func FuzzQuery(f *testing.F) {
	for _, s := range injections {
		f.Add(s)
	}
	db := fuzzDB(f)
	f.Fuzz(func(t *testing.T, text string) {
		q, err := ParseQuery(text)
		if err != nil {
			return
		}
		var n int
		if err := db.QueryRow("SELECT count(*) FROM texts WHERE texts MATCH ?", q.fts()).Scan(&n); err != nil {
			t.Fatalf("%q: %s: %v", text, q.fts(), err)
		}
		if len(q.never) > 0 || slices.ContainsFunc(q.terms, func(t *term) bool { return t.field != anywhere }) {
			return
		}
		var r reading
		if r.read(&Text{Body: text}); !r.matches(q) {
			t.Fatalf("%q does not find itself: %s", text, q.fts())
		}
	})
}

// injections are texts that would mean something to FTS5, SQL or a terminal.
var injections = []string{
	`"`, `""`, `"""`, `a"b`, `a""b`, `'`, `' OR 1=1 --`, `"; DROP TABLE texts; --`, `NEAR(a b)`, `NEAR(`, `a NEAR b`, `(a`, `a)`, `((`, `{title h1}: a`, `title : a`,
	`title:`, `:a`, `-`, `--`, `-a`, `a -`, `a AND`, `AND a`, `NOT`, `a NOT b`, `a OR`, `OR`, `^a`, `a^`, `*`, `a*`, `a**`, `*a`, `"a"*`, `"a" * b`, `+`, `a + b`,
	`a+b`, `\`, `a\"b`, "a\x00b", "\x00", "a\nb", "\x1b[31ma", "\xff", `a:b:c`, `texts:a`, `rank:a`, `title:h1:a`, `%s`, `%`, `_`, `[a]`, `a;b`, `/* a`, `a -- b`, `東"京`, `"東`, `ﷺ`,
	`a "b" "c`, `"a":b`, `column:"x`, strings.Repeat("(", 500), strings.Repeat(`"a `, 30), strings.Repeat("a OR ", 31) + "a",
}
