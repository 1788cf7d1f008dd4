package crawler

import (
	"hash/maphash"
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
//
// A spelling is known by two hashes of 64 bits that no page can foresee, so there
// is nothing to be copied, and nothing for the collector to look at.
type told struct {
	mu       sync.Mutex // guards what follows
	sets     []toldSet  // nil: nothing was told
	seeds    [2]maphash.Seed
	rules    int // how often they were others
	spelling []byte
}

// toldSet is the spellings whose hashes lead there, the one met last in front.
type toldSet struct {
	hashes [toldSlots][2]uint64
	depths [toldSlots]int32 // one more than the least depth; 0 in a slot that is free
}

// Some 32,000 links take 650 KB.
const (
	toldSets  = 1 << 12
	toldSlots = 8
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
	if t.sets == nil {
		return false
	}
	set, hash := t.set(spelling)
	at := set.find(hash)
	if set.hashes[at] != hash || set.depths[at] == 0 {
		return false
	}
	least := set.depths[at]
	set.front(at, hash, least)
	return int(least)-1 <= depth
}

// set is where a spelling would be, and what it is known by.
func (t *told) set(spelling []byte) (*toldSet, [2]uint64) {
	a, b := maphash.Bytes(t.seeds[0], spelling), maphash.Bytes(t.seeds[1], spelling)
	return &t.sets[a%toldSets], [2]uint64{a, b}
}

// find is the slot that holds a spelling; if none does, one that is free, or the last.
func (s *toldSet) find(hash [2]uint64) (at int) {
	for at < toldSlots-1 && s.depths[at] != 0 && s.hashes[at] != hash {
		at++
	}
	return at
}

// front puts a spelling in front, and those before slot at one further back.
func (s *toldSet) front(at int, hash [2]uint64, depth int32) {
	copy(s.hashes[1:at+1], s.hashes[:at])
	copy(s.depths[1:at+1], s.depths[:at])
	s.hashes[0], s.depths[0] = hash, depth
}

// add notes links of which the frontier was told, unless they were judged by
// rules that are others now.
func (t *told) add(n news) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.rules != t.rules {
		return
	}
	if t.sets == nil {
		t.sets, t.seeds = make([]toldSet, toldSets), [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	}
	for i := range n.links {
		l := &n.links[i]
		if strings.EqualFold(l.Attr, "refresh") {
			continue // what becomes of a refresh depends on the way to its page
		}
		t.spelling = appendSpelling(t.spelling[:0], l.Target, l)
		set, hash := t.set(t.spelling)
		at, depth := set.find(hash), int32(n.depth)+1
		if known := set.depths[at]; known != 0 && set.hashes[at] == hash {
			depth = min(depth, known)
		}
		set.front(at, hash, depth)
	}
}

// forget is for rules that are others from now on.
func (t *told) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sets = nil
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
func below(l *frontier.Lease) int {
	if l.Depth < frontier.NoDepth {
		return l.Depth + 1
	}
	return l.Depth
}

// leads tells whether the links of a page are handed to the frontier as they are.
func (s *Spec) leads(p *store.Page) bool {
	return p.Fault == "" && p.Status < 400 && p.Redirect == "" && p.Kind == store.KindPage && s.Sitemap != "only"
}
