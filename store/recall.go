package store

import (
	"sync"

	"crawl/internal/weburl"
)

// recall keeps what Latest read of URLs until Put, which is most often next, wants
// to know the same of them. An answer is good as long as no visit of its URL was put
// since, and no runs were being removed.
type recall struct {
	mu      sync.Mutex // guards what follows
	answers map[weburl.URL]*answer
	removal int // how often a removal of runs has begun or ended
}

// answer is what Latest returned, as far as Put goes by it; nobody changes it once
// it is whole.
type answer struct {
	whole      bool
	last, good *Page
	removal    int
}

// mostRecalled is how many answers are kept; of 1 KB each.
const mostRecalled = 1 << 10

// ask is for Latest, before it begins to read.
func (r *recall) ask(u weburl.URL) *answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answers == nil || len(r.answers) >= mostRecalled {
		r.answers = map[weburl.URL]*answer{}
	}
	a := &answer{removal: r.removal}
	r.answers[u] = a
	return a
}

// answered is for Latest, when it has read.
func (r *recall) answered(a *answer, last, good *Page) {
	l, g := last.heldAgainst(), (*Page)(nil)
	if g = l; good != last {
		g = good.heldAgainst()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a.last, a.good, a.whole = l, g, true
}

// take is for Put of a run's visit, before it reads and again when the visit is
// durable. It returns what visits would, if that is known.
func (r *recall) take(p *Page) (last, good *Page, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.answers[p.URL]
	delete(r.answers, p.URL)
	switch {
	case a == nil || !a.whole || a.removal != r.removal || r.removal%2 != 0:
		return nil, nil, false
	case a.last != nil && a.last.Run == p.Run:
		return nil, nil, false
	case a.good != nil && a.good.Run == p.Run: // two runs take turns
		return a.last, nil, true
	}
	return a.last, a.good, true
}

// removing notes that a removal of runs begins or ends.
func (r *recall) removing() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.removal++
}

// heldAgainst is a visit with what Put wants to know of it.
func (p *Page) heldAgainst() *Page {
	if p == nil {
		return nil
	}
	return &Page{
		URL: p.URL, Run: p.Run, Kind: p.Kind, Fault: p.Fault, Status: p.Status, Truncated: p.Truncated, Damaged: p.Damaged,
		FirstSeen: p.FirstSeen, Changed: p.Changed, Hash: p.Hash, Payload: p.Payload, PayloadURL: p.PayloadURL, PayloadAt: p.PayloadAt,
		Links: p.Links, LinksOf: p.LinksOf,
	}
}
