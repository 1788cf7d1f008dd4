package robots

import (
	"fmt"
	"strings"
)

// Parse reads a robots.txt. It never fails: what it does not understand it
// leaves out and lists in Problems. At most MaxBytes are read. A body of that
// length counts as cut like a longer one, since whoever fetched it may have
// stopped there: the line at its end is left out if it is not ended.
func Parse(body []byte) *File { return ParseLimit(body, MaxBytes) }

// ParseLimit is Parse with another limit, in bytes.
func ParseLimit(body []byte, limit int) *File {
	p := &parser{f: &File{groups: make(map[string]*group)}, seen: make(map[string]bool)}
	limit = max(limit, 0)
	cut := len(body) >= limit
	if cut {
		body = body[:limit]
		p.problem(0, fmt.Sprintf("file is cut after %d bytes", limit), "")
	}
	s := decode(body)
	for n := 1; s != ""; n++ {
		var raw string
		whole := len(s)
		raw, s = nextLine(s)
		if len(raw) > maxLine {
			p.problem(n, fmt.Sprintf("line is cut after %d bytes", maxLine), raw)
			raw = raw[:maxLine]
		} else if cut && len(raw) == whole {
			// The last line may lack its end, and half a path forbids too much.
			break
		}
		p.line(n, split(raw))
	}
	for _, b := range p.blocks {
		b.build()
		p.f.escapes = p.f.escapes || b.escapes
	}
	return p.f
}

// parser holds the state between two lines.
type parser struct {
	f      *File
	blocks []*block
	seen   map[string]bool // sitemaps

	open   bool     // a User-agent line has been seen
	named  []*group // agents of the open group
	pace   *pace    // pauses of the agents named since the last rule or pause
	paced  bool     // pace has been asked for: the next User-agent line opens another
	ruled  bool     // the open group has had a rule: the next User-agent line opens another
	block  *block   // rules of the open group; nil until there is one
	rules  int
	agents int
}

func (p *parser) line(n int, l line) {
	if l.odd != "" {
		p.problem(n, l.odd, l.text)
	}
	switch l.is {
	case userAgent:
		p.agent(n, l)
	case allow, disallow:
		p.rule(n, l)
	case sitemap:
		p.sitemap(n, l)
	case crawlDelay, requestRate:
		p.delay(n, l)
	case unknown:
		if l.text != "" {
			p.problem(n, "line is not understood", l.text)
		}
	}
}

// agent adds a name to the open group, or opens one. Names that come again get
// their rules added to (section 2.2.1).
func (p *parser) agent(n int, l line) {
	if p.ruled {
		p.named, p.block, p.pace, p.ruled = nil, nil, nil, false
	}
	p.open = true
	name := token(l.value)
	rest := strings.TrimLeft(l.value[len(name):], blanks)
	if everyone(l.value) {
		name, rest = "*", ""
	}
	switch {
	case name == "":
		p.problem(n, "line names no agent", l.text)
		return
	case rest != "" && rest[0] != '/' && rest[0] != '(':
		p.problem(n, "only the first name of the line counts", l.text)
	}
	if p.agents++; p.agents > maxAgents {
		p.once(p.agents == maxAgents+1, n, "too many agents: this and later ones are left out", l.text)
		return
	}
	key := strings.ToLower(name)
	g := p.f.groups[key]
	if g == nil {
		g = &group{name: clip(name)}
		p.f.groups[key] = g
	}
	if p.pace == nil || p.paced {
		p.pace, p.paced = &pace{delay: none, rate: none}, false
	}
	p.named = append(p.named, g)
	g.paces = append(g.paces, p.pace)
}

func (p *parser) rule(n int, l line) {
	if !p.open {
		p.problem(n, "rule before the first User-agent line is ignored", l.text)
		return
	}
	p.ruled = true
	if l.value == "" || len(p.named) == 0 {
		return // nothing is forbidden, or to nobody
	}
	if l.value[0] != '/' && l.value[0] != '*' {
		p.problem(n, "path starts with neither / nor *: it never matches", l.text)
		return
	}
	p.add(n, l, l.value)
	if l.is != allow {
		return
	}
	if i := strings.LastIndexByte(l.value, '/'); i >= 0 && strings.HasPrefix(l.value[i:], "/index.htm") {
		p.add(n, l, l.value[:i+1]+"$") // what a folder shows may be fetched as the folder
	}
}

// add gives a rule to all agents of the open group.
func (p *parser) add(n int, l line, pattern string) {
	if p.rules++; p.rules > maxRules {
		p.once(p.rules == maxRules+1, n, "too many rules: this and later ones are left out", l.text)
		return
	}
	if p.block == nil {
		p.block = &block{}
		p.blocks = append(p.blocks, p.block)
		for _, g := range p.named {
			if k := len(g.blocks); k == 0 || g.blocks[k-1] != p.block {
				g.blocks = append(g.blocks, p.block)
			}
		}
	}
	p.block.add(pattern, rule{text: clip(l.text), line: int32(n), allow: l.is == allow})
}

func (p *parser) sitemap(n int, l line) {
	switch {
	case l.value == "" || p.seen[l.value]:
	case len(p.f.sitemaps) >= maxSitemaps:
		p.once(!p.seen[""], n, "too many sitemaps: this and later ones are left out", l.text)
		p.seen[""] = true
	default:
		p.seen[l.value] = true
		p.f.sitemaps = append(p.f.sitemaps, l.value)
	}
}

// delay gives a pause to the agents named since the last one. It is no rule: the
// rules that follow are for the agents before it, too (section 2.2.4).
func (p *parser) delay(n int, l line) {
	read := parseDelay
	if l.is == requestRate {
		read = parseRate
	}
	d, ok := read(l.value)
	if !ok {
		p.problem(n, "value is no pause: ignored", l.text)
		return
	}
	if p.pace == nil {
		return
	}
	p.paced = true
	if l.is == crawlDelay {
		p.pace.delay = max(p.pace.delay, d)
	} else {
		p.pace.rate = max(p.pace.rate, d)
	}
}

func (p *parser) problem(n int, what, text string) {
	if len(p.f.problems) < maxProblems {
		p.f.problems = append(p.f.problems, Problem{Line: n, What: what, Text: clip(strings.Trim(text, blanks))})
	}
}

func (p *parser) once(first bool, n int, what, text string) {
	if first {
		p.problem(n, what, text)
	}
}
