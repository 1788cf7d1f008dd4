package parse

import (
	"errors"
	"fmt"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// Limits on a selector. What one costs on a page that wants to be expensive
// grows with the parts within parentheses, which are looked at anew for each
// element; the parts outside are looked at once.
const (
	maxSteps  = 32 // parts that combinators divide, over all selectors of a list
	maxInner  = 3  // blanks and tildes that are combinators, within one pair of parentheses
	maxNested = 2  // parentheses within one another
)

// cssSelector is a list of selectors, each divided at its combinators.
//
// The library would try a chain of selectors from its end, at each element and
// for each part anew: "a b c d" on elements nested 512 deep takes billions of
// steps. Here the chain is followed from the top of the page, once.
type cssSelector struct{ steps []step }

// step is a part of a chain. The chains of a list follow one another.
type step struct {
	how     byte // what joins it to the step before: ' ', '>', '+', '~'; 0 begins a chain
	matcher cascadia.Matcher
	last    bool // of its chain: what it matches is found
}

func compileCSS(expr string) (*cssSelector, error) {
	if _, err := cascadia.ParseGroup(expr); err != nil {
		return nil, fmt.Errorf("selector %s: %w", shortQuote(expr), err)
	}
	if err := checkInner(expr); err != nil {
		return nil, fmt.Errorf("selector %s: %w", shortQuote(expr), err)
	}
	s := &cssSelector{}
	for more := true; more; {
		chain := expr
		if i := top(expr, ','); i >= 0 {
			chain, expr = expr[:i], expr[i+1:]
		} else {
			more = false
		}
		if err := s.add(strings.TrimSpace(chain)); err != nil {
			return nil, fmt.Errorf("selector %s: %w", shortQuote(chain), err)
		}
	}
	if len(s.steps) > maxSteps {
		return nil, fmt.Errorf("selector %s: it has %d parts, %d is the limit", shortQuote(expr), len(s.steps), maxSteps)
	}
	return s, nil
}

// add divides one chain.
func (s *cssSelector) add(chain string) error {
	how := byte(0)
	for {
		end, next, rest := combinator(chain)
		matcher, err := cascadia.Parse(chain[:end])
		if err != nil {
			return err
		}
		s.steps = append(s.steps, step{how: how, matcher: matcher, last: next == 0})
		if next == 0 {
			return nil
		}
		how, chain = next, rest
	}
}

// combinator finds the first combinator of a chain: where the part before it
// ends, which it is, and what follows; 0 if there is none.
func combinator(chain string) (end int, how byte, rest string) {
	end = len(chain)
	for _, c := range []byte(" \t\r\n\f>+~") {
		if i := top(chain, c); i >= 0 && i < end {
			end = i
		}
	}
	rest = strings.TrimLeft(chain[end:], space)
	switch {
	case rest == "":
		return end, 0, ""
	case strings.IndexByte(">+~", rest[0]) >= 0:
		return end, rest[0], strings.TrimLeft(rest[1:], space)
	}
	return end, ' ', rest
}

// checkInner refuses what would cost too much within parentheses.
func checkInner(expr string) error {
	if strings.Contains(expr, "/*") {
		return errors.New("a selector holds no comment here")
	}
	for {
		open := top(expr, '(')
		if open < 0 {
			return nil
		}
		inner, rest := inParens(expr[open+1:])
		if n := branchings(inner); n > maxInner {
			return fmt.Errorf("%d blanks and tildes within parentheses: %d is the limit", n, maxInner)
		}
		if nesting(inner) >= maxNested {
			return fmt.Errorf("parentheses nest more than %d deep", maxNested)
		}
		expr = rest
	}
}

// inParens divides s at the parenthesis that closes the one before it.
func inParens(s string) (inner, rest string) {
	if i := top(s, ')'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

func nesting(s string) int {
	deepest := 0
	for open := top(s, '('); open >= 0; open = top(s, '(') {
		var inner string
		inner, s = inParens(s[open+1:])
		deepest = max(deepest, 1+nesting(inner))
	}
	return deepest
}

// branchings counts the combinators that leave it open how far the next
// element is; what it counts too much is harmless.
func branchings(s string) (n int) {
	s = strings.Join(strings.Fields(s), " ")
	for i := range len(s) {
		switch {
		case s[i] == '~' && !strings.HasPrefix(s[i:], "~="):
			n++
		case s[i] == ' ' && strings.IndexByte(">+~,(", s[i-1]) < 0 && strings.IndexByte(">+~,)", s[i+1]) < 0:
			n++
		}
	}
	return n
}

// cssFinder finds the elements of a page that a selector matches; it is a
// goquery.Matcher.
type cssFinder struct {
	selector *cssSelector
	late     func() bool
	cut      bool // the time was over
	found    []*html.Node
}

// Match reports whether n is among the elements that the selector finds in its
// page.
func (f *cssFinder) Match(n *html.Node) bool { return len(f.Filter([]*html.Node{n})) > 0 }

// MatchAll returns what the selector finds below the top of a page, in document
// order.
func (f *cssFinder) MatchAll(root *html.Node) []*html.Node {
	f.found = nil
	f.below(root, 0, 0)
	return f.found
}

// Filter returns those of the elements that the selector finds in their page.
func (f *cssFinder) Filter(nodes []*html.Node) (kept []*html.Node) {
	for _, n := range nodes {
		root := n
		for root.Parent != nil {
			root = root.Parent
		}
		for _, m := range f.MatchAll(root) {
			if m == n {
				kept = append(kept, n)
			}
		}
	}
	return kept
}

// set is a set of steps, by their index.
type set uint32

// below looks at the children of n: own are the steps that n matched, above
// those that n or an element around it did.
func (f *cssFinder) below(n *html.Node, own, above set) {
	var before, earlier set // what the sibling before matched, and all siblings before
	for c := n.FirstChild; c != nil && !f.cut; c = c.NextSibling {
		if c.Type != html.ElementNode {
			continue
		}
		if f.cut = f.late(); f.cut {
			return
		}
		m := f.match(c, own, above, before, earlier)
		if c.Data != "template" { // its content is not part of the page
			f.below(c, m, above|m)
		}
		before, earlier = m, earlier|m
	}
}

// match returns the steps that n matches, given those that the elements around
// and before it did.
func (f *cssFinder) match(n *html.Node, parent, above, before, earlier set) (m set) {
	found := false
	for i, s := range f.selector.steps {
		var from set
		switch s.how {
		case 0:
			from = ^set(0)
		case ' ':
			from = above
		case '>':
			from = parent
		case '+':
			from = before
		case '~':
			from = earlier
		}
		if s.how != 0 && from&(1<<(i-1)) == 0 || !s.matcher.Match(n) {
			continue
		}
		m |= 1 << i
		found = found || s.last
	}
	if found {
		f.found = append(f.found, n)
	}
	return m
}
