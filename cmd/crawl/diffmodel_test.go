package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"crawl/internal/testweb"

	"github.com/google/go-cmp/cmp"
)

// modelPage is a page of a web that changes.
type modelPage struct {
	status int
	title  string
	text   string
	price  string // "" for none
	hidden bool   // noindex
	to     string // of a redirect
	links  []int
}

// modelWeb is pages by their number; 0 is the home page.
type modelWeb map[int]*modelPage

func modelPath(n int) string {
	if n == 0 {
		return "/"
	}
	return fmt.Sprintf("/p/%d", n)
}

const modelPages = 24

// pick returns one of some values.
func pick[T any](rnd *rand.Rand, values ...T) T { return values[rnd.IntN(len(values))] }

// newModelPage makes a page of any kind; the home page is one that can be read.
func newModelPage(rnd *rand.Rand, n int) *modelPage {
	p := &modelPage{status: 200, title: pick(rnd, "One", "Two", "Three"), text: pick(rnd, "some words", "other words"), price: pick(rnd, "", "4", "4.00", "5.5"), hidden: rnd.IntN(5) == 0}
	if n > 0 {
		p.status = pick(rnd, 200, 200, 200, 200, 200, 200, 301, 404, 410, 500)
	}
	switch p.status {
	case 200:
		for range 1 + rnd.IntN(4) {
			p.links = append(p.links, rnd.IntN(modelPages))
		}
	case 301:
		p.to = modelPath(rnd.IntN(modelPages))
	}
	return p
}

func newModelWeb(rnd *rand.Rand) modelWeb {
	web := modelWeb{}
	for n := range modelPages {
		web[n] = newModelPage(rnd, n)
	}
	return web
}

// later is the web some time later. What led on does not fail, so that nothing is
// missed for the failure of another.
func (m modelWeb) later(rnd *rand.Rand) modelWeb {
	web := modelWeb{}
	for n, p := range m {
		q := *p
		switch rnd.IntN(8) {
		case 0:
			q.title = pick(rnd, "One", "Two", "Three")
		case 1:
			q.price = pick(rnd, "", "4", "4.00", "5.5")
		case 2:
			q.hidden = !q.hidden
		case 3:
			if q = *newModelPage(rnd, n); q.status == 500 && (p.to != "" || p.links != nil) {
				q.status = 404
			}
		}
		web[n] = &q
	}
	return web
}

func (m modelWeb) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for n, p := range m {
		if modelPath(n) != r.URL.Path {
			continue
		}
		var b strings.Builder
		fmt.Fprintf(&b, "<title>%s</title>", p.title)
		if p.hidden {
			b.WriteString("<meta name=robots content=noindex>")
		}
		fmt.Fprintf(&b, "<p>%s</p>", p.text)
		if p.price != "" {
			fmt.Fprintf(&b, "<meta itemprop=price content=%q>", p.price)
		}
		for _, l := range p.links {
			fmt.Fprintf(&b, "<a href=%q>x</a>", modelPath(l))
		}
		w.Header().Set("Content-Type", "text/html")
		if p.to != "" {
			w.Header().Set("Location", p.to)
		}
		if n%2 == 0 && p.status == http.StatusOK { // some say what is not modified
			tag := fmt.Sprintf("%q", fmt.Sprintf("%x", b.String()))
			w.Header().Set("ETag", tag)
			if r.Header.Get("If-None-Match") == tag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		w.WriteHeader(p.status)
		_, _ = w.Write([]byte(b.String()))
		return
	}
	http.NotFound(w, r)
}

// reached are the pages that a crawl comes to.
func (m modelWeb) reached() map[int]*modelPage {
	reached, queue := map[int]*modelPage{}, []int{0}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		if reached[n] != nil {
			continue
		}
		reached[n] = m[n]
		queue = append(queue, m[n].links...)
		for other := range m {
			if m[n].to == modelPath(other) {
				queue = append(queue, other)
			}
		}
	}
	return reached
}

// planted are the changes from one web to another, as diff tells them.
func planted(before, after modelWeb, origin string) (changes []string) {
	a, b := before.reached(), after.reached()
	isPage := func(p *modelPage) bool { return p != nil && p.status < 400 }
	isGone := func(p *modelPage) bool { return p == nil || p.status == 404 || p.status == 410 }
	status := func(p *modelPage) string {
		if p == nil {
			return "null"
		}
		return fmt.Sprint(p.status)
	}
	for n := range modelPages {
		was, is := a[n], b[n]
		tell := func(kind, before, after string) {
			if before != after {
				changes = append(changes, fmt.Sprintf("%s %s %s > %s", modelPath(n), kind, before, after))
			}
		}
		switch {
		case isPage(was) && isGone(is):
			if is != nil || was.status == 200 { // a redirect that nothing leads to is no loss
				tell("gone", status(was), status(is))
			}
			continue
		case isGone(was) && isPage(is):
			tell("new", status(was), status(is))
			continue
		case was == nil || is == nil || isGone(was) && is.status == 500:
			continue
		}
		tell("status", status(was), status(is))
		target := func(p *modelPage) string {
			if p.to == "" {
				return `""`
			}
			return fmt.Sprintf("%q", origin+p.to)
		}
		if isPage(was) && isPage(is) {
			tell("redirect", target(was), target(is))
		}
		if was.status != 200 || is.status != 200 {
			continue
		}
		listed := map[bool]string{false: `"index"`, true: `"noindex"`}
		tell("indexable", listed[was.hidden], listed[is.hidden])
		tell("title", fmt.Sprintf("%q", was.title), fmt.Sprintf("%q", is.title))
		if was.text != is.text {
			tell("text_hash", "", "other")
		}
		price := func(p *modelPage) string {
			if p.price == "" {
				return "null"
			}
			return strings.TrimSuffix(p.price, ".00")
		}
		tell("price", price(was), price(is))
	}
	return changes
}

// TestDiffFindsWhatWasPlanted crawls a random web and what becomes of it: diff
// tells just what was changed.
func TestDiffFindsWhatWasPlanted(t *testing.T) {
	settingsWorld(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 4 {
		before := newModelWeb(rnd)
		after := before.later(rnd)
		site := &current{}
		web, err := testweb.Serve(map[string]http.Handler{"a": site})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(web.Close)
		dir := t.TempDir()
		for _, m := range []http.Handler{before, after} {
			site.handler.Store(&m)
			ran(t, "run", web.URL("a", "/"), "--data", dir, "-q", "--retry", "0", "--sitemap", "off", "--extract", "price=css:meta[itemprop=price]@content|number")
		}
		got := told(t, ran(t, "diff", "--data", dir, "-f", "jsonl"), web.Origin("a"))
		want := planted(before, after, web.Origin("a"))
		slices.Sort(got)
		slices.Sort(want)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("(-planted +found)\n%s", d)
		}
	}
}

// ran runs the program, which must succeed, and returns its output.
func ran(t *testing.T, args ...string) string {
	t.Helper()
	var out, talk bytes.Buffer
	if code := run(args, strings.NewReader(""), &out, &talk); code != exitDone {
		t.Fatalf("%s: exit %d\n%s", strings.Join(args, " "), code, talk.String())
	}
	return out.String()
}

// told are the changes that diff tells, as planted has them.
func told(t *testing.T, lines, origin string) (changes []string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var c struct {
			Kind, URL     string
			Before, After json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		if c.Kind == "text_hash" {
			c.Before, c.After = nil, json.RawMessage("other")
		}
		changes = append(changes, fmt.Sprintf("%s %s %s > %s", strings.TrimPrefix(c.URL, origin), c.Kind, c.Before, c.After))
	}
	return changes
}
