package frontier

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"crawl/internal/weburl"
)

//go:generate go tool msgp -o record_gen.go -tests=false -io=false -unexported

//msgp:ignore seenKey state seenValue place

// linkRecord is a queued URL on disk. Fields are added at the end only.
//
//msgp:tuple linkRecord
type linkRecord struct {
	URL   string // this, From and Ask lack the origin if it is their host's
	From  string
	Depth uint32
	Hops  uint8
	Kind  uint8
	Try   uint16 // times it was asked for
	For   string
	Paid  bool   // its share of the page limits is counted
	Ask   string // "": the URL itself
	Spelt uint8  // times an answer led to another spelling

	Changed int64 `msg:"-"` // Unix seconds; behind the tuple, as a varint, unless it is 0
}

func (r *linkRecord) encode() ([]byte, error) {
	b, err := r.MarshalMsg(make([]byte, 0, r.Msgsize()+binary.MaxVarintLen64))
	if err == nil && r.Changed != 0 {
		b = binary.AppendVarint(b, r.Changed)
	}
	return b, err
}

func (r *linkRecord) decode(raw []byte) error {
	rest, err := r.UnmarshalMsg(raw)
	if r.Changed = 0; err == nil && len(rest) > 0 {
		r.Changed, _ = binary.Varint(rest)
	}
	if err != nil {
		return fmt.Errorf("damaged record in the queue: %w", err)
	}
	return nil
}

// skipRecord is a refused URL on disk.
//
//msgp:tuple skipRecord
type skipRecord struct {
	URL    string
	From   string
	Reason string
	Rule   string
	Depth  uint32
}

// hostRecord is what outlives a restart of one host. Times are Unix
// nanoseconds, 0 for never.
//
//msgp:tuple hostRecord
type hostRecord struct {
	ID          uint32
	Origin      string
	Pages       uint64 // pages asked for at least once
	Done        uint64
	Fails       uint32
	Rate        float64
	RestUntil   int64
	RobotsUntil int64
	RobotsState uint8
	CrawlDelay  int64 // nanoseconds
	GivenUp     string
	Addr        string
	Asked       int64
	PushBacks   uint32
}

// countsRecord holds a run's counters.
//
//msgp:tuple countsRecord
type countsRecord struct {
	Found   uint64
	Queued  uint64 // leased ones included: a lease is no fact on disk
	Done    uint64
	Failed  uint64
	Pages   uint64
	Seq     uint64 // last number given to a queued URL
	HostSeq uint32
	Opens   uint32 // how often the run was opened: a lease of an earlier time is stale
	Skips   uint64 // last number given to a refused URL
	Skipped map[string]uint64
}

func (l *Link) record(try int) linkRecord {
	origin := l.URL.Origin()
	return linkRecord{
		URL: within(origin, l.URL), From: within(origin, l.From), Depth: uint32(l.Depth), Hops: uint8(min(l.Hops, 255)),
		Kind: uint8(l.Kind), Try: uint16(min(try, 1<<16-1)), For: l.For, Ask: within(origin, l.Ask), Spelt: uint8(min(l.Respelled, 255)),
		Changed: unixSeconds(l.Changed),
	}
}

// unixSeconds is t in seconds; 0 for the zero time.
func unixSeconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// within is u without its origin, if that is the one given.
func within(origin string, u weburl.URL) string {
	if !u.IsZero() && u.Origin() == origin {
		return u.RequestURI()
	}
	return u.String()
}

// whole is the inverse of within.
func whole(origin, text string) (u weburl.URL, err error) {
	switch {
	case text == "":
		return u, nil
	case text[0] == '/':
		u, err = weburl.Restore(origin + text)
	default:
		u, err = weburl.Parse(text)
	}
	if err != nil {
		return u, fmt.Errorf("damaged record: %w", err)
	}
	return u, nil
}

// link is the inverse of record for a host. Rank is part of the key.
func (r *linkRecord) link(origin string) (l Link, err error) {
	l = Link{Depth: int(r.Depth), Hops: int(r.Hops), Respelled: int(r.Spelt), Kind: Kind(r.Kind), For: r.For}
	if r.Changed != 0 {
		l.Changed = time.Unix(r.Changed, 0)
	}
	if l.URL, err = whole(origin, r.URL); err != nil {
		return Link{}, err
	}
	if l.URL.IsZero() || l.URL.Origin() != origin {
		return Link{}, fmt.Errorf("damaged record: %q is no URL of %s", r.URL, origin)
	}
	if l.From, err = whole(origin, r.From); err != nil {
		return Link{}, err
	}
	if l.Ask, err = whole(origin, r.Ask); err != nil {
		return Link{}, err
	}
	return l, nil
}

// seenKey identifies a URL: its host's number, then 128 bits of SHA-256. The
// host comes first so that a batch lies together.
type seenKey [20]byte

