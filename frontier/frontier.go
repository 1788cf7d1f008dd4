// Package frontier decides which URL is fetched next, and when.
//
// It keeps each run's queue and the set of URLs it has seen, and one clock for
// each host and each address. A caller is only ever handed a URL that may be
// asked for now: hosts wait, workers do not. The package sends nothing, reads
// no page and knows no policy: whether a URL is wanted is decided by whoever
// hands it in.
package frontier

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"time"

	"crawl/internal/weburl"
)

// Errors that the methods of Frontier return; test with errors.Is.
var (
	ErrDrained = errors.New("drained")                // nothing is left that may be leased, and no lease is out
	ErrStale   = errors.New("the lease has lapsed")   // someone else may hold the URL by now
	ErrNoRun   = errors.New("no such run is open")    // Open it first
	ErrClosed  = errors.New("the frontier is closed") // by Close
)

// Kind tells what a lease asks for.
type Kind uint8

const (
	// Page is a URL to fetch and read.
	Page Kind = iota
	// Sitemap is a URL to fetch and read as a sitemap. It does not count
	// against page limits.
	Sitemap
	// Robots asks for the robots.txt of the origin For. The frontier makes
	// such a lease by itself before it hands out any other URL of an origin
	// and when the rules expire. A redirect of robots.txt is a link of this kind.
	Robots
	// Reread is a page already stored that was met again on a shorter way: its
	// links are handed in again some clicks nearer. No request is sent, no
	// robots.txt is asked for, and the page stays done however the lease ends.
	Reread
	// Check is a URL to ask about, and not to read. It counts against no page
	// limit, waits for no page of its host, and is done whatever came of it. Met
	// again as another kind it is queued as that, from the beginning.
	Check
)

// NoDepth is the depth of a URL that no chain of links leads to: a sitemap or
// a list names it. A link found later gives it a depth.
const NoDepth = 1 << 20

// Reason says why a URL is not fetched. Reasons are counted and kept.
type Reason string

// Link is a URL to consider, with the way it was found.
type Link struct {
	URL, From weburl.URL
	// Ask is how the URL is spelt where it was found, if otherwise: the address
	// to ask for, at the same origin. A URL that is queued keeps the spelling
	// it was queued with.
	Ask       weburl.URL
	Respelled int    // times an answer led to another spelling, see Outcome.Ask; Next fills it in
	Depth     int    // clicks from a seed, or NoDepth
	Hops      int    // redirects followed since the last click
	Rank      uint32 // within its host, the smaller is sooner; equal ranks are first come, first served
	Kind      Kind
	For       string // Robots: the origin whose rules are sought; else a word of the caller's own
	Shape     string // what it has in common with URLs of its host of which Config.MaxAlike are queued at most; "": that limit is not for it
	Refused   Reason // not to be fetched; empty for a wanted URL
	Rule      string // which rule refused it
	// Stored says that this run has the page already and was cut off before
	// Done: if the URL is still queued it is handed out before other pages, and
	// it has its share of the page limits from now on. It is for Add alone.
	Stored bool
	// Changed is when the page changed last, as somebody says who names it; zero
	// if nobody does. It is kept to the second, later ones for parts of it. It is for pages. Of a queued URL the latest that was said
	// counts, wherever it was met, and so does its Rank where that is sooner. A
	// page that ended Kept is queued again.
	Changed time.Time
}

// Address is what to ask for.
func (l Link) Address() weburl.URL {
	if l.Ask.IsZero() {
		return l.URL
	}
	return l.Ask
}

// Lease is the right to fetch one URL. It ends with Done, at Until, or with
// the process; a URL whose lease lapsed is handed out again.
type Lease struct {
	Link
	Run   string
	ID    uint64
	Try   int // 1 for the first time this URL is asked for
	Until time.Time
	Fails int           // failures in a row of this URL's host before this lease
	Pause time.Duration // between two requests to that host, as it was then
}

// Conduct is how a host behaved in one exchange; the host's pace follows it.
type Conduct uint8

