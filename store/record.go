package store

import (
	"time"

	"crawl/internal/weburl"
)

//go:generate go tool msgp -o record_gen.go -tests=false -io=false -unexported
//go:generate go tool msgp -file schedules.go -o schedules_gen.go -tests=false -io=false -unexported

//msgp:ignore Link

// A damaged count must not become an allocation.
//msgp:limit maps:65536

// The records below are MessagePack maps with short names, behind one byte
// that holds recordVersion; that of a Page begins with a head, see pagehead.go. A field that is zero is not written; a field that
// an older program wrote and this one lacks is skipped. A field never changes
// its meaning: give a new one a new name. Fields are written in the order of the
// struct, and PageReader relies on it: a new one may stand anywhere, none may
// change its place.

// RunID numbers the runs of a store from 1 on, in the order they began.
type RunID uint32

// States of a run.
const (
	Running     = "running"     // being crawled, or cut off by a crash
	Interrupted = "interrupted" // stopped by the user; can be resumed
	Complete    = "complete"    // the queue is empty
	Partial     = "partial"     // a limit ended it; Run.Why says which
	Empty       = "empty"       // nothing was fetched; Run.Why says why
)

// Run is one crawl of a site.
type Run struct {
	ID     RunID  `msg:"-"`
	Site   string `msg:"site"`
	Number int    `msg:"number"` // from 1 on within the site
	State  string `msg:"state"`
	Why    string `msg:"why,omitempty"`

	Seeds    []string  `msg:"seeds"`
	Widened  []string  `msg:"widened,omitempty"` // hosts that seeds redirected to
	Settings []byte    `msg:"settings"`          // JSON; secrets only as references
	Program  string    `msg:"program"`
	Started  time.Time `msg:"started"`
	Ended    time.Time `msg:"ended,omitempty"`
	Active   int64     `msg:"active,omitempty"` // nanoseconds spent crawling, over all sessions
	Sessions int       `msg:"sessions,omitempty"`
	Baseline RunID     `msg:"baseline,omitempty"` // what it is held against: the run of the site before this one, or one that was named
	Rules    []string  `msg:"rules,omitempty"`    // of the fields that its pages have now, in the order of their columns

	// Where a schedule began it: which one, and the time it was due.
	Schedule string    `msg:"schedule,omitempty"`
	Due      time.Time `msg:"due,omitempty"`

	Counts  Counts `msg:"counts"`
	Cookies []byte `msg:"cookies,omitempty"` // cookies that servers set, while the run can be resumed
	Daemon  bool   `msg:"daemon,omitempty"`  // a daemon that starts goes on with it
	Paused  bool   `msg:"paused,omitempty"`  // by the user: a daemon that goes on with it asks for nothing until it is unpaused
	Load    *Load  `msg:"load,omitempty"`    // of its last session; nil for runs of older programs

	Changes *Changes `msg:"changes,omitempty"` // against the run before; nil if there was none, or it was not looked for

	Findings []FindingCount `msg:"findings,omitempty"` // when it ended, of the kinds that were counted
	Gate     *Gate          `msg:"gate,omitempty"`     // nil: there was none, or it was not asked
	Unmuted  []string       `msg:"unmuted,omitempty"`  // what the user's mutes named that had ended since the run before, in words
}

// Changes counts what is different from one run to another.
type Changes struct {
	Baseline  int               `msg:"base"`                // number of the earlier run within its site
	Before    uint64            `msg:"before,omitempty"`    // URLs that the earlier run visited
	After     uint64            `msg:"after,omitempty"`     // and the later one
	Kinds     map[string]uint64 `msg:"kinds,omitempty"`     // changes by their kind
	Changed   uint64            `msg:"changed,omitempty"`   // URLs that both have, and that are not the same
	Same      uint64            `msg:"same,omitempty"`      // and those that are
	Unreached uint64            `msg:"unreached,omitempty"` // of which one of them knows nothing, since it was cut short
	Settings  uint64            `msg:"settings,omitempty"`  // of the new ones, those that the settings of the earlier run left out
}

// FindingCount is how many findings of a kind a run had, how many of them the
// baseline had not, and how many that one had and the run has not.
type FindingCount struct {
	Kind     string `msg:"k"`
	Severity string `msg:"s"`
	Now      uint64 `msg:"n,omitempty"`
	New      uint64 `msg:"new,omitempty"`
	Fixed    uint64 `msg:"f,omitempty"`
	Muted    uint64 `msg:"m,omitempty"` // beside those: the user knows of them
}

