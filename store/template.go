package store

import (
	"crypto/sha256"
	"sync"
)

// A site's pages repeat the same navigation. A template is a group of links
// that was met twice: it is kept once, and pages refer to it.
//
// Where a group ends, its links alone decide: where the place on the page
// changes, and, so that a list that differs at one end still has groups in
// common with others, behind every twentieth link or so.
const (
	minGroup    = 4  // links, where a link ends the group by itself
	groupMask   = 15 // one link in 16 does
	minTemplate = 48 // bytes, packed; a reference takes 17
)

// templateKey is the beginning of the SHA-256 of a template's packed links.
type templateKey [16]byte

// pagePacker packs the links of a page.
type pagePacker struct {
	page  packer // the record
	group packer // one group by itself
}

var packers = sync.Pool{New: func() any { return new(pagePacker) }}

func (p *pagePacker) begin(origin string) {
	p.page.begin()
	p.page.origin, p.group.origin = origin, origin
}

// cut packs the first group of links and returns how many it has.
func (p *pagePacker) cut(links []Link) int {
	p.group.begin()
	for i := range links {
		p.group.add(&links[i])
		n := i + 1
		if n == len(links) || links[n].Place != links[i].Place || n >= minGroup && ends(links[i].Target) {
			return n
		}
	}
	return 0
}

// ends tells whether a link to target ends its group: FNV-1a of its last bytes.
func ends(target string) bool {
	h := uint32(2166136261)
	for i := max(0, len(target)-16); i < len(target); i++ {
		h = (h ^ uint32(target[i])) * 16777619
	}
	return (h>>16)&groupMask == 0
}

// recall asks whether the group was met before; one that is short never was.
func (p *pagePacker) recall(m *memory) (key templateKey, known, seen bool) {
	if len(p.group.out) < minTemplate {
		return key, false, false
	}
	sum := sha256.Sum256(p.group.out)
	key = templateKey(sum[:])
	known, seen = m.meet(key)
	return key, known, seen
}

// The share of Options.Memory that groups have, and what one takes, in either
// generation, roughly.
const (
	memoryPart = 16
	groupBytes = 128
)

// memory knows the groups that were met lately. What it forgets is kept once
// more, under the same key, when it is met twice again.
type memory struct {
	most       int // groups of either generation
	mu         sync.Mutex
	young, old map[templateKey]bool // whether it is a template on disk
	came       map[templateKey]bool // on disk since watch; nil while nobody watches
}

// meet tells whether a group was met before, and whether it is known to be on
// disk.
func (m *memory) meet(key templateKey) (known, seen bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, seen = m.young[key]; seen {
		return known, true
	}
	known, seen = m.old[key]
	m.set(key, known)
	return known, seen
}

// keep notes templates that are on disk.
func (m *memory) keep(keys []templateKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range keys {
		m.set(k, true)
		if m.came != nil {
			m.came[k] = true
		}
	}
}

func (m *memory) set(key templateKey, known bool) {
	if m.young == nil || len(m.young) >= m.most {
		m.old, m.young = m.young, map[templateKey]bool{}
	}
	m.young[key] = known
}
