package robots

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// rule is one Allow or Disallow line in normal form.
type rule struct {
	head  string  // what a path must start with: the pattern up to its first "*"
	tail  string  // the rest, from that "*" on; "" for none. No two stars touch and none ends it
	need  byteSet // bytes without which tail cannot match
	text  string  // the line, for Verdict
	size  int32   // octets of the pattern: the longest decides
	line  int32
	allow bool
	end   bool // "$": the path must end where the pattern does
}

// byteSet is a set of ASCII bytes. Normal paths and patterns hold no others.
type byteSet [2]uint64

func bytesOf(s string) (set byteSet) {
	for i := range len(s) {
		set[s[i]>>6&1] |= 1 << (s[i] & 63)
	}
	return set
}

// within tells whether every byte of s is in t.
func (s byteSet) within(t byteSet) bool { return s[0]&^t[0] == 0 && s[1]&^t[1] == 0 }

// compile puts a pattern into a rule. decode selects the reading, see normal.
func compile(pattern string, decode bool) rule {
	body, end := strings.CutSuffix(pattern, "$")
	body = normal(body, true, decode)
	r := rule{head: body, size: int32(len(body)), end: end}
	if end {
		r.size++
	}
	i := strings.IndexByte(body, '*')
	if i < 0 {
		return r
	}
	r.head, r.tail = body[:i], body[i:]
	for strings.Contains(r.tail, "**") {
		r.tail = strings.ReplaceAll(r.tail, "**", "*")
	}
	if rest, open := strings.CutSuffix(r.tail, "*"); open {
		r.tail, r.end = rest, false // what may end in anything need not be anchored
	}
	r.need = bytesOf(strings.ReplaceAll(r.tail, "*", ""))
	return r
}

// matches tells whether the pattern after its head matches rest, the path after
// it. Each piece between stars is taken at its first place: if a match exists one
// does with that choice, so nothing is tried twice and time is linear.
func (r *rule) matches(rest string) bool {
	tail := r.tail
	if tail == "" {
		return !r.end || rest == ""
	}
	for {
		piece, after, more := strings.Cut(tail[1:], "*")
		if !more && r.end {
			return strings.HasSuffix(rest, piece)
		}
		i := strings.Index(rest, piece)
		if i < 0 || !more {
			return i >= 0
		}
		rest = rest[i+len(piece):]
		tail = tail[len(tail)-len(after)-1:]
	}
}

// before orders rules by their right to decide: the longest pattern, then Allow,
// then the first line.
func (r *rule) before(o *rule) bool { return precedence(r, o) < 0 }

func precedence(r, o *rule) int {
	if r.size != o.size {
		return cmp.Compare(o.size, r.size)
	}
	if r.allow != o.allow {
		if r.allow {
			return -1
		}
		return 1
	}
	return cmp.Compare(r.line, o.line)
}

// block is a run of rules that the same agents share. Agents point to blocks, so
// that thousands of agents above thousands of rules cost their sum only.
type block struct {
	written index
	decoded index // the rules with escaped letters and digits decoded; empty unless escapes
	escapes bool
}

// add puts in a rule with the text, line and allow of r.
func (b *block) add(pattern string, r rule) {
	if !b.escapes && normal(pattern, true, true) != normal(pattern, true, false) {
		b.escapes = true
		b.decoded.rules = slices.Clone(b.written.rules)
	}
	b.written.add(compile(pattern, false), r)
	if b.escapes {
		b.decoded.add(compile(pattern, true), r)
	}
}

func (x *index) add(compiled, r rule) {
	compiled.text, compiled.line, compiled.allow = r.text, r.line, r.allow
	x.rules = append(x.rules, compiled)
}

// build makes the block ready to be asked, once all rules are in.
func (b *block) build() {
	b.written.build()
	b.decoded.build()
}

// index finds the rules whose head a path starts with. Sorted by head, these are
// the last node not behind the path and its ancestors: any head that starts the
// path also starts every node between itself and the path.
type index struct {
	rules []rule // by head, then by precedence
	nodes []node // one for each head, in order
}

type node struct {
	first, last int32 // its rules are rules[first:last]
	parent      int32 // the node with the longest head that starts this one's, or -1
}

// build sorts the rules and links the nodes.
func (x *index) build() {
	slices.SortFunc(x.rules, func(a, b rule) int {
		return cmp.Or(strings.Compare(a.head, b.head), precedence(&a, &b))
	})
	x.rules = slices.Clip(x.rules)
	up := int32(-1)
	for i := range x.rules {
		head := x.rules[i].head
		if n := len(x.nodes); n > 0 && x.head(int32(n-1)) == head {
			x.nodes[n-1].last++
			continue
		}
		for up >= 0 && !strings.HasPrefix(head, x.head(up)) {
			up = x.nodes[up].parent
		}
		x.nodes = append(x.nodes, node{first: int32(i), last: int32(i + 1), parent: up})
		up = int32(len(x.nodes) - 1)
	}
	x.nodes = slices.Clip(x.nodes)
}

func (x *index) head(n int32) string { return x.rules[x.nodes[n].first].head }

// find returns the first by precedence of best and the rules that match path,
// whose bytes are have.
func (x *index) find(path string, have byteSet, best *rule) *rule {
	n := int32(sort.Search(len(x.nodes), func(i int) bool { return x.head(int32(i)) > path })) - 1
	if n < 0 {
		return best
	}
	shared := sharedPrefix(path, x.head(n))
	for ; n >= 0; n = x.nodes[n].parent {
		size := len(x.head(n))
		if size > shared {
			continue
		}
		rules := x.rules[x.nodes[n].first:x.nodes[n].last]
		for i := range rules {
			r := &rules[i]
			if best != nil && !r.before(best) {
				break
			}
			if r.need.within(have) && r.matches(path[size:]) {
				best = r
				break
			}
		}
	}
	return best
}

func sharedPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
