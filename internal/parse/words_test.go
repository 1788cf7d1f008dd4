package parse

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// readAll reads a text as the main text.
func readAll(text string) *textReader {
	var t textReader
	t.take(append([]byte(text+"\n"), make([]byte, textSpare)...), 0, len(text)+1, true)
	return &t
}

// plainWords counts as textReader does, a character after the other.
func plainWords(text string) (n int) {
	inWord := false
	end := func() {
		if inWord {
			n++
		}
		inWord = false
	}
	for _, r := range text {
		kind := kindOfRune(r)
		switch {
		case r <= ' ':
			kind = runeBreak
		case r < utf8.RuneSelf && isAlnum(byte(r)):
			kind = runeLetter
		case r < utf8.RuneSelf:
			kind = runeOther
		}
		switch kind {
		case runeLetter:
			inWord = true
		case runeBreak:
			end()
		case runeIdeograph:
			end()
			n++
		}
	}
	end()
	return n
}

// A text has the same words wherever they fall in what is looked at at once, and
// the same hashes whatever white space parts them.
func sameWords(t *testing.T, text string) {
	t.Helper()
	text = strings.ToValidUTF8(text, "")
	got := readAll(text)
	if want := plainWords(text); got.words != want {
		t.Fatalf("%q: %d words, want %d", text, got.words, want)
	}
	var spread strings.Builder
	for i, run := range strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' }) {
		spread.WriteString(strings.Repeat(" ", 1+i%7) + strings.Repeat("\n", i%3) + run)
	}
	other := readAll(spread.String())
	if got.hash() != other.hash() || got.simhash() != other.simhash() || got.words != other.words {
		t.Fatalf("%q and %q: %x and %x, %x and %x, %d and %d words", text, spread.String(),
			got.hash(), other.hash(), got.simhash(), other.simhash(), got.words, other.words)
	}
}

// wordParts are what texts are made of.
var wordParts = []string{
	"a", "Z9", " ", "  ", "\n\t", "-", "|", "é", "ß", "\u00A0", "×", "“", "”", "—", "…", "東京", "ひ", "한국", "мир", "𝒳", "🙂", ".", "\x01", "\x7F",
	"word", "eightlet", "nineletters", "exactlysixteen16", "seventeen-letters", strings.Repeat("x", 70), strings.Repeat("日", 30), strings.Repeat("…", 25),
}

func TestWordsAnywhere(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	for range 5000 {
		var b strings.Builder
		for range r.IntN(60) {
			b.WriteString(wordParts[r.IntN(len(wordParts))])
		}
		sameWords(t, b.String())
	}
}

// TestHashesStay: hashes are stored, and a page is held against those that an earlier
// program made of it.
func TestHashesStay(t *testing.T) {
	const want = "44e82a9453b6e5ccf5d8a3bf09f24ff3ab492370d3c5e3effea3672e1f13a1c9"
	all, x := sha256.New(), uint64(1)
	next := func(n int) int {
		x = x*6364136223846793005 + 1442695040888963407
		return int(x>>33) % n
	}
	for range 500 {
		var b strings.Builder
		for range next(300) {
			b.WriteString(wordParts[next(len(wordParts))])
		}
		got := readAll(b.String())
		fmt.Fprintf(all, "%x %x %d\n", got.hash(), got.simhash(), got.words)
	}
	if got := hex.EncodeToString(all.Sum(nil)); got != want {
		t.Errorf("the hashes of texts are others: %s, want %s", got, want)
	}
}

// Every letter counts for the hash, and its case, wherever it stands.
func TestHashOfEveryLetter(t *testing.T) {
	for n := 1; n < 80; n++ {
		text := strings.Repeat("a", n) + " " + strings.Repeat("a", n/2) + " aaaaaaaaaaaa aaa"
		hashes := map[[16]byte]string{readAll(text).hash(): text}
		for i := range text {
			for _, c := range "Ab" {
				if text[i] == ' ' {
					continue
				}
				changed := text[:i] + string(c) + text[i+1:]
				hash := readAll(changed).hash()
				if same, ok := hashes[hash]; ok {
					t.Errorf("%q and %q have one hash", changed, same)
				}
				hashes[hash] = changed
			}
		}
	}
}

// FuzzWords does the same with whatever comes.
func FuzzWords(f *testing.F) {
	f.Add("one two\u00A0three — “four” 五六 seven\x00 eight")
	f.Fuzz(sameWords)
}
