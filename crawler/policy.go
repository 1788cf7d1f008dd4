package crawler

import (
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"crawl/fetcher"
	"crawl/frontier"
	"crawl/internal/parse"
	"crawl/internal/weburl"
	"crawl/store"
)

// Reasons for which a URL is not fetched. The frontier counts them, the store
// keeps them with the URL.
const (
	ReasonScope      frontier.Reason = "scope"       // outside of what the run is about
	ReasonExcluded   frontier.Reason = "excluded"    // an exclude pattern, or no include pattern
	ReasonDepth      frontier.Reason = "depth"       // more clicks from a seed than allowed
	ReasonRobots     frontier.Reason = "robots"      // robots.txt disallows it
	ReasonNoFollow   frontier.Reason = "nofollow"    // the link or its page asks not to follow
	ReasonForm       frontier.Reason = "form"        // the address of a form, which is not filled in
	ReasonAsset      frontier.Reason = "asset"       // an image, style or script, and those are not fetched
	ReasonRedirects  frontier.Reason = "redirects"   // too many redirects in a row
	ReasonTooLong    frontier.Reason = "too-long"    // the address is over the limit
	ReasonPort       frontier.Reason = "port"        // a port that browsers block
	ReasonRobotsFile frontier.Reason = "robots-file" // robots.txt is read for its rules
	ReasonSitemaps   frontier.Reason = "sitemaps"    // more sitemaps than allowed

	ReasonTrap = frontier.ReasonTrap // its path repeats itself, or too many differ in parameters only

	ReasonMaxPages frontier.Reason = "max-pages"
	ReasonMaxTime  frontier.Reason = "max-time"
	ReasonMaxBytes frontier.Reason = "max-bytes"

	ReasonUnreachable       frontier.Reason = "unreachable"        // the host does not answer
	ReasonPrivate           frontier.Reason = "private"            // its address is not public
	ReasonRobotsUnreachable frontier.Reason = "robots-unreachable" // its robots.txt does not
	ReasonPushedBack        frontier.Reason = "pushed-back"        // the host asks for less, again and again

	ReasonUnverified frontier.Reason = "unverified" // a link out of the scope that could not be checked; the rule says why
)

const (
	maxHostFails   = 10 // connection failures in a row before a host is given up
	maxPushBacks   = 8  // answers 429 or 503 in a row before that
	extraTries     = 3  // a URL that was pushed back is tried this much oftener than one that failed
	robotsTries    = 3  // times a robots.txt that fails is asked for
	maxRobotsHops  = 5  // RFC 9309, 2.3.1.2
	maxSitemapDeep = 5  // sitemap indexes within one another
	maxAssetDeep   = 5  // steps from the last page allowed: its style, what that imports, and so on
	robotsHold     = 24 * time.Hour
	longestBackoff = 5 * time.Minute
)

// Faults that no fetcher knows.
const (
	FaultIncomplete = "incomplete" // the body was cut off
	FaultRedirects  = "redirects"  // spellings of one address redirect to each other
)