const (
	Unasked   Conduct = iota // no request was sent: no clock moves
	Good                     // an answer, in good time
	Slow                     // an answer, much later than this host's usual
	PushBack                 // the host asks for less: 429, 503
	Failing                  // no answer worth the name: refused, timeout, 5xx
	Blameless                // a request was sent and failed through no fault of the host
)

// Answer is what an exchange told about its host.
type Answer struct {
	Conduct Conduct
	Took    time.Duration // until the head of the answer
	Rest    time.Duration // leave the host alone this long from now, at most MaxRest
	Addr    netip.Addr    // the address asked; zero if unknown or behind a proxy
}

// End is how a lease ended.
type End uint8

const (
	Fetched End = iota // the page is stored
	Failed             // given up; the failure is stored
	Skipped            // refused after all, see Outcome.Reason
	Kept               // as Fetched, but that nothing was asked: what was stored before stands for it, see Link.Changed
)

// Outcome ends a lease.
type Outcome struct {
	End    End
	Reason Reason     // with Skipped
	Rule   string     // with Skipped: the rule that refused
	Again  time.Time  // try this URL again then, at most MaxRest from now; End is ignored
	Ask    weburl.URL // with Again: the spelling to ask for then, to which the answer redirects; one hop more
	Links  []Link     // what the page holds, accepted together with the end of the lease
	Rules  *Rules     // with a lease on robots.txt: what it said
	GiveUp Reason     // leave this host alone for the rest of the run, and why
}

// Rules is what the fetch of a robots.txt means for its origin's clock.
type Rules struct {
	Pending bool          // the answer was a redirect: the next hop is among the Links
	Until   time.Time     // the rules hold until then, a minute to a day; zero for a day. With Unknown, when to ask again; zero for in a minute
	Unknown bool          // no answer: nothing else of this origin may be asked
	Delay   time.Duration // crawl-delay; 0 if none
}

// Manners is how one host wants, or is made, to be treated.
type Manners struct {
	Rate      float64   // requests a second at most; 0 adapts between 2 and 8, math.Inf(1) waits never
	PerHost   int       // requests in flight at most; 0 means 1
	NoRobots  bool      // do not ask for robots.txt
	GivenUp   Reason    // nothing is asked of it, and why
	Foreign   bool      // it counts against Config.MaxForeign, and not MaxHosts
	NotBefore time.Time // no request before
}

// Config is how one run is crawled. Its zero value has no limits.
type Config struct {
	MaxPages        int                         // pages asked for in all; 0 for no limit
	MaxPagesPerHost int                         // 0 for no limit
	MaxHosts        int                         // origins of which anything is asked; links to further ones are refused; 0 for no limit
	MaxForeign      int                         // the same for origins that are Manners.Foreign; 0 for no limit
	MaxAlike        int                         // URLs of one host and Shape that are ever queued; links to further ones are refused; 0 for no limit
	Manners         func(origin string) Manners // called once a host, and by Reconsider, or again for a link that MaxHosts or MaxForeign refuse, under no lock, before a change becomes durable: it may not call the Frontier
	LeaseTime       time.Duration               // 0 means 15 minutes
	CacheBytes      int                         // memory for what is new of the seen-set and the heads of the queues, beyond 3 bytes for each known URL; 0 means 64 MiB
	KnownBytes      int                         // memory for known URLs that are told without a look at the disk, some 12 bytes each; 0 means 64 MiB
	NoSync          bool                        // what is durable survives the end of the process, and a power cut only once Leave or Close has returned; see kv.Options
}

// Stats counts a run's URLs. Found is always the sum of Queued, InFlight,
// Done, Failed and all of Skipped.
type Stats struct {
	Found, Queued, InFlight, Done, Failed uint64
	Skipped                               map[Reason]uint64
	Pages                                 uint64 // pages asked for at least once
	Hosts                                 int    // of which some URL was wanted
}

// Skip is a URL that was refused.
type Skip struct {
	URL, From weburl.URL
	Reason    Reason
	Rule      string
	Depth     int
}

