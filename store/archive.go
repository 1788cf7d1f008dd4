package store

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"

	"crawl/internal/warc"

	bolt "go.etcd.io/bbolt"
)

// Address is what was asked for: URL, or another spelling of it.
func (p *Page) Address() string { return cmp.Or(p.Asked, p.URL.String()) }

// FreshEnd is until when the answer said that it is fresh; zero if it did not say.
func (p *Page) FreshEnd() time.Time {
	if p.FreshFor > 0 {
		return p.Fetched.Add(p.FreshFor)
	}
	return p.FreshUntil
}

// archive appends request and answer to the bodies, adds to puts what the
// index needs, and fills in p's places. A body that is there already is not
// written again: a revisit record points at it. brought, unless nil, is what
// arrived wants to hear of once the puts are durable.
func (b *Bolt) archive(puts []put, p, good *Page, x *Exchange) (_ []put, brought *[32]byte, err error) {
	digest := digestOf(p, x)
	response := warc.Record{
		Type: warc.TypeResponse, ID: warc.NewID(), Date: x.Start, TargetURI: p.Address(),
		Fields: []warc.Field{warc.ProtocolField(x.Proto)},
		Head:   warc.ResponseHead(x.Proto, x.Status, x.Reason, x.Header, int64(len(x.Body))),
	}
	if x.Addr.IsValid() {
		response.Fields = append(response.Fields, warc.Field{Name: "WARC-IP-Address", Value: x.Addr.WithZone("").String()})
	}
	if x.Truncated != "" {
		response.Fields = append(response.Fields, warc.Field{Name: "WARC-Truncated", Value: x.Truncated})
	}
	if p.NotModified && good != nil && good.Payload.Segment != 0 {
		response.Type = warc.TypeRevisit
		response.Fields = append(response.Fields, warc.RevisitFields(warc.ProfileNotModified, "", good.PayloadURL, good.PayloadAt)...)
		p.Payload, p.PayloadURL, p.PayloadAt = good.Payload, good.PayloadURL, good.PayloadAt
		return puts, nil, b.append(p, &response, x)
	}
	response.Fields = append(response.Fields, warc.Field{
		Name: "WARC-Payload-Digest", Value: "sha256:" + hex.EncodeToString(digest[:]),
	})
	response.Body = x.Body
	if len(x.Body) == 0 {
		return puts, nil, b.append(p, &response, x)
	}
	return b.archiveBody(puts, p, &response, digest, x)
}

// digestOf returns the SHA-256 of the body as sent. The page has it already if
// nothing had to be decoded.
func digestOf(p *Page, x *Exchange) [32]byte {
	if p.Encoding == "" && !p.NotModified && p.Size == int64(len(x.Body)) && p.Hash != ([32]byte{}) {
		return p.Hash
	}
	return sha256.Sum256(x.Body)
}

// archiveBody finds out whether the body is new, and nobody else for the same
// body meanwhile.
func (b *Bolt) archiveBody(puts []put, p *Page, response *warc.Record, digest [32]byte, x *Exchange) ([]put, *[32]byte, error) {
	deciding := &b.deciding[digest[0]]
	deciding.Lock()
	defer deciding.Unlock()
	held, coming, err := b.held(digest)
	if err != nil {
		return nil, nil, err
	}
	coding := codingOf(x.Header)
	if held.Place.Segment != 0 && held.Coding == coding {
		response.Type, response.Body = warc.TypeRevisit, nil
		response.Fields = append(response.Fields, warc.RevisitFields(warc.ProfileIdentical, held.ID, held.URL, held.Date)...)
		if err := b.append(p, response, x); err != nil {
			return nil, nil, err
		}
		p.Payload, p.PayloadURL, p.PayloadAt = held.Place, held.URL, held.Date
		if !coming {
			return puts, nil, nil
		}
		// Whoever brought the body has not committed yet, and may fail to.
		puts, brought := b.index(puts, digest, held)
		return puts, brought, nil
	}
	if err := b.append(p, response, x); err != nil {
		return nil, nil, err
	}
	p.Payload, p.PayloadURL, p.PayloadAt = p.Record, p.Address(), warcTime(x.Start)
	if x.Truncated != "" {
		return puts, nil, nil // a prefix stands for no other body
	}
	held = body{Place: p.Record, Coding: coding, URL: p.Address(), Date: warcTime(x.Start), ID: response.ID}
	b.mu.Lock()
	b.coming[digest] = held
	b.mu.Unlock()
	puts, brought := b.index(puts, digest, held)
	return puts, brought, nil
}

