package frontier

import (
	"encoding/binary"
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
	URL   string
	From  string
	Depth uint32
	Hops  uint8
	Kind  uint8
	Try   uint16 // times it was asked for
	For   string
	Paid  bool   // its share of the page limits is counted
	Ask   string // "": the URL itself
	Spelt uint8  // times an answer led to another spelling
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
	Skipped map[string]uint64
}

func (l Link) record(try int) linkRecord {
	return linkRecord{
		URL: l.URL.String(), From: l.From.String(), Depth: uint32(l.Depth), Hops: uint8(min(l.Hops, 255)),
		Kind: uint8(l.Kind), Try: uint16(min(try, 1<<16-1)), For: l.For, Ask: l.Ask.String(), Spelt: uint8(min(l.Respelled, 255)),
	}
}

// link is the inverse of record. Rank is part of the key.
func (r linkRecord) link() (Link, error) {
	u, err := weburl.Parse(r.URL)
	if err != nil {
		return Link{}, fmt.Errorf("damaged record: %w", err)
	}
	l := Link{URL: u, Depth: int(r.Depth), Hops: int(r.Hops), Respelled: int(r.Spelt), Kind: Kind(r.Kind), For: r.For}
	if r.From != "" {
		if l.From, err = weburl.Parse(r.From); err != nil {
			return Link{}, fmt.Errorf("damaged record: %w", err)
		}
	}
	if r.Ask != "" {
		if l.Ask, err = weburl.Parse(r.Ask); err != nil {
			return Link{}, fmt.Errorf("damaged record: %w", err)
		}
	}
	return l, nil
}

// seenKey identifies a URL: its host's number, then 128 bits of SHA-256. The
// host comes first so that a batch touches few pages of the tree.
type seenKey [20]byte

func (k seenKey) host() uint32 { return binary.BigEndian.Uint32(k[:4]) }

type state uint8

const (
	stateQueued state = iota + 1
	stateDone
	stateFailed
	stateSkipped // refused, but eligible if met again and wanted
	stateBarred  // refused for good
)

// seenValue is what is known of a seen URL. Layout: one byte state, depth as
// uvarint, then, if queued, its place in the queue.
type seenValue struct {
	state state
	depth int
	place place
}

func (v seenValue) append(b []byte) []byte {
	b = append(b, byte(v.state))
	b = binary.AppendUvarint(b, uint64(v.depth))
	if v.state == stateQueued {
		b = append(b, v.place[:]...)
	}
	return b
}

func readSeen(b []byte) (seenValue, error) {
	if len(b) < 2 {
		return seenValue{}, fmt.Errorf("damaged record: %d bytes in the seen-set", len(b))
	}
	depth, n := binary.Uvarint(b[1:])
	v := seenValue{state: state(b[0]), depth: int(depth)}
	if n <= 0 || v.state == stateQueued && copy(v.place[:], b[1+n:]) != len(v.place) {
		return seenValue{}, fmt.Errorf("damaged record in the seen-set")
	}
	return v, nil
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

// queueKey is a host's number and a place.
func queueKey(host uint32, p place) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 21), host), p[:]...)
}
