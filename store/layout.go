package store

import (
	"encoding/binary"
	"fmt"

	"crawl/internal/weburl"

	"github.com/tinylib/msgp/msgp"
	bolt "go.etcd.io/bbolt"
)

// DIR/crawl.db holds these buckets; "run" is a run's number, four bytes, big
// endian, and "url" is weburl.URL.Key:
//
//	meta     "version" -> one byte, layoutVersion; "tail" -> tail; "identity" ->
//	         text that tells the store from others, once it was backed up
//	runs     run -> Run
//	sites    site, zero byte, number within the site (4 bytes) -> run
//	pages    run, url -> Page
//	links    run, url -> links of a page, see links.go
//	templates SHA-256 of packed links, cut to 16 bytes -> them, see template.go
//	latest   url -> run of the last visit, run of the last visit before that
//	         one that brought content (0 for none)
//	bodies   SHA-256 of a body as sent, cut to 16 bytes -> where the record is that
//	         holds it
//	skipped  run, url -> Skip
//	hosts    run, origin -> Host
//	askers   origin -> run that asked it last
//	robots   run, origin -> Robots
//	schedules name of a schedule -> ScheduleState
//	orders   name of a schedule -> ScheduleOrder
//	planned  name of a schedule, zero byte, time (8 bytes, nanoseconds since
//	         1970) -> ScheduleRow
//	removing run -> Run, of which there may be rows still, see prune.go
//	given    site -> highest number of its runs that were removed; zero byte ->
//	         highest of all such runs
//	lately   run, number (8 bytes) -> visits put last, see lately.go
//
// and these say who links to whom. They can be made again from the others, and
// of a run that found all as it was they are copied from its baseline:
//
//	indexed  run -> linkIndex, until something is put into the run
//	inlinks  run, part (4 bytes), url of a target -> entry, see indexpart.go
//	holders  run, part, number (4) -> number of pages, the set of them
//	marks    see marks.go
//	counts   see pagecounts.go
//	numbers  run, n (4) -> url of the page with the number 64 n
//
// Every record begins with its version, recordVersion for most. Order of writes: bodies
// are synced to their segment first, then one transaction commits what points at them.
//
// In layout 2 all records of pages and bodies had recordVersion, keys of bodies were
// whole digests, and values of latest had eight bytes. Such rows stay until they are
// written anew. In layout 3 no head of a page's record said that there was no body.
const (
	layoutVersion = 4
	oldestLayout  = 2 // that is read
	recordVersion = 1
)

var (
	bucketMeta      = []byte("meta")
	bucketRuns      = []byte("runs")
	bucketSites     = []byte("sites")
	bucketPages     = []byte("pages")
	bucketLinks     = []byte("links")
	bucketTemplates = []byte("templates")
	bucketLatest    = []byte("latest")
	bucketBodies    = []byte("bodies")
	bucketSkipped   = []byte("skipped")
	bucketHosts     = []byte("hosts")
	bucketAskers    = []byte("askers")
	bucketRobots    = []byte("robots")
	bucketSchedules = []byte("schedules")
	bucketOrders    = []byte("orders")
	bucketPlanned   = []byte("planned")
	bucketRemoving  = []byte("removing")
	bucketGiven     = []byte("given")
	bucketLately    = []byte("lately")
	bucketIndexed   = []byte("indexed")
	bucketInlinks   = []byte("inlinks")
	bucketHolders   = []byte("holders")
	bucketNumbers   = []byte("numbers")
	bucketMarks     = []byte("marks")
	bucketCounts    = []byte("counts")
	keyVersion      = []byte("version")
	keyTail         = []byte("tail")
	keyIdentity     = []byte("identity")
)

const (
	runSize   = 4                // bytes of a run's number in a key
	maxSite   = 512              // bytes of a site's name
	maxOrigin = weburl.MaxLength // bytes of an origin: links may name any host
)

// fill is how far bbolt fills the pages of a bucket when it splits one. An
// index is written in the order of its keys. Lists of links are long, and half
// a page holds too few of them.
func fill(bucket []byte) float64 {
	switch string(bucket) {
	case string(bucketInlinks), string(bucketHolders), string(bucketNumbers), string(bucketMarks), string(bucketCounts):
		return 1
	case string(bucketLinks):
		return 0.8
	}
	return bolt.DefaultFillPercent
}

func (id RunID) key() []byte { return binary.BigEndian.AppendUint32(nil, uint32(id)) }

func (id RunID) with(key []byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, runSize+len(key)), uint32(id)), key...)
}

// numberKey is the key of something of a run that has numbers.
func numberKey(run RunID, numbers ...uint32) []byte {
	key := run.key()
	for _, n := range numbers {
		key = binary.BigEndian.AppendUint32(key, n)
	}
	return key
}

func runOf(key []byte) RunID { return RunID(binary.BigEndian.Uint32(key)) }

// siteKey begins with the same bytes for all runs of a site.
func siteKey(site string, number uint32) []byte {
	return binary.BigEndian.AppendUint32(append([]byte(site), 0), number)
}

// history is the value of bucketLatest.
type history struct{ last, before RunID }

// newHistory is that of a visit's URL; good is the visit before its run that
// brought content, or nil.
func newHistory(p, good *Page) history {
	h := history{last: p.Run}
	if good != nil {
		h.before = good.Run
	}
	return h
}

// value is two varints, or four bytes each where those came to no less.
func (h history) value() []byte {
	b := binary.AppendUvarint(nil, uint64(h.last))
	if b = binary.AppendUvarint(b, uint64(h.before)); len(b) < 2*runSize {
		return b
	}
	return h.last.with(h.before.key())
}

func parseHistory(raw []byte) (h history, err error) {
	if len(raw) == 2*runSize { // also of earlier programs
		return history{runOf(raw), runOf(raw[runSize:])}, nil
	}
	c := cursor{raw: raw}
	h.last, h.before = number[RunID](&c), number[RunID](&c)
	if c.bad || c.left() > 0 {
		return history{}, fmt.Errorf("record of the last visits is %w: %d bytes", ErrDamaged, len(raw))
	}
	return h, nil
}

// bodyKeySize is how much of a body's digest is its key: 128 bits of SHA-256 are
// an identity. Earlier programs took all of it.
const bodyKeySize = 16

// bodyVersion is the version of a value of bucketBodies that is a Place as places
// write it. Earlier programs wrote it as other records.
const bodyVersion = 2

func bodyValue(at Place) []byte {
	raw, _ := places.put([]byte{bodyVersion}, at) // one that holds a record they can say
	return raw
}

func parseBody(raw []byte) (at Place, err error) {
	if len(raw) == 0 || raw[0] != bodyVersion {
		err = decode(raw, &at)
		return at, err
	}
	c := cursor{raw: raw[1:]}
	if at = places.get(&c); c.bad || c.left() > 0 {
		return Place{}, fmt.Errorf("place of a body is %w", ErrDamaged)
	}
	return at, nil
}

func encode(v msgp.Marshaler) ([]byte, error) { return v.MarshalMsg([]byte{recordVersion}) }

func decode(raw []byte, v msgp.Unmarshaler) error {
	if len(raw) == 0 || raw[0] != recordVersion {
		return fmt.Errorf("record is %w: version %x", ErrDamaged, raw[:min(1, len(raw))])
	}
	return decodeMap(raw[1:], v)
}

func decodeMap(raw []byte, v msgp.Unmarshaler) error {
	if _, err := v.UnmarshalMsg(raw); err != nil {
		return fmt.Errorf("record is %w: %w", ErrDamaged, err)
	}
	return nil
}