func (k seenKey) host() uint32 { return binary.BigEndian.Uint32(k[:4]) }

type state uint8

const (
	stateQueued state = iota + 1
	stateDone
	stateFailed
	stateSkipped  // refused, but eligible if met again and wanted
	stateBarred   // refused for good
	stateKept     // done, and ended Kept
	stateChecking // queued as a Check
	stateChecked  // done as one
)

// seenValue is what is known of a seen URL. Layout: one byte state, depth as
// uvarint, then its place, if it has one: its first byte, and its two numbers as
// uvarints.
type seenValue struct {
	state state
	depth int32
	place place // where it is queued; of a refused one the number of its reason
}

const mostValue = 2 + 3*binary.MaxVarintLen64 // bytes of one

func (v seenValue) append(b []byte) []byte {
	b = append(b, byte(v.state))
	b = binary.AppendUvarint(b, uint64(v.depth))
	if v.placed() {
		b = append(b, v.place[0])
		b = binary.AppendUvarint(b, binary.BigEndian.Uint64(v.place[1:]))
		b = binary.AppendUvarint(b, v.place.seq())
	}
	return b
}

func (v seenValue) placed() bool {
	return v.queued() || v.state == stateSkipped || v.state == stateBarred
}

func (v seenValue) queued() bool { return v.state == stateQueued || v.state == stateChecking }

// wanted tells a URL that was found wanted, and for more than to be asked about: a
// link that is no shorter way to it is no news.
func (v seenValue) wanted() bool {
	return v.state != stateGone && v.state != stateSkipped && !v.checks()
}

// checks tells a URL that is, or was, to be asked about alone.
func (v seenValue) checks() bool { return v.state == stateChecking || v.state == stateChecked }

func readSeen(b []byte) (seenValue, error) {
	if len(b) < 2 {
		return seenValue{}, fmt.Errorf("damaged record: %d bytes in the seen-set", len(b))
	}
	depth, n := binary.Uvarint(b[1:])
	v := seenValue{state: state(b[0]), depth: int32(min(depth, NoDepth))}
	b = b[1+max(n, 0):]
	if n <= 0 || v.placed() && !v.place.read(b) {
		return seenValue{}, errors.New("damaged record in the seen-set")
	}
	return v, nil
}

// read is the inverse of what seenValue.append does with a place.
func (p *place) read(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	order, n := binary.Uvarint(b[1:])
	seq, m := binary.Uvarint(b[1+max(n, 0):])
	p[0] = b[0]
	binary.BigEndian.PutUint64(p[1:], order)
	binary.BigEndian.PutUint64(p[9:], seq)
	return n > 0 && m > 0
}

// place is a URL's position in its host's queue: one byte class, then eight
// bytes that sort, then its number. What no rules bind comes first, then ready
// URLs by rank, then delayed ones by the time they may be tried again.
type place [17]byte

const (
	classFirst byte = iota // hops towards a robots.txt, and pages to reread
	classReady
	classLater
)

// readyPlace is where a URL is queued that waits for no time.
func readyPlace(l Link, seq uint64) (p place) {
	if l.Kind != Robots && l.Kind != Reread {
		p[0] = classReady
		binary.BigEndian.PutUint64(p[1:], uint64(l.Rank)+1)
	}
	binary.BigEndian.PutUint64(p[9:], seq)
	return p
}

// paidPlace is before the places of all other ready pages.
func paidPlace(seq uint64) (p place) {
	p[0] = classReady
	binary.BigEndian.PutUint64(p[9:], seq)
	return p
}

func laterPlace(at time.Time, seq uint64) (p place) {
	p[0] = classLater
	binary.BigEndian.PutUint64(p[1:], uint64(max(at.UnixNano(), 0)))
	binary.BigEndian.PutUint64(p[9:], seq)
	return p
}

func (p place) first() bool  { return p[0] == classFirst }
func (p place) later() bool  { return p[0] == classLater }
func (p place) nanos() int64 { return int64(binary.BigEndian.Uint64(p[1:])) }
func (p place) rank() uint32 { return uint32(max(binary.BigEndian.Uint64(p[1:]), 1) - 1) }
func (p place) seq() uint64  { return binary.BigEndian.Uint64(p[9:]) }

// skipPlace and skipKey are the number of a refused URL's reason, and where that is kept.
func skipPlace(n uint64) (p place) {
	binary.BigEndian.PutUint64(p[9:], n)
	return p
}

func skipKey(p place) []byte { return binary.BigEndian.AppendUint64(nil, p.seq()) }

// hostKey is a host's number.
func hostKey(host uint32) []byte { return binary.BigEndian.AppendUint32(make([]byte, 0, 5), host) }

// queueKey is a host's number and a place.
func queueKey(host uint32, p place) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 21), host), p[:]...)
}
