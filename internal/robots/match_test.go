package robots

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// naive answers whether a normal pattern matches a path as the reference matcher
// does: it keeps all lengths of path that the pattern so far can match.
func naive(pattern, path string) bool {
	can := make([]bool, len(path)+1)
	can[0] = true
	for i := range len(pattern) {
		c := pattern[i]
		switch {
		case c == '$' && i == len(pattern)-1:
			return can[len(path)]
		case c == '*':
			for k := range path {
				can[k+1] = can[k+1] || can[k]
			}
		default:
			for k := len(path); k > 0; k-- {
				can[k] = can[k-1] && path[k-1] == c
			}
			can[0] = false
		}
	}
	for _, ok := range can {
		if ok {
			return true
		}
	}
	return false
}

// TestAgainstNaive asks random files of few letters, so that patterns nest,
// repeat and tie, about random paths.
func TestAgainstNaive(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	word := func(letters string, most int) string {
		b := make([]byte, rnd.IntN(most+1))
		for i := range b {
			b[i] = letters[rnd.IntN(len(letters))]
		}
		return "/" + string(b)
	}
	for range 2000 {
		lines := []string{"user-agent: *"}
		for range 1 + rnd.IntN(12) {
			pattern := word("aaabb/**", 6)
			if rnd.IntN(4) == 0 {
				pattern += "$"
			}
			lines = append(lines, []string{"allow: ", "disallow: "}[rnd.IntN(2)]+pattern)
			if rnd.IntN(8) == 0 {
				lines = append(lines, "user-agent: *")
			}
		}
		f := Parse(text(lines...))
		for range 20 {
			path := word("aaabb/", 8)
			want := Verdict{Allowed: true, Agent: "*"}
			size := 0
			for i, l := range lines {
				name, pattern, _ := strings.Cut(l, ": ")
				if name == "user-agent" || !naive(pattern, path) {
					continue
				}
				if len(pattern) > size || len(pattern) == size && name == "allow" && !want.Allowed {
					want, size = Verdict{name == "allow", i + 1, l, "*"}, len(pattern)
				}
			}
			if got := f.Test("bot", path); got != want {
				t.Fatalf("seed %d: %q under\n%s\n= %+v, want %+v", seed, path, strings.Join(lines, "\n"), got, want)
			}
		}
	}
}

// hostile are files made to be slow. Each must be parsed and asked within bounds
// that only linear time keeps.
func hostile() map[string][]byte {
	fill := func(head, line string) []byte {
		return []byte(head + strings.Repeat(line, (MaxBytes-len(head))/len(line)))
	}
	var nested, agents strings.Builder
	nested.WriteString("user-agent: *\n")
	for i := range 1000 {
		nested.WriteString("disallow: /" + strings.Repeat("a", i) + "b\n")
	}
	for i := range 12_000 {
		fmt.Fprintf(&agents, "user-agent: a%d\n", i)
	}
	delays := fill(agents.String(), "crawl-delay:1\n")
	rules := fill(agents.String(), "disallow:/a*aac\n")
	return map[string][]byte{
		"one pattern of many stars":  fill("user-agent: *\ndisallow: /", "a*")[:maxLine],
		"patterns of many stars":     fill("user-agent: *\n", "disallow: /"+strings.Repeat("a*", 3000)+"ac$\n"),
		"many patterns of few stars": fill("user-agent: *\n", "disallow: /*a*a*aaaaaaac\n"),
		"only stars":                 fill("user-agent: *\ndisallow: ", "*"),
		"nested paths":               []byte(nested.String()),
		"the same agent again":       fill("", "user-agent: *\ndisallow: /a*aac\n"),
		"long pieces":                fill("user-agent: *\n", "disallow: /*"+strings.Repeat("a", 100)+"c\n"),
		"agents times rules":         rules,
		"agents times delays":        delays,
		"no line end":                fill("", "x"),
		"empty lines":                fill("", "\r"),
		"colons":                     fill("", ":"),
		"escapes":                    fill("user-agent: *\n", "disallow: /%61*%61c%61c\n"),
	}
}