// Host is what a run knows of one host.
type Host struct {
	Origin     string
	Done       uint64        // pages of it fetched or failed
	Queued     uint64        // URLs waiting
	InFlight   int           // requests out
	Delay      time.Duration // between requests, as it is now
	CrawlDelay time.Duration // asked for by its robots.txt
	Fails      int           // failures in a row
	Asked      time.Time     // when it was last asked; zero if never
	RestUntil  time.Time     // it is left alone until then
	GivenUp    Reason        // why nothing more is asked of it
	Latency    time.Duration // usual time to the head of an answer
	Foreign    bool          // as its Manners say
	PushBacks  int           // how often it asked for less
}

// Frontier is the queue of runs. Its methods may be called from any goroutine.
// A run belongs to one caller at a time in that Open, Drop and Close of a run
// are not called while others use it.
//
// What Add returns without an error is durable: neither kill -9 nor a power cut
// undoes it. A URL leaves the queue only by Done.
type Frontier interface {
	// Open creates a run's queue or opens the one that is there. URLs whose
	// leases a crash cut short are queued again, and every host that is
	// already known counts as asked just now.
	Open(ctx context.Context, run string, c Config) error

	// Add hands in links found outside of a page, such as seeds. A URL that
	// was seen before is dropped, unless it is now wanted where it was
	// refused, or met on a shorter way. added counts the URLs newly queued.
	Add(ctx context.Context, run string, links ...Link) (added int, err error)

	// Next waits until some URL may be asked for and leases it. It returns
	// ErrDrained when nothing is left that may be leased and no lease is out;
	// URLs that a page limit holds back are then still queued, see Refuse.
	Next(ctx context.Context, run string) (Lease, error)

	// Release says that the exchange is over: the host's delay counts from
	// now and it may be asked for another URL, while this one is still being
	// worked on. Done releases a lease that nobody did.
	Release(l Lease, a Answer)

	// Done ends a lease: the end of the URL, the links found and what was
	// learnt of the host become durable in one step. ErrStale if the lease
	// had lapsed; nothing is changed then.
	//
	// The step may come a moment after Done has returned, at once if Next has
	// nothing else to hand out, and in the order of the calls. Until then the
	// lease counts as out. A crash before it undoes the call: the URL is still
	// queued then, and whoever leases it anew finds the page stored. Whatever
	// reports on the run, and Leave and Close, wait for that step; where it
	// fails, they say so, and so do Next and Done.
	Done(ctx context.Context, l Lease, o Outcome) error

	// Refuse turns every URL still queued into a skipped one and returns how
	// many. A host that had reached its own page limit keeps that as reason. A
	// page that waited for another try becomes a failed one instead, and one
	// that waited to be reread a done one; leases that are out go on.
	Refuse(ctx context.Context, run string, why Reason) (int, error)

	// Reconsider asks Config.Manners about every host again, whose answers may
	// have changed. NotBefore and GivenUp are heeded when a host is met first alone.
	Reconsider(ctx context.Context, run string) error

	// Pause makes Next wait until the run is unpaused. Leases that are out go on.
	Pause(run string, on bool) error

	Stats(run string) (Stats, error)

	// Waits tells for how long, and why, Next has waited.
	Waits(run string) (Waits, error)

	// Skips yields every refused URL of the run, in no order.
	Skips(ctx context.Context, run string) iter.Seq2[Skip, error]

	// Hosts returns what is known of each host of the run, in no order.
	Hosts(run string) ([]Host, error)

	// Check counts the run's queue afresh and says where the counts differ
	// from the ones kept.
	Check(ctx context.Context, run string) (faults []string, err error)

	// Leave closes a run's queue and keeps it for a later Open.
	Leave(run string) error

	// Drop deletes a run's queue, open or not.
	Drop(run string) error

	// Close leaves all runs. Waiting calls return ErrClosed.
	Close() error
}

// Reasons that the frontier itself gives.
const (
	ReasonPagesPerHost Reason = "max-pages-per-host"
	ReasonTrap         Reason = "trap"      // too many of its host are like it; eligible, likewise
	ReasonHosts        Reason = "max-hosts" // its host would be one too many; eligible like what was refused before Add
)