// Gate is a rule that a run was held to when it ended, and how many rows broke
// it.
type Gate struct {
	Rule string `msg:"rule"`
	Rows uint64 `msg:"rows,omitempty"`
	Says string `msg:"says,omitempty"` // what broke it, in words
}

// Load is where the time of a run went. Times are nanoseconds; those of visits
// are of all together.
type Load struct {
	Elapsed int64 `msg:"elapsed"`

	CPU        int64 `msg:"cpu"`        // of the process
	Processors int   `msg:"processors"` // that it could use
	Places     int   `msg:"places"`     // visits that could be under way at once

	Visits  int64 `msg:"visits"`  // of all places
	Network int64 `msg:"network"` // of visits, from the request to the end of the body
	Disk    int64 `msg:"disk"`    // of visits, until there was room for what they brought among what waits for the disk

	// Time in which no visit could begin, by what kept it.
	Full    int64 `msg:"full"` // all places were taken
	Pace    int64 `msg:"pace"` // see frontier.Waits for this and the next three
	Rest    int64 `msg:"rest"`
	PerHost int64 `msg:"perhost"`
	Empty   int64 `msg:"empty"`
	Space   int64 `msg:"space,omitempty"` // the run was paused, for the volume of the store had too little room

	// When it was last waited for Pace or Rest, as in frontier.Waits.
	Hosts      int   `msg:"hosts,omitempty"`
	Resting    int   `msg:"resting,omitempty"`
	Delay      int64 `msg:"delay,omitempty"`
	CrawlDelay int64 `msg:"crawldelay,omitempty"`
}

// Counts are a run's totals. Found is the sum of Queued, Done, Failed and all
// of Skipped.
type Counts struct {
	Found     uint64            `msg:"found,omitempty"`
	Queued    uint64            `msg:"queued,omitempty"`
	Done      uint64            `msg:"done,omitempty"`
	Failed    uint64            `msg:"failed,omitempty"`
	Skipped   map[string]uint64 `msg:"skipped,omitempty"`
	Status    [6]uint64         `msg:"status"`             // answers by class, 1xx to 5xx; 0: no answer
	External  uint64            `msg:"external,omitempty"` // URLs out of the scope that were checked; in Done, and not in Status
	Unchanged uint64            `msg:"unchanged,omitempty"`
	Cached    uint64            `msg:"cached,omitempty"` // of these: nothing was asked, for an earlier answer was still fresh
	PushBacks uint64            `msg:"pushbacks,omitempty"`
	Requests  uint64            `msg:"requests,omitempty"` // robots.txt, sitemaps and retries included
	Received  uint64            `msg:"received,omitempty"` // bytes of bodies, as sent
	Stored    uint64            `msg:"stored,omitempty"`   // bytes added to the bodies on disk
	Fields    []Coverage        `msg:"fields,omitempty"`   // in the order of Run.Rules
}

// Coverage counts what a rule found on the pages of a run.
type Coverage struct {
	Name   string `msg:"n"`
	Filled uint64 `msg:"f,omitempty"`
	Empty  uint64 `msg:"e,omitempty"`
	Failed uint64 `msg:"x,omitempty"`
	Why    string `msg:"w,omitempty"` // the first failure's reason
}

// Kinds of Page.
const (
	KindPage     = 0
	KindSitemap  = 1
	KindChecked  = 2 // asked about and not read, such as an image: it is there, of a type and a size
	KindExternal = 3 // likewise, out of the scope
)

