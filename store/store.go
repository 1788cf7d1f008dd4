// Package store keeps what was fetched, run by run: pages, links, skipped
// URLs, hosts, robots.txt files, and the bodies as servers sent them.
//
// It never forgets what it acknowledged and never keeps one body twice. It
// does not know what is still to be fetched, which is the frontier's affair,
// nor what an answer means, which is the crawler's.
package store

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/netip"
	"time"

	"crawl/internal/kv"
	"crawl/internal/weburl"
)

// Errors that the methods of Store return; test with errors.Is.
var (
	ErrNotFound = errors.New("not found")
	ErrDamaged  = kv.ErrDamaged // the error names the file
	// ErrNotIndexed: IndexLinks was not called since something was put.
	ErrNotIndexed = errors.New("links are not indexed")
)

// Exchange is one request and its answer, for the archive.
type Exchange struct {
	Start     time.Time
	Addr      netip.Addr  // zero if unknown
	Proto     string      // "HTTP/1.1"
	Sent      http.Header // request headers without secrets, Host included
	Status    int
	Reason    string
	Header    http.Header
	Body      []byte // content coding kept, transfer coding removed
	Truncated string // "", "length", "time", "disconnect"
	Packed    func() // called by Put once it needs Body no more; may be nil
}

// Store is the history of all runs. Its methods may be called from any
// goroutine. What a method that writes has accepted without an error is
// durable. A context that has ended keeps a method from beginning, and an
// iterator from going on; it does not cut a write short.
//
// A run's visit of a URL is written by one goroutine at a time. Texts are kept
// byte for byte, whether they are UTF-8 or not. Iterators hold no lock: what is
// written while one runs may be yielded or not. An iterator ends with its
// first error.
type Store interface {
	// Begin records a new run of r.Site and fills in r's ID, Number and
	// Baseline, and as its State Running if none is set. A site's name has 1
	// to 512 bytes, none of them zero.
	Begin(ctx context.Context, r *Run) error
	// Update replaces what is recorded of r, or returns ErrNotFound.
	Update(ctx context.Context, r *Run) error
	// Run returns a run, or ErrNotFound.
	Run(ctx context.Context, id RunID) (*Run, error)
	// Runs yields the runs of a site, or of all for "", newest first.
	Runs(ctx context.Context, site string) iter.Seq2[*Run, error]

	// Put records a visit in place of the run's earlier visit of the URL, with
	// its links and, unless x is nil, with the exchange. A body that some
	// visit had before is not kept again. Put fills in p's FirstSeen, Changed,
	// Unchanged, Links, LinksOf, Request, Record, Payload, PayloadURL and
	// PayloadAt. Links of an unchanged page are not kept again if they are the
	// same, or nil. A URL that is visited is skipped no more.
	Put(ctx context.Context, p *Page, links []Link, x *Exchange) error
	// Move replaces what is recorded of a visit by p, which Put made or a
	// reading method returned: its depth and the way to it may have changed.
	// It returns ErrNotFound if there is no such visit.
	Move(ctx context.Context, p *Page) error
	// Latest returns the last visit of u in any run, and the last one that
	// brought content; either is nil if there is none.
	Latest(ctx context.Context, u weburl.URL) (last, good *Page, err error)
	// Page returns a run's visit of u, or ErrNotFound.
	Page(ctx context.Context, run RunID, u weburl.URL) (*Page, error)
	// Links returns the links of a page.
	Links(ctx context.Context, p *Page) ([]Link, error)
	// ReadLinks is Links for whoever keeps few of them: read, which is called once
	// and under no lock, goes through all, each a target and a Link that has
	// neither Target nor Text. Both are good until read returns.
	ReadLinks(ctx context.Context, p *Page, read func(links iter.Seq2[[]byte, *Link])) error
	// IndexLinks reads all links of a run, so that the next three methods can
	// answer. Two addresses for which id returns the same one are one target;
	// links to what is no web address are left out. What an earlier call did
	// counts no more. It fails if something is put into the run meanwhile, and
	// with ErrNotFound if there is no such run. Of a run whose pages are those of
	// its baseline, with the same links, the index of that is copied if id has the
	// same name.
	IndexLinks(ctx context.Context, run RunID, id Identity) error
	// Indexed tells whether IndexLinks was called since something was last put
	// into the run, and came to its end.
	Indexed(ctx context.Context, run RunID) (bool, error)
	// Inlinks yields the links to target, which identity returned, folded:
	// those that differ in their page alone are one. What most pages have comes
	// first. It ends with ErrNotIndexed if Indexed is false.
	Inlinks(ctx context.Context, run RunID, target weburl.URL) iter.Seq2[Inlink, error]
	// CountInlinks counts them, or returns ErrNotIndexed.
	CountInlinks(ctx context.Context, run RunID, target weburl.URL) (InlinkCount, error)
	// Body returns the body of a page as the server sent it, content coding
	// kept, and the header it came with: for an answer 304 that of the visit
	// it stands for. It returns ErrNotFound if no body was kept.
	Body(ctx context.Context, p *Page) (http.Header, []byte, error)
	// Pages yields a run's visits in the order of weburl.URL.Key.
	Pages(ctx context.Context, run RunID) iter.Seq2[*Page, error]
	// PageRecords yields them for a PageReader, those whose key begins with prefix.
	// A record is good until the next one is asked for.
	PageRecords(ctx context.Context, run RunID, prefix []byte) iter.Seq2[*PageRecord, error]

	// Lately returns what was put into a run last. Of a run that has ended that
	// is nothing.
	Lately(ctx context.Context, run RunID) (Lately, error)

	// PutRobots records an origin's robots.txt as the run saw it, in place of
	// what it saw before, with the exchange that brought it unless x is nil.
	PutRobots(ctx context.Context, r *Robots, x *Exchange) error
	// Robots returns it, or ErrNotFound.
	Robots(ctx context.Context, run RunID, origin string) (*Robots, error)
	// RobotsFiles yields all that a run saw, in the order of their origins.
	RobotsFiles(ctx context.Context, run RunID) iter.Seq2[*Robots, error]

	// PutSkips records refused URLs of a run; a URL it has already is replaced.
	PutSkips(ctx context.Context, run RunID, skips []Skip) error
	// Skips yields them in the order of weburl.URL.Key.
	Skips(ctx context.Context, run RunID) iter.Seq2[*Skip, error]

	// PutHosts records what a run knows of hosts, in place of what it knew.
	PutHosts(ctx context.Context, run RunID, hosts []Host) error
	// Hosts yields it, in the order of their origins.
	Hosts(ctx context.Context, run RunID) iter.Seq2[*Host, error]
	// Host returns what the run that wrote of origin last knew of it, or
	// ErrNotFound.
	Host(ctx context.Context, origin string) (*Host, error)

	// Check reads everything and returns what is wrong. What is written
	// meanwhile may be taken for a fault.
	Check(ctx context.Context) (Report, error)
	// Close makes durable what was handed in. It may be called twice; no other
	// method may be called after it.
	Close() error
}

// Identity says which address stands for all that are the same page.
type Identity struct {
	Name string // two of one name give the same answers; "" is like no other
	Of   func(weburl.URL) weburl.URL
}

// Report is the result of a check.
type Report struct {
	Runs, Pages, Records int
	Removing             int      // runs that a Prune which was cut short has not removed yet
	Bytes                int64    // of bodies read
	Faults               []string // the first 200, one sentence each
}
