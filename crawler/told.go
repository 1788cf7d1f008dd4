package crawler

import (
	"strings"
	"sync"

	"crawl/frontier"
	"crawl/store"
)

// told remembers links, as pages spell them, that the frontier was handed in at
// some depth or a smaller one and that would therefore be no news to it: a menu is
// on every page. What it forgets is handed in once more. All were judged by the
// scope and the patterns that hold now.
type told struct {
	mu         sync.Mutex // guards what follows
	young, old map[spelt]int
	rules      int // how often they were others
}

// spelt is all of a link that has a say in what becomes of it.
type spelt struct {
	target                      string
	asset, form, data, noFollow bool
}

// Either generation holds so many links, about 2 MB, of so many bytes at most.
const (
	mostTold    = 1 << 14
	longestTold = 256
)

// news are the links of a page that the frontier may not know, for Done.
type news struct {
	links []store.Link
	depth int // of these links
	rules int
}

// pick leaves out of the links of a page at some depth those that were told.
func (t *told) pick(links []store.Link, depth int) news {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := news{depth: depth, rules: t.rules}
	for i := range links {
		if !t.has(&links[i], depth) {
			n.links = append(n.links, links[i])
		}
	}
	return n
}

func (t *told) has(l *store.Link, depth int) bool {
	k := key(l)
	least, ok := t.young[k]
	if !ok {
		if least, ok = t.old[k]; ok {
			t.set(k, least)
		}
	}
	return ok && least <= depth
}

// add notes links of which the frontier was told, unless they were judged by
// rules that are others now.
func (t *told) add(n news) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.rules != t.rules {
		return
	}
	for i := range n.links {
		l := &n.links[i]
		if len(l.Target) > longestTold || strings.EqualFold(l.Attr, "refresh") {
			continue // what becomes of a refresh depends on the way to its page
		}
		k := key(l)
		if least, ok := t.young[k]; ok && least <= n.depth {
			continue
		}
		k.target = strings.Clone(k.target) // a part of all that the page links to
		t.set(k, n.depth)
	}
}

func (t *told) set(k spelt, depth int) {
	if t.young == nil || len(t.young) >= mostTold {
		t.old, t.young = t.young, make(map[spelt]int, mostTold/4)
	}
	t.young[k] = depth
}

// forget is for rules that are others from now on.
func (t *told) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.young, t.old = nil, nil
	t.rules++
}

func key(l *store.Link) spelt {
	return spelt{l.Target, l.Asset, l.Element == "form", l.Element == "json-ld", l.NoFollow}
}

// below is the depth of the links of a page.
func below(l frontier.Lease) int {
	if l.Depth < frontier.NoDepth {
		return l.Depth + 1
	}
	return l.Depth
}

// leads tells whether the links of a page are handed to the frontier as they are.
func (s *Spec) leads(p *store.Page) bool {
	return p.Fault == "" && p.Status < 400 && p.Redirect == "" && p.Kind == store.KindPage && s.Sitemap != "only"
}