// codingOf is part of what makes a body the same: an answer 304 brings no
// Content-Encoding of its own.
func codingOf(h http.Header) string {
	return strings.ToLower(strings.Join(h.Values("Content-Encoding"), ","))
}

func (b *Bolt) index(puts []put, digest [32]byte, held body) ([]put, *[32]byte) {
	return append(puts, put{bucketBodies, digest[:bodyKeySize], bodyValue(held.Place)}), &digest
}

// warcTime is t as precise as the date of a record.
func warcTime(t time.Time) time.Time { return t.Truncate(time.Microsecond) }

// scratch are buffers to encode records in; a larger one is not kept.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

const maxScratch = 1 << 20

// append hands request and answer to the archive. The request for what was not
// modified says no more than its revisit record, and a recrawl is full of them:
// it is left out.
func (b *Bolt) append(p *Page, response *warc.Record, x *Exchange) error {
	buf := scratch.Get().(*[]byte)
	defer scratch.Put(buf)
	raw := (*buf)[:0]
	var err error
	if x.Status != http.StatusNotModified {
		request := requestFor(p, response, x)
		if raw, err = request.Append(raw, warc.Verbatim); err != nil {
			return err
		}
	}
	asked := len(raw)
	if raw, err = response.Append(raw, warc.CodingFor(x.Header)); err != nil {
		return err
	}
	if cap(raw) <= maxScratch {
		*buf = raw
	}
	if asked == 0 {
		places, err := b.bodies.add(raw)
		if err == nil {
			p.Record = places[0]
		}
		return err
	}
	places, err := b.bodies.add(raw[:asked], raw[asked:])
	if err == nil {
		p.Request, p.Record = places[0], places[1]
	}
	return err
}

func requestFor(p *Page, response *warc.Record, x *Exchange) warc.Record {
	return warc.Record{
		Type: warc.TypeRequest, ID: warc.NewID(), Date: x.Start, TargetURI: p.Address(),
		Fields: []warc.Field{{Name: "WARC-Concurrent-To", Value: response.ID}},
		Head:   warc.RequestHead("GET", strings.TrimPrefix(p.Address(), p.URL.Origin()), cmp.Or(x.Sent.Get("Host"), p.URL.Host()), x.Proto, x.Sent),
	}
}

// held finds the record that holds a body with this digest, one that is on its
// way to the disk included: it is written before whatever points at it. The
// index is asked second, since a body leaves coming only once it is there.
func (b *Bolt) held(digest [32]byte) (held body, coming bool, err error) {
	b.mu.Lock()
	held, coming = b.coming[digest]
	b.mu.Unlock()
	if coming {
		return held, true, nil
	}
	at, err := b.bodyAt(digest)
	if err != nil || at.IsZero() || b.closes(at) {
		return body{}, false, err
	}
	return b.describe(at), false, nil
}

// bodyAt is where the index has a body with this digest, nowhere if it has none.
func (b *Bolt) bodyAt(digest [32]byte) (at Place, err error) {
	err = b.db.View(func(tx *bolt.Tx) error {
		bk := tx.Bucket(bucketBodies)
		if bk == nil {
			return nil
		}
		k, v := bk.Cursor().Seek(digest[:bodyKeySize])
		if len(k) < bodyKeySize || !bytes.HasPrefix(digest[:], k) {
			return nil
		}
		at, err = parseBody(v)
		return b.named(err)
	})
	return at, err
}

// closes tells whether the record at a place may be about to go.
func (b *Bolt) closes(at Place) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closing[at.Segment]
}

// describe reads a record that holds a body. Of one that cannot be read it
// knows nothing: what is damaged stands for no other body.
func (b *Bolt) describe(at Place) body {
	r, err := b.bodies.read(at)
	if err != nil {
		return body{}
	}
	_, header, _ := warc.ParseHTTP(r.Head)
	return body{Place: at, Coding: codingOf(header), URL: r.TargetURI, Date: r.Date, ID: r.ID}
}

// body is the record that holds a payload.
type body struct {
	Place
	Coding string // its Content-Encoding
	URL    string
	Date   time.Time
	ID     string
}

// arrived forgets a body that the index knows by now. One whose commit failed
// stays: it is in the archive, and the next visit that brings it says so.
func (b *Bolt) arrived(digest *[32]byte) {
	if digest == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.coming, *digest)
}