func TestHostileFilesTakeLinearTime(t *testing.T) {
	// The path holds every byte that the patterns need, at the wrong place.
	path := "/ac" + strings.Repeat("a", 8000)
	for name, body := range hostile() {
		start := time.Now()
		f := Parse(body)
		parsed := time.Now()
		f.Test("a11999", path)
		f.Test("bot", path)
		f.CrawlDelay("a0")
		asked := time.Now()
		// Generous for a slow machine under the race detector; quadratic time
		// would take minutes.
		if d := asked.Sub(start); d > 20*time.Second {
			t.Errorf("%s: %v to parse, %v to ask", name, parsed.Sub(start), asked.Sub(parsed))
		}
		t.Logf("%-28s parse %8v, ask %8v", name, parsed.Sub(start).Round(time.Microsecond), asked.Sub(parsed).Round(time.Microsecond))
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"User-agent: *\nDisallow: /a*b$\nAllow: /%61/index.html\nCrawl-delay: 1\nSitemap: /s\n",
		"\xEF\xBBuser agent x\rdisallow /ü # c\r\n\nRequest-rate: 1/5m\n",
		"\xFF\xFEu\x00s\x00e\x00r\x00",
		"User-agent: a\nUser-agent: b\nDissallow: /**%2A$\nhttp://a/sitemap\n",
	} {
		f.Add([]byte(seed), "a", "/a%62?x")
	}
	f.Fuzz(func(t *testing.T, body []byte, agent, uri string) {
		file := Parse(body)
		v := file.Test(agent, uri)
		lower := strings.ToLower(agent)
		if v != file.Test(lower, uri) && strings.ToLower(strings.ToUpper(agent)) == lower {
			t.Errorf("letter case of %q counts", agent)
		}
		if (v.Line == 0) != (v.Rule == "") || !v.Allowed && v.Line == 0 {
			t.Errorf("%+v has no reason", v)
		}
		if d, ok := file.CrawlDelay(agent); d < 0 || d > MaxDelay || !ok && d != 0 {
			t.Errorf("delay %v, %t", d, ok)
		}
		if len(file.Sitemaps()) > maxSitemaps || len(file.Problems()) > maxProblems {
			t.Error("a limit is passed")
		}
		for _, decode := range []bool{false, true} {
			if once := normal(uri, false, decode); normal(once, false, decode) != once && !strings.Contains(uri, "%") {
				t.Errorf("normal(%q) = %q is not normal", uri, once)
			}
		}
		if path := requestPath(uri); path == "" || path[0] != '/' {
			t.Errorf("requestPath(%q) = %q", uri, path)
		}
	})
}

// FuzzMatch holds the index to the naive matcher, one rule at a time.
func FuzzMatch(f *testing.F) {
	f.Add("/a*b$", "/a/b")
	f.Add("/**a*$", "/%2A")
	f.Add("/%61$$", "/a$")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		if len(pattern)+len(path) > 1000 || pattern == "" || pattern[0] != '/' && pattern[0] != '*' {
			return
		}
		body, end := strings.CutSuffix(pattern, "$")
		spelt := normal(body, true, false)
		if end {
			spelt += "$"
		}
		path = normal(requestPath(path), false, false)
		var b block
		b.add(pattern, rule{line: 1})
		b.build()
		if got, want := b.written.find(path, bytesOf(path), nil) != nil, naive(spelt, path); got != want {
			t.Errorf("%q matches %q = %t, want %t", pattern, path, got, want)
		}
	})
}

// large is a file of the size and kind of the greatest in use: n rules in a
// hundred folders, some with wildcards.
func large(n int) []byte {
	lines := []string{"User-agent: *"}
	for i := range n {
		switch i % 10 {
		case 8:
			lines = append(lines, fmt.Sprintf("Disallow: /*/print%d$", i))
		case 9:
			lines = append(lines, fmt.Sprintf("Allow: /shop%d/*?sort=%d", i%100, i))
		default:
			lines = append(lines, fmt.Sprintf("Disallow: /shop%d/item%d/", i%100, i))
		}
	}
	return text(lines...)
}

func BenchmarkParse(b *testing.B) {
	for _, n := range []int{10, 1000, 15_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			body := large(n)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				Parse(body)
			}
		})
	}
}

func BenchmarkTest(b *testing.B) {
	for _, n := range []int{10, 1000, 15_000} {
		f := Parse(large(n))
		for name, uri := range map[string]string{
			"miss":    "/catalogue/page.html?id=7",
			"hit":     "/shop41/item41/x",
			"escaped": "/shop41/%7Ejoe/%C3%BC.html",
		} {
			b.Run(fmt.Sprint(n, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f.Test("bot", uri)
				}
			})
		}
	}
}

// BenchmarkStars is the pattern that brings backtracking matchers down.
func BenchmarkStars(b *testing.B) {
	f := Parse(text("user-agent: *", "disallow: /"+strings.Repeat("a*", 50)+"b$"))
	path := "/" + strings.Repeat("a", 4000)
	for b.Loop() {
		f.Test("bot", path)
	}
}
