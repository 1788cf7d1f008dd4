package testweb

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Handlers returns a handler for each host. Each call counts the answers of
// failing pages anew.
func (g *Graph) Handlers() map[string]http.Handler {
	served := &failures{count: map[int]int{}}
	handlers := make(map[string]http.Handler, g.o.Hosts)
	for h := range g.o.Hosts {
		handlers[hostName(h)] = &graphHost{graph: g, host: h, failures: served}
	}
	return handlers
}

// failures counts how often each failing page has failed; it cannot outgrow
// the number of such pages.
type failures struct {
	mu    sync.Mutex // guards count
	count map[int]int
}

// fail reports whether page n still has to fail.
func (f *failures) fail(n, times int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count[n] >= times {
		return false
	}
	f.count[n]++
	return true
}

type graphHost struct {
	graph    *Graph
	host     int
	failures *failures
}

func (s *graphHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g := s.graph
	if r.URL.Path == "/robots.txt" {
		w.Header().Set("Content-Type", types[".txt"])
		write(w, g.Robots(hostName(s.host)))
		return
	}
	n, ok := g.page(s.host, r.URL.RequestURI())
	if !ok {
		http.NotFound(w, r)
		return
	}
	switch g.kind(n) {
	case missing:
		http.NotFound(w, r)
		return
	case redirect:
		w.Header().Set("Location", g.href(r, n, g.target(n), 0))
		w.WriteHeader(g.redirectStatus(n))
		return
	case failing:
		if s.failures.fail(n, g.o.FailTimes) {
			http.Error(w, "not yet", http.StatusInternalServerError)
			return
		}
	case slow:
		if !pause(r.Context(), g.o.SlowBy) {
			return
		}
	}
	w.Header().Set("Content-Type", types[".html"])
	serveBytes(w, r, g.body(r, n), g.modified(n))
}

// Robots returns the robots.txt of host, the same for all.
func (g *Graph) Robots(host string) string {
	return "# " + host + "\nUser-agent: *\nDisallow: /private/\n"
}

// modified returns when page n was changed: some hour of the year 2024.
func (g *Graph) modified(n int) time.Time {
	return time.Date(2024, 1, 1, int(g.roll(n, rollDate)%(366*24)), 0, 0, 0, time.UTC)
}

// href spells a link from page n to page to in one of the ways in which people
// do; those of its own host need not name it.
func (g *Graph) href(r *http.Request, n, to int, way uint64) string {
	path := g.Path(to)
	switch {
	case n%g.o.Hosts != to%g.o.Hosts || way%4 == 0:
		return OriginIn(r.Context(), g.Host(to)) + path
	case way%4 == 1:
		return path
	case way%4 == 2:
		return path + "#part" + strconv.Itoa(n)
	}
	return ".." + path // every page lies at most one folder deep
}

var words = strings.Fields(`anvil hammer forge iron steel tongs bellows ember quench
	temper horn face heel pritchel hardy stand oak spark scale weld upset draw punch
	rivet chisel file grind polish blade hook hinge nail ring chain gate the of and
	with from under over`)

// body writes page n: its links, then words until it is long enough.
func (g *Graph) body(r *http.Request, n int) []byte {
	var b bytes.Buffer
	b.Grow(g.o.BodySize + 128)
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Page %d of %s</title></head>\n<body><h1>Page %[1]d</h1>\n<ul>\n", n, g.Host(n))
	for i, to := range g.Links(n) {
		fmt.Fprintf(&b, "<li><a href=\"%s\">page %d</a></li>\n", g.href(r, n, to, g.roll(n, rollLink+3*i+2)), to)
	}
	b.WriteString("</ul>\n<p>")
	dice := rand.New(rand.NewPCG(g.o.Seed, uint64(n)))
	for b.Len() < g.o.BodySize-len("</p></body></html>") {
		b.WriteString(words[dice.IntN(len(words))])
		b.WriteByte(' ')
	}
	b.WriteString("</p></body></html>\n")
	return b.Bytes()
}
