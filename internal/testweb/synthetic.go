package testweb

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// SyntheticOptions shape a seeded web. The shares are between 0 and 1 and are
// taken of all pages but the hosts' roots, each page being of one kind.
type SyntheticOptions struct {
	Seed         uint64
	Hosts        int           // h0, h1, …; 0: 1
	Pages        int           // of all hosts together, at least one a host; 0: 100
	LinksPerPage int           // 0: 8
	CrossHost    float64       // share that goes to any host, of the half of the links that goes astray
	Redirects    float64       // share that answers 301, 302, 307 or 308; chains are at most 2 hops long
	Missing      float64       // share that answers 404
	Failing      float64       // share that answers 500 at first
	FailTimes    int           // how often; 0: 1
	Disallowed   float64       // share that lies below /private/, which robots.txt forbids
	Slow         float64       // share that answers late
	SlowBy       time.Duration // how late; 0: 200 ms
	BodySize     int           // bytes of a page, which its links may exceed; 0: 4096
}

// Graph is a web computed from a seed. No page is stored: each follows from
// its number, so that ten million of them cost nothing. Page n belongs to host
// n modulo Hosts, and the first page of each host is its root.
//
// Half of a page's links lead to its children in a tree over its host, so that
// plain pages alone would all be reachable; the other half lead anywhere.
type Graph struct{ o SyntheticOptions }

// Synthetic returns the web of o. The same options give the same web, on every
// machine and for every order of requests.
func Synthetic(o SyntheticOptions) *Graph {
	atLeast := func(v *int, least, otherwise int) {
		if *v < least {
			*v = otherwise
		}
	}
	atLeast(&o.Hosts, 1, 1)
	atLeast(&o.Pages, 1, 100)
	atLeast(&o.Pages, o.Hosts, o.Hosts)
	atLeast(&o.LinksPerPage, 1, 8)
	atLeast(&o.FailTimes, 1, 1)
	atLeast(&o.BodySize, 1, 4096)
	if o.SlowBy <= 0 {
		o.SlowBy = 200 * time.Millisecond
	}
	return &Graph{o}
}

// kind is what a page does.
type kind int

const (
	plain kind = iota
	redirect
	missing
	failing
	disallowed
	slow
)

// What a roll of the dice decides.
const (
	rollKind = iota + 1
	rollTarget
	rollChain
	rollStatus
	rollDate
	rollLink // and the numbers after it, three for each link
)

// roll returns the random bits that decide what about page n.
func (g *Graph) roll(n, what int) uint64 {
	p := rand.NewPCG(g.o.Seed, uint64(n)<<20^uint64(what))
	return p.Uint64()
}

// chance returns a number in [0,1) in place of roll.
func (g *Graph) chance(n, what int) float64 { return float64(g.roll(n, what)>>11) / (1 << 53) }

func (g *Graph) kind(n int) kind {
	if n < g.o.Hosts {
		return plain
	}
	x := g.chance(n, rollKind)
	for k, share := range [...]float64{
		redirect: g.o.Redirects, missing: g.o.Missing,
		failing: g.o.Failing, disallowed: g.o.Disallowed, slow: g.o.Slow,
	} {
		if x < share {
			return kind(k)
		}
		x -= share
	}
	return plain
}

// Host returns the name of the host of page n.
func (g *Graph) Host(n int) string { return hostName(n % g.o.Hosts) }

func hostName(h int) string { return "h" + strconv.Itoa(h) }

// Path returns the path of page n.
func (g *Graph) Path(n int) string {
	switch {
	case n < g.o.Hosts:
		return "/"
	case g.kind(n) == disallowed:
		return "/private/" + strconv.Itoa(n)
	}
	return "/p/" + strconv.Itoa(n)
}

// page returns the number of the page at path of host h, or false.
func (g *Graph) page(h int, path string) (int, bool) {
	if path == "/" {
		return h, true
	}
	n, err := strconv.Atoi(path[strings.LastIndexByte(path, '/')+1:])
	if err != nil || n < 0 || n >= g.o.Pages || n%g.o.Hosts != h || g.Path(n) != path {
		return 0, false
	}
	return n, true
}

// Links returns the numbers of the pages that page n links to, in the order of
// its text, with repeats.
func (g *Graph) Links(n int) []int {
	h, own := n%g.o.Hosts, n/g.o.Hosts
	here := (g.o.Pages - h + g.o.Hosts - 1) / g.o.Hosts // pages of this host
	branches := (g.o.LinksPerPage + 1) / 2
	links := make([]int, 0, g.o.LinksPerPage)
	for child := own*branches + 1; child <= own*branches+branches && child < here; child++ {
		links = append(links, child*g.o.Hosts+h)
	}
	for i := branches; i < g.o.LinksPerPage; i++ {
		where := g.roll(n, rollLink+3*i)
		if g.chance(n, rollLink+3*i+1) < g.o.CrossHost {
			links = append(links, int(where%uint64(g.o.Pages)))
		} else {
			links = append(links, int(where%uint64(here))*g.o.Hosts+h)
		}
	}
	return links
}

// targetTries bounds the search for a page that a redirect may lead to.
const targetTries = 1000

// target returns where the redirect n leads: to a page that is none, or, from
// every second redirect, to one that leads to such a page. So none leads in a
// circle.
func (g *Graph) target(n int) int {
	t := int(g.roll(n, rollTarget) % uint64(g.o.Pages))
	for range targetTries {
		if g.kind(t) != redirect || g.chained(n) && !g.chained(t) {
			return t
		}
		t = (t + 1) % g.o.Pages
	}
	return n % g.o.Hosts
}

func (g *Graph) chained(n int) bool { return g.roll(n, rollChain)&1 == 1 }

// redirectStatus returns the status of the redirect n.
func (g *Graph) redirectStatus(n int) int {
	return [...]int{301, 302, 307, 308}[g.roll(n, rollStatus)&3]
}
