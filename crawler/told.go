package crawler

import (
	"iter"
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
	mu         sync.Mutex     // guards what follows
	young, old map[string]int // by spelling, see appendSpelling: the least depth
	rules      int            // how often they were others
	spelling   []byte
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
		if l := &links[i]; !t.has(appendSpelling(t.spelling[:0], l.Target, l), depth) {
			n.links = append(n.links, *l)
		}
	}
	return n
}

// pickStored is pick of links as store.ReadLinks has them. What is news lacks its
// text.
func (t *told) pickStored(links iter.Seq2[[]byte, *store.Link], depth int) news {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := news{depth: depth, rules: t.rules}
	for target, l := range links {
		if !t.has(appendSpelling(t.spelling[:0], target, l), depth) {
			n.links = append(n.links, *l)
			n.links[len(n.links)-1].Target = string(target)
		}
	}
	return n
}

// holds tells whether n was picked by the rules that hold now.
func (t *told) holds(n *news) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return n.rules == t.rules
}

// has looks a spelling up, whose memory it keeps for the next.
func (t *told) has(spelling []byte, depth int) bool {
	t.spelling = spelling
	least, ok := t.young[string(spelling)]
	if !ok {
		if least, ok = t.old[string(spelling)]; ok {
			t.set(string(spelling), least)
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
		t.spelling = appendSpelling(t.spelling[:0], l.Target, l)
		if least, ok := t.young[string(t.spelling)]; !ok || least > n.depth {
			t.set(string(t.spelling), n.depth)
		}
	}
}

func (t *told) set(spelling string, depth int) {
	if t.young == nil || len(t.young) >= mostTold {
		t.old, t.young = t.young, make(map[string]int, mostTold/4)
	}
	t.young[spelling] = depth
}

// forget is for rules that are others from now on.
func (t *told) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.young, t.old = nil, nil
	t.rules++
}

// appendSpelling adds all of a link that has a say in what becomes of it.
func appendSpelling[T string | []byte](b []byte, target T, l *store.Link) []byte {
	var flags byte
	for i, on := range [...]bool{l.Asset, l.NoFollow, l.Element == "form", l.Element == "json-ld"} {
		if on {
			flags |= 1 << i
		}
	}
	return append(append(b, flags), target...)
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