// Page is what one run has for one URL. A failed visit is a Page with a Fault.
// What its record leaves out is said in slim.go, how it is written in pagehead.go.
type Page struct {
	URL weburl.URL `msg:"-"`
	Run RunID      `msg:"-"`

	Asked   string        `msg:"ask,omitempty"` // the spelling asked for, at the same origin; "" for URL itself
	Kind    uint8         `msg:"k,omitempty"`
	Try     uint16        `msg:"try,omitempty"` // which attempt this was, from 1
	Head    bool          `msg:"hd,omitempty"`  // only the head of the answer was asked for, by HEAD
	Fetched time.Time     `msg:"at,omitzero"`
	TTFB    time.Duration `msg:"ttfb,omitempty"` // until the first byte of the answer
	Took    time.Duration `msg:"took,omitempty"` // until the last

	Status    int           `msg:"st,omitempty"`
	Fault     string        `msg:"flt,omitempty"`   // kind of failure; "" if there was an answer
	FaultText string        `msg:"fltx,omitempty"`  // a sentence
	Passing   bool          `msg:"pas,omitempty"`   // the failure may not be met again
	HasAfter  bool          `msg:"haft,omitempty"`  // the server sent Retry-After
	After     time.Duration `msg:"after,omitempty"` // its value
	Redirect  string        `msg:"loc,omitempty"`
	Proto     string        `msg:"pr,omitempty"`
	Addr      string        `msg:"ip,omitempty"`
	TLS       string        `msg:"tls,omitempty"` // what is wrong with the certificate that was let pass

	Type       string `msg:"ty,omitempty"` // html, xml, sitemap, feed, css, text, binary
	MIME       string `msg:"mime,omitempty"`
	Charset    string `msg:"cs,omitempty"`
	CharsetBy  string `msg:"csb,omitempty"` // what decided it: bom, header, meta, detected, default
	Encoding   string `msg:"ce,omitempty"`
	Size       int64  `msg:"sz,omitempty"`   // bytes, decoded; of what was not read as the server says
	Wire       int64  `msg:"wire,omitempty"` // bytes of the body as sent
	Hash       Digest `msg:"h,omitzero"`     // SHA-256 of the decoded body
	ETag       string `msg:"et,omitempty"`
	Modified   string `msg:"lm,omitempty"` // Last-Modified, as sent
	Truncated  string `msg:"tr,omitempty"` // length, time or disconnect
	Damaged    string `msg:"dmg,omitempty"`
	ParseLimit string `msg:"cut,omitempty"` // limit that ended parsing early

	Title       string `msg:"t,omitempty"`
	H1          string `msg:"h1,omitempty"`
	Description string `msg:"d,omitempty"`
	Lang        string `msg:"l,omitempty"`
	Canonical   string `msg:"can,omitempty"`
	Canonicals  int    `msg:"cann,omitempty"`
	NoIndex     bool   `msg:"ni,omitempty"`
	NoFollow    bool   `msg:"nf,omitempty"`
	Words       int    `msg:"w,omitempty"`

	Restricted []string `msg:"rs,omitempty"` // other directives in force, such as noarchive

	Hreflang []Named    `msg:"hl,omitempty"` // language and address
	Next     string     `msg:"nx,omitempty"`
	Prev     string     `msg:"pv,omitempty"`
	Feeds    []string   `msg:"fd,omitempty"`
	Meta     []Named    `msg:"mt,omitempty"` // Open Graph and Twitter properties
	JSONLD   string     `msg:"jf,omitempty"` // what is wrong with its JSON-LD
	TextHash TextDigest `msg:"th,omitzero"`  // of the main text; zero if there is none
	Simhash  uint64     `msg:"sh,omitempty"` // of the main text; 0 if it is too short

	Fields   []Field `msg:"fl,omitempty"`  // that the user asked for, in the order of the rules
	FieldsBy string  `msg:"flb,omitempty"` // identity of the rules

	Depth   int    `msg:"dep,omitempty"`
	Hops    int    `msg:"hop,omitempty"`
	From    string `msg:"fr,omitempty"`
	Barred  string `msg:"bar,omitempty"` // the rule of robots.txt that disallows it, fetched all the same
	Links   int    `msg:"ln,omitempty"`
	LinksOf RunID  `msg:"lr,omitempty"` // the run whose links these are

	// For how long, from Fetched on, or until when the answer said that it is fresh, see fetcher.Freshness.
	FreshFor   time.Duration `msg:"ff,omitempty"`
	FreshUntil time.Time     `msg:"fu,omitzero"`

	NotModified bool `msg:"nm,omitempty"` // the server answered 304; Status and what follows are those of the content it stands for
	Cached      bool `msg:"ca,omitempty"` // nothing was asked: it is the visit of an earlier run, made at Fetched and fresh since

	Unchanged bool      `msg:"un,omitempty"` // same content as in an earlier run
	FirstSeen time.Time `msg:"fs,omitzero"`
	Changed   time.Time `msg:"lc,omitzero"` // when the content was last found different

	Request Place `msg:"req,omitzero"` // the WARC record of the request; zero if none was kept
	Record  Place `msg:"rec,omitzero"` // that of the answer
	Payload Place `msg:"pay,omitzero"` // the WARC record that holds the body
	// PayloadURL and PayloadAt are that record's URL and date, to the microsecond.
	PayloadURL string    `msg:"payu,omitempty"`
	PayloadAt  time.Time `msg:"payt,omitzero"`
}

