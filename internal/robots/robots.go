// Package robots reads robots.txt files by RFC 9309 and answers whether an
// agent may fetch an address, which rule says so, and how long the site wants
// it to wait.
//
// Where the RFC is silent the package follows Google's open reference parser:
// missing colons, misspelt names, an allowed /index.html that opens its folder.
// Parse never fails and reads a bounded part of whatever it is given. The
// package refuses to touch the network or a clock: fetching, redirects, caching
// and the RFC's 24 hours are the caller's.
package robots

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits on what one robots.txt may make us read and keep.
const (
	// MaxBytes is how much of a file Parse reads (RFC 9309, section 2.5).
	MaxBytes = 500 << 10
	// MaxDelay is the longest answer of CrawlDelay.
	MaxDelay = 24 * time.Hour
	// MaxText is the length, in bytes, of the lines quoted in Verdict and Problem.
	MaxText = 200

	maxLine     = 16 << 10 // bytes of a line that are read
	maxRules    = 100_000  // rules kept; MaxBytes holds some 64,000
	maxAgents   = 100_000  // User-agent lines kept
	maxSitemaps = 10_000
	maxProblems = 100
)

// File is a parsed robots.txt. It never changes: all methods may be called at
// the same time. Get one from Parse, ParseLimit, AllowAll or DisallowAll.
type File struct {
	groups   map[string]*group // by name in lower case; "*" for everyone else
	sitemaps []string
	problems []Problem
	escapes  bool // some rule holds escaped letters or digits
	closed   bool // DisallowAll
}

// group is what a file says to one agent, however many places it says it in.
type group struct {
	name   string   // as first written
	blocks []*block // the rules that follow its User-agent lines
	paces  []*pace  // the pauses that do
}

// pace is the longest pause that the lines of one place ask for, of each kind.
type pace struct{ delay, rate time.Duration }

// none is the pause that a pace does not ask for.
const none time.Duration = -1

// Verdict is the answer to "may agent fetch uri?" with its reason.
type Verdict struct {
	Allowed bool
	Line    int    // of the rule that decided, from 1; 0 if none did
	Rule    string // that line without comment, at most MaxText bytes; "" if none did
	Agent   string // name of the group that applied, as in the file, "*", or "" for none
}

// Problem is something in a file that a webmaster should know of.
type Problem struct {
	Line int    // from 1; 0 if it concerns the whole file
	What string // what is wrong and what was made of it
	Text string // the line without comment, at most MaxText bytes of whatever was in it
}

// AllowAll is the file of a site whose robots.txt is Unavailable: everything may
// be fetched (RFC 9309, section 2.3.1.3).
func AllowAll() *File { return &File{} }

// DisallowAll is the file of a site whose robots.txt is Unreachable: nothing may
// be fetched but robots.txt itself (RFC 9309, section 2.3.1.4).
func DisallowAll() *File { return &File{closed: true} }

// Test tells whether agent, a product token (see Product), may fetch uri: path
// and query as in the request line, or an absolute URL, whose path and query are
// taken. A fragment is ignored.
//
// The groups that name the agent apply, else those for "*"; of their rules that
// match, the longest decides, and Allow wins a tie (section 2.2.2). On escaped
// letters and digits the RFC and Google's reference differ: %62 is b for the RFC
// only. Both readings are tried, and what either forbids is forbidden.
func (f *File) Test(agent, uri string) Verdict {
	path := requestPath(uri)
	if path == "/robots.txt" {
		return Verdict{Allowed: true}
	}
	if f.closed {
		return Verdict{}
	}
	g := f.group(agent)
	if g == nil {
		return Verdict{Allowed: true}
	}
	written := normal(path, false, false)
	r := g.decide(written, false)
	decoded := normal(path, false, true)
	if (r == nil || r.allow) && (decoded != written || f.escapes) {
		if d := g.decide(decoded, true); d != nil && !d.allow {
			r = d
		}
	}
	if r == nil {
		return Verdict{Allowed: true, Agent: g.name}
	}
	return Verdict{Allowed: r.allow, Line: int(r.line), Rule: r.text, Agent: g.name}
}

// CrawlDelay returns the pause between two requests that the file asks of agent
// (a product token), from its own groups, or from "*" if it has none. If groups
// disagree the longest pause counts; Request-rate counts only where no
// Crawl-delay does, and its hours of the day are ignored. The answer is between
// 0 and MaxDelay. Neither line is part of RFC 9309.
func (f *File) CrawlDelay(agent string) (time.Duration, bool) {
	g := f.group(agent)
	if g == nil {
		return 0, false
	}
	delay, rate := none, none
	for _, p := range g.paces {
		delay, rate = max(delay, p.delay), max(rate, p.rate)
	}
	if delay == none {
		delay = rate
	}
	return max(delay, 0), delay != none
}

// Sitemaps returns the values of the Sitemap lines as written, in order and
// without repetitions. They may be relative or no URLs at all.
func (f *File) Sitemaps() []string { return slices.Clone(f.sitemaps) }

// Problems returns the first defects of the file, in order of lines.
func (f *File) Problems() []Problem { return slices.Clone(f.problems) }

// group returns what applies to agent: its own group, else the group of its name
// without a number ("acme" for "acme2"; section 2.2.1 allows no digits in a
// product token), else that for everyone.
func (f *File) group(agent string) *group {
	name := strings.ToLower(agent)
	if g := f.groups[name]; g != nil {
		return g
	}
	if token(name) == name {
		if g := f.groups[identifier(name)]; g != nil {
			return g
		}
	}
	return f.groups["*"]
}

// decide returns the rule that decides on path, nil if none matches. decoded
// asks for the reading in which escaped letters and digits are decoded.
func (g *group) decide(path string, decoded bool) *rule {
	var best *rule
	have := bytesOf(path)
	for _, b := range g.blocks {
		x := &b.written
		if decoded && b.escapes {
			x = &b.decoded
		}
		best = x.find(path, have, best)
	}
	return best
}

// clip makes a line fit to be quoted: at most MaxText bytes of valid UTF-8.
func clip(s string) string {
	if len(s) > MaxText {
		n := MaxText
		for n > MaxText-utf8.UTFMax && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "?")
}