// Spec is what one run is to do. It belongs to one Job, and does not change
// while the run goes on, but for its scope and by Job.Tune.
type Spec struct {
	Seeds          []weburl.URL
	Scope          string
	Include        []Pattern
	Exclude        []Pattern
	Depth          int // clicks from a seed; below 0 for no limit
	MaxPages       int // 0 for no limit, as for the next five
	MaxPagesHost   int
	MaxHosts       int // scheme, name and port
	MaxForeign     int // likewise, of hosts that the run is not about; 0 for no limit
	MaxVariants    int // links of one host that differ in the values of parameters only
	MaxTime        time.Duration
	MaxBytes       int64
	DropParams     weburl.ParamSet
	Order          string      // "bfs", "dfs" or "priority"
	Since          time.Time   // what a sitemap says changed since goes first; zero: nothing does
	Cache          string      // CacheRevalidate, CacheFresh or CacheOff
	Base           store.RunID // with CacheFresh, the run whose pages are taken over, asked for as they would be now; 0: none are
	Sitemap        string      // "auto", "only", "off" or an address
	Assets         bool        // what shows a page is fetched
	CheckAssets    bool        // it is asked about and not read
	External       bool        // what is out of the scope is asked about, and not read
	Robots         string      // "obey", "report" or "ignore"
	Agent          string      // product token for robots.txt
	Retry          int         // further tries of a URL after a passing fault; 0 for none
	MaxRedirects   int         // in a row; 0 for none
	MaxURL         int         // bytes; 0 for no limit but weburl's
	MaxRobots      int         // bytes of a robots.txt, 0 for robots.MaxBytes
	MaxSitemap     int64       // bytes; 0 for the limits of fetcher and parse
	MaxSitemapURLs int         // of one sitemap; 0 for parse's
	MaxSitemaps    int         // that one origin announces; 0 for no limit
	MaxRetryAfter  time.Duration
	MaxLinks       int           // of one page; 0 for parse's limit, as for the next two
	MaxNesting     int           // elements within one another
	MaxParse       time.Duration // for one document
	MaxFetch       time.Duration // that the fetcher gives one exchange; 0 for its default
	MaxBody        int64         // bytes of a body, decoded; 0 for fetcher's limit, as for the next
	MaxRatio       int           // times a body may grow in decompression
	Fields         *parse.Fields // that the user asks for; nil for none
	Workers        int           // fetches at once; below 1 for 1
	Keep           bool          // keep bodies
	Manners        func(origin string) frontier.Manners
	CacheBytes     int  // memory for what is new of the queue; 0 for frontier's, as for the next
	KnownBytes     int  // memory for known URLs
	RulesBytes     int  // memory for parsed robots.txt files; 0 for 32 MiB
	NoSync         bool // of the queue, see frontier.Config

	scope   *scope
	exclude atomic.Pointer[[]Pattern] // in place of Exclude, since Job.Tune
}

func (s *Spec) obeys() bool { return s.Robots != "ignore" }

// identity is the one address of all that are the same page.
func (s *Spec) identity(u weburl.URL) weburl.URL { return u.DropParams(s.DropParams) }

// link makes a frontier link of u, found on the page from, and refuses it
// where the rules of the run say so.
func (s *Spec) link(u, from weburl.URL, depth int) frontier.Link {
	l := s.named(u)
	if s.tooLong(l.Ask) {
		l.Ask = weburl.URL{} // the plain address has the same page
	}
	l.From, l.Depth, l.Rank, l.Shape = from, depth, s.rank(depth, 0.5), shape(l.URL)
	l.Refused, l.Rule = s.judge(l.URL, depth)
	return l
}

// judge says whether u is wanted at this depth: a reason against it and the
// rule, or none.
func (s *Spec) judge(u weburl.URL, depth int) (frontier.Reason, string) {
	switch {
	case s.tooLong(u):
		return ReasonTooLong, ""
	case s.outside(u, depth):
		return ReasonScope, s.Scope
	case u.BadPort():
		return ReasonPort, u.Port()
	case u.RequestURI() == "/robots.txt":
		return ReasonRobotsFile, ""
	}
	if rule := firstMatch(s.excludes(), u); rule != "" {
		return ReasonExcluded, rule
	}
	if len(s.Include) > 0 && firstMatch(s.Include, u) == "" {
		return ReasonExcluded, "no include pattern matches"
	}
	if repeats(u.Path()) {
		return ReasonTrap, "repeating path"
	}
	if s.Depth >= 0 && depth > s.Depth {
		return ReasonDepth, ""
	}
	return "", ""
}

func (s *Spec) tooLong(u weburl.URL) bool { return s.MaxURL > 0 && u.Len() > s.MaxURL }

// outside tells what the run is not about. Where a listed URL redirects to
// belongs to the list.
func (s *Spec) outside(u weburl.URL, depth int) bool {
	switch s.Scope {
	case ScopeList:
		return depth > 0
	case ScopePage:
		return depth > 0 || !s.scope.contains(u)
	}
	return !s.scope.contains(u)
}

// rank orders a host's URLs.
func (s *Spec) rank(depth int, priority float64) uint32 {
	d := uint32(min(depth, frontier.NoDepth)) + 2 // robots.txt and sitemaps go first
	switch s.Order {
	case "dfs":
		if depth >= frontier.NoDepth {
			return math.MaxUint32
		}
		return math.MaxUint32/2 - d
	case "priority":
		return 2 + uint32((1-min(max(priority, 0), 1))*1000)<<20 + min(d, 1<<20-1)
	}
	return d
}