// IsCheck tells a visit that asked whether the URL is there, and read nothing.
func (p *Page) IsCheck() bool { return p.Kind == KindChecked || p.Kind == KindExternal }

// Digest is a SHA-256, zero for none.
type Digest [32]byte

// IsZero tells whether there is none.
func (d Digest) IsZero() bool { return d == Digest{} }

// TextDigest is a hash of a text, zero for none.
type TextDigest [16]byte

// IsZero tells whether there is none.
func (d TextDigest) IsZero() bool { return d == TextDigest{} }

// States of a Field.
const (
	FieldFilled = "filled"
	FieldEmpty  = "empty"
	FieldFailed = "failed"
)

// Field is what one rule of the user found on a page.
type Field struct {
	Name   string   `msg:"n"`
	State  string   `msg:"s"`
	Values []string `msg:"v,omitempty"`
	Number bool     `msg:"num,omitempty"` // the values are decimal numbers
	Many   bool     `msg:"all,omitempty"` // there may be several
	Why    string   `msg:"w,omitempty"`   // it failed, or which limit cut it
}

// Named is a value with a name.
type Named struct {
	Name  string `msg:"n"`
	Value string `msg:"v"`
}

// IsZero tells whether p is nowhere.
func (p Place) IsZero() bool { return p == Place{} }

// Place is where a record lies among the bodies.
type Place struct {
	Segment uint32 `msg:"s,omitempty"` // file number from 1; 0 for nowhere
	Offset  int64  `msg:"o,omitempty"`
	Length  int64  `msg:"n,omitempty"`
}

// Link is one link of a page.
type Link struct {
	Target   string
	Text     string // anchor text or alt
	Rel      string
	Element  string
	Attr     string
	Place    string // header, nav, main, aside, footer, "" elsewhere
	Asset    bool
	NoFollow bool
}

// Skip is a URL that a run found and did not fetch.
type Skip struct {
	URL    weburl.URL `msg:"-"`
	Run    RunID      `msg:"-"`
	Reason string     `msg:"r"`
	Rule   string     `msg:"u,omitempty"`
	From   string     `msg:"f,omitempty"`
	Depth  int        `msg:"d"`
}

// Host is what a run knew of one host when it ended or was interrupted.
type Host struct {
	Origin     string        `msg:"-"`
	Run        RunID         `msg:"-"`
	Done       uint64        `msg:"n,omitempty"`
	Delay      time.Duration `msg:"d,omitempty"`
	CrawlDelay time.Duration `msg:"cd,omitempty"`
	Latency    time.Duration `msg:"lat,omitempty"`
	PushBacks  int           `msg:"pb,omitempty"`
	Fails      int           `msg:"f,omitempty"`
	GivenUp    string        `msg:"gu,omitempty"`
	Asked      time.Time     `msg:"a"`
	RestUntil  time.Time     `msg:"r"`
	External   bool          `msg:"x,omitempty"` // the run is not about it
}

// Robots is an origin's robots.txt as a run saw it.
type Robots struct {
	Origin  string    `msg:"-"`
	Run     RunID     `msg:"-"`
	Try     uint16    `msg:"try"`
	Fetched time.Time `msg:"at"`
	Until   time.Time `msg:"un"` // it holds until then
	Status  int       `msg:"st,omitempty"`
	URL     string    `msg:"u"`             // asked for: the origin's own or where that redirected
	Hop     string    `msg:"hop,omitempty"` // it redirected there
	Text    []byte    `msg:"b,omitempty"`

	Fault     string        `msg:"flt,omitempty"` // as in Page, and so on
	FaultText string        `msg:"fltx,omitempty"`
	Passing   bool          `msg:"pas,omitempty"`
	HasAfter  bool          `msg:"haft,omitempty"`
	After     time.Duration `msg:"after,omitempty"`

	Request Place `msg:"req"`
	Record  Place `msg:"rec"`
	Payload Place `msg:"pay"`
}

// linkIndex is what is known of a run's index of links.
type linkIndex struct {
	Build uint64 `msg:"b"` // a random number
	Whole bool   `msg:"w,omitempty"`
	Parts uint32 `msg:"c,omitempty"`
	Pages uint32 `msg:"p,omitempty"`
	Links uint64 `msg:"l,omitempty"`  // to web addresses
	By    string `msg:"by,omitempty"` // the name of the identity of its targets
}

// tail is the end of what is committed of the bodies.
type tail struct {
	Segment uint32 `msg:"s"`
	Size    int64  `msg:"n"`
}
