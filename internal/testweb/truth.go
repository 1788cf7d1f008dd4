package testweb

import (
	"iter"
	"maps"
	"strings"
)

// Truth is what a crawl must know of one URL of a Graph in the end.
type Truth struct {
	Status     int    // of the last answer; 0 if Disallowed
	Disallowed bool   // found, and never to be requested
	Location   string // where a redirect leads
	Fails      int    // how often 500 comes before Status
	Depth      int    // links from the nearest seed; a redirect counts none
}

// Reachable returns the exact result of an unlimited crawl from seeds, by URL:
// links of all hosts are in scope, redirects are followed, what robots.txt
// disallows is not fetched, and pages that fail at first are asked until they
// answer. robots.txt itself is not in it. base gives the origin of a host, as
// (*Web).Origin does. Seeds that are no page of the graph are left out.
func (g *Graph) Reachable(base func(host string) string, seeds ...string) map[string]Truth {
	return maps.Collect(g.Truths(base, seeds...))
}

// Truths yields what Reachable returns, in the order of page numbers, for webs
// whose URLs would not fit into memory: it needs four bytes a page.
func (g *Graph) Truths(base func(host string) string, seeds ...string) iter.Seq2[string, Truth] {
	return func(yield func(string, Truth) bool) {
		for n, depth := range g.depths(g.seeds(base, seeds)) {
			if depth == unreached {
				continue
			}
			if !yield(base(g.Host(n))+g.Path(n), g.truth(base, n, int(depth))) {
				return
			}
		}
	}
}

func (g *Graph) truth(base func(string) string, n, depth int) Truth {
	t := Truth{Status: 200, Depth: depth}
	switch g.kind(n) {
	case redirect:
		to := g.target(n)
		t.Status, t.Location = g.redirectStatus(n), base(g.Host(to))+g.Path(to)
	case missing:
		t.Status = 404
	case disallowed:
		t.Status, t.Disallowed = 0, true
	case failing:
		t.Fails = g.o.FailTimes
	}
	return t
}

// seeds returns the numbers of the pages that urls name.
func (g *Graph) seeds(base func(string) string, urls []string) []int {
	hosts := make(map[string]int, g.o.Hosts)
	for h := range g.o.Hosts {
		hosts[base(hostName(h))] = h
	}
	var pages []int
	for _, url := range urls {
		scheme, rest, _ := strings.Cut(url, "://")
		authority, path, _ := strings.Cut(rest, "/")
		h, known := hosts[scheme+"://"+authority]
		if n, ok := g.page(h, "/"+path); known && ok {
			pages = append(pages, n)
		}
	}
	return pages
}

const unreached = -1

// depths returns for each page how many links it is away from the nearest of
// seeds. It goes level by level; the target of a redirect joins the level of
// the redirect, and leaves a deeper one for it.
func (g *Graph) depths(seeds []int) []int32 {
	depth := make([]int32, g.o.Pages)
	for n := range depth {
		depth[n] = unreached
	}
	reach := func(level []int, n int, d int32) []int {
		if depth[n] != unreached && depth[n] <= d {
			return level
		}
		depth[n] = d
		return append(level, n)
	}
	var level, next []int
	for _, n := range seeds {
		level = reach(level, n, 0)
	}
	for d := int32(0); len(level) > 0; d++ {
		next = next[:0]
		for i := 0; i < len(level); i++ { // level grows under way
			n := level[i]
			if depth[n] != d {
				continue // a redirect brought it nearer
			}
			switch g.kind(n) {
			case redirect:
				level = reach(level, g.target(n), d)
			case plain, slow, failing:
				for _, to := range g.Links(n) {
					next = reach(next, to, d+1)
				}
			}
		}
		level, next = next, level
	}
	return depth
}