// seed makes a link of a seed. Whoever names an address wants it, whatever the
// rules for links say; robots.txt and the fetcher's guard still hold.
func (s *Spec) seed(u weburl.URL) frontier.Link {
	l := s.named(u)
	l.Rank = s.rank(0, 1)
	return l
}

// outcome says what a visit means for the frontier. links are the page's.
func (s *Spec) outcome(l *frontier.Lease, p *store.Page, links []store.Link, now time.Time) frontier.Outcome {
	if l.Kind == frontier.Check {
		return s.checkOutcome(l, p, now)
	}
	o := frontier.Outcome{}
	if p.Cached {
		o.End = frontier.Kept
	}
	if p.Fault != "" || isPushBack(p.Status) || p.Status >= 500 {
		o.End = frontier.Failed
		if at, ok := s.again(l, p, now); ok {
			o.Again = at
		}
		o.GiveUp = s.giveUp(l, p)
		return o
	}
	if to, ok := s.respelt(l, p); ok {
		o.Again, o.Ask = now, to
		return o
	}
	if p.Redirect != "" {
		o.Links = s.hop(l, p)
		return o
	}
	if p.Kind == store.KindSitemap { // also one that is read again
		o.Links = s.entries(l, links)
		return o
	}
	o.Links = s.follow(l, p, links)
	return o
}

func isPushBack(status int) bool { return status == 429 || status == 503 }

// again says when to try a URL again that failed.
func (s *Spec) again(l *frontier.Lease, p *store.Page, now time.Time) (time.Time, bool) {
	tries := s.Retry
	switch {
	case s.Retry == 0:
		return now, false
	case isPushBack(p.Status), p.Fault == string(fetcher.Local):
		tries += extraTries
	case p.Fault != "" && !passing(p):
		return now, false
	}
	try := l.Try - l.Respelled // of this spelling, or of the ones before
	if try > tries {
		return now, false
	}
	wait := spread(backoff(try), l.URL, try)
	if isPushBack(p.Status) {
		wait = s.rest(l, p)
	}
	return now.Add(wait), true
}

// passing tells a fault that another try may not meet again.
func passing(p *store.Page) bool {
	switch fetcher.Kind(p.Fault) {
	case fetcher.RefusedAddress, fetcher.TooLarge, FaultRedirects:
		return false
	case fetcher.DNS, fetcher.TLS, fetcher.Protocol:
		return p.Passing
	}
	return true
}

// answered tells a fault of a page whose host answered.
func answered(kind fetcher.Kind) bool { return kind == FaultIncomplete || kind == FaultRedirects }

// backoff is the wait before try n+1: 1 s, 4 s, 16 s and so on.
func backoff(n int) time.Duration {
	return min(time.Second<<(2*min(max(n-1, 0), 10)), longestBackoff)
}

// spread makes a wait up to a quarter longer, so that hosts that failed together
// are not asked together for ever. By a hash, not by chance: after a restart it
// is the same.
func spread(wait time.Duration, u weburl.URL, try int) time.Duration {
	const parts = 1 << 16
	h := fnv.New32a()
	fmt.Fprintf(h, "%d %s", try, u)
	return wait + wait/4*time.Duration(h.Sum32()%parts)/parts
}

// rest is how long the host of a lease is left alone that pushed back: as long
// as it says, where it does.
func (s *Spec) rest(l *frontier.Lease, p *store.Page) time.Duration {
	if p.HasAfter {
		return min(max(p.After, time.Second), max(s.MaxRetryAfter, time.Second))
	}
	return spread(min(2*time.Second<<min(l.Fails, 10), longestBackoff), l.URL, l.Try+l.Fails)
}

// answer says what an exchange tells of its host.
func (s *Spec) answer(l *frontier.Lease, p *store.Page, resp *fetcher.Response) frontier.Answer {
	a := frontier.Answer{Conduct: frontier.Good, Took: p.TTFB}
	if resp != nil {
		a.Took, a.Addr = resp.TTFB, resp.Addr
	}
	switch kind := fetcher.Kind(p.Fault); {
	case isPushBack(p.Status):
		a.Conduct, a.Rest = frontier.PushBack, s.rest(l, p)
	case kind == fetcher.Local, kind == fetcher.Proxy, kind == fetcher.RefusedAddress:
		a.Conduct = frontier.Blameless
	case kind != "" && !answered(kind):
		a.Conduct = frontier.Failing
		if l.Fails >= 2 {
			a.Rest = spread(backoff(l.Fails-1), l.URL, l.Fails)
		}
	case p.Status >= 500:
		a.Conduct = frontier.Slow
	}
	return a
}

