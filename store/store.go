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
	"fmt"
	"iter"
	"net/http"
	"net/netip"
	"time"

	"crawl/internal/weburl"
)

// Errors that the methods of Store return; test with errors.Is.
var (
	ErrNotFound = errors.New("not found")
	ErrDamaged  = errors.New("damaged")
)

// HeldError says which process holds the store. Only one may.
type HeldError struct {
	Path    string
	PID     int // 0 if it cannot be told
	Command string
	Since   time.Time
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("store %s is held by another process", e.Path)
	}
	return fmt.Sprintf("store %s is held by pid %d %q since %s", e.Path, e.PID, e.Command, e.Since.Local().Format("15:04"))
}

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
}

// Store is the history of all runs. Its methods may be called from any
// goroutine. What a method that writes has accepted without an error is
// durable.
type Store interface {
	// Begin records a new run of r.Site and gives it ID and Number.
	Begin(ctx context.Context, r *Run) error
	// Update replaces what is recorded of r.
	Update(ctx context.Context, r *Run) error
	// Run returns a run, or ErrNotFound.
	Run(ctx context.Context, id RunID) (*Run, error)
	// Runs yields the runs of a site, or of all for "", newest first.
	Runs(ctx context.Context, site string) iter.Seq2[*Run, error]

	// Put records a visit in place of the run's earlier visit of the URL, with
	// its links and, unless x is nil, with the exchange. A body that some
	// visit had before is not kept again. Put fills in p's FirstSeen, Changed,
	// Unchanged, LinksOf, Record and Payload. Links of an unchanged page are
	// not kept again where links is nil.
	Put(ctx context.Context, p *Page, links []Link, x *Exchange) error
	// Move replaces what is recorded of a visit by p, which Put made or a
	// reading method returned: its depth and the way to it may have changed.
	Move(ctx context.Context, p *Page) error
	// Latest returns the last visit of u in any run, and the last one that
	// brought content; either is nil if there is none.
	Latest(ctx context.Context, u weburl.URL) (last, good *Page, err error)
	// Page returns a run's visit of u, or ErrNotFound.
	Page(ctx context.Context, run RunID, u weburl.URL) (*Page, error)
	// Links returns the links of a page.
	Links(ctx context.Context, p *Page) ([]Link, error)
	// Body returns the body of a page, content coding removed or not as it
	// was sent, with the header it came with; ErrNotFound if none was kept.
	Body(ctx context.Context, p *Page) (http.Header, []byte, error)
	// Pages yields a run's visits in the order of weburl.URL.Key.
	Pages(ctx context.Context, run RunID) iter.Seq2[*Page, error]

	// PutRobots records an origin's robots.txt as the run saw it, with the
	// exchange that brought it unless x is nil.
	PutRobots(ctx context.Context, r *Robots, x *Exchange) error
	// Robots returns it, or ErrNotFound.
	Robots(ctx context.Context, run RunID, origin string) (*Robots, error)

	// PutSkips records refused URLs of a run.
	PutSkips(ctx context.Context, run RunID, skips []Skip) error
	// Skips yields them in the order of weburl.URL.Key.
	Skips(ctx context.Context, run RunID) iter.Seq2[*Skip, error]

	// PutHosts records what a run knows of hosts.
	PutHosts(ctx context.Context, run RunID, hosts []Host) error
	// Hosts yields it.
	Hosts(ctx context.Context, run RunID) iter.Seq2[*Host, error]
	// Host returns what the last run that asked origin knew of it, or ErrNotFound.
	Host(ctx context.Context, origin string) (*Host, error)

	// Check reads everything and returns what is wrong.
	Check(ctx context.Context) (Report, error)
	Close() error
}

// Report is the result of a check.
type Report struct {
	Runs, Pages, Records int
	Bytes                int64 // of bodies read
	Faults               []string
}