// giveUp says why a host that keeps failing is asked nothing more.
func (s *Spec) giveUp(l *frontier.Lease, p *store.Page) frontier.Reason {
	switch kind := fetcher.Kind(p.Fault); {
	case isPushBack(p.Status) && l.Fails+1 >= maxPushBacks:
		return ReasonPushedBack
	case kind == "" || kind == fetcher.Local || kind == fetcher.Proxy || kind == fetcher.RefusedAddress:
		return ""
	case l.Fails+1 >= maxHostFails && !answered(kind):
		return ReasonUnreachable
	}
	return ""
}

// hop makes the link that a redirect is. It costs no click.
func (s *Spec) hop(l *frontier.Lease, p *store.Page) []frontier.Link {
	u, err := weburl.Parse(p.Redirect)
	if err != nil { // newPage kept it only because it parsed
		return nil
	}
	next := s.link(u, l.URL, 0) // where the way to here was not too long, it is not now
	next.Depth, next.Rank = l.Depth, s.rank(l.Depth, 0.5)
	if p.Kind == store.KindSitemap { // which scope and patterns do not bind
		next = s.sitemapLink(u, l.URL, l.For, 0)
	}
	s.external(&next)
	next.Hops = l.Hops + 1
	if next.Refused == "" && next.Hops > s.MaxRedirects {
		next.Refused = ReasonRedirects
	}
	return []frontier.Link{next}
}

// follow makes frontier links of a page's links.
func (s *Spec) follow(l *frontier.Lease, p *store.Page, links []store.Link) []frontier.Link {
	if s.Sitemap == "only" && !s.External {
		return nil
	}
	depth := below(l)
	out := make([]frontier.Link, 0, len(links))
	for _, link := range links {
		u, err := weburl.Restore(link.Target)
		if err != nil || u == l.URL {
			continue
		}
		f := s.link(u, l.URL, depth)
		if f.URL == l.URL {
			continue
		}
		if link.Asset {
			s.asset(&f, l)
		}
		if link.Element == "form" && f.Refused == "" {
			f.Refused = ReasonForm
		}
		if strings.EqualFold(link.Attr, "refresh") {
			s.refresh(&f, l)
		}
		if f.Refused == "" && link.NoFollow && s.obeys() {
			f.Refused = ReasonNoFollow
		}
		if link.Element != "form" && link.Element != "json-ld" { // neither is a link that somebody follows as it is
			s.external(&f)
		}
		if s.Sitemap == "only" && f.Kind != frontier.Check {
			continue
		}
		out = append(out, f)
	}
	return out
}

// refresh counts a click that no reader makes, by meta element or Refresh
// header, among the redirects too: circles of both kinds have one limit.
func (s *Spec) refresh(f *frontier.Link, l *frontier.Lease) {
	if f.Hops = l.Hops + 1; f.Refused == "" && f.Hops > s.MaxRedirects {
		f.Refused = ReasonRedirects
	}
}

// asset judges what is needed to show a page. It lies in the scope like a page,
// but may be some steps further from the seeds than pages may.
func (s *Spec) asset(f *frontier.Link, l *frontier.Lease) {
	if last, limited := s.lastDepth(); limited && s.Scope != ScopeList {
		if f.Depth >= frontier.NoDepth {
			f.Depth = last + 1 // the page is one that only a sitemap names
		}
		f.Rank = s.rank(f.Depth, 0.5)
		f.Refused, f.Rule = s.judge(f.URL, 0)
		if f.Refused == "" && f.Depth > last+maxAssetDeep {
			f.Refused = ReasonDepth
		}
	}
	switch {
	case f.Refused != "" || s.Assets:
	case s.CheckAssets:
		s.toCheck(f, "")
	default:
		f.Refused = ReasonAsset
	}
}

// lastDepth is how deep pages may lie, if that is limited.
func (s *Spec) lastDepth() (depth int, limited bool) {
	if s.Scope == ScopePage {
		return 0, true
	}
	return s.Depth, s.Depth >= 0
}
